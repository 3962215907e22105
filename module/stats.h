/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Accounting of exits: count, time in phases, histogram, the hottest keys.
 *
 * It runs with every exit, so it is a handful of inline functions over counters that
 * belong to the vCPU's thread; struct svmm_vcpu_stats (uapi/svmm_stats.h) says what they
 * mean, and user space reads them where they are.  From an exit to the next VMRUN all time
 * is SWITCH; what else is done meanwhile takes its time out of that.  Built with
 * SVMM_NO_ACCOUNTING nothing is counted: the cost is the difference.
 *
 * It must not know exit codes, nor what a key means.
 */
#ifndef SVMM_STATS_H
#define SVMM_STATS_H

#include <linux/bitops.h>
#include <linux/hash.h>
#include <asm/msr.h>

#include "tsc.h"

#define STATS_PAGES	PFN_UP(sizeof(struct svmm_vcpu_stats))

/* Where in its table a key is looked for first.  MSRs and hypercalls in use are neighbours. */
static __always_inline unsigned int stats_place(enum svmm_stats_key kind, u64 key)
{
	if (kind == SVMM_KEY_MSR || kind == SVMM_KEY_HYPERCALL)
		return key % SVMM_STATS_KEYS;
	return hash_32((u32)key, ilog2(SVMM_STATS_KEYS));
}

/* Does this build keep accounts? */
static inline bool stats_kept(void)
{
#ifdef SVMM_NO_ACCOUNTING
	return false;
#else
	return true;
#endif
}

int stats_create(struct vcpu *vcpu);	/* -ENOMEM */
void stats_destroy(struct vcpu *vcpu);
/* The page of vcpu->acct.stats with that number, or NULL. */
struct page *stats_page(struct vcpu *vcpu, unsigned int n);
/* What others are to see of it: to be kfree'd, or NULL.  Any task. */
struct svmm_vcpu_stats *stats_copy(const struct vcpu *vcpu);
/* Ticks of a line as others are to see them: below 0 would be what no VMRUN has followed yet. */
static inline u64 stats_ticks(const struct svmm_exit_stat *exit, enum svmm_phase phase)
{
	s64 ticks = READ_ONCE(exit->ticks[phase]);

	return ticks > 0 ? ticks : 0;
}

/* The line of a key that is not where it is looked for first.  [m] */
struct svmm_key_stat *stats_find_key(struct vcpu *vcpu, enum svmm_stats_key kind, u64 key);
/* The line of a reason that comes up first, or line 0 if there is none left.  [m] */
struct svmm_exit_stat *stats_new_exit(struct vcpu *vcpu, u64 exit_code);
/*
 * In the order of a round; all [m].  From one exit to the next, acct.exit is in a register: @exit.
 */

/* VMRUN comes next: all that came after the last exit, and was nothing else, was SWITCH. */
static __always_inline void stats_enter(struct vcpu *vcpu, struct svmm_exit_stat *exit)
{
	struct vcpu_acct *acct = &vcpu->acct;
	unsigned long bucket = 0;
	u64 now, cost;

	BUILD_BUG_ON(SVMM_STATS_BUCKETS != BITS_PER_LONG);
	if (!stats_kept())
		return;
	now = rdtsc();
	acct->entered = now;
	cost = now - acct->exited;
	exit->ticks[SVMM_PHASE_SWITCH] += cost;
	/* The processor leaves the destination alone if there is no bit (APM vol. 3, BSR). */
	asm("bsrq %1, %0" : "+r" (bucket) : "rm" (cost) : "cc");
	/* It stays at its highest value. */
	asm("addl $1, %0\n\tsbbl $0, %0" : "+m" (exit->histogram[bucket]) : : "cc");
	*acct->key_ticks += cost;
}

/* The guest has exited at that TSC. */
static __always_inline void stats_exited(struct vcpu *vcpu, u64 tsc)
{
	if (stats_kept())
		vcpu->acct.exited = tsc;
}

/* Its reason is that of @exit. */
static __always_inline void stats_exit(struct vcpu *vcpu, struct svmm_exit_stat *exit, u64 exited)
{
	struct vcpu_acct *acct = &vcpu->acct;

	if (!stats_kept())
		return;
	exit->count++;
	exit->ticks[SVMM_PHASE_GUEST] += exited - acct->entered;
	acct->key_ticks = &exit->no_key;
}

/* What tells this exit from others of its reason.  Once per exit. */
static __always_inline void stats_key(struct vcpu *vcpu, enum svmm_stats_key kind, u64 key)
{
	struct vcpu_acct *acct = &vcpu->acct;
	struct svmm_key_stat *line;

	if (!stats_kept())
		return;
	line = acct->keys[kind] + stats_place(kind, key);
	OPTIMIZER_HIDE_VAR(line);	/* or its address is calculated twice */
	if (unlikely(line->key != key))
		line = stats_find_key(vcpu, kind, key);
	line->count++;
	acct->key_ticks = &line->ticks;
}

/* Something begins that is not SWITCH. */
static __always_inline u64 stats_begin(void)
{
	u64 now = stats_kept() ? rdtsc() : 0;

	OPTIMIZER_HIDE_VAR(now);	/* one register, not two until it is used */
	return now;
}

/* It is over, and was @phase. */
static __always_inline void stats_end(struct vcpu *vcpu, enum svmm_phase phase, u64 begun)
{
	struct svmm_exit_stat *exit = vcpu->acct.exit;
	u64 took;

	if (!stats_kept())
		return;
	took = rdtsc() - begun;
	exit->ticks[phase] += took;
	exit->ticks[SVMM_PHASE_SWITCH] -= took;
}

/* The same in the window, where nothing takes 2^32 ticks: half of the TSC will do. */
static __always_inline u32 stats_begin_handler(void)
{
	return stats_kept() ? (u32)rdtsc() : 0;
}

static __always_inline void stats_end_handler(struct svmm_exit_stat *exit, u32 begun)
{
	u32 took;

	if (!stats_kept())
		return;
	took = (u32)rdtsc() - begun;
	exit->ticks[SVMM_PHASE_KERNEL] += took;
	exit->ticks[SVMM_PHASE_SWITCH] -= took;
}

/* It is over, and was no overhead: *@aside says what. */
static inline void stats_end_aside(struct vcpu *vcpu, u64 *aside, u64 begun)
{
	u64 took;

	if (!stats_kept())
		return;
	took = rdtsc() - begun;
	*aside += took;
	vcpu->acct.exited += took;
}

/*
 * An aside that goes on is one word: when it would have begun if all that came before had come
 * in one piece with it.  So who looks is never between its end and its sum.  *@sum is [m].
 */
#define STATS_SINCE	BIT_ULL(63)

static inline void stats_aside_begin(struct vcpu_aside *aside, const u64 *sum, u64 begun)
{
	if (stats_kept())
		WRITE_ONCE(aside->since, (begun + svm_tsc_lost - *sum) | STATS_SINCE);
}

/* After stats_end_aside(). */
static inline void stats_aside_over(struct vcpu_aside *aside)
{
	smp_store_release(&aside->since, 0);	/* pairs with stats_aside(): the sum is complete */
}

/* What an aside comes to by now, never less than before.  Under the lock of the VMs' list. */
u64 stats_aside(struct vcpu_aside *aside, const u64 *sum);

/* RUN returns.  @to_user: with an exit. */
static __always_inline void stats_ran(struct vcpu *vcpu, bool to_user)
{
	struct vcpu_acct *acct = &vcpu->acct;
	u64 now;

	if (!stats_kept())
		return;
	now = rdtsc();
	acct->left = now;
	acct->to_user = to_user;
	if (likely(to_user))
		acct->stats->to_user++;
	else
		stats_aside_begin(&acct->stopped, &acct->stats->stopped, now);
}

/* The host slept, and its TSC lost @ticks: what is left from before is of an older one. */
static inline void stats_tsc_lost(struct vcpu *vcpu, u64 ticks)
{
	vcpu->acct.exited -= ticks;
	vcpu->acct.left -= ticks;
}

/* The first RUN, or one after an error: user space had nothing to do for the guest. */
void stats_rerun(struct vcpu *vcpu);

/* RUN begins. */
static __always_inline void stats_run(struct vcpu *vcpu)
{
	if (!stats_kept())
		return;
	if (likely(vcpu->acct.to_user))
		stats_end(vcpu, SVMM_PHASE_USER, vcpu->acct.left);
	else
		stats_rerun(vcpu);
}

#endif
