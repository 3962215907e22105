/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every ioctl of svmm.ko as a fuzzer needs to know it: whose fd it is of, what its argument's
 * members are, and which errors it may give (uapi/svmm.h). How values are made up for them is
 * ioctl.c's.
 */
#ifndef SELFTESTS_FUZZ_CALLS_H
#define SELFTESTS_FUZZ_CALLS_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include "../../../uapi/svmm.h"

enum whose { DEVICE, VM, VCPU };

/* What a member is: which values are worth trying. */
enum member_kind {
	END,
	ZERO,		/* flags and reserved members without a meaning */
	FLAGS,		/* of which few bits are defined */
	NUMBER,		/* small: an ID, a slot, a level */
	COUNT,		/* of entries or pages, in 64s and others */
	GPA,		/* guest-physical address or size of memory */
	USER,		/* address in user space */
	IO_AT,		/* port, or address of MMIO */
	VECTOR,
	MESSAGE,	/* address of an interrupt message */
	FD,
	NAME,		/* SVMM_NAME_MAX bytes */
	TEXT,		/* SVMM_REASON_MAX bytes */
	KHZ,
	BITS,		/* of any value */
};

struct member {
	uint16_t offset;
	uint8_t bytes, kind;
};

#define MEMBERS	15
#define ERRORS	12

struct call {
	const char *name;
	unsigned long request;
	enum whose whose;
	unsigned int bytes;	/* of the argument; 0: the argument is the value */
	struct member member[MEMBERS + 1];
	int16_t error[ERRORS];
};

#define M(type, what, is) \
	{ offsetof(struct type, what), sizeof(((struct type *)0)->what), is }
#define CALL(name)		#name, name
#define WORD(is)		4, { { 0, 4, is } }

static const struct call calls[] = {
	{ CALL(SVMM_GET_CAPS), DEVICE, sizeof(struct svmm_caps), {}, { EFAULT } },
	{ CALL(SVMM_GET_SUPPORTED_CPUID), DEVICE, sizeof(struct svmm_cpuid),
	  { M(svmm_cpuid, nr, COUNT), M(svmm_cpuid, flags, ZERO) },
	  { EFAULT, EINVAL, E2BIG, ENOMEM } },
	{ CALL(SVMM_CREATE_VM), DEVICE, sizeof(struct svmm_create_vm),
	  { M(svmm_create_vm, flags, ZERO), M(svmm_create_vm, reserved[6], ZERO),
	    M(svmm_create_vm, name, NAME) },
	  { EFAULT, EINVAL, EEXIST, EDQUOT, EBUSY, EINTR, ENOMEM, EMFILE } },
	{ CALL(SVMM_CREATE_VCPU), VM, sizeof(struct svmm_create_vcpu),
	  { M(svmm_create_vcpu, id, NUMBER), M(svmm_create_vcpu, flags, ZERO) },
	  { EFAULT, EINVAL, EEXIST, ENOMEM, EMFILE, EIO } },
	{ CALL(SVMM_SET_MEMORY_SLOT), VM, sizeof(struct svmm_memory_slot),
	  { M(svmm_memory_slot, slot, NUMBER), M(svmm_memory_slot, flags, FLAGS),
	    M(svmm_memory_slot, gpa, GPA), M(svmm_memory_slot, size, GPA),
	    M(svmm_memory_slot, user_addr, USER), M(svmm_memory_slot, reserved[3], ZERO) },
	  { EFAULT, EINVAL, EEXIST, ENOENT, ENOMEM, EIO } },
	{ CALL(SVMM_DIRTY_LOG), VM, sizeof(struct svmm_dirty_log),
	  { M(svmm_dirty_log, slot, NUMBER), M(svmm_dirty_log, flags, FLAGS),
	    M(svmm_dirty_log, first_page, COUNT), M(svmm_dirty_log, nr_pages, COUNT),
	    M(svmm_dirty_log, bitmap, USER), M(svmm_dirty_log, reserved[1], ZERO) },
	  { EFAULT, EINVAL, ENOENT, EINTR, ENOMEM, EIO } },
	{ CALL(SVMM_PREFAULT), VM, sizeof(struct svmm_prefault),
	  { M(svmm_prefault, gpa, GPA), M(svmm_prefault, size, GPA),
	    M(svmm_prefault, flags, FLAGS), M(svmm_prefault, reserved, ZERO) },
	  { EFAULT, EINVAL, ENOENT, EINTR, ENOMEM, EIO } },
	{ CALL(SVMM_SIGNAL_MSI), VM, sizeof(struct svmm_msi),
	  { M(svmm_msi, address, MESSAGE), M(svmm_msi, data, VECTOR), M(svmm_msi, flags, ZERO) },
	  { EFAULT, EINVAL, EIO } },
	{ CALL(SVMM_SET_TSC_KHZ), VM, WORD(KHZ), { EFAULT, EINVAL, EOPNOTSUPP, EBUSY, EIO } },
	{ CALL(SVMM_SET_VM_STATE), VM, sizeof(struct svmm_vm_state_info),
	  { M(svmm_vm_state_info, state, NUMBER), M(svmm_vm_state_info, reserved, ZERO),
	    M(svmm_vm_state_info, reason, TEXT) },
	  { EFAULT, EINVAL, EIO } },
	{ CALL(SVMM_IOEVENTFD), VM, sizeof(struct svmm_ioeventfd),
	  { M(svmm_ioeventfd, address, IO_AT), M(svmm_ioeventfd, match, NUMBER),
	    M(svmm_ioeventfd, bytes, NUMBER), M(svmm_ioeventfd, fd, FD),
	    M(svmm_ioeventfd, flags, FLAGS), M(svmm_ioeventfd, reserved[4], ZERO) },
	  { EFAULT, EINVAL, EBADF, EEXIST, ENOENT, ENOSPC, ENOMEM, EIO } },
	{ CALL(SVMM_IRQFD), VM, sizeof(struct svmm_irqfd),
	  { M(svmm_irqfd, address, MESSAGE), M(svmm_irqfd, data, VECTOR), M(svmm_irqfd, fd, FD),
	    M(svmm_irqfd, flags, FLAGS), M(svmm_irqfd, reserved[4], ZERO) },
	  { EFAULT, EINVAL, EBADF, ENOENT, ENOSPC, ENOMEM, EIO } },
	{ CALL(SVMM_SHIFT_TIME), VM, 0, { { 0, 8, BITS } }, { EINVAL, EBUSY, EIO } },
	{ CALL(SVMM_DEBUG_NPT), VM, sizeof(struct svmm_debug_npt),
	  { M(svmm_debug_npt, gpa, GPA) }, { EFAULT, EINVAL, EIO } },
	{ CALL(SVMM_RUN), VCPU, 0, {}, { EINTR, EINVAL, EIO, EBUSY, ENOMEM, EFAULT } },
	{ CALL(SVMM_GET_STATE), VCPU, WORD(FLAGS), { EFAULT, EINVAL, EIO, EBUSY } },
	{ CALL(SVMM_SET_STATE), VCPU, 0, {}, { EINVAL, EIO, EBUSY, ENOMEM } },
	{ CALL(SVMM_SET_CPUID), VCPU, sizeof(struct svmm_cpuid) + sizeof(struct svmm_cpuid_entry),
	  { M(svmm_cpuid, nr, NUMBER), M(svmm_cpuid, flags, ZERO),
	    { 8, 4, BITS }, { 12, 4, NUMBER },
	    { 16, 4, FLAGS }, { 20, 4, BITS }, { 24, 4, BITS }, { 28, 4, BITS }, { 32, 4, BITS },
	    { 36, 4, ZERO } },
	  { EFAULT, EINVAL, EBUSY, ENOMEM, EIO } },
	{ CALL(SVMM_SET_SIGMASK), VCPU, sizeof(struct svmm_sigmask),
	  { M(svmm_sigmask, enable, NUMBER), M(svmm_sigmask, reserved, ZERO) },
	  { EFAULT, EINVAL, EIO, EBUSY } },
	{ CALL(SVMM_NMI), VCPU, 0, { { 0, 8, NUMBER } }, { EINVAL, EIO } },
	{ CALL(SVMM_SET_EXTINT), VCPU, WORD(NUMBER), { EFAULT, EINVAL, EIO } },
	{ CALL(SVMM_GET_STATS), VCPU, sizeof(struct svmm_get_stats),
	  { M(svmm_get_stats, stats, USER), M(svmm_get_stats, bytes, COUNT),
	    M(svmm_get_stats, flags, ZERO) },
	  { EFAULT, EINVAL, EIO, ENOMEM } },
	{ CALL(SVMM_DEBUG_VMCB), VCPU, sizeof(struct svmm_debug_vmcb), {},
	  { EFAULT, ENOMEM, EPERM, EIO, EBUSY } },
	{ CALL(SVMM_GET_COUNTERS), VCPU, sizeof(struct svmm_counters), {}, { EFAULT, EIO } },
	{ CALL(SVMM_SET_DEBUG), VCPU, sizeof(struct svmm_debug),
	  { M(svmm_debug, flags, FLAGS), M(svmm_debug, reserved, ZERO), M(svmm_debug, db[0], GPA),
	    M(svmm_debug, db[3], GPA), M(svmm_debug, dr7, BITS) },
	  { EFAULT, EINVAL, ENOMEM, EIO, EBUSY } },
	{ CALL(SVMM_GET_EXITS), VCPU, sizeof(struct svmm_last_exits), {},
	  { EFAULT, EIO, EBUSY, ENOMEM } },
};

#define CALLS	(sizeof(calls) / sizeof(calls[0]))

#undef M
#undef CALL
#undef WORD
#endif
