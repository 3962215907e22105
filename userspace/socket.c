// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "message.h"
#include "socket.h"

static int open_stream(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* Is it a socket on which nobody listens? */
static int is_left_over(const struct sockaddr_un *addr)
{
	struct stat st;
	int fd, left_over;

	if (lstat(addr->sun_path, &st) || !S_ISSOCK(st.st_mode))
		return 0;
	fd = open_stream();
	if (fd < 0)
		return 0;
	left_over = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) &&
		    errno == ECONNREFUSED;
	close(fd);
	return left_over;
}

static int bind_path(int fd, const struct sockaddr_un *addr)
{
	/* Before it has a name: that gets the mode of the socket. */
	if (fchmod(fd, 0600))
		return -1;
	if (!bind(fd, (const struct sockaddr *)addr, sizeof(*addr)))
		return 0;
	if (errno != EADDRINUSE)
		return -1;
	if (!is_left_over(addr)) {
		errno = EADDRINUSE;
		return -1;
	}
	unlink(addr->sun_path);
	return bind(fd, (const struct sockaddr *)addr, sizeof(*addr));
}

/* The name within its directory. */
static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int open_directory(const char *path)
{
	char dir[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];

	snprintf(dir, sizeof(dir), "./");
	if (strchr(path, '/'))
		snprintf(dir, sizeof(dir), "%.*s", (int)(last_part(path) - path), path);
	return open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* Its name's keeper.  Return: 0, or -1 with errno set; the name has gone then. */
static int keep_name(struct socket_name *s, const char *path)
{
	int dir = open_directory(path), err;

	if (dir >= 0 && !keeper_start(&s->keeper, dir, last_part(path))) {
		close(dir);
		return 0;
	}
	err = errno;
	unlink(path);
	if (dir >= 0)
		close(dir);
	errno = err;
	return -1;
}

int socket_listen(struct socket_name *s, const char *path, const char *name)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	*s = (struct socket_name) { .fd = -1 };
	if (strlen(path) >= sizeof(addr.sun_path)) {
		message("%s: a socket's path has at most %zu characters: %s", name,
			sizeof(addr.sun_path) - 1, path);
		return -1;
	}
	strcpy(addr.sun_path, path);
	s->fd = open_stream();
	if (s->fd >= 0 && !bind_path(s->fd, &addr) && !listen(s->fd, 1) && !keep_name(s, path))
		return 0;
	message("%s: cannot listen on %s: %s%s", name, path, strerror(errno),
		errno == EADDRINUSE ? "; remove it, if nobody needs it" : "");
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	return -1;
}

void socket_close(struct socket_name *s)
{
	close(s->fd);
	keeper_end(&s->keeper);
}
