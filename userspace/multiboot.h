/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What both versions of multiboot have in common: how an image is loaded that gives its own
 * addresses, and what a kernel with an ELF header is.
 */
#ifndef VMCTL_MULTIBOOT_H
#define VMCTL_MULTIBOOT_H

#include "elf_image.h"

#define MULTIBOOT_LOADER_NAME	"vmctl"

/* The text screen that each PC starts with. */
#define MULTIBOOT_TEXT_GPA	0xb8000
#define MULTIBOOT_TEXT_WIDTH	80
#define MULTIBOOT_TEXT_HEIGHT	25
#define MULTIBOOT_TEXT_PITCH	160
#define MULTIBOOT_TEXT_BPP	16
#define MULTIBOOT_TYPE_TEXT	2

/**
 * struct multiboot_image - a kernel, and where it goes
 * @elf: its ELF headers, if it is loaded by those
 * @by_elf: else it is the one part that follows
 * @offset: in the file
 * @file_bytes: so many are there, which are in the file
 * @bytes: size in memory, of which the rest is zero
 * @gpa: physical address
 * @entry: physical address of the first instruction
 */
struct multiboot_image {
	const struct image *image;
	struct elf_image elf;
	bool by_elf;
	uint64_t offset, file_bytes, bytes, gpa;
	uint64_t entry;
};

/**
 * struct multiboot_addresses - the header's address fields, in both versions
 * @header_offset: where the header is in the file
 * @header, @load, @load_end, @bss_end: as the header has them; @load UINT32_MAX: the file's start
 */
struct multiboot_addresses {
	uint64_t header_offset;
	uint32_t header, load, load_end, bss_end;
};

/* Take the place from the addresses; @m->entry is the caller's.  0, or -1 after a message. */
int multiboot_by_addresses(struct multiboot_image *m, const struct multiboot_addresses *a);

/* Take the place from the ELF header, and the entry.  0, or -1 after a message. */
int multiboot_by_elf(struct multiboot_image *m, const struct loader_head *head);

/* Put it into memory, each address @shift higher.  0, or -1 after a message. */
int multiboot_load(const struct multiboot_image *m, struct places *places, uint64_t shift);

/* Where it starts is in it: 0, or -1 after a message. */
int multiboot_check_entry(const struct multiboot_image *m);

/* The lowest address, and the end of the highest part. */
void multiboot_bounds(const struct multiboot_image *m, uint64_t *start, uint64_t *end);

/* Start it as a BIOS's loader would, with what the protocol says in EAX and EBX.  Return: 0, or -1
 * after a message.
 */
int multiboot_enter(const struct boot *boot, struct places *places, uint64_t entry, uint32_t magic,
		    uint64_t info);

#endif
