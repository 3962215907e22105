// SPDX-License-Identifier: GPL-2.0
/*
 * Accounting: the part that does not run with every exit.
 *
 * The counters lie in pages of their own that user space may map, read-only: nothing here
 * could be made to believe them otherwise.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "stats.h"

int stats_create(struct vcpu *vcpu)
{
	struct svmm_vcpu_stats *stats;
	unsigned int kind, i;

	stats = alloc_pages_exact(sizeof(*stats), GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!stats)
		return -ENOMEM;
	stats->exits[0].exit_code = SVMM_STATS_REST;
	stats->nr_exits = 1;
	for (kind = 0; kind < SVMM_KEYS; kind++) {
		vcpu->acct.keys[kind] = stats->keys[kind];
		for (i = 0; i < SVMM_STATS_KEYS; i++)
			stats->keys[kind][i].key = SVMM_STATS_REST;
	}
	vcpu->acct.stats = stats;
	vcpu->acct.exit = &stats->exits[0];
	vcpu->acct.key_ticks = &stats->exits[0].no_key;
	return 0;
}

/* User space may hold pages of it still: they are gone when it lets go of them. */
void stats_destroy(struct vcpu *vcpu)
{
	if (vcpu->acct.stats)
		free_pages_exact(vcpu->acct.stats, sizeof(*vcpu->acct.stats));
}

struct page *stats_page(struct vcpu *vcpu, unsigned int n)
{
	if (n >= STATS_PAGES)
		return NULL;
	return virt_to_page((void *)vcpu->acct.stats + n * PAGE_SIZE);
}

struct svmm_vcpu_stats *stats_copy(const struct vcpu *vcpu)
{
	struct svmm_vcpu_stats *copy;
	unsigned int i, phase;

	copy = kmemdup(vcpu->acct.stats, sizeof(*copy), GFP_KERNEL_ACCOUNT);
	if (!copy)
		return NULL;
	for (i = 0; i < SVMM_STATS_EXITS; i++)
		for (phase = 0; phase < SVMM_PHASES; phase++)
			copy->exits[i].ticks[phase] = stats_ticks(&copy->exits[i], phase);
	return copy;
}

struct svmm_exit_stat *stats_new_exit(struct vcpu *vcpu, u64 exit_code)
{
	struct svmm_vcpu_stats *stats = vcpu->acct.stats;
	unsigned int n = stats->nr_exits;

	if (n == SVMM_STATS_EXITS)
		return &stats->exits[0];
	stats->exits[n].exit_code = exit_code;
	/* Who reads the number finds the line. */
	smp_store_release(&stats->nr_exits, n + 1);
	return &stats->exits[n];
}

/*
 * Behind the line that is the key's place there may be one that is the key's, or free.  If none
 * is, the rarest key has to go (Metwally, Agrawal, El Abbadi: Efficient computation of
 * frequent and top-k elements in data streams, 2005).
 */
struct svmm_key_stat *stats_find_key(struct vcpu *vcpu, enum svmm_stats_key kind, u64 key)
{
	struct svmm_key_stat *lines = vcpu->acct.keys[kind];
	struct svmm_key_stat *rarest = NULL, *line;
	unsigned int i, first = stats_place(kind, key);

	for (i = 0; i < SVMM_STATS_KEYS; i++) {
		line = &lines[(first + i) % SVMM_STATS_KEYS];
		if (!line->count) {
			line->key = key;
			return line;
		}
		if (line->key == key)
			return line;
		if (!rarest || line->count < rarest->count)
			rarest = line;
	}
	rarest->key = key;
	rarest->error = rarest->count;
	rarest->ticks = 0;
	return rarest;
}

static u64 aside_now(const struct vcpu_aside *aside, const u64 *sum)
{
	unsigned int tries;
	u64 mark, now;

	/* A vCPU that comes and goes faster than this is not at it for long. */
	for (tries = 0; tries < 8; tries++) {
		/* Pairs with stats_aside_over(): without a mark, the sum is complete. */
		mark = smp_load_acquire(&aside->since);
		if (!mark)
			break;
		now = tsc_host();
		/* It was at it then. */
		if (READ_ONCE(aside->since) == mark)
			return now - (mark & ~STATS_SINCE);
	}
	return READ_ONCE(*sum);
}

/*
 * A vCPU's thread may be held up between the RDTSC that ends an aside and saying so: what is told
 * meanwhile is too much, and stays until the sum has come up to it.
 */
u64 stats_aside(struct vcpu_aside *aside, const u64 *sum)
{
	aside->told = max(aside->told, aside_now(aside, sum));
	return aside->told;
}

void stats_rerun(struct vcpu *vcpu)
{
	struct vcpu_acct *acct = &vcpu->acct;

	if (acct->stats->begun) {
		stats_end_aside(vcpu, &acct->stats->stopped, acct->left);
		stats_aside_over(&acct->stopped);
		return;
	}
	acct->exited = rdtsc();
	WRITE_ONCE(acct->stats->begun, acct->exited + svm_tsc_lost);
}
