/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The local APIC's inside, for lapic.c (registers, acceptance), lapic_state.c
 * (state group), lapic_ipi.c (messages between APICs), lapic_timer.c and
 * pv_eoi.c; nobody else includes it.
 *
 * Letters as in core.h: [m] is the vCPU's thread; [a] any context may look or
 * set bits, one word at a time.
 */
#ifndef SVMM_LAPIC_H
#define SVMM_LAPIC_H

#include "core.h"

/* Registers by number: offset in the xAPIC page / 16, MSR - 800h. */
enum lapic_reg {
	LAPIC_ID = 0x02,
	LAPIC_VERSION = 0x03,
	LAPIC_TPR = 0x08,
	LAPIC_APR = 0x09,
	LAPIC_PPR = 0x0a,
	LAPIC_EOI = 0x0b,
	LAPIC_RRR = 0x0c,
	LAPIC_LDR = 0x0d,
	LAPIC_DFR = 0x0e,
	LAPIC_SVR = 0x0f,
	LAPIC_ISR = 0x10,	/* to 17h */
	LAPIC_TMR = 0x18,	/* to 1Fh */
	LAPIC_IRR = 0x20,	/* to 27h */
	LAPIC_ESR = 0x28,
	LAPIC_ICR = 0x30,
	LAPIC_ICR_HIGH = 0x31,	/* xAPIC only */
	LAPIC_LVT_TIMER = 0x32,
	LAPIC_LVT_THERMAL = 0x33,
	LAPIC_LVT_PERF = 0x34,
	LAPIC_LVT_LINT0 = 0x35,
	LAPIC_LVT_LINT1 = 0x36,
	LAPIC_LVT_ERROR = 0x37,
	LAPIC_TIMER_INITIAL = 0x38,
	LAPIC_TIMER_CURRENT = 0x39,
	LAPIC_TIMER_DIVIDE = 0x3e,
	LAPIC_SELF_IPI = 0x3f,	/* x2APIC only */
	LAPIC_NR_REGS = 0x40,
};

#define LAPIC_BASE_BSP		BIT(8)
#define LAPIC_BASE_X2APIC	BIT(10)
#define LAPIC_BASE_ENABLE	BIT(11)

#define LAPIC_SVR_ENABLE	BIT(8)

/* ICR, MSI data and LVT entries agree on these. */
#define LAPIC_VECTOR		0xffu
#define LAPIC_MODE(word)	((word) >> 8 & 7)
#define LAPIC_DEASSERT(word)	(((word) & (BIT(15) | BIT(14))) == BIT(15))
#define LAPIC_LEVEL		BIT(15)	/* level-triggered */
#define LAPIC_LVT_MASKED	BIT(16)

enum lapic_mode {
	LAPIC_MODE_FIXED = 0,
	LAPIC_MODE_LOWEST = 1,
	LAPIC_MODE_SMI = 2,
	LAPIC_MODE_NMI = 4,
	LAPIC_MODE_INIT = 5,
	LAPIC_MODE_STARTUP = 6,
	LAPIC_MODE_EXTINT = 7,
};

/* Bits of the error status (APM vol. 2, 16.4.6). */
enum lapic_error {
	LAPIC_ERR_SENT_VECTOR = 5,
	LAPIC_ERR_RECEIVED_VECTOR = 6,
	LAPIC_ERR_REGISTER = 7,
};

/**
 * struct lapic - a vCPU's local APIC
 * @base: APIC_BASE
 * @regs: those registers that are plain state; TPR, LDR, DFR, SVR, ESR (as last
 *	latched), ICR, LVTs, initial count, divide configuration
 * @irr: requested; anyone sets, the thread clears
 * @tmr: level-triggered; follows the last request of the vector
 * @isr: in service
 * @isr_top: highest vector in @isr, or -1
 * @errors: bits of enum lapic_error since ESR was last written
 * @taken: lowest-priority messages so far: breaks ties
 */
struct lapic {
	u64 base;				/* [m], read by [a] */
	u32 regs[LAPIC_NR_REGS];		/* [m], read by [a] */
	DECLARE_BITMAP(irr, 256);		/* [a] */
	DECLARE_BITMAP(tmr, 256);		/* [a] */
	DECLARE_BITMAP(isr, 256);		/* [m] */
	int isr_top;				/* [m], read by [a] */
	unsigned long errors;			/* [a] */
	unsigned int taken;			/* [a] approximate */

	struct vcpu *vcpu;			/* [c] for the timer's callback */
	struct hrtimer hrtimer;
	ktime_t armed;				/* [m] when hrtimer fires, KTIME_MAX: it does not */
	u64 armed_tsc;				/* [m] fired when the TSC is that; 0: unknown */
	ktime_t expiry;				/* [m] end of the count, KTIME_MAX: none runs */
	u64 deadline;				/* [m] guest TSC, 0: none */
	u32 tsc_mult, tsc_shift;		/* [c] TSC ticks to ns */
	u64 deadline_max_ticks;			/* [c] ahead: later is as late as that */
};

static inline u32 lapic_get(const struct lapic *lapic, unsigned int reg)
{
	return READ_ONCE(lapic->regs[reg]);
}

static inline void lapic_set(struct lapic *lapic, unsigned int reg, u32 value)
{
	WRITE_ONCE(lapic->regs[reg], value);
}

static inline bool lapic_enabled(const struct lapic *lapic)
{
	return READ_ONCE(lapic->base) & LAPIC_BASE_ENABLE;
}

static inline bool lapic_x2apic(const struct lapic *lapic)
{
	return READ_ONCE(lapic->base) & LAPIC_BASE_X2APIC;
}

/* Enabled by SVR also: takes fixed interrupts. */
static inline bool lapic_listens(const struct lapic *lapic)
{
	return lapic_enabled(lapic) && lapic_get(lapic, LAPIC_SVR) & LAPIC_SVR_ENABLE;
}

/* lapic.c */
u32 lapic_ppr(const struct lapic *lapic);
void lapic_error(struct vcpu *vcpu, enum lapic_error bit);
/* A fixed interrupt arrives: IRR, TMR, and the vCPU gets to know.  Any context. */
void lapic_request_vector(struct vcpu *vcpu, u8 vector, bool level);
/* An LVT's event happened.  [m] */
void lapic_fire_lvt(struct vcpu *vcpu, enum lapic_reg lvt);
/* lapic->isr was written: find isr_top.  [m] */
void lapic_isr_changed(struct lapic *lapic);
/* Return: false if there is no such register to read.  [m] */
bool lapic_read_reg(struct vcpu *vcpu, unsigned int reg, u32 *value);
/* Bits that software may write.  [m] */
u32 lapic_writable(const struct vcpu *vcpu, unsigned int reg);
void lapic_set_svr(struct lapic *lapic, u32 value);
bool lapic_base_valid(const struct vcpu *vcpu, u64 base);
void lapic_load_base(struct vcpu *vcpu, u64 base);

/* lapic_ipi.c */
void lapic_send_ipi(struct vcpu *vcpu, u32 icr, u32 dest);

/* lapic_timer.c [m] */
void lapic_timer_create(struct vcpu *vcpu);
void lapic_timer_destroy(struct lapic *lapic);
void lapic_timer_stop(struct lapic *lapic);
void lapic_timer_set_initial(struct vcpu *vcpu, u32 count);
void lapic_timer_set_divide(struct vcpu *vcpu, u32 divide);
/* @lvt is the new LVT TIMER, not yet stored. */
void lapic_timer_set_lvt(struct vcpu *vcpu, u32 lvt);
u32 lapic_timer_count(struct lapic *lapic);
/* LVT, initial count, divide and deadline are loaded: run on from @count. */
void lapic_timer_restore(struct vcpu *vcpu, u32 count);
u64 lapic_timer_read_deadline(struct lapic *lapic);
void lapic_timer_write_deadline(struct vcpu *vcpu, u64 tsc);

#endif
