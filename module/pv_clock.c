// SPDX-License-Identifier: GPL-2.0
/*
 * The paravirtual clock of the KVM interface (Linux:
 * Documentation/virt/kvm/x86/msr.rst).
 *
 * It must not know who asks for it (pv.c), nor the VMCB.  The one trick: a VM's
 * TSC and its clock are both zero when the VM is created.  On a host with a
 * reliable TSC the clock is therefore a constant function of the TSC, the same
 * on all vCPUs: it is written once, when the guest asks for it, and never again.
 */
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/timekeeping.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/pvclock-abi.h>
#include <asm/tsc.h>

#include "core.h"
#include "memory.h"
#include "tsc.h"

/* In pv.wall_clock, whose address is a multiple of 4: the guest asked, not yet written. */
#define PV_WALL_DUE		BIT_ULL(0)
/* For how long a clock page is good if the host's TSC is not reliable: 50 us of error. */
#define PV_CLOCK_AGE		HZ

/* A VM's time begins.  It goes like the TSC's, which nobody slews, wherever it is read. */
void pv_vm_init(struct vm *vm)
{
	vm->tsc_offset = -tsc_scaled(vm);
	vm->clock_offset = -(s64)ktime_get_raw_ns();
}

/*
 * Nanoseconds per TSC tick as mult * 2^shift / 2^32, mult with its top bit set:
 * the relative error is below 2^-31, 15 ms in a year.
 */
static void pv_clock_scale(u32 khz, struct pvclock_vcpu_time_info *info)
{
	u64 rate = (u64)khz * 1000;
	s8 shift = 0;

	/* ns = (ticks << shift) * mult >> 32: bring the shifted rate into (1 GHz, 2 GHz]. */
	while (rate > 2ULL * NSEC_PER_SEC) {
		rate >>= 1;
		shift--;
	}
	while (rate <= NSEC_PER_SEC) {
		rate <<= 1;
		shift++;
	}
	/* From the true rate: the halved one has lost bits. */
	info->tsc_to_system_mul = mul_u64_u64_div_u64(NSEC_PER_SEC, 1ULL << (32 - shift),
						      (u64)khz * 1000);
	info->tsc_shift = shift;
}

/* Return: the CPU whose TSC it is about, -1: any's. */
static int pv_clock_fill(const struct vcpu *vcpu, struct pvclock_vcpu_time_info *info)
{
	int cpu;

	pv_clock_scale(vcpu->vm->tsc_khz, info);
	if (pv_clock_stable()) {
		/* What this vCPU's TSC was when the VM's was 0. */
		info->tsc_timestamp = vcpu->tsc_offset - READ_ONCE(vcpu->vm->tsc_offset);
		info->system_time = 0;
		info->flags = PVCLOCK_TSC_STABLE_BIT;
		return -1;
	}
	/* This CPU's TSC and the host's clock, as close together as can be. */
	local_irq_disable();
	info->system_time = ktime_get_raw_ns() + READ_ONCE(vcpu->vm->clock_offset);
	info->tsc_timestamp = vcpu_tsc(vcpu);
	cpu = smp_processor_id();
	local_irq_enable();
	return cpu;
}

/* The structures open with a version that is odd while the rest is in motion. */
static void pv_write_versioned(struct vm *vm, u64 gpa, void *data, unsigned int bytes)
{
	u32 *version = data;

	/* The guest's own word: it counts on from whatever is there. */
	if (vm_read_guest(vm, gpa, version, sizeof(*version)))
		return;
	*version = (*version + 1) | 1;
	if (vm_write_guest(vm, gpa, version, sizeof(*version)))
		return;
	/* Odd version, contents, even version: in this order for other vCPUs. */
	smp_wmb();
	if (vm_write_guest(vm, gpa + sizeof(*version), version + 1, bytes - sizeof(*version)))
		return;
	smp_wmb();	/* as above */
	*version += 1;
	vm_write_guest(vm, gpa, version, sizeof(*version));
}

/* The wall-clock time at which the system time was 0. */
static void pv_write_wall_clock(struct vcpu *vcpu)
{
	struct pvclock_vcpu_time_info info = {};
	struct pvclock_wall_clock wall = {};
	u64 delta, zero, real;
	u32 nsec;

	pv_clock_fill(vcpu, &info);
	real = ktime_get_real_ns();
	delta = vcpu_tsc(vcpu) - info.tsc_timestamp;
	delta = info.tsc_shift < 0 ? delta >> -info.tsc_shift : delta << info.tsc_shift;
	zero = real - info.system_time - mul_u64_u32_shr(delta, info.tsc_to_system_mul, 32);
	wall.sec = div_u64_rem(zero, NSEC_PER_SEC, &nsec);
	wall.nsec = nsec;
	pv_write_versioned(vcpu->vm, vcpu->pv.wall_clock & ~PV_WALL_DUE, &wall, sizeof(wall));
}

/**
 * pv_update_clock() - write what the guest's clock page shall say
 * @vcpu: outside the window; may sleep
 *
 * An address outside the guest's memory is the guest's own loss.
 */
void pv_update_clock(struct vcpu *vcpu)
{
	if (vcpu->pv.wall_clock & PV_WALL_DUE) {
		pv_write_wall_clock(vcpu);
		vcpu->pv.wall_clock &= ~PV_WALL_DUE;
	}
	if (vcpu->pv.system_time & PV_ENABLE) {
		struct pvclock_vcpu_time_info info = {};

		vcpu->clock_jiffies = jiffies;
		vcpu->clock_cpu = pv_clock_fill(vcpu, &info);
		pv_write_versioned(vcpu->vm, vcpu->pv.system_time & ~PV_ENABLE, &info,
				   sizeof(info));
	}
}

/*
 * The vCPU is about to run on this CPU, and the host's TSC is not to be relied on: its page must
 * not speak of another CPU's TSC, nor call it stable any more, nor be so old that the TSC's rate,
 * known to some 50 ppm, takes the vCPUs' clocks far from each other.
 */
void pv_clock_check(struct vcpu *vcpu)
{
	if (vcpu->pv.system_time & PV_ENABLE &&
	    (vcpu->clock_cpu != smp_processor_id() ||
	     time_after(jiffies, vcpu->clock_jiffies + PV_CLOCK_AGE)))
		vcpu_request(vcpu, VCPU_REQ_CLOCK);
}

/* 0 is what user space restores if the guest never asked. */
void pv_clock_set_wall(struct vcpu *vcpu, u64 value)
{
	vcpu->pv.wall_clock = value ? value | PV_WALL_DUE : 0;
}

u64 pv_clock_get_wall(const struct vcpu *vcpu)
{
	return vcpu->pv.wall_clock & ~PV_WALL_DUE;
}
