// SPDX-License-Identifier: GPL-2.0
/*
 * Multiboot kernels of version 2 (Multiboot2 Specification 2.0, "spec" below).
 *
 * The header is somewhere in the first 32 KiB, and is a list of tags: what the kernel demands, and
 * where it goes, if it is no ELF file or can go elsewhere.  What it is handed is a list of tags,
 * too.
 */
#include <string.h>

#include "message.h"
#include "multiboot.h"

#define SEARCH_BYTES	32768
#define ALIGN		8u
#define HEADER_MAGIC	0xe85250d6u
#define ENTER_MAGIC	0x36d76289u
#define ARCH_I386	0

/* Tags of the header. */
enum {
	HEADER_END,
	HEADER_INFORMATION,
	HEADER_ADDRESSES,
	HEADER_ENTRY,
	HEADER_CONSOLE,
	HEADER_SCREEN,
	HEADER_MODULE_ALIGN,
	HEADER_EFI_SERVICES,	/* this and the next two: for who comes from EFI */
	HEADER_ENTRY_EFI32,
	HEADER_ENTRY_EFI64,
	HEADER_RELOCATABLE,
};

#define OPTIONAL		1u	/* a tag's flag: who does not know it goes on */
#define CONSOLE_REQUIRED	1u
#define CONSOLE_TEXT		2u
#define PREFER_LOWEST		1u
#define PREFER_HIGHEST		2u
#define LOWEST			0x1000u	/* where it is moved, whatever it allows */

/* Tags of the information. */
enum {
	INFO_END,
	INFO_CMDLINE,
	INFO_LOADER,
	INFO_MODULE,
	INFO_MEMORY,
	INFO_MEMORY_MAP = 6,
	INFO_SCREEN = 8,
	INFO_RSDP = 15,		/* of ACPI 2.0 */
	INFO_LOAD_BASE = 21,
};

#define PROVIDED (1u << INFO_END | 1u << INFO_CMDLINE | 1u << INFO_LOADER | 1u << INFO_MODULE | \
		  1u << INFO_MEMORY | 1u << INFO_MEMORY_MAP | 1u << INFO_SCREEN | \
		  1u << INFO_RSDP | 1u << INFO_LOAD_BASE)

#define RSDP_BYTES	36u

struct header {
	uint32_t magic, architecture, bytes, checksum;
};

struct header_tag {
	uint16_t type, flags;
	uint32_t size;
};

/* Behind the struct header_tag. */
struct addresses {
	uint32_t header, load, load_end, bss_end;
};

struct relocation {
	uint32_t min, max, align, preference;
};

struct info_tag {
	uint32_t type, size;
};

/* What of it the header says. */
struct kernel {
	struct multiboot_image m;
	const struct loader_head *head;
	size_t header_offset;
	bool has_addresses, has_entry, relocatable;
	struct addresses addresses;
	uint32_t entry;
	struct relocation relocation;
};

/* Return: where it is in the file, or -1. */
static long find_header(const struct loader_head *head, struct header *h)
{
	size_t end = head->nr < SEARCH_BYTES ? head->nr : SEARCH_BYTES;

	for (size_t at = 0; at + sizeof(*h) <= end; at += ALIGN) {
		memcpy(h, head->bytes + at, sizeof(*h));
		if (h->magic == HEADER_MAGIC &&
		    !(h->magic + h->architecture + h->bytes + h->checksum))
			return at;
	}
	return -1;
}

static bool recognise(const struct loader_head *head)
{
	struct header h;

	return find_header(head, &h) >= 0;
}

/* Return: 0, or -1 after a message. */
static int refuse(const struct kernel *k, const char *what, unsigned int type)
{
	message("%s: its multiboot2 header %s %u", k->head->image->path, what, type);
	return -1;
}

/* Copy what a tag has to have behind its first 8 bytes. */
static int read_tag(const struct kernel *k, const struct header_tag *tag, const uint8_t *at,
		    void *to, size_t bytes)
{
	if (tag->size < sizeof(*tag) + bytes)
		return refuse(k, "is damaged: too short is a tag of type", tag->type);
	memcpy(to, at + sizeof(*tag), bytes);
	return 0;
}

static int check_information(const struct kernel *k, const struct header_tag *tag,
			     const uint8_t *at)
{
	uint32_t type;

	for (size_t i = sizeof(*tag); i + sizeof(type) <= tag->size; i += sizeof(type)) {
		memcpy(&type, at + i, sizeof(type));
		if (!(tag->flags & OPTIONAL) && (type > INFO_LOAD_BASE || !(PROVIDED >> type & 1)))
			return refuse(k, "demands what there is not, information of type", type);
	}
	return 0;
}

static int check_console(const struct kernel *k, const struct header_tag *tag, const uint8_t *at)
{
	uint32_t flags;

	if (read_tag(k, tag, at, &flags, sizeof(flags)))
		return -1;
	if (!(tag->flags & OPTIONAL) && flags & CONSOLE_REQUIRED && !(flags & CONSOLE_TEXT))
		return refuse(k, "demands a screen that is not text, by console flags", flags);
	return 0;
}

/* Return: 0, or -1 after a message. */
static int take_tag(struct kernel *k, const struct header_tag *tag, const uint8_t *at)
{
	switch (tag->type) {
	case HEADER_INFORMATION:
		return check_information(k, tag, at);
	case HEADER_ADDRESSES:
		k->has_addresses = true;
		return read_tag(k, tag, at, &k->addresses, sizeof(k->addresses));
	case HEADER_ENTRY:
		k->has_entry = true;
		return read_tag(k, tag, at, &k->entry, sizeof(k->entry));
	case HEADER_CONSOLE:
		return check_console(k, tag, at);
	case HEADER_RELOCATABLE:
		k->relocatable = true;
		return read_tag(k, tag, at, &k->relocation, sizeof(k->relocation));
	case HEADER_SCREEN:
	case HEADER_MODULE_ALIGN:
	case HEADER_EFI_SERVICES:
	case HEADER_ENTRY_EFI32:
	case HEADER_ENTRY_EFI64:
		return 0;
	}
	if (tag->flags & OPTIONAL)
		return 0;
	return refuse(k, "demands what there is not, a tag of type", tag->type);
}

static int read_header(struct kernel *k)
{
	struct header_tag tag;
	struct header h = { 0 };
	long found = find_header(k->head, &h);
	const uint8_t *at = k->head->bytes + found;
	size_t end = k->head->nr < SEARCH_BYTES ? k->head->nr : SEARCH_BYTES;

	k->header_offset = found;
	if (h.architecture != ARCH_I386)
		return refuse(k, "is not for x86 but architecture", h.architecture);
	if (h.bytes < sizeof(h) || h.bytes > end - found)
		return refuse(k, "does not fit into its first 32 KiB; its size is", h.bytes);
	for (size_t i = sizeof(h); i + sizeof(tag) <= h.bytes;
	     i += (tag.size + ALIGN - 1) & -ALIGN) {
		memcpy(&tag, at + i, sizeof(tag));
		if (tag.type == HEADER_END)
			break;
		if (tag.size < sizeof(tag) || tag.size > h.bytes - i)
			return refuse(k, "is damaged: of a wrong size is a tag of type", tag.type);
		if (take_tag(k, &tag, at + i))
			return -1;
	}
	return 0;
}

/* Where the kernel goes, from its header.  Return: 0, or -1 after a message. */
static int read_image(struct kernel *k)
{
	const struct multiboot_addresses a = {
		.header_offset = k->header_offset, .header = k->addresses.header,
		.load = k->addresses.load, .load_end = k->addresses.load_end,
		.bss_end = k->addresses.bss_end,
	};

	if (k->has_addresses && !k->has_entry) {
		message("%s: its multiboot2 header has addresses, but no entry address; the file "
			"is damaged", k->head->image->path);
		return -1;
	}
	if (k->has_addresses ? multiboot_by_addresses(&k->m, &a) : multiboot_by_elf(&k->m, k->head))
		return -1;
	if (k->has_entry)
		k->m.entry = k->entry;
	return 0;
}

/* By how much it is moved, if it can be.  Return: 0, or -1 after a message. */
static int choose_shift(const struct kernel *k, const struct places *places, uint64_t start,
			uint64_t end, uint64_t *shift)
{
	const struct relocation *r = &k->relocation;
	places_find *find = r->preference == PREFER_HIGHEST ? places_highest : places_lowest;
	struct places scratch = *places;	/* what is found there is only looked for */
	uint64_t align = r->align ? r->align : 1, gpa;

	*shift = 0;
	if (!k->relocatable)
		return 0;
	if (align & (align - 1))
		return refuse(k, "is damaged: it has an alignment of", r->align);
	if (r->preference != PREFER_LOWEST && r->preference != PREFER_HIGHEST &&
	    start >= r->min && end <= r->max && !(start & (align - 1)) &&
	    places_free(places, start, end - start))
		return 0;
	gpa = find(&scratch, end - start, align, r->min < LOWEST ? LOWEST : r->min, r->max,
		   "the kernel");
	if (gpa == PLACES_NONE) {
		message("%s can be loaded between %#x and %#x, where %#llx bytes are not free; use "
			"more --mem", k->head->image->path, r->min, r->max,
			(unsigned long long)(end - start));
		return -1;
	}
	*shift = gpa - start;
	return 0;
}

/* What is handed over */

/* What all of it takes. */
static uint64_t info_bytes(const struct boot *boot)
{
	uint64_t bytes = 256 + MEMORY_MAP_MAX * 24 + AREA_BYTES(strlen(boot->cmdline) + 1);

	for (unsigned int i = 0; i < boot->nr_modules; i++)
		bytes += 16 + AREA_BYTES(strlen(boot->modules[i].args) + 1);
	return bytes;
}

/* A tag whose head has @head_bytes, a multiple of 8, and what follows it. */
static void put_tag(struct area *area, uint32_t type, void *head, size_t head_bytes,
		    const void *rest, size_t bytes)
{
	const struct info_tag tag = { .type = type, .size = head_bytes + bytes };

	memcpy(head, &tag, sizeof(tag));
	area_put(area, head, head_bytes);
	if (bytes)
		area_put(area, rest, bytes);
}

static void put_string(struct area *area, uint32_t type, const char *text)
{
	struct info_tag tag;

	put_tag(area, type, &tag, sizeof(tag), text, strlen(text) + 1);
}

static void put_modules(struct area *area, const struct boot *boot,
			const struct loaded_module *loaded)
{
	struct {
		struct info_tag tag;
		uint32_t start, end;
	} m;

	for (unsigned int i = 0; i < boot->nr_modules; i++) {
		m.start = loaded[i].gpa;
		m.end = loaded[i].gpa + loaded[i].bytes;
		put_tag(area, INFO_MODULE, &m, sizeof(m), boot->modules[i].args,
			strlen(boot->modules[i].args) + 1);
	}
}

static void put_memory(struct area *area)
{
	struct {
		uint64_t addr, length;
		uint32_t type, reserved;
	} entries[MEMORY_MAP_MAX] = { 0 };
	struct {
		struct info_tag tag;
		uint32_t lower, upper;
	} m = { .lower = RAM_VGA_START >> 10 };
	struct {
		struct info_tag tag;
		uint32_t entry_size, version;
	} head = { .entry_size = sizeof(entries[0]) };
	struct memory_range map[MEMORY_MAP_MAX];
	unsigned int nr = memory_map(area->ram, map);

	for (unsigned int i = 0; i < nr; i++) {
		entries[i].addr = map[i].start;
		entries[i].length = map[i].bytes;
		entries[i].type = map[i].type;
	}
	if (area->ram->low_bytes > RAM_1M)
		m.upper = (area->ram->low_bytes - RAM_1M) >> 10;
	put_tag(area, INFO_MEMORY, &m, sizeof(m), NULL, 0);
	put_tag(area, INFO_MEMORY_MAP, &head, sizeof(head), entries, nr * sizeof(entries[0]));
}

static void put_screen(struct area *area)
{
	struct {
		struct info_tag tag;
		uint64_t address;
		uint32_t pitch, width, height;
		uint8_t bpp, type;
		uint16_t reserved;
	} screen = {
		.address = MULTIBOOT_TEXT_GPA, .pitch = MULTIBOOT_TEXT_PITCH,
		.width = MULTIBOOT_TEXT_WIDTH, .height = MULTIBOOT_TEXT_HEIGHT,
		.bpp = MULTIBOOT_TEXT_BPP, .type = MULTIBOOT_TYPE_TEXT,
	};

	put_tag(area, INFO_SCREEN, &screen, sizeof(screen), NULL, 0);
}

/* @base: where the kernel was moved to, or 0.  Return: its place; PLACES_NONE after a message. */
static uint64_t put_info(const struct boot *boot, struct places *places,
			 const struct loaded_module *loaded, uint64_t base)
{
	uint32_t total[2] = { 0 }, load_base = base;
	struct info_tag tag;
	struct area area;
	uint64_t start;

	if (area_new(&area, places, info_bytes(boot)))
		return PLACES_NONE;
	start = area_put(&area, total, sizeof(total));
	put_string(&area, INFO_CMDLINE, boot->cmdline);
	put_string(&area, INFO_LOADER, MULTIBOOT_LOADER_NAME);
	put_modules(&area, boot, loaded);
	put_memory(&area);
	put_screen(&area);
	put_tag(&area, INFO_RSDP, &tag, sizeof(tag), boot->ram->host + boot->rsdp, RSDP_BYTES);
	if (base)
		put_tag(&area, INFO_LOAD_BASE, &tag, sizeof(tag), &load_base, sizeof(load_base));
	put_tag(&area, INFO_END, &tag, sizeof(tag), NULL, 0);
	total[0] = area.gpa - start;
	memcpy(boot->ram->host + start, total, sizeof(total));
	return start;
}

static int load(const struct boot *boot, const struct loader_head *head)
{
	struct kernel k = { .m.image = boot->kernel, .head = head };
	struct loaded_module loaded[BOOT_MODULES_MAX];
	uint64_t start, end, shift, info;
	struct places places;

	if (read_header(&k) || read_image(&k) || multiboot_check_entry(&k.m))
		return -1;
	multiboot_bounds(&k.m, &start, &end);
	places_init_kernel(&places, boot->ram);
	if (choose_shift(&k, &places, start, end, &shift) ||
	    multiboot_load(&k.m, &places, shift))
		return -1;
	end += shift;
	if (load_modules(boot, &places, places_lowest, end > RAM_1M ? end : RAM_1M, loaded))
		return -1;
	info = put_info(boot, &places, loaded, k.relocatable ? start + shift : 0);
	if (info == PLACES_NONE)
		return -1;
	return multiboot_enter(boot, &places, k.m.entry + shift, ENTER_MAGIC, info);
}

const struct loader loader_multiboot2 = {
	.name = "a multiboot2 kernel",
	.head_bytes = SEARCH_BYTES,
	.recognise = recognise,
	.load = load,
};
