// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "console.h"
#include "serial_port.h"

const char serial_port_help[] =
"  --serial-port NAME=WHERE\n"
"                    a byte stream (virtio-console), /dev/virtio-ports/NAME in a\n"
"                    guest with udev, such as org.qemu.guest_agent.0; WHERE is\n"
"                    unix:PATH (a socket to connect to), pty, or file:PATH (output).\n"
"                    Can be repeated\n";

static bool name_valid(const char *name, size_t length)
{
	if (!length || length > VIRTIO_CONSOLE_NAME_MAX)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!isalnum((unsigned char)name[i]) && !strchr("._-", name[i]))
			return false;
	}
	return true;
}

bool serial_port_parse(const char *text, struct serial_port_options *port, char *why, size_t bytes)
{
	size_t length = strcspn(text, "=");

	if (!name_valid(text, length)) {
		snprintf(why, bytes, "the name before \"=\" has 1 to %u characters out of "
			 "A-Z a-z 0-9 . _ -", VIRTIO_CONSOLE_NAME_MAX);
		return false;
	}
	*port = (struct serial_port_options) { .where = text + length + (text[length] == '=') };
	memcpy(port->name, text, length);
	if (console_valid(port->where) && strcmp(port->where, "stdio") &&
	    strcmp(port->where, "none"))
		return true;
	snprintf(why, bytes, "behind \"=\" use unix:PATH, pty or file:PATH");
	return false;
}

struct console *serial_port_open(const struct serial_port_options *port)
{
	struct console *c = console_open(port->where, port->name);

	if (c)
		console_not_vital(c);
	return c;
}
