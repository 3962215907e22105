// SPDX-License-Identifier: GPL-2.0
/*
 * Arithmetic of sockets, cores and threads, and how the user names them.
 *
 * It knows neither CPUID nor the module's limit: a topology that is none is
 * refused here, one that is too large by who has the module at hand.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "topology.h"

#define MAX_COUNT	0xffff	/* keeps every product in an unsigned int's range */

static unsigned int bits_for(unsigned int count)
{
	unsigned int bits = 0;

	while (1u << bits < count)
		bits++;
	return bits;
}

unsigned int topology_thread_bits(const struct topology *t)
{
	return bits_for(t->threads);
}

unsigned int topology_core_bits(const struct topology *t)
{
	return bits_for(t->cores) + bits_for(t->threads);
}

unsigned int topology_apic_id(const struct topology *t, unsigned int n)
{
	unsigned int thread = n % t->threads;
	unsigned int core = n / t->threads % t->cores;
	unsigned int socket = n / topology_socket_cpus(t);

	return socket << topology_core_bits(t) | core << topology_thread_bits(t) | thread;
}

/* A count from 1 up to a comma or the end.  Return: what follows it, or NULL. */
static const char *parse_count(const char *s, unsigned int *count)
{
	unsigned long n;
	char *end;

	if (!isdigit((unsigned char)*s))
		return NULL;
	errno = 0;
	n = strtoul(s, &end, 10);
	if (errno || !n || n > MAX_COUNT || (*end && *end != ','))
		return NULL;
	*count = n;
	return *end ? end + 1 : end;
}

/* One item of the list into the place that it names. */
static const char *parse_item(const char *s, unsigned int *total, struct topology *t)
{
	const struct {
		const char *name;
		unsigned int *count;
	} items[] = {
		{ "sockets=", &t->sockets },
		{ "cores=", &t->cores },
		{ "threads=", &t->threads },
		{ "", total },
	};

	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
		size_t len = strlen(items[i].name);

		if (!strncmp(s, items[i].name, len))
			return *items[i].count ? NULL : parse_count(s + len, items[i].count);
	}
	return NULL;
}

/* What the user left open. */
static bool complete(struct topology *t, unsigned int total)
{
	unsigned long long others, product;

	if (!t->sockets)
		t->sockets = 1;
	if (!t->threads)
		t->threads = 1;
	others = (unsigned long long)t->sockets * t->threads;
	if (!t->cores)
		t->cores = total && !(total % others) ? total / others : 1;
	product = others * t->cores;
	/* Beyond MAX_COUNT there is nothing to tell apart, and no product can overflow. */
	if (product > MAX_COUNT)
		*t = (struct topology) { .sockets = 1, .cores = MAX_COUNT, .threads = 1 };
	return !total || product == total;
}

bool topology_parse(const char *text, struct topology *t, char *why, size_t bytes)
{
	unsigned int total = 0;
	const char *s = text;

	*t = (struct topology) { 0 };
	do
		s = parse_item(s, &total, t);
	while (s && *s);
	if (!s || text[strlen(text) - 1] == ',') {
		snprintf(why, bytes, "not a number of CPUs; give a whole number, 1 or more, or "
				     "sockets=S,cores=C,threads=T");
		return false;
	}
	if (!complete(t, total)) {
		snprintf(why, bytes, "sockets=%u,cores=%u,threads=%u are not %u CPUs",
			 t->sockets, t->cores, t->threads, total);
		return false;
	}
	return true;
}
