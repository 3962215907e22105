// SPDX-License-Identifier: GPL-2.0
/*
 * An ELF file that is made for no boot protocol: a test program.  One of 64 bits starts in long
 * mode with the first 4 GiB mapped to themselves, one of 32 bits in protected mode with paging off;
 * both with flat segments and a small stack, and are handed nothing: ACPI tables can be found as
 * ever.
 */
#include <elf.h>

#include "elf_image.h"
#include "message.h"

#define PAGE_BYTES	4096ULL
#define TABLE_PAGES	(ENTER_TABLE_PAGES(4) + 1)	/* and one for the GDT */
#define STACK_BYTES	16384ULL
#define MAPPED		(4ULL << 30)

/* Made for a dynamic linker, or, as libc's start-up code notes, for an operating system. */
static bool is_user_program(const struct elf_image *elf)
{
	uint32_t abi[4];

	return elf->has_interpreter ||
	       elf_find_note(elf, "GNU", NT_GNU_ABI_TAG, abi, sizeof(abi), sizeof(abi));
}

/* What cannot be meant. */
static bool check(const struct elf_image *elf, const struct boot *boot)
{
	const char *bad = NULL;

	if (is_user_program(elf))
		bad = "is a program for an operating system, not a kernel";
	else if (!elf->is_linked)
		bad = "is position-independent; link it to fixed addresses (-static -no-pie)";
	else if (boot->nr_modules)
		bad = "has neither a PVH entry nor a multiboot header, so it takes no modules and "
		      "no initrd";
	if (bad)
		message("%s %s", elf->image->path, bad);
	return !bad;
}

static int enter(const struct elf_image *elf, const struct boot *boot, struct places *places,
		 uint64_t entry)
{
	uint64_t tables = places_tables(places, TABLE_PAGES * PAGE_BYTES, "GDT and page tables");
	uint64_t stack, gdt = tables + (TABLE_PAGES - 1) * PAGE_BYTES;

	if (tables == PLACES_NONE)
		return -1;
	stack = places_tables(places, STACK_BYTES, "a stack");
	if (stack == PLACES_NONE)
		return -1;
	if (elf->is_64)
		enter_long(boot->ram, boot->page, gdt, tables, MAPPED >> 30, entry);
	else
		enter_protected(boot->ram, boot->page, gdt, entry);
	boot->page->gpr.rsp = stack + STACK_BYTES;
	return 0;
}

static int load(const struct boot *boot, const struct loader_head *head)
{
	struct places places;
	struct elf_image elf;
	uint64_t entry;
	char why[160];

	if (!elf_read(&elf, head, why, sizeof(why))) {
		message("%s %s", head->image->path, why);
		return -1;
	}
	if (!check(&elf, boot))
		return -1;
	if (!elf_physical(&elf, elf.entry, &entry)) {
		message("%s starts at %#llx, where it has nothing; the file is damaged",
			head->image->path, (unsigned long long)elf.entry);
		return -1;
	}
	places_init_kernel(&places, boot->ram);
	if (elf_load(&elf, &places, 0))
		return -1;
	return enter(&elf, boot, &places, entry);
}

const struct loader loader_elf = {
	.name = "another ELF program of fixed addresses",
	.head_bytes = 64,
	.recognise = elf_recognise,
	.load = load,
};
