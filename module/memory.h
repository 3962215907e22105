/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guest memory, as the rest of the module sees it: slots, access from the kernel, and
 * the nested page tables as something that maps them.
 *
 * It must not know a nested page table entry (module/npt/).
 */
#ifndef SVMM_MEMORY_H
#define SVMM_MEMORY_H

#include <linux/uaccess.h>

#include "core.h"

/*
 * memslot.c: reads under srcu_read_lock(&vm->srcu), outside the window
 */
int memslot_init(struct vm *vm);
void memslot_destroy(struct vm *vm);

/**
 * memslot_set() - create, change, move or delete a slot
 *
 * Validates everything (alignment, wrap-around, phys_bits, overlap, access_ok)
 * and takes vm->lock.  Return: 0 or the errors of SVMM_SET_MEMORY_SLOT.
 */
int memslot_set(struct vm *vm, u32 id, u32 flags, u64 gpa, u64 size, u64 user_addr);

/* The slot of @gfn or NULL.  Caller holds vm->srcu for reading. */
const struct memslot *memslot_find(struct vm *vm, u64 gfn);

/*
 * @gfn is about to become writable, under mmu_lock; or was written, under vm->srcu.
 * A full barrier in any case: whoever clears the bit after that sees what was written.
 */
static inline void memslot_mark_dirty(const struct memslot *slot, u64 gfn)
{
	if (slot->dirty)
		set_bit(gfn - slot->base_gfn, slot->dirty);
}

/*
 * The dirty log of slot @id, for pages that are whole words of its bitmap.  They take
 * vm->lock and may sleep.  Return: 0, -EINVAL (not the slot's pages, or not whole
 * words), -ENOENT (no slot, or no log).
 */
int memslot_dirty_check(struct vm *vm, u32 id, u64 first_page, u64 nr_pages);
/* @words: the bits that are wanted; afterwards those of them that are set, or were. */
int memslot_dirty_log(struct vm *vm, u32 id, u64 first_page, u64 nr_pages, unsigned long *words,
		      bool clear);
/* What was cleared and then reported to nobody. */
void memslot_dirty_again(struct vm *vm, u32 id, u64 first_page, u64 nr_pages,
			 const unsigned long *words);

/*
 * Guest memory by guest-physical address, across pages, not across the end of
 * the slots.  The caller is the vCPU's thread (vm->mm is current->mm), may
 * sleep, and need not hold srcu.  Return 0, -ENOENT (outside the slots, or a
 * write to a read-only slot) or -EFAULT (the backing is not there).
 */
int vm_read_guest(struct vm *vm, u64 gpa, void *data, unsigned int bytes);
int vm_write_guest(struct vm *vm, u64 gpa, const void *data, unsigned int bytes);

/*
 * Replace @bytes (1, 2, 4, 8; naturally aligned) at @gpa if they hold @old.
 * Return 0, -EAGAIN (they did not), -ENOENT, -EFAULT.
 */
int vm_cmpxchg_guest(struct vm *vm, u64 gpa, u64 old, u64 new, unsigned int bytes);

/* As vm_read_guest(), but never sleeps: -EFAULT if a page would have to come in. */
int vm_read_guest_nofault(struct vm *vm, u64 gpa, void *data, unsigned int bytes);
int vm_write_guest_nofault(struct vm *vm, u64 gpa, const void *data, unsigned int bytes);

/* The word at @gpa, and where the VMM has it.  -ENOENT also if it is in two pages. */
int vm_read_word(struct vm *vm, u64 gpa, bool nofault, struct guest_word *word);

/**
 * guest_path_read() - a word in the page where a path ends, if all others are as they were
 * @vm: of the guest
 * @path: from guest_path_end()
 * @offset: from the path's end to the word, which is in the same page
 * @value: what it holds now
 *
 * Never sleeps: what is not present does not hold.  Preemption is off, as in the window, so that a
 * slot that is gone is not read any more, nor a fault handled; and if the path has its number,
 * which is even, none is about to go.  access_ok() was asked for all of a slot when it came, and an
 * address is of a slot that was there, whatever is speculated: no barrier is needed.
 *
 * Return: if they are; else @value is undefined.
 */
static __always_inline bool guest_path_read(struct vm *vm, const struct guest_path *path,
					    unsigned long offset, u64 *value)
{
	const struct guest_word *word = path->word;
	bool same = false;
	u64 entry;
	int i;

	/* Pairs with memslot_replace(). */
	if (unlikely(path->slots_gen != smp_load_acquire(&vm->slots_gen)))
		return false;
	if (!IS_ENABLED(CONFIG_PREEMPT_COUNT))
		pagefault_disable();
	__uaccess_begin();
	unsafe_get_user(*value, (const u64 __user *)((const u8 __user *)word[0].at + offset), gone);
#pragma GCC unroll 4
	for (i = 1; i <= GUEST_PATH_LEVELS; i++) {
		unsafe_get_user(entry, word[i].at, gone);
		if (unlikely(entry != word[i].value))
			goto gone;
	}
	same = true;
gone:
	user_access_end();
	if (!IS_ENABLED(CONFIG_PREEMPT_COUNT))
		pagefault_enable();
	return same;
}

/* Is the word at the end as it was, too? */
static __always_inline bool guest_path_holds(struct vm *vm, const struct guest_path *path)
{
	u64 end;

	return likely(guest_path_read(vm, path, 0, &end)) && likely(end == path->word[0].value);
}

/*
 * module/npt/npt_mm.c
 */
int npt_create(struct vm *vm);		/* vm->npt, npt_root_pa, the mmu notifier */
void npt_destroy(struct vm *vm);	/* no vCPU runs any more; may sleep */

/* npt_fault(): 0 or a negative errno, or one of these. */
#define NPT_FAULT_MMIO		1	/* no slot there, or a write to a read-only one */

/**
 * npt_fault() - resolve a nested page fault
 * @vcpu: its thread is the caller; may sleep
 * @gpa: EXITINFO2
 * @error_code: EXITINFO1 (PF_ERR_*)
 *
 * Return: 0 (mapped, or somebody else did: run on), NPT_FAULT_MMIO, -EFAULT
 * (the backing cannot be mapped: a memory-fault exit), -EINTR (signal),
 * -ENOMEM.
 */
int npt_fault(struct vcpu *vcpu, u64 gpa, u64 error_code);

/**
 * npt_prefault() - resolve the faults of a range before the guest takes them
 * @vm: its mm is current->mm; may sleep
 * @gfn: first frame; moves on with what is done
 * @npages: frames; what is left
 * @write: as if the guest wrote
 *
 * Return: 0, -ENOENT (no slot, or a read-only one), -EFAULT, -EINTR, -ENOMEM.
 */
int npt_prefault(struct vm *vm, u64 *gfn, u64 *npages, bool write);

/* Unmap a range of guest frames and flush.  vm->lock held; may sleep. */
void npt_zap_range(struct vm *vm, u64 gfn, u64 npages);

/* Make a range of guest frames read-only and flush.  vm->lock held; may sleep. */
void npt_protect_range(struct vm *vm, u64 gfn, u64 npages);

struct npt_count {
	u64 tables;		/* pages of nested page tables */
	u64 leaves[3];		/* of 4 KiB, 2 MiB, 1 GiB */
	u64 dirty_bytes;	/* under leaves that were written, or mapped for a write */
};

/**
 * npt_count() - what is mapped, and how much of it was written
 * @vm: the VM
 * @reset: report dirty_bytes since the last reset, and begin anew
 * @count: filled in
 *
 * May sleep; the caller holds no lock.  What changes meanwhile is counted or not.
 *
 * Return: 0, or -EINTR for a fatal signal.
 */
int npt_count(struct vm *vm, bool reset, struct npt_count *count);

/**
 * npt_entries() - the way to the leaf of a frame, as it is now
 * @vm: the VM
 * @gfn: guest frame
 * @addresses: with the host-physical addresses in it
 * @entries: from the root's table on, all SVMM_NPT_LEVELS of them: 0 behind the last
 * @levels: of the tables
 *
 * Return: how many there are; the last one is a leaf, or 0.
 */
unsigned int npt_entries(struct vm *vm, u64 gfn, bool addresses, u64 *entries, u32 *levels);

/**
 * npt_harvest() - take bits out of a slot's dirty log
 * @vm: its lock is held, so that the slot stays
 * @slot: a slot with a dirty log
 * @first: index of the first word of the slot's bitmap
 * @words: the bits that are wanted; afterwards those of them that were set
 * @nr: words: all under one hold of mmu_lock
 *
 * The pages are read-only afterwards and the TLBs know it.
 */
void npt_harvest(struct vm *vm, const struct memslot *slot, u64 first, unsigned long *words,
		 unsigned int nr);

#endif
