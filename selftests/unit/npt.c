// SPDX-License-Identifier: GPL-2.0
/*
 * Nested page tables, one property after the other, against a memory that records each write
 * (npt_memory.h). After each operation all states in between are set up again; a CPU that walked
 * then must have found the translation from before the operation or the one from after it.
 * What another CPU does at the worst moment is done by a hook before the compare-and-exchange.
 * Random sequences are in npt_model.c.
 *
 * needs: module/npt/npt.c
 * libs: -pthread
 */
#include "npt_memory.h"
#include "tap.h"

/* Map one leaf of backing 0, with as many spares as it needs. */
static int map(struct npt_tables *t, u64 gfn, unsigned int level, u64 bits)
{
	struct npt_spares spares = {};
	int ret;

	spares_fill(&spares, 4);
	ret = npt_map(t, gfn, level, leaf_of(t, gfn, level, bits, 0), &spares);
	spares_free(&spares);
	return ret;
}

static bool maps(const struct npt_tables *t, u64 gfn, unsigned int level, bool w)
{
	struct translation tr = hw_walk(t, gfn);

	return tr.level == level && tr.pfn == pfn_of(gfn, 0) && tr.w == w && tr.x;
}

/* Every frame of a leaf, for replay(). */
static u64 all_frames[512];

static const u64 *frames_of(u64 gfn, unsigned int level)
{
	unsigned int i;

	for (i = 0; i < 512; i++)
		all_frames[i] = npt_first(gfn, level) + i * (npt_frames(level) / 512);
	return all_frames;
}

/* ---- single properties ---------------------------------------------------------------------- */

static void test_levels(void)
{
	static const u64 top[] = { (1ULL << 36) - 1, (1ULL << 45) - 1 };
	unsigned int levels, level;
	u64 enc;

	for (levels = 4; levels <= 5; levels++)
		for (enc = 0; enc <= ENC; enc += ENC) {
			struct npt_tables t = tables_create(levels, enc);
			unsigned int found;
			u64 gfn;

			for (level = NPT_4K; level <= NPT_1G; level++) {
				/* The last leaf of this size below the last 1 GiB, 2 GiB, ... */
				gfn = npt_first(top[levels - 4] - (level - 1) * npt_frames(NPT_1G),
						level);
				CHECK(map(&t, gfn, level, level == NPT_2M ? 0 : NPT_W) == 0);
				CHECK(maps(&t, gfn, level, level != NPT_2M));
				CHECK(maps(&t, npt_next(gfn, level) - 1, level, level != NPT_2M));
				CHECK(!hw_walk(&t, gfn - 1).level);
				CHECK(npt_walk(&t, gfn, &found) == *hw_walk(&t, gfn).entry);
				CHECK(found == level);
			}
			CHECK(npt_walk(&t, 5, &found) == 0);
			tables_destroy(&t);
		}
}

static void test_rights(void)
{
	struct npt_tables t = tables_create(4, 0);

	CHECK(map(&t, 7, NPT_4K, NPT_NX) == 0);
	CHECK(!hw_walk(&t, 7).w && !hw_walk(&t, 7).x);
	CHECK(hw_walk(&t, 7).a && !hw_walk(&t, 7).d);

	/* Rights only grow, whatever the order. */
	CHECK(map(&t, 7, NPT_4K, NPT_NX | NPT_W | NPT_D) == 0);
	CHECK(hw_walk(&t, 7).w && !hw_walk(&t, 7).x && hw_walk(&t, 7).d);
	CHECK(map(&t, 7, NPT_4K, 0) == 0);
	CHECK(hw_walk(&t, 7).w && hw_walk(&t, 7).x && hw_walk(&t, 7).d);
	CHECK(map(&t, 7, NPT_4K, NPT_NX) == 0);
	CHECK(hw_walk(&t, 7).w && hw_walk(&t, 7).x);
	tables_destroy(&t);
}

static void test_missing_spares(void)
{
	struct npt_tables t = tables_create(5, 0);
	struct npt_spares spares = {};
	u64 leaf = leaf_of(&t, 9, NPT_4K, NPT_W, 0);
	int need;

	/* One table at a time: each call says how many more it wants, and keeps what it did. */
	for (need = 4; need > 0; need--) {
		CHECK(npt_map(&t, 9, NPT_4K, leaf, &spares) == need);
		CHECK(!hw_walk(&t, 9).level);
		spares_fill(&spares, 1);
	}
	CHECK(npt_map(&t, 9, NPT_4K, leaf, &spares) == 0 && !spares.nr);
	CHECK(maps(&t, 9, NPT_4K, true));
	tables_destroy(&t);
}

static void test_in_the_way(void)
{
	struct npt_tables t = tables_create(4, 0);
	struct npt_spares spares = {};

	/* A larger leaf that permits the access will do; else it is in the way. */
	CHECK(map(&t, 512, NPT_2M, 0) == 0);
	CHECK(map(&t, 517, NPT_4K, 0) == 0);
	CHECK(map(&t, 517, NPT_4K, NPT_W) == -EEXIST);
	CHECK(npt_map(&t, 517, NPT_4K, leaf_of(&t, 517, NPT_4K, 0, 1), &spares) == -EEXIST);
	CHECK(maps(&t, 517, NPT_2M, false));
	CHECK(map(&t, 1024, NPT_2M, NPT_NX) == 0);
	CHECK(map(&t, 1025, NPT_4K, NPT_NX) == 0 && map(&t, 1025, NPT_4K, 0) == -EEXIST);

	/* So is a table, and a leaf of the same size that leads elsewhere. */
	CHECK(map(&t, 0, NPT_1G, 0) == -EEXIST);
	CHECK(npt_map(&t, 512, NPT_2M, leaf_of(&t, 512, NPT_2M, 0, 1), &spares) == -EEXIST);
	tables_destroy(&t);
}

static void test_split(void)
{
	unsigned int to;

	for (to = NPT_4K; to <= NPT_2M; to++) {
		struct npt_tables t = tables_create(4, ENC);
		struct npt_spares spares = {};
		u64 gfn = 3 * npt_frames(NPT_1G) + 777;
		struct translation tr;

		CHECK(map(&t, npt_first(gfn, NPT_1G), NPT_1G, NPT_W) == 0);
		hw_touch(&t, gfn, true);
		record_start();
		CHECK(npt_split(&t, gfn, to, &spares) == (int)(NPT_1G - to));
		spares_fill(&spares, NPT_1G - to);
		CHECK(npt_split(&t, gfn, to, &spares) == 0 && !spares.nr);
		replay(&t, frames_of(gfn, NPT_1G), 512);
		replay(&t, frames_of(gfn, NPT_2M), 512);

		tr = hw_walk(&t, gfn);
		CHECK(tr.level == to && tr.w && tr.a && tr.d && tr.pfn == pfn_of(gfn, 0));
		CHECK(maps(&t, npt_next(gfn, NPT_2M), NPT_2M, true));
		CHECK(maps(&t, npt_next(gfn, NPT_1G) - 1, NPT_2M, true));
		CHECK(npt_split(&t, gfn, to, &spares) == 0);
		CHECK(npt_split(&t, 5, NPT_4K, &spares) == 0);
		tables_destroy(&t);
	}
}

static void test_collapse(void)
{
	static struct npt_retired retired;
	struct npt_tables t = tables_create(4, 0);
	struct npt_spares spares = {};
	u64 gfn, base = 5 * 512;

	for (gfn = base; gfn < base + 512; gfn += 3)
		CHECK(map(&t, gfn, NPT_4K, 0) == 0);
	record_start();
	CHECK(npt_replace(&t, base, NPT_2M, leaf_of(&t, base, NPT_2M, NPT_W, 0), &spares,
			  &retired) == 0);
	replay(&t, frames_of(base, NPT_2M), 512);
	CHECK(maps(&t, base, NPT_2M, true) && maps(&t, base + 511, NPT_2M, true));
	CHECK(retired.nr == 1, "%u retired", retired.nr);
	release(&retired);

	/* A whole 1 GiB: the table of 2 MiB leaves, and those below it. */
	for (gfn = 0; gfn < 512 * 512; gfn += 512 * 51)
		CHECK(map(&t, gfn, gfn % 1024 ? NPT_4K : NPT_2M, NPT_W) == 0);
	record_start();
	CHECK(npt_replace(&t, 0, NPT_1G, leaf_of(&t, 0, NPT_1G, NPT_W, 1), &spares,
			  &retired) == 0);
	replay(&t, frames_of(0, NPT_1G), 512);
	CHECK(hw_walk(&t, base).level == NPT_1G && hw_walk(&t, base).pfn == pfn_of(base, 1));
	CHECK(retired.nr > 1);
	release(&retired);
	tables_destroy(&t);
}

static void test_unmap(void)
{
	static struct npt_retired retired;
	struct npt_tables t = tables_create(4, 0);
	unsigned int before;

	CHECK(!npt_unmap(&t, 0, npt_frames(5), &retired));

	/* A leaf that sticks out goes as a whole, its neighbours stay. */
	CHECK(map(&t, 512, NPT_2M, NPT_W) == 0 && map(&t, 1024, NPT_2M, NPT_W) == 0);
	CHECK(map(&t, 511, NPT_4K, NPT_W) == 0 && map(&t, 1536, NPT_4K, NPT_W) == 0);
	record_start();
	CHECK(npt_unmap(&t, 1023, 2, &retired));
	replay(&t, frames_of(512, NPT_2M), 512);
	CHECK(!hw_walk(&t, 512).level && !hw_walk(&t, 1535).level);
	CHECK(maps(&t, 511, NPT_4K, true) && maps(&t, 1536, NPT_4K, true));
	CHECK(!retired.nr);

	/* Tables in the range are retired, not freed; those that stick out stay. */
	before = nr_tables;
	CHECK(npt_unmap(&t, 1, 2047, &retired));
	CHECK(retired.nr == 1 && nr_tables == before, "%u retired", retired.nr);
	CHECK(!hw_walk(&t, 511).level && !hw_walk(&t, 1536).level);
	release(&retired);
	CHECK(nr_tables == before - 1);

	/* Nothing is left to flush for. */
	CHECK(map(&t, 3, NPT_4K, 0) == 0);
	CHECK(!npt_unmap(&t, 4, 100, &retired) && npt_unmap(&t, 3, 1, &retired));
	tables_destroy(&t);
}

struct report {
	unsigned int nr;
	u64 gfn[8], frames[8];
};

static void report(void *arg, u64 gfn, u64 nr)
{
	struct report *r = arg;

	if (r->nr < 8) {
		r->gfn[r->nr] = gfn;
		r->frames[r->nr] = nr;
	}
	r->nr++;
}

static void test_harvest(void)
{
	struct npt_tables t = tables_create(4, 0);
	struct report r = {};

	CHECK(map(&t, 512, NPT_2M, NPT_W) == 0);
	CHECK(map(&t, 10, NPT_4K, NPT_W) == 0 && map(&t, 12, NPT_4K, NPT_W | NPT_D) == 0);

	/* Mapped is accessed; then only what the CPU used. */
	CHECK(npt_young(&t, 0, 2048) && npt_age(&t, 0, 2048));
	CHECK(!npt_young(&t, 0, 2048) && !npt_age(&t, 0, 2048));
	hw_touch(&t, 600, false);
	CHECK(!npt_young(&t, 0, 512) && npt_young(&t, 900, 1));
	CHECK(npt_age(&t, 1000, 5) && !npt_young(&t, 0, 2048));

	CHECK(npt_harvest_dirty(&t, 0, 2048, report, &r));
	CHECK(r.nr == 1 && r.gfn[0] == 12 && r.frames[0] == 1);
	hw_touch(&t, 10, true);
	hw_touch(&t, 1023, true);
	r.nr = 0;
	CHECK(npt_harvest_dirty(&t, 0, 513, report, &r));
	CHECK(r.nr == 2 && r.gfn[0] == 10 && r.gfn[1] == 512 && r.frames[1] == 512);
	CHECK(!npt_harvest_dirty(&t, 0, 2048, report, &r));

	record_start();
	CHECK(npt_write_protect(&t, 11, 502));
	replay(&t, frames_of(0, NPT_2M), 512);
	CHECK(maps(&t, 10, NPT_4K, true) && maps(&t, 12, NPT_4K, false) &&
	      maps(&t, 1023, NPT_2M, false));
	CHECK(!npt_write_protect(&t, 11, 502));
	CHECK(map(&t, 12, NPT_4K, NPT_W) == 0 && maps(&t, 12, NPT_4K, true));
	tables_destroy(&t);
}

/* ---- what happens at the same moment --------------------------------------------------------- */

static struct npt_tables *hook_tables;
static unsigned int hook_calls, hook_at;
static void (*hook_action)(void);

/* Before the hook_at-th compare-and-exchange, and never inside itself. */
static void hook(u64 *entry)
{
	(void)entry;
	if (hook_calls++ != hook_at)
		return;
	before_cmpxchg = NULL;
	hook_action();
	before_cmpxchg = hook;
}

static void arm(struct npt_tables *t, unsigned int at, void (*action)(void))
{
	hook_tables = t;
	hook_calls = 0;
	hook_at = at;
	hook_action = action;
	before_cmpxchg = hook;
}

static void disarm(unsigned int at)
{
	CHECK(hook_calls > at, "the hook did not come to call %u", at);
	before_cmpxchg = NULL;
}

static void map_the_same(void)
{
	CHECK(map(hook_tables, 0x12345, NPT_4K, 0) == 0);
}

static void map_the_neighbour(void)
{
	CHECK(map(hook_tables, 0x12346, NPT_4K, 0) == 0);
}

static void map_larger(void)
{
	CHECK(map(hook_tables, 0x12200, NPT_2M, NPT_W) == 0);
}

/* Another CPU gets in before each of the writes: its table or leaf is taken. */
static void test_lost_race(void)
{
	unsigned int at, levels;

	for (levels = 4; levels <= 5; levels++)
		for (at = 0; at < levels; at++) {
			struct npt_tables t = tables_create(levels, 0);
			struct npt_spares spares = {};
			u64 leaf = leaf_of(&t, 0x12345, NPT_4K, NPT_W, 0);
			unsigned int lost = levels - 1 - at;

			spares_fill(&spares, 4);
			arm(&t, at, map_the_same);
			CHECK(npt_map(&t, 0x12345, NPT_4K, leaf, &spares) == 0);
			disarm(at);
			CHECK(maps(&t, 0x12345, NPT_4K, true));
			CHECK(spares.nr == 4 - (levels - 1) + lost, "%u spares", spares.nr);
			spares_free(&spares);
			tables_destroy(&t);
		}

	for (at = 0; at < 4; at++) {
		struct npt_tables t = tables_create(4, 0);
		struct npt_spares spares = {};

		spares_fill(&spares, 4);
		arm(&t, at, map_the_neighbour);
		CHECK(npt_map(&t, 0x12345, NPT_4K, leaf_of(&t, 0x12345, NPT_4K, NPT_W, 0),
			      &spares) == 0);
		disarm(at);
		CHECK(maps(&t, 0x12345, NPT_4K, true) && maps(&t, 0x12346, NPT_4K, false));
		spares_free(&spares);
		tables_destroy(&t);
	}

	/* The winner's leaf is larger, and permits what the loser wants. */
	for (at = 0; at < 3; at++) {
		struct npt_tables t = tables_create(4, 0);
		struct npt_spares spares = {};

		spares_fill(&spares, 4);
		arm(&t, at, map_larger);
		CHECK(npt_map(&t, 0x12345, NPT_4K, leaf_of(&t, 0x12345, NPT_4K, NPT_W, 0),
			      &spares) == 0);
		disarm(at);
		CHECK(maps(&t, 0x12345, NPT_2M, true));
		spares_free(&spares);
		tables_destroy(&t);
	}
}

static void cpu_writes(void)
{
	hw_touch(hook_tables, 0x12345, true);
}

/* The CPU sets A and D between the read and the write of an entry: nothing is lost. */
static void test_cpu_sets_bits(void)
{
	struct npt_tables t = tables_create(4, 0);
	struct npt_spares spares = {};
	struct translation tr;
	struct report r = {};
	u64 gfn;

	CHECK(map(&t, 0x12200, NPT_2M, NPT_W) == 0);
	npt_age(&t, 0x12200, 512);

	spares_fill(&spares, 1);
	arm(&t, 0, cpu_writes);
	record_start();
	CHECK(npt_split(&t, 0x12345, NPT_4K, &spares) == 0);
	disarm(0);
	replay(&t, frames_of(0x12200, NPT_2M), 512);
	for (gfn = 0x12200; gfn < 0x12400; gfn++) {
		tr = hw_walk(&t, gfn);
		CHECK(tr.level == NPT_4K && tr.a && tr.d && tr.pfn == pfn_of(gfn, 0));
	}

	npt_harvest_dirty(&t, 0x12200, 512, NULL, NULL);
	arm(&t, 0, cpu_writes);
	CHECK(npt_age(&t, 0x12345, 1));
	disarm(0);
	CHECK(hw_walk(&t, 0x12345).d && !hw_walk(&t, 0x12345).a);

	arm(&t, 0, cpu_writes);
	CHECK(npt_write_protect(&t, 0x12345, 1));
	disarm(0);
	CHECK(!hw_walk(&t, 0x12345).w && hw_walk(&t, 0x12345).d);

	npt_age(&t, 0x12345, 1);
	arm(&t, 0, cpu_writes);
	CHECK(map(&t, 0x12345, NPT_4K, NPT_W) == 0);
	disarm(0);
	CHECK(maps(&t, 0x12345, NPT_4K, true) && hw_walk(&t, 0x12345).d);

	arm(&t, 0, cpu_writes);
	CHECK(npt_harvest_dirty(&t, 0x12345, 1, report, &r) && r.nr == 1);
	disarm(0);
	tables_destroy(&t);
}

/* ---- threads ----------------------------------------------------------------------------- */

#define THREADS		4
#define THREAD_FRAMES	(64 * 512)

static pthread_barrier_t barrier;
static unsigned int failed_maps;

/* Every other 2 MiB is mapped by 2 MiB leaves, the rest by 4 KiB leaves. */
static unsigned int level_at(u64 gfn)
{
	return gfn & 512 ? NPT_2M : NPT_4K;
}

static void *mapper(void *arg)
{
	struct npt_tables *t = arg;
	struct npt_spares spares = {};
	u64 gfn;
	int ret;

	pthread_barrier_wait(&barrier);
	for (gfn = 0; gfn < THREAD_FRAMES; gfn++) {
		u64 first = npt_first(gfn, level_at(gfn));
		u64 leaf = leaf_of(t, first, level_at(gfn), gfn & 1 ? NPT_W : 0, 0);

		while ((ret = npt_map(t, first, level_at(gfn), leaf, &spares)) > 0)
			spares_fill(&spares, ret);
		hw_touch(t, gfn, true);
		if (gfn % 64 == 0)
			npt_age(t, gfn, 64);
		if (ret)
			__atomic_fetch_add(&failed_maps, 1, __ATOMIC_RELAXED);
	}
	spares_free(&spares);
	return NULL;
}

static void test_threads(void)
{
	unsigned int round, i;

	pthread_barrier_init(&barrier, NULL, THREADS);
	for (round = 0; round < 8; round++) {
		struct npt_tables t = tables_create(4, ENC);
		pthread_t thread[THREADS];
		u64 gfn;

		for (i = 0; i < THREADS; i++)
			if (pthread_create(&thread[i], NULL, mapper, &t))
				abort();
		for (i = 0; i < THREADS; i++)
			pthread_join(thread[i], NULL);
		for (gfn = 0; gfn < THREAD_FRAMES; gfn++)
			CHECK(maps(&t, gfn, level_at(gfn), level_at(gfn) == NPT_2M || gfn & 1));
		/* The root, three levels, and one for every other 2 MiB. */
		CHECK(nr_tables == 3 + 32, "%u tables", nr_tables);
		tables_destroy(&t);
	}
	CHECK(!failed_maps, "%u", failed_maps);
}

int main(void)
{
	ksft_print_header();
	ksft_set_plan(11);
	TEST(test_levels(), "leaves of every size, 4 and 5 levels, with and without encryption\n");
	TEST(test_rights(), "rights of a leaf only grow\n");
	TEST(test_missing_spares(), "missing tables are asked for, nothing is half done\n");
	TEST(test_in_the_way(), "a leaf or table in the way is reported\n");
	TEST(test_split(), "split: each state translates alike\n");
	TEST(test_collapse(), "collapse: each state is the old or the new one\n");
	TEST(test_unmap(), "unmap: whole leaves, tables kept until the flush\n");
	TEST(test_harvest(), "age, dirty harvest, write protection\n");
	TEST(test_lost_race(), "the loser of a race takes the winner's entries\n");
	TEST(test_cpu_sets_bits(), "A and D set by the CPU in between are not lost\n");
	TEST(test_threads(), "%u threads map the same range\n", THREADS);
	free(writes);
	ksft_finished();
}
