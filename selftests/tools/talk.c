// SPDX-License-Identifier: GPL-2.0
/*
 * A line each way over a stream socket, for scripts on either side of a VM:
 *
 *	talk unix:PATH LINE		connect, say LINE
 *	talk vsock:CID:PORT LINE	likewise
 *	talk listen:PORT LINE		wait for a call on that port of vsock, say LINE
 *
 * Prints the line that comes back, however long, and fails if none does within four minutes.
 */
#include <errno.h>
#include <linux/vm_sockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE_S	240

static int fail(const char *what)
{
	fprintf(stderr, "talk: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int connect_unix(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		fail(path);
	return fd;
}

static int connect_vsock(const char *where)
{
	struct sockaddr_vm addr = { .svm_family = AF_VSOCK };
	int fd = socket(AF_VSOCK, SOCK_STREAM, 0);

	if (sscanf(where, "%u:%u", &addr.svm_cid, &addr.svm_port) != 2 ||
	    connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		fail(where);
	return fd;
}

static int accept_vsock(const char *port)
{
	struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = atoi(port),
	};
	int fd = socket(AF_VSOCK, SOCK_STREAM, 0);

	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) || listen(fd, 1))
		fail(port);
	return accept(fd, NULL, NULL);
}

static int open_it(const char *where)
{
	if (!strncmp(where, "unix:", 5))
		return connect_unix(where + 5);
	if (!strncmp(where, "vsock:", 6))
		return connect_vsock(where + 6);
	if (!strncmp(where, "listen:", 7))
		return accept_vsock(where + 7);
	errno = EINVAL;
	return fail(where);
}

int main(int argc, char **argv)
{
	char *line = NULL;
	size_t room = 0;
	FILE *stream;

	if (argc != 3)
		return 2;
	alarm(PATIENCE_S);
	stream = fdopen(open_it(argv[1]), "r+");
	if (!stream || fprintf(stream, "%s\n", argv[2]) < 0 || fflush(stream))
		fail("cannot speak");
	if (getline(&line, &room, stream) < 0)
		fail("nothing was answered");
	fputs(line, stdout);
	free(line);
	return 0;
}
