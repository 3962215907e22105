// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../uapi/svmm_exits.h"
#include "accounts.h"
#include "message.h"

static void keep(const struct vcpu_accounts *vcpu, void *arg)
{
	struct accounts *all = arg;

	if (all->nr == all->room) {
		unsigned int room = all->room ? all->room * 2 : 16;
		void *more = realloc(all->vcpu, room * sizeof(*vcpu));

		if (!more) {
			all->out_of_memory = true;
			return;
		}
		all->vcpu = more;
		all->room = room;
	}
	all->vcpu[all->nr++] = *vcpu;
}

int accounts_take(const char *name, bool detail, struct accounts *accounts)
{
	int error;

	memset(accounts, 0, sizeof(*accounts));
	error = vm_accounts(name, detail, keep, accounts);
	if (!error && accounts->out_of_memory) {
		message("out of memory");
		error = -1;
	}
	return error;
}

/* Numbers of one answer are of different moments: one may be ahead of what the next one says. */
static uint64_t less(uint64_t now, uint64_t then)
{
	return now > then ? now - then : 0;
}

static void subtract_exits(struct svmm_vcpu_stats *now, const struct svmm_vcpu_stats *then)
{
	/* Lines are only added: the first ones are the same. */
	for (uint32_t i = 0; i < then->nr_exits && i < now->nr_exits; i++) {
		struct svmm_exit_stat *is = &now->exits[i];
		const struct svmm_exit_stat *was = &then->exits[i];

		if (is->exit_code != was->exit_code)
			continue;
		is->count = less(is->count, was->count);
		is->no_key = less(is->no_key, was->no_key);
		for (int phase = 0; phase < SVMM_PHASES; phase++)
			is->ticks[phase] = less(is->ticks[phase], was->ticks[phase]);
		for (int b = 0; b < SVMM_STATS_BUCKETS; b++)
			if (is->histogram[b] != UINT32_MAX)	/* else it stays full */
				is->histogram[b] = less(is->histogram[b], was->histogram[b]);
	}
}

static const struct svmm_key_stat *find_key(const struct vcpu_accounts *vcpu, int kind,
					    uint64_t key)
{
	for (uint32_t i = 0; i < vcpu->nr_keys[kind]; i++)
		if (vcpu->stats.keys[kind][i].key == key)
			return &vcpu->stats.keys[kind][i];
	return NULL;
}

/*
 * A key that loses its line and takes one again inherits a larger error: the same error is the same
 * line all the time, and the difference is exact.
 */
static void subtract_keys(struct vcpu_accounts *now, const struct vcpu_accounts *then)
{
	for (int kind = 0; kind < SVMM_KEYS; kind++) {
		for (uint32_t i = 0; i < now->nr_keys[kind]; i++) {
			struct svmm_key_stat *is = &now->stats.keys[kind][i];
			const struct svmm_key_stat *was = find_key(then, kind, is->key);

			if (was && was->error == is->error) {
				is->count = less(is->count, was->count);
				is->ticks = less(is->ticks, was->ticks);
			} else if (is->error) {
				/* It took another key's line; what it had before that is lost. */
				is->count = less(is->count, is->error);
				now->at_least[kind] |= 1u << i;
			}
			is->error = 0;
		}
	}
}

/* Time in the guest is known when it leaves: the first exit brings some of before the interval. */
static void cut_guest_time(struct vcpu_accounts *vcpu)
{
	const struct svmm_vcpu_stats *stats = &vcpu->stats;
	int64_t excess = stats->halted + stats->stopped + stats->preempted -
			 less(vcpu->now, stats->begun);

	for (uint32_t i = 0; i < stats->nr_exits; i++)
		for (int phase = 0; phase < SVMM_PHASES; phase++)
			excess += stats->exits[i].ticks[phase];
	for (uint32_t i = 0; i < stats->nr_exits && excess > 0; i++) {
		__u64 *guest = &vcpu->stats.exits[i].ticks[SVMM_PHASE_GUEST];
		uint64_t cut = (uint64_t)excess < *guest ? (uint64_t)excess : *guest;

		*guest -= cut;
		excess -= cut;
	}
}

static void subtract(struct vcpu_accounts *now, const struct vcpu_accounts *then)
{
	subtract_exits(&now->stats, &then->stats);
	subtract_keys(now, then);
	now->stats.halted = less(now->stats.halted, then->stats.halted);
	now->stats.stopped = less(now->stats.stopped, then->stats.stopped);
	now->stats.preempted = less(now->stats.preempted, then->stats.preempted);
	now->stats.to_user = less(now->stats.to_user, then->stats.to_user);
	if (then->stats.begun)
		now->stats.begun = then->now;
	cut_guest_time(now);
}

/* A guest's reboot is a new VM of the same name and process, whose counters begin at 0. */
static bool same_vcpu(const struct vcpu_accounts *now, const struct vcpu_accounts *then)
{
	return then->vm_id == now->vm_id && then->id == now->id;
}

void accounts_subtract(struct accounts *now, const struct accounts *before)
{
	for (unsigned int i = 0, j = 0; i < now->nr; i++) {
		struct vcpu_accounts *v = &now->vcpu[i];

		/* Both are in the same order. */
		for (unsigned int k = j; k < before->nr; k++) {
			if (same_vcpu(v, &before->vcpu[k])) {
				subtract(v, &before->vcpu[k]);
				j = k + 1;
				break;
			}
		}
	}
}

bool accounts_read(const char *name, bool detail, double seconds, struct accounts *accounts)
{
	struct accounts before = { 0 };
	int error = 0;

	memset(accounts, 0, sizeof(*accounts));
	if (seconds) {
		error = accounts_take(name, detail, &before);
		if (!error)
			usleep(seconds * 1e6);
	}
	if (!error)
		error = accounts_take(name, detail, accounts);
	if (!error)
		accounts_subtract(accounts, &before);
	accounts_free(&before);
	if (error > 0)
		vm_error(error, name);
	return !error;
}

void accounts_free(struct accounts *accounts)
{
	free(accounts->vcpu);
	memset(accounts, 0, sizeof(*accounts));
}

static double accounts_ns(const struct vcpu_accounts *vcpu, double ticks)
{
	return ticks * 1e6 / vcpu->tsc_khz;
}

double accounts_wall_ns(const struct vcpu_accounts *vcpu)
{
	if (!vcpu->stats.begun)
		return 0;
	return accounts_ns(vcpu, less(vcpu->now, vcpu->stats.begun));
}

const char *vcpu_state_name(uint32_t state)
{
	static const char * const name[] = {
		[SVMM_VCPU_STOPPED] = "stopped",
		[SVMM_VCPU_USER] = "user",
		[SVMM_VCPU_RUNNING] = "running",
		[SVMM_VCPU_HALTED] = "halted",
	};

	return state < sizeof(name) / sizeof(name[0]) ? name[state] : "?";
}

struct vcpu_times accounts_times(const struct vcpu_accounts *vcpu)
{
	struct vcpu_times t = {
		.wall = accounts_wall_ns(vcpu),
		.halted = accounts_ns(vcpu, vcpu->stats.halted),
		.stopped = accounts_ns(vcpu, vcpu->stats.stopped),
		.preempted = accounts_ns(vcpu, vcpu->stats.preempted),
	};

	for (uint32_t i = 0; i < vcpu->stats.nr_exits; i++) {
		t.exits += vcpu->stats.exits[i].count;
		for (int phase = 0; phase < SVMM_PHASES; phase++)
			t.phase[phase] += accounts_ns(vcpu, vcpu->stats.exits[i].ticks[phase]);
	}
	return t;
}

double reason_cost(const struct reason *reason)
{
	return reason->ns[SVMM_PHASE_SWITCH] + reason->ns[SVMM_PHASE_KERNEL] +
	       reason->ns[SVMM_PHASE_USER];
}

bool reason_shown(const struct reason *reason)
{
	return reason->count || reason_cost(reason);
}

static int by_cost(const void *a, const void *b)
{
	double x = reason_cost(a), y = reason_cost(b);

	return x < y ? 1 : x > y ? -1 : 0;
}

static int by_count(const void *a, const void *b)
{
	const struct key_accounts *x = a, *y = b;

	return x->count < y->count ? 1 : x->count > y->count ? -1 : 0;
}

static struct reason *find_reason(struct vm_accounts *sum, uint64_t code)
{
	unsigned int i;

	for (i = 0; i < sum->nr_reasons; i++)
		if (sum->reason[i].code == code)
			return &sum->reason[i];
	/* vCPUs have many in common: who comes late is "other". */
	if (i == sizeof(sum->reason) / sizeof(sum->reason[0]))
		return &sum->reason[0];
	sum->reason[i].code = code;
	sum->nr_reasons++;
	return &sum->reason[i];
}

static void add_exits(struct vm_accounts *sum, const struct vcpu_accounts *vcpu)
{
	for (uint32_t i = 0; i < vcpu->stats.nr_exits; i++) {
		const struct svmm_exit_stat *exit = &vcpu->stats.exits[i];
		struct reason *r = find_reason(sum, exit->exit_code);

		r->count += exit->count;
		sum->exits += exit->count;
		for (int phase = 0; phase < SVMM_PHASES; phase++) {
			double ns = accounts_ns(vcpu, exit->ticks[phase]);

			r->ns[phase] += ns;
			sum->ns[phase] += ns;
		}
		for (int b = 0; b < SVMM_STATS_BUCKETS; b++) {
			r->histogram[b] += exit->histogram[b];
			r->saturated |= exit->histogram[b] == UINT32_MAX;
		}
	}
}

static void add_keys(struct vm_accounts *sum, const struct vcpu_accounts *vcpu)
{
	for (int kind = 0; kind < SVMM_KEYS; kind++) {
		for (uint32_t i = 0; i < vcpu->nr_keys[kind]; i++) {
			const struct svmm_key_stat *key = &vcpu->stats.keys[kind][i];
			struct key_accounts *to = sum->keys[kind];
			unsigned int k;

			for (k = 0; k < sum->nr_keys[kind] && to[k].key != key->key; k++)
				;
			if (!key->count || k == sizeof(sum->keys[0]) / sizeof(sum->keys[0][0]))
				continue;
			if (k == sum->nr_keys[kind])
				to[sum->nr_keys[kind]++].key = key->key;
			to[k].count += key->count;
			to[k].error += key->error;
			to[k].ns += accounts_ns(vcpu, key->ticks);
			to[k].at_least |= vcpu->at_least[kind] >> i & 1;
		}
	}
}

struct vm_accounts *accounts_sum(const struct accounts *accounts)
{
	struct vm_accounts *sum = calloc(1, sizeof(*sum));

	if (!sum) {
		message("out of memory");
		return NULL;
	}
	for (unsigned int i = 0; i < accounts->nr; i++) {
		const struct vcpu_accounts *vcpu = &accounts->vcpu[i];
		double wall = accounts_wall_ns(vcpu);

		sum->vcpus++;
		sum->tsc_khz = vcpu->tsc_khz;
		if (wall > sum->wall_ns)
			sum->wall_ns = wall;
		sum->halted_ns += accounts_ns(vcpu, vcpu->stats.halted);
		sum->stopped_ns += accounts_ns(vcpu, vcpu->stats.stopped);
		sum->preempted_ns += accounts_ns(vcpu, vcpu->stats.preempted);
		sum->to_user += vcpu->stats.to_user;
		add_exits(sum, vcpu);
		add_keys(sum, vcpu);
	}
	qsort(sum->reason, sum->nr_reasons, sizeof(sum->reason[0]), by_cost);
	for (int kind = 0; kind < SVMM_KEYS; kind++)
		qsort(sum->keys[kind], sum->nr_keys[kind], sizeof(sum->keys[0][0]), by_count);
	return sum;
}

const char *exit_code_name(uint64_t code, char text[EXIT_NAME_MAX])
{
	static const struct {
		uint64_t code;
		const char *name;
	} names[] = {
#define NAME(code, name) { code, #name },
		SVM_EXITS(NAME)
#undef NAME
		{ SVMM_STATS_REST, "other" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].code == code)
			return names[i].name;
	snprintf(text, EXIT_NAME_MAX, "%lxh", code);
	return text;
}
