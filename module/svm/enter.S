/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The world switch: host VMSAVE, guest VMLOAD, VMRUN, guest VMSAVE, host VMLOAD.
 *
 * Nothing here may touch a per-CPU variable between the two VMLOADs, since GS
 * is the guest's there.  GIF is 0 and RFLAGS.IF is 1 throughout: an interrupt
 * waits, and makes VMRUN exit, without STI and its shadow (APM vol. 2, 15.17).
 * After the exit no general register holds a guest value, and before the first
 * RET the return stack holds only addresses of this function and SPEC_CTRL is
 * the host's.
 */
#include <linux/linkage.h>
#include <linux/objtool.h>
#include <asm/asm.h>
#include <asm/cpufeatures.h>
#include <asm/msr-index.h>
#include <asm/nospec-branch.h>

#include "../compat.h"

/* vcpu->regs[], by register number */
#define R(n)	((n) * 8)

	.text

/* WRMSR of SPEC_CTRL: struct spec_ctrl's entry at @offset from %reg; RAX, RCX, RDX go. */
.macro	LOAD_SPEC_CTRL offset, reg
	mov	$MSR_IA32_SPEC_CTRL, %ecx
	mov	\offset(\reg), %eax
	mov	\offset + 4(\reg), %edx
	wrmsr
.endm

/*
 * Overwrite the return predictions of the guest.  The kernel's FILL_RETURN_BUFFER is a loop, and
 * needs LFENCE behind it against a misprediction of its end; without a branch there is none.
 */
.macro	FILL_RETURN_STACK
	ALTERNATIVE "jmp .Lno_fill", "", X86_FEATURE_RSB_VMEXIT
	.rept	RSB_CLEAR_LOOPS
	ANNOTATE_INTRA_FUNCTION_CALL
	call	772f
	int3
772:
	.endr
	add	$8 * RSB_CLEAR_LOOPS, %rsp
.Lno_fill:
.endm

/* Untrain the return predictions of the guest.  RAX, RCX, RDX go. */
.macro	UNTRAIN_RET_GUEST
#if !defined(UNTRAIN_RET_VM)
	UNTRAIN_RET
#elif !defined(SVMM_OWN_BARRIER)
	UNTRAIN_RET_VM
#else
	CALL_UNTRAIN_RET
	ALTERNATIVE "jmp .Lno_barrier", "", X86_FEATURE_IBPB_ON_VMEXIT
	mov	$MSR_IA32_PRED_CMD, %ecx
	mov	$PRED_CMD_IBPB, %eax
	xor	%edx, %edx
	wrmsr
	FILL_RETURN_BUFFER %_ASM_AX, RSB_CLEAR_LOOPS, X86_BUG_IBPB_NO_RET
.Lno_barrier:
#endif
.endm

/*
 * u64 svm_enter(u64 vmcb_pa, u64 *regs, u64 host_save_pa, const struct spec_ctrl *spec)
 *
 * RAX and RSP of the guest are in the VMCB, the rest in regs[]; spec is NULL if
 * SPEC_CTRL can stay.
 * Returns the TSC at the #VMEXIT (without accounting: 1), or 0 if SVM is off: then nothing has
 * happened.
 */
SYM_FUNC_START(svm_enter)
	push	%rbp
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%rbx
	push	%rcx
	push	%rsi
	push	%rdx

	mov	%rdx, %rax
1:	vmsave	%rax
	mov	%rdi, %rax
2:	vmload	%rax

	test	%rcx, %rcx
	jz	.Lguest
	mov	%rcx, %r8
	LOAD_SPEC_CTRL 0, %r8
	mov	%rdi, %rax
.Lguest:

	mov	R(1)(%rsi), %rcx
	mov	R(2)(%rsi), %rdx
	mov	R(3)(%rsi), %rbx
	mov	R(5)(%rsi), %rbp
	mov	R(7)(%rsi), %rdi
	mov	R(8)(%rsi), %r8
	mov	R(9)(%rsi), %r9
	mov	R(10)(%rsi), %r10
	mov	R(11)(%rsi), %r11
	mov	R(12)(%rsi), %r12
	mov	R(13)(%rsi), %r13
	mov	R(14)(%rsi), %r14
	mov	R(15)(%rsi), %r15
	mov	R(6)(%rsi), %rsi
	vmrun	%rax

	/* RAX is the host's again: vmcb_pa. */
	vmsave	%rax
	pop	%rax
	vmload	%rax
	pop	%rax

	mov	%rcx, R(1)(%rax)
	mov	%rdx, R(2)(%rax)
	mov	%rbx, R(3)(%rax)
	mov	%rbp, R(5)(%rax)
	mov	%rsi, R(6)(%rax)
	mov	%rdi, R(7)(%rax)
	mov	%r8, R(8)(%rax)
	mov	%r9, R(9)(%rax)
	mov	%r10, R(10)(%rax)
	mov	%r11, R(11)(%rax)
	mov	%r12, R(12)(%rax)
	mov	%r13, R(13)(%rax)
	mov	%r14, R(14)(%rax)
	mov	%r15, R(15)(%rax)
#ifndef SVMM_NO_ACCOUNTING
	rdtsc
	shl	$32, %rdx
	lea	(%rax, %rdx), %r15
#endif

	/* Return predictions of the guest go before the first RET. */
	FILL_RETURN_STACK
	pop	%rsi
	test	%rsi, %rsi
	jz	.Lhost
	LOAD_SPEC_CTRL 8, %rsi
.Lhost:
	UNTRAIN_RET_GUEST

	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%esi, %esi
	xor	%edi, %edi
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
#ifndef SVMM_NO_ACCOUNTING
	mov	%r15, %rax
#else
	mov	$1, %eax
#endif
.Lrestore:
	pop	%rbx
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	pop	%rbp
	RET

.Lfault:
	xor	%eax, %eax
	add	$24, %rsp
	jmp	.Lrestore

	/*
	 * Behind the guest's VMLOAD no fault could be handled, with GS the
	 * guest's; nor can one occur, since with GIF 0 SVME stays set.
	 */
	_ASM_EXTABLE(1b, .Lfault)
	_ASM_EXTABLE(2b, .Lfault)
SYM_FUNC_END(svm_enter)
