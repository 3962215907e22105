// SPDX-License-Identifier: GPL-2.0
/*
 * Bug class 26: memory runs out in the middle of a nested page fault. Each allocation and each copy
 * from and to user space on the way is failed once. A memory-fault exit says -ENOMEM (SVMM_RUN
 * -EFAULT where a copy failed), or it does without; run again, the guest goes on as if nothing had
 * been.
 *
 * needs: selftests/lib/failures.c selftests/lib/memory.c selftests/lib/vmtest.c
 * needs: selftests/lib/start.c
 * timeout: 120
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/failures.h"
#include "lib/memory.h"

#define MOST	200		/* allocations of one RUN, a bound for the loop */

FIXTURE(failed) {
	const char *why_not;
};

FIXTURE_VARIANT(failed) {
	const char *program;	/* of guests/memory.S, called with a page each */
	bool huge, shared;
	uint64_t expect;	/* in memory */
};

FIXTURE_VARIANT_ADD(failed, write) {
	.program = "touch",
	.expect = GPA,
};

FIXTURE_VARIANT_ADD(failed, read) {
	.program = "peek",
};

FIXTURE_VARIANT_ADD(failed, huge) {
	.program = "touch",
	.huge = true,
	.expect = GPA,
};

FIXTURE_VARIANT_ADD(failed, shared) {
	.program = "touch",
	.shared = true,
	.expect = GPA,
};

FIXTURE_SETUP(failed)
{
	self->why_not = failures_why_not();
}

FIXTURE_TEARDOWN(failed)
{
}

TEST_F(failed, and_again)
{
	unsigned int nth, refused = 0, copies = 0;
	bool injected = true;

	if (self->why_not)
		SKIP(return, "%s", self->why_not);
	for (nth = 1; nth < MOST && injected; nth++) {
		struct memory_guest g;
		int ret, fd = -1;

		guest_open(&g);
		if (variant->shared) {
			fd = memfd_create("guest", MFD_CLOEXEC);
			ASSERT_EQ(0, ftruncate(fd, HUGE_BYTES));
			g.mem = mmap(NULL, HUGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
			ASSERT_NE(MAP_FAILED, g.mem);
			ASSERT_EQ(0, svmm_set_slot(g.v.vm, 1, 0, GPA, HUGE_BYTES, g.mem));
		} else {
			guest_give(&g, HUGE_BYTES);
			if (variant->huge)
				ASSERT_EQ(0, madvise(g.mem, HUGE_BYTES, MADV_HUGEPAGE));
		}
		vmt_start(&g.v, variant->program);
		g.v.page->gpr.rdi = GPA;
		g.v.page->gpr.rsi = PAGE_SIZE;
		g.v.page->gpr.r8 = CONTROL(0);
		ASSERT_TRUE(fail_nth(nth));
		do {
			ret = svmm_run(g.v.vcpu);
		} while (ret == -EINTR);
		injected = has_failed();
		fail_nth(0);
		if (ret) {
			ASSERT_TRUE(injected) TH_LOG("%d", ret);
			ASSERT_EQ(-EFAULT, ret);
			copies++;
		} else if (g.v.page->exit.reason == SVMM_EXIT_MEMORY_FAULT) {
			ASSERT_TRUE(injected);
			ASSERT_EQ(-ENOMEM, g.v.page->exit.memory_fault.error);
			refused++;
		} else {
			/* The guest is through. */
			ASSERT_EQ(SVMM_EXIT_IO, g.v.page->exit.reason)
				TH_LOG("exit %u at failure %u", g.v.page->exit.reason, nth);
		}
		if (ret || g.v.page->exit.reason == SVMM_EXIT_MEMORY_FAULT)
			ASSERT_EQ(VMT_DONE, vmt_run(&g.v));
		ASSERT_EQ(variant->expect, *(volatile uint64_t *)g.mem);
		if (variant->shared) {
			munmap(g.mem, HUGE_BYTES);
			close(fd);
		}
		vmt_close(&g.v);
	}
	TH_LOG("%u failures: %u memory faults with -ENOMEM, %u times -EFAULT", nth - 2, refused,
	       copies);
	EXPECT_GT(MOST, nth);
	EXPECT_LT(2, refused);
}

TEST_HARNESS_MAIN
