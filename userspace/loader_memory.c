// SPDX-License-Identifier: GPL-2.0
/*
 * What is put into memory beside a kernel: its modules, and structures that tell of them.  It knows
 * no protocol: what they say is the loader's.
 */
#include <assert.h>
#include <string.h>

#include "loader.h"
#include "message.h"

#define PAGE_BYTES	4096ULL

static int load_module(const struct boot *boot, struct places *places, places_find *find,
		       uint64_t min, const struct image *image, uint64_t *gpa)
{
	if (!image->bytes) {
		message("the %s %s is empty", image->what, image->path);
		return -1;
	}
	*gpa = find(places, image->bytes, PAGE_BYTES, min, RAM_LOW_MAX, "a module");
	if (*gpa == PLACES_NONE) {
		message("the %s %s is too large: %lluM, which %lluM of memory have no room for; "
			"give the guest more (--mem)", image->what, image->path,
			(unsigned long long)(image->bytes + (1 << 20) - 1) >> 20,
			(unsigned long long)boot->ram->bytes >> 20);
		return -1;
	}
	return image_read(image, 0, image->bytes, boot->ram->host + *gpa);
}

int load_modules(const struct boot *boot, struct places *places, places_find *find, uint64_t min,
		 struct loaded_module *loaded)
{
	for (unsigned int i = 0; i < boot->nr_modules; i++) {
		loaded[i].bytes = boot->modules[i].image.bytes;
		if (load_module(boot, places, find, min, &boot->modules[i].image, &loaded[i].gpa))
			return -1;
	}
	return 0;
}

int area_new(struct area *area, struct places *places, uint64_t bytes)
{
	uint64_t gpa = places_tables(places, bytes, "what the kernel is told");

	if (gpa == PLACES_NONE)
		return -1;
	*area = (struct area) { .ram = places->ram, .gpa = gpa, .end = gpa + bytes };
	return 0;
}

uint64_t area_put(struct area *area, const void *data, size_t bytes)
{
	uint64_t gpa = area->gpa;

	assert(AREA_BYTES(bytes) <= area->end - gpa);
	memcpy(area->ram->host + gpa, data, bytes);
	area->gpa += AREA_BYTES(bytes);
	return gpa;
}
