/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The length of an instruction that exited, if it is remembered (fetch.c): what every exit needs on
 * a processor without NRIPS.
 *
 * Whether a line is of this instruction is seen by what may change without an exit.  What cannot is
 * whoever's business who changes it: svm_fetch_forget().
 */
#ifndef SVMM_SVM_FETCH_H
#define SVMM_SVM_FETCH_H

#include "../memory.h"
#include "svm_vcpu.h"

/* Instructions that exit are close together, or at the same place in several pages. */
static __always_inline unsigned long fetch_line_of(u64 rip)
{
	return (rip ^ rip >> 4 ^ rip >> 12) % FETCH_LINES;
}

/* Who has to give way to another one goes there. */
static __always_inline unsigned int fetch_second_line(unsigned int line)
{
	return line ^ 1;
}

static __always_inline bool fetch_is_of(const struct fetch_line *line, const struct vmcb *vmcb)
{
	return likely(line->rip == vmcb->rip) && likely(line->cr3 == vmcb_get_cr3(vmcb)) &&
	       line->cs_attrib == vmcb->_seg[VMCB_CS].attrib &&
	       (likely(line->mode == X86_MODE_64) || line->cs_base == vmcb->_seg[VMCB_CS].base);
}

/* The line of the instruction at RIP, if it holds.  In the window, or preemption is off. */
static __always_inline bool fetch_look_up(struct vcpu *vcpu, struct svm_vcpu *sv,
					  const struct fetch_line **line)
{
	const struct vmcb *vmcb = sv->vmcb;
	unsigned long n = fetch_line_of(vmcb->rip);
	const struct fetch_line *l = &sv->fetched[n];

	OPTIMIZER_HIDE_VAR(l);	/* its address is calculated once */
	if (unlikely(!fetch_is_of(l, vmcb))) {
		l = &sv->fetched[fetch_second_line(n)];
		if (!fetch_is_of(l, vmcb))
			return false;
	}
	*line = l;
	return guest_path_holds(vcpu->vm, &l->path, l->mask);
}

/* svm_insn_len(), for the exits that are frequent. */
static __always_inline int fetch_insn_len(struct vcpu *vcpu, struct svm_vcpu *sv)
{
	const struct vmcb *vmcb = sv->vmcb;
	const struct fetch_line *line;

	if (svm_has(SVM_FEATURE_NRIPS)) {
		u64 bytes = vmcb->next_rip - vmcb->rip;

		if (likely(bytes - 1 < X86_INSN_MAX))
			return bytes;
	}
	return likely(fetch_look_up(vcpu, sv, &line)) ? line->len : svm_first_len(vcpu);
}

#endif
