/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A VMCB by its bytes, and valid ones of each mode. Offsets are written down from APM vol. 2,
 * appendix B, not taken from the header under test: VMCBs are made, and spoilt as a bug would, not
 * through the accessors.
 */
#ifndef SELFTESTS_UNIT_VMCB_BYTES_H
#define SELFTESTS_UNIT_VMCB_BYTES_H

#include <string.h>

#include "../../module/svm/vmcb.h"

static inline void poke(struct vmcb *vmcb, unsigned int offset, unsigned int bytes, u64 value)
{
	memcpy((u8 *)vmcb + offset, &value, bytes);
}

static inline u64 peek(const struct vmcb *vmcb, unsigned int offset, unsigned int bytes)
{
	u64 value = 0;

	memcpy(&value, (const u8 *)vmcb + offset, bytes);
	return value;
}

static inline void reset(struct vmcb *vmcb)
{
	unsigned int i;

	memset(vmcb, 0, sizeof(*vmcb));
	vmcb_reset_save(vmcb);
	for (i = 0; i < SVM_WORDS; i++)
		vmcb_set_intercepts(vmcb, i, 0);
	poke(vmcb, 0x040, 8, 0x100000);		/* iopm */
	poke(vmcb, 0x048, 8, 0x200000);		/* msrpm */
	poke(vmcb, 0x058, 4, 1);		/* asid */
	poke(vmcb, 0x060, 8, 1ULL << 24);	/* V_INTR_MASKING */
	poke(vmcb, 0x090, 8, 1);		/* NP_ENABLE */
	poke(vmcb, 0x0b0, 8, 0x300000);		/* nested_cr3 */
}

/* 64-bit mode, CPL 3, paging, as a Linux process has it */
static inline void long_mode(struct vmcb *vmcb)
{
	reset(vmcb);
	poke(vmcb, 0x4d0, 8, 0x1d01);		/* EFER: SVME NX LMA LME SCE */
	poke(vmcb, 0x558, 8, 0x80050033);	/* CR0 */
	poke(vmcb, 0x550, 8, 0x1234000);	/* CR3 */
	poke(vmcb, 0x548, 8, 0x3506f0);		/* CR4 */
	poke(vmcb, 0x412, 2, 0xafb);		/* CS: L, DPL 3 */
	poke(vmcb, 0x422, 2, 0xcf3);		/* SS: DPL 3 */
	poke(vmcb, 0x4cb, 1, 3);		/* CPL */
	poke(vmcb, 0x570, 8, 0x246);
	poke(vmcb, 0x578, 8, 0x7fffffffffff);
}

/* Paged protected mode, CPL 0 */
static inline void protected_mode(struct vmcb *vmcb)
{
	reset(vmcb);
	poke(vmcb, 0x558, 8, 0x80000011);
	poke(vmcb, 0x412, 2, 0xc9b);
	poke(vmcb, 0x422, 2, 0xc93);
}

static inline void vm86_mode(struct vmcb *vmcb)
{
	protected_mode(vmcb);
	poke(vmcb, 0x412, 2, 0x0f3);
	poke(vmcb, 0x422, 2, 0x0f3);
	poke(vmcb, 0x4cb, 1, 3);
	poke(vmcb, 0x570, 8, 0x20202);
}

#endif
