// SPDX-License-Identifier: GPL-2.0
/*
 * Which device answers a port or a guest-physical address.
 *
 * It knows ranges, not devices.  A port finds its range by one table look-up,
 * because port accesses are what a booting guest does most; MMIO has so few
 * ranges that a search is quicker than any table.  What nobody claims behaves
 * as an open bus: reads give all ones, writes are dropped.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "message.h"

#define NR_PORTS	0x10000u
#define TPM_START	0xfed40000u	/* TCG PC Client, "TPM MMIO Address Range" */
#define TPM_END		0xfed45000u

int bus_init(struct machine *m)
{
	m->port_owner = calloc(NR_PORTS, sizeof(m->port_owner[0]));
	return m->port_owner ? 0 : -1;
}

void bus_free(struct machine *m)
{
	free(m->port_owner);
}

static bool overlaps(const struct io_range *a, const struct io_range *b)
{
	return a->start < b->start + b->size && b->start < a->start + a->size;
}

static bool taken(const struct io_range *ranges, unsigned int nr, const struct io_range *range)
{
	for (unsigned int i = 0; i < nr; i++) {
		if (overlaps(&ranges[i], range))
			return true;
	}
	return false;
}

int machine_add_ports_around(struct machine *m, const struct io_range *range)
{
	if (!range->size || range->start >= NR_PORTS || range->size > NR_PORTS - range->start)
		return -EINVAL;
	if (m->nr_ports == MACHINE_MAX_RANGES)
		return -ENOSPC;
	m->ports[m->nr_ports++] = *range;
	for (uint64_t port = range->start; port < range->start + range->size; port++) {
		if (!m->port_owner[port])
			m->port_owner[port] = m->nr_ports;
	}
	return 0;
}

int machine_add_ports(struct machine *m, const struct io_range *range)
{
	return taken(m->ports, m->nr_ports, range) ? -EEXIST : machine_add_ports_around(m, range);
}

int machine_add_mmio(struct machine *m, const struct io_range *range)
{
	if (!range->size || range->start + range->size < range->start)
		return -EINVAL;
	if (taken(m->mmio, m->nr_mmio, range))
		return -EEXIST;
	if (m->nr_mmio == MACHINE_MAX_RANGES)
		return -ENOSPC;
	m->mmio[m->nr_mmio++] = *range;
	return 0;
}

static bool inside(const struct io_range *range, uint64_t addr, unsigned int bytes)
{
	return addr >= range->start && addr - range->start < range->size &&
	       range->size - (addr - range->start) >= bytes;
}

static const struct io_range *port_range(const struct machine *m, uint16_t port)
{
	unsigned int owner = m->port_owner[port];

	return owner ? &m->ports[owner - 1] : NULL;
}

static const struct io_range *mmio_range(const struct machine *m, uint64_t gpa)
{
	for (unsigned int i = 0; i < m->nr_mmio; i++) {
		if (gpa - m->mmio[i].start < m->mmio[i].size)
			return &m->mmio[i];
	}
	return NULL;
}

/* One element; @data has its bytes, x86 and so little-endian. */
static void access_range(const struct io_range *range, uint64_t addr, bool write,
			 unsigned int bytes, uint8_t *data)
{
	uint64_t value = 0;

	if (write) {
		memcpy(&value, data, bytes);
		range->write(range->opaque, addr - range->start, bytes, value);
	} else {
		value = range->read(range->opaque, addr - range->start, bytes);
		memcpy(data, &value, bytes);
	}
}

static void port_access(struct machine *m, uint16_t port, bool write, unsigned int bytes,
			uint8_t *data)
{
	const struct io_range *range = port_range(m, port);

	if (range && inside(range, port, bytes)) {
		access_range(range, port, write, bytes, data);
		return;
	}
	/* It reaches beyond a device: each byte goes to who claims it. */
	for (unsigned int i = 0; i < bytes; i++) {
		range = port_range(m, port + i);
		if (range)
			access_range(range, (uint16_t)(port + i), write, 1, data + i);
		else if (!write)
			data[i] = 0xff;
	}
}

void bus_io(struct machine *m, uint16_t port, bool write, unsigned int bytes, uint32_t count,
	    void *data)
{
	uint8_t *p = data;

	for (; count; count--, p += bytes)
		port_access(m, port, write, bytes, p);
}

/* Without a screen or a TPM its place is empty, as programs find out by looking there. */
static bool is_empty_place(uint64_t gpa)
{
	return (gpa >= RAM_VGA_START && gpa < RAM_VGA_END) ||
	       (gpa >= TPM_START && gpa < TPM_END);
}

static void report_stray(struct machine *m, uint64_t gpa, bool write, unsigned int bytes)
{
	if (m->stray_reported || is_empty_place(gpa))
		return;
	m->stray_reported = true;
	if (!message_guest())
		return;
	message("the guest %s %u bytes at %#llx, where it has neither memory nor a device; "
		"reads give all ones, writes are dropped (reported once)",
		write ? "writes" : "reads", bytes, (unsigned long long)gpa);
}

void bus_mmio(struct machine *m, uint64_t gpa, bool write, unsigned int bytes, void *data)
{
	const struct io_range *range = mmio_range(m, gpa);

	if (range && inside(range, gpa, bytes)) {
		access_range(range, gpa, write, bytes, data);
		return;
	}
	report_stray(m, gpa, write, bytes);
	if (!write)
		memset(data, 0xff, bytes);
}
