/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Filters of system calls, as programs for the kernel (Linux:
 * Documentation/userspace-api/seccomp_filter.rst).
 *
 * A filter knows numbers and arguments, not what they are good for.  What is in no rule ends in
 * SIGSYS, as does every call of another architecture.
 */
#ifndef VMCTL_FILTER_H
#define VMCTL_FILTER_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>

#define FILTER_RULES_MAX	256
#define FILTER_PROGRAM_MAX	1024	/* instructions */

/* What becomes of a call; or FILTER_ERROR(errno): it fails with that. */
#define FILTER_ALLOW		SECCOMP_RET_ALLOW
#define FILTER_ERROR(errno_)	(SECCOMP_RET_ERRNO | (errno_))
#define FILTER_TESTS_MAX	3

/* Half of an argument, ANDed with @mask, is @value. */
struct filter_test {
	uint32_t arg;			/* 0 to 5; + FILTER_UPPER: its upper half */
	uint32_t mask, value;
};

#define FILTER_UPPER		8

struct filter_rule {
	uint32_t call, action;
	unsigned int nr_tests;		/* all of which it takes */
	struct filter_test tests[FILTER_TESTS_MAX];
};

/* Begins as { 0 }. */
struct filter {
	unsigned int nr;		/* that were added; perhaps more than there is room for */
	struct filter_rule rules[FILTER_RULES_MAX];	/* by call */
};

/* One more rule: what becomes of system call @call (SYS_*).  Of several the first counts. */
void filter_add(struct filter *f, uint32_t action, long call);

/* The same, if the lower half of argument @arg (from 0), ANDed with @mask, is @value. */
void filter_add_arg(struct filter *f, uint32_t action, long call, unsigned int arg, uint32_t mask,
		    uint32_t value);
/* The same, if all of @nr tests, FILTER_TESTS_MAX at most, are passed. */
void filter_add_tests(struct filter *f, uint32_t action, long call, const struct filter_test *tests,
		      unsigned int nr);

/* As a program.  Return: how many instructions, 0: there are too many rules. */
unsigned int filter_build(const struct filter *f, struct sock_filter program[FILTER_PROGRAM_MAX]);

/**
 * filter_load - from now on, for the calling thread and those that it starts
 * @f: the filter
 *
 * execve() gives no privileges any more, either, which is the condition for it.
 *
 * Return: 0 or -errno; -E2BIG: too many rules.
 */
int filter_load(const struct filter *f);

#endif
