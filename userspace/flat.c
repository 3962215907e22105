// SPDX-License-Identifier: GPL-2.0
/*
 * A bare program as the guest: no firmware, no tables, real mode, one segment.
 * It is what tests of single instructions start from.
 */
#include "boot.h"
#include "message.h"

#define CR0_ET		0x10

/* Real-mode segment at 0 (APM vol. 2, 14.1.5 "Initial State": limit FFFFh). */
static struct svmm_segment segment(uint16_t attrib)
{
	return (struct svmm_segment) { .limit = 0xffff, .attrib = attrib };
}

static void set_registers(struct svmm_vcpu_page *page)
{
	struct svmm_segment data = segment(0x93);

	page->gpr = (struct svmm_gprs) {
		.rip = BOOT_FLAT,
		.rsp = BOOT_FLAT,
		.rflags = 2,
	};
	page->seg = (struct svmm_segs) {
		.cs = segment(0x9b),
		.ss = data,
		.ds = data,
		.es = data,
		.fs = data,
		.gs = data,
		.ldtr = segment(0x82),
		.tr = segment(0x8b),
		.gdt.limit = 0xffff,
		.idt.limit = 0x3ff,
	};
	page->cr.cr0 = CR0_ET;
	page->dirty |= SVMM_STATE_GPR | SVMM_STATE_SEG | SVMM_STATE_CR;
}

int boot_flat(const struct ram *ram, struct svmm_vcpu_page *page, const struct image *program)
{
	void *to = ram_at(ram, BOOT_FLAT, program->bytes);

	if (!program->bytes || program->bytes > RAM_VGA_START - BOOT_FLAT || !to) {
		message("the program %s has %llu bytes; it must have 1 to %llu", program->path,
			(unsigned long long)program->bytes, RAM_VGA_START - BOOT_FLAT);
		return -1;
	}
	if (image_read(program, 0, program->bytes, to))
		return -1;
	set_registers(page);
	return 0;
}
