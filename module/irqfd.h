/* SPDX-License-Identifier: GPL-2.0 */
/*
 * irqfd: a signal of an eventfd is an interrupt message.
 */
#ifndef SVMM_IRQFD_H
#define SVMM_IRQFD_H

#include "core.h"

/**
 * irqfd_set() - SVMM_IRQFD
 * @vm: of the guest
 * @args: a copy of what user space gave
 *
 * Takes vm->lock and may sleep.  Return: 0 or the errors of SVMM_IRQFD.
 */
int irqfd_set(struct vm *vm, const struct svmm_irqfd *args);

/* The VM goes; its vCPUs are still there.  No signal meets it any more when this returns. */
void irqfd_destroy(struct vm *vm);

#endif
