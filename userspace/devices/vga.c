// SPDX-License-Identifier: GPL-2.0
/*
 * The display adapter on its buses: the VGA's ports and window, VBE's ports, and the PCI function
 * (QEMU's docs/specs/standard-vga.txt), whose BAR 0 is the memory and BAR 2 all registers once
 * more.
 *
 * The guest has the memory at BAR 0 as memory, without exits.  Where it cannot be had (it moved
 * the BAR too often), accesses come here one by one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "vga_parts.h"

#define PORTS		0x3b0
#define NR_PORTS	0x30
#define VBE_PORTS	0x1ce		/* index; the data is at 1CFh, a word at an odd port */
#define VBE_DATA	1
#define NR_VBE_PORTS	3
#define REGISTERS_BYTES	4096u
#define REGISTERS_VGA	0x400		/* ports 3C0h to 3DFh */
#define REGISTERS_VBE	0x500
#define FIRST_OF_VGA	(0x3c0 - PORTS)

/* Ports: a wide access is one of each byte's port, lowest first. */

static uint64_t ports_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < bytes; i++)
		value |= (uint64_t)vga_port_read(opaque, offset + i) << 8 * i;
	return value;
}

static void ports_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	for (unsigned int i = 0; i < bytes; i++)
		vga_port_write(opaque, offset + i, value >> 8 * i);
	vga_follow_text(opaque);
}

static uint64_t vbe_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	const struct vga *vga = opaque;

	(void)bytes;
	return offset ? vga_vbe_read(vga, vga->vbe_index) : vga->vbe_index;
}

static void vbe_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	struct vga *vga = opaque;

	(void)bytes;
	if (!offset) {
		vga->vbe_index = value;
		return;
	}
	vga_vbe_write(vga, vga->vbe_index, value);
	vga_follow_text(vga);
}

/* The registers in memory */

static uint64_t registers_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	if (offset >= REGISTERS_VBE && bytes == 2)
		return vga_vbe_read(opaque, (offset - REGISTERS_VBE) / 2);
	if (offset >= REGISTERS_VGA && offset + bytes <= REGISTERS_VGA + NR_PORTS - FIRST_OF_VGA)
		return ports_read(opaque, offset - REGISTERS_VGA + FIRST_OF_VGA, bytes);
	return UINT64_MAX;
}

static void registers_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	if (offset >= REGISTERS_VBE && bytes == 2) {
		vga_vbe_write(opaque, (offset - REGISTERS_VBE) / 2, value);
		vga_follow_text(opaque);
	} else if (offset >= REGISTERS_VGA &&
		   offset + bytes <= REGISTERS_VGA + NR_PORTS - FIRST_OF_VGA) {
		ports_write(opaque, offset - REGISTERS_VGA + FIRST_OF_VGA, bytes, value);
	}
}

/* The memory */

static uint64_t memory_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	const struct vga *vga = opaque;
	uint64_t value = 0;

	memcpy(&value, vga->memory + offset, bytes);
	return value;
}

static void memory_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	struct vga *vga = opaque;

	memcpy(vga->memory + offset, &value, bytes);
}

static void memory_moved(void *opaque, uint64_t address)
{
	struct vga *vga = opaque;

	if (vga->mapped)
		machine_unmap(vga->m, MACHINE_MAP_FRAME_BUFFER);
	vga->mapped = address != PCI_NOWHERE &&
		      !machine_map(vga->m, MACHINE_MAP_FRAME_BUFFER, address, VGA_MEMORY_BYTES,
				   vga->memory);
}

/* Life */

static int add_ranges(struct vga *vga)
{
	const struct io_range ports = {
		"vga", PORTS, NR_PORTS, ports_read, ports_write, vga,
	};
	const struct io_range vbe = {
		"vga-vbe", VBE_PORTS, NR_VBE_PORTS, vbe_read, vbe_write, vga,
	};
	const struct io_range window = {
		"vga-window", VGA_WINDOW, VGA_WINDOW_BYTES, vga_window_read, vga_window_write, vga,
	};
	int err = machine_add_ports(vga->m, &ports);

	if (!err)
		err = machine_add_ports(vga->m, &vbe);
	if (!err)
		err = machine_add_mmio(vga->m, &window);
	return err;
}

static int plug_in(struct vga *vga, struct pci_bus *bus)
{
	const struct pci_identity identity = {
		.vendor = 0x1234, .device = 0x1111, .subsystem_vendor = 0x1af4,
		.subsystem = 0x1100, .class_code = 0x030000, .revision = 2,
	};
	const struct pci_bar memory = {
		.bytes = VGA_MEMORY_BYTES, .read = memory_read, .write = memory_write,
		.moved = memory_moved, .opaque = vga,
	};
	const struct pci_bar registers = {
		.bytes = REGISTERS_BYTES, .read = registers_read, .write = registers_write,
		.opaque = vga,
	};
	int err;

	vga->f = pci_function_new(bus, &identity);
	if (!vga->f)
		return -errno;
	err = pci_add_bar(vga->f, 0, &memory);
	if (!err)
		err = pci_add_bar(vga->f, 2, &registers);
	return err;
}

struct vga *vga_new(struct pci_bus *bus)
{
	struct vga *vga = calloc(1, sizeof(*vga));
	int err;

	if (!vga)
		return NULL;
	vga->m = pci_bus_machine(bus);
	vga->memory = mmap(NULL, VGA_MEMORY_BYTES + VGA_TEXT_BYTES, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (vga->memory == MAP_FAILED) {
		free(vga);
		return NULL;
	}
	vga->text = vga->memory + VGA_MEMORY_BYTES;
	madvise(vga->memory, VGA_MEMORY_BYTES + VGA_TEXT_BYTES, MADV_DONTDUMP);
	vga_power_on(vga);
	err = add_ranges(vga);
	if (!err)
		err = plug_in(vga, bus);
	if (!err) {
		vga_follow_text(vga);
		return vga;
	}
	vga_free(vga);
	errno = -err;
	return NULL;
}

void vga_free(struct vga *vga)
{
	if (vga->mapped)
		machine_unmap(vga->m, MACHINE_MAP_FRAME_BUFFER);
	if (vga->text_mapped)
		machine_unmap(vga->m, MACHINE_MAP_TEXT);
	if (vga->f)
		pci_function_free(vga->f);
	munmap(vga->memory, VGA_MEMORY_BYTES + VGA_TEXT_BYTES);
	free(vga);
}
