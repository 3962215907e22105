// SPDX-License-Identifier: GPL-2.0
/*
 * The local APIC's timer: one-shot, periodic, TSC deadline.
 *
 * It must not know how its interrupt is delivered.  Counts run at 1 GHz before
 * the divider, so a tick is a nanosecond (the guest calibrates it; CPUID has no
 * leaf 15h).  An hrtimer stands for the count; it fires in hard interrupt
 * context, where it only sets VCPU_REQ_TIMER and kicks: the rest happens in the
 * vCPU's thread, and a guest can cause no work in an interrupt.
 *
 * The one trick: moving an expiry to a later time, or cancelling it, leaves the
 * hrtimer alone.  It then fires too early, the thread sees that, and arms it
 * for the rest.  A guest that pushes its deadline ahead at every tick pays for
 * the hrtimer once in a while, not each time; only for a sleep it is set right.
 */
#include <linux/clocksource.h>
#include <linux/hrtimer.h>
#include <linux/math64.h>

#include "compat.h"
#include "lapic.h"
#include "trace.h"
#include "tsc.h"

enum timer_mode { TIMER_ONE_SHOT, TIMER_PERIODIC, TIMER_DEADLINE };

#define TIMER_MODE(lvt)		((lvt) >> 17 & 3)

/* A guest gets no more than 20,000 timer interrupts a second out of one period. */
#define PERIOD_MIN_NS		(50 * NSEC_PER_USEC)
/* What an early wake-up may save is not worth less than this. */
#define SLEEP_SLACK_NS		(50 * NSEC_PER_USEC)
/* As far ahead as a deadline is looked at: years, and no overflow on the way to nanoseconds. */
#define DEADLINE_MAX_TICKS	BIT_ULL(60)
#define DEADLINE_MAX_NS		BIT_ULL(62)

/* 1 to 128: bits 3, 1 and 0 count from 2 on, and 111 is 1 (APM vol. 2, 16.4.1). */
static unsigned int timer_divisor(u32 divide)
{
	return 1 << ((((divide >> 1 & 4) | (divide & 3)) + 1) & 7);
}

static unsigned int timer_mode(const struct lapic *lapic)
{
	return TIMER_MODE(lapic_get(lapic, LAPIC_LVT_TIMER));
}

static u64 timer_count_to_ns(const struct lapic *lapic, u32 count)
{
	return (u64)count * timer_divisor(lapic_get(lapic, LAPIC_TIMER_DIVIDE));
}

static u64 timer_period_ns(const struct lapic *lapic)
{
	return max_t(u64, timer_count_to_ns(lapic, lapic_get(lapic, LAPIC_TIMER_INITIAL)),
		     PERIOD_MIN_NS);
}

static enum hrtimer_restart timer_fires(struct hrtimer *hrtimer)
{
	struct vcpu *vcpu = container_of(hrtimer, struct lapic, hrtimer)->vcpu;

	vcpu_request(vcpu, VCPU_REQ_TIMER);
	vcpu_kick(vcpu);
	return HRTIMER_NORESTART;
}

/* Have lapic_timer_expired() called at @when, or earlier. */
static void timer_arm(struct lapic *lapic, ktime_t when)
{
	if (lapic->armed <= when)
		return;
	lapic->armed = when;
	lapic->armed_tsc = 0;
	trace_svmm_timer(lapic->vcpu, when, false);
	hrtimer_start(&lapic->hrtimer, when, HRTIMER_MODE_ABS_PINNED_HARD);
}

static void timer_set_expiry(struct lapic *lapic, ktime_t expiry)
{
	lapic->expiry = expiry;
	timer_arm(lapic, expiry);
}

void lapic_timer_stop(struct lapic *lapic)
{
	lapic->expiry = KTIME_MAX;
	lapic->deadline = 0;
}

void lapic_timer_create(struct vcpu *vcpu)
{
	struct lapic *lapic = vcpu->lapic;

	hrtimer_setup(&lapic->hrtimer, timer_fires, CLOCK_MONOTONIC,
		      HRTIMER_MODE_ABS_PINNED_HARD);
	lapic->armed = KTIME_MAX;
	lapic->expiry = KTIME_MAX;
	clocks_calc_mult_shift(&lapic->tsc_mult, &lapic->tsc_shift, vcpu->vm->tsc_khz,
			       NSEC_PER_MSEC, 600);
	/* A slow TSC counts few ticks in many nanoseconds. */
	lapic->deadline_max_ticks = min_t(u64, DEADLINE_MAX_TICKS, DEADLINE_MAX_NS / NSEC_PER_MSEC *
					  min(vcpu->vm->tsc_khz, 1U << 20));
}

void lapic_timer_destroy(struct lapic *lapic)
{
	hrtimer_cancel(&lapic->hrtimer);
}

/*
 * The count
 */

static void timer_start_count(struct lapic *lapic, u32 count)
{
	u64 ns = timer_count_to_ns(lapic, count);

	if (!count) {
		lapic->expiry = KTIME_MAX;
		return;
	}
	if (timer_mode(lapic) == TIMER_PERIODIC)
		ns = max_t(u64, ns, PERIOD_MIN_NS);
	timer_set_expiry(lapic, ktime_add_ns(ktime_get(), ns));
}

/* What is left, as the current count register shows it. */
u32 lapic_timer_count(struct lapic *lapic)
{
	u32 initial = lapic_get(lapic, LAPIC_TIMER_INITIAL);
	s64 left;

	if (lapic->expiry == KTIME_MAX || timer_mode(lapic) == TIMER_DEADLINE)
		return 0;
	left = ktime_to_ns(ktime_sub(lapic->expiry, ktime_get()));
	if (left <= 0) {
		u64 over;

		if (timer_mode(lapic) != TIMER_PERIODIC)
			return 0;
		/* The next period runs already, only nobody has looked. */
		div64_u64_rem(-left, timer_period_ns(lapic), &over);
		left = timer_period_ns(lapic) - over;
	}
	return min_t(u64, left / timer_divisor(lapic_get(lapic, LAPIC_TIMER_DIVIDE)), initial);
}

void lapic_timer_set_initial(struct vcpu *vcpu, u32 count)
{
	struct lapic *lapic = vcpu->lapic;

	/* In deadline mode the count is not in use (Intel SDM vol. 3, 10.5.4.1). */
	if (timer_mode(lapic) == TIMER_DEADLINE)
		return;
	lapic_set(lapic, LAPIC_TIMER_INITIAL, count);
	timer_start_count(lapic, count);
}

void lapic_timer_set_divide(struct vcpu *vcpu, u32 divide)
{
	struct lapic *lapic = vcpu->lapic;
	u32 count = lapic_timer_count(lapic);

	lapic_set(lapic, LAPIC_TIMER_DIVIDE, divide);
	/* What rounds down to nothing has still to fire. */
	if (lapic->expiry != KTIME_MAX && timer_mode(lapic) != TIMER_DEADLINE)
		timer_start_count(lapic, max(count, 1U));
}

void lapic_timer_set_lvt(struct vcpu *vcpu, u32 lvt)
{
	struct lapic *lapic = vcpu->lapic;

	/* Into and out of deadline mode, what ran is disarmed. */
	if ((TIMER_MODE(lvt) == TIMER_DEADLINE) == (timer_mode(lapic) == TIMER_DEADLINE))
		return;
	lapic_timer_stop(lapic);
	lapic_set(lapic, LAPIC_TIMER_INITIAL, 0);
}

/*
 * The deadline
 */

/* When @ticks of the guest's TSC will have passed. */
static ktime_t timer_in_ticks(const struct lapic *lapic, u64 ticks)
{
	u64 ns = mul_u64_u32_shr(min_t(u64, ticks, lapic->deadline_max_ticks), lapic->tsc_mult,
				 lapic->tsc_shift);

	return ktime_add_safe(ktime_get(), ns_to_ktime(ns));
}

/* Return: false if the deadline has passed. */
static bool timer_arm_deadline(struct vcpu *vcpu)
{
	struct lapic *lapic = vcpu->lapic;
	u64 now = vcpu_tsc(vcpu), ticks = lapic->deadline - now;
	ktime_t when;

	if (lapic->deadline <= now)
		return false;
	/* What is armed comes first anyway: no need to look at the host's clock. */
	if (lapic->armed_tsc && lapic->deadline >= lapic->armed_tsc)
		return true;
	when = timer_in_ticks(lapic, ticks);
	timer_arm(lapic, when);
	if (!pv_clock_stable())
		lapic->expiry = when;	/* the next CPU's TSC may say otherwise: this counts */
	else if (ticks < lapic->deadline_max_ticks)
		lapic->armed_tsc = lapic->deadline;
	return true;
}

static void timer_deadline_changed(struct vcpu *vcpu)
{
	struct lapic *lapic = vcpu->lapic;

	if (timer_mode(lapic) != TIMER_DEADLINE)
		return;
	lapic->expiry = KTIME_MAX;
	if (lapic->deadline && !timer_arm_deadline(vcpu))
		vcpu_request(vcpu, VCPU_REQ_TIMER);
}

u64 lapic_timer_read_deadline(struct lapic *lapic)
{
	return timer_mode(lapic) == TIMER_DEADLINE ? lapic->deadline : 0;
}

void lapic_timer_write_deadline(struct vcpu *vcpu, u64 tsc)
{
	if (timer_mode(vcpu->lapic) != TIMER_DEADLINE)
		return;
	vcpu->lapic->deadline = tsc;
	timer_deadline_changed(vcpu);
}

/* For user space, which may restore the deadline before the LVT.  [m] */
u64 lapic_get_deadline(struct vcpu *vcpu)
{
	return vcpu->lapic->deadline;
}

void lapic_set_deadline(struct vcpu *vcpu, u64 tsc)
{
	vcpu->lapic->deadline = tsc;
	vcpu->lapic->armed_tsc = 0;	/* the TSC may be another one now */
	timer_deadline_changed(vcpu);
}

/* The VM was stopped for @ns, as was its TSC; what is armed is only too early.  KTIME_MAX stays. */
void lapic_timer_shift(struct vcpu *vcpu, u64 ns)
{
	vcpu->lapic->expiry = ktime_add_safe(vcpu->lapic->expiry, ns_to_ktime(ns));
}

void lapic_timer_restore(struct vcpu *vcpu, u32 count)
{
	struct lapic *lapic = vcpu->lapic;

	if (timer_mode(lapic) == TIMER_DEADLINE)
		timer_deadline_changed(vcpu);
	else
		timer_start_count(lapic, min(count, lapic_get(lapic, LAPIC_TIMER_INITIAL)));
}

/*
 * Expiry
 */

static void timer_next_period(struct lapic *lapic, ktime_t now)
{
	u64 period = timer_period_ns(lapic);
	u64 late = ktime_to_ns(ktime_sub(now, lapic->expiry));

	/* From the expiry, not from now: no drift.  Periods that were missed are one. */
	timer_set_expiry(lapic, ktime_add_ns(lapic->expiry,
					     (div64_u64(late, period) + 1) * period));
}

/**
 * lapic_timer_expired() - VCPU_REQ_TIMER was set
 * @vcpu: its thread is the caller
 *
 * The request may be early, or about a count that was changed since.
 */
void lapic_timer_expired(struct vcpu *vcpu)
{
	struct lapic *lapic = vcpu->lapic;
	ktime_t now;

	/* The hrtimer has fired, or a deadline was past when it was written. */
	now = ktime_get();
	if (lapic->armed <= now) {
		lapic->armed = KTIME_MAX;
		lapic->armed_tsc = 0;
	}

	if (timer_mode(lapic) == TIMER_DEADLINE && lapic->expiry == KTIME_MAX) {
		if (!lapic->deadline || timer_arm_deadline(vcpu))
			return;
		lapic->expiry = now;
	}
	if (lapic->expiry > now) {
		if (lapic->expiry != KTIME_MAX)
			timer_arm(lapic, lapic->expiry);
		return;
	}
	if (timer_mode(lapic) == TIMER_PERIODIC)
		timer_next_period(lapic, now);
	else
		lapic_timer_stop(lapic);
	trace_svmm_timer(vcpu, now, true);
	lapic_fire_lvt(vcpu, LAPIC_LVT_TIMER);
}

/**
 * lapic_timer_sleep() - the vCPU goes to sleep: nothing is to wake it too early
 * @vcpu: its thread is the caller, outside the window
 */
void lapic_timer_sleep(struct vcpu *vcpu)
{
	struct lapic *lapic = vcpu->lapic;
	ktime_t when = lapic->expiry;

	if (lapic->armed == KTIME_MAX)
		return;
	if (timer_mode(lapic) == TIMER_DEADLINE && lapic->deadline && when == KTIME_MAX) {
		u64 now = vcpu_tsc(vcpu);

		if (lapic->deadline <= now)
			return;
		when = timer_in_ticks(lapic, lapic->deadline - now);
	}
	if (lapic->armed >= ktime_sub_ns(when, SLEEP_SLACK_NS))
		return;
	lapic->armed = KTIME_MAX;
	lapic->armed_tsc = 0;
	if (when == KTIME_MAX)
		hrtimer_cancel(&lapic->hrtimer);
	else
		timer_arm(lapic, when);
}
