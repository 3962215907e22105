// SPDX-License-Identifier: GPL-2.0
/*
 * Nested page tables: walk, map, split, collapse, unmap, harvest.  See npt.h.
 *
 * It owns the order of writes.  A table is complete before an entry points to
 * it, and every change of a translation is one atomic write of one entry, so
 * that a CPU that walks the tables at any moment finds the old or the new
 * translation.  Shared functions use compare-and-exchange only: whoever loses
 * takes the winner's entry.
 */
#include "npt.h"

static u64 *table_of(const struct npt_tables *t, u64 entry)
{
	return npt_mem_table(npt_pa(entry, t->enc));
}

u64 npt_walk(const struct npt_tables *t, u64 gfn, unsigned int *level)
{
	u64 *table = t->root;
	u64 entry;

	for (*level = t->levels; ; --*level) {
		entry = READ_ONCE(table[npt_index(gfn, *level)]);
		if (!npt_present(entry))
			return 0;
		if (npt_is_leaf(entry, *level))
			return entry;
		table = table_of(t, entry);
	}
}

unsigned int npt_path(const struct npt_tables *t, u64 gfn, u64 *entries)
{
	unsigned int level = t->levels, nr = 0;
	u64 *table = t->root;

	for (;;) {
		u64 entry = READ_ONCE(table[npt_index(gfn, level)]);

		entries[nr++] = entry;
		if (!npt_is_table(entry, level))
			return nr;
		table = table_of(t, entry);
		level--;
	}
}

/*
 * The first leaf that covers a frame in [*gfn, end), or NULL.  Moves *gfn to
 * the first such frame.
 */
static u64 *next_leaf(const struct npt_tables *t, u64 *gfn, u64 end, unsigned int *level)
{
	while (*gfn < end) {
		u64 *entry = &t->root[npt_index(*gfn, t->levels)];

		for (*level = t->levels; ; --*level) {
			u64 value = READ_ONCE(*entry);

			if (!npt_present(value))
				break;
			if (npt_is_leaf(value, *level))
				return entry;
			entry = &table_of(t, value)[npt_index(*gfn, *level - 1)];
		}
		*gfn = npt_next(*gfn, *level);
	}
	return NULL;
}

/* Clear @bits in all leaves of a range, tell of those that had one set. */
static bool clear_bits(struct npt_tables *t, u64 gfn, u64 nr, u64 bits,
		       void (*report)(void *arg, u64 gfn, u64 nr), void *arg)
{
	u64 end = gfn + nr;
	unsigned int level;
	bool any = false;
	u64 *entry;

	for (; (entry = next_leaf(t, &gfn, end, &level)); gfn = npt_next(gfn, level)) {
		u64 old;

		/* Others only set bits meanwhile, each once: few rounds. */
		do {
			old = READ_ONCE(*entry);
		} while ((old & bits) && !npt_entry_cmpxchg(entry, old, old & ~bits));

		if (!(old & bits))
			continue;
		any = true;
		if (report)
			report(arg, npt_first(gfn, level), npt_frames(level));
	}
	return any;
}

bool npt_young(const struct npt_tables *t, u64 gfn, u64 nr)
{
	u64 end = gfn + nr;
	unsigned int level;
	u64 *entry;

	for (; (entry = next_leaf(t, &gfn, end, &level)); gfn = npt_next(gfn, level))
		if (READ_ONCE(*entry) & NPT_A)
			return true;
	return false;
}

u64 npt_leaves(const struct npt_tables *t, u64 gfn, u64 end, unsigned int steps, u64 leaves[3])
{
	unsigned int level;

	for (; gfn < end && steps--; gfn = npt_next(gfn, level))
		if (npt_walk(t, gfn, &level))
			leaves[level - NPT_4K]++;
	return min(gfn, end);
}

bool npt_age(struct npt_tables *t, u64 gfn, u64 nr)
{
	return clear_bits(t, gfn, nr, NPT_A, NULL, NULL);
}

bool npt_write_protect(struct npt_tables *t, u64 gfn, u64 nr)
{
	return clear_bits(t, gfn, nr, NPT_W, NULL, NULL);
}

bool npt_harvest_dirty(struct npt_tables *t, u64 gfn, u64 nr,
		       void (*report)(void *arg, u64 gfn, u64 nr), void *arg)
{
	return clear_bits(t, gfn, nr, NPT_D, report, arg);
}

/*
 * Go down to the entry for @gfn at @level, adding tables; NULL if a larger
 * leaf is in the way (*missing 0) or spares are missing (*missing of them).
 */
static u64 *descend(struct npt_tables *t, u64 gfn, unsigned int level,
		    struct npt_spares *spares, unsigned int *missing)
{
	unsigned int l = t->levels;
	u64 *table = t->root;

	*missing = 0;
	for (; l > level; l--) {
		u64 *entry = &table[npt_index(gfn, l)];
		u64 value = READ_ONCE(*entry);

		if (!npt_present(value)) {
			u64 *new;

			if (!spares->nr) {
				*missing = l - level;
				return NULL;
			}
			new = spares->table[spares->nr - 1];
			value = npt_make_table(npt_mem_pa(new), t->enc);
			if (npt_entry_cmpxchg(entry, 0, value))
				spares->nr--;
			else
				value = READ_ONCE(*entry);
		}
		if (npt_is_leaf(value, l))
			return NULL;
		table = table_of(t, value);
	}
	return &table[npt_index(gfn, level)];
}

/* Does the present leaf @have lead where @want does, for @want's frames? */
static bool same_place(const struct npt_tables *t, u64 gfn, unsigned int have_level, u64 have,
		       u64 want)
{
	u64 offset = (gfn - npt_first(gfn, have_level)) << NPT_PAGE_SHIFT;

	return npt_pa(have, t->enc) + offset == npt_pa(want, t->enc);
}

/* Every right that @want gives, @have gives too. */
static bool permits(u64 have, u64 want)
{
	return !(want & ~have & NPT_W) && !(have & ~want & NPT_NX);
}

int npt_map(struct npt_tables *t, u64 gfn, unsigned int level, u64 leaf,
	    struct npt_spares *spares)
{
	unsigned int missing, found;
	u64 *entry = descend(t, gfn, level, spares, &missing);
	u64 old, new;

	if (!entry) {
		if (missing)
			return missing;
		old = npt_walk(t, gfn, &found);
		if (npt_present(old) && same_place(t, gfn, found, old, leaf) &&
		    permits(old, leaf))
			return 0;
		return -EEXIST;
	}

	/*
	 * Others only add rights, the CPU only sets A and D, and each of these
	 * bits changes once: the number of rounds is bounded.
	 */
	do {
		old = READ_ONCE(*entry);
		new = leaf;
		if (!npt_present(old))
			continue;
		if (!npt_is_leaf(old, level) || !same_place(t, gfn, level, old, leaf))
			return -EEXIST;
		new = (old | leaf) & ~((old ^ leaf) & NPT_NX);
		if (new == old)
			return 0;
	} while (!npt_entry_cmpxchg(entry, old, new));
	return 0;
}

int npt_split(struct npt_tables *t, u64 gfn, unsigned int level, struct npt_spares *spares)
{
	u64 *table = t->root;
	unsigned int l, i;

	for (l = t->levels; l > level; l--) {
		u64 *entry = &table[npt_index(gfn, l)];
		u64 value = READ_ONCE(*entry);
		u64 *new;

		if (!npt_present(value))
			return 0;
		if (npt_is_table(value, l)) {
			table = table_of(t, value);
			continue;
		}
		if (!spares->nr)
			return l - level;

		new = spares->table[--spares->nr];
		do {
			u64 child = READ_ONCE(*entry);

			value = child;
			if (l - 1 == NPT_4K)
				child &= ~NPT_PS;
			for (i = 0; i < NPT_ENTRIES; i++)
				npt_entry_init(&new[i], child + ((npt_frames(l - 1) * i) <<
								 NPT_PAGE_SHIFT));
			/* Again if the CPU set A or D meanwhile: the children inherit them. */
		} while (!npt_entry_cmpxchg(entry, value,
					    npt_make_table(npt_mem_pa(new), t->enc)));
		table = new;
	}
	return 0;
}

/* Retire what a table entry of a table at @level points to, with all below. */
static void retire(struct npt_tables *t, u64 entry, unsigned int level,
		   struct npt_retired *retired)
{
	u64 *table = table_of(t, entry);
	unsigned int i;

	for (i = 0; level - 1 > NPT_4K && i < NPT_ENTRIES; i++)
		if (npt_is_table(table[i], level - 1))
			retire(t, table[i], level - 1, retired);	/* at most three deep */
	npt_mem_retire(retired, table);
}

int npt_replace(struct npt_tables *t, u64 gfn, unsigned int level, u64 leaf,
		struct npt_spares *spares, struct npt_retired *retired)
{
	unsigned int missing;
	u64 *entry;
	u64 old;
	int ret;

	ret = npt_split(t, gfn, level, spares);
	if (ret)
		return ret;
	entry = descend(t, gfn, level, spares, &missing);
	if (!entry)
		return missing;
	old = npt_entry_xchg(entry, leaf);
	if (npt_is_table(old, level))
		retire(t, old, level, retired);
	return 0;
}

bool npt_unmap(struct npt_tables *t, u64 gfn, u64 nr, struct npt_retired *retired)
{
	u64 end = gfn + nr;
	bool any = false;

	while (gfn < end) {
		u64 *entry = &t->root[npt_index(gfn, t->levels)];
		unsigned int level = t->levels;
		u64 value;

		/* Down to a leaf, a hole, or a table that lies wholly in the range. */
		for (;;) {
			value = READ_ONCE(*entry);
			if (!npt_is_table(value, level))
				break;
			if (gfn == npt_first(gfn, level) && end - gfn >= npt_frames(level))
				break;
			entry = &table_of(t, value)[npt_index(gfn, --level)];
		}
		if (npt_present(value)) {
			value = npt_entry_xchg(entry, 0);
			if (npt_is_table(value, level))
				retire(t, value, level, retired);
			any = true;
		}
		gfn = npt_next(gfn, level);
	}
	return any;
}
