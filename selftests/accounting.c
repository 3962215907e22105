// SPDX-License-Identifier: GPL-2.0
/*
 * The accounts of a vCPU's exits and of its time (uapi/svmm_stats.h) are true.
 *
 * needs: selftests/lib/cost.c selftests/lib/vmtest.c selftests/lib/start.c
 */
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "kselftest_harness.h"
#include "lib/cost.h"

#define ROUNDS		1000

FIXTURE(accounts) {
	struct vmt v;
	struct svmm_vcpu_stats s;
};

FIXTURE_SETUP(accounts)
{
	cost_open(&self->v);
}

FIXTURE_TEARDOWN(accounts)
{
	vmt_close(&self->v);
}

static const struct svmm_key_stat *key(const struct svmm_vcpu_stats *s, enum svmm_stats_key kind,
				       uint64_t key)
{
	for (int i = 0; i < SVMM_STATS_KEYS; i++)
		if (s->keys[kind][i].count && s->keys[kind][i].key == key)
			return &s->keys[kind][i];
	return NULL;
}

static uint64_t all_ticks(const struct svmm_vcpu_stats *s)
{
	uint64_t sum = s->halted + s->stopped + s->preempted;

	for (uint32_t i = 0; i < s->nr_exits; i++)
		for (int phase = 0; phase < SVMM_PHASES; phase++)
			sum += s->exits[i].ticks[phase];
	return sum;
}

/* A number of exits of each kind, and that many are counted. */
FIXTURE_VARIANT(accounts) {
	const char *entry;
	uint64_t code;
	enum svmm_stats_key kind;
	uint64_t key;
	bool no_key, to_user;
};

FIXTURE_VARIANT_ADD(accounts, cpuid) {
	.entry = "cpuid", .code = 0x72, .no_key = true,
};

FIXTURE_VARIANT_ADD(accounts, vmmcall) {
	.entry = "vmmcall", .code = 0x81, .kind = SVMM_KEY_HYPERCALL, .key = ~0U,
};

FIXTURE_VARIANT_ADD(accounts, rdmsr) {
	.entry = "rdmsr", .code = 0x7c, .kind = SVMM_KEY_MSR, .key = COST_MSR,
};

FIXTURE_VARIANT_ADD(accounts, wrmsr) {
	.entry = "wrmsr", .code = 0x7c, .kind = SVMM_KEY_MSR, .key = COST_MSR,
};

FIXTURE_VARIANT_ADD(accounts, pio_out) {
	.entry = "pio_out", .code = 0x7b, .kind = SVMM_KEY_PORT, .key = COST_PORT,
	.to_user = true,
};

FIXTURE_VARIANT_ADD(accounts, pio_in) {
	.entry = "pio_in", .code = 0x7b, .kind = SVMM_KEY_PORT, .key = COST_PORT,
	.to_user = true,
};

FIXTURE_VARIANT_ADD(accounts, mmio_store) {
	.entry = "mmio_store4", .code = VMEXIT_NPF, .kind = SVMM_KEY_MMIO, .key = COST_DEVICE,
	.to_user = true,
};

FIXTURE_VARIANT_ADD(accounts, mmio_load) {
	.entry = "mmio_load4", .code = VMEXIT_NPF, .kind = SVMM_KEY_MMIO, .key = COST_DEVICE,
	.to_user = true,
};

TEST_F(accounts, count)
{
	struct svmm_vcpu_stats before, *s = &self->s;
	const struct svmm_exit_stat *was, *is;
	const struct svmm_key_stat *k;
	uint64_t in_buckets = 0;

	cost_run(&self->v, variant->entry, 1);	/* its pages are there now, and DONE has been */
	ASSERT_EQ(0, svmm_get_stats(self->v.vcpu, &before));
	cost_run(&self->v, variant->entry, ROUNDS);
	ASSERT_EQ(0, svmm_get_stats(self->v.vcpu, s));

	was = cost_line(&before, variant->code);
	is = cost_line(s, variant->code);
	ASSERT_NE(NULL, was);
	ASSERT_NE(NULL, is);
	/* DONE is an OUT, too. */
	EXPECT_EQ(ROUNDS + (variant->code == 0x7b), is->count - was->count);
	EXPECT_EQ(1 + (variant->to_user ? ROUNDS : 0), s->to_user - before.to_user);
	for (int i = 0; i < SVMM_STATS_BUCKETS; i++)
		in_buckets += is->histogram[i] - was->histogram[i];
	EXPECT_EQ(is->count - was->count, in_buckets);
	for (int phase = 0; phase < SVMM_PHASES; phase++) {
		bool some = is->ticks[phase] != was->ticks[phase];

		/* The guest was in user space after DONE, and that is an IOIO. */
		EXPECT_EQ(phase != SVMM_PHASE_USER || variant->to_user, some);
	}
	k = variant->no_key ? NULL : key(s, variant->kind, variant->key);
	EXPECT_EQ(variant->no_key, !k);
	EXPECT_EQ(variant->no_key, is->no_key != was->no_key);
	if (k) {
		EXPECT_EQ(ROUNDS + 1, k->count);
		EXPECT_EQ(0, k->error);
		EXPECT_LT(0, k->ticks);
	}
}

/* Every tick since the first RUN is somewhere. */
TEST_F(accounts, are_complete)
{
	uint64_t wall, sum;

	vmt_tick(3);
	/* What lies between RUN's return and the look at the TSC is not accounted yet: again. */
	for (int i = 0; i < 5; i++) {
		for (int j = 0; j < 20; j++) {
			usleep(1000);
			cost_run(&self->v, variant->entry, 200);
		}
		wall = __rdtsc();
		ASSERT_EQ(0, svmm_get_stats(self->v.vcpu, &self->s));
		wall -= self->s.begun;
		sum = all_ticks(&self->s);
		TH_LOG("%llu of %llu ticks", (unsigned long long)sum, (unsigned long long)wall);
		if (sum > wall - wall / 100)
			break;
	}
	EXPECT_LT(wall - wall / 100, sum);
	EXPECT_GT(wall + wall / 100, sum);
}

FIXTURE(account) {
	struct vmt v;
	struct svmm_vcpu_stats before, s;
	uint64_t tsc_per_ms;
};

FIXTURE_SETUP(account)
{
	cost_open(&self->v);
	self->tsc_per_ms = self->v.caps.tsc_khz;
}

FIXTURE_TEARDOWN(account)
{
	vmt_close(&self->v);
}

/* What user space takes to answer an exit is the exit's; after a signal it is nobody's. */
TEST_F(account, user_and_stopped)
{
	struct vmt *v = &self->v;

	v->on_io = NULL;
	vmt_start(v, "pio_out");
	v->page->gpr.rdx = 2;
	ASSERT_EQ(SVMM_EXIT_IO, vmt_run(v));
	ASSERT_EQ(0, svmm_get_stats(v->vcpu, &self->before));
	usleep(20000);
	ASSERT_EQ(SVMM_EXIT_IO, vmt_run(v));
	ASSERT_EQ(0, svmm_get_stats(v->vcpu, &self->s));
	EXPECT_LE(20 * self->tsc_per_ms, cost_line(&self->s, 0x7b)->ticks[SVMM_PHASE_USER]);
	/* Not those; only from a RUN that the host's scheduler has ended to the next. */
	EXPECT_GT(10 * self->tsc_per_ms, self->s.stopped);

	v->page->immediate_exit = 1;
	ASSERT_EQ(-EINTR, svmm_run(v->vcpu));
	v->page->immediate_exit = 0;
	ASSERT_EQ(0, svmm_get_stats(v->vcpu, &self->before));
	usleep(20000);
	vmt_done(v);
	ASSERT_EQ(0, svmm_get_stats(v->vcpu, &self->s));
	EXPECT_LE(20 * self->tsc_per_ms, self->s.stopped);
	EXPECT_EQ(cost_line(&self->before, 0x7b)->ticks[SVMM_PHASE_USER],
		  cost_line(&self->s, 0x7b)->ticks[SVMM_PHASE_USER]);
}

/* A vCPU that waits for its start-up costs nothing. */
TEST_F(account, halted)
{
	struct vmt second;

	vmt_open_vcpu(&second, &self->v, 1);
	vmt_tick(20);
	ASSERT_EQ(-EINTR, svmm_run(second.vcpu));
	ASSERT_EQ(0, svmm_get_stats(second.vcpu, &self->s));
	EXPECT_LE(10 * self->tsc_per_ms, self->s.halted);
	EXPECT_EQ(1, self->s.nr_exits);
	vmt_close(&second);
}

/* More keys than lines: the frequent one keeps its own, and no count is below the truth. */
TEST_F(account, hottest_keys)
{
	const struct svmm_key_stat *k;
	uint64_t sum = 0;

	cost_run(&self->v, "ports", 64 * 50);
	ASSERT_EQ(0, svmm_get_stats(self->v.vcpu, &self->s));
	k = key(&self->s, SVMM_KEY_PORT, 0x200);
	ASSERT_NE(NULL, k);
	EXPECT_LE(64 * 50, k->count);
	EXPECT_GE(64 * 50, k->count - k->error);
	for (int i = 0; i < SVMM_STATS_KEYS; i++) {
		k = &self->s.keys[SVMM_KEY_PORT][i];
		sum += k->count;
		if (k->key == 0x200 || k->key == PORT_DONE)
			continue;
		EXPECT_TRUE(k->key >= 0x100 && k->key < 0x140);
		EXPECT_LE(k->count - k->error, 50);
	}
	/* Space-saving loses none. */
	EXPECT_EQ(2 * 64 * 50 + 1, sum);
}

TEST_HARNESS_MAIN
