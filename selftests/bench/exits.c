// SPDX-License-Identifier: GPL-2.0
/*
 * What an exit costs the host, by its kind. In counting mode the TSC counts instructions; those of
 * the guest's own loop are taken off. On a processor it counts ticks, and those of the loop, some
 * ten, are in.
 *
 *	bench-exits HYPERVISOR ...	one or two of svmm, kvm_amd
 *	bench-exits -t HYPERVISOR ...	ticks of the TSC
 *	bench-exits HYPERVISOR KIND	that one, for ever (for scripts/trace-exit)
 *
 * Prints a line for each kind: its name, and for each hypervisor instructions of the host per exit,
 * or the median of ticks per exit and between what 80 of 100 runs were.
 *
 * needs: selftests/bench/kvm.c selftests/bench/svmm.c
 * needs: selftests/lib/memory.c selftests/lib/vmtest.c selftests/lib/start.c
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <x86intrin.h>

#include "hypervisor.h"

#define ROUNDS	1000	/* within a tick of the host; a kind may name fewer */
#define RUNS	10
#define TICK_RUNS 101

/*
 * Guests of guests/cost.S, the guest's own instructions in a round, and what is no part of the
 * operation but happens with it: another kind.
 */
static const struct {
	const char *name;
	unsigned int insns;
	const char *less;
	unsigned int rounds;
} kinds[] = {
	{ "cpuid", 5 },
	{ "vmmcall", 4 },
	{ "rdmsr", 4 },
	{ "wrmsr", 6 },
	{ "x2apic_eoi", 6 },
	{ "self_ipi", 6 + 5, "x2apic_eoi" },
	{ "tsc_deadline", 6 },
	{ "hlt_pending", 6 + 5 + 3, "self_ipi" },
	{ "cr_write", 3 },
	{ "pio_out", 3 },
	{ "pio_in", 3 },
	{ "ioeventfd", 3 },
	{ "rep_outsb_4k", 5, .rounds = 2 },
	{ "mmio_store1", 3 },
	{ "mmio_store2", 3 },
	{ "mmio_store4", 3 },
	{ "mmio_store8", 3 },
	{ "mmio_load1", 3 },
	{ "mmio_load2", 3 },
	{ "mmio_load4", 3 },
	{ "mmio_load8", 3 },
};

#define KINDS	(sizeof(kinds) / sizeof(kinds[0]))

static struct program programs[KINDS];

static uint64_t timed(const struct hypervisor *h, struct machine *m, unsigned int kind,
		      uint64_t rounds)
{
	uint64_t begun = __rdtsc();

	h->run(m, &programs[kind], 0, rounds);
	return __rdtsc() - begun;
}

static struct machine *machine_for(const struct hypervisor *h, unsigned int kind)
{
	struct machine *m = h->create(&programs[kind], NULL, 0);

	if (!strcmp(kinds[kind].name, "ioeventfd"))
		h->bell(m);
	return m;
}

/* The least of several runs: the host's own interrupts, which come when they like, only add. */
static double cost(const struct hypervisor *h, unsigned int kind)
{
	struct machine *m = machine_for(h, kind);
	unsigned int rounds = kinds[kind].rounds ?: ROUNDS;
	uint64_t once = UINT64_MAX, all = UINT64_MAX, ticks;

	h->run(m, &programs[kind], 0, rounds);		/* warm */
	for (int i = 0; i < RUNS; i++) {
		ticks = timed(h, m, kind, 1);
		once = ticks < once ? ticks : once;
		ticks = timed(h, m, kind, rounds + 1);
		all = ticks < all ? ticks : all;
	}
	h->destroy(m);
	return (double)(all - once) / rounds - kinds[kind].insns;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Sorted, of TICK_RUNS runs. */
static void spread(const struct hypervisor *h, unsigned int kind, double *runs)
{
	struct machine *m = machine_for(h, kind);
	unsigned int rounds = kinds[kind].rounds ?: ROUNDS;
	uint64_t once;

	h->run(m, &programs[kind], 0, rounds);		/* warm */
	for (int i = 0; i < TICK_RUNS; i++) {
		once = timed(h, m, kind, 1);
		runs[i] = (double)(timed(h, m, kind, rounds + 1) - once) / rounds;
	}
	h->destroy(m);
	qsort(runs, TICK_RUNS, sizeof(*runs), by_value);
}

static const struct hypervisor *hypervisor(const char *name)
{
	if (!strcmp(name, svmm.name))
		return &svmm;
	if (!strcmp(name, kvm_amd.name))
		return &kvm_amd;
	return NULL;
}

/* What happens with another kind's costs is not taken off: medians have no differences. */
static void print_ticks(int nr, char **names)
{
	double runs[TICK_RUNS];

	for (unsigned int k = 0; k < KINDS; k++) {
		printf("%s", kinds[k].name);
		for (int i = 0; i < nr; i++) {
			spread(hypervisor(names[i]), k, runs);
			printf(" %.0f %.0f %.0f", runs[TICK_RUNS / 2], runs[TICK_RUNS / 10],
			       runs[TICK_RUNS - 1 - TICK_RUNS / 10]);
		}
		printf("\n");
		fflush(stdout);
	}
}

static void for_ever(const struct hypervisor *h, unsigned int kind)
{
	struct machine *m = machine_for(h, kind);

	alarm(0);
	printf("running\n");
	fflush(stdout);
	for (;;)
		h->run(m, &programs[kind], 0, ROUNDS);
}

static unsigned int kind_of(const char *name)
{
	unsigned int k = 0;

	while (k < KINDS && strcmp(name, kinds[k].name))
		k++;
	return k;
}

int main(int argc, char **argv)
{
	bool ticks = argc > 1 && !strcmp(argv[1], "-t");
	double costs[2][KINDS];

	vmt_deadline(600);
	if (ticks) {
		argc--;
		argv++;
	}
	if (argc < 2 || argc > 3)
		vmt_die(NULL, "bench-exits [-t] svmm|kvm_amd ...");
	for (unsigned int k = 0; k < KINDS; k++)
		program_load(&programs[k], "cost", kinds[k].name);
	if (argc == 3 && hypervisor(argv[1]) && kind_of(argv[2]) < KINDS)
		for_ever(hypervisor(argv[1]), kind_of(argv[2]));
	for (int i = 1; i < argc; i++)
		if (!hypervisor(argv[i]))
			vmt_die(NULL, "%s: not a hypervisor, nor a kind of exit", argv[i]);
	if (ticks) {
		print_ticks(argc - 1, argv + 1);
		return 0;
	}
	for (int i = 1; i < argc; i++) {
		for (unsigned int k = 0; k < KINDS; k++)
			costs[i - 1][k] = cost(hypervisor(argv[i]), k);
	}
	for (unsigned int k = 0; k < KINDS; k++) {
		printf("%s", kinds[k].name);
		for (int i = 1; i < argc; i++)
			printf(" %.1f", costs[i - 1][k] - (kinds[k].less ?
			       costs[i - 1][kind_of(kinds[k].less)] : 0));
		printf("\n");
	}
	return 0;
}
