/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kinds of kernel that can be booted: one struct loader, and one file, for each.
 *
 * A loader knows its protocol.  It does not know the others, nor options, devices or threads.
 * Where things lie in guest memory is places.h's, the processor's start states are enter.c's.
 */
#ifndef VMCTL_LOADER_H
#define VMCTL_LOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "boot.h"
#include "places.h"

/**
 * struct loader_head - the start of the file, read once
 * @image: the file
 * @bytes: its first bytes
 * @nr: how many of them were read; fewer than the loader asked for if the file is shorter
 */
struct loader_head {
	const struct image *image;
	const uint8_t *bytes;
	size_t nr;
};

/**
 * struct loader - a kind of kernel
 * @name: for messages, with an article
 * @head_bytes: how much of the file's start it looks at
 * @recognise: is it one?  Says nothing, and reads no further than it must
 * @load: put it into memory and set the registers; 0, or -1 after a message
 */
struct loader {
	const char *name;
	size_t head_bytes;
	bool (*recognise)(const struct loader_head *head);
	int (*load)(const struct boot *boot, const struct loader_head *head);
};

extern const struct loader loader_bzimage, loader_pvh, loader_multiboot2, loader_multiboot,
			   loader_elf;

/* The largest @head_bytes there may be, and what file_kind() wants to see: an ISO image's magic. */
#define LOADER_HEAD_MAX	(32768 + 16)

/* A file that no loader takes, in words: what it is, with a verb, and what to do about it. */
const char *file_kind(const uint8_t *bytes, size_t nr);

/* loader_memory.c: what goes with the kernel. */

/* Where a module lies. */
struct loaded_module {
	uint64_t gpa;
	uint64_t bytes;
};

/**
 * load_modules - put each module on a page of its own
 * @boot: which
 * @places: what is taken; the modules are, then
 * @find: places_lowest() or places_highest()
 * @min: nowhere below
 * @loaded: filled in, one for each module
 *
 * Return: 0, or -1 after a message.
 */
int load_modules(const struct boot *boot, struct places *places, places_find *find, uint64_t min,
		 struct loaded_module *loaded);

/**
 * struct area - memory that structures for the guest are put into, one behind the other
 * @ram: of the machine
 * @gpa: where the next one goes, a multiple of 8
 * @end: of it
 */
struct area {
	const struct ram *ram;
	uint64_t gpa, end;
};

/* What one takes there. */
#define AREA_BYTES(bytes)	(((uint64_t)(bytes) + 7) & -8ULL)

/* Find room.  Return: 0, or -1 after a message. */
int area_new(struct area *area, struct places *places, uint64_t bytes);

/* Put a structure there, for which there must be room.  Return: its guest-physical address. */
uint64_t area_put(struct area *area, const void *data, size_t bytes);

/* enter.c: how a processor starts.  RSP and what a protocol hands over are the caller's. */

#define ENTER_GDT_BYTES	32
#define ENTER_CS	0x10	/* selectors that Linux asks for, and nobody minds */
#define ENTER_DS	0x18

/* Pages of page tables that map @gib (1 to 4) GiB. */
#define ENTER_TABLE_PAGES(gib)	(2 + (gib))

/* Real mode at @entry, below 1 MiB: its 64 KiB is the code segment, all others start at 0. */
void enter_real(struct svmm_vcpu_page *page, uint32_t entry);

/* 32-bit code, flat segments, paging off; the GDT is written to @gdt. */
void enter_protected(const struct ram *ram, struct svmm_vcpu_page *page, uint64_t gdt,
		     uint32_t entry);

/* 64-bit code; page tables that map the first @gib GiB to themselves are written to @tables. */
void enter_long(const struct ram *ram, struct svmm_vcpu_page *page, uint64_t gdt, uint64_t tables,
		unsigned int gib, uint64_t entry);

/* How many GiB to map for all below @end, up to 4 GiB, to be there. */
static inline unsigned int enter_gib(uint64_t end)
{
	return end ? (end + (1 << 30) - 1) >> 30 : 1;
}

#endif
