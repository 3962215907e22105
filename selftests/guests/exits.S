/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Instructions that leave the guest, one entry point per class. Most are
 * servers: they take arguments from G_ARG, try one instruction, put results
 * into G_RES and report the fault (or NO_FAULT), again and again.
 *
 * org: 0x8000
 */
#include "guest.h"

#define ARG(n)	G_ARG + 8 * n
#define RES(n)	G_RES + 8 * n

/* CPUID of leaf ARG0, sub-leaf ARG1. */
GUEST cpuid, MODE_LONG
1:	mov	$-1, %rax
	mov	$-1, %rcx
	mov	%rax, %rbx
	mov	%rax, %rdx
	mov	ARG(0), %eax
	mov	ARG(1), %ecx
	TRY	cpuid
	mov	%rax, RES(0)
	mov	%rbx, RES(1)
	mov	%rcx, RES(2)
	mov	%rdx, RES(3)
	REPORT	G_VECTOR
	jmp	1b

/* RDMSR (ARG1 = 0) or WRMSR of value ARG2 (ARG1 = 1), MSR ARG0. */
GUEST msr, MODE_LONG
1:	mov	ARG(0), %ecx
	cmpl	$0, ARG(1)
	jne	2f
	mov	$-1, %rax
	mov	$-1, %rdx
	TRY	rdmsr
	mov	%rax, RES(1)
	mov	%rdx, RES(2)
	shl	$32, %rdx
	mov	%eax, %eax
	or	%rdx, %rax
	mov	%rax, RES(0)
	jmp	3f
2:	mov	ARG(2), %eax
	mov	ARG(2) + 4, %edx
	TRY	wrmsr
3:	REPORT	G_VECTOR
	jmp	1b

/*
 * A control register written with ARG1, read back into RES0: the register is
 * ARG0, and the old value is put back, so that the next round starts afresh.
 */
.macro CR_ROUND cr
	mov	\cr, %r8
	mov	ARG(1), %rax
	TRY	mov %rax, \cr
	mov	\cr, %rax
	mov	%rax, RES(0)
	mov	%r8, \cr
	jmp	8f
.endm

GUEST cr, MODE_LONG
1:	mov	ARG(0), %ecx
	cmp	$3, %ecx
	je	3f
	cmp	$4, %ecx
	je	4f
	cmp	$8, %ecx
	je	5f
	CR_ROUND %cr0
3:	CR_ROUND %cr3
4:	CR_ROUND %cr4
5:	CR_ROUND %cr8
8:	REPORT	G_VECTOR
	jmp	1b

/* The same in 32-bit protected mode without paging, CR0 and CR4. */
GUEST cr32, MODE_PROT32
1:	cmpl	$0, ARG(0)
	jne	2f
	mov	%cr0, %ebx
	mov	ARG(1), %eax
	TRY	mov %eax, %cr0
	mov	%cr0, %eax
	mov	%eax, RES(0)
	mov	%ebx, %cr0
	jmp	3f
2:	mov	%cr4, %ebx
	mov	ARG(1), %eax
	TRY	mov %eax, %cr4
	mov	%cr4, %eax
	mov	%eax, RES(0)
	mov	%ebx, %cr4
3:	REPORT	G_VECTOR
	jmp	1b

/* SMSW, LMSW and CLTS: CR0 after each step. */
GUEST lmsw, MODE_PROT32
	mov	%cr0, %eax
	REPORT
	mov	$0xe, %eax		/* TS, EM, MP; PE stays, LMSW cannot clear it */
	lmsw	%ax
	mov	%cr0, %eax
	REPORT
	clts
	mov	%cr0, %eax
	REPORT
	mov	$0xfff0, %eax		/* all of MP, EM, TS off; other bits are not touched */
	lmsw	%ax
	mov	%cr0, %eax
	REPORT
	mov	$-1, %eax
	smsw	%ax
	REPORT
	smsw	%eax
	REPORT
	mov	$3, %eax		/* MP alone */
	lmsw	%ax
	mov	%cr0, %eax
	REPORT
	lmsw	one_ts			/* from memory */
	mov	%cr0, %eax
	REPORT
	smsw	RES(0)			/* to memory */
	REPORT	RES(0)
	DONE
one_ts:	.word	0x9

/* Debug registers: number ARG0; ARG1 = 1 writes ARG2; reads into RES0. */
.macro DR_ROUND n
1:	cmpl	$0, ARG(1)
	je	2f
	mov	ARG(2), %rax
	TRY	mov %rax, %dr\n
	jmp	3f
2:	TRY	mov %dr\n, %rax
	mov	%rax, RES(0)
3:	REPORT	G_VECTOR
	jmp	dr_next
.endm

GUEST dr, MODE_LONG
dr_next:
	mov	ARG(0), %ecx
	jmp	*dr_table(, %rcx, 8)
dr_table:
	.quad	dr_0, dr_1, dr_2, dr_3, dr_4, dr_5, dr_6, dr_7
dr_0:	DR_ROUND 0
dr_1:	DR_ROUND 1
dr_2:	DR_ROUND 2
dr_3:	DR_ROUND 3
dr_4:	.byte	0			/* placeholder: DR4 and DR5 have their own guest */
dr_5:	.byte	0
dr_6:	DR_ROUND 6
dr_7:	DR_ROUND 7

/* DR4 and DR5: aliases of DR6 and DR7, or #UD with CR4.DE. */
GUEST dr45, MODE_LONG
	TRY	mov %dr4, %rax
	mov	%rax, RES(0)
	REPORT	G_VECTOR
	TRY	mov %dr5, %rax
	mov	%rax, RES(1)
	REPORT	G_VECTOR
	mov	%cr4, %rax
	or	$8, %rax
	mov	%rax, %cr4
	TRY_REPORT mov %dr4, %rax
	TRY_REPORT mov %rax, %dr5
	DONE

/* General detect: any access to a debug register is #DB with DR6.BD. */
GUEST dr_gd, MODE_LONG
	mov	$0x2400, %eax
	mov	%rax, %dr7
	TRY_REPORT mov %dr0, %rax
	mov	%dr6, %rax		/* the #DB has cleared GD */
	REPORT
	mov	%dr7, %rax
	REPORT
	DONE

/* A write watchpoint on RES0, and an instruction breakpoint. */
GUEST dr_watch, MODE_LONG
	mov	$RES(0), %eax
	mov	%rax, %dr0
	mov	$0xd0401, %eax		/* L0, 4 bytes, write */
	mov	%rax, %dr7
	TRY_REPORT movl $1, RES(0)
	mov	%dr6, %rax
	REPORT
	mov	$0xffff0ff0, %eax
	mov	%rax, %dr6
	TRY_REPORT movl $1, RES(2)	/* next to it: nothing */
	mov	$1f, %eax
	mov	%rax, %dr1
	mov	$0x404, %eax		/* L1, execution */
	mov	%rax, %dr7
	TRY	nop
	movl	$2f, G_FIXUP
1:	nop
2:	REPORT	G_VECTOR
	mov	%dr6, %rax
	REPORT
	xor	%eax, %eax
	mov	%rax, %dr7
	DONE

/* XSETBV of ARG0 with index ARG1; XGETBV of the result into RES0. */
GUEST xsetbv, MODE_LONG
	mov	%cr4, %rax
	or	$(1 << 18), %rax
	mov	%rax, %cr4
1:	mov	ARG(0), %eax
	mov	ARG(0) + 4, %edx
	mov	ARG(1), %ecx
	TRY	xsetbv
	xor	%ecx, %ecx
	xgetbv
	mov	%eax, RES(0)
	mov	%edx, RES(0) + 4
	REPORT	G_VECTOR
	jmp	1b

/* Instructions that have one right answer; the test knows them in this order. */
GUEST one_answer, MODE_LONG
	TRY_REPORT wbinvd
	TRY_REPORT invd
	xor	%eax, %eax
	xor	%ecx, %ecx
	xor	%edx, %edx
	TRY_REPORT monitor
	xor	%eax, %eax
	xor	%ecx, %ecx
	TRY_REPORT mwait
	mov	$1 << 30, %ecx
	TRY_REPORT rdpmc
	TRY_REPORT pause
	TRY_REPORT invlpg 0x200000
	TRY_REPORT rsm
	TRY_REPORT ud2
	TRY_REPORT rdtsc
	TRY_REPORT int3
	mov	$0xdead, %eax		/* no such hypercall */
	TRY	vmmcall
	mov	%rax, RES(0)
	REPORT	G_VECTOR
	TRY_REPORT .byte 0x0f, 0x01, 0xc1	/* VMCALL */
	TRY_REPORT .byte 0x0f, 0x01, 0xc5	/* undefined */
	TRY_REPORT getsec
	TRY_REPORT .byte 0x66, 0x0f, 0x38, 0x80, 0x00	/* INVEPT */
	DONE

/* 1000 rounds of RDTSC; each reading is later. RDTSCP gives TSC_AUX. */
GUEST tsc, MODE_LONG
	mov	$1000, %esi
	xor	%edi, %edi
1:	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
	cmp	%rdi, %rax
	jbe	2f
	mov	%rax, %rdi
	dec	%esi
	jnz	1b
2:	REPORT	%esi
	mov	$0xc0000103, %ecx
	mov	$0x5a5a, %eax
	xor	%edx, %edx
	TRY	wrmsr
	REPORT	G_VECTOR
	mov	$-1, %rcx
	TRY	rdtscp
	mov	%rcx, RES(0)
	REPORT	G_VECTOR
	mov	$0x10, %ecx		/* MSR TSC runs with RDTSC */
	rdmsr
	shl	$32, %rdx
	or	%rdx, %rax
	mov	%rax, %rdi
	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
	sub	%rdi, %rax
	mov	%rax, RES(1)
	mov	$0x10, %ecx		/* a write moves it */
	xor	%eax, %eax
	mov	$0x1000, %edx
	TRY	wrmsr
	rdtsc
	mov	%rdx, RES(2)
	DONE

/* INT n, INT3, INTO-like frames and IRET through the guest's IDT. */
GUEST int_n, MODE_LONG
	int	$0x80
	int	$0x80
	int	$0xff
	REPORT	G_COUNTS + 4 * 0x80
	REPORT	G_COUNTS + 4 * 0xff
	lea	-8(%rsp), %rax
	and	$-16, %rax
	mov	%rsp, %rbx		/* an IRET by hand */
	mov	$1f, %ecx
	push	$0x10
	push	%rbx
	pushf
	push	$0x08
	push	%rcx
	iretq
	REPORT	$0xbad
1:	REPORT	$0x600d
	DONE

/* Page faults: not present, read-only, NX, reserved; the PTE is ARG0's. */
GUEST page_fault, MODE_LONG
	movq	$0, G_PT + 8 * 1
	invlpg	G_PAGED + 0x1000
	TRY	mov G_PAGED + 0x1234, %rax
	REPORT	G_VECTOR
	REPORT	G_ERROR
	REPORT	G_CR2
	movq	$G_PAGED + 0x1000 + 5, G_PT + 8 * 1
	invlpg	G_PAGED + 0x1000
	TRY	mov %rax, G_PAGED + 0x1238
	REPORT	G_VECTOR
	REPORT	G_ERROR
	REPORT	G_CR2
	mov	$1 << 63 | G_PAGED + 0x1000 + 7, %rax
	mov	%rax, G_PT + 8 * 1
	invlpg	G_PAGED + 0x1000
	movb	$0xc3, G_PAGED + 0x1240
	mov	$G_PAGED + 0x1240, %ebx
	mov	%rsp, %rbp
	TRY	call *%rbx
	mov	%rbp, %rsp
	REPORT	G_VECTOR
	REPORT	G_ERROR
	REPORT	G_CR2
	DONE

/* HLT with interrupts on: an interrupt has to come for each round. */
GUEST hlt, MODE_LONG
	movl	$EOI_XAPIC, G_EOI
	mov	$APIC + 0xf0, %eax
	movl	$0x1ff, (%rax)
	REPORT	$1
1:	sti
	hlt
	cli
	REPORT	G_COUNTS + 4 * 0x55
	jmp	1b

/* PAUSE a lot: it may or may not exit, but it goes on. */
GUEST pause, MODE_LONG
	mov	$2000, %ecx
1:	pause
	loop	1b
	DONE

/* A page is mapped to another frame; the flush is a CR3 write, CR4.PGE, or CR4.PSE. */
.macro FLUSH name, global, insns:vararg
GUEST \name, MODE_LONG
	mov	%cr4, %rax
	or	$\global >> 1, %eax
	mov	%rax, %cr4
	movq	$G_PAGED + 0x1007 + \global, G_PT + 8 * 1
	mov	%cr3, %rax
	mov	%rax, %cr3
	REPORT	G_PAGED + 0x1000
	movq	$G_PAGED + 0x2007 + \global, G_PT + 8 * 1
	\insns
	REPORT	G_PAGED + 0x1000
	DONE
.endm

.macro CR4_TWICE bit
	mov	%cr4, %rax
	xor	$\bit, %rax
	mov	%rax, %cr4
	xor	$\bit, %rax
	mov	%rax, %cr4
.endm

.macro CR3_AGAIN
	mov	%cr3, %rax
	mov	%rax, %cr3
.endm

FLUSH flush_cr3, 0, CR3_AGAIN
FLUSH flush_pge, 0x100, CR4_TWICE 0x80
FLUSH flush_pg, 0, CR4_TWICE 0x10
