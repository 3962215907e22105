// SPDX-License-Identifier: GPL-2.0
/*
 * What a guest asks of KVM's paravirtual interface: MSRs, steal time, hypercalls
 * (Linux: Documentation/virt/kvm/x86/msr.rst, cpuid.rst and hypercalls.rst).
 *
 * It must not know the VMCB.  Each feature is behind its CPUID bit: without the
 * bit its MSR is #GP and its hypercall -KVM_ENOSYS.  The one trick: a vCPU that
 * does not run tells so in the guest's memory, and takes the flushes that others
 * leave there by an atomic exchange; what happens between that and VMRUN needs
 * no care, because the others then send interrupts again.
 */
#include <linux/kvm_para.h>
#include <linux/sched.h>

#include "core.h"
#include "memory.h"
#include "trace.h"
#include "svm/svm.h"

#define STEAL_FIELD(vcpu, field)					\
	(((vcpu)->pv.steal_time & ~(u64)PV_ENABLE) + offsetof(struct kvm_steal_time, field))

/* Asynchronous page faults, migration control, poll control and the rest are not offered. */
u32 pv_supported(void)
{
	u32 features = BIT(KVM_FEATURE_CLOCKSOURCE) | BIT(KVM_FEATURE_NOP_IO_DELAY) |
		       BIT(KVM_FEATURE_CLOCKSOURCE2) | BIT(KVM_FEATURE_PV_EOI) |
		       BIT(KVM_FEATURE_PV_UNHALT) | BIT(KVM_FEATURE_PV_SEND_IPI) |
		       BIT(KVM_FEATURE_PV_SCHED_YIELD);

	if (IS_ENABLED(CONFIG_SCHED_INFO))
		features |= BIT(KVM_FEATURE_STEAL_TIME) | BIT(KVM_FEATURE_PV_TLB_FLUSH);
	if (pv_clock_stable())
		features |= BIT(KVM_FEATURE_CLOCKSOURCE_STABLE_BIT);
	return features;
}

/* Power-on and INIT: the guest has asked for nothing.  [m] */
void pv_reset(struct vcpu *vcpu)
{
	memset(&vcpu->pv, 0, sizeof(vcpu->pv));
	memset(&vcpu->steal, 0, sizeof(vcpu->steal));
	vcpu->eoi_offer = 0;
	WRITE_ONCE(vcpu->unhalted, false);
}

/*
 * Steal time
 */

/* Time that the thread could have run and did not, in ns. */
static u64 run_delay(void)
{
#ifdef CONFIG_SCHED_INFO
	return READ_ONCE(current->sched_info.run_delay);
#else
	return 0;
#endif
}

/* The version is odd while the time is in motion; both are the guest's, and count on from there. */
static void steal_add(struct vcpu *vcpu, u64 ns)
{
	u64 steal, gpa = STEAL_FIELD(vcpu, steal), version_gpa = STEAL_FIELD(vcpu, version);
	struct vm *vm = vcpu->vm;
	u32 version;

	if (vm_read_guest(vm, gpa, &steal, sizeof(steal)) ||
	    vm_read_guest(vm, version_gpa, &version, sizeof(version)))
		return;
	version = (version + 1) | 1;
	if (vm_write_guest(vm, version_gpa, &version, sizeof(version)))
		return;
	smp_wmb();	/* odd, contents, even, in this order for other vCPUs */
	steal += ns;
	if (vm_write_guest(vm, gpa, &steal, sizeof(steal)))
		return;
	smp_wmb();	/* as above */
	version++;
	vm_write_guest(vm, version_gpa, &version, sizeof(version));
	vcpu->counters.steal_ns += ns;
}

/* The vCPU runs again: what others have left in the byte meanwhile, all bits if that is unknown. */
static u8 steal_take_byte(struct vcpu *vcpu)
{
	u64 gpa = STEAL_FIELD(vcpu, preempted);
	u8 byte, zero = 0;
	int try, ret;

	/* Only a guest that fights itself needs more than two tries. */
	for (try = 0; try < 4; try++) {
		if (vm_read_guest(vcpu->vm, gpa, &byte, sizeof(byte)))
			return 0xff;
		ret = vm_cmpxchg_guest(vcpu->vm, gpa, byte, 0, sizeof(byte));
		if (!ret)
			return byte;
		if (ret != -EAGAIN)
			return 0xff;
	}
	vm_write_guest(vcpu->vm, gpa, &zero, sizeof(zero));
	return 0xff;
}

/**
 * pv_steal_report() - before the vCPU runs on
 * @vcpu: steal time is enabled; outside the window, may sleep
 *
 * Preemption between this and VMRUN is reported the next time.  The delay is the
 * thread's: with another thread, or none before, it counts from now on.
 */
void pv_steal_report(struct vcpu *vcpu)
{
	u64 now = run_delay();

	if (vcpu->steal.preempted) {
		vcpu->steal.preempted = false;
		if (steal_take_byte(vcpu) & KVM_VCPU_FLUSH_TLB) {
			vcpu->counters.pv_tlb_flushes++;
			svm_flush_asid(vcpu);
		}
	}
	if (now == vcpu->steal.run_delay && vcpu->steal.task == current)
		return;
	if (vcpu->steal.task == current && now > vcpu->steal.run_delay)
		steal_add(vcpu, now - vcpu->steal.run_delay);
	vcpu->steal.task = current;
	vcpu->steal.run_delay = now;
}

/**
 * pv_steal_tell() - pv_steal_preempted(): the vCPU gives up its CPU, or may
 * @vcpu: in the window, or outside; does not sleep
 *
 * If the guest cannot be told it believes that the vCPU runs, which costs it an interrupt.
 */
void pv_steal_tell(struct vcpu *vcpu)
{
	u8 byte = KVM_VCPU_PREEMPTED;

	vcpu->steal.preempted = !vm_write_guest_nofault(vcpu->vm, STEAL_FIELD(vcpu, preempted),
							&byte, sizeof(byte));
}

/*
 * MSRs
 */

/* The feature that an MSR belongs to, and bits that it must not have. */
static unsigned int pv_msr_feature(u32 index, u64 *reserved)
{
	*reserved = 2;		/* a multiple of 4, and the flag that enables */
	switch (index) {
	case MSR_KVM_WALL_CLOCK:
	case MSR_KVM_SYSTEM_TIME:
		return KVM_FEATURE_CLOCKSOURCE;
	case MSR_KVM_STEAL_TIME:
		*reserved = KVM_STEAL_RESERVED_MASK;
		return KVM_FEATURE_STEAL_TIME;
	case MSR_KVM_PV_EOI_EN:
		return KVM_FEATURE_PV_EOI;
	default:
		return KVM_FEATURE_CLOCKSOURCE2;
	}
}

/**
 * pv_msr_read() - a paravirtual MSR
 * @vcpu: its thread is the caller
 * @index: 11h, 12h, 4B56_4D00h, 01h, 03h, 04h
 * @value: as the guest wrote it
 *
 * Return: 0, or -EINVAL for #GP: CPUID does not show its feature.
 */
int pv_msr_read(struct vcpu *vcpu, u32 index, u64 *value)
{
	u64 reserved;

	if (!pv_has(vcpu, pv_msr_feature(index, &reserved)))
		return -EINVAL;
	switch (index) {
	case MSR_KVM_WALL_CLOCK:
	case MSR_KVM_WALL_CLOCK_NEW:
		*value = pv_clock_get_wall(vcpu);
		break;
	case MSR_KVM_STEAL_TIME:
		*value = vcpu->pv.steal_time;
		break;
	case MSR_KVM_PV_EOI_EN:
		*value = vcpu->pv.pv_eoi;
		break;
	default:
		*value = vcpu->pv.system_time;
	}
	return 0;
}

static void pv_msr_set(struct vcpu *vcpu, u32 index, u64 value)
{
	switch (index) {
	case MSR_KVM_WALL_CLOCK:
	case MSR_KVM_WALL_CLOCK_NEW:
		pv_clock_set_wall(vcpu, value);
		break;
	case MSR_KVM_STEAL_TIME:
		vcpu->pv.steal_time = value;
		/* The delay counts from here; a byte that is left from before is cleared. */
		vcpu->steal.task = NULL;
		vcpu->steal.preempted = value & PV_ENABLE;
		break;
	case MSR_KVM_PV_EOI_EN:
		vcpu->pv.pv_eoi = value;
		return;
	default:
		vcpu->pv.system_time = value;
	}
	/* It is written before the guest runs on. */
	vcpu_request(vcpu, VCPU_REQ_CLOCK);
}

/**
 * pv_msr_write() - a paravirtual MSR
 * @vcpu: its thread is the caller
 * @index: as above
 * @value: guest-physical address, a multiple of 4 (steal time: 64); but for the
 *	wall clock, bit 0 enables
 *
 * An address outside the guest's memory is the guest's own loss.  Return: 0, or
 * -EINVAL for #GP.
 */
int pv_msr_write(struct vcpu *vcpu, u32 index, u64 value)
{
	u64 reserved;

	if (!pv_has(vcpu, pv_msr_feature(index, &reserved)) || value & reserved)
		return -EINVAL;
	pv_msr_set(vcpu, index, value);
	return 0;
}

static const struct {
	u16 offset;
	u32 index;
} pv_group[] = {
	{ offsetof(struct svmm_pv, wall_clock), MSR_KVM_WALL_CLOCK_NEW },
	{ offsetof(struct svmm_pv, system_time), MSR_KVM_SYSTEM_TIME_NEW },
	{ offsetof(struct svmm_pv, steal_time), MSR_KVM_STEAL_TIME },
	{ offsetof(struct svmm_pv, pv_eoi), MSR_KVM_PV_EOI_EN },
};

void pv_publish(struct vcpu *vcpu, struct svmm_pv *out)
{
	*out = vcpu->pv;
	out->wall_clock = pv_clock_get_wall(vcpu);
}

/* What CPUID does not show is 0, so that every guest's group can be restored as it was. */
int pv_commit(struct vcpu *vcpu, const struct svmm_pv *in)
{
	const u32 clocks = BIT(KVM_FEATURE_CLOCKSOURCE) | BIT(KVM_FEATURE_CLOCKSOURCE2);
	u64 reserved;
	int i;

	if (memchr_inv(in->reserved, 0, sizeof(in->reserved)))
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(pv_group); i++) {
		u64 value = *(const u64 *)((const void *)in + pv_group[i].offset);
		unsigned int feature = pv_msr_feature(pv_group[i].index, &reserved);

		/* Both numbers of a clock MSR are one register. */
		if (value & reserved ||
		    (value && !(vcpu->policy.pv & (BIT(feature) & clocks ? clocks : BIT(feature)))))
			return -EINVAL;
	}
	for (i = 0; i < ARRAY_SIZE(pv_group); i++)
		pv_msr_set(vcpu, pv_group[i].index,
			   *(const u64 *)((const void *)in + pv_group[i].offset));
	return 0;
}

/*
 * Hypercalls
 */

#define ICR_MODES	(BIT(0) | BIT(1) | BIT(4))	/* fixed, lowest priority, NMI */
#define ICR_DEST	(BIT(11) | BIT(18) | BIT(19))	/* logical, shorthands: none */

/* An interrupt to each APIC of the map, whose bit 0 is APIC @min.  Return: how many took it. */
static long pv_send_ipi(struct vcpu *vcpu, const unsigned long map[2], u64 min, u64 icr,
			unsigned int bits)
{
	unsigned int i, sent = 0;
	int ret;

	if (icr & ICR_DEST || !(BIT(icr >> 8 & 7) & ICR_MODES))
		return -KVM_EINVAL;
	for (i = 0; i < bits && min + i < SVMM_MAX_VCPUS; i++) {
		if (!test_bit(i, map))
			continue;
		ret = lapic_deliver_msi(vcpu->vm, 0xfee00000 | (min + i) << 12, icr & 0x7ff);
		sent += max(ret, 0);
	}
	vcpu->counters.pv_ipis += sent;
	return sent;
}

static struct vcpu *pv_vcpu(struct vcpu *vcpu, u64 apic_id)
{
	return apic_id < SVMM_MAX_VCPUS ? vm_get_vcpu(vcpu->vm, apic_id) : NULL;
}

/* A spinlock was released that this vCPU waits for, in HLT or on its way there. */
static void pv_unhalt(struct vcpu *vcpu, u64 apic_id)
{
	struct vcpu *target = pv_vcpu(vcpu, apic_id);

	vcpu->counters.pv_kicks++;
	if (!target)
		return;
	WRITE_ONCE(target->unhalted, true);
	vcpu_wake(target);
}

/*
 * yield_to() is not for modules in every kernel.  What is left: step back on this CPU, if that is
 * where the other one waits for its turn.
 */
static void pv_yield(struct vcpu *vcpu, u64 apic_id)
{
	struct vcpu *target = pv_vcpu(vcpu, apic_id);

	vcpu->counters.pv_yields++;
	if (target && target != vcpu && READ_ONCE(target->mode) == VCPU_OUTSIDE &&
	    READ_ONCE(target->cpu) == READ_ONCE(vcpu->cpu))
		vcpu_request(vcpu, VCPU_REQ_YIELD);
}

static long pv_call(struct vcpu *vcpu, u64 nr, const u64 arg[4], unsigned int word_bits)
{
	unsigned long map[2] = { arg[0], arg[1] };

	switch (nr) {
	case KVM_HC_VAPIC_POLL_IRQ:
		return 0;	/* the exit was all that it asked for */
	case KVM_HC_KICK_CPU:
		if (!pv_has(vcpu, KVM_FEATURE_PV_UNHALT))
			break;
		pv_unhalt(vcpu, arg[1]);
		return 0;
	case KVM_HC_SEND_IPI:
		if (!pv_has(vcpu, KVM_FEATURE_PV_SEND_IPI))
			break;
		if (word_bits == 32)
			map[0] |= arg[1] << 32;
		return pv_send_ipi(vcpu, map, arg[2], arg[3], 2 * word_bits);
	case KVM_HC_SCHED_YIELD:
		if (!pv_has(vcpu, KVM_FEATURE_PV_SCHED_YIELD))
			break;
		pv_yield(vcpu, arg[0]);
		return 0;
	}
	return -KVM_ENOSYS;
}

/**
 * pv_hypercall() - VMMCALL
 * @vcpu: in the window
 *
 * RAX is the number, and the result; RBX, RCX, RDX and RSI are the arguments, of
 * which only 32-bit code's lower halves count.  Only CPL 0 may ask.
 */
void pv_hypercall(struct vcpu *vcpu)
{
	static const u8 arg_regs[] = { X86_RBX, X86_RCX, X86_RDX, X86_RSI };
	bool wide = svm_in_64bit(vcpu);
	u64 mask = wide ? ~0ULL : U32_MAX;
	u64 arg[ARRAY_SIZE(arg_regs)];
	long ret = -KVM_EPERM;
	int i;

	for (i = 0; i < ARRAY_SIZE(arg); i++)
		arg[i] = vcpu->regs[arg_regs[i]] & mask;
	if (!svm_get_cpl(vcpu))
		ret = pv_call(vcpu, vcpu->regs[X86_RAX] & mask, arg, wide ? 64 : 32);
	trace_svmm_hypercall(vcpu, vcpu->regs[X86_RAX] & mask, arg, ret);
	vcpu->regs[X86_RAX] = ret & mask;
}
