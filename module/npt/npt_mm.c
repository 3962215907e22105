// SPDX-License-Identifier: GPL-2.0
/*
 * A VM's nested page tables and the host's memory management: faults bring
 * pages in, MMU notifiers take them out.
 *
 * It must not know the VMCB.  No page is pinned: a nested translation lives
 * only as long as the host's own translation of the same address.  The trick
 * that makes this safe is a sequence number: a fault samples it, asks the host
 * for the page without any lock, and under mmu_lock maps it only if no
 * invalidation of that address has begun since.  Invalidations of other
 * addresses do not matter to it: the last few are remembered with their ranges.
 *
 * Lock order: vm->lock, mm's locks, vm->srcu, mmu_lock.  mmu_lock is never
 * taken by interrupt handlers, and with it held the CPUs that run the guest
 * are waited for (vm_flush_tlbs()); nothing may take it with interrupts off.
 */
#include <linux/gfp.h>
#include <linux/mem_encrypt.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/srcu.h>

#include "../compat.h"
#include "npt_mm.h"

/* The frames under an entry of this level are removed under one hold of mmu_lock. */
#define ZAP_LEVEL	NPT_1G

/*
 * The memory under npt.c
 */

u64 *npt_mem_table(u64 pa)
{
	return __va(pa);
}

u64 npt_mem_pa(const u64 *table)
{
	return __pa(table);
}

void npt_mem_retire(struct npt_retired *retired, u64 *table)
{
	list_add(&virt_to_page(table)->lru, &retired->pages);
}

void npt_entry_init(u64 *entry, u64 value)
{
	WRITE_ONCE(*entry, value);
}

bool npt_entry_cmpxchg(u64 *entry, u64 old, u64 new)
{
	return cmpxchg64(entry, old, new) == old;
}

u64 npt_entry_xchg(u64 *entry, u64 new)
{
	return xchg(entry, new);
}

static u64 *table_alloc(struct npt *npt)
{
	u64 *table = (u64 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);

	if (table)
		atomic_long_inc(&npt->nr_pages);
	return table;
}

static void table_free(struct npt *npt, u64 *table)
{
	atomic_long_dec(&npt->nr_pages);
	free_page((unsigned long)table);
}

int npt_spares_add(struct npt *npt, struct npt_spares *spares, unsigned int nr)
{
	while (nr--) {
		u64 *table = table_alloc(npt);

		if (!table)
			return -ENOMEM;
		spares->table[spares->nr++] = table;
	}
	return 0;
}

void npt_spares_free(struct npt *npt, struct npt_spares *spares)
{
	while (spares->nr)
		table_free(npt, spares->table[--spares->nr]);
}

void npt_retired_free(struct npt *npt, struct npt_retired *retired)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, &retired->pages, lru)
		table_free(npt, page_address(page));
	INIT_LIST_HEAD(&retired->pages);
}

/*
 * Taking translations out
 */

/*
 * Unmap what one hold of mmu_lock may take, and flush.  The flush is made under
 * mmu_lock: another invalidation of the same page, which finds nothing left to
 * unmap, must not return before the TLBs have lost it too.
 */
static bool zap_chunk(struct npt *npt, u64 *gfn, u64 end)
{
	NPT_RETIRED(retired);
	/* Chunks end on their own alignment, so that tables go as a whole. */
	u64 next = min(end, npt_next(*gfn, ZAP_LEVEL));
	bool any;

	write_lock(&npt->mmu_lock);
	any = npt_unmap(&npt->tables, *gfn, next - *gfn, &retired);
	if (any)
		vm_flush_tlbs(npt->vm);
	write_unlock(&npt->mmu_lock);

	npt_retired_free(npt, &retired);
	*gfn = next;
	return any;
}

static bool zap(struct npt *npt, u64 gfn, u64 nr)
{
	u64 end = gfn + nr;
	bool any = false;

	while (gfn < end) {
		any |= zap_chunk(npt, &gfn, end);
		cond_resched();
	}
	return any;
}

static bool zap_atomic(struct npt *npt, u64 gfn, u64 nr)
{
	u64 end = gfn + nr;
	bool any = false;

	while (gfn < end)
		any |= zap_chunk(npt, &gfn, end);
	return any;
}

void npt_zap_range(struct vm *vm, u64 gfn, u64 npages)
{
	struct npt *npt = vm->npt;

	/* A fault that found the old slot and has not mapped yet does not map any more. */
	write_lock(&npt->mmu_lock);
	npt_outdate(npt, 0, ULONG_MAX);
	write_unlock(&npt->mmu_lock);

	zap(npt, gfn, npages);
}

/*
 * What the host tells
 */

static bool age(struct npt *npt, u64 gfn, u64 nr)
{
	bool any;

	read_lock(&npt->mmu_lock);
	any = npt_age(&npt->tables, gfn, nr);
	read_unlock(&npt->mmu_lock);
	return any;
}

static bool young(struct npt *npt, u64 gfn, u64 nr)
{
	bool any;

	read_lock(&npt->mmu_lock);
	any = npt_young(&npt->tables, gfn, nr);
	read_unlock(&npt->mmu_lock);
	return any;
}

/* Call @fn for the frames of each slot whose backing is in [start, end). */
static bool visit_slots(struct npt *npt, unsigned long start, unsigned long end,
			bool (*fn)(struct npt *npt, u64 gfn, u64 nr))
{
	struct vm *vm = npt->vm;
	const struct memslots *slots;
	bool any = false;
	unsigned int i;
	int idx;

	idx = srcu_read_lock(&vm->srcu);
	slots = srcu_dereference(vm->slots, &vm->srcu);
	for (i = 0; i < slots->nr; i++) {
		const struct memslot *slot = &slots->slot[i];
		unsigned long first = max(start, slot->hva);
		unsigned long last = min(end, slot->hva + (slot->npages << PAGE_SHIFT));

		if (first >= last)
			continue;
		first = (first - slot->hva) >> PAGE_SHIFT;
		last = (last - 1 - slot->hva) >> PAGE_SHIFT;
		any |= fn(npt, slot->base_gfn + first, last - first + 1);
	}
	srcu_read_unlock(&vm->srcu, idx);
	return any;
}

static struct npt *to_npt(struct mmu_notifier *notifier)
{
	return container_of(notifier, struct npt, notifier);
}

static int npt_invalidate_start(struct mmu_notifier *notifier,
				const struct mmu_notifier_range *range)
{
	struct npt *npt = to_npt(notifier);

	/* From here on no fault maps anything of the range. */
	write_lock(&npt->mmu_lock);
	if (!npt->in_progress++) {
		npt->invalid = (struct npt_range){ range->start, range->end };
	} else {
		npt->invalid.start = min(npt->invalid.start, range->start);
		npt->invalid.end = max(npt->invalid.end, range->end);
	}
	write_unlock(&npt->mmu_lock);

	/*
	 * The slots are read only now: whatever a fault has mapped belongs to a
	 * slot that was published before that fault held mmu_lock.
	 */
	visit_slots(npt, range->start, range->end,
		    mmu_notifier_range_blockable(range) ? zap : zap_atomic);
	return 0;
}

static void npt_invalidate_end(struct mmu_notifier *notifier,
			       const struct mmu_notifier_range *range)
{
	struct npt *npt = to_npt(notifier);

	write_lock(&npt->mmu_lock);
	npt_outdate(npt, range->start, range->end);
	npt->in_progress--;
	write_unlock(&npt->mmu_lock);
	if (wq_has_sleeper(&npt->idle))
		wake_up_all(&npt->idle);
}

static young_t npt_clear_flush_young(struct mmu_notifier *notifier, struct mm_struct *mm,
				     unsigned long start, unsigned long end)
{
	struct npt *npt = to_npt(notifier);

	if (!visit_slots(npt, start, end, age))
		return 0;
	vm_flush_tlbs(npt->vm);
	return 1;
}

static young_t npt_clear_young(struct mmu_notifier *notifier, struct mm_struct *mm,
			       unsigned long start, unsigned long end)
{
	return visit_slots(to_npt(notifier), start, end, age);
}

static young_t npt_test_young(struct mmu_notifier *notifier, struct mm_struct *mm,
			      unsigned long address)
{
	return visit_slots(to_npt(notifier), address, address + PAGE_SIZE, young);
}

/* The mm's last user is gone, so no thread is left that could run a vCPU. */
static void npt_release(struct mmu_notifier *notifier, struct mm_struct *mm)
{
	visit_slots(to_npt(notifier), 0, ULONG_MAX, zap);
}

static const struct mmu_notifier_ops npt_notifier_ops = {
	.release		= npt_release,
	.clear_flush_young	= npt_clear_flush_young,
	.clear_young		= npt_clear_young,
	.test_young		= npt_test_young,
	.invalidate_range_start	= npt_invalidate_start,
	.invalidate_range_end	= npt_invalidate_end,
};

/*
 * What others want to know
 */

/* Entries that are looked at under one hold of mmu_lock, holes too: a guest can make many. */
#define COUNT_STEPS	8192

static void add_dirty(void *arg, u64 gfn, u64 nr)
{
	*(u64 *)arg += nr << PAGE_SHIFT;
}

/* Count leaves from @gfn on.  Return: where to go on. */
static u64 count_chunk(struct npt *npt, u64 gfn, u64 end, struct npt_count *count)
{
	read_lock(&npt->mmu_lock);
	gfn = npt_leaves(&npt->tables, gfn, end, COUNT_STEPS, count->leaves);
	read_unlock(&npt->mmu_lock);
	return gfn;
}

/* The same, and what of them was written. */
static u64 harvest_chunk(struct npt *npt, u64 gfn, u64 end, struct npt_count *count)
{
	u64 next;

	write_lock(&npt->mmu_lock);
	next = npt_leaves(&npt->tables, gfn, end, COUNT_STEPS, count->leaves);
	npt_harvest_dirty(&npt->tables, gfn, next - gfn, add_dirty, &count->dirty_bytes);
	write_unlock(&npt->mmu_lock);
	return next;
}

int npt_count(struct vm *vm, bool reset, struct npt_count *count)
{
	struct npt *npt = vm->npt;
	u64 gfn = 0, end = npt_frames(npt->tables.levels + 1);

	memset(count, 0, sizeof(*count));
	count->tables = atomic_long_read(&npt->nr_pages);
	while (gfn < end && !fatal_signal_pending(current)) {
		gfn = reset ? harvest_chunk(npt, gfn, end, count) :
			      count_chunk(npt, gfn, end, count);
		cond_resched();
	}
	/* A CPU does not set D again where its TLB has it set. */
	if (reset)
		vm_flush_tlbs(vm);
	return gfn < end ? -EINTR : 0;
}

unsigned int npt_entries(struct vm *vm, u64 gfn, bool addresses, u64 *entries, u32 *levels)
{
	struct npt *npt = vm->npt;
	unsigned int nr, i;

	BUILD_BUG_ON(SVMM_NPT_LEVELS != NPT_MAX_LEVELS);
	memset(entries, 0, NPT_MAX_LEVELS * sizeof(*entries));
	*levels = npt->tables.levels;
	read_lock(&npt->mmu_lock);
	nr = npt_path(&npt->tables, gfn, entries);
	read_unlock(&npt->mmu_lock);
	for (i = 0; i < nr && !addresses; i++)
		entries[i] &= ~NPT_ADDR;
	return nr;
}

/*
 * Life
 */

int npt_create(struct vm *vm)
{
	struct npt *npt;
	int ret;

	npt = kzalloc(sizeof(*npt), GFP_KERNEL_ACCOUNT);
	if (!npt)
		return -ENOMEM;
	npt->vm = vm;
	npt->notifier.ops = &npt_notifier_ops;
	rwlock_init(&npt->mmu_lock);
	init_waitqueue_head(&npt->idle);
	/* Nested paging has as many levels as the host's own (APM vol. 2, 15.25.3). */
	npt->tables.levels = pgtable_l5_enabled() ? 5 : 4;
	npt->tables.enc = __sme_set(0);
	npt->tables.root = table_alloc(npt);
	if (!npt->tables.root) {
		ret = -ENOMEM;
		goto err_npt;
	}

	vm->npt = npt;
	vm->npt_root_pa = __sme_set(__pa(npt->tables.root));
	ret = mmu_notifier_register(&npt->notifier, vm->mm);
	if (ret)
		goto err_root;
	return 0;

err_root:
	table_free(npt, npt->tables.root);
err_npt:
	kfree(npt);
	return ret;
}

void npt_destroy(struct vm *vm)
{
	NPT_RETIRED(retired);
	struct npt *npt = vm->npt;

	/* Waits for callbacks that are running; none comes after it. */
	mmu_notifier_unregister(&npt->notifier, vm->mm);

	npt_unmap(&npt->tables, 0, npt_frames(npt->tables.levels + 1), &retired);
	npt_retired_free(npt, &retired);
	table_free(npt, npt->tables.root);
	WARN_ON_ONCE(atomic_long_read(&npt->nr_pages));
	kfree(npt);
}
