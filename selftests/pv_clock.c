// SPDX-License-Identifier: GPL-2.0
/*
 * The paravirtual clock and hypercalls. What the guest reads from the clock's
 * page is the time; it goes on from reading to reading and from CPU to CPU, and an address that is
 * no memory harms nobody.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vmtest.h"

#define MSR_TSC			0x10
#define MSR_OLD_WALL_CLOCK	0x11
#define MSR_OLD_SYSTEM_TIME	0x12
#define MSR_WALL_CLOCK		0x4b564d00
#define MSR_SYSTEM_TIME		0x4b564d01

#define PAGE_TIME	0x120000
#define PAGE_WALL	0x121000

/* Linux: arch/x86/include/asm/pvclock-abi.h */
struct time_info {
	uint32_t version;
	uint32_t pad0;
	uint64_t tsc_timestamp;
	uint64_t system_time;
	uint32_t mul;
	int8_t shift;
	uint8_t flags;
	uint8_t pad[2];
};

struct wall_clock {
	uint32_t version;
	uint32_t sec;
	uint32_t nsec;
};

FIXTURE(pv_clock) {
	struct vmt v;
};

FIXTURE_SETUP(pv_clock)
{
	vmt_boot(&self->v, "msr", "access");
}

FIXTURE_TEARDOWN(pv_clock)
{
	vmt_close(&self->v);
}

static int64_t host_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static uint32_t rdmsr(struct vmt *v, uint32_t msr)
{
	return vmt_call(v, msr, 0, 0);
}

static uint32_t wrmsr(struct vmt *v, uint32_t msr, uint64_t value)
{
	return vmt_call(v, msr, 1, value);
}

/* Nanoseconds by the guest's clock, as a guest computes them. */
static int64_t guest_ns(struct __test_metadata *_metadata, struct vmt *v)
{
	unsigned __int128 ticks;
	struct time_info t;

	/* RDMSR of the TSC: the page belongs to the CPU that the vCPU ran on just now. */
	EXPECT_EQ(NO_FAULT, rdmsr(v, MSR_TSC));
	memcpy(&t, v->ram + PAGE_TIME, sizeof(t));
	EXPECT_EQ(0, t.version & 1);
	EXPECT_NE(0, t.version);
	ticks = vmt_res(v, 0) - t.tsc_timestamp;
	ticks = t.shift < 0 ? ticks >> -t.shift : ticks << t.shift;
	return t.system_time + (int64_t)(ticks * t.mul >> 32);
}

/* The multiplier alone: a second of ticks is a second, to a millionth. */
TEST_F(pv_clock, scale)
{
	struct vmt *v = &self->v;
	struct time_info t;
	double ns;

	ASSERT_EQ(32, sizeof(t));
	ASSERT_EQ(NO_FAULT, wrmsr(v, MSR_SYSTEM_TIME, PAGE_TIME | 1));
	rdmsr(v, MSR_TSC);
	memcpy(&t, v->ram + PAGE_TIME, sizeof(t));
	ns = (double)v->caps.tsc_khz * 1000 * t.mul / 4294967296.0;
	ns = t.shift < 0 ? ns / (1 << -t.shift) : ns * (1 << t.shift);
	EXPECT_LE(1e9 - 1000, ns);
	EXPECT_GE(1e9 + 1000, ns);
	EXPECT_EQ(0, t.flags & ~1);
	EXPECT_EQ(0, t.pad0 | t.pad[0] | t.pad[1]);
}

/* It runs as fast as the host's, to a twentieth (an emulated TSC is no better). */
TEST_F(pv_clock, goes_with_the_host)
{
	struct vmt *v = &self->v;
	int64_t guest, host, after;

	ASSERT_EQ(NO_FAULT, wrmsr(v, MSR_SYSTEM_TIME, PAGE_TIME | 1));
	host = host_ns(CLOCK_MONOTONIC);
	guest = guest_ns(_metadata, v);
	after = host_ns(CLOCK_MONOTONIC);
	EXPECT_LE(0, guest);
	EXPECT_GT(60000000000LL, guest);		/* it began with the VM */
	usleep(300000);
	guest = guest_ns(_metadata, v) - guest;
	EXPECT_LE((host_ns(CLOCK_MONOTONIC) - after) * 0.95 - 20e6, guest);
	EXPECT_GE((host_ns(CLOCK_MONOTONIC) - host) * 1.05, guest);
}

/* Never back by more than the clocks of two CPUs differ, wherever the vCPU runs. */
TEST_F(pv_clock, from_cpu_to_cpu)
{
	struct vmt *v = &self->v;
	int64_t last, now;
	cpu_set_t all;

	ASSERT_EQ(0, sched_getaffinity(0, sizeof(all), &all));
	if (CPU_COUNT(&all) < 2)
		SKIP(return, "one CPU");
	ASSERT_EQ(NO_FAULT, wrmsr(v, MSR_SYSTEM_TIME, PAGE_TIME | 1));
	last = guest_ns(_metadata, v);
	for (int i = 0; i < 50; i++) {
		vmt_pin(i);
		now = guest_ns(_metadata, v);
		EXPECT_LE(last - 100000, now);
		EXPECT_GT(last + 2000000000, now);
		last = now;
	}
	sched_setaffinity(0, sizeof(all), &all);
}

/* Where the host's TSC is not reliable, no page is older than a second, on the same CPU either. */
TEST_F(pv_clock, kept_fresh)
{
	struct vmt *v = &self->v;
	struct time_info before, after;

	vmt_pin(0);
	ASSERT_EQ(NO_FAULT, wrmsr(v, MSR_SYSTEM_TIME, PAGE_TIME | 1));
	rdmsr(v, MSR_TSC);
	memcpy(&before, v->ram + PAGE_TIME, sizeof(before));
	usleep(1500000);
	rdmsr(v, MSR_TSC);
	memcpy(&after, v->ram + PAGE_TIME, sizeof(after));
	if (before.flags & 1) {		/* stable: it never needs another */
		EXPECT_EQ(before.version, after.version);
	} else {
		EXPECT_LT(before.version, after.version);
		EXPECT_LT(before.system_time + 1000000000, after.system_time);
	}
	/* not at each entry */
	before = after;
	rdmsr(v, MSR_TSC);
	memcpy(&after, v->ram + PAGE_TIME, sizeof(after));
	EXPECT_EQ(before.version, after.version);
}

/* A new TSC does not move the clock. */
TEST_F(pv_clock, the_tsc_is_written)
{
	struct vmt *v = &self->v;
	int64_t before, after;

	ASSERT_EQ(NO_FAULT, wrmsr(v, MSR_SYSTEM_TIME, PAGE_TIME | 1));
	before = guest_ns(_metadata, v);
	ASSERT_EQ(NO_FAULT, wrmsr(v, MSR_TSC, 1ULL << 50));
	after = guest_ns(_metadata, v);
	EXPECT_LE(1ULL << 50, vmt_res(v, 0));
	EXPECT_GT((1ULL << 50) + v->caps.tsc_khz * 2000ULL, vmt_res(v, 0));
	EXPECT_LE(before - 100000, after);
	EXPECT_GT(before + 2000000000, after);
}

/* Wall clock plus system time is the time of day. */
static void wall_clock(struct __test_metadata *_metadata, struct vmt *v, uint32_t time,
		       uint32_t wall)
{
	struct wall_clock w;
	int64_t now;

	memset(v->ram + PAGE_WALL, 0, sizeof(w));
	ASSERT_EQ(NO_FAULT, wrmsr(v, time, PAGE_TIME | 1));
	ASSERT_EQ(NO_FAULT, wrmsr(v, wall, PAGE_WALL));
	now = guest_ns(_metadata, v);
	memcpy(&w, v->ram + PAGE_WALL, sizeof(w));
	EXPECT_EQ(0, w.version & 1);
	EXPECT_NE(0, w.version);
	EXPECT_GT(1000000000, w.nsec);
	now += w.sec * 1000000000LL + w.nsec - host_ns(CLOCK_REALTIME);
	EXPECT_GT(1000000000, llabs(now));
	/* written once, at the request: later it is the guest's memory */
	memset(v->ram + PAGE_WALL, 0x5a, sizeof(w));
	ASSERT_EQ(NO_FAULT, wrmsr(v, time, PAGE_TIME | 1));
	rdmsr(v, MSR_TSC);
	EXPECT_EQ(0x5a5a5a5a, *vmt_u32(v, PAGE_WALL));
	EXPECT_EQ(0x5a5a5a5a, *vmt_u32(v, PAGE_WALL + 4));
}

TEST_F(pv_clock, time_of_day)
{
	wall_clock(_metadata, &self->v, MSR_SYSTEM_TIME, MSR_WALL_CLOCK);
}

TEST_F(pv_clock, time_of_day_by_the_first_interface)
{
	wall_clock(_metadata, &self->v, MSR_OLD_SYSTEM_TIME, MSR_OLD_WALL_CLOCK);
}

/* The version counts on from what the guest has there, and is never left odd. */
TEST_F(pv_clock, version)
{
	static const uint32_t before[] = { 0, 1, 6, 0xfffffffe, 0xffffffff };
	struct vmt *v = &self->v;

	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		*vmt_u32(v, PAGE_TIME) = before[i];
		ASSERT_EQ(NO_FAULT, wrmsr(v, MSR_SYSTEM_TIME, PAGE_TIME | 1));
		rdmsr(v, MSR_TSC);
		EXPECT_EQ(0, *vmt_u32(v, PAGE_TIME) & 1);
		EXPECT_NE(before[i], *vmt_u32(v, PAGE_TIME));
	}
}

TEST_F(pv_clock, disabled_it_writes_nothing)
{
	struct vmt *v = &self->v;

	memset(v->ram + PAGE_TIME, 0x5a, 32);
	ASSERT_EQ(NO_FAULT, wrmsr(v, MSR_SYSTEM_TIME, PAGE_TIME));
	ASSERT_EQ(NO_FAULT, rdmsr(v, MSR_SYSTEM_TIME));
	EXPECT_EQ(PAGE_TIME, vmt_res(v, 0));
	for (int i = 0; i < 32; i++)
		EXPECT_EQ(0x5a, *vmt_u8(v, PAGE_TIME + i));
}

/* Across a page boundary, across the end of memory, nowhere: the guest runs on. */
TEST_F(pv_clock, addresses)
{
	static const uint64_t nowhere[] = {
		G_RAM_BYTES - 16, G_RAM_BYTES, 0xfee00000, 1ULL << 40, 1ULL << 63, ~7ULL,
	};
	struct vmt *v = &self->v;

	ASSERT_EQ(NO_FAULT, wrmsr(v, MSR_SYSTEM_TIME, (PAGE_TIME + 0xff0) | 1));
	rdmsr(v, MSR_TSC);
	EXPECT_NE(0, *vmt_u32(v, PAGE_TIME + 0xff0));
	EXPECT_NE(0, *vmt_u32(v, PAGE_TIME + 0xff0 + 24));	/* the multiplier */
	for (size_t i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
		EXPECT_EQ(NO_FAULT, wrmsr(v, MSR_SYSTEM_TIME, nowhere[i] | 1));
		EXPECT_EQ(NO_FAULT, wrmsr(v, MSR_WALL_CLOCK, nowhere[i] & ~3ULL));
		EXPECT_EQ(NO_FAULT, rdmsr(v, MSR_TSC));
	}
	EXPECT_EQ(V_GP, wrmsr(v, MSR_SYSTEM_TIME, PAGE_TIME | 3));
}

/* A guest without the CPUID bits has none of it. */
TEST_F(pv_clock, hidden_by_cpuid)
{
	struct svmm_cpuid *cpuid;
	struct vmt v;

	ASSERT_EQ(0, svmm_get_supported_cpuid(self->v.svmm, &cpuid));
	for (uint32_t i = 0; i < cpuid->nr; i++)
		if (cpuid->entries[i].function == 0x40000001)
			cpuid->entries[i].eax = 0;
	vmt_open(&v);
	vmt_load(&v, "msr");
	ASSERT_EQ(0, svmm_set_cpuid(v.vcpu, cpuid));
	vmt_start(&v, "access");
	for (uint32_t msr = MSR_WALL_CLOCK; msr <= MSR_SYSTEM_TIME; msr++) {
		EXPECT_EQ(V_GP, rdmsr(&v, msr));
		EXPECT_EQ(V_GP, wrmsr(&v, msr, 0));
	}
	EXPECT_EQ(V_GP, rdmsr(&v, MSR_OLD_SYSTEM_TIME));
	EXPECT_EQ(V_GP, wrmsr(&v, MSR_OLD_WALL_CLOCK, 0));
	vmt_close(&v);
	free(cpuid);
}

/* Two vCPUs read one clock. */
TEST_F(pv_clock, one_clock_for_all_vcpus)
{
	struct vmt *v = &self->v, other;
	int64_t a, b, c;

	ASSERT_EQ(NO_FAULT, wrmsr(v, MSR_SYSTEM_TIME, PAGE_TIME | 1));
	usleep(100000);
	vmt_open_vcpu(&other, v, 1);
	other.page->mp.state = SVMM_MP_RUNNABLE;
	other.page->dirty |= SVMM_STATE_MP;
	vmt_start(&other, "access");
	a = guest_ns(_metadata, v);
	ASSERT_EQ(NO_FAULT, wrmsr(&other, MSR_SYSTEM_TIME, PAGE_TIME | 1));
	b = guest_ns(_metadata, &other);
	ASSERT_EQ(NO_FAULT, wrmsr(v, MSR_SYSTEM_TIME, PAGE_TIME | 1));
	c = guest_ns(_metadata, v);
	EXPECT_LE(a - 100000, b);
	EXPECT_LE(b - 100000, c);
	EXPECT_GT(a + 2000000000, c);
	vmt_close(&other);
}

/* VAPIC_POLL_IRQ is 0; what no CPUID bit offers is -KVM_ENOSYS; user space is -KVM_EPERM. */
TEST_F(pv_clock, hypercalls)
{
	struct vmt *v = &self->v;

	vmt_start(v, "hypercall");
	vmt_call(v, 1, 0, 0);
	EXPECT_EQ(0, vmt_res(v, 0));
	for (int nr = 0; nr < 16; nr++) {
		if (nr == 1 || nr == 5 || nr == 10 || nr == 11)	/* pv_ipi.c has the others */
			continue;
		vmt_call(v, nr, 0, 0);
		EXPECT_EQ((uint64_t)-1000, vmt_res(v, 0)) {
			TH_LOG("hypercall %d", nr);
		}
	}
	vmt_start(v, "hypercall");
	v->page->seg.cs.selector = SEL_USER64;
	v->page->seg.cs.attrib |= 3 << 5;
	v->page->seg.ss.selector = SEL_USER_DATA;
	v->page->seg.ss.attrib |= 3 << 5;
	v->page->gpr.rflags |= 3 << 12;			/* the reports' port */
	vmt_call(v, 1, 0, 0);
	EXPECT_EQ((uint64_t)-EPERM, vmt_res(v, 0));
}

TEST_HARNESS_MAIN
