// SPDX-License-Identifier: GPL-2.0
/*
 * Bug class 14: CR2 is kept in two places. What a fault set, what the guest
 * wrote and what user space set is one register, seen the same from both sides,
 * whatever exits come in between and whoever else ran.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 */
#include "kselftest_harness.h"
#include "lib/vmtest.h"

TEST(one_register)
{
	struct vmt v, other;

	vmt_boot(&v, "hostile", "cr2");
	vmt_boot(&other, "hostile", "cr2");
	EXPECT_EQ(G_PAGED + 0x3456, vmt_report(&v));
	vmt_get(&v, SVMM_STATE_CR);
	EXPECT_EQ(G_PAGED + 0x3456, v.page->cr.cr2);
	EXPECT_EQ(1, vmt_report(&v));
	EXPECT_EQ(G_PAGED + 0x3456, vmt_res(&v, 0));
	/* another guest's faults in between */
	EXPECT_EQ(G_PAGED + 0x3456, vmt_report(&other));
	EXPECT_EQ(1, vmt_report(&other));
	EXPECT_EQ(2, vmt_report(&other));
	EXPECT_EQ(2, vmt_report(&v));
	EXPECT_EQ(G_PAGED + 0x3456, vmt_res(&v, 1));
	vmt_get(&v, SVMM_STATE_CR);
	EXPECT_EQ(0xffff8000deadb000, v.page->cr.cr2);
	EXPECT_EQ(3, vmt_report(&v));
	EXPECT_EQ(0xffff8000deadb000, vmt_res(&v, 2));
	vmt_get(&v, SVMM_STATE_CR);
	v.page->cr.cr2 = 0x123456789abc;
	v.page->dirty |= SVMM_STATE_CR;
	vmt_done(&v);
	EXPECT_EQ(0x123456789abc, vmt_res(&v, 3));
	vmt_close(&v);
	vmt_close(&other);
}

TEST_HARNESS_MAIN
