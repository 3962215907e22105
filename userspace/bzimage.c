// SPDX-License-Identifier: GPL-2.0
/*
 * Linux as the guest: a bzImage, entered by the 64-bit boot protocol
 * (Documentation/arch/x86/boot.rst in Linux's sources, "boot.rst" below).
 *
 * The kernel's real-mode half is not run; its work is done here: a zero page
 * with the setup header and the memory map, page tables, a GDT.  The kernel is
 * loaded where it prefers to be, and the initial RAM disk as high as it allows.
 */
#include <asm/bootparam.h>
#include <stddef.h>
#include <string.h>

#include "boot.h"
#include "message.h"

#define SECTOR		512u
#define HDRS_MAGIC	0x53726448u	/* "HdrS" */
#define BOOT_FLAG	0xaa55u
#define ENTRY_64	0x200		/* of the 64-bit entry, from the load address */
#define MIN_PROTOCOL	0x020c		/* the first with xloadflags */
#define LOADER_UNKNOWN	0xff
#define PAGE_BYTES	4096ULL

#define E820_RAM	1
#define E820_RESERVED	2

#define CR0_PE		(1u << 0)
#define CR0_ET		(1u << 4)
#define CR0_NE		(1u << 5)
#define CR0_WP		(1u << 16)
#define CR0_PG		(1u << 31)
#define CR4_PAE		(1u << 5)
#define EFER_LME	(1u << 8)
#define EFER_LMA	(1u << 10)
#define MTRR_ENABLE	(1u << 11)	/* MTRR_DEF_TYPE, 2FFh */
#define MTRR_WRITE_BACK	6

#define BOOT_CS		0x10		/* selectors that boot.rst asks for */
#define BOOT_DS		0x18

/* The setup header starts at 1F1h of the file and of the zero page alike. */
#define HEADER		offsetof(struct boot_params, hdr)

struct kernel {
	const struct image *image;
	struct setup_header hdr;
	uint64_t setup_bytes;	/* real-mode half, skipped */
	uint64_t code_bytes;
	uint64_t load;
};

/* Checks, in the order in which a wrong file fails them. */

static int read_header(struct kernel *k)
{
	const struct setup_header *h = &k->hdr;

	if (k->image->bytes >= HEADER + sizeof(*h) &&
	    image_read(k->image, HEADER, sizeof(*h), &k->hdr))
		return -1;
	if (k->image->bytes < HEADER + sizeof(*h) || h->boot_flag != BOOT_FLAG ||
	    h->header != HDRS_MAGIC) {
		message("%s is not a bzImage; give the kernel as /boot/vmlinuz-* has it "
			"(arch/x86/boot/bzImage of a kernel build)", k->image->path);
		return -1;
	}
	if (h->version < MIN_PROTOCOL || !(h->loadflags & LOADED_HIGH)) {
		message("%s is too old (boot protocol %u.%02u); Linux 3.8 or newer is needed",
			k->image->path, h->version >> 8, h->version & 0xff);
		return -1;
	}
	if (!(h->xloadflags & XLF_KERNEL_64)) {
		message("%s is a 32-bit kernel; a 64-bit one is needed", k->image->path);
		return -1;
	}
	/* boot.rst, "setup_sects": 0 means 4. */
	k->setup_bytes = ((h->setup_sects ? h->setup_sects : 4) + 1) * SECTOR;
	k->code_bytes = h->syssize * 16ULL;
	if (k->image->bytes < k->setup_bytes + k->code_bytes) {
		message("%s is truncated: it has %llu bytes of %llu; copy it again",
			k->image->path, (unsigned long long)k->image->bytes,
			(unsigned long long)(k->setup_bytes + k->code_bytes));
		return -1;
	}
	return 0;
}

static int check_fit(struct kernel *k, const struct ram *ram, const char *cmdline)
{
	size_t limit = k->hdr.cmdline_size;
	uint64_t end;

	if (limit > BOOT_CMDLINE_MAX - 1)
		limit = BOOT_CMDLINE_MAX - 1;
	if (strlen(cmdline) > limit) {
		message("the kernel's command line has %zu characters; %s takes at most %zu",
			strlen(cmdline), k->image->path, limit);
		return -1;
	}
	/* init_size is all that the kernel uses before it reads the memory map. */
	k->load = k->hdr.pref_address;
	end = k->load + k->hdr.init_size;
	if (k->load < RAM_1M || k->load > RAM_LOW_MAX || k->load % PAGE_BYTES ||
	    end > RAM_LOW_MAX || k->code_bytes > k->hdr.init_size) {
		message("%s asks for an impossible place (%#llx, %#x bytes); the file is damaged",
			k->image->path, (unsigned long long)k->load, k->hdr.init_size);
		return -1;
	}
	if (end > ram->low_bytes) {
		message("%lluM of memory are too little for %s; use --mem %lluM or more",
			(unsigned long long)ram->bytes >> 20, k->image->path,
			(unsigned long long)(end + (1 << 20) - 1) >> 20);
		return -1;
	}
	return 0;
}

/* As high as the kernel allows: low memory is what it needs for other things. */
static int load_initrd(const struct kernel *k, const struct ram *ram, const struct image *initrd,
		       struct boot_params *bp)
{
	uint64_t kernel_end = (k->load + k->hdr.init_size + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
	uint64_t top = ram->low_bytes;
	uint64_t gpa;

	if (top > (uint64_t)k->hdr.initrd_addr_max + 1)
		top = (uint64_t)k->hdr.initrd_addr_max + 1;
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

static void add_e820(struct boot_params *bp, uint64_t start, uint64_t end, uint32_t type)
{
	if (start < end)
		bp->e820_table[bp->e820_entries++] = (struct boot_e820_entry) {
			.addr = start,
			.size = end - start,
			.type = type,
		};
}

static void build_memory_map(struct boot_params *bp, const struct ram *ram)
{
	add_e820(bp, 0, RAM_VGA_START, E820_RAM);
	add_e820(bp, RAM_BIOS_START, RAM_1M, E820_RESERVED);
	add_e820(bp, RAM_1M, ram->low_bytes, E820_RAM);
	add_e820(bp, RAM_HIGH_START, RAM_HIGH_START + ram->high_bytes, E820_RAM);
}

/* The first GiB, mapped to itself with 2 MiB pages: kernel, zero page, command line. */
static void build_page_tables(const struct ram *ram)
{
	const uint64_t present_write = 3, large = 0x80;
	uint64_t *table = (uint64_t *)(ram->host + BOOT_PAGETABLES);

	table[0] = (BOOT_PAGETABLES + PAGE_BYTES) | present_write;
	table[512] = (BOOT_PAGETABLES + 2 * PAGE_BYTES) | present_write;
	for (uint64_t i = 0; i < 512; i++)
		table[1024 + i] = i << 21 | present_write | large;
}

static void build_gdt(const struct ram *ram)
{
	uint64_t *gdt = (uint64_t *)(ram->host + BOOT_GDT);

	gdt[BOOT_CS / 8] = 0x00af9b000000ffffULL;
	gdt[BOOT_DS / 8] = 0x00cf93000000ffffULL;
}

/* As firmware leaves it: MTRRs on, everything write-back; else Linux uses no PAT. */
static void set_memory_types(struct svmm_vcpu_page *page)
{
	page->msr.mtrr_def_type = MTRR_ENABLE | MTRR_WRITE_BACK;
	page->dirty |= SVMM_STATE_MSR;
}

void boot_secondary(struct svmm_vcpu_page *page)
{
	set_memory_types(page);
}

static void set_registers(struct svmm_vcpu_page *page, const struct kernel *k)
{
	const struct svmm_segment data = {
		.selector = BOOT_DS,
		.limit = 0xffffffff,
		.attrib = 0xc93,
	};

	page->gpr = (struct svmm_gprs) {
		.rip = k->load + ENTRY_64,
		.rsi = BOOT_PARAMS,
		.rflags = 2,
	};
	page->seg = (struct svmm_segs) {
		.cs = { .selector = BOOT_CS, .limit = 0xffffffff, .attrib = 0xa9b },
		.ss = data,
		.ds = data,
		.es = data,
		.fs = data,
		.gs = data,
		.ldtr = { .limit = 0xffff, .attrib = 0x82 },
		.tr = { .limit = 0xffff, .attrib = 0x8b },
		.gdt = { .base = BOOT_GDT, .limit = 0x1f },
	};
	page->cr.cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_WP | CR0_PG;
	page->cr.cr3 = BOOT_PAGETABLES;
	page->cr.cr4 = CR4_PAE;
	page->cr.efer = EFER_LME | EFER_LMA;
	set_memory_types(page);
	page->dirty |= SVMM_STATE_GPR | SVMM_STATE_SEG | SVMM_STATE_CR;
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
	bp->hdr.cmd_line_ptr = BOOT_CMDLINE;
	bp->acpi_rsdp_addr = rsdp;
	build_memory_map(bp, ram);
	return bp;
}

int boot_linux(const struct ram *ram, struct svmm_vcpu_page *page, const struct image *kernel,
	       const struct image *initrd, const char *cmdline, uint64_t rsdp)
{
	struct kernel k = { .image = kernel };
	struct boot_params *bp;

	if (read_header(&k) || check_fit(&k, ram, cmdline))
		return -1;
	bp = build_zero_page(&k, ram, rsdp);
	if (initrd && load_initrd(&k, ram, initrd, bp))
		return -1;
	if (image_read(kernel, k.setup_bytes, k.code_bytes, ram->host + k.load))
		return -1;
	memcpy(ram->host + BOOT_CMDLINE, cmdline, strlen(cmdline) + 1);
	build_page_tables(ram);
	build_gdt(ram);
	set_registers(page, &k);
	return 0;
}

/* What the kernel's real-mode half would have asked the BIOS. */
void boot_linux_screen(const struct ram *ram)
{
	struct boot_params *bp = (struct boot_params *)(ram->host + BOOT_PARAMS);

	bp->screen_info = (struct screen_info) {
		.orig_video_mode = 3,
		.orig_video_cols = 80,
		.orig_video_lines = 25,
		.orig_video_points = 16,
		.orig_video_isVGA = VIDEO_TYPE_VGAC,
		.orig_video_ega_bx = 3,	/* 256 KiB */
	};
}
