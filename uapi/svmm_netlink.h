/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * svmm.ko over generic netlink: what somebody who does not hold a VM's file descriptor can ask
 * about it.  Family "svmm", version 1, in the initial network namespace.
 *
 * A VM is told to its owner and to who has CAP_NET_ADMIN (-EPERM for anybody else; a dump leaves
 * the others out).  Attributes that a kernel does not know are refused, those that a program
 * does not know are to be skipped.  A number, once used, keeps its meaning.
 */
#ifndef _UAPI_SVMM_NETLINK_H
#define _UAPI_SVMM_NETLINK_H

#define SVMM_GENL_NAME		"svmm"
#define SVMM_GENL_VERSION	1

/**
 * enum svmm_genl_cmd - commands; an answer has the command of its question
 * @SVMM_GENL_CMD_UNSPEC: none
 * @SVMM_GENL_CMD_GET_VM: which VMs there are.  With SVMM_GENL_ATTR_NAME one (-ENOENT; of several
 *	users' VMs of that name the caller's own first), as a dump all of them.  Answer: NAME, UID,
 *	PID, VCPUS.
 * @SVMM_GENL_CMD_GET_MEM: the memory of the VM of SVMM_GENL_ATTR_NAME.  Answer: that of GET_VM,
 *	NPT_TABLES, NPT_4K, NPT_2M, NPT_1G, one SLOT for each memory slot in the order of guest
 *	addresses; with the flag DIRTY_RESET, DIRTY too, which costs the guest a TLB flush.
 *	The time it takes grows with the pages that are mapped.  -EAGAIN if slots were added
 *	meanwhile: ask again.
 */
enum svmm_genl_cmd {
	SVMM_GENL_CMD_UNSPEC,
	SVMM_GENL_CMD_GET_VM,
	SVMM_GENL_CMD_GET_MEM,

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

	__SVMM_GENL_ATTR_MAX,
	SVMM_GENL_ATTR_MAX = __SVMM_GENL_ATTR_MAX - 1
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
