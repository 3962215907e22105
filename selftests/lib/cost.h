/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest program guests/cost.S: exits of one kind, as many as one asks for. Its devices are
 * nobody's: what is read is 0.
 */
#ifndef SELFTESTS_COST_H
#define SELFTESTS_COST_H

#include "vmtest.h"

#define COST_DEVICE	0x40000000UL	/* no memory there */
#define COST_PORT	0xe0
#define COST_MSR	0x2ff		/* MTRR_DEF_TYPE */

void cost_open(struct vmt *v);
/* Run an entry point to its end. */
void cost_run(struct vmt *v, const char *entry, uint64_t rounds);

/* The line of an exit code in a vCPU's accounts; NULL: there was none. */
const struct svmm_exit_stat *cost_line(const struct svmm_vcpu_stats *stats, uint64_t code);

#endif
