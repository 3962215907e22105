/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The instruction that exited, if it is remembered (fetch.c): what every exit needs on a processor
 * without NRIPS.
 *
 * Two things are kept: the ways to pages of code, and what has been found out about bytes that were
 * an instruction.  Whether a way still leads there is seen by CR3 and by the tables themselves; who
 * changes the mode of paging, which needs an exit, calls svm_fetch_forget().
 */
#ifndef SVMM_SVM_FETCH_H
#define SVMM_SVM_FETCH_H

#include <linux/hash.h>
#include <linux/mm.h>

#include "../memory.h"
#include "svm_vcpu.h"

/* Bytes of an instruction that are looked at; for a longer one nothing is kept. */
#define FETCH_BYTES	sizeof(u64)
#define FETCH_LAST	(PAGE_SIZE - FETCH_BYTES)	/* where so many are in one page */

/* Where the instruction is, as a segment has it. */
static __always_inline u64 fetch_linear(const struct vmcb *vmcb, enum x86_mode mode)
{
	return likely(mode == X86_MODE_64) ? vmcb->rip :
					     (u32)(vmcb->rip + vmcb->_seg[VMCB_CS].base);
}

/* Where a page's way is; if another one is there, it may be at the place's neighbour (^ 1). */
static __always_inline unsigned long fetch_place(u64 linear, u64 cr3)
{
	return ((linear ^ cr3) >> PAGE_SHIFT) % FETCH_PAGES;
}

static __always_inline bool fetch_page_is(const struct fetch_page *page, u64 linear, u64 cr3)
{
	return likely(page->nr == linear >> PAGE_SHIFT) && likely(page->cr3 == cr3);
}

/* Where an instruction's line may be: by its first two bytes, or by three. */
static __always_inline struct insn_line *insn_line_at(struct svm_vcpu *sv, u64 bytes,
						      unsigned int nr)
{
	return &sv->insns[hash_32((u32)bytes << (32 - 8 * nr), ilog2(INSN_LINES))];
}

static __always_inline bool insn_line_is(const struct insn_line *line, u64 bytes,
					 enum x86_mode mode)
{
	return likely((bytes & line->mask) == line->bytes) && likely(line->mode == mode);
}

/*
 * Without a walk, a decoder, or a second look?  In the window, or preemption is off.  (Hidden from
 * the compiler, gcc 12 calculates an address once, and not for each member.)
 */
static __always_inline bool fetch_look_up(struct vcpu *vcpu, struct svm_vcpu *sv,
					  const struct insn_line **line)
{
	const struct vmcb *vmcb = sv->vmcb;
	u64 cr3 = vmcb_get_cr3(vmcb), bytes;
	enum x86_mode mode = svm_mode(vcpu);
	u64 linear = fetch_linear(vmcb, mode);
	const struct fetch_page *page = &sv->pages[fetch_place(linear, cr3)];
	const struct insn_line *l;

	OPTIMIZER_HIDE_VAR(page);
	if (unlikely(offset_in_page(linear) > FETCH_LAST) ||
	    unlikely(!fetch_page_is(page, linear, cr3)) ||
	    unlikely(!guest_path_read(vcpu->vm, &page->path, offset_in_page(linear), &bytes)))
		return false;
	l = insn_line_at(sv, bytes, 2);
	OPTIMIZER_HIDE_VAR(l);
	*line = l;
	return insn_line_is(l, bytes, mode);
}

/* The line of the instruction at RIP, or NULL.  In the window, or preemption is off. */
static __always_inline const struct insn_line *fetch_line(struct vcpu *vcpu, struct svm_vcpu *sv)
{
	const struct insn_line *line;

	return likely(fetch_look_up(vcpu, sv, &line)) ? line : svm_new_line(vcpu);
}

/* svm_insn_len(), for the exits that are frequent. */
static __always_inline int fetch_insn_len(struct vcpu *vcpu, struct svm_vcpu *sv)
{
	const struct vmcb *vmcb = sv->vmcb;
	const struct insn_line *line;

	if (svm_has(SVM_FEATURE_NRIPS)) {
		u64 bytes = vmcb->next_rip - vmcb->rip;

		if (likely(bytes - 1 < X86_INSN_MAX))
			return bytes;
	}
	return likely(fetch_look_up(vcpu, sv, &line)) ? line->mov.len : svm_new_len(vcpu);
}

#endif
