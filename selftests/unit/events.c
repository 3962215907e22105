// SPDX-License-Identifier: GPL-2.0
// timeout: 120
/*
 * event.c and svm/intr.c against a model of the processor, with and without virtual NMI, which no
 * emulated host has. The model executes a random guest: VMRUN injects, loads the shadow (or not, as
 * QEMU before 9.1), takes what V_IRQ and V_NMI ask for, stops in the delivery of events, exits for
 * interrupts of the host.
 *
 * What must hold: every NMI and interrupt that was accepted is delivered once; no NMI while one is
 * handled; the guest, which never sets TF, finds it in no frame and gets no #DB; what waits does
 * not wait for ever.
 *
 * needs: module/svm/vmcb.c
 */
#include <stdio.h>
#include <stdlib.h>

#include "../../module/svm/vmcb.h"
#include "tap.h"

/* What the two files want of the module's headers, which are the kernel's. */
#define SVMM_CORE_H
#define SVMM_SVM_H
#define SVMM_SVM_VCPU_H

#define X86_VEC_BP	3
#define X86_VEC_OF	4
#define X86_VEC_GP	13
#define X86_VEC_PF	14
#define SVM_NOWHERE	BIT_ULL(62)
#define SVM_LOOK	(SVM_NOWHERE + 1)

enum svm_action { SVM_RESUME, SVM_LEAVE };
enum vcpu_request { VCPU_REQ_EVENT, VCPU_REQ_TRIPLE_FAULT };
enum event_type { EVENT_INTR = 0, EVENT_NMI = 2, EVENT_EXCEPTION = 3 };

struct vcpu_event {
	bool valid;
	bool has_error;
	u8 vector;
	u8 type;
	u32 error_code;
};

#define SVMM_DEBUG_EXITS	BIT(3)
#define SVM_CHECK_EVENT	BIT(4)
#include "../../module/svm/debug.h"

struct svm_vcpu {
	struct vmcb *vmcb;
	struct svm_debug debug;
	bool vnmi_posted;
	bool nmi_iret;
	bool stepping;
	bool guest_tf;
	u64 guest_dr6;
	u64 shadow_rip;
	u8 cr8;
	u8 check;
};

struct vcpu {
	struct svm_vcpu *svm;
	unsigned long requests;
	u32 extint;
	struct vcpu_event injected, exception;
	u64 exception_payload;
	unsigned int nmi_pending;
	bool nmi_masked;
	bool extint_vector_valid;
	u8 extint_vector;
	bool unhalted;
	unsigned int irr;		/* of one vector */
};

static u32 features;
static bool forgetful;		/* VMRUN does not load the interrupt shadow */

static bool svm_has(u32 feature)
{
	return features & feature;
}

static void vcpu_request(struct vcpu *vcpu, enum vcpu_request req)
{
	vcpu->requests |= BIT(req);
}

#define VECTOR	0x40

static unsigned int taken;	/* interrupts that the APIC gave away */

static int lapic_pending_vector(struct vcpu *vcpu)
{
	return vcpu->irr ? VECTOR : -1;
}

static void lapic_accept(struct vcpu *vcpu, u8 vector)
{
	vcpu->irr--;
	taken++;
}

static void pv_eoi_offer(struct vcpu *vcpu)
{
}

static bool pv_eoi_take_back(struct vcpu *vcpu)
{
	return true;
}

static bool lapic_accepts_extint(struct vcpu *vcpu)
{
	return false;
}

static bool lapic_tpr_blocks(struct vcpu *vcpu)
{
	return false;
}

static void lapic_set_cr8(struct vcpu *vcpu, u8 cr8)
{
}

/* Nobody debugs: svm_debug.flags is 0. */

static bool svm_debug_steps(struct vcpu *vcpu)
{
	return false;
}

static void svm_debug_arm(struct vcpu *vcpu)
{
}

static void svm_debug_step_over(struct vcpu *vcpu, bool done)
{
}

static enum svm_action svm_debug_db(struct vcpu *vcpu)
{
	return SVM_RESUME;
}

static u64 svm_guest_dr6(const struct svm_vcpu *sv)
{
	return vmcb_get_dr6(sv->vmcb);
}

static void svm_set_guest_dr6(struct svm_vcpu *sv, u64 value)
{
	vmcb_set_dr6(sv->vmcb, value);
}

void svm_hide_step(struct vcpu *vcpu);
void svm_soft_int_back(struct svm_vcpu *sv);
void svm_begin_step(struct vcpu *vcpu);
bool svm_end_step(struct vcpu *vcpu);
bool svm_get_if(struct vcpu *vcpu);
bool svm_in_shadow(struct vcpu *vcpu);
bool svm_intr_allowed(struct vcpu *vcpu);
bool svm_nmi_allowed(struct vcpu *vcpu);
void svm_inject(struct vcpu *vcpu, const struct vcpu_event *event);
void svm_set_payload(struct vcpu *vcpu, u8 vector, u64 payload);
void svm_abort_step(struct vcpu *vcpu);
void svm_want_intr_window(struct vcpu *vcpu, bool want);
void svm_want_nmi_window(struct vcpu *vcpu);
void svm_nmi_injected(struct vcpu *vcpu);
void svm_set_nmi_state(struct vcpu *vcpu);
void svm_want_cr8_exit(struct vcpu *vcpu, bool want);
void svm_set_cr8(struct vcpu *vcpu, u64 cr8);
enum svm_action svm_exit_vintr(struct vcpu *vcpu);
enum svm_action svm_exit_iret(struct vcpu *vcpu);
enum svm_action svm_exit_db(struct vcpu *vcpu);
enum svm_action svm_exit_fault(struct vcpu *vcpu);
void event_raise(struct vcpu *vcpu, u8 vector, bool has_error, u32 error_code, u64 payload);
void event_requeue(struct vcpu *vcpu, const struct vcpu_event *event);
bool event_inject(struct vcpu *vcpu);
bool event_wakes(struct vcpu *vcpu);

#include "../../module/svm/intr.h"
#define noinline
#include "../../module/event.c"
#include "../../module/svm/intr.c"

/*
 * The processor and its guest
 */

#define DEPTH	8

struct frame {
	u64 rflags;
	bool at_iret;
};

static struct {
	struct vmcb vmcb;
	struct svm_vcpu sv;
	struct vcpu vcpu;
	struct frame stack[DEPTH];
	unsigned int depth;
	bool at_iret;		/* the next instruction is one */
	bool in_nmi;		/* what the architecture says, whoever keeps it */
	bool in_shadow;		/* likewise */
	unsigned int nmis_sent, nmis, intrs;
	bool quiet;		/* nothing new comes, exits for the host neither */
} m;

static const char *failure;

static void fail(const char *what)
{
	if (!failure)
		failure = what;
}

static unsigned int seed;

static bool chance(unsigned int one_in)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % one_in == 0;
}

static void deliver(bool nmi)
{
	struct vmcb *vmcb = &m.vmcb;

	if (vmcb->rflags & X86_EFLAGS_TF)
		fail("TF in a frame");
	if (m.in_shadow)
		fail("an event in an interrupt shadow");
	if (m.depth == DEPTH) {
		fail("the guest's stack");
		return;
	}
	m.stack[m.depth++] = (struct frame){ vmcb->rflags, m.at_iret };
	m.at_iret = false;
	vmcb->rflags &= ~(u64)(X86_EFLAGS_IF | X86_EFLAGS_TF);
	if (!nmi) {
		m.intrs++;
		return;
	}
	m.nmis++;
	if (m.in_nmi)
		fail("an NMI while one is handled");
	m.in_nmi = true;
	if (features & SVM_FEATURE_VNMI)
		vmcb->_int_ctl |= V_NMI_MASK;
}

/* EVENTINJ. False: an exit came in between. */
static bool inject(void)
{
	struct vmcb *vmcb = &m.vmcb;
	u32 event = vmcb->event_inj;
	u32 type = event & SVM_EVENT_TYPE_MASK;

	if (!(event & SVM_EVENT_VALID))
		return true;
	if (!m.quiet && chance(4)) {
		vmcb->exit_int_info = event;
		vmcb->exit_code = SVM_EXIT_NPF;
		return false;
	}
	if (type == SVM_EVENT_EXCEPTION)
		fail("an exception that nobody raised");
	else
		deliver(type == SVM_EVENT_NMI);
	return true;
}

/* V_NMI and V_IRQ. False: an exit. */
static bool virtual_events(void)
{
	struct vmcb *vmcb = &m.vmcb;
	bool shadow = vmcb->int_state & SVM_INTERRUPT_SHADOW;

	if (vmcb->_int_ctl & V_NMI && !(vmcb->_int_ctl & V_NMI_MASK) && !shadow) {
		vmcb->_int_ctl &= ~V_NMI;
		if (!m.quiet && chance(4)) {
			/* the delivery is interrupted: the mask is not set */
			vmcb->exit_int_info = SVM_EVENT_VALID | SVM_EVENT_NMI | 2;
			vmcb->exit_code = SVM_EXIT_NPF;
			return false;
		}
		deliver(true);
		return true;
	}
	if (vmcb->_int_ctl & V_IRQ && vmcb->rflags & X86_EFLAGS_IF && !shadow) {
		vmcb->exit_code = SVM_EXIT_VINTR;
		return false;
	}
	return true;
}

static bool intercepted(unsigned int n)
{
	return m.vmcb._intercepts[n / 32] & SVM_INTERCEPT_BIT(n);
}

/* One instruction. False: an exit. */
static bool execute(void)
{
	struct vmcb *vmcb = &m.vmcb;
	bool tf = vmcb->rflags & X86_EFLAGS_TF;
	u64 shadow = 0;

	if (m.at_iret || (m.depth && chance(m.quiet ? 2 : 5))) {
		m.at_iret = true;
		if (intercepted(SVM_INTERCEPT_IRET)) {
			vmcb->exit_code = SVM_EXIT_IRET;
			return false;
		}
		vmcb->rflags = m.stack[--m.depth].rflags;
		m.at_iret = m.stack[m.depth].at_iret;
		m.in_nmi = false;
		vmcb->_int_ctl &= ~V_NMI_MASK;
	} else if (!(vmcb->rflags & X86_EFLAGS_IF) && (!m.depth || m.depth < DEPTH / 2) &&
		   chance(3)) {
		vmcb->rflags |= X86_EFLAGS_IF;
		shadow = SVM_INTERRUPT_SHADOW;
	} else if (chance(m.quiet ? 40 : 6)) {
		vmcb->rflags &= ~(u64)X86_EFLAGS_IF;
	}
	vmcb->rip++;
	vmcb->int_state = shadow;
	m.in_shadow = shadow;
	if (tf) {
		vmcb_set_dr6(vmcb, vmcb_get_dr6(vmcb) | DR_STEP);
		vmcb->exit_code = SVM_EXIT_EXCP_DB;
		return false;
	}
	return true;
}

static void vmrun(void)
{
	struct vmcb *vmcb = &m.vmcb;

	vmcb->exit_int_info = 0;
	if (forgetful)
		vmcb->int_state = 0;
	if (!inject())
		return;
	vmcb->event_inj = 0;
	for (int i = 0; i < 50; i++) {
		/* the host's interrupts, before the guest's own or behind them */
		if ((i || chance(4)) && !m.quiet && chance(12))
			break;
		if (!virtual_events())
			return;
		if (!m.quiet && chance(12))
			break;
		if (!execute())
			return;
	}
	vmcb->exit_code = SVM_EXIT_INTR;
}

/*
 * The run loop
 */

/* As vcpu_take_nmis() has it. */
static void nmi(void)
{
	if (m.vcpu.nmi_pending >= (m.vcpu.nmi_masked ? 1 : 2))
		return;
	m.vcpu.nmi_pending++;
	m.nmis_sent++;
	vcpu_request(&m.vcpu, VCPU_REQ_EVENT);
}

static void intr(void)
{
	if (m.vcpu.irr)
		return;
	m.vcpu.irr = 1;
	vcpu_request(&m.vcpu, VCPU_REQ_EVENT);
}

static void step(void)
{
	if (!m.quiet && chance(4))
		nmi();
	if (!m.quiet && chance(4) && m.depth < DEPTH - 4)
		intr();
	if (m.vcpu.requests) {
		m.vcpu.requests = 0;
		event_inject(&m.vcpu);
	}
	/* something may come between the choice and VMRUN */
	if (!m.quiet && chance(4)) {
		nmi();
		if (m.vcpu.requests)
			return;
	}
	if (m.vcpu.requests)
		return;
	vmrun();
	svm_complete_events(&m.vcpu);
	switch (m.vmcb.exit_code) {
	case SVM_EXIT_EXCP_DB:
		svm_exit_db(&m.vcpu);
		if (m.vcpu.exception.valid)
			fail("a #DB for the guest");
		break;
	case SVM_EXIT_VINTR:
		svm_exit_vintr(&m.vcpu);
		break;
	case SVM_EXIT_IRET:
		svm_exit_iret(&m.vcpu);
		break;
	}
}

static bool run(unsigned int number)
{
	memset(&m, 0, sizeof(m));
	m.vcpu.svm = &m.sv;
	m.sv.vmcb = &m.vmcb;
	m.sv.shadow_rip = SVM_NOWHERE;
	m.vmcb.rflags = 2;
	vmcb_set_dr6(&m.vmcb, 0xffff0ff0);
	vmcb_set_int_ctl(&m.vmcb, V_INTR_MASKING | (features ? V_NMI_ENABLE : 0));
	seed = number;
	taken = 0;
	failure = NULL;
	for (int i = 0; i < 400 && !failure; i++)
		step();
	m.quiet = true;
	for (int i = 0; i < 400 && !failure; i++)
		step();
	if (!failure && (m.vcpu.nmi_pending || m.vcpu.injected.valid || m.vcpu.irr))
		fail("something waits for ever");
	if (!failure && m.nmis != m.nmis_sent)
		fail("an NMI lost or made up");
	if (!failure && m.intrs != taken)
		fail("an interrupt lost or made up");
	if (!failure && m.nmis + m.intrs < 20)
		fail("nothing was tested");
	if (!failure && (features & SVM_FEATURE_VNMI) && m.sv.stepping)
		fail("a single step in spite of virtual NMI");
	return !failure;
}

static void test(const char *name)
{
	unsigned int n;

	for (n = 1; n <= 20000; n++)
		if (!run(n))
			break;
	if (failure)
		ksft_print_msg("run %u: %s; %u of %u NMIs, %u of %u interrupts, depth %u\n", n,
			       failure, m.nmis, m.nmis_sent, m.intrs, taken, m.depth);
	ksft_test_result(!failure, "%s\n", name);
}

int main(void)
{
	ksft_print_header();
	ksft_set_plan(3);
	test("NMI mask by IRET intercept and single step");
	forgetful = true;
	test("a processor that forgets the interrupt shadow");
	forgetful = false;
	features = SVM_FEATURE_VNMI;
	test("virtual NMI");
	ksft_finished();
}
