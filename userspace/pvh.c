// SPDX-License-Identifier: GPL-2.0
/*
 * An ELF kernel with an entry point for PVH: Linux's vmlinux, Xen, FreeBSD and others.  It starts
 * in 32-bit mode and finds modules, command line, memory map and ACPI tables by one structure
 * (docs/misc/pvh.pandoc and xen/include/public/arch-x86/hvm/start_info.h in Xen's sources).
 */
#include <string.h>

#include "elf_image.h"
#include "message.h"

#define PHYS32_ENTRY	18		/* XEN_ELFNOTE_PHYS32_ENTRY */
#define MAGIC		0x336ec578u
#define VERSION		1

struct start_info {
	uint32_t magic;
	uint32_t version;
	uint32_t flags;
	uint32_t nr_modules;
	uint64_t modlist;
	uint64_t cmdline;
	uint64_t rsdp;
	uint64_t memmap;
	uint32_t memmap_entries;
	uint32_t reserved;
};

struct module_entry {
	uint64_t paddr;
	uint64_t size;
	uint64_t cmdline;
	uint64_t reserved;
};

struct memmap_entry {
	uint64_t addr;
	uint64_t size;
	uint32_t type;
	uint32_t reserved;
};

/* Return: whether @entry was found; as a number of 4 or 8 bytes. */
static bool find_entry(const struct elf_image *elf, uint64_t *entry)
{
	return elf_find_note(elf, "Xen", PHYS32_ENTRY, entry, sizeof(uint32_t), sizeof(*entry));
}

static bool recognise(const struct loader_head *head)
{
	struct elf_image elf;
	uint64_t entry;
	char why[160];

	return elf_recognise(head) && elf_read(&elf, head, why, sizeof(why)) &&
	       find_entry(&elf, &entry);
}

/* What all of it takes. */
static uint64_t info_bytes(const struct boot *boot)
{
	uint64_t bytes = AREA_BYTES(sizeof(struct start_info)) +
			 AREA_BYTES(MEMORY_MAP_MAX * sizeof(struct memmap_entry)) +
			 AREA_BYTES(boot->nr_modules * sizeof(struct module_entry)) +
			 AREA_BYTES(strlen(boot->cmdline) + 1);

	for (unsigned int i = 0; i < boot->nr_modules; i++)
		bytes += AREA_BYTES(strlen(boot->modules[i].args) + 1);
	return bytes;
}

static void put_memory_map(struct area *area, struct start_info *info)
{
	struct memory_range map[MEMORY_MAP_MAX];
	struct memmap_entry entries[MEMORY_MAP_MAX] = { 0 };
	unsigned int nr = memory_map(area->ram, map);

	for (unsigned int i = 0; i < nr; i++)
		entries[i] = (struct memmap_entry) {
			.addr = map[i].start, .size = map[i].bytes, .type = map[i].type,
		};
	info->memmap = area_put(area, entries, nr * sizeof(entries[0]));
	info->memmap_entries = nr;
}

static void put_modules(struct area *area, const struct boot *boot,
			const struct loaded_module *loaded, struct start_info *info)
{
	struct module_entry entries[BOOT_MODULES_MAX];
	const char *args;

	for (unsigned int i = 0; i < boot->nr_modules; i++) {
		args = boot->modules[i].args;
		entries[i] = (struct module_entry) {
			.paddr = loaded[i].gpa,
			.size = loaded[i].bytes,
			.cmdline = *args ? area_put(area, args, strlen(args) + 1) : 0,
		};
	}
	if (boot->nr_modules)
		info->modlist = area_put(area, entries, boot->nr_modules * sizeof(entries[0]));
	info->nr_modules = boot->nr_modules;
}

/* Return: where it is, or PLACES_NONE after a message. */
static uint64_t put_info(const struct boot *boot, struct places *places,
			 const struct loaded_module *loaded)
{
	struct start_info info = { .magic = MAGIC, .version = VERSION, .rsdp = boot->rsdp };
	struct area area;

	if (area_new(&area, places, info_bytes(boot)))
		return PLACES_NONE;
	info.cmdline = area_put(&area, boot->cmdline, strlen(boot->cmdline) + 1);
	put_memory_map(&area, &info);
	put_modules(&area, boot, loaded, &info);
	return area_put(&area, &info, sizeof(info));
}

static int load(const struct boot *boot, const struct loader_head *head)
{
	struct loaded_module loaded[BOOT_MODULES_MAX];
	uint64_t entry, info, gdt;
	struct places places;
	struct elf_image elf;
	char why[160];

	if (!elf_read(&elf, head, why, sizeof(why)) || !find_entry(&elf, &entry)) {
		message("%s became another file while it was read", head->image->path);
		return -1;
	}
	if (!elf_has(&elf, entry)) {
		message("%s starts at %#llx, where it has nothing; the file is damaged",
			head->image->path, (unsigned long long)entry);
		return -1;
	}
	places_init_kernel(&places, boot->ram);
	if (elf_load(&elf, &places, 0) ||
	    load_modules(boot, &places, places_highest, RAM_1M, loaded))
		return -1;
	info = put_info(boot, &places, loaded);
	if (info == PLACES_NONE)
		return -1;
	gdt = places_tables(&places, ENTER_GDT_BYTES, "a GDT");
	if (gdt == PLACES_NONE)
		return -1;
	enter_protected(boot->ram, boot->page, gdt, entry);
	boot->page->gpr.rbx = info;
	return 0;
}

const struct loader loader_pvh = {
	.name = "an ELF kernel with a PVH entry (vmlinux)",
	.head_bytes = 64,
	.recognise = recognise,
	.load = load,
};
