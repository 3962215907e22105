// SPDX-License-Identifier: GPL-2.0
/*
 * What the emulator does where user space cannot ask the CPU: real mode, privileged accesses, FS,
 * 5-level canonical form, SSE and AVX that are turned off, segment loads of a kernel, atomicity,
 * verdicts.
 *
 * needs: module/emulate/decode.c module/emulate/alu.c module/emulate/operand.c
 * needs: module/emulate/string.c module/emulate/emulate.c module/emulate/simd.c
 * needs: module/emulate/segment.c
 */
#include <stdlib.h>

#include "emulate_fake.h"

static void test_verdicts(void)
{
	struct emu e = state(X86_MODE_64);

	bad = 0;
	CHECK(RUN(&e, 0x48, 0x89) == EMU_TRUNCATED);
	CHECK(RUN(&e, 0x0f, 0x0b) == EMU_EXCEPTION && raised(&e, X86_VEC_UD, false));
	CHECK(RUN(&e, 0xf0, 0x89, 0x00) == EMU_EXCEPTION && raised(&e, X86_VEC_UD, false));
	CHECK(RUN(&e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e, 0x2e,
		  0x2e, 0x2e, 0x2e) == EMU_EXCEPTION && raised(&e, X86_VEC_GP, true));
	CHECK(RUN(&e, 0xf7, 0x20) == EMU_FAIL);			/* mul [rax] */
	CHECK(RUN(&e, 0xd9, 0x00) == EMU_FAIL);			/* fld */
	CHECK(RUN(&e, 0xff, 0x18) == EMU_FAIL);			/* far call [rax] */
	CHECK(RUN(&e, 0xc5, 0xf8, 0x58, 0x00) == EMU_FAIL);	/* vaddps */
	CHECK(RUN(&e, 0x0f, 0xae, 0x00) == EMU_FAIL);		/* fxsave */
	CHECK(RUN(&e, 0x48, 0x0f, 0xc7, 0x08) == EMU_FAIL);	/* cmpxchg16b */
	CHECK(RUN(&e, 0x0f, 0x58, 0x00) == EMU_FAIL);		/* addps */
	CHECK(RUN(&e, 0x66, 0x0f, 0x6f, 0xc1) == EMU_FAIL);	/* movdqa xmm0, xmm1 */
	CHECK(RUN(&e, 0x6c) == EMU_FAIL);			/* insb: x86_string_io() */
	CHECK(!dev.reads && !dev.writes && e.rip == 0x1000);
	ksft_test_result(!bad, "verdicts\n");
}

static void test_access_flags(void)
{
	struct emu e = state(X86_MODE_64);

	bad = 0;
	CHECK(RUN(&e, 0x8b, 0x00) == EMU_OK && dev.access == GUEST_READ);
	CHECK(e.rip == 0x1002);
	CHECK(RUN(&e, 0x89, 0x08) == EMU_OK && dev.access == GUEST_WRITE);
	e.cpl = 3;
	CHECK(RUN(&e, 0x8b, 0x00) == EMU_OK && dev.access == GUEST_USER);
	CHECK(RUN(&e, 0x89, 0x08) == EMU_OK && dev.access == (GUEST_USER | GUEST_WRITE));
	/* a read-modify-write must be refused at its read */
	e = state(X86_MODE_64);
	dev.at = 0x5000;
	CHECK(RUN(&e, 0x83, 0x08, 0x01) == EMU_EXCEPTION && e.exception.vector == X86_VEC_PF);
	CHECK(dev.access == GUEST_WRITE);
	CHECK(RUN(&e, 0x48, 0x0f, 0xb1, 0x08) == EMU_EXCEPTION && dev.access == GUEST_WRITE);
	CHECK(RUN(&e, 0xd1, 0x20) == EMU_EXCEPTION && dev.access == GUEST_WRITE);
	e.regs[X86_RAX] = 0x5000;
	CHECK(RUN(&e, 0xf0, 0x0f, 0xba, 0x28, 0x03) == EMU_OK);
	CHECK(dev.reads == 1 && dev.swaps == 1 && dev.value == 8);
	/* CMP and TEST do not write */
	CHECK(RUN(&e, 0x83, 0x38, 0x08) == EMU_OK && dev.access == GUEST_READ);
	CHECK(e.rflags & X86_FLAG_ZF && dev.writes == 1);
	ksft_test_result(!bad, "access flags\n");
}

static void test_atomic(void)
{
	struct emu e = state(X86_MODE_64);

	bad = 0;
	dev.value = 0x1234;
	e.regs[X86_RCX] = 0x77;
	/* xchg [rax], rcx: LOCK is implied */
	CHECK(RUN(&e, 0x48, 0x87, 0x08) == EMU_OK);
	CHECK(dev.swaps == 1 && dev.old == 0x1234 && dev.value == 0x77);
	CHECK(e.regs[X86_RCX] == 0x1234);
	CHECK(RUN(&e, 0x48, 0x01, 0x08) == EMU_OK && dev.swaps == 1);	/* add: no LOCK */
	CHECK(dev.value == 0x12ab);
	CHECK(RUN(&e, 0xf0, 0x48, 0x01, 0x08) == EMU_OK && dev.swaps == 2 && dev.old == 0x12ab);
	/* the new value has no bits above the operand */
	e = state(X86_MODE_64);
	dev.value = 0xff;
	CHECK(RUN(&e, 0xf0, 0xf6, 0x10) == EMU_OK && dev.value == 0);
	dev.value = 0xff;
	CHECK(RUN(&e, 0xf0, 0xfe, 0x00) == EMU_OK && dev.value == 0);
	/* a lost race is the caller's to repeat */
	dev.swap_result = EMU_RETRY;
	CHECK(RUN(&e, 0xf0, 0x48, 0xff, 0x00) == EMU_RETRY && dev.value == 0);
	/* CMPXCHG8B that fails writes the old value back */
	e = state(X86_MODE_32);
	dev.value = 0x1122334455667788;
	CHECK(RUN(&e, 0xf0, 0x0f, 0xc7, 0x0e) == EMU_OK && dev.swaps == 1);
	CHECK(dev.value == 0x1122334455667788 && !(e.rflags & X86_FLAG_ZF));
	CHECK(e.regs[X86_RDX] == 0x11223344 && e.regs[X86_RAX] == 0x55667788);
	ksft_test_result(!bad, "LOCK and XCHG\n");
}

static void test_real_mode(void)
{
	struct emu e = real_mode();

	bad = 0;
	e.seg[X86_SEG_ES].base = 0xb8000;
	e.regs[X86_RDI] = 0xffff0010;		/* only DI counts */
	e.regs[X86_RAX] = 0x0741;
	dev.at = 0xb8010;
	CHECK(RUN(&e, 0x26, 0x89, 0x05) == EMU_OK && dev.value == 0x0741);
	CHECK(RUN(&e, 0xab) == EMU_OK && e.regs[X86_RDI] == 0xffff0012 && dev.writes == 2);

	/* the limit is 64 KiB: #GP, and #SS for BP */
	e = real_mode();
	e.regs[X86_RBX] = 0xffff;
	CHECK(RUN(&e, 0x8b, 0x07) == EMU_EXCEPTION && raised(&e, X86_VEC_GP, true));
	e.regs[X86_RBP] = 0xffff;
	CHECK(RUN(&e, 0x8b, 0x46, 0x00) == EMU_EXCEPTION && raised(&e, X86_VEC_SS, true));
	dev.at = 0xffff;
	CHECK(RUN(&e, 0x8a, 0x07) == EMU_OK);
	/* BX + SI wraps at 64 KiB */
	e.regs[X86_RSI] = 0x12;
	dev.at = 0x11;
	CHECK(RUN(&e, 0x8a, 0x00) == EMU_OK);
	/* code is writable: types do not count in real mode */
	e.seg[X86_SEG_CS] = (struct emu_seg){ .base = 0xf0000, .attrib = 0x9b, .limit = 0xffff };
	dev.at = 0xf0011;
	CHECK(RUN(&e, 0x2e, 0x88, 0x00) == EMU_OK);

	/* "unreal" mode: a 4 GiB limit that survived the way back from protected mode */
	e = real_mode();
	e.seg[X86_SEG_DS].limit = 0xffffffff;
	e.regs[X86_RBX] = 0xfee00020;
	dev.at = 0xfee00020;
	CHECK(RUN(&e, 0x67, 0x66, 0x8b, 0x03) == EMU_OK && dev.reads == 1);

	/* virtual-8086 mode: 16-bit, whatever CS.D says */
	e = real_mode();
	e.cr0 = 0x80000011;
	e.rflags |= X86_FLAG_VM;
	e.seg[X86_SEG_CS].attrib |= SEG_DB;
	CHECK(emu_mode(&e) == X86_MODE_16);

	/* a null selector and a read-only segment in protected mode */
	e = state(X86_MODE_32);
	e.seg[X86_SEG_DS].attrib = 0;
	CHECK(RUN(&e, 0x8b, 0x00) == EMU_EXCEPTION && raised(&e, X86_VEC_GP, true));
	e.seg[X86_SEG_DS].attrib = 0xc91;
	CHECK(RUN(&e, 0x89, 0x00) == EMU_EXCEPTION && raised(&e, X86_VEC_GP, true));
	dev.at = 0;
	CHECK(RUN(&e, 0x8b, 0x00) == EMU_OK);
	ksft_test_result(!bad, "real, unreal, virtual-8086 and protected mode\n");
}

static void test_linear(void)
{
	struct emu e = state(X86_MODE_64);
	u64 linear, val;

	bad = 0;
	/* FS and GS have a base, the others do not */
	e.seg[X86_SEG_FS].base = 0xffff888000000000;
	e.seg[X86_SEG_DS].base = 0x12345;
	dev.at = 0xffff888000000010;
	e.regs[X86_RAX] = 0x10;
	CHECK(RUN(&e, 0x64, 0x8b, 0x00) == EMU_OK && dev.reads == 1);
	/* 67 truncates the offset, not the sum */
	e.regs[X86_RCX] = 0xdead00000010;
	CHECK(RUN(&e, 0x64, 0x67, 0x8b, 0x01) == EMU_OK && dev.reads == 2);
	e.regs[X86_RCX] = 0xffff888000000010;
	CHECK(RUN(&e, 0x3e, 0x8b, 0x01) == EMU_OK && dev.reads == 3);
	/* canonical form with 48 and 57 bits */
	e.regs[X86_RCX] = 0x0000888000000010;
	CHECK(RUN(&e, 0x8b, 0x01) == EMU_EXCEPTION && raised(&e, X86_VEC_GP, true));
	e.cr4 |= X86_CR4_BIT_LA57;
	dev.at = 0x0000888000000010;
	CHECK(RUN(&e, 0x8b, 0x01) == EMU_OK);
	e.regs[X86_RCX] = 0x00fffffffffffffd;	/* last byte is outside */
	CHECK(RUN(&e, 0x8b, 0x01) == EMU_EXCEPTION && raised(&e, X86_VEC_GP, true));
	e.regs[X86_RBP] = 0x8000000000000000;
	CHECK(RUN(&e, 0x8b, 0x45, 0x00) == EMU_EXCEPTION && raised(&e, X86_VEC_SS, true));
	/* INVLPG's operand is not checked */
	CHECK(!x86_decode(&e.insn, (const u8 *)"\x0f\x01\x7d\x08", 4, X86_MODE_64));
	CHECK(emu_operand_linear(&e, 0, 0, &linear) == EMU_OK && linear == 0x8000000000000008);

	/* LMSW and SMSW operands */
	e = state(X86_MODE_16);
	e.regs[X86_RSI] = 0x100;
	dev.at = 0x100;
	dev.value = 0xabcd0001;
	CHECK(!x86_decode(&e.insn, (const u8 *)"\x0f\x01\x34", 3, X86_MODE_16));
	CHECK(emu_read_rm(&e, 2, &val) == EMU_OK && val == 1);
	CHECK(!x86_decode(&e.insn, (const u8 *)"\x0f\x01\xe3", 3, X86_MODE_32));
	e.regs[X86_RBX] = ~0ULL;
	CHECK(emu_write_rm(&e, 4, 0x80050033) == EMU_OK && e.regs[X86_RBX] == 0x80050033);
	e.regs[X86_RBX] = ~0ULL;
	CHECK(emu_write_rm(&e, 2, 0x33) == EMU_OK && e.regs[X86_RBX] == 0xffffffffffff0033);

	/* where the next instruction is */
	e = state(X86_MODE_32);
	e.rip = 0xffffffff;
	e.rflags |= X86_FLAG_RF;
	e.seg[X86_SEG_CS].base = 0x1000;
	CHECK(emu_fetch_linear(&e, 1) == 0x1000);
	emu_advance_rip(&e, 2);
	CHECK(e.rip == 1 && !(e.rflags & X86_FLAG_RF));
	e = state(X86_MODE_64);
	e.rip = 0xffffffff;
	CHECK(emu_fetch_linear(&e, 1) == 0x100000000);
	emu_advance_rip(&e, 2);
	CHECK(e.rip == 0x100000001);
	ksft_test_result(!bad, "linear addresses, operands, RIP\n");
}

#define MOVUPS	0x44, 0x0f, 0x10, 0x08			/* movups xmm9, [rax] */
#define VMOVUPS	0xc5, 0x7c, 0x10, 0x08			/* vmovups ymm9, [rax] */
#define EVEX	0x62, 0xf1, 0x7c, 0x48, 0x10, 0x00	/* vmovups zmm0, [rax] */
#define MMX	0x0f, 0x6f, 0x08			/* movq mm1, [rax] */

#define RAISES(e, vec, error, ...)							\
	(RUN(e, __VA_ARGS__) == EMU_EXCEPTION && raised(e, vec, error) && !dev.reads)

static void test_sse(void)
{
	struct emu e = state(X86_MODE_64);

	bad = 0;
	xcr0 = 7;
	memset(fpu_image, 0x55, sizeof(fpu_image));
	dev.value = 0x1122334455667788;
	CHECK(RUN(&e, MOVUPS) == EMU_OK && dev.reads == 1);
	CHECK(!memcmp(fpu_image + 160 + 9 * 16, &dev.value, 8) && fpu_image[576 + 9 * 16] == 0x55);
	CHECK(fpu_image[160 + 8 * 16] == 0x55 && fpu_image[160 + 10 * 16] == 0x55);

	/* what turns SSE off, AVX, and MMX; #UD before #NM */
	e = state(X86_MODE_64);
	CHECK(RAISES(&e, X86_VEC_UD, false, VMOVUPS));
	e.cr4 |= X86_CR4_BIT_OSXSAVE;
	e.cr4 &= ~X86_CR4_BIT_OSFXSR;
	CHECK(RAISES(&e, X86_VEC_UD, false, MOVUPS));
	CHECK(RUN(&e, VMOVUPS) == EMU_OK && RUN(&e, MMX) == EMU_OK && dev.reads == 2);
	CHECK(fpu_image[576 + 8 * 16] == 0x55 && fpu_image[576 + 9 * 16] == 0);
	dev.reads = 0;
	e.cr4 |= X86_CR4_BIT_OSFXSR;
	CHECK(RAISES(&e, X86_VEC_UD, false, EVEX));
	e.cr0 |= X86_CR0_BIT_TS;
	CHECK(RAISES(&e, X86_VEC_NM, false, MOVUPS) && RAISES(&e, X86_VEC_NM, false, VMOVUPS));
	CHECK(RAISES(&e, X86_VEC_NM, false, MMX));
	e.cr0 |= X86_CR0_BIT_EM;
	CHECK(RAISES(&e, X86_VEC_UD, false, MOVUPS) && RAISES(&e, X86_VEC_UD, false, MMX));
	CHECK(RAISES(&e, X86_VEC_NM, false, VMOVUPS));
	e.cr0 &= ~X86_CR0_BIT_TS;
	CHECK(RUN(&e, VMOVUPS) == EMU_OK);
	dev.reads = 0;
	xcr0 = 3;
	CHECK(RAISES(&e, X86_VEC_UD, false, VMOVUPS));
	/* FXSAVE only */
	xcr0 = 0;
	CHECK(RAISES(&e, X86_VEC_UD, false, VMOVUPS));
	e.cr0 &= ~X86_CR0_BIT_EM;
	CHECK(RUN(&e, MOVUPS) == EMU_OK);
	/* no VEX in real and virtual-8086 mode, though in 16-bit code */
	xcr0 = 7;
	e = real_mode();
	e.cr4 |= X86_CR4_BIT_OSXSAVE;
	CHECK(RAISES(&e, X86_VEC_UD, false, 0xc5, 0xf8, 0x10, 0x07));
	e.cr0 |= X86_CR0_BIT_PE;
	CHECK(RUN(&e, 0xc5, 0xf8, 0x10, 0x07) == EMU_OK);
	dev.reads = 0;
	e.rflags |= X86_FLAG_VM;
	CHECK(RAISES(&e, X86_VEC_UD, false, 0xc5, 0xf8, 0x10, 0x07));
	/* aligned is what the instruction says, before the segment is asked */
	e = state(X86_MODE_64);
	e.regs[X86_RAX] = 0x7ffffffffff8;
	CHECK(RAISES(&e, X86_VEC_GP, true, 0x0f, 0x28, 0x00));
	e = state(X86_MODE_64);
	e.ops = &ops_no_fpu;
	CHECK(RUN(&e, MOVUPS) == EMU_FAIL && !dev.reads);
	ksft_test_result(!bad, "SSE, AVX and MMX, on and off\n");
}

static bool refused(const struct emu *e, unsigned int vector, u32 error_code)
{
	return e->exception.vector == vector && e->exception.has_error &&
	       e->exception.error_code == error_code;
}

/* MOV to a segment register: what @selector is at the device. */
#define LOAD(e, sel, ...) ({ dev.value = (sel); dev.access = 0; RUN(e, __VA_ARGS__); })
#define MOV_ES	0x8e, 0x00
#define MOV_SS	0x8e, 0x10
#define MOV_FS	0x8e, 0x20

static void test_segments(void)
{
	struct emu e = state(X86_MODE_64);
	struct emu_seg s;

	bad = 0;
	gdt[1] = 0x00af9b000000ffff;	/* 08: 64-bit code */
	gdt[2] = 0x12cf92345678ffff;	/* 10: data, not accessed */
	gdt[3] = 0x0040f30000001234;	/* 18: user data */
	gdt[4] = 0x0040130000001234;	/* 20: not present */
	gdt[5] = 0x00409f0000001234;	/* 28: conforming, readable */
	gdt[6] = 0x0000890000000067;	/* 30: a TSS */
	gdt[7] = 0x0040990000001234;	/* 38: code that cannot be read */

	CHECK(LOAD(&e, 0x10, MOV_FS) == EMU_OK && e.loaded_seg == X86_SEG_FS && e.rip == 0x1002);
	s = e.seg[X86_SEG_FS];
	CHECK(s.selector == 0x10 && s.base == 0x12345678 && s.limit == 0xffffffff);
	CHECK(s.attrib == 0xc93);
	/* the accessed bit: whoever runs, as the kernel, atomically, once */
	CHECK(gdt[2] == 0x12cf93345678ffff && dev.swaps == 1 && dev.old == 0x12cf92345678ffff);
	CHECK(dev.access == (GUEST_WRITE | GUEST_IMPLICIT));
	CHECK(LOAD(&e, 0x10, MOV_FS) == EMU_OK && dev.swaps == 1);
	CHECK(LOAD(&e, 0x1b, MOV_ES) == EMU_OK && e.seg[X86_SEG_ES].limit == 0x1234);
	CHECK(RUN(&e, 0x8b, 0x08) == EMU_OK && e.loaded_seg == X86_SEG_NONE);
	/* a lost race is tried again */
	gdt[2] &= ~BIT_ULL(40);
	dev.swap_result = EMU_RETRY;
	CHECK(LOAD(&e, 0x10, MOV_ES) == EMU_RETRY);
	dev.swap_result = 0;

	CHECK(LOAD(&e, 0x22, MOV_ES) == EMU_EXCEPTION && refused(&e, X86_VEC_GP, 0x20));
	CHECK(LOAD(&e, 0x20, MOV_ES) == EMU_EXCEPTION && refused(&e, X86_VEC_NP, 0x20));
	CHECK(LOAD(&e, 0x20, MOV_SS) == EMU_EXCEPTION && refused(&e, X86_VEC_SS, 0x20));
	CHECK(LOAD(&e, 0x30, MOV_ES) == EMU_EXCEPTION && refused(&e, X86_VEC_GP, 0x30));
	CHECK(LOAD(&e, 0x38, MOV_ES) == EMU_EXCEPTION && refused(&e, X86_VEC_GP, 0x38));
	CHECK(LOAD(&e, 0x40, MOV_ES) == EMU_EXCEPTION && refused(&e, X86_VEC_GP, 0x40));
	CHECK(LOAD(&e, 0x0c, MOV_ES) == EMU_EXCEPTION && refused(&e, X86_VEC_GP, 0x0c));
	CHECK(LOAD(&e, 0x08, MOV_ES) == EMU_OK && LOAD(&e, 0x2b, MOV_ES) == EMU_OK);
	/* the stack: writable data of the CPL, nothing else */
	CHECK(LOAD(&e, 0x08, MOV_SS) == EMU_EXCEPTION && refused(&e, X86_VEC_GP, 0x08));
	CHECK(LOAD(&e, 0x1b, MOV_SS) == EMU_EXCEPTION && refused(&e, X86_VEC_GP, 0x18));
	CHECK(LOAD(&e, 0x10, MOV_SS) == EMU_OK && e.loaded_seg == X86_SEG_SS);
	/* null: anywhere, but as a stack only in a 64-bit kernel, where it keeps the CPL */
	e.cpl = 1;
	CHECK(LOAD(&e, 0, MOV_SS) == EMU_OK && e.seg[X86_SEG_SS].attrib == 0x20);
	e.cpl = 3;
	CHECK(LOAD(&e, 3, MOV_SS) == EMU_EXCEPTION && refused(&e, X86_VEC_GP, 0));
	CHECK(LOAD(&e, 3, MOV_ES) == EMU_OK && !(e.seg[X86_SEG_ES].attrib & SEG_P));
	CHECK(LOAD(&e, 0x13, MOV_ES) == EMU_EXCEPTION && refused(&e, X86_VEC_GP, 0x10));
	e = state(X86_MODE_32);
	CHECK(LOAD(&e, 0, MOV_SS) == EMU_EXCEPTION && refused(&e, X86_VEC_GP, 0));
	/* a local table that is there */
	e.ldtr = (struct emu_seg){ .base = 0x9008, .limit = 0xf, .attrib = SEG_P };
	gdt[2] |= BIT_ULL(40);
	CHECK(LOAD(&e, 0x0c, MOV_ES) == EMU_OK && e.seg[X86_SEG_ES].base == 0x12345678);
	CHECK(LOAD(&e, 0x14, MOV_ES) == EMU_EXCEPTION && refused(&e, X86_VEC_GP, 0x14));
	/* a table that is not mapped: #PF, as the processor's own access */
	e.gdtr.base = 0x20000;
	CHECK(LOAD(&e, 0x10, MOV_ES) == EMU_EXCEPTION && e.exception.vector == X86_VEC_PF);
	CHECK(dev.access == GUEST_IMPLICIT && e.exception.address == 0x20010);

	/* real and virtual-8086 mode: only the base, the limit may be "unreal" */
	e = real_mode();
	e.seg[X86_SEG_ES].limit = 0xffffffff;
	CHECK(LOAD(&e, 0xb800, 0x8e, 0x07) == EMU_OK && e.seg[X86_SEG_ES].base == 0xb8000);
	CHECK(e.seg[X86_SEG_ES].limit == 0xffffffff && e.seg[X86_SEG_ES].attrib == 0x93);
	e.cr0 |= X86_CR0_BIT_PE;
	e.rflags |= X86_FLAG_VM;
	CHECK(LOAD(&e, 3, 0x8e, 0x17) == EMU_OK && e.seg[X86_SEG_SS].base == 0x30);
	ksft_test_result(!bad, "segment loads\n");
}

static void test_branches(void)
{
	struct emu e = state(X86_MODE_64);

	bad = 0;
	dev.value = 0xffff888000001234;
	CHECK(RUN(&e, 0xff, 0x20) == EMU_OK && e.rip == 0xffff888000001234 && !dev.writes);
	dev.value = 0x0000888000001234;
	CHECK(RUN(&e, 0xff, 0x20) == EMU_EXCEPTION && raised(&e, X86_VEC_GP, true));
	e = state(X86_MODE_32);
	e.regs[X86_RSP] = 4;		/* the return address goes where the target came from */
	dev.value = 0x12345678;
	CHECK(RUN(&e, 0xff, 0x10) == EMU_OK && e.rip == 0x12345678 && dev.value == 0x1002);
	CHECK(e.regs[X86_RSP] == 0);
	e = real_mode();
	dev.value = 0x12345678;
	CHECK(RUN(&e, 0xff, 0x27) == EMU_OK && e.rip == 0x5678);
	CHECK(RUN(&e, 0x66, 0xff, 0x27) == EMU_EXCEPTION && raised(&e, X86_VEC_GP, true));
	ksft_test_result(!bad, "CALL and JMP by memory\n");
}

static void test_rep(void)
{
	struct emu e = state(X86_MODE_64);

	bad = 0;
	e.regs[X86_RCX] = 2;
	e.regs[X86_RDI] = 0x7000;
	dev.at = 0x7000;
	CHECK(RUN(&e, 0xf3, 0xaa) == EMU_OK && e.rep_again && e.rip == 0x1000);
	CHECK(e.regs[X86_RCX] == 1 && e.regs[X86_RDI] == 0x7001);
	dev.at = 0x7001;
	CHECK(RUN(&e, 0xf3, 0xaa) == EMU_OK && !e.rep_again && e.rip == 0x1002);
	CHECK(e.regs[X86_RCX] == 0 && dev.writes == 2);
	CHECK(RUN(&e, 0xf3, 0xaa) == EMU_OK && !e.rep_again && e.rip == 0x1004 && dev.writes == 2);
	/* the upper half of RCX does not count, and stays, with a 32-bit count */
	e.regs[X86_RCX] = 0x500000000;
	CHECK(RUN(&e, 0x67, 0xf3, 0xaa) == EMU_OK && e.regs[X86_RCX] == 0x500000000);
	CHECK(dev.writes == 2);
	ksft_test_result(!bad, "REP, one round at a time\n");
}

int main(void)
{
	const char *seed = getenv("SEED");

	if (seed)
		rng_state = strtoull(seed, NULL, 0) * 2 + 1;
	ksft_print_header();
	ksft_set_plan(9);
	test_verdicts();
	test_access_flags();
	test_atomic();
	test_real_mode();
	test_linear();
	test_sse();
	test_segments();
	test_branches();
	test_rep();
	ksft_finished();
	return 0;
}
