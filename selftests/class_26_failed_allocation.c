// SPDX-License-Identifier: GPL-2.0
/*
 * Bug class 26: memory runs out in the middle of a nested page fault, or of a call that keeps
 * something. Each allocation and each copy from and to user space on the way is failed once. A
 * memory-fault exit says -ENOMEM (SVMM_RUN -EFAULT where a copy failed), or it does without; run
 * again, the guest goes on as if nothing had been.
 *
 * needs: selftests/lib/memory.c selftests/lib/vmtest.c selftests/lib/start.c
 * timeout: 120
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/memory.h"

#define MOST	200		/* allocations of one RUN, a bound for the loop */

/* What fails is all that this thread asks for from now on, the @nth time; 0: nothing. */
static bool fail_nth(unsigned int nth)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", nth);
	return write_file("/proc/thread-self/fail-nth", text);
}

static bool has_failed(void)
{
	char text[16] = "";
	int fd = open("/proc/thread-self/fail-nth", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	return n > 0 && atoi(text) == 0;
}

/* Not only what is asked for without waiting, and without a log entry each. */
static const char * const settings[][2] = {
	{ "failslab/ignore-gfp-wait", "N" },
	{ "fail_page_alloc/ignore-gfp-wait", "N" },
	{ "fail_page_alloc/ignore-gfp-highmem", "N" },
	{ "fail_page_alloc/min-order", "0" },
	{ "failslab/verbose", "0" },
	{ "fail_page_alloc/verbose", "0" },
	{ "fail_usercopy/verbose", "0" },
};

/* NULL: the kernel injects failures as we want them. */
static const char *why_not(void)
{
	char path[80];

	if (access("/proc/thread-self/fail-nth", W_OK))
		return "the kernel does not inject failures";
	for (unsigned int i = 0; i < ARRAY_SIZE(settings); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s", settings[i][0]);
		if (!write_file(path, settings[i][1]))
			return "no debugfs of injected failures";
	}
	return NULL;
}

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
	self->why_not = why_not();
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

/* An eventfd that could not be set is not; nothing of it stays (debug/leaks). */
TEST(irqfd)
{
	unsigned int nth, no_memory = 0, no_copy = 0;
	int fd = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC), ret;
	const char *reason = why_not();
	bool injected = true;
	struct vmt v;

	if (reason)
		SKIP(return, "%s", reason);
	vmt_open(&v);
	for (nth = 1; nth < MOST && injected; nth++) {
		ASSERT_TRUE(fail_nth(nth));
		ret = svmm_irqfd(v.vm, 0, 0xfee00000, 0x41, fd);
		injected = has_failed();
		fail_nth(0);
		no_memory += ret == -ENOMEM;
		no_copy += ret == -EFAULT;
		if (ret)
			ASSERT_TRUE(injected && (ret == -ENOMEM || ret == -EFAULT));
		ASSERT_EQ(ret ? -ENOENT : 0, svmm_irqfd(v.vm, SVMM_IRQFD_REMOVE, 0, 0, fd));
	}
	EXPECT_EQ(0, ret);
	EXPECT_LE(1, no_memory);
	EXPECT_LE(1, no_copy);
	vmt_close(&v);
	close(fd);
}

/* A vCPU that could not be made is not there, in whole or in part, and can be made afterwards. */
TEST(vcpu)
{
	unsigned int nth, id = 1, no_memory = 0;
	const char *reason = why_not();
	bool injected = true;
	struct vmt v;
	int fd;

	if (reason)
		SKIP(return, "%s", reason);
	vmt_open(&v);
	for (nth = 1; nth < MOST && injected; nth++) {
		ASSERT_TRUE(fail_nth(nth));
		fd = svmm_create_vcpu(v.vm, id);
		injected = has_failed();
		fail_nth(0);
		no_memory += fd == -ENOMEM;
		if (fd < 0) {
			ASSERT_TRUE(injected && (fd == -ENOMEM || fd == -EFAULT));
			continue;
		}
		close(fd);
		ASSERT_EQ(-EEXIST, svmm_create_vcpu(v.vm, id++));
	}
	EXPECT_LE(8, no_memory);
	EXPECT_FALSE(injected);
	vmt_close(&v);
}

TEST_HARNESS_MAIN
