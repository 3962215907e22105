// SPDX-License-Identifier: GPL-2.0
/*
 * The debug-exit port of --exit-port: a write ends the VM and hands its value to vmctl's exit
 * status. It has no state, so the machine itself is its opaque, and nothing is to be freed.
 */
#include "../device.h"

static uint64_t exit_port_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	(void)opaque;
	(void)offset;
	(void)bytes;
	return UINT64_MAX;
}

static void exit_port_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	(void)offset;
	(void)bytes;
	machine_request_stop(opaque, MACHINE_EXIT_PORT, value);
}

int exit_port_new(struct machine *m, uint16_t port)
{
	struct io_range range = { "exit port", port, 1, exit_port_read, exit_port_write, m };

	return machine_add_ports(m, &range);
}
