/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The VMCB: layout (APM vol. 2, appendix B), its bits, and the only code that writes fields which
 * a clean bit covers. Pure C; it must not know vCPUs, CPUs or policy.
 *
 * The trick: a field that the processor may cache across exits (15.15) has a name with a leading
 * underscore and is reached through vmcb_get_x() and vmcb_set_x() only. The setter clears the
 * field's clean bit, and only if the value changes, so a forgotten clean bit cannot be written and
 * a needless one is not paid for. Fields without underscore are read by every VMRUN.
 */
#ifndef SVMM_SVM_VMCB_H
#define SVMM_SVM_VMCB_H

#include "../pure.h"
#include "../../uapi/svmm_exits.h"

#include <asm/processor-flags.h>
#ifdef __KERNEL__
#include <asm/msr-index.h>
#else
#define EFER_SCE		BIT_ULL(0)
#define EFER_LME		BIT_ULL(8)
#define EFER_LMA		BIT_ULL(10)
#define EFER_NX			BIT_ULL(11)
#define EFER_SVME		BIT_ULL(12)
#define EFER_LMSLE		BIT_ULL(13)
#define EFER_FFXSR		BIT_ULL(14)
#endif

/* CPUID 8000_000A EDX: what SVM can do (APM vol. 3, appendix E.4.9). */
#define SVM_FEATURE_NPT			BIT(0)
#define SVM_FEATURE_LBRV		BIT(1)
#define SVM_FEATURE_SVML		BIT(2)
#define SVM_FEATURE_NRIPS		BIT(3)
#define SVM_FEATURE_TSCRATEMSR		BIT(4)
#define SVM_FEATURE_CLEANBITS		BIT(5)
#define SVM_FEATURE_FLUSHBYASID		BIT(6)
#define SVM_FEATURE_DECODEASSISTS	BIT(7)
#define SVM_FEATURE_PAUSEFILTER		BIT(10)
#define SVM_FEATURE_PAUSETHRESHOLD	BIT(12)
#define SVM_FEATURE_AVIC		BIT(13)
#define SVM_FEATURE_VLS			BIT(15)
#define SVM_FEATURE_VGIF		BIT(16)
#define SVM_FEATURE_SPEC_CTRL		BIT(20)
#define SVM_FEATURE_VNMI		BIT(25)

/* Words of the intercept vector, offsets 00h to 14h. */
enum svm_intercept_word {
	SVM_WORD_CR,			/* reads 15:0, writes 31:16 */
	SVM_WORD_DR,			/* reads 15:0, writes 31:16 */
	SVM_WORD_EXCEPTIONS,		/* by vector */
	SVM_WORD_MISC1,
	SVM_WORD_MISC2,
	SVM_WORD_MISC3,
	SVM_WORDS
};

/* Intercepts by number, word * 32 + bit, which is also the code of the exit that each causes. */
#define SVM_INTERCEPT_READ_CR(n)	(0x00 + (n))
#define SVM_INTERCEPT_WRITE_CR(n)	(0x10 + (n))
#define SVM_INTERCEPT_READ_DR(n)	(0x20 + (n))
#define SVM_INTERCEPT_WRITE_DR(n)	(0x30 + (n))
#define SVM_INTERCEPT_EXCEPTION(vector)	(0x40 + (vector))

enum svm_intercept {
	SVM_INTERCEPT_INTR = 0x60,
	SVM_INTERCEPT_NMI,
	SVM_INTERCEPT_SMI,
	SVM_INTERCEPT_INIT,
	SVM_INTERCEPT_VINTR,
	SVM_INTERCEPT_CR0_SEL_WRITE,	/* writes that change more than TS and MP */
	SVM_INTERCEPT_IDTR_READ,
	SVM_INTERCEPT_GDTR_READ,
	SVM_INTERCEPT_LDTR_READ,
	SVM_INTERCEPT_TR_READ,
	SVM_INTERCEPT_IDTR_WRITE,
	SVM_INTERCEPT_GDTR_WRITE,
	SVM_INTERCEPT_LDTR_WRITE,
	SVM_INTERCEPT_TR_WRITE,
	SVM_INTERCEPT_RDTSC,
	SVM_INTERCEPT_RDPMC,
	SVM_INTERCEPT_PUSHF,
	SVM_INTERCEPT_POPF,
	SVM_INTERCEPT_CPUID,
	SVM_INTERCEPT_RSM,
	SVM_INTERCEPT_IRET,
	SVM_INTERCEPT_SWINT,
	SVM_INTERCEPT_INVD,
	SVM_INTERCEPT_PAUSE,
	SVM_INTERCEPT_HLT,
	SVM_INTERCEPT_INVLPG,
	SVM_INTERCEPT_INVLPGA,
	SVM_INTERCEPT_IOIO_PROT,
	SVM_INTERCEPT_MSR_PROT,
	SVM_INTERCEPT_TASK_SWITCH,
	SVM_INTERCEPT_FERR_FREEZE,
	SVM_INTERCEPT_SHUTDOWN,
	SVM_INTERCEPT_VMRUN,
	SVM_INTERCEPT_VMMCALL,
	SVM_INTERCEPT_VMLOAD,
	SVM_INTERCEPT_VMSAVE,
	SVM_INTERCEPT_STGI,
	SVM_INTERCEPT_CLGI,
	SVM_INTERCEPT_SKINIT,
	SVM_INTERCEPT_RDTSCP,
	SVM_INTERCEPT_ICEBP,
	SVM_INTERCEPT_WBINVD,
	SVM_INTERCEPT_MONITOR,
	SVM_INTERCEPT_MWAIT,
	SVM_INTERCEPT_MWAIT_ARMED,
	SVM_INTERCEPT_XSETBV,
	SVM_INTERCEPT_RDPRU,
	SVM_INTERCEPT_EFER_WRITE_TRAP,
	SVM_INTERCEPT_WRITE_TRAP_CR0,	/* and 15 more */
	SVM_INTERCEPT_INVLPGB = 0xa0,
	SVM_INTERCEPT_INVLPGB_ILLEGAL,
	SVM_INTERCEPT_INVPCID,
	SVM_INTERCEPT_MCOMMIT,
	SVM_INTERCEPT_TLBSYNC,
	SVM_INTERCEPT_BUSLOCK,
	SVM_INTERCEPT_IDLE_HLT,
};

#define SVM_INTERCEPT_BIT(n)	(1U << ((n) & 31))

/* The whole word SVM_WORD_DR: every access to a debug register. */
#define SVM_INTERCEPT_ALL_DR	0xffffffffU

/*
 * Intercepts that every VMCB has; vmcb_set_intercepts() ORs them in. Defined in vmcb.c as the list
 * of what a guest is allowed to do without an exit.
 */
extern const u32 svm_mandatory_intercepts[SVM_WORDS];

/* tlb_ctl (15.16.1): what VMRUN does to the TLB before it enters the guest. */
#define SVM_TLB_KEEP		0
#define SVM_TLB_FLUSH_ALL	1	/* every ASID, global entries and the host's too */
#define SVM_TLB_FLUSH_ASID	3	/* this guest's entries; FlushByASID only */
#define SVM_TLB_FLUSH_NONGLOBAL	7	/* this guest's non-global entries; likewise */

/* int_ctl (15.21, offset 60h) */
#define V_TPR_MASK		0xffULL
#define V_IRQ			BIT_ULL(8)
#define V_GIF			BIT_ULL(9)
#define V_NMI			BIT_ULL(11)
#define V_NMI_MASK		BIT_ULL(12)
#define V_INTR_PRIO_SHIFT	16
#define V_INTR_PRIO_MASK	(0xfULL << V_INTR_PRIO_SHIFT)
#define V_IGN_TPR		BIT_ULL(20)
#define V_INTR_MASKING		BIT_ULL(24)
#define V_GIF_ENABLE		BIT_ULL(25)
#define V_NMI_ENABLE		BIT_ULL(26)
#define X2AVIC_ENABLE		BIT_ULL(30)
#define AVIC_ENABLE		BIT_ULL(31)
#define V_INTR_VECTOR_SHIFT	32
#define V_INTR_VECTOR_MASK	(0xffULL << V_INTR_VECTOR_SHIFT)

/* int_state (offset 68h) */
#define SVM_INTERRUPT_SHADOW	BIT_ULL(0)	/* STI or MOV SS was just executed */
#define SVM_GUEST_INTR_MASK	BIT_ULL(1)	/* RFLAGS.IF of an SEV-ES guest */

/* nested_ctl (offset 90h) */
#define NESTED_CTL_NP_ENABLE	BIT_ULL(0)

/* virt_ext (offset B8h) */
#define VIRT_EXT_LBRV		BIT_ULL(0)
#define VIRT_EXT_VLS		BIT_ULL(1)

/* event_inj and exit_int_info share one format (15.20, 15.7.2). */
#define SVM_EVENT_VECTOR_MASK	0xffU
#define SVM_EVENT_TYPE_MASK	(7U << 8)
#define SVM_EVENT_INTR		(0U << 8)
#define SVM_EVENT_NMI		(2U << 8)
#define SVM_EVENT_EXCEPTION	(3U << 8)
#define SVM_EVENT_SOFT_INT	(4U << 8)
#define SVM_EVENT_EV		BIT(11)		/* the error code is valid */
#define SVM_EVENT_VALID		BIT(31)

/* Clean bits (15.15.3): set, the processor may use its own copy of these fields. */
#define VMCB_CLEAN_I		BIT(0)	/* intercepts, TSC offset, pause filter */
#define VMCB_CLEAN_IOPM		BIT(1)	/* iopm_base_pa, msrpm_base_pa */
#define VMCB_CLEAN_ASID		BIT(2)	/* asid */
#define VMCB_CLEAN_TPR		BIT(3)	/* int_ctl */
#define VMCB_CLEAN_NP		BIT(4)	/* nested_ctl, nested_cr3, g_pat */
#define VMCB_CLEAN_CR		BIT(5)	/* cr0, cr3, cr4, efer */
#define VMCB_CLEAN_DR		BIT(6)	/* dr6, dr7 */
#define VMCB_CLEAN_DT		BIT(7)	/* gdtr, idtr */
#define VMCB_CLEAN_SEG		BIT(8)	/* es, cs, ss, ds, cpl */
#define VMCB_CLEAN_CR2		BIT(9)	/* cr2 */
#define VMCB_CLEAN_LBR		BIT(10)	/* virt_ext, dbgctl, br_*, lastexcp_* */
#define VMCB_CLEAN_ALL		GENMASK(10, 0)	/* AVIC (11) and CET (12) stay unused */

/* Indexes of the save area's segment registers, in the hardware's order. */
enum vmcb_seg_index {
	VMCB_ES, VMCB_CS, VMCB_SS, VMCB_DS, VMCB_FS, VMCB_GS,
	VMCB_GDTR, VMCB_LDTR, VMCB_IDTR, VMCB_TR,
	VMCB_NR_SEGS
};

/* vmcb_seg.attrib: bits 55:52 and 47:40 of a descriptor, side by side. */
#define VMCB_ATTR_TYPE_MASK	0x00f
#define VMCB_ATTR_S		0x010
#define VMCB_ATTR_DPL_SHIFT	5
#define VMCB_ATTR_DPL_MASK	0x060
#define VMCB_ATTR_P		0x080
#define VMCB_ATTR_AVL		0x100
#define VMCB_ATTR_L		0x200
#define VMCB_ATTR_DB		0x400
#define VMCB_ATTR_G		0x800
#define VMCB_ATTR_RESERVED	0xf000

/**
 * struct vmcb_seg - a segment register or descriptor table register
 * @selector: selector; unused for GDTR and IDTR
 * @attrib: VMCB_ATTR_*; unused for GDTR and IDTR
 * @limit: in bytes, expanded by G
 * @base: linear address
 */
struct vmcb_seg {
	u16 selector;
	u16 attrib;
	u32 limit;
	u64 base;
};

/* Control area at 000h, state save area at 400h; reserved bytes are zero. */
struct vmcb {
	u32 _intercepts[SVM_WORDS];	/* 000 */
	u8 reserved_018[0x24];
	u16 _pause_filter_thresh;	/* 03c */
	u16 _pause_filter_count;	/* 03e */
	u64 _iopm_base_pa;		/* 040 */
	u64 _msrpm_base_pa;		/* 048 */
	u64 _tsc_offset;		/* 050 */
	u32 _asid;			/* 058 */
	u8 tlb_ctl;			/* 05c */
	u8 reserved_05d[3];
	u64 _int_ctl;			/* 060; int_vector is its bits 39:32 */
	u64 int_state;			/* 068 */
	u64 exit_code;			/* 070 */
	u64 exit_info_1;		/* 078 */
	u64 exit_info_2;		/* 080 */
	u32 exit_int_info;		/* 088 */
	u32 exit_int_info_err;		/* 08c */
	u64 _nested_ctl;		/* 090 */
	u64 avic_apic_bar;		/* 098 */
	u64 ghcb_pa;			/* 0a0 */
	u32 event_inj;			/* 0a8 */
	u32 event_inj_err;		/* 0ac */
	u64 _nested_cr3;		/* 0b0 */
	u64 _virt_ext;			/* 0b8 */
	u32 clean;			/* 0c0 */
	u32 reserved_0c4;
	u64 next_rip;			/* 0c8; NRIPS only */
	u8 insn_len;			/* 0d0; DecodeAssists only */
	u8 insn_bytes[15];		/* 0d1 */
	u64 avic_backing_page;		/* 0e0 */
	u64 reserved_0e8;
	u64 avic_logical_table;		/* 0f0 */
	u64 avic_physical_table;	/* 0f8 */
	u64 reserved_100;
	u64 vmsa_pa;			/* 108 */
	u8 reserved_110[0x2f0];

	struct vmcb_seg _seg[VMCB_NR_SEGS];	/* 400 */
	u8 reserved_4a0[0x2b];
	u8 _cpl;			/* 4cb */
	u8 reserved_4cc[4];
	u64 _efer;			/* 4d0 */
	u8 reserved_4d8[0x70];
	u64 _cr4;			/* 548 */
	u64 _cr3;			/* 550 */
	u64 _cr0;			/* 558 */
	u64 _dr7;			/* 560 */
	u64 _dr6;			/* 568 */
	u64 rflags;			/* 570 */
	u64 rip;			/* 578 */
	u8 reserved_580[0x58];
	u64 rsp;			/* 5d8 */
	u64 s_cet;			/* 5e0 */
	u64 ssp;			/* 5e8 */
	u64 isst_addr;			/* 5f0 */
	u64 rax;			/* 5f8 */
	u64 star;			/* 600; from here to sysenter_eip VMLOAD/VMSAVE state, */
	u64 lstar;			/* 608;  like FS, GS, LDTR and TR above */
	u64 cstar;			/* 610 */
	u64 sfmask;			/* 618 */
	u64 kernel_gs_base;		/* 620 */
	u64 sysenter_cs;		/* 628 */
	u64 sysenter_esp;		/* 630 */
	u64 sysenter_eip;		/* 638 */
	u64 _cr2;			/* 640 */
	u8 reserved_648[0x20];
	u64 _g_pat;			/* 668 */
	u64 _dbgctl;			/* 670 */
	u64 _br_from;			/* 678 */
	u64 _br_to;			/* 680 */
	u64 _lastexcp_from;		/* 688 */
	u64 _lastexcp_to;		/* 690 */
	u8 reserved_698[0x48];
	u64 spec_ctrl;			/* 6e0; with SVM_FEATURE_SPEC_CTRL only */
	u8 reserved_6e8[0x918];
};

#define VMCB_ASSERT(field, offset)						\
	static_assert(offsetof(struct vmcb, field) == (offset), #field)
VMCB_ASSERT(_pause_filter_thresh, 0x03c);
VMCB_ASSERT(_iopm_base_pa, 0x040);
VMCB_ASSERT(_tsc_offset, 0x050);
VMCB_ASSERT(_asid, 0x058);
VMCB_ASSERT(tlb_ctl, 0x05c);
VMCB_ASSERT(_int_ctl, 0x060);
VMCB_ASSERT(int_state, 0x068);
VMCB_ASSERT(exit_code, 0x070);
VMCB_ASSERT(exit_int_info, 0x088);
VMCB_ASSERT(_nested_ctl, 0x090);
VMCB_ASSERT(avic_apic_bar, 0x098);
VMCB_ASSERT(event_inj, 0x0a8);
VMCB_ASSERT(_nested_cr3, 0x0b0);
VMCB_ASSERT(_virt_ext, 0x0b8);
VMCB_ASSERT(clean, 0x0c0);
VMCB_ASSERT(next_rip, 0x0c8);
VMCB_ASSERT(insn_len, 0x0d0);
VMCB_ASSERT(avic_backing_page, 0x0e0);
VMCB_ASSERT(avic_logical_table, 0x0f0);
VMCB_ASSERT(avic_physical_table, 0x0f8);
VMCB_ASSERT(vmsa_pa, 0x108);
VMCB_ASSERT(_seg, 0x400);
VMCB_ASSERT(_seg[VMCB_TR], 0x490);
VMCB_ASSERT(_cpl, 0x4cb);
VMCB_ASSERT(_efer, 0x4d0);
VMCB_ASSERT(_cr4, 0x548);
VMCB_ASSERT(_cr0, 0x558);
VMCB_ASSERT(_dr7, 0x560);
VMCB_ASSERT(_dr6, 0x568);
VMCB_ASSERT(rflags, 0x570);
VMCB_ASSERT(rip, 0x578);
VMCB_ASSERT(rsp, 0x5d8);
VMCB_ASSERT(s_cet, 0x5e0);
VMCB_ASSERT(rax, 0x5f8);
VMCB_ASSERT(star, 0x600);
VMCB_ASSERT(kernel_gs_base, 0x620);
VMCB_ASSERT(sysenter_eip, 0x638);
VMCB_ASSERT(_cr2, 0x640);
VMCB_ASSERT(_g_pat, 0x668);
VMCB_ASSERT(_dbgctl, 0x670);
VMCB_ASSERT(_lastexcp_to, 0x690);
VMCB_ASSERT(spec_ctrl, 0x6e0);
static_assert(sizeof(struct vmcb) == 0x1000, "a VMCB is a page");
#undef VMCB_ASSERT

/*
 * Clean bits
 */

/**
 * vmcb_dirty() - make VMRUN read the fields of some clean bits again
 * @vmcb: VMCB
 * @bits: VMCB_CLEAN_*; VMCB_CLEAN_ALL after a change of CPU, after a failed VMRUN, for a new VMCB
 */
static __always_inline void vmcb_dirty(struct vmcb *vmcb, u32 bits)
{
	vmcb->clean &= ~bits;
}

/**
 * vmcb_all_clean() - after an exit: nothing differs from what this CPU may have cached
 * @vmcb: VMCB whose VMRUN succeeded
 *
 * Only with SVM_FEATURE_CLEANBITS; without it the field stays zero.
 */
static __always_inline void vmcb_all_clean(struct vmcb *vmcb)
{
	vmcb->clean = VMCB_CLEAN_ALL;
}

/* Every scalar with a clean bit: F(type, name, bit) makes vmcb_get_name() and vmcb_set_name(). */
#define VMCB_CLEAN_FIELDS(F)				\
	F(u16, pause_filter_thresh, VMCB_CLEAN_I)	\
	F(u16, pause_filter_count, VMCB_CLEAN_I)	\
	F(u64, tsc_offset, VMCB_CLEAN_I)		\
	F(u64, iopm_base_pa, VMCB_CLEAN_IOPM)		\
	F(u64, msrpm_base_pa, VMCB_CLEAN_IOPM)		\
	F(u32, asid, VMCB_CLEAN_ASID)			\
	F(u64, int_ctl, VMCB_CLEAN_TPR)			\
	F(u64, nested_ctl, VMCB_CLEAN_NP)		\
	F(u64, nested_cr3, VMCB_CLEAN_NP)		\
	F(u64, g_pat, VMCB_CLEAN_NP)			\
	F(u64, efer, VMCB_CLEAN_CR)			\
	F(u64, cr0, VMCB_CLEAN_CR)			\
	F(u64, cr3, VMCB_CLEAN_CR)			\
	F(u64, cr4, VMCB_CLEAN_CR)			\
	F(u64, dr6, VMCB_CLEAN_DR)			\
	F(u64, dr7, VMCB_CLEAN_DR)			\
	F(u8, cpl, VMCB_CLEAN_SEG)			\
	F(u64, cr2, VMCB_CLEAN_CR2)			\
	F(u64, virt_ext, VMCB_CLEAN_LBR)		\
	F(u64, dbgctl, VMCB_CLEAN_LBR)			\
	F(u64, br_from, VMCB_CLEAN_LBR)			\
	F(u64, br_to, VMCB_CLEAN_LBR)			\
	F(u64, lastexcp_from, VMCB_CLEAN_LBR)		\
	F(u64, lastexcp_to, VMCB_CLEAN_LBR)

#define VMCB_ACCESSORS(type, name, bit)						\
static __always_inline type vmcb_get_##name(const struct vmcb *vmcb)		\
{										\
	return vmcb->_##name;							\
}										\
static __always_inline void vmcb_set_##name(struct vmcb *vmcb, type value)	\
{										\
	if (vmcb->_##name != value) {						\
		vmcb->_##name = value;						\
		vmcb_dirty(vmcb, bit);						\
	}									\
}

VMCB_CLEAN_FIELDS(VMCB_ACCESSORS)
#undef VMCB_ACCESSORS

/**
 * vmcb_get_intercepts() - one word of the intercept vector
 * @vmcb: VMCB
 * @word: enum svm_intercept_word
 */
static __always_inline u32 vmcb_get_intercepts(const struct vmcb *vmcb, unsigned int word)
{
	return vmcb->_intercepts[word];
}

/**
 * vmcb_set_intercepts() - set one word of the intercept vector
 * @vmcb: VMCB
 * @word: enum svm_intercept_word
 * @policy: intercepts wanted; svm_mandatory_intercepts[@word] are added
 */
static __always_inline void vmcb_set_intercepts(struct vmcb *vmcb, unsigned int word, u32 policy)
{
	u32 value = policy | svm_mandatory_intercepts[word];

	if (vmcb->_intercepts[word] != value) {
		vmcb->_intercepts[word] = value;
		vmcb_dirty(vmcb, VMCB_CLEAN_I);
	}
}

/**
 * vmcb_intercepts() - is an intercept on?
 * @vmcb: VMCB
 * @n: SVM_INTERCEPT_*
 */
static __always_inline bool vmcb_intercepts(const struct vmcb *vmcb, unsigned int n)
{
	return vmcb->_intercepts[n / 32] & SVM_INTERCEPT_BIT(n);
}

/**
 * vmcb_intercept() - turn an intercept on
 * @vmcb: VMCB
 * @n: SVM_INTERCEPT_*
 */
static __always_inline void vmcb_intercept(struct vmcb *vmcb, unsigned int n)
{
	vmcb_set_intercepts(vmcb, n / 32, vmcb->_intercepts[n / 32] | SVM_INTERCEPT_BIT(n));
}

/**
 * vmcb_unintercept() - turn an intercept off, unless it is mandatory
 * @vmcb: VMCB
 * @n: SVM_INTERCEPT_*
 */
static __always_inline void vmcb_unintercept(struct vmcb *vmcb, unsigned int n)
{
	vmcb_set_intercepts(vmcb, n / 32, vmcb->_intercepts[n / 32] & ~SVM_INTERCEPT_BIT(n));
}

/* FS, GS, LDTR and TR are VMLOAD state, which VMRUN does not read: they have no clean bit. */
static __always_inline u32 vmcb_seg_clean_bit(enum vmcb_seg_index i)
{
	switch (i) {
	case VMCB_ES:
	case VMCB_CS:
	case VMCB_SS:
	case VMCB_DS:
		return VMCB_CLEAN_SEG;
	case VMCB_GDTR:
	case VMCB_IDTR:
		return VMCB_CLEAN_DT;
	default:
		return 0;
	}
}

/**
 * vmcb_get_seg() - read a segment register
 * @vmcb: VMCB
 * @i: which
 *
 * FS, GS, LDTR and TR are what the last VMSAVE to this VMCB stored.
 */
static __always_inline struct vmcb_seg vmcb_get_seg(const struct vmcb *vmcb, enum vmcb_seg_index i)
{
	return vmcb->_seg[i];
}

/**
 * vmcb_set_seg() - write a segment register
 * @vmcb: VMCB
 * @i: which
 * @seg: its new content. Who sets SS sets the CPL too: vmcb_check() wants them equal.
 */
static __always_inline void vmcb_set_seg(struct vmcb *vmcb, enum vmcb_seg_index i,
					 struct vmcb_seg seg)
{
	struct vmcb_seg *old = &vmcb->_seg[i];

	if (old->selector != seg.selector || old->attrib != seg.attrib ||
	    old->limit != seg.limit || old->base != seg.base) {
		*old = seg;
		vmcb_dirty(vmcb, vmcb_seg_clean_bit(i));
	}
}

/*
 * Exit information
 */

/**
 * svm_exit_is_invalid() - did VMRUN refuse to enter the guest?
 * @vmcb: VMCB after VMRUN
 *
 * VMEXIT_INVALID is -1; some emulators store only its low half, so that is what counts. The save
 * area then may hold host values and int_ctl zero: nothing in the VMCB is to be used again.
 */
static __always_inline bool svm_exit_is_invalid(const struct vmcb *vmcb)
{
	return (u32)vmcb->exit_code >= SVM_EXIT_IDLE_LOW;
}

/**
 * svm_exit_index() - a dense index of an exit code, for tables
 * @code: exit_code
 *
 * Return: below SVM_EXIT_INDEXES; SVM_EXIT_UNKNOWN for a code that the APM does not define.
 */
static __always_inline unsigned long svm_exit_index(u64 code)
{
	if (likely(code < SVM_EXIT_DENSE))
		return code;
	if (likely(code >= SVM_EXIT_NPF && code <= SVM_EXIT_VMGEXIT))
		return SVM_EXIT_DENSE + (code - SVM_EXIT_NPF);
	return SVM_EXIT_UNKNOWN;
}

/**
 * struct svm_ioio - exit_info_1 of an IOIO exit, unpacked (15.10.2)
 * @port: first port
 * @bytes: operand size: 1, 2 or 4
 * @addr_bytes: address size 2, 4 or 8 of a string instruction; 0 if the CPU did not say
 * @seg: segment of OUTS' memory operand, enum vmcb_seg_index; with DecodeAssists only
 * @in: IN or INS, not OUT or OUTS
 * @string: INS or OUTS
 * @rep: with a REP prefix
 *
 * exit_info_2 holds the next instruction's RIP, with NRIPS and without.
 */
struct svm_ioio {
	u16 port;
	u8 bytes;
	u8 addr_bytes;
	u8 seg;
	bool in;
	bool string;
	bool rep;
};

static __always_inline u16 svm_ioio_port(u64 info)
{
	return (u32)info >> 16;
}

static __always_inline struct svm_ioio svm_ioio_decode(u64 info)
{
	/* One size bit out of three is set, and (n & 7) is the size: 16 -> 1, 32 -> 2, 64 -> 4. */
	return (struct svm_ioio){
		.port = svm_ioio_port(info),
		.bytes = (info >> 4) & 7,
		.addr_bytes = ((info >> 7) & 7) << 1,
		.seg = (info >> 10) & 7,
		.in = info & 1,
		.string = info & 4,
		.rep = info & 8,
	};
}

/* exit_info_1 of an MSR exit */
#define SVM_MSR_INFO_WRITE	1

/* exit_info_1 of an NPF exit (15.25.6); exit_info_2 is the guest-physical address */
#define SVM_NPF_PRESENT		BIT_ULL(0)
#define SVM_NPF_WRITE		BIT_ULL(1)
#define SVM_NPF_USER		BIT_ULL(2)
#define SVM_NPF_RESERVED	BIT_ULL(3)
#define SVM_NPF_FETCH		BIT_ULL(4)
#define SVM_NPF_SHADOW_STACK	BIT_ULL(6)
#define SVM_NPF_FINAL		BIT_ULL(32)	/* translating the access's own address */
#define SVM_NPF_WALK		BIT_ULL(33)	/* translating a guest page table's address */

/* exit_info_1 of CR and DR exits, with DecodeAssists only (15.8.1) */
#define SVM_CR_INFO_MOV		BIT_ULL(63)	/* MOV; else CLTS, LMSW or SMSW */
#define SVM_CR_INFO_GPR(info)	((unsigned int)(info) & 15)
#define SVM_DR_INFO_GPR(info)	((unsigned int)(info) & 15)

/* exit_info_2 of a TASK_SWITCH exit (15.14.1); exit_info_1 15:0 is the TSS selector */
#define SVM_TASK_INFO_IRET	BIT_ULL(36)
#define SVM_TASK_INFO_FAR_JMP	BIT_ULL(38)
#define SVM_TASK_INFO_EV	BIT_ULL(44)	/* error code in bits 31:0 */
#define SVM_TASK_INFO_RF	BIT_ULL(48)

/*
 * vmcb.c
 */

/**
 * vmcb_reset_save() - give the save area the state of a CPU after RESET (14.1.3)
 * @vmcb: VMCB; the control area is left alone but for the clean bits
 *
 * EFER has SVME, as VMRUN demands; DR6, DR7, RFLAGS and PAT their reset values. CR0 is ET with CD
 * and NW clear: the guest's caches are the host's.
 */
void vmcb_reset_save(struct vmcb *vmcb);

/**
 * struct vmcb_limits - what vmcb_check() cannot read from the VMCB
 * @nr_asids: valid ASIDs are 1 to @nr_asids - 1
 * @features: SVM_FEATURE_* that may be used
 * @phys_mask: the bits that a physical address may have set, encryption bit included
 * @guest_phys_mask: the bits that a guest-physical address may have set
 * @efer_reserved: EFER bits that must be zero on this CPU
 * @cr4_reserved: CR4 bits that must be zero on this CPU
 */
struct vmcb_limits {
	u32 nr_asids;
	u32 features;
	u64 phys_mask;
	u64 guest_phys_mask;
	u64 efer_reserved;
	u64 cr4_reserved;
};

/**
 * vmcb_check() - VMRUN's consistency rules in software
 * @vmcb: VMCB about to be run, or that VMRUN refused (a copy made before: see
 *	svm_exit_is_invalid())
 * @lim: the CPU's limits
 * @why: set to the broken rule in plain English, to NULL if there is none
 *
 * APM vol. 2, 15.5.1 and the sections it refers to, plus the states that VMRUN takes but that
 * svmm never means (marked so in vmcb.c).
 *
 * Return: 0, or -EINVAL.
 */
int vmcb_check(const struct vmcb *vmcb, const struct vmcb_limits *lim, const char **why);

/**
 * struct vmcb_shadow - debug aid: what a CPU may have cached of a VMCB
 * @vmcb: copy from the last exit
 * @cpu: where that was; -1: nowhere, no clean bit may be set
 */
struct vmcb_shadow {
	struct vmcb vmcb;
	int cpu;
};

/**
 * vmcb_clean_record() - after a successful VMRUN: remember what the CPU may have cached
 * @shadow: copy to update
 * @vmcb: VMCB
 * @cpu: this CPU
 */
void vmcb_clean_record(struct vmcb_shadow *shadow, const struct vmcb *vmcb, int cpu);

/**
 * vmcb_clean_verify() - before VMRUN: does any set clean bit cover a changed field?
 * @shadow: from vmcb_clean_record(); @shadow->cpu = -1 before the first
 * @vmcb: VMCB about to be run
 * @cpu: this CPU
 * @why: set to the field's name (or the rule) on failure, to NULL if all is well
 *
 * Hardware that ignores clean bits hides such mistakes; on others they corrupt the guest.
 *
 * Return: 0, or -EINVAL.
 */
int vmcb_clean_verify(const struct vmcb_shadow *shadow, const struct vmcb *vmcb, int cpu,
		      const char **why);

#endif /* SVMM_SVM_VMCB_H */
