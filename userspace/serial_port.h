/* SPDX-License-Identifier: GPL-2.0 */
/*
 * --serial-port: a byte stream between the guest and the host that has a name.
 */
#ifndef VMCTL_SERIAL_PORT_H
#define VMCTL_SERIAL_PORT_H

#include <stdbool.h>
#include <stddef.h>

#include "devices/virtio_console.h"

#define SERIAL_PORTS_MAX	(VIRTIO_CONSOLE_PORTS_MAX - 1)

struct serial_port_options {
	char name[VIRTIO_CONSOLE_NAME_MAX + 1];
	const char *where;		/* as console_open() takes it */
};

extern const char serial_port_help[];

/* NAME=WHERE; @where is part of @text.  Return: whether it is right; else @why it is not. */
bool serial_port_parse(const char *text, struct serial_port_options *port, char *why, size_t bytes);

/* Return: its end in the host, or NULL after a message. */
struct console *serial_port_open(const struct serial_port_options *port);

#endif
