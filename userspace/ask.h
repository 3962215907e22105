/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The other end of a VM's control socket (docs/control.md).
 */
#ifndef VMCTL_ASK_H
#define VMCTL_ASK_H

struct json_object;

#define ASK_FOREVER	(-1)

/**
 * ask_connect - find a VM's control socket
 * @name: of the VM: the caller's own first, for root then anybody's
 *
 * Return: the connection, or -1 after a message.
 */
int ask_connect(const char *name);

/**
 * ask - one request, one answer
 * @fd: from ask_connect()
 * @name: of the VM, for messages
 * @request: freed
 * @seconds: how long to wait for the answer, or ASK_FOREVER
 *
 * Reads no byte behind the answer.
 *
 * Return: the answer, whose "ok" is true; or NULL after a message.
 */
struct json_object *ask(int fd, const char *name, struct json_object *request, int seconds);

/* The same with open files, @nr of @fds, which stay the caller's. */
struct json_object *ask_with(int fd, const char *name, struct json_object *request, const int *fds,
			     unsigned int nr, int seconds);

/* A request with that command and no more. */
struct json_object *ask_for(const char *command);

#endif
