/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The ABI between svmm.ko and user space.
 *
 * Three kinds of file descriptor, each owning one object for its lifetime:
 *
 *	/dev/svmm  --CREATE_VM-->  VM fd  --CREATE_VCPU-->  vCPU fd
 *
 * A vCPU fd is mmap'ed: the first page is struct svmm_vcpu_page (exit record
 * and register state), followed by the data areas whose offsets it names.
 * Structs have fixed-width members and no pointers that the kernel follows,
 * other than user_addr of a memory slot.  Every `flags` and `reserved` member
 * must be zero unless a flag is defined here (-EINVAL); an unknown ioctl gives
 * -ENOTTY.  A VM or vCPU fd that is used from another address space than the
 * one that created the VM gives -EIO.  A call of a vCPU that is not said to be
 * for any thread gives -EBUSY while another thread is in one, or in
 * SVMM_SHIFT_TIME.  Each call that has an argument in memory can give -EFAULT,
 * each that has something to keep or to copy -ENOMEM.  A number, once used,
 * keeps its meaning.
 */
#ifndef _UAPI_SVMM_H
#define _UAPI_SVMM_H

#include <linux/ioctl.h>
#include <linux/types.h>

#include "svmm_debug.h"
#include "svmm_ioevent.h"
#include "svmm_irqfd.h"
#include "svmm_state.h"
#include "svmm_stats.h"

#define SVMM_IOC		0xBE

#define SVMM_NAME_MAX		32	/* a VM's name, with its final NUL */
#define SVMM_MAX_SLOTS		512	/* memory slots per VM */
#define SVMM_MAX_CPUID		128	/* entries of a CPUID table */

/*
 * /dev/svmm
 */

/* svmm_caps.caps: what this build of the module offers. */
#define SVMM_CAP_READONLY_MEM	(1ULL << 0)	/* SVMM_MEM_READONLY */
#define SVMM_CAP_LAPIC		(1ULL << 1)	/* local APICs in the kernel */
#define SVMM_CAP_PV_CLOCK	(1ULL << 2)	/* KVM's paravirtual clock */
#define SVMM_CAP_XSAVE		(1ULL << 3)	/* guests have XSAVE */
#define SVMM_CAP_DIRTY_LOG	(1ULL << 4)	/* SVMM_MEM_LOG_DIRTY, SVMM_DIRTY_LOG */
#define SVMM_CAP_PREFAULT	(1ULL << 5)	/* SVMM_PREFAULT */
#define SVMM_CAP_IOEVENTFD	(1ULL << 6)	/* SVMM_IOEVENTFD */
#define SVMM_CAP_IRQFD		(1ULL << 7)	/* SVMM_IRQFD */
#define SVMM_CAP_SHIFT_TIME	(1ULL << 8)	/* SVMM_SHIFT_TIME */
#define SVMM_CAP_DEBUG		(1ULL << 9)	/* SVMM_SET_DEBUG, SVMM_DEBUG_NPT */

/* svmm_caps.features: what the CPU has and the module parameters left on. */
#define SVMM_FEAT_NPT		(1ULL << 0)
#define SVMM_FEAT_NRIPS		(1ULL << 1)
#define SVMM_FEAT_DECODEASSISTS	(1ULL << 2)
#define SVMM_FEAT_FLUSHBYASID	(1ULL << 3)
#define SVMM_FEAT_CLEANBITS	(1ULL << 4)
#define SVMM_FEAT_VGIF		(1ULL << 5)
#define SVMM_FEAT_PAUSEFILTER	(1ULL << 6)
#define SVMM_FEAT_1G_PAGES	(1ULL << 7)
#define SVMM_FEAT_TSC_SCALING	(1ULL << 8)
#define SVMM_FEAT_VNMI		(1ULL << 9)

/**
 * struct svmm_caps - answer of SVMM_GET_CAPS
 * @caps: SVMM_CAP_* bits
 * @features: SVMM_FEAT_* bits
 * @max_vcpus: vCPUs per VM
 * @max_slots: memory slots per VM
 * @nr_asids: address space identifiers in use (CPUID 8000_000A EBX, or less)
 * @vcpu_mmap_bytes: size of the area to mmap from a vCPU fd
 * @tsc_khz: rate of the host's TSC, in kHz, and of a guest's unless
 *	SVMM_SET_TSC_KHZ gives it another
 * @phys_bits: width of guest-physical addresses, in bits
 * @xcr0: XCR0 bits that a guest may set; 0 without XSAVE
 * @xsave_bytes: size of the XSAVE area in use; 512 without XSAVE
 * @stats_offset: where a vCPU fd has its struct svmm_vcpu_stats, to be mmap'ed read-only; 0:
 *	this build keeps no accounts
 * @stats_bytes: size of that struct: another one's is another struct
 * @reserved: zero
 */
struct svmm_caps {
	__u64 caps;
	__u64 features;
	__u32 max_vcpus;
	__u32 max_slots;
	__u32 nr_asids;
	__u32 vcpu_mmap_bytes;
	__u32 tsc_khz;
	__u32 phys_bits;
	__u64 xcr0;
	__u32 xsave_bytes;
	__u32 stats_offset;
	__u32 stats_bytes;
	__u32 reserved[15];
};

/**
 * struct svmm_create_vm - argument of SVMM_CREATE_VM
 * @flags: zero
 * @reserved: zero
 * @name: 1 to 31 characters out of [A-Za-z0-9._-] and a NUL; the rest zero.
 *	Unique among the live VMs of the calling user.
 */
struct svmm_create_vm {
	__u32 flags;
	__u32 reserved[7];
	char name[SVMM_NAME_MAX];
};

/* svmm_cpuid_entry.flags */
#define SVMM_CPUID_SUBLEAF	(1U << 0)	/* @index is significant (ECX) */

/**
 * struct svmm_cpuid_entry - one leaf of the guest's CPUID
 * @function: EAX input
 * @index: ECX input, compared only with SVMM_CPUID_SUBLEAF in @flags
 * @flags: SVMM_CPUID_*
 * @eax: output, and so the next three
 * @ebx: output
 * @ecx: output
 * @edx: output
 * @reserved: zero
 */
struct svmm_cpuid_entry {
	__u32 function;
	__u32 index;
	__u32 flags;
	__u32 eax;
	__u32 ebx;
	__u32 ecx;
	__u32 edx;
	__u32 reserved;
};

/**
 * struct svmm_cpuid - a CPUID table
 * @nr: entries that follow; in: their room, out: how many there are
 * @flags: zero
 * @entries: the table
 */
struct svmm_cpuid {
	__u32 nr;
	__u32 flags;
	struct svmm_cpuid_entry entries[];
};

/*
 * SVMM_GET_CAPS: what the module and the CPU can do.
 * Errors: -EFAULT.
 */
#define SVMM_GET_CAPS		_IOR(SVMM_IOC, 0x00, struct svmm_caps)

/*
 * SVMM_GET_SUPPORTED_CPUID: the CPUID table that a guest on this host can
 * have, all supported features set, paravirtual leaves at 4000_0000h included.
 * A VMM edits it (topology, fewer features) and hands it to SVMM_SET_CPUID.
 * Errors: -E2BIG when @nr is too small (@nr then says how many are needed),
 * -EINVAL, -EFAULT.
 */
#define SVMM_GET_SUPPORTED_CPUID _IOWR(SVMM_IOC, 0x01, struct svmm_cpuid)

/*
 * SVMM_CREATE_VM: returns a new VM's fd (close-on-exec).
 * Errors: -EINVAL (flags, reserved, name), -EEXIST (the user has a live VM of
 * that name), -EDQUOT (the user has as many as the parameter vms_per_user says,
 * and no CAP_SYS_RESOURCE), -EBUSY (another hypervisor owns SVM), -ENODEV (SVM
 * was lost on some CPU), -EINTR (a signal came first: call again), -ENOMEM, -EMFILE.
 */
#define SVMM_CREATE_VM		_IOW(SVMM_IOC, 0x02, struct svmm_create_vm)

/*
 * VM fd
 */

/* svmm_memory_slot.flags */
#define SVMM_MEM_READONLY	(1U << 0)	/* guest writes become MMIO exits */
#define SVMM_MEM_LOG_DIRTY	(1U << 1)	/* SVMM_DIRTY_LOG tells which pages were written */

/**
 * struct svmm_memory_slot - argument of SVMM_SET_MEMORY_SLOT
 * @slot: 0 to max_slots - 1
 * @flags: SVMM_MEM_*
 * @gpa: guest-physical start, page-aligned
 * @size: in bytes, page-aligned; 0 deletes the slot
 * @user_addr: start of the backing in the caller's address space, page-aligned
 * @reserved: zero
 */
struct svmm_memory_slot {
	__u32 slot;
	__u32 flags;
	__u64 gpa;
	__u64 size;
	__u64 user_addr;
	__u64 reserved[4];
};

/* svmm_dirty_log.flags */
#define SVMM_DIRTY_CLEAR	(1U << 0)	/* what is reported is clean afterwards */
#define SVMM_DIRTY_ONLY		(1U << 1)	/* of the pages whose bits are set in the bitmap */

/**
 * struct svmm_dirty_log - argument of SVMM_DIRTY_LOG
 * @slot: a slot with SVMM_MEM_LOG_DIRTY
 * @flags: SVMM_DIRTY_*; SVMM_DIRTY_ONLY goes with SVMM_DIRTY_CLEAR
 * @first_page: of the slot; a multiple of 64
 * @nr_pages: a multiple of 64, unless they end where the slot ends
 * @bitmap: user address of @nr_pages bits, in 64-bit words, lowest bit first.  Written: the
 *	pages that were dirty, of those that were asked for.
 * @reserved: zero
 */
struct svmm_dirty_log {
	__u32 slot;
	__u32 flags;
	__u64 first_page;
	__u64 nr_pages;
	__u64 bitmap;
	__u64 reserved[2];
};

/* svmm_prefault.flags */
#define SVMM_PREFAULT_WRITE	(1U << 0)	/* as if the guest wrote */

/**
 * struct svmm_prefault - argument of SVMM_PREFAULT
 * @gpa: guest-physical start, page-aligned; afterwards that of what is left
 * @size: in bytes, page-aligned; afterwards what is left
 * @flags: SVMM_PREFAULT_*
 * @reserved: zero
 */
struct svmm_prefault {
	__u64 gpa;
	__u64 size;
	__u32 flags;
	__u32 reserved;
};

/**
 * struct svmm_create_vcpu - argument of SVMM_CREATE_VCPU
 * @id: 0 to max_vcpus - 1; becomes the initial APIC ID.  vCPU 0 is the
 *	bootstrap processor and starts runnable, others wait for INIT and SIPI.
 * @flags: zero
 */
struct svmm_create_vcpu {
	__u32 id;
	__u32 flags;
};

/**
 * struct svmm_msi - argument of SVMM_SIGNAL_MSI: an interrupt message
 * @address: FEEx_xxxxh as a PCI function writes it: destination in bits 19:12,
 *	redirection hint bit 3, logical destination mode bit 2; bits 63:40 are
 *	bits 31:8 of the destination when the guest uses x2APIC
 * @data: vector bits 7:0, delivery mode bits 10:8, level bit 14, trigger mode
 *	bit 15 (level-triggered: its EOI is reported by SVMM_EXIT_EOI)
 * @flags: zero
 */
struct svmm_msi {
	__u64 address;
	__u32 data;
	__u32 flags;
};

/* What others are told that a VM does. The kernel knows that it is created, first runs, dies. */
enum svmm_vm_state {
	SVMM_VM_CREATED,	/* no vCPU has run */
	SVMM_VM_RUNNING,
	SVMM_VM_PAUSED,
	SVMM_VM_CRASHED,
};

#define SVMM_REASON_MAX		96	/* a phrase, with its final NUL */

/**
 * struct svmm_vm_state_info - argument of SVMM_SET_VM_STATE
 * @state: RUNNING, PAUSED or CRASHED
 * @reserved: zero
 * @reason: why, for people; may be empty
 */
struct svmm_vm_state_info {
	__u32 state;
	__u32 reserved;
	char reason[SVMM_REASON_MAX];
};

/*
 * SVMM_CREATE_VCPU: returns a new vCPU's fd (close-on-exec).
 * Errors: -EINVAL (flags, id), -EEXIST, -ENOMEM, -EMFILE, -EIO (dead VM or
 * foreign address space).
 */
#define SVMM_CREATE_VCPU	_IOW(SVMM_IOC, 0x10, struct svmm_create_vcpu)

/*
 * SVMM_SET_MEMORY_SLOT: create, change, move or delete a memory slot.  What it
 * unmaps has left every TLB when the call returns.  A change of flags alone
 * takes nothing from a running guest but the rights that it loses.
 * Errors: -EINVAL (flags, slot, alignment, wrap-around, beyond phys_bits, an
 * address outside user space, more than 8 TiB with SVMM_MEM_LOG_DIRTY),
 * -EEXIST (overlaps another slot), -ENOENT (deleting an empty slot), -ENOMEM,
 * -EIO.
 */
#define SVMM_SET_MEMORY_SLOT	_IOW(SVMM_IOC, 0x11, struct svmm_memory_slot)

/*
 * SVMM_SIGNAL_MSI: deliver an interrupt message to the local APICs; usable
 * from any thread.  Returns the number of local APICs that took it.
 * Errors: -EINVAL (flags, address not FEEx_xxxxh, reserved delivery mode),
 * -EIO.
 */
#define SVMM_SIGNAL_MSI		_IOW(SVMM_IOC, 0x12, struct svmm_msi)

/*
 * SVMM_SET_TSC_KHZ: the rate of the VM's TSC, in kHz, before its first vCPU is
 * created.  The VM's TSC and paravirtual clock begin again at 0.
 * Errors: -EINVAL (0, or out of the CPU's range), -EOPNOTSUPP (another rate
 * than the host's without SVMM_FEAT_TSC_SCALING), -EBUSY (there is a vCPU),
 * -EFAULT, -EIO.
 */
#define SVMM_SET_TSC_KHZ	_IOW(SVMM_IOC, 0x13, __u32)

/*
 * SVMM_SET_VM_STATE: tell what others are told of the VM (svmm_netlink.h); it changes nothing else.
 * Errors: -EINVAL (state, reserved, a reason that is not NUL-terminated printable text), -EFAULT,
 * -EIO.
 */
#define SVMM_SET_VM_STATE	_IOW(SVMM_IOC, 0x16, struct svmm_vm_state_info)

/*
 * SVMM_DIRTY_LOG: which pages of a slot were written, by the guest or by the
 * module in its name, since SVMM_MEM_LOG_DIRTY was set or the page was last
 * cleared.  A page that is reported and cleared holds what was written before;
 * later writes make it dirty again.  May be called while vCPUs run.
 * Errors: -EINVAL (flags, reserved, pages that are not the slot's or not whole
 * words), -ENOENT (no such slot, or it does not log), -EFAULT (nothing is
 * cleared that is not reported in the bitmap), -EINTR (a fatal signal), -EIO.
 */
#define SVMM_DIRTY_LOG		_IOW(SVMM_IOC, 0x14, struct svmm_dirty_log)

/*
 * SVMM_PREFAULT: map guest memory into the nested page tables before the guest
 * touches it.  Nothing is pinned: what the host takes back comes again by faults.
 * Errors, with @gpa and @size telling how far it came: -EINVAL (flags, reserved,
 * alignment, wrap-around), -ENOENT (no slot there, or a read-only one for
 * SVMM_PREFAULT_WRITE), -EFAULT (no memory behind the slot), -EINTR (a signal:
 * call again), -ENOMEM, -EIO.
 */
#define SVMM_PREFAULT		_IOWR(SVMM_IOC, 0x15, struct svmm_prefault)

/*
 * SVMM_IOEVENTFD: see struct svmm_ioeventfd (svmm_ioevent.h).  From any thread; a write after the
 * call has returned is subject to it.
 * Errors: -EINVAL (flags, reserved, bytes, match, address, not an eventfd), -EBADF, -EEXIST
 * (a write could be for another one, too), -ENOENT (SVMM_IOEVENTFD_REMOVE: there is no such one),
 * -ENOSPC (SVMM_MAX_IOEVENTFDS), -EFAULT, -ENOMEM, -EIO.
 */
#define SVMM_IOEVENTFD		_IOW(SVMM_IOC, 0x17, struct svmm_ioeventfd)

/*
 * SVMM_IRQFD: see struct svmm_irqfd (svmm_irqfd.h).  From any thread; a signal after the call has
 * returned is subject to it, and none of before is still being delivered.
 * Errors: -EINVAL (flags, reserved, no interrupt message as for SVMM_SIGNAL_MSI, not an eventfd),
 * -EBADF, -ENOENT (SVMM_IRQFD_REMOVE: it is not set), -ENOSPC (SVMM_MAX_IRQFDS), -EFAULT, -ENOMEM,
 * -EIO.
 */
#define SVMM_IRQFD		_IOW(SVMM_IOC, 0x18, struct svmm_irqfd)

/*
 * SVMM_SHIFT_TIME: the VM was stopped for that many ns, which is the argument, and its time is to
 * go on where it was: the TSCs, the paravirtual clock and the timers of the local APICs go back by
 * them, together.  A timer that has run out since the VM was stopped has not, unless SVMM_GET_STATE
 * of SVMM_STATE_TSC or SVMM_STATE_LAPIC has looked at it.  The time of day is right when the guest
 * asks for it anew.
 * Errors: -EINVAL (2^63 or more), -EBUSY (a vCPU is in SVMM_RUN, or somebody reads or writes its
 * state; then nothing has changed), -EIO.
 */
#define SVMM_SHIFT_TIME		_IO(SVMM_IOC, 0x1a)

/*
 * SVMM_DEBUG_NPT: how a guest-physical address is translated at this moment; from any thread.
 * Without CAP_SYS_RAWIO the addresses in the entries are 0, as they are the host's.
 * Errors: -EINVAL (@gpa is beyond phys_bits), -EFAULT, -EIO.
 */
#define SVMM_DEBUG_NPT		_IOWR(SVMM_IOC, 0x1b, struct svmm_debug_npt)

/*
 * vCPU fd: the shared page
 */

/* Why SVMM_RUN returned; svmm_exit.reason. */
enum svmm_exit_reason {
	SVMM_EXIT_NONE = 0,
	SVMM_EXIT_INTR,			/* a signal or immediate_exit; RUN gives -EINTR */
	SVMM_EXIT_IO,			/* port access: complete it, then RUN */
	SVMM_EXIT_MMIO,			/* access outside the slots, likewise */
	SVMM_EXIT_EOI,			/* end of a level-triggered interrupt */
	SVMM_EXIT_EXTINT,		/* fetch a vector from the 8259 */
	SVMM_EXIT_SHUTDOWN,		/* triple fault; the VM is dead */
	SVMM_EXIT_FAIL_ENTRY,		/* the state breaks a rule of VMRUN */
	SVMM_EXIT_EMULATION_FAILURE,	/* the MMIO emulator does not know the instruction */
	SVMM_EXIT_MEMORY_FAULT,		/* a slot's backing cannot be mapped */
	SVMM_EXIT_INTERNAL_ERROR,	/* a bug or a limit in svmm; the VM is dead */
	SVMM_EXIT_DEBUG,		/* what SVMM_SET_DEBUG asked for */
};

/* svmm_exit.io.direction */
#define SVMM_IO_OUT		0
#define SVMM_IO_IN		1

/**
 * struct svmm_exit - the exit record
 * @reason: enum svmm_exit_reason
 * @flags: zero
 * @io: SVMM_EXIT_IO: @count elements of @bytes (1, 2, 4) at @port, in the data
 *	area @data_offset bytes after the start of the mmap'ed area.  For
 *	SVMM_IO_IN user space fills the data in before the next RUN.
 * @mmio: SVMM_EXIT_MMIO: @bytes (1 to 8) at @gpa, which do not cross a page;
 *	for a read user space fills @data in before the next RUN; SVMM_SET_STATE
 *	in between drops the access: the guest goes on with that state
 * @eoi: SVMM_EXIT_EOI: the vector that was ended
 * @extint: SVMM_EXIT_EXTINT: user space stores the vector (0 to 255) that the
 *	8259 acknowledges, or -1 for none, before the next RUN
 * @fail_entry: SVMM_EXIT_FAIL_ENTRY: the rule that the state broke in words
 *	(NUL-terminated).  @exit_code 0: found before VMRUN, user space may mend
 *	the state and RUN again; else VMRUN's, and the VM is dead.
 * @emulation: SVMM_EXIT_EMULATION_FAILURE: @nbytes instruction bytes at @rip,
 *	which touched @gpa.  RUN again restarts the instruction.
 * @memory_fault: SVMM_EXIT_MEMORY_FAULT: @gpa, wanted access (1 write, 2
 *	execute), and the negative errno that mapping it gave
 * @internal: SVMM_EXIT_INTERNAL_ERROR: VMCB exit code, EXITINFO1, EXITINFO2
 * @debug: SVMM_EXIT_DEBUG at @rip.  @vector 3: the INT3 there, which has not been executed; one
 *	that is the guest's own is given to it as SVMM_STATE_EVENTS, with RIP behind it.  @vector 1:
 *	@dr6 has bit 14 if a step is over, and bits 3:0 for breakpoints that were met.
 */
struct svmm_exit {
	__u32 reason;
	__u32 flags;
	union {
		struct {
			__u16 port;
			__u8 direction;
			__u8 bytes;
			__u32 count;
			__u32 data_offset;
			__u32 reserved;
		} io;
		struct {
			__u64 gpa;
			__u8 data[8];
			__u8 bytes;
			__u8 is_write;
			__u8 reserved[6];
		} mmio;
		struct {
			__u32 vector;
		} eoi;
		struct {
			__s32 vector;
		} extint;
		struct {
			__u64 exit_code;
			char reason[96];
		} fail_entry;
		struct {
			__u64 rip;
			__u64 gpa;
			__u32 nbytes;
			__u8 bytes[15];
			__u8 reserved;
		} emulation;
		struct {
			__u64 gpa;
			__u32 access;
			__s32 error;
		} memory_fault;
		struct {
			__u64 exit_code;
			__u64 info1;
			__u64 info2;
		} internal;
		struct {
			__u64 rip;
			__u64 dr6;
			__u32 vector;
			__u32 reserved;
		} debug;
		__u8 pad[120];
	};
};

/**
 * struct svmm_vcpu_page - first page of a vCPU's mmap'ed area
 * @immediate_exit: non-zero: SVMM_RUN applies pending completions and returns
 *	-EINTR without entering the guest
 * @valid: state groups that hold the vCPU's present values; the kernel sets it
 * @dirty: state groups that user space changed and the next SVMM_RUN or
 *	SVMM_SET_STATE loads; the kernel clears it
 * @want: state groups to publish at every exit to user space
 * @io_offset: start of the port data area, bytes from the start of the mmap
 * @xsave_offset: start of the XSAVE area (standard format)
 * @lapic_offset: start of struct svmm_lapic
 * @exit: why the last SVMM_RUN returned
 */
struct svmm_vcpu_page {
	__u32 immediate_exit;
	__u32 valid;
	__u32 dirty;
	__u32 want;
	__u32 io_offset;
	__u32 xsave_offset;
	__u32 lapic_offset;
	__u32 reserved0[9];
	struct svmm_exit exit;
	__u8 reserved1[64];
	struct svmm_gprs gpr;
	struct svmm_segs seg;
	struct svmm_crs cr;
	struct svmm_drs dr;
	struct svmm_msrs msr;
	struct svmm_events events;
	struct svmm_tsc tsc;
	struct svmm_mp mp;
	struct svmm_pv pv;
};

/**
 * struct svmm_sigmask - argument of SVMM_SET_SIGMASK
 * @enable: 0: SVMM_RUN keeps the thread's mask; 1: it runs with @mask
 * @reserved: zero
 * @mask: signals blocked while in SVMM_RUN; bit n-1 is signal n
 */
struct svmm_sigmask {
	__u32 enable;
	__u32 reserved;
	__u64 mask;
};

/**
 * struct svmm_counters - answer of SVMM_GET_COUNTERS: a vCPU's life beside its exits
 * @halts: times that it waited in HLT
 * @poll_attempted: waits that began with polling; each one is one of the next three
 * @poll_successful: the event came while polling
 * @poll_failed: it did not: the vCPU slept
 * @poll_invalid: a signal or a request of the host ended the polling
 * @poll_success_ns: time polled, with success
 * @poll_fail_ns: likewise, without
 * @wakeups: times that somebody woke it out of its sleep
 * @kicks: times that another CPU interrupted it in the guest
 * @pv_eoi_offered: interrupts whose end the guest could keep to itself
 * @pv_eoi_taken: those of them that it did
 * @pv_ipis: interrupts that it sent by KVM_HC_SEND_IPI
 * @pv_kicks: calls of KVM_HC_KICK_CPU
 * @pv_yields: calls of KVM_HC_SCHED_YIELD
 * @pv_tlb_flushes: flushes that others left for it while it did not run
 * @steal_ns: steal time reported to the guest
 * @reserved: zero
 */
struct svmm_counters {
	__u64 halts;
	__u64 poll_attempted;
	__u64 poll_successful;
	__u64 poll_failed;
	__u64 poll_invalid;
	__u64 poll_success_ns;
	__u64 poll_fail_ns;
	__u64 wakeups;
	__u64 kicks;
	__u64 pv_eoi_offered;
	__u64 pv_eoi_taken;
	__u64 pv_ipis;
	__u64 pv_kicks;
	__u64 pv_yields;
	__u64 pv_tlb_flushes;
	__u64 steal_ns;
	__u64 reserved[16];
};

/*
 * SVMM_RUN: apply a pending completion, load the dirty groups, run the guest.
 * Returns 0 with the reason in the exit record.  No argument.
 * Errors: -EINTR (signal, immediate_exit, or other work that the thread has to
 * do on its way to user space: RUN again; state is consistent), -EINVAL (a
 * dirty group holds an illegal value; nothing of that group is loaded), -EIO
 * (dead VM or foreign address space), -EBUSY (another thread is in RUN, or in SVMM_SHIFT_TIME),
 * -ENOMEM.
 */
#define SVMM_RUN		_IO(SVMM_IOC, 0x20)

/*
 * SVMM_GET_STATE: publish the groups of the argument (SVMM_STATE_*) on the
 * shared page.  SVMM_SET_STATE: load the dirty groups now.
 * Errors: -EINVAL (unknown group, illegal value), -EIO.
 */
#define SVMM_GET_STATE		_IOW(SVMM_IOC, 0x21, __u32)
#define SVMM_SET_STATE		_IO(SVMM_IOC, 0x22)

/*
 * SVMM_SET_CPUID: the guest's CPUID table; before the first RUN.
 * Errors: -EINVAL (flags, reserved, more than SVMM_MAX_CPUID, duplicate
 * entries), -EBUSY (the vCPU ran already), -EFAULT, -ENOMEM, -EIO.
 */
#define SVMM_SET_CPUID		_IOW(SVMM_IOC, 0x23, struct svmm_cpuid)

/*
 * SVMM_SET_DEBUG: debug the guest, from the next RUN on, until the next such call; what an earlier
 * one still has to report is dropped.  The guest does not see it: SVMM_STATE_GPR and SVMM_STATE_DR
 * are its own, and a step leaves RFLAGS.TF neither in its memory nor in R11.  While SVMM_DEBUG_STEP
 * is set, the guest takes no interrupts and NMIs; they wait.  A step over a port or MMIO access
 * exits for that first.  While SVMM_DEBUG_HW is set, the guest's own breakpoints do nothing.
 * Errors: -EINVAL (flags, reserved, dr7), -EFAULT, -EIO.
 */
#define SVMM_SET_DEBUG		_IOW(SVMM_IOC, 0x2c, struct svmm_debug)

/* SVMM_GET_EXITS: see struct svmm_last_exits; of a dead VM, too.  Errors: -EFAULT. */
#define SVMM_GET_EXITS		_IOR(SVMM_IOC, 0x2d, struct svmm_last_exits)

/* SVMM_SET_SIGMASK: see struct svmm_sigmask. Errors: -EINVAL, -EFAULT, -EIO. */
#define SVMM_SET_SIGMASK	_IOW(SVMM_IOC, 0x24, struct svmm_sigmask)

/*
 * SVMM_NMI: make an NMI pending; from any thread.  Argument: 0, or
 * SVMM_NMI_LINT1: an edge at the local APIC's LINT1, whose LVT entry says what
 * becomes of it.
 * Errors: -EINVAL, -EIO.
 */
#define SVMM_NMI_LINT1		1UL
#define SVMM_NMI		_IO(SVMM_IOC, 0x25)

/*
 * SVMM_SET_EXTINT: level (0 or 1) of the 8259's INT output at this vCPU; from
 * any thread.  While it is 1, LVT LINT0 accepts ExtINT and the guest can take
 * an interrupt, SVMM_RUN returns SVMM_EXIT_EXTINT.  If LVT LINT0 says fixed or
 * NMI, the rise from 0 to 1 delivers that.
 * Errors: -EINVAL, -EIO.
 */
#define SVMM_SET_EXTINT		_IOW(SVMM_IOC, 0x26, __u32)

/*
 * SVMM_GET_STATS: a copy of struct svmm_vcpu_stats, for those who do not mmap it; from any
 * thread, also during RUN.
 * Errors: -EINVAL (flags, more bytes than there are), -EFAULT, -EIO.  (2ah was the same, of a
 * struct with 64 reasons and 32 buckets.)
 */
#define SVMM_GET_STATS		_IOW(SVMM_IOC, 0x2b, struct svmm_get_stats)

/*
 * SVMM_DEBUG_VMCB: the raw VMCB, for tests and bug reports; it shows host
 * physical addresses and therefore needs CAP_SYS_RAWIO (-EPERM).
 */
#define SVMM_DEBUG_VMCB		_IOR(SVMM_IOC, 0x28, struct svmm_debug_vmcb)

/*
 * SVMM_GET_COUNTERS: see struct svmm_counters; from any thread, also during RUN.
 * Errors: -EFAULT, -EIO.
 */
#define SVMM_GET_COUNTERS	_IOR(SVMM_IOC, 0x29, struct svmm_counters)

#endif /* _UAPI_SVMM_H */
