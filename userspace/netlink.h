/* SPDX-License-Identifier: GPL-2.0 */
/*
 * VMs as others than their own process see them: svmm.ko's netlink family, and /proc for what the
 * host does with their memory.  It must not know what is printed.
 */
#ifndef VMCTL_NETLINK_H
#define VMCTL_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../uapi/svmm.h"
#include "../uapi/svmm_netlink.h"

struct vm_slot {
	uint32_t id, flags;		/* SVMM_MEM_* */
	uint64_t gpa, bytes;
	uint64_t user_addr;		/* 0 if it is not for the caller to know */
};

/* What SVMM_GENL_CMD_GET_VM says, and with has_memory what SVMM_GENL_CMD_GET_MEM says. */
struct vm_info {
	char name[SVMM_NAME_MAX];
	uint64_t vm_id;			/* SVMM_GENL_ATTR_ID */
	uint32_t uid, pid, vcpus;
	uint32_t state;			/* enum svmm_vm_state */
	uint32_t pv_features;
	uint64_t memory;		/* bytes */
	bool has_memory;
	uint64_t tables;		/* pages of nested page tables */
	uint64_t leaves[3];		/* that map 4 KiB, 2 MiB, 1 GiB */
	uint64_t dirty;			/* bytes written since the last question with reset */
	unsigned int nr_slots;
	struct vm_slot slots[SVMM_MAX_SLOTS];
};

/* The accounts of a vCPU, as SVMM_GENL_CMD_GET_STATS tells them. */
struct vcpu_accounts {
	char name[SVMM_NAME_MAX];	/* of its VM */
	uint64_t vm_id;			/* SVMM_GENL_ATTR_ID */
	uint32_t pid, id;
	uint32_t state;			/* enum svmm_vcpu_state */
	uint32_t tsc_khz;
	uint64_t now;			/* TSC */
	uint32_t nr_keys[SVMM_KEYS];
	uint32_t at_least[SVMM_KEYS];	/* a bit for each of keys: see accounts_subtract() */
	struct svmm_vcpu_stats stats;
};

struct vm_event {
	uint32_t what;			/* enum svmm_event */
	uint64_t time_ns;		/* since 1970 */
	char name[SVMM_NAME_MAX];	/* empty: the host's */
	uint64_t vm_id;			/* SVMM_GENL_ATTR_ID */
	uint32_t pid, uid;
	int vcpu;			/* -1: of none */
	char reason[SVMM_REASON_MAX];
};

/**
 * vm_watch - follow what happens to VMs: everybody's with CAP_NET_ADMIN, else the caller's own
 * @each: called for each event, and with NULL when some were lost; false: that was enough
 * @arg: passed on
 *
 * Returns when that was enough, or after a message: when it cannot (any more).
 */
void vm_watch(bool (*each)(const struct vm_event *event, void *arg), void *arg);

/**
 * vm_list - all VMs that the caller may see
 * @each: called for each of them, oldest first
 * @arg: passed on
 *
 * Return: true, or false after a message.
 */
bool vm_list(void (*each)(const struct vm_info *vm, void *arg), void *arg);

/* One of them.  Return: true, or false after a message. */
bool vm_find(const char *name, struct vm_info *info);

/**
 * vm_memory - the memory of a VM
 * @name: of the VM
 * @reset: count written pages from now on; @info->dirty has those since the last time
 * @info: filled in
 *
 * Return: true, or false after a message.
 */
bool vm_memory(const char *name, bool reset, struct vm_info *info);

/**
 * vm_accounts - the accounts of vCPUs
 * @name: of their VM; NULL: of all that the caller may see
 * @detail: histograms and keys, too
 * @each: called for each vCPU, VMs oldest first
 * @arg: passed on
 *
 * Return: 0, errno as the kernel has it, which vm_error() puts into words, or -1 after a message.
 */
int vm_accounts(const char *name, bool detail,
		void (*each)(const struct vcpu_accounts *vcpu, void *arg), void *arg);

/* Say what @error means for the VM @name, or NULL, all of them. */
void vm_error(int error, const char *name);

/* A VM can have this name: true; or false after a message. */
bool vm_name_fits(const char *name);

#endif
