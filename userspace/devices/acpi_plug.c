// SPDX-License-Identifier: GPL-2.0
/*
 * How a guest learns by ACPI that a PCI device has come, or is to go, and says that it may be taken
 * out: three registers of our own, of a bit for each slot, which the methods in pci.asl read and
 * write.  It knows slots, not what is in them.
 */
#include <errno.h>
#include <stdlib.h>

#include "../device.h"

enum { ARRIVED, LEAVING, EJECT, REGISTERS };	/* the first two: ones clear */

struct acpi_plug {
	struct machine *m;
	void (*eject)(void *opaque, unsigned int slot);
	void *opaque;
	uint32_t status[EJECT];
};

static uint64_t plug_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	const struct acpi_plug *p = opaque;

	if (bytes != 4 || offset % 4)
		return UINT64_MAX;
	return offset / 4 < EJECT ? p->status[offset / 4] : 0;
}

static void plug_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	struct acpi_plug *p = opaque;

	if (bytes != 4 || offset % 4)
		return;
	if (offset / 4 < EJECT) {
		p->status[offset / 4] &= ~value;
		return;
	}
	for (unsigned int slot = 0; slot < 32; slot++) {
		if (!(value >> slot & 1))
			continue;
		p->status[ARRIVED] &= ~(1u << slot);
		p->status[LEAVING] &= ~(1u << slot);
		p->eject(p->opaque, slot);
	}
}

void acpi_plug_arrived(struct acpi_plug *p, unsigned int slot)
{
	p->status[ARRIVED] |= 1u << slot;
	machine_raise_gpe(p->m, ACPI_GPE_PLUG);
}

void acpi_plug_leave(struct acpi_plug *p, unsigned int slot)
{
	p->status[LEAVING] |= 1u << slot;
	machine_raise_gpe(p->m, ACPI_GPE_PLUG);
}

struct acpi_plug *acpi_plug_new(struct machine *m, void (*eject)(void *opaque, unsigned int slot),
				void *opaque)
{
	struct acpi_plug *p = calloc(1, sizeof(*p));
	const struct io_range ports = {
		.name = "acpi plug", .start = ACPI_PLUG_BASE, .size = 4 * REGISTERS,
		.read = plug_read, .write = plug_write, .opaque = p,
	};
	int err;

	if (!p)
		return NULL;
	*p = (struct acpi_plug) { .m = m, .eject = eject, .opaque = opaque };
	err = machine_add_ports(m, &ports);
	if (!err)
		return p;
	free(p);
	errno = -err;
	return NULL;
}

void acpi_plug_free(struct acpi_plug *p)
{
	free(p);
}
