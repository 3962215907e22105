// SPDX-License-Identifier: GPL-2.0
// mode: 64
/*
 * Every exception that an instruction can raise in 64-bit mode: error code, where RIP points, and
 * which one comes if there is a choice.
 */
#include "conform.h"

#define NONCANONICAL	0x8000000000000000ul
#define UNMAPPED	0x100000000ul		/* behind what start.S maps */

static void arithmetic(void)
{
	word ax, dx;

	ax = 1;
	dx = 0;
	REPORT_TRY("de.by_zero", "divl %2", "+a"(ax), "+d"(dx) : "r"(0));
	ax = 0;
	dx = 5;
	REPORT_TRY("de.overflow", "divl %2", "+a"(ax), "+d"(dx) : "r"(5));
	ax = 0x8000000000000000ul;
	dx = -1ul;
	REPORT_TRY("de.idiv", "idivq %2", "+a"(ax), "+d"(dx) : "r"(-1ul));
	ax = 7;
	dx = 0;
	REPORT_TRY("de.none", "divl %2", "+a"(ax), "+d"(dx) : "r"(2));
	report("quotient", ax);
	report("remainder", dx);
}

static void undefined(void)
{
	word scratch = 0;

	REPORT_TRY("ud.ud2", "ud2", : : "memory");
	REPORT_TRY("ud.aaa", ".byte 0x37", : : "memory");
	REPORT_TRY("ud.push_cs", ".byte 0x0e", : : "memory");
	REPORT_TRY("ud.into", ".byte 0xce", : : "memory");
	REPORT_TRY("ud.far_call", ".byte 0x9a, 0, 0, 0, 0, 8, 0", : : "memory");
	REPORT_TRY("ud.lock_mov", ".byte 0xf0; movl %0, (%1)", : "r"(0), "r"(&scratch) : "memory");
	REPORT_TRY("ud.lock_register", ".byte 0xf0; addl %k0, %k0", "+r"(scratch) : : "memory");
	REPORT_TRY("ud.mov_to_cs", ".byte 0x8e, 0xc8", : : "memory");
	REPORT_TRY("ud.cr1", ".byte 0x0f, 0x20, 0xc8", : : "rax");
	REPORT_TRY("ud.lea_register", ".byte 0x8d, 0xc0", : : "memory");
	REPORT_TRY("ud.rsm", "rsm", : : "memory");
	REPORT_TRY("ud.ud0", ".byte 0x0f, 0xff, 0xc0", : : "memory");
}

static void software(void)
{
	REPORT_TRY("bp.int3", "int3", : : "memory");
	REPORT_TRY("bp.int_3", ".byte 0xcd, 3", : : "memory");
	REPORT_TRY("db.int1", ".byte 0xf1", : : "memory");
	REPORT_TRY("int.20", "int $0x20", : : "memory");
	/* Beyond the table, and a gate that is not there. */
	*gate(0x21) &= ~(1ul << 47);
	REPORT_TRY("np.gate", "int $0x21", : : "memory");
	*gate(0x21) &= ~(0x1ful << 40);
	REPORT_TRY("gp.gate_type", "int $0x21", : : "memory");
}

static void short_table(void)
{
	struct {
		uint16_t limit;
		word base;
	} __attribute__((packed)) old, pointer;

	asm volatile("sidt %0" : "=m"(old));
	pointer = old;
	pointer.limit = 16 * 0x40 - 1;
	asm volatile("lidt %0" : : "m"(pointer));
	REPORT_TRY("gp.idt_limit", "int $0x40", : : "memory");
	asm volatile("lidt %0" : : "m"(old));
}

static void segments(void)
{
	gdt[SEL_SPARE / 8] = descriptor(0, 0xfffff, 0x13, 12);		/* not present */
	gdt[SEL_SPARE / 8 + 1] = descriptor(0, 0xfffff, 0x99, 10);	/* execute only */
	gdt[SEL_SPARE / 8 + 2] = descriptor(0, 0xfffff, 0xf3, 12);	/* ring 3 data */
	gdt[SEL_SPARE / 8 + 3] = descriptor(0, 0xfffff, 0x91, 12);	/* read-only */
	REPORT_TRY("np.ds", "mov %w0, %%ds", : "r"(SEL_SPARE) : "memory");
	REPORT_TRY("ss.not_present", "mov %w0, %%ss", : "r"(SEL_SPARE) : "memory");
	REPORT_TRY("gp.ds_execute_only", "mov %w0, %%ds", : "r"(SEL_SPARE + 8) : "memory");
	REPORT_TRY("gp.ss_rpl", "mov %w0, %%ss", : "r"(SEL_DATA | 3) : "memory");
	REPORT_TRY("gp.ss_dpl", "mov %w0, %%ss", : "r"(SEL_SPARE + 16) : "memory");
	REPORT_TRY("gp.ss_read_only", "mov %w0, %%ss", : "r"(SEL_SPARE + 24) : "memory");
	REPORT_TRY("ss.null", "mov %w0, %%ss", : "r"(0) : "memory");
	asm volatile("mov %w0, %%ss" : : "r"(SEL_DATA));
	REPORT_TRY("gp.gdt_limit", "mov %w0, %%es", : "r"(0xfff8) : "memory");
	REPORT_TRY("gp.no_ldt", "mov %w0, %%es", : "r"(SEL_DATA | 4) : "memory");
	REPORT_TRY("gp.lldt_type", "lldt %w0", : "r"(SEL_DATA) : "memory");
	REPORT_TRY("gp.ltr_busy", "ltr %w0", : "r"(SEL_TSS) : "memory");
	REPORT_TRY("gp.fs_null", "mov %w0, %%fs", : "r"(0) : "memory");
}

static void general(void)
{
	word bp = NONCANONICAL, dx = 0;

	REPORT_TRY("gp.noncanonical", "movb $0, (%0)", : "r"(NONCANONICAL) : "memory");
	fault.vector = NO_FAULT;
	asm volatile("xchg %0, %%rbp; 1: movb $0, (%%rbp); 2: xchg %0, %%rbp;"
		     ".pushsection .extable, \"a\"; .quad 1b, 2b; .popsection"
		     : "+r"(bp) : : "memory");
	report_fault("ss.noncanonical");
	REPORT_TRY("gp.cr8_reserved", "mov %0, %%cr8", : "r"(0x10ul) : "memory");
	REPORT_TRY("gp.dr7_high", "mov %0, %%dr7", : "r"(1ul << 32) : "memory");
	REPORT_TRY("gp.msr", "rdmsr", "+d"(dx) : "c"(0x12345) : "rax");
	REPORT_TRY("gp.sse_unaligned", "movaps (%0), %%xmm0", : "r"(8ul) : "memory");
}

static void page(void)
{
	REPORT_TRY("pf.read", "movb (%0), %%al", : "r"(UNMAPPED + 0x123) : "rax");
	REPORT_TRY("pf.write", "movb %%al, (%0)", : "r"(UNMAPPED + 0x1000) : "memory");
	REPORT_TRY("pf.rmw", "incb (%0)", : "r"(UNMAPPED + 0x2000) : "memory");
	REPORT_TRY("pf.cmpxchg", "lock cmpxchg %%ecx, (%0)", : "r"(UNMAPPED) : "rax", "memory");
	REPORT_TRY("pf.across", "movq %%rax, (%0)", : "r"(UNMAPPED - 4) : "memory");
	REPORT_TRY("pf.prefetch", "prefetcht0 (%0)", : "r"(UNMAPPED) : "memory");
	REPORT_TRY("pf.invlpg", "invlpg (%0)", : "r"(UNMAPPED) : "memory");
	REPORT_TRY("pf.rep_movs", "mov $16, %%ecx; mov %0, %%rsi; mov %1, %%rdi; rep movsb",
		   : "r"((word)MEMORY), "r"(UNMAPPED - 5) : "rcx", "rsi", "rdi", "memory");
}

static void x87(void)
{
	const word cr0 = read_cr0();
	uint16_t control = 0x37b;		/* division by zero unmasked */
	uint32_t mxcsr = 0x1f80;

	write_cr0(cr0 | CR0_TS);
	REPORT_TRY("nm.x87", "fld1", : : "memory");
	REPORT_TRY("nm.sse", "xorps %%xmm0, %%xmm0", : : "memory");
	REPORT_TRY("nm.fwait_no_mp", "fwait", : : "memory");
	write_cr0(cr0 | CR0_TS | CR0_MP);
	REPORT_TRY("nm.fwait_mp", "fwait", : : "memory");
	REPORT_TRY("nm.mov_does_not", "mov %0, %%eax", : "r"(0) : "rax");
	write_cr0(cr0 | CR0_EM);
	REPORT_TRY("ud.sse_em", "xorps %%xmm0, %%xmm0", : : "memory");
	REPORT_TRY("nm.x87_em", "fld1", : : "memory");
	asm volatile("clts");
	write_cr0(cr0);
	asm volatile("fninit; fldcw %0; fld1; fldz" : : "m"(control));
	REPORT_TRY("mf.not_yet", "fdivrp", : : "memory");
	REPORT_TRY("mf.then", "fwait", : : "memory");
	asm volatile("fnclex; fninit");
	mxcsr &= ~0x200u;			/* division by zero unmasked */
	asm volatile("ldmxcsr %0" : : "m"(mxcsr));
	asm volatile("xorps %%xmm1, %%xmm1; mov $1, %%eax; cvtsi2ss %%eax, %%xmm0" : : : "rax");
	REPORT_TRY("xm.divss", "divss %%xmm1, %%xmm0", : : "memory");
	write_cr4(read_cr4() & ~0x400ul);
	REPORT_TRY("ud.without_osxmmexcpt", "divss %%xmm1, %%xmm0", : : "memory");
	write_cr4(read_cr4() | 0x400ul);
	mxcsr = 0x1f80;
	asm volatile("ldmxcsr %0" : : "m"(mxcsr));
	mxcsr = 0x10000;
	REPORT_TRY("gp.mxcsr", "ldmxcsr %0", : "m"(mxcsr) : "memory");
	write_cr4(read_cr4() & ~0x200ul);
	REPORT_TRY("ud.without_osfxsr", "xorps %%xmm0, %%xmm0", : : "memory");
	write_cr4(read_cr4() | 0x200ul);
}

int main(void)
{
	arithmetic();
	undefined();
	software();
	short_table();
	segments();
	general();
	page();
	x87();
	return 0;
}
