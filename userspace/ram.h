/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guest RAM: where it lies in the guest and in vmctl.
 *
 * The PC's layout: RAM from 0 up to 3 GiB, the rest from 4 GiB on, no RAM in
 * the VGA window A0000h-BFFFFh.  One mapping of the host backs it all.
 */
#ifndef VMCTL_RAM_H
#define VMCTL_RAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RAM_VGA_START	0xa0000ULL
#define RAM_VGA_END	0xc0000ULL
#define RAM_BIOS_START	0xe0000ULL	/* ACPI tables, or firmware; reserved in the e820 map */
#define RAM_1M		0x100000ULL
#define RAM_LOW_MAX	0xc0000000ULL	/* devices live between 3 and 4 GiB */
#define RAM_HIGH_START	0x100000000ULL

#define RAM_PAGE_4K	0x1000UL
#define RAM_MEMFD	"memfd"

/**
 * struct ram_backing - what the memory is in the host
 * @path: a file, which is shared with whoever maps it; a directory, for a file
 *	without a name in it; RAM_MEMFD; NULL: anonymous memory
 * @page: size of its pages in bytes: RAM_PAGE_4K, or one of hugetlbfs; 0: huge
 *	pages as the host has them to spare
 * @prefault: get all of it now
 * @merge: let the host merge equal pages (KSM)
 */
struct ram_backing {
	const char *path;
	unsigned long page;
	bool prefault;
	bool merge;
};

/**
 * struct ram_file - the file that the memory of all machines of a VM is in, one after the other
 * @fd: of it, or -1: memory is anonymous
 * @page: size of its pages in bytes
 * @named: it has a name, and its contents are kept; else each machine finds zeroes
 */
struct ram_file {
	int fd;
	unsigned long page;
	bool named;
};

/**
 * struct ram - the guest's memory
 * @host: where the mapping starts; guest-physical 0
 * @bytes: all of it
 * @low_bytes: what lies below 3 GiB, with the VGA window counted
 * @high_bytes: what lies above 4 GiB
 * @page: size of its pages in bytes, 4096 for memory without a size of its own
 * @prefault: map it into the VM before the guest touches it
 * @fd: what it is a shared mapping of, or -1; of the struct ram_file
 */
struct ram {
	uint8_t *host;
	uint64_t bytes;
	uint64_t low_bytes;
	uint64_t high_bytes;
	unsigned long page;
	bool prefault;
	int fd;
};

/**
 * ram_open - open what @backing names, before paths lead nowhere any more
 * @file: filled in; ram_close() also of what is anonymous
 * @bytes: of memory, at least 1 MiB
 * @backing: where it shall be
 *
 * It is opened once for all machines, so that a process that serves devices never has memory of a
 * machine that is gone, and so that a file's size cannot change: memory without a name is sealed.
 *
 * Return: 0, or -1 after a message.
 */
int ram_open(struct ram_file *file, uint64_t bytes, const struct ram_backing *backing);
void ram_close(struct ram_file *file);

/* Map the @bytes of ram_open(); nobody else has them mapped.  Return: 0, or -1 after a message. */
int ram_alloc(struct ram *ram, uint64_t bytes, const struct ram_backing *backing,
	      const struct ram_file *file);
void ram_free(struct ram *ram);

/* Hand the memory to the VM @vm_fd.  Return: 0, or -1 after a message. */
int ram_register(const struct ram *ram, int vm_fd);

struct machine_region;

/* As machine_memory_regions() (device.h). */
unsigned int ram_regions(const struct ram *ram, struct machine_region *regions);

/* @bytes of RAM below 3 GiB at @gpa, or NULL if they are not all there. */
void *ram_at(const struct ram *ram, uint64_t gpa, uint64_t bytes);

/* @bytes (not 0) of RAM at any @gpa, or NULL if they are not all there; for what devices do. */
static inline void *ram_find(const struct ram *ram, uint64_t gpa, uint64_t bytes)
{
	if (gpa >= RAM_HIGH_START) {
		gpa -= RAM_HIGH_START;
		if (gpa >= ram->high_bytes || bytes > ram->high_bytes - gpa)
			return NULL;
		return ram->host + ram->low_bytes + gpa;
	}
	if (gpa >= ram->low_bytes || bytes > ram->low_bytes - gpa)
		return NULL;
	if (gpa < RAM_VGA_END && gpa + bytes > RAM_VGA_START)
		return NULL;
	return ram->host + gpa;
}

/**
 * ram_discard - give pages back to the host; the guest finds zeroes there
 * @ram: of the machine
 * @start: in it, on a multiple of 4096
 * @bytes: a multiple of 4096, all of them in it
 *
 * Of a file, with a name or without, the pages are punched out.
 *
 * Return: 0 or -errno; -EOPNOTSUPP: this memory's pages are larger, or its file system punches no
 * holes.
 */
int ram_discard(const struct ram *ram, void *start, uint64_t bytes);

#endif
