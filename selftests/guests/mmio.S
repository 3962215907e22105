/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory accesses, written once and run twice: with RBP at ordinary memory and
 * with RBP at a device. Results go through R15 into the result area. The test
 * compares both results and both memories, so no value is worked out by hand.
 *
 * Each ends with RET; R14 is RAM for the forms that use two memories.
 *
 * org: 0x8000
 */
#include "guest.h"

#define RAM_BUF		G_FREE
#define RESULTS		(G_FREE + 0x10000)
#define RAM_2		(G_FREE + 0x20000)

.macro KEEP reg
	mov	\reg, (%r15)
	add	$8, %r15
.endm

/* OF SF ZF AF PF CF, or those that an instruction defines */
.macro KEEP_FLAGS mask=0x8d5
	pushf
	popq	(%r15)
	andq	$\mask, (%r15)
	add	$8, %r15
.endm

#define CF_ZF	0x41

/* name: a guest that runs the body on RAM and then on the device */
.macro TWICE name
GUEST \name, MODE_LONG
	mov	$RESULTS, %r15d
	mov	$RAM_2, %r14d
	mov	$RAM_BUF, %ebp
	call	\name\()_body
	mov	$RESULTS + 0x1000, %r15d
	mov	$RAM_2 + 0x1000, %r14d
	mov	$G_MMIO, %ebp
	call	\name\()_body
	DONE
\name\()_body:
	mov	$0x8877665544332211, %rax
	mov	$0x123456789abcdef0, %rbx
	mov	$-1, %rcx
	mov	%rcx, %rdx
	mov	%rcx, %rsi
	mov	%rcx, %rdi
	mov	%rcx, %r8
.endm

TWICE store
	mov	%al, 0x10(%rbp)
	mov	%ah, 0x11(%rbp)
	mov	%ax, 0x12(%rbp)
	mov	%eax, 0x14(%rbp)
	mov	%rax, 0x18(%rbp)
	mov	%sil, 0x20(%rbp)
	movb	$0x5a, 0x21(%rbp)
	movw	$0x1234, 0x22(%rbp)
	movl	$0x12345678, 0x24(%rbp)
	movq	$-2, 0x28(%rbp)
	mov	$4, %esi
	mov	%ebx, 0x30(%rbp, %rsi, 4)
	mov	%r8d, 0x50(%rbp)
	ret

TWICE load
	mov	0x10(%rbp), %cl
	KEEP	%rcx
	mov	0x11(%rbp), %ch
	KEEP	%rcx
	mov	0x12(%rbp), %dx
	KEEP	%rdx
	mov	0x14(%rbp), %esi
	KEEP	%rsi
	mov	0x18(%rbp), %rdi
	KEEP	%rdi
	mov	0x1c(%rbp), %r8d
	KEEP	%r8
	ret

TWICE extend
	movzbl	0x83(%rbp), %eax
	KEEP	%rax
	movzbw	0x83(%rbp), %bx
	KEEP	%rbx
	movzwl	0x86(%rbp), %ecx
	KEEP	%rcx
	movzwq	0x86(%rbp), %rcx
	KEEP	%rcx
	movsbl	0x83(%rbp), %eax
	KEEP	%rax
	movsbq	0x83(%rbp), %rax
	KEEP	%rax
	movswl	0x86(%rbp), %edx
	KEEP	%rdx
	movswq	0x86(%rbp), %rdx
	KEEP	%rdx
	movslq	0x88(%rbp), %rsi
	KEEP	%rsi
	ret

TWICE rmw
	add	%al, 0x10(%rbp)
	KEEP_FLAGS
	addw	$0x7fff, 0x12(%rbp)
	KEEP_FLAGS
	add	%eax, 0x14(%rbp)
	KEEP_FLAGS
	addq	$-1, 0x18(%rbp)
	KEEP_FLAGS
	or	%al, 0x20(%rbp)
	KEEP_FLAGS
	orl	$0x80000000, 0x24(%rbp)
	KEEP_FLAGS
	and	%rax, 0x28(%rbp)
	KEEP_FLAGS
	andb	$0xf0, 0x30(%rbp)
	KEEP_FLAGS
	xor	%ax, 0x32(%rbp)
	KEEP_FLAGS
	xorl	$-1, 0x34(%rbp)
	KEEP_FLAGS
	sub	%rax, 0x38(%rbp)
	KEEP_FLAGS
	subw	$1, 0x40(%rbp)
	KEEP_FLAGS
	lock orl $1, 0x44(%rbp)
	KEEP_FLAGS
	ret

TWICE rmw_to_register
	add	0x10(%rbp), %eax
	KEEP_FLAGS
	KEEP	%rax
	or	0x14(%rbp), %bx
	KEEP_FLAGS
	KEEP	%rbx
	and	0x18(%rbp), %rcx
	KEEP_FLAGS
	KEEP	%rcx
	xor	0x20(%rbp), %dl
	KEEP_FLAGS
	KEEP	%rdx
	sub	0x24(%rbp), %esi
	KEEP_FLAGS
	KEEP	%rsi
	ret

TWICE compare
	cmp	%al, 0x10(%rbp)
	KEEP_FLAGS
	cmp	0x14(%rbp), %eax
	KEEP_FLAGS
	cmpw	$0x7fff, 0x18(%rbp)
	KEEP_FLAGS
	cmpq	$-5, 0x20(%rbp)
	KEEP_FLAGS
	test	%eax, 0x24(%rbp)
	KEEP_FLAGS
	testb	$0x80, 0x28(%rbp)
	KEEP_FLAGS
	testl	$0x7fffffff, 0x2c(%rbp)
	KEEP_FLAGS
	ret

TWICE bits
	btl	$3, 0x10(%rbp)
	KEEP_FLAGS CF_ZF
	btsl	$4, 0x14(%rbp)
	KEEP_FLAGS CF_ZF
	btrl	$1, 0x18(%rbp)
	KEEP_FLAGS CF_ZF
	btcw	$15, 0x1c(%rbp)
	KEEP_FLAGS CF_ZF
	mov	$37, %ecx
	btq	%rcx, 0x20(%rbp)
	KEEP_FLAGS CF_ZF
	lock btsl $31, 0x28(%rbp)
	KEEP_FLAGS CF_ZF
	/* a register offset reaches beyond the operand, both ways */
	mov	$70, %ecx
	bts	%ecx, 0x30(%rbp)
	KEEP_FLAGS CF_ZF
	mov	$-3, %ecx
	bts	%ecx, 0x44(%rbp)
	KEEP_FLAGS CF_ZF
	ret

/* What is not an instruction's to change, the direction flag too, stays. */
TWICE kept_flags
	pushq	$0xcd7
	popf
	xchg	%al, 0x10(%rbp)
	KEEP_FLAGS 0xcd5
	lock addl $1, 0x20(%rbp)
	KEEP_FLAGS 0xcd5
	pushq	$0xc06
	popf
	xchg	%rdx, 0x18(%rbp)
	KEEP_FLAGS 0xcd5
	lock incl 0x24(%rbp)
	KEEP_FLAGS 0xcd5
	mov	%eax, 0x28(%rbp)
	KEEP_FLAGS 0xcd5
	cld
	ret

TWICE exchange
	xchg	%al, 0x10(%rbp)
	KEEP	%rax
	xchg	%bx, 0x12(%rbp)
	KEEP	%rbx
	xchg	%ecx, 0x14(%rbp)
	KEEP	%rcx
	xchg	%rdx, 0x18(%rbp)
	KEEP	%rdx
	ret

TWICE stack
	pushq	0x10(%rbp)
	pop	%rax
	KEEP	%rax
	push	%rbx
	popq	0x18(%rbp)
	ret

TWICE string
	cld
	lea	0x100(%rbp), %rdi	/* RAM to device */
	mov	%r14, %rsi
	mov	$37, %ecx
	rep movsb
	KEEP	%rcx
	lea	0x200(%rbp), %rdi
	mov	%r14, %rsi
	mov	$9, %ecx
	rep movsl
	lea	0x300(%rbp), %rdi
	mov	%r14, %rsi
	mov	$5, %ecx
	rep movsq
	lea	0x100(%rbp), %rsi	/* device to RAM */
	lea	0x400(%r14), %rdi
	mov	$24, %ecx
	rep movsw
	lea	0x120(%rbp), %rsi	/* device to device, downwards */
	lea	0x520(%rbp), %rdi
	mov	$8, %ecx
	std
	rep movsl
	cld
	lea	0x600(%rbp), %rdi
	mov	$0xa5, %eax
	mov	$19, %ecx
	rep stosb
	KEEP	%rcx
	lea	0x640(%rbp), %rdi
	mov	%rbx, %rax
	mov	$3, %ecx
	rep stosq
	lea	0x680(%rbp), %rdi
	stosw
	stosl
	mov	%rdi, %rax
	sub	%rbp, %rax
	KEEP	%rax
	xor	%ecx, %ecx
	rep stosb
	ret

/* SSE moves, which drivers use on frame buffers. */
TWICE sse
	movups	0x11(%rbp), %xmm1
	movups	%xmm1, 0x41(%rbp)
	movaps	0x20(%rbp), %xmm2
	movaps	%xmm2, 0x60(%rbp)
	movups	%xmm1, (%r15)
	movups	%xmm2, 16(%r15)
	ret

/* A load whose answer is another FPU state: of one register, and the others. */
GUEST fpu, MODE_LONG
	mov	$G_MMIO, %ebp
	movups	(%rbp), %xmm1
	movups	%xmm1, G_RES
	movups	%xmm2, G_RES + 16
	DONE

/* Vectors over the end of a page, and what leaves half a register. */
TWICE vectors
	movups	0xff9(%rbp), %xmm1
	movups	%xmm1, 0x1ff3(%rbp)
	movhps	0x1ffc(%rbp), %xmm1
	movlpd	%xmm1, 0x2fff(%rbp)
	movss	0x2ffe(%rbp), %xmm2
	movq	%xmm2, 0x40(%rbp)
	movups	%xmm1, (%r15)
	movups	%xmm2, 16(%r15)
	movq	0x51(%rbp), %mm3
	movq	%mm3, 32(%r15)
	movntq	%mm3, 0x60(%rbp)
	emms
	ret

TWICE avx
	mov	%cr4, %rax
	or	$0x40000, %rax		/* OSXSAVE */
	mov	%rax, %cr4
	xor	%ecx, %ecx
	xor	%edx, %edx
	mov	$7, %eax
	xsetbv
	vmovups	0x3ff1(%rbp), %ymm1
	vmovups	%ymm1, 0x4fe3(%rbp)
	vmovdqa	0x20(%rbp), %ymm2
	vmovaps	%ymm2, %ymm3
	vmovdqu	0x45(%rbp), %xmm3	/* clears the rest */
	vextractf128 $1, %ymm1, 0x81(%rbp)
	vinsertf128 $0, 0x91(%rbp), %ymm2, %ymm4
	vmovntdq %ymm2, 0xa0(%rbp)
	vmovups	%ymm1, (%r15)
	vmovups	%ymm2, 32(%r15)
	vmovups	%ymm3, 64(%r15)
	vmovups	%ymm4, 96(%r15)
	ret

/* By a pointer that a device has, to where the device's memory is a function: lea 1(%rax), %eax. */
TWICE branch
	lea	1f(%rip), %rdx
	mov	%rdx, 0x10(%rbp)
	lea	2f(%rip), %rdx
	mov	%rdx, 0x18(%rbp)
	call	*0x10(%rbp)
	KEEP	%rax
	clflush	0x10(%rbp)
	jmp	*0x18(%rbp)
1:	lea	1(%rax), %eax
	ret
2:	KEEP	%rax
	ret

/* Segment registers, and what they mean then. */
TWICE segment
	movw	$SEL_USER_DATA, 0x10(%rbp)
	mov	0x10(%rbp), %es
	mov	%es, %eax
	KEEP	%rax
	movl	$0x12345678, 0x20(%rbp)
	movl	$SEL_DATA, 0x24(%rbp)
	lss	0x20(%rbp), %ebx
	KEEP	%rbx
	mov	%ss, %ecx
	KEEP	%rcx
	lgs	0x20(%rbp), %edx
	mov	%gs:0x10(%rbp), %cx
	KEEP	%rcx
	movw	$SEL_TSS, 0x10(%rbp)
	TRY	mov 0x10(%rbp), %fs
	mov	G_VECTOR, %eax
	mov	G_ERROR, %ecx
	KEEP	%rax
	KEEP	%rcx
	ret

/* Single steps: none is taken behind a MOV to SS, but behind the next instruction. */
GUEST stack_step, MODE_LONG
	mov	$G_MMIO, %ebp
	movl	$3f, G_FIXUP
	pushf
	orl	$0x100, (%rsp)
	popf
	mov	(%rbp), %ss
1:	nop
2:	nop
	nop
3:	mov	G_RIP, %rax
	sub	$1b, %rax
	REPORT
	DONE

/* Accesses that straddle a page, or are larger than a fragment. */
TWICE crossing
	mov	%rax, 0xffc(%rbp)
	mov	%eax, 0x1fff(%rbp)
	mov	%bx, 0x2fff(%rbp)
	mov	0xffb(%rbp), %rcx
	KEEP	%rcx
	mov	0x1ffe(%rbp), %edx
	KEEP	%rdx
	movzwl	0x2fff(%rbp), %edx
	KEEP	%rdx
	addq	$0x7f, 0xffe(%rbp)
	KEEP_FLAGS
	ret

/* Over the end of a slot into the device behind it. */
GUEST slot_border, MODE_LONG
	mov	$G_RAM_BYTES - 4, %ebp
	mov	$0x1122334455667788, %rax
	mov	%rax, (%rbp)
	mov	(%rbp), %rbx
	mov	%rbx, G_RES
	mov	%eax, 2(%rbp)
	mov	2(%rbp), %ecx
	mov	%rcx, G_RES + 8
	DONE

/* In 16-bit code, with segments and prefixes: results at the device. */
GUEST prot16, MODE_PROT16
	mov	$0x12345678, %eax
	mov	$G_MMIO, %ebx
	mov	%al, 0x10(%ebx)
	mov	%ax, 0x12(%ebx)
	mov	%eax, 0x14(%ebx)
	orw	$0x8001, 0x18(%ebx)
	mov	0x14(%ebx), %ecx
	mov	%ecx, G_RES
	movzwl	0x18(%ebx), %ecx
	mov	%ecx, G_RES + 8
	DONE

GUEST prot32, MODE_PROT32
	mov	$0x12345678, %eax
	mov	$G_MMIO, %ebx
	mov	%al, 0x10(%ebx)
	mov	%ax, 0x12(%ebx)
	mov	%eax, 0x14(%ebx)
	orw	$0x8001, 0x18(%ebx)
	mov	0x14(%ebx), %ecx
	mov	%ecx, G_RES
	movzwl	0x18(%ebx), %ecx
	mov	%ecx, G_RES + 8
	DONE

GUEST paged32, MODE_PAGED32
	jmp	guest_prot32

GUEST pae, MODE_PAE
	jmp	guest_prot32

/* User mode at a device that only the kernel may touch: #PF, no access. */
GUEST user, MODE_LONG
	andq	$~4, G_PD + 3 * 0x1000 + 8 * 128	/* 2 MiB at G_MMIO */
	mov	%cr3, %rax
	mov	%rax, %cr3
	movl	$3f, G_HANDLERS + 8 * 0x90
	pushq	$SEL_USER_DATA
	pushq	$G_USER_STACK
	pushq	$2
	pushq	$SEL_USER64
	pushq	$1f
	iretq
1:	mov	$G_MMIO, %ebp
	TRY	mov %eax, (%rbp)
	mov	G_VECTOR, %eax
	mov	%eax, G_RES
	mov	G_ERROR, %eax
	mov	%eax, G_RES + 8
	TRY	out %al, $0x21
	mov	G_VECTOR, %eax
	mov	%eax, G_RES + 16
	int	$0x90
2:	jmp	2b
3:	DONE

/* Not of the kind that devices see: the emulator knows no SSE arithmetic. */
GUEST unknown, MODE_LONG
	mov	$G_MMIO, %ebp
	addps	0x40(%rbp), %xmm0
	DONE

/* Execution out of a device. */
GUEST exec, MODE_LONG
	mov	$G_MMIO, %eax
	jmp	*%rax

/* Each way to say where, and what a MOV makes of it. */
TWICE addressing
	mov	%rbp, %r12
	mov	(%r12), %rax
	KEEP	%rax
	mov	%rbp, %r13
	mov	(%r13), %rax
	KEEP	%rax
	mov	%rbp, %r9
	mov	$3, %r10d
	mov	(%r9, %r10, 8), %rcx
	KEEP	%rcx
	mov	-0x10(%r9, %r10, 8), %ecx
	KEEP	%rcx
	mov	$-2, %rdi
	mov	0x40(%rbp, %rdi, 8), %rsi
	KEEP	%rsi
	lea	-0x1000(%rbp), %r11
	mov	0x1008(%r11), %r8w
	KEEP	%r8
	mov	%rsp, %rbx
	mov	%rbp, %rsp
	mov	0x20(%rsp), %rdx
	mov	%rbx, %rsp
	KEEP	%rdx
	movzbl	0x21(%rbp), %eax
	KEEP	%rax
	movsbq	0x84(%rbp), %r9
	KEEP	%r9
	movsbw	0x23(%rbp), %r10w
	KEEP	%r10
	movswl	0x24(%rbp), %r11d
	KEEP	%r11
	movzwq	0x26(%rbp), %rsi
	KEEP	%rsi
	mov	%r10, 0x60(%rbp)
	mov	%dil, 0x68(%rbp)
	mov	%r10d, 0x6c(%rbp)
	mov	0x60(%rbp), %rdi
	KEEP	%rdi
	/* Not for all of them is there a short way. */
	mov	0x33(%rbp), %rax
	KEEP	%rax
	mov	%fs:0x38(%rbp), %rax
	KEEP	%rax
	mov	0x40(%ebp), %rax
	KEEP	%rax
	mov	0x12(%rbp), %ah
	KEEP	%rax
	ret

/* A load of 4 bytes' length, and 6 bytes behind its start something that nobody emulates. */
.macro ONE_LOAD insn
	mov	$G_MMIO, %ebp
	xor	%eax, %eax
	\insn	(%rbp), %rax
	jmp	1f
	cpuid
	mov	$7, %eax
1:	mov	%rax, G_RES
	DONE
.endm

GUEST one_mov, MODE_LONG
	ONE_LOAD mov

GUEST one_add, MODE_LONG
	ONE_LOAD add

/* A slot that is read-only, at 16 MiB: reads run, writes are MMIO. */
GUEST readonly, MODE_LONG
	mov	0x1000010, %eax
	REPORT
	movl	$0x77, 0x1000010
	mov	0x1000010, %eax
	REPORT
	xchg	%eax, 0x1000020
	REPORT
	mov	$0x1000100, %eax
	call	*%rax			/* code in ROM runs */
	REPORT
	DONE

/* Reads of holes, one after the other. */
GUEST holes, MODE_LONG
	mov	$0x40000000, %ebp
	mov	$-1, %rax
	mov	(%rbp), %al
	mov	%rax, G_RES
	mov	0x10(%rbp), %rax
	mov	%rax, G_RES + 8
	mov	%eax, 0x20(%rbp)
	DONE
