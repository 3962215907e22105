// SPDX-License-Identifier: GPL-2.0
/*
 * Events and the VMCB: EVENTINJ, EXITINTINFO, the windows.
 *
 * Vectors always go in through EVENTINJ; V_IRQ only opens a window (APM vol. 2,
 * 15.21.4).  Where neither V_IRQ nor an intercept says when the moment has
 * come - after the IRET of an NMI handler, after an interrupt shadow that the
 * processor forgot - one instruction is single-stepped with RFLAGS.TF, and the
 * #DB that it causes never reaches the guest.  With virtual NMI (15.21.10) the
 * processor keeps the mask, and delivers by itself what waits for its end.
 */
#include "svm_vcpu.h"

#include <asm/debugreg.h>

bool svm_get_if(struct vcpu *vcpu)
{
	return vcpu->svm->vmcb->rflags & X86_EFLAGS_IF;
}

bool svm_in_shadow(struct vcpu *vcpu)
{
	return vcpu->svm->vmcb->int_state & SVM_INTERRUPT_SHADOW;
}

bool svm_intr_allowed(struct vcpu *vcpu)
{
	return svm_get_if(vcpu) && !svm_in_shadow(vcpu);
}

bool svm_nmi_allowed(struct vcpu *vcpu)
{
	return !vcpu->nmi_masked && !svm_in_shadow(vcpu);
}

/* The frame is to have the guest's flags; what the step was for comes again. */
void svm_hide_step(struct vcpu *vcpu)
{
	struct svm_vcpu *sv = vcpu->svm;

	if (!sv->stepping)
		return;
	if (!sv->guest_tf)
		sv->vmcb->rflags &= ~(u64)X86_EFLAGS_TF;
	svm_abort_step(vcpu);
}

/*
 * INT n that was intercepted: EVENTINJ delivers it, and with NRIPS takes the return address from
 * next_rip (APM vol. 2, 15.20).
 */
static u32 soft_int(struct vcpu *vcpu)
{
	struct svm_vcpu *sv = vcpu->svm;
	struct svm_debug *d = &sv->debug;

	if (!d->soft_given) {
		svm_hide_step(vcpu);
		sv->vmcb->rip += d->soft_len;
		sv->vmcb->next_rip = sv->vmcb->rip;
		sv->shadow_rip = SVM_LOOK;
		d->soft_given = true;
		sv->check |= SVM_CHECK_EVENT;
	}
	return SVM_EVENT_VALID | SVM_EVENT_SOFT_INT | d->soft_vector;
}

void svm_soft_int_back(struct svm_vcpu *sv)
{
	struct svm_debug *d = &sv->debug;

	if (d->soft_given)
		sv->vmcb->rip -= d->soft_len;
	d->soft_given = false;
	sv->check &= ~SVM_CHECK_EVENT;
	d->soft_len = 0;
}

/* An event does: what is stepped, and an INT n that was to be delivered, come again behind it. */
static noinline void come_first(struct vcpu *vcpu)
{
	svm_soft_int_back(vcpu->svm);
	svm_hide_step(vcpu);
}

void svm_inject(struct vcpu *vcpu, const struct vcpu_event *event)
{
	struct svm_vcpu *sv = vcpu->svm;
	struct vmcb *vmcb = sv->vmcb;
	bool has_error;

	if (!event->valid) {
		vmcb->event_inj = unlikely(sv->debug.soft_len) ? soft_int(vcpu) : 0;
		return;
	}
	if (unlikely(sv->stepping | sv->debug.soft_len))
		come_first(vcpu);
	/* Real mode pushes no error codes (APM vol. 2, 8.2). */
	has_error = event->has_error && vmcb_get_cr0(vmcb) & X86_CR0_PE;
	vmcb->event_inj = SVM_EVENT_VALID | event->type << 8 | event->vector |
			  (has_error ? SVM_EVENT_EV : 0);
	vmcb->event_inj_err = has_error ? event->error_code : 0;
	/* User space has gone past the INT3 that this is; nobody else injects one. */
	if (unlikely(event->vector == X86_VEC_BP) && event->type == EVENT_EXCEPTION)
		vmcb->next_rip = vmcb->rip;
}

void svm_set_payload(struct vcpu *vcpu, u8 vector, u64 payload)
{
	struct vmcb *vmcb = vcpu->svm->vmcb;

	if (vector == X86_VEC_PF)
		vmcb_set_cr2(vmcb, payload);
	else if (vector == 1)
		svm_set_guest_dr6(vcpu->svm, svm_guest_dr6(vcpu->svm) | payload);
}

/*
 * Virtual NMI
 */

static void vnmi_set(struct vcpu *vcpu, u64 bit, bool on)
{
	u64 int_ctl = vmcb_get_int_ctl(vcpu->svm->vmcb) & ~bit;

	vmcb_set_int_ctl(vcpu->svm->vmcb, on ? int_ctl | bit : int_ctl);
	if (bit == V_NMI)
		vcpu->svm->vnmi_posted = on;
}

/* The processor knows whether an IRET came, and whether it delivered what V_NMI asked for. */
static void vnmi_after_exit(struct vcpu *vcpu)
{
	u64 int_ctl = vmcb_get_int_ctl(vcpu->svm->vmcb);

	vcpu->nmi_masked = int_ctl & V_NMI_MASK;
	if (vcpu->svm->vnmi_posted && !(int_ctl & V_NMI)) {
		vcpu->svm->vnmi_posted = false;
		if (--vcpu->nmi_pending)
			vcpu_request(vcpu, VCPU_REQ_EVENT);
	}
}

/*
 * QEMU before 9.1 does not load the interrupt shadow at VMRUN.  If the run ended where the shadow
 * was, the instruction that it protects is still to come: the HLT behind an STI must not lose its
 * wake-up.  (Or it came, and jumped to itself: a shadow more does no harm.)  Not if it has raised
 * an exception, or was stepped over.
 */
static void svm_restore_shadow(struct svm_vcpu *sv)
{
	u64 code = sv->vmcb->exit_code;

	if (sv->shadow_rip != sv->vmcb->rip ||
	    (code >= SVM_EXIT_EXCP_DE && code <= SVM_EXIT_EXCP_DE + 31))
		sv->shadow_rip = SVM_NOWHERE;
	else
		sv->vmcb->int_state = SVM_INTERRUPT_SHADOW;
}

/* What is behind svm_complete_events(), in the rare cases in which there is anything. */
void svm_events_after_exit(struct vcpu *vcpu)
{
	struct svm_vcpu *sv = vcpu->svm;
	struct vmcb *vmcb = sv->vmcb;
	u32 info = vmcb->exit_int_info;
	bool was_injected;
	struct vcpu_event event;
	u8 cr8;

	vmcb->event_inj = 0;
	if (unlikely(vmcb->int_state))
		sv->shadow_rip = vmcb->rip;
	else if (unlikely(sv->shadow_rip != SVM_NOWHERE))
		svm_restore_shadow(sv);

	if (svm_has(SVM_FEATURE_VNMI))
		vnmi_after_exit(vcpu);
	if (unlikely(vcpu->nmi_pending) && !vcpu->nmi_masked)
		vcpu_request(vcpu, VCPU_REQ_EVENT);
	cr8 = vmcb_get_int_ctl(vmcb) & 0xf;
	if (unlikely(cr8 != sv->cr8)) {
		sv->cr8 = cr8;
		lapic_set_cr8(vcpu, cr8);
	}
	was_injected = vcpu->injected.valid;
	vcpu->injected.valid = false;
	if (likely(!(info & SVM_EVENT_VALID)))
		return;

	switch (info & SVM_EVENT_TYPE_MASK) {
	case SVM_EVENT_NMI:
		vcpu->nmi_masked = true;
		break;
	case SVM_EVENT_INTR:
		break;
	case SVM_EVENT_EXCEPTION:
		/* INT3 and INTO: RIP is still at the instruction, which runs again. */
		if (!was_injected && ((info & SVM_EVENT_VECTOR_MASK) == X86_VEC_BP ||
				      (info & SVM_EVENT_VECTOR_MASK) == X86_VEC_OF))
			return;
		break;
	default:
		/* INT n, likewise; if EVENTINJ was to do it, RIP is behind it. */
		svm_soft_int_back(sv);
		return;
	}
	event = (struct vcpu_event){
		.valid = true,
		.type = (info & SVM_EVENT_TYPE_MASK) >> 8,
		.vector = info & SVM_EVENT_VECTOR_MASK,
		.has_error = info & SVM_EVENT_EV,
		.error_code = vmcb->exit_int_info_err,
	};
	event_requeue(vcpu, &event);
}

/*
 * Single step
 */

/*
 * #DE, #BR, #UD, #NM, #TS, #NP, #SS, #PF, #MF and #XM, with which the stepped instruction may end
 * instead: they exit, so that our TF does not get into the frame that they push.  #GP and #AC
 * always do (exit.c).
 */
#define STEP_FAULTS	(BIT(0) | GENMASK(7, 5) | GENMASK(12, 10) | BIT(X86_VEC_PF) | BIT(16) | \
			 BIT(19))

static void intercept_faults(struct vmcb *vmcb, bool on)
{
	u32 word = vmcb_get_intercepts(vmcb, SVM_WORD_EXCEPTIONS);

	vmcb_set_intercepts(vmcb, SVM_WORD_EXCEPTIONS,
			    on ? word | STEP_FAULTS : word & ~(u32)STEP_FAULTS);
}

void svm_begin_step(struct vcpu *vcpu)
{
	struct svm_vcpu *sv = vcpu->svm;
	struct vmcb *vmcb = sv->vmcb;

	if (sv->stepping)
		return;
	intercept_faults(vmcb, true);
	sv->stepping = true;
	sv->guest_tf = vmcb->rflags & X86_EFLAGS_TF;
	sv->guest_dr6 = vmcb_get_dr6(vmcb);
	vmcb->rflags |= X86_EFLAGS_TF;
}

void svm_abort_step(struct vcpu *vcpu)
{
	struct svm_vcpu *sv = vcpu->svm;

	if (!sv->stepping)
		return;
	sv->stepping = false;
	svm_debug_step_over(vcpu, false);
	intercept_faults(sv->vmcb, false);
	if (sv->nmi_iret) {
		sv->nmi_iret = false;
		svm_nmi_injected(vcpu);
	}
	vcpu_request(vcpu, VCPU_REQ_EVENT);
}

bool svm_end_step(struct vcpu *vcpu)
{
	struct svm_vcpu *sv = vcpu->svm;
	struct vmcb *vmcb = sv->vmcb;
	u64 dr6 = vmcb_get_dr6(vmcb);
	bool was_iret = sv->nmi_iret || sv->debug.kind == STEP_LOADS_TF;

	sv->stepping = false;
	intercept_faults(vmcb, false);
	if (sv->nmi_iret)
		vcpu->nmi_masked = false;
	sv->nmi_iret = false;
	svm_debug_step_over(vcpu, true);
	vcpu_request(vcpu, VCPU_REQ_EVENT);
	if (sv->guest_tf)
		return true;
	/* Behind an IRET the flags are those that it loaded, TF included. */
	if (!was_iret)
		vmcb->rflags &= ~(u64)X86_EFLAGS_TF;
	vmcb_set_dr6(vmcb, (dr6 & ~(u64)DR_STEP) | (sv->guest_dr6 & DR_STEP));
	return dr6 & DR_TRAP_BITS;
}

enum svm_action svm_exit_db(struct vcpu *vcpu)
{
	if (unlikely(vcpu->svm->debug.flags & ~SVMM_DEBUG_EXITS))
		return svm_debug_db(vcpu);
	if (vcpu->svm->stepping && !svm_end_step(vcpu))
		return SVM_RESUME;
	event_raise(vcpu, 1, false, 0, 0);
	return SVM_RESUME;
}

/* The exceptions that push an error code, of those that end here (APM vol. 2, 8.2). */
#define WITH_ERROR_CODE	GENMASK(X86_VEC_PF, 10)

/* A fault of the guest while stepping: an IRET that faults ends the NMI's mask all the same. */
enum svm_action svm_exit_fault(struct vcpu *vcpu)
{
	struct vmcb *vmcb = vcpu->svm->vmcb;
	u8 vector = vmcb->exit_code - SVM_EXIT_EXCP_DE;

	if (vcpu->svm->stepping) {
		if (!vcpu->svm->guest_tf)
			vmcb->rflags &= ~(u64)X86_EFLAGS_TF;
		if (vcpu->svm->nmi_iret)
			vcpu->nmi_masked = false;
		vcpu->svm->nmi_iret = false;
		svm_abort_step(vcpu);
	}
	if (WITH_ERROR_CODE & BIT(vector))
		event_raise(vcpu, vector, true, vmcb->exit_info_1,
			    vector == X86_VEC_PF ? vmcb->exit_info_2 : 0);
	else
		event_raise(vcpu, vector, false, 0, 0);
	return SVM_RESUME;
}

/*
 * Windows
 */

void svm_want_intr_window(struct vcpu *vcpu, bool want)
{
	struct svm_vcpu *sv = vcpu->svm;
	struct vmcb *vmcb = sv->vmcb;
	u64 int_ctl = vmcb_get_int_ctl(vmcb) & ~(V_IRQ | V_INTR_PRIO_MASK | V_IGN_TPR |
						 V_INTR_VECTOR_MASK);

	if (svm_in_shadow(vcpu))
		sv->shadow_rip = vmcb->rip;
	/* The end of a step out of the shadow looks again. */
	if (want && !(sv->stepping && svm_in_shadow(vcpu))) {
		vmcb_intercept(vmcb, SVM_INTERCEPT_VINTR);
		vmcb_set_int_ctl(vmcb, int_ctl | V_IRQ | V_IGN_TPR | V_INTR_PRIO_MASK);
	} else {
		vmcb_unintercept(vmcb, SVM_INTERCEPT_VINTR);
		vmcb_set_int_ctl(vmcb, int_ctl);
	}
}

enum svm_action svm_exit_vintr(struct vcpu *vcpu)
{
	struct vmcb *vmcb = vcpu->svm->vmcb;

	/* See svm_restore_shadow(): the window opens too early, and would again and again. */
	if (svm_in_shadow(vcpu)) {
		vmcb_unintercept(vmcb, SVM_INTERCEPT_VINTR);
		vmcb_set_int_ctl(vmcb, vmcb_get_int_ctl(vmcb) & ~V_IRQ);
		svm_begin_step(vcpu);
		return SVM_RESUME;
	}
	vcpu_request(vcpu, VCPU_REQ_EVENT);
	return SVM_RESUME;
}

void svm_want_nmi_window(struct vcpu *vcpu)
{
	if (svm_has(SVM_FEATURE_VNMI)) {
		vnmi_set(vcpu, V_NMI, true);
		/*
		 * There is one bit: the second NMI is for the first one's IRET.  (Not for one in a
		 * shadow, before the first: it would never run.)
		 */
		if (vcpu->nmi_pending > 1 && vcpu->svm->vmcb->exit_code != SVM_EXIT_IRET)
			vmcb_intercept(vcpu->svm->vmcb, SVM_INTERCEPT_IRET);
		return;
	}
	if (vcpu->nmi_masked)
		return;
	/*
	 * What EVENTINJ delivers would save our TF with the guest's flags: the NMI waits for the
	 * next exit, which the end of the handler is at the latest.  Else only the shadow is in
	 * the way: one instruction.
	 */
	if (vcpu->svm->vmcb->event_inj & SVM_EVENT_VALID)
		vmcb_intercept(vcpu->svm->vmcb, SVM_INTERCEPT_IRET);
	else
		svm_begin_step(vcpu);
}

void svm_nmi_injected(struct vcpu *vcpu)
{
	if (svm_has(SVM_FEATURE_VNMI))
		vnmi_set(vcpu, V_NMI, false);	/* EVENTINJ sets the mask */
	else
		vmcb_intercept(vcpu->svm->vmcb, SVM_INTERCEPT_IRET);
}

/* nmi_masked and nmi_pending were set from outside. */
void svm_set_nmi_state(struct vcpu *vcpu)
{
	if (svm_has(SVM_FEATURE_VNMI)) {
		vnmi_set(vcpu, V_NMI, false);
		vnmi_set(vcpu, V_NMI_MASK, vcpu->nmi_masked);
	} else if (vcpu->nmi_masked) {
		svm_nmi_injected(vcpu);
	}
}

/*
 * The IRET that ends an NMI handler has not run yet, and NMIs stay masked until
 * it has: step over it.
 */
enum svm_action svm_exit_iret(struct vcpu *vcpu)
{
	vmcb_unintercept(vcpu->svm->vmcb, SVM_INTERCEPT_IRET);
	/* Not masked, or looked after by the CPU: this exit was to look for another NMI. */
	if (svm_has(SVM_FEATURE_VNMI) || !vcpu->nmi_masked) {
		vcpu_request(vcpu, VCPU_REQ_EVENT);
	} else {
		vcpu->svm->nmi_iret = true;
		svm_begin_step(vcpu);
	}
	return SVM_RESUME;
}

void svm_want_cr8_exit(struct vcpu *vcpu, bool want)
{
	struct vmcb *vmcb = vcpu->svm->vmcb;

	if (want)
		vmcb_intercept(vmcb, SVM_INTERCEPT_WRITE_CR(8));
	else
		vmcb_unintercept(vmcb, SVM_INTERCEPT_WRITE_CR(8));
}

void svm_set_cr8(struct vcpu *vcpu, u64 cr8)
{
	struct svm_vcpu *sv = vcpu->svm;

	sv->cr8 = cr8 & 0xf;
	vmcb_set_int_ctl(sv->vmcb, (vmcb_get_int_ctl(sv->vmcb) & ~V_TPR_MASK) | sv->cr8);
}
