// SPDX-License-Identifier: GPL-2.0
/*
 * Corners of a local APIC that a guest reaches: errors, its being off, where it lies, its timer.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 * hosts: epyc-6.1 opteron-6.12
 */
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vmtest.h"

/* Registers, by offset / 16. */
enum { TPR = 0x8, TMCCT = 0x39 };

TEST(error_status)
{
	static const uint32_t want[] = {
		0, 0, 0x20, 0, 0, 0x80, 0, 1, 2,
	};
	struct vmt v;

	vmt_boot(&v, "lapic", "errors");
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		EXPECT_EQ(want[i], vmt_report(&v)) {
			TH_LOG("step %zu", i);
		}
	}
	vmt_done(&v);
	vmt_close(&v);
}

TEST(disabled_by_svr)
{
	static const uint32_t want[] = { 0x700, 0x10700, 0x10700, 0, 0x10700 };
	struct vmt v;

	vmt_boot(&v, "lapic", "disabled");
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		EXPECT_EQ(want[i], vmt_report(&v)) {
			TH_LOG("step %zu", i);
		}
	}
	vmt_done(&v);
	vmt_close(&v);
}

/* A tick is a nanosecond times the divider; a twentieth is left to the host's clocks. */
TEST(divider)
{
	static const uint32_t tdcr[] = { 0xb, 0, 1, 2, 3, 8, 9, 0xa };
	struct vmt v;

	vmt_boot(&v, "lapic", "divider");
	for (int i = 0; i < 8; i++) {
		double ns, khz = v.caps.tsc_khz, inner, outer;

		EXPECT_EQ(tdcr[i], vmt_call(&v, tdcr[i], 0, 0));
		ns = (double)(0xffffffff - vmt_res(&v, 4)) * (1 << i);
		inner = (vmt_res(&v, 2) - vmt_res(&v, 1)) * 1e6 / khz;
		outer = (vmt_res(&v, 3) - vmt_res(&v, 0)) * 1e6 / khz;
		EXPECT_LE(inner * 0.95 - 256, ns) {
			TH_LOG("divider %d", 1 << i);
		}
		EXPECT_GE(outer * 1.05 + 256, ns) {
			TH_LOG("divider %d", 1 << i);
		}
	}
	vmt_close(&v);
}

/*
 * A timer that is set to one nanosecond costs the host no more than 20,000
 * interrupts a second; its own tick may be as many as one in two milliseconds.
 * (The emulated host is only fast enough to show more with --counting.)
 */
TEST(timer_storm)
{
	struct vmt v;
	double ns;

	vmt_boot(&v, "lapic", "storm");
	vmt_arg(&v, 0) = v.caps.tsc_khz * 100ULL;	/* 100 ms */
	EXPECT_EQ(0, vmt_report(&v));
	ns = (vmt_res(&v, 1) - vmt_res(&v, 0)) * 1e6 / v.caps.tsc_khz;
	EXPECT_LE(1, vmt_exits(&v, VMEXIT_INTR));
	EXPECT_GE(ns * 1.05 / 50000 + ns / 2e6 + 20, (double)vmt_exits(&v, VMEXIT_INTR));
	vmt_close(&v);
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* When the count that runs will end, as its state says, to 100 us. */
static int64_t count_ends(struct vmt *v)
{
	int64_t before, after;

	do {
		before = now_ns();
		vmt_get(v, SVMM_STATE_LAPIC);
		after = now_ns();
	} while (after - before > 100000);
	return before + v->lapic->regs[TMCCT];
}

/*
 * Periods are counted from the first one: what an interrupt is late, or that
 * the host stalls for longer than a period, does not move those that follow.
 */
TEST(periods_do_not_drift)
{
	const int64_t period = 20000000;
	int64_t moved;
	struct vmt v;

	vmt_boot(&v, "lapic", "periods");
	vmt_arg(&v, 0) = period;
	vmt_report(&v);
	moved = count_ends(&v);
	for (int i = 0; i < 10; i++) {
		vmt_report(&v);
		if (i == 5)
			usleep(50000);
	}
	moved = (count_ends(&v) - moved + period / 2) % period - period / 2;
	EXPECT_LE(-200000, moved);
	EXPECT_GE(200000, moved);
	vmt_close(&v);
}

/*
 * A vCPU that user space stops for three seconds has missed 150 ticks. It gets one, and the next
 * when it is due; they are not made up for.
 */
TEST(lost_ticks_are_lost)
{
	const int64_t period = 20000000;
	int64_t start;
	struct vmt v;

	vmt_boot(&v, "lapic", "periods");
	vmt_arg(&v, 0) = period;
	for (int i = 0; i < 3; i++)
		vmt_report(&v);
	sleep(3);
	start = now_ns();
	for (int i = 0; i < 5; i++)
		vmt_report(&v);
	/* the first at once, the second within a period, then three of them */
	EXPECT_LE(3 * period, now_ns() - start);
	/* On a busy host two may come before the guest reports the first. */
	EXPECT_LE(8, vmt_count(&v, 0x40));
	EXPECT_GE(10, vmt_count(&v, 0x40));
	vmt_close(&v);
}

/* Into and out of deadline mode what runs is disarmed; a new divider goes on from the count. */
TEST(timer_modes)
{
	struct vmt v;

	vmt_boot(&v, "lapic", "modes");
	EXPECT_EQ(1, vmt_report(&v));
	EXPECT_NE(0, vmt_res(&v, 0));			/* it counted */
	EXPECT_EQ(0, vmt_res(&v, 1));			/* current and initial count: 0 */
	EXPECT_EQ(0, vmt_res(&v, 2));
	EXPECT_EQ(0, vmt_res(&v, 3));			/* initial count is not in use */
	EXPECT_NE(0, vmt_res(&v, 4));			/* a deadline was set */
	EXPECT_EQ(0, vmt_res(&v, 5));			/* one-shot: there is none */
	EXPECT_EQ(0, vmt_res(&v, 6));			/* nor is it back */
	usleep(20000);
	EXPECT_EQ(0, vmt_report(&v));			/* nothing has come */
	/* periodic to one-shot and back goes on counting */
	EXPECT_NE(0, vmt_res(&v, 7));
	EXPECT_GE(vmt_res(&v, 7), vmt_res(&v, 8));
	EXPECT_LT(vmt_res(&v, 7) / 2, vmt_res(&v, 8));
	/* and slower, from where it was */
	EXPECT_GE(vmt_res(&v, 8), vmt_res(&v, 9));
	EXPECT_LT(vmt_res(&v, 8) / 2, vmt_res(&v, 9));
	vmt_close(&v);
}

/* APIC_BASE: the page moves, the old one is a device's; reserved bits are #GP. */
static uint64_t at_old_page;

static void old_page(struct vmt *v, struct vmt_mmio *m)
{
	at_old_page = m->gpa;
	memset(m->data, 0x5a, m->bytes);
}

TEST(relocation)
{
	struct vmt v;

	vmt_boot(&v, "lapic", "relocate");
	v.on_mmio = old_page;
	EXPECT_EQ(0x14, vmt_report(&v) & 0xff);		/* the version, at the new place */
	EXPECT_EQ(0x5a5a5a5a, vmt_report(&v));
	EXPECT_EQ(0xfee00030, at_old_page);
	EXPECT_EQ(0x1ff, vmt_report(&v));		/* and with it the state */
	at_old_page = 0;
	EXPECT_EQ(0x1ff, vmt_report(&v));		/* back */
	EXPECT_EQ(0, at_old_page);
	for (int i = 0; i < 4; i++)
		EXPECT_EQ(V_GP, vmt_report(&v));
	vmt_done(&v);
	vmt_close(&v);
}

/* xAPIC, x2APIC, off, xAPIC: what stays, what is lost, and what CPUID says. */
TEST(off_and_on)
{
	struct vmt v;

	vmt_boot(&v, "lapic", "off_and_on");
	v.on_mmio = old_page;
	EXPECT_EQ(1, vmt_report(&v));			/* CPUID: there is an APIC */
	EXPECT_EQ(0x20, vmt_report(&v));		/* TPR survives the change to x2APIC */
	EXPECT_EQ(0, vmt_report(&v));			/* off: CPUID shows none */
	EXPECT_EQ(0x5a5a5a5a, vmt_report(&v));		/* and there is no page */
	EXPECT_EQ(1, vmt_report(&v));
	EXPECT_EQ(0xff, vmt_report(&v));		/* as after reset: SVR, */
	EXPECT_EQ(0, vmt_report(&v));			/* TPR, */
	EXPECT_EQ(0x10000, vmt_report(&v));		/* LVT */
	vmt_done(&v);
	vmt_close(&v);
}

/* EOI with nothing in service, and reading it, are harmless. */
TEST(eoi_of_nothing)
{
	struct vmt v;

	vmt_boot(&v, "lapic", "eoi");
	EXPECT_EQ(0, vmt_report(&v));
	EXPECT_EQ(0, vmt_report(&v));
	vmt_done(&v);
	vmt_close(&v);
}

/* CR8 is V_TPR: neither reading nor writing it exits while no interrupt waits for it. */
TEST(cr8_does_not_exit)
{
	uint64_t before;
	struct vmt v;

	vmt_boot(&v, "lapic", "cr8");
	EXPECT_EQ(1, vmt_report(&v));
	before = vmt_exits_but_host(&v);
	EXPECT_EQ(2, vmt_report(&v));
	EXPECT_EQ(before + 1, vmt_exits_but_host(&v));	/* the report itself */
	vmt_get(&v, SVMM_STATE_LAPIC | SVMM_STATE_CR);
	EXPECT_EQ(1, v.page->cr.cr8);
	EXPECT_EQ(0x10, v.lapic->regs[TPR]);
	vmt_close(&v);
}

TEST(x2apic_destinations)
{
	struct vmt v;

	vmt_boot(&v, "lapic", "wide");
	vmt_done(&v);
	EXPECT_EQ(0, vmt_count(&v, 0x41));
	EXPECT_EQ(1, vmt_count(&v, 0x42));
	EXPECT_EQ(0, vmt_count(&v, V_NMI));
	vmt_close(&v);
}

TEST_HARNESS_MAIN
