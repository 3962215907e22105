// SPDX-License-Identifier: GPL-2.0
/*
 * The PIIX as far as OVMF wants it: behind an ISA bridge it finds the serial port and the keyboard,
 * and where power management is, it asks that.
 */
#include <linux/pci_regs.h>
#include <stddef.h>

#include "../pci.h"
#include "piix.h"

#define PM_SLOT		1
#define PM_FUNCTION	3

/* Registers of power management */
#define PMBA		0x40		/* where its ports are, with IS_PORT */
#define IS_PORT		0x01
#define PMREGMISC	0x80
#define PMIOSE		0x01		/* they are decoded; firmware then leaves all as it is */

/* PIIX3's, as QEMU has it: a bridge of any other name would do, but not one of another class. */
static const struct pci_identity isa = {
	.vendor = 0x8086, .device = 0x7000, .subsystem_vendor = 0x1af4, .subsystem = 0x1100,
	.class_code = 0x060100,
};

static const struct pci_identity pm = {
	.vendor = 0x8086, .device = 0x7113, .subsystem_vendor = 0x1af4, .subsystem = 0x1100,
	.class_code = 0x068000, .revision = 3,
};

/* It has no interrupt, and decodes from the start: else firmware looks for no devices behind it. */
static struct pci_function *add(struct pci_bus *bus, const struct pci_identity *identity)
{
	struct pci_function *f = pci_function_new(bus, identity);

	if (!f)
		return NULL;
	pci_config(f)[PCI_INTERRUPT_PIN] = 0;
	pci_config(f)[PCI_INTERRUPT_LINE] = 0;
	pci_config(f)[PCI_COMMAND] = PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	return f;
}

struct pci_function *piix_isa_new(struct pci_bus *bus)
{
	return add(bus, &isa);
}

void piix_isa_free(struct pci_function *f)
{
	pci_function_free(f);
}

struct pci_function *piix_pm_new(struct pci_bus *bus)
{
	struct pci_function *f;

	pci_bus_place(bus, PM_SLOT, PM_FUNCTION);
	f = add(bus, &pm);
	if (!f)
		return NULL;
	pci_config(f)[PMBA] = (ACPI_PIIX4_BASE & 0xff) | IS_PORT;
	pci_config(f)[PMBA + 1] = ACPI_PIIX4_BASE >> 8;
	pci_config(f)[PMREGMISC] = PMIOSE;
	return f;
}
