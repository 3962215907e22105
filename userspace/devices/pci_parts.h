/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What pci_bus.c, pci_function.c and msix.c share; device models use ../pci.h.
 */
#ifndef VMCTL_DEVICES_PCI_PARTS_H
#define VMCTL_DEVICES_PCI_PARTS_H

#include "../pci.h"

#define CONFIG_BYTES	256u
#define BARS		6u
#define CAPABILITIES	8u

struct msix;

/* A BAR, and where the guest has it now: PCI_NOWHERE if it is off or outside its window. */
struct bar {
	struct pci_bar is;
	uint64_t address;
};

struct capability {
	unsigned int at, bytes;
	void (*access)(void *opaque, unsigned int offset, unsigned int bytes, bool write);
	void *opaque;
};

struct pci_function {
	struct pci_bus *bus;
	unsigned int devfn;		/* slot 7:3, function 2:0 */
	uint8_t config[CONFIG_BYTES];
	uint8_t writable[CONFIG_BYTES];	/* by the guest, bit by bit */
	struct bar bars[BARS];
	struct capability capabilities[CAPABILITIES];
	unsigned int nr_capabilities, next_capability;	/* its place */
	struct capability registers;	/* the device's own */
	struct msix *msix;
	void (*mastering_changed)(void *opaque, bool on);
	void *mastering_opaque;
	bool mastering;			/* what it was told last */
	bool intx, intx_wired;		/* what the device says, what its line was told */
};

/* pci_bus.c: room in a window for @bytes, on a multiple of them; PCI_NOWHERE: there is none. */
uint64_t bus_reserve(struct pci_bus *bus, bool port, uint64_t bytes);
/* The guest gives BARs their addresses, not we. */
bool bus_handed_over(const struct pci_bus *bus);
/* Where the window in memory begins. */
uint64_t bus_mem_base(const struct pci_bus *bus);
/* INTA of @slot. */
void bus_set_line(struct pci_bus *bus, unsigned int slot, bool level);

/* pci_function.c: what the bus does with a function. */
struct pci_function *function_new(struct pci_bus *bus, unsigned int devfn,
				  const struct pci_identity *identity);
void function_free(struct pci_function *f);
void function_identify(struct pci_function *f, const struct pci_identity *identity);
/* Accesses to @offset, within CONFIG_BYTES. */
uint32_t function_config_read(struct pci_function *f, unsigned int offset, unsigned int bytes);
void function_config_write(struct pci_function *f, unsigned int offset, unsigned int bytes,
			   uint32_t value);
/* After a change of what decides whether INTA# is wired. */
void function_update_intx(struct pci_function *f);
/* The BAR that has all of @bytes at @address, or NULL. */
const struct bar *function_find_bar(const struct pci_function *f, bool port, uint64_t address,
				    unsigned int bytes);

/* msix.c */
void msix_free(struct msix *msix);

#endif
