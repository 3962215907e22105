// SPDX-License-Identifier: GPL-2.0
/*
 * Start states: GDT, IDT or IVT, TSS, page tables, and registers to match for
 * real, 16-bit and 32-bit protected, paged, PAE and long mode.
 *
 * It must not know how a vCPU is run. All page tables map 4 GiB one to one for
 * user and kernel, so that a guest need not care in which mode an address is
 * valid.
 */
#include <string.h>

#include "start.h"

/* VMCB attribute words (APM vol. 2, 15.5): type, S, DPL, P, then AVL, L, D/B, G. */
#define ATTR_CODE16	0x09b
#define ATTR_DATA16	0x093
#define ATTR_CODE32	0xc9b
#define ATTR_CODE64	0xa9b
#define ATTR_DATA	0xc93
#define ATTR_USER	0x060
#define ATTR_TSS	0x08b
#define ATTR_LDT	0x082

#define PTE_TABLE	0x07ULL	/* present, writable, user */
#define PTE_LARGE	0x87ULL

static uint64_t descriptor(uint32_t base, uint32_t limit, uint32_t attr)
{
	return (limit & 0xffffULL) | (base & 0xffffffULL) << 16 | (uint64_t)(attr & 0xff) << 40 |
	       (uint64_t)(limit >> 16 & 15) << 48 | (uint64_t)(attr >> 8 & 15) << 52 |
	       (uint64_t)(base >> 24) << 56;
}

static void put64(uint8_t *ram, uint32_t gpa, uint64_t value)
{
	memcpy(ram + gpa, &value, 8);
}

static void put32(uint8_t *ram, uint32_t gpa, uint32_t value)
{
	memcpy(ram + gpa, &value, 4);
}

static void put_tables(uint8_t *ram)
{
	for (uint64_t i = 0; i < 4; i++) {
		put64(ram, G_PDPT + 8 * i, (G_PD + i * PAGE_SIZE) | PTE_TABLE);
		put64(ram, G_PDPT_PAE + 8 * i, (G_PD + i * PAGE_SIZE) | 1);
	}
	for (uint64_t i = 0; i < 2048; i++)
		put64(ram, G_PD + 8 * i, i << 21 | PTE_LARGE);
	for (uint64_t i = 0; i < 512; i++)
		put64(ram, G_PT + 8 * i, (G_PAGED + i * PAGE_SIZE) | PTE_TABLE);
	put64(ram, G_PD + 8, G_PT | PTE_TABLE);
	put64(ram, G_PML4, G_PDPT | PTE_TABLE);
	for (uint32_t i = 0; i < 1024; i++)
		put32(ram, G_PD32 + 4 * i, i << 22 | PTE_LARGE);
}

static void put_gdt(uint8_t *ram)
{
	static const struct {
		uint16_t selector;
		uint16_t attr;
	} entry[] = {
		{ SEL_CODE64, ATTR_CODE64 },
		{ SEL_DATA, ATTR_DATA },
		{ SEL_CODE32, ATTR_CODE32 },
		{ SEL_CODE16, ATTR_CODE16 },
		{ SEL_USER32, ATTR_CODE32 | ATTR_USER },
		{ SEL_USER_DATA, ATTR_DATA | ATTR_USER },
		{ SEL_USER64, ATTR_CODE64 | ATTR_USER },
		{ SEL_TSS, ATTR_TSS },
	};

	for (size_t i = 0; i < ARRAY_SIZE(entry); i++) {
		uint32_t limit = entry[i].selector == SEL_CODE16 ? 0xffff : 0xfffff;

		put64(ram, G_GDT + (entry[i].selector & ~7),
		      entry[i].selector == SEL_TSS ? descriptor(G_TSS, 0x67, ATTR_TSS) :
						     descriptor(0, limit, entry[i].attr));
	}
}

static void put_gates(uint8_t *ram, const struct stubs *stubs, int mode)
{
	for (uint32_t v = 0; v < 256; v++) {
		if (mode == MODE_REAL) {
			put32(ram, 4 * v, stubs->s16 + STUB_BYTES * v);
		} else if (mode == MODE_LONG) {
			uint32_t to = stubs->s64 + STUB_BYTES * v;

			/* Interrupt gates; DPL 3, so that INT n works from user mode. */
			put64(ram, G_IDT + 16 * v, (to & 0xffff) | SEL_CODE64 << 16 |
			      0xeeULL << 40 | (uint64_t)(to >> 16) << 48);
			put64(ram, G_IDT + 16 * v + 8, 0);
		} else {
			uint32_t to = stubs->s32 + STUB_BYTES * v;

			put64(ram, G_IDT + 8 * v, (to & 0xffff) | SEL_CODE32 << 16 |
			      0xeeULL << 40 | (uint64_t)(to >> 16) << 48);
		}
	}
}

void start_memory(uint8_t *ram, const struct stubs *stubs, int mode)
{
	put_tables(ram);
	put_gdt(ram);
	put_gates(ram, stubs, mode);
	memset(ram + G_TSS, 0, 0x68);
	if (mode == MODE_LONG) {
		put64(ram, G_TSS + 4, G_RSP0);
		put64(ram, G_TSS + 0x24, G_IST1);
	} else {
		put32(ram, G_TSS + 4, G_RSP0);
		put32(ram, G_TSS + 8, SEL_DATA);
	}
}

static void put_segments(struct svmm_segs *seg, int mode)
{
	static const struct svmm_segment code[] = {
		[MODE_REAL] = { 0, 0xffff, 0, ATTR_CODE16 },
		[MODE_PROT16] = { 0, 0xffff, SEL_CODE16, ATTR_CODE16 },
		[MODE_PROT32] = { 0, 0xffffffff, SEL_CODE32, ATTR_CODE32 },
		[MODE_PAGED32] = { 0, 0xffffffff, SEL_CODE32, ATTR_CODE32 },
		[MODE_PAE] = { 0, 0xffffffff, SEL_CODE32, ATTR_CODE32 },
		[MODE_LONG] = { 0, 0xffffffff, SEL_CODE64, ATTR_CODE64 },
	};
	static const struct svmm_segment data16 = { 0, 0xffff, 0, ATTR_DATA16 };
	static const struct svmm_segment data = { 0, 0xffffffff, SEL_DATA, ATTR_DATA };

	memset(seg, 0, sizeof(*seg));
	seg->cs = code[mode];
	seg->ss = mode == MODE_REAL ? data16 : data;
	seg->ds = seg->ss;
	seg->es = seg->ss;
	seg->fs = seg->ss;
	seg->gs = seg->ss;
	seg->ldtr = (struct svmm_segment){ 0, 0xffff, 0, ATTR_LDT };
	if (mode == MODE_REAL) {
		seg->tr = (struct svmm_segment){ 0, 0xffff, 0, ATTR_TSS };
		seg->gdt.limit = 0xffff;
		seg->idt.limit = 0x3ff;
		return;
	}
	seg->tr = (struct svmm_segment){ G_TSS, 0x67, SEL_TSS, ATTR_TSS };
	seg->gdt = (struct svmm_segment){ .base = G_GDT, .limit = 0xff };
	seg->idt = (struct svmm_segment){ .base = G_IDT, .limit = 0xfff };
	if (mode != MODE_LONG)
		seg->idt.limit = 0x7ff;
}

void start_registers(struct svmm_vcpu_page *page, int mode, uint64_t rip)
{
	struct svmm_crs *cr = &page->cr;

	memset(&page->gpr, 0, sizeof(page->gpr));
	page->gpr.rip = rip;
	page->gpr.rsp = G_STACK;
	page->gpr.rflags = RFLAGS_FIXED;
	put_segments(&page->seg, mode);

	memset(cr, 0, sizeof(*cr));
	cr->cr0 = CR0_ET | CR0_NE;
	cr->xcr0 = 1;
	if (mode != MODE_REAL)
		cr->cr0 |= CR0_PE;
	switch (mode) {
	case MODE_PAGED32:
		cr->cr0 |= CR0_PG;
		cr->cr3 = G_PD32;
		cr->cr4 = CR4_PSE;
		break;
	case MODE_PAE:
		cr->cr0 |= CR0_PG;
		cr->cr3 = G_PDPT_PAE;
		cr->cr4 = CR4_PAE;
		break;
	case MODE_LONG:
		cr->cr0 |= CR0_PG | CR0_WP;
		cr->cr3 = G_PML4;
		cr->cr4 = CR4_PAE | CR4_OSFXSR;
		cr->efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;
		break;
	}
	page->dirty |= SVMM_STATE_GPR | SVMM_STATE_SEG | SVMM_STATE_CR;
}
