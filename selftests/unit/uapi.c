// SPDX-License-Identifier: GPL-2.0
/*
 * The binary interface stays what it is: the numbers of the calls, which have the sizes of their
 * arguments in them, the sizes of what is shared by mmap(), and the numbers of netlink. A failure
 * here means that programs that are already built would no longer work; a new call is a new line.
 */
#include <linux/types.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../uapi/svmm.h"
#include "../../uapi/svmm_netlink.h"
#include "tap.h"

static const struct {
	const char *name;
	unsigned long is, was;
} interface[] = {
#define CALL(name, number)	{ #name, name, number }
	CALL(SVMM_GET_CAPS, 0x8078be00),
	CALL(SVMM_GET_SUPPORTED_CPUID, 0xc008be01),
	CALL(SVMM_CREATE_VM, 0x4040be02),
	CALL(SVMM_CREATE_VCPU, 0x4008be10),
	CALL(SVMM_SET_MEMORY_SLOT, 0x4040be11),
	CALL(SVMM_SIGNAL_MSI, 0x4010be12),
	CALL(SVMM_SET_TSC_KHZ, 0x4004be13),
	CALL(SVMM_DIRTY_LOG, 0x4030be14),
	CALL(SVMM_PREFAULT, 0xc018be15),
	CALL(SVMM_IOEVENTFD, 0x4030be17),
	CALL(SVMM_IRQFD, 0x4028be18),
	CALL(SVMM_SHIFT_TIME, 0xbe1a),
	CALL(SVMM_DEBUG_NPT, 0xc038be1b),
	CALL(SVMM_RUN, 0xbe20),
	CALL(SVMM_GET_STATE, 0x4004be21),
	CALL(SVMM_SET_STATE, 0xbe22),
	CALL(SVMM_SET_CPUID, 0x4008be23),
	CALL(SVMM_SET_SIGMASK, 0x4010be24),
	CALL(SVMM_NMI, 0xbe25),
	CALL(SVMM_SET_EXTINT, 0x4004be26),
	CALL(SVMM_GET_STATS, 0x4010be2b),
	CALL(SVMM_SET_DEBUG, 0x4030be2c),
	CALL(SVMM_GET_EXITS, 0x8408be2d),
	CALL(SVMM_DEBUG_VMCB, 0x9020be28),
	CALL(SVMM_GET_COUNTERS, 0x8100be29),
#define SIZE(name, bytes)	{ "struct " #name, sizeof(struct name), bytes }
	SIZE(svmm_cpuid_entry, 32),
	SIZE(svmm_exit, 128),
	SIZE(svmm_gprs, 144),
	SIZE(svmm_segment, 16),
	SIZE(svmm_segs, 160),
	SIZE(svmm_crs, 64),
	SIZE(svmm_drs, 48),
	SIZE(svmm_msrs, 352),
	SIZE(svmm_events, 24),
	SIZE(svmm_tsc, 24),
	SIZE(svmm_mp, 8),
	SIZE(svmm_pv, 64),
	SIZE(svmm_lapic, 264),
	SIZE(svmm_vcpu_page, 1144),
	SIZE(svmm_ioeventfd, 48),
	SIZE(svmm_irqfd, 40),
	SIZE(svmm_exit_stat, 312),
	SIZE(svmm_key_stat, 32),
	SIZE(svmm_vcpu_stats, 16080),
	CALL(SVMM_GENL_CMD_GET_VM, 1),
	CALL(SVMM_GENL_CMD_GET_MEM, 2),
	CALL(SVMM_GENL_ATTR_NAME, 2),
	CALL(SVMM_GENL_ATTR_UID, 3),
	CALL(SVMM_GENL_ATTR_PID, 4),
	CALL(SVMM_GENL_ATTR_VCPUS, 5),
	CALL(SVMM_GENL_ATTR_NPT_TABLES, 6),
	CALL(SVMM_GENL_ATTR_NPT_4K, 7),
	CALL(SVMM_GENL_ATTR_NPT_2M, 8),
	CALL(SVMM_GENL_ATTR_NPT_1G, 9),
	CALL(SVMM_GENL_ATTR_SLOT, 10),
	CALL(SVMM_GENL_ATTR_DIRTY_RESET, 11),
	CALL(SVMM_GENL_ATTR_DIRTY, 12),
	CALL(SVMM_GENL_SLOT_ID, 2),
	CALL(SVMM_GENL_SLOT_FLAGS, 3),
	CALL(SVMM_GENL_SLOT_GPA, 4),
	CALL(SVMM_GENL_SLOT_BYTES, 5),
	CALL(SVMM_GENL_SLOT_USER_ADDR, 6),
};

int main(void)
{
	unsigned int i;

	ksft_print_header();
	ksft_set_plan(sizeof(interface) / sizeof(interface[0]));
	for (i = 0; i < sizeof(interface) / sizeof(interface[0]); i++)
		ksft_test_result(interface[i].is == interface[i].was, "%s: %#lx\n",
				 interface[i].name, interface[i].is);
	ksft_finished();
	return 0;
}
