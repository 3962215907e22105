// SPDX-License-Identifier: GPL-2.0
/*
 * Waiting and being woken: vCPUs in HLT cost nothing, a HLT polls no longer than
 * its parameter says, and a running vCPU is interrupted only when it must be.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c selftests/lib/crew.c
 * timeout: 90
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/crew.h"

static bool quiet;		/* ends toggle_extint() */

#define PARAMETERS	"/sys/module/svmm/parameters/"

FIXTURE(halt) {
	struct vmt v;
	struct crew crew;
	unsigned int poll_ns;
};

static unsigned int parameter(const char *name, int set)
{
	char path[128];
	unsigned int value = 0;
	FILE *f;

	snprintf(path, sizeof(path), PARAMETERS "%s", name);
	f = fopen(path, "r+");
	if (!f || fscanf(f, "%u", &value) != 1)
		return ~0U;
	rewind(f);
	if (set >= 0)
		fprintf(f, "%d\n", set);
	fclose(f);
	return value;
}

FIXTURE_SETUP(halt)
{
	vmt_open(&self->v);
	vmt_load(&self->v, "pv");
	self->crew.nr = 0;
	self->poll_ns = parameter("halt_poll_ns", -1);
}

FIXTURE_TEARDOWN(halt)
{
	if (self->crew.nr)
		crew_stop(&self->crew);
	parameter("halt_poll_ns", self->poll_ns);
	vmt_close(&self->v);
}

static struct svmm_counters counters(struct __test_metadata *_metadata, struct vmt *v)
{
	struct svmm_counters c;

	ASSERT_EQ(0, svmm_get_counters(v->vcpu, &c));
	return c;
}

/* Times that the threads of this process gave up or lost their CPU. */
static long switches(void)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *d;
	long sum = 0;

	while ((d = readdir(tasks))) {
		char path[300], line[200];
		long n;
		FILE *f;

		snprintf(path, sizeof(path), "/proc/self/task/%s/status", d->d_name);
		if (d->d_name[0] == '.' || atoi(d->d_name) == getpid())
			continue;
		f = fopen(path, "r");
		while (f && fgets(line, sizeof(line), f))
			if (sscanf(line, "voluntary_ctxt_switches: %ld", &n) == 1 ||
			    sscanf(line, "nonvoluntary_ctxt_switches: %ld", &n) == 1)
				sum += n;
		if (f)
			fclose(f);
	}
	closedir(tasks);
	return sum;
}

static long cpu_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + u.ru_utime.tv_usec +
	       u.ru_stime.tv_usec;
}

/* No timer, no interrupt: nobody runs. */
TEST_F(halt, sixty_four_cost_nothing)
{
	struct vmt *v = &self->v;
	long before, us;

	vmt_deadline(55);
	for (unsigned int id = 0; id < 64; id++)
		crew_join(&self->crew, v, id, "idle", -1);
	crew_start(&self->crew);
	usleep(500000);
	before = switches();
	us = cpu_us();
	sleep(3);
	us = cpu_us() - us;
	EXPECT_EQ(before, switches());
	TH_LOG("64 halted vCPUs: %ld us of CPU time in 3 s", us);
	EXPECT_GT(20000 * vmt_slowdown(), us);
	/* and each of them is there */
	for (unsigned int id = 0; id < 64; id++)
		EXPECT_EQ(1, svmm_signal_msi(v->vm, 0xfee00000 | id << 12, 0x41));
	for (unsigned int id = 0; id < 64; id++) {
		for (int i = 0; i < 5000 && !CREW_COUNT(v, id); i++)
			usleep(1000);
		EXPECT_EQ(1, CREW_COUNT(v, id));
	}
}

/* @n waits in HLT, each for a timer of @us; the counters' difference. */
static struct svmm_counters polled(struct __test_metadata *_metadata, struct vmt *v,
				   unsigned int poll_ns, unsigned int n, unsigned int us)
{
	struct svmm_counters before, c;

	parameter("halt_poll_ns", poll_ns);
	before = counters(_metadata, v);
	vmt_call(v, us * 1000, n, 0);
	c = counters(_metadata, v);
	for (size_t i = 0; i < sizeof(c) / 8; i++)
		((uint64_t *)&c)[i] -= ((uint64_t *)&before)[i];
	TH_LOG("%u us each, polling up to %u us: %llu halts, %llu polls, of them %llu hits, "
	       "%llu misses, %llu invalid; %llu + %llu us",
	       us, poll_ns / 1000, (unsigned long long)c.halts,
	       (unsigned long long)c.poll_attempted, (unsigned long long)c.poll_successful,
	       (unsigned long long)c.poll_failed, (unsigned long long)c.poll_invalid,
	       (unsigned long long)c.poll_success_ns / 1000,
	       (unsigned long long)c.poll_fail_ns / 1000);
	/* On a busy machine a timer may be faster than the HLT. */
	EXPECT_LE(n / 2, c.halts);
	EXPECT_EQ(c.poll_attempted, c.poll_successful + c.poll_failed + c.poll_invalid);
	return c;
}

/* It polls where that helps, not where it does not, and never when it may not. */
TEST_F(halt, polling)
{
	unsigned int soon = 100 * vmt_slowdown();	/* us; the HLT has to come before it */
	const uint64_t most = 20 * 200000 * vmt_slowdown();
	struct vmt *v = &self->v;
	struct svmm_counters c;

	vmt_pin(0);
	vmt_start(v, "timer");

	c = polled(_metadata, v, 0, 200, soon);
	EXPECT_EQ(0, c.poll_attempted);
	EXPECT_EQ(0, c.poll_success_ns + c.poll_fail_ns);
	EXPECT_NE(0, c.wakeups);

	c = polled(_metadata, v, 1000000, 1000, soon);
	EXPECT_LE(100, c.poll_attempted);
	EXPECT_LE(50, c.poll_successful);
	EXPECT_NE(0, c.poll_success_ns);

	/* Longer waits than it may poll: it gives up soon.  A host that is away seems to poll. */
	for (unsigned int i = 0; i < 3; i++) {
		c = polled(_metadata, v, 200000, 100, 5000);
		EXPECT_GE(20, c.poll_attempted);
		if (c.poll_fail_ns <= most)
			break;
	}
	EXPECT_GE(most, c.poll_fail_ns);
}

static void *interrupt_later(void *arg)
{
	struct vmt *v = arg;

	usleep(500000);
	svmm_signal_msi(v->vm, 0xfee00000, 0x41);
	return NULL;
}

/* A timer that was moved or stopped before the HLT wakes nobody at its old time. */
TEST_F(halt, no_early_wake_up)
{
	struct vmt *v = &self->v;
	pthread_t thread;
	uint64_t before;

	vmt_start(v, "later");
	vmt_call(v, 1000000, 1000000, 0);
	before = counters(_metadata, v).wakeups;
	vmt_call(v, 100000000, 400000000, 0);
	EXPECT_EQ(1, counters(_metadata, v).wakeups - before);

	before = counters(_metadata, v).wakeups;
	ASSERT_EQ(0, pthread_create(&thread, NULL, interrupt_later, v));
	vmt_call(v, 100000000, 0, 0);
	EXPECT_EQ(1, counters(_metadata, v).wakeups - before);
	pthread_join(thread, NULL);
}

/* Edges at LINT0 in bursts: without pauses the guest would get nowhere for interruptions. */
static void *toggle_extint(void *arg)
{
	struct vmt *v = arg;
	unsigned int seed = 1;

	vmt_pin(0);
	while (!__atomic_load_n(&quiet, __ATOMIC_RELAXED)) {
		for (int i = 0; i < 100; i++)
			svmm_set_extint(v->vcpu, ~i & 1);
		usleep(rand_r(&seed) % 200);
	}
	return NULL;
}

/* LINT0 is masked: its edges wake nobody, and take no wake-up of the timer's along. */
TEST_F(halt, wake_ups_for_nothing)
{
	struct vmt *v = &self->v;
	time_t end = time(NULL) + 12;
	unsigned int rounds = 0;
	pthread_t thread;

	parameter("halt_poll_ns", 0);
	vmt_pin(1);
	vmt_start(v, "later");
	quiet = false;
	ASSERT_EQ(0, pthread_create(&thread, NULL, toggle_extint, v));
	for (; rounds < 3000 && time(NULL) < end; rounds++)
		vmt_call(v, 1000000, 1000000, 0);
	__atomic_store_n(&quiet, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	TH_LOG("%u rounds, %llu wake-ups", rounds,
	       (unsigned long long)counters(_metadata, v).wakeups);
	EXPECT_LE(20, rounds);
}

/* A vCPU that is in the guest is interrupted once, and not at all if it could take nothing. */
TEST_F(halt, kicks)
{
	struct vmt *v = &self->v;
	uint64_t before;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "one CPU");
	vmt_pin(1);
	crew_join(&self->crew, v, 0, "busy", 0);
	vmt_arg(v, 0) = 1;
	crew_start(&self->crew);

	/* Interrupts on: each comes at once, by one kick at most; the host's tick may be first. */
	before = counters(_metadata, v).kicks;
	for (uint32_t i = 1; i <= 100; i++) {
		ASSERT_EQ(1, svmm_signal_msi(v->vm, 0xfee00000, 0x41));
		for (int j = 0; j < 5000 && CREW_COUNT(v, 0) != i; j++)
			usleep(200);
		ASSERT_EQ(i, CREW_COUNT(v, 0));
	}
	EXPECT_GE(100, counters(_metadata, v).kicks - before);
	EXPECT_LE(50 / vmt_slowdown(), counters(_metadata, v).kicks - before);

	/* Vector 51h holds it. What it outranks waits without a kick, and is not lost. */
	ASSERT_EQ(1, svmm_signal_msi(v->vm, 0xfee00000, 0x51));
	for (int j = 0; j < 5000 && vmt_res(v, 3) != 1; j++)
		usleep(200);
	ASSERT_EQ(1, vmt_res(v, 3));
	before = counters(_metadata, v).kicks;
	for (int i = 0; i < 100; i++)
		ASSERT_EQ(1, svmm_signal_msi(v->vm, 0xfee00000, 0x41));
	EXPECT_EQ(before, counters(_metadata, v).kicks);
	EXPECT_EQ(100, CREW_COUNT(v, 0));
	vmt_arg(v, 1) = 1;
	for (int j = 0; j < 5000 && CREW_COUNT(v, 0) != 101; j++)
		usleep(200);
	EXPECT_EQ(101, CREW_COUNT(v, 0));
}

/* The same vector again, and again: what is requested already needs no second kick. */
TEST_F(halt, one_kick_for_one_vector)
{
	struct vmt *v = &self->v;
	uint64_t before;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "one CPU");
	vmt_pin(1);
	crew_join(&self->crew, v, 0, "busy", 0);
	vmt_arg(v, 0) = 0;
	crew_start(&self->crew);
	usleep(10000);
	before = counters(_metadata, v).kicks;
	for (int i = 0; i < 1000; i++)
		ASSERT_EQ(1, svmm_signal_msi(v->vm, 0xfee00000, 0x41));
	EXPECT_GE(1, counters(_metadata, v).kicks - before);
	EXPECT_EQ(0, CREW_COUNT(v, 0));
	vmt_arg(v, 1) = 1;
	for (int j = 0; j < 5000 && CREW_COUNT(v, 0) != 1; j++)
		usleep(200);
	EXPECT_EQ(1, CREW_COUNT(v, 0));
}

TEST_HARNESS_MAIN
