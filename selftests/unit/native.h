/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Runs one instruction on the CPU of the build machine: the oracle for the emulator. Given are
 * registers, flags, an FPU image and, for 16 and 32-bit code, segment descriptors; back come the
 * same after the instruction, with selectors, or the vector that it raised. It knows nothing of
 * the emulator.
 *
 * The trick: a stub at a low address loads the state, including RSP, from a page next to it; the
 * instruction is copied into its middle so that it always ends at the same place. Legacy modes
 * are LDT segments, entered by a far jump and left by one. Faults come back as signals on their
 * own stack.
 */
#ifndef SELFTESTS_UNIT_NATIVE_H
#define SELFTESTS_UNIT_NATIVE_H

#include <asm/ldt.h>
#include <asm/prctl.h>
#include <cpuid.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "../../module/pure.h"

#define NATIVE_CODE	0x10000000UL	/* stub */
#define NATIVE_SLOTS	0x10001000UL	/* its data */
#define NATIVE_END	0x800		/* where the instruction ends, in the code page */

enum { NATIVE_ES, NATIVE_CS, NATIVE_SS, NATIVE_DS, NATIVE_FS, NATIVE_GS, NATIVE_NR_SEGS };

#define NATIVE_FPU	0x1000
#define NATIVE_XCR0	0xe7		/* x87, SSE, AVX, AVX-512 */

/* Where an XSAVE image has what (standard format); offsets of what the CPU does not have are 0. */
static struct {
	u64 xcr0;			/* 0: FXSAVE */
	u32 offset[8], bytes[8];
} native_fpu;

struct native_state {
	u8 fpu[NATIVE_FPU];		/* at the start of a page for XSAVE */
	u64 regs[16];
	u64 rflags;
	u16 sreg[NATIVE_NR_SEGS];	/* out only */
};

/* The page that the stub addresses RIP-relatively. */
struct native_slots {
	struct native_state st;
	u64 host_rsp;
	u32 selector[NATIVE_NR_SEGS];
	u32 far_offset;
	u16 far_selector;
};

#define slots ((volatile struct native_slots *)NATIVE_SLOTS)

static void *native_escape[5];
static volatile u32 native_vector, native_error;
static volatile u64 native_cr2;
static volatile bool native_runs;

static void native_reset_segments(void)
{
	asm volatile("mov %0, %%ds; mov %0, %%es" : : "r" (0));
}

/*
 * Not instrumented, and no library longjmp(): AddressSanitizer would clean up all of the stack
 * that is jumped over, at the cost of two system calls for each fault.
 */
__attribute__((__no_sanitize__("address", "undefined")))
static void native_signal(int sig, siginfo_t *info, void *ctx)
{
	const greg_t *g = ((ucontext_t *)ctx)->uc_mcontext.gregs;

	(void)info;
	/* AC may still be set, and DS and ES may be anything */
	asm volatile("pushfq; andl $~0x40000, (%%rsp); popfq" : : : "memory", "cc");
	native_reset_segments();
	if (!native_runs) {	/* the test's own */
		signal(sig, SIG_DFL);
		return;
	}
	native_runs = false;
	native_vector = g[REG_TRAPNO];
	native_error = g[REG_ERR];
	native_cr2 = g[REG_CR2];
	__builtin_longjmp(native_escape, 1);
}

static u8 *emit_at;

static void emit(const char *bytes, unsigned int n)
{
	memcpy(emit_at, bytes, n);
	emit_at += n;
}

/* @opcode bytes, then a RIP-relative operand with @reg in ModRM. */
static void emit_slot(const char *opcode, unsigned int n, unsigned int reg,
		      const volatile void *slot)
{
	u8 modrm = 0x05 | (reg & 7) << 3;
	s32 disp;

	emit(opcode, n);
	emit((char *)&modrm, 1);
	disp = (s64)((uintptr_t)slot - ((uintptr_t)emit_at + 4));
	emit((char *)&disp, 4);
}

static void emit_regs(bool store)
{
	static const char load_op[2][2] = { "\x48\x8b", "\x4c\x8b" };
	static const char store_op[2][2] = { "\x48\x89", "\x4c\x89" };
	unsigned int i;

	for (i = 0; i < 16; i++)
		if (i != 4)
			emit_slot(store ? store_op[i >> 3] : load_op[i >> 3], 2, i,
				  &slots->st.regs[i]);
}

/* All that there is of the FPU, by XSAVE64, XRSTOR64, FXSAVE64 or FXRSTOR64. */
static void emit_fpu(bool store)
{
	char xcr0 = native_fpu.xcr0;

	emit("\x31\xd2\xb8", 3);				/* xor edx, edx; mov eax, xcr0 */
	emit((char[]){ xcr0, 0, 0, 0 }, 4);
	emit_slot("\x48\x0f\xae", 3, (xcr0 ? 4 : 0) + !store, slots->st.fpu);
}

static void native_find_fpu(void)
{
	u32 eax, edx, ecx, i;

	__cpuid(1, eax, i, ecx, edx);
	if (!(ecx & bit_OSXSAVE))
		return;
	asm volatile("xgetbv" : "=a" (eax), "=d" (edx) : "c" (0));
	native_fpu.xcr0 = eax & NATIVE_XCR0;
	for (i = 2; i < 8; i++)
		if (native_fpu.xcr0 >> i & 1)
			__cpuid_count(0xd, i, native_fpu.bytes[i], native_fpu.offset[i], ecx, edx);
}

static void *stub_64, *stub_legacy;

#define BACK_AT		0x900

/* Everything up to the instruction, for one kind of mode. */
static void *emit_entry(bool legacy)
{
	void *entry = emit_at;

	emit("\x53\x55\x41\x54\x41\x55\x41\x56\x41\x57", 10);	/* push rbx rbp r12..r15 */
	emit_slot("\x48\x89", 2, 4, &slots->host_rsp);
	emit_fpu(false);
	emit_slot("\xff", 1, 6, &slots->st.rflags);		/* push; popfq */
	emit("\x9d", 1);
	if (legacy) {
		static const struct { u8 seg, sreg; } order[] = {
			{ NATIVE_ES, 0 }, { NATIVE_GS, 5 }, { NATIVE_SS, 2 }, { NATIVE_DS, 3 },
		};
		unsigned int i;

		for (i = 0; i < ARRAY_SIZE(order); i++)
			emit_slot("\x8e", 1, order[i].sreg, &slots->selector[order[i].seg]);
	}
	emit_regs(false);
	emit_slot("\x48\x8b", 2, 4, &slots->st.regs[4]);
	if (legacy)
		emit_slot("\xff", 1, 5, &slots->far_offset);	/* jmp far */
	else
		emit("\xe9", 1);				/* jmp rel32, patched per run */
	emit_at += 4;
	return entry;
}

static u8 *jmp_64;

static void native_init(void)
{
	static u8 altstack[65536];
	stack_t ss = { .ss_sp = altstack, .ss_size = sizeof(altstack) };
	struct sigaction sa = { .sa_sigaction = native_signal,
				.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
	int sigs[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP };
	unsigned int i;
	void *p;

	p = mmap((void *)NATIVE_CODE, 0x1000 + sizeof(struct native_slots),
		 PROT_READ | PROT_WRITE | PROT_EXEC,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (p != (void *)NATIVE_CODE)
		exit(1);
	sigaltstack(&ss, NULL);
	for (i = 0; i < ARRAY_SIZE(sigs); i++)
		sigaction(sigs[i], &sa, NULL);

	native_find_fpu();
	emit_at = (u8 *)NATIVE_CODE;
	stub_64 = emit_entry(false);
	jmp_64 = emit_at - 5;
	stub_legacy = emit_entry(true);

	emit_at = (u8 *)NATIVE_CODE + BACK_AT;
	emit_slot("\x48\x89", 2, 4, &slots->st.regs[4]);
	emit_slot("\x48\x8b", 2, 4, &slots->host_rsp);
	emit_regs(true);
	emit("\x9c", 1);
	emit_slot("\x8f", 1, 0, &slots->st.rflags);
	emit("\x6a\x02\x9d", 3);				/* push 2; popfq */
	for (i = 0; i < NATIVE_NR_SEGS; i++)
		emit_slot("\x8c", 1, i, &slots->st.sreg[i]);
	emit("\xb8\x2b\0\0\0\x8e\xd0", 7);			/* mov eax, 0x2b; mov ss, eax */
	emit("\x31\xc0\x8e\xd8\x8e\xc0", 6);			/* DS and ES null */
	emit_fpu(true);
	emit("\xdb\xe3", 2);					/* fninit */
	emit("\x41\x5f\x41\x5e\x41\x5d\x41\x5c\x5d\x5b\xc3", 11);
}

/* LDT entry @n; returns its selector. */
static u16 native_segment(unsigned int n, struct user_desc *d)
{
	d->entry_number = n;
	if (syscall(SYS_modify_ldt, 0x11, d, sizeof(*d)))
		return 0;
	return n << 3 | 7;
}

/* Where an instruction of @len bytes is executed, relative to the start of the code page. */
static inline u64 native_rip(unsigned int len)
{
	return NATIVE_END - len;
}

/*
 * Run it. @bits: 16, 32 or 64; @sel: selectors by enum, for legacy modes, where CS has base
 * NATIVE_CODE. Returns the vector of the exception, or -1 if there was none and @st is the state
 * after the instruction.
 */
static int native_run(unsigned int bits, const u8 *bytes, unsigned int len,
		      struct native_state *st, const u16 *sel)
{
	u8 *insn = (u8 *)NATIVE_CODE + NATIVE_END - len, *end = (u8 *)NATIVE_CODE + NATIVE_END;
	void (*volatile run)(void) = (void (*)(void))(bits == 64 ? stub_64 : stub_legacy);
	unsigned int i;

	memcpy(insn, bytes, len);
	memcpy((void *)&slots->st, st, sizeof(*st));
	emit_at = end;
	if (bits == 64) {
		s32 to_insn = insn - (jmp_64 + 5), to_back = BACK_AT - (NATIVE_END + 5);

		memcpy(jmp_64 + 1, &to_insn, 4);
		emit("\xe9", 1);
		emit((char *)&to_back, 4);
	} else {
		u32 back = NATIVE_CODE + BACK_AT;

		for (i = 0; i < NATIVE_NR_SEGS; i++)
			slots->selector[i] = sel[i];
		slots->far_offset = native_rip(len);
		slots->far_selector = sel[NATIVE_CS];
		if (bits == 16)
			emit("\x66", 1);
		emit("\xea", 1);
		emit((char *)&back, 4);
		emit("\x33\0", 2);
	}
	if (__builtin_setjmp(native_escape))
		return native_vector;
	native_runs = true;
	run();
	native_runs = false;
	memcpy(st, (void *)&slots->st, sizeof(*st));
	return -1;
}

#undef slots

#endif /* SELFTESTS_UNIT_NATIVE_H */
