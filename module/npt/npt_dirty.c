// SPDX-License-Identifier: GPL-2.0
/*
 * Which pages did the guest write?  While a slot logs that, its pages are mapped
 * by 4 KiB and read-only until the first write to each, whose fault notes it in
 * the slot's bitmap.
 *
 * The trick is in the order, under mmu_lock: a bit is cleared, its page protected,
 * the TLBs flushed, and only then does anyone hear of it.  Whatever is written
 * after that finds the page read-only, and whatever was written before is in
 * memory when the page is read.
 */
#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/sched.h>

#include "npt_mm.h"

/* What one hold of mmu_lock may look at. */
#define PROTECT_FRAMES	2048

void npt_protect_range(struct vm *vm, u64 gfn, u64 npages)
{
	struct npt *npt = vm->npt;
	u64 end = gfn + npages;

	for (; gfn < end; gfn += PROTECT_FRAMES) {
		write_lock(&npt->mmu_lock);
		/* A fault that found the old slot maps nothing any more. */
		npt_outdate(npt, 0, ULONG_MAX);
		if (npt_write_protect(&npt->tables, gfn, min_t(u64, end - gfn, PROTECT_FRAMES)))
			vm_flush_tlbs(vm);
		write_unlock(&npt->mmu_lock);
		cond_resched();
	}
}

/* Protect the pages of @bits, of which the first is @gfn.  Return: flush needed. */
static bool protect_bits(struct npt *npt, u64 gfn, unsigned long bits)
{
	bool any = false;

	while (bits) {
		unsigned int first = __ffs(bits);
		unsigned int run = ~(bits >> first) ? __ffs(~(bits >> first)) : BITS_PER_LONG;

		any |= npt_write_protect(&npt->tables, gfn + first, run);
		bits &= ~(GENMASK(run - 1, 0) << first);
	}
	return any;
}

void npt_harvest(struct vm *vm, const struct memslot *slot, u64 first, unsigned long *words,
		 unsigned int nr)
{
	struct npt *npt = vm->npt;
	unsigned long any = 0;
	bool flush = false;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		words[i] &= READ_ONCE(slot->dirty[first + i]);
		any |= words[i];
	}
	if (!any)
		return;

	write_lock(&npt->mmu_lock);
	for (i = 0; i < nr; i++) {
		if (!words[i])
			continue;
		words[i] &= atomic_long_fetch_andnot(words[i],
						     (atomic_long_t *)&slot->dirty[first + i]);
		flush |= protect_bits(npt, slot->base_gfn + (first + i) * BITS_PER_LONG, words[i]);
	}
	if (flush)
		vm_flush_tlbs(vm);
	write_unlock(&npt->mmu_lock);
}
