/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Unix sockets that have a name in the file system, which goes with them, from within the sandbox,
 * too.  What is said on them is not known here.
 */
#ifndef VMCTL_SOCKET_H
#define VMCTL_SOCKET_H

#include "keeper.h"

/**
 * struct socket_name - a socket that is listened on
 * @fd: does not block
 * @keeper: of its name, which vmctl itself cannot remove
 */
struct socket_name {
	int fd;
	struct keeper keeper;
};

/**
 * socket_listen - listen on a Unix socket that only its owner can connect to
 * @s: filled in
 * @path: where; what a vmctl that is gone has left there is replaced
 * @name: who wants it, for messages
 *
 * Return: 0, or -1 after a message.
 */
int socket_listen(struct socket_name *s, const char *path, const char *name);

/* No longer; its name goes, too. */
void socket_close(struct socket_name *s);

#endif
