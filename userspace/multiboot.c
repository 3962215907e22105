// SPDX-License-Identifier: GPL-2.0
/*
 * Multiboot kernels of version 1 (Multiboot Specification 0.6.96, "spec" below).
 *
 * The header is somewhere in the first 8 KiB.  The kernel is an ELF file of either class, or any
 * file whose header has addresses.
 */
#include <string.h>

#include "message.h"
#include "multiboot.h"

#define SEARCH_BYTES	8192
#define HEADER_ALIGN	4
#define HEADER_MAGIC	0x1badb002u
#define ENTER_MAGIC	0x2badb002u

/* Header flags: the low half are demands. */
#define PAGE_ALIGNED	(1u << 0)	/* modules, which always are */
#define MEMORY_INFO	(1u << 1)
#define VIDEO_MODE	(1u << 2)
#define DEMANDS		0xffffu
#define HAS_ADDRESSES	(1u << 16)

struct header {
	uint32_t magic, flags, checksum;
	uint32_t header_addr, load_addr, load_end_addr, bss_end_addr, entry_addr;
};

#define PLAIN_BYTES	12u		/* of the header without addresses */

/* Information flags. */
#define INFO_MEMORY	(1u << 0)
#define INFO_CMDLINE	(1u << 2)
#define INFO_MODULES	(1u << 3)
#define INFO_MEMORY_MAP	(1u << 6)
#define INFO_LOADER	(1u << 9)
#define INFO_SCREEN	(1u << 12)

struct info {
	uint32_t flags;
	uint32_t mem_lower, mem_upper;
	uint32_t boot_device;
	uint32_t cmdline;
	uint32_t mods_count, mods_addr;
	uint32_t syms[4];
	uint32_t mmap_length, mmap_addr;
	uint32_t drives_length, drives_addr;
	uint32_t config_table;
	uint32_t boot_loader_name;
	uint32_t apm_table;
	uint32_t vbe_control_info, vbe_mode_info;
	uint16_t vbe_mode, vbe_interface_seg, vbe_interface_off, vbe_interface_len;
	uint32_t screen_addr, screen_addr_high;
	uint32_t screen_pitch, screen_width, screen_height;
	uint8_t screen_bpp, screen_type;
	uint8_t color_info[6];
};

struct module_entry {
	uint32_t start, end;
	uint32_t string;
	uint32_t reserved;
};

/* Its size does not count itself (spec, 3.3). */
struct mmap_entry {
	uint32_t size;
	uint64_t addr;
	uint64_t length;
	uint32_t type;
} __attribute__((packed));

/* Return: where it is in the file, or -1. */
static long find_header(const struct loader_head *head, struct header *h)
{
	size_t end = head->nr < SEARCH_BYTES ? head->nr : SEARCH_BYTES;

	memset(h, 0, sizeof(*h));
	for (size_t at = 0; at + PLAIN_BYTES <= end; at += HEADER_ALIGN) {
		memcpy(h, head->bytes + at, PLAIN_BYTES);
		if (h->magic != HEADER_MAGIC || h->magic + h->flags + h->checksum)
			continue;
		if (!(h->flags & HAS_ADDRESSES))
			return at;
		if (at + sizeof(*h) > end)
			continue;
		memcpy(h, head->bytes + at, sizeof(*h));
		return at;
	}
	return -1;
}

static bool recognise(const struct loader_head *head)
{
	struct header h;

	return find_header(head, &h) >= 0;
}

/* Where the kernel goes, from its header.  Return: 0, or -1 after a message. */
static int read_image(struct multiboot_image *m, const struct loader_head *head)
{
	struct header h;
	long at = find_header(head, &h);
	uint32_t unknown = h.flags & DEMANDS & ~(PAGE_ALIGNED | MEMORY_INFO | VIDEO_MODE);
	const struct multiboot_addresses a = {
		.header_offset = at, .header = h.header_addr, .load = h.load_addr,
		.load_end = h.load_end_addr, .bss_end = h.bss_end_addr,
	};

	if (unknown) {
		message("%s demands what multiboot does not define (flags %#x); is it multiboot2?",
			head->image->path, unknown);
		return -1;
	}
	if (!(h.flags & HAS_ADDRESSES))
		return multiboot_by_elf(m, head);
	m->entry = h.entry_addr;
	return multiboot_by_addresses(m, &a);
}

/* What all of it takes. */
static uint64_t info_bytes(const struct boot *boot)
{
	uint64_t bytes = AREA_BYTES(sizeof(struct info)) +
			 AREA_BYTES(MEMORY_MAP_MAX * sizeof(struct mmap_entry)) +
			 AREA_BYTES(boot->nr_modules * sizeof(struct module_entry)) +
			 AREA_BYTES(sizeof(MULTIBOOT_LOADER_NAME)) +
			 AREA_BYTES(strlen(boot->cmdline) + 1);

	for (unsigned int i = 0; i < boot->nr_modules; i++)
		bytes += AREA_BYTES(strlen(boot->modules[i].args) + 1);
	return bytes;
}

static void put_memory(struct area *area, struct info *info)
{
	struct memory_range map[MEMORY_MAP_MAX];
	struct mmap_entry entries[MEMORY_MAP_MAX] = { 0 };
	unsigned int nr = memory_map(area->ram, map);

	for (unsigned int i = 0; i < nr; i++)
		entries[i] = (struct mmap_entry) {
			.size = sizeof(entries[i]) - sizeof(entries[i].size),
			.addr = map[i].start, .length = map[i].bytes, .type = map[i].type,
		};
	info->mmap_length = nr * sizeof(entries[0]);
	info->mmap_addr = area_put(area, entries, info->mmap_length);
	info->mem_lower = RAM_VGA_START >> 10;
	if (area->ram->low_bytes > RAM_1M)
		info->mem_upper = (area->ram->low_bytes - RAM_1M) >> 10;
	info->flags |= INFO_MEMORY | INFO_MEMORY_MAP;
}

static void put_modules(struct area *area, const struct boot *boot,
			const struct loaded_module *loaded, struct info *info)
{
	struct module_entry entries[BOOT_MODULES_MAX];
	const char *args;

	for (unsigned int i = 0; i < boot->nr_modules; i++) {
		args = boot->modules[i].args;
		entries[i] = (struct module_entry) {
			.start = loaded[i].gpa,
			.end = loaded[i].gpa + loaded[i].bytes,
			.string = area_put(area, args, strlen(args) + 1),
		};
	}
	info->mods_count = boot->nr_modules;
	if (boot->nr_modules)
		info->mods_addr = area_put(area, entries, boot->nr_modules * sizeof(entries[0]));
	info->flags |= INFO_MODULES;
}

static void describe_screen(struct info *info)
{
	info->screen_addr = MULTIBOOT_TEXT_GPA;
	info->screen_pitch = MULTIBOOT_TEXT_PITCH;
	info->screen_width = MULTIBOOT_TEXT_WIDTH;
	info->screen_height = MULTIBOOT_TEXT_HEIGHT;
	info->screen_bpp = MULTIBOOT_TEXT_BPP;
	info->screen_type = MULTIBOOT_TYPE_TEXT;
	info->flags |= INFO_SCREEN;
}

/* Return: where it is, or PLACES_NONE after a message. */
static uint64_t put_info(const struct boot *boot, struct places *places,
			 const struct loaded_module *loaded)
{
	struct info info = { .flags = INFO_CMDLINE | INFO_LOADER };
	struct area area;

	if (area_new(&area, places, info_bytes(boot)))
		return PLACES_NONE;
	info.cmdline = area_put(&area, boot->cmdline, strlen(boot->cmdline) + 1);
	info.boot_loader_name = area_put(&area, MULTIBOOT_LOADER_NAME,
					 sizeof(MULTIBOOT_LOADER_NAME));
	put_memory(&area, &info);
	put_modules(&area, boot, loaded, &info);
	describe_screen(&info);
	return area_put(&area, &info, sizeof(info));
}

static int load(const struct boot *boot, const struct loader_head *head)
{
	struct multiboot_image m = { .image = boot->kernel };
	struct loaded_module loaded[BOOT_MODULES_MAX];
	uint64_t start, end, info;
	struct places places;

	if (read_image(&m, head) || multiboot_check_entry(&m))
		return -1;
	multiboot_bounds(&m, &start, &end);
	places_init_kernel(&places, boot->ram);
	if (multiboot_load(&m, &places, 0) ||
	    load_modules(boot, &places, places_lowest, end > RAM_1M ? end : RAM_1M, loaded))
		return -1;
	info = put_info(boot, &places, loaded);
	if (info == PLACES_NONE)
		return -1;
	return multiboot_enter(boot, &places, m.entry, ENTER_MAGIC, info);
}

const struct loader loader_multiboot = {
	.name = "a multiboot kernel",
	.head_bytes = SEARCH_BYTES,
	.recognise = recognise,
	.load = load,
};
