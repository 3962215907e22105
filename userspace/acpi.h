/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ACPI tables: where a machine without firmware finds them, or as bytes for firmware that chooses
 * their place itself.
 */
#ifndef VMCTL_ACPI_H
#define VMCTL_ACPI_H

#include <stdbool.h>
#include <stdint.h>

#include "ram.h"
#include "topology.h"

#define ACPI_TABLES_MAX	7u
#define ACPI_ROOM	((uint32_t)(RAM_1M - RAM_BIOS_START))	/* for all of them */
#define ACPI_RSDP_BYTES	36u
#define ACPI_ALIGN	64u		/* of all of them: the FACS has that */

/**
 * struct acpi_choice - what the tables tell of
 * @topology: of the CPUs, whose local APICs the MADT lists
 * @pci: there is a PCI bus
 * @pci_low: whose window in memory begins at PCI_LOW_BASE
 * @pvpanic: there is that port
 * @keyboard: there is one
 * @hpet: there is one
 */
struct acpi_choice {
	const struct topology *topology;
	bool pci;
	bool pci_low;
	bool pvpanic;
	bool keyboard;
	bool hpet;
};

/**
 * acpi_build - write the tables into the BIOS area
 * @ram: of the machine
 * @is: what they tell of
 *
 * Return: guest-physical address of the RSDP.
 */
uint64_t acpi_build(const struct ram *ram, const struct acpi_choice *is);

/* Where a guest that suspends wants to go on in real mode, as its FACS says now; 0: nowhere. */
uint32_t acpi_waking_vector(const struct ram *ram);

/* At @at is a pointer of @bytes (4 or 8). */
struct acpi_pointer {
	uint32_t at, bytes;
};

/* The byte at @at, 0 as yet, makes the sum of @bytes from @start on 0. */
struct acpi_checksum {
	uint32_t at, start, bytes;
};

/* What changes when the tables are moved. */
struct acpi_links {
	unsigned int nr_pointers, nr_checksums;
	struct acpi_pointer pointer[4 + ACPI_TABLES_MAX];
	struct acpi_checksum checksum[3];
};

/**
 * acpi_image - write the tables as if guest-physical memory began with them
 * @to: ACPI_ROOM bytes
 * @is: what they tell of
 * @links: filled in: which pointers and checksums are to be set right where they come to lie
 *
 * The RSDP, ACPI_RSDP_BYTES, is at the start.  Return: how many bytes they have.
 */
uint32_t acpi_image(uint8_t *to, const struct acpi_choice *is, struct acpi_links *links);

#endif
