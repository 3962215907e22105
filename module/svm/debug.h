/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a debugger has asked of a vCPU (debug.c), as intr.c, cr.c and state.c have to know it.
 */
#ifndef SVMM_SVM_DEBUG_H
#define SVMM_SVM_DEBUG_H

/* What the instruction that is stepped over does with RFLAGS.TF, beside trapping for it. */
enum step_kind {
	STEP_PLAIN,
	STEP_LOADS_TF,		/* POPF, IRET: TF is what they have loaded */
	STEP_SAVES_TF,		/* PUSHF: ours must not stay on the stack */
	STEP_SYSCALL,		/* likewise in R11; and it would end the step: SFMASK */
	STEP_SYSRET,		/* R11 is what it loads, before TF is looked at */
};

/* Everything here is the vCPU thread's. */
struct svm_debug {
	u32 flags;		/* SVMM_DEBUG_*; 0: nobody debugs */
	u8 kind;		/* enum step_kind of the step that is under way */
	bool pushed;		/* PUSHF has pushed a TF of ours: svm_debug_pushed() */
	bool soft_given;	/* the next is with EVENTINJ, and RIP behind it */
	u8 soft_vector;		/* INT n that EVENTINJ is to deliver, and its length; 0: none */
	u8 soft_len;
	u64 r11, sfmask;	/* the guest's, with STEP_SYSRET and STEP_SYSCALL */
	u64 db[4], dr7;		/* with SVMM_DEBUG_HW: the guest's, as the debugger's are in use */
	u64 dr6;		/* likewise */
};

#endif
