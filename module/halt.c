// SPDX-License-Identifier: GPL-2.0
/*
 * A vCPU in HLT, and how others reach one: kicks and wake-ups.
 *
 * It must not know what an event is, only whether one wakes.  A HLT first polls,
 * for a time that grows while events come soon and shrinks when they do not
 * (Linux: Documentation/virt/kvm/halt-polling.rst), and then sleeps by the
 * task's own state.  The one trick: vcpu->mode says what the vCPU needs in order
 * to see a request, and whoever changes it from IN_GUEST or HALTED is the one
 * who interrupts or wakes; all others are spared.
 */
#include <linux/ktime.h>
#include <linux/moduleparam.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>

#include "compat.h"
#include "core.h"
#include "trace.h"

static unsigned int halt_poll_ns = 200000;
module_param(halt_poll_ns, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns, "longest polling before a vCPU sleeps in HLT, in ns; 0: none");
static unsigned int halt_poll_ns_grow = 2;
module_param(halt_poll_ns_grow, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns_grow, "factor by which a vCPU's polling grows; 0: never");
static unsigned int halt_poll_ns_grow_start = 10000;
module_param(halt_poll_ns_grow_start, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns_grow_start, "what it grows to from 0, in ns");
static unsigned int halt_poll_ns_shrink;
module_param(halt_poll_ns_shrink, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns_shrink, "divisor by which it shrinks; 0: to 0 at once");

static unsigned int halt_event_ms;
module_param(halt_event_ms, uint, 0644);
MODULE_PARM_DESC(halt_event_ms, "a vCPU that sleeps for longer in HLT is an event, in ms; 0: never");

/* However root sets the parameters: a poll is no longer than this. */
#define HALT_POLL_LIMIT_NS	NSEC_PER_MSEC

/*
 * Reaching a vCPU
 */

void vcpu_wake(struct vcpu *vcpu)
{
	struct task_struct *task;

	/* Pairs with vcpu_halt(), which sets the mode before it looks. */
	smp_mb();
	if (READ_ONCE(vcpu->mode) != VCPU_HALTED)
		return;
	/* The task may leave RUN and exit meanwhile; RCU keeps its struct. */
	rcu_read_lock();
	preempt_disable();
	/* Its own timer, seen on the way to sleep, wakes nobody: it looks once more. */
	if (!(READ_ONCE(vcpu->task) == current && in_task()) &&
	    cmpxchg(&vcpu->mode, VCPU_HALTED, VCPU_OUTSIDE) == VCPU_HALTED) {
		/* Not before: another thread may have come into RUN meanwhile. */
		task = READ_ONCE(vcpu->task);
		atomic64_inc(&vcpu->wakeups);
		if (task)
			wake_up_process(task);
	}
	preempt_enable();
	rcu_read_unlock();
}

/* A request was set.  Pairs with svm_vcpu_enter() and vcpu_halt(). */
void vcpu_kick(struct vcpu *vcpu)
{
	struct task_struct *task;

	vcpu_wake(vcpu);	/* a full barrier first */
	if (READ_ONCE(vcpu->mode) != VCPU_IN_GUEST)
		return;
	rcu_read_lock();
	/* Whoever finds EXITING relies on this interrupt. */
	preempt_disable();
	/* On the vCPU's own CPU this is an interrupt handler: the guest has exited for it. */
	if (READ_ONCE(vcpu->cpu) != smp_processor_id() &&
	    cmpxchg(&vcpu->mode, VCPU_IN_GUEST, VCPU_EXITING) == VCPU_IN_GUEST) {
		task = READ_ONCE(vcpu->task);	/* not before, as above */
		atomic64_inc(&vcpu->kicks);
		if (task)
			kick_process(task);
	}
	preempt_enable();
	rcu_read_unlock();
}

/*
 * Halt
 */

static bool vcpu_woken(struct vcpu *vcpu)
{
	vcpu_quick_requests(vcpu);
	if (READ_ONCE(vcpu->requests) & ~VCPU_REQS_IN_WINDOW)
		return true;
	return vcpu->mp_state == SVMM_MP_HALTED && event_wakes(vcpu);
}

/* Poll until @end; return whether there is no need to sleep any more. */
static bool vcpu_poll(struct vcpu *vcpu, u64 end)
{
	do {
		if (vcpu_woken(vcpu) || signal_pending(current))
			return true;
		if (READ_ONCE(current_thread_info()->flags) & SVMM_TIF_RESCHED ||
		    !single_task_running())
			return false;
		cpu_relax();
	} while (ktime_get_ns() < end);
	return false;
}

static void vcpu_sleep(struct vcpu *vcpu)
{
	unsigned int event_ms = vcpu->mp_state == SVMM_MP_HALTED ? READ_ONCE(halt_event_ms) : 0;
	long left = event_ms ? msecs_to_jiffies(event_ms) : MAX_SCHEDULE_TIMEOUT;

	pv_steal_preempted(vcpu);
	lapic_timer_sleep(vcpu);
	for (;;) {
		/* In this order: whoever takes the mode away wakes a task about to sleep. */
		set_current_state(TASK_INTERRUPTIBLE);
		/* A full barrier: the mode is visible before the requests are read. */
		smp_store_mb(vcpu->mode, VCPU_HALTED);
		if (vcpu_woken(vcpu) || signal_pending(current))
			break;
		left = schedule_timeout(left);
		if (!left) {
			vm_event(vcpu->vm, SVMM_EVENT_VCPU_HALTED, vcpu->id, NULL);
			left = MAX_SCHEDULE_TIMEOUT;
		}
	}
	__set_current_state(TASK_RUNNING);
	WRITE_ONCE(vcpu->mode, VCPU_OUTSIDE);
}

/* After a HLT of @ns: would more polling have helped, or did it not? */
static void vcpu_adapt_poll(struct vcpu *vcpu, u64 ns, unsigned int limit)
{
	unsigned int grow = READ_ONCE(halt_poll_ns_grow);
	unsigned int shrink = READ_ONCE(halt_poll_ns_shrink);
	unsigned int start = READ_ONCE(halt_poll_ns_grow_start);
	u64 poll = vcpu->halt_poll_ns;

	if (ns <= poll)
		return;
	if (ns < limit && grow) {
		poll = max_t(u64, poll * grow, start);
	} else if (ns >= limit) {
		poll = shrink ? poll / shrink : 0;
		if (poll < start)
			poll = 0;
	}
	vcpu->halt_poll_ns = min_t(u64, poll, limit);
}

static void vcpu_count_poll(struct vcpu *vcpu, u64 ns, bool over, bool event)
{
	struct svmm_counters *counters = &vcpu->counters;

	counters->poll_attempted++;
	if (over && event) {
		counters->poll_successful++;
		counters->poll_success_ns += ns;
		return;
	}
	counters->poll_fail_ns += ns;
	if (over)
		counters->poll_invalid++;
	else
		counters->poll_failed++;
}

/* The vCPU is in HLT, or waits for its start-up IPI, which nobody polls for. */
void vcpu_halt(struct vcpu *vcpu)
{
	unsigned int limit = min_t(u64, READ_ONCE(halt_poll_ns), HALT_POLL_LIMIT_NS);
	unsigned int poll_ns = min(vcpu->halt_poll_ns, limit);
	u64 start, now;
	bool over = false, event;

	if (vcpu->mp_state != SVMM_MP_HALTED) {
		vcpu_sleep(vcpu);
		return;
	}

	vcpu->counters.halts++;
	trace_svmm_vcpu_halt(vcpu);
	start = ktime_get_ns();
	now = start;
	if (poll_ns) {
		over = vcpu_poll(vcpu, start + poll_ns);
		now = ktime_get_ns();
	}
	if (!over)
		vcpu_sleep(vcpu);
	event = event_wakes(vcpu);
	if (poll_ns)
		vcpu_count_poll(vcpu, now - start, over, event);
	if (!event)
		return;
	trace_svmm_vcpu_wake(vcpu);
	if (limit)
		vcpu_adapt_poll(vcpu, ktime_get_ns() - start, limit);
	vcpu->mp_state = SVMM_MP_RUNNABLE;
	WRITE_ONCE(vcpu->unhalted, false);
	vcpu_request(vcpu, VCPU_REQ_EVENT);
}
