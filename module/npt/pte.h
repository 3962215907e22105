/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One entry of a nested page table: its bits, and how to make and read one.
 *
 * Nested tables have the format of long-mode page tables, with nested CR3 in
 * the place of CR3 (APM vol. 2, 15.25.3).  It must not know who walks them.
 * The one trick: the nested walk is always made as a user access (15.25.5), so
 * that U=1 is part of every entry at every level and is never asked about.
 */
#ifndef SVMM_PTE_H
#define SVMM_PTE_H

#include "../pure.h"

#define NPT_P		BIT_ULL(0)
#define NPT_W		BIT_ULL(1)
#define NPT_U		BIT_ULL(2)
#define NPT_A		BIT_ULL(5)
#define NPT_D		BIT_ULL(6)	/* leaves only */
#define NPT_PS		BIT_ULL(7)	/* leaf at 2M or 1G; elsewhere zero */
#define NPT_NX		BIT_ULL(63)
#define NPT_ADDR	GENMASK_ULL(51, 12)

/* Levels are counted from the leaves up; the root is 4 or 5. */
#define NPT_4K		1u
#define NPT_2M		2u
#define NPT_1G		3u
#define NPT_MAX_LEVELS	5u

#define NPT_ENTRIES	512u
#define NPT_PAGE_SHIFT	12

/* Guest frames that an entry of a table at @level covers. */
static inline u64 npt_frames(unsigned int level)
{
	return 1ULL << (9 * (level - 1));
}

/* First frame and one-past-last frame of the entry at @level that covers @gfn. */
static inline u64 npt_first(u64 gfn, unsigned int level)
{
	return gfn & ~(npt_frames(level) - 1);
}

static inline u64 npt_next(u64 gfn, unsigned int level)
{
	return npt_first(gfn, level) + npt_frames(level);
}

static inline unsigned int npt_index(u64 gfn, unsigned int level)
{
	return (gfn >> (9 * (level - 1))) % NPT_ENTRIES;
}

static inline bool npt_present(u64 entry)
{
	return entry & NPT_P;
}

static inline bool npt_is_leaf(u64 entry, unsigned int level)
{
	return npt_present(entry) && (level == NPT_4K || (entry & NPT_PS));
}

static inline bool npt_is_table(u64 entry, unsigned int level)
{
	return npt_present(entry) && !npt_is_leaf(entry, level);
}

/* Rights are the leaves' business: an entry that points to a table permits all. */
static inline u64 npt_make_table(u64 pa, u64 enc)
{
	return pa | enc | NPT_P | NPT_W | NPT_U | NPT_A;
}

/*
 * A new leaf.  The access that asked for it is about to be repeated, so A (and
 * D, if it wrote: the caller's @bits) is set now and saves the CPU a locked
 * write.  PAT, PCD and PWT are 0: write-back, if the guest agrees (15.25.8).
 */
static inline u64 npt_make_leaf(u64 pa, unsigned int level, u64 bits, u64 enc)
{
	return pa | enc | bits | NPT_P | NPT_U | NPT_A | (level > NPT_4K ? NPT_PS : 0);
}

/* Physical address in an entry, without the encryption bit. */
static inline u64 npt_pa(u64 entry, u64 enc)
{
	return entry & NPT_ADDR & ~enc;
}

#endif
