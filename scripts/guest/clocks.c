// SPDX-License-Identifier: GPL-2.0
/*
 * clocks SECONDS: does time ever step back between CPUs, or jump ahead?
 *
 * One thread per CPU that is online, pinned to it. All of them look at one clock in turns: each
 * compares what it reads with the latest value that any of them has published. A clock that is
 * read after another CPU's value was seen must not be behind it, whatever the host does to the
 * threads in between; so there are no false alarms. Knows nothing of the hypervisor.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static atomic_ullong latest;
static atomic_ullong reads;
static atomic_ullong steps;
static atomic_ullong worst_step;
static atomic_int started;
static uint64_t end;

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void raise_to(atomic_ullong *max, unsigned long long value)
{
	unsigned long long seen = atomic_load(max);

	while (seen < value && !atomic_compare_exchange_weak(max, &seen, value))
		;
}

static void *watch(void *arg)
{
	cpu_set_t set;
	uint64_t before, t, n = 0;

	CPU_ZERO(&set);
	CPU_SET((long)arg, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		return NULL;
	started++;
	do {
		before = latest;
		t = now();
		if (t < before) {
			steps++;
			raise_to(&worst_step, before - t);
		}
		raise_to(&latest, t);
		if (++n % 64 == 0)
			usleep(100);
	} while (t < end);
	reads += n;
	return NULL;
}

int main(int argc, char **argv)
{
	long cpu, cpus = sysconf(_SC_NPROCESSORS_CONF);
	pthread_t threads[cpus];

	if (argc != 2)
		return 2;
	end = now() + strtoul(argv[1], NULL, 10) * 1000000000ull;
	for (cpu = 0; cpu < cpus; cpu++)
		if (pthread_create(&threads[cpu], NULL, watch, (void *)cpu))
			return 1;
	for (cpu = 0; cpu < cpus; cpu++)
		pthread_join(threads[cpu], NULL);
	printf("clocks: %d CPUs, %llu reads, %llu steps back, the worst %llu ns\n",
	       atomic_load(&started),
	       atomic_load(&reads), atomic_load(&steps),
	       atomic_load(&worst_step));
	return steps || !reads;
}
