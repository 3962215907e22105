// SPDX-License-Identifier: GPL-2.0
/*
 * State groups <-> VMCB, and the VMCB <-> the emulator's copy.
 *
 * With msr.c this is the only way for a value of user space into a VMCB.  A
 * group is checked as a whole before any of it is loaded; whether the groups
 * fit together (paging bits and EFER, CS and long mode) is judged by
 * vmcb_check() before the next VMRUN, since they may come one by one.
 */
#include <linux/percpu.h>
#include <linux/slab.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/fpu/types.h>

#include "../compat.h"
#include "../stats.h"
#include "../tsc.h"
#include "svm_vcpu.h"

u64 svm_get_rip(struct vcpu *vcpu)
{
	return vcpu->svm->vmcb->rip;
}

u64 svm_get_rflags(struct vcpu *vcpu)
{
	const struct svm_vcpu *sv = vcpu->svm;
	u64 rflags = sv->vmcb->rflags;

	return sv->stepping && !sv->guest_tf ? rflags & ~(u64)X86_EFLAGS_TF : rflags;
}

u8 svm_get_cpl(struct vcpu *vcpu)
{
	return vmcb_get_cpl(vcpu->svm->vmcb);
}

void svm_set_tsc_offset(struct vcpu *vcpu, u64 offset)
{
	stats_tsc_lost(vcpu, svm_tsc_lost - vcpu->tsc_lost);
	vcpu->tsc_lost = svm_tsc_lost;
	vmcb_set_tsc_offset(vcpu->svm->vmcb, offset + tsc_scale(vcpu->vm, vcpu->tsc_lost));
}

void svm_insn_done_rare(struct vcpu *vcpu)
{
	struct svm_vcpu *sv = vcpu->svm;
	struct vmcb *vmcb = sv->vmcb;

	if (vmcb->int_state) {
		vmcb->int_state = 0;
		vcpu_request(vcpu, VCPU_REQ_EVENT);
	}
	vmcb->rflags &= ~(u64)X86_EFLAGS_RF;
	if (!(vmcb->rflags & X86_EFLAGS_TF))
		return;
	if (sv->stepping) {
		bool guest_tf = sv->guest_tf;

		/* Not the IRET itself, which is never done in software. */
		vmcb->rflags &= guest_tf ? ~0ULL : ~(u64)X86_EFLAGS_TF;
		svm_abort_step(vcpu);
		svm_debug_stepped(vcpu);
		if (!guest_tf)
			return;
	}
	event_raise(vcpu, 1, false, 0, DR_STEP);
}

/*
 * Group by group
 */

static void publish_gpr(struct vcpu *vcpu, struct svmm_gprs *out)
{
	BUILD_BUG_ON(offsetof(struct svmm_gprs, rip) != sizeof(vcpu->regs));
	memcpy(out, vcpu->regs, sizeof(vcpu->regs));
	out->rip = svm_get_rip(vcpu);
	out->rflags = svm_get_rflags(vcpu);
}

#define RFLAGS_DEFINED	(X86_EFLAGS_CF | X86_EFLAGS_PF | X86_EFLAGS_AF | X86_EFLAGS_ZF |	\
			 X86_EFLAGS_SF | X86_EFLAGS_TF | X86_EFLAGS_IF | X86_EFLAGS_DF |	\
			 X86_EFLAGS_OF | X86_EFLAGS_IOPL | X86_EFLAGS_NT | X86_EFLAGS_RF |	\
			 X86_EFLAGS_VM | X86_EFLAGS_AC | X86_EFLAGS_VIF | X86_EFLAGS_VIP |	\
			 X86_EFLAGS_ID)

static bool gpr_ok(const struct svmm_gprs *in)
{
	return !(in->rflags & ~(u64)(RFLAGS_DEFINED | X86_EFLAGS_FIXED));
}

static void commit_gpr(struct vcpu *vcpu, const struct svmm_gprs *in)
{
	struct svm_vcpu *sv = vcpu->svm;

	memcpy(vcpu->regs, in, sizeof(vcpu->regs));
	sv->vmcb->rip = in->rip;
	sv->vmcb->rflags = in->rflags | X86_EFLAGS_FIXED;
	svm_abort_step(vcpu);
}

/* The order of struct svmm_segs, GDTR and IDTR last. */
static const u8 seg_index[] = {
	VMCB_ES, VMCB_CS, VMCB_SS, VMCB_DS, VMCB_FS, VMCB_GS, VMCB_LDTR, VMCB_TR,
	VMCB_GDTR, VMCB_IDTR,
};

static void publish_seg(struct vcpu *vcpu, struct svmm_segs *out)
{
	struct svmm_segment *seg = &out->es;
	unsigned int i;

	BUILD_BUG_ON(sizeof(*out) != ARRAY_SIZE(seg_index) * sizeof(*seg));
	for (i = 0; i < ARRAY_SIZE(seg_index); i++, seg++) {
		struct vmcb_seg v = vmcb_get_seg(vcpu->svm->vmcb, seg_index[i]);
		bool table = i >= 8;

		seg->base = v.base;
		seg->limit = v.limit;
		seg->selector = table ? 0 : v.selector;
		seg->attrib = table ? 0 : v.attrib & ~VMCB_ATTR_RESERVED;
	}
	/* Not every processor keeps the CPL in SS.DPL's place (APM vol. 2, 15.5.1). */
	out->ss.attrib = (out->ss.attrib & ~VMCB_ATTR_DPL_MASK) |
			 svm_get_cpl(vcpu) << VMCB_ATTR_DPL_SHIFT;
}

static bool seg_ok(struct vcpu *vcpu, const struct svmm_segs *in)
{
	const struct svmm_segment *seg = &in->es;
	u64 mask = GENMASK_ULL(63, vcpu->policy.linear_bits - 1);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(seg_index); i++, seg++) {
		if (seg->attrib & VMCB_ATTR_RESERVED)
			return false;
		if (seg->base & mask && (seg->base & mask) != mask)
			return false;
		if (i >= 8 && (seg->attrib || seg->selector || seg->limit > 0xffff))
			return false;
	}
	return true;
}

static void commit_seg(struct vcpu *vcpu, const struct svmm_segs *in)
{
	struct vmcb *vmcb = vcpu->svm->vmcb;
	const struct svmm_segment *seg = &in->es;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(seg_index); i++, seg++) {
		vmcb_set_seg(vmcb, seg_index[i], (struct vmcb_seg){
			.selector = seg->selector,
			.attrib = seg->attrib,
			.limit = seg->limit,
			.base = seg->base,
		});
	}
	vmcb_set_cpl(vmcb, (in->ss.attrib & VMCB_ATTR_DPL_MASK) >> VMCB_ATTR_DPL_SHIFT);
}

/* SYSRET may have left SS as it was: what counts is the CPL (APM vol. 2, 15.5.1). */
static void ss_follows_cpl(struct vmcb *vmcb)
{
	struct vmcb_seg ss = vmcb_get_seg(vmcb, VMCB_SS);

	ss.attrib = (ss.attrib & ~VMCB_ATTR_DPL_MASK) |
		    vmcb_get_cpl(vmcb) << VMCB_ATTR_DPL_SHIFT;
	vmcb_set_seg(vmcb, VMCB_SS, ss);
}

static void publish_cr(struct vcpu *vcpu, struct svmm_crs *out)
{
	struct vmcb *vmcb = vcpu->svm->vmcb;

	out->cr0 = svm_get_cr0(vcpu);
	out->cr2 = vmcb_get_cr2(vmcb);
	out->cr3 = vmcb_get_cr3(vmcb);
	out->cr4 = svm_get_cr4(vcpu);
	out->cr8 = lapic_get_cr8(vcpu);
	out->efer = svm_get_efer(vcpu);
	out->xcr0 = vcpu->xcr0;
	out->reserved = 0;
}

static bool cr_ok(struct vcpu *vcpu, const struct svmm_crs *in)
{
	bool lma = in->efer & EFER_LME && in->cr0 & X86_CR0_PG;

	if (!svm_cr0_ok(in->cr0) || !svm_cr4_ok(vcpu, in->cr4) || in->cr8 > 15 || in->reserved)
		return false;
	if (in->cr3 & GENMASK_ULL(63, vcpu->policy.phys_bits))
		return false;
	if (in->efer & ~(vcpu->policy.efer_allowed | EFER_LMA))
		return false;
	if (!!(in->efer & EFER_LMA) != lma || (lma && !(in->cr4 & X86_CR4_PAE)))
		return false;
	if (in->cr4 & X86_CR4_PCIDE && !lma)
		return false;
	/* What the register can hold; the guest's CPUID may show less than the host uses. */
	if (!svm.xsave)
		return !in->xcr0;
	return in->xcr0 == XFEATURE_MASK_FP || svm_xcr0_ok(vcpu, in->xcr0);
}

static void commit_cr(struct vcpu *vcpu, const struct svmm_crs *in)
{
	struct vmcb *vmcb = vcpu->svm->vmcb;

	vmcb_set_cr2(vmcb, in->cr2);
	vmcb_set_cr3(vmcb, in->cr3);
	svm_load_cr4(vcpu, in->cr4);
	vcpu->svm->efer = in->efer & ~(u64)EFER_LMA;
	svm_load_cr0(vcpu, in->cr0);
	lapic_set_cr8(vcpu, in->cr8);
	svm_set_cr8(vcpu, in->cr8);
	vcpu->xcr0 = in->xcr0;
	asid_flush(&vcpu->svm->asid);
}

static void publish_dr(struct vcpu *vcpu, struct svmm_drs *out)
{
	struct svm_vcpu *sv = vcpu->svm;

	memcpy(out->db, svm_guest_db(sv), sizeof(out->db));
	out->dr6 = svm_guest_dr6(sv);
	out->dr7 = svm_guest_dr7(sv);
}

static bool dr_ok(const struct svmm_drs *in)
{
	return !(in->dr6 >> 32) && !(in->dr7 >> 32);
}

static void commit_dr(struct vcpu *vcpu, const struct svmm_drs *in)
{
	struct svm_vcpu *sv = vcpu->svm;

	memcpy(svm_guest_db(sv), in->db, sizeof(in->db));
	svm_set_guest_dr6(sv, svm_dr6_value(in->dr6));
	svm_set_guest_dr7(sv, svm_dr7_value(in->dr7));
}

/* An event in delivery counts as pending; so nothing is lost in a saved state. */
static void publish_events(struct vcpu *vcpu, struct svmm_events *out)
{
	const struct vcpu_event *event = NULL;

	memset(out, 0, sizeof(*out));
	if (vcpu->injected.valid) {
		event = &vcpu->injected;
	} else if (vcpu->exception.valid) {
		event = &vcpu->exception;
		out->flags |= SVMM_EVENT_PAYLOAD;
		out->payload = vcpu->exception_payload;
	}
	if (event) {
		switch (event->type) {
		case EVENT_EXCEPTION:
			out->flags |= SVMM_EVENT_EXCEPTION;
			break;
		case EVENT_INTR:
			out->flags |= SVMM_EVENT_INTR;
			break;
		case EVENT_NMI:
			out->flags |= SVMM_EVENT_NMI_PENDING;
			break;
		}
		if (event->type != EVENT_NMI)
			out->vector = event->vector;
		if (event->has_error) {
			out->flags |= SVMM_EVENT_ERROR_CODE;
			out->error_code = event->error_code;
		}
	} else if (vcpu->extint_vector_valid) {
		out->flags |= SVMM_EVENT_INTR;	/* the 8259 has it in service */
		out->vector = vcpu->extint_vector;
	}
	if (vcpu->nmi_pending || atomic_read(&vcpu->nmi_queued))
		out->flags |= SVMM_EVENT_NMI_PENDING;
	if (vcpu->nmi_masked && !(event && event->type == EVENT_NMI))
		out->flags |= SVMM_EVENT_NMI_MASKED;
	if (svm_in_shadow(vcpu))
		out->flags |= SVMM_EVENT_SHADOW;
}

#define EVENT_FLAGS	(SVMM_EVENT_EXCEPTION | SVMM_EVENT_ERROR_CODE | SVMM_EVENT_PAYLOAD |	\
			 SVMM_EVENT_NMI_PENDING | SVMM_EVENT_NMI_MASKED | SVMM_EVENT_SHADOW |	\
			 SVMM_EVENT_INTR)

/* Exceptions that push an error code: #DF #TS #NP #SS #GP #PF #AC (APM vol. 2, 8.2). */
#define ERROR_CODE_VECTORS	(BIT(8) | GENMASK(14, 10) | BIT(17))

static bool events_ok(const struct svmm_events *in)
{
	u32 kind = in->flags & (SVMM_EVENT_EXCEPTION | SVMM_EVENT_INTR);
	bool error = in->flags & SVMM_EVENT_ERROR_CODE;

	if (in->flags & ~EVENT_FLAGS || in->reserved || in->vector > 255)
		return false;
	switch (kind) {
	case 0:
		return !error && !(in->flags & SVMM_EVENT_PAYLOAD);
	case SVMM_EVENT_INTR:
		return !error && !(in->flags & SVMM_EVENT_PAYLOAD);
	case SVMM_EVENT_EXCEPTION:
		return in->vector < 32 && in->vector != 2 &&
		       error == !!(ERROR_CODE_VECTORS & BIT(in->vector));
	}
	return false;
}

static void commit_events(struct vcpu *vcpu, const struct svmm_events *in)
{
	struct svm_vcpu *sv = vcpu->svm;
	struct vcpu_event event = {
		.valid = true,
		.vector = in->vector,
		.has_error = in->flags & SVMM_EVENT_ERROR_CODE,
		.error_code = in->error_code,
	};

	vcpu->injected.valid = false;
	vcpu->exception.valid = false;
	vcpu->extint_vector_valid = false;
	if (in->flags & SVMM_EVENT_EXCEPTION) {
		event.type = EVENT_EXCEPTION;
		if (in->flags & SVMM_EVENT_PAYLOAD) {
			vcpu->exception = event;
			vcpu->exception_payload = in->payload;
		} else {
			vcpu->injected = event;
		}
	} else if (in->flags & SVMM_EVENT_INTR) {
		event.type = EVENT_INTR;
		vcpu->injected = event;
	}
	atomic_set(&vcpu->nmi_queued, 0);
	vcpu->nmi_pending = !!(in->flags & SVMM_EVENT_NMI_PENDING);
	vcpu->nmi_masked = in->flags & SVMM_EVENT_NMI_MASKED;
	svm_set_nmi_state(vcpu);
	sv->vmcb->int_state = in->flags & SVMM_EVENT_SHADOW ? SVM_INTERRUPT_SHADOW : 0;
}

void svm_publish_state(struct vcpu *vcpu, struct svmm_vcpu_page *out, u32 groups)
{
	if (groups & SVMM_STATE_GPR)
		publish_gpr(vcpu, &out->gpr);
	if (groups & SVMM_STATE_SEG)
		publish_seg(vcpu, &out->seg);
	if (groups & SVMM_STATE_CR)
		publish_cr(vcpu, &out->cr);
	if (groups & SVMM_STATE_DR)
		publish_dr(vcpu, &out->dr);
	if (groups & SVMM_STATE_EVENTS)
		publish_events(vcpu, &out->events);
}

int svm_commit_state(struct vcpu *vcpu, const struct svmm_vcpu_page *in, u32 groups)
{
	if ((groups & SVMM_STATE_GPR && !gpr_ok(&in->gpr)) ||
	    (groups & SVMM_STATE_SEG && !seg_ok(vcpu, &in->seg)) ||
	    (groups & SVMM_STATE_CR && !cr_ok(vcpu, &in->cr)) ||
	    (groups & SVMM_STATE_DR && !dr_ok(&in->dr)) ||
	    (groups & SVMM_STATE_EVENTS && !events_ok(&in->events)))
		return -EINVAL;

	if (groups & SVMM_STATE_GPR)
		commit_gpr(vcpu, &in->gpr);
	if (groups & SVMM_STATE_SEG)
		commit_seg(vcpu, &in->seg);
	else
		ss_follows_cpl(vcpu->svm->vmcb);
	if (groups & SVMM_STATE_CR)
		commit_cr(vcpu, &in->cr);
	if (groups & SVMM_STATE_DR)
		commit_dr(vcpu, &in->dr);
	if (groups & SVMM_STATE_EVENTS)
		commit_events(vcpu, &in->events);
	vcpu->svm->check |= SVM_CHECK_STATE;
	return 0;
}

/*
 * XSAVE area: what XRSTOR would fault on, or what is not the guest's, is refused
 * (APM vol. 2, 11.5.7).
 */
int svm_commit_xsave(struct vcpu *vcpu, const void *user_area)
{
	struct svm_vcpu *sv = vcpu->svm;
	struct xregs_state *area;
	int ret = -EINVAL;

	area = kmemdup(user_area, svm.xsave_bytes, GFP_KERNEL_ACCOUNT);
	if (!area)
		return -ENOMEM;
	if (area->i387.mxcsr & ~sv->mxcsr_mask)
		goto out;
	if (svm.xsave) {
		struct xstate_header *h = &area->header;

		if (h->xfeatures & ~svm.xcr0 || h->xcomp_bv ||
		    memchr_inv(h->reserved, 0, sizeof(h->reserved)))
			goto out;
	}
	memcpy(sv->fpu, area, svm.xsave_bytes);
	sv->check |= SVM_CHECK_STATE;
	ret = 0;
out:
	kfree(area);
	return ret;
}

void svm_publish_xsave(struct vcpu *vcpu, void *user_area)
{
	memcpy(user_area, vcpu->svm->fpu, svm.xsave_bytes);
}

/*
 * The emulator's copy
 */

static __always_inline struct emu_seg emu_seg(const struct vmcb *vmcb, unsigned int i)
{
	const struct vmcb_seg *seg = &vmcb->_seg[i];

	return (struct emu_seg){
		.selector = seg->selector,
		.attrib = seg->attrib,
		.limit = seg->limit,
		.base = seg->base,
	};
}

void svm_load_emu(struct vcpu *vcpu)
{
	struct svm_vcpu *sv = vcpu->svm;
	struct vmcb *vmcb = sv->vmcb;
	struct emu *e = &vcpu->emu;
	unsigned int i;

	BUILD_BUG_ON((int)X86_SEG_GS != (int)VMCB_GS);
	memcpy(e->regs, vcpu->regs, sizeof(e->regs));
	e->rip = vmcb->rip;
	e->rflags = svm_get_rflags(vcpu);
	for (i = 0; i < X86_NR_SEGS; i++)
		e->seg[i] = emu_seg(vmcb, i);
	e->gdtr = emu_seg(vmcb, VMCB_GDTR);
	e->ldtr = emu_seg(vmcb, VMCB_LDTR);
	e->loaded_seg = X86_SEG_NONE;
	e->cr0 = svm_get_cr0(vcpu);
	e->cr4 = svm_get_cr4(vcpu);
	e->efer = svm_get_efer(vcpu);
	e->cpl = vmcb_get_cpl(vmcb);
	e->nbytes = 0;
	/* User space may have changed everything since the exit: then nothing was fetched there. */
	sv->insn_nbytes = 0;
	if (sv->check & SVM_CHECK_STATE)
		return;
	if (svm_has(SVM_FEATURE_DECODEASSISTS) && vmcb->exit_code == SVM_EXIT_NPF) {
		e->nbytes = min_t(u8, vmcb->insn_len, X86_INSN_MAX);
		memcpy(e->bytes, vmcb->insn_bytes, e->nbytes);
		return;
	}
	preempt_disable();	/* as in the window */
	if (!svm_fetch_insn(vcpu)) {
		e->nbytes = sv->insn_nbytes;
		memcpy(e->bytes, sv->insn_bytes, sizeof(sv->insn_bytes));
	}
	preempt_enable();
}

bool svm_state_loaded(struct vcpu *vcpu)
{
	return vcpu->svm->check & SVM_CHECK_STATE;
}

void svm_store_emu(struct vcpu *vcpu)
{
	struct svm_vcpu *sv = vcpu->svm;
	const struct emu *e = &vcpu->emu;

	memcpy(vcpu->regs, e->regs, sizeof(vcpu->regs));
	sv->vmcb->rip = e->rip;
	sv->vmcb->rflags = e->rflags | (sv->stepping ? X86_EFLAGS_TF : 0);
	if (unlikely(e->loaded_seg != X86_SEG_NONE)) {
		const struct emu_seg *seg = &e->seg[e->loaded_seg];

		vmcb_set_seg(sv->vmcb, e->loaded_seg, (struct vmcb_seg){
			.selector = seg->selector,
			.attrib = seg->attrib,
			.limit = seg->limit,
			.base = seg->base,
		});
		/* Behind MOV SS neither interrupts nor traps are taken (APM vol. 2, 8.1.3). */
		if (e->loaded_seg == X86_SEG_SS && e->insn.opcode == 0x8e) {
			sv->vmcb->int_state = SVM_INTERRUPT_SHADOW;
			return;
		}
	}
	svm_insn_done(vcpu);
}

static u8 *xstate(struct svm_vcpu *sv, unsigned int nr)
{
	return svm.xstate[nr] ? (u8 *)sv->fpu + svm.xstate[nr] : NULL;
}

void svm_emu_fpu(struct vcpu *vcpu, struct emu_fpu *fpu)
{
	struct svm_vcpu *sv = vcpu->svm;

	*fpu = (struct emu_fpu){
		.fxsave = sv->fpu,
		.ymm_hi = xstate(sv, XFEATURE_YMM),
		.zmm_hi = xstate(sv, XFEATURE_ZMM_Hi256),
		.zmm_16 = xstate(sv, XFEATURE_Hi16_ZMM),
		.xcr0 = vcpu->xcr0,
	};
	/*
	 * The window has left all of it in memory, what is in its initial state, too (APM vol. 4,
	 * XSAVE), and may change it now.  Legacy instructions leave all but the first two alone.
	 */
	if (svm.xsave)
		((struct xregs_state *)sv->fpu)->header.xfeatures |= svm.xcr0 &
			(vcpu->emu.insn.map < X86_MAP_VEX ? XFEATURE_MASK_FPSSE : ~0ULL);
}

void svm_get_walk_cfg(struct vcpu *vcpu, struct walk_cfg *cfg)
{
	const struct vmcb *vmcb = vcpu->svm->vmcb;

	cfg->cr0 = vmcb_get_cr0(vmcb);
	cfg->cr3 = vmcb_get_cr3(vmcb);
	cfg->cr4 = vmcb_get_cr4(vmcb);
	cfg->efer = vmcb_get_efer(vmcb);
	cfg->rflags = vmcb->rflags;
	cfg->pkru = 0;
	cfg->maxphyaddr = vcpu->policy.phys_bits;
	cfg->has_1g = vcpu->policy.page_1g;
}

/*
 * MSRs that the VMCB holds
 */

static u64 *vmcb_msr(struct vmcb *vmcb, u32 index)
{
	switch (index) {
	case MSR_STAR:
		return &vmcb->star;
	case MSR_LSTAR:
		return &vmcb->lstar;
	case MSR_CSTAR:
		return &vmcb->cstar;
	case MSR_SYSCALL_MASK:
		return &vmcb->sfmask;
	case MSR_KERNEL_GS_BASE:
		return &vmcb->kernel_gs_base;
	case MSR_FS_BASE:
		return &vmcb->_seg[VMCB_FS].base;
	case MSR_GS_BASE:
		return &vmcb->_seg[VMCB_GS].base;
	case MSR_IA32_SYSENTER_CS:
		return &vmcb->sysenter_cs;
	case MSR_IA32_SYSENTER_ESP:
		return &vmcb->sysenter_esp;
	case MSR_IA32_SYSENTER_EIP:
		return &vmcb->sysenter_eip;
	}
	return NULL;
}

int svm_get_msr(struct vcpu *vcpu, u32 index, u64 *value)
{
	struct vmcb *vmcb = vcpu->svm->vmcb;
	u64 *p = vmcb_msr(vmcb, index);

	if (p)
		*value = *p;
	else if (index == MSR_IA32_CR_PAT)
		*value = vmcb_get_g_pat(vmcb);
	else if (index == MSR_IA32_DEBUGCTLMSR)
		*value = vmcb_get_dbgctl(vmcb);
	else
		return -ENOENT;
	return 0;
}

int svm_set_msr(struct vcpu *vcpu, u32 index, u64 value)
{
	struct vmcb *vmcb = vcpu->svm->vmcb;
	u64 *p = vmcb_msr(vmcb, index);

	if (p)
		*p = value;
	else if (index == MSR_IA32_CR_PAT)
		vmcb_set_g_pat(vmcb, value);
	else if (index == MSR_IA32_DEBUGCTLMSR)
		vmcb_set_dbgctl(vmcb, value);
	else
		return -ENOENT;
	return 0;
}
