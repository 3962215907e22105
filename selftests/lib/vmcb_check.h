/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What must hold of a VMCB whatever user space and guest do, written down from
 * the APM (vol. 2, 15.5 and appendix B) a second time: it does not look at the
 * module's own constants.
 */
#ifndef SELFTESTS_VMCB_CHECK_H
#define SELFTESTS_VMCB_CHECK_H

#include <string.h>

#include "vmtest.h"

static inline uint64_t vmcb_field(const struct svmm_debug_vmcb *d, unsigned int offset,
				  unsigned int bytes)
{
	uint64_t value = 0;

	memcpy(&value, d->vmcb + offset, bytes);
	return value;
}

/* Word 3 (00Ch): what leaves the guest no matter what. */
#define REQUIRED_0C	(1U << 0 | 1U << 1 |	/* INTR, NMI */		\
			 1U << 2 | 1U << 3 |	/* SMI, INIT */		\
			 1U << 18 |		/* CPUID */		\
			 1U << 22 |		/* INVD */		\
			 1U << 24 |		/* HLT */		\
			 1U << 26 |		/* INVLPGA */		\
			 1U << 27 | 1U << 28 |	/* I/O, MSR */		\
			 1U << 29 | 1U << 31)	/* task switch, SHUTDOWN */
/* Word 4 (010h). */
#define REQUIRED_10	(0x7fU |		/* VMRUN to SKINIT */	\
			 1U << 9 |		/* WBINVD */		\
			 1U << 10 | 1U << 11 |	/* MONITOR, MWAIT */	\
			 1U << 13)		/* XSETBV */

/* The first thing that is wrong with a VMCB, or NULL. */
static inline const char *vmcb_flaw(const struct svmm_debug_vmcb *d)
{
	uint64_t int_ctl = vmcb_field(d, 0x60, 8);
	uint64_t efer = vmcb_field(d, 0x4d0, 8);

	for (unsigned int i = 0; i < 6; i++)
		if ((vmcb_field(d, 4 * i, 4) & d->mandatory[i]) != d->mandatory[i])
			return "a mandatory intercept is clear";
	if ((vmcb_field(d, 0xc, 4) & REQUIRED_0C) != REQUIRED_0C)
		return "an intercept of word 3 is clear";
	if ((vmcb_field(d, 0x10, 4) & REQUIRED_10) != REQUIRED_10)
		return "an intercept of word 4 is clear";
	if (!vmcb_field(d, 0x40, 8) || vmcb_field(d, 0x40, 8) & 0xfff)
		return "I/O permission map";
	if (!vmcb_field(d, 0x48, 8) || vmcb_field(d, 0x48, 8) & 0xfff)
		return "MSR permission map";
	if (!(int_ctl & 1 << 24))
		return "V_INTR_MASKING is clear";
	if (int_ctl & (1ULL << 31 | 1ULL << 30))
		return "AVIC is on";
	if (int_ctl & (1ULL << 26 | 1ULL << 12 | 1ULL << 11))
		return "virtual NMIs are on";
	if (int_ctl & (1ULL << 25 | 1ULL << 9))
		return "virtual GIF is on";
	if (int_ctl & ~(0xffULL | 1ULL << 8 | 0xfULL << 16 | 1ULL << 20 | 1ULL << 24 |
			0xffULL << 32))
		return "reserved bits of int_ctl";
	if (vmcb_field(d, 0x68, 8) & ~3ULL)
		return "reserved bits of the interrupt shadow";
	if (vmcb_field(d, 0x90, 8) != 1)
		return "nested paging control is not NP_ENABLE alone";
	if (vmcb_field(d, 0xb8, 8) & ~0ULL)
		return "LBR or VMLOAD virtualization is on";
	if (vmcb_field(d, 0x98, 8))
		return "an AVIC address";
	if (!(efer & EFER_SVME))
		return "EFER.SVME is clear";
	if (efer & ~(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE | EFER_SVME | 1ULL << 14))
		return "reserved bits of EFER";
	if (vmcb_field(d, 0x558, 8) >> 32)			/* CR0 */
		return "upper half of CR0";
	if (vmcb_field(d, 0x558, 8) & CR0_NW && !(vmcb_field(d, 0x558, 8) & CR0_CD))
		return "CR0.NW without CD";
	if (vmcb_field(d, 0x560, 8) >> 32 || vmcb_field(d, 0x568, 8) >> 32)
		return "upper half of DR7 or DR6";
	if (vmcb_field(d, 0x4cb, 1) > 3)
		return "CPL";
	return NULL;
}

#endif
