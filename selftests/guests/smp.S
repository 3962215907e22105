/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guests of several vCPUs: one that sends what the test asks for, others that wait for it, halted
 * or busy; and guests that hold their time-stamp counters against each other.
 *
 * R15 is the vCPU's index, R14 how it ends interrupts (EOI_*), R13 and R12 its LDR and DFR, all
 * from the test.
 *
 * org: 0x8000
 */
#include "guest.h"

#define ARG(n)	G_ARG + 8 * n
#define RES(n)	G_RES + 8 * n

/* u32[256] per vCPU; behind them: words of the TSC guests; u64 of progress per vCPU */
#define COUNTS	G_FREE
#define LOCK	G_FREE + 0x9000
#define LAST	G_FREE + 0x9008
#define WARPS	G_FREE + 0x9010
#define ROUNDS	G_FREE + 0xa000

	.code64
/* Counts for this vCPU, ends the interrupt. RAX and RBX are saved by the stub. */
count:
	mov	%r15, %rax
	shl	$10, %rax
	lock incl COUNTS(%rax, %rbx, 4)
	cmp	$2, %ebx
	je	1f
	cmp	$EOI_XAPIC, %r14d
	je	2f
	push	%rcx
	push	%rdx
	mov	$0x80b, %ecx
	xor	%eax, %eax
	xor	%edx, %edx
	wrmsr
	pop	%rdx
	pop	%rcx
1:	ret
2:	mov	$APIC + 0xb0, %eax
	movl	$0, (%rax)
	ret

/* The APIC on in its mode, all vectors to count. */
begin:
	mov	$0x40, %ecx
1:	movl	$count, G_HANDLERS(, %rcx, 8)
	inc	%ecx
	cmp	$0x60, %ecx
	jb	1b
	movl	$count, G_HANDLERS + 8 * 2
	cmp	$EOI_XAPIC, %r14d
	je	2f
	mov	$0x1b, %ecx
	rdmsr
	or	$0xc00, %eax
	wrmsr
	mov	$0x80f, %ecx
	mov	$0x1ff, %eax
	xor	%edx, %edx
	wrmsr
	ret
2:	mov	$APIC, %ebx
	movl	$0x1ff, 0xf0(%rbx)
	mov	%r12d, 0xe0(%rbx)
	mov	%r13d, 0xd0(%rbx)
	ret

/* ICR := ARG0, to ARG1. */
GUEST send, MODE_LONG
	call	begin
	sti
1:	REPORT	$1
	mov	ARG(0), %eax
	mov	ARG(1), %edx
	cmp	$EOI_XAPIC, %r14d
	je	2f
	mov	$0x830, %ecx
	wrmsr
	jmp	1b
2:	mov	$APIC, %ebx
	shl	$24, %edx
	mov	%edx, 0x310(%rbx)
	mov	%eax, 0x300(%rbx)
	jmp	1b

.macro WAIT name, insn:vararg
GUEST \name, MODE_LONG
	call	begin
	sti
1:	lock incq ROUNDS(, %r15, 8)
	\insn
	jmp	1b
.endm

WAIT wait_halted, hlt
WAIT wait_busy, pause

/* Halted for good, but for NMIs. */
GUEST wait_nmi, MODE_LONG
	call	begin
1:	lock incq ROUNDS(, %r15, 8)
	hlt
	jmp	1b

/* Under a lock, so that the order is known: no TSC is below the one before. */
GUEST warp, MODE_LONG
1:	mov	$1, %eax
	xchg	%eax, LOCK
	test	%eax, %eax
	jz	2f
	pause
	jmp	1b
2:	lfence
	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
	cmp	LAST, %rax
	jae	3f
	lock incq WARPS
3:	mov	%rax, LAST
	movl	$0, LOCK
	lock incq ROUNDS(, %r15, 8)
	jmp	1b

/* TSC_AUX is R13's, wherever the vCPU runs. */
GUEST aux, MODE_LONG
	mov	$0xc0000103, %ecx
	mov	%r13d, %eax
	xor	%edx, %edx
	wrmsr
1:	rdtscp
	cmp	%ecx, %r13d
	je	2f
	lock incq WARPS
2:	lock incq ROUNDS(, %r15, 8)
	jmp	1b

/* The TSC is set to ARG0. */
GUEST set_tsc, MODE_LONG
1:	REPORT	$1
	mov	$0x10, %ecx
	mov	ARG(0), %eax
	mov	ARG(0) + 4, %edx
	wrmsr
	rdmsr
	mov	%eax, RES(0)
	mov	%edx, RES(0) + 4
	jmp	1b

/* Says which value it sees in a page that the host replaces. */
#define WATCHED	G_PAGED + 0x100000
#define SEEN	G_FREE + 0xb000

GUEST watch, MODE_LONG
1:	mov	WATCHED, %rax
	mov	%rax, SEEN(, %r15, 8)
	lock incq ROUNDS(, %r15, 8)
	jmp	1b

/* One linear page leads to two others in turn, by INVLPG and by CR3: what is read is the new one. */
.macro FLIP to, value, flush:vararg
	movq	$\to + 7, G_PT + 8 * 5
	\flush
	cmpq	$\value, G_PAGED + 0x5000
	je	7773f
	lock incq WARPS
7773:
.endm

GUEST flip, MODE_LONG
	movq	$0xaaaa, G_PAGED + 0x6000
	movq	$0xbbbb, G_PAGED + 0x7000
	mov	%cr3, %rbp
1:	FLIP	G_PAGED + 0x6000, 0xaaaa, invlpg G_PAGED + 0x5000
	FLIP	G_PAGED + 0x7000, 0xbbbb, invlpg G_PAGED + 0x5000
	FLIP	G_PAGED + 0x6000, 0xaaaa, mov %rbp, %cr3
	FLIP	G_PAGED + 0x7000, 0xbbbb, mov %rbp, %cr3
	lock incq ROUNDS(, %r15, 8)
	jmp	1b
