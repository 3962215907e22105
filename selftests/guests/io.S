/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Port accesses: single ones of all sizes, and string instructions with REP,
 * DF, page crossings, segment overrides and 16-bit addresses.
 *
 * org: 0x8000
 */
#include "guest.h"

#define RES(n)	G_RES + 8 * n
#define BUF	G_PAGED

/* Output: constants that the test knows. Input: RAX before is all ones. */
GUEST single, MODE_LONG
	mov	$0x1122334455667788, %rax
	out	%al, $0x21
	out	%ax, $0x22
	out	%eax, $0x24
	mov	$0x1234, %edx
	out	%al, %dx
	out	%ax, %dx
	out	%eax, %dx
	mov	$0xffff, %edx
	out	%al, %dx
	mov	$-1, %rax
	in	$0x21, %al
	mov	%rax, RES(0)
	mov	$-1, %rax
	in	$0x22, %ax
	mov	%rax, RES(1)
	mov	$-1, %rax
	in	$0x24, %eax
	mov	%rax, RES(2)
	mov	$0x1234, %edx
	mov	$-1, %rax
	in	%dx, %al
	mov	%rax, RES(3)
	mov	$-1, %rax
	in	%dx, %ax
	mov	%rax, RES(4)
	mov	$-1, %rax
	in	%dx, %eax
	mov	%rax, RES(5)
	/* RDX and flags are untouched */
	mov	%rdx, RES(6)
	DONE

/* The same in real mode: 16-bit operands by default. */
GUEST single16, MODE_REAL
	mov	$0x55667788, %eax
	out	%al, $0x21
	out	%ax, $0x22
	out	%eax, $0x24
	mov	$0x1234, %dx
	out	%al, %dx
	out	%ax, %dx
	out	%eax, %dx
	mov	$0xffff, %dx
	out	%al, %dx
	DONE

.macro FINAL_REGS
	mov	%rsi, RES(0)
	mov	%rdi, RES(1)
	mov	%rcx, RES(2)
.endm

/* One string instruction with registers from the mailbox; then the registers. */
.macro STRING name, insn:vararg
GUEST \name, MODE_LONG
	mov	$0x1234, %edx
	mov	G_ARG, %rsi
	mov	G_ARG + 8, %rdi
	mov	G_ARG + 16, %rcx
	cmpl	$0, G_ARG + 24
	je	7773f
	std
7773:	\insn
	cld
	FINAL_REGS
	DONE
.endm

STRING insb1, insb
STRING insw1, insw
STRING insl1, insl
STRING outsb1, outsb
STRING outsw1, outsw
STRING outsl1, outsl
STRING rep_insb, rep insb
STRING rep_insw, rep insw
STRING rep_insl, rep insl
STRING rep_outsb, rep outsb
STRING rep_outsw, rep outsw
STRING rep_outsl, rep outsl
STRING rep_insb_a32, .byte 0xf3, 0x67, 0x6c
STRING rep_outsb_a32, .byte 0xf3, 0x67, 0x6e

/* OUTS takes a segment override, INS does not. */
GUEST outs_fs, MODE_LONG
	mov	$0xc0000100, %ecx
	mov	$BUF, %eax
	xor	%edx, %edx
	wrmsr
	mov	$0x1234, %edx
	mov	$0x10, %esi
	mov	$4, %ecx
	rep outsb %fs:(%rsi), %dx
	mov	$BUF, %edi
	mov	$2, %ecx
	.byte	0x64, 0xf3, 0x6c	/* FS: REP INSB still stores to ES:RDI */
	FINAL_REGS
	DONE

/* Real mode: 16-bit registers wrap, segment bases count. */
GUEST rep16, MODE_REAL
	mov	$0x1234, %dx
	mov	$0x2000, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	$0xfffe, %si
	mov	$4, %cx
	mov	$0xabcd0004, %ecx
	rep outsb			/* 0x2fffe, 0x2ffff, 0x20000, 0x20001 */
	mov	%ecx, %ebp
	mov	$0x100, %di
	mov	$2, %cx
	rep insw
	xor	%ax, %ax
	mov	%ax, %ds
	mov	%ebp, RES(2)
	mov	%si, RES(0)
	mov	%di, RES(1)
	DONE

/* Into a page that is read-only in the guest's tables: #PF, registers say how far it came. */
GUEST ins_fault, MODE_LONG
	movq	$G_PAGED + 0x1000 + 5, G_PT + 8 * 1
	invlpg	G_PAGED + 0x1000
	mov	$0x1234, %edx
	mov	$G_PAGED + 0xffc, %edi
	mov	$8, %ecx
	TRY	rep insb
	REPORT	G_VECTOR
	REPORT	G_ERROR
	REPORT	G_CR2
	FINAL_REGS
	DONE

/* A port access with TF set: #DB after it. */
GUEST single_step, MODE_LONG
	pushf
	orl	$0x100, (%rsp)
	mov	$1f, %ebx
	movl	$2f, G_FIXUP
	movl	$NO_FAULT, G_VECTOR
	popf
	out	%al, $0x21
1:	nop
2:	REPORT	G_VECTOR
	mov	G_RIP, %eax
	sub	%ebx, %eax
	REPORT
	mov	%dr6, %rax
	REPORT
	DONE
