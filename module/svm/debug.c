// SPDX-License-Identifier: GPL-2.0
/*
 * A debugger of the guest: steps, INT3, breakpoints in the debug registers.
 *
 * It says what is asked for and what has happened; the stepping itself, by RFLAGS.TF, is intr.c's.
 * A step is one instruction, or the delivery of one event: then the guest is left where its handler
 * begins, by an interrupt that the CPU sends itself with GIF clear.  Interrupts wait meanwhile.
 * What instructions do with a TF that is not the guest's, is undone when they are over.
 */
#include <linux/irq_work.h>
#include <linux/uaccess.h>
#include <asm/debugreg.h>

#include "svm_vcpu.h"

#define DR7_ENABLES	0x000000ffULL
#define DR7_TYPES	0xffff0000ULL

/*
 * User space is to know, before an interrupt is taken that the guest could have.  What came first
 * is what it is told.
 */
static enum svm_action report(struct vcpu *vcpu, u32 vector, u64 dr6)
{
	vcpu->debug.vector = vector;
	vcpu->debug.dr6 = dr6;
	vcpu_request(vcpu, VCPU_REQ_DEBUG);
	return SVM_LEAVE;
}

void svm_debug_stepped(struct vcpu *vcpu)
{
	if (svm_debug_steps(vcpu))
		report(vcpu, 1, DR_STEP);
}

/*
 * Leaving the guest where its event has been delivered
 */

static void nothing(struct irq_work *work)
{
}

/* With GIF clear: the interrupt waits for VMRUN, which delivers its event first. */
void svm_debug_leave(struct svm_vcpu *sv)
{
	irq_work_queue(&sv->leave);
}

void svm_debug_delivered(struct vcpu *vcpu, bool done)
{
	struct svm_vcpu *sv = vcpu->svm;
	struct svm_debug *d = &sv->debug;

	sv->check &= ~SVM_CHECK_EVENT;
	if (done) {
		d->soft_given = false;
		d->soft_len = 0;
		svm_debug_stepped(vcpu);
	}
	vcpu_request(vcpu, VCPU_REQ_EVENT);
}

/*
 * What the stepped instruction does with TF.  Its bytes are only a hint: if they are not at hand,
 * or change, then it is the guest that sees a TF of ours.
 */

static enum step_kind kind_of(struct vcpu *vcpu)
{
	struct svm_vcpu *sv = vcpu->svm;
	struct x86_insn insn;
	int ret;

	sv->insn_nbytes = 0;
	ret = svm_fetch_insn(vcpu);
	if (!ret)
		ret = x86_decode(&insn, sv->insn_bytes, sv->insn_nbytes, svm_mode(vcpu));
	sv->insn_nbytes = 0;
	if (ret)
		return STEP_PLAIN;
	if (insn.map == X86_MAP_1BYTE) {
		switch (insn.opcode) {
		case 0x9c:
			return STEP_SAVES_TF;
		case 0x9d:
		case 0xcf:
			return STEP_LOADS_TF;
		}
	} else if (insn.map == X86_MAP_0F) {
		switch (insn.opcode) {
		case 0x05:
			return STEP_SYSCALL;
		case 0x07:
			return STEP_SYSRET;
		}
	}
	return STEP_PLAIN;
}

void svm_debug_arm(struct vcpu *vcpu)
{
	struct svm_vcpu *sv = vcpu->svm;
	struct svm_debug *d = &sv->debug;
	struct vmcb *vmcb = sv->vmcb;

	if (vmcb->event_inj & SVM_EVENT_VALID) {
		sv->check |= SVM_CHECK_STEP | SVM_CHECK_EVENT;
		return;
	}
	svm_begin_step(vcpu);
	if (d->kind != STEP_PLAIN)
		return;
	d->kind = kind_of(vcpu);
	if (d->kind == STEP_SYSCALL) {
		/* TF is looked at behind the instruction (APM vol. 3, SYSCALL). */
		d->sfmask = vmcb->sfmask;
		vmcb->sfmask &= ~(u64)X86_EFLAGS_TF;
	} else if (d->kind == STEP_SYSRET) {
		d->r11 = vcpu->regs[X86_R11];
		vcpu->regs[X86_R11] |= X86_EFLAGS_TF;
	}
}

static void syscall_over(struct vcpu *vcpu, bool done)
{
	struct svm_vcpu *sv = vcpu->svm;
	struct vmcb *vmcb = sv->vmcb;
	u64 masked = sv->debug.sfmask & X86_EFLAGS_TF;

	vmcb->sfmask |= masked;
	if (!done)
		return;
	if (!sv->guest_tf)
		vcpu->regs[X86_R11] &= ~(u64)X86_EFLAGS_TF;
	if (masked) {
		vmcb->rflags &= ~(u64)X86_EFLAGS_TF;
		sv->guest_tf = false;
	}
}

static void sysret_over(struct vcpu *vcpu, bool done)
{
	struct svm_vcpu *sv = vcpu->svm;

	vcpu->regs[X86_R11] = sv->debug.r11;
	if (done)
		sv->guest_tf = sv->debug.r11 & X86_EFLAGS_TF;
}

void svm_debug_step_over(struct vcpu *vcpu, bool done)
{
	struct svm_debug *d = &vcpu->svm->debug;

	switch (d->kind) {
	case STEP_SYSCALL:
		syscall_over(vcpu, done);
		break;
	case STEP_SYSRET:
		sysret_over(vcpu, done);
		break;
	case STEP_SAVES_TF:
		d->pushed = done && !vcpu->svm->guest_tf;
		break;
	}
	d->kind = STEP_PLAIN;
}

bool svm_debug_pushed(struct vcpu *vcpu, u64 *linear)
{
	struct svm_vcpu *sv = vcpu->svm;
	struct vmcb_seg ss = vmcb_get_seg(sv->vmcb, VMCB_SS);
	bool pushed = sv->debug.pushed;

	sv->debug.pushed = false;
	*linear = vcpu->regs[X86_RSP];
	if (svm_mode(vcpu) != X86_MODE_64)
		*linear = (u32)(ss.base + (ss.attrib & VMCB_ATTR_DB ? (u32)*linear : (u16)*linear));
	return pushed;
}

void svm_debug_settle(struct vcpu *vcpu)
{
	struct svm_debug *d = &vcpu->svm->debug;

	svm_soft_int_back(vcpu->svm);
	/* Others are seen in RFLAGS.TF only, and an access may be under way, which is stepped. */
	if (d->kind == STEP_SYSCALL || d->kind == STEP_SYSRET)
		svm_hide_step(vcpu);
}

/*
 * Exits
 */

void svm_debug_exit(struct svm_vcpu *sv)
{
	const struct vmcb *vmcb = sv->vmcb;
	unsigned int n = sv->nr_last++ % SVMM_LAST_EXITS;

	sv->last.exit[n].exit_code = vmcb->exit_code;
	sv->last.exit[n].rip = vmcb->rip;
	sv->last.exit[n].info1 = vmcb->exit_info_1;
	sv->last.exit[n].info2 = vmcb->exit_info_2;
}

void svm_last_exits(struct vcpu *vcpu, struct svmm_last_exits *out)
{
	const struct svm_vcpu *sv = vcpu->svm;
	unsigned int i;

	out->nr = min_t(u32, sv->nr_last, SVMM_LAST_EXITS);
	for (i = 0; i < out->nr; i++)
		out->exit[i] = sv->last.exit[(sv->nr_last - out->nr + i) % SVMM_LAST_EXITS];
}

/* #DB while somebody debugs: whose is it?  It may be both's. */
enum svm_action svm_debug_db(struct vcpu *vcpu)
{
	struct svm_vcpu *sv = vcpu->svm;
	struct vmcb *vmcb = sv->vmcb;
	u64 dr6 = vmcb_get_dr6(vmcb), met = 0, told = 0;
	bool stepped = sv->stepping, apart = svm_dr_apart(sv), guests;
	unsigned int i;

	if (apart) {
		for (i = 0; i < 4; i++)
			if (vmcb_get_dr7(vmcb) & 3ULL << 2 * i)
				met |= dr6 & BIT(i);
		vmcb_set_dr6(vmcb, DR6_RESERVED | (dr6 & DR_STEP));
	}
	guests = stepped ? svm_end_step(vcpu) : !met || dr6 & DR_STEP;
	if (stepped && svm_debug_steps(vcpu))
		told = DR_STEP;
	if (apart)
		vmcb_set_dr6(vmcb, DR6_RESERVED);
	if (guests)
		event_raise(vcpu, 1, false, 0, apart ? dr6 & DR_STEP : 0);
	return met | told ? report(vcpu, 1, met | told) : SVM_RESUME;
}

/* RIP is at the INT3, which is not executed. */
enum svm_action svm_exit_bp(struct vcpu *vcpu)
{
	return report(vcpu, X86_VEC_BP, 0);
}

/* INT n, before it is executed: it would save our TF.  QEMU has INT3 come here, too. */
enum svm_action svm_exit_swint(struct vcpu *vcpu)
{
	struct svm_debug *d = &vcpu->svm->debug;
	struct x86_insn insn;
	int ret = svm_decode_insn(vcpu, &insn);

	if (ret)
		return insn_error(ret);
	if (insn.opcode == 0xcc && d->flags & SVMM_DEBUG_BP)
		return svm_exit_bp(vcpu);
	d->soft_vector = insn.imm;
	if (insn.opcode != 0xcd)
		d->soft_vector = insn.opcode == 0xcc ? X86_VEC_BP : X86_VEC_OF;
	d->soft_len = insn.len;
	vcpu_request(vcpu, VCPU_REQ_EVENT);
	return SVM_RESUME;
}

/*
 * What is asked for
 */

static void set_intercept(struct vmcb *vmcb, unsigned int n, bool on)
{
	if (on)
		vmcb_intercept(vmcb, n);
	else
		vmcb_unintercept(vmcb, n);
}

static void set_intercepts(struct svm_vcpu *sv)
{
	u32 flags = sv->debug.flags;

	set_intercept(sv->vmcb, SVM_INTERCEPT_EXCEPTION(X86_VEC_BP), flags & SVMM_DEBUG_BP);
	set_intercept(sv->vmcb, SVM_INTERCEPT_SWINT, flags & (SVMM_DEBUG_BP | SVMM_DEBUG_STEP));
}

void svm_debug_init(struct svm_vcpu *sv)
{
	sv->leave = IRQ_WORK_INIT_HARD(nothing);
}

/* Condition and length of each breakpoint: what a processor knows, and this module can tell of. */
static bool dr7_ok(u64 dr7)
{
	unsigned int i;

	if (dr7 & ~(DR7_ENABLES | DR7_TYPES))
		return false;
	for (i = 0; i < 4; i++) {
		unsigned int type = dr7 >> (16 + 4 * i) & 3, len = dr7 >> (18 + 4 * i) & 3;

		if (dr7 & 3ULL << 2 * i && (type == 2 || (!type && len)))
			return false;
	}
	return true;
}

/* The debugger's registers go in, or the guest's come back. */
static void set_apart(struct svm_vcpu *sv, bool apart)
{
	struct svm_debug *d = &sv->debug;

	if (apart == !!(d->flags & SVMM_DEBUG_HW))
		return;
	if (apart) {
		memcpy(d->db, sv->db, sizeof(d->db));
		d->dr6 = vmcb_get_dr6(sv->vmcb);
		d->dr7 = vmcb_get_dr7(sv->vmcb);
		vmcb_set_dr6(sv->vmcb, DR6_RESERVED);
	} else {
		memcpy(sv->db, d->db, sizeof(d->db));
		vmcb_set_dr6(sv->vmcb, d->dr6);
		vmcb_set_dr7(sv->vmcb, d->dr7);
	}
}

static void load(struct svm_vcpu *sv, u32 flags, const u64 db[4], u64 dr7)
{
	set_apart(sv, flags & SVMM_DEBUG_HW);
	if (flags & ~sv->debug.flags & SVMM_DEBUG_EXITS)
		sv->nr_last = 0;
	sv->check &= ~SVM_CHECK_EXITS;
	if (flags & SVMM_DEBUG_EXITS)
		sv->check |= SVM_CHECK_EXITS;
	sv->debug.flags = flags;
	if (flags & SVMM_DEBUG_HW) {
		memcpy(sv->db, db, sizeof(sv->db));
		vmcb_set_dr7(sv->vmcb, svm_dr7_value(dr7));
	}
	set_intercepts(sv);
}

/* The VMCB and sv->db are those of a reset: the guest's.  What was asked for stays asked for. */
void svm_debug_reset(struct svm_vcpu *sv, const u64 db[4], u64 dr7)
{
	struct svm_debug *d = &sv->debug;
	u32 flags = d->flags;

	memset(d, 0, sizeof(*d));
	d->flags = flags & SVMM_DEBUG_EXITS;
	sv->check &= ~(SVM_CHECK_STEP | SVM_CHECK_EVENT);
	load(sv, flags, db, dr7);
}

int svm_debug_set(struct vcpu *vcpu, u32 flags, const u64 db[4], u64 dr7)
{
	struct svm_vcpu *sv = vcpu->svm;
	struct svm_debug *d = &sv->debug;

	if (flags & ~(SVMM_DEBUG_STEP | SVMM_DEBUG_BP | SVMM_DEBUG_HW | SVMM_DEBUG_EXITS) ||
	    (flags & SVMM_DEBUG_HW && !dr7_ok(dr7)))
		return -EINVAL;
	svm_hide_step(vcpu);
	svm_soft_int_back(sv);
	d->pushed = false;
	sv->check &= ~(SVM_CHECK_STEP | SVM_CHECK_EVENT);
	load(sv, flags, db, dr7);
	vcpu->debug.steps = flags & SVMM_DEBUG_STEP;
	clear_bit(VCPU_REQ_DEBUG, &vcpu->requests);
	vcpu_request(vcpu, VCPU_REQ_EVENT);
	return 0;
}
