/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The paravirtual interface from the guest's side: steal time, interrupts that
 * end without an exit, hypercalls; and vCPUs that wait, in HLT or in a loop.
 *
 * Where several vCPUs run, R15 is the page of each: interrupts at 0, "here I am"
 * at 4.
 *
 * org: 0x8000
 */
#include "guest.h"

#define ARG(n)	G_ARG + 8 * n
#define RES(n)	G_RES + 8 * n

#define MSR_PV_EOI	0x4b564d04

/* Hypercall ARG0 with RBX, RCX, RDX and RSI from ARG1 on; its result in RES0. */
GUEST call, MODE_LONG
1:	mov	ARG(0), %rax
	mov	ARG(1), %rbx
	mov	ARG(2), %rcx
	mov	ARG(3), %rdx
	mov	ARG(4), %rsi
	vmmcall
	mov	%rax, RES(0)
	REPORT	$0
	jmp	1b

/* The same from a 32-bit code segment; the upper halves are full of ones. */
GUEST call32, MODE_LONG
1:	mov	$~0, %rax
	mov	%rax, %rbx
	mov	%rax, %rcx
	mov	%rax, %rdx
	mov	%rax, %rsi
	ljmp	*2f
2:	.long	3f
	.word	SEL_CODE32
	.code32
3:	mov	ARG(0), %eax
	mov	ARG(1), %ebx
	mov	ARG(2), %ecx
	mov	ARG(3), %edx
	mov	ARG(4), %esi
	vmmcall
	mov	%eax, RES(0)
	REPORT	$0
	ljmp	$SEL_CODE64, $1b
	.code64

/* MSR ARG0 becomes ARG1; the fault, if any. */
GUEST wrmsr, MODE_LONG
1:	mov	ARG(0), %ecx
	mov	ARG(1), %eax
	mov	ARG(1) + 4, %edx
	TRY_REPORT wrmsr
	jmp	1b

/* ARG1 rounds; all bits that the byte at ARG0 had in them go to RES0. */
GUEST watch, MODE_LONG
1:	mov	ARG(0), %rsi
	mov	ARG(1), %rcx
	xor	%eax, %eax
2:	or	(%rsi), %al
	dec	%rcx
	jnz	2b
	mov	%rax, RES(0)
	REPORT	$0
	jmp	1b

/*
 * Interrupts that may end without an exit: RES0 counts them, RES1 those whose end was an EOI.
 * ARG1 = 1: the handler exits before it ends; 2: it reports 77h before.
 */
eoi_handler:
	incl	RES(0)
	cmpl	$1, ARG(1)
	jb	2f
	ja	1f
	push	%rcx
	push	%rdx
	xor	%eax, %eax
	cpuid
	pop	%rdx
	pop	%rcx
	jmp	2f
1:	mov	$0x77, %eax
	out	%eax, $PORT_REPORT
2:	mov	ARG(0), %rbx
	and	$~3, %rbx
	jz	3f
	btrl	$0, (%rbx)
	jc	5f
3:	incl	RES(1)
	cmpl	$EOI_XAPIC, G_EOI
	jne	4f
	mov	$APIC + 0xb0, %eax
	movl	$0, (%rax)
	ret
4:	push	%rcx
	push	%rdx
	mov	$0x80b, %ecx
	xor	%eax, %eax
	xor	%edx, %edx
	wrmsr
	pop	%rdx
	pop	%rcx
5:	ret

.macro SELF x2, vector
	.if	\x2
	mov	$0x83f, %ecx
	mov	$\vector, %eax
	xor	%edx, %edx
	wrmsr
	.else
	mov	$APIC + 0x300, %ecx
	movl	$0x44000 + \vector, (%rcx)
	.endif
.endm

/*
 * MSR_KVM_PV_EOI_EN becomes ARG0 unless that is 0.  Rounds: ARG2 = 0: one interrupt to itself; 1: two
 * at once; 2: wait for one.
 */
.macro EOI_GUEST name, x2
GUEST \name, MODE_LONG
	.if	\x2
	mov	$0x1b, %ecx
	rdmsr
	or	$0xc00, %eax
	wrmsr
	mov	$0x80f, %ecx
	mov	$0x1ff, %eax
	xor	%edx, %edx
	wrmsr
	movl	$EOI_X2APIC, G_EOI
	.else
	mov	$APIC + 0xf0, %eax
	movl	$0x1ff, (%rax)
	movl	$EOI_XAPIC, G_EOI
	.endif
	movl	$eoi_handler, G_HANDLERS + 8 * 0x41
	movl	$eoi_handler, G_HANDLERS + 8 * 0x51
	mov	ARG(0), %eax
	mov	ARG(0) + 4, %edx
	mov	$MSR_PV_EOI, %ecx
	test	%eax, %eax
	jz	1f
	TRY	wrmsr
1:	REPORT	G_VECTOR
2:	cmpl	$1, ARG(2)
	je	3f
	ja	4f
	sti
	SELF	\x2, 0x41
	nop
	nop
	cli
	jmp	5f
3:	cli
	SELF	\x2, 0x41
	SELF	\x2, 0x51
	sti
	nop
	nop
	nop
	cli
	jmp	5f
4:	sti
	hlt
	cli
5:	REPORT	$0
	jmp	2b
.endm

EOI_GUEST eoi, 0
EOI_GUEST eoi_x2, 1

/* A vCPU that halts, with interrupts on; vector 41h is counted. */
count_handler:
	lock	incl (%r15)
	mov	$APIC + 0xb0, %eax
	movl	$0, (%rax)
	ret

GUEST idle, MODE_LONG
	mov	$APIC + 0xf0, %eax
	movl	$0x1ff, (%rax)
	movl	$count_handler, G_HANDLERS + 8 * 0x41
	movl	$1, 4(%r15)
1:	sti
	hlt
	cli
	jmp	1b

/* One that waits for a lock, with interrupts off: each time that it wakes counts. */
GUEST lock_waiter, MODE_LONG
	movl	$1, 4(%r15)
	cli
1:	hlt
	lock	incl (%r15)
	jmp	1b

/* The vector that holds the processor until ARG1. */
holding_handler:
	incl	RES(3)
1:	cmpl	$0, ARG(1)
	je	1b
	mov	$APIC + 0xb0, %eax
	movl	$0, (%rax)
	ret

/* Busy until ARG1, with interrupts on if ARG0; vector 41h is counted, 51h holds. */
GUEST busy, MODE_LONG
	mov	$APIC + 0xf0, %eax
	movl	$0x1ff, (%rax)
	movl	$count_handler, G_HANDLERS + 8 * 0x41
	movl	$holding_handler, G_HANDLERS + 8 * 0x51
	movl	$1, 4(%r15)
	cmpl	$0, ARG(0)
	je	1f
	sti
1:	cmpl	$0, ARG(1)
	je	1b
	sti
	nop
	nop
	cli
	DONE

/* ARG1 times: HLT until a timer of ARG0 ns. */
GUEST timer, MODE_LONG
	mov	$APIC + 0xf0, %eax
	movl	$0x1ff, (%rax)
	movl	$EOI_XAPIC, G_EOI
	mov	$APIC + 0x3e0, %eax
	movl	$0xb, (%rax)
	mov	$APIC + 0x320, %eax
	movl	$0x31, (%rax)
1:	mov	ARG(1), %esi
2:	mov	ARG(0), %ebx
	mov	$APIC + 0x380, %eax
	mov	%ebx, (%rax)
	sti
	hlt
	cli
	dec	%esi
	jnz	2b
	REPORT	$0
	jmp	1b

/* A timer of ARG0 ns, before it fires one of ARG1 ns, 0: none; then HLT. */
GUEST later, MODE_LONG
	mov	$APIC + 0xf0, %eax
	movl	$0x1ff, (%rax)
	movl	$EOI_XAPIC, G_EOI
	mov	$APIC + 0x3e0, %eax
	movl	$0xb, (%rax)
	mov	$APIC + 0x320, %eax
	movl	$0x31, (%rax)
1:	mov	$APIC + 0x380, %eax
	mov	ARG(0), %ebx
	mov	%ebx, (%rax)
	mov	ARG(1), %ebx
	mov	%ebx, (%rax)
	sti
	hlt
	cli
	REPORT	$0
	jmp	1b
