// SPDX-License-Identifier: GPL-2.0
/*
 * The PCI host bridge: how configuration space is reached, by ports CF8h and CFCh and by ECAM, and
 * which function answers an address in one of the two windows.
 *
 * It knows functions, not what they are.  The windows are claimed from the machine once; within
 * them BARs move as the guest likes.  Where two overlap the lower one answers, which is as good as
 * what hardware does.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>

#include "pci_parts.h"

#define CONFIG_ADDRESS	0xcf8
#define CONFIG_DATA	4		/* from there */
#define ADDRESS_ENABLE	(1u << 31)
#define ADDRESS_BITS	0x80fffffcu
#define LINES		4
#define MULTIFUNCTION	0x80		/* of PCI_HEADER_TYPE */
#define UPPER_BASE	(PCI_ECAM_BASE + PCI_ECAM_BYTES)	/* the window's part behind ECAM */

/* "QEMU PCIe Host bridge": a generic bridge, of which drivers expect no registers. */
static const struct pci_identity bridge = {
	.vendor = 0x1b36, .device = 0x0008, .class_code = 0x060000,
};

/* The 440FX as QEMU has it, by which SeaBIOS, OVMF and iPXE tell what machine they are in. */
static const struct pci_identity firmware_bridge = {
	.vendor = 0x8086, .device = 0x1237, .subsystem_vendor = 0x1af4, .subsystem = 0x1100,
	.class_code = 0x060000, .revision = 2,
};

/*
 * Its registers that say of C0000h-FFFFFh whether reads and writes go to RAM.  Here they always do,
 * and firmware that turns it on copies all of the ROM that it needs there.
 */
#define PAM		0x59
#define PAM_BYTES	7
#define PAM_BITS	0x33

struct pci_bus {
	struct machine *m;
	struct pci_function *functions[PCI_FUNCTIONS_MAX];	/* by their numbers */
	unsigned int nr;
	int place;			/* devfn of the next one, or -1: the next free slot */
	uint32_t config_address;
	bool handed_over;
	uint64_t next_port, next_mem;	/* what bus_reserve() has left */
	uint64_t mem_base;		/* of the window in memory */
	unsigned int raised[LINES];	/* how many functions have it high */
};

/* Configuration space */

static struct pci_function *function_at(struct pci_bus *bus, unsigned int devfn)
{
	for (unsigned int i = 0; i < bus->nr; i++) {
		if (bus->functions[i]->devfn == devfn)
			return bus->functions[i];
	}
	return NULL;
}

static uint32_t config_read(struct pci_bus *bus, unsigned int devfn, unsigned int offset,
			    unsigned int bytes)
{
	struct pci_function *f = function_at(bus, devfn);

	if (!f)
		return UINT32_MAX;
	return offset < CONFIG_BYTES ? function_config_read(f, offset, bytes) : 0;
}

static void config_write(struct pci_bus *bus, unsigned int devfn, unsigned int offset,
			 unsigned int bytes, uint32_t value)
{
	struct pci_function *f = function_at(bus, devfn);

	if (f && offset < CONFIG_BYTES)
		function_config_write(f, offset, bytes, value);
}

/* The function that CONFIG_ADDRESS names; false: none, or on another bus. */
static bool addressed(const struct pci_bus *bus, unsigned int *devfn)
{
	*devfn = bus->config_address >> 8 & 0xff;
	return (bus->config_address & ADDRESS_ENABLE) && !(bus->config_address >> 16 & 0xff);
}

/* CONFIG_ADDRESS is a register of 4 bytes; the data is wherever in its 4 the access is. */
static uint64_t ports_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	struct pci_bus *bus = opaque;
	unsigned int devfn;

	if (offset < CONFIG_DATA)
		return !offset && bytes == 4 ? bus->config_address : UINT64_MAX;
	if (!addressed(bus, &devfn))
		return UINT64_MAX;
	return config_read(bus, devfn, (bus->config_address & 0xfc) + (offset & 3), bytes);
}

static void ports_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	struct pci_bus *bus = opaque;
	unsigned int devfn;

	if (offset < CONFIG_DATA) {
		if (!offset && bytes == 4)
			bus->config_address = value & ADDRESS_BITS;
	} else if (addressed(bus, &devfn)) {
		config_write(bus, devfn, (bus->config_address & 0xfc) + (offset & 3), bytes,
			     value);
	}
}

/* ECAM: function 19:12, register 11:0.  No access is wider than 4 bytes or unaligned. */
static uint64_t ecam_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	if (bytes > 4 || offset % bytes)
		return UINT64_MAX;
	return config_read(opaque, offset >> 12, offset & 0xfff, bytes);
}

static void ecam_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	if (bytes <= 4 && !(offset % bytes))
		config_write(opaque, offset >> 12, offset & 0xfff, bytes, value);
}

/* The windows */

static const struct bar *find_bar(struct pci_bus *bus, bool port, uint64_t address,
				  unsigned int bytes)
{
	const struct bar *bar;

	for (unsigned int i = 0; i < bus->nr; i++) {
		bar = function_find_bar(bus->functions[i], port, address, bytes);
		if (bar)
			return bar;
	}
	return NULL;
}

static uint64_t window_read(struct pci_bus *bus, bool port, uint64_t address, unsigned int bytes)
{
	const struct bar *bar = find_bar(bus, port, address, bytes);

	return bar ? bar->is.read(bar->is.opaque, address - bar->address, bytes) : UINT64_MAX;
}

static void window_write(struct pci_bus *bus, bool port, uint64_t address, unsigned int bytes,
			 uint64_t value)
{
	const struct bar *bar = find_bar(bus, port, address, bytes);

	if (bar)
		bar->is.write(bar->is.opaque, address - bar->address, bytes, value);
}

static uint64_t io_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	return window_read(opaque, true, PCI_PORTS_BASE + offset, bytes);
}

static void io_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	window_write(opaque, true, PCI_PORTS_BASE + offset, bytes, value);
}

static uint64_t mem_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	return window_read(opaque, false, PCI_MEM_BASE + offset, bytes);
}

static void mem_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	window_write(opaque, false, PCI_MEM_BASE + offset, bytes, value);
}

static uint64_t upper_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	return window_read(opaque, false, UPPER_BASE + offset, bytes);
}

static void upper_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	window_write(opaque, false, UPPER_BASE + offset, bytes, value);
}

static uint64_t low_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	return window_read(opaque, false, PCI_LOW_BASE + offset, bytes);
}

static void low_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	window_write(opaque, false, PCI_LOW_BASE + offset, bytes, value);
}

int pci_bus_widen(struct pci_bus *bus)
{
	const struct io_range low = {
		.name = "pci-mem", .start = PCI_LOW_BASE, .size = PCI_MEM_BASE - PCI_LOW_BASE,
		.read = low_read, .write = low_write, .opaque = bus,
	};
	int err = machine_add_mmio(bus->m, &low);

	if (!err)
		bus->mem_base = PCI_LOW_BASE;
	return err;
}

uint64_t bus_mem_base(const struct pci_bus *bus)
{
	return bus->mem_base;
}

uint64_t bus_reserve(struct pci_bus *bus, bool port, uint64_t bytes)
{
	uint64_t *next = port ? &bus->next_port : &bus->next_mem;
	uint64_t end = port ? PCI_PORTS_BASE + PCI_PORTS_BYTES : PCI_MEM_BASE + PCI_MEM_BYTES;
	uint64_t address = (*next + bytes - 1) & ~(bytes - 1);

	if (address >= end || end - address < bytes)
		return PCI_NOWHERE;
	*next = address + bytes;
	return address;
}

/* Interrupts */

void bus_set_line(struct pci_bus *bus, unsigned int slot, bool level)
{
	unsigned int line = slot % LINES;

	bus->raised[line] += level ? 1 : -1;
	machine_set_irq(bus->m, PCI_INTX_GSI + line, bus->raised[line] > 0);
}

/* Life */

struct machine *pci_bus_machine(struct pci_bus *bus)
{
	return bus->m;
}

void pci_bus_for_firmware(struct pci_bus *bus)
{
	struct pci_function *f = function_at(bus, 0);
	uint8_t writable[PAM_BYTES];

	function_identify(f, &firmware_bridge);
	memset(writable, PAM_BITS, sizeof(writable));
	pci_add_registers(f, PAM, PAM_BYTES, writable, NULL, NULL);
	bus->handed_over = true;
}

void pci_bus_hand_over(struct pci_bus *bus)
{
	bus->handed_over = true;
}

bool bus_handed_over(const struct pci_bus *bus)
{
	return bus->handed_over;
}

void pci_bus_place(struct pci_bus *bus, unsigned int slot, unsigned int function)
{
	bus->place = slot << 3 | function;
}

/* Return: where the next function goes, or -1 with errno set. */
static int take_place(struct pci_bus *bus)
{
	int place = bus->place;

	bus->place = -1;
	for (unsigned int slot = 0; place < 0 && slot < PCI_SLOTS; slot++) {
		if (!function_at(bus, slot << 3))
			place = slot << 3;
	}
	if (place >= 0 && bus->nr < PCI_FUNCTIONS_MAX && !function_at(bus, place))
		return place;
	errno = ENOSPC;
	return -1;
}

static void insert(struct pci_bus *bus, struct pci_function *f)
{
	struct pci_function *first = function_at(bus, f->devfn & ~7u);
	unsigned int i = bus->nr++;

	for (; i && bus->functions[i - 1]->devfn > f->devfn; i--)
		bus->functions[i] = bus->functions[i - 1];
	bus->functions[i] = f;
	/* A guest looks for other functions only if the first one says that there are. */
	if (f->devfn & 7 && first)
		first->config[PCI_HEADER_TYPE] |= MULTIFUNCTION;
}

struct pci_function *pci_function_new(struct pci_bus *bus, const struct pci_identity *identity)
{
	int place = take_place(bus);
	struct pci_function *f;

	if (place < 0)
		return NULL;
	f = function_new(bus, place, identity);
	if (f)
		insert(bus, f);
	return f;
}

void pci_function_free(struct pci_function *f)
{
	struct pci_bus *bus = f->bus;
	unsigned int i;

	for (i = 0; bus->functions[i] != f; i++)
		;
	for (bus->nr--; i < bus->nr; i++)
		bus->functions[i] = bus->functions[i + 1];
	function_free(f);
}

struct pci_bus *pci_bus_new(struct machine *m)
{
	struct pci_bus *bus = calloc(1, sizeof(*bus));
	const struct io_range config = {
		.name = "pci", .start = CONFIG_ADDRESS, .size = 8,
		.read = ports_read, .write = ports_write, .opaque = bus,
	};
	const struct io_range ecam = {
		.name = "pci-ecam", .start = PCI_ECAM_BASE, .size = PCI_ECAM_BYTES,
		.read = ecam_read, .write = ecam_write, .opaque = bus,
	};
	const struct io_range io = {
		.name = "pci-io", .start = PCI_PORTS_BASE, .size = PCI_PORTS_BYTES,
		.read = io_read, .write = io_write, .opaque = bus,
	};
	const struct io_range mem = {
		.name = "pci-mem", .start = PCI_MEM_BASE, .size = PCI_MEM_BYTES,
		.read = mem_read, .write = mem_write, .opaque = bus,
	};
	const struct io_range upper = {
		.name = "pci-mem", .start = UPPER_BASE, .size = PCI_MEM_END - UPPER_BASE,
		.read = upper_read, .write = upper_write, .opaque = bus,
	};
	int err;

	if (!bus)
		return NULL;
	bus->m = m;
	bus->place = -1;
	bus->next_port = PCI_PORTS_BASE;
	bus->next_mem = PCI_MEM_BASE;
	bus->mem_base = PCI_MEM_BASE;
	/* CF9h alone resets the machine. */
	err = machine_add_ports_around(m, &config);
	if (!err)
		err = machine_add_mmio(m, &ecam);
	if (!err)
		err = machine_add_ports(m, &io);
	if (!err)
		err = machine_add_mmio(m, &mem);
	if (!err)
		err = machine_add_mmio(m, &upper);
	if (!err && !pci_function_new(bus, &bridge))
		err = -errno;
	if (err) {
		free(bus);
		errno = -err;
		return NULL;
	}
	return bus;
}

void pci_bus_free(struct pci_bus *bus)
{
	while (bus->nr)
		pci_function_free(bus->functions[bus->nr - 1]);
	free(bus);
}
