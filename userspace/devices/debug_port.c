// SPDX-License-Identifier: GPL-2.0
/*
 * The debug port: what firmware writes there is a log for people.  By reading E9h it knows that
 * somebody listens.  The port cannot say "later", so what the console does not take is lost.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../device.h"
#include "../message.h"

#define LISTENS	0xe9

struct debug_port {
	struct console *console;
};

static uint64_t debug_port_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	(void)opaque;
	(void)offset;
	(void)bytes;
	return LISTENS;
}

static void debug_port_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	const struct debug_port *d = opaque;
	uint8_t byte = value;

	(void)offset;
	(void)bytes;
	console_write(d->console, &byte, 1);
}

/* Nobody reads what is typed there. */
static unsigned int receive(void *opaque, const void *data, unsigned int bytes)
{
	(void)opaque;
	(void)data;
	return bytes;
}

static void writable(void *opaque)
{
	(void)opaque;
}

struct debug_port *debug_port_new(struct machine *m, struct console *c)
{
	static const struct console_end end = { .receive = receive, .writable = writable };
	struct debug_port *d = calloc(1, sizeof(*d));
	struct io_range range = {
		"debug port", DEBUG_PORT, 1, debug_port_read, debug_port_write, d,
	};
	int err = d ? machine_add_ports(m, &range) : -ENOMEM;

	if (err) {
		message("--debug-port: cannot have it: %s", strerror(-err));
		goto fail;
	}
	d->console = c;
	if (!console_attach_end(c, m, &end, d))
		return d;
fail:
	free(d);
	return NULL;
}

void debug_port_free(struct debug_port *d)
{
	console_detach(d->console);
	free(d);
}
