// SPDX-License-Identifier: GPL-2.0
/*
 * Nested page tables in random sequences of operations against a plain model: an array that says
 * for each frame what it should be. It covers a few windows, where the entries of every level
 * begin and end. Each operation is replayed (npt_memory.h), and tables are released at random
 * later moments, as if by a flush. An argument is the number of steps; in check-long, a million.
 *
 * needs: module/npt/npt.c
 * timeout: 120
 */
#include "npt_memory.h"
#include "tap.h"

static u64 rng_state = 0x9e3779b97f4a7c15;

static u64 rng(void)
{
	rng_state ^= rng_state << 13;
	rng_state ^= rng_state >> 7;
	rng_state ^= rng_state << 17;
	return rng_state;
}

#define WINDOW		2048	/* frames */
#define MAX_WINDOWS	5
#define NR_PROBES	16

struct frame {
	u64 pfn;
	u8 level;		/* 0: not mapped */
	bool w, a, d;
};

static struct {
	struct npt_tables t;
	unsigned int nr_windows;
	u64 base[MAX_WINDOWS];
	struct frame frame[MAX_WINDOWS][WINDOW];
	u64 probe[NR_PROBES];
	struct npt_retired retired;
} m;

static u64 random_gfn(void)
{
	return m.base[rng() % m.nr_windows] + rng() % WINDOW;
}

static u64 window_end(u64 gfn)
{
	unsigned int i;

	for (i = 0; gfn - m.base[i] >= WINDOW; i++)
		;
	return m.base[i] + WINDOW;
}

/* NULL if @gfn is in no window: what is mapped there is nobody's business. */
static struct frame *frame_at(u64 gfn)
{
	unsigned int i;

	for (i = 0; i < m.nr_windows; i++)
		if (gfn - m.base[i] < WINDOW)
			return &m.frame[i][gfn - m.base[i]];
	return NULL;
}

typedef void frame_fn(struct frame *f, u64 gfn, void *arg);

/* Call @fn for each frame of a window in [gfn, end). */
static void each_frame(u64 gfn, u64 end, frame_fn *fn, void *arg)
{
	unsigned int i;

	for (i = 0; i < m.nr_windows; i++) {
		u64 g = max(gfn, m.base[i]);

		for (; g < end && g < m.base[i] + WINDOW; g++)
			fn(&m.frame[i][g - m.base[i]], g, arg);
	}
}

static void each_in_leaf(u64 gfn, unsigned int level, frame_fn *fn, void *arg)
{
	each_frame(npt_first(gfn, level), npt_next(gfn, level), fn, arg);
}

/* Call @fn for each frame of each leaf that has a frame in the range. */
static void each_leaf_frame(u64 gfn, u64 end, frame_fn *fn, void *arg)
{
	unsigned int i;

	for (i = 0; i < m.nr_windows; i++) {
		u64 g = max(gfn, m.base[i]);

		while (g < end && g < m.base[i] + WINDOW) {
			unsigned int level = frame_at(g)->level ?: NPT_4K;

			each_in_leaf(g, level, fn, arg);
			g = npt_next(g, level);
		}
	}
}

static void frame_clear(struct frame *f, u64 gfn, void *any)
{
	*(bool *)any |= !!f->level;
	memset(f, 0, sizeof(*f));
}

static void frame_age(struct frame *f, u64 gfn, void *any)
{
	*(bool *)any |= f->a;
	f->a = false;
}

static void frame_young(struct frame *f, u64 gfn, void *any)
{
	*(bool *)any |= f->a;
}

static void frame_protect(struct frame *f, u64 gfn, void *any)
{
	*(bool *)any |= f->w;
	f->w = false;
}

static void frame_clean(struct frame *f, u64 gfn, void *nr)
{
	*(unsigned int *)nr += f->d;
	f->d = false;
}

static void frame_count(struct frame *f, u64 gfn, void *nr)
{
	++*(unsigned int *)nr;
}

static void frame_write(struct frame *f, u64 gfn, void *arg)
{
	f->a = true;
	f->d = true;
}

static void frame_read(struct frame *f, u64 gfn, void *arg)
{
	f->a = true;
}

static void frame_smaller(struct frame *f, u64 gfn, void *arg)
{
	f->level--;
}

struct want {
	unsigned int level, b;
	bool w, d;
};

static void frame_set(struct frame *f, u64 gfn, void *arg)
{
	struct want *want = arg;

	*f = (struct frame){ pfn_of(gfn, want->b), want->level, want->w, true, want->d };
}

static void frame_merge(struct frame *f, u64 gfn, void *arg)
{
	struct want *want = arg;

	f->w |= want->w;
	f->d |= want->d;
	f->a = true;
}

static void check_frame(struct frame *f, u64 gfn, void *arg)
{
	struct translation tr = hw_walk(&m.t, gfn);

	if (!CHECK(tr.level == f->level, "gfn %#llx: level %u, not %u", (unsigned long long)gfn,
		   tr.level, f->level) || !f->level)
		return;
	CHECK(tr.pfn == f->pfn && tr.w == f->w && tr.x && tr.a == f->a && tr.d == f->d,
	      "gfn %#llx: pfn %#llx w %u a %u d %u, not %#llx w %u a %u d %u",
	      (unsigned long long)gfn, (unsigned long long)tr.pfn, tr.w, tr.a, tr.d,
	      (unsigned long long)f->pfn, f->w, f->a, f->d);
}

/* The frames to look at closely: the edges of the range and of the leaves there, and others. */
static void choose_probes(u64 gfn, u64 nr)
{
	u64 near[] = { gfn, gfn + nr - 1, gfn - 1, gfn + nr, gfn + rng() % nr,
		       npt_first(gfn, NPT_2M), npt_first(gfn, NPT_2M) - 1,
		       npt_next(gfn, NPT_2M), npt_next(gfn, NPT_2M) - 1,
		       npt_first(gfn + nr, NPT_2M), npt_next(gfn + nr, NPT_2M) };
	unsigned int i;

	for (i = 0; i < NR_PROBES; i++) {
		m.probe[i] = i < ARRAY_SIZE(near) ? near[i] : random_gfn();
		if (!frame_at(m.probe[i]))
			m.probe[i] = random_gfn();
	}
}

/* The operation is over: replay it, and hold its result against the model. */
static void settle(void)
{
	unsigned int i;

	replay(&m.t, m.probe, NR_PROBES);
	for (i = 0; i < NR_PROBES; i++)
		check_frame(frame_at(m.probe[i]), m.probe[i], NULL);
}

static unsigned int random_level(void)
{
	unsigned int r = rng() % 64;

	return r == 0 ? NPT_1G : r < 16 ? NPT_2M : NPT_4K;
}

/* Splitting @gfn's leaf down to @level leaves one smaller leaf around it at each step. */
static void model_split(u64 gfn, unsigned int level)
{
	unsigned int l;

	for (l = frame_at(gfn)->level; l > level; l--)
		each_in_leaf(gfn, l, frame_smaller, NULL);
}

static void step_map(void)
{
	struct want want = { random_level(), rng() % 8 == 0, rng() % 2, false };
	u64 gfn = random_gfn(), first = npt_first(gfn, want.level);
	struct frame *f = frame_at(gfn);
	struct npt_spares spares = {};
	int ret, expected = 0;
	u64 leaf;

	want.d = want.w && rng() % 2;
	leaf = leaf_of(&m.t, first, want.level,
		       (want.w ? NPT_W : 0) | (want.d ? NPT_D : 0), want.b);

	choose_probes(gfn, 1);
	if (f->level >= want.level) {
		if (f->pfn != pfn_of(gfn, want.b) ||
		    (f->level > want.level && want.w && !f->w))
			expected = -EEXIST;
	} else if (hw_walk(&m.t, gfn).end < want.level) {
		expected = -EEXIST;
	}

	spares_fill(&spares, rng() % 5);
	record_start();
	while ((ret = npt_map(&m.t, first, want.level, leaf, &spares)) > 0) {
		CHECK(!spares.nr && ret < (int)m.t.levels, "%d", ret);
		spares_fill(&spares, ret);
	}
	spares_free(&spares);

	CHECK(ret == expected, "%d, not %d", ret, expected);
	if (!ret && f->level == want.level)
		each_in_leaf(gfn, want.level, frame_merge, &want);
	else if (!ret && !f->level)
		each_in_leaf(gfn, want.level, frame_set, &want);
	settle();
}

static void step_replace(void)
{
	struct want want = { random_level(), rng() % 4 == 0, rng() % 2, false };
	u64 gfn = random_gfn(), first = npt_first(gfn, want.level);
	struct npt_spares spares = {};
	u64 leaf = leaf_of(&m.t, first, want.level, want.w ? NPT_W : 0, want.b);
	int ret;

	choose_probes(gfn, 1);
	spares_fill(&spares, rng() % 5);
	record_start();
	while ((ret = npt_replace(&m.t, first, want.level, leaf, &spares, &m.retired)) > 0) {
		CHECK(!spares.nr && ret < (int)m.t.levels, "%d", ret);
		spares_fill(&spares, ret);
	}
	spares_free(&spares);

	CHECK(ret == 0, "%d", ret);
	model_split(gfn, want.level);
	each_in_leaf(gfn, want.level, frame_set, &want);
	settle();
}

static void step_split(void)
{
	unsigned int level = NPT_4K + rng() % 2;
	struct npt_spares spares = {};
	u64 gfn = random_gfn();

	choose_probes(gfn, 1);
	spares_fill(&spares, 2);
	record_start();
	CHECK(npt_split(&m.t, gfn, level, &spares) == 0);
	spares_free(&spares);
	model_split(gfn, level);
	settle();
}

static void count_reported(void *arg, u64 gfn, u64 nr)
{
	each_frame(gfn, gfn + nr, frame_count, arg);
}

static void step_range(void)
{
	u64 gfn = random_gfn(), nr = 1 + rng() % (rng() % 2 ? 8 : WINDOW);
	bool all = rng() % 64 == 0;
	bool any = false, ret;

	/* Splitting leaves pieces outside the windows; only a long range finds those too. */
	nr = min(nr, window_end(gfn) - gfn);
	if (all)
		nr = npt_frames(m.t.levels + 1) - gfn;
	choose_probes(gfn, nr);
	record_start();

	switch (rng() % 8) {
	case 0 ... 2:
		each_leaf_frame(gfn, gfn + nr, frame_clear, &any);
		ret = npt_unmap(&m.t, gfn, nr, &m.retired);
		/* It flushes for an empty table too. */
		all |= ret;
		break;
	case 3:
		each_leaf_frame(gfn, gfn + nr, frame_protect, &any);
		ret = npt_write_protect(&m.t, gfn, nr);
		break;
	case 4:
		each_leaf_frame(gfn, gfn + nr, frame_age, &any);
		ret = npt_age(&m.t, gfn, nr);
		break;
	case 5:
		each_leaf_frame(gfn, gfn + nr, frame_young, &any);
		ret = npt_young(&m.t, gfn, nr);
		break;
	default: {
		unsigned int reported = 0, dirty = 0;

		each_leaf_frame(gfn, gfn + nr, frame_clean, &dirty);
		ret = npt_harvest_dirty(&m.t, gfn, nr, count_reported, &reported);
		CHECK(reported == dirty, "%u, not %u", reported, dirty);
		any = dirty;
	}
	}
	CHECK(ret == any || (all && ret), "%u, not %u", ret, any);
	settle();
}

static void step_count(void)
{
	u64 gfn = random_gfn(), end = min(gfn + 1 + rng() % WINDOW, window_end(gfn)), g;
	u64 want[3] = {}, got[3] = {};

	for (g = gfn; g < end; ) {
		unsigned int level = frame_at(g)->level;

		if (level)
			want[level - NPT_4K]++;
		g = npt_next(g, level ?: NPT_4K);
	}
	while (gfn < end)
		gfn = npt_leaves(&m.t, gfn, end, 1 + rng() % 64, got);
	CHECK(!memcmp(got, want, sizeof(got)), "%llu, %llu and %llu, not %llu, %llu and %llu",
	      (unsigned long long)got[0], (unsigned long long)got[1], (unsigned long long)got[2],
	      (unsigned long long)want[0], (unsigned long long)want[1],
	      (unsigned long long)want[2]);
}

static void step_touch(void)
{
	bool write = rng() % 2;
	u64 gfn = random_gfn();
	struct frame *f = frame_at(gfn);

	hw_touch(&m.t, gfn, write);
	if (f->level && (!write || f->w))
		each_in_leaf(gfn, f->level, write ? frame_write : frame_read, NULL);
}

static void test_random(unsigned int levels, u64 enc, unsigned long steps)
{
	u64 end = npt_frames(levels + 1);
	unsigned long i;

	memset(&m, 0, sizeof(m));
	m.t = tables_create(levels, enc);
	/* The start, three boundaries of ever larger entries, and the end. */
	m.base[m.nr_windows++] = 0;
	m.base[m.nr_windows++] = npt_frames(3) - WINDOW / 2;
	m.base[m.nr_windows++] = npt_frames(4) - WINDOW / 2;
	if (levels == 5)
		m.base[m.nr_windows++] = npt_frames(5) - WINDOW / 2;
	m.base[m.nr_windows++] = end - WINDOW;

	for (i = 0; i < steps && !errors; i++) {
		unsigned int r = rng() % 16;

		if (r < 8)
			step_map();
		else if (r < 10)
			step_replace();
		else if (r < 11)
			step_split();
		else if (r < 12)
			step_range();
		else if (r < 13)
			step_count();
		else
			step_touch();

		if (i % 512 == 0)
			each_frame(0, end, check_frame, NULL);
		if (rng() % 4 == 0)
			release(&m.retired);
	}
	each_frame(0, end, check_frame, NULL);
	release(&m.retired);
	tables_destroy(&m.t);
	if (errors)
		printf("# stopped after step %lu\n", i);
}

int main(int argc, char **argv)
{
	unsigned long steps = argc > 1 ? strtoul(argv[1], NULL, 0) :
			      getenv("SVMM_LONG") ? 1000000 : 200000;

	ksft_print_header();
	ksft_set_plan(3);
	TEST(test_random(4, 0, steps / 4), "%lu random operations\n", steps / 4);
	TEST(test_random(4, ENC, steps / 4), "%lu with encryption\n", steps / 4);
	TEST(test_random(5, ENC, steps / 2), "%lu on 5 levels\n", steps / 2);
	free(writes);
	ksft_finished();
}
