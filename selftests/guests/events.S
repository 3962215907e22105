/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events that come from outside or from injection: NMI and its mask, the
 * interrupt shadow, priorities, exceptions from user space, the 8259's vector,
 * level-triggered interrupts. The test acts at each REPORT.
 *
 * org: 0x8000
 */
#include "guest.h"

#define ARG(n)	G_ARG + 8 * n
#define RES(n)	G_RES + 8 * n

.macro APIC_ON
	mov	$APIC + 0xf0, %eax
	movl	$0x1ff, (%rax)
	movl	$EOI_XAPIC, G_EOI
.endm

/* NMI: 2 reports per handler, then the count; interrupts are off. */
GUEST nmi, MODE_LONG
	movl	$nmi_handler, G_HANDLERS + 8 * 2
	REPORT	$1
	nop
	REPORT	G_COUNTS + 4 * 2
	REPORT	G_COUNTS + 4 * 2
	DONE
nmi_handler:
	REPORT	$0x10
	nop
	nop
	REPORT	G_COUNTS + 4 * 2
	ret

/* An IRET that faults in the NMI handler: the mask is gone before the fault. */
GUEST nmi_bad_iret, MODE_LONG
	movl	$nmi_bad_handler, G_HANDLERS + 8 * 2
	mov	%rsp, %rbp
	REPORT	$1
	jmp	.
nmi_bad_handler:
	mov	%rsp, %rbx
	push	$SEL_DATA
	push	%rbx
	push	$2
	push	$SEL_DATA		/* a data segment in CS: #GP */
	push	$0
	TRY	iretq
	mov	%rbp, %rsp
	REPORT	G_VECTOR
	REPORT	G_COUNTS + 4 * 2
	jmp	.

/* Halted with interrupts off: an NMI wakes. */
GUEST nmi_hlt, MODE_LONG
1:	cli
	REPORT	$1
	hlt
	REPORT	G_COUNTS + 4 * 2
	jmp	1b

/*
 * The interrupt shadow. The handler notes where the interrupt came in RES0, the
 * guest reports how far that is behind its STI.
 */
.macro SHADOW_CASE insn:vararg
	cli
	REPORT	$1			/* the test makes an interrupt pending */
	movq	$0, RES(0)
	mov	$G_MMIO, %ebp
	sti
	\insn
7774:	nop
	nop
	cli
	mov	RES(0), %rax
	sub	$7774b, %rax
	REPORT
.endm

GUEST shadow, MODE_LONG
	APIC_ON
	movl	$note_rip, G_HANDLERS + 8 * 0x60
	SHADOW_CASE nop
	SHADOW_CASE inc %rdx
	SHADOW_CASE cpuid
	SHADOW_CASE out %al, $0x21
	SHADOW_CASE in $0x21, %al
	SHADOW_CASE movl $1, (%rbp)
	SHADOW_CASE hlt
	/* STI, CLI: nothing comes in between */
	cli
	REPORT	$1
	sti
	cli
	nop
	REPORT	G_COUNTS + 4 * 0x60
	/* POPF and IRET have no shadow */
	movq	$0, RES(0)
	pushf
	orl	$0x200, (%rsp)
	popf
1:	nop
	cli
	mov	RES(0), %rax
	sub	$1b, %rax
	REPORT
	DONE
note_rip:
	mov	8 * FRAME_IP + 8(%rsp), %rbx
	mov	%rbx, RES(0)
	mov	$APIC + 0xb0, %eax
	movl	$0, (%rax)
	ret

/* MOV SS with interrupts on: the interrupt that the OUT brings waits for one instruction. */
GUEST shadow_ss, MODE_LONG
	APIC_ON
	movl	$note_rip, G_HANDLERS + 8 * 0x60
	mov	$SEL_DATA, %ecx
	REPORT	$1			/* the test sets the shadow and makes one pending */
1:	nop
	nop
	mov	RES(0), %rax
	sub	$1b, %rax
	REPORT
	DONE

/* TF with STI and MOV SS over instructions that exit: where #DB comes, and DR6. */
.macro STEP_CASE before, insn:vararg
	mov	$0xffff0ff0, %eax
	mov	%rax, %dr6
	mov	$SEL_DATA, %ebx
	mov	$G_MMIO, %ebp
	mov	$0x1b, %ecx		/* for RDMSR: APIC_BASE */
	xor	%eax, %eax
	movl	$NO_FAULT, G_VECTOR
	movl	$7775f, G_FIXUP
	pushf
	orl	$0x100, (%rsp)
	popf
	\before
	\insn
7776:	nop
	nop
7775:	REPORT	G_VECTOR
	mov	G_RIP, %rax
	sub	$7776b, %rax
	REPORT
	mov	%dr6, %rax
	REPORT
.endm

GUEST steps, MODE_LONG
	STEP_CASE "mov %ebx, %ss", nop
	STEP_CASE "mov %ebx, %ss", cpuid
	STEP_CASE "mov %ebx, %ss", rdmsr
	STEP_CASE "mov %ebx, %ss", out %al, $0x21
	STEP_CASE "mov %ebx, %ss", movl $1, (%rbp)
	DONE

GUEST steps_plain, MODE_LONG
	STEP_CASE "", nop
	STEP_CASE "", cpuid
	STEP_CASE "", rdmsr
	STEP_CASE "", out %al, $0x21
	STEP_CASE "", in $0x21, %al
	STEP_CASE "", movl $1, (%rbp)
	STEP_CASE "", rdtsc
	STEP_CASE "", wbinvd
	DONE

/* The test injects an exception at the report; the handler records it. */
GUEST inject, MODE_LONG
1:	movl	$NO_FAULT, G_VECTOR
	movl	$2f, G_FIXUP
	movq	$0x1111, G_CR2
	REPORT	$1
	nop
2:	mov	%dr6, %rax
	mov	%rax, RES(0)
	REPORT	G_VECTOR
	jmp	1b

/* An interrupt or INT n injected by the test. */
GUEST inject_int, MODE_LONG
1:	REPORT	$1
	nop
	REPORT	$2
	jmp	1b

/*
 * The handler of #DE is not present: #NP in the delivery of #DE is #DF. (#GP may
 * be intercepted, and QEMU forgets the first fault when it is injected again.)
 */
GUEST double_fault, MODE_LONG
	TRY_REPORT ud2			/* IDT and stack are mapped now */
	movb	$0x0e, G_IDT + 16 * 0 + 5
	xor	%eax, %eax
	xor	%edx, %edx
	xor	%ecx, %ecx
	TRY_REPORT div %ecx
	REPORT	G_ERROR
	DONE

/* CR8 and priorities: interrupts with vectors 51h and 61h. */
GUEST priority, MODE_LONG
	APIC_ON
	mov	$5, %eax
	mov	%rax, %cr8
	sti
	REPORT	$1			/* 51h becomes pending */
	nop
	REPORT	G_COUNTS + 4 * 0x51	/* 0: masked */
	mov	APIC + 0x80, %eax
	REPORT				/* 50h: TPR as the APIC shows it */
	REPORT	$2			/* 61h becomes pending */
	nop
	REPORT	G_COUNTS + 4 * 0x61	/* 1 */
	xor	%eax, %eax
	mov	%rax, %cr8
	nop
	REPORT	G_COUNTS + 4 * 0x51	/* 1 */
	mov	$APIC + 0x80, %ebx
	movl	$0x30, (%rbx)
	mov	%cr8, %rax
	REPORT				/* 3 */
	DONE

/* While 61h is in service, 51h waits and 71h does not. */
GUEST nested, MODE_LONG
	APIC_ON
	movl	$nested_handler, G_HANDLERS + 8 * 0x61
	sti
	REPORT	$1			/* 61h */
	nop
	nop
	REPORT	G_COUNTS + 4 * 0x51
	DONE
nested_handler:
	sti
	REPORT	$2			/* 51h and 71h */
	nop
	REPORT	G_COUNTS + 4 * 0x51
	REPORT	G_COUNTS + 4 * 0x71
	cli
	mov	$APIC + 0xb0, %eax
	movl	$0, (%rax)
	ret

/* The 8259 through LINT0 as ExtINT, and masked. */
GUEST extint, MODE_LONG
	APIC_ON
	movl	$EOI_NONE, G_EOI
	mov	$APIC + 0x350, %eax
	movl	$0x10700, (%rax)	/* masked */
	sti
	REPORT	$1
	nop
	REPORT	G_COUNTS + 4 * 0x40
	mov	$APIC + 0x350, %eax
	movl	$0x700, (%rax)
	nop
	REPORT	G_COUNTS + 4 * 0x40
	REPORT	$2			/* the test raises the line with IF = 0 next */
	cli
	REPORT	$3
	nop
	REPORT	G_COUNTS + 4 * 0x40
	sti
	nop
	nop
	REPORT	G_COUNTS + 4 * 0x40
	cli
	REPORT	$4			/* a halted vCPU is woken, too */
	sti
	hlt
	cli
	REPORT	G_COUNTS + 4 * 0x40
	DONE

/* Level-triggered: IRR, ISR, TMR and the EOI that user space sees. */
GUEST level, MODE_LONG
	APIC_ON
	movl	$EOI_NONE, G_EOI
	movl	$level_handler, G_HANDLERS + 8 * 0x70
	sti
	REPORT	$1
	nop
	REPORT	$2
	DONE
level_handler:
	mov	APIC + 0x1b0, %eax	/* TMR of 60h to 7Fh */
	REPORT
	mov	APIC + 0x130, %eax	/* ISR */
	REPORT
	mov	$APIC + 0xb0, %eax
	movl	$0, (%rax)
	mov	APIC + 0x130, %eax
	REPORT
	ret

/* The count of NMIs, reported as soon as it has changed. */
GUEST nmi_storm, MODE_LONG
	xor	%edi, %edi
1:	mov	G_COUNTS + 4 * 2, %esi
	REPORT	%esi
2:	mov	G_COUNTS + 4 * 2, %eax
	cmp	%eax, %esi
	je	2b
	jmp	1b

/*
 * Events that are delivered while the test takes IDT, stack, GDT and TSS away
 * from the nested page table: exception, interrupt, NMI, INT n.
 */
GUEST delivery, MODE_LONG
	APIC_ON
	sti
1:	REPORT	$1
	TRY	ud2
	REPORT	$2
	int	$0x80
	REPORT	$3			/* an interrupt is pending now */
	nop
	REPORT	$4			/* an NMI is pending now */
	nop
	REPORT	$5
	TRY	mov -0x1000, %al
	REPORT	$6
	jmp	1b

/* The same from user mode: the stack comes from the TSS. */
GUEST delivery_user, MODE_LONG
	APIC_ON
	pushq	$SEL_USER_DATA
	pushq	$G_USER_STACK
	pushq	$0x3202		/* IF, IOPL 3 */
	pushq	$SEL_USER64
	pushq	$1f
	iretq
1:	REPORT	$1
	TRY	ud2
	REPORT	$2
	int	$0x80
	REPORT	$3
	nop
	REPORT	$4
	nop
	REPORT	$5
	TRY	mov -0x1000, %al
	REPORT	$6
	jmp	1b
