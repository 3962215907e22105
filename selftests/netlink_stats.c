// SPDX-License-Identifier: GPL-2.0
/*
 * The accounts of vCPUs over netlink, as vmctl's client reads them: they are those that
 * SVMM_GET_STATS gives, each vCPU's once, in however many parts, while VMs come and go.
 *
 * needs: userspace/netlink.c userspace/netlink_parse.c userspace/message.c userspace/terminal.c
 * needs: selftests/lib/cost.c selftests/lib/vmtest.c selftests/lib/start.c
 * libs: -lnl-genl-3 -lnl-3 -Wl,--no-warnings
 * timeout: 120
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/cost.h"
#include "netlink.h"
#include "../uapi/svmm_netlink.h"

#define NOBODY	65534
#define VMS	100
#define VCPUS	8
#define FLEETING "comes-and-goes"

FIXTURE(stats) {
	struct vmt v;
	char name[SVMM_NAME_MAX];	/* as vmtest.c makes it */
};

FIXTURE_SETUP(stats)
{
	cost_open(&self->v);
	snprintf(self->name, sizeof(self->name), "test-%d-0", getpid());
}

FIXTURE_TEARDOWN(stats)
{
	vmt_close(&self->v);
}

static struct vcpu_accounts got;
static unsigned int answers;

static void keep(const struct vcpu_accounts *vcpu, void *arg)
{
	got = *vcpu;
	answers++;
}

static const struct svmm_key_stat *find_key(const struct vcpu_accounts *vcpu, int kind,
					    uint64_t key)
{
	for (uint32_t i = 0; i < vcpu->nr_keys[kind]; i++)
		if (vcpu->stats.keys[kind][i].key == key)
			return &vcpu->stats.keys[kind][i];
	return NULL;
}

TEST_F(stats, are_those_of_the_vcpu)
{
	static const char * const entry[] = {
		"cpuid", "vmmcall", "rdmsr", "wrmsr", "pio_out", "mmio_store4", "ports",
	};
	static struct svmm_vcpu_stats s;

	for (unsigned int i = 0; i < sizeof(entry) / sizeof(entry[0]); i++)
		cost_run(&self->v, entry[i], 100 + i);
	ASSERT_EQ(0, svmm_get_stats(self->v.vcpu, &s));
	answers = 0;
	ASSERT_EQ(0, vm_accounts(self->name, true, keep, NULL));
	ASSERT_EQ(1, answers);

	EXPECT_STREQ(self->name, got.name);
	EXPECT_EQ(getpid(), got.pid);
	EXPECT_EQ(0, got.id);
	EXPECT_EQ(SVMM_VCPU_USER, got.state);
	EXPECT_EQ(self->v.caps.tsc_khz, got.tsc_khz);
	EXPECT_EQ(s.begun, got.stats.begun);
	EXPECT_LT(s.begun, got.now);
	EXPECT_EQ(s.halted, got.stats.halted);
	EXPECT_EQ(s.stopped, got.stats.stopped);
	EXPECT_EQ(s.preempted, got.stats.preempted);
	EXPECT_EQ(s.to_user, got.stats.to_user);
	ASSERT_EQ(s.nr_exits, got.stats.nr_exits);
	EXPECT_EQ(0, memcmp(s.exits, got.stats.exits, s.nr_exits * sizeof(s.exits[0])));
	for (int kind = 0; kind < SVMM_KEYS; kind++) {
		uint32_t nr = 0;

		for (int i = 0; i < SVMM_STATS_KEYS; i++) {
			const struct svmm_key_stat *is = &s.keys[kind][i], *told;

			if (!is->count)
				continue;
			nr++;
			told = find_key(&got, kind, is->key);
			ASSERT_NE(NULL, told);
			EXPECT_EQ(0, memcmp(is, told, sizeof(*is)));
		}
		EXPECT_EQ(nr, got.nr_keys[kind]);
		EXPECT_NE(0, nr);
	}

	/* Not asked for: not told. */
	ASSERT_EQ(0, vm_accounts(self->name, false, keep, NULL));
	EXPECT_EQ(s.nr_exits, got.stats.nr_exits);
	EXPECT_EQ(0, got.nr_keys[SVMM_KEY_PORT]);
	EXPECT_EQ(0, got.stats.exits[1].histogram[31]);
}

/* A vCPU that waits tells how long it does, as yet; and one that nobody runs. */
TEST_F(stats, time_that_goes_on)
{
	self->v.page->immediate_exit = 1;
	ASSERT_EQ(-EINTR, svmm_run(self->v.vcpu));
	usleep(20000);
	ASSERT_EQ(0, vm_accounts(self->name, false, keep, NULL));
	EXPECT_EQ(SVMM_VCPU_STOPPED, got.state);
	EXPECT_LE(20UL * got.tsc_khz, got.stats.stopped);
	EXPECT_GE(got.now - got.stats.begun, got.stats.stopped);
}

static void *sleeper(void *arg)
{
	while (svmm_run(((struct vmt *)arg)->vcpu) == -EINTR)
		;
	return NULL;
}

TEST_F(stats, sleep_that_goes_on)
{
	struct vmt second;
	pthread_t thread;

	vmt_open_vcpu(&second, &self->v, 1);
	ASSERT_EQ(0, pthread_create(&thread, NULL, sleeper, &second));
	do {
		usleep(20000);
		ASSERT_EQ(0, vm_accounts(self->name, false, keep, NULL));
		ASSERT_EQ(1, got.id);
	} while (got.state != SVMM_VCPU_HALTED || got.stats.halted < 20UL * got.tsc_khz);
	EXPECT_GE(got.now - got.stats.begun, got.stats.halted);
	/* The thread goes with the process. */
}

static volatile bool stop;

static void on_signal(int sig)
{
	(void)sig;
}

static void *sleep_often(void *arg)
{
	while (!stop)
		svmm_run(((struct vmt *)arg)->vcpu);
	return NULL;
}

static void *disturb(void *arg)
{
	while (!stop) {
		pthread_kill(*(pthread_t *)arg, SIGUSR1);
		usleep(100);
	}
	return NULL;
}

/* Whoever looks while a sleep ends, or a pause, finds it in the sum once: not twice, not never. */
TEST_F(stats, time_does_not_go_back)
{
	pthread_t thread, nuisance;
	struct vcpu_accounts was = { 0 };
	struct vmt second;

	signal(SIGUSR1, on_signal);
	vmt_open_vcpu(&second, &self->v, 1);
	ASSERT_EQ(0, pthread_create(&thread, NULL, sleep_often, &second));
	ASSERT_EQ(0, pthread_create(&nuisance, NULL, disturb, &thread));
	for (int i = 0; i < 1000; i++) {
		ASSERT_EQ(0, vm_accounts(self->name, false, keep, NULL));
		ASSERT_EQ(1, got.id);
		if (!got.stats.begun)
			continue;
		ASSERT_LE(was.stats.halted, got.stats.halted);
		ASSERT_LE(was.stats.stopped, got.stats.stopped);
		/* A thread that is held up in between has its end told late. */
		ASSERT_GE(got.now - got.stats.begun + 100UL * got.tsc_khz * vmt_slowdown(),
			  got.stats.halted + got.stats.stopped + got.stats.preempted);
		was = got;
	}
	EXPECT_NE(0, was.stats.halted);
	EXPECT_NE(0, was.stats.stopped);
	stop = true;
	pthread_join(nuisance, NULL);
	pthread_kill(thread, SIGUSR1);
	pthread_join(thread, NULL);
}

TEST_F(stats, of_whom)
{
	int status;
	pid_t child;

	answers = 0;
	EXPECT_EQ(ENOENT, vm_accounts("no-such", false, keep, NULL));
	child = fork();
	if (!child) {
		if (setresuid(NOBODY, NOBODY, NOBODY) ||
		    vm_accounts(self->name, false, keep, NULL) != EPERM)
			_exit(1);
		_exit(vm_accounts(NULL, false, keep, NULL) || answers);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, answers);
}

static unsigned int seen[VMS][VCPUS];

static void count(const struct vcpu_accounts *vcpu, void *arg)
{
	unsigned int n;

	if (sscanf(vcpu->name, "t%u", &n) == 1 && n < VMS && vcpu->id < VCPUS)
		seen[n][vcpu->id]++;
}

static void *come_and_go(void *arg)
{
	int svmm = *(int *)arg, vm;

	while (!stop) {
		vm = svmm_create_vm(svmm, FLEETING);
		if (vm < 0)
			vmt_die(NULL, "create: %d", vm);
		close(svmm_create_vcpu(vm, 0));
		close(vm);
	}
	return NULL;
}

static long cpu_us(int who)
{
	struct rusage r;

	getrusage(who, &r);
	return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000 + r.ru_utime.tv_usec +
	       r.ru_stime.tv_usec;
}

TEST_F(stats, none_is_lost)
{
	unsigned int lines = 0;
	char name[SVMM_NAME_MAX], line[256];
	pthread_t thread;
	long before;
	FILE *stat;

	for (int i = 0; i < VMS; i++) {
		int vm;

		snprintf(name, sizeof(name), "t%d-of-many", i);
		vm = svmm_create_vm(self->v.svmm, name);
		ASSERT_LE(0, vm);
		for (int id = 0; id < VCPUS; id++)
			ASSERT_LE(0, svmm_create_vcpu(vm, id));
	}
	ASSERT_EQ(0, pthread_create(&thread, NULL, come_and_go, &self->v.svmm));
	for (int round = 0; round < 10; round++) {
		memset(seen, 0, sizeof(seen));
		ASSERT_EQ(0, vm_accounts(NULL, true, count, NULL));
		for (int i = 0; i < VMS; i++)
			for (int id = 0; id < VCPUS; id++)
				ASSERT_EQ(1, seen[i][id]);
	}
	stop = true;
	pthread_join(thread, NULL);
	before = cpu_us(RUSAGE_SELF);
	ASSERT_EQ(0, vm_accounts(NULL, false, count, NULL));
	TH_LOG("%ld us of the CPU for %u vCPUs", cpu_us(RUSAGE_SELF) - before, VMS * VCPUS);

	before = cpu_us(RUSAGE_CHILDREN);
	stat = popen("exec vmctl stat", "r");
	ASSERT_NE(NULL, stat);
	while (fgets(line, sizeof(line), stat))
		lines += !!strstr(line, "-of-many");
	ASSERT_EQ(0, pclose(stat));
	EXPECT_EQ(VMS * VCPUS, lines);
	TH_LOG("%ld us of it for vmctl stat", cpu_us(RUSAGE_CHILDREN) - before);
}

TEST_HARNESS_MAIN
