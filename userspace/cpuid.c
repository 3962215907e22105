// SPDX-License-Identifier: GPL-2.0
/*
 * The CPUID table of one vCPU: the one that any guest on this host can have,
 * with this vCPU's place in the machine written into it.
 *
 * What the CPU is called and can do stays as the module offers it.  Only
 * topology is edited, because a host CPU's neighbours and APIC ID mean nothing
 * in the guest: every vCPU is one core with one thread, all in one package.
 */
#include "machine.h"

#define LEAF_FEATURES		0x00000001
#define LEAF_TOPOLOGY		0x0000000b
#define LEAF_SIZES		0x80000008
#define LEAF_CACHES		0x8000001d
#define LEAF_NODE		0x8000001e

#define FEATURES_EDX_HTT	(1u << 28)	/* more than one logical CPU */

#define TOPOLOGY_THREADS	0		/* sub-leaves, and what they describe */
#define TOPOLOGY_CORES		1
#define TOPOLOGY_TYPE(t)	((t) << 8)

static uint32_t put_bits(uint32_t word, unsigned int high, unsigned int low, uint32_t value)
{
	uint32_t mask = (uint32_t)(((1ULL << (high - low + 1)) - 1) << low);

	return (word & ~mask) | ((value << low) & mask);
}

/* APIC ID bits that tell @nr CPUs apart. */
static unsigned int id_bits(unsigned int nr)
{
	unsigned int bits = 0;

	while (1u << bits < nr)
		bits++;
	return bits;
}

/* CPUID 0000_000Bh (APM vol. 3, E.3.9): one entry per level, numbered in ECX. */
static void edit_topology(struct svmm_cpuid_entry *e, unsigned int apic_id, unsigned int nr_cpus)
{
	e->edx = apic_id;
	e->eax = 0;
	e->ebx = 0;
	e->ecx = e->index;
	if (e->index == TOPOLOGY_THREADS) {
		e->ebx = 1;
		e->ecx |= TOPOLOGY_TYPE(1);
	} else if (e->index == TOPOLOGY_CORES) {
		e->eax = id_bits(nr_cpus);
		e->ebx = nr_cpus;
		e->ecx |= TOPOLOGY_TYPE(2);
	}
}

void cpuid_edit(struct svmm_cpuid *table, unsigned int apic_id, unsigned int nr_cpus)
{
	for (unsigned int i = 0; i < table->nr; i++) {
		struct svmm_cpuid_entry *e = &table->entries[i];

		switch (e->function) {
		case LEAF_FEATURES:
			e->ebx = put_bits(e->ebx, 31, 24, apic_id);
			e->ebx = put_bits(e->ebx, 23, 16, nr_cpus);
			e->edx &= ~FEATURES_EDX_HTT;
			if (nr_cpus > 1)
				e->edx |= FEATURES_EDX_HTT;
			break;
		case LEAF_TOPOLOGY:
			edit_topology(e, apic_id, nr_cpus);
			break;
		case LEAF_SIZES:
			e->ecx = put_bits(e->ecx, 7, 0, nr_cpus - 1);
			e->ecx = put_bits(e->ecx, 15, 12, id_bits(nr_cpus));
			break;
		case LEAF_CACHES:
			/* Nobody shares a cache. */
			e->eax = put_bits(e->eax, 25, 14, 0);
			break;
		case LEAF_NODE:
			e->eax = apic_id;
			e->ebx = apic_id;
			e->ecx = 0;
			break;
		}
	}
}
