/* SPDX-License-Identifier: GPL-2.0 */
/*
 * MSR and I/O permission maps (APM vol. 2, 15.10 and 15.11), built from a table of what a guest
 * may touch without an exit. Pure C; the caller allocates. There is one map of each kind for all
 * VMs, never written after it was built.
 *
 * The trick: maps start as all ones, and only the table clears bits, so that an MSR nobody thought
 * of is intercepted.
 */
#ifndef SVMM_SVM_BITMAP_H
#define SVMM_SVM_BITMAP_H

#include "../pure.h"

/* Physically contiguous and page-aligned, both. */
#define MSRPM_BYTES	(2 * 4096)
#define IOPM_BYTES	(3 * 4096)	/* a bit per port, and 3 for accesses across FFFFh */

/**
 * struct msr_pass - an MSR that a guest uses without an exit
 * @msr: its number
 * @read: RDMSR passes
 * @write: WRMSR passes
 */
struct msr_pass {
	u32 msr;
	bool read;
	bool write;
};

/**
 * msrpm_bit() - where an MSR's two bits are
 * @msr: its number
 *
 * Return: number of its read bit in the map, the write bit is the next; -1 if the map does not
 * cover it (every access then exits).
 */
int msrpm_bit(u32 msr);

/**
 * msrpm_build() - build the MSR permission map that every VM uses
 * @map: MSRPM_BYTES
 *
 * What passes is the table in bitmap.c.
 */
void msrpm_build(u8 *map);

/**
 * msrpm_intercepts() - what the processor answers for an access
 * @map: MSRPM_BYTES
 * @msr: number
 * @write: WRMSR, not RDMSR
 */
bool msrpm_intercepts(const u8 *map, u32 msr, bool write);

/**
 * iopm_build() - build the I/O permission map that every VM uses: every port exits
 * @map: IOPM_BYTES
 */
void iopm_build(u8 *map);

#endif /* SVMM_SVM_BITMAP_H */
