// SPDX-License-Identifier: GPL-2.0
// needs: userspace/netlink_parse.c
// libs: -lnl-genl-3 -lnl-3
/*
 * What vmctl takes from svmm.ko's messages, and what it refuses. The messages are made here.
 */
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <string.h>

#include "../../userspace/netlink_parse.h"
#include "tap.h"

static struct nl_msg *msg;

static void begin(int command)
{
	nlmsg_free(msg);
	msg = nlmsg_alloc();
	genlmsg_put(msg, 1, 1, 32, 0, 0, command, SVMM_GENL_VERSION);
}

/* An attribute that the kernel would not write: one byte is missing. */
static void put_short(int attr, int bytes)
{
	static const char zeros[256];

	nla_put(msg, attr, bytes - 1, zeros);
}

static uint64_t vm_id = 1;

static void put_vcpu(uint32_t id)
{
	begin(SVMM_GENL_CMD_GET_STATS);
	nla_put_u64(msg, SVMM_GENL_ATTR_ID, vm_id);
	nla_put_string(msg, SVMM_GENL_ATTR_NAME, "vm");
	nla_put_u32(msg, SVMM_GENL_ATTR_PID, 100);
	nla_put_u32(msg, SVMM_GENL_ATTR_VCPU, id);
	nla_put_u32(msg, SVMM_GENL_ATTR_VCPU_STATE, SVMM_VCPU_HALTED);
	nla_put_u32(msg, SVMM_GENL_ATTR_TSC_KHZ, 1000000);
}

static void put_exit(uint64_t code, uint64_t count, int histogram_bytes)
{
	struct nlattr *nest = nla_nest_start(msg, SVMM_GENL_ATTR_EXIT);
	uint32_t histogram[SVMM_STATS_BUCKETS] = { 7 };

	nla_put_u64(msg, SVMM_GENL_EXIT_CODE, code);
	nla_put_u64(msg, SVMM_GENL_EXIT_COUNT, count);
	nla_put_u64(msg, SVMM_GENL_EXIT_USER, 5);
	nla_put(msg, SVMM_GENL_EXIT_HISTOGRAM, histogram_bytes, histogram);
	nla_nest_end(msg, nest);
}

static struct nlmsghdr *head(void)
{
	return nlmsg_hdr(msg);
}

/* ---- VMs ---------------------------------------------------------------------------------- */

static struct vm_info info;

static void test_vm(void)
{
	struct nlattr *nest;
	bool ok;

	begin(SVMM_GENL_CMD_GET_MEM);
	nla_put_string(msg, SVMM_GENL_ATTR_NAME, "vm");
	nla_put_u32(msg, SVMM_GENL_ATTR_PID, 100);
	nla_put_u64(msg, SVMM_GENL_ATTR_MEMORY, 1ULL << 40);
	nla_put_u64(msg, SVMM_GENL_ATTR_NPT_2M, 9);
	nest = nla_nest_start(msg, SVMM_GENL_ATTR_SLOT);
	nla_put_u32(msg, SVMM_GENL_SLOT_ID, 1);
	nla_put_u32(msg, SVMM_GENL_SLOT_FLAGS, 0);
	nla_put_u64(msg, SVMM_GENL_SLOT_GPA, 0x1000);
	nla_put_u64(msg, SVMM_GENL_SLOT_BYTES, 0x2000);
	nla_nest_end(msg, nest);
	nla_put_u64(msg, SVMM_GENL_ATTR_MAX + 1, 3);
	ok = parse_vm(head(), &info) && !strcmp(info.name, "vm") && info.pid == 100 &&
	     info.memory == 1ULL << 40 && info.leaves[1] == 9 && info.nr_slots == 1 &&
	     info.slots[0].bytes == 0x2000 && !info.slots[0].user_addr;
	ksft_test_result(ok, "a VM and its memory; what is not known is skipped\n");

	begin(SVMM_GENL_CMD_GET_VM);
	nla_put_u32(msg, SVMM_GENL_ATTR_PID, 100);
	ok = !parse_vm(head(), &info);
	nla_put(msg, SVMM_GENL_ATTR_NAME, 2, "vm");
	ok &= !parse_vm(head(), &info);
	ksft_test_result(ok, "a VM without a name, or a name without an end: refused\n");

	begin(SVMM_GENL_CMD_GET_VM);
	nla_put_string(msg, SVMM_GENL_ATTR_NAME, "vm");
	put_short(SVMM_GENL_ATTR_MEMORY, 8);
	ok = !parse_vm(head(), &info);
	ksft_test_result(ok, "a number that is too short: refused\n");
	head()->nlmsg_len = NLMSG_HDRLEN + 2;
	ksft_test_result(!parse_vm(head(), &info), "a message that is too short: refused\n");
}

/* ---- accounts ----------------------------------------------------------------------------- */

static struct vcpu_accounts vcpu, seen[3];
static unsigned int nr_seen;

static void see(const struct vcpu_accounts *v, void *arg)
{
	seen[nr_seen++] = *v;
}

static void test_accounts(void)
{
	bool ok;

	put_vcpu(0);
	nla_put_u64(msg, SVMM_GENL_ATTR_BEGUN, 77);
	put_exit(0x400, 10, sizeof(seen->stats.exits[0].histogram));
	ok = parse_accounts(head(), &vcpu, see, NULL) && !nr_seen;
	put_vcpu(0);
	put_exit(0x78, 20, sizeof(seen->stats.exits[0].histogram));
	ok &= parse_accounts(head(), &vcpu, see, NULL) && !nr_seen;
	put_vcpu(1);
	ok &= parse_accounts(head(), &vcpu, see, NULL) && nr_seen == 1;
	parse_accounts_end(&vcpu, see, NULL);
	ok &= nr_seen == 2 && seen[0].stats.begun == 77 && seen[0].stats.nr_exits == 2 &&
	      seen[0].stats.exits[1].count == 20 && seen[0].stats.exits[1].histogram[0] == 7 &&
	      seen[0].stats.exits[1].ticks[SVMM_PHASE_USER] == 5 && seen[1].id == 1 &&
	      !seen[1].stats.nr_exits && !seen[1].stats.begun;
	ksft_test_result(ok, "accounts: two answers about a vCPU, and one about the next\n");

	nr_seen = 0;
	put_vcpu(0);
	ok = parse_accounts(head(), &vcpu, see, NULL);
	vm_id = 2;
	put_vcpu(0);
	ok &= parse_accounts(head(), &vcpu, see, NULL) && nr_seen == 1;
	parse_accounts_end(&vcpu, see, NULL);
	ksft_test_result(ok && nr_seen == 2 && seen[1].vm_id == 2,
			 "two VMs of one name and process are two\n");

	nr_seen = 0;
	put_vcpu(0);
	put_exit(0x400, 10, 4);
	parse_accounts(head(), &vcpu, see, NULL);
	parse_accounts_end(&vcpu, see, NULL);
	ksft_test_result(nr_seen == 1 && !seen[0].stats.nr_exits,
			 "a histogram that is too short: its reason is left out\n");
	put_vcpu(0);
	put_short(SVMM_GENL_ATTR_HALTED, 8);
	ok = !parse_accounts(head(), &vcpu, see, NULL);
	parse_accounts_end(&vcpu, see, NULL);
	ksft_test_result(ok && nr_seen == 1, "a number that is too short: no vCPU\n");
}

static void test_event(void)
{
	struct vm_event e;
	bool ok;

	begin(SVMM_GENL_CMD_EVENT);
	nla_put_u32(msg, SVMM_GENL_ATTR_EVENT, SVMM_EVENT_CRASHED);
	ok = !parse_event(head(), &e);
	nla_put_u64(msg, SVMM_GENL_ATTR_TIME, 5);
	nla_put_string(msg, SVMM_GENL_ATTR_REASON, "triple fault");
	ok &= parse_event(head(), &e) && e.what == SVMM_EVENT_CRASHED && e.time_ns == 5 &&
	      e.vcpu == -1 && !e.name[0] && !strcmp(e.reason, "triple fault");
	ksft_test_result(ok, "an event has a time, and may have a reason\n");
}

int main(void)
{
	ksft_print_header();
	ksft_set_plan(9);
	test_vm();
	test_accounts();
	test_event();
	nlmsg_free(msg);
	ksft_finished();
}
