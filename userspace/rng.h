/* SPDX-License-Identifier: GPL-2.0 */
/*
 * --rng: what the user says of the guest's source of random numbers.
 */
#ifndef VMCTL_RNG_H
#define VMCTL_RNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rng_options {
	bool wanted;
	uint32_t rate;		/* bytes in a second, 0: no limit */
};

extern const char rng_help[];

/* [rate=N], or NULL.  Return: whether it is right; else @why it is not. */
bool rng_parse(const char *text, struct rng_options *rng, char *why, size_t bytes);

#endif
