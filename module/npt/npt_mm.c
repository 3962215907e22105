// SPDX-License-Identifier: GPL-2.0
/*
 * A VM's nested page tables and the host's memory management: faults bring
 * pages in, MMU notifiers take them out.
 *
 * It must not know the VMCB.  No page is pinned: a nested translation lives
 * only as long as the host's own translation of the same address.  The trick
 * that makes this safe is a sequence number: a fault samples it, asks the host
 * for the page without any lock, and under mmu_lock maps it only if no
 * invalidation of that address has begun since.
 *
 * Lock order: vm->lock, mm's locks, vm->srcu, mmu_lock.  mmu_lock is never
 * taken by interrupt handlers, and with it held the CPUs that run the guest
 * are waited for (vm_flush_tlbs()); nothing may take it with interrupts off.
 */
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/mem_encrypt.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/pgtable.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include <linux/swap.h>
#include <linux/wait.h>

#include "../core.h"
#include "npt.h"

/* EXITINFO1 of a nested page fault, above the PF_ERR_* bits (APM vol. 2, 15.25.6). */
#define NPF_ERR_WALK	BIT_ULL(33)	/* not the access itself: a read of the guest's tables */

/* Attempts before a fault gives way to signals and requests; the guest repeats it. */
#define FAULT_ATTEMPTS	16

/* The frames under an entry of this level are removed under one hold of mmu_lock. */
#define ZAP_LEVEL	NPT_1G

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

/*
 * The memory under npt.c
 */

struct npt_retired {
	struct list_head pages;
};

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

static int spares_add(struct npt *npt, struct npt_spares *spares, unsigned int nr)
{
	while (nr--) {
		u64 *table = table_alloc(npt);

		if (!table)
			return -ENOMEM;
		spares->table[spares->nr++] = table;
	}
	return 0;
}

static void spares_free(struct npt *npt, struct npt_spares *spares)
{
	while (spares->nr)
		table_free(npt, spares->table[--spares->nr]);
}

/* After the flush. */
static void retired_free(struct npt *npt, struct npt_retired *retired)
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
	struct npt_retired retired = { LIST_HEAD_INIT(retired.pages) };
	/* Chunks end on their own alignment, so that tables go as a whole. */
	u64 next = min(end, npt_next(*gfn, ZAP_LEVEL));
	bool any;

	write_lock(&npt->mmu_lock);
	any = npt_unmap(&npt->tables, *gfn, next - *gfn, &retired);
	if (any)
		vm_flush_tlbs(npt->vm);
	write_unlock(&npt->mmu_lock);

	retired_free(npt, &retired);
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
	npt->seq++;
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
		npt->inv_start = range->start;
		npt->inv_end = range->end;
	} else {
		npt->inv_start = min(npt->inv_start, range->start);
		npt->inv_end = max(npt->inv_end, range->end);
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
	npt->seq++;
	npt->in_progress--;
	write_unlock(&npt->mmu_lock);
	if (wq_has_sleeper(&npt->idle))
		wake_up_all(&npt->idle);
}

static int npt_clear_flush_young(struct mmu_notifier *notifier, struct mm_struct *mm,
				 unsigned long start, unsigned long end)
{
	struct npt *npt = to_npt(notifier);

	if (!visit_slots(npt, start, end, age))
		return 0;
	vm_flush_tlbs(npt->vm);
	return 1;
}

static int npt_clear_young(struct mmu_notifier *notifier, struct mm_struct *mm,
			   unsigned long start, unsigned long end)
{
	return visit_slots(to_npt(notifier), start, end, age);
}

static int npt_test_young(struct mmu_notifier *notifier, struct mm_struct *mm,
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
 * Bringing translations in
 */

struct fault {
	u64 gfn;
	bool write;
	unsigned long seq;	/* sampled before the slot was looked up */
	struct memslot slot;	/* a copy: the wait for the page may be long */
	unsigned long hva;
	bool writable;		/* @page was got for writing */
	struct page *page;
	unsigned int level;	/* of the leaf to make, as is the rest */
	u64 first;
	u64 leaf;
};

/*
 * The size of the leaf that maps @hva in the host, or 0, and whether it can be
 * written.  Lockless, as the core's own fast GUP: page-table pages are not freed
 * while interrupts are off.
 */
static unsigned int host_leaf(unsigned long hva, bool *writable)
{
	unsigned int level = 0;
	unsigned long flags;
	pgd_t *pgdp, pgd;
	p4d_t *p4dp, p4d;
	pud_t *pudp, pud;
	pmd_t *pmdp, pmd;
	pte_t pte;

	*writable = false;
	local_irq_save(flags);

	pgdp = pgd_offset(current->mm, hva);
	pgd = READ_ONCE(*pgdp);
	if (pgd_none(pgd))
		goto out;
	p4dp = p4d_offset_lockless(pgdp, pgd, hva);
	p4d = READ_ONCE(*p4dp);
	if (p4d_none(p4d) || !p4d_present(p4d))
		goto out;

	pudp = pud_offset_lockless(p4dp, p4d, hva);
	pud = READ_ONCE(*pudp);
	if (pud_none(pud) || !pud_present(pud))
		goto out;
	if (pud_leaf(pud)) {
		level = NPT_1G;
		*writable = pud_write(pud);
		goto out;
	}

	pmdp = pmd_offset_lockless(pudp, pud, hva);
	pmd = READ_ONCE(*pmdp);
	if (pmd_none(pmd) || !pmd_present(pmd))
		goto out;
	if (pmd_leaf(pmd)) {
		level = NPT_2M;
		*writable = pmd_write(pmd);
		goto out;
	}

	pte = READ_ONCE(*pte_offset_kernel(&pmd, hva));
	if (!pte_present(pte))
		goto out;
	level = NPT_4K;
	*writable = pte_write(pte);
out:
	local_irq_restore(flags);
	return level;
}

/* The largest leaf that the host, the slot and the alignment of both allow. */
static unsigned int leaf_level(const struct npt *npt, const struct fault *f)
{
	u64 misaligned = f->gfn ^ (f->hva >> PAGE_SHIFT);
	bool writable;
	unsigned int level = host_leaf(f->hva, &writable);

	if (level == NPT_1G && !npt->vm->npt_1g)
		level = NPT_2M;
	for (; level > NPT_4K; level--)
		if (!(misaligned & (npt_frames(level) - 1)) &&
		    npt_first(f->gfn, level) >= f->slot.base_gfn &&
		    npt_next(f->gfn, level) <= f->slot.base_gfn + f->slot.npages)
			return level;
	return NPT_4K;
}

/*
 * Choose the leaf, under mmu_lock.  Return -EAGAIN if what the fault knows has
 * been overtaken; -EBUSY while a page that the leaf would map is invalidated.
 */
static int make_leaf(const struct npt *npt, struct fault *f)
{
	unsigned long start, bytes;
	u64 pfn, bits;

	if (npt->seq != f->seq)
		return -EAGAIN;

	f->level = leaf_level(npt, f);
	f->first = npt_first(f->gfn, f->level);
	bytes = npt_frames(f->level) << PAGE_SHIFT;
	start = f->hva & ~(bytes - 1);
	if (npt->in_progress && start < npt->inv_end && npt->inv_start < start + bytes)
		return -EBUSY;

	pfn = npt_first(page_to_pfn(f->page), f->level);
	bits = (f->writable ? NPT_W : 0) | (f->write ? NPT_D : 0);
	f->leaf = npt_make_leaf(PFN_PHYS(pfn), f->level, bits, npt->tables.enc);
	return 0;
}

/* While it is mapped, nobody can write the page back or truncate it. */
static void mark_mapped(const struct fault *f)
{
	if (f->writable)
		folio_mark_dirty(page_folio(f->page));
}

/* Return: as npt_map(), or make_leaf()'s. */
static int map_shared(struct npt *npt, struct fault *f, struct npt_spares *spares)
{
	int ret;

	read_lock(&npt->mmu_lock);
	ret = make_leaf(npt, f);
	if (!ret)
		ret = npt_map(&npt->tables, f->first, f->level, f->leaf, spares);
	if (!ret)
		mark_mapped(f);
	read_unlock(&npt->mmu_lock);
	return ret;
}

/* The same when something is in the way. */
static int map_exclusive(struct npt *npt, struct fault *f, struct npt_spares *spares)
{
	struct npt_retired retired = { LIST_HEAD_INIT(retired.pages) };
	int ret;

	write_lock(&npt->mmu_lock);
	ret = make_leaf(npt, f);
	if (!ret) {
		ret = npt_replace(&npt->tables, f->first, f->level, f->leaf, spares, &retired);
		vm_flush_tlbs(npt->vm);
	}
	if (!ret)
		mark_mapped(f);
	write_unlock(&npt->mmu_lock);

	retired_free(npt, &retired);
	return ret;
}

/* Find the slot: 0, NPT_FAULT_MMIO, or -EAGAIN while the slot is being replaced. */
static int fault_slot(struct vm *vm, struct fault *f)
{
	const struct memslot *slot;
	int idx, ret = 0;

	idx = srcu_read_lock(&vm->srcu);
	slot = memslot_find(vm, f->gfn);
	if (!slot) {
		ret = NPT_FAULT_MMIO;
	} else {
		f->slot = *slot;
		f->slot.flags = READ_ONCE(slot->flags);
	}
	srcu_read_unlock(&vm->srcu, idx);
	if (ret)
		return ret;

	if (f->slot.flags & MEMSLOT_LEAVING)
		return -EAGAIN;
	if (f->write && (f->slot.flags & SVMM_MEM_READONLY))
		return NPT_FAULT_MMIO;
	f->hva = f->slot.hva + ((f->gfn - f->slot.base_gfn) << PAGE_SHIFT);
	return 0;
}

/* Get the page, writable if the guest writes or the host has it writable anyway. */
static int fault_page(struct fault *f)
{
	int nr;

	f->writable = f->write;
	if (!f->write && !(f->slot.flags & SVMM_MEM_READONLY))
		host_leaf(f->hva, &f->writable);

	nr = get_user_pages_fast(f->hva, 1, f->writable ? FOLL_WRITE : 0, &f->page);
	if (nr == 1)
		return 0;
	/* It was writable, but is no longer: look again. */
	if (nr == -EFAULT && f->writable && !f->write)
		return -EAGAIN;
	return nr ?: -EFAULT;
}

static int fault_once(struct npt *npt, struct fault *f, struct npt_spares *spares)
{
	int ret;

	/* Before all else; pairs with the release of mmu_lock by whoever moves it. */
	f->seq = smp_load_acquire(&npt->seq);

	ret = fault_slot(npt->vm, f);
	if (ret)
		return ret;
	ret = fault_page(f);
	if (ret)
		return ret;

	ret = map_shared(npt, f, spares);
	if (ret == -EEXIST)
		ret = map_exclusive(npt, f, spares);
	if (!ret)
		folio_mark_accessed(page_folio(f->page));
	/* No reference stays: the notifier tells when the page goes. */
	put_page(f->page);

	if (ret > 0)
		ret = spares_add(npt, spares, ret) ?: -EAGAIN;
	return ret;
}

int npt_fault(struct vcpu *vcpu, u64 gpa, u64 error_code)
{
	struct npt *npt = vcpu->vm->npt;
	struct npt_spares spares = {};
	struct fault f = {
		.gfn = gpa >> PAGE_SHIFT,
		/* The walk of the guest's tables is made of writes (APM vol. 2, 15.25.5). */
		.write = error_code & (PF_ERR_W | NPF_ERR_WALK),
	};
	int ret = -EAGAIN;
	unsigned int i;

	if (error_code & PF_ERR_RSVD) {
		pr_err_ratelimited("svmm: reserved bit in the nested page tables at %#llx\n", gpa);
		return -EIO;
	}

	for (i = 0; (ret == -EAGAIN || ret == -EBUSY) && i < FAULT_ATTEMPTS; i++) {
		/* A tick at most: another invalidation may follow upon this one. */
		if (ret == -EBUSY &&
		    wait_event_interruptible_timeout(npt->idle, !READ_ONCE(npt->in_progress),
						     1) < 0) {
			ret = -EINTR;
			break;
		}
		cond_resched();
		ret = fault_once(npt, &f, &spares);
	}
	spares_free(npt, &spares);

	/* Overtaken each time: signals and requests first, then the guest tries again. */
	return ret == -EAGAIN || ret == -EBUSY ? 0 : ret;
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
	struct npt_retired retired = { LIST_HEAD_INIT(retired.pages) };
	struct npt *npt = vm->npt;

	/* Waits for callbacks that are running; none comes after it. */
	mmu_notifier_unregister(&npt->notifier, vm->mm);

	npt_unmap(&npt->tables, 0, npt_frames(npt->tables.levels + 1), &retired);
	retired_free(npt, &retired);
	table_free(npt, npt->tables.root);
	WARN_ON_ONCE(atomic_long_read(&npt->nr_pages));
	kfree(npt);
}
