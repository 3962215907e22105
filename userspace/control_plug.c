// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>

#include "control_plug.h"
#include "json.h"
#include "plug.h"

static bool has_bus(const struct plugs *plugs, char *why, size_t room)
{
	if (!plugs)
		snprintf(why, room, "the VM has no PCI bus: it gets one if it starts with a device "
			 "on it, like --rng");
	return plugs;
}

enum control_answer control_plug_attach(struct plugs *plugs, const struct control_request *request,
					struct json_object *reply, char *why, size_t room)
{
	struct control_fds *fds = request->fds;
	unsigned int nr = fds->nr;
	char id[PLUG_ID_BYTES];

	if (!has_bus(plugs, why, room))
		return CONTROL_FAILED;
	fds->nr = 0;
	if (plug_attach(plugs, request->text[CONTROL_KIND], request->text[CONTROL_OPTION], fds->fd,
			nr, id, why, room))
		return CONTROL_FAILED;
	json_add_text(reply, "id", id);
	return CONTROL_DONE;
}

enum control_answer control_plug_detach(struct plugs *plugs, const struct control_request *request,
					char *why, size_t room)
{
	if (!has_bus(plugs, why, room) ||
	    plug_detach(plugs, request->text[CONTROL_ID], why, room))
		return CONTROL_FAILED;
	return CONTROL_DONE;
}

static void add_device(void *opaque, const char *id, const char *option)
{
	struct json_object *o = json_object_new_object();

	json_add_text(o, "id", id);
	json_add_text(o, "option", option);
	json_object_array_add(opaque, o);
}

void control_plug_list(const struct plugs *plugs, struct json_object *to)
{
	struct json_object *all = json_object_new_array();

	if (plugs)
		plug_each(plugs, add_device, all);
	json_object_object_add(to, "devices", all);
}
