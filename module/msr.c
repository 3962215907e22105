// SPDX-License-Identifier: GPL-2.0
/*
 * Model-specific registers: which exist for a guest, and which values they take.
 *
 * What is allowed is the table in msr_policy.def and nothing else; a register
 * of the host is never read or written in a guest's name, but for the two that
 * say so below.  An access that is refused is #GP for the guest and silence for
 * the log.
 *
 * The one trick: the table names what an access does by a small number, not by
 * a function pointer, so that a lookup is a binary search and a switch without
 * indirect calls.
 *
 * Values of the host that show through: the microcode level (8Bh), and whether
 * LFENCE serializes (DE_CFG).
 */
#include <linux/nospec.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/processor.h>

#include "compat.h"
#include "core.h"
#include "tsc.h"
#include "svm/svm.h"

enum msr_op {
	OP_GP,
	OP_ZERO,
	OP_DROP,
	OP_SAME,

	OP_CLK_CTL,
	OP_DE_CFG,
	OP_EFER,
	OP_HWCR,
	OP_LAPIC,
	OP_MCG_STATUS,
	OP_MTRR_CAP,
	OP_MTRR_DEF,
	OP_MTRR_FIXED,
	OP_MTRR_VAR,
	OP_OSVW_LENGTH,
	OP_PAT,
	OP_PATCH_LEVEL,
	OP_PRED_CMD,
	OP_PV,
	OP_SPEC_CTRL,
	OP_TSC,
	OP_TSC_AUX,
	OP_VMCB,
	OP_VMCB_32,
	OP_VMCB_ADDR,
	OP_VM_CR,
};

struct msr_rule {
	u32 first, last;
	u8 read, write;		/* enum msr_op */
};

static const struct msr_rule msr_rules[] = {
#define MSR(first, last, read, write, what) { first, last, OP_##read, OP_##write },
#include "msr_policy.def"
#undef MSR
};

/* MTRRcap: WC, fixed ranges, and as many variable ones as struct vcpu_msrs has. */
#define NR_MTRR_VAR		ARRAY_SIZE(((struct vcpu_msrs *)0)->mtrr_var)
#define NR_MTRR_FIXED		ARRAY_SIZE(((struct vcpu_msrs *)0)->mtrr_fixed)
#define MTRR_CAP_VALUE		(BIT(10) | BIT(8) | NR_MTRR_VAR / 2)
#define MTRR_DEF_VALID		(BIT(11) | BIT(10) | 0xff)	/* E, FE, type */
#define MTRR_MASK_VALID		BIT(11)

/* TscFreqSel: the TSC ticks at P0's rate.  Linux complains about a machine where it does not. */
#define HWCR_VALUE		BIT(24)
/* Also accepted and without effect: TLBCACHEDIS, FFDIS, IGNNE_EM, McStatusWrEn. */
#define HWCR_IGNORED		(BIT(3) | BIT(6) | BIT(8) | BIT(18))

#define VM_CR_VALUE		(BIT(4) | BIT(3))	/* SVMDIS, LOCK */
#define CLK_CTL_VALUE		0x20000000
#define OSVW_LENGTH_VALUE	5
#define DE_CFG_LFENCE		BIT(1)
#define MCG_STATUS_VALID	(BIT(0) | BIT(1) | BIT(2))
#define PRED_CMD_IBPB_BIT	BIT(0)

static const struct msr_rule *msr_find(u32 index)
{
	unsigned int lo = 0, hi = ARRAY_SIZE(msr_rules);

	while (lo < hi) {
		unsigned int mid = (lo + hi) / 2;

		if (index > msr_rules[mid].last)
			lo = mid + 1;
		else if (index < msr_rules[mid].first)
			hi = mid;
		else
			return &msr_rules[mid];
	}
	return NULL;
}

/*
 * What a value may be
 */

/* CVE-2014-3610: VMLOAD or VMRUN with a non-canonical address faults in the host. */
static bool msr_canonical(const struct vcpu *vcpu, u64 addr)
{
	unsigned int shift = vcpu->policy.linear_bits == 57 ? 64 - 57 : 64 - 48;

	return (u64)((s64)(addr << shift) >> shift) == addr;
}

/* UC, WC, WT, WP, WB (APM vol. 2, 7.7.1); the PAT also has UC- as 7 (7.8.1). */
static bool msr_types_valid(u64 types, unsigned int n, unsigned int valid)
{
	for (; n; n--, types >>= 8) {
		if ((types & 0xff) > 7 || !(valid & BIT(types & 7)))
			return false;
	}
	return true;
}

#define TYPES_MTRR		(BIT(0) | BIT(1) | BIT(4) | BIT(5) | BIT(6))
#define TYPES_PAT		(TYPES_MTRR | BIT(7))

static bool msr_pat_valid(u64 value)
{
	return msr_types_valid(value, 8, TYPES_PAT);
}

static bool msr_mtrr_def_valid(u64 value)
{
	return !(value & ~MTRR_DEF_VALID) && msr_types_valid(value, 1, TYPES_MTRR);
}

static bool msr_mtrr_fixed_valid(u64 value)
{
	return msr_types_valid(value, 8, TYPES_MTRR);
}

static bool msr_mtrr_var_valid(const struct vcpu *vcpu, unsigned int n, u64 value)
{
	u64 addr = GENMASK_ULL(vcpu->policy.phys_bits - 1, PAGE_SHIFT);

	if (n & 1)
		return !(value & ~(addr | MTRR_MASK_VALID));
	return !(value & ~(addr | 0xff)) && msr_types_valid(value, 1, TYPES_MTRR);
}

static unsigned int msr_mtrr_fixed_slot(u32 index)
{
	if (index == 0x250)
		return 0;
	if (index <= 0x259)
		return 1 + (index & 1);
	return array_index_nospec(3 + (index & 7), NR_MTRR_FIXED);
}

static unsigned int msr_mtrr_var_slot(u32 index)
{
	return array_index_nospec(index - 0x200, NR_MTRR_VAR);
}

/*
 * Access
 */

/**
 * msr_read() - RDMSR
 * @vcpu: in the window, or not running
 * @index: ECX
 * @value: EDX:EAX
 *
 * Return: 0, or -EINVAL for #GP.
 */
int msr_read(struct vcpu *vcpu, u32 index, u64 *value)
{
	const struct msr_rule *rule = msr_find(index);

	*value = 0;
	if (!rule)
		return -EINVAL;

	switch (rule->read) {
	case OP_ZERO:
		return 0;
	case OP_LAPIC:
		return lapic_msr_read(vcpu, index, value);
	case OP_VMCB:
		return svm_get_msr(vcpu, index, value) ? -EINVAL : 0;
	case OP_TSC:
		*value = vcpu_tsc(vcpu);
		return 0;
	case OP_PV:
		return pv_msr_read(vcpu, index, value);
	case OP_SPEC_CTRL:
		if (!vcpu->policy.spec_ctrl)
			return -EINVAL;
		*value = vcpu->msr.spec_ctrl;
		return 0;
	case OP_TSC_AUX:
		if (!vcpu_has_tsc_aux(vcpu))
			return -EINVAL;
		*value = vcpu->msr.tsc_aux;
		return 0;
	case OP_EFER:
		*value = svm_get_efer(vcpu);
		return 0;
	case OP_MTRR_CAP:
		*value = MTRR_CAP_VALUE;
		return 0;
	case OP_MTRR_DEF:
		*value = vcpu->msr.mtrr_def_type;
		return 0;
	case OP_MTRR_FIXED:
		*value = vcpu->msr.mtrr_fixed[msr_mtrr_fixed_slot(index)];
		return 0;
	case OP_MTRR_VAR:
		*value = vcpu->msr.mtrr_var[msr_mtrr_var_slot(index)];
		return 0;
	case OP_MCG_STATUS:
		*value = vcpu->msr.mcg_status;
		return 0;
	case OP_PATCH_LEVEL:
		*value = vcpu->msr.bios_sign_id;
		return 0;
	case OP_HWCR:
		*value = HWCR_VALUE;
		return 0;
	case OP_CLK_CTL:
		*value = CLK_CTL_VALUE;
		return 0;
	case OP_VM_CR:
		*value = VM_CR_VALUE;
		return 0;
	case OP_OSVW_LENGTH:
		*value = OSVW_LENGTH_VALUE;
		return 0;
	case OP_DE_CFG:
		*value = boot_cpu_has(X86_FEATURE_LFENCE_RDTSC) ? DE_CFG_LFENCE : 0;
		return 0;
	}
	return -EINVAL;
}

static int msr_write_same(struct vcpu *vcpu, u32 index, u64 value)
{
	u64 old;

	return msr_read(vcpu, index, &old) || old != value ? -EINVAL : 0;
}

static int msr_store(u64 *where, u64 value, bool valid)
{
	if (!valid)
		return -EINVAL;
	*where = value;
	return 0;
}

static int msr_write_rule(struct vcpu *vcpu, const struct msr_rule *rule, u32 index, u64 value)
{
	struct vcpu_msrs *msr = &vcpu->msr;
	unsigned int n;

	switch (rule->write) {
	case OP_DROP:
		return 0;
	case OP_SAME:
		return msr_write_same(vcpu, index, value);
	case OP_LAPIC:
		return lapic_msr_write(vcpu, index, value);
	case OP_VMCB_ADDR:
		if (!msr_canonical(vcpu, value))
			return -EINVAL;
		fallthrough;
	case OP_VMCB:
		return svm_set_msr(vcpu, index, value) ? -EINVAL : 0;
	case OP_VMCB_32:
		/* The upper half does not exist (APM vol. 2, 6.1.1 and 6.1.2). */
		return svm_set_msr(vcpu, index, (u32)value) ? -EINVAL : 0;
	case OP_PAT:
		if (!msr_pat_valid(value))
			return -EINVAL;
		return svm_set_msr(vcpu, index, value) ? -EINVAL : 0;
	case OP_TSC:
		tsc_write(vcpu, value);
		return 0;
	case OP_PV:
		return pv_msr_write(vcpu, index, value);
	case OP_SPEC_CTRL:
		return msr_store(&msr->spec_ctrl, value, vcpu->policy.spec_ctrl &&
				 !(value & ~vcpu->policy.spec_ctrl_allowed));
	case OP_PRED_CMD:
		if (!vcpu->policy.ibpb || value & ~PRED_CMD_IBPB_BIT)
			return -EINVAL;
		/* The barrier is for the CPU that the guest runs on: this one. */
		if (value)
			wrmsrq(MSR_IA32_PRED_CMD, value);
		return 0;
	case OP_TSC_AUX:
		if (!vcpu_has_tsc_aux(vcpu) || value >> 32)
			return -EINVAL;
		/* In the window the register is the guest's, until run.c closes it. */
		msr->tsc_aux = value;
		wrmsrq(MSR_TSC_AUX, value);
		return 0;
	case OP_EFER:
		return svm_set_efer(vcpu, value);
	case OP_MTRR_DEF:
		return msr_store(&msr->mtrr_def_type, value, msr_mtrr_def_valid(value));
	case OP_MTRR_FIXED:
		n = msr_mtrr_fixed_slot(index);
		return msr_store(&msr->mtrr_fixed[n], value, msr_mtrr_fixed_valid(value));
	case OP_MTRR_VAR:
		n = msr_mtrr_var_slot(index);
		return msr_store(&msr->mtrr_var[n], value, msr_mtrr_var_valid(vcpu, n, value));
	case OP_MCG_STATUS:
		return msr_store(&msr->mcg_status, value, !(value & ~MCG_STATUS_VALID));
	case OP_HWCR:
		return value & ~(HWCR_VALUE | HWCR_IGNORED) ? -EINVAL : 0;
	}
	return -EINVAL;
}

/**
 * msr_write() - WRMSR
 * @vcpu: in the window
 * @index: ECX
 * @value: EDX:EAX
 *
 * The writes that a busy guest makes (deadline, EOI, IPI) skip the search.
 *
 * Return: 0, or -EINVAL for #GP.
 */
int msr_write(struct vcpu *vcpu, u32 index, u64 value)
{
	const struct msr_rule *rule;

	if (likely(index == MSR_IA32_TSC_DEADLINE || (index & ~0xffU) == APIC_BASE_MSR))
		return lapic_msr_write(vcpu, index, value);

	rule = msr_find(index);
	if (!rule)
		return -EINVAL;
	return msr_write_rule(vcpu, rule, index, value);
}

/* Power-on values of what lives here (APM vol. 2, 14.1.3); INIT keeps them.  [m] */
void msr_reset(struct vcpu *vcpu)
{
	memset(&vcpu->msr, 0, sizeof(vcpu->msr));
	vcpu->msr.bios_sign_id = boot_cpu_data.microcode;
}

/*
 * State group MSR
 */

/* Those of struct svmm_msrs that the VMCB holds. */
static const struct {
	u16 offset;
	u32 index;
	u64 mask;
} msr_group[] = {
#define IN_GROUP(field, index, mask) { offsetof(struct svmm_msrs, field), index, mask }
	IN_GROUP(star, MSR_STAR, ~0ULL),
	IN_GROUP(lstar, MSR_LSTAR, ~0ULL),
	IN_GROUP(cstar, MSR_CSTAR, ~0ULL),
	IN_GROUP(sfmask, MSR_SYSCALL_MASK, ~0U),
	IN_GROUP(kernel_gs_base, MSR_KERNEL_GS_BASE, ~0ULL),
	IN_GROUP(sysenter_cs, MSR_IA32_SYSENTER_CS, ~0U),
	IN_GROUP(sysenter_esp, MSR_IA32_SYSENTER_ESP, ~0U),
	IN_GROUP(sysenter_eip, MSR_IA32_SYSENTER_EIP, ~0U),
	IN_GROUP(pat, MSR_IA32_CR_PAT, ~0ULL),
#undef IN_GROUP
};

/* State group MSR out.  [m] */
void msr_publish(struct vcpu *vcpu, struct svmm_msrs *out)
{
	unsigned int i;

	memset(out, 0, sizeof(*out));
	for (i = 0; i < ARRAY_SIZE(msr_group); i++)
		svm_get_msr(vcpu, msr_group[i].index, (void *)out + msr_group[i].offset);
	out->spec_ctrl = vcpu->msr.spec_ctrl;
	out->mtrr_def_type = vcpu->msr.mtrr_def_type;
	memcpy(out->mtrr_fixed, vcpu->msr.mtrr_fixed, sizeof(out->mtrr_fixed));
	memcpy(out->mtrr_var, vcpu->msr.mtrr_var, sizeof(out->mtrr_var));
}

static bool msr_group_valid(const struct vcpu *vcpu, const struct svmm_msrs *in)
{
	unsigned int i;

	if (memchr_inv(in->reserved, 0, sizeof(in->reserved)))
		return false;
	if (!msr_canonical(vcpu, in->lstar) || !msr_canonical(vcpu, in->cstar) ||
	    !msr_canonical(vcpu, in->kernel_gs_base))
		return false;
	if (in->spec_ctrl & ~vcpu->policy.spec_ctrl_allowed)
		return false;
	if (!msr_pat_valid(in->pat) || !msr_mtrr_def_valid(in->mtrr_def_type))
		return false;
	for (i = 0; i < ARRAY_SIZE(in->mtrr_fixed); i++) {
		if (!msr_mtrr_fixed_valid(in->mtrr_fixed[i]))
			return false;
	}
	for (i = 0; i < ARRAY_SIZE(in->mtrr_var); i++) {
		if (!msr_mtrr_var_valid(vcpu, i, in->mtrr_var[i]))
			return false;
	}
	return true;
}

/**
 * msr_commit() - state group MSR in
 * @vcpu: its mutex is held
 * @in: the kernel's own copy
 *
 * Held to the same rules as the guest's WRMSR.  Return: 0, or -EINVAL and
 * nothing is changed.
 */
int msr_commit(struct vcpu *vcpu, const struct svmm_msrs *in)
{
	unsigned int i;

	if (!msr_group_valid(vcpu, in))
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(msr_group); i++) {
		const u64 *value = (const void *)in + msr_group[i].offset;

		svm_set_msr(vcpu, msr_group[i].index, *value & msr_group[i].mask);
	}
	vcpu->msr.spec_ctrl = in->spec_ctrl;
	vcpu->msr.mtrr_def_type = in->mtrr_def_type;
	memcpy(vcpu->msr.mtrr_fixed, in->mtrr_fixed, sizeof(in->mtrr_fixed));
	memcpy(vcpu->msr.mtrr_var, in->mtrr_var, sizeof(in->mtrr_var));
	return 0;
}
