// SPDX-License-Identifier: GPL-2.0
/*
 * Bug class 4: SHUTDOWN not intercepted, or answered wrongly. A triple fault in
 * any mode is a clean exit, ends that VM and no other, and the host goes on.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 */
#include <errno.h>
#include <string.h>

#include "kselftest_harness.h"
#include "lib/vmtest.h"

static void expect_alive(struct __test_metadata *_metadata, struct vmt *v)
{
	vmt_start(v, "alive");
	EXPECT_EQ(0x600d, vmt_report(v));
	vmt_done(v);
}

static void triple_fault(struct __test_metadata *_metadata, const char *entry)
{
	struct vmt dying, bystander, later;

	vmt_boot(&dying, "modes", entry);
	vmt_boot(&bystander, "modes", "alive");
	EXPECT_EQ(1, vmt_report(&dying));
	if (!strcmp(entry, "triple_nmi"))
		ASSERT_EQ(0, svmm_nmi(dying.vcpu));
	EXPECT_EQ(SVMM_EXIT_SHUTDOWN, vmt_run(&dying)) {
		TH_LOG("%s", entry);
	}
	/* It stays dead, whatever is tried. */
	EXPECT_EQ(-EIO, svmm_run(dying.vcpu));
	EXPECT_EQ(-EIO, svmm_run(dying.vcpu));
	EXPECT_EQ(-EIO, svmm_create_vcpu(dying.vm, 1));
	EXPECT_EQ(0x600d, vmt_report(&bystander));
	vmt_done(&bystander);
	vmt_close(&dying);
	expect_alive(_metadata, &bystander);
	vmt_boot(&later, "modes", "alive");
	expect_alive(_metadata, &later);
	vmt_close(&bystander);
	vmt_close(&later);
}

TEST(real_mode)
{
	triple_fault(_metadata, "triple_real");
}

TEST(protected_mode)
{
	triple_fault(_metadata, "triple_prot32");
}

TEST(long_mode)
{
	triple_fault(_metadata, "triple_long");
}

TEST(page_tables_that_map_nothing)
{
	triple_fault(_metadata, "triple_cr3");
}

TEST(gates_that_are_not_present)
{
	triple_fault(_metadata, "triple_gates");
}

TEST(injected_nmi)
{
	triple_fault(_metadata, "triple_nmi");
}

TEST_HARNESS_MAIN
