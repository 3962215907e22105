/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is put into a new machine before it runs: a kernel or a bare program,
 * ACPI tables, and the registers that it starts with.
 *
 * A loader writes guest memory and the vCPU's shared page, which holds the
 * power-on state before; it knows neither devices nor threads.
 */
#ifndef VMCTL_BOOT_H
#define VMCTL_BOOT_H

#include <stdbool.h>
#include <stdint.h>

#include "libsvmm.h"
#include "ram.h"
#include "topology.h"

/* Where the loaders put things below 1 MiB. */
#define BOOT_GDT	0x500
#define BOOT_FLAT	0x1000
#define BOOT_PARAMS	0x7000
#define BOOT_PAGETABLES	0x8000		/* three pages */
#define BOOT_CMDLINE	0x20000
#define BOOT_CMDLINE_MAX (RAM_VGA_START - BOOT_CMDLINE)

/* image.c: files that become guest memory, open for as long as there may be another machine. */

struct image {
	const char *path;
	const char *what;	/* "kernel" */
	int fd;
	uint64_t bytes;
};

/* Open a regular file for reading.  Return: 0, or -1 after a message with @what it is. */
int image_open(struct image *image, const char *path, const char *what);
/* Read exactly @bytes at @offset into @to, with a bar if it takes long.  Return: 0, or -1 after a
 * message.
 */
int image_read(const struct image *image, uint64_t offset, uint64_t bytes, void *to);
void image_close(struct image *image);

/**
 * boot_linux - load a bzImage by the 64-bit boot protocol
 * @ram: of the machine
 * @page: of the bootstrap processor
 * @kernel: the bzImage
 * @initrd: the initial RAM disk, or NULL
 * @cmdline: the kernel's command line
 * @rsdp: guest-physical address of the ACPI root pointer
 *
 * Source: Documentation/arch/x86/boot.rst of Linux.
 *
 * Return: 0, or -1 after a message.
 */
int boot_linux(const struct ram *ram, struct svmm_vcpu_page *page, const struct image *kernel,
	       const struct image *initrd, const char *cmdline, uint64_t rsdp);

/* What boot_linux() has loaded finds a VGA in text mode 3, 80 by 25. */
void boot_linux_screen(const struct ram *ram);

/**
 * boot_secondary - what firmware leaves set up on each other processor
 * @page: of the processor, which waits for INIT and SIPI
 */
void boot_secondary(struct svmm_vcpu_page *page);

/**
 * boot_flat - load a bare program that starts in real mode at 0000:1000
 * @ram: of the machine
 * @page: of the bootstrap processor
 * @program: whose first byte is the first instruction
 *
 * Return: 0, or -1 after a message.
 */
int boot_flat(const struct ram *ram, struct svmm_vcpu_page *page, const struct image *program);

/**
 * acpi_build - write the ACPI tables into the BIOS area
 * @ram: of the machine
 * @topology: of the CPUs, whose local APICs the MADT lists
 * @pci: it has a PCI bus
 * @pvpanic: it has that port
 *
 * Return: guest-physical address of the RSDP.
 */
uint64_t acpi_build(const struct ram *ram, const struct topology *topology, bool pci, bool pvpanic);

/* Where a guest that suspends wants to go on in real mode, as its FACS says now; 0: nowhere. */
uint32_t acpi_waking_vector(const struct ram *ram);

#endif
