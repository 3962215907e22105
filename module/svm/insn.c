// SPDX-License-Identifier: GPL-2.0
/*
 * The bytes and the length of an intercepted instruction.
 *
 * NRIPS gives the length; without it the instruction is fetched through the
 * guest's page tables and decoded, never guessed.  In the window only memory
 * that is present can be read: -EAGAIN then means that the handler returns
 * SVM_EMULATE, which brings the page in with sleeping allowed and runs the
 * instruction again.
 */
#include "../memory.h"
#include "svm_vcpu.h"

bool svm_in_64bit(struct vcpu *vcpu)
{
	return svm_mode(vcpu) == X86_MODE_64;
}

enum x86_mode svm_mode(struct vcpu *vcpu)
{
	const struct vmcb *vmcb = vcpu->svm->vmcb;
	u16 cs = vmcb->_seg[VMCB_CS].attrib;

	if (cs & VMCB_ATTR_L && vmcb_get_efer(vmcb) & EFER_LMA)
		return X86_MODE_64;
	if (!(vmcb_get_cr0(vmcb) & X86_CR0_PE) || vmcb->rflags & X86_EFLAGS_VM)
		return X86_MODE_16;
	return cs & VMCB_ATTR_DB ? X86_MODE_32 : X86_MODE_16;
}

static int read_entry_nofault(void *ctx, u64 gpa, void *entry, unsigned int bytes)
{
	return vm_read_guest_nofault(ctx, gpa, entry, bytes);
}

/* Read up to the end of the page; the processor has just fetched from there. */
static int fetch_page(struct vcpu *vcpu, const struct walk_cfg *cfg, u64 linear,
		      u8 *bytes, unsigned int room)
{
	unsigned int access = GUEST_FETCH | (svm_get_cpl(vcpu) == 3 ? GUEST_USER : 0);
	unsigned int n = min_t(unsigned int, room, 4096 - (linear & 4095));
	struct walk_result res;

	if (guest_walk(cfg, linear, access, &res) != WALK_OK)
		return -EAGAIN;
	if (vm_read_guest_nofault(vcpu->vm, res.gpa, bytes, n))
		return -EAGAIN;
	return n;
}

int svm_fetch_insn(struct vcpu *vcpu)
{
	struct svm_vcpu *sv = vcpu->svm;
	struct walk_cfg cfg;
	u64 linear;
	int n, more;

	if (sv->insn_nbytes)
		return 0;
	linear = sv->vmcb->rip;
	if (svm_mode(vcpu) != X86_MODE_64)
		linear = (u32)(linear + sv->vmcb->_seg[VMCB_CS].base);

	svm_get_walk_cfg(vcpu, &cfg);
	cfg.ctx = vcpu->vm;
	cfg.read_phys = read_entry_nofault;
	cfg.cmpxchg_phys = NULL;
	n = fetch_page(vcpu, &cfg, linear, sv->insn_bytes, X86_INSN_MAX);
	if (n < 0)
		return n;
	if (n < X86_INSN_MAX) {
		/* The next page counts only if the instruction reaches into it. */
		more = fetch_page(vcpu, &cfg, linear + n, sv->insn_bytes + n, X86_INSN_MAX - n);
		if (more > 0)
			n += more;
	}
	sv->insn_nbytes = n;
	return 0;
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

int svm_insn_len(struct vcpu *vcpu)
{
	struct svm_vcpu *sv = vcpu->svm;
	struct x86_insn insn;
	int ret;

	if (svm_has(SVM_FEATURE_NRIPS)) {
		u64 len = sv->vmcb->next_rip - sv->vmcb->rip;

		if (likely(len - 1 < X86_INSN_MAX))
			return len;
	}
	ret = svm_fetch_insn(vcpu);
	if (ret)
		return ret;
	ret = x86_fast_len(sv->insn_bytes, sv->insn_nbytes);
	if (ret)
		return ret;
	ret = svm_decode_insn(vcpu, &insn);
	return ret ? ret : insn.len;
}
