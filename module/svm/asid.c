// SPDX-License-Identifier: GPL-2.0
/*
 * The ASID decisions that are not "keep": who needs another ASID, who a flush. Pure C, see asid.h.
 *
 *	row  what is so                            asid   tlb_ctl, CPU has FlushByASID / has not
 *	---  ------------------------------------  -----  --------------------------------------
 *	 0   nothing changed since the last entry  same   keep
 *	 1   the vCPU was on another CPU, or none  new    keep
 *	 2   the CPU began a new generation        new    keep
 *	 3   tlb_gen changed, a flush was asked    same   flush this ASID
 *	     for, or the last VMRUN                new             / keep
 *	     that was to flush failed
 *	 4   "new", but none is left               new of a new generation, row 5
 *	 5   no VMRUN succeeded on this CPU since  (any)  flush all
 *	     its generation began
 *
 * A new ASID needs no flush of its own: since its generation began, and with it row 5, nobody ran
 * under it on this CPU. Row 1 may not fall back to the ASID that the vCPU had here before: what
 * the guest invalidated elsewhere meanwhile is still in this CPU's TLB. Row 5 outlives a failed
 * VMRUN, and holds for every vCPU of the CPU until one succeeds.
 */
#include "asid.h"

static void new_generation(struct asid_cpu *cpu)
{
	cpu->generation++;
	cpu->next = 1;
	cpu->flush_all = true;
}

void asid_cpu_init(struct asid_cpu *cpu, u32 max, bool flush_by_asid)
{
	cpu->max = max;
	cpu->flush_by_asid = flush_by_asid;
	new_generation(cpu);
}

void asid_renew(struct asid_cpu *cpu, struct asid_state *state, u64 tlb_gen)
{
	bool ours = state->cpu == cpu && state->generation == cpu->generation;

	state->tlb_gen = tlb_gen;
	state->entered = false;
	if (ours && cpu->flush_by_asid) {			/* row 3 with */
		state->tlb_ctl = SVM_TLB_FLUSH_ASID;
	} else {						/* rows 1, 2, 3 without */
		if (cpu->next > cpu->max)			/* row 4 */
			new_generation(cpu);
		state->asid = cpu->next++;
		state->cpu = cpu;
		state->generation = cpu->generation;
		state->tlb_ctl = SVM_TLB_KEEP;
	}
	if (cpu->flush_all)					/* row 5 */
		state->tlb_ctl = SVM_TLB_FLUSH_ALL;
}
