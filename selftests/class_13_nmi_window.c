// SPDX-License-Identifier: GPL-2.0
/*
 * Bug class 13: the NMI window. An IRET that faults ends the mask as one that
 * succeeds does; in a storm of NMIs every one that was latched arrives, and no
 * other.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 */
#include "kselftest_harness.h"
#include "lib/vmtest.h"

TEST(faulting_iret)
{
	struct vmt v;

	vmt_boot(&v, "events", "nmi_bad_iret");
	EXPECT_EQ(1, vmt_report(&v));
	for (uint32_t i = 1; i <= 100; i++) {
		ASSERT_EQ(0, svmm_nmi(v.vcpu));
		ASSERT_EQ(V_GP, vmt_report(&v));
		ASSERT_EQ(i, vmt_report(&v));
	}
	vmt_close(&v);
}

TEST(storm)
{
	struct vmt v;

	/* one NMI per report: each is taken before the next can come */
	vmt_boot(&v, "events", "nmi_storm");
	for (uint32_t i = 0; i < 1000; i++) {
		ASSERT_EQ(i, vmt_report(&v));
		ASSERT_EQ(0, svmm_nmi(v.vcpu));
	}
	vmt_close(&v);
}

TEST_HARNESS_MAIN
