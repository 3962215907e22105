/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The VMCB half of a vCPU, for the files of module/svm/ alone.
 */
#ifndef SVMM_SVM_VCPU_H
#define SVMM_SVM_VCPU_H

#include <linux/irq_work.h>

#include "../core.h"
#include "asid.h"
#include "caps.h"
#include "debug.h"
#include "svm.h"
#include "vmcb.h"

/* An address where no instruction is: not canonical. */
#define SVM_NOWHERE	BIT_ULL(62)
#define SVM_LOOK	(SVM_NOWHERE + 1)	/* shadow_rip: svm_events_after_exit() is to look */

/* SPEC_CTRL on either side; enter.S knows the layout. */
struct spec_ctrl {
	u64 guest;
	u64 host;			/* valid in the window */
};

/* The host's debug registers while the guest's are loaded. */
struct host_dr {
	unsigned long db[4];
	unsigned long dr6;
	bool saved;			/* and the guest's are loaded */
};

#define SVM_CHECK_STATE	BIT(0)	/* state came from outside: vmcb_check(), once */
#define SVM_CHECK_CLEAN	BIT(1)	/* clean_debug: vmcb_clean_verify(), each time */
#define SVM_CHECK_EXITS	BIT(3)	/* a debugger keeps the last exits */
#define SVM_CHECK_EVENT	BIT(4)	/* a debugger is to know when VMRUN has delivered its event */
#define SVM_CHECK_AFTER	(SVM_CHECK_CLEAN | SVM_CHECK_EXITS | SVM_CHECK_EVENT)
#define SVM_CHECK_STEP	BIT(2)	/* leave the guest as soon as it has its event, once */

#define FETCH_PAGES	32
#define FETCH_NO_PAGE	BIT_ULL(52)
#define INSN_LINES	32

/* fetch.c: a page of code, and the way to its first word. */
struct fetch_page {
	u64 nr;				/* of the page; FETCH_NO_PAGE: none */
	u64 cr3;
	struct guest_path path;
};

/* fetch.c: an instruction of up to 8 bytes. */
struct insn_line {
	u64 bytes;
	u64 mask;			/* its bytes; 0: the line is empty */
	struct x86_mov mov;		/* its length; and the rest, if it is one */
	u8 mode;			/* enum x86_mode */
	bool is_mov;
};

/* Everything here is the vCPU thread's: [m] in core.h. */
struct svm_vcpu {
	u64 id;				/* [c] unique since the module was loaded */
	struct vmcb *vmcb;
	u64 vmcb_pa;
	struct asid_state asid;
	u32 traced_asid;		/* the last one that tracing saw */
	void *fpu;			/* XSAVE image, standard format; FXSAVE without XSAVE */

	u64 efer;			/* as the guest sees it, without LMA */
	u64 cr0_hidden;			/* CD and NW, which the VMCB does not get */
	u64 cr4_extra;			/* MCE, where only the VMCB has it */
	u64 db[4];			/* DR0 to DR3 */
	u32 mxcsr_mask;			/* [c] MXCSR bits that exist */
	struct spec_ctrl spec_ctrl;
	struct host_dr host_dr;		/* if either side uses breakpoints */
	u8 check;			/* SVM_CHECK_*: what svm_check_entry() has to do */
	bool vnmi_posted;		/* V_NMI was set, for one of vcpu->nmi_pending */
	bool nmi_iret;			/* stepping over the IRET that ends an NMI handler */
	bool stepping;			/* RFLAGS.TF is ours: over an IRET, a shadow, for debug.c */
	bool guest_tf;			/* while stepping: the guest had TF set itself */
	u64 guest_dr6;			/* while stepping: DR6 before */
	u64 shadow_rip;			/* where the last exit or state left a shadow */
	u8 cr8;				/* V_TPR that the local APIC knows */
	struct svm_debug debug;
	struct svmm_last_exits last;	/* with SVM_CHECK_EXITS, round and round */
	u32 nr_last;			/* how many there were */
	struct irq_work leave;		/* see svm_debug_leave() */

	u8 insn_bytes[X86_INSN_MAX];	/* fetched for the present exit */
	u8 insn_nbytes;
	struct fetch_page pages[FETCH_PAGES];
	struct insn_line insns[INSN_LINES];

	struct vmcb_shadow *shadow;	/* with clean_debug */
	struct svmm_exit_stat *stats[SVM_EXIT_INDEXES];	/* lines of the accounts, or NULL */
};

/* What svm_init() built: the maps that all VMs share. */
extern u64 svm_msrpm_pa, svm_iopm_pa;

/*
 * enter.S: the TSC at the #VMEXIT (without accounting: 1), or 0 if an SVM instruction faulted
 * (SVME was turned off).
 */
u64 svm_enter(u64 vmcb_pa, u64 *regs, u64 host_save_pa, const struct spec_ctrl *spec);

/* exit.c: the handler of vmcb->exit_code, whose svm_exit_index() is @index. */
enum svm_action svm_handle_exit(struct vcpu *vcpu, unsigned long index);
/* The line of the accounts for a reason that comes up first. */
struct svmm_exit_stat *svm_new_exit(struct vcpu *vcpu, unsigned long index);

/* exit.c: an exit that nothing is known to do about. */
enum svm_action svm_internal_error(struct vcpu *vcpu);

/*
 * fetch.c and insn.c, in the window or with preemption off.  -EAGAIN: the bytes are not at hand;
 * -EFAULT: an exception was raised instead.  insn_error() is what a handler returns then.
 */
int svm_fetch_insn(struct vcpu *vcpu);				/* into sv->insn_bytes */
int svm_decode_insn(struct vcpu *vcpu, struct x86_insn *insn);	/* 0 */
int svm_decoded_len(struct vcpu *vcpu);				/* 1 to 15 */
/* What fetch.h does not find at once.  NULL: there is no line for it; svm_decoded_len(). */
const struct insn_line *svm_new_line(struct vcpu *vcpu);
int svm_new_len(struct vcpu *vcpu);
/* The line of an instruction that begins with @nbytes of @bytes. */
const struct insn_line *svm_line_of(struct svm_vcpu *sv, u64 bytes, unsigned int nbytes,
				    enum x86_mode mode);
void svm_fetch_init(struct svm_vcpu *sv);
void svm_fetch_forget(struct svm_vcpu *sv);	/* the mode of paging has changed */
int svm_insn_len(struct vcpu *vcpu);				/* 1 to 15 */

static inline enum svm_action insn_error(int error)
{
	return error == -EAGAIN ? SVM_EMULATE : SVM_RESUME;
}

/* cr.c: control and debug registers, LMSW, CLTS, XSETBV */
enum svm_action svm_exit_cr(struct vcpu *vcpu);
enum svm_action svm_exit_dr(struct vcpu *vcpu);
enum svm_action svm_exit_xsetbv(struct vcpu *vcpu);
enum emu_result svm_emulate_msw(struct vcpu *vcpu);
/* Would a processor of this guest's kind take the value on its own? */
bool svm_cr0_ok(u64 cr0);
bool svm_cr4_ok(struct vcpu *vcpu, u64 cr4);
bool svm_xcr0_ok(struct vcpu *vcpu, u64 xcr0);
/* A value that was checked, into the VMCB with the bits that are ours. */
void svm_load_cr0(struct vcpu *vcpu, u64 cr0);
void svm_load_cr4(struct vcpu *vcpu, u64 cr4);
void svm_load_efer(struct vcpu *vcpu, u64 efer);
u64 svm_get_cr0(struct vcpu *vcpu);
/* DR6, DR7 as the register would keep a written value. */
u64 svm_dr6_value(u64 value);
u64 svm_dr7_value(u64 value);

/* state.c: an instruction was completed in software: shadow, RF, TF. */
void svm_insn_done_rare(struct vcpu *vcpu);

static __always_inline void __svm_insn_done(struct vcpu *vcpu, struct vmcb *vmcb)
{
	if (unlikely(vmcb->int_state | (vmcb->rflags & X86_EFLAGS_TF)))
		svm_insn_done_rare(vcpu);
	else
		vmcb->rflags &= ~(u64)X86_EFLAGS_RF;
}

static __always_inline void svm_insn_done(struct vcpu *vcpu)
{
	__svm_insn_done(vcpu, vcpu->svm->vmcb);
}

/* intr.c */
#include "intr.h"
enum svm_action svm_exit_vintr(struct vcpu *vcpu);
enum svm_action svm_exit_iret(struct vcpu *vcpu);
enum svm_action svm_exit_db(struct vcpu *vcpu);
enum svm_action svm_exit_fault(struct vcpu *vcpu);
void svm_begin_step(struct vcpu *vcpu);
/* The whole step is off, TF too: it is begun again before the guest runs. */
void svm_hide_step(struct vcpu *vcpu);
/* An INT n that EVENTINJ was to deliver comes again. */
void svm_soft_int_back(struct svm_vcpu *sv);
/* The stepped instruction is done.  Return: the guest wants a #DB of its own. */
bool svm_end_step(struct vcpu *vcpu);
/* RFLAGS is not the stepped instruction's any more: what the step was for is asked again. */
void svm_abort_step(struct vcpu *vcpu);

/*
 * debug.c.  Steps: a debugger wants one instruction, or one event, and no interrupts.  Armed when
 * it is known what the next VMRUN injects; ended by whoever ends the step, @done if it was made.
 */
void svm_debug_init(struct svm_vcpu *sv);
/* The VMCB was reset; @db and @dr7 are what it had before. */
void svm_debug_reset(struct svm_vcpu *sv, const u64 db[4], u64 dr7);
void svm_debug_step_over(struct vcpu *vcpu, bool done);
void svm_debug_delivered(struct vcpu *vcpu, bool done);
void svm_debug_stepped(struct vcpu *vcpu);	/* in software */
void svm_debug_leave(struct svm_vcpu *sv);
void svm_debug_exit(struct svm_vcpu *sv);
enum svm_action svm_debug_db(struct vcpu *vcpu);
enum svm_action svm_exit_bp(struct vcpu *vcpu);
enum svm_action svm_exit_swint(struct vcpu *vcpu);

/* A debugger's registers are in the place of the guest's: that is where these are. */
static inline bool svm_dr_apart(const struct svm_vcpu *sv)
{
	return unlikely(sv->debug.flags & SVMM_DEBUG_HW);
}

static inline u64 *svm_guest_db(struct svm_vcpu *sv)
{
	return svm_dr_apart(sv) ? sv->debug.db : sv->db;
}

static inline u64 svm_guest_dr6(const struct svm_vcpu *sv)
{
	return svm_dr_apart(sv) ? sv->debug.dr6 : vmcb_get_dr6(sv->vmcb);
}

static inline void svm_set_guest_dr6(struct svm_vcpu *sv, u64 value)
{
	if (svm_dr_apart(sv))
		sv->debug.dr6 = value;
	else
		vmcb_set_dr6(sv->vmcb, value);
}

static inline u64 svm_guest_dr7(const struct svm_vcpu *sv)
{
	return svm_dr_apart(sv) ? sv->debug.dr7 : vmcb_get_dr7(sv->vmcb);
}

static inline void svm_set_guest_dr7(struct svm_vcpu *sv, u64 value)
{
	if (svm_dr_apart(sv))
		sv->debug.dr7 = value;
	else
		vmcb_set_dr7(sv->vmcb, value);
}

/* Flat mode of the code segment, for decoding. */
static __always_inline enum x86_mode svm_mode(struct vcpu *vcpu)
{
	const struct vmcb *vmcb = vcpu->svm->vmcb;
	u16 cs = vmcb->_seg[VMCB_CS].attrib;

	if (likely(cs & VMCB_ATTR_L && vmcb_get_efer(vmcb) & EFER_LMA))
		return X86_MODE_64;
	if (!(vmcb_get_cr0(vmcb) & X86_CR0_PE) || vmcb->rflags & X86_EFLAGS_VM)
		return X86_MODE_16;
	return cs & VMCB_ATTR_DB ? X86_MODE_32 : X86_MODE_16;
}

/* @len bytes are done; ends the interrupt shadow, raises a trap for TF. */
static __always_inline void svm_skip_insn(struct vcpu *vcpu, unsigned int len)
{
	struct vmcb *vmcb = vcpu->svm->vmcb;
	u64 rip = vmcb->rip + len;

	vmcb->rip = svm_mode(vcpu) == X86_MODE_64 ? rip : (u32)rip;
	__svm_insn_done(vcpu, vmcb);
}

#endif
