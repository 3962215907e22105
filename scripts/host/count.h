/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The instructions that this machine executes between two moments.
 *
 * For the emulated host in counting mode only, where the TSC advances by one per instruction, and
 * also jumps over idle time. The trick is how to take idle time out exactly: /proc/timer_list has
 * what the CPU's tick_sched has slept in nanoseconds, ended at each interrupt's entry, and both
 * clocks are the same TSC, so that their ratio turns one into the other.
 */
#ifndef COUNT_H
#define COUNT_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <x86intrin.h>

struct sample {
	uint64_t tsc, raw_ns, idle_ns;
};

static void die(const char *what)
{
	perror(what);
	exit(125);
}

static uint64_t idle_ns(void)
{
	FILE *f = fopen("/proc/timer_list", "r");
	unsigned long long ns, sum = 0;
	char line[256];
	int found = 0;

	if (!f)
		die("/proc/timer_list");
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, " .idle_sleeptime : %llu nsecs", &ns) == 1 ||
		    sscanf(line, " .iowait_sleeptime : %llu nsecs", &ns) == 1) {
			sum += ns;
			found++;
		}
	}
	fclose(f);
	if (found != 2) {
		fprintf(stderr, "count: needs a host with one CPU\n");
		exit(125);
	}
	return sum;
}

static uint64_t raw_ns(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC_RAW, &ts))
		die("clock_gettime");
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* What taking samples costs itself is outside of what lies between them. */
static void count_from(struct sample *from)
{
	from->idle_ns = idle_ns();
	from->raw_ns = raw_ns();
	from->tsc = __rdtsc();
}

/* Prints "count: WHATN instructions, ..." on stderr. */
static void count_to(const struct sample *from, const char *what)
{
	uint64_t ticks = __rdtsc() - from->tsc;
	double ratio = (double)ticks / (raw_ns() - from->raw_ns);
	uint64_t idle = (idle_ns() - from->idle_ns) * ratio;

	fprintf(stderr, "count: %s%llu instructions, %llu idle ticks left out, %.6f ticks/ns\n",
		what, (unsigned long long)(ticks - idle), (unsigned long long)idle, ratio);
}

#endif
