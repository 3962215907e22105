/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The module's own objects: VM, vCPU, memory slot, and who may call what.
 *
 * It must not know the VMCB (module/svm/) nor a nested page table entry
 * (module/npt/): both are opaque here, and the two meet in the pair
 * {vm->npt_root_pa, vm->tlb_gen}.  The letter in brackets behind a field names
 * what guards it:
 *
 *	[c] constant after creation
 *	[g] vm_list_lock (vm.c)
 *	[l] vm->lock
 *	[s] vm->srcu for reading, vm->lock for writing
 *	[m] vcpu->mutex: the thread that is in a vCPU ioctl
 *	[a] atomic, any context
 *	[t] changes while nobody has an [m] of the VM: tsc_shift()
 *	[w] the vCPU's thread, preemption disabled (in the window)
 */
#ifndef SVMM_CORE_H
#define SVMM_CORE_H

#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/cpumask.h>
#include <linux/hrtimer.h>
#include <linux/math64.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/signal_types.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <asm/msr.h>
#include <asm/tsc.h>

#include "../uapi/svmm.h"
#include "../uapi/svmm_netlink.h"
#include "emulate/emulate.h"
#include "emulate/mov.h"
#include "guest_path.h"

#define SVMM_MAX_VCPUS		64
#define LAPIC_NO_PAGE		(~0ULL)		/* it is off, or in x2APIC mode */

struct svm_vcpu;
struct npt;
struct lapic;
struct vcpu;

/* A run of guest-physical memory that is backed by the VMM's own memory. */
struct memslot {
	u64 base_gfn;		/* first page */
	u64 npages;
	unsigned long hva;	/* of the first page, in vm->mm */
	u32 id;
	u32 flags;		/* SVMM_MEM_*, MEMSLOT_LEAVING */
	unsigned long *dirty;	/* a bit for each page, if writes are logged */
};

#define MEMSLOT_LEAVING	BIT(31)	/* being unmapped: faults wait for the next array */

/* All slots of a VM, sorted by base_gfn; replaced as a whole. */
struct memslots {
	unsigned int nr;
	struct memslot slot[];
};

struct vm {
	char name[SVMM_NAME_MAX];		/* [c] */
	kuid_t owner;				/* [c] */
	struct pid *pid;			/* [c] the process that created it */
	bool plain;				/* [c] which had no other user's rights */
	u64 serial;				/* [c] the list is in this order */
	struct mm_struct *mm;			/* [c] held by mmgrab() */
	struct list_head list;			/* [g] */
	bool complete;				/* [g] others than its creator may have it */
	refcount_t fds;				/* [a] the VM's and its vCPUs' */
	refcount_t refs;			/* [a] one of all fds, one of each vm_find() */
	bool dead;				/* [a] no vCPU enters any more */
	u32 state;				/* enum svmm_vm_state, written under state_lock */
	struct mutex state_lock;		/* a change of it and its event are one */

	struct mutex lock;			/* slots, vCPU creation */
	struct vcpu *vcpus[SVMM_MAX_VCPUS];	/* [l] set once; readers: vm_get_vcpu() */
	unsigned int nr_vcpus;			/* [l] highest id + 1; readers: READ_ONCE */

	struct srcu_struct srcu;
	struct memslots __rcu *slots;		/* [s] */
	u64 slots_gen;				/* [l] odd while slots change; readers: acquire */

	struct ioevents __rcu *ioevents;	/* [l] ioevent.c; readers: RCU; NULL: none */
	struct list_head irqfds;		/* [l] irqfd.c */
	unsigned int nr_irqfds;			/* [l] */

	struct npt *npt;			/* [c] */
	u64 npt_root_pa;			/* [c] with the SME bit, as nCR3 wants it */
	bool npt_1g;				/* [c] nested leaves may be 1 GiB */
	atomic64_t tlb_gen;			/* [a] moves when translations left the NPT */
	spinlock_t flush_lock;			/* guards flush_mask */
	cpumask_var_t flush_mask;		/* vm_flush_tlbs()'s scratch */

	u32 tsc_khz;				/* [l] until the first vCPU, then [c] */
	u64 tsc_ratio;				/* likewise: guest ticks per host tick * 2^32 */
	bool shifting;				/* [l] tsc_shift(); see vcpu_trylock() */
	u64 tsc_offset;				/* [t] guest TSC = host TSC * ratio + this */
	raw_spinlock_t tsc_lock;		/* guards the next two; see tsc.c */
	u64 tsc_written;			/* offset that the guest itself has set */
	u64 tsc_writers;			/* bit n: vCPU n has that offset */
	s64 clock_offset;			/* [t] guest clock = CLOCK_MONOTONIC_RAW + this */
};

/* vcpu->requests: what must be looked at before the guest runs on. */
enum vcpu_request {
	VCPU_REQ_EVENT,		/* event.c: something to inject may have come */
	VCPU_REQ_TIMER,		/* lapic.c: the APIC timer expired */
	VCPU_REQ_NMI,		/* an NMI was signalled */
	VCPU_REQ_INIT,		/* INIT was signalled */
	VCPU_REQ_SIPI,		/* a start-up IPI was signalled: vcpu->sipi_vector */
	VCPU_REQ_EOI,		/* vcpu->eoi_pending has vectors for user space */
	VCPU_REQ_CLOCK,		/* pv.c: rewrite the paravirtual clock */
	VCPU_REQ_TRIPLE_FAULT,	/* an exception while delivering #DF */
	VCPU_REQ_DEAD,		/* the VM died: RUN returns -EIO */
	VCPU_REQ_PV_EOI,	/* pv_eoi.c: an offer's fate needs the guest's page to come in */
	VCPU_REQ_YIELD,		/* the guest lets another vCPU go first */
	VCPU_REQ_DEBUG,		/* vcpu->debug is for user space */
};

/* Requests that are served in the window; any other one makes the vCPU leave it. */
#define VCPU_REQS_IN_WINDOW	(BIT(VCPU_REQ_EVENT) | BIT(VCPU_REQ_TIMER) | \
				 BIT(VCPU_REQ_NMI))

/*
 * vcpu->mode: what vcpu_kick() has to do.  IN_GUEST and HALTED are set before
 * the last look at requests and tlb_gen.  EXITING is still in the guest, with an
 * interrupt on its way; HALTED is asleep, and OUTSIDE once it is being woken.
 */
enum vcpu_mode { VCPU_OUTSIDE, VCPU_IN_GUEST, VCPU_EXITING, VCPU_HALTED };

/* Kinds of event, numbered as EVENTINJ.TYPE (APM vol. 2, 15.20). */
enum event_type {
	EVENT_INTR = 0,
	EVENT_NMI = 2,
	EVENT_EXCEPTION = 3,
};

struct vcpu_event {
	bool valid;
	bool has_error;
	u8 vector;
	u8 type;		/* enum event_type */
	u32 error_code;
};

/* What cpuid.c derived from the guest's CPUID table for everyone else. */
struct cpuid_policy {
	u64 cr4_allowed;	/* CR4 bits the guest may set */
	u64 efer_allowed;	/* EFER bits the guest may set; never SVME */
	u64 xcr0_allowed;	/* 0: no XSAVE */
	u8 phys_bits;
	u8 linear_bits;		/* 48 or 57 */
	bool x2apic;
	bool tsc_deadline;
	bool rdtscp;
	bool rdpid;
	bool page_1g;
	bool spec_ctrl;
	bool ibpb;		/* PRED_CMD */
	u32 pv;			/* BIT(KVM_FEATURE_*) of leaf 4000_0001h */
	u64 spec_ctrl_allowed;	/* SPEC_CTRL bits */
};

/* MSRs that are nothing but state; the rest live in the VMCB or with their owner. */
struct vcpu_msrs {
	u64 tsc_aux;
	u64 mtrr_def_type;
	u64 mtrr_fixed[11];
	u64 mtrr_var[16];
	u64 mcg_status;
	u64 bios_sign_id;
	u64 spec_ctrl;
};

/* A device access on its way to or from user space. */
enum io_state {
	IO_NONE,
	IO_PIO_IN,	/* RUN puts the data into RAX */
	IO_STRING_IN,	/* RUN stores the data area to memory and moves on */
	IO_MMIO_READ,	/* RUN logs the data and emulates again */
	IO_MMIO_LOAD,	/* RUN loads the data into the register of a plain MOV */
	IO_MMIO_WRITE,	/* posted; more fragments may wait */
	IO_EXTINT,	/* RUN takes the 8259's vector */
};

#define MMIO_MAX_FRAGS		9	/* 64 bytes that cross a page */

struct mmio_frag {
	u64 gpa;
	u64 data;				/* in its lower bytes, the others are 0 */
	u8 bytes;
};

struct vcpu_io {
	enum io_state state;
	u16 port;				/* with IO_PIO_IN */
	u8 bytes;
	u32 count;				/* elements in the data area */
	unsigned int nr_reads, next_read;	/* MMIO reads that are known */
	struct mmio_frag read[MMIO_MAX_FRAGS];
	unsigned int nr_writes, next_write;	/* MMIO writes to hand out */
	struct mmio_frag write[MMIO_MAX_FRAGS];
	struct x86_mov mov;			/* with IO_MMIO_LOAD */
};

/* Accounting (stats.h) */
/* Time that is no overhead: its sum is in the accounts. */
struct vcpu_aside {
	u64 since;				/* [a] stats_aside_begin(); 0: it is over */
	u64 told;				/* [g] what stats_aside() has said */
};

struct vcpu_acct {
	struct svmm_vcpu_stats *stats;		/* [c] its contents: [m], read by anybody */
	struct svmm_key_stat *keys[SVMM_KEYS];	/* [c] stats->keys */
	struct svmm_exit_stat *exit;		/* [m] of the last exit; see svm_vcpu_enter() */
	u64 *key_ticks;				/* [m] of its key, or the line's no_key */
	u64 entered;				/* [m] TSC of the last VMRUN */
	u64 exited;				/* [m] of its exit, plus what was no overhead */
	u64 left;				/* [m] TSC when RUN returned */
	struct vcpu_aside halted;		/* in HLT, or before start-up */
	struct vcpu_aside stopped;		/* out of RUN, and will not answer */
	bool to_user;				/* [m] and with an exit */
};

struct vcpu {
	struct vm *vm;				/* [c] */
	u32 id;					/* [c] */
	struct svm_vcpu *svm;			/* [m] module/svm/ */
	struct lapic *lapic;			/* [c] lapic.c; contents have their own rules */
	u64 lapic_page;				/* [m] guest-physical, or LAPIC_NO_PAGE */
	struct mutex mutex;

	u64 regs[X86_NR_GPRS];			/* [m] all 16 while not in the guest */

	unsigned long requests;			/* [a] BIT(enum vcpu_request) */
	int mode;				/* [a] enum vcpu_mode, written by [w] */
	int cpu;				/* [a] where it is or was last in the window */
	struct task_struct *task;		/* [a] in RUN, else NULL; see vcpu_kick() */

	struct svmm_vcpu_page *page;		/* [m] shared with user space: hostile */
	void *io_data;				/* [m] likewise: PAGE_SIZE */
	void *xsave_area;			/* [m] likewise: SVMM_XSAVE_BYTES */
	struct svmm_lapic *lapic_area;		/* [m] likewise */
	struct svmm_vcpu_page *copy;		/* [m] of *page, to validate and use */

	u32 mp_state;				/* [m] SVMM_MP_* */
	u32 sipi_vector;			/* [a] */
	atomic_t nmi_queued;			/* [a] NMIs to come, 2 at most */
	u32 extint;				/* [a] level of the 8259's output */
	DECLARE_BITMAP(eoi_pending, 256);	/* [m] level-triggered EOIs for user space */

	struct vcpu_event injected;		/* [m] given to VMRUN, or to be given again */
	struct vcpu_event exception;		/* [m] raised by emulation, not yet injected */
	u64 exception_payload;			/* [m] CR2 or DR6 for it */
	unsigned int nmi_pending;		/* [m] how many; 2 at most, 1 while masked */
	bool nmi_masked;			/* [m] until IRET */
	bool extint_vector_valid;		/* [m] user space answered an EXTINT exit */
	u8 extint_vector;			/* [m] */

	struct {
		u64 gpa;
		u64 error_code;			/* of the nested page fault: EXITINFO1 */
	} fault;				/* [m] for SVM_FAULT */
	struct {
		u64 gfn;
		u64 slots_gen;			/* even */
	} no_memory;				/* [m] of the last fault in no slot */
	struct vcpu_io io;			/* [m] */
	struct emu emu;				/* [m] scratch of mmio.c and pio.c */
	struct guest_translation translations[GUEST_TRANSLATIONS];	/* [m] guest_path.c */

	struct cpuid_policy policy;		/* [m] */
	struct svmm_cpuid_entry *cpuid;		/* [m] sorted by function, index */
	unsigned int nr_cpuid;			/* [m] */
	u8 cpuid_first[256];			/* [m] of a leaf: its first entry + 1, 0 if none */
	u64 xcr0;				/* [m] */
	struct vcpu_msrs msr;			/* [m] */
	struct svmm_pv pv;			/* [m] */
	int clock_cpu;				/* [m] whose TSC the clock page has; -1: any's */
	unsigned long clock_jiffies;		/* [m] when it was written */
	struct {
		const void *task;		/* [m] whose run delay it is; never followed */
		u64 run_delay;			/* [m] of the task, as last reported */
		bool preempted;			/* [m] the guest was told */
	} steal;
	u8 eoi_offer;				/* [m], read by [a]: see pv_eoi.c; 0: none */
	u64 eoi_gpa;				/* [m] where it was made */
	bool unhalted;				/* [a] KVM_HC_KICK_CPU; HLT clears it */
	u32 halt_poll_ns;			/* [m] how long the next HLT polls */
	struct svmm_counters counters;		/* [m]; those that others count are next */
	atomic64_t kicks, wakeups;		/* [a] */
	u64 tsc_offset;				/* [m] */
	u64 tsc_lost;				/* [m] svm_tsc_lost that the VMCB has */
	u64 tsc_left;				/* [m] tsc_host() when the window closed; 0: any */

	bool ran;				/* [m] RUN was called: CPUID is fixed */
	struct {
		bool steps;			/* interrupts wait */
		u32 vector;			/* #DB or #BP */
		u64 dr6;
	} debug;				/* [m] the latter two with VCPU_REQ_DEBUG */
	const char *kill_reason;		/* [m] with SVM_KILL: a phrase that stays */
	bool sigmask_set;			/* [m] */
	sigset_t sigmask, sigmask_saved;	/* [m] */
	struct vcpu_acct acct;
};

#define SVMM_XSAVE_BYTES	PAGE_SIZE

/* RDTSCP and RDPID show TSC_AUX; the policy has them only where the host has. */
static inline bool vcpu_has_tsc_aux(const struct vcpu *vcpu)
{
	return vcpu->policy.rdtscp || vcpu->policy.rdpid;
}

/* dev.c: the three kinds of fd */
int dev_init(void);
void dev_exit(void);

/* netlink.c: family "svmm" */
int netlink_init(void);
void netlink_exit(void);

/**
 * vm_event() - tell those who listen what has happened
 * @vm: to it; NULL: to the host
 * @what: from uapi/svmm_netlink.h
 * @vcpu: its number, or -1
 * @reason: a phrase, or NULL
 *
 * May sleep.
 */
void vm_event(const struct vm *vm, enum svmm_event what, int vcpu, const char *reason);

/*
 * vm.c
 */

/**
 * vm_create() - a new VM for the calling process
 * @name: validated, NUL-terminated
 *
 * Return: the VM, referenced once, or ERR_PTR(-EEXIST, -EBUSY, -ENODEV, -ENOMEM).
 */
struct vm *vm_create(const char *name);
/* An fd comes, an fd goes: with the last one the name is free and the guest is no more. */
void vm_get(struct vm *vm);
void vm_put(struct vm *vm);

/**
 * vm_find() - the VM of a name, for somebody who has no fd of it
 * @name: any string
 * @uid: who asks
 * @any: he may see other users' VMs; his own comes first
 *
 * Return: the VM, to be vm_unref()'d, -ENOENT, or -EPERM (another user's).  May sleep.
 */
struct vm *vm_find(const char *name, kuid_t uid, bool any);
void vm_unref(struct vm *vm);

/**
 * vm_each() - look at VMs one after the other, under the lock of their list
 * @serial: begin behind the VM that has this vm->serial; 0: at the first
 * @fn: must not sleep; false ends it
 * @arg: passed on
 *
 * Return: vm->serial of the last VM that @fn was content with, or @serial.
 */
u64 vm_each(u64 serial, bool (*fn)(struct vm *vm, void *arg), void *arg);

/* How many vCPUs were created. */
unsigned int vm_count_vcpus(const struct vm *vm);

/* The vCPU with that id, or NULL.  It lives as long as the VM.  Any context. */
struct vcpu *vm_get_vcpu(const struct vm *vm, unsigned int id);

/* No vCPU of @vm enters the guest any more; RUN gives -EIO.  @why is told.  May sleep. */
void vm_kill(struct vm *vm, const char *why);

/* What others are told that @vm does, and an event if that is news; -EIO: it died.  May sleep. */
int vm_set_state(struct vm *vm, enum svmm_vm_state state, const char *reason);
/* A vCPU runs that has not yet: if none has, that is news.  May sleep. */
void vm_first_run(struct vm *vm);

/**
 * vm_flush_tlbs() - drop all guest translations of @vm on all CPUs
 *
 * Moves tlb_gen and waits until no CPU runs this guest under an older one.
 * The NPT has lost the translations before.  Preemptible or not, interrupts
 * enabled, spinlocks and rwlocks that no interrupt handler takes may be held.
 */
void vm_flush_tlbs(struct vm *vm);

/*
 * vcpu.c
 */

/* Pages of a vCPU's mmap'ed area */
enum vcpu_area { VCPU_AREA_PAGE, VCPU_AREA_IO, VCPU_AREA_XSAVE, VCPU_AREA_LAPIC, VCPU_AREAS,
		 VCPU_AREA_STATS = VCPU_AREAS };

/* -EEXIST, -ENOMEM.  The VM owns the vCPU. */
int vcpu_create(struct vm *vm, u32 id, struct vcpu **vcpup);
void vcpu_destroy(struct vcpu *vcpu);	/* half made, too */

/* SVMM_RUN, SET_STATE, GET_STATE; vcpu->mutex held, may sleep. */
long vcpu_run(struct vcpu *vcpu);
int vcpu_set_state(struct vcpu *vcpu);
void vcpu_get_state(struct vcpu *vcpu, u32 groups);

/* Set a request bit; the vCPU sees it before its next VMRUN.  Any context. */
static inline void vcpu_request(struct vcpu *vcpu, enum vcpu_request req)
{
	set_bit(req, &vcpu->requests);
}

/* Requests that need no sleep.  In or outside the window.  [m] */
void vcpu_quick_requests(struct vcpu *vcpu);

/*
 * halt.c
 */

/* Make a running vCPU leave the guest, wake a halted one.  Any context. */
void vcpu_kick(struct vcpu *vcpu);
/* Not for one that runs.  Any context. */
void vcpu_wake(struct vcpu *vcpu);
/* Poll or sleep until an event, a request or a signal.  [m] */
void vcpu_halt(struct vcpu *vcpu);

/* An NMI arrives.  Any context. */
void vcpu_nmi(struct vcpu *vcpu);

/*
 * Put the vCPU into its state after reset, or after INIT (which keeps FPU,
 * MTRRs, TSC and caches; APM vol. 2, 14.1.3).  [m]
 */
void vcpu_reset(struct vcpu *vcpu, bool init);

/*
 * event.c [m]
 */

/* Raise an exception for the guest; combines as in APM vol. 2, 8.2.9. */
void event_raise(struct vcpu *vcpu, u8 vector, bool has_error, u32 error_code, u64 payload);
static inline void event_raise_gp(struct vcpu *vcpu)
{
	event_raise(vcpu, X86_VEC_GP, true, 0, 0);
}

static inline void event_raise_ud(struct vcpu *vcpu)
{
	event_raise(vcpu, X86_VEC_UD, false, 0, 0);
}

/*
 * Choose what the next VMRUN injects, or open the window that it waits for.
 * In the window, interrupts enabled.  Return false if user space has to give
 * the 8259's vector first (SVMM_EXIT_EXTINT).
 */
bool event_inject(struct vcpu *vcpu);
/* An event in delivery was interrupted by the exit: deliver it again. */
void event_requeue(struct vcpu *vcpu, const struct vcpu_event *event);
/* Would a halted vCPU wake up? */
bool event_wakes(struct vcpu *vcpu);

/*
 * lapic.c: the local APIC.  IRR is atomic, any context may set it; the rest is
 * the vCPU thread's.
 */
int lapic_create(struct vcpu *vcpu);
void lapic_destroy(struct vcpu *vcpu);
void lapic_reset(struct vcpu *vcpu, bool init);

/* The vector that the CPU would be interrupted with now (above PPR), or -1.  [m] */
int lapic_pending_vector(struct vcpu *vcpu);
/* The INTA cycle for that vector: IRR to ISR.  [m] */
void lapic_accept(struct vcpu *vcpu, u8 vector);
/* An interrupt waits only for the task priority to fall.  [m] */
bool lapic_tpr_blocks(struct vcpu *vcpu);
/* LVT LINT0 passes ExtINT (or the APIC is disabled): the 8259 is heard.  [m] */
bool lapic_accepts_extint(struct vcpu *vcpu);

/* The task priority as CR8 shows it (0 to 15).  [m] */
u8 lapic_get_cr8(struct vcpu *vcpu);
void lapic_set_cr8(struct vcpu *vcpu, u8 cr8);

/* APIC_BASE enables it; CPUID tells.  [m] */
bool lapic_is_on(struct vcpu *vcpu);

/* Aligned 4-byte accesses to vcpu->lapic_page; others answer as hardware does.  [m] */
void lapic_mmio_read(struct vcpu *vcpu, u32 offset, void *data, unsigned int bytes);
void lapic_mmio_write(struct vcpu *vcpu, u32 offset, const void *data, unsigned int bytes);

/* x2APIC MSRs 800h to 8FFh, APIC_BASE, TSC_DEADLINE: 0, or -EINVAL for #GP.  [m] */
int lapic_msr_read(struct vcpu *vcpu, u32 msr, u64 *value);
int lapic_msr_write(struct vcpu *vcpu, u32 msr, u64 value);

/* The timer expired (VCPU_REQ_TIMER): interrupt, and the next period.  [m] */
void lapic_timer_expired(struct vcpu *vcpu);

/* The vCPU goes to sleep: its timer is to fire when it has to, not earlier.  [m] */
void lapic_timer_sleep(struct vcpu *vcpu);

/* Is this the address and the data of an interrupt message? */
bool lapic_msi_valid(u64 address, u32 data);

/**
 * lapic_deliver_msi() - an interrupt message from a device or an IPI
 * Any context.  Return: how many APICs took it, or -EINVAL.
 */
int lapic_deliver_msi(struct vm *vm, u64 address, u32 data);

/* An edge at LINT0 or LINT1 (@pin): what the pin's LVT says.  Any context. */
void lapic_lint(struct vcpu *vcpu, unsigned int pin);

/* State group LAPIC; commit validates, -EINVAL.  [m] */
void lapic_publish(struct vcpu *vcpu, struct svmm_lapic *out);
int lapic_commit(struct vcpu *vcpu, const struct svmm_lapic *in);
u64 lapic_get_deadline(struct vcpu *vcpu);
void lapic_set_deadline(struct vcpu *vcpu, u64 tsc);
void lapic_timer_shift(struct vcpu *vcpu, u64 ns);

/*
 * cpuid.c
 */
int cpuid_init(void);	/* at load, after svm_init() */
int cpuid_supported(struct svmm_cpuid_entry *table, unsigned int room);	/* entries, -E2BIG */
/* Takes @table (kvfree), also on -EINVAL; NULL: the supported one.  -EINVAL, -ENOMEM. */
int cpuid_set(struct vcpu *vcpu, struct svmm_cpuid_entry *table, unsigned int nr);
void cpuid_free(struct vcpu *vcpu);
/* CPUID for the guest: regs RAX, RCX in; RAX, RBX, RCX, RDX out.  In the window. */
void cpuid_execute(struct vcpu *vcpu);

/*
 * msr.c: the policy table.  0, or -EINVAL for #GP.  In the window, no sleeping.
 */
int msr_read(struct vcpu *vcpu, u32 index, u64 *value);
int msr_write(struct vcpu *vcpu, u32 index, u64 value);
void msr_reset(struct vcpu *vcpu);
void msr_publish(struct vcpu *vcpu, struct svmm_msrs *out);
/* All of @in is validated before any of it is loaded: -EINVAL. */
int msr_commit(struct vcpu *vcpu, const struct svmm_msrs *in);

/*
 * pv.c, pv_clock.c, pv_eoi.c
 */
#define PV_ENABLE		BIT_ULL(0)	/* in the MSRs that hold an address */

/* Does CPUID show a feature, KVM_FEATURE_*?  [m] */
static inline bool pv_has(const struct vcpu *vcpu, unsigned int feature)
{
	return vcpu->policy.pv & BIT(feature);
}

int pv_msr_read(struct vcpu *vcpu, u32 index, u64 *value);
int pv_msr_write(struct vcpu *vcpu, u32 index, u64 value);
/* State group PV; commit validates all of it first: -EINVAL.  [m] */
void pv_publish(struct vcpu *vcpu, struct svmm_pv *out);
int pv_commit(struct vcpu *vcpu, const struct svmm_pv *in);
/* Does the host's TSC tick alike on all CPUs, always?  Then the clock needs no upkeep. */
static __always_inline bool pv_clock_stable(void)
{
	return cpu_feature_enabled(X86_FEATURE_CONSTANT_TSC) &&
	       cpu_feature_enabled(X86_FEATURE_NONSTOP_TSC) && !check_tsc_unstable();
}

void pv_vm_init(struct vm *vm);	/* tsc_offset, clock_offset */
void pv_reset(struct vcpu *vcpu);
/* VCPU_REQ_CLOCK: write the clock page.  Outside the window, may sleep. */
void pv_update_clock(struct vcpu *vcpu);
/* Before it runs on this CPU, if the clock needs upkeep: ask for it where it is due. */
void pv_clock_check(struct vcpu *vcpu);
/* The two clock MSRs, validated; and the wall clock as the guest wrote it. */
void pv_clock_set_wall(struct vcpu *vcpu, u64 value);
u64 pv_clock_get_wall(const struct vcpu *vcpu);
/* A VMMCALL: its result goes to RAX.  In the window. */
void pv_hypercall(struct vcpu *vcpu);

/* Features that the supported table offers, BIT(KVM_FEATURE_*). */
u32 pv_supported(void);

/*
 * Steal time.  Before the window, may sleep: report what was stolen, and serve the TLB flushes
 * that others left; and when the vCPU gives up its CPU: tell the guest.  In or outside the window.
 */
void pv_steal_report(struct vcpu *vcpu);

void pv_steal_tell(struct vcpu *vcpu);

static inline bool pv_steal_enabled(const struct vcpu *vcpu)
{
	return vcpu->pv.steal_time & PV_ENABLE;
}

static inline void pv_steal_preempted(struct vcpu *vcpu)
{
	if (unlikely(pv_steal_enabled(vcpu)) && !vcpu->steal.preempted)
		pv_steal_tell(vcpu);
}

/* After choosing an event: may the guest end its interrupt without an exit?  In the window. */
void pv_eoi_offer(struct vcpu *vcpu);
/* An offer ends with the exit.  In the window; false: not known yet, VCPU_REQ_PV_EOI is set. */
bool pv_eoi_take_back(struct vcpu *vcpu);
/* The same outside the window, may sleep. */
void pv_eoi_settle(struct vcpu *vcpu);

/*
 * mmio.c: the emulator's way to guest memory and devices.  Outside the window.
 */

/* What the run loop does next. */
enum io_next { IO_NEXT_RUN, IO_NEXT_USER };

/* The memory callbacks of vcpu->emu. */
extern const struct emu_ops guest_emu_ops;

/* A nested fault of vcpu->fault met no memory. */
enum io_next mmio_fault(struct vcpu *vcpu);
enum io_next mmio_emulate(struct vcpu *vcpu, u64 gpa);
/* Hand out the next posted write, if any. */
enum io_next mmio_next_write(struct vcpu *vcpu);
/* User space answered a read: log it and emulate again. */
enum io_next mmio_complete_read(struct vcpu *vcpu);
/* The same of a plain MOV. */
enum io_next mmio_complete_load(struct vcpu *vcpu);

/**
 * mmio_load_emu() - fill vcpu->emu with the guest's state and instruction bytes
 *
 * Return: EMU_OK; EMU_EXCEPTION when fetching faulted, in vcpu->emu.exception;
 * EMU_FAIL when there is no memory behind RIP (nbytes 0 then); EMU_RETRY.
 */
enum emu_result mmio_load_emu(struct vcpu *vcpu);

/* Flags on the guest's stack, at @linear, lose their TF.  May sleep. */
void mmio_hide_tf(struct vcpu *vcpu, u64 linear);

/* Raise vcpu->emu.exception. */
void guest_raise(struct vcpu *vcpu);

/* An instruction that nobody could execute: SVMM_EXIT_EMULATION_FAILURE. */
enum io_next mmio_failure(struct vcpu *vcpu, u64 gpa);

/*
 * guest_path.c
 */

/**
 * guest_translate() - guest-linear to guest-physical, as vcpu->emu's state has it
 * @access: GUEST_*
 *
 * Outside the window.  Return: EMU_OK, EMU_EXCEPTION (filled in), EMU_RETRY, EMU_FAIL.
 */
enum emu_result guest_translate(struct vcpu *vcpu, u64 linear, unsigned int access, u64 *gpa);
/* All that is remembered of translations: for a new vCPU. */
void guest_forget(struct vcpu *vcpu);

/*
 * pio.c
 */
/* One IN: user space is to answer it.  RIP is past it.  In the window. */
void pio_in(struct vcpu *vcpu, u16 port, u8 bytes);
/* One OUT, likewise.  In the window only if IOEVENT_IN_WINDOW. */
enum io_next pio_out(struct vcpu *vcpu, u16 port, u8 bytes);
/* The same of vcpu->io.port and bytes.  Outside the window. */
enum io_next pio_out_outside(struct vcpu *vcpu);
/* INS or OUTS.  Outside the window. */
enum io_next pio_string(struct vcpu *vcpu);
void pio_complete_in(struct vcpu *vcpu);
enum io_next pio_complete_string_in(struct vcpu *vcpu);

#endif
