/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * svmm.ko over generic netlink: what somebody who does not hold a VM's file descriptor can ask
 * about it.  Family "svmm", version 1, in the initial network namespace.
 *
 * A VM is told to its owner and to who has CAP_NET_ADMIN (-EPERM for anybody else; a dump leaves
 * the others out).  Attributes that a command does not know are refused, those that a program
 * does not know are to be skipped.  A number, once used, keeps its meaning.
 */
#ifndef _UAPI_SVMM_NETLINK_H
#define _UAPI_SVMM_NETLINK_H

#define SVMM_GENL_NAME		"svmm"
#define SVMM_GENL_VERSION	1
/*
 * The multicast group; to join it needs CAP_NET_ADMIN.  (Linux lets anybody join a group number
 * that no family has yet: who was there before svmm.ko was loaded hears the group.)
 */
#define SVMM_GENL_EVENTS	"events"
/* Sockets of a user that SVMM_GENL_CMD_WATCH at once. */
#define SVMM_GENL_WATCHERS	16

/**
 * enum svmm_genl_cmd - commands; an answer has the command of its question
 * @SVMM_GENL_CMD_UNSPEC: none
 * @SVMM_GENL_CMD_GET_VM: which VMs there are.  With SVMM_GENL_ATTR_NAME one (-ENOENT; of several
 *	users' VMs of that name the caller's own first), as a dump all of them.  Answer: NAME, UID,
 *	PID, VCPUS, STATE, MEMORY, PV_FEATURES.
 * @SVMM_GENL_CMD_GET_MEM: the memory of the VM of SVMM_GENL_ATTR_NAME.  Answer: that of GET_VM,
 *	NPT_TABLES, NPT_4K, NPT_2M, NPT_1G, one SLOT for each memory slot in the order of guest
 *	addresses; with the flag DIRTY_RESET, DIRTY too, which costs the guest a TLB flush.
 *	The time it takes grows with the pages that are mapped.  -EAGAIN if slots were added
 *	meanwhile: ask again.
 * @SVMM_GENL_CMD_GET_STATS: the accounts of vCPUs (svmm_stats.h), as a dump: with
 *	SVMM_GENL_ATTR_NAME of that VM, else of all of them.  A vCPU's answer: NAME, PID, VCPU,
 *	VCPU_STATE, TSC_KHZ, BEGUN, NOW, HALTED, STOPPED, PREEMPTED, TO_USER, one EXIT for each
 *	reason that came up; with the flag DETAIL their HISTOGRAMs, too, and one KEY for each key.
 *	What does not fit is in further answers for the same vCPU.
 * @SVMM_GENL_CMD_WATCH: this socket is sent the events of the caller's own VMs, until it is closed.
 *	For those who may not join the group, which has everybody's.  -EBUSY: SVMM_GENL_WATCHERS;
 *	-EPERM: another user watches with this socket.
 * @SVMM_GENL_CMD_EVENT: comes from the kernel, to the group and to who watches.  EVENT, TIME; with
 *	all but SVME_CONFLICT NAME, PID and UID, in the namespaces of who watches, or for the group
 *	in the initial ones; VCPU, REASON if there is one.  Who does not read loses events, and
 *	hears of that: -ENOBUFS.
 */
enum svmm_genl_cmd {
	SVMM_GENL_CMD_UNSPEC,
	SVMM_GENL_CMD_GET_VM,
	SVMM_GENL_CMD_GET_MEM,
	SVMM_GENL_CMD_GET_STATS,
	SVMM_GENL_CMD_WATCH,
	SVMM_GENL_CMD_EVENT,

	__SVMM_GENL_CMD_MAX,
	SVMM_GENL_CMD_MAX = __SVMM_GENL_CMD_MAX - 1
};

/**
 * enum svmm_genl_attr - top-level attributes
 * @SVMM_GENL_ATTR_UNSPEC: none
 * @SVMM_GENL_ATTR_PAD: for 64-bit alignment
 * @SVMM_GENL_ATTR_NAME: string, the VM's name
 * @SVMM_GENL_ATTR_UID: u32, who created it, in the caller's user namespace
 * @SVMM_GENL_ATTR_PID: u32, the process that created it, in the caller's PID namespace; 0 if it
 *	is not there
 * @SVMM_GENL_ATTR_VCPUS: u32, how many vCPUs were created
 * @SVMM_GENL_ATTR_NPT_TABLES: u64, pages of nested page tables
 * @SVMM_GENL_ATTR_NPT_4K: u64, nested leaves that map 4 KiB
 * @SVMM_GENL_ATTR_NPT_2M: u64, the same for 2 MiB
 * @SVMM_GENL_ATTR_NPT_1G: u64, the same for 1 GiB
 * @SVMM_GENL_ATTR_SLOT: nest of enum svmm_genl_slot, once per slot
 * @SVMM_GENL_ATTR_DIRTY_RESET: flag, to GET_MEM: begin to count written pages anew
 * @SVMM_GENL_ATTR_DIRTY: u64, bytes under leaves that were written or mapped for a write since the
 *	last reset
 * @SVMM_GENL_ATTR_VCPU: u32, the vCPU's number
 * @SVMM_GENL_ATTR_VCPU_STATE: u32, enum svmm_vcpu_state
 * @SVMM_GENL_ATTR_TSC_KHZ: u32, rate of the TSC that ticks are of
 * @SVMM_GENL_ATTR_BEGUN: u64, as in struct svmm_vcpu_stats, and so the others of their names
 * @SVMM_GENL_ATTR_NOW: u64, what BEGUN would be if the vCPU began now
 * @SVMM_GENL_ATTR_HALTED: u64; with what it is at now
 * @SVMM_GENL_ATTR_STOPPED: u64; likewise
 * @SVMM_GENL_ATTR_PREEMPTED: u64
 * @SVMM_GENL_ATTR_TO_USER: u64
 * @SVMM_GENL_ATTR_EXIT: nest of enum svmm_genl_exit, once per reason
 * @SVMM_GENL_ATTR_KEY: nest of enum svmm_genl_key, once per key
 * @SVMM_GENL_ATTR_DETAIL: flag, to GET_STATS
 * @SVMM_GENL_ATTR_STATE: u32, enum svmm_vm_state (svmm.h)
 * @SVMM_GENL_ATTR_MEMORY: u64, bytes of all memory slots
 * @SVMM_GENL_ATTR_PV_FEATURES: u32, bits of CPUID leaf 4000_0001h that the first vCPU shows
 * @SVMM_GENL_ATTR_EVENT: u32, enum svmm_event
 * @SVMM_GENL_ATTR_TIME: u64, CLOCK_REALTIME in ns
 * @SVMM_GENL_ATTR_REASON: string, a phrase for people
 * @SVMM_GENL_ATTR_ID: u64, tells this VM from every other one since the module was loaded; in each
 *	answer and event that has a NAME, since a name is free again before DESTROYED is told
 */
enum svmm_genl_attr {
	SVMM_GENL_ATTR_UNSPEC,
	SVMM_GENL_ATTR_PAD,
	SVMM_GENL_ATTR_NAME,
	SVMM_GENL_ATTR_UID,
	SVMM_GENL_ATTR_PID,
	SVMM_GENL_ATTR_VCPUS,
	SVMM_GENL_ATTR_NPT_TABLES,
	SVMM_GENL_ATTR_NPT_4K,
	SVMM_GENL_ATTR_NPT_2M,
	SVMM_GENL_ATTR_NPT_1G,
	SVMM_GENL_ATTR_SLOT,
	SVMM_GENL_ATTR_DIRTY_RESET,
	SVMM_GENL_ATTR_DIRTY,
	SVMM_GENL_ATTR_VCPU,
	SVMM_GENL_ATTR_VCPU_STATE,
	SVMM_GENL_ATTR_TSC_KHZ,
	SVMM_GENL_ATTR_BEGUN,
	SVMM_GENL_ATTR_NOW,
	SVMM_GENL_ATTR_HALTED,
	SVMM_GENL_ATTR_STOPPED,
	SVMM_GENL_ATTR_PREEMPTED,
	SVMM_GENL_ATTR_TO_USER,
	SVMM_GENL_ATTR_EXIT,
	SVMM_GENL_ATTR_KEY,
	SVMM_GENL_ATTR_DETAIL,
	SVMM_GENL_ATTR_STATE,
	SVMM_GENL_ATTR_MEMORY,
	SVMM_GENL_ATTR_PV_FEATURES,
	SVMM_GENL_ATTR_EVENT,
	SVMM_GENL_ATTR_TIME,
	SVMM_GENL_ATTR_REASON,
	SVMM_GENL_ATTR_ID,

	__SVMM_GENL_ATTR_MAX,
	SVMM_GENL_ATTR_MAX = __SVMM_GENL_ATTR_MAX - 1
};

/* SVMM_GENL_ATTR_EVENT */
enum svmm_event {
	SVMM_EVENT_CREATED,
	SVMM_EVENT_RUNNING,
	SVMM_EVENT_PAUSED,
	SVMM_EVENT_CRASHED,		/* REASON */
	SVMM_EVENT_DESTROYED,
	SVMM_EVENT_VCPU_HALTED,		/* for longer than the module's halt_event_ms; VCPU */
	SVMM_EVENT_SVME_CONFLICT,	/* somebody else uses SVM; to the group alone; REASON */
};

/* SVMM_GENL_ATTR_VCPU_STATE */
enum svmm_vcpu_state {
	SVMM_VCPU_STOPPED,	/* not in SVMM_RUN, and no exit waits for an answer */
	SVMM_VCPU_USER,		/* user space answers an exit */
	SVMM_VCPU_RUNNING,	/* in SVMM_RUN, in the guest or not */
	SVMM_VCPU_HALTED,	/* in SVMM_RUN, waits for an event */
};

/**
 * enum svmm_genl_exit - attributes in SVMM_GENL_ATTR_EXIT, members of struct svmm_exit_stat
 * @SVMM_GENL_EXIT_UNSPEC: none
 * @SVMM_GENL_EXIT_PAD: for 64-bit alignment
 * @SVMM_GENL_EXIT_CODE: u64
 * @SVMM_GENL_EXIT_COUNT: u64
 * @SVMM_GENL_EXIT_GUEST: u64, ticks, and so the next three
 * @SVMM_GENL_EXIT_SWITCH: u64
 * @SVMM_GENL_EXIT_KERNEL: u64
 * @SVMM_GENL_EXIT_USER: u64
 * @SVMM_GENL_EXIT_HISTOGRAM_32: not used any more
 * @SVMM_GENL_EXIT_HISTOGRAM: u32[SVMM_STATS_BUCKETS]
 * @SVMM_GENL_EXIT_NO_KEY: u64, ticks; with the histogram
 */
enum svmm_genl_exit {
	SVMM_GENL_EXIT_UNSPEC,
	SVMM_GENL_EXIT_PAD,
	SVMM_GENL_EXIT_CODE,
	SVMM_GENL_EXIT_COUNT,
	SVMM_GENL_EXIT_GUEST,
	SVMM_GENL_EXIT_SWITCH,
	SVMM_GENL_EXIT_KERNEL,
	SVMM_GENL_EXIT_USER,
	SVMM_GENL_EXIT_HISTOGRAM_32,
	SVMM_GENL_EXIT_HISTOGRAM,
	SVMM_GENL_EXIT_NO_KEY,

	__SVMM_GENL_EXIT_MAX,
	SVMM_GENL_EXIT_MAX = __SVMM_GENL_EXIT_MAX - 1
};

/**
 * enum svmm_genl_key - attributes in SVMM_GENL_ATTR_KEY, members of struct svmm_key_stat
 * @SVMM_GENL_KEY_UNSPEC: none
 * @SVMM_GENL_KEY_PAD: for 64-bit alignment
 * @SVMM_GENL_KEY_KIND: u32, enum svmm_stats_key
 * @SVMM_GENL_KEY_KEY: u64
 * @SVMM_GENL_KEY_COUNT: u64
 * @SVMM_GENL_KEY_ERROR: u64
 * @SVMM_GENL_KEY_TICKS: u64
 */
enum svmm_genl_key {
	SVMM_GENL_KEY_UNSPEC,
	SVMM_GENL_KEY_PAD,
	SVMM_GENL_KEY_KIND,
	SVMM_GENL_KEY_KEY,
	SVMM_GENL_KEY_COUNT,
	SVMM_GENL_KEY_ERROR,
	SVMM_GENL_KEY_TICKS,

	__SVMM_GENL_KEY_MAX,
	SVMM_GENL_KEY_MAX = __SVMM_GENL_KEY_MAX - 1
};

/**
 * enum svmm_genl_slot - attributes in SVMM_GENL_ATTR_SLOT
 * @SVMM_GENL_SLOT_UNSPEC: none
 * @SVMM_GENL_SLOT_PAD: for 64-bit alignment
 * @SVMM_GENL_SLOT_ID: u32, number of the slot
 * @SVMM_GENL_SLOT_FLAGS: u32, SVMM_MEM_*
 * @SVMM_GENL_SLOT_GPA: u64, guest-physical start
 * @SVMM_GENL_SLOT_BYTES: u64, size
 * @SVMM_GENL_SLOT_USER_ADDR: u64, start in the address space of the process that created the VM;
 *	told to its owner, unless that process had another user's rights, and to CAP_SYS_PTRACE
 */
enum svmm_genl_slot {
	SVMM_GENL_SLOT_UNSPEC,
	SVMM_GENL_SLOT_PAD,
	SVMM_GENL_SLOT_ID,
	SVMM_GENL_SLOT_FLAGS,
	SVMM_GENL_SLOT_GPA,
	SVMM_GENL_SLOT_BYTES,
	SVMM_GENL_SLOT_USER_ADDR,

	__SVMM_GENL_SLOT_MAX,
	SVMM_GENL_SLOT_MAX = __SVMM_GENL_SLOT_MAX - 1
};

#endif
