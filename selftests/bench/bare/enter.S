/* SPDX-License-Identifier: GPL-2.0 */
/*
 * void bare_enter(u64 vmcb_pa, u64 *regs)
 *
 * CLGI, the guest's general registers but RAX and RSP, VMRUN, and back. Nothing that the host would
 * have to do besides: no VMLOAD and VMSAVE, no return stack, no clearing.
 */
#include <linux/linkage.h>
#include <asm/nospec-branch.h>

#define R(n)	((n) * 8)

	.text
SYM_FUNC_START(bare_enter)
	push	%rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	push	%rsi
	mov	%rdi, %rax
	clgi
	mov	R(1)(%rsi), %rcx
	mov	R(2)(%rsi), %rdx
	mov	R(3)(%rsi), %rbx
	mov	R(5)(%rsi), %rbp
	mov	R(7)(%rsi), %rdi
	mov	R(6)(%rsi), %rsi
	vmrun	%rax
	pop	%rax
	mov	%rcx, R(1)(%rax)
	mov	%rdx, R(2)(%rax)
	mov	%rbx, R(3)(%rax)
	mov	%rbp, R(5)(%rax)
	mov	%rsi, R(6)(%rax)
	mov	%rdi, R(7)(%rax)
	stgi
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	RET
SYM_FUNC_END(bare_enter)
