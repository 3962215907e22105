// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message.h"
#include "server.h"
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

static bool parse_key(void *opaque, int key, char *value, const char **wanted)
{
	static const char * const caches[] = { "auto", "always", "none", NULL };
	static const char * const sandboxes[] = { "namespace", "chroot", "none", NULL };
	struct share_options *share = opaque;

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
	static const struct subopt_rules rules = {
		.keys = keys,
		.set = parse_key,
		.first = "give a directory",
	};

	*share = (struct share_options) {
		.cache = "auto", .sandbox = "namespace", .model = { .tag = DEFAULT_TAG },
	};
	share->path = subopt_parse(text, &rules, share, why, bytes);
	return share->path;
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

/* Return: a connection to a new server, or -1 with errno set. */
static int start_server(const char *server, const struct share_options *share, pid_t *pid)
{
	char fd[32], options[4096];
	const char *argv[5] = { server, fd, "-o", options, NULL };

	snprintf(fd, sizeof(fd), "--fd=%d", SERVER_FD);
	snprintf(options, sizeof(options), "source=%s,cache=%s,sandbox=%s,log_level=warn",
		 share->path, share->cache, share->sandbox);
	return server_start(argv, pid);
}

int share_open(const struct share_options *share, struct vhost_user *user)
{
	const char *server = find_server();
	struct stat st;
	pid_t pid;
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
	fd = start_server(server, share, &pid);
	if (fd < 0) {
		message("--share %s: cannot start %s: %s", share->path, server, strerror(errno));
		return -1;
	}
	err = vhost_user_open(user, fd, pid);
	if (err) {
		message("--share %s: %s does not serve it (%s); what it says is above", share->path,
			server, strerror(-err));
		return -1;
	}
	return 0;
}
