/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The control socket's requests that look into a guest: regs, code, walk, dump.
 */
#ifndef VMCTL_CONTROL_LOOK_H
#define VMCTL_CONTROL_LOOK_H

#include "control.h"

/* As struct control_handler.run; the machine stands still meanwhile, and then does what it did. */
enum control_answer control_look(struct machine *m, const struct control_request *request,
				 struct json_object *reply, char *why, size_t room);

#endif
