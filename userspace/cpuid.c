// SPDX-License-Identifier: GPL-2.0
/*
 * The CPUID table of one vCPU: the machine's, with this vCPU's place in the
 * topology written into it.
 *
 * What the CPU is called and can do was decided before (cpu.c).  A host CPU's
 * neighbours and APIC ID mean nothing in the guest, so every word that speaks
 * of them is made here, from the topology alone.
 */
#include "machine.h"

#define LEAF_FEATURES		0x00000001
#define LEAF_TOPOLOGY		0x0000000b
#define LEAF_EXT_FEATURES	0x80000001
#define LEAF_SIZES		0x80000008
#define LEAF_CACHES		0x8000001d
#define LEAF_NODE		0x8000001e

#define FEATURES_EDX_HTT	(1u << 28)	/* more than one logical CPU in a package */
#define EXT_ECX_CMP_LEGACY	(1u << 1)	/* likewise */

#define TOPOLOGY_THREADS	0		/* sub-leaves, and what they describe */
#define TOPOLOGY_CORES		1
#define TOPOLOGY_TYPE(t)	((t) << 8)

#define CACHES_LEVEL(eax)	((eax) >> 5 & 7)

static uint32_t put_bits(uint32_t word, unsigned int high, unsigned int low, uint32_t value)
{
	uint32_t mask = (uint32_t)(((1ULL << (high - low + 1)) - 1) << low);

	return (word & ~mask) | ((value << low) & mask);
}

static uint32_t put_flag(uint32_t word, uint32_t flag, bool set)
{
	return set ? word | flag : word & ~flag;
}

/* CPUID 0000_000Bh (APM vol. 3, E.3.9): one entry per level, numbered in ECX. */
static void edit_topology(struct svmm_cpuid_entry *e, unsigned int apic_id,
			  const struct topology *t)
{
	e->edx = apic_id;
	e->eax = 0;
	e->ebx = 0;
	e->ecx = e->index;
	if (e->index == TOPOLOGY_THREADS) {
		e->eax = topology_thread_bits(t);
		e->ebx = t->threads;
		e->ecx |= TOPOLOGY_TYPE(1);
	} else if (e->index == TOPOLOGY_CORES) {
		e->eax = topology_core_bits(t);
		e->ebx = topology_socket_cpus(t);
		e->ecx |= TOPOLOGY_TYPE(2);
	}
}

/*
 * CPUID 8000_001Dh: a socket shares the third level, a core the others.  Said
 * in APIC IDs, not in CPUs: software divides by it (APM vol. 3, E.4.15).
 */
static void edit_cache(struct svmm_cpuid_entry *e, const struct topology *t)
{
	unsigned int bits = CACHES_LEVEL(e->eax) >= 3 ? topology_core_bits(t) :
							topology_thread_bits(t);

	e->eax = put_bits(e->eax, 25, 14, (1u << bits) - 1);
}

void cpuid_edit(struct svmm_cpuid *table, const struct topology *t, unsigned int n)
{
	unsigned int apic_id = topology_apic_id(t, n), cpus = topology_socket_cpus(t);

	for (unsigned int i = 0; i < table->nr; i++) {
		struct svmm_cpuid_entry *e = &table->entries[i];

		switch (e->function) {
		case LEAF_FEATURES:
			e->ebx = put_bits(e->ebx, 31, 24, apic_id);
			e->ebx = put_bits(e->ebx, 23, 16, cpus);
			e->edx = put_flag(e->edx, FEATURES_EDX_HTT, cpus > 1);
			break;
		case LEAF_TOPOLOGY:
			edit_topology(e, apic_id, t);
			break;
		case LEAF_EXT_FEATURES:
			e->ecx = put_flag(e->ecx, EXT_ECX_CMP_LEGACY, cpus > 1);
			break;
		case LEAF_SIZES:
			e->ecx = put_bits(e->ecx, 7, 0, cpus - 1);
			e->ecx = put_bits(e->ecx, 15, 12, topology_core_bits(t));
			break;
		case LEAF_CACHES:
			edit_cache(e, t);
			break;
		case LEAF_NODE:
			e->eax = apic_id;
			e->ebx = (t->threads - 1) << 8 | n / t->threads % t->cores;
			e->ecx = n / cpus;	/* a socket is a node */
			break;
		}
	}
}
