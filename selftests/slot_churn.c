// SPDX-License-Identifier: GPL-2.0
/*
 * Slots that are added, moved, deleted, given other memory and other flags at full speed, in a VM
 * that has all its slots, under two vCPUs. Whatever was true when a call returned is what a vCPU
 * reads and can write until the next call; SVMM_SET_MEMORY_SLOT has no later effect.
 *
 * needs: selftests/lib/memory.c selftests/lib/vmtest.c selftests/lib/start.c
 * timeout: 120
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "lib/memory.h"

#define PERIOD_MS	(3000 * vmt_slowdown())
#define PATIENCE_MS	40000	/* for kinds that have not been yet */
#define SAYS		(G_FREE + 0x8000)	/* to the guest; see churn in guests/memory.S */
#define ELSEWHERE	(GPA + HUGE_BYTES)
#define OTHERS		0x60000000UL		/* slots from 2 on, every other page */
#define NOTHING		0xeeeeeeeeeeeeeeeeULL

/* What slot 1 can be. */
static const struct {
	const char *name;
	uint64_t gpa, bytes;
	uint32_t flags;
	int backing;
} kinds[] = {
	{ "first memory", GPA, PAGE_SIZE, 0, 0 },
	{ "that logs", GPA, PAGE_SIZE, SVMM_MEM_LOG_DIRTY, 0 },
	{ "read-only", GPA, PAGE_SIZE, SVMM_MEM_READONLY, 0 },
	{ "second memory", GPA, PAGE_SIZE, 0, 1 },
	{ "read-only, too", GPA, PAGE_SIZE, SVMM_MEM_READONLY, 1 },
	{ "larger", GPA, 4 * PAGE_SIZE, 0, 1 },
	{ "elsewhere", ELSEWHERE, PAGE_SIZE, 0, 0 },
	{ "deleted", GPA, 0, 0, 0 },
};

static void nothing(struct vmt *v, struct vmt_mmio *m)
{
	if (!m->write)
		memset(m->data, 0xee, m->bytes);
}

/* Was there one of each?  On a busy host, or a real-time kernel, a change can take a second. */
static bool all(const unsigned int *count, unsigned int nr)
{
	while (nr && count[nr - 1])
		nr--;
	return !nr;
}

TEST(slots_churn)
{
	static uint8_t backing[2][4 * PAGE_SIZE] __attribute__((aligned(4096)));
	static uint8_t page[PAGE_SIZE] __attribute__((aligned(4096)));
	struct memory_guest g;
	struct runner other = {};
	struct vmt v2;
	volatile uint64_t *says;
	unsigned int slots, count[ARRAY_SIZE(kinds)] = {};
	unsigned int now = ARRAY_SIZE(kinds) - 1;
	uint64_t until, seen, others = 0;
	bool *there;

	guest_open(&g);
	g.v.on_mmio = nothing;
	vmt_open_vcpu(&v2, &g.v, 1);
	v2.page->mp.state = SVMM_MP_RUNNABLE;
	v2.page->dirty |= SVMM_STATE_MP;
	slots = g.v.caps.max_slots;
	ASSERT_LE(512, slots);
	there = calloc(slots, sizeof(*there));
	ASSERT_NE(NULL, there);
	for (unsigned int i = 2; i < slots; i++) {
		ASSERT_EQ(0, svmm_set_slot(g.v.vm, i, 0, OTHERS + i * 2 * PAGE_SIZE, PAGE_SIZE,
					   page));
		there[i] = true;
	}
	memset(backing[0], 0x11, PAGE_SIZE);
	memset(backing[1], 0x22, PAGE_SIZE);
	says = vmt_u64(&g.v, SAYS);
	says[0] = 1;
	runner_start(&g.r, &g.v, 0, "churn", GPA, 0x100, SAYS);
	runner_start(&other, &v2, 1, "churn", GPA, 0x800, SAYS);

	srand(1);
	until = now_ms() + PERIOD_MS;
	while ((now_ms() < until || (!all(count, ARRAY_SIZE(kinds)) &&
				     now_ms() < until + PATIENCE_MS)) &&
	       !g.r.event && !other.event) {
		unsigned int next = rand() % ARRAY_SIZE(kinds), i = 2 + rand() % (slots - 2);
		bool here;

		if (next == now)
			continue;
		here = kinds[next].gpa == GPA && kinds[next].bytes;
		says[0] |= 1;
		ASSERT_EQ(0, svmm_set_slot(g.v.vm, 1, kinds[next].flags, kinds[next].gpa,
					   kinds[next].bytes, backing[kinds[next].backing]));
		says[1] = here ? *(uint64_t *)backing[kinds[next].backing] : NOTHING;
		says[2] = here && !(kinds[next].flags & SVMM_MEM_READONLY);
		says[0]++;
		now = next;
		count[now]++;

		/* One of the others goes or comes; that changes nothing. */
		there[i] = !there[i];
		ASSERT_EQ(0, svmm_set_slot(g.v.vm, i, 0, OTHERS + i * 2 * PAGE_SIZE,
					   there[i] ? PAGE_SIZE : 0, page));
		others++;
		/* At times long enough for a vCPU to come round. */
		seen = *g.r.seen;
		for (unsigned int n = rand() % 4 ? 0 : 100000; n && *g.r.seen == seen; n--)
			__builtin_ia32_pause();
	}
	EXPECT_EQ(VMT_DONE, runner_stop(&g.r));
	EXPECT_EQ(VMT_DONE, runner_stop(&other));
	for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++) {
		TH_LOG("%s: %u", kinds[i].name, count[i]);
		EXPECT_LT(0, count[i]);
	}
	TH_LOG("%llu changes of others; %llu of %llu and %llu of %llu rounds judged",
	       (unsigned long long)others,
	       (unsigned long long)*g.r.seen, (unsigned long long)*g.r.rounds,
	       (unsigned long long)*other.seen, (unsigned long long)*other.rounds);
	EXPECT_LT(100, *g.r.seen);
	EXPECT_LT(100, *other.seen);
	vmt_close(&g.v);
}

TEST_HARNESS_MAIN
