/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Nested page tables as a data structure: what they map, and the legal ways to
 * change that while CPUs walk them.
 *
 * It must not know where tables come from, which locks there are or how a TLB
 * is flushed.  The one trick: npt.c reaches memory only through the npt_mem_*()
 * and npt_entry_*() functions, which whoever links it supplies; the unit tests
 * supply a memory that records every write, and prove that each state in
 * between translates each address as before or as after.
 *
 * "Shared" functions may run on several CPUs at once; "exclusive" ones need
 * that no other function runs.  The hardware may set A and D at any time.
 */
#ifndef SVMM_NPT_H
#define SVMM_NPT_H

#include "pte.h"

struct npt_tables {
	u64 *root;
	unsigned int levels;	/* 4 or 5 */
	u64 enc;		/* memory encryption bit, or 0 */
};

/*
 * Empty tables for npt_map() and friends to use, newest last.  There may be
 * some left over, when another CPU was faster.
 */
struct npt_spares {
	unsigned int nr;
	u64 *table[NPT_MAX_LEVELS - 1];
};

/* Tables that were cut off and may still be in use by a table walk: opaque. */
struct npt_retired;

/*
 * Supplied by the environment.
 */

u64 *npt_mem_table(u64 pa);
u64 npt_mem_pa(const u64 *table);
/* Keep @table, unchanged, until the TLBs have been flushed. */
void npt_mem_retire(struct npt_retired *retired, u64 *table);

/* Write to a table that no walk can reach yet. */
void npt_entry_init(u64 *entry, u64 value);
/* Atomic, and ordered after everything the CPU wrote before. */
bool npt_entry_cmpxchg(u64 *entry, u64 old, u64 new);
u64 npt_entry_xchg(u64 *entry, u64 new);

/*
 * Shared.
 */

/**
 * npt_walk() - the leaf that translates a guest frame
 * @t: the tables
 * @gfn: guest frame
 * @level: of the entry returned, or of the one that was missing
 *
 * Return: the leaf entry, 0 if there is none.
 */
u64 npt_walk(const struct npt_tables *t, u64 gfn, unsigned int *level);

/**
 * npt_path() - the entries on the way to a frame's leaf
 * @t: the tables
 * @gfn: guest frame
 * @entries: room for NPT_MAX_LEVELS; from the root's table on
 *
 * Return: how many were read; the last one is a leaf, or not present.
 */
unsigned int npt_path(const struct npt_tables *t, u64 gfn, u64 *entries);

/**
 * npt_map() - make a leaf, or widen the rights of the one that is there
 * @t: the tables
 * @gfn: first frame, aligned to the leaf's size
 * @level: NPT_4K, NPT_2M or NPT_1G
 * @leaf: npt_make_leaf()
 * @spares: taken from as needed
 *
 * Needs no flush: translations only appear, rights only grow.
 *
 * Return: 0 if @leaf's frames are now mapped with at least its rights;
 * a positive number if that many spare tables are missing (what was done stays);
 * -EEXIST if a leaf or table of another size or address is in the way.
 */
int npt_map(struct npt_tables *t, u64 gfn, unsigned int level, u64 leaf,
	    struct npt_spares *spares);

/* Was a leaf in the range used since it was mapped or npt_age() looked? */
bool npt_young(const struct npt_tables *t, u64 gfn, u64 nr);

/* The same, and forget it.  The caller flushes, or accepts missing some use. */
bool npt_age(struct npt_tables *t, u64 gfn, u64 nr);

/**
 * npt_leaves() - count leaves by size
 * @t: the tables
 * @gfn: first frame
 * @end: frame behind the last
 * @steps: look at no more entries than that, leaves or holes
 * @leaves: of NPT_4K, NPT_2M and NPT_1G; added to
 *
 * Return: the frame to go on with, or @end.
 */
u64 npt_leaves(const struct npt_tables *t, u64 gfn, u64 end, unsigned int steps, u64 leaves[3]);

/*
 * Exclusive.
 */

/**
 * npt_replace() - npt_map(), whatever is in the way
 *
 * A larger leaf is split; tables under a larger new leaf are retired.  The
 * caller flushes before anything else may happen to the range.
 *
 * Return: 0, or a positive number as npt_map().
 */
int npt_replace(struct npt_tables *t, u64 gfn, unsigned int level, u64 leaf,
		struct npt_spares *spares, struct npt_retired *retired);

/**
 * npt_split() - turn the leaf that covers a frame into smaller ones
 * @t: the tables
 * @gfn: any frame of the leaf
 * @level: size wanted; nothing is done if the leaf is no larger
 * @spares: one table per level between
 *
 * Every frame translates as before.  The caller flushes before it relies on
 * smaller entries being looked at.
 *
 * Return: 0, or a positive number as npt_map().
 */
int npt_split(struct npt_tables *t, u64 gfn, unsigned int level, struct npt_spares *spares);

/**
 * npt_unmap() - remove all translations of a range
 * @t: the tables
 * @gfn: first frame
 * @nr: number of frames
 * @retired: gets the tables that lie in the range
 *
 * A leaf that is partly in the range goes as a whole; it comes back by fault.
 *
 * Return: whether a flush is needed.
 */
bool npt_unmap(struct npt_tables *t, u64 gfn, u64 nr, struct npt_retired *retired);

/* Take away the right to write; leaves go as a whole.  Return: flush needed. */
bool npt_write_protect(struct npt_tables *t, u64 gfn, u64 nr);

/**
 * npt_harvest_dirty() - report written leaves and clear their dirty bits
 * @t: the tables
 * @gfn: first frame
 * @nr: number of frames
 * @report: called for each dirty leaf with the whole leaf's frames
 * @arg: passed on
 *
 * The CPU does not set D again for a translation that its TLB has as dirty, so
 * the caller flushes before it reads the pages.
 *
 * Return: whether anything was dirty.
 */
bool npt_harvest_dirty(struct npt_tables *t, u64 gfn, u64 nr,
		       void (*report)(void *arg, u64 gfn, u64 nr), void *arg);

#endif
