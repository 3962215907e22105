/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two functions of a PC's south bridge, by which OVMF finds what is behind it.  They do nothing:
 * the devices are where they always are.
 *
 * Source: Intel 82371AB (PIIX4) data sheet, 4.1 and 7.1.
 */
#ifndef VMCTL_DEVICES_PIIX_H
#define VMCTL_DEVICES_PIIX_H

struct pci_bus;
struct pci_function;

/* The ISA bridge, at the place that is next.  Return: it, or NULL with errno set. */
struct pci_function *piix_isa_new(struct pci_bus *bus);
void piix_isa_free(struct pci_function *f);

/*
 * Power management, which says that its registers are at ACPI_PIIX4_BASE.  It is at 00:01.3, where
 * firmware does not look for it, but takes it to be; the bus frees it.  To be called before there
 * is a 00:01.0, so that a guest that looks what there is does not find it.  Return: as above.
 */
struct pci_function *piix_pm_new(struct pci_bus *bus);

#endif
