/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The memory under npt.c in its unit tests: it records every write, so that each state that a
 * CPU could have seen can be set up again, and it knows of each table whether it is spare, linked
 * or retired. It has its own walker, written from the architecture manual and not from npt.c.
 * The one trick: a test may put a hook before each compare-and-exchange, where it does what
 * another CPU, or the CPU's table walker, could have done at this very moment.
 */
#ifndef SELFTESTS_UNIT_NPT_MEMORY_H
#define SELFTESTS_UNIT_NPT_MEMORY_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../module/npt/npt.h"

static unsigned int errors;

#define CHECK(cond, ...) ({						\
	bool ok_ = (cond);						\
	if (!ok_ && errors++ < 20) {					\
		printf("# %s:%d: %s:", __func__, __LINE__, #cond);	\
		printf(" " __VA_ARGS__);				\
		printf("\n");						\
	}								\
	ok_;								\
})

/* ---- tables ------------------------------------------------------------------------------ */

enum table_state { TABLE_SPARE, TABLE_LINKED, TABLE_RETIRED };

/* Aligned to its size, so that an entry's address gives its table. */
struct table {
	u64 entry[512];
	u64 at_retirement[512];
	u32 id;
	u32 state;
};

#define TABLE_BYTES	16384

#define TABLE_PA	(1ULL << 45)	/* tables live from here on, guest memory below */
#define MAX_TABLES	4096

static struct table *tables[MAX_TABLES];
static unsigned int nr_tables;
static pthread_mutex_t tables_lock = PTHREAD_MUTEX_INITIALIZER;

static u64 *table_alloc(void)
{
	struct table *table = aligned_alloc(TABLE_BYTES, TABLE_BYTES);
	unsigned int id;

	if (!table)
		abort();
	memset(table, 0, sizeof(*table));
	pthread_mutex_lock(&tables_lock);
	for (id = 0; tables[id]; id++)
		if (id == MAX_TABLES - 1)
			abort();
	tables[id] = table;
	nr_tables++;
	pthread_mutex_unlock(&tables_lock);
	table->id = id;
	return table->entry;
}

static struct table *table_at(const u64 *entry)
{
	return (struct table *)((unsigned long)entry & ~(TABLE_BYTES - 1UL));
}

static void table_free(u64 *entries)
{
	struct table *table = table_at(entries);

	pthread_mutex_lock(&tables_lock);
	tables[table->id] = NULL;
	nr_tables--;
	pthread_mutex_unlock(&tables_lock);
	free(table);
}

u64 npt_mem_pa(const u64 *table)
{
	return TABLE_PA + ((u64)table_at(table)->id << 12);
}

u64 *npt_mem_table(u64 pa)
{
	u64 id = (pa - TABLE_PA) >> 12;

	if (pa < TABLE_PA || pa & 4095 || id >= MAX_TABLES || !tables[id]) {
		printf("# no table at %#llx\n", (unsigned long long)pa);
		abort();
	}
	return tables[id]->entry;
}

struct npt_retired {
	unsigned int nr;
	u64 *table[MAX_TABLES];
};

void npt_mem_retire(struct npt_retired *retired, u64 *table)
{
	struct table *t = table_at(table);

	CHECK(t->state == TABLE_LINKED, "table %u, state %u", t->id, t->state);
	t->state = TABLE_RETIRED;
	memcpy(t->at_retirement, t->entry, sizeof(t->at_retirement));
	retired->table[retired->nr++] = table;
}

/* The TLBs were flushed. Until now a CPU may have walked the tables: they are unchanged. */
static void release(struct npt_retired *retired)
{
	while (retired->nr) {
		struct table *t = table_at(retired->table[--retired->nr]);

		CHECK(t->state == TABLE_RETIRED, "table %u, state %u", t->id, t->state);
		CHECK(!memcmp(t->at_retirement, t->entry, sizeof(t->at_retirement)),
		      "table %u was written after its retirement", t->id);
		table_free(t->entry);
	}
}

static void spares_fill(struct npt_spares *spares, unsigned int nr)
{
	while (spares->nr < nr)
		spares->table[spares->nr++] = table_alloc();
}

static void spares_free(struct npt_spares *spares)
{
	while (spares->nr)
		table_free(spares->table[--spares->nr]);
}

/* ---- writes ------------------------------------------------------------------------------ */

struct write {
	u64 *entry;
	u64 old, new;
};

static struct write *writes;
static unsigned int nr_writes, max_writes;
static bool recording;

static void record(u64 *entry, u64 old, u64 new)
{
	struct table *t = table_at(entry);

	CHECK(t->state != TABLE_RETIRED, "write to retired table %u", t->id);
	if (new & 1 && (new & GENMASK_ULL(46, 12)) >= TABLE_PA)
		table_at(npt_mem_table(new & GENMASK_ULL(46, 12)))->state = TABLE_LINKED;

	if (!recording)
		return;
	if (nr_writes == max_writes) {
		max_writes = max_writes ? 2 * max_writes : 1024;
		writes = realloc(writes, max_writes * sizeof(*writes));
		if (!writes)
			abort();
	}
	writes[nr_writes++] = (struct write){ entry, old, new };
}

static void (*before_cmpxchg)(u64 *entry);

void npt_entry_init(u64 *entry, u64 value)
{
	CHECK(table_at(entry)->state == TABLE_SPARE, "plain write to table %u in state %u",
	      table_at(entry)->id, table_at(entry)->state);
	record(entry, *entry, value);
	*entry = value;
}

bool npt_entry_cmpxchg(u64 *entry, u64 old, u64 new)
{
	if (before_cmpxchg)
		before_cmpxchg(entry);
	if (!__atomic_compare_exchange_n(entry, &old, new, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_SEQ_CST))
		return false;
	record(entry, old, new);
	return true;
}

u64 npt_entry_xchg(u64 *entry, u64 new)
{
	u64 old = __atomic_exchange_n(entry, new, __ATOMIC_SEQ_CST);

	record(entry, old, new);
	return old;
}

/* ---- the CPU's walker (APM vol. 2, 5.3 and 15.25) ------------------------------------------ */

#define HW_P	(1ULL << 0)
#define HW_W	(1ULL << 1)
#define HW_U	(1ULL << 2)
#define HW_A	(1ULL << 5)
#define HW_D	(1ULL << 6)
#define HW_PS	(1ULL << 7)
#define HW_NX	(1ULL << 63)

struct translation {
	u64 pfn;
	unsigned int level;	/* 0: not present */
	unsigned int end;	/* level of the last entry read */
	bool w, x, a, d;
	u64 *entry;
};

/* Follow all levels; complain about what would be a reserved-bit or user fault. */
static struct translation hw_walk(const struct npt_tables *t, u64 gfn)
{
	struct translation tr = { .w = true, .x = true };
	u64 addr_mask = 0x000ffffffffff000ULL & ~t->enc;
	u64 *table = t->root;
	unsigned int level;
	u64 e;

	for (level = t->levels; ; level--) {
		tr.entry = &table[(gfn >> (9 * (level - 1))) & 511];
		tr.end = level;
		e = __atomic_load_n(tr.entry, __ATOMIC_SEQ_CST);
		if (!(e & HW_P)) {
			CHECK(e == 0, "level %u: %#llx is neither present nor 0", level,
			      (unsigned long long)e);
			return tr;
		}
		tr.w &= !!(e & HW_W);
		tr.x &= !(e & HW_NX);
		CHECK(e & HW_U, "level %u: U=0 in %#llx", level, (unsigned long long)e);
		CHECK((e & t->enc) == t->enc, "level %u: no encryption bit in %#llx", level,
		      (unsigned long long)e);
		CHECK(!(e & 0x7ff0000000000f18ULL), "level %u: %#llx has odd bits", level,
		      (unsigned long long)e);
		if (level == 1 || (e & HW_PS))
			break;
		CHECK(!(e & HW_D), "level %u: D in %#llx", level, (unsigned long long)e);
		table = npt_mem_table(e & addr_mask);
	}

	CHECK(level <= 3, "leaf at level %u", level);
	CHECK(level > 1 || !(e & HW_PS), "PAT bit in %#llx", (unsigned long long)e);
	CHECK(!(((e & addr_mask) >> 12) & ((1ULL << (9 * (level - 1))) - 1)),
	      "level %u: leaf %#llx is not aligned", level, (unsigned long long)e);
	CHECK((e & addr_mask) < TABLE_PA, "leaf %#llx maps a table", (unsigned long long)e);
	tr.level = level;
	tr.a = e & HW_A;
	tr.d = e & HW_D;
	tr.pfn = ((e & addr_mask) >> 12) + (gfn & ((1ULL << (9 * (level - 1))) - 1));
	return tr;
}

/* The CPU uses a translation. It sets A and D in the leaf that it found, atomically. */
static void hw_touch(const struct npt_tables *t, u64 gfn, bool write)
{
	struct translation tr = hw_walk(t, gfn);

	if (!tr.level || (write && !tr.w))
		return;
	__atomic_or_fetch(tr.entry, HW_A | (write ? HW_D : 0), __ATOMIC_SEQ_CST);
}

static bool same_translation(struct translation a, struct translation b)
{
	if (!a.level || !b.level)
		return !a.level == !b.level;
	return a.pfn == b.pfn && a.w == b.w && a.x == b.x;
}

/* ---- replay ------------------------------------------------------------------------------ */

static void record_start(void)
{
	nr_writes = 0;
	recording = true;
}

/*
 * Set up each state between the writes since record_start() and walk to each of the probes:
 * the translation is that of the first state or that of the last. Bits that the CPU set in
 * between are in neither's translation, so that they do not matter.
 */
static void replay(const struct npt_tables *t, const u64 *probes, unsigned int nr)
{
	struct translation old[nr], new[nr], now;
	unsigned int i, p;

	recording = false;
	for (p = 0; p < nr; p++)
		new[p] = hw_walk(t, probes[p]);
	for (i = nr_writes; i-- > 0; ) {
		CHECK(!((*writes[i].entry ^ writes[i].new) & ~(HW_A | HW_D)),
		      "an entry changed behind the record's back");
		writes[i].new = *writes[i].entry;
		*writes[i].entry = writes[i].old;
	}
	for (p = 0; p < nr; p++)
		old[p] = hw_walk(t, probes[p]);
	for (i = 0; i < nr_writes; i++) {
		*writes[i].entry = writes[i].new;
		for (p = 0; p < nr; p++) {
			now = hw_walk(t, probes[p]);
			CHECK(same_translation(now, old[p]) || same_translation(now, new[p]),
			      "after write %u of %u, gfn %#llx: level %u pfn %#llx w %u x %u",
			      i + 1, nr_writes, (unsigned long long)probes[p], now.level,
			      (unsigned long long)now.pfn, now.w, now.x);
		}
	}
}

/* ---- a set of tables ----------------------------------------------------------------------- */

static struct npt_tables tables_create(unsigned int levels, u64 enc)
{
	struct npt_tables t = { .root = table_alloc(), .levels = levels, .enc = enc };

	table_at(t.root)->state = TABLE_LINKED;
	return t;
}

/* Everything that was allocated is the root, what it leads to, spare, or retired. */
static void tables_destroy(struct npt_tables *t)
{
	static struct npt_retired retired;

	npt_unmap(t, 0, npt_frames(t->levels + 1), &retired);
	release(&retired);
	table_free(t->root);
	CHECK(nr_tables == 0, "%u tables were lost", nr_tables);
}

/* ---- leaves that the tests map ------------------------------------------------------------ */

#define ENC	(1ULL << 47)

/* Frame @gfn as backing @b maps it: contiguous up to 1 GiB, and below the tables. */
static u64 pfn_of(u64 gfn, unsigned int b)
{
	return (gfn & 0xfffffff) + ((b + 1ULL) << 28);
}

static u64 leaf_of(const struct npt_tables *t, u64 gfn, unsigned int level, u64 bits,
		   unsigned int b)
{
	return npt_make_leaf(pfn_of(gfn, b) << 12, level, bits, t->enc);
}

#define TEST(call, ...) do {			\
	errors = 0;				\
	call;					\
	ksft_test_result(!errors, __VA_ARGS__);	\
} while (0)

#endif /* SELFTESTS_UNIT_NPT_MEMORY_H */
