// SPDX-License-Identifier: GPL-2.0
/*
 * A program of vmctl's build: the filters as C, on stdout.
 *
 * Where a program has a value that is not known yet, is found by making it twice, with others each
 * time.  What differs is such a place, and must be a comparison with just the value that was given
 * each time; so a program that depends on a value in another way ends the build.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules.h"

static const char *const names[FILTER_KINDS] = {
	[FILTER_PROCESS] = "process", [FILTER_PROCESS_SERVERS] = "process_servers",
	[FILTER_VCPU] = "vcpu", [FILTER_WORKER] = "worker",
	[FILTER_NETWORK] = "network", [FILTER_NETWORK_FILES] = "network_files",
};

/* No rule has numbers of this size. */
static const uint32_t firsts[2] = { 0x5e000000, 0x6f000000 };

static void die(enum filter_kind kind, const char *what)
{
	fprintf(stderr, "filters: %s: %s\n", names[kind], what);
	exit(1);
}

static int program(enum filter_kind kind, uint32_t first, struct sock_filter *insns)
{
	uint32_t values[FILTER_VALUES];
	int nr;

	for (unsigned int i = 0; i < FILTER_VALUES; i++)
		values[i] = first + i;
	nr = filter_program(kind, values, insns);
	if (nr < 0)
		die(kind, strerror(-nr));
	return nr;
}

/* Return: the value that the two compare with, or -1, if they are the same. */
static int differ(enum filter_kind kind, const struct sock_filter *a, const struct sock_filter *b)
{
	uint32_t value = a->k - firsts[0];

	if (!memcmp(a, b, sizeof(*a)))
		return -1;
	if (a->code != (BPF_JMP | BPF_JEQ | BPF_K) || a->code != b->code || a->jt != b->jt ||
	    a->jf != b->jf || value >= FILTER_VALUES || b->k - firsts[1] != value)
		die(kind, "it is another program with other process IDs");
	return value;
}

/* Each value that this kind has to know is compared with, and no other. */
static void check_places(enum filter_kind kind, const bool *seen)
{
	bool thread = kind == FILTER_VCPU || kind == FILTER_WORKER;

	for (unsigned int i = 0; i < FILTER_VALUES; i++) {
		if (seen[i] != (i == FILTER_PID ? !thread : kind == FILTER_PROCESS_SERVERS))
			die(kind, "process IDs are not where they belong");
	}
}

/* Return: how many places it has. */
static unsigned int print(enum filter_kind kind, int *nr_insns)
{
	static struct sock_filter insns[2][FILTER_INSNS_MAX];
	bool seen[FILTER_VALUES] = { false };
	unsigned int nr_places = 0;
	int nr = program(kind, firsts[0], insns[0]), value;

	if (program(kind, firsts[1], insns[1]) != nr)
		die(kind, "it is longer with other process IDs");
	printf("static const struct sock_filter %s[] = {\n", names[kind]);
	for (int i = 0; i < nr; i++)
		printf("\t{ %#06x, %u, %u, %#x },\n", insns[0][i].code, insns[0][i].jt,
		       insns[0][i].jf, insns[0][i].k);
	printf("};\n\nstatic const struct filter_place %s_places[] = {\n", names[kind]);
	for (int i = 0; i < nr; i++) {
		value = differ(kind, &insns[0][i], &insns[1][i]);
		if (value < 0)
			continue;
		printf("\t{ %d, %d },\n", i, value);
		seen[value] = true;
		nr_places++;
	}
	printf("};\n\n");
	check_places(kind, seen);
	*nr_insns = nr;
	return nr_places;
}

int main(void)
{
	unsigned int nr_places[FILTER_KINDS];
	int nr_insns[FILTER_KINDS];

	printf("/* Made of userspace/filters/rules.c, by libseccomp. */\n\n"
	       "#include \"../../userspace/filters.h\"\n\n");
	for (int kind = 0; kind < FILTER_KINDS; kind++)
		nr_places[kind] = print(kind, &nr_insns[kind]);
	printf("const struct filter filters[FILTER_KINDS] = {\n");
	for (int kind = 0; kind < FILTER_KINDS; kind++)
		printf("\t{ %s, %s_places, %d, %u },\n", names[kind], names[kind], nr_insns[kind],
		       nr_places[kind]);
	printf("};\n");
	return fflush(stdout) || ferror(stdout);
}
