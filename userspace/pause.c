// SPDX-License-Identifier: GPL-2.0
/*
 * A machine that stands still: no vCPU in its guest, and no time that passes.
 *
 * The vCPUs' threads wait in machine_park(), outside SVMM_RUN, so that a paused guest costs
 * nothing and the kernel may move its clocks.  Whoever pauses waits for the last of them with the
 * device lock given up, because what a vCPU has begun with a device it ends first.
 */
#include "machine.h"
#include "message.h"

void machine_thread_rests(struct machine *m, struct vcpu *vcpu)
{
	vcpu_renice(vcpu);
	if (!--m->nr_active)
		pthread_cond_signal(&m->at_rest);
}

void machine_thread_waits(struct machine *m, struct vcpu *vcpu)
{
	pthread_cond_wait(&m->go_on, &m->lock);
	vcpu_renice(vcpu);
}

void machine_park(struct machine *m, struct vcpu *vcpu)
{
	machine_lock(m);
	machine_thread_rests(m, vcpu);
	while ((m->paused || vcpu->held) && !m->stopping)
		machine_thread_waits(m, vcpu);
	m->nr_active++;
	/* A kick from now on is a new one; what came before is looked at next. */
	__atomic_store_n(&vcpu->page->immediate_exit, 0, __ATOMIC_SEQ_CST);
	machine_unlock(m);
}

/* One that is on its way into S3, or out of it, goes on. */
static bool ends(const struct machine *m)
{
	return m->stopping && m->stop_why > MACHINE_WAKE;
}

void machine_pause(struct machine *m, const char *reason)
{
	if (m->paused || ends(m))
		return;
	m->paused = true;
	for (unsigned int i = 0; i < m->nr_vcpus && !m->asleep; i++)
		vcpu_kick(&m->vcpus[i]);
	while (m->nr_active)
		pthread_cond_wait(&m->at_rest, &m->lock);
	timer_stop(m);
	if (!m->stopping)
		svmm_set_vm_state(m->vm_fd, SVMM_VM_PAUSED, reason);
}

void machine_begin_paused(struct machine *m)
{
	m->paused = true;
	timer_stop(m);
	svmm_set_vm_state(m->vm_fd, SVMM_VM_PAUSED, "waits for gdb");
}

/* The guest's clocks that are the kernel's: back by as much as the machine has stood still. */
static void shift_clocks(struct machine *m, uint64_t ns)
{
	int err = svmm_shift_time(m->vm_fd, ns);

	if (err)
		message("the guest's clocks went on while it was paused: %s",
			svmm_explain(SVMM_SHIFT_TIME, err));
}

void machine_resume(struct machine *m, const char *reason)
{
	uint64_t ns;

	if (!m->paused)
		return;
	ns = timer_go_on(m);
	if (!ends(m))
		shift_clocks(m, ns);
	if (!m->stopping && !m->asleep)
		svmm_set_vm_state(m->vm_fd, SVMM_VM_RUNNING, reason);
	m->paused = false;
	pthread_cond_broadcast(&m->go_on);
}
