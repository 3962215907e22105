// SPDX-License-Identifier: GPL-2.0
/*
 * A nested page fault: which page of the host backs the guest's, how much around
 * it, and with which rights.
 *
 * It must not know the VMCB.  What it learns of the host without a lock is
 * checked against the sequence number that npt_mm.c moves.
 */
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/srcu.h>

#include "npt_mm.h"

/* EXITINFO1 of a nested page fault, above the PF_ERR_* bits (APM vol. 2, 15.25.6). */
#define NPF_ERR_WALK	BIT_ULL(33)	/* not the access itself: a read of the guest's tables */

/* Attempts before a fault gives way to signals and requests; the guest repeats it. */
#define FAULT_ATTEMPTS	16

struct fault {
	u64 gfn;
	bool write;
	unsigned long seq;	/* sampled before the slot was looked up */
	struct memslot slot;	/* a copy: the wait for the page may be long */
	unsigned long hva;
	struct page *page;	/* asked for and referenced, or NULL */
	bool page_writable;	/* it was asked for to be written */
	unsigned int level;	/* of the leaf to make, as is the rest */
	u64 first;
	u64 leaf;
	struct folio *folio;	/* what it maps */
	bool writable;
};

/* How the host maps an address. */
struct host_leaf {
	unsigned int level;	/* 0: it does not, or not for this thread to read */
	bool writable;
	bool has_page;		/* there is a struct page behind it */
	u64 pfn;		/* of the address, not of the leaf's start */
};

/*
 * Lockless, as the core's own fast GUP: page-table pages are not freed while
 * interrupts are off.  What is found is true as long as no invalidation begins.
 */
static struct host_leaf host_leaf(unsigned long hva)
{
	struct host_leaf leaf = {};
	unsigned long flags;
	pgd_t *pgdp, pgd;
	p4d_t *p4dp, p4d;
	pud_t *pudp, pud;
	pmd_t *pmdp, pmd;
	pte_t pte;

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
		if (!pud_access_permitted(pud, false))
			goto out;
		leaf.level = NPT_1G;
		leaf.writable = pud_access_permitted(pud, true);
		leaf.pfn = pud_pfn(pud) + ((hva & ~PUD_MASK) >> PAGE_SHIFT);
		leaf.has_page = pfn_valid(leaf.pfn);
		goto out;
	}

	pmdp = pmd_offset_lockless(pudp, pud, hva);
	pmd = READ_ONCE(*pmdp);
	if (pmd_none(pmd) || !pmd_present(pmd))
		goto out;
	if (pmd_leaf(pmd)) {
		if (!pmd_access_permitted(pmd, false))
			goto out;
		leaf.level = NPT_2M;
		leaf.writable = pmd_access_permitted(pmd, true);
		leaf.pfn = pmd_pfn(pmd) + ((hva & ~PMD_MASK) >> PAGE_SHIFT);
		leaf.has_page = pfn_valid(leaf.pfn);
		goto out;
	}

	pte = READ_ONCE(*pte_offset_kernel(&pmd, hva));
	if (!pte_access_permitted(pte, false))
		goto out;
	leaf.level = NPT_4K;
	leaf.writable = pte_access_permitted(pte, true);
	leaf.pfn = pte_pfn(pte);
	leaf.has_page = !pte_special(pte);
out:
	local_irq_restore(flags);
	return leaf;
}

/* The largest leaf that the host, the slot and the alignment of both allow. */
static unsigned int leaf_level(const struct npt *npt, const struct fault *f, unsigned int level)
{
	u64 misaligned = f->gfn ^ (f->hva >> PAGE_SHIFT);

	if (f->slot.dirty)
		return NPT_4K;
	if (level == NPT_1G && !npt->vm->npt_1g)
		level = NPT_2M;
	for (; level > NPT_4K; level--)
		if (!(misaligned & (npt_frames(level) - 1)) &&
		    npt_first(f->gfn, level) >= f->slot.base_gfn &&
		    npt_next(f->gfn, level) <= f->slot.base_gfn + f->slot.npages)
			return level;
	return NPT_4K;
}

static bool overlap(const struct npt_range *r, unsigned long start, unsigned long end)
{
	return start < r->end && r->start < end;
}

/* May what was learnt of [start, end) since @seq be wrong?  Under mmu_lock. */
static bool outdated(const struct npt *npt, unsigned long seq, unsigned long start,
		     unsigned long end)
{
	if (npt->seq - seq > NPT_RECENT)
		return true;
	for (; seq != npt->seq; seq++)
		if (overlap(&npt->recent[seq % NPT_RECENT], start, end))
			return true;
	return false;
}

/* A page that can be read is mapped writable if it is, and if nobody asks for the first write. */
static bool want_writable(const struct fault *f, bool writable)
{
	return f->write || (writable && !f->slot.dirty && !(f->slot.flags & SVMM_MEM_READONLY));
}

/*
 * Which page is it?  Anonymous memory that the host maps needs no question: with
 * mmu_lock held and no invalidation under way the mapping stays, and with it the
 * page.  Of a file's page only GUP knows whether it may be had (secretmem).
 */
static int choose_page(struct fault *f, const struct host_leaf *host, u64 *pfn)
{
	struct page *page = f->page;

	f->writable = f->page_writable;
	if (host->has_page && (host->writable || !f->write)) {
		struct page *mapped = pfn_to_page(host->pfn);

		if (folio_test_anon(page_folio(mapped))) {
			f->writable = host->writable && want_writable(f, true);
			page = mapped;
		}
	}
	if (!page)
		return -ENOENT;
	f->folio = page_folio(page);
	*pfn = page_to_pfn(page);
	return 0;
}

/*
 * Choose the leaf, under mmu_lock.  Return -EAGAIN if what the fault knows has
 * been overtaken; -EBUSY while a page that the leaf would map is invalidated;
 * -ENOENT if the page has to be asked for.
 */
static int make_leaf(const struct npt *npt, struct fault *f)
{
	struct host_leaf host = host_leaf(f->hva);
	unsigned long start, bytes;
	u64 pfn, bits;
	int ret;

	f->level = leaf_level(npt, f, host.level);
	f->first = npt_first(f->gfn, f->level);
	bytes = npt_frames(f->level) << PAGE_SHIFT;
	start = f->hva & ~(bytes - 1);
	if (outdated(npt, f->seq, start, start + bytes))
		return -EAGAIN;
	if (npt->in_progress && overlap(&npt->invalid, start, start + bytes))
		return -EBUSY;
	ret = choose_page(f, &host, &pfn);
	if (ret)
		return ret;

	/* The log has the page before its entry becomes writable. */
	if (f->write)
		memslot_mark_dirty(&f->slot, f->gfn);

	bits = (f->writable ? NPT_W : 0) | (f->write ? NPT_D : 0);
	f->leaf = npt_make_leaf(PFN_PHYS(npt_first(pfn, f->level)), f->level, bits,
				npt->tables.enc);
	return 0;
}

/* While it is mapped, nobody can write the page back or truncate it. */
static void mark_mapped(const struct fault *f)
{
	if (f->writable)
		folio_mark_dirty(f->folio);
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
	NPT_RETIRED(retired);
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

	npt_retired_free(npt, &retired);
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

static int ask_for_page(struct fault *f)
{
	int nr = get_user_pages_fast(f->hva, 1, f->page_writable ? FOLL_WRITE : 0, &f->page);

	if (nr == 1)
		return 0;
	f->page = NULL;
	return nr ?: -EFAULT;
}

/* Which brings it in, if it was not there. */
static int fault_page(struct fault *f)
{
	int ret;

	f->page_writable = f->write || want_writable(f, host_leaf(f->hva).writable);
	ret = ask_for_page(f);
	if (ret == -EFAULT && f->page_writable && !f->write) {
		/* It was writable and is not, or not for GUP: reading is what was asked for. */
		f->page_writable = false;
		ret = ask_for_page(f);
	}
	return ret;
}

static int fault_once(struct npt *npt, struct fault *f, struct npt_spares *spares)
{
	int ret;

	/* Before all else; pairs with the release of mmu_lock by whoever moves it. */
	f->seq = smp_load_acquire(&npt->seq);

	ret = fault_slot(npt->vm, f);
	if (ret)
		return ret;
	f->page = NULL;
	ret = map_shared(npt, f, spares);
	if (ret == -ENOENT) {
		ret = fault_page(f);
		if (ret)
			return ret;
		ret = map_shared(npt, f, spares);
	}
	if (ret == -EEXIST)
		ret = map_exclusive(npt, f, spares);
	if (ret == -ENOENT)
		ret = -EAGAIN;	/* the page went in between */
	/* No reference stays: the notifier tells when the page goes. */
	if (f->page)
		put_page(f->page);

	if (ret > 0)
		ret = npt_spares_add(npt, spares, ret) ?: -EAGAIN;
	return ret;
}

/* Return: 0, an errno, or -EAGAIN or -EBUSY if it was overtaken each time. */
static int fault_resolve(struct npt *npt, struct fault *f)
{
	struct npt_spares spares = {};
	int ret = -EAGAIN;
	unsigned int i;

	for (i = 0; (ret == -EAGAIN || ret == -EBUSY) && i < FAULT_ATTEMPTS; i++) {
		/* A tick at most: another invalidation may follow upon this one. */
		if (ret == -EBUSY &&
		    wait_event_interruptible_timeout(npt->idle, !READ_ONCE(npt->in_progress),
						     1) < 0) {
			ret = -EINTR;
			break;
		}
		cond_resched();
		ret = fault_once(npt, f, &spares);
	}
	npt_spares_free(npt, &spares);
	return ret;
}

static noinline int fault_anywhere(struct vcpu *vcpu, u64 gfn, bool write, u64 slots_gen)
{
	struct fault f = { .gfn = gfn, .write = write };
	int ret = fault_resolve(vcpu->vm->npt, &f);

	/* An odd number: slots change meanwhile. */
	if (ret == NPT_FAULT_MMIO && !f.slot.npages && !(slots_gen & 1)) {
		vcpu->no_memory.gfn = gfn;
		vcpu->no_memory.slots_gen = slots_gen;
	}
	/* Overtaken each time: signals and requests first, then the guest tries again. */
	return ret == -EAGAIN || ret == -EBUSY ? 0 : ret;
}

int npt_fault(struct vcpu *vcpu, u64 gpa, u64 error_code)
{
	/* Before the slots themselves: pairs with memslot_replace(). */
	u64 slots_gen = smp_load_acquire(&vcpu->vm->slots_gen);
	u64 gfn = gpa >> PAGE_SHIFT;

	if (error_code & PF_ERR_RSVD) {
		pr_err_ratelimited("svmm: reserved bit in the nested page tables at %#llx\n", gpa);
		return -EIO;
	}
	/* A driver is busy with its device. */
	if (vcpu->no_memory.gfn == gfn && vcpu->no_memory.slots_gen == slots_gen)
		return NPT_FAULT_MMIO;
	/* The walk of the guest's tables is made of writes (APM vol. 2, 15.25.5). */
	return fault_anywhere(vcpu, gfn, error_code & (PF_ERR_W | NPF_ERR_WALK), slots_gen);
}

int npt_prefault(struct vm *vm, u64 *gfn, u64 *npages, bool write)
{
	while (*npages) {
		struct fault f = { .gfn = *gfn, .write = write };
		int ret = fault_resolve(vm->npt, &f);
		u64 done;

		if (signal_pending(current))
			return -EINTR;
		if (ret == -EAGAIN || ret == -EBUSY)
			continue;
		if (ret)
			return ret == NPT_FAULT_MMIO ? -ENOENT : ret;
		done = min(npt_next(*gfn, f.level) - *gfn, *npages);
		*gfn += done;
		*npages -= done;
	}
	return 0;
}
