/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The control socket of a VM and its clients.  It outlives the machine, as the console does.  What
 * a request means is its handler's business.
 */
#ifndef VMCTL_CONTROL_H
#define VMCTL_CONTROL_H

#include <stdbool.h>
#include <stddef.h>

#include "control_protocol.h"

struct console;
struct json_object;
struct machine;

/* What becomes of a request. */
enum control_answer {
	CONTROL_DONE,		/* {"ok":true}, and what the handler has added */
	CONTROL_FAILED,		/* {"ok":false,"error":...} */
	CONTROL_AT_END,		/* the answer is the VM's end, see control_end() */
	CONTROL_VIEW,		/* {"ok":true}; then the connection is one with the console */
};

/**
 * struct control_handler - who answers
 * @run: does what @request says, in the event loop and with the device lock; adds to @reply, or
 *	puts into @why, of @room bytes, what went wrong
 * @deadline: called when the time of control_set_deadline() has come
 * @opaque: for both
 */
struct control_handler {
	enum control_answer (*run)(void *opaque, const struct control_request *request,
				   struct json_object *reply, char *why, size_t room);
	void (*deadline)(void *opaque);
	void *opaque;
};

/**
 * control_open - make the control socket of a VM
 * @name: of the VM
 * @handler: copied
 * @console: that viewers are connected with
 * @why: on failure what is wrong, and what to do
 * @room: its room
 *
 * Return: it, or NULL; errno is EEXIST then if a running VM has that name.
 */
struct control *control_open(const char *name, const struct control_handler *handler,
			     struct console *console, char *why, size_t room);

/* Serve clients in @m's event loop.  Return: 0 or -errno. */
int control_attach(struct control *c, struct machine *m);
/* @m has stopped; clients have to wait. */
void control_detach(struct control *c, struct machine *m);

/* Call the handler's deadline() in so many seconds, unless that is to be sooner already. */
void control_set_deadline(struct control *c, unsigned int seconds);

/* How many clients there are, and how many of them view the console. */
unsigned int control_clients(const struct control *c, unsigned int *viewers);

/**
 * control_end - the VM has ended: tell all who wait for it, and remove the socket
 * @c: detached; freed
 * @end: a word for how: "power-off" ...
 * @status: that vmctl exits with
 *
 * Clients that do not take their last answer lose it after a second.
 */
void control_end(struct control *c, const char *end, int status);

#endif
