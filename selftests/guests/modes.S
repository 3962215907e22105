/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guests in every mode of the processor: the way between them, faults in each,
 * and ways to end in a triple fault.
 *
 * org: 0x8000
 */
#include "guest.h"

#define RES(n)	G_RES + 8 * n

/* In each mode: a fault, an INT n, CPUID, and arithmetic in the mode's size. */
.macro MODE_GUEST name, mode
GUEST \name, \mode
	TRY_REPORT ud2
	int	$0x80
	REPORT	G_COUNTS + 4 * 0x80
	mov	$0, %eax
	cpuid
	mov	%ebx, %eax
	REPORT
	smsw	%eax
	REPORT
	mov	$0x7fff, %ax
	inc	%ax
	jo	1f
	REPORT	$0xbad
1:	DONE
.endm

MODE_GUEST long, MODE_LONG
MODE_GUEST pae, MODE_PAE
MODE_GUEST paged32, MODE_PAGED32
MODE_GUEST prot32, MODE_PROT32
MODE_GUEST prot16, MODE_PROT16

GUEST real, MODE_REAL
	TRY_REPORT ud2
	int	$0x80
	REPORT	G_COUNTS + 4 * 0x80
	mov	$0, %eax
	cpuid
	mov	%ebx, %eax
	REPORT
	mov	%cr0, %eax
	REPORT
	mov	$0x7fff, %ax
	inc	%ax
	jo	1f
	REPORT	$0xbad
1:	DONE

/* From real mode to long mode and back down, each switch as an OS does it. */
GUEST walk, MODE_REAL
	cli
	REPORT	$1
	lgdtl	walk_gdt
	mov	%cr0, %eax
	or	$1, %eax
	mov	%eax, %cr0
	ljmp	$SEL_CODE32, $1f
	.code32
1:	mov	$SEL_DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	REPORT	$2
	/* 32-bit paging with 4 MiB pages */
	mov	%cr4, %eax
	or	$0x10, %eax
	mov	%eax, %cr4
	mov	$G_PD32, %eax
	mov	%eax, %cr3
	mov	%cr0, %eax
	or	$0x80000000, %eax
	mov	%eax, %cr0
	jmp	1f
1:	REPORT	$3
	mov	%cr0, %eax
	and	$0x7fffffff, %eax
	mov	%eax, %cr0
	/* PAE */
	mov	$0x20, %eax
	mov	%eax, %cr4
	mov	$G_PDPT_PAE, %eax
	mov	%eax, %cr3
	mov	%cr0, %eax
	or	$0x80000000, %eax
	mov	%eax, %cr0
	jmp	1f
1:	REPORT	$4
	mov	%cr0, %eax
	and	$0x7fffffff, %eax
	mov	%eax, %cr0
	/* long mode, compatibility first */
	mov	$G_PML4, %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx
	rdmsr
	or	$0x100, %eax
	wrmsr
	mov	%cr0, %eax
	or	$0x80000000, %eax
	mov	%eax, %cr0
	REPORT	$5
	mov	$0xc0000080, %ecx
	rdmsr
	REPORT				/* LME, LMA */
	ljmp	$SEL_CODE64, $1f
	.code64
1:	mov	$0x123456789, %rax
	shr	$32, %rax
	add	$5, %eax
	REPORT				/* 6 */
	/* to compatibility mode and out */
	push	$SEL_CODE32
	push	$1f
	lretq
	.code32
1:	REPORT	$7
	mov	%cr0, %eax
	and	$0x7fffffff, %eax
	mov	%eax, %cr0
	mov	$0xc0000080, %ecx
	rdmsr
	REPORT				/* LME without LMA */
	and	$~0x100, %eax
	wrmsr
	xor	%eax, %eax
	mov	%eax, %cr4
	ljmp	$SEL_CODE16, $1f
	.code16
1:	mov	%cr0, %eax
	and	$~1, %eax
	mov	%eax, %cr0
	ljmp	$0, $1f
1:	xor	%ax, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %ss
	REPORT	$8
	int	$0x80
	REPORT	G_COUNTS + 4 * 0x80
	DONE
	.balign	8
walk_gdt:
	.word	0xff
	.long	G_GDT

/* A 32-bit program in long mode, and back by a far return. */
GUEST compat, MODE_LONG
	mov	$-1, %rax
	mov	%rax, %r8
	mov	%rax, %rbx
	push	$SEL_CODE32
	push	$1f
	lretq
	.code32
1:	mov	$SEL_DATA, %eax
	mov	%eax, %ss
	mov	%eax, %ds
	TRY_REPORT ud2
	xor	%eax, %eax
	cpuid
	mov	%ebx, %eax
	REPORT
	dec	%eax			/* 48h: an instruction here, a prefix in 64-bit code */
	mov	$0x11111111, %ebx
	ljmp	$SEL_CODE64, $1f
	.code64
1:	mov	%rbx, RES(0)
	mov	%r8, RES(1)
	DONE

/* Big real mode: limits that protected mode left behind. */
GUEST big_real, MODE_REAL
	cli
	lgdtl	walk_gdt
	mov	%cr0, %eax
	or	$1, %al
	mov	%eax, %cr0
	jmp	1f
1:	mov	$SEL_DATA, %bx
	mov	%bx, %fs
	and	$~1, %al
	mov	%eax, %cr0
	jmp	1f
1:	xor	%bx, %bx
	mov	%bx, %fs
	mov	$G_FREE, %ebx
	movl	$0x600d, %fs:(%ebx)
	mov	%fs:(%ebx), %eax
	REPORT
	DONE

/* Triple faults: an IDT that has no room for any gate. */
	.code16
	.balign	8
no_idt:	.word	0
	.long	0

GUEST triple_real, MODE_REAL
	REPORT	$1
	lidtl	no_idt
	int	$0x80
	REPORT	$0xbad

GUEST triple_prot32, MODE_PROT32
	REPORT	$1
	lidt	no_idt32
	ud2
	REPORT	$0xbad

	.balign	8
no_idt32: .word	0
	.quad	0

GUEST triple_long, MODE_LONG
	REPORT	$1
	lidt	no_idt32
	ud2
	REPORT	$0xbad

/* A page table that maps nothing, not even the handler. */
GUEST triple_cr3, MODE_LONG
	REPORT	$1
	mov	$G_FREE, %eax
	mov	%rax, %cr3
	nop
	REPORT	$0xbad

/* A shutdown that an event from outside brings: NMI with a broken IDT. */
GUEST triple_nmi, MODE_LONG
	lidt	no_idt32
	REPORT	$1
	jmp	.

/* Gates that are not present: #UD, #NP, #DF, and none of them can be delivered. */
GUEST triple_gates, MODE_PROT32
	REPORT	$1
	lidt	no_gates
	ud2
	REPORT	$0xbad

	.balign	8
no_gates: .word	0x7ff
	.long	G_FREE

/* Nothing of the sort: that a VM still works. */
GUEST alive, MODE_LONG
	REPORT	$0x600d
	DONE
