// SPDX-License-Identifier: GPL-2.0
/*
 * Control registers, EFER, debug registers, XCR0: which values a processor
 * takes, and what the VMCB holds for them.
 *
 * The VMCB's copy is the guest's value but for four bits.  CR0.CD and NW stay
 * clear, since the guest's caches are the host's; CR4.MCE stays set, so that
 * the host's machine checks exit; EFER.SVME is set for VMRUN.  Where such a bit
 * differs from what the guest wrote, reads of the register exit too.
 */
#include <linux/nospec.h>
#include <linux/percpu.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/fpu/types.h>

#include "svm_vcpu.h"

#define CR4_FLUSHES	(X86_CR4_PGE | X86_CR4_PAE | X86_CR4_PSE | X86_CR4_PCIDE | \
			 X86_CR4_SMEP | X86_CR4_LA57)
#define CR0_HIDDEN	(X86_CR0_CD | X86_CR0_NW)
#define CR0_DEFINED	(X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | X86_CR0_ET | \
			 X86_CR0_NE | X86_CR0_WP | X86_CR0_AM | X86_CR0_NW | X86_CR0_CD | \
			 X86_CR0_PG)

u64 svm_get_cr0(struct vcpu *vcpu)
{
	return vmcb_get_cr0(vcpu->svm->vmcb) | vcpu->svm->cr0_hidden;
}

u64 svm_get_cr4(struct vcpu *vcpu)
{
	return vmcb_get_cr4(vcpu->svm->vmcb) & ~vcpu->svm->cr4_extra;
}

u64 svm_get_efer(struct vcpu *vcpu)
{
	struct svm_vcpu *sv = vcpu->svm;

	return sv->efer | (vmcb_get_efer(sv->vmcb) & EFER_LMA);
}

bool svm_cr0_ok(u64 cr0)
{
	if (cr0 >> 32)
		return false;
	if (cr0 & X86_CR0_NW && !(cr0 & X86_CR0_CD))
		return false;
	return !(cr0 & X86_CR0_PG) || cr0 & X86_CR0_PE;
}

bool svm_cr4_ok(struct vcpu *vcpu, u64 cr4)
{
	return !(cr4 & ~vcpu->policy.cr4_allowed);
}

bool svm_xcr0_ok(struct vcpu *vcpu, u64 xcr0)
{
	if (xcr0 & ~vcpu->policy.xcr0_allowed || !(xcr0 & XFEATURE_MASK_FP))
		return false;
	if (xcr0 & XFEATURE_MASK_YMM && !(xcr0 & XFEATURE_MASK_SSE))
		return false;
	/* The three AVX-512 components come together, and with AVX. */
	if (xcr0 & XFEATURE_MASK_AVX512)
		return (xcr0 & XFEATURE_MASK_AVX512) == XFEATURE_MASK_AVX512 &&
		       xcr0 & XFEATURE_MASK_YMM;
	return true;
}

static void intercept_read(struct vmcb *vmcb, unsigned int cr, bool on)
{
	if (on)
		vmcb_intercept(vmcb, SVM_INTERCEPT_READ_CR(cr));
	else
		vmcb_unintercept(vmcb, SVM_INTERCEPT_READ_CR(cr));
}

void svm_load_efer(struct vcpu *vcpu, u64 efer)
{
	struct svm_vcpu *sv = vcpu->svm;
	struct vmcb *vmcb = sv->vmcb;

	sv->efer = efer & ~(u64)(EFER_LMA | EFER_SVME);
	/*
	 * LME means nothing to the processor before PG is set, and keeping it
	 * out until then spares the emulated host a state that it cannot leave.
	 */
	if (vmcb_get_cr0(vmcb) & X86_CR0_PG)
		efer = sv->efer | (sv->efer & EFER_LME ? EFER_LMA : 0);
	else
		efer = sv->efer & ~(u64)EFER_LME;
	if ((efer ^ vmcb_get_efer(vmcb)) & EFER_LMA)
		svm_fetch_forget(sv);
	vmcb_set_efer(vmcb, efer | EFER_SVME);
}

void svm_load_cr0(struct vcpu *vcpu, u64 cr0)
{
	struct svm_vcpu *sv = vcpu->svm;

	cr0 = (cr0 & CR0_DEFINED) | X86_CR0_ET;
	sv->cr0_hidden = cr0 & CR0_HIDDEN;
	if ((cr0 ^ vmcb_get_cr0(sv->vmcb)) & (X86_CR0_PE | X86_CR0_PG))
		svm_fetch_forget(sv);
	vmcb_set_cr0(sv->vmcb, cr0 & ~(u64)CR0_HIDDEN);
	intercept_read(sv->vmcb, 0, sv->cr0_hidden);
	svm_load_efer(vcpu, sv->efer);
}

void svm_load_cr4(struct vcpu *vcpu, u64 cr4)
{
	struct svm_vcpu *sv = vcpu->svm;

	sv->cr4_extra = ~cr4 & X86_CR4_MCE & native_read_cr4();
	if ((cr4 ^ vmcb_get_cr4(sv->vmcb)) & (X86_CR4_PSE | X86_CR4_PAE | X86_CR4_LA57))
		svm_fetch_forget(sv);
	vmcb_set_cr4(sv->vmcb, cr4 | sv->cr4_extra);
	intercept_read(sv->vmcb, 4, sv->cr4_extra);
}

/* APM vol. 2, 14.6: entering and leaving long mode. */
static bool set_cr0(struct vcpu *vcpu, u64 cr0)
{
	struct svm_vcpu *sv = vcpu->svm;
	struct vmcb *vmcb = sv->vmcb;
	u64 changed = cr0 ^ svm_get_cr0(vcpu);
	bool code64 = vmcb->_seg[VMCB_CS].attrib & VMCB_ATTR_L;

	if (!svm_cr0_ok(cr0))
		return false;
	if (changed & X86_CR0_PG && sv->efer & EFER_LME) {
		if (code64)
			return false;
		if (cr0 & X86_CR0_PG && !(vmcb_get_cr4(vmcb) & X86_CR4_PAE))
			return false;
	}
	if (changed & X86_CR0_PG && !(cr0 & X86_CR0_PG) && vmcb_get_cr4(vmcb) & X86_CR4_PCIDE)
		return false;
	svm_load_cr0(vcpu, cr0);
	/* What the processor flushes with such a write (APM vol. 2, 5.5.2), for the guest. */
	if (changed & X86_CR0_PG)
		asid_flush(&sv->asid);
	return true;
}

static bool set_cr4(struct vcpu *vcpu, u64 cr4)
{
	struct vmcb *vmcb = vcpu->svm->vmcb;
	u64 old = svm_get_cr4(vcpu);
	bool lma = vmcb_get_efer(vmcb) & EFER_LMA;

	if (!svm_cr4_ok(vcpu, cr4))
		return false;
	if (lma && (!(cr4 & X86_CR4_PAE) || (cr4 ^ old) & X86_CR4_LA57))
		return false;
	if (cr4 & ~old & X86_CR4_PCIDE && (!lma || vmcb_get_cr3(vmcb) & 0xfff))
		return false;
	svm_load_cr4(vcpu, cr4);
	/* Toggling PGE is how a guest flushes all its TLB. */
	if ((cr4 ^ old) & CR4_FLUSHES)
		asid_flush(&vcpu->svm->asid);
	return true;
}

int svm_set_efer(struct vcpu *vcpu, u64 efer)
{
	struct svm_vcpu *sv = vcpu->svm;

	/* LMA is the processor's: what is written there does not count. */
	efer &= ~(u64)EFER_LMA;
	if (efer & ~vcpu->policy.efer_allowed)
		return -EINVAL;
	if ((efer ^ sv->efer) & EFER_LME && vmcb_get_cr0(sv->vmcb) & X86_CR0_PG)
		return -EINVAL;
	if ((efer ^ sv->efer) & EFER_NX)
		asid_flush(&sv->asid);
	svm_load_efer(vcpu, efer);
	return 0;
}

static bool set_cr(struct vcpu *vcpu, unsigned int cr, u64 value)
{
	switch (cr) {
	case 0:
		return set_cr0(vcpu, value);
	case 2:
		vmcb_set_cr2(vcpu->svm->vmcb, value);
		return true;
	case 3:
		if (value & GENMASK_ULL(62, vcpu->policy.phys_bits))
			return false;
		vmcb_set_cr3(vcpu->svm->vmcb, value & ~BIT_ULL(63));
		return true;
	case 4:
		return set_cr4(vcpu, value);
	case 8:
		if (value > 15)
			return false;
		lapic_set_cr8(vcpu, value);
		svm_set_cr8(vcpu, value);
		vcpu_request(vcpu, VCPU_REQ_EVENT);
		return true;
	}
	return false;
}

static bool get_cr(struct vcpu *vcpu, unsigned int cr, u64 *value)
{
	struct vmcb *vmcb = vcpu->svm->vmcb;

	switch (cr) {
	case 0:
		*value = svm_get_cr0(vcpu);
		return true;
	case 2:
		*value = vmcb_get_cr2(vmcb);
		return true;
	case 3:
		*value = vmcb_get_cr3(vmcb);
		return true;
	case 4:
		*value = svm_get_cr4(vcpu);
		return true;
	case 8:
		*value = lapic_get_cr8(vcpu);
		return true;
	}
	return false;
}

/* What the bytes say: the exit code is not exact about it on every processor. */
enum cr_op { CR_OTHER, CR_MOV_TO, CR_MOV_FROM, CR_CLTS, CR_LMSW, CR_SMSW };

static enum cr_op cr_op(const struct x86_insn *insn)
{
	if (insn->map != X86_MAP_0F)
		return CR_OTHER;
	switch (insn->opcode) {
	case 0x22:
		return CR_MOV_TO;
	case 0x20:
		return CR_MOV_FROM;
	case 0x06:
		return CR_CLTS;
	case 0x01:
		return (insn->reg & 7) == 6 ? CR_LMSW : (insn->reg & 7) == 4 ? CR_SMSW : CR_OTHER;
	}
	return CR_OTHER;
}

/* The registers of MOV CR and MOV DR are 64 bits wide in 64-bit mode, else 32. */
static u64 gpr(struct vcpu *vcpu, unsigned int reg)
{
	u64 value = vcpu->regs[reg];

	return svm_mode(vcpu) == X86_MODE_64 ? value : (u32)value;
}

static void set_gpr(struct vcpu *vcpu, unsigned int reg, u64 value)
{
	vcpu->regs[reg] = svm_mode(vcpu) == X86_MODE_64 ? value : (u32)value;
}

static enum svm_action finish(struct vcpu *vcpu, bool ok, unsigned int len)
{
	if (ok)
		svm_skip_insn(vcpu, len);
	else
		event_raise_gp(vcpu);
	return SVM_RESUME;
}

/* READ_CRn, WRITE_CRn and CR0_SEL_WRITE alike. */
enum svm_action svm_exit_cr(struct vcpu *vcpu)
{
	struct x86_insn insn;
	unsigned int cr;
	u64 value;
	bool ok;
	int ret;

	ret = svm_decode_insn(vcpu, &insn);
	if (ret)
		return insn_error(ret);
	cr = insn.lock && !insn.reg ? 8 : insn.reg;
	/* The bytes were fetched again: they may not be those that exited. */
	if (svm_get_cpl(vcpu) && cr_op(&insn) != CR_SMSW) {
		event_raise_gp(vcpu);
		return SVM_RESUME;
	}

	switch (cr_op(&insn)) {
	case CR_MOV_TO:
		return finish(vcpu, set_cr(vcpu, cr, gpr(vcpu, insn.rm)), insn.len);
	case CR_MOV_FROM:
		ok = get_cr(vcpu, cr, &value);
		if (ok)
			set_gpr(vcpu, insn.rm, value);
		return finish(vcpu, ok, insn.len);
	case CR_CLTS:
		value = svm_get_cr0(vcpu) & ~(u64)X86_CR0_TS;
		return finish(vcpu, set_cr0(vcpu, value), insn.len);
	case CR_LMSW:
	case CR_SMSW:
		/* Their operand may lie in memory. */
		return SVM_EMULATE;
	case CR_OTHER:
		break;
	}
	event_raise_ud(vcpu);
	return SVM_RESUME;
}

/* Outside the window, with vcpu->emu loaded.  EMU_FAIL: it is neither of the two. */
enum emu_result svm_emulate_msw(struct vcpu *vcpu)
{
	struct emu *e = &vcpu->emu;
	enum emu_result ret;
	u64 msw, cr0 = svm_get_cr0(vcpu);

	if (x86_decode(&e->insn, e->bytes, e->nbytes, emu_mode(e)) != X86_DECODE_OK)
		return EMU_FAIL;

	switch (cr_op(&e->insn)) {
	case CR_LMSW:
		if (e->cpl) {
			event_raise_gp(vcpu);
			return EMU_RETRY;
		}
		ret = emu_read_rm(e, 2, &msw);
		if (ret != EMU_OK)
			return ret;
		/* PE can be set, never cleared (APM vol. 3, LMSW). */
		cr0 = (cr0 & ~(u64)0xe) | (msw & 0xf);
		if (!set_cr0(vcpu, cr0)) {
			event_raise_gp(vcpu);
			return EMU_RETRY;
		}
		break;
	case CR_SMSW:
		ret = emu_write_rm(e, e->insn.mod == 3 ? e->insn.opsize : 2, cr0);
		if (ret != EMU_OK)
			return ret;
		break;
	default:
		return EMU_FAIL;
	}
	emu_advance_rip(e, e->insn.len);
	return EMU_OK;
}

/*
 * Debug registers.  Every access exits; the values meet the processor only if
 * DR7 arms a breakpoint (run.c).
 */

#define DR6_FIXED	0xffff0ff0ULL
#define DR6_WRITABLE	0x0000e00fULL
#define DR7_FIXED	0x00000400ULL
#define DR7_RESERVED	0x0000d800ULL
#define DR7_GD		BIT_ULL(13)
#define DR6_BD		BIT_ULL(13)

u64 svm_dr6_value(u64 value)
{
	return (value & DR6_WRITABLE) | DR6_FIXED;
}

u64 svm_dr7_value(u64 value)
{
	return (value & ~DR7_RESERVED) | DR7_FIXED;
}

static bool set_dr(struct vcpu *vcpu, unsigned int dr, u64 value)
{
	struct svm_vcpu *sv = vcpu->svm;

	if (dr < 4) {
		svm_guest_db(sv)[array_index_nospec(dr, 4)] = value;
		return true;
	}
	if (value >> 32)
		return false;
	if (dr == 6)
		svm_set_guest_dr6(sv, svm_dr6_value(value));
	else
		svm_set_guest_dr7(sv, svm_dr7_value(value));
	return true;
}

enum svm_action svm_exit_dr(struct vcpu *vcpu)
{
	struct svm_vcpu *sv = vcpu->svm;
	struct x86_insn insn;
	unsigned int dr;
	int ret;

	ret = svm_decode_insn(vcpu, &insn);
	if (ret)
		return insn_error(ret);
	dr = insn.reg;
	if (insn.map != X86_MAP_0F || (insn.opcode != 0x21 && insn.opcode != 0x23) || dr > 7 ||
	    ((dr == 4 || dr == 5) && vmcb_get_cr4(sv->vmcb) & X86_CR4_DE)) {
		event_raise_ud(vcpu);
		return SVM_RESUME;
	}
	if (svm_guest_dr7(sv) & DR7_GD) {
		/* General detect: the handler may use the registers (APM vol. 2, 13.1.1). */
		svm_set_guest_dr7(sv, svm_guest_dr7(sv) & ~DR7_GD);
		event_raise(vcpu, 1, false, 0, DR6_BD);
		return SVM_RESUME;
	}
	if (dr == 4 || dr == 5)
		dr += 2;
	if (insn.opcode == 0x23)
		return finish(vcpu, set_dr(vcpu, dr, gpr(vcpu, insn.rm)), insn.len);

	set_gpr(vcpu, insn.rm, dr < 4 ? svm_guest_db(sv)[array_index_nospec(dr, 4)] :
		dr == 6 ? svm_guest_dr6(sv) : svm_guest_dr7(sv));
	return finish(vcpu, true, insn.len);
}

enum svm_action svm_exit_xsetbv(struct vcpu *vcpu)
{
	u64 value = (u32)vcpu->regs[X86_RAX] | vcpu->regs[X86_RDX] << 32;
	int len = svm_insn_len(vcpu);

	if (len < 0)
		return insn_error(len);
	if ((u32)vcpu->regs[X86_RCX] || svm_get_cpl(vcpu) || !svm_xcr0_ok(vcpu, value))
		return finish(vcpu, false, len);
	vcpu->xcr0 = value;
	asm volatile("xsetbv" : : "a"((u32)value), "d"((u32)(value >> 32)), "c"(0));
	return finish(vcpu, true, len);
}
