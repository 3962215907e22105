// SPDX-License-Identifier: GPL-2.0
/*
 * What is the guest's own business costs no exit: system calls, page faults and
 * their handlers, INVLPG, CR3 writes. 10,000 rounds; only the host's interrupts
 * and NMIs may leave the guest.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 */
#include "kselftest_harness.h"
#include "lib/vmtest.h"

#define ROUNDS	10000

TEST(system_calls_and_page_faults)
{
	uint64_t before;
	struct vmt v;

	vmt_boot(&v, "hostile", "own_business");
	vmt_arg(&v, 0) = ROUNDS;
	EXPECT_EQ(1, vmt_report(&v));
	before = vmt_exits_but_host(&v);
	EXPECT_EQ(2, vmt_report(&v));
	EXPECT_EQ(ROUNDS + 10, vmt_count(&v, V_PF));
	/* the OUT of the second report, and nothing else */
	EXPECT_EQ(before + 1, vmt_exits_but_host(&v)) {
		vmt_dump(&v);
	}
	vmt_done(&v);
	vmt_close(&v);
}

TEST_HARNESS_MAIN
