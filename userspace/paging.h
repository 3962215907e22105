/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest's page tables, walked as its processor does (APM vol. 2, 5), but for rights.
 */
#ifndef VMCTL_PAGING_H
#define VMCTL_PAGING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libsvmm.h"

#define PAGING_LEVELS	5

/* An entry that was read. */
struct paging_step {
	unsigned int level;	/* 1 is the last table */
	uint64_t gpa;		/* where it is */
	uint64_t value;
};

/**
 * struct paging_walk - the way to an address
 * @nr: of steps; 0: there is no paging
 * @step: the entries, from the root's table on
 * @mapped: it leads somewhere; else the last entry is not present, or is where nothing is
 * @gpa: of the address
 * @page: bytes that lie together there
 */
struct paging_walk {
	unsigned int nr;
	struct paging_step step[PAGING_LEVELS];
	bool mapped;
	uint64_t gpa;
	uint64_t page;
};

/* Guest-physical memory: @bytes of it, or false. */
typedef bool (*paging_read)(void *opaque, uint64_t gpa, void *data, size_t bytes);

/**
 * paging_walk - translate an address
 * @cr: of the vCPU
 * @linear: the address
 * @read: reads guest memory; @opaque is passed on
 * @w: filled in
 */
void paging_walk(const struct svmm_crs *cr, uint64_t linear, paging_read read, void *opaque,
		 struct paging_walk *w);

#endif
