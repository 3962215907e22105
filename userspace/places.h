/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who lies where in guest memory while a kernel is loaded: what is taken, and what is free.
 *
 * A kernel's file says where it wants to be, and may say anything.  So nothing is written before
 * its place was taken here, which fails outside RAM and where something else already is.  All of
 * it is about RAM below 3 GiB.
 */
#ifndef VMCTL_PLACES_H
#define VMCTL_PLACES_H

#include <stdbool.h>
#include <stdint.h>

#include "ram.h"

#define PLACES_MAX	128

struct place {
	uint64_t start, end;
	const char *what;	/* for messages */
};

struct places {
	const struct ram *ram;
	struct place taken[PLACES_MAX];
	unsigned int nr;
};

/* Nothing is taken but what is no RAM. */
void places_init(struct places *p, const struct ram *ram);

/* Likewise, with what lies between 640 KiB and 1 MiB in a machine that has ACPI tables. */
void places_init_kernel(struct places *p, const struct ram *ram);

/**
 * places_take - take a part of memory for good
 * @p: of the machine
 * @start: guest-physical address
 * @bytes: how much, not 0
 * @what: it is for, in words, for messages about what comes later
 * @path: of the file that asks for it
 *
 * Return: 0, or -1 after a message: it is not all RAM, or taken.
 */
int places_take(struct places *p, uint64_t start, uint64_t bytes, const char *what,
		const char *path);

/**
 * places_find - find a free part of memory, and take it
 * @p: of the machine
 * @bytes: how much, not 0
 * @align: a power of two
 * @min: the lowest address that will do
 * @max: where it has to end
 * @what: it is for
 *
 * Return: its address, or PLACES_NONE.
 */
typedef uint64_t places_find(struct places *p, uint64_t bytes, uint64_t align, uint64_t min,
			     uint64_t max, const char *what);
#define PLACES_NONE	UINT64_MAX

places_find places_lowest, places_highest;

/* A place for tables: the highest below 640 KiB, else below 3 GiB; PLACES_NONE after a message. */
uint64_t places_tables(struct places *p, uint64_t bytes, const char *what);

/* Is that all RAM, and free? */
bool places_free(const struct places *p, uint64_t start, uint64_t bytes);

/* The guest's memory map; types are those of e820, which every protocol uses. */
#define MEMORY_RAM	1
#define MEMORY_RESERVED	2
#define MEMORY_MAP_MAX	4

struct memory_range {
	uint64_t start;
	uint64_t bytes;
	uint32_t type;
};

/* Return: how many there are. */
unsigned int memory_map(const struct ram *ram, struct memory_range map[MEMORY_MAP_MAX]);

#endif
