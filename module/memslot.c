// SPDX-License-Identifier: GPL-2.0
/*
 * Memory slots: which guest-physical pages there are, where in the VMM's
 * address space they lie, which of them were written, and access to them from
 * the kernel.
 *
 * It must not know nested page tables.  The slots are one sorted array that is
 * never changed but replaced as a whole.  The trick is in the order: a slot
 * that goes is marked, unmapped, and only then missing from the published
 * array, so that the MMU notifier finds every mapping that exists, and a
 * concurrent fault neither restores one nor takes the slot for a hole.
 */
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/srcu.h>
#include <linux/uaccess.h>

#include "core.h"
#include "memory.h"
#include "trace.h"
#include "svm/svm.h"

/* A slot that logs has a bitmap of 1/32768 of its size: 256 MiB of kernel memory, no more. */
#define LOG_BYTES_MAX	BIT_ULL(43)

int memslot_init(struct vm *vm)
{
	struct memslots *slots = kvzalloc(sizeof(*slots), GFP_KERNEL_ACCOUNT);

	if (!slots)
		return -ENOMEM;
	rcu_assign_pointer(vm->slots, slots);
	return 0;
}

void memslot_destroy(struct vm *vm)
{
	/* Nobody else has the VM any more. */
	struct memslots *slots = rcu_dereference_protected(vm->slots, true);
	unsigned int i;

	for (i = 0; i < slots->nr; i++)
		kvfree(slots->slot[i].dirty);
	kvfree(slots);
}

const struct memslot *memslot_find(struct vm *vm, u64 gfn)
{
	const struct memslots *slots = srcu_dereference(vm->slots, &vm->srcu);
	unsigned int low = 0, high = slots->nr;

	/* The first slot that ends after gfn. */
	while (low < high) {
		unsigned int mid = (low + high) / 2;

		if (slots->slot[mid].base_gfn + slots->slot[mid].npages <= gfn)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == slots->nr || gfn < slots->slot[low].base_gfn)
		return NULL;
	return &slots->slot[low];
}

/*
 * Change
 */

static int memslot_validate(u32 id, u32 flags, u64 gpa, u64 size, u64 user_addr)
{
	u64 end;

	if (id >= SVMM_MAX_SLOTS || flags & ~(SVMM_MEM_READONLY | SVMM_MEM_LOG_DIRTY))
		return -EINVAL;
	if (!PAGE_ALIGNED(gpa) || !PAGE_ALIGNED(size) || !PAGE_ALIGNED(user_addr))
		return -EINVAL;
	if (!size)
		return 0;
	if (flags & SVMM_MEM_LOG_DIRTY && size > LOG_BYTES_MAX)
		return -EINVAL;
	if (check_add_overflow(gpa, size, &end) || end > BIT_ULL(svm_guest_phys_bits()))
		return -EINVAL;
	if (!access_ok((void __user *)user_addr, size))
		return -EINVAL;
	return 0;
}

static bool overlap(const struct memslot *a, const struct memslot *b)
{
	return a->base_gfn < b->base_gfn + b->npages && b->base_gfn < a->base_gfn + a->npages;
}

/* Nothing but the flags differs. */
static bool same_place(const struct memslot *a, const struct memslot *b)
{
	return a->base_gfn == b->base_gfn && a->npages == b->npages && a->hva == b->hva;
}

/*
 * Copy @old without the slot of @new's id, and with @new in its place if it has
 * pages.  ERR_PTR(-EEXIST) if it overlaps another.
 */
static struct memslots *memslots_copy(const struct memslots *old, const struct memslot *new)
{
	struct memslots *slots;
	unsigned int i;
	bool placed = !new->npages;

	slots = kvzalloc(struct_size(slots, slot, old->nr + 1), GFP_KERNEL_ACCOUNT);
	if (!slots)
		return ERR_PTR(-ENOMEM);

	for (i = 0; i < old->nr; i++) {
		const struct memslot *slot = &old->slot[i];

		if (slot->id == new->id)
			continue;
		if (new->npages && overlap(slot, new)) {
			kvfree(slots);
			return ERR_PTR(-EEXIST);
		}
		if (!placed && new->base_gfn < slot->base_gfn) {
			slots->slot[slots->nr++] = *new;
			placed = true;
		}
		slots->slot[slots->nr++] = *slot;
	}
	if (!placed)
		slots->slot[slots->nr++] = *new;
	return slots;
}

static struct memslot *memslot_by_id(struct memslots *slots, u32 id)
{
	unsigned int i;

	for (i = 0; i < slots->nr; i++)
		if (slots->slot[i].id == id)
			return &slots->slot[i];
	return NULL;
}

/* After the new array is there: what the slot's mappings may no longer do. */
static void memslot_flags_changed(struct vm *vm, const struct memslot *old,
				  const struct memslot *new)
{
	u32 gone = old->flags & ~new->flags, come = new->flags & ~old->flags;

	if (gone & SVMM_MEM_LOG_DIRTY)		/* large pages come back by faults */
		npt_zap_range(vm, new->base_gfn, new->npages);
	else if (come)
		npt_protect_range(vm, new->base_gfn, new->npages);
}

/* vm->lock held.  @new->dirty is the slot's unless this fails. */
static int memslot_replace(struct vm *vm, const struct memslot *new)
{
	struct memslots *old = rcu_dereference_protected(vm->slots, lockdep_is_held(&vm->lock));
	struct memslot *was = memslot_by_id(old, new->id);
	bool stays = was && same_place(was, new);
	struct memslots *slots;

	slots = memslots_copy(old, new);
	if (IS_ERR(slots))
		return PTR_ERR(slots);

	if (was && !stays) {
		/*
		 * Faults that see the mark wait for the new array; those that
		 * looked before it find that npt_zap_range() moved the sequence.
		 */
		WRITE_ONCE(was->flags, was->flags | MEMSLOT_LEAVING);
		npt_zap_range(vm, was->base_gfn, was->npages);
	}
	/*
	 * What was read of the old ones has an older number as soon as anybody can see the new
	 * ones, and what is read in between has an odd one.
	 */
	WRITE_ONCE(vm->slots_gen, vm->slots_gen + 1);
	rcu_assign_pointer(vm->slots, slots);
	/* Pairs with guest_path_walk() and guest_path_read(), and with npt_fault(). */
	smp_store_release(&vm->slots_gen, vm->slots_gen + 1);
	if (stays)
		memslot_flags_changed(vm, was, new);

	/*
	 * After this no vm_read_guest() or vm_write_guest() uses the old backing, nor, with
	 * preemption off, guest_path_read().
	 */
	synchronize_srcu_expedited(&vm->srcu);
	if (was && !stays)
		synchronize_rcu_expedited();
	if (was && was->dirty != new->dirty)
		kvfree(was->dirty);
	kvfree(old);
	return 0;
}

/* vm->lock held. */
static int memslot_change(struct vm *vm, struct memslot *new)
{
	struct memslots *slots = rcu_dereference_protected(vm->slots, lockdep_is_held(&vm->lock));
	struct memslot *was = memslot_by_id(slots, new->id);
	bool fresh = false;
	int ret;

	if (!was && !new->npages)
		return -ENOENT;
	if (was && same_place(was, new)) {
		if (was->flags == new->flags)
			return 0;
		if (new->flags & SVMM_MEM_LOG_DIRTY)
			new->dirty = was->dirty;	/* if it has one, the log goes on */
	}
	if (new->flags & SVMM_MEM_LOG_DIRTY && !new->dirty) {
		new->dirty = kvcalloc(BITS_TO_LONGS(new->npages), sizeof(long),
				      GFP_KERNEL_ACCOUNT);
		if (!new->dirty)
			return -ENOMEM;
		fresh = true;
	}
	ret = memslot_replace(vm, new);
	if (ret && fresh)
		kvfree(new->dirty);
	return ret;
}

int memslot_set(struct vm *vm, u32 id, u32 flags, u64 gpa, u64 size, u64 user_addr)
{
	struct memslot new = {
		.base_gfn = gpa >> PAGE_SHIFT,
		.npages = size >> PAGE_SHIFT,
		.hva = user_addr,
		.id = id,
		.flags = flags,
	};
	int ret;

	ret = memslot_validate(id, flags, gpa, size, user_addr);
	if (ret)
		return ret;

	mutex_lock(&vm->lock);
	ret = memslot_change(vm, &new);
	mutex_unlock(&vm->lock);
	if (!ret)
		trace_svmm_memslot(vm, id, flags, gpa, size, user_addr);
	return ret;
}

/*
 * Dirty log
 */

/* vm->lock held.  Return: the slot, or -ENOENT, -EINVAL. */
static const struct memslot *logged_slot(struct vm *vm, u32 id, u64 first_page, u64 nr_pages)
{
	const struct memslot *slot =
		memslot_by_id(rcu_dereference_protected(vm->slots, lockdep_is_held(&vm->lock)), id);
	u64 end;

	if (first_page % BITS_PER_LONG || check_add_overflow(first_page, nr_pages, &end))
		return ERR_PTR(-EINVAL);
	if (!slot || !slot->dirty)
		return ERR_PTR(-ENOENT);
	if (end > slot->npages || (nr_pages % BITS_PER_LONG && end != slot->npages))
		return ERR_PTR(-EINVAL);
	return slot;
}

int memslot_dirty_check(struct vm *vm, u32 id, u64 first_page, u64 nr_pages)
{
	int ret;

	mutex_lock(&vm->lock);
	ret = PTR_ERR_OR_ZERO(logged_slot(vm, id, first_page, nr_pages));
	mutex_unlock(&vm->lock);
	return ret;
}

int memslot_dirty_log(struct vm *vm, u32 id, u64 first_page, u64 nr_pages, unsigned long *words,
		      bool clear)
{
	u64 i, first = first_page / BITS_PER_LONG, nr = BITS_TO_LONGS(nr_pages);
	const struct memslot *slot;

	mutex_lock(&vm->lock);
	slot = logged_slot(vm, id, first_page, nr_pages);
	if (IS_ERR(slot))
		;
	else if (clear)
		npt_harvest(vm, slot, first, words, nr);
	else
		for (i = 0; i < nr; i++)
			words[i] &= READ_ONCE(slot->dirty[first + i]);
	mutex_unlock(&vm->lock);
	return PTR_ERR_OR_ZERO(slot);
}

void memslot_dirty_again(struct vm *vm, u32 id, u64 first_page, u64 nr_pages,
			 const unsigned long *words)
{
	u64 i, first = first_page / BITS_PER_LONG, nr = BITS_TO_LONGS(nr_pages);
	const struct memslot *slot;

	mutex_lock(&vm->lock);
	slot = logged_slot(vm, id, first_page, nr_pages);
	for (i = 0; !IS_ERR(slot) && i < nr; i++)
		atomic_long_or(words[i], (atomic_long_t *)&slot->dirty[first + i]);
	mutex_unlock(&vm->lock);
}

/*
 * Access
 */

/*
 * The user address of @gpa, or NULL.  Reduces *@bytes to what lies in one page.
 * The caller holds vm->srcu until it is done with the address and the slot.
 */
static void __user *guest_ptr(struct vm *vm, u64 gpa, bool write, unsigned int *bytes,
			      const struct memslot **slotp)
{
	const struct memslot *slot = memslot_find(vm, gpa >> PAGE_SHIFT);

	*slotp = slot;
	if (!slot || (write && (slot->flags & SVMM_MEM_READONLY)))
		return NULL;
	*bytes = min_t(u64, *bytes, PAGE_SIZE - offset_in_page(gpa));
	return (void __user *)(slot->hva + gpa - (slot->base_gfn << PAGE_SHIFT));
}

/* Piece by piece; @copy returns 0 if it could. */
static __always_inline int
guest_access(struct vm *vm, u64 gpa, void *data, unsigned int bytes, bool write,
	     unsigned long (*copy)(void *data, void __user *p, unsigned int n))
{
	int idx = srcu_read_lock(&vm->srcu);
	int ret = 0;

	while (bytes) {
		const struct memslot *slot;
		unsigned int n = bytes;
		void __user *p = guest_ptr(vm, gpa, write, &n, &slot);

		ret = !p ? -ENOENT : copy(data, p, n) ? -EFAULT : 0;
		if (p && write)		/* a part of it, if it failed */
			memslot_mark_dirty(slot, gpa >> PAGE_SHIFT);
		if (ret)
			break;
		data += n;
		gpa += n;
		bytes -= n;
	}
	srcu_read_unlock(&vm->srcu, idx);
	return ret;
}

static unsigned long copy_in(void *data, void __user *p, unsigned int n)
{
	return copy_from_user(data, p, n);
}

static unsigned long copy_in_nofault(void *data, void __user *p, unsigned int n)
{
	return copy_from_user_nofault(data, p, n);
}

static unsigned long copy_out(void *data, void __user *p, unsigned int n)
{
	return copy_to_user(p, data, n);
}

static unsigned long copy_out_nofault(void *data, void __user *p, unsigned int n)
{
	return copy_to_user_nofault(p, data, n);
}

int vm_read_guest(struct vm *vm, u64 gpa, void *data, unsigned int bytes)
{
	return guest_access(vm, gpa, data, bytes, false, copy_in);
}

int vm_read_guest_nofault(struct vm *vm, u64 gpa, void *data, unsigned int bytes)
{
	return guest_access(vm, gpa, data, bytes, false, copy_in_nofault);
}

int vm_read_word(struct vm *vm, u64 gpa, bool nofault, struct guest_word *word)
{
	int idx = srcu_read_lock(&vm->srcu), ret = -ENOENT;
	unsigned int bytes = sizeof(word->value);
	const struct memslot *slot;

	word->at = guest_ptr(vm, gpa, false, &bytes, &slot);
	if (word->at && bytes == sizeof(word->value))
		ret = nofault ? copy_from_user_nofault(&word->value, word->at, bytes) :
		      copy_from_user(&word->value, word->at, bytes) ? -EFAULT : 0;
	srcu_read_unlock(&vm->srcu, idx);
	return ret;
}

int vm_write_guest(struct vm *vm, u64 gpa, const void *data, unsigned int bytes)
{
	return guest_access(vm, gpa, (void *)data, bytes, true, copy_out);
}

int vm_write_guest_nofault(struct vm *vm, u64 gpa, const void *data, unsigned int bytes)
{
	return guest_access(vm, gpa, (void *)data, bytes, true, copy_out_nofault);
}

/* 0, 1 (@p does not hold @old), or -EFAULT. */
static int user_cmpxchg(void __user *p, u64 old, u64 new, unsigned int bytes)
{
	switch (bytes) {
	case 1:
		return __try_cmpxchg_user((u8 __user *)p, (u8 *)&old, new, fault1);
	case 2:
		return __try_cmpxchg_user((u16 __user *)p, (u16 *)&old, new, fault2);
	case 4:
		return __try_cmpxchg_user((u32 __user *)p, (u32 *)&old, new, fault4);
	default:
		return __try_cmpxchg_user((u64 __user *)p, &old, new, fault8);
	}
}

int vm_cmpxchg_guest(struct vm *vm, u64 gpa, u64 old, u64 new, unsigned int bytes)
{
	int idx = srcu_read_lock(&vm->srcu);
	const struct memslot *slot;
	void __user *p = guest_ptr(vm, gpa, true, &bytes, &slot);
	int ret = -ENOENT;

	/* Aligned, so it is all in one page; whose address passed access_ok(). */
	if (p)
		ret = user_cmpxchg(p, old, new, bytes);
	if (!ret)
		memslot_mark_dirty(slot, gpa >> PAGE_SHIFT);
	srcu_read_unlock(&vm->srcu, idx);
	return ret > 0 ? -EAGAIN : ret;
}
