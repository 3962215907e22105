/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What intr.c has to do after each exit, which is nothing after most.
 */
#ifndef SVMM_SVM_INTR_H
#define SVMM_SVM_INTR_H

void svm_events_after_exit(struct vcpu *vcpu);

/* After every exit: EVENTINJ is used up, unless EXITINTINFO says it is not. */
static __always_inline void svm_complete_events(struct vcpu *vcpu)
{
	const struct svm_vcpu *sv = vcpu->svm;
	const struct vmcb *vmcb = sv->vmcb;

	/* Nothing was to be injected, was blocked, waits, or has changed. */
	if (unlikely(vmcb->event_inj | (vmcb->exit_int_info & SVM_EVENT_VALID) | vmcb->int_state |
		     vcpu->injected.valid | vcpu->nmi_pending |
		     ((vmcb_get_int_ctl(vmcb) ^ sv->cr8) & 0xf)) ||
	    unlikely(sv->shadow_rip != SVM_NOWHERE) || svm_has(SVM_FEATURE_VNMI))
		svm_events_after_exit(vcpu);
}

#endif
