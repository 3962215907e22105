// SPDX-License-Identifier: GPL-2.0
/*
 * The local APIC: registers, what it accepts, what the CPU is interrupted with
 * next (APM vol. 2, chapter 16).
 *
 * It must not know the VMCB but for the task priority, which CR8 mirrors, nor
 * how an interrupt gets into the guest (event.c).  The one trick: IRR and TMR
 * are bitmaps that any context sets without a lock; everything else belongs to
 * the vCPU's thread, and other threads that route a message read it one word
 * at a time.  The highest vector in service is cached, so an EOI and a priority
 * check touch a handful of words.
 *
 * The APIC ID is the vCPU's number in both modes and cannot be changed.
 */
#include <linux/bitmap.h>
#include <linux/slab.h>

#include "lapic.h"
#include "trace.h"
#include "svm/svm.h"

#define LAPIC_DEFAULT_BASE	0xfee00000ULL
/* Version 14h, six LVT entries, neither extended registers nor EOI suppression. */
#define LAPIC_VERSION_VALUE	0x00050014
#define LAPIC_LOWEST_VECTOR	16	/* those below are exceptions' */

static inline struct lapic *lapic_of(struct vcpu *vcpu)
{
	return vcpu->lapic;
}

/*
 * Vectors and priorities
 */

static int lapic_top_vector(const unsigned long *map)
{
	int i;

	for (i = 256 / BITS_PER_LONG - 1; i >= 0; i--) {
		unsigned long word = READ_ONCE(map[i]);

		if (word)
			return i * BITS_PER_LONG + __fls(word);
	}
	return -1;
}

/* The processor priority (APM vol. 2, 16.6.4). */
u32 lapic_ppr(const struct lapic *lapic)
{
	u32 tpr = lapic_get(lapic, LAPIC_TPR);
	int isr_top = READ_ONCE(lapic->isr_top);

	if (isr_top < 0 || (tpr & 0xf0) >= (isr_top & 0xf0))
		return tpr;
	return isr_top & 0xf0;
}

/* The arbitration priority (APM vol. 2, 16.6.5). */
static u32 lapic_apr(const struct lapic *lapic)
{
	u32 tpr = lapic_get(lapic, LAPIC_TPR);
	int top = max(lapic_top_vector(lapic->irr), lapic->isr_top);

	return top < 0 || (tpr & 0xf0) >= (top & 0xf0) ? tpr : top & 0xf0;
}

void lapic_isr_changed(struct lapic *lapic)
{
	WRITE_ONCE(lapic->isr_top, lapic_top_vector(lapic->isr));
}

/* The priority fell, or may have: something that waited may be next. */
static void lapic_look_again(struct vcpu *vcpu)
{
	if (lapic_top_vector(lapic_of(vcpu)->irr) >= 0)
		vcpu_request(vcpu, VCPU_REQ_EVENT);
}

/**
 * lapic_pending_vector() - what the CPU would be interrupted with now
 * @vcpu: its thread is the caller
 *
 * Return: the vector, or -1 if none is above the processor priority.
 */
int lapic_pending_vector(struct vcpu *vcpu)
{
	struct lapic *lapic = lapic_of(vcpu);
	int vector = lapic_top_vector(lapic->irr);

	if (vector < 0 || !lapic_enabled(lapic))
		return -1;
	return (vector & 0xf0) > (lapic_ppr(lapic) & 0xf0) ? vector : -1;
}

/* Does an interrupt wait for nothing but the task priority to fall? */
bool lapic_tpr_blocks(struct vcpu *vcpu)
{
	struct lapic *lapic = lapic_of(vcpu);
	int vector = lapic_top_vector(lapic->irr);

	if (vector < 0 || !lapic_enabled(lapic))
		return false;
	return (vector & 0xf0) <= (lapic_get(lapic, LAPIC_TPR) & 0xf0) &&
	       (lapic->isr_top < 0 || (vector & 0xf0) > (lapic->isr_top & 0xf0));
}

/* The interrupt acknowledge cycle: the vector is in service from now on. */
void lapic_accept(struct vcpu *vcpu, u8 vector)
{
	struct lapic *lapic = lapic_of(vcpu);

	clear_bit(vector, lapic->irr);
	__set_bit(vector, lapic->isr);
	/* It was above PPR, and so above all that is in service. */
	WRITE_ONCE(lapic->isr_top, vector);
}

/*
 * Something in service outranks it: the guest has to end that first, which exits unless the end
 * was left to the guest (pv_eoi.c).  If this reads what was so a moment ago, the vCPU is outside
 * and sees the request at its last look.
 */
static bool lapic_outranked(struct vcpu *vcpu, u8 vector)
{
	smp_mb__after_atomic();		/* the request, then this look */
	return (vector & 0xf0) <= (READ_ONCE(lapic_of(vcpu)->isr_top) & ~0xf) &&
	       !READ_ONCE(vcpu->eoi_offer);
}

void lapic_request_vector(struct vcpu *vcpu, u8 vector, bool level)
{
	struct lapic *lapic = lapic_of(vcpu);

	if (test_bit(vector, lapic->tmr) != level) {
		if (level)
			set_bit(vector, lapic->tmr);
		else
			clear_bit(vector, lapic->tmr);
	}
	/* A full barrier: whoever finds the request finds its TMR bit. */
	if (!test_and_set_bit(vector, lapic->irr)) {
		vcpu_request(vcpu, VCPU_REQ_EVENT);
		if (!lapic_outranked(vcpu, vector))
			vcpu_kick(vcpu);
	}
}

static void lapic_eoi(struct vcpu *vcpu)
{
	struct lapic *lapic = lapic_of(vcpu);
	int vector = lapic->isr_top;

	if (vector < 0)
		return;
	__clear_bit(vector, lapic->isr);
	lapic_isr_changed(lapic);
	if (test_bit(vector, lapic->tmr)) {
		__set_bit(vector, vcpu->eoi_pending);
		vcpu_request(vcpu, VCPU_REQ_EOI);
	}
	lapic_look_again(vcpu);
}

static void lapic_set_tpr(struct vcpu *vcpu, u32 tpr)
{
	struct lapic *lapic = lapic_of(vcpu);

	if (tpr == lapic_get(lapic, LAPIC_TPR))
		return;
	lapic_set(lapic, LAPIC_TPR, tpr);
	lapic_look_again(vcpu);
}

u8 lapic_get_cr8(struct vcpu *vcpu)
{
	return lapic_get(lapic_of(vcpu), LAPIC_TPR) >> 4;
}

/* CR8 changed, by an instruction or as V_TPR without an exit (APM vol. 2, 16.6.4). */
void lapic_set_cr8(struct vcpu *vcpu, u8 cr8)
{
	lapic_set_tpr(vcpu, (cr8 & 0xf) << 4);
}

bool lapic_accepts_extint(struct vcpu *vcpu)
{
	struct lapic *lapic = lapic_of(vcpu);
	u32 lint0 = lapic_get(lapic, LAPIC_LVT_LINT0);

	if (!lapic_enabled(lapic))
		return true;
	return !(lint0 & LAPIC_LVT_MASKED) && LAPIC_MODE(lint0) == LAPIC_MODE_EXTINT;
}

void lapic_error(struct vcpu *vcpu, enum lapic_error bit)
{
	struct lapic *lapic = lapic_of(vcpu);
	u32 lvt = lapic_get(lapic, LAPIC_LVT_ERROR);

	/* An error is signalled once until software has looked. */
	if (test_and_set_bit(bit, &lapic->errors))
		return;
	/* Not lapic_fire_lvt(): an illegal vector here would be the next error, and so on. */
	if (!(lvt & LAPIC_LVT_MASKED) && (lvt & LAPIC_VECTOR) >= LAPIC_LOWEST_VECTOR)
		lapic_request_vector(vcpu, lvt & LAPIC_VECTOR, false);
}

void lapic_fire_lvt(struct vcpu *vcpu, enum lapic_reg reg)
{
	u32 lvt = lapic_get(lapic_of(vcpu), reg);

	if (lvt & LAPIC_LVT_MASKED)
		return;
	if ((lvt & LAPIC_VECTOR) < LAPIC_LOWEST_VECTOR)
		lapic_error(vcpu, LAPIC_ERR_RECEIVED_VECTOR);
	else
		lapic_request_vector(vcpu, lvt & LAPIC_VECTOR, false);
}

/*
 * Registers
 */

/* The x2APIC's logical ID: cluster of 16, and a bit in it (Intel SDM vol. 3, 10.12.10.2). */
static u32 lapic_x2apic_ldr(const struct vcpu *vcpu)
{
	return (vcpu->id >> 4) << 16 | BIT(vcpu->id & 15);
}

/*
 * Bits that software may set in a register that is plain state, 0 for all
 * others.  An x2APIC answers other bits with #GP, an xAPIC ignores them.
 */
u32 lapic_writable(const struct vcpu *vcpu, unsigned int reg)
{
	bool x2apic = lapic_x2apic(vcpu->lapic);

	switch (reg) {
	case LAPIC_TPR:
		return 0xff;
	case LAPIC_LDR:
		return x2apic ? 0 : 0xff000000;
	case LAPIC_DFR:
		return x2apic ? 0 : 0xf0000000;
	case LAPIC_SVR:
		return 0x3ff;
	case LAPIC_ICR:
		return 0x000ccfff;
	case LAPIC_ICR_HIGH:
		return x2apic ? 0 : 0xff000000;
	case LAPIC_LVT_TIMER:
		return 0x300ff | (vcpu->policy.tsc_deadline ? BIT(18) : 0);
	case LAPIC_LVT_THERMAL:
	case LAPIC_LVT_PERF:
		return 0x107ff;
	case LAPIC_LVT_LINT0:
	case LAPIC_LVT_LINT1:
		return 0x1a7ff;
	case LAPIC_LVT_ERROR:
		return 0x100ff;
	case LAPIC_TIMER_INITIAL:
		return ~0U;
	case LAPIC_TIMER_DIVIDE:
		return 0xb;
	}
	return 0;
}

static bool lapic_is_lvt(unsigned int reg)
{
	return reg >= LAPIC_LVT_TIMER && reg <= LAPIC_LVT_ERROR;
}

/* Delivery status and remote IRR: defined, so no #GP, but not for software to set. */
static u32 lapic_read_only(unsigned int reg)
{
	if (reg == LAPIC_LVT_LINT0 || reg == LAPIC_LVT_LINT1)
		return BIT(12) | BIT(14);
	return lapic_is_lvt(reg) || reg == LAPIC_ICR ? BIT(12) : 0;
}

static u32 lapic_word(const unsigned long *map, unsigned int n)
{
	return READ_ONCE(map[n / 2]) >> n % 2 * 32;
}

/* Return: false if there is no such register to read. */
bool lapic_read_reg(struct vcpu *vcpu, unsigned int reg, u32 *value)
{
	struct lapic *lapic = lapic_of(vcpu);
	bool x2apic = lapic_x2apic(lapic);

	*value = 0;
	switch (reg) {
	case LAPIC_ID:
		*value = x2apic ? vcpu->id : vcpu->id << 24;
		return true;
	case LAPIC_VERSION:
		*value = LAPIC_VERSION_VALUE;
		return true;
	case LAPIC_APR:
		*value = lapic_apr(lapic);
		return !x2apic;
	case LAPIC_PPR:
		*value = lapic_ppr(lapic);
		return true;
	case LAPIC_EOI:	/* write-only, and there: no error */
	case LAPIC_RRR:
		return !x2apic;
	case LAPIC_LDR:
		*value = x2apic ? lapic_x2apic_ldr(vcpu) : lapic_get(lapic, reg);
		return true;
	case LAPIC_DFR:
		*value = lapic_get(lapic, reg) | 0x0fffffff;
		return !x2apic;
	case LAPIC_ISR ... LAPIC_ISR + 7:
		*value = lapic_word(lapic->isr, reg - LAPIC_ISR);
		return true;
	case LAPIC_TMR ... LAPIC_TMR + 7:
		*value = lapic_word(lapic->tmr, reg - LAPIC_TMR);
		return true;
	case LAPIC_IRR ... LAPIC_IRR + 7:
		*value = lapic_word(lapic->irr, reg - LAPIC_IRR);
		return true;
	case LAPIC_TIMER_CURRENT:
		*value = lapic_timer_count(lapic);
		return true;
	case LAPIC_ICR_HIGH:
		*value = lapic_get(lapic, reg);
		return !x2apic;
	case LAPIC_TPR:
	case LAPIC_SVR:
	case LAPIC_ESR:
	case LAPIC_ICR:
	case LAPIC_LVT_TIMER ... LAPIC_LVT_ERROR:
	case LAPIC_TIMER_INITIAL:
	case LAPIC_TIMER_DIVIDE:
		*value = lapic_get(lapic, reg);
		return true;
	}
	return false;
}

void lapic_set_svr(struct lapic *lapic, u32 value)
{
	unsigned int reg;

	lapic_set(lapic, LAPIC_SVR, value);
	if (value & LAPIC_SVR_ENABLE)
		return;
	for (reg = LAPIC_LVT_TIMER; reg <= LAPIC_LVT_ERROR; reg++)
		lapic_set(lapic, reg, lapic_get(lapic, reg) | LAPIC_LVT_MASKED);
}

/* @value has writable bits only.  Return: false if there is no such register to write. */
static bool lapic_write_reg(struct vcpu *vcpu, unsigned int reg, u32 value)
{
	struct lapic *lapic = lapic_of(vcpu);

	/* The mask bit of an LVT sticks while SVR disables the APIC (APM vol. 2, 16.4.1). */
	if (lapic_is_lvt(reg) && !(lapic_get(lapic, LAPIC_SVR) & LAPIC_SVR_ENABLE))
		value |= LAPIC_LVT_MASKED;

	switch (reg) {
	case LAPIC_EOI:
		lapic_eoi(vcpu);
		return true;
	case LAPIC_TPR:
		lapic_set_tpr(vcpu, value);
		svm_set_cr8(vcpu, value >> 4);
		return true;
	case LAPIC_SVR:
		lapic_set_svr(lapic, value);
		return true;
	case LAPIC_ESR:
		/* A write latches what came up since the last one. */
		lapic_set(lapic, LAPIC_ESR, xchg(&lapic->errors, 0));
		return true;
	case LAPIC_LVT_TIMER:
		lapic_timer_set_lvt(vcpu, value);
		lapic_set(lapic, reg, value);
		return true;
	case LAPIC_TIMER_INITIAL:
		lapic_timer_set_initial(vcpu, value);
		return true;
	case LAPIC_TIMER_DIVIDE:
		lapic_timer_set_divide(vcpu, value);
		return true;
	case LAPIC_LDR:
	case LAPIC_DFR:
	case LAPIC_ICR_HIGH:
		if (lapic_x2apic(lapic))
			return false;
		fallthrough;
	case LAPIC_LVT_THERMAL ... LAPIC_LVT_ERROR:
		lapic_set(lapic, reg, value);
		/* LINT0 may let the 8259 in now. */
		vcpu_request(vcpu, VCPU_REQ_EVENT);
		return true;
	}
	return false;
}

/*
 * xAPIC: the memory page
 */

bool lapic_is_on(struct vcpu *vcpu)
{
	return lapic_enabled(lapic_of(vcpu));
}

/* APIC_BASE, and where that puts the page. */
void lapic_load_base(struct vcpu *vcpu, u64 base)
{
	WRITE_ONCE(vcpu->lapic->base, base);
	/* Page 0 is memory. */
	if ((base & (LAPIC_BASE_ENABLE | LAPIC_BASE_X2APIC)) == LAPIC_BASE_ENABLE &&
	    base & PAGE_MASK)
		vcpu->lapic_page = base & PAGE_MASK;
	else
		vcpu->lapic_page = LAPIC_NO_PAGE;
}

/**
 * lapic_mmio_read() - a load from the xAPIC page
 * @vcpu: its thread is the caller
 * @offset: in the page
 * @data: receives the value
 * @bytes: 1 to 8
 *
 * A register is 4 bytes at a multiple of 16; between registers there are zeros.
 */
void lapic_mmio_read(struct vcpu *vcpu, u32 offset, void *data, unsigned int bytes)
{
	unsigned int reg = offset >> 4, skip = offset & 15;
	u8 cell[16] = {};
	u32 value = 0;

	if (reg >= LAPIC_NR_REGS || !lapic_read_reg(vcpu, reg, &value))
		lapic_error(vcpu, LAPIC_ERR_REGISTER);
	memset(data, 0, bytes);
	memcpy(cell, &value, sizeof(value));
	memcpy(data, cell + skip, min(bytes, 16 - skip));
	trace_svmm_apic(vcpu, false, offset, value);
}

/**
 * lapic_mmio_write() - a store to the xAPIC page
 * @vcpu: its thread is the caller
 * @offset: in the page
 * @data: the value
 * @bytes: 1 to 8
 *
 * Only aligned 4-byte stores are defined (APM vol. 2, 16.3.2); others do nothing.
 */
void lapic_mmio_write(struct vcpu *vcpu, u32 offset, const void *data, unsigned int bytes)
{
	struct lapic *lapic = lapic_of(vcpu);
	unsigned int reg = offset >> 4;
	u32 value;

	if (bytes != sizeof(value) || offset & 15)
		return;
	memcpy(&value, data, sizeof(value));
	trace_svmm_apic(vcpu, true, offset, value);
	value &= lapic_writable(vcpu, reg);
	if (reg == LAPIC_ICR) {
		lapic_set(lapic, reg, value);
		lapic_send_ipi(vcpu, value, lapic_get(lapic, LAPIC_ICR_HIGH) >> 24);
	} else if (reg >= LAPIC_NR_REGS || !lapic_write_reg(vcpu, reg, value)) {
		/* Read-only registers end here too, without an error of their own. */
		if (reg >= LAPIC_NR_REGS || !lapic_read_reg(vcpu, reg, &value))
			lapic_error(vcpu, LAPIC_ERR_REGISTER);
	}
}

/*
 * x2APIC: MSRs
 */

/**
 * lapic_msr_read() - APIC_BASE, TSC_DEADLINE, x2APIC registers
 * @vcpu: its thread is the caller
 * @msr: 1Bh, 6E0h, or 800h and on
 * @value: what it holds
 *
 * Return: 0, or -EINVAL for #GP.
 */
int lapic_msr_read(struct vcpu *vcpu, u32 msr, u64 *value)
{
	struct lapic *lapic = lapic_of(vcpu);
	unsigned int reg = msr - APIC_BASE_MSR;
	u32 low;

	if (msr == MSR_IA32_APICBASE) {
		*value = lapic->base;
		return 0;
	}
	if (msr == MSR_IA32_TSC_DEADLINE) {
		*value = lapic_timer_read_deadline(lapic);
		return vcpu->policy.tsc_deadline ? 0 : -EINVAL;
	}
	if (!lapic_x2apic(lapic) || reg >= LAPIC_NR_REGS || !lapic_read_reg(vcpu, reg, &low))
		return -EINVAL;
	*value = low;
	if (reg == LAPIC_ICR)
		*value |= (u64)lapic_get(lapic, LAPIC_ICR_HIGH) << 32;
	return 0;
}

static int lapic_write_icr(struct vcpu *vcpu, u64 value)
{
	u32 icr = value, dest = value >> 32;

	if (icr & ~(lapic_writable(vcpu, LAPIC_ICR) | lapic_read_only(LAPIC_ICR)))
		return -EINVAL;
	icr &= lapic_writable(vcpu, LAPIC_ICR);
	lapic_set(vcpu->lapic, LAPIC_ICR, icr);
	lapic_set(vcpu->lapic, LAPIC_ICR_HIGH, dest);
	lapic_send_ipi(vcpu, icr, dest);
	return 0;
}

static int lapic_write_self_ipi(struct vcpu *vcpu, u64 value)
{
	if (value & ~(u64)LAPIC_VECTOR)
		return -EINVAL;
	if (value < LAPIC_LOWEST_VECTOR)
		lapic_error(vcpu, LAPIC_ERR_SENT_VECTOR);
	else if (lapic_listens(vcpu->lapic))
		lapic_request_vector(vcpu, value, false);
	return 0;
}

/* Everything in and out of the APIC is as after power-on, but for its base and mode. */
static void lapic_reset_regs(struct vcpu *vcpu)
{
	struct lapic *lapic = lapic_of(vcpu);
	unsigned int reg;

	lapic_timer_stop(lapic);
	for (reg = 0; reg < LAPIC_NR_REGS; reg++)
		lapic_set(lapic, reg, lapic_is_lvt(reg) ? LAPIC_LVT_MASKED : 0);
	lapic_set(lapic, LAPIC_DFR, 0xf0000000);
	lapic_set(lapic, LAPIC_SVR, 0xff);
	bitmap_zero(lapic->irr, 256);
	bitmap_zero(lapic->tmr, 256);
	bitmap_zero(lapic->isr, 256);
	lapic_isr_changed(lapic);
	lapic->errors = 0;
	svm_set_cr8(vcpu, 0);
}

bool lapic_base_valid(const struct vcpu *vcpu, u64 base)
{
	u64 valid = GENMASK_ULL(vcpu->policy.phys_bits - 1, PAGE_SHIFT) |
		    LAPIC_BASE_ENABLE | LAPIC_BASE_BSP;

	if (vcpu->policy.x2apic)
		valid |= LAPIC_BASE_X2APIC;
	return !(base & ~valid) &&
	       (base & (LAPIC_BASE_X2APIC | LAPIC_BASE_ENABLE)) != LAPIC_BASE_X2APIC;
}

/*
 * Modes (Intel SDM vol. 3, 10.12.5): off -> xAPIC -> x2APIC -> off, and xAPIC
 * -> off; every other change is #GP.  Turning it off loses its state.
 */
static int lapic_write_base(struct vcpu *vcpu, u64 value)
{
	struct lapic *lapic = lapic_of(vcpu);
	bool was_on = lapic_enabled(lapic), on = value & LAPIC_BASE_ENABLE;

	if (!lapic_base_valid(vcpu, value))
		return -EINVAL;
	if (lapic_x2apic(lapic) && on && !(value & LAPIC_BASE_X2APIC))
		return -EINVAL;
	if (!was_on && value & LAPIC_BASE_X2APIC)
		return -EINVAL;

	value &= ~(u64)LAPIC_BASE_BSP;
	lapic_load_base(vcpu, value | (lapic->base & LAPIC_BASE_BSP));
	if (was_on && !on)
		lapic_reset_regs(vcpu);
	vcpu_request(vcpu, VCPU_REQ_EVENT);
	return 0;
}

/**
 * lapic_msr_write() - APIC_BASE, TSC_DEADLINE, x2APIC registers
 * @vcpu: its thread is the caller
 * @msr: as above
 * @value: to be written
 *
 * The registers that a busy guest writes all the time come first.
 *
 * Return: 0, or -EINVAL for #GP.
 */
int lapic_msr_write(struct vcpu *vcpu, u32 msr, u64 value)
{
	struct lapic *lapic = lapic_of(vcpu);
	unsigned int reg = msr - APIC_BASE_MSR;

	if (msr == MSR_IA32_TSC_DEADLINE) {
		if (!vcpu->policy.tsc_deadline)
			return -EINVAL;
		lapic_timer_write_deadline(vcpu, value);
		return 0;
	}
	if (msr == MSR_IA32_APICBASE)
		return lapic_write_base(vcpu, value);

	if (!lapic_x2apic(lapic))
		return -EINVAL;
	if (reg == LAPIC_EOI) {
		if (value)
			return -EINVAL;
		lapic_eoi(vcpu);
		return 0;
	}
	if (reg == LAPIC_ICR)
		return lapic_write_icr(vcpu, value);
	if (reg == LAPIC_SELF_IPI)
		return lapic_write_self_ipi(vcpu, value);
	if (reg >= LAPIC_NR_REGS ||
	    value & ~(u64)(lapic_writable(vcpu, reg) | lapic_read_only(reg)))
		return -EINVAL;
	return lapic_write_reg(vcpu, reg, value & lapic_writable(vcpu, reg)) ? 0 : -EINVAL;
}

/*
 * Life
 */

/* -ENOMEM. */
int lapic_create(struct vcpu *vcpu)
{
	vcpu->lapic = kzalloc(sizeof(*vcpu->lapic), GFP_KERNEL_ACCOUNT);
	if (!vcpu->lapic)
		return -ENOMEM;
	vcpu->lapic->vcpu = vcpu;
	lapic_timer_create(vcpu);
	return 0;
}

/* No message is on its way any more: the VM goes. */
void lapic_destroy(struct vcpu *vcpu)
{
	if (!vcpu->lapic)
		return;
	lapic_timer_destroy(vcpu->lapic);
	kfree(vcpu->lapic);
	vcpu->lapic = NULL;
}

/* Power-on, or INIT, which keeps base and mode (APM vol. 2, 16.3.3).  [m] */
void lapic_reset(struct vcpu *vcpu, bool init)
{
	if (!init)
		lapic_load_base(vcpu, LAPIC_DEFAULT_BASE | LAPIC_BASE_ENABLE |
				      (vcpu->id ? 0 : LAPIC_BASE_BSP));
	lapic_reset_regs(vcpu);
}
