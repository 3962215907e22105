// SPDX-License-Identifier: GPL-2.0
/*
 * Bug class 7: debug registers leak between host and guest. A host watchpoint
 * (perf) is armed while the guest loads all of DR0-7 and the address-mask MSRs;
 * afterwards both have their own, and the host's still counts.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 * emulator-hangs: docs/emulated-host.md, A static key
 */
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vmtest.h"

static volatile uint64_t watched;

static int watch(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(attr),
		.bp_type = HW_BREAKPOINT_W,
		.bp_addr = (uintptr_t)&watched,
		.bp_len = HW_BREAKPOINT_LEN_8,
		.exclude_kernel = 1,
	};

	return syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static uint64_t count(int fd)
{
	uint64_t n = 0;

	return read(fd, &n, 8) == 8 ? n : ~0ULL;
}

TEST(both_keep_their_own)
{
	static const uint64_t dr7[] = { 0x400, 0x4ff, 0xd0401, 0xffff04ff, 0x455 };
	int fd = watch();
	struct vmt v;

	if (fd < 0)
		SKIP(return, "no breakpoint events in this kernel");
	watched = 1;
	ASSERT_EQ(1, count(fd));
	vmt_boot(&v, "hostile", "drs");
	for (size_t i = 0; i < 50; i++) {
		uint64_t address = (uintptr_t)&watched + i * 64;
		uint64_t seven = dr7[i % ARRAY_SIZE(dr7)];

		vmt_arg(&v, 0) = address;
		vmt_arg(&v, 1) = seven;
		ASSERT_EQ(1, vmt_report(&v));
		watched = i;
		ASSERT_EQ(i + 2, count(fd)) {
			TH_LOG("the host's watchpoint is gone, guest DR7 %#llx",
			       (unsigned long long)seven);
		}
		if (i) {
			/* what it read back is what it wrote the round before */
			EXPECT_EQ(address - 64, vmt_res(&v, 0));
			EXPECT_EQ(address - 64 + 24, vmt_res(&v, 1));
			EXPECT_EQ(dr7[(i - 1) % ARRAY_SIZE(dr7)], vmt_res(&v, 2));
		}
		vmt_get(&v, SVMM_STATE_DR);
		EXPECT_EQ(address, v.page->dr.db[0]);
		EXPECT_EQ(seven, v.page->dr.dr7);
	}
	vmt_close(&v);
	watched = 0;
	EXPECT_EQ(52, count(fd));
	close(fd);
}

/* Two guests: each has its own registers. */
TEST(two_guests)
{
	struct vmt a, b;

	vmt_boot(&a, "hostile", "drs");
	vmt_boot(&b, "hostile", "drs");
	vmt_arg(&a, 0) = 0x1000;
	vmt_arg(&a, 1) = 0x4ff;
	vmt_arg(&b, 0) = 0x9000;
	vmt_arg(&b, 1) = 0x400;
	ASSERT_EQ(1, vmt_report(&a));
	ASSERT_EQ(1, vmt_report(&b));
	for (int i = 0; i < 20; i++) {
		ASSERT_EQ(1, vmt_report(&a));
		ASSERT_EQ(1, vmt_report(&b));
		EXPECT_EQ(0x1000, vmt_res(&a, 0));
		EXPECT_EQ(0x1018, vmt_res(&a, 1));
		EXPECT_EQ(0x4ff, vmt_res(&a, 2));
		EXPECT_EQ(0x9000, vmt_res(&b, 0));
		EXPECT_EQ(0x9018, vmt_res(&b, 1));
		EXPECT_EQ(0x400, vmt_res(&b, 2));
	}
	vmt_close(&a);
	vmt_close(&b);
}

/* The address-mask MSRs are not the guest's: it has no CPUID bit for them. */
TEST(address_masks)
{
	static const uint32_t msr[] = { 0xc0011019, 0xc001101a, 0xc001101b, 0xc0011027 };
	struct vmt v;

	vmt_boot(&v, "exits", "msr");
	for (size_t i = 0; i < ARRAY_SIZE(msr); i++) {
		EXPECT_EQ(V_GP, vmt_call(&v, msr[i], 0, 0));
		EXPECT_EQ(V_GP, vmt_call(&v, msr[i], 1, 0xfff));
	}
	vmt_close(&v);
}

TEST_HARNESS_MAIN
