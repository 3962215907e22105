/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ioeventfd: a write of the guest to a device is no more than a signal.
 */
#ifndef SVMM_IOEVENT_H
#define SVMM_IOEVENT_H

#include "core.h"

/* May an eventfd be signalled in the window?  Its lock sleeps on PREEMPT_RT. */
#define IOEVENT_IN_WINDOW	(!IS_ENABLED(CONFIG_PREEMPT_RT))

/**
 * ioevent_set() - SVMM_IOEVENTFD
 * @vm: of the guest
 * @args: a copy of what user space gave
 *
 * Takes vm->lock and may sleep.  Return: 0 or the errors of SVMM_IOEVENTFD.
 */
int ioevent_set(struct vm *vm, const struct svmm_ioeventfd *args);
void ioevent_destroy(struct vm *vm);	/* no vCPU runs any more */

/* Has the VM any? */
static inline bool ioevent_any(const struct vm *vm)
{
	return rcu_access_pointer(vm->ioevents);
}

bool ioevent_find_and_signal(struct vm *vm, bool port, u64 address, u64 value,
			     unsigned int bytes);

/**
 * ioevent_signal() - the guest writes to a device
 * @vm: of the guest
 * @port: @address is an I/O port
 * @address: where
 * @value: what, in its lower @bytes
 * @bytes: at most 8
 *
 * With preemption off or under RCU; in the window only IOEVENT_IN_WINDOW.
 *
 * Return: true if an eventfd was signalled, and that was all.
 */
static inline bool ioevent_signal(struct vm *vm, bool port, u64 address, u64 value,
				  unsigned int bytes)
{
	return unlikely(ioevent_any(vm)) &&
	       ioevent_find_and_signal(vm, port, address, value, bytes);
}

#endif
