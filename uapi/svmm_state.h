/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * A vCPU's state, in the groups that struct svmm_vcpu_page brings to and from user space.  Part of
 * svmm.h.
 */
#ifndef _UAPI_SVMM_STATE_H
#define _UAPI_SVMM_STATE_H

#include <linux/types.h>

/*
 * State groups: bits of svmm_vcpu_page.valid, .dirty and .want.
 * XSAVE and LAPIC live in areas of their own behind the first page.
 */
#define SVMM_STATE_GPR		(1U << 0)
#define SVMM_STATE_SEG		(1U << 1)
#define SVMM_STATE_CR		(1U << 2)
#define SVMM_STATE_DR		(1U << 3)
#define SVMM_STATE_MSR		(1U << 4)
#define SVMM_STATE_EVENTS	(1U << 5)
#define SVMM_STATE_TSC		(1U << 6)
#define SVMM_STATE_MP		(1U << 7)
#define SVMM_STATE_PV		(1U << 8)
#define SVMM_STATE_LAPIC	(1U << 9)
#define SVMM_STATE_XSAVE	(1U << 10)
#define SVMM_STATE_ALL		((1U << 11) - 1)

/* General registers; order as in ModRM, so that tables can index them. */
struct svmm_gprs {
	__u64 rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi;
	__u64 r8, r9, r10, r11, r12, r13, r14, r15;
	__u64 rip;
	__u64 rflags;
};

/**
 * struct svmm_segment - a segment register (APM vol. 2, appendix B)
 * @base: base address
 * @limit: limit in bytes, already expanded by G
 * @selector: selector
 * @attrib: as in the VMCB: type 3:0, S 4, DPL 6:5, P 7, AVL 8, L 9, D/B 10,
 *	G 11; bits 15:12 zero
 */
struct svmm_segment {
	__u64 base;
	__u32 limit;
	__u16 selector;
	__u16 attrib;
};

/* Segment registers and descriptor tables (selector and attrib of gdt, idt: 0). */
struct svmm_segs {
	struct svmm_segment es, cs, ss, ds, fs, gs;
	struct svmm_segment ldtr, tr;
	struct svmm_segment gdt, idt;
};

/* Control registers.  EFER as the guest sees it: SVME reads 0. */
struct svmm_crs {
	__u64 cr0, cr2, cr3, cr4, cr8;
	__u64 efer;
	__u64 xcr0;
	__u64 reserved;
};

/* Debug registers. */
struct svmm_drs {
	__u64 db[4];
	__u64 dr6, dr7;
};

/* MSRs that are plain state. */
struct svmm_msrs {
	__u64 star, lstar, cstar, sfmask;
	__u64 kernel_gs_base;
	__u64 sysenter_cs, sysenter_esp, sysenter_eip;
	__u64 pat;
	__u64 spec_ctrl;
	__u64 mtrr_def_type;
	__u64 mtrr_fixed[11];		/* 250h, 258h, 259h, 268h to 26Fh */
	__u64 mtrr_var[16];		/* 200h to 20Fh */
	__u64 reserved[6];
};

/* svmm_events.flags */
#define SVMM_EVENT_EXCEPTION	(1U << 0)	/* @vector is to be delivered */
#define SVMM_EVENT_ERROR_CODE	(1U << 1)	/* with @error_code */
#define SVMM_EVENT_PAYLOAD	(1U << 2)	/* @payload goes to CR2 (#PF) or DR6 (#DB) */
#define SVMM_EVENT_NMI_PENDING	(1U << 3)
#define SVMM_EVENT_NMI_MASKED	(1U << 4)
#define SVMM_EVENT_SHADOW	(1U << 5)	/* interrupt shadow of STI or MOV SS */
#define SVMM_EVENT_INTR		(1U << 6)	/* @vector of an interrupt in delivery */

/**
 * struct svmm_events - what is pending or in delivery; an event whose delivery
 *	an exit interrupted is folded in here
 * @flags: SVMM_EVENT_*
 * @vector: of the exception or interrupt
 * @error_code: with SVMM_EVENT_ERROR_CODE
 * @payload: with SVMM_EVENT_PAYLOAD
 */
struct svmm_events {
	__u32 flags;
	__u32 vector;
	__u32 error_code;
	__u32 reserved;
	__u64 payload;
};

/*
 * Time: what is added to the host's TSC (at the rate of the guest's); the APIC
 * timer's deadline; TSC_AUX.
 */
struct svmm_tsc {
	__u64 offset;
	__u64 deadline;
	__u64 aux;
};

/* svmm_mp.state */
#define SVMM_MP_RUNNABLE	0
#define SVMM_MP_HALTED		1
#define SVMM_MP_WAIT_SIPI	2	/* after INIT, or a secondary vCPU at start */

struct svmm_mp {
	__u32 state;
	__u32 sipi_vector;
};

/*
 * Paravirtual MSRs as the guest wrote them (4B56_4D00h, 01h, 03h, 04h); one whose
 * feature CPUID does not show must be 0.
 */
struct svmm_pv {
	__u64 wall_clock;
	__u64 system_time;
	__u64 steal_time;
	__u64 pv_eoi;
	__u64 reserved[4];
};

/**
 * struct svmm_lapic - the local APIC, in the area at lapic_offset
 * @apic_base: APIC_BASE (1Bh)
 * @regs: the 64 registers, 16 bytes apart in the APIC's page (regs[2] is the
 *	ID at 20h); the ICR's upper half is regs[0x31]
 */
struct svmm_lapic {
	__u64 apic_base;
	__u32 regs[64];
};

#endif
