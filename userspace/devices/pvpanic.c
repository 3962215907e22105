// SPDX-License-Identifier: GPL-2.0
/*
 * pvpanic: a port by which the guest's kernel says that it has panicked (QEMU's
 * docs/specs/pvpanic.txt). Reading it gives the events that are known, writing reports one.
 */
#include <errno.h>
#include <misc/pvpanic.h>
#include <stdlib.h>

#include "../device.h"
#include "../message.h"

struct pvpanic {
	struct machine *m;
	bool told;			/* of a crash kernel: a guest can say so for ever */
};

static uint64_t pvpanic_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	(void)opaque;
	(void)offset;
	(void)bytes;
	return PVPANIC_PANICKED | PVPANIC_CRASH_LOADED;
}

static void pvpanic_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	struct pvpanic *p = opaque;

	(void)offset;
	(void)bytes;
	if (value & PVPANIC_PANICKED) {
		machine_guest_crashed(p->m, "its kernel has panicked");
	} else if ((value & PVPANIC_CRASH_LOADED) && !p->told) {
		if (message_guest())
			message("the guest's kernel has panicked, and starts its crash kernel");
		p->told = true;
	}
}

struct pvpanic *pvpanic_new(struct machine *m)
{
	struct pvpanic *p = calloc(1, sizeof(*p));
	struct io_range range = { "pvpanic", PVPANIC_PORT, 1, pvpanic_read, pvpanic_write, p };
	int err;

	if (!p)
		return NULL;
	p->m = m;
	err = machine_add_ports(m, &range);
	if (!err)
		return p;
	free(p);
	errno = -err;
	return NULL;
}

void pvpanic_free(struct pvpanic *p)
{
	free(p);
}
