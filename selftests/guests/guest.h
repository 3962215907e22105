/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every test guest has: a table of named entry points at the start of the
 * image, fault and interrupt stubs for three code sizes, and a few macros. It
 * must not know what any guest tests.
 *
 * The trick: GNU as collects .text 0 before .text 1, so that each GUEST adds
 * its own line to the table and no linker script is needed. A guest that
 * expects a fault says so with TRY: the handler records the fault and goes on
 * behind the instruction.
 */
#include "../lib/layout.h"

#define APIC		0xfee00000

	.text	0
	.ascii	"svmmtest"
	.quad	0, 0, 0
	.text	1
	.fill	32, 1, 0		/* ends the table */

/* Name an entry point; the code that follows runs in that mode. */
.macro TABLE_ENTRY name:req, mode:req, address:req
	.text	0
7770:	.ascii	"\name"
	.fill	24 - (. - 7770b), 1, 0
	.long	\mode, \address
	.text	1
.endm

.macro GUEST name:req, mode:req
	.if	\mode == MODE_LONG
	.code64
	.elseif	\mode == MODE_REAL || \mode == MODE_PROT16
	.code16
	.else
	.code32
	.endif
	.balign	16
	TABLE_ENTRY \name, \mode, guest_\name
guest_\name:
.endm

/* Hand EAX, or another value, to the test. */
.macro REPORT value:vararg
	.ifnb	\value
	mov	\value, %eax
	.endif
	out	%eax, $PORT_REPORT
.endm

.macro DONE
	xor	%eax, %eax
	out	%eax, $PORT_DONE
7771:	jmp	7771b
.endm

/* Run one instruction that may fault; G_VECTOR says whether it did. */
.macro TRY insn:vararg
	movl	$NO_FAULT, G_VECTOR
	movl	$7772f, G_FIXUP
	\insn
7772:
.endm

.macro TRY_REPORT insn:vararg
	TRY	\insn
	REPORT	G_VECTOR
.endm

/* RAX, RCX and RDX go. */
.macro SET_MSR msr:req, value:req
	mov	$\msr, %ecx
	mov	$\value, %eax
	xor	%edx, %edx
	wrmsr
.endm

	.code64
	TABLE_ENTRY stubs64, MODE_TABLE, stubs64
	TABLE_ENTRY stubs32, MODE_TABLE, stubs32
	TABLE_ENTRY stubs16, MODE_TABLE, stubs16

/* Offsets from the stack pointer in the handlers, in stack slots. */
#define FRAME_BX	0
#define FRAME_AX	1
#define FRAME_VECTOR	2
#define FRAME_ERROR	3
#define FRAME_IP	4
#define FRAME_FLAGS	6

.macro STUBS common:req, error_codes:req
	vector = 0
	.rept	256
	.balign	STUB_BYTES
	.if	!\error_codes || vector > 31 || !((0x60227d00 >> (vector & 31)) & 1)
	push	$0
	.endif
	push	$vector
	jmp	\common
	vector = vector + 1
	.endr
.endm

/* Faults go on at G_FIXUP, without single step; NMIs and interrupts are counted. */
	.balign	STUB_BYTES
stubs64:
	STUBS	common64, 1
common64:
	push	%rax
	push	%rbx
	mov	8 * FRAME_VECTOR(%rsp), %ebx
	incl	G_COUNTS(, %rbx, 4)
	mov	G_HANDLERS(, %rbx, 8), %rax
	test	%rax, %rax
	jz	1f
	call	*%rax
	jmp	5f
1:	cmp	$2, %ebx
	je	5f
	cmp	$32, %ebx
	jae	3f
	mov	%ebx, G_VECTOR
	mov	8 * FRAME_ERROR(%rsp), %rax
	mov	%eax, G_ERROR
	mov	8 * FRAME_IP(%rsp), %rax
	mov	%rax, G_RIP
	mov	%cr2, %rax
	mov	%rax, G_CR2
	mov	G_FIXUP, %rax
	test	%rax, %rax
	jz	unexpected64
	mov	%rax, 8 * FRAME_IP(%rsp)
	andl	$~0x100, 8 * FRAME_FLAGS(%rsp)
	movq	$0, G_FIXUP
	jmp	5f
3:	cmpl	$EOI_XAPIC, G_EOI
	jb	5f
	ja	4f
	mov	$APIC + 0xb0, %eax
	movl	$0, (%rax)
	jmp	5f
4:	push	%rcx
	push	%rdx
	mov	$0x80b, %ecx
	xor	%eax, %eax
	xor	%edx, %edx
	wrmsr
	pop	%rdx
	pop	%rcx
5:	pop	%rbx
	pop	%rax
	add	$16, %rsp
	iretq

unexpected64:
	mov	%ebx, %eax
	out	%eax, $PORT_UNEXPECTED
	jmp	unexpected64

	.code32
	.balign	STUB_BYTES
stubs32:
	STUBS	common32, 1
common32:
	push	%eax
	push	%ebx
	mov	4 * FRAME_VECTOR(%esp), %ebx
	incl	G_COUNTS(, %ebx, 4)
	mov	G_HANDLERS(, %ebx, 8), %eax
	test	%eax, %eax
	jz	1f
	call	*%eax
	jmp	5f
1:	cmp	$2, %ebx
	je	5f
	cmp	$32, %ebx
	jae	3f
	mov	%ebx, G_VECTOR
	mov	4 * FRAME_ERROR(%esp), %eax
	mov	%eax, G_ERROR
	mov	4 * FRAME_IP(%esp), %eax
	mov	%eax, G_RIP
	mov	%cr2, %eax
	mov	%eax, G_CR2
	mov	G_FIXUP, %eax
	test	%eax, %eax
	jz	unexpected32
	mov	%eax, 4 * FRAME_IP(%esp)
	andl	$~0x100, 4 * FRAME_FLAGS(%esp)
	movl	$0, G_FIXUP
	jmp	5f
3:	cmpl	$EOI_XAPIC, G_EOI
	jne	5f
	movl	$0, APIC + 0xb0
5:	pop	%ebx
	pop	%eax
	add	$8, %esp
	iret

unexpected32:
	mov	%ebx, %eax
	out	%eax, $PORT_UNEXPECTED
	jmp	unexpected32

	.code16
	.balign	STUB_BYTES
stubs16:
	STUBS	common16, 0
common16:
	push	%ax
	push	%bx
	mov	%esp, %ebx
	movzwl	2 * FRAME_VECTOR(%ebx), %ebx
	incl	G_COUNTS(, %ebx, 4)
	cmp	$2, %bx
	je	5f
	cmp	$32, %bx
	jae	5f
	mov	%ebx, G_VECTOR
	mov	%esp, %ebx
	mov	2 * FRAME_IP(%ebx), %ax
	mov	%ax, G_RIP
	mov	G_FIXUP, %ax
	test	%ax, %ax
	jz	unexpected16
	mov	%ax, 2 * FRAME_IP(%ebx)
	andw	$~0x100, 2 * FRAME_FLAGS(%ebx)
	movl	$0, G_FIXUP
5:	pop	%bx
	pop	%ax
	add	$4, %sp
	iret

unexpected16:
	mov	G_VECTOR, %eax
	out	%eax, $PORT_UNEXPECTED
	jmp	unexpected16
