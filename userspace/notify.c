// SPDX-License-Identifier: GPL-2.0
/*
 * A datagram of text on a Unix socket.  The manager knows the sender by its PID: it has to be the
 * process that it has started.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "message.h"
#include "notify.h"

static const char ready[] = "READY=1";

int notify_open(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t bytes = path ? strlen(path) : 0;
	int fd = -1, err = EINVAL;

	if (!bytes)
		return -1;
	/* A name that is not in the file system begins with NUL, which is written @. */
	if (bytes <= sizeof(address.sun_path) && (*path == '/' || *path == '@')) {
		memcpy(address.sun_path, path, bytes);
		if (*path == '@')
			address.sun_path[0] = '\0';
		bytes += offsetof(struct sockaddr_un, sun_path);
		fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		err = fd < 0 || connect(fd, (struct sockaddr *)&address, bytes) ? errno : 0;
	}
	if (err) {
		message("NOTIFY_SOCKET=%s: %s", path, strerror(err));
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	unsetenv("NOTIFY_SOCKET");
	return fd;
}

void notify_ready(int fd)
{
	send(fd, ready, sizeof(ready) - 1, MSG_NOSIGNAL);
	close(fd);
}
