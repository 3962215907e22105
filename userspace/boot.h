/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is put into a new machine before it runs: a kernel or a bare program, and the registers that
 * it starts with.  Its ACPI tables are acpi.h's.
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

#define BOOT_FLAT	0x1000ULL	/* where a bare program is loaded if nothing else is said */

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
 * struct boot_module - a file for the kernel to find in memory
 * @image: of it; @image.what is "initrd" or "module"
 * @args: its own command line, or ""
 */
struct boot_module {
	struct image image;
	const char *args;
};

#define BOOT_MODULES_MAX	32

/**
 * struct boot - all that a loader works with
 * @ram: of the machine
 * @page: of the bootstrap processor
 * @kernel: the file to boot
 * @modules: what goes with it; of Linux the first is the initial RAM disk
 * @nr_modules: how many, BOOT_MODULES_MAX at most
 * @cmdline: the kernel's command line
 * @rsdp: guest-physical address of the ACPI root pointer
 * @screen: there is a VGA, in text mode 3
 */
struct boot {
	const struct ram *ram;
	struct svmm_vcpu_page *page;
	const struct image *kernel;
	const struct boot_module *modules;
	unsigned int nr_modules;
	const char *cmdline;
	uint64_t rsdp;
	bool screen;
};

/**
 * boot_kernel - load a kernel by the first protocol that it is made for (loader.h)
 * @boot: what is loaded, and where to
 *
 * Return: 0, or -1 after a message.
 */
int boot_kernel(const struct boot *boot);

/**
 * boot_secondary - what firmware leaves set up on each other processor
 * @page: of the processor, which waits for INIT and SIPI
 */
void boot_secondary(struct svmm_vcpu_page *page);

enum flat_mode {
	FLAT_REAL,	/* 16-bit */
	FLAT_PROTECTED,	/* 32-bit, flat segments, paging off */
	FLAT_LONG,	/* 64-bit, the first 4 GiB mapped to themselves */
};

/**
 * struct flat_options - a bare program's place and start
 * @load: guest-physical address of its first byte
 * @entry: of its first instruction
 * @mode: of the processor there
 */
struct flat_options {
	uint64_t load;
	uint64_t entry;
	enum flat_mode mode;
};

/**
 * boot_flat - load a bare program, without firmware or tables
 * @ram: of the machine
 * @page: of the bootstrap processor
 * @program: the file, which is loaded as it is
 * @options: where to, and how it starts
 *
 * The stack ends where the program begins, or in real mode at 64 KiB if that is higher up.
 * Selectors 10h (code) and 18h (data) are in a GDT of its own in the other two modes.
 *
 * Return: 0, or -1 after a message.
 */
int boot_flat(const struct ram *ram, struct svmm_vcpu_page *page, const struct image *program,
	      const struct flat_options *options);

#endif
