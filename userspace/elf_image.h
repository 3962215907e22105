/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ELF files that are loaded as kernels: their segments, their notes, their entry point.
 *
 * It knows x86 ELF of both classes, and no boot protocol.  The file is hostile: every value is
 * checked here, once, and what is in struct elf_image can be relied on.
 */
#ifndef VMCTL_ELF_IMAGE_H
#define VMCTL_ELF_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loader.h"

#define ELF_SEGMENTS_MAX	64
#define ELF_NOTES_MAX		8

/**
 * struct elf_segment - a part of the file that is loaded
 * @offset: in the file
 * @file_bytes: so many are there, which are in the file
 * @bytes: size in memory, not 0, of which the rest is zero; @gpa + @bytes is in 64 bits
 * @gpa: physical address
 * @va: virtual address, by which the entry point may be given
 */
struct elf_segment {
	uint64_t offset, file_bytes, bytes, gpa, va;
};

/* Notes, which are in the file. */
struct elf_notes {
	uint64_t offset, bytes;
	unsigned int align;	/* 4 or 8 */
};

struct elf_image {
	const struct image *image;
	bool is_64;
	bool is_linked;		/* to fixed addresses (ET_EXEC) */
	bool has_interpreter;	/* it names a dynamic linker */
	uint64_t entry;
	struct elf_segment segments[ELF_SEGMENTS_MAX];
	unsigned int nr_segments;
	struct elf_notes notes[ELF_NOTES_MAX];
	unsigned int nr_notes;
};

/* Does it begin like an ELF file for x86?  @head has what there is of 64 bytes. */
bool elf_recognise(const struct loader_head *head);

/**
 * elf_read - read the headers
 * @elf: filled in
 * @head: elf_recognise() says yes to it
 * @why: what is wrong, a sentence's end behind the file's name
 * @room: for it
 *
 * Return: false: it cannot be loaded.
 */
bool elf_read(struct elf_image *elf, const struct loader_head *head, char *why, size_t room);

/* The lowest address of a segment, and the end of the highest. */
void elf_bounds(const struct elf_image *elf, uint64_t *start, uint64_t *end);

/* Is that physical address in a segment? */
bool elf_has(const struct elf_image *elf, uint64_t gpa);

/**
 * elf_load - take the places of all segments, and read them
 * @elf: from elf_read()
 * @places: of the machine
 * @shift: what is added to each address
 *
 * Return: 0, or -1 after a message.
 */
int elf_load(const struct elf_image *elf, struct places *places, uint64_t shift);

/**
 * elf_find_note - look for a note
 * @elf: from elf_read()
 * @name: who has defined its type
 * @type: of it
 * @value: filled in, with zeroes behind it up to @max bytes
 * @min: its least size
 * @max: its largest
 *
 * Return: whether there is one.
 */
bool elf_find_note(const struct elf_image *elf, const char *name, uint32_t type, void *value,
		   size_t min, size_t max);

/* Where @address, virtual or physical, is in memory, without a shift.  False: in no segment, and
 * @gpa is @address.
 */
bool elf_physical(const struct elf_image *elf, uint64_t address, uint64_t *gpa);

#endif
