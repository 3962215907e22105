// SPDX-License-Identifier: GPL-2.0
/*
 * A guest's time-stamp counter: its rate, its offset, and what a write to it means.
 *
 * It must not know who measures time with it (lapic_timer.c, pv.c).  A guest's TSC is the host's,
 * times vm->tsc_ratio, plus vcpu->tsc_offset; all vCPUs begin with one offset.  The one trick: a
 * guest that sets the TSC of one vCPU after the other wants them alike, but cannot write them at
 * the same moment.  So what the first one of a round wrote decides, and one that comes within a
 * second of it gets the same offset.  A vCPU's second write begins another round.
 *
 * Sleep resets the host's TSC.  What it loses is in svm_tsc_lost: to everybody but the VMCB the
 * host's TSC goes on where it was, and so does a guest's.
 */
#include <linux/math64.h>

#include "tsc.h"
#include "svm/svm.h"

static void tsc_set_offset(struct vcpu *vcpu, u64 offset)
{
	vcpu->tsc_offset = offset;
	svm_set_tsc_offset(vcpu, offset);
	/* The clock page speaks of this vCPU's TSC. */
	vcpu_request(vcpu, VCPU_REQ_CLOCK);
}

/*
 * The host's TSCs are not to be relied on, and this CPU's, @now, is behind that of the last one:
 * the guest's gets what is missing.  In the window.
 */
void tsc_catch_up(struct vcpu *vcpu, u64 now)
{
	u64 behind = tsc_scale(vcpu->vm, vcpu->tsc_left) - tsc_scale(vcpu->vm, now);

	tsc_set_offset(vcpu, vcpu->tsc_offset + behind);
}

/* The guest wrote its TSC.  In the window. */
void tsc_write(struct vcpu *vcpu, u64 value)
{
	u64 offset = value - tsc_scaled(vcpu->vm), second = vcpu->vm->tsc_khz * 1000ULL;
	u64 deadline = lapic_get_deadline(vcpu), me = BIT_ULL(vcpu->id);
	struct vm *vm = vcpu->vm;

	BUILD_BUG_ON(SVMM_MAX_VCPUS > 64);
	raw_spin_lock(&vm->tsc_lock);
	if (vm->tsc_writers && !(vm->tsc_writers & me) &&
	    offset - vm->tsc_written + second <= 2 * second) {
		offset = vm->tsc_written;
		vm->tsc_writers |= me;
	} else {
		vm->tsc_written = offset;
		vm->tsc_writers = me;
	}
	raw_spin_unlock(&vm->tsc_lock);

	tsc_set_offset(vcpu, offset);
	lapic_set_deadline(vcpu, deadline);
}

/* State group TSC.  [m] */
void tsc_publish(struct vcpu *vcpu, struct svmm_tsc *out)
{
	out->offset = vcpu->tsc_offset;
	out->aux = vcpu->msr.tsc_aux;
	out->deadline = lapic_get_deadline(vcpu);
}

/* -EINVAL, and nothing is changed.  [m] */
int tsc_commit(struct vcpu *vcpu, const struct svmm_tsc *in)
{
	if (in->aux > (vcpu_has_tsc_aux(vcpu) ? U32_MAX : 0))
		return -EINVAL;
	vcpu->msr.tsc_aux = in->aux;
	vcpu->tsc_left = 0;
	tsc_set_offset(vcpu, in->offset);
	lapic_set_deadline(vcpu, in->deadline);
	return 0;
}

/**
 * tsc_set_khz() - the rate of a VM's TSC
 * @vm: has no vCPU yet
 * @khz: wanted; the host's own needs nothing
 *
 * The VM's time begins again at 0.
 *
 * Return: 0; -EINVAL (0, or more than the CPU can do), -EBUSY (there is a vCPU), -EOPNOTSUPP (the
 * CPU does not scale).
 */
int tsc_set_khz(struct vm *vm, u32 khz)
{
	u64 ratio;
	int ret;

	ret = khz ? svm_tsc_ratio(khz, &ratio) : -EINVAL;
	if (ret)
		return ret;
	mutex_lock(&vm->lock);
	if (vm->nr_vcpus) {
		ret = -EBUSY;
	} else {
		vm->tsc_khz = khz;
		vm->tsc_ratio = ratio;
		pv_vm_init(vm);
	}
	mutex_unlock(&vm->lock);
	return ret;
}

static void tsc_shift_vcpus(struct vm *vm, u64 ns)
{
	unsigned int i;
	u64 ticks;
	u32 rest;

	/* A wrong number for a wrong @ns, but no overflow of a division. */
	ticks = div_u64_rem(ns, NSEC_PER_SEC, &rest) * vm->tsc_khz * 1000;
	ticks += div_u64((u64)rest * vm->tsc_khz, NSEC_PER_MSEC);
	/* A clock page stays if it is any CPU's: both offsets that it comes from have moved. */
	vm->tsc_offset -= ticks;
	vm->tsc_written -= ticks;
	vm->clock_offset -= ns;
	for (i = 0; i < vm->nr_vcpus; i++) {
		if (vm->vcpus[i]) {
			tsc_set_offset(vm->vcpus[i], vm->vcpus[i]->tsc_offset - ticks);
			lapic_timer_shift(vm->vcpus[i], ns);
		}
	}
}

/**
 * tsc_shift() - a VM was stopped, and its time goes on where it was
 * @vm: nobody is in a call on its vCPUs; who comes meanwhile gets -EBUSY
 * @ns: how long
 *
 * An APIC timer that has run out meanwhile, and that nobody has looked at, has not.
 *
 * Return: 0; -EINVAL (@ns is negative), -EBUSY (somebody is in such a call).
 */
int tsc_shift(struct vm *vm, u64 ns)
{
	unsigned int i;
	int ret = 0;

	if (ns > S64_MAX)
		return -EINVAL;
	mutex_lock(&vm->lock);
	WRITE_ONCE(vm->shifting, true);
	/* Who had a vCPU has let go of it, and who gets it from now on sees the flag. */
	for (i = 0; !ret && i < vm->nr_vcpus; i++) {
		if (vm->vcpus[i] && !mutex_trylock(&vm->vcpus[i]->mutex))
			ret = -EBUSY;
		else if (vm->vcpus[i])
			mutex_unlock(&vm->vcpus[i]->mutex);
	}
	if (!ret)
		tsc_shift_vcpus(vm, ns);
	smp_store_release(&vm->shifting, false);	/* pairs with vcpu_trylock() */
	mutex_unlock(&vm->lock);
	return ret;
}
