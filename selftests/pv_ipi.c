// SPDX-License-Identifier: GPL-2.0
/*
 * The hypercalls by which vCPUs reach each other: interrupts to many at once,
 * the kick of one that waits for a lock, and stepping back for another.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c selftests/lib/crew.c
 * hosts: epyc-6.1 opteron-6.12
 */
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/crew.h"

#define HC_KICK		5
#define HC_SEND_IPI	10
#define HC_YIELD	11
#define ENOSYS_		((uint64_t)-1000)
#define EINVAL_		((uint64_t)-22)

#define FEATURE_UNHALT		7
#define FEATURE_SEND_IPI	11
#define FEATURE_YIELD		13

#define NR	4

/* vCPU 0 calls; the others do as told. */
FIXTURE(pv_ipi) {
	struct vmt v;
	struct crew crew;
};

FIXTURE_SETUP(pv_ipi)
{
	vmt_open(&self->v);
	vmt_load(&self->v, "pv");
	self->crew.nr = 0;
}

FIXTURE_TEARDOWN(pv_ipi)
{
	if (self->crew.nr)
		crew_stop(&self->crew);
	vmt_close(&self->v);
}

static uint64_t call(struct vmt *v, uint64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	vmt_arg(v, 3) = c;
	vmt_arg(v, 4) = d;
	vmt_call(v, nr, a, b);
	return vmt_res(v, 0);
}

static void others(struct vmt *v, struct crew *crew, const char *entry, const char *caller)
{
	for (unsigned int id = 1; id < NR; id++)
		crew_join(crew, v, id, entry, id);
	vmt_start(v, caller);
	crew_start(crew);
}

/* Wait until vCPU @id's count is @want; what it is then. */
static uint32_t count(struct vmt *v, unsigned int id, uint32_t want)
{
	for (int i = 0; i < 2000 && CREW_COUNT(v, id) != want; i++)
		usleep(1000);
	return CREW_COUNT(v, id);
}

TEST_F(pv_ipi, many_at_once)
{
	struct vmt *v = &self->v;
	struct svmm_counters c;

	others(v, &self->crew, "idle", "call");
	for (uint32_t i = 1; i <= 20; i++) {
		EXPECT_EQ(3, call(v, HC_SEND_IPI, 0xe, 0, 0, 0x41));
		for (unsigned int id = 1; id < NR; id++)
			ASSERT_EQ(i, count(v, id, i));
	}
	/* the map's bit 0 is the third argument; its second word goes on at 64 */
	EXPECT_EQ(2, call(v, HC_SEND_IPI, 0x3, 0, 2, 0x41));
	EXPECT_EQ(21, count(v, 2, 21));
	EXPECT_EQ(21, count(v, 3, 21));
	EXPECT_EQ(20, CREW_COUNT(v, 1));
	EXPECT_EQ(0, call(v, HC_SEND_IPI, 0, ~0ULL, 0, 0x41));
	ASSERT_EQ(0, svmm_get_counters(v->vcpu, &c));
	EXPECT_EQ(62, c.pv_ipis);
}

TEST_F(pv_ipi, thirty_two_bits)
{
	struct vmt *v = &self->v;

	others(v, &self->crew, "idle", "call32");
	EXPECT_EQ(2, call(v, HC_SEND_IPI, 0xa, 0, 0, 0x41));
	EXPECT_EQ(1, count(v, 1, 1));
	EXPECT_EQ(1, count(v, 3, 1));
	EXPECT_EQ(0, CREW_COUNT(v, 2));
}

/* Nobody there, nonsense: an answer, and nothing else. */
TEST_F(pv_ipi, bad_arguments)
{
	struct vmt *v = &self->v;

	others(v, &self->crew, "idle", "call");
	EXPECT_EQ(0, call(v, HC_SEND_IPI, ~0ULL, ~0ULL, 64, 0x41));
	EXPECT_EQ(0, call(v, HC_SEND_IPI, ~0ULL, ~0ULL, ~0ULL, 0x41));
	EXPECT_EQ(0, call(v, HC_SEND_IPI, ~0ULL, ~0ULL, 1ULL << 32, 0x41));
	EXPECT_EQ(EINVAL_, call(v, HC_SEND_IPI, 2, 0, 0, 0x841));	/* logical */
	EXPECT_EQ(EINVAL_, call(v, HC_SEND_IPI, 2, 0, 0, 0xc0041));	/* a shorthand */
	EXPECT_EQ(EINVAL_, call(v, HC_SEND_IPI, 2, 0, 0, 0x541));	/* INIT */
	EXPECT_EQ(EINVAL_, call(v, HC_SEND_IPI, 2, 0, 0, 0x621));	/* start-up */
	EXPECT_EQ(EINVAL_, call(v, HC_SEND_IPI, 2, 0, 0, 0x341));
	EXPECT_EQ(1, call(v, HC_SEND_IPI, 2, 0, 0, 0x441));		/* an NMI: counted */
	EXPECT_EQ(0, call(v, HC_KICK, 0, 64, 0, 0));
	EXPECT_EQ(0, call(v, HC_KICK, 0, ~0ULL, 0, 0));
	EXPECT_EQ(0, call(v, HC_YIELD, 64, 0, 0, 0));
	EXPECT_EQ(0, call(v, HC_YIELD, ~0ULL, 0, 0, 0));
	EXPECT_EQ(0, call(v, HC_YIELD, 0, 0, 0, 0));
	usleep(50000);
	EXPECT_EQ(1, vmt_count(v, V_NMI));
	for (unsigned int id = 1; id < NR; id++)
		EXPECT_EQ(0, CREW_COUNT(v, id));
}

/* HLT with interrupts off: only the kick ends it, and one that comes early is not lost. */
TEST_F(pv_ipi, kick)
{
	struct vmt *v = &self->v;

	others(v, &self->crew, "lock_waiter", "call");
	EXPECT_EQ(0, count(v, 1, 1));
	for (uint32_t i = 1; i <= 20; i++) {
		EXPECT_EQ(0, call(v, HC_KICK, 0, 1, 0, 0));
		ASSERT_EQ(i, count(v, 1, i));
	}
	EXPECT_EQ(0, CREW_COUNT(v, 2));
	/* An interrupt does not wake it. */
	ASSERT_EQ(0, svmm_signal_msi(v->vm, 0xfee02000, 0x41));
	usleep(20000);
	EXPECT_EQ(0, CREW_COUNT(v, 2));
}

TEST_F(pv_ipi, kick_before_the_halt)
{
	struct vmt *v = &self->v;

	crew_join(&self->crew, v, 1, "lock_waiter", 0);
	vmt_start(v, "call");
	EXPECT_EQ(0, call(v, HC_KICK, 0, 1, 0, 0));
	crew_start(&self->crew);
	EXPECT_EQ(1, count(v, 1, 1));
}

/* And it is not lost with the vCPU's state, which has no other word for it. */
TEST_F(pv_ipi, kick_is_saved)
{
	struct vmt *v = &self->v, other;

	vmt_open_vcpu(&other, v, 1);
	other.page->mp.state = SVMM_MP_HALTED;
	other.page->dirty = SVMM_STATE_MP;
	ASSERT_EQ(0, svmm_set_state(other.vcpu));
	vmt_start(v, "call");
	EXPECT_EQ(0, call(v, HC_KICK, 0, 2, 0, 0));
	vmt_get(&other, SVMM_STATE_MP);
	EXPECT_EQ(SVMM_MP_HALTED, other.page->mp.state);
	EXPECT_EQ(0, call(v, HC_KICK, 0, 1, 0, 0));
	vmt_get(&other, SVMM_STATE_MP);
	EXPECT_EQ(SVMM_MP_RUNNABLE, other.page->mp.state);
}

TEST_F(pv_ipi, yield)
{
	struct vmt *v = &self->v;
	struct svmm_counters c;

	crew_join(&self->crew, v, 1, "idle", 0);
	crew_join(&self->crew, v, 2, "idle", 1);
	vmt_start(v, "call");
	crew_start(&self->crew);
	for (unsigned int i = 0; i < 100; i++)
		EXPECT_EQ(0, call(v, HC_YIELD, 1 + i % 2, 0, 0, 0));
	ASSERT_EQ(0, svmm_get_counters(v->vcpu, &c));
	EXPECT_EQ(100, c.pv_yields);
}

/* Each is gone with its CPUID bit, and no other is. */
TEST(hidden_by_cpuid)
{
	static const struct {
		unsigned int feature, call;
	} t[] = {
		{ FEATURE_UNHALT, HC_KICK },
		{ FEATURE_SEND_IPI, HC_SEND_IPI },
		{ FEATURE_YIELD, HC_YIELD },
	};

	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct vmt v;

		vmt_open(&v);
		vmt_load(&v, "pv");
		ASSERT_EQ(0, vmt_hide_pv(&v, t[i].feature));
		vmt_start(&v, "call");
		for (size_t j = 0; j < ARRAY_SIZE(t); j++)
			EXPECT_EQ(i == j ? ENOSYS_ : 0, call(&v, t[j].call, 0, 0, 0, 0x41));
		vmt_close(&v);
	}
}

TEST_HARNESS_MAIN
