// SPDX-License-Identifier: GPL-2.0
/*
 * Bug class 11: a failed VMRUN is mishandled. State that breaks VMRUN's rules
 * becomes a FAIL_ENTRY exit that names the rule; found before VMRUN, user space
 * may mend it; found by VMRUN itself, the VM is dead and the host untouched. The
 * next run works, with its translations flushed.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 */
#include <errno.h>
#include <string.h>

#include "kselftest_harness.h"
#include "lib/vmtest.h"

static void expect_alive(struct __test_metadata *_metadata)
{
	struct vmt v;

	vmt_boot(&v, "modes", "alive");
	EXPECT_EQ(0x600d, vmt_report(&v));
	vmt_done(&v);
	vmt_close(&v);
}

/* Each group is legal by itself; together they are not (APM vol. 2, 15.5.1). */
TEST(found_before_vmrun)
{
	struct vmt v;

	vmt_boot(&v, "modes", "alive");
	v.page->seg.cs.attrib |= 1 << 10;		/* L and D */
	ASSERT_EQ(SVMM_EXIT_FAIL_ENTRY, vmt_run(&v));
	EXPECT_EQ(0, v.page->exit.fail_entry.exit_code);
	EXPECT_NE(0, strlen(v.page->exit.fail_entry.reason));
	EXPECT_GT(sizeof(v.page->exit.fail_entry.reason),
		  strnlen(v.page->exit.fail_entry.reason,
			  sizeof(v.page->exit.fail_entry.reason)));
	/* still wrong, still said */
	ASSERT_EQ(SVMM_EXIT_FAIL_ENTRY, vmt_run(&v));
	EXPECT_EQ(0, vmt_exits_but_host(&v));
	/* mended, with an event pending and other page tables */
	vmt_start(&v, "alive");
	v.page->events.flags = SVMM_EVENT_NMI_PENDING;
	v.page->dirty |= SVMM_STATE_EVENTS;
	EXPECT_EQ(0x600d, vmt_report(&v));
	EXPECT_EQ(1, vmt_count(&v, V_NMI));
	vmt_done(&v);
	vmt_close(&v);
	expect_alive(_metadata);
}

/*
 * Reserved bits in CR3: on silicon the guest gets #GP; the emulator takes them
 * and refuses the next VMRUN, in the middle of a run.
 */
TEST(in_the_middle_of_a_run)
{
	struct vmt v;
	int event;

	vmt_boot(&v, "hostile", "bad_cr3");
	EXPECT_EQ(1, vmt_report(&v));
	event = vmt_run(&v);
	if (event == VMT_REPORT) {
		EXPECT_EQ(V_GP, v.report);
		vmt_done(&v);
	} else {
		ASSERT_EQ(SVMM_EXIT_FAIL_ENTRY, event);
		EXPECT_NE(0, strlen(v.page->exit.fail_entry.reason));
		EXPECT_EQ(-EIO, svmm_run(v.vcpu));
		EXPECT_EQ(-EIO, svmm_run(v.vcpu));
	}
	vmt_close(&v);
	expect_alive(_metadata);
}

/* Many of them, with healthy guests in between: no ASID and no memory is lost. */
TEST(again_and_again)
{
	struct vmt healthy;

	vmt_boot(&healthy, "modes", "alive");
	for (int i = 0; i < 40; i++) {
		struct vmt v;

		vmt_boot(&v, "hostile", "bad_cr3");
		EXPECT_EQ(1, vmt_report(&v));
		vmt_run(&v);
		vmt_close(&v);
		vmt_start(&healthy, "alive");
		ASSERT_EQ(0x600d, vmt_report(&healthy));
	}
	vmt_close(&healthy);
}

TEST_HARNESS_MAIN
