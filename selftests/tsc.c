// SPDX-License-Identifier: GPL-2.0
/*
 * The time-stamp counter: one for all vCPUs, on whichever CPUs their threads are; what a write
 * means; its rate; TSC_AUX; and who may call it invariant.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 * hosts: epyc-6.1 opteron-6.12
 */
#include <cpuid.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vmtest.h"

#define WARPS		(G_FREE + 0x9010)
#define ROUNDS(i)	(G_FREE + 0xa000 + 8 * (i))

static volatile bool stop;

/* A vCPU's thread, which changes its CPU at every signal. */
static void *wander(void *arg)
{
	struct vmt *v = arg;
	unsigned int n = 0;
	int ret;

	do {
		vmt_pin(n++);
		ret = svmm_run(v->vcpu);
	} while (ret == -EINTR && !stop);
	return (void *)(long)ret;
}

static void wake(int sig)
{
}

static void two_vcpus(struct __test_metadata *_metadata, struct vmt *v, const char *entry)
{
	struct sigaction sa = { .sa_handler = wake };
	pthread_t thread[2];

	vmt_open(&v[0]);
	vmt_load(&v[0], "smp");
	vmt_open_vcpu(&v[1], &v[0], 1);
	for (unsigned int i = 0; i < 2; i++) {
		vmt_start(&v[i], entry);
		v[i].page->gpr.r15 = i;
		v[i].page->gpr.r13 = 0x1000 + i;
		v[i].page->gpr.rsp = G_FREE + 0x10000 + 0x1000 * i;
		v[i].page->mp.state = SVMM_MP_RUNNABLE;
		v[i].page->dirty |= SVMM_STATE_MP;
	}
	sigaction(SIGUSR1, &sa, NULL);
	stop = false;
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, wander, &v[i]));
	for (int k = 0; k < 300; k++) {
		usleep(10000);
		pthread_kill(thread[k & 1], SIGUSR1);
	}
	stop = true;
	for (int i = 0; i < 2; i++) {
		void *ret;

		v[i].page->immediate_exit = 1;
		while (pthread_tryjoin_np(thread[i], &ret)) {
			pthread_kill(thread[i], SIGUSR1);
			usleep(1000);
		}
		EXPECT_EQ(-EINTR, (long)ret);
		EXPECT_LT(100, *vmt_u64(&v[0], ROUNDS(i)));
	}
	EXPECT_EQ(0, *vmt_u64(&v[0], WARPS)) {
		TH_LOG("of %llu and %llu looks", (unsigned long long)*vmt_u64(&v[0], ROUNDS(0)),
		       (unsigned long long)*vmt_u64(&v[0], ROUNDS(1)));
	}
}

static void close_two(struct vmt *v)
{
	munmap(v[1].page, v[1].caps.vcpu_mmap_bytes);
	close(v[1].vcpu);
	vmt_close(&v[0]);
}

TEST(monotonic)
{
	struct vmt v[2];

	two_vcpus(_metadata, v, "warp");
	close_two(v);
}

TEST(aux_stays_with_its_vcpu)
{
	unsigned int a, b, c, d;
	struct vmt v[2];

	__cpuid(0x80000001, a, b, c, d);
	if (!(d & 1 << 27))
		SKIP(return, "the host has no RDTSCP");
	two_vcpus(_metadata, v, "aux");
	for (int i = 0; i < 2; i++) {
		vmt_get(&v[i], SVMM_STATE_TSC);
		EXPECT_EQ(0x1000 + i, v[i].page->tsc.aux);
	}
	close_two(v);
}

static uint64_t offset_of(struct vmt *v)
{
	vmt_get(v, SVMM_STATE_TSC);
	return v->page->tsc.offset;
}

/* A guest that sets all its TSCs to one value wants them alike; else a write is a write. */
TEST(written_one_after_the_other)
{
	uint64_t second, before;
	struct vmt v[3];

	vmt_open(&v[0]);
	vmt_load(&v[0], "smp");
	for (int i = 1; i < 3; i++)
		vmt_open_vcpu(&v[i], &v[0], i);
	second = v->caps.tsc_khz * 1000ULL;
	EXPECT_EQ(offset_of(&v[0]), offset_of(&v[1]));
	for (int i = 0; i < 3; i++) {
		vmt_start(&v[i], "set_tsc");
		v[i].page->mp.state = SVMM_MP_RUNNABLE;
		v[i].page->dirty |= SVMM_STATE_MP;
		ASSERT_EQ(1, vmt_report(&v[i]));
	}
	for (int round = 0; round < 3; round++) {
		before = offset_of(&v[0]);
		for (int i = 0; i < 3; i++) {
			usleep(10000);
			vmt_call(&v[i], 5000000, 0, 0);
			/* it reads what it wrote, or how far the first one has come since */
			EXPECT_LE(5000000, vmt_res(&v[i], 0));
			EXPECT_GT(5000000 + second, vmt_res(&v[i], 0));
		}
		EXPECT_NE(before, offset_of(&v[0]));
		EXPECT_EQ(offset_of(&v[0]), offset_of(&v[1]));
		EXPECT_EQ(offset_of(&v[0]), offset_of(&v[2]));
	}
	/* an hour ahead is meant, and is this vCPU's alone */
	before = offset_of(&v[0]);
	vmt_call(&v[1], 3600 * second, 0, 0);
	EXPECT_EQ(before, offset_of(&v[0]));
	EXPECT_LT(3000 * second, offset_of(&v[1]) - before);
	/* twice by one vCPU: exact */
	vmt_call(&v[2], 7000 * second, 0, 0);
	before = offset_of(&v[2]);
	vmt_call(&v[2], 7000 * second, 0, 0);
	EXPECT_GT(0, (int64_t)(offset_of(&v[2]) - before));
	for (int i = 2; i; i--) {
		munmap(v[i].page, v[i].caps.vcpu_mmap_bytes);
		close(v[i].vcpu);
	}
	vmt_close(&v[0]);
}

TEST(rate)
{
	struct vmt v;

	vmt_open(&v);
	/* too late: there is a vCPU */
	EXPECT_EQ(-EBUSY, svmm_set_tsc_khz(v.vm, v.caps.tsc_khz));
	EXPECT_EQ(-EINVAL, svmm_set_tsc_khz(v.vm, 0));
	close(v.vm);
	v.vm = vmt_bare_vm(v.svmm);
	ASSERT_LE(0, v.vm);
	EXPECT_EQ(0, svmm_set_tsc_khz(v.vm, v.caps.tsc_khz));
	EXPECT_EQ(-EINVAL, svmm_set_tsc_khz(v.vm, 0));
	if (v.caps.features & SVMM_FEAT_TSC_SCALING) {
		EXPECT_EQ(0, svmm_set_tsc_khz(v.vm, v.caps.tsc_khz / 2));
		EXPECT_EQ(-EINVAL, svmm_set_tsc_khz(v.vm, ~0U));
	} else {
		EXPECT_EQ(-EOPNOTSUPP, svmm_set_tsc_khz(v.vm, v.caps.tsc_khz / 2));
	}
	vmt_close(&v);
}

/* The invariant bit and the clock's stable bit, if the host has the one itself. */
TEST(invariant_if_the_host_is)
{
	int svmm = svmm_open(), invariant = -1, stable = -1;
	unsigned int a, b, c, d;
	struct svmm_cpuid *table;

	ASSERT_LE(0, svmm);
	ASSERT_EQ(0, svmm_get_supported_cpuid(svmm, &table));
	for (uint32_t i = 0; i < table->nr; i++) {
		if (table->entries[i].function == 0x80000007)
			invariant = table->entries[i].edx >> 8 & 1;
		if (table->entries[i].function == 0x40000001)
			stable = table->entries[i].eax >> 24 & 1;
	}
	EXPECT_LE(0, invariant);
	EXPECT_EQ(invariant, stable);
	__cpuid(0x80000007, a, b, c, d);
	if (!(d & 1 << 8))
		EXPECT_EQ(0, invariant);
	close(svmm);
}

TEST_HARNESS_MAIN
