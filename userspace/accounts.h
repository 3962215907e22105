/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Accounts of vCPUs as numbers to show: of an interval, summed up, in nanoseconds.
 */
#ifndef VMCTL_ACCOUNTS_H
#define VMCTL_ACCOUNTS_H

#include "netlink.h"

struct accounts {
	struct vcpu_accounts *vcpu;
	unsigned int nr, room;
	bool out_of_memory;
};

/* One reason to leave the guest, of all of a VM's vCPUs. */
struct reason {
	uint64_t code, count;
	double ns[SVMM_PHASES];
	uint64_t histogram[SVMM_STATS_BUCKETS];
	bool saturated;			/* a vCPU's bucket is full: there were that many, or more */
};

/*
 * Exits with one key.  They were at most @count and at least @count - @error; with @at_least there
 * may have been more.  @ns is what @count - @error of them cost.
 */
struct key_accounts {
	uint64_t key, count, error;
	double ns;
	bool at_least;
};

/* A VM's vCPUs together. */
struct vm_accounts {
	unsigned int vcpus, nr_reasons;
	double wall_ns;			/* of the vCPU that was there for longest */
	double ns[SVMM_PHASES];
	double halted_ns, stopped_ns, preempted_ns;
	uint64_t exits, to_user;
	double tsc_khz;
	struct reason reason[SVMM_STATS_EXITS * 4];	/* the dearest first */
	unsigned int nr_keys[SVMM_KEYS];
	struct key_accounts keys[SVMM_KEYS][SVMM_STATS_KEYS * 64];	/* by count */
};

/**
 * accounts_read - the accounts of an interval
 * @name: of a VM; NULL: of all
 * @detail: histograms and keys, too
 * @seconds: how long it is; 0: since each vCPU's begin
 * @accounts: filled in, to be accounts_free()'d in any case
 *
 * What came or went meanwhile is shown as far as it is known.  Return: true, or false after a
 * message.
 */
bool accounts_read(const char *name, bool detail, double seconds, struct accounts *accounts);
void accounts_free(struct accounts *accounts);

/* Its first half: since each vCPU's begin.  Return: as vm_accounts(). */
int accounts_take(const char *name, bool detail, struct accounts *now);

/**
 * accounts_subtract - make accounts those of an interval
 * @now: at its end
 * @before: at its begin
 *
 * A vCPU that was not there before keeps all that it has: it did so within the interval.  No number
 * falls below 0.  Counts of keys become exact, or are marked in at_least.
 */
void accounts_subtract(struct accounts *now, const struct accounts *before);

/* All of them together; NULL if there is no memory. */
struct vm_accounts *accounts_sum(const struct accounts *accounts);

/* Time that the vCPU's accounts are of. */
double accounts_wall_ns(const struct vcpu_accounts *vcpu);

/* Where a vCPU's time went, in ns. */
struct vcpu_times {
	uint64_t exits;
	double wall, phase[SVMM_PHASES], halted, stopped, preempted;
};

struct vcpu_times accounts_times(const struct vcpu_accounts *vcpu);
/* "running" ...; never NULL. */
const char *vcpu_state_name(uint32_t state);

/* What a reason costs beside the guest. */
double reason_cost(const struct reason *reason);
/* It has a line in tables: these sum up to the whole. */
bool reason_shown(const struct reason *reason);

#define EXIT_NAME_MAX	24
/* "NPF", "IOIO" ...; "other" for SVMM_STATS_REST; else the number, in @text. */
const char *exit_code_name(uint64_t code, char text[EXIT_NAME_MAX]);

#endif
