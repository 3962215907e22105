// SPDX-License-Identifier: GPL-2.0
/*
 * State group LAPIC: a local APIC as user space sees and sets it.
 *
 * It must not know what a register does (lapic.c).  All of a state is checked
 * against what the guest itself could have brought about before any of it is
 * loaded, so that no other file has to expect less.
 */
#include "lapic.h"
#include "svm/svm.h"

/* [m] */
void lapic_publish(struct vcpu *vcpu, struct svmm_lapic *out)
{
	unsigned int reg;

	BUILD_BUG_ON(ARRAY_SIZE(out->regs) != LAPIC_NR_REGS);
	out->apic_base = vcpu->lapic->base;
	for (reg = 0; reg < LAPIC_NR_REGS; reg++)
		lapic_read_reg(vcpu, reg, &out->regs[reg]);
	out->regs[LAPIC_ICR_HIGH] = lapic_get(vcpu->lapic, LAPIC_ICR_HIGH);
	/* A count that ran out since, and whose interrupt is not in IRR: it will run out again. */
	if (vcpu->lapic->expiry != KTIME_MAX && !out->regs[LAPIC_TIMER_CURRENT])
		out->regs[LAPIC_TIMER_CURRENT] = 1;
}

static bool lapic_state_valid(const struct vcpu *vcpu, const struct svmm_lapic *in)
{
	static const u8 masked[] = {
		LAPIC_TPR, LAPIC_SVR, LAPIC_ICR, LAPIC_LVT_TIMER, LAPIC_LVT_THERMAL,
		LAPIC_LVT_PERF, LAPIC_LVT_LINT0, LAPIC_LVT_LINT1, LAPIC_LVT_ERROR,
		LAPIC_TIMER_DIVIDE,
	};
	bool x2apic = in->apic_base & LAPIC_BASE_X2APIC;
	unsigned int i;

	if (!lapic_base_valid(vcpu, in->apic_base))
		return false;
	for (i = 0; i < ARRAY_SIZE(masked); i++) {
		if (in->regs[masked[i]] & ~lapic_writable(vcpu, masked[i]))
			return false;
	}
	if (!x2apic && (in->regs[LAPIC_LDR] | in->regs[LAPIC_ICR_HIGH]) & 0x00ffffff)
		return false;
	/* Vectors below 16 can neither be requested nor be in service. */
	return !((in->regs[LAPIC_IRR] | in->regs[LAPIC_ISR] | in->regs[LAPIC_TMR]) & 0xffff);
}

/**
 * lapic_commit() - state group LAPIC in
 * @vcpu: its mutex is held
 * @in: the kernel's own copy
 *
 * What only reads (ID, version, priorities, the logical ID of an x2APIC) is
 * ignored.  A count that runs continues from the current count.
 *
 * Return: 0; -EINVAL, and nothing is changed.
 */
int lapic_commit(struct vcpu *vcpu, const struct svmm_lapic *in)
{
	struct lapic *lapic = vcpu->lapic;
	unsigned int reg, i;

	if (!lapic_state_valid(vcpu, in))
		return -EINVAL;

	/* The deadline is no part of this group, and stays. */
	lapic->expiry = KTIME_MAX;
	lapic_load_base(vcpu, in->apic_base);
	for (reg = 0; reg < LAPIC_NR_REGS; reg++) {
		if (lapic_writable(vcpu, reg))
			lapic_set(lapic, reg, in->regs[reg] & lapic_writable(vcpu, reg));
	}
	lapic_set(lapic, LAPIC_ESR, in->regs[LAPIC_ESR]);
	lapic_set(lapic, LAPIC_ICR_HIGH, in->regs[LAPIC_ICR_HIGH]);
	lapic_set_svr(lapic, lapic_get(lapic, LAPIC_SVR));
	for (i = 0; i < 256 / BITS_PER_LONG; i++) {
		const u32 *isr = &in->regs[LAPIC_ISR + 2 * i];
		const u32 *tmr = &in->regs[LAPIC_TMR + 2 * i];
		const u32 *irr = &in->regs[LAPIC_IRR + 2 * i];

		WRITE_ONCE(lapic->isr[i], isr[0] | (u64)isr[1] << 32);
		WRITE_ONCE(lapic->tmr[i], tmr[0] | (u64)tmr[1] << 32);
		WRITE_ONCE(lapic->irr[i], irr[0] | (u64)irr[1] << 32);
	}
	lapic_isr_changed(lapic);
	svm_set_cr8(vcpu, lapic_get(lapic, LAPIC_TPR) >> 4);
	lapic_timer_restore(vcpu, in->regs[LAPIC_TIMER_CURRENT]);
	vcpu_request(vcpu, VCPU_REQ_EVENT);
	return 0;
}
