/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All that module/ may call in module/svm/.  struct svm_vcpu and the VMCB are
 * opaque outside: what others need of a guest's state goes through here.
 */
#ifndef SVMM_SVM_H
#define SVMM_SVM_H

#include "../core.h"

/* What a handler wants the run loop to do; only vcpu.c acts on it. */
enum svm_action {
	SVM_RESUME,	/* handled: go round without leaving the window */
	SVM_LEAVE,	/* handled: leave the window once (host interrupt, NMI), then go round */
	SVM_FAULT,	/* nested page fault in vcpu->fault */
	SVM_STRING_IO,	/* INS or OUTS: needs guest memory */
	SVM_OUT,	/* OUT of vcpu->io that the window must not answer */
	SVM_EMULATE,	/* needs guest memory that is not there: svm_emulate() */
	SVM_TO_USER,	/* the exit record is filled in */
	SVM_HALT,	/* HLT: wait for an event, in the kernel */
	SVM_KILL,	/* the exit record and vcpu->kill_reason say why; the VM dies */
};

/* Module load: capabilities (prints what it found, or why it refuses), CPUs, permission maps. */
int svm_init(void);
void svm_exit(void);
void svm_fill_caps(struct svmm_caps *caps);
bool svm_has_1g_leaves(void);
/* TSC_RATIO for a guest's rate: 0, -EOPNOTSUPP (not the host's rate, and no scaling), -EINVAL. */
int svm_tsc_ratio(u32 khz, u64 *ratio);
/* MAXPHYADDR of a guest: what the CPU has and the nested tables reach. */
unsigned int svm_guest_phys_bits(void);

/* A VM comes or goes: EFER.SVME on all CPUs from the first to the last (cpu.c). */
int svm_get(void);
void svm_put(void);

int svm_vcpu_create(struct vcpu *vcpu);		/* -ENOMEM */
void svm_vcpu_destroy(struct vcpu *vcpu);
/* VMCB after reset or INIT.  [m] */
void svm_vcpu_reset(struct vcpu *vcpu, bool init);

/*
 * The window: preemption off, guest FPU loaded.  Open it with interrupts
 * enabled; nothing between open and close may sleep.
 */
void svm_window_open(struct vcpu *vcpu);
void svm_window_close(struct vcpu *vcpu);

/**
 * svm_vcpu_enter() - VMRUN and the exit's handler, again while that says SVM_RESUME
 * @vcpu: in the window
 *
 * Returns SVM_RESUME if there is a request that the window can serve, SVM_LEAVE without a VMRUN
 * if one came up at the last look that it cannot.
 */
enum svm_action svm_vcpu_enter(struct vcpu *vcpu);

/* The next VMRUN drops the guest's translations.  [m] */
void svm_flush_asid(struct vcpu *vcpu);

/*
 * The slow half of an exit whose instruction the window could not fetch or
 * whose operand lies in memory.  Outside the window, may sleep.  SVM_RESUME or
 * SVM_TO_USER.
 */
enum svm_action svm_emulate(struct vcpu *vcpu);

/*
 * Events (intr.c).  [m]
 */
bool svm_intr_allowed(struct vcpu *vcpu);	/* IF set, no shadow */
bool svm_nmi_allowed(struct vcpu *vcpu);	/* not masked, no shadow */
void svm_inject(struct vcpu *vcpu, const struct vcpu_event *event);
void svm_set_nmi_state(struct vcpu *vcpu);	/* nmi_masked, nmi_pending were set from outside */
void svm_set_payload(struct vcpu *vcpu, u8 vector, u64 payload);	/* CR2, DR6 */
void svm_want_intr_window(struct vcpu *vcpu, bool want);	/* exit when IF and shadow permit */
void svm_want_nmi_window(struct vcpu *vcpu);	/* one is pending: when it can be taken */
void svm_nmi_injected(struct vcpu *vcpu);	/* exit when the handler ends: IRET */
/* An interrupt waits for the task priority to fall: see writes to CR8, or not. */
void svm_want_cr8_exit(struct vcpu *vcpu, bool want);
bool svm_get_if(struct vcpu *vcpu);
bool svm_in_shadow(struct vcpu *vcpu);

/*
 * A debugger (debug.c).  [m]
 */
/* Interrupts wait until it does not any more. */
static inline bool svm_debug_steps(const struct vcpu *vcpu)
{
	return unlikely(vcpu->debug.steps);
}

void svm_debug_arm(struct vcpu *vcpu);		/* it is known what is injected: step */
/* What steps change in registers is not the guest's: out of the way, they are read or written. */
void svm_debug_settle(struct vcpu *vcpu);
/* The guest has pushed flags with TF to @linear, which it had not set; asked for once. */
bool svm_debug_pushed(struct vcpu *vcpu, u64 *linear);
/* SVMM_GET_EXITS; and SVMM_SET_DEBUG, validated: -EINVAL. */
void svm_last_exits(struct vcpu *vcpu, struct svmm_last_exits *out);
int svm_debug_set(struct vcpu *vcpu, u32 flags, const u64 db[4], u64 dr7);

/*
 * Registers.  [m]
 */
u64 svm_get_rip(struct vcpu *vcpu);
u64 svm_get_rflags(struct vcpu *vcpu);
u64 svm_get_cr4(struct vcpu *vcpu);
void svm_sync_xcr0(struct vcpu *vcpu);		/* in the window: vcpu->xcr0 is the guest's */
u8 svm_get_cpl(struct vcpu *vcpu);
bool svm_in_64bit(struct vcpu *vcpu);		/* a 64-bit code segment, in long mode */
void svm_set_cr8(struct vcpu *vcpu, u64 cr8);	/* V_TPR follows the local APIC */
void svm_start_at(struct vcpu *vcpu, u8 sipi_vector);	/* CS:IP of a start-up IPI */
u64 svm_get_efer(struct vcpu *vcpu);
int svm_set_efer(struct vcpu *vcpu, u64 efer);	/* -EINVAL for #GP */
void svm_set_tsc_offset(struct vcpu *vcpu, u64 offset);

/*
 * MSRs that live in the VMCB: STAR, LSTAR, CSTAR, SFMASK, FS/GS/KERNEL_GS base,
 * SYSENTER_*, PAT, DEBUGCTL.  The value was validated by msr.c.  -ENOENT: not one of them.
 */
int svm_get_msr(struct vcpu *vcpu, u32 index, u64 *value);
int svm_set_msr(struct vcpu *vcpu, u32 index, u64 value);

/*
 * vcpu->emu in and out (state.c).  Load leaves bytes[] with the instruction as far
 * as it is at hand (nbytes 0 if not at all), and does not sleep.  Store commits regs, rip, rflags.
 */
void svm_load_emu(struct vcpu *vcpu);
void svm_store_emu(struct vcpu *vcpu);
/* The guest's FPU image, complete, for the emulator.  Outside the window. */
void svm_emu_fpu(struct vcpu *vcpu, struct emu_fpu *fpu);
/* Has user space loaded state since the exit?  The guest may be anywhere then. */
bool svm_state_loaded(struct vcpu *vcpu);

/**
 * svm_device_mov() - was the nested fault a plain MOV's?
 * @vcpu: with the fault of its last exit; outside the window
 *
 * Return: the MOV whose access it is, naturally aligned, at the fault's address, valid until the
 * next call; or NULL: emulate.  A store is over then: the guest is at the next instruction.
 */
const struct x86_mov *svm_device_mov(struct vcpu *vcpu);
/* A load has its data: the next instruction. */
void svm_mov_done(struct vcpu *vcpu, const struct x86_mov *mov);
void svm_get_walk_cfg(struct vcpu *vcpu, struct walk_cfg *cfg);

/*
 * State groups GPR, SEG, CR, DR, EVENTS and XSAVE (state.c); the others have
 * their own owners.  Commit validates all of @in's groups first: -EINVAL.
 */
void svm_publish_state(struct vcpu *vcpu, struct svmm_vcpu_page *out, u32 groups);
int svm_commit_state(struct vcpu *vcpu, const struct svmm_vcpu_page *in, u32 groups);
int svm_commit_xsave(struct vcpu *vcpu, const void *user_area);
void svm_publish_xsave(struct vcpu *vcpu, void *user_area);

void svm_debug_vmcb(struct vcpu *vcpu, struct svmm_debug_vmcb *out);

#endif
