// SPDX-License-Identifier: GPL-2.0
/*
 * The end of an interrupt without an exit: the guest finds the bit set exactly
 * when nobody else needs to know, and the local APIC's state is right whenever
 * anybody looks.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 */
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "lib/vmtest.h"

#define FEATURE_PV_EOI	6
#define WORD		0x120000
#define ROUNDS		20

/* What the guest's ARG1 and ARG2 mean: see guests/pv.S. */
enum { PLAIN, EXITS, REPORTS };
enum { ONE, TWO, WAIT };

FIXTURE(pv_eoi) {
	struct vmt v;
};

FIXTURE_VARIANT(pv_eoi) {
	const char *entry;
	bool x2apic;
};

FIXTURE_VARIANT_ADD(pv_eoi, xapic) { .entry = "eoi" };
FIXTURE_VARIANT_ADD(pv_eoi, x2apic) { .entry = "eoi_x2", .x2apic = true };

FIXTURE_SETUP(pv_eoi)
{
	vmt_boot(&self->v, "pv", variant->entry);
}

FIXTURE_TEARDOWN(pv_eoi)
{
	vmt_close(&self->v);
}

static struct svmm_counters counters(struct __test_metadata *_metadata, struct vmt *v)
{
	struct svmm_counters c;

	ASSERT_EQ(0, svmm_get_counters(v->vcpu, &c));
	return c;
}

static uint32_t isr(struct vmt *v)
{
	uint32_t any = 0;

	vmt_get(v, SVMM_STATE_LAPIC);
	for (int i = 0; i < 8; i++)
		any |= v->lapic->regs[0x10 + i];
	return any;
}

/*
 * All ends without an exit, and none of it is seen afterwards. A few have bad luck: the word's
 * page is not mapped yet, the host is interrupted in the middle of a handler.
 */
TEST_F(pv_eoi, taken)
{
	struct vmt *v = &self->v;

	EXPECT_EQ(NO_FAULT, vmt_call(v, WORD | 1, PLAIN, ONE));
	for (int i = 1; i <= ROUNDS; i++) {
		vmt_report(v);
		EXPECT_EQ(i, vmt_res(v, 0));
		EXPECT_EQ(0, *vmt_u32(v, WORD));
		EXPECT_EQ(0, isr(v));
	}
	EXPECT_GE(ROUNDS / 4, vmt_res(v, 1));
	EXPECT_LE(ROUNDS * 3 / 4, counters(_metadata, v).pv_eoi_offered);
	EXPECT_EQ(ROUNDS - vmt_res(v, 1), counters(_metadata, v).pv_eoi_taken);
}

/* Not asked for: each is an EOI. */
TEST_F(pv_eoi, off)
{
	struct vmt *v = &self->v;

	vmt_call(v, 0, PLAIN, ONE);
	for (int i = 0; i < ROUNDS; i++)
		vmt_report(v);
	EXPECT_EQ(ROUNDS, vmt_res(v, 0));
	EXPECT_EQ(ROUNDS, vmt_res(v, 1));
	EXPECT_EQ(0, counters(_metadata, v).pv_eoi_offered);
}

/* While another one waits the end has to be told; the last of them may be kept. */
TEST_F(pv_eoi, another_waits)
{
	struct vmt *v = &self->v;

	EXPECT_EQ(NO_FAULT, vmt_call(v, WORD | 1, PLAIN, TWO));
	for (int i = 0; i < ROUNDS; i++)
		vmt_report(v);
	EXPECT_EQ(2 * ROUNDS, vmt_res(v, 0));
	EXPECT_LE(ROUNDS, vmt_res(v, 1));
	EXPECT_GE(ROUNDS + ROUNDS / 4, vmt_res(v, 1));
	EXPECT_EQ(0, isr(v));
}

/* An exit in the handler ends the offer: the guest finds the bit clear. */
TEST_F(pv_eoi, an_exit_ends_the_offer)
{
	struct vmt *v = &self->v;

	EXPECT_EQ(NO_FAULT, vmt_call(v, WORD | 1, EXITS, ONE));
	for (int i = 0; i < ROUNDS; i++)
		vmt_report(v);
	EXPECT_EQ(ROUNDS, vmt_res(v, 0));
	EXPECT_EQ(ROUNDS, vmt_res(v, 1));
	EXPECT_EQ(0, counters(_metadata, v).pv_eoi_taken);
	EXPECT_EQ(0, isr(v));
}

/* In user space in the middle of a handler: the vector is in service, and can be restored so. */
TEST_F(pv_eoi, state_in_a_handler)
{
	struct vmt *v = &self->v;

	EXPECT_EQ(NO_FAULT, vmt_call(v, WORD | 1, REPORTS, ONE));
	for (int i = 1; i <= ROUNDS; i++) {
		EXPECT_EQ(0x77, vmt_report(v));
		vmt_get(v, SVMM_STATE_LAPIC | SVMM_STATE_PV);
		EXPECT_EQ(1U << 1, v->lapic->regs[0x12]);
		EXPECT_EQ(0, *vmt_u32(v, WORD));
		EXPECT_EQ(WORD | 1, v->page->pv.pv_eoi);
		v->page->dirty |= SVMM_STATE_LAPIC | SVMM_STATE_PV;
		/* With the state it may get another offer. */
		EXPECT_EQ(0, vmt_report(v));
		EXPECT_EQ(i, vmt_res(v, 0));
		EXPECT_EQ(0, isr(v));
	}
	EXPECT_EQ(ROUNDS, vmt_res(v, 1) + counters(_metadata, v).pv_eoi_taken);
}

/* A level-triggered one's end is user space's to know. */
TEST_F(pv_eoi, level)
{
	struct vmt *v = &self->v;

	EXPECT_EQ(NO_FAULT, vmt_call(v, WORD | 1, PLAIN, WAIT));
	for (int i = 1; i <= ROUNDS; i++) {
		ASSERT_EQ(1, svmm_signal_msi(v->vm, 0xfee00000, 0xc041));
		ASSERT_EQ(SVMM_EXIT_EOI, vmt_run(v));
		EXPECT_EQ(0x41, v->page->exit.eoi.vector);
		EXPECT_EQ(0, vmt_report(v));
		EXPECT_EQ(i, vmt_res(v, 1));
		EXPECT_EQ(0, isr(v));
	}
	EXPECT_EQ(0, counters(_metadata, v).pv_eoi_offered);
	/* and the same vector, edge-triggered */
	for (int i = 1; i <= ROUNDS; i++) {
		ASSERT_EQ(1, svmm_signal_msi(v->vm, 0xfee00000, 0x41));
		EXPECT_EQ(0, vmt_report(v));
	}
	EXPECT_LE(ROUNDS * 3 / 4, counters(_metadata, v).pv_eoi_offered);
}

/* The word's page is not there, or goes while the offer stands. */
TEST_F(pv_eoi, page_goes_away)
{
	struct vmt *v = &self->v;

	EXPECT_EQ(NO_FAULT, vmt_call(v, WORD | 1, PLAIN, ONE));
	for (int i = 1; i <= ROUNDS; i++) {
		/* The kernel finds no page, and must not wait for one in the window. */
		madvise(v->ram + WORD, PAGE_SIZE, MADV_DONTNEED);
		vmt_report(v);
		EXPECT_EQ(i, vmt_res(v, 0));
		EXPECT_EQ(0, isr(v));
		EXPECT_EQ(0, *vmt_u32(v, WORD));
	}
}

TEST_F(pv_eoi, addresses)
{
	struct vmt *v = &self->v;
	static const uint64_t nowhere[] = { G_RAM_BYTES, 0xfee00000, 1ULL << 40, ~3ULL };

	EXPECT_EQ(V_GP, vmt_call(v, WORD | 3, PLAIN, ONE));
	for (size_t i = 0; i < ARRAY_SIZE(nowhere); i++) {
		vmt_start(v, "wrmsr");
		EXPECT_EQ(NO_FAULT, vmt_call(v, 0x4b564d04, nowhere[i] | 1, 0));
		vmt_start(v, variant->entry);
		vmt_call(v, 0, PLAIN, ONE);
		for (int j = 0; j < 3; j++)
			vmt_report(v);
		EXPECT_EQ(3, vmt_res(v, 1));
	}
	EXPECT_EQ(0, counters(_metadata, v).pv_eoi_offered);
}

TEST_F(pv_eoi, hidden_by_cpuid)
{
	struct vmt v;

	vmt_open(&v);
	vmt_load(&v, "pv");
	ASSERT_EQ(0, vmt_hide_pv(&v, FEATURE_PV_EOI));
	vmt_start(&v, variant->entry);
	EXPECT_EQ(V_GP, vmt_call(&v, WORD | 1, PLAIN, ONE));
	vmt_report(&v);
	EXPECT_EQ(1, vmt_res(&v, 1));
	vmt_close(&v);
}

TEST_HARNESS_MAIN
