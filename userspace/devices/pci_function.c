// SPDX-License-Identifier: GPL-2.0
/*
 * A PCI function: its configuration header, its BARs and the list of its capabilities.
 *
 * It knows which bits the guest can write, and what follows from those that mean something: the
 * command register and the BARs.  Everything else in configuration space is memory.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>

#include "pci_parts.h"

static uint32_t get(const uint8_t *p, unsigned int bytes)
{
	uint32_t value = 0;

	memcpy(&value, p, bytes);
	return value;
}

static void put16(struct pci_function *f, unsigned int offset, uint16_t value)
{
	memcpy(f->config + offset, &value, sizeof(value));
}

static void put32(uint8_t *space, unsigned int offset, uint32_t value)
{
	memcpy(space + offset, &value, sizeof(value));
}

uint8_t *pci_config(struct pci_function *f)
{
	return f->config;
}

struct pci_bus *pci_function_bus(const struct pci_function *f)
{
	return f->bus;
}

unsigned int pci_function_slot(const struct pci_function *f)
{
	return f->devfn >> 3;
}

/* Interrupts */

/* A function that sends messages has no line (6.8.3.3), whatever it says. */
void function_update_intx(struct pci_function *f)
{
	bool off = get(f->config + PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE;
	bool wired = f->intx && !off && !pci_msix_enabled(f);
	uint16_t status = get(f->config + PCI_STATUS, 2) & ~PCI_STATUS_INTERRUPT;

	put16(f, PCI_STATUS, status | (f->intx ? PCI_STATUS_INTERRUPT : 0));
	if (wired == f->intx_wired)
		return;
	f->intx_wired = wired;
	bus_set_line(f->bus, f->devfn >> 3, wired);
}

void pci_set_intx(struct pci_function *f, int level)
{
	if (f->intx == !!level)
		return;
	f->intx = level;
	function_update_intx(f);
}

/* BARs */

/* Where the guest has BAR @n: all of it within its window, or nowhere. */
static uint64_t bar_address(const struct pci_function *f, unsigned int n)
{
	const struct pci_bar *bar = &f->bars[n].is;
	uint32_t command = get(f->config + PCI_COMMAND, 2);
	uint64_t address = get(f->config + PCI_BASE_ADDRESS_0 + 4 * n, 4) & ~(bar->bytes - 1);
	uint64_t start = bar->port ? PCI_PORTS_BASE : bus_mem_base(f->bus);
	uint64_t size = bar->port ? PCI_PORTS_BYTES : PCI_MEM_END - start;

	if (!(command & (bar->port ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY)))
		return PCI_NOWHERE;
	if (address < start || address - start > size - bar->bytes)
		return PCI_NOWHERE;
	return address;
}

static void update_bars(struct pci_function *f)
{
	for (unsigned int i = 0; i < BARS; i++) {
		struct bar *bar = &f->bars[i];
		uint64_t address;

		if (!bar->is.bytes)
			continue;
		address = bar_address(f, i);
		if (address == bar->address)
			continue;
		bar->address = address;
		if (bar->is.moved)
			bar->is.moved(bar->is.opaque, address);
	}
}

const struct bar *function_find_bar(const struct pci_function *f, bool port, uint64_t address,
				    unsigned int bytes)
{
	for (unsigned int i = 0; i < BARS; i++) {
		const struct bar *bar = &f->bars[i];

		if (bar->is.bytes && bar->is.port == port && bar->address != PCI_NOWHERE &&
		    address >= bar->address && address - bar->address < bar->is.bytes)
			return bar->is.bytes - (address - bar->address) >= bytes ? bar : NULL;
	}
	return NULL;
}

int pci_add_bar(struct pci_function *f, unsigned int n, const struct pci_bar *bar)
{
	uint64_t address = 0;

	if (!bus_handed_over(f->bus)) {
		address = bus_reserve(f->bus, bar->port, bar->bytes);
		if (address == PCI_NOWHERE)
			return -ENOSPC;
		put16(f, PCI_COMMAND, get(f->config + PCI_COMMAND, 2) |
				  (bar->port ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY));
	}
	f->bars[n] = (struct bar) { .is = *bar, .address = PCI_NOWHERE };
	put32(f->config, PCI_BASE_ADDRESS_0 + 4 * n,
	      address | (bar->port ? PCI_BASE_ADDRESS_SPACE_IO : 0));
	put32(f->writable, PCI_BASE_ADDRESS_0 + 4 * n, -bar->bytes);
	update_bars(f);
	return 0;
}

/* Capabilities */

unsigned int pci_add_capability(struct pci_function *f, const void *capability, unsigned int bytes,
				const void *writable,
				void (*access)(void *opaque, unsigned int offset,
					       unsigned int bytes, bool write),
				void *opaque)
{
	unsigned int at = f->next_capability, link = PCI_CAPABILITY_LIST;

	/* All are vmctl's own: there is room for them, or there is a mistake. */
	if (f->nr_capabilities == CAPABILITIES || at + bytes > CONFIG_BYTES)
		abort();
	if (f->nr_capabilities)
		link = f->capabilities[f->nr_capabilities - 1].at + 1;
	memcpy(f->config + at, capability, bytes);
	if (writable)
		memcpy(f->writable + at, writable, bytes);
	f->config[at + 1] = 0;
	f->config[link] = at;
	put16(f, PCI_STATUS, get(f->config + PCI_STATUS, 2) | PCI_STATUS_CAP_LIST);
	f->capabilities[f->nr_capabilities++] = (struct capability) {
		.at = at, .bytes = bytes, .access = access, .opaque = opaque,
	};
	f->next_capability = (at + bytes + 3) & ~3u;
	return at;
}

void pci_add_registers(struct pci_function *f, unsigned int at, unsigned int bytes,
		       const void *writable,
		       void (*access)(void *opaque, unsigned int offset, unsigned int bytes,
				      bool write),
		       void *opaque)
{
	if (f->registers.bytes || at + bytes > CONFIG_BYTES)
		abort();
	memcpy(f->writable + at, writable, bytes);
	f->registers = (struct capability) {
		.at = at, .bytes = bytes, .access = access, .opaque = opaque,
	};
}

static bool tell(const struct capability *c, unsigned int offset, unsigned int bytes, bool write)
{
	if (!c->access || offset < c->at || offset >= c->at + c->bytes)
		return false;
	c->access(c->opaque, offset - c->at, bytes, write);
	return true;
}

/* Tell the capability, if any, that the access touches. */
static void tell_capability(struct pci_function *f, unsigned int offset, unsigned int bytes,
			    bool write)
{
	if (tell(&f->registers, offset, bytes, write))
		return;
	for (unsigned int i = 0; i < f->nr_capabilities; i++) {
		if (tell(&f->capabilities[i], offset, bytes, write))
			return;
	}
}

/* Bus mastering */

void pci_on_mastering(struct pci_function *f, void (*changed)(void *opaque, bool on), void *opaque)
{
	f->mastering_changed = changed;
	f->mastering_opaque = opaque;
}

static void update_mastering(struct pci_function *f)
{
	bool on = get(f->config + PCI_COMMAND, 2) & PCI_COMMAND_MASTER;

	if (on == f->mastering)
		return;
	f->mastering = on;
	if (f->mastering_changed)
		f->mastering_changed(f->mastering_opaque, on);
}

/* Accesses */

/* No access crosses 4 bytes, as none does on the bus. */
static unsigned int within_dword(unsigned int offset, unsigned int bytes)
{
	return bytes > 4 - (offset & 3) ? 4 - (offset & 3) : bytes;
}

uint32_t function_config_read(struct pci_function *f, unsigned int offset, unsigned int bytes)
{
	bytes = within_dword(offset, bytes);
	tell_capability(f, offset, bytes, false);
	return get(f->config + offset, bytes);
}

void function_config_write(struct pci_function *f, unsigned int offset, unsigned int bytes,
			   uint32_t value)
{
	bytes = within_dword(offset, bytes);
	for (unsigned int i = 0; i < bytes; i++) {
		uint8_t mask = f->writable[offset + i];

		f->config[offset + i] = (f->config[offset + i] & ~mask) |
					((value >> 8 * i) & mask);
	}
	if (offset >= PCI_STD_HEADER_SIZEOF) {
		tell_capability(f, offset, bytes, true);
		return;
	}
	update_bars(f);
	function_update_intx(f);
	update_mastering(f);
}

/* Life */

void function_identify(struct pci_function *f, const struct pci_identity *identity)
{
	put16(f, PCI_VENDOR_ID, identity->vendor);
	put16(f, PCI_DEVICE_ID, identity->device);
	put32(f->config, PCI_CLASS_REVISION, identity->revision | identity->class_code << 8);
	put16(f, PCI_SUBSYSTEM_VENDOR_ID, identity->subsystem_vendor);
	put16(f, PCI_SUBSYSTEM_ID, identity->subsystem);
}

struct pci_function *function_new(struct pci_bus *bus, unsigned int devfn,
				  const struct pci_identity *identity)
{
	struct pci_function *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->bus = bus;
	f->devfn = devfn;
	f->next_capability = PCI_STD_HEADER_SIZEOF;
	function_identify(f, identity);
	f->config[PCI_INTERRUPT_LINE] = PCI_INTX_GSI + (devfn >> 3) % 4;
	f->config[PCI_INTERRUPT_PIN] = 1;
	f->writable[PCI_INTERRUPT_LINE] = 0xff;
	f->writable[PCI_COMMAND] = PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	f->writable[PCI_COMMAND + 1] = PCI_COMMAND_INTX_DISABLE >> 8;
	return f;
}

void function_free(struct pci_function *f)
{
	pci_set_intx(f, 0);
	if (f->msix)
		msix_free(f->msix);
	free(f);
}
