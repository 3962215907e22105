// SPDX-License-Identifier: GPL-2.0
/*
 * A bare program as the guest: no firmware, no tables, the whole file at one address.  It is what
 * tests of single instructions start from, and boot sectors, and ROM images.
 */
#include "boot.h"
#include "loader.h"
#include "message.h"
#include "places.h"

#define PAGE_BYTES	4096ULL

static int check_entry(const struct image *program, const struct flat_options *o)
{
	if (o->entry < o->load || o->entry - o->load >= program->bytes) {
		message("--entry %#llx is not in the program, which is at %#llx to %#llx",
			(unsigned long long)o->entry, (unsigned long long)o->load,
			(unsigned long long)(o->load + program->bytes));
		return -1;
	}
	if (o->mode == FLAT_REAL && o->entry >= RAM_1M) {
		message("--entry %#llx: real mode ends at 1 MiB; use --mode protected or long",
			(unsigned long long)o->entry);
		return -1;
	}
	return 0;
}

/* 32-bit or 64-bit mode, whose tables go where the program is not. */
static int enter_flat(const struct ram *ram, struct svmm_vcpu_page *page, struct places *places,
		      const struct flat_options *o)
{
	unsigned int pages = o->mode == FLAT_LONG ? ENTER_TABLE_PAGES(4) : 0;
	uint64_t tables = places_tables(places, (pages + 1) * PAGE_BYTES, "GDT and page tables");
	uint64_t gdt = tables + pages * PAGE_BYTES;

	if (tables == PLACES_NONE)
		return -1;
	if (o->mode == FLAT_LONG)
		enter_long(ram, page, gdt, tables, 4, o->entry);
	else
		enter_protected(ram, page, gdt, o->entry);
	return 0;
}

int boot_flat(const struct ram *ram, struct svmm_vcpu_page *page, const struct image *program,
	      const struct flat_options *options)
{
	struct places places;

	if (!program->bytes) {
		message("the program %s is empty", program->path);
		return -1;
	}
	places_init(&places, ram);
	if (places_take(&places, options->load, program->bytes, "the program", program->path) ||
	    check_entry(program, options) ||
	    image_read(program, 0, program->bytes, ram->host + options->load))
		return -1;
	if (options->mode == FLAT_REAL)
		enter_real(page, options->entry);
	else if (enter_flat(ram, page, &places, options))
		return -1;
	/* Real mode has SS:SP = 0:0 at the most: the first push is below 64 KiB. */
	page->gpr.rsp = options->mode == FLAT_REAL && options->load > 0xffff ? 0 : options->load;
	return 0;
}
