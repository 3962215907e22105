// SPDX-License-Identifier: GPL-2.0
/*
 * What to inject next.
 *
 * At most one event per VMRUN: what an exit interrupted in delivery first, then
 * an exception, an NMI, an interrupt (APM vol. 2, 8.5).  vcpu->injected is what
 * VMRUN has been or will be given; it is dropped only when an exit shows that
 * the guest took it.  For what cannot be taken yet a window is opened, and
 * nothing is looked at again until VCPU_REQ_EVENT.  It must not know the VMCB.
 */
#include "core.h"
#include "svm/svm.h"

#define VEC_DF		8
#define VEC_NMI		2

/* Exceptions that make a second one a #DF (APM vol. 2, 8.2.9). */
static bool is_contributory(u8 vector)
{
	return vector == 0 || (vector >= 10 && vector <= 13);
}

void event_raise(struct vcpu *vcpu, u8 vector, bool has_error, u32 error_code, u64 payload)
{
	int first = -1;

	if (vcpu->injected.valid && vcpu->injected.type == EVENT_EXCEPTION)
		first = vcpu->injected.vector;
	else if (vcpu->exception.valid)
		first = vcpu->exception.vector;
	/* An interrupt whose delivery faults is gone; so it is on a processor. */
	vcpu->injected.valid = false;

	if (first == VEC_DF) {
		vcpu->exception.valid = false;
		vcpu_request(vcpu, VCPU_REQ_TRIPLE_FAULT);
		return;
	}
	if (first >= 0 && ((is_contributory(first) && is_contributory(vector)) ||
			   (first == X86_VEC_PF &&
			    (is_contributory(vector) || vector == X86_VEC_PF)))) {
		vector = VEC_DF;
		has_error = true;
		error_code = 0;
	}
	vcpu->exception = (struct vcpu_event){
		.valid = true,
		.type = EVENT_EXCEPTION,
		.vector = vector,
		.has_error = has_error,
		.error_code = error_code,
	};
	vcpu->exception_payload = payload;
	vcpu_request(vcpu, VCPU_REQ_EVENT);
}

void event_requeue(struct vcpu *vcpu, const struct vcpu_event *event)
{
	vcpu->injected = *event;
	vcpu_request(vcpu, VCPU_REQ_EVENT);
}

static bool extint_pending(struct vcpu *vcpu)
{
	return READ_ONCE(vcpu->extint) && lapic_accepts_extint(vcpu);
}

static bool intr_pending(struct vcpu *vcpu)
{
	return vcpu->extint_vector_valid || extint_pending(vcpu) ||
	       lapic_pending_vector(vcpu) >= 0;
}

static void inject_intr(struct vcpu *vcpu, u8 vector)
{
	vcpu->injected = (struct vcpu_event){
		.valid = true,
		.type = EVENT_INTR,
		.vector = vector,
	};
}

/* False: the 8259 has to say which vector. */
static bool pick_intr(struct vcpu *vcpu)
{
	int vector;

	if (vcpu->extint_vector_valid) {
		vcpu->extint_vector_valid = false;
		inject_intr(vcpu, vcpu->extint_vector);
		return true;
	}
	if (extint_pending(vcpu))
		return false;
	vector = lapic_pending_vector(vcpu);
	if (vector >= 0) {
		lapic_accept(vcpu, vector);
		inject_intr(vcpu, vector);
	}
	return true;
}

static void pick_nmi(struct vcpu *vcpu)
{
	vcpu->injected = (struct vcpu_event){
		.valid = true,
		.type = EVENT_NMI,
		.vector = VEC_NMI,
	};
	vcpu->nmi_pending--;
	vcpu->nmi_masked = true;
	svm_nmi_injected(vcpu);
}

static void pick_exception(struct vcpu *vcpu)
{
	svm_set_payload(vcpu, vcpu->exception.vector, vcpu->exception_payload);
	vcpu->injected = vcpu->exception;
	vcpu->exception.valid = false;
}

/* A debugger wants one instruction, or one event: NMIs and interrupts wait. */
static noinline bool inject_and_step(struct vcpu *vcpu)
{
	if (!vcpu->injected.valid && vcpu->exception.valid)
		pick_exception(vcpu);
	svm_inject(vcpu, &vcpu->injected);
	svm_want_intr_window(vcpu, false);
	svm_debug_arm(vcpu);
	svm_want_cr8_exit(vcpu, lapic_tpr_blocks(vcpu));
	pv_eoi_offer(vcpu);
	return true;
}

bool event_inject(struct vcpu *vcpu)
{
	bool known = true, window;

	/* What is in service decides what comes next. */
	if (unlikely(!pv_eoi_take_back(vcpu))) {
		vcpu_request(vcpu, VCPU_REQ_EVENT);
		return true;
	}
	if (unlikely(svm_debug_steps(vcpu)))
		return inject_and_step(vcpu);
	if (!vcpu->injected.valid) {
		if (vcpu->exception.valid)
			pick_exception(vcpu);
		else if (vcpu->nmi_pending && svm_nmi_allowed(vcpu))
			pick_nmi(vcpu);
		else if (svm_intr_allowed(vcpu))
			known = pick_intr(vcpu);
	}
	svm_inject(vcpu, &vcpu->injected);

	if (vcpu->nmi_pending)
		svm_want_nmi_window(vcpu);
	window = known && intr_pending(vcpu);
	svm_want_intr_window(vcpu, window);
	/* The emulated host does not survive a write to CR8 while V_IRQ is set. */
	svm_want_cr8_exit(vcpu, window || lapic_tpr_blocks(vcpu));
	pv_eoi_offer(vcpu);
	return known;
}

bool event_wakes(struct vcpu *vcpu)
{
	if (vcpu->injected.valid || vcpu->exception.valid || READ_ONCE(vcpu->unhalted))
		return true;
	if (vcpu->nmi_pending && !vcpu->nmi_masked)
		return true;
	return svm_get_if(vcpu) && intr_pending(vcpu);
}
