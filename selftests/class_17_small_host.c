// SPDX-License-Identifier: GPL-2.0
/*
 * Bug class 17: two vCPUs with 1 GiB each, all of which they write and verify, on a host with less
 * memory and a swap device, which local/small_host.sh makes. Nothing is lost but time.
 *
 * only: check-long
 * timeout: 1900
 * needs: selftests/lib/memory.c selftests/lib/vmtest.c selftests/lib/start.c
 */
#include <sys/sysinfo.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/memory.h"
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 1800

#define HALF		(1UL << 30)

TEST(more_than_there_is)
{
	struct memory_guest g;
	struct runner other = {};
	struct sysinfo host;
	struct vmt v2;

	if (sysinfo(&host) || host.totalram > 2 * HALF || host.totalswap < 2 * HALF)
		SKIP(return, "no host of less than 2 GiB with a swap device");
	guest_open(&g);
	vmt_deadline(TEST_TIMEOUT_DEFAULT - 60);
	guest_give(&g, 2 * HALF);
	vmt_open_vcpu(&v2, &g.v, 1);
	v2.page->mp.state = SVMM_MP_RUNNABLE;
	v2.page->dirty |= SVMM_STATE_MP;
	runner_start(&g.r, &g.v, 0, "stress", GPA, HALF, 1);
	runner_start(&other, &v2, 1, "stress", GPA + HALF, HALF, 2);
	while (!g.r.event && !other.event && (!*g.r.rounds || !*other.rounds))
		sleep(1);
	/* They end behind the round that they are in. */
	EXPECT_EQ(VMT_DONE, runner_stop(&g.r));
	EXPECT_EQ(VMT_DONE, runner_stop(&other));
	TH_LOG("%llu and %llu rounds, %llu nested page faults", (unsigned long long)*g.r.rounds,
	       (unsigned long long)*other.rounds,
	       (unsigned long long)(vmt_exits(&g.v, VMEXIT_NPF) + vmt_exits(&v2, VMEXIT_NPF)));
	vmt_close(&g.v);
}

TEST_HARNESS_MAIN
