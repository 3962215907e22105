// SPDX-License-Identifier: GPL-2.0
/*
 * How a processor starts, as boot protocols want it: in real mode, in 32-bit mode with flat
 * segments, or in 64-bit mode.  It knows no protocol.
 *
 * In guest memory it writes the GDT and the page tables, where the caller has found room for them.
 */
#include <string.h>

#include "loader.h"

#define CR0_PE		(1u << 0)
#define CR0_ET		(1u << 4)
#define CR0_NE		(1u << 5)
#define CR0_WP		(1u << 16)
#define CR0_PG		(1u << 31)
#define CR4_PAE		(1u << 5)
#define EFER_LME	(1u << 8)
#define EFER_LMA	(1u << 10)

#define GDT_CODE32	0x00cf9b000000ffffULL
#define GDT_CODE64	0x00af9b000000ffffULL
#define GDT_DATA	0x00cf93000000ffffULL
#define CODE32		0xc9b		/* the same, as the VMCB has attributes */
#define CODE64		0xa9b
#define DATA		0xc93

#define PAGE_BYTES	4096ULL
#define TABLE_ENTRIES	512u
#define PRESENT_WRITE	3u
#define LARGE		0x80u

/* Real-mode segment (APM vol. 2, 14.1.5 "Initial State": limit FFFFh). */
static struct svmm_segment real_segment(uint32_t base, uint16_t attrib)
{
	return (struct svmm_segment) {
		.selector = base >> 4, .base = base, .limit = 0xffff, .attrib = attrib,
	};
}

void enter_real(struct svmm_vcpu_page *page, uint32_t entry)
{
	struct svmm_segment data = real_segment(0, 0x93);

	page->gpr = (struct svmm_gprs) { .rip = entry & 0xffff, .rflags = 2 };
	page->seg = (struct svmm_segs) {
		.cs = real_segment(entry & 0xf0000, 0x9b),
		.ss = data,
		.ds = data,
		.es = data,
		.fs = data,
		.gs = data,
		.ldtr = real_segment(0, 0x82),
		.tr = real_segment(0, 0x8b),
		.gdt.limit = 0xffff,
		.idt.limit = 0x3ff,
	};
	page->cr.cr0 = CR0_ET;
	page->dirty |= SVMM_STATE_GPR | SVMM_STATE_SEG | SVMM_STATE_CR;
}

static void set_flat_segments(struct svmm_vcpu_page *page, uint64_t gdt, uint16_t code)
{
	const struct svmm_segment data = {
		.selector = ENTER_DS, .limit = 0xffffffff, .attrib = DATA,
	};

	page->seg = (struct svmm_segs) {
		.cs = { .selector = ENTER_CS, .limit = 0xffffffff, .attrib = code },
		.ss = data,
		.ds = data,
		.es = data,
		.fs = data,
		.gs = data,
		.ldtr = { .limit = 0xffff, .attrib = 0x82 },
		.tr = { .limit = 0x67, .attrib = 0x8b },
		.gdt = { .base = gdt, .limit = ENTER_GDT_BYTES - 1 },
	};
}

static void write_gdt(const struct ram *ram, uint64_t gdt, uint64_t code)
{
	const uint64_t entries[ENTER_GDT_BYTES / 8] = {
		[ENTER_CS / 8] = code, [ENTER_DS / 8] = GDT_DATA,
	};

	memcpy(ram->host + gdt, entries, sizeof(entries));
}

void enter_protected(const struct ram *ram, struct svmm_vcpu_page *page, uint64_t gdt,
		     uint32_t entry)
{
	write_gdt(ram, gdt, GDT_CODE32);
	set_flat_segments(page, gdt, CODE32);
	page->gpr = (struct svmm_gprs) { .rip = entry, .rflags = 2 };
	page->cr.cr0 = CR0_PE | CR0_ET;
	page->dirty |= SVMM_STATE_GPR | SVMM_STATE_SEG | SVMM_STATE_CR;
}

/* Pages of 2 MiB, which every processor has. */
static void write_page_tables(const struct ram *ram, uint64_t tables, unsigned int gib)
{
	uint64_t *table = (uint64_t *)(ram->host + tables);

	memset(table, 0, 2 * PAGE_BYTES);
	table[0] = (tables + PAGE_BYTES) | PRESENT_WRITE;
	for (uint64_t i = 0; i < gib; i++)
		table[TABLE_ENTRIES + i] = (tables + (2 + i) * PAGE_BYTES) | PRESENT_WRITE;
	for (uint64_t i = 0; i < gib * TABLE_ENTRIES; i++)
		table[2 * TABLE_ENTRIES + i] = i << 21 | PRESENT_WRITE | LARGE;
}

void enter_long(const struct ram *ram, struct svmm_vcpu_page *page, uint64_t gdt, uint64_t tables,
		unsigned int gib, uint64_t entry)
{
	write_gdt(ram, gdt, GDT_CODE64);
	write_page_tables(ram, tables, gib);
	set_flat_segments(page, gdt, CODE64);
	page->gpr = (struct svmm_gprs) { .rip = entry, .rflags = 2 };
	page->cr.cr0 = CR0_PE | CR0_ET | CR0_NE | CR0_WP | CR0_PG;
	page->cr.cr3 = tables;
	page->cr.cr4 = CR4_PAE;
	page->cr.efer = EFER_LME | EFER_LMA;
	page->dirty |= SVMM_STATE_GPR | SVMM_STATE_SEG | SVMM_STATE_CR;
}
