// SPDX-License-Identifier: GPL-2.0
/*
 * Bug class 21: general registers of one guest show up in another, or upper
 * halves survive where they must not. Two 64-bit guests with different values
 * in all registers run in turns in one thread; a 32-bit guest between them goes
 * to long mode and finds none of it. (That enter.S clears what it loaded is
 * checked in the object code: static/class_21_22_object_code.sh.)
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 */
#include "kselftest_harness.h"
#include "lib/vmtest.h"

#define ROUNDS	300

static void fill(struct vmt *v, uint64_t seed)
{
	for (int i = 0; i < 14; i++)
		vmt_res(v, i) = seed + 0x0101010101010101 * i;
}

TEST(two_guests_in_turns)
{
	struct vmt a, b;

	vmt_boot(&a, "hostile", "gprs");
	vmt_boot(&b, "hostile", "gprs");
	fill(&a, 0xaaaa5555aaaa5555);
	fill(&b, 0x1111111122222222);
	for (int i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(1, vmt_report(&a));
		ASSERT_EQ(1, vmt_report(&b));
	}
	/* user space sees each one's own */
	vmt_get(&a, SVMM_STATE_GPR);
	vmt_get(&b, SVMM_STATE_GPR);
	EXPECT_EQ(vmt_res(&a, 0), a.page->gpr.rbx);
	EXPECT_EQ(vmt_res(&a, 13), a.page->gpr.r15);
	EXPECT_EQ(vmt_res(&b, 0), b.page->gpr.rbx);
	EXPECT_EQ(vmt_res(&b, 13), b.page->gpr.r15);
	vmt_close(&a);
	vmt_close(&b);
}

TEST(a_32_bit_guest_after_a_64_bit_one)
{
	struct vmt a, b;

	vmt_boot(&a, "hostile", "gprs");
	fill(&a, 0xaaaa5555aaaa5555);
	vmt_boot(&b, "hostile", "gprs32");
	ASSERT_EQ(1, vmt_report(&a));
	EXPECT_EQ(1, vmt_report(&b));
	ASSERT_EQ(1, vmt_report(&a));
	EXPECT_EQ(2, vmt_report(&b));
	ASSERT_EQ(1, vmt_report(&a));
	vmt_done(&b);
	for (int i = 0; i < 8; i++) {
		EXPECT_EQ(0, vmt_res(&b, i)) {
			TH_LOG("R%d", 8 + i);
		}
	}
	vmt_get(&b, SVMM_STATE_GPR);
	EXPECT_EQ(0, b.page->gpr.rax >> 32 | b.page->gpr.rbx >> 32 | b.page->gpr.rdx >> 32);
	vmt_close(&a);
	vmt_close(&b);
}

TEST_HARNESS_MAIN
