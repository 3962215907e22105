/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A program for `vmctl run --flat` that a debugger looks at: from real mode to long mode, and then
 * round and round through outer() and inner(), which counts. It ends when somebody sets "finish".
 */
	.globl	_start, main, outer, inner, counter, finish
	.text
	.code16
_start:
	cli
	xor	%ax, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %ss
	mov	$0x9000, %sp
	/* PML4, PDPT and a page directory of 2 MiB pages for the first 4 MiB */
	mov	$0x1000, %ax
	mov	%ax, %es
	xor	%di, %di
	xor	%eax, %eax
	mov	$0xc00, %cx
	rep stosl
	movl	$0x11003, %es:0x0000
	movl	$0x12003, %es:0x1000
	movl	$0x00083, %es:0x2000
	movl	$0x200083, %es:0x2008
	mov	%cr4, %eax
	or	$0x20, %eax
	mov	%eax, %cr4
	mov	$0x10000, %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx
	rdmsr
	or	$0x100, %eax
	wrmsr
	lgdtl	gdt_pointer
	mov	%cr0, %eax
	or	$0x80000001, %eax
	mov	%eax, %cr0
	ljmpl	$8, $long_mode

	.balign	8
gdt:	.quad	0, 0x00af9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
	.word	. - gdt - 1
	.long	gdt

	.code64
long_mode:
	mov	$16, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	$0x9000, %esp
	xor	%ebp, %ebp

	.type	main, @function
main:
	.cfi_startproc
	.cfi_undefined rip
1:	call	outer
	cmpl	$0, finish
	je	1b
	mov	$42, %eax
	out	%al, $0xf4
	jmp	.
	.cfi_endproc
	.size	main, . - main

	.type	outer, @function
outer:
	.cfi_startproc
	push	%rbp
	.cfi_def_cfa_offset 16
	.cfi_offset rbp, -16
	mov	%rsp, %rbp
	.cfi_def_cfa_register rbp
	call	inner
	pop	%rbp
	.cfi_def_cfa rsp, 8
	ret
	.cfi_endproc
	.size	outer, . - outer

	.type	inner, @function
inner:
	.cfi_startproc
	incq	counter
	nop
	ret
	.cfi_endproc
	.size	inner, . - inner

	.balign	8
	.type	counter, @object
counter:
	.quad	0
	.size	counter, 8
	.type	finish, @object
finish:	.long	0
	.size	finish, 4
