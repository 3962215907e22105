/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a debugger steps through, stops in and watches. Where each instruction of a STEP ends is in a
 * table, which the guest reports first.
 *
 * org: 0x8000
 */
#include "guest.h"

#define ARG(n)	G_ARG + 8 * n
#define RES(n)	G_RES + 8 * n

/* One instruction, and where the guest is behind it. */
.macro STEP insn:vararg
	.text	2
	.long	7780f
	.text	1
	\insn
7780:
.endm
/* One that leads to @target. */
.macro STEP_TO target:req, insn:vararg
	.text	2
	.long	\target
	.text	1
	\insn
.endm
	.text	2
	.balign	4
table:
	.text	1

GUEST steps, MODE_LONG
	mov	$G_MMIO, %ebp
	mov	$0x1b, %ecx
	mov	$G_FREE, %edi
	mov	$3, %edx
	movq	$0, G_FREE + 64
	REPORT	$table
	STEP	nop
	STEP	mov %rsp, %rsi
	STEP	rdmsr
	STEP	out %al, $0x21
	STEP	in $0x21, %al
	STEP	mov (%rbp), %eax
	STEP	mov %eax, (%rbp)
	STEP	incl (%rbp)
	STEP	wbinvd
	STEP	sti
	STEP	nop
	STEP	cli
	STEP	pushf
	STEP	pop %rbx
	STEP	pushf
	STEP	popf
	STEP	pushf
	STEP	pop %rcx
	STEP	mov %cr0, %rax
	STEP	mov %rax, %cr0
	STEP	mov %dr7, %rax
	STEP	mov %ax, %dx
	STEP	cpuid
	STEP_TO	0, nop
	/* RBX was CPUID's; RSI and RCX stay. */
	mov	%rcx, RES(0)
	DONE

/* What pushes flags, and where it leads. */
GUEST frames, MODE_LONG
	movq	$landing, G_HANDLERS + 8 * 0x60
	movl	$7f, G_FIXUP
	REPORT	$1
	int	$0x60
6:	ud2
7:	REPORT	G_COUNTS + 4 * 0x60
	REPORT	G_COUNTS + 4 * 6
	DONE
landing:
	ret

/* SYSCALL and SYSRET, both with the guest's flags in R11. */
GUEST syscalls, MODE_LONG
	SET_MSR	0xc0000080, 0x501
	mov	$0xc0000081, %ecx	/* STAR */
	xor	%eax, %eax
	mov	$0x00300008, %edx
	wrmsr
	SET_MSR	0xc0000082, entry64
	SET_MSR	0xc0000084, 0x4700
	mov	$user, %ecx
	mov	$0x202, %r11d
	REPORT	$1
	sysretq
user:	nop
	syscall
	nop
entry64:
	mov	%r11, RES(0)
	mov	$0xc0000084, %ecx
	rdmsr
	mov	%rax, RES(1)
	DONE

/* Breakpoints and watchpoints: the test writes INT3 over the NOP, or arms its registers. */
GUEST stops, MODE_LONG
	mov	$0x1234, %eax
	mov	%rax, %dr0
	mov	$0x400, %eax
	mov	%rax, %dr7
	movl	$0, G_FREE
	mov	$bp, %eax
	REPORT
	nop
bp:	nop
	movl	$1, G_FREE
	nop
	mov	%dr0, %rax
	mov	%rax, RES(0)
	mov	%dr6, %rax
	mov	%rax, RES(1)
	mov	%dr7, %rax
	mov	%rax, RES(2)
	mov	$0x5678, %eax
	mov	%rax, %dr1
	REPORT	$2
	mov	%dr1, %rax
	mov	%rax, RES(3)
	DONE

/* An INT3 of the guest's own, and a step of its own. */
GUEST own, MODE_LONG
	movl	$1f, G_FIXUP
	REPORT	$1
own_bp:	int3
	nop
1:	mov	G_RIP, %rax
	sub	$own_bp, %rax
	REPORT
	movl	$2f, G_FIXUP
	mov	$0xffff0ff0, %eax
	mov	%rax, %dr6
	pushf
	orl	$0x100, (%rsp)
	popf
own_tf:	nop
	nop
2:	mov	G_RIP, %rax
	sub	$own_tf, %rax
	REPORT
	mov	%dr6, %rax
	REPORT
	DONE

/* HLT, with an NMI that wakes. */
GUEST halts, MODE_LONG
	REPORT	$1
	hlt
	nop
	nop
	REPORT	G_COUNTS + 4 * 2
	DONE

/* Breakpoints, and a timer that interrupts them. */
GUEST often, MODE_LONG
	movl	$EOI_XAPIC, G_EOI
	mov	$APIC, %ebp
	movl	$0x1ff, 0xf0(%rbp)
	movl	$0xb, 0x3e0(%rbp)
	movl	$0x20031, 0x320(%rbp)
	movl	$100000, 0x380(%rbp)
	REPORT	$1
	sti
1:	int3
	jmp	1b
