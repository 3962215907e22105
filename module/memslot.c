// SPDX-License-Identifier: GPL-2.0
/*
 * Memory slots: which guest-physical pages there are, where in the VMM's
 * address space they lie, and access to them from the kernel.
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
#include "svm/svm.h"

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
	kvfree(rcu_dereference_protected(vm->slots, true));
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

	if (id >= SVMM_MAX_SLOTS || flags & ~SVMM_MEM_READONLY)
		return -EINVAL;
	if (!PAGE_ALIGNED(gpa) || !PAGE_ALIGNED(size) || !PAGE_ALIGNED(user_addr))
		return -EINVAL;
	if (!size)
		return 0;
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

static bool same(const struct memslot *a, const struct memslot *b)
{
	return a->base_gfn == b->base_gfn && a->npages == b->npages && a->hva == b->hva &&
	       a->flags == b->flags;
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

/* vm->lock held. */
static int memslot_replace(struct vm *vm, const struct memslot *new)
{
	struct memslots *old = rcu_dereference_protected(vm->slots, lockdep_is_held(&vm->lock));
	struct memslot *leaving = NULL;
	struct memslots *slots;
	unsigned int i;

	for (i = 0; i < old->nr; i++)
		if (old->slot[i].id == new->id)
			leaving = &old->slot[i];
	if (!leaving && !new->npages)
		return -ENOENT;
	if (leaving && same(leaving, new))
		return 0;

	slots = memslots_copy(old, new);
	if (IS_ERR(slots))
		return PTR_ERR(slots);

	if (leaving) {
		/*
		 * Faults that see the mark wait for the new array; those that
		 * looked before it find that npt_zap_range() moved the sequence.
		 */
		WRITE_ONCE(leaving->flags, leaving->flags | MEMSLOT_LEAVING);
		npt_zap_range(vm, leaving->base_gfn, leaving->npages);
	}
	rcu_assign_pointer(vm->slots, slots);

	/* After this no vm_read_guest() or vm_write_guest() uses the old backing. */
	synchronize_srcu_expedited(&vm->srcu);
	kvfree(old);
	return 0;
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
	ret = memslot_replace(vm, &new);
	mutex_unlock(&vm->lock);
	return ret;
}

/*
 * Access
 */

/*
 * The user address of @gpa, or NULL.  Reduces *@bytes to what lies in the slot.
 * The caller holds vm->srcu until it is done with the address.
 */
static void __user *guest_ptr(struct vm *vm, u64 gpa, bool write, unsigned int *bytes)
{
	const struct memslot *slot = memslot_find(vm, gpa >> PAGE_SHIFT);
	u64 offset;

	if (!slot || (write && (slot->flags & SVMM_MEM_READONLY)))
		return NULL;
	offset = gpa - (slot->base_gfn << PAGE_SHIFT);
	*bytes = min_t(u64, *bytes, (slot->npages << PAGE_SHIFT) - offset);
	return (void __user *)(slot->hva + offset);
}

/* Piece by piece; @copy returns 0 if it could. */
static __always_inline int
guest_access(struct vm *vm, u64 gpa, void *data, unsigned int bytes, bool write,
	     unsigned long (*copy)(void *data, void __user *p, unsigned int n))
{
	int idx = srcu_read_lock(&vm->srcu);
	int ret = 0;

	while (bytes) {
		unsigned int n = bytes;
		void __user *p = guest_ptr(vm, gpa, write, &n);

		ret = !p ? -ENOENT : copy(data, p, n) ? -EFAULT : 0;
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
	void __user *p = guest_ptr(vm, gpa, true, &bytes);
	int ret = -ENOENT;

	/* Aligned, so it is all in one slot; whose address passed access_ok(). */
	if (p)
		ret = user_cmpxchg(p, old, new, bytes);
	srcu_read_unlock(&vm->srcu, idx);
	return ret > 0 ? -EAGAIN : ret;
}
