/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random numbers that are the same in each run (xorshift64*), for unit tests that try what comes.
 */
#ifndef SELFTESTS_UNIT_RANDOM_H
#define SELFTESTS_UNIT_RANDOM_H

#include "../../module/pure.h"

static u64 rng_state = 0x9e3779b97f4a7c15;

static inline u64 rng(void)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return rng_state * 0x2545f4914f6cdd1d;
}

#endif
