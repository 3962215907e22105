// SPDX-License-Identifier: GPL-2.0
/*
 * What an exit costs the host, by its kind. In counting mode the TSC counts instructions; those of
 * the guest's own loop are taken off. On a processor it counts ticks, and those of the loop, some
 * ten, are in.
 *
 *	bench-exits HYPERVISOR ...	one or two of svmm, kvm_amd
 *	bench-exits -v HYPERVISOR ...	varied operands, many places, and interrupts in between
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
#include <sys/eventfd.h>
#include <unistd.h>
#include <x86intrin.h>

#include "hypervisor.h"

#define ROUNDS	1000	/* within a tick of the host; a kind may name fewer */
#define RUNS	10
#define FEW_RUNS 3	/* of a kind with few rounds */
#define TICK_RUNS 101

/* guests/varied.S: the guest's own instructions in a round, and in the handler of an interrupt. */
#define VARIED_INSNS	17
#define VARIED_HANDLER	11
#define VARIED_ROUNDS	512
#define VARIED_RUNS	5
#define VARIED_INTERVAL	256	/* rounds from interrupt to interrupt */

/*
 * Guests of guests/cost.S and varied.S, the former's own instructions in a round, whether an
 * interrupt comes in each, and what is no part of the operation but happens with it: another kind.
 */
static const struct {
	const char *name;
	unsigned int insns;
	const char *less;
	bool interrupt;
	unsigned int rounds;
} kinds[] = {
	{ "cpuid", 5 },
	{ "vmmcall", 4 },
	{ "rdmsr", 4 },
	{ "wrmsr", 6 },
	{ "x2apic_eoi", 6 },
	{ "self_ipi", 6 + 5, "x2apic_eoi", true },
	{ "tsc_deadline", 6 },
	{ "hlt_pending", 6 + 5 + 3, "self_ipi", true },
	{ "cr_write", 3 },
	{ "pio_out", 3 },
	{ "pio_in", 3 },
	{ "ioeventfd", 3 },
	{ "ioeventfd_mmio", 3 },
	{ "irqfd", 3 + 5, "x2apic_eoi", true },
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
static bool varied;
static int bell;		/* an eventfd; KVM wants it open */

static unsigned int rounds_of(unsigned int kind)
{
	return kinds[kind].rounds ?: varied ? VARIED_ROUNDS : ROUNDS;
}

static int runs_of(unsigned int kind)
{
	return kinds[kind].rounds ? FEW_RUNS : varied ? VARIED_RUNS : RUNS;
}

static unsigned int insns_of(unsigned int kind)
{
	if (!varied)
		return kinds[kind].insns;
	return VARIED_INSNS + kinds[kind].interrupt * VARIED_HANDLER;
}

static uint64_t timed(const struct hypervisor *h, struct machine *m, unsigned int kind,
		      uint64_t rounds)
{
	uint64_t interval = kinds[kind].rounds ?: VARIED_INTERVAL, begun = __rdtsc();

	h->run(m, &programs[kind], interval, rounds);
	return __rdtsc() - begun;
}

static struct machine *machine_for(const struct hypervisor *h, unsigned int kind)
{
	struct machine *m = h->create(&programs[kind], NULL, 0);
	bool irqfd = !strcmp(kinds[kind].name, "irqfd");
	bool memory = !strcmp(kinds[kind].name, "ioeventfd_mmio");

	if (irqfd)
		h->interrupt(m, bell);
	if (irqfd || memory || !strcmp(kinds[kind].name, "ioeventfd"))
		h->bell(m, bell, memory);
	return m;
}

/* The least of several runs: the host's own interrupts, which come when they like, only add. */
static double cost(const struct hypervisor *h, unsigned int kind)
{
	struct machine *m = machine_for(h, kind);
	unsigned int rounds = rounds_of(kind);
	uint64_t once = UINT64_MAX, all = UINT64_MAX, ticks;

	timed(h, m, kind, rounds + 1);			/* warm */
	for (int i = 0; i < runs_of(kind); i++) {
		ticks = timed(h, m, kind, 1);
		once = ticks < once ? ticks : once;
		ticks = timed(h, m, kind, rounds + 1);
		all = ticks < all ? ticks : all;
	}
	h->destroy(m);
	return (double)(all - once) / rounds - insns_of(kind);
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
	unsigned int rounds = rounds_of(kind);
	uint64_t once;

	timed(h, m, kind, rounds + 1);			/* warm */
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
		timed(h, m, kind, ROUNDS);
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
	double costs[2][KINDS];
	bool ticks = false;
	int option;

	vmt_deadline(600);
	while ((option = getopt(argc, argv, "tv")) >= 0)
		if (option == 't')
			ticks = true;
		else if (option == 'v')
			varied = true;
		else
			return 2;
	argc -= optind - 1;
	argv += optind - 1;
	if (argc < 2 || argc > 3)
		vmt_die(NULL, "bench-exits [-t] [-v] svmm|kvm_amd ...");
	bell = eventfd(0, EFD_CLOEXEC);
	if (bell < 0)
		vmt_die(NULL, "no eventfd");
	for (unsigned int k = 0; k < KINDS; k++)
		program_load(&programs[k], varied ? "varied" : "cost", kinds[k].name);
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
