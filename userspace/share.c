// SPDX-License-Identifier: GPL-2.0
/*
 * The trick to have a virtiofsd to oneself: it is born with the socket it listens on, which has
 * a name in a directory of ours only until vmctl has connected.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "message.h"
#include "share.h"
#include "subopt.h"

#define DEFAULT_TAG	"host"

const char share_help[] =
"  --share DIR[,KEY=VALUE,...]\n"
"                    a directory of the host, by virtiofsd; in the guest:\n"
"                    mount -t virtiofs TAG /mnt. Keys: tag=TAG (default: host),\n"
"                    cache=auto|always|none, sandbox=namespace|chroot|none\n";

enum { TAG, CACHE, SANDBOX };

static char * const keys[] = {
	[TAG] = (char *)"tag", [CACHE] = (char *)"cache", [SANDBOX] = (char *)"sandbox", NULL
};

static bool parse_tag(const char *value, struct share_options *share)
{
	if (!value || !*value || strlen(value) > VIRTIO_FS_TAG_MAX)
		return false;
	strcpy(share->model.tag, value);
	return true;
}

static bool parse_word(const char *value, const char * const *words, const char **word)
{
	int n = subopt_word(value, words);

	if (n >= 0)
		*word = words[n];
	return n >= 0;
}

static bool parse_key(int key, const char *value, struct share_options *share,
		      const char **wanted)
{
	static const char * const caches[] = { "auto", "always", "none", NULL };
	static const char * const sandboxes[] = { "namespace", "chroot", "none", NULL };

	switch (key) {
	case TAG:
		*wanted = "tag has 1 to 36 characters";
		return parse_tag(value, share);
	case CACHE:
		*wanted = "cache is auto, always or none";
		return parse_word(value, caches, &share->cache);
	case SANDBOX:
		*wanted = "sandbox is namespace, chroot or none";
		return parse_word(value, sandboxes, &share->sandbox);
	}
	*wanted = "keys are tag, cache and sandbox";
	return false;
}

bool share_parse(const char *text, struct share_options *share, char *why, size_t bytes)
{
	char *copy = strdup(text), *rest, *value;
	const char *wanted = "out of memory";

	*share = (struct share_options) {
		.path = copy, .cache = "auto", .sandbox = "namespace",
		.model = { .tag = DEFAULT_TAG },
	};
	if (!copy)
		goto bad;
	rest = copy + strcspn(copy, ",");
	if (*rest)
		*rest++ = '\0';
	wanted = "give a directory";
	if (!*copy)
		goto bad;
	while (*rest) {
		int key = getsubopt(&rest, keys, &value);

		if (!parse_key(key, value, share, &wanted))
			goto bad;
	}
	return true;
bad:
	snprintf(why, bytes, "%s", wanted);
	free(copy);
	return false;
}

/* The server */

static const char *find_server(void)
{
	static const char * const places[] = {
		"/usr/libexec/virtiofsd", "/usr/lib/qemu/virtiofsd", "/usr/bin/virtiofsd", NULL
	};

	for (unsigned int i = 0; places[i]; i++) {
		if (!access(places[i], X_OK))
			return places[i];
	}
	return NULL;
}

/* In the child: nothing of vmctl's but the socket. */
static void become_server(const char *server, const struct share_options *share, int listener)
{
	char fd[32], options[4096];
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	setpgid(0, 0);		/* Ctrl-C is the guest's, or vmctl's, not its */
	if (dup2(listener, 3) < 0)
		_exit(1);
	if (listener == 3 && fcntl(3, F_SETFD, 0))
		_exit(1);
	snprintf(fd, sizeof(fd), "--fd=%d", 3);
	snprintf(options, sizeof(options), "source=%s,cache=%s,sandbox=%s,log_level=warn",
		 share->path, share->cache, share->sandbox);
	execl(server, server, fd, "-o", options, NULL);
	_exit(127);
}

/* A listening socket at @path, in a directory of its own. */
static int listen_at(const char *path)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
	if (!bind(fd, (struct sockaddr *)&name, sizeof(name)) && !listen(fd, 1))
		return fd;
	close(fd);
	return -1;
}

static int connect_to(const char *path)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(name.sun_path, sizeof(name.sun_path), "%s", path);
	if (fd >= 0 && !connect(fd, (struct sockaddr *)&name, sizeof(name)))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Return: a connection to a new server, or -1 with errno set. */
static int start_server(const char *server, const struct share_options *share)
{
	char dir[] = "/tmp/vmctl-XXXXXX", path[sizeof(dir) + 8];
	int listener, fd = -1, err;
	pid_t pid;

	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/socket", dir);
	listener = listen_at(path);
	if (listener >= 0)
		fd = connect_to(path);
	err = errno;
	unlink(path);
	rmdir(dir);
	if (fd >= 0) {
		pid = fork();
		if (!pid)
			become_server(server, share, listener);
		err = errno;
		if (pid < 0) {
			close(fd);
			fd = -1;
		}
	}
	if (listener >= 0)
		close(listener);
	errno = err;
	return fd;
}

int share_open(const struct share_options *share, struct vhost_user *user)
{
	const char *server = find_server();
	struct stat st;
	int fd, err;

	if (stat(share->path, &st)) {
		message("--share %s: %s", share->path, strerror(errno));
		return -1;
	}
	if (!S_ISDIR(st.st_mode)) {
		message("--share %s: it is no directory", share->path);
		return -1;
	}
	if (!server) {
		message("--share needs virtiofsd; Debian 12 has it in qemu-system-common, later "
			"ones in virtiofsd");
		return -1;
	}
	fd = start_server(server, share);
	if (fd < 0) {
		message("--share %s: cannot start %s: %s", share->path, server, strerror(errno));
		return -1;
	}
	err = vhost_user_open(user, fd);
	if (err) {
		message("--share %s: %s does not serve it (%s); what it says is above", share->path,
			server, strerror(-err));
		return -1;
	}
	return 0;
}
