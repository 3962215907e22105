// SPDX-License-Identifier: GPL-2.0
/*
 * SVMM_SHIFT_TIME: a VM that was stopped goes on where it was, by its TSCs, its clock and its
 * timers. No test waits for long: a VM can be told that it was stopped for longer than it was.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 * libs: -pthread
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vmtest.h"

#define MSR_TSC		0x10
#define MSR_SYSTEM_TIME	0x4b564d01
#define PAGE_TIME(i)	(0x120000 + 0x1000 * (i))

#define NS_PER_S	1000000000ULL
#define SHIFT_NS	(1000 * NS_PER_S + 234567891)
/* What may pass between two looks on a busy machine. */
#define SLACK_NS	(20 * NS_PER_S)

/* Registers of the local APIC, by offset / 16. */
enum { SVR = 0xf, IRR = 0x20, LVTT = 0x32, TMICT = 0x38, TMCCT = 0x39, TDCR = 0x3e };

#define TSC_DEADLINE	(2 << 17)
#define PERIODIC	(1 << 17)
#define VECTOR		0x41

FIXTURE(shift_time) {
	struct vmt v[2];
};

FIXTURE_SETUP(shift_time)
{
	struct vmt *v = self->v;

	vmt_boot(&v[0], "msr", "access");
	vmt_open_vcpu(&v[1], &v[0], 1);
	v[1].page->mp.state = SVMM_MP_RUNNABLE;
	v[1].page->dirty |= SVMM_STATE_MP;
	vmt_start(&v[1], "access");
}

static void close_vcpu(struct vmt *v)
{
	munmap(v->page, v->caps.vcpu_mmap_bytes);
	close(v->vcpu);
}

FIXTURE_TEARDOWN(shift_time)
{
	close_vcpu(&self->v[1]);
	vmt_close(&self->v[0]);
}

static uint64_t ticks(const struct vmt *v, uint64_t ns)
{
	return ns / 1000000 * v->caps.tsc_khz + ns % 1000000 * v->caps.tsc_khz / 1000000;
}

static uint64_t offset(struct vmt *v)
{
	vmt_get(v, SVMM_STATE_TSC);
	return v->page->tsc.offset;
}

static uint64_t tsc(struct __test_metadata *_metadata, struct vmt *v)
{
	EXPECT_EQ(NO_FAULT, vmt_call(v, MSR_TSC, 0, 0));
	return vmt_res(v, 0);
}

/* Linux: arch/x86/include/asm/pvclock-abi.h */
static int64_t clock_ns(struct __test_metadata *_metadata, struct vmt *v, unsigned int i)
{
	unsigned __int128 passed;
	int8_t shift;

	passed = tsc(_metadata, &v[i]) - *vmt_u64(&v[i], PAGE_TIME(i) + 8);
	shift = *vmt_u8(&v[i], PAGE_TIME(i) + 28);
	passed = shift < 0 ? (uint64_t)passed >> -shift : (uint64_t)passed << shift;
	return *vmt_u64(&v[i], PAGE_TIME(i) + 16) +
	       (int64_t)(passed * *vmt_u32(&v[i], PAGE_TIME(i) + 24) >> 32);
}

/* By exactly so many ticks, and all alike, one that comes later too. */
TEST_F(shift_time, offsets)
{
	struct vmt *v = self->v, later;
	uint64_t before[2] = { offset(&v[0]), offset(&v[1]) };

	EXPECT_EQ(0, svmm_shift_time(v[0].vm, SHIFT_NS));
	for (unsigned int i = 0; i < 2; i++)
		EXPECT_EQ(ticks(v, SHIFT_NS), before[i] - offset(&v[i]));
	EXPECT_EQ(0, svmm_shift_time(v[0].vm, 0));
	EXPECT_EQ(ticks(v, SHIFT_NS), before[0] - offset(&v[0]));
	vmt_open_vcpu(&later, v, 2);
	EXPECT_EQ(offset(&v[0]), offset(&later));
	close_vcpu(&later);
}

TEST_F(shift_time, tsc)
{
	struct vmt *v = self->v;
	uint64_t before[2], after;

	for (unsigned int i = 0; i < 2; i++)
		before[i] = tsc(_metadata, &v[i]);
	ASSERT_EQ(0, svmm_shift_time(v[0].vm, SHIFT_NS));
	for (unsigned int i = 0; i < 2; i++) {
		after = tsc(_metadata, &v[i]) + ticks(v, SHIFT_NS);
		EXPECT_LT(0, (int64_t)(after - before[i]));
		EXPECT_GT(ticks(v, SLACK_NS), after - before[i]);
	}
}

/* The clock of either vCPU. */
TEST_F(shift_time, clock)
{
	struct vmt *v = self->v;
	int64_t before[2], after;

	for (unsigned int i = 0; i < 2; i++)
		ASSERT_EQ(NO_FAULT, vmt_call(&v[i], MSR_SYSTEM_TIME, 1, PAGE_TIME(i) | 1));
	for (unsigned int i = 0; i < 2; i++)
		before[i] = clock_ns(_metadata, v, i);
	ASSERT_EQ(0, svmm_shift_time(v[0].vm, SHIFT_NS));
	for (unsigned int i = 0; i < 2; i++) {
		after = clock_ns(_metadata, v, i) + SHIFT_NS;
		EXPECT_LT(before[i] - 1000000, after);
		EXPECT_GT(SLACK_NS, after - before[i]);
	}
	/* Asked for anew, it is the same clock. */
	ASSERT_EQ(NO_FAULT, vmt_call(&v[0], MSR_SYSTEM_TIME, 1, PAGE_TIME(0) | 1));
	after = clock_ns(_metadata, v, 0) + SHIFT_NS;
	EXPECT_LT(before[0] - 1000000, after);
	EXPECT_GT(SLACK_NS, after - before[0]);
}

static int64_t host_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* A stop that was one: no clock goes back, nor counts what was taken out. */
TEST_F(shift_time, stands_still)
{
	struct vmt *v = self->v;
	int64_t before[2], now, begun, stopped, ns;

	for (unsigned int i = 0; i < 2; i++)
		ASSERT_EQ(NO_FAULT, vmt_call(&v[i], MSR_SYSTEM_TIME, 1, PAGE_TIME(i) | 1));
	begun = host_ns();
	for (unsigned int i = 0; i < 2; i++)
		before[i] = clock_ns(_metadata, v, i);
	stopped = host_ns();
	usleep(500000);
	ns = host_ns() - stopped;
	ASSERT_EQ(0, svmm_shift_time(v[0].vm, ns));
	for (unsigned int i = 0; i < 2; i++) {
		now = clock_ns(_metadata, v, i);
		/* Between two CPUs of a host with an unreliable TSC it may be 100 us. */
		EXPECT_LE(before[0] - 100000, now);
		EXPECT_LE(before[1] - 100000, now);
		EXPECT_GE((host_ns() - begun - ns) * 1.05 + 1e6, now - before[i]);
	}
}

/* Two vCPUs that write their TSCs one after the other still want them alike. */
TEST_F(shift_time, tsc_written_before_and_after)
{
	struct vmt *v = self->v;
	uint64_t value = tsc(_metadata, &v[0]) + ticks(v, 100 * NS_PER_S);

	ASSERT_EQ(NO_FAULT, vmt_call(&v[0], MSR_TSC, 1, value));
	ASSERT_EQ(0, svmm_shift_time(v[0].vm, SHIFT_NS));
	ASSERT_EQ(NO_FAULT, vmt_call(&v[1], MSR_TSC, 1, tsc(_metadata, &v[0])));
	EXPECT_EQ(offset(&v[0]), offset(&v[1]));
}

static bool in_irr(struct vmt *v)
{
	vmt_get(v, SVMM_STATE_LAPIC);
	return v->lapic->regs[IRR + VECTOR / 32] >> VECTOR % 32 & 1;
}

static bool comes(struct vmt *v)
{
	for (unsigned int i = 0; i < 2000; i++) {
		if (in_irr(v))
			return true;
		usleep(10000);
	}
	return false;
}

static void set_timer(struct __test_metadata *_metadata, struct vmt *v, uint32_t mode, uint64_t ns)
{
	uint64_t now = tsc(_metadata, v);

	vmt_get(v, SVMM_STATE_LAPIC | SVMM_STATE_TSC);
	memset(&v->lapic->regs[IRR], 0, 8 * sizeof(v->lapic->regs[0]));
	v->lapic->regs[SVR] = 0x1ff;
	v->lapic->regs[TDCR] = 0xb;			/* by 1 */
	v->lapic->regs[LVTT] = mode | VECTOR;
	v->lapic->regs[TMICT] = mode == TSC_DEADLINE ? 0 : ns;
	v->lapic->regs[TMCCT] = mode == TSC_DEADLINE ? 0 : ns;
	v->page->tsc.deadline = mode == TSC_DEADLINE ? now + ticks(v, ns) : 0;
	v->page->dirty = SVMM_STATE_LAPIC | SVMM_STATE_TSC;
	ASSERT_EQ(0, svmm_set_state(v->vcpu));
}

/* Each mode: what has run out while the VM was stopped has not; and it comes later. */
TEST_F(shift_time, timers)
{
	static const uint32_t modes[] = { 0, PERIODIC, TSC_DEADLINE };
	struct vmt *v = &self->v[0];

	for (unsigned int i = 0; i < ARRAY_SIZE(modes); i++) {
		set_timer(_metadata, v, modes[i], NS_PER_S / 100);
		usleep(50000);
		ASSERT_EQ(0, svmm_shift_time(v->vm, SHIFT_NS));
		EXPECT_FALSE(in_irr(v)) {
			TH_LOG("mode %#x", modes[i]);
		}
		set_timer(_metadata, v, modes[i], NS_PER_S / 100);
		usleep(50000);
		ASSERT_EQ(0, svmm_shift_time(v->vm, NS_PER_S / 10));
		EXPECT_TRUE(comes(v)) {
			TH_LOG("mode %#x", modes[i]);
		}
		/* One that nobody has set stays so. */
		set_timer(_metadata, v, modes[i], 0);
		if (modes[i] == TSC_DEADLINE) {
			v->page->tsc.deadline = 0;
			v->page->dirty = SVMM_STATE_TSC;
			ASSERT_EQ(0, svmm_set_state(v->vcpu));
		}
		ASSERT_EQ(0, svmm_shift_time(v->vm, NS_PER_S / 10));
		usleep(20000);
		EXPECT_FALSE(in_irr(v));
	}
}

static void wake(int sig)
{
}

static void *sleep_in_run(void *arg)
{
	struct vmt *v = arg;
	int ret;

	do
		ret = svmm_run(v->vcpu);
	while (ret == -EINTR && !v->page->immediate_exit);
	return NULL;
}

/* While a vCPU is in RUN, nothing changes. */
TEST_F(shift_time, busy)
{
	struct sigaction sa = { .sa_handler = wake };
	struct vmt *v = self->v, later;
	uint64_t before = offset(&v[0]);
	pthread_t thread;
	int ret = 0;

	sigaction(SIGUSR1, &sa, NULL);
	v[1].page->mp.state = SVMM_MP_WAIT_SIPI;
	v[1].page->dirty = SVMM_STATE_MP;
	ASSERT_EQ(0, pthread_create(&thread, NULL, sleep_in_run, &v[1]));
	for (unsigned int i = 0; i < 2000 && ret != -EBUSY; i++) {
		usleep(10000);
		ret = svmm_shift_time(v[0].vm, 0);
	}
	EXPECT_EQ(-EBUSY, ret);
	EXPECT_EQ(-EBUSY, svmm_shift_time(v[0].vm, SHIFT_NS));
	EXPECT_EQ(before, offset(&v[0]));
	/* And nobody waits for a guest that sleeps. */
	vmt_open_vcpu(&later, v, 2);
	EXPECT_EQ(before, offset(&later));
	close_vcpu(&later);

	v[1].page->immediate_exit = 1;
	while (pthread_tryjoin_np(thread, NULL)) {
		pthread_kill(thread, SIGUSR1);
		usleep(1000);
	}
	EXPECT_EQ(0, svmm_shift_time(v[0].vm, SHIFT_NS));
	EXPECT_EQ(ticks(v, SHIFT_NS), before - offset(&v[0]));
}

struct race {
	struct vmt *first, *last;
	bool over;
	unsigned int looked, ran, wrong;
};

/* Who has seen the first vCPU's new time, does not see the last one's old time. */
static void *look(void *arg)
{
	struct race *r = arg;
	int ret;

	while (!__atomic_load_n(&r->over, __ATOMIC_RELAXED)) {
		ret = svmm_get_state(r->first->vcpu, SVMM_STATE_TSC);
		if (!ret)
			ret = svmm_get_state(r->last->vcpu, SVMM_STATE_TSC);
		if (ret)
			r->wrong += ret != -EBUSY;
		else
			r->wrong += (int64_t)(r->last->page->tsc.offset -
					      r->first->page->tsc.offset) > 0;
		r->looked += !ret;
	}
	return NULL;
}

static void *come_and_go(void *arg)
{
	struct race *r = arg;
	int ret;

	r->last->page->immediate_exit = 1;
	while (!__atomic_load_n(&r->over, __ATOMIC_RELAXED)) {
		ret = svmm_run(r->last->vcpu);
		r->ran += ret == -EINTR;
		r->wrong += ret != -EINTR && ret != -EBUSY;
		usleep(1);
	}
	return NULL;
}

/* Calls on vCPUs at the same moment: all is moved or nothing, and each call is made or refused. */
TEST_F(shift_time, all_or_nothing)
{
	struct vmt *v = self->v, last;
	struct race one = { .first = v, .last = &last }, other = one;
	unsigned int wrong = 0, last_id = v->caps.max_vcpus - 1;
	uint64_t before = offset(&v[0]), shifted = 0;
	pthread_t threads[2];
	int ret;

	for (unsigned int id = 2; id < last_id; id++)
		close(svmm_create_vcpu(v->vm, id));
	vmt_open_vcpu(&last, v, last_id);
	ASSERT_EQ(0, pthread_create(&threads[0], NULL, look, &one));
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, come_and_go, &other));
	for (unsigned int i = 0; i < 20000; i++) {
		ret = svmm_shift_time(v->vm, NS_PER_S);
		shifted += !ret;
		wrong += ret && ret != -EBUSY;
		if (i % 16 == 0)
			sched_yield();
	}
	__atomic_store_n(&one.over, true, __ATOMIC_RELAXED);
	__atomic_store_n(&other.over, true, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(0, wrong + one.wrong + other.wrong);
	EXPECT_LT(0, shifted);
	EXPECT_LT(0, one.looked);
	EXPECT_LT(0, other.ran);
	EXPECT_EQ(shifted * ticks(v, NS_PER_S), before - offset(v));
	EXPECT_EQ(offset(v), offset(&last));
	close_vcpu(&last);
}

TEST_F(shift_time, arguments)
{
	struct vmt *v = self->v;
	uint64_t before = offset(&v[0]);
	pid_t child;
	int status;

	EXPECT_NE(0, v[0].caps.caps & SVMM_CAP_SHIFT_TIME);
	EXPECT_EQ(-EINVAL, svmm_shift_time(v[0].vm, 1ULL << 63));
	EXPECT_EQ(-EINVAL, svmm_shift_time(v[0].vm, ~0ULL));
	/* Another process has the fd, but not the memory. */
	child = fork();
	if (!child)
		_exit(svmm_shift_time(v[0].vm, SHIFT_NS) != -EIO);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(before, offset(&v[0]));
	/* The largest: nonsense, and no harm. */
	EXPECT_EQ(0, svmm_shift_time(v[0].vm, (1ULL << 63) - 1));
	EXPECT_EQ(NO_FAULT, vmt_call(&v[0], MSR_TSC, 0, 0));
}

TEST_HARNESS_MAIN
