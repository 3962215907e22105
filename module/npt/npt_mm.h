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

#include "../memory.h"
#include "npt.h"

/* Whatever ended since a fault began is remembered so far back; beyond that it tries again. */
#define NPT_RECENT	16

struct npt_range {
	unsigned long start, end;		/* addresses of the host, end exclusive */
};

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
	struct npt_range recent[NPT_RECENT];	/* what the last of them were, by seq */
	unsigned int in_progress;		/* invalidations between start and end */
	struct npt_range invalid;		/* covers them all */
	wait_queue_head_t idle;			/* faults wait until none is in progress */
};

struct npt_retired {
	struct list_head pages;
};

#define NPT_RETIRED(name)	struct npt_retired name = { LIST_HEAD_INIT((name).pages) }

/* Whatever faults know of [start, end) is out of date.  With mmu_lock held for writing. */
static inline void npt_outdate(struct npt *npt, unsigned long start, unsigned long end)
{
	npt->recent[npt->seq % NPT_RECENT] = (struct npt_range){ start, end };
	/* Pairs with the fault that samples it. */
	smp_store_release(&npt->seq, npt->seq + 1);
}

/* @nr more spare tables: 0 or -ENOMEM.  May sleep. */
int npt_spares_add(struct npt *npt, struct npt_spares *spares, unsigned int nr);
void npt_spares_free(struct npt *npt, struct npt_spares *spares);

/* After the flush. */
void npt_retired_free(struct npt *npt, struct npt_retired *retired);

#endif
