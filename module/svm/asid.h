/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which ASID a vCPU runs with on this CPU, and what VMRUN must flush first. Pure C: it must not
 * know a VMCB, page tables or how a CPU is named, only that a vCPU has one nested page table and
 * that a rise of its tlb_gen outdates what the TLB holds.
 *
 * The trick: ASIDs of a CPU belong to a generation and are handed out in rising order, never
 * reused within it. "Flush this guest" is then "take the next ASID", which every CPU can do. When
 * they run out the generation rises, which takes all ASIDs of this CPU back, and the next VMRUN
 * that succeeds on it flushes everything.
 *
 * Each decision is made in two steps, because a VMRUN that failed may or may not have flushed:
 * asid_renew() says what to do, and only asid_entered() believes that it was done. From there on,
 * for as long as asid_holds(), there is nothing to do.
 */
#ifndef SVMM_SVM_ASID_H
#define SVMM_SVM_ASID_H

#include "../pure.h"
#include "vmcb.h"		/* SVM_TLB_* */

/**
 * struct asid_cpu - one CPU's ASIDs; touched on that CPU only, preemption off
 * @generation: rises when ASIDs run out and when SVM is turned on; 0 before that
 * @next: next ASID to hand out; above @max: none left in this generation
 * @max: highest ASID, at least 1 (0 is the host's)
 * @flush_all: a new generation began and no VMRUN has flushed the TLB since
 * @flush_by_asid: the CPU has FlushByASID
 */
struct asid_cpu {
	u64 generation;
	u32 next;
	u32 max;
	bool flush_all;
	bool flush_by_asid;
};

/**
 * struct asid_state - a vCPU's ASID; zeroed for a new vCPU
 * @cpu: where @asid was taken; NULL: nowhere yet
 * @generation: of that CPU when @asid was taken
 * @tlb_gen: generation of the page table that the TLB content under @asid is of
 * @asid: for VMCB.asid
 * @tlb_ctl: for VMCB.tlb_ctl, an SVM_TLB_* value; keep while @entered
 * @entered: a VMRUN with all this succeeded, and nothing was asked for since
 */
struct asid_state {
	const struct asid_cpu *cpu;
	u64 generation;
	u64 tlb_gen;
	u32 asid;
	u8 tlb_ctl;
	bool entered;
};

/**
 * asid_cpu_init() - begin a CPU's first or next life with SVM on
 * @cpu: zeroed before its first life; the generation goes on rising over the later ones
 * @max: highest ASID to use, at least 1
 * @flush_by_asid: the CPU has FlushByASID
 */
void asid_cpu_init(struct asid_cpu *cpu, u32 max, bool flush_by_asid);

/**
 * asid_arrive() - the vCPU begins a stay on this CPU
 * @cpu: this CPU's ASIDs
 * @state: the vCPU's
 *
 * To be called with preemption off. Until it is on again nobody else chooses from @cpu, so what
 * is true now about @state->asid's place and generation stays so.
 */
static __always_inline void asid_arrive(struct asid_cpu *cpu, struct asid_state *state)
{
	if (state->cpu != cpu || state->generation != cpu->generation)
		state->entered = false;
}

/**
 * asid_holds() - before each VMRUN: may it have the ASID and TLB_CONTROL that the last one had?
 * @state: the vCPU's, after asid_arrive()
 * @tlb_gen: the page table's generation, read after the vCPU was announced as running here (so
 *	that whoever raises it later also kicks this CPU)
 *
 * If not: asid_renew(). Who entered here, in this generation, found flush_all done, or did it.
 */
static __always_inline bool asid_holds(const struct asid_state *state, u64 tlb_gen)
{
	return likely(state->entered) && likely(state->tlb_gen == tlb_gen);
}

/**
 * asid_renew() - set @state->asid and @state->tlb_ctl
 * @cpu: this CPU's ASIDs
 * @state: the vCPU's
 * @tlb_gen: as given to asid_holds()
 */
void asid_renew(struct asid_cpu *cpu, struct asid_state *state, u64 tlb_gen);

/**
 * asid_entered() - after a VMRUN that entered the guest: what it was to flush is flushed
 * @cpu: this CPU's ASIDs
 * @state: the vCPU's; there is nothing to do if it is @entered
 *
 * Not to be called after VMEXIT_INVALID or a VMRUN that faulted: asid_renew(), of this vCPU and of
 * any other on this CPU, then asks for the flush again.
 */
static inline void asid_entered(struct asid_cpu *cpu, struct asid_state *state)
{
	if (state->tlb_ctl == SVM_TLB_FLUSH_ALL)
		cpu->flush_all = false;
	state->tlb_ctl = SVM_TLB_KEEP;
	state->entered = true;
}

/**
 * asid_flush() - the guest's translations are stale for another reason: flush before it runs
 * @state: the vCPU's
 */
static inline void asid_flush(struct asid_state *state)
{
	state->entered = false;
}

#endif /* SVMM_SVM_ASID_H */
