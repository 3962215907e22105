/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The requests of the control socket that are about the screen.
 */
#ifndef VMCTL_CONTROL_SCREEN_H
#define VMCTL_CONTROL_SCREEN_H

#include "control.h"

struct plugs;

/* As control_command(), of the machine's @plugs, which may be NULL. */
enum control_answer control_screen(const struct plugs *plugs, struct json_object *reply, char *why,
				   size_t room);
enum control_answer control_screenshot(const struct plugs *plugs,
				       const struct control_request *request,
				       struct json_object *reply, char *why, size_t room);

#endif
