// SPDX-License-Identifier: GPL-2.0
/*
 * Bug class 3: a mandatory intercept is missing. The words are read back
 * through SVMM_DEBUG_VMCB before the first RUN and after guests of every mode
 * have done all that changes intercepts (windows, CR0.TS, debug registers).
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 */
#include "kselftest_harness.h"
#include "lib/vmcb_check.h"

static struct svmm_debug_vmcb d;

static void check(struct __test_metadata *_metadata, struct vmt *v, const char *when)
{
	ASSERT_EQ(0, svmm_debug_vmcb(v->vcpu, &d));
	EXPECT_EQ(NULL, vmcb_flaw(&d)) {
		TH_LOG("%s: %s", when, vmcb_flaw(&d));
	}
}

TEST(constant_covers_what_the_manual_demands)
{
	struct vmt v;

	vmt_open(&v);
	ASSERT_EQ(0, svmm_debug_vmcb(v.vcpu, &d));
	EXPECT_EQ(REQUIRED_0C, d.mandatory[3] & REQUIRED_0C);
	EXPECT_EQ(REQUIRED_10, d.mandatory[4] & REQUIRED_10);
	check(_metadata, &v, "a new vCPU");
	vmt_close(&v);
}

TEST(after_guests_in_every_mode)
{
	static const char * const entry[] = {
		"real", "prot16", "prot32", "paged32", "pae", "long", "walk", "big_real",
	};
	struct vmt v;

	vmt_open(&v);
	vmt_load(&v, "modes");
	for (size_t i = 0; i < ARRAY_SIZE(entry); i++) {
		int event;

		vmt_start(&v, entry[i]);
		do {
			event = vmt_run(&v);
			check(_metadata, &v, entry[i]);
		} while (event == VMT_REPORT);
		ASSERT_EQ(VMT_DONE, event);
	}
	vmt_close(&v);
}

/* Windows for interrupts and NMIs are opened by intercepts: they may add, not take away. */
TEST(while_windows_are_open)
{
	struct vmt v;

	vmt_boot(&v, "events", "nmi");
	EXPECT_EQ(1, vmt_report(&v));
	ASSERT_EQ(0, svmm_nmi(v.vcpu));
	EXPECT_EQ(0x10, vmt_report(&v));
	ASSERT_EQ(0, svmm_nmi(v.vcpu));
	EXPECT_EQ(1, svmm_signal_msi(v.vm, 0xfee00000, 0x60) + 1);
	vmt_report(&v);
	check(_metadata, &v, "NMI window");
	vmt_close(&v);

	vmt_boot(&v, "exits", "dr");
	ASSERT_EQ(NO_FAULT, vmt_call(&v, 7, 1, 0xff));
	check(_metadata, &v, "debug registers in use");
	vmt_close(&v);
}

TEST_HARNESS_MAIN
