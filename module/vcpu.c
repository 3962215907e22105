// SPDX-License-Identifier: GPL-2.0
/*
 * The vCPU object and its run loop.
 *
 * It decides when to enter the guest, when to sleep and when to return to user
 * space, and nothing else: svm_vcpu_enter() says in an enum svm_action what an
 * exit wants, and this is the only file that acts on it.  Requests are how
 * everyone else talks to a vCPU: set the bit, then vcpu_kick(); the loop looks
 * at them before every entry.
 */
#include <linux/cpumask.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "core.h"
#include "memory.h"
#include "stats.h"
#include "trace.h"
#include "tsc.h"
#include "svm/svm.h"

/* vm->lock held: the VM's TSC rate is not to change under a vCPU that is being made. */
static int vcpu_create_locked(struct vm *vm, u32 id, struct vcpu **vcpup)
{
	struct vcpu *vcpu;
	int ret = -ENOMEM;

	if (vm->vcpus[id])
		return -EEXIST;
	vcpu = kzalloc(sizeof(*vcpu), GFP_KERNEL_ACCOUNT);
	if (!vcpu)
		return -ENOMEM;
	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->cpu = -1;
	vcpu->tsc_offset = vm->tsc_offset;
	mutex_init(&vcpu->mutex);

	vcpu->page = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	vcpu->io_data = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	vcpu->xsave_area = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	vcpu->lapic_area = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	vcpu->copy = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vcpu->page || !vcpu->io_data || !vcpu->xsave_area || !vcpu->lapic_area ||
	    !vcpu->copy)
		goto err;
	vcpu->page->io_offset = VCPU_AREA_IO * PAGE_SIZE;
	vcpu->page->xsave_offset = VCPU_AREA_XSAVE * PAGE_SIZE;
	vcpu->page->lapic_offset = VCPU_AREA_LAPIC * PAGE_SIZE;

	ret = stats_create(vcpu);
	if (ret)
		goto err;
	guest_forget(vcpu);
	ret = svm_vcpu_create(vcpu);
	if (ret)
		goto err;
	ret = lapic_create(vcpu);
	if (ret)
		goto err;
	/* Until user space gives a table of its own: all that is supported. */
	ret = cpuid_set(vcpu, NULL, 0);
	if (ret)
		goto err;
	vcpu_reset(vcpu, false);

	/* Pairs with vm_get_vcpu(). */
	smp_store_release(&vm->vcpus[id], vcpu);
	WRITE_ONCE(vm->nr_vcpus, max(vm->nr_vcpus, id + 1));
	*vcpup = vcpu;
	trace_svmm_vcpu_create(vcpu);
	return 0;

err:
	vcpu_destroy(vcpu);
	return ret;
}

int vcpu_create(struct vm *vm, u32 id, struct vcpu **vcpup)
{
	int ret;

	mutex_lock(&vm->lock);
	ret = vcpu_create_locked(vm, id, vcpup);
	mutex_unlock(&vm->lock);
	return ret;
}

void vcpu_destroy(struct vcpu *vcpu)
{
	lapic_destroy(vcpu);
	svm_vcpu_destroy(vcpu);
	stats_destroy(vcpu);
	cpuid_free(vcpu);
	free_page((unsigned long)vcpu->copy);
	free_page((unsigned long)vcpu->lapic_area);
	free_page((unsigned long)vcpu->xsave_area);
	free_page((unsigned long)vcpu->io_data);
	free_page((unsigned long)vcpu->page);
	kfree(vcpu);
}

void vcpu_reset(struct vcpu *vcpu, bool init)
{
	memset(vcpu->regs, 0, sizeof(vcpu->regs));
	memset(&vcpu->injected, 0, sizeof(vcpu->injected));
	memset(&vcpu->exception, 0, sizeof(vcpu->exception));
	memset(&vcpu->io, 0, sizeof(vcpu->io));
	atomic_set(&vcpu->nmi_queued, 0);
	vcpu->nmi_pending = 0;
	vcpu->nmi_masked = false;
	vcpu->extint_vector_valid = false;
	/* A processor in shutdown leaves it by INIT (APM vol. 2, 14.1). */
	clear_bit(VCPU_REQ_TRIPLE_FAULT, &vcpu->requests);
	vcpu->mp_state = vcpu->id ? SVMM_MP_WAIT_SIPI : SVMM_MP_RUNNABLE;

	svm_vcpu_reset(vcpu, init);
	lapic_reset(vcpu, init);
	/* An INIT'ed vCPU's kernel has gone: nothing may be written to its memory any more. */
	pv_reset(vcpu);
	if (!init)
		msr_reset(vcpu);
	vcpu_request(vcpu, VCPU_REQ_EVENT);
}

void vcpu_nmi(struct vcpu *vcpu)
{
	/* One in service and one latched are as many as a CPU knows. */
	atomic_add_unless(&vcpu->nmi_queued, 1, 2);
	vcpu_request(vcpu, VCPU_REQ_NMI);
	vcpu_kick(vcpu);
}

/*
 * Requests
 */

static bool vcpu_test_and_clear(struct vcpu *vcpu, enum vcpu_request req)
{
	if (!test_bit(req, &vcpu->requests))
		return false;
	clear_bit(req, &vcpu->requests);
	/* Whoever sets it again has published what it is about. */
	smp_mb__after_atomic();
	return true;
}

/* A processor latches one NMI behind the one that it handles (APM vol. 2, 8.2.3). */
static void vcpu_take_nmis(struct vcpu *vcpu)
{
	unsigned int limit = vcpu->nmi_masked ? 1 : 2;

	/* Between INIT and start-up there is no CPU to interrupt. */
	if (vcpu->mp_state == SVMM_MP_WAIT_SIPI) {
		limit = 0;
		svm_set_nmi_state(vcpu);
	}
	vcpu->nmi_pending = min(vcpu->nmi_pending + atomic_xchg(&vcpu->nmi_queued, 0), limit);
	vcpu_request(vcpu, VCPU_REQ_EVENT);
}

/* In or outside the window. */
void vcpu_quick_requests(struct vcpu *vcpu)
{
	if (vcpu_test_and_clear(vcpu, VCPU_REQ_TIMER))
		lapic_timer_expired(vcpu);
	if (vcpu_test_and_clear(vcpu, VCPU_REQ_NMI))
		vcpu_take_nmis(vcpu);
}

/* INIT first: a start-up that came before it was for nobody. */
static void vcpu_take_start(struct vcpu *vcpu)
{
	if (vcpu_test_and_clear(vcpu, VCPU_REQ_INIT))
		vcpu_reset(vcpu, true);
	if (vcpu_test_and_clear(vcpu, VCPU_REQ_SIPI) && vcpu->mp_state == SVMM_MP_WAIT_SIPI) {
		svm_start_at(vcpu, READ_ONCE(vcpu->sipi_vector));
		vcpu->mp_state = SVMM_MP_RUNNABLE;
	}
}

/* The vectors of eoi_pending go to user space one by one. */
static bool vcpu_exit_eoi(struct vcpu *vcpu)
{
	unsigned int vector = find_first_bit(vcpu->eoi_pending, 256);

	if (vector == 256)
		return false;
	__clear_bit(vector, vcpu->eoi_pending);
	vcpu_request(vcpu, VCPU_REQ_EOI);
	vcpu->page->exit.reason = SVMM_EXIT_EOI;
	vcpu->page->exit.eoi.vector = vector;
	return true;
}

static void vcpu_exit_extint(struct vcpu *vcpu)
{
	vcpu->io.state = IO_EXTINT;
	vcpu->page->exit.reason = SVMM_EXIT_EXTINT;
	vcpu->page->exit.extint.vector = -1;
}

static enum io_next vcpu_shutdown(struct vcpu *vcpu)
{
	/* Nothing of the VM can be trusted to run on; the registers are a hint. */
	vm_kill(vcpu->vm, "triple fault");
	vcpu->page->exit.reason = SVMM_EXIT_SHUTDOWN;
	return IO_NEXT_USER;
}

/* A debugger is to know: a breakpoint, a watchpoint, or the end of a step. */
static enum io_next vcpu_exit_debug(struct vcpu *vcpu)
{
	struct svmm_exit *exit = &vcpu->page->exit;
	u64 flags;

	if (svm_debug_pushed(vcpu, &flags))
		mmio_hide_tf(vcpu, flags);
	exit->reason = SVMM_EXIT_DEBUG;
	exit->flags = 0;
	memset(&exit->debug, 0, sizeof(exit->debug));
	exit->debug.rip = svm_get_rip(vcpu);
	exit->debug.dr6 = vcpu->debug.dr6;
	exit->debug.vector = vcpu->debug.vector;
	return IO_NEXT_USER;
}

/* Outside the window: everything that may sleep or wants user space. */
static enum io_next vcpu_slow_requests(struct vcpu *vcpu)
{
	u64 begun;

	vcpu_take_start(vcpu);
	if (vcpu_test_and_clear(vcpu, VCPU_REQ_TRIPLE_FAULT))
		return vcpu_shutdown(vcpu);
	if (vcpu_test_and_clear(vcpu, VCPU_REQ_CLOCK))
		pv_update_clock(vcpu);
	if (vcpu_test_and_clear(vcpu, VCPU_REQ_PV_EOI))
		pv_eoi_settle(vcpu);
	if (vcpu_test_and_clear(vcpu, VCPU_REQ_YIELD)) {
		pv_steal_preempted(vcpu);
		begun = stats_begin();
		yield();
		stats_end_aside(vcpu, &vcpu->acct.stats->preempted, begun);
	}
	if (vcpu_test_and_clear(vcpu, VCPU_REQ_EOI) && vcpu_exit_eoi(vcpu))
		return IO_NEXT_USER;
	if (vcpu_test_and_clear(vcpu, VCPU_REQ_DEBUG))
		return vcpu_exit_debug(vcpu);
	vcpu_quick_requests(vcpu);
	return IO_NEXT_RUN;
}

/*
 * The loop
 */

/* event_inject(), with its trace. */
static bool vcpu_inject(struct vcpu *vcpu)
{
	const struct vcpu_event *event = &vcpu->injected;
	bool again = event->valid;
	bool known = event_inject(vcpu);

	if (!event->valid)
		return known;
	switch (event->type) {
	case EVENT_INTR:
		trace_svmm_inj_virq(vcpu, event->vector, again);
		break;
	case EVENT_NMI:
		trace_svmm_inj_nmi(vcpu, again);
		break;
	case EVENT_EXCEPTION:
		trace_svmm_inj_exception(vcpu, event, again);
		break;
	}
	return known;
}

/* The guest runs until something needs the world outside the window. */
static enum svm_action vcpu_window(struct vcpu *vcpu, bool *extint)
{
	enum svm_action action;

	*extint = false;
	svm_window_open(vcpu);
	do {
		if (unlikely(READ_ONCE(vcpu->requests))) {
			vcpu_quick_requests(vcpu);
			if (vcpu_test_and_clear(vcpu, VCPU_REQ_EVENT) && !vcpu_inject(vcpu)) {
				*extint = true;
				action = SVM_LEAVE;
				break;
			}
		}
		action = svm_vcpu_enter(vcpu);
	} while (action == SVM_RESUME);
	/* Closing it may be where the CPU is lost. */
	if (READ_ONCE(current_thread_info()->flags) & SVMM_TIF_RESCHED)
		pv_steal_preempted(vcpu);
	svm_window_close(vcpu);
	return action;
}

static enum io_next vcpu_nested_fault(struct vcpu *vcpu)
{
	struct svmm_exit *exit = &vcpu->page->exit;
	u64 gpa = vcpu->fault.gpa;
	int ret;

	if (trace_svmm_page_fault_enabled())
		trace_svmm_page_fault(vcpu, svm_get_rip(vcpu), gpa, vcpu->fault.error_code);
	ret = npt_fault(vcpu, gpa, vcpu->fault.error_code);
	if (ret == NPT_FAULT_MMIO) {
		stats_key(vcpu, SVMM_KEY_MMIO, gpa & PAGE_MASK);
		return mmio_fault(vcpu);
	}
	if (!ret || ret == -EINTR)
		return IO_NEXT_RUN;

	exit->reason = SVMM_EXIT_MEMORY_FAULT;
	exit->memory_fault.gpa = gpa;
	exit->memory_fault.access = (vcpu->fault.error_code & PF_ERR_W ? 1 : 0) |
				    (vcpu->fault.error_code & PF_ERR_I ? 2 : 0);
	exit->memory_fault.error = ret;
	return IO_NEXT_USER;
}

/* The part of an exit's handling that does not fit into the window. */
static enum io_next vcpu_handle_on(struct vcpu *vcpu, enum svm_action action)
{
	u64 begun = stats_begin();
	enum io_next next;

	if (likely(action == SVM_FAULT))
		next = vcpu_nested_fault(vcpu);
	else if (action == SVM_STRING_IO)
		next = pio_string(vcpu);
	else if (action == SVM_OUT)
		next = pio_out_outside(vcpu);
	else
		next = svm_emulate(vcpu) == SVM_TO_USER ? IO_NEXT_USER : IO_NEXT_RUN;
	stats_end(vcpu, SVMM_PHASE_KERNEL, begun);
	return next;
}

static enum io_next vcpu_act(struct vcpu *vcpu, enum svm_action action)
{
	switch (action) {
	case SVM_RESUME:
	case SVM_LEAVE:
		return IO_NEXT_RUN;
	case SVM_FAULT:
	case SVM_STRING_IO:
	case SVM_OUT:
	case SVM_EMULATE:
		return vcpu_handle_on(vcpu, action);
	case SVM_HALT:
		vcpu->mp_state = SVMM_MP_HALTED;
		return IO_NEXT_RUN;
	case SVM_KILL:
		vm_kill(vcpu->vm, vcpu->kill_reason);
		return IO_NEXT_USER;
	case SVM_TO_USER:
		break;
	}
	return IO_NEXT_USER;
}

/* 0: an exit to user space; or a negative errno. */
static long vcpu_loop(struct vcpu *vcpu)
{
	struct vcpu_acct *acct = &vcpu->acct;
	enum svm_action action;
	bool extint, left = false;
	unsigned long flags;
	u64 begun;

	for (;;) {
		if (READ_ONCE(vcpu->vm->dead))
			return -EIO;
		if (unlikely(READ_ONCE(vcpu->requests)) &&
		    vcpu_slow_requests(vcpu) == IO_NEXT_USER)
			return 0;
		if (left) {
			/* The tick came while preemption was off: RCU learns it here. */
			local_irq_disable();
			rcu_note_context_switch(false);
			local_irq_enable();
			left = false;
		}
		flags = READ_ONCE(current_thread_info()->flags);
		if (unlikely(flags & (_TIF_SIGPENDING | _TIF_NOTIFY_SIGNAL | _TIF_NOTIFY_RESUME))) {
			vcpu->page->exit.reason = SVMM_EXIT_INTR;
			return -EINTR;
		}
		/* cond_resched() would leave a lazy request to the next tick, and a dying CPU. */
		if (unlikely(flags & SVMM_TIF_RESCHED) ||
		    unlikely(!cpu_active(raw_smp_processor_id()))) {
			begun = stats_begin();
			schedule();
			stats_end_aside(vcpu, &acct->stats->preempted, begun);
		}
		if (vcpu->mp_state != SVMM_MP_RUNNABLE) {
			begun = stats_begin();
			stats_aside_begin(&acct->halted, &acct->stats->halted, begun);
			vcpu_halt(vcpu);
			stats_end_aside(vcpu, &acct->stats->halted, begun);
			stats_aside_over(&acct->halted);
			continue;
		}

		if (pv_steal_enabled(vcpu))
			pv_steal_report(vcpu);
		action = vcpu_window(vcpu, &extint);
		if (unlikely(vcpu->eoi_offer))
			pv_eoi_settle(vcpu);
		if (extint) {
			vcpu_exit_extint(vcpu);
			return 0;
		}
		if (likely(action == SVM_TO_USER))
			return 0;
		left = action == SVM_LEAVE;
		if (vcpu_act(vcpu, action) == IO_NEXT_USER)
			return 0;
	}
}

/* User space has done what the last exit asked for. */
static enum io_next vcpu_complete_io(struct vcpu *vcpu)
{
	enum io_state state = vcpu->io.state;
	int vector;

	vcpu->io.state = IO_NONE;
	switch (state) {
	case IO_NONE:
		break;
	case IO_PIO_IN:
		pio_complete_in(vcpu);
		break;
	case IO_STRING_IN:
		return pio_complete_string_in(vcpu);
	case IO_MMIO_READ:
		return mmio_complete_read(vcpu);
	case IO_MMIO_LOAD:
		return mmio_complete_load(vcpu);
	case IO_MMIO_WRITE:
		return mmio_next_write(vcpu);
	case IO_EXTINT:
		vector = READ_ONCE(vcpu->page->exit.extint.vector);
		vcpu->extint_vector_valid = vector >= 0 && vector <= 255;
		vcpu->extint_vector = vector;
		vcpu_request(vcpu, VCPU_REQ_EVENT);
		break;
	}
	return IO_NEXT_RUN;
}

/*
 * Shared page
 */

/*
 * Load the groups in @dirty from a private copy: what user space does to the page
 * meanwhile changes nothing.  A group is all loaded, or not at all.
 */
static int vcpu_commit(struct vcpu *vcpu, u32 dirty)
{
	struct svmm_vcpu_page *copy = vcpu->copy;
	int ret;

	if (dirty & ~SVMM_STATE_ALL)
		return -EINVAL;
	memcpy(copy, vcpu->page, sizeof(*copy));
	svm_debug_settle(vcpu);
	vcpu_request(vcpu, VCPU_REQ_EVENT);

	ret = svm_commit_state(vcpu, copy, dirty);
	if (ret)
		return ret;
	if (dirty & SVMM_STATE_MSR) {
		ret = msr_commit(vcpu, &copy->msr);
		if (ret)
			return ret;
	}
	if (dirty & SVMM_STATE_TSC) {
		ret = tsc_commit(vcpu, &copy->tsc);
		if (ret)
			return ret;
	}
	if (dirty & SVMM_STATE_PV) {
		ret = pv_commit(vcpu, &copy->pv);
		if (ret)
			return ret;
	}
	if (dirty & SVMM_STATE_MP) {
		if (copy->mp.state > SVMM_MP_WAIT_SIPI || copy->mp.sipi_vector > 255)
			return -EINVAL;
		vcpu->mp_state = copy->mp.state;
		vcpu->sipi_vector = copy->mp.sipi_vector;
	}
	if (dirty & SVMM_STATE_LAPIC) {
		struct svmm_lapic *lapic = (void *)(copy + 1);

		BUILD_BUG_ON(sizeof(*copy) + sizeof(*lapic) > PAGE_SIZE);
		memcpy(lapic, vcpu->lapic_area, sizeof(*lapic));
		ret = lapic_commit(vcpu, lapic);
		if (ret)
			return ret;
	}
	if (dirty & SVMM_STATE_XSAVE)
		ret = svm_commit_xsave(vcpu, vcpu->xsave_area);
	return ret;
}

int vcpu_set_state(struct vcpu *vcpu)
{
	u32 dirty = READ_ONCE(vcpu->page->dirty);
	int ret;

	if (!dirty)
		return 0;
	ret = vcpu_commit(vcpu, dirty);
	if (!ret)
		WRITE_ONCE(vcpu->page->dirty, 0);
	return ret;
}

void vcpu_get_state(struct vcpu *vcpu, u32 groups)
{
	struct svmm_vcpu_page *page = vcpu->page;

	/* An INIT or a start-up that has come is in no group: it is the state that it leads to. */
	if (groups & SVMM_STATE_MP)
		vcpu_take_start(vcpu);
	svm_debug_settle(vcpu);
	/* A timer that has run out is either in IRR, or runs: never neither, never both. */
	if (groups & (SVMM_STATE_TSC | SVMM_STATE_LAPIC))
		lapic_timer_expired(vcpu);

	svm_publish_state(vcpu, page, groups);
	if (groups & SVMM_STATE_MSR)
		msr_publish(vcpu, &page->msr);
	if (groups & SVMM_STATE_TSC)
		tsc_publish(vcpu, &page->tsc);
	if (groups & SVMM_STATE_PV)
		pv_publish(vcpu, &page->pv);
	if (groups & SVMM_STATE_MP) {
		page->mp.state = vcpu->mp_state;
		/* The kick that ends the sleep is in no group. */
		if (vcpu->mp_state == SVMM_MP_HALTED && READ_ONCE(vcpu->unhalted))
			page->mp.state = SVMM_MP_RUNNABLE;
		page->mp.sipi_vector = vcpu->sipi_vector;
	}
	if (groups & SVMM_STATE_LAPIC)
		lapic_publish(vcpu, vcpu->lapic_area);
	if (groups & SVMM_STATE_XSAVE)
		svm_publish_xsave(vcpu, vcpu->xsave_area);
	page->valid |= groups;
}

/* What the VMM asked for, and everything when the guest cannot run on. */
static void vcpu_publish_exit(struct vcpu *vcpu)
{
	u32 groups = READ_ONCE(vcpu->page->want) & SVMM_STATE_ALL;

	if (READ_ONCE(vcpu->vm->dead))
		groups |= SVMM_STATE_ALL & ~(SVMM_STATE_XSAVE | SVMM_STATE_LAPIC);
	if (groups)
		vcpu_get_state(vcpu, groups);
}

long vcpu_run(struct vcpu *vcpu)
{
	struct svmm_vcpu_page *page = vcpu->page;
	long ret;

	/* Every RUN was left for the sleep: this is early enough. */
	if (unlikely(vcpu->tsc_lost != svm_tsc_lost))
		svm_set_tsc_offset(vcpu, vcpu->tsc_offset);
	stats_run(vcpu);
	if (unlikely(!vcpu->ran)) {
		vcpu->ran = true;
		vm_first_run(vcpu->vm);
	}
	WRITE_ONCE(vcpu->task, current);
	if (unlikely(vcpu->sigmask_set))
		sigprocmask(SIG_SETMASK, &vcpu->sigmask, &vcpu->sigmask_saved);

	WRITE_ONCE(page->valid, 0);
	if (vcpu->io.state != IO_NONE && vcpu_complete_io(vcpu) == IO_NEXT_USER) {
		ret = 0;
	} else if (READ_ONCE(page->dirty) && vcpu_set_state(vcpu)) {
		ret = -EINVAL;
	} else if (READ_ONCE(page->immediate_exit)) {
		page->exit.reason = SVMM_EXIT_INTR;
		ret = -EINTR;
	} else {
		ret = vcpu_loop(vcpu);
	}
	if (ret != -EINVAL)
		vcpu_publish_exit(vcpu);
	pv_steal_preempted(vcpu);

	if (unlikely(vcpu->sigmask_set))
		sigprocmask(SIG_SETMASK, &vcpu->sigmask_saved, NULL);
	WRITE_ONCE(vcpu->task, NULL);
	stats_ran(vcpu, !ret);
	return ret;
}
