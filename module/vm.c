// SPDX-License-Identifier: GPL-2.0
/*
 * The VM object: its name, its parts and its lifetime.
 *
 * A VM lives as long as any fd of it: its own, or one of a vCPU; what remains of it
 * goes when nobody looks at it any more (vm_find()).  A vCPU, once
 * created, lives as long as its VM, so that interrupts can be sent to it from
 * any context without a reference.  It must not know ioctls (dev.c).
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/moduleparam.h>
#include <linux/nospec.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/smp.h>

#include "core.h"
#include "ioevent.h"
#include "irqfd.h"
#include "memory.h"
#include "trace.h"
#include "tsc.h"
#include "svm/svm.h"

static DEFINE_MUTEX(vm_list_lock);
static LIST_HEAD(vm_list);
static u64 vm_serial;			/* of the newest VM; guarded by vm_list_lock */

static unsigned int vms_per_user = 1024;
module_param(vms_per_user, uint, 0644);
MODULE_PARM_DESC(vms_per_user, "VMs that a user may have at once, without CAP_SYS_RESOURCE");

static int vm_list_add(struct vm *vm)
{
	unsigned int nr = 0;
	struct vm *other;
	int ret = 0;

	mutex_lock(&vm_list_lock);
	list_for_each_entry(other, &vm_list, list) {
		if (!uid_eq(other->owner, vm->owner))
			continue;
		nr++;
		if (!strcmp(other->name, vm->name)) {
			ret = -EEXIST;
			break;
		}
	}
	if (!ret && nr >= READ_ONCE(vms_per_user) && !capable(CAP_SYS_RESOURCE))
		ret = -EDQUOT;
	if (!ret) {
		vm->serial = ++vm_serial;
		list_add_tail(&vm->list, &vm_list);
	}
	mutex_unlock(&vm_list_lock);
	return ret;
}

static void vm_complete(struct vm *vm)
{
	mutex_lock(&vm_list_lock);
	vm->complete = true;
	mutex_unlock(&vm_list_lock);
}

static void vm_list_del(struct vm *vm)
{
	mutex_lock(&vm_list_lock);
	list_del(&vm->list);
	mutex_unlock(&vm_list_lock);
}

struct vm *vm_create(const char *name)
{
	struct vm *vm;
	int ret;

	vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	if (!vm)
		return ERR_PTR(-ENOMEM);

	strscpy(vm->name, name, sizeof(vm->name));
	vm->owner = current_uid();
	vm->pid = get_pid(task_tgid(current));
	vm->mm = current->mm;
	vm->plain = uid_eq(current_euid(), current_uid()) &&
		    gid_eq(current_egid(), current_gid());
	refcount_set(&vm->fds, 1);
	refcount_set(&vm->refs, 1);
	mutex_init(&vm->lock);
	mutex_init(&vm->state_lock);
	INIT_LIST_HEAD(&vm->irqfds);
	spin_lock_init(&vm->flush_lock);
	atomic64_set(&vm->tlb_gen, 1);
	vm->npt_1g = svm_has_1g_leaves();
	mmgrab(vm->mm);

	ret = -ENOMEM;
	if (!zalloc_cpumask_var(&vm->flush_mask, GFP_KERNEL_ACCOUNT))
		goto err_mm;
	ret = vm_list_add(vm);
	if (ret)
		goto err_mask;
	ret = svm_get();
	if (ret)
		goto err_list;
	ret = init_srcu_struct(&vm->srcu);
	if (ret)
		goto err_hardware;
	ret = memslot_init(vm);
	if (ret)
		goto err_srcu;
	ret = npt_create(vm);
	if (ret)
		goto err_memslot;
	raw_spin_lock_init(&vm->tsc_lock);
	vm->tsc_khz = tsc_khz;
	vm->tsc_ratio = TSC_RATIO_ONE;
	pv_vm_init(vm);
	vm_complete(vm);
	trace_svmm_vm_create(vm);
	vm_event(vm, SVMM_EVENT_CREATED, -1, NULL);
	return vm;

err_memslot:
	memslot_destroy(vm);
err_srcu:
	cleanup_srcu_struct(&vm->srcu);
err_hardware:
	svm_put();
err_list:
	vm_list_del(vm);
err_mask:
	free_cpumask_var(vm->flush_mask);
err_mm:
	mmdrop(vm->mm);
	put_pid(vm->pid);
	kfree(vm);
	return ERR_PTR(ret);
}

static void vm_destroy(struct vm *vm)
{
	unsigned int i;

	trace_svmm_vm_destroy(vm);
	irqfd_destroy(vm);
	/* Until then the host's memory management may call vm_flush_tlbs(). */
	npt_destroy(vm);
	for (i = 0; i < vm->nr_vcpus; i++)
		if (vm->vcpus[i])
			vcpu_destroy(vm->vcpus[i]);
	ioevent_destroy(vm);
	memslot_destroy(vm);
	cleanup_srcu_struct(&vm->srcu);
	svm_put();
	free_cpumask_var(vm->flush_mask);
	mmdrop(vm->mm);
	put_pid(vm->pid);
	kfree(vm);
}

void vm_get(struct vm *vm)
{
	refcount_inc(&vm->fds);
}

void vm_unref(struct vm *vm)
{
	if (refcount_dec_and_test(&vm->refs))
		vm_destroy(vm);
}

void vm_put(struct vm *vm)
{
	if (!refcount_dec_and_test(&vm->fds))
		return;
	vm_list_del(vm);
	vm_event(vm, SVMM_EVENT_DESTROYED, -1, NULL);
	vm_unref(vm);
}

struct vm *vm_find(const char *name, kuid_t uid, bool any)
{
	struct vm *vm, *found = ERR_PTR(-ENOENT);

	mutex_lock(&vm_list_lock);
	list_for_each_entry(vm, &vm_list, list) {
		if (!vm->complete || strcmp(vm->name, name))
			continue;
		if (uid_eq(vm->owner, uid)) {
			found = vm;
			break;
		}
		if (!any)
			found = ERR_PTR(-EPERM);
		else if (IS_ERR(found))
			found = vm;
	}
	if (!IS_ERR(found))
		refcount_inc(&found->refs);
	mutex_unlock(&vm_list_lock);
	return found;
}

u64 vm_each(u64 serial, bool (*fn)(struct vm *vm, void *arg), void *arg)
{
	struct vm *vm;

	mutex_lock(&vm_list_lock);
	list_for_each_entry(vm, &vm_list, list) {
		if (vm->serial <= serial || !vm->complete)
			continue;
		if (!fn(vm, arg))
			break;
		serial = vm->serial;
	}
	mutex_unlock(&vm_list_lock);
	return serial;
}

unsigned int vm_count_vcpus(const struct vm *vm)
{
	unsigned int i, nr = 0;

	for (i = 0; i < READ_ONCE(vm->nr_vcpus); i++)
		nr += !!vm_get_vcpu(vm, i);
	return nr;
}

struct vcpu *vm_get_vcpu(const struct vm *vm, unsigned int id)
{
	/* Guests choose @id: no speculation past the end. */
	if (id >= SVMM_MAX_VCPUS)
		return NULL;
	id = array_index_nospec(id, SVMM_MAX_VCPUS);
	/* Pairs with vcpu_create(): a vCPU is complete before it is seen. */
	return smp_load_acquire(&vm->vcpus[id]);
}

int vm_set_state(struct vm *vm, enum svmm_vm_state state, const char *reason)
{
	static const enum svmm_event event[] = {
		[SVMM_VM_RUNNING] = SVMM_EVENT_RUNNING,
		[SVMM_VM_PAUSED] = SVMM_EVENT_PAUSED,
		[SVMM_VM_CRASHED] = SVMM_EVENT_CRASHED,
	};

	int ret = 0;

	mutex_lock(&vm->state_lock);
	if (READ_ONCE(vm->dead)) {
		ret = -EIO;
	} else if (vm->state != state) {
		WRITE_ONCE(vm->state, state);
		vm_event(vm, event[state], -1, reason);
	}
	mutex_unlock(&vm->state_lock);
	return ret;
}

void vm_first_run(struct vm *vm)
{
	mutex_lock(&vm->state_lock);
	if (vm->state == SVMM_VM_CREATED && !READ_ONCE(vm->dead)) {
		WRITE_ONCE(vm->state, SVMM_VM_RUNNING);
		vm_event(vm, SVMM_EVENT_RUNNING, -1, NULL);
	}
	mutex_unlock(&vm->state_lock);
}

void vm_kill(struct vm *vm, const char *why)
{
	unsigned int i, nr;

	/* A full barrier: a vCPU that is created after the next look runs after it, and sees it. */
	if (xchg(&vm->dead, true))
		return;
	trace_svmm_vm_dead(vm);
	nr = READ_ONCE(vm->nr_vcpus);
	for (i = 0; i < nr; i++) {
		struct vcpu *vcpu = vm_get_vcpu(vm, i);

		if (vcpu) {
			vcpu_request(vcpu, VCPU_REQ_DEAD);
			vcpu_kick(vcpu);
		}
	}
	/* Who changes the state has seen that it is dead, or is done. */
	mutex_lock(&vm->state_lock);
	vm_event(vm, SVMM_EVENT_CRASHED, -1, why);
	mutex_unlock(&vm->state_lock);
}

/* The interrupt has made the guest exit; its next entry sees the new tlb_gen. */
static void flush_ack(void *unused)
{
}

void vm_flush_tlbs(struct vm *vm)
{
	unsigned int i, nr = READ_ONCE(vm->nr_vcpus);
	u64 generation;

	/*
	 * Pairs with svm_vcpu_enter(): either it sees the new generation, or
	 * this sees IN_GUEST and waits for the exit.
	 */
	generation = atomic64_inc_return(&vm->tlb_gen);		/* a full barrier */
	trace_svmm_tlb_flush(vm, generation);

	spin_lock(&vm->flush_lock);
	cpumask_clear(vm->flush_mask);
	for (i = 0; i < nr; i++) {
		struct vcpu *vcpu = vm_get_vcpu(vm, i);

		int mode = vcpu ? READ_ONCE(vcpu->mode) : VCPU_OUTSIDE;

		if (mode == VCPU_IN_GUEST || mode == VCPU_EXITING)
			cpumask_set_cpu(READ_ONCE(vcpu->cpu), vm->flush_mask);
	}
	preempt_disable();
	smp_call_function_many(vm->flush_mask, flush_ack, NULL, true);
	preempt_enable();
	spin_unlock(&vm->flush_lock);
}
