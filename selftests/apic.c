// SPDX-License-Identifier: GPL-2.0
/*
 * The local APIC: registers, IPIs, the timer in one-shot, periodic and
 * TSC-deadline mode, through xAPIC's page and through x2APIC's MSRs; INIT and
 * SIPI for a second processor.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vmtest.h"

FIXTURE(apic) {
	struct vmt v;
};

FIXTURE_VARIANT(apic) {
	bool x2;
};

FIXTURE_VARIANT_ADD(apic, xapic) {
	.x2 = false,
};

FIXTURE_VARIANT_ADD(apic, x2apic) {
	.x2 = true,
};

FIXTURE_SETUP(apic)
{
	vmt_open(&self->v);
	vmt_load(&self->v, "apic");
}

FIXTURE_TEARDOWN(apic)
{
	vmt_close(&self->v);
}

TEST_F(apic, registers)
{
	struct vmt *v = &self->v;
	uint32_t version;

	vmt_start(v, variant->x2 ? "x2_registers" : "x_registers");
	EXPECT_EQ(0, vmt_report(v));
	version = vmt_report(v);
	EXPECT_EQ(0x10, version & 0xf0);
	EXPECT_LE(3, version >> 16 & 0xff);		/* a timer and two pins at least */
	EXPECT_EQ(0x1ff, vmt_report(v));
	EXPECT_EQ(0x10000, vmt_report(v));		/* masked after reset */
	EXPECT_EQ(0x42, vmt_report(v));
	EXPECT_EQ(4, vmt_report(v));
	EXPECT_EQ(0x20031, vmt_report(v));
	vmt_done(v);
}

TEST_F(apic, timer)
{
	struct vmt *v = &self->v;
	uint64_t deadline;

	vmt_start(v, variant->x2 ? "x2_timer" : "x_timer");
	EXPECT_EQ(1, vmt_report(v));
	/* it was counting down from the initial count, and has reached 0 */
	EXPECT_GE(1000000, vmt_res(v, 0));
	EXPECT_EQ(0, vmt_report(v));
	EXPECT_EQ(1, vmt_report(v));
	usleep(20000);
	EXPECT_EQ(0, vmt_report(v));			/* an initial count of 0 stops it */
	EXPECT_EQ(2, vmt_report(v));
	EXPECT_GE(6, vmt_count(v, 0x31));
	EXPECT_EQ(1, vmt_report(v));
	deadline = vmt_res(v, 1);
	EXPECT_EQ(vmt_res(v, 5), vmt_res(v, 2));
	EXPECT_LE(deadline, vmt_res(v, 3));
	/* not later than a second */
	EXPECT_GT(deadline + v->caps.tsc_khz * 1000ULL, vmt_res(v, 3));
	EXPECT_EQ(2, vmt_report(v));
	EXPECT_EQ(0, vmt_res(v, 4));
	vmt_done(v);
}

TEST_F(apic, x_ipi)
{
	struct vmt *v = &self->v;

	if (variant->x2)
		SKIP(return, "xAPIC only");
	vmt_start(v, "x_ipi");
	EXPECT_EQ(0, vmt_report(v) & 1 << 12);		/* delivered */
	EXPECT_EQ(1 << 8, vmt_report(v));		/* IRR: 48h */
	vmt_done(v);
	EXPECT_EQ(1, vmt_count(v, 0x41));
	EXPECT_EQ(1, vmt_count(v, 0x42));
	EXPECT_EQ(1, vmt_count(v, 0x43));
	EXPECT_EQ(0, vmt_count(v, 0x44));
	EXPECT_EQ(0, vmt_count(v, 0x45));
	EXPECT_EQ(1, vmt_count(v, 0x46));
	EXPECT_EQ(0, vmt_count(v, 0x47));
	EXPECT_EQ(1, vmt_count(v, 0x48));
	EXPECT_GE(2, vmt_count(v, V_NMI));
	EXPECT_LE(1, vmt_count(v, V_NMI));
}

TEST_F(apic, x2_ipi)
{
	struct vmt *v = &self->v;

	if (!variant->x2)
		SKIP(return, "x2APIC only");
	vmt_start(v, "x2_ipi");
	EXPECT_EQ(1, vmt_report(v));			/* LDR */
	vmt_done(v);
	EXPECT_EQ(1, vmt_count(v, 0x41));
	EXPECT_EQ(1, vmt_count(v, 0x42));
	EXPECT_EQ(1, vmt_count(v, 0x43));
	EXPECT_EQ(0, vmt_count(v, 0x44));
	EXPECT_EQ(1, vmt_count(v, 0x46));
}

TEST_F(apic, x2_faults)
{
	static const struct {
		const char *what;
		uint32_t vector;
	} want[] = {
		{ "EOI of 1", V_GP }, { "write of the ID", V_GP }, { "read of EOI", V_GP },
		{ "DFR", V_GP }, { "ICR2", V_GP }, { "upper half of TPR", V_GP },
		{ "reserved bits of SVR", V_GP }, { "x2APIC to xAPIC", V_GP },
		{ "off", NO_FAULT }, { "MSR while off", V_GP }, { "EXTD without EN", V_GP },
		{ "xAPIC on", NO_FAULT }, { "MSR in xAPIC mode", V_GP },
	};
	struct vmt *v = &self->v;

	if (!variant->x2)
		SKIP(return, "x2APIC only");
	vmt_start(v, "x2_faults");
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		EXPECT_EQ(want[i].vector, vmt_report(v)) {
			TH_LOG("%s", want[i].what);
		}
	}
	vmt_done(v);
}

TEST_F(apic, busy_guest_gets_its_timer)
{
	vmt_start(&self->v, "busy");
	vmt_done(&self->v);
}

static volatile bool stop;

static void wake(int sig)
{
}

static void *other_vcpu(void *arg)
{
	struct vmt *v = arg;

	while (!stop && svmm_run(v->vcpu) == -EINTR)
		;
	return NULL;
}

/* A secondary vCPU waits for SIPI, and starts in real mode at its vector. */
TEST_F(apic, init_and_sipi)
{
	struct sigaction sa = { .sa_handler = wake };
	struct vmt *v = &self->v, other;
	pthread_t thread;
	uint32_t at = 0;

	if (variant->x2)
		SKIP(return, "xAPIC only");
	vmt_open_vcpu(&other, v, 1);
	vmt_get(&other, SVMM_STATE_MP);
	EXPECT_EQ(SVMM_MP_WAIT_SIPI, other.page->mp.state);
	vmt_start(v, "start_other");
	/* the table's line of the code that goes to 20000h */
	for (size_t i = 32; v->image[i]; i += 32)
		if (!strcmp((char *)v->image + i, "other"))
			memcpy(&at, v->image + i + 28, 4);
	ASSERT_NE(0, at);
	memcpy(v->ram + 0x20000, v->ram + at, 64);
	sigaction(SIGUSR1, &sa, NULL);
	stop = false;
	ASSERT_EQ(0, pthread_create(&thread, NULL, other_vcpu, &other));
	vmt_done(v);
	EXPECT_EQ(0x2000, vmt_res(v, 6) & 0xffff);
	stop = true;
	while (pthread_kill(thread, SIGUSR1) == 0 && pthread_tryjoin_np(thread, NULL))
		usleep(1000);
	vmt_get(&other, SVMM_STATE_MP | SVMM_STATE_SEG | SVMM_STATE_CR);
	EXPECT_EQ(SVMM_MP_HALTED, other.page->mp.state);
	EXPECT_EQ(0x20000, other.page->seg.cs.base);
	EXPECT_EQ(CR0_ET, other.page->cr.cr0 & ~(CR0_CD | CR0_NW));
}

/* INIT and SIPI that have come while the vCPU was not running are in the state that is read. */
TEST_F(apic, start_is_saved)
{
	struct sigaction sa = { .sa_handler = wake };
	struct vmt *v = &self->v, other;
	pthread_t thread;

	if (variant->x2)
		SKIP(return, "xAPIC only");
	vmt_open_vcpu(&other, v, 1);
	vmt_start(v, "start_other");
	sigaction(SIGUSR1, &sa, NULL);
	stop = false;
	ASSERT_EQ(0, pthread_create(&thread, NULL, other_vcpu, v));
	for (int i = 0; i < 5000; i++) {
		vmt_get(&other, SVMM_STATE_MP | SVMM_STATE_SEG);
		if (other.page->mp.state == SVMM_MP_RUNNABLE)
			break;
		usleep(1000);
	}
	EXPECT_EQ(SVMM_MP_RUNNABLE, other.page->mp.state);
	EXPECT_EQ(0x20000, other.page->seg.cs.base);
	stop = true;
	while (pthread_kill(thread, SIGUSR1) == 0 && pthread_tryjoin_np(thread, NULL))
		usleep(1000);
}

TEST_HARNESS_MAIN
