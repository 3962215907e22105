/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How the CPUs of a machine are arranged: sockets of cores of threads.
 *
 * The trick is in the APIC ID (APM vol. 3, E.5): each level has a bit field
 * of its own, as wide as its count needs.  Where a count is no power of two,
 * IDs are left out, and the highest ID is above the number of CPUs.
 */
#ifndef VMCTL_TOPOLOGY_H
#define VMCTL_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>

struct topology {
	unsigned int sockets, cores, threads;	/* cores per socket, threads per core */
};

/* Bits of an APIC ID that tell threads, or cores and threads, apart. */
unsigned int topology_thread_bits(const struct topology *t);
unsigned int topology_core_bits(const struct topology *t);

static inline unsigned int topology_socket_cpus(const struct topology *t)
{
	return t->cores * t->threads;
}

static inline unsigned int topology_cpus(const struct topology *t)
{
	return t->sockets * topology_socket_cpus(t);
}

/* The APIC ID of CPU @n: threads count first, sockets last. */
unsigned int topology_apic_id(const struct topology *t, unsigned int n);

/**
 * topology_parse - "N", "sockets=S,cores=C,threads=T" or any part of these
 * @text: what the user wrote
 * @t: set; what is missing is 1, but with N the cores are as many as it takes
 * @why: on failure a sentence about what is wrong
 * @bytes: its room
 *
 * Return: whether it is a topology.
 */
bool topology_parse(const char *text, struct topology *t, char *why, size_t bytes);

#endif
