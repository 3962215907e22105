// SPDX-License-Identifier: GPL-2.0
/*
 * The length of an intercepted instruction.
 *
 * NRIPS gives it; without it the instruction is fetched (fetch.c) and decoded,
 * never guessed.  -EAGAIN means that the handler returns SVM_EMULATE, which
 * brings the page in with sleeping allowed and runs the instruction again.
 */
#include "svm_vcpu.h"

bool svm_in_64bit(struct vcpu *vcpu)
{
	return svm_mode(vcpu) == X86_MODE_64;
}

int svm_decode_insn(struct vcpu *vcpu, struct x86_insn *insn)
{
	struct svm_vcpu *sv = vcpu->svm;
	int ret = svm_fetch_insn(vcpu);

	if (ret)
		return ret;
	switch (x86_decode(insn, sv->insn_bytes, sv->insn_nbytes, svm_mode(vcpu))) {
	case X86_DECODE_OK:
		return 0;
	case X86_DECODE_TRUNCATED:
		sv->insn_nbytes = 0;
		return -EAGAIN;
	case X86_DECODE_TOO_LONG:
		event_raise_gp(vcpu);
		return -EFAULT;
	default:
		/* Another vCPU has rewritten it since. */
		event_raise_ud(vcpu);
		return -EFAULT;
	}
}

int svm_decoded_len(struct vcpu *vcpu)
{
	struct x86_insn insn;
	int ret = svm_decode_insn(vcpu, &insn);

	return ret ? ret : insn.len;
}
