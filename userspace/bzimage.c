// SPDX-License-Identifier: GPL-2.0
/*
 * Linux as the guest: a bzImage, entered by the 64-bit boot protocol, or by the 32-bit one if it
 * has no other (Documentation/arch/x86/boot.rst in Linux's sources, "boot.rst" below).
 *
 * The kernel's real-mode half is not run, as it asks a BIOS; its work is done here: a zero page
 * with the setup header and the memory map, a GDT, page tables.  The kernel is loaded where it
 * prefers to be, and the initial RAM disk as high as it allows.
 */
#include <asm/bootparam.h>
#include <stddef.h>
#include <string.h>

#include "boot.h"
#include "loader.h"
#include "message.h"

/* Where things are put below 1 MiB, which the kernel leaves alone until it has read them. */
#define BOOT_GDT	0x500
#define BOOT_PARAMS	0x7000
#define BOOT_PAGETABLES	0x8000
#define BOOT_CMDLINE	0x20000
#define BOOT_CMDLINE_MAX (RAM_VGA_START - BOOT_CMDLINE)

#define SECTOR		512u
#define HDRS_MAGIC	0x53726448u	/* "HdrS" */
#define BOOT_FLAG	0xaa55u
#define ENTRY_64	0x200		/* of the 64-bit entry, from the load address */
#define LOADER_UNKNOWN	0xff
#define PAGE_BYTES	4096ULL
#define PAGE_UP(n)	(((n) + PAGE_BYTES - 1) & -PAGE_BYTES)

/* Versions of the protocol, by what each has brought. */
#define CMD_LINE_PTR	0x0202		/* the oldest one whose 32-bit code takes a zero page */
#define INITRD_MAX	0x0203
#define SYSSIZE		0x0204		/* of 32 bits */
#define RELOCATABLE	0x0205
#define CMDLINE_SIZE	0x0206
#define INIT_SIZE	0x020a
#define XLOADFLAGS	0x020c

/* What was so before the header said it. */
#define OLD_LOAD	RAM_1M
#define OLD_INITRD_MAX	0x37ffffffu
#define OLD_CMDLINE	255u

/* The setup header starts at 1F1h of the file and of the zero page alike. */
#define HEADER		offsetof(struct boot_params, hdr)

struct kernel {
	const struct image *image;
	struct setup_header hdr;
	uint64_t setup_bytes;	/* real-mode half, skipped */
	uint64_t code_bytes;
	uint64_t load, end;	/* [load, end): all that it uses before it reads the memory map */
	uint64_t initrd_max;	/* the highest address of the initial RAM disk's bytes */
	bool enter_64;
};

static bool recognise(const struct loader_head *head)
{
	struct setup_header h;

	if (head->nr < HEADER + sizeof(h))
		return false;
	memcpy(&h, head->bytes + HEADER, sizeof(h));
	return h.boot_flag == BOOT_FLAG && h.header == HDRS_MAGIC;
}

/* Checks, in the order in which a wrong file fails them. */

static int read_header(struct kernel *k)
{
	const struct setup_header *h = &k->hdr;
	uint64_t there;

	if (h->version < CMD_LINE_PTR) {
		message("%s is too old (boot protocol %u.%02u): its real-mode code is needed, and "
			"asks a BIOS; Linux 2.4 or newer starts without", k->image->path,
			h->version >> 8, h->version & 0xff);
		return -1;
	}
	if (!(h->loadflags & LOADED_HIGH)) {
		message("%s is a zImage, which is loaded below 640 KiB by a BIOS's loader; "
			"build a bzImage", k->image->path);
		return -1;
	}
	/* So iPXE's ipxe.lkrn; where it loads itself to is 1 MiB or above in every kernel. */
	if (!h->code32_start) {
		message("%s has real-mode code only (code32_start is 0), and that asks a BIOS",
			k->image->path);
		return -1;
	}
	k->enter_64 = h->version >= XLOADFLAGS && h->xloadflags & XLF_KERNEL_64;
	k->initrd_max = h->version >= INITRD_MAX ? h->initrd_addr_max : OLD_INITRD_MAX;
	/* boot.rst, "setup_sects": 0 means 4. */
	k->setup_bytes = ((h->setup_sects ? h->setup_sects : 4) + 1) * SECTOR;
	k->code_bytes = h->syssize * 16ULL;
	there = k->image->bytes > k->setup_bytes ? k->image->bytes - k->setup_bytes : 0;
	/* The size is rounded up, and the file need not be: memtest86+'s is not. */
	if (h->version < SYSSIZE || (there < k->code_bytes && there + 15 >= k->code_bytes))
		k->code_bytes = there;
	if (!k->code_bytes || there < k->code_bytes) {
		message("%s is truncated: it has %llu bytes of %llu; copy it again",
			k->image->path, (unsigned long long)k->image->bytes,
			(unsigned long long)(k->setup_bytes + k->code_bytes));
		return -1;
	}
	return 0;
}

static int check_cmdline(const struct kernel *k, const char *cmdline)
{
	size_t limit = k->hdr.version >= CMDLINE_SIZE ? k->hdr.cmdline_size : OLD_CMDLINE;

	if (limit > BOOT_CMDLINE_MAX - 1)
		limit = BOOT_CMDLINE_MAX - 1;
	if (strlen(cmdline) <= limit)
		return 0;
	message("the kernel's command line has %zu characters; %s takes at most %zu",
		strlen(cmdline), k->image->path, limit);
	return -1;
}

static bool is_alignment(uint64_t align)
{
	return align >= PAGE_BYTES && !(align & (align - 1));
}

/*
 * boot.rst, "pref_address" and "init_size": a relocatable kernel runs where it prefers to, if it is
 * not loaded higher up.  One that is not goes to 1 MiB and moves itself to where it runs.
 */
static int choose_place(struct kernel *k)
{
	const struct setup_header *h = &k->hdr;
	bool relocatable = h->version >= RELOCATABLE && h->relocatable_kernel;
	uint64_t run = OLD_LOAD, bytes = k->code_bytes;

	if (h->version >= INIT_SIZE) {
		run = h->pref_address;
		bytes = h->init_size;
	} else if (relocatable) {
		run = is_alignment(h->kernel_alignment) ?
		      (OLD_LOAD + h->kernel_alignment - 1) & -(uint64_t)h->kernel_alignment : 0;
	}
	k->load = relocatable ? run : OLD_LOAD;
	k->end = run + bytes;
	if (run >= RAM_1M && run <= RAM_LOW_MAX && run % PAGE_BYTES == 0 &&
	    k->end <= RAM_LOW_MAX && k->code_bytes <= bytes)
		return 0;
	message("%s asks for an impossible place (%#llx, %#llx bytes); the file is damaged",
		k->image->path, (unsigned long long)run, (unsigned long long)bytes);
	return -1;
}

static int check_fit(struct kernel *k, const struct ram *ram, const char *cmdline)
{
	if (check_cmdline(k, cmdline) || choose_place(k))
		return -1;
	if (k->end > ram->low_bytes) {
		message("%lluM of memory are too little for %s; use --mem %lluM or more",
			(unsigned long long)ram->bytes >> 20, k->image->path,
			(unsigned long long)(k->end + (1 << 20) - 1) >> 20);
		return -1;
	}
	return 0;
}

/* As high as the kernel allows: low memory is what it needs for other things. */
static int load_initrd(const struct kernel *k, const struct ram *ram, const struct image *initrd,
		       struct boot_params *bp)
{
	uint64_t kernel_end = PAGE_UP(k->end);
	uint64_t top = ram->low_bytes;
	uint64_t gpa;

	if (top > k->initrd_max + 1)
		top = k->initrd_max + 1;
	if (!initrd->bytes) {
		message("the initrd %s is empty", initrd->path);
		return -1;
	}
	if (top < kernel_end || initrd->bytes > top - kernel_end) {
		message("the initrd %s is too large: %lluM, with room for %lluM behind the kernel; "
			"give the guest more memory (--mem) or make the initrd smaller",
			initrd->path, (unsigned long long)(initrd->bytes + (1 << 20) - 1) >> 20,
			top < kernel_end ? 0 : (unsigned long long)(top - kernel_end) >> 20);
		return -1;
	}
	gpa = (top - initrd->bytes) & ~(PAGE_BYTES - 1);
	bp->hdr.ramdisk_image = gpa;
	bp->hdr.ramdisk_size = initrd->bytes;
	return image_read(initrd, 0, initrd->bytes, ram->host + gpa);
}

static void write_memory_map(struct boot_params *bp, const struct ram *ram)
{
	struct memory_range map[MEMORY_MAP_MAX];

	bp->e820_entries = memory_map(ram, map);
	for (unsigned int i = 0; i < bp->e820_entries; i++)
		bp->e820_table[i] = (struct boot_e820_entry) {
			.addr = map[i].start, .size = map[i].bytes, .type = map[i].type,
		};
}

/* boot.rst, "64-bit BOOT PROTOCOL": a zeroed page, with the header up to its stated end. */
static struct boot_params *build_zero_page(const struct kernel *k, const struct ram *ram,
					   uint64_t rsdp)
{
	struct boot_params *bp = (struct boot_params *)(ram->host + BOOT_PARAMS);
	const uint8_t *jump = (const uint8_t *)&k->hdr.jump;
	size_t bytes = offsetof(struct setup_header, header) + jump[1];

	memset(bp, 0, sizeof(*bp));
	memcpy(&bp->hdr, &k->hdr, bytes < sizeof(k->hdr) ? bytes : sizeof(k->hdr));
	bp->hdr.type_of_loader = LOADER_UNKNOWN;
	bp->hdr.code32_start = k->load;
	bp->hdr.cmd_line_ptr = BOOT_CMDLINE;
	bp->acpi_rsdp_addr = rsdp;
	write_memory_map(bp, ram);
	return bp;
}

static void enter(const struct kernel *k, const struct boot *boot)
{
	if (k->enter_64)
		enter_long(boot->ram, boot->page, BOOT_GDT, BOOT_PAGETABLES, enter_gib(k->end),
			   k->load + ENTRY_64);
	else
		enter_protected(boot->ram, boot->page, BOOT_GDT, k->load);
	boot->page->gpr.rsi = BOOT_PARAMS;
}

/* What the kernel's real-mode half would have asked the BIOS. */
static void describe_screen(struct boot_params *bp)
{
	bp->screen_info = (struct screen_info) {
		.orig_video_mode = 3,
		.orig_video_cols = 80,
		.orig_video_lines = 25,
		.orig_video_points = 16,
		.orig_video_isVGA = VIDEO_TYPE_VGAC,
		.orig_video_ega_bx = 3,	/* 256 KiB */
	};
}

static int load(const struct boot *boot, const struct loader_head *head)
{
	const struct ram *ram = boot->ram;
	struct kernel k = { .image = boot->kernel };
	struct boot_params *bp;

	memcpy(&k.hdr, head->bytes + HEADER, sizeof(k.hdr));
	if (boot->nr_modules > 1 || (boot->nr_modules && *boot->modules[0].args)) {
		message("%s is a bzImage, which has no modules but one --initrd", k.image->path);
		return -1;
	}
	if (read_header(&k) || check_fit(&k, ram, boot->cmdline))
		return -1;
	bp = build_zero_page(&k, ram, boot->rsdp);
	if (boot->screen)
		describe_screen(bp);
	if (boot->nr_modules && load_initrd(&k, ram, &boot->modules[0].image, bp))
		return -1;
	if (image_read(k.image, k.setup_bytes, k.code_bytes, ram->host + k.load))
		return -1;
	memcpy(ram->host + BOOT_CMDLINE, boot->cmdline, strlen(boot->cmdline) + 1);
	enter(&k, boot);
	return 0;
}

const struct loader loader_bzimage = {
	.name = "a bzImage (/boot/vmlinuz-*)",
	.head_bytes = HEADER + sizeof(struct setup_header),
	.recognise = recognise,
	.load = load,
};
