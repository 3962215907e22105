// SPDX-License-Identifier: GPL-2.0
/*
 * Steal time and the byte beside it: what another thread takes from the vCPU is
 * reported to the guest, who also learns when the vCPU does not run, and leaves
 * it a TLB flush for later.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vmtest.h"

#define MSR_STEAL	0x4b564d03
#define FEATURE_STEAL	5
#define PAGE_STEAL	0x120000

#define PREEMPTED	1
#define FLUSH_TLB	2

/* Linux: arch/x86/include/uapi/asm/kvm_para.h */
struct steal_time {
	uint64_t steal;
	uint32_t version;
	uint32_t flags;
	uint8_t preempted;
	uint8_t pad[47];
};

FIXTURE(pv_steal) {
	struct vmt v;
	volatile struct steal_time *st;
};

FIXTURE_SETUP(pv_steal)
{
	vmt_boot(&self->v, "pv", "wrmsr");
	self->st = (void *)vmt_u8(&self->v, PAGE_STEAL);
}

FIXTURE_TEARDOWN(pv_steal)
{
	vmt_close(&self->v);
}

static uint32_t enable(struct vmt *v, uint64_t value)
{
	vmt_start(v, "wrmsr");
	return vmt_call(v, MSR_STEAL, value, 0);
}

/* Let the guest run for a while; what it saw of its own byte. */
static uint64_t run(struct vmt *v, uint64_t rounds)
{
	vmt_start(v, "watch");
	vmt_call(v, PAGE_STEAL + offsetof(struct steal_time, preempted), rounds, 0);
	return vmt_res(v, 0);
}

/* The same without new registers, whose loading flushes by itself. */
static uint64_t run_on(struct vmt *v)
{
	vmt_call(v, PAGE_STEAL + offsetof(struct steal_time, preempted), 1000, 0);
	return vmt_res(v, 0);
}

static struct svmm_counters counters(struct __test_metadata *_metadata, struct vmt *v)
{
	struct svmm_counters c;

	ASSERT_EQ(0, svmm_get_counters(v->vcpu, &c));
	return c;
}

static volatile bool burn;

static void *burner(void *arg)
{
	while (burn)
		;
	return NULL;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* Another thread on the same CPU takes about half; alone, next to nothing is stolen. */
TEST_F(pv_steal, grows_with_competition)
{
	struct vmt *v = &self->v;
	uint64_t rounds, before, alone, with, took;
	pthread_t thread;

	vmt_pin(0);
	ASSERT_EQ(NO_FAULT, enable(v, PAGE_STEAL | 1));
	before = now_ns();
	run(v, 1000000);
	took = now_ns() - before;
	rounds = 1000000 * (500000000.0 / took) + 1;	/* half a second */

	before = self->st->steal;
	run(v, rounds);
	run(v, 1);
	alone = self->st->steal - before;

	burn = true;
	ASSERT_EQ(0, pthread_create(&thread, NULL, burner, NULL));
	before = self->st->steal;
	took = now_ns();
	run(v, rounds);
	took = now_ns() - took;
	burn = false;
	pthread_join(thread, NULL);
	run(v, 1);			/* what was stolen last is reported now */
	with = self->st->steal - before;

	TH_LOG("stolen alone %llu ms, with company %llu of %llu ms",
	       (unsigned long long)alone / 1000000, (unsigned long long)with / 1000000,
	       (unsigned long long)took / 1000000);
	EXPECT_LE(took / 5, with);
	EXPECT_GE(took, with);
	EXPECT_GT(with / 2, alone);
	EXPECT_EQ(0, self->st->version & 1);
	EXPECT_NE(0, self->st->version);
	EXPECT_EQ(0, self->st->flags);
	EXPECT_EQ(alone + with, counters(_metadata, v).steal_ns - (before - alone));
}

/* The version counts on from what is there, and is never left odd. */
TEST_F(pv_steal, version)
{
	struct vmt *v = &self->v;
	uint64_t end = now_ns() + 10000000000;
	pthread_t thread;

	self->st->version = 7;
	self->st->steal = 1ULL << 60;
	vmt_pin(0);
	burn = true;
	ASSERT_EQ(0, pthread_create(&thread, NULL, burner, NULL));
	ASSERT_EQ(NO_FAULT, enable(v, PAGE_STEAL | 1));
	/* No pause: the scheduler would take nothing from a thread that sleeps that much. */
	while (self->st->steal == 1ULL << 60 && now_ns() < end)
		run(v, 100000);
	burn = false;
	pthread_join(thread, NULL);
	EXPECT_LT(1ULL << 60, self->st->steal);
	EXPECT_GT((1ULL << 60) + 20000000000, self->st->steal);
	EXPECT_LT(7, self->st->version);
	EXPECT_EQ(0, self->st->version & 1);
}

/* Set while the vCPU is in user space, never while the guest looks. */
TEST_F(pv_steal, preempted)
{
	struct vmt *v = &self->v;

	ASSERT_EQ(NO_FAULT, enable(v, PAGE_STEAL | 1));
	EXPECT_EQ(PREEMPTED, self->st->preempted);
	EXPECT_EQ(0, run(v, 1000));
	EXPECT_EQ(PREEMPTED, self->st->preempted);
	ASSERT_EQ(NO_FAULT, enable(v, PAGE_STEAL));
	self->st->preempted = 0x5a;
	EXPECT_EQ(0x5a, run(v, 1000));
	EXPECT_EQ(0x5a, self->st->preempted);
}

static uint32_t asid(struct __test_metadata *_metadata, struct vmt *v)
{
	static struct svmm_debug_vmcb d;
	uint32_t word;

	ASSERT_EQ(0, svmm_debug_vmcb(v->vcpu, &d));
	memcpy(&word, d.vmcb + 0x58, sizeof(word));
	return word;
}

/* A flush that was left is done at once: under another ASID, or by FlushByASID. */
TEST_F(pv_steal, flush)
{
	struct vmt *v = &self->v;
	uint32_t first;

	vmt_pin(0);
	ASSERT_EQ(NO_FAULT, enable(v, PAGE_STEAL | 1));
	run(v, 1);
	run_on(v);
	first = asid(_metadata, v);
	EXPECT_EQ(0, run_on(v));
	EXPECT_EQ(first, asid(_metadata, v));
	EXPECT_EQ(0, counters(_metadata, v).pv_tlb_flushes);

	self->st->preempted |= FLUSH_TLB;
	EXPECT_EQ(0, run_on(v));
	EXPECT_EQ(1, counters(_metadata, v).pv_tlb_flushes);
	if (!(v->caps.features & SVMM_FEAT_FLUSHBYASID))
		EXPECT_NE(first, asid(_metadata, v));
	EXPECT_EQ(PREEMPTED, self->st->preempted);
	run_on(v);
	EXPECT_EQ(1, counters(_metadata, v).pv_tlb_flushes);
}

TEST_F(pv_steal, addresses)
{
	static const uint64_t nowhere[] = {
		G_RAM_BYTES, 0xfee00000, 1ULL << 40, 1ULL << 63, ~63ULL,
	};
	struct vmt *v = &self->v;

	for (int bit = 1; bit < 6; bit++)
		EXPECT_EQ(V_GP, enable(v, PAGE_STEAL | 1 | 1 << bit));
	for (size_t i = 0; i < ARRAY_SIZE(nowhere); i++) {
		EXPECT_EQ(NO_FAULT, enable(v, nowhere[i] | 1));
		run(v, 1000);
	}
	EXPECT_EQ(0, counters(_metadata, v).steal_ns);
}

/* What was enabled is part of the state, and goes on where it was. */
TEST_F(pv_steal, save_and_restore)
{
	struct vmt *v = &self->v, other;

	ASSERT_EQ(NO_FAULT, enable(v, PAGE_STEAL | 1));
	vmt_get(v, SVMM_STATE_PV);
	EXPECT_EQ(PAGE_STEAL | 1, v->page->pv.steal_time);

	vmt_open(&other);
	vmt_load(&other, "pv");
	other.page->pv = v->page->pv;
	other.page->pv.steal_time |= 2;
	other.page->dirty |= SVMM_STATE_PV;
	EXPECT_GT(0, svmm_set_state(other.vcpu));
	other.page->pv.steal_time &= ~2ULL;
	ASSERT_EQ(0, svmm_set_state(other.vcpu));
	*vmt_u8(&other, PAGE_STEAL + offsetof(struct steal_time, preempted)) = PREEMPTED;
	EXPECT_EQ(0, run(&other, 1000));
	EXPECT_EQ(PREEMPTED, *vmt_u8(&other, PAGE_STEAL + offsetof(struct steal_time, preempted)));
	vmt_close(&other);
}

TEST_F(pv_steal, hidden_by_cpuid)
{
	struct vmt v;

	vmt_open(&v);
	vmt_load(&v, "pv");
	ASSERT_EQ(0, vmt_hide_pv(&v, FEATURE_STEAL));
	EXPECT_EQ(V_GP, enable(&v, PAGE_STEAL | 1));
	EXPECT_EQ(V_GP, enable(&v, 0));
	v.page->pv.steal_time = PAGE_STEAL | 1;
	v.page->dirty |= SVMM_STATE_PV;
	EXPECT_GT(0, svmm_set_state(v.vcpu));
	v.page->pv.steal_time = 0;
	EXPECT_EQ(0, svmm_set_state(v.vcpu));
	vmt_close(&v);
}

TEST_HARNESS_MAIN
