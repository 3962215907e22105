// SPDX-License-Identifier: GPL-2.0
/*
 * What is taken of guest memory while a kernel is loaded.  It knows addresses, and no protocol.
 */
#include "message.h"
#include "places.h"

#define LOWEST_TABLES	0x500		/* real-mode vectors and BIOS data are below */

static void add(struct places *p, uint64_t start, uint64_t end, const char *what)
{
	p->taken[p->nr++] = (struct place) { .start = start, .end = end, .what = what };
}

void places_init(struct places *p, const struct ram *ram)
{
	p->ram = ram;
	p->nr = 0;
	add(p, RAM_VGA_START, RAM_VGA_END, "the VGA window");
}

void places_init_kernel(struct places *p, const struct ram *ram)
{
	places_init(p, ram);
	add(p, RAM_VGA_END, RAM_1M, "the BIOS area with the ACPI tables");
}

/* The first that overlaps, or NULL. */
static const struct place *in_the_way(const struct places *p, uint64_t start, uint64_t end)
{
	for (unsigned int i = 0; i < p->nr; i++) {
		if (start < p->taken[i].end && end > p->taken[i].start)
			return &p->taken[i];
	}
	return NULL;
}

static bool in_memory(const struct places *p, uint64_t start, uint64_t bytes)
{
	return start <= p->ram->low_bytes && bytes <= p->ram->low_bytes - start;
}

bool places_free(const struct places *p, uint64_t start, uint64_t bytes)
{
	return in_memory(p, start, bytes) && !in_the_way(p, start, start + bytes);
}

/* What to do depends on whether more memory would help. */
static void outside(const struct places *p, uint64_t start, uint64_t bytes, const char *what,
		    const char *path)
{
	if (start >= RAM_LOW_MAX || bytes > RAM_LOW_MAX - start)
		message("%s: %s is for %#llx, %#llx bytes, and memory for it ends at %#llx",
			path, what, (unsigned long long)start, (unsigned long long)bytes,
			RAM_LOW_MAX);
	else
		message("%s: %s is for %#llx, %#llx bytes, beyond the %lluM of memory; "
			"use --mem %lluM or more", path, what, (unsigned long long)start,
			(unsigned long long)bytes, (unsigned long long)p->ram->bytes >> 20,
			(unsigned long long)(start + bytes + (1 << 20) - 1) >> 20);
}

int places_take(struct places *p, uint64_t start, uint64_t bytes, const char *what,
		const char *path)
{
	const struct place *other;

	if (!in_memory(p, start, bytes)) {
		outside(p, start, bytes, what, path);
		return -1;
	}
	other = in_the_way(p, start, start + bytes);
	if (other) {
		message("%s: %s is for %#llx to %#llx, but %s is at %#llx to %#llx", path, what,
			(unsigned long long)start, (unsigned long long)(start + bytes), other->what,
			(unsigned long long)other->start, (unsigned long long)other->end);
		return -1;
	}
	if (p->nr == PLACES_MAX) {
		message("%s has too many parts; the file is damaged", path);
		return -1;
	}
	add(p, start, start + bytes, what);
	return 0;
}

uint64_t places_highest(struct places *p, uint64_t bytes, uint64_t align, uint64_t min,
			uint64_t max, const char *what)
{
	uint64_t end = max < p->ram->low_bytes ? max : p->ram->low_bytes, start;
	const struct place *other;

	while (p->nr < PLACES_MAX && bytes <= end) {
		start = (end - bytes) & -align;
		if (start < min)
			break;
		other = in_the_way(p, start, start + bytes);
		if (!other) {
			add(p, start, start + bytes, what);
			return start;
		}
		end = other->start;
	}
	return PLACES_NONE;
}

uint64_t places_lowest(struct places *p, uint64_t bytes, uint64_t align, uint64_t min,
		       uint64_t max, const char *what)
{
	uint64_t end = max < p->ram->low_bytes ? max : p->ram->low_bytes, start = min;
	const struct place *other;

	while (p->nr < PLACES_MAX && start <= end) {
		start = (start + align - 1) & -align;
		if (start > end || bytes > end - start)
			break;
		other = in_the_way(p, start, start + bytes);
		if (!other) {
			add(p, start, start + bytes, what);
			return start;
		}
		start = other->end;
	}
	return PLACES_NONE;
}

uint64_t places_tables(struct places *p, uint64_t bytes, const char *what)
{
	uint64_t gpa = places_highest(p, bytes, 4096, LOWEST_TABLES, RAM_VGA_START, what);

	if (gpa == PLACES_NONE)
		gpa = places_highest(p, bytes, 4096, RAM_1M, RAM_LOW_MAX, what);
	if (gpa == PLACES_NONE)
		message("no memory is left for %s, %llu bytes; use more --mem", what,
			(unsigned long long)bytes);
	return gpa;
}

unsigned int memory_map(const struct ram *ram, struct memory_range map[MEMORY_MAP_MAX])
{
	unsigned int nr = 0;

	map[nr++] = (struct memory_range) { 0, RAM_VGA_START, MEMORY_RAM };
	map[nr++] = (struct memory_range) { RAM_BIOS_START, RAM_1M - RAM_BIOS_START,
					    MEMORY_RESERVED };
	if (ram->low_bytes > RAM_1M)
		map[nr++] = (struct memory_range) { RAM_1M, ram->low_bytes - RAM_1M, MEMORY_RAM };
	if (ram->high_bytes)
		map[nr++] = (struct memory_range) { RAM_HIGH_START, ram->high_bytes, MEMORY_RAM };
	return nr;
}
