/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters that run at a fixed frequency, computed from the time instead of being counted.
 * The one trick: whole seconds and the rest are converted apart, so nothing overflows in
 * centuries, and ns_from_ticks() rounds up, so that its result is never a tick early.
 */
#ifndef VMCTL_TICKS_H
#define VMCTL_TICKS_H

#include <stdint.h>

#define NSEC_PER_SEC	1000000000ull

static inline uint64_t ticks_from_ns(uint64_t ns, uint32_t hz)
{
	return ns / NSEC_PER_SEC * hz + ns % NSEC_PER_SEC * hz / NSEC_PER_SEC;
}

static inline uint64_t ns_from_ticks(uint64_t ticks, uint32_t hz)
{
	return ticks / hz * NSEC_PER_SEC + (ticks % hz * NSEC_PER_SEC + hz - 1) / hz;
}

#endif
