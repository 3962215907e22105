/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Time-stamp counters: the host's, and a guest's (tsc.c).
 */
#ifndef SVMM_TSC_H
#define SVMM_TSC_H

#include <asm/tsc.h>

#include "core.h"

#define TSC_RATIO_ONE		BIT_ULL(32)

/* Ticks that the host's TSC has lost in sleep; changes while all tasks are frozen. svm/cpu.c */
extern u64 svm_tsc_lost;

/* Ticks of the host's TSC at the rate of @vm's. */
static inline u64 tsc_scale(const struct vm *vm, u64 tsc)
{
	return vm->tsc_ratio == TSC_RATIO_ONE ? tsc : mul_u64_u64_shr(tsc, vm->tsc_ratio, 32);
}

/* The host's TSC as if it had never been reset. */
static __always_inline u64 tsc_host(void)
{
	return rdtsc_ordered() + svm_tsc_lost;
}

/* The same, at the rate of @vm's. */
static inline u64 tsc_scaled(const struct vm *vm)
{
	return tsc_scale(vm, tsc_host());
}

/* The guest's TSC, now. */
static inline u64 vcpu_tsc(const struct vcpu *vcpu)
{
	return tsc_scaled(vcpu->vm) + vcpu->tsc_offset;
}

void tsc_write(struct vcpu *vcpu, u64 value);
void tsc_catch_up(struct vcpu *vcpu, u64 now);
void tsc_publish(struct vcpu *vcpu, struct svmm_tsc *out);
int tsc_commit(struct vcpu *vcpu, const struct svmm_tsc *in);
int tsc_set_khz(struct vm *vm, u32 khz);
int tsc_shift(struct vm *vm, u64 ns);

#endif
