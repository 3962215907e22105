/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From 0000:1000 in real mode to main(), and from each of the 256 vectors to trap().
 *
 * Built once for each mode. Page tables, 64-bit only: at 70000h, 2 MiB each.
 */
#define TABLES	0x70000

	.code16
	.section .start, "ax"
	.globl	_start
_start:
	cli
	cld
	xor	%ax, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %ss
	mov	$0x1000, %sp
	/* No interrupts but those that a guest asks for. */
	mov	$0xff, %al
	out	%al, $0x21
	out	%al, $0xa1
	lgdtl	gdt_pointer
	mov	%cr0, %eax
	and	$~0x60000000, %eax
	or	$0x21, %eax
	mov	%eax, %cr0
	ljmpl	$0x08, $1f
	.code32
1:	mov	$0x10, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	%eax, %fs
	mov	%eax, %gs
#ifdef __x86_64__
	mov	$TABLES, %edi
	xor	%eax, %eax
	mov	$0x6000 / 4, %ecx
	rep stosl
	movl	$TABLES + 0x1007, TABLES
	mov	$TABLES + 0x2007, %eax
	mov	$TABLES + 0x1000, %edi
2:	mov	%eax, (%edi)
	add	$8, %edi
	add	$0x1000, %eax
	cmp	$TABLES + 0x6007, %eax
	jne	2b
	mov	$0x87, %eax
	mov	$TABLES + 0x2000, %edi
3:	mov	%eax, (%edi)
	add	$8, %edi
	add	$0x200000, %eax
	jnc	3b
	mov	$0x620, %eax		/* PAE, OSFXSR, OSXMMEXCPT */
	mov	%eax, %cr4
	mov	$TABLES, %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx
	rdmsr
	or	$0x901, %eax		/* SCE, LME, NXE */
	wrmsr
	mov	%cr0, %eax
	or	$0x80010000, %eax
	mov	%eax, %cr0
	ljmp	$0x18, $4f
	.code64
4:
#else
	mov	$0x600, %eax
	mov	%eax, %cr4
#endif
	mov	$stack0_top, %esp
	call	begin
	ud2

	.section .text
/* Vectors 8, 10 to 14 and 17 push an error code. */
	.balign	16
	.globl	stubs
stubs:
	vector = 0
	.rept	256
	.balign	16
	.if	vector > 31 || !((0x27d00 >> (vector & 31)) & 1)
	push	$0
	.endif
	push	$vector
	jmp	common
	vector = vector + 1
	.endr

common:
#ifdef __x86_64__
	push	%rax
	push	%rcx
	push	%rdx
	push	%rbx
	push	%rbp
	push	%rsi
	push	%rdi
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	cld
	mov	%rsp, %rdi
	mov	%rsp, %rbp
	and	$-16, %rsp
	call	trap
	mov	%rbp, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rdi
	pop	%rsi
	pop	%rbp
	pop	%rbx
	pop	%rdx
	pop	%rcx
	pop	%rax
	add	$16, %rsp
	iretq
#else
	push	%eax
	push	%ecx
	push	%edx
	push	%ebx
	push	%ebp
	push	%esi
	push	%edi
	push	%ds
	push	%es
	mov	$0x10, %eax
	mov	%eax, %ds
	mov	%eax, %es
	cld
	lea	8(%esp), %eax
	push	%eax
	call	trap
	add	$4, %esp
	pop	%es
	pop	%ds
	pop	%edi
	pop	%esi
	pop	%ebp
	pop	%ebx
	pop	%edx
	pop	%ecx
	pop	%eax
	add	$8, %esp
	iret
#endif

/* word ring3(void (*code)(void)): to there, until leave_ring3() */
	.globl	ring3, leave_ring3
#ifdef __x86_64__
ring3:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, kernel_sp
	push	$0x3b
	push	$stack_top
	pushf
	push	$0x33
	push	%rdi
	iretq
leave_ring3:
	mov	kernel_sp, %rsp
	mov	$0x10, %ecx
	mov	%ecx, %ss
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret
#else
ring3:
	mov	4(%esp), %eax
	push	%ebx
	push	%ebp
	push	%esi
	push	%edi
	mov	%esp, kernel_sp
	push	$0x3b
	push	$stack_top
	pushf
	push	$0x33
	push	%eax
	mov	$0x3b, %ecx
	mov	%ecx, %ds
	mov	%ecx, %es
	iret
leave_ring3:
	mov	kernel_sp, %esp
	mov	$0x10, %ecx
	mov	%ecx, %ds
	mov	%ecx, %es
	pop	%edi
	pop	%esi
	pop	%ebp
	pop	%ebx
	ret
#endif

	.data
	.balign	16
	.globl	gdt
gdt:	.quad	0
	.quad	0x00cf9b000000ffff	/* 08: 32-bit code */
	.quad	0x00cf93000000ffff	/* 10: data */
	.quad	0x00af9b000000ffff	/* 18: 64-bit code */
	.quad	0x00009b000000ffff	/* 20: 16-bit code */
	.quad	0x000093000000ffff	/* 28: 16-bit data */
#ifdef __x86_64__
	.quad	0x00affb000000ffff	/* 30: ring 3 code */
#else
	.quad	0x00cffb000000ffff
#endif
	.quad	0x00cff3000000ffff	/* 38: ring 3 data */
	.quad	0, 0			/* 40: the TSS, by begin() */
	.fill	16, 8, 0
gdt_end:
gdt_pointer:
	.word	gdt_end - gdt - 1
	.long	gdt, 0
kernel_sp:
	.quad	0

	.bss
	.balign	16
	.skip	0x4000
stack0_top:
	.skip	0x2000
	.globl	trap_stack_top
trap_stack_top:
	.skip	0x2000
	.globl	stack_top
stack_top:
