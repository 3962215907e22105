// SPDX-License-Identifier: GPL-2.0
/*
 * A plain MOV that met a device, without the emulator.
 *
 * The processor has walked the guest's tables, checked segment and rights, and says which
 * guest-physical address it was: what is left is which register, and how wide. That depends on the
 * instruction's bytes alone, so it is remembered by them. What is not so simple, or does not fit
 * together, is the emulator's.
 */
#include "fetch.h"

static __always_inline const struct insn_line *line_at_fault(struct vcpu *vcpu,
							     struct svm_vcpu *sv)
{
	const struct vmcb *vmcb = sv->vmcb;
	const struct insn_line *line;
	u64 bytes;

	if (svm_has(SVM_FEATURE_DECODEASSISTS)) {
		memcpy(&bytes, vmcb->insn_bytes, sizeof(bytes));
		return svm_line_of(sv, bytes, min_t(u8, vmcb->insn_len, X86_INSN_MAX), X86_MODE_64);
	}
	preempt_disable();	/* as in the window */
	line = fetch_line(vcpu, sv);
	preempt_enable();
	return line;
}

void svm_mov_done(struct vcpu *vcpu, const struct x86_mov *mov)
{
	vcpu->svm->vmcb->rip += mov->len;
	svm_insn_done(vcpu);
}

const struct x86_mov *svm_device_mov(struct vcpu *vcpu)
{
	struct svm_vcpu *sv = vcpu->svm;
	u64 gpa = vcpu->fault.gpa, info = vcpu->fault.error_code;
	const struct insn_line *line;
	const struct x86_mov *mov;

	if (svm_mode(vcpu) != X86_MODE_64 || (info & (SVM_NPF_FINAL | PF_ERR_I)) != SVM_NPF_FINAL)
		return NULL;
	line = line_at_fault(vcpu, sv);
	if (unlikely(!line) || unlikely(!line->is_mov))
		return NULL;
	mov = &line->mov;
	/* In one page, and where the instruction says. */
	if (gpa & (mov->bytes - 1) ||
	    (gpa ^ x86_mov_linear(mov, vcpu->regs, sv->vmcb->rip)) & ~PAGE_MASK ||
	    mov->store != !!(info & PF_ERR_W))
		return NULL;
	/* A store is posted; a load waits for its data. */
	if (mov->store)
		svm_mov_done(vcpu, mov);
	return mov;
}
