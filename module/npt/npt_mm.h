/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of module/npt/ that deal with the host's memory management
 * share: npt_mm.c takes translations out, npt_fault.c brings them in, npt_dirty.c
 * finds out which pages were written.
 */
#ifndef SVMM_NPT_MM_H
#define SVMM_NPT_MM_H

#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/mmu_notifier.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "../core.h"
#include "npt.h"

struct npt {
	struct vm *vm;
	struct npt_tables tables;
	atomic_long_t nr_pages;			/* tables, root included */
	struct mmu_notifier notifier;

	/*
	 * Read: add translations.  Write: remove them, change their size, and
	 * all below.
	 */
	rwlock_t mmu_lock;
	unsigned long seq;			/* invalidations ended, slots changed */
	unsigned int in_progress;		/* invalidations between start and end */
	unsigned long inv_start, inv_end;	/* a range that covers them all */
	wait_queue_head_t idle;			/* faults wait until none is in progress */
};

struct npt_retired {
	struct list_head pages;
};

#define NPT_RETIRED(name)	struct npt_retired name = { LIST_HEAD_INIT((name).pages) }

/* @nr more spare tables: 0 or -ENOMEM.  May sleep. */
int npt_spares_add(struct npt *npt, struct npt_spares *spares, unsigned int nr);
void npt_spares_free(struct npt *npt, struct npt_spares *spares);

/* After the flush. */
void npt_retired_free(struct npt *npt, struct npt_retired *retired);

#endif
