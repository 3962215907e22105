/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * What debuggers and bug reports ask for: steps, breakpoints, the last exits, nested page tables,
 * the VMCB.  Part of svmm.h.
 */
#ifndef _UAPI_SVMM_DEBUG_H
#define _UAPI_SVMM_DEBUG_H

#include <linux/types.h>

/* svmm_debug.flags */
#define SVMM_DEBUG_STEP		(1U << 0)	/* each RUN is one instruction, or one exception */
#define SVMM_DEBUG_BP		(1U << 1)	/* INT3 exits */
#define SVMM_DEBUG_HW		(1U << 2)	/* @db and @dr7 are used */
#define SVMM_DEBUG_EXITS	(1U << 3)	/* keep the last exits, for SVMM_GET_EXITS */

/**
 * struct svmm_debug - argument of SVMM_SET_DEBUG
 * @flags: SVMM_DEBUG_*; 0: nobody debugs
 * @reserved: zero
 * @db: with SVMM_DEBUG_HW: guest-linear addresses, as in DR0 to DR3
 * @dr7: likewise: bits 7:0 and 31:16 as in DR7, the others zero; no I/O breakpoints
 */
struct svmm_debug {
	__u32 flags;
	__u32 reserved;
	__u64 db[4];
	__u64 dr7;
};

#define SVMM_LAST_EXITS		32

/**
 * struct svmm_last_exits - answer of SVMM_GET_EXITS: the last times that the vCPU left its guest
 * @nr: how many, SVMM_LAST_EXITS at most; since SVMM_DEBUG_EXITS was set
 * @reserved: zero
 * @exit: the oldest first: VMCB exit code, RIP, EXITINFO1 and EXITINFO2
 */
struct svmm_last_exits {
	__u32 nr;
	__u32 reserved;
	struct {
		__u64 exit_code;
		__u64 rip;
		__u64 info1;
		__u64 info2;
	} exit[SVMM_LAST_EXITS];
};

#define SVMM_NPT_LEVELS		5

/**
 * struct svmm_debug_npt - argument of SVMM_DEBUG_NPT
 * @gpa: a guest-physical address
 * @levels: out: of the VM's nested tables, 4 or 5
 * @nr: out: entries that there are
 * @entries: out: of the root's table, then the next one's (APM vol. 2, 5.3); the last is a leaf, or
 *	0 if nothing is mapped
 */
struct svmm_debug_npt {
	__u64 gpa;
	__u32 levels;
	__u32 nr;
	__u64 entries[SVMM_NPT_LEVELS];
};

/**
 * struct svmm_debug_vmcb - answer of SVMM_DEBUG_VMCB
 * @mandatory: the intercept words that no policy may clear, in VMCB order
 *	(bytes 000h to 017h)
 * @vmcb: the VMCB as the next VMRUN would see it
 */
struct svmm_debug_vmcb {
	__u32 mandatory[6];
	__u32 reserved[2];
	__u8 vmcb[4096];
};

#endif
