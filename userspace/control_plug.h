/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The control socket's requests about what is plugged in.
 */
#ifndef VMCTL_CONTROL_PLUG_H
#define VMCTL_CONTROL_PLUG_H

#include "control.h"

struct plugs;

/* Of a machine without a PCI bus @plugs is NULL.  As control_command(). */
enum control_answer control_plug_attach(struct plugs *plugs, const struct control_request *request,
					struct json_object *reply, char *why, size_t room);
enum control_answer control_plug_detach(struct plugs *plugs, const struct control_request *request,
					char *why, size_t room);

/* "devices": what there is that can be detached. */
void control_plug_list(const struct plugs *plugs, struct json_object *to);

#endif
