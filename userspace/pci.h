/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The PCI bus as its device models see it; like device.h, all of it under the machine's lock but
 * where it says otherwise.
 *
 * There is one bus with up to 32 slots, most of one function.  Where there is no firmware vmctl
 * stands in for it: BARs have addresses and decoding is on from the start.  The guest may move them
 * within the bus's two windows, of which the one in memory has ECAM in it, and that comes first.  A
 * BAR that it puts elsewhere is nowhere, so that no device can come to lie over memory or over
 * another device.
 *
 * Source: PCI Local Bus Specification 3.0; PCI Express Base Specification 5.0, 7.2.2 (ECAM).
 */
#ifndef VMCTL_PCI_H
#define VMCTL_PCI_H

#include <stdbool.h>
#include <stdint.h>

#include "device.h"

#define PCI_ECAM_BASE		0xe0000000u	/* bus 0 alone: 1 MiB */
#define PCI_ECAM_BYTES		0x100000u
#define PCI_MEM_BASE		0xc0000000u	/* BARs in memory, where vmctl puts them */
#define PCI_MEM_BYTES		0x20000000u
#define PCI_MEM_END		0xfec00000u	/* the window's end: firmware puts them there */
#define PCI_LOW_BASE		0x80000000u	/* its start for UEFI, if no RAM is there */
#define PCI_PORTS_BASE		0xc000u		/* BARs of I/O ports */
#define PCI_PORTS_BYTES		0x4000u
#define PCI_SLOTS		32
#define PCI_FUNCTIONS_MAX	(PCI_SLOTS + 7)
#define PCI_INTX_GSI		16u		/* INTA of slot n is I/O APIC pin 16 + (n & 3) */
#define PCI_NOWHERE		UINT64_MAX

struct pci_bus;
struct pci_function;

/**
 * struct pci_identity - what a function says it is
 * @vendor: and the next four: fields of the configuration header
 * @class_code: base class 23:16, subclass 15:8, interface 7:0
 */
struct pci_identity {
	uint16_t vendor;
	uint16_t device;
	uint16_t subsystem_vendor;
	uint16_t subsystem;
	uint32_t class_code;
	uint8_t revision;
};

/**
 * struct pci_bar - one range of a function's registers
 * @bytes: a power of two; at least 4 of ports, 4096 of memory
 * @port: I/O ports, not memory
 * @read: value of @bytes (1, 2, 4, memory also 8) at @offset; aligned or not
 * @write: the same, for writing
 * @moved: the BAR is now at @address, or PCI_NOWHERE; NULL: no interest
 * @opaque: handed to these
 */
struct pci_bar {
	uint64_t bytes;
	bool port;
	uint64_t (*read)(void *opaque, uint64_t offset, unsigned int bytes);
	void (*write)(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value);
	void (*moved)(void *opaque, uint64_t address);
	void *opaque;
};

struct pci_bus *pci_bus_new(struct machine *m);
void pci_bus_free(struct pci_bus *bus);
struct machine *pci_bus_machine(struct pci_bus *bus);

/*
 * The next function that is made has this place, not the next free slot.  Those beside function 0,
 * which has to be there before and for longer, share its interrupt line.  One that is made without
 * is not found by looking: it is for who knows the place.
 */
void pci_bus_place(struct pci_bus *bus, unsigned int slot, unsigned int function);

/*
 * The guest begins with firmware: a new bus is as its hardware is, the host bridge one that
 * firmware knows.  The bus is handed over.
 */
void pci_bus_for_firmware(struct pci_bus *bus);

/*
 * The window in memory begins at PCI_LOW_BASE, where the machine has no RAM.  Return: 0 or -errno.
 */
int pci_bus_widen(struct pci_bus *bus);

/*
 * The guest has the bus now: what is added from now on is as the hardware has it, BARs without
 * addresses and decoding off.
 */
void pci_bus_hand_over(struct pci_bus *bus);

/* Return: the function, or NULL with errno set (ENOSPC: its place is taken, or none is free). */
struct pci_function *pci_function_new(struct pci_bus *bus, const struct pci_identity *identity);
void pci_function_free(struct pci_function *f);
unsigned int pci_function_slot(const struct pci_function *f);
struct pci_bus *pci_function_bus(const struct pci_function *f);

/*
 * Give BAR @n (0 to 5) an address and turn it on, if the guest has not got the bus yet.  Return: 0,
 * or -ENOSPC: its window is full.
 */
int pci_add_bar(struct pci_function *f, unsigned int n, const struct pci_bar *bar);

/*
 * Add a capability of @bytes, its first two included: ID and a link that the bus fills in.  The
 * guest can write the bits that are set in @writable (NULL: none).  @access, which may be NULL, is
 * called before the guest has read, or after it has written, any of them; @offset is within the
 * capability.  Return: the capability's place in configuration space, which stays valid to be
 * looked at and changed by pci_config().
 */
unsigned int pci_add_capability(struct pci_function *f, const void *capability, unsigned int bytes,
				const void *writable,
				void (*access)(void *opaque, unsigned int offset,
					       unsigned int bytes, bool write),
				void *opaque);

/*
 * The device's own registers, @bytes at @at of its configuration space, where its capabilities do
 * not reach: one such range, otherwise like a capability.
 */
void pci_add_registers(struct pci_function *f, unsigned int at, unsigned int bytes,
		       const void *writable,
		       void (*access)(void *opaque, unsigned int offset, unsigned int bytes,
				      bool write),
		       void *opaque);

/* The function's configuration space: 256 bytes, little-endian. */
uint8_t *pci_config(struct pci_function *f);

/*
 * Call @changed when the guest lets the function reach its memory, or (!@on) forbids it: a kernel
 * that starts another in its place does that, and whose the memory is then the function does not
 * know.
 */
void pci_on_mastering(struct pci_function *f, void (*changed)(void *opaque, bool on), void *opaque);

/* The function's INTA#. */
void pci_set_intx(struct pci_function *f, int level);

/*
 * MSI-X: its table and pending bits have BAR @bar (memory) for themselves.  Each vector is an
 * eventfd, there from now on until the function is freed: who signals it, from any thread and
 * without the machine's lock, sends the interrupt, or makes it pending where it is masked.
 * Return: 0 or -errno.
 */
int pci_add_msix(struct pci_function *f, unsigned int bar, unsigned int vectors);
bool pci_msix_enabled(const struct pci_function *f);	/* any thread */
unsigned int pci_msix_vectors(const struct pci_function *f);
int pci_msix_fd(const struct pci_function *f, unsigned int vector);

#endif
