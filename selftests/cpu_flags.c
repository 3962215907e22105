// SPDX-License-Identifier: GPL-2.0
// needs: userspace/cpu_models.c
/*
 * vmctl --cpu has a name for every feature that the module offers: what has none can be neither
 * taken away from a guest nor asked for.
 */
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "../userspace/cpu_models.h"
#include "../userspace/libsvmm.h"
#include "kselftest_harness.h"

static uint32_t named(const struct svmm_cpuid_entry *e, enum cpuid_register reg)
{
	uint32_t mask = 0;

	for (unsigned int i = 0; i < cpu_nr_flags; i++) {
		const struct cpu_flag *f = &cpu_flags[i];

		if (f->function == e->function && f->index == e->index && f->reg == reg)
			mask |= f->mask;
	}
	return mask;
}

TEST(every_feature_has_a_name)
{
	struct svmm_cpuid *table;
	int svmm = svmm_open();

	ASSERT_LE(0, svmm);
	ASSERT_EQ(0, svmm_get_supported_cpuid(svmm, &table));
	for (unsigned int i = 0; i < table->nr; i++) {
		const struct svmm_cpuid_entry *e = &table->entries[i];
		const uint32_t value[] = { e->eax, e->ebx, e->ecx, e->edx };

		for (int reg = CPUID_EAX; reg <= CPUID_EDX; reg++) {
			uint32_t names = named(e, reg), nameless = value[reg] & ~names;

			/* Registers without names hold no features; this one repeats leaf 1. */
			if (e->function == 0x80000001 && reg == CPUID_EDX)
				nameless &= ~0x0183f3ffu;
			EXPECT_TRUE(!names || !nameless)
				TH_LOG("leaf %x.%x register %d: %x", e->function, e->index, reg,
				       nameless);
		}
	}
	free(table);
	close(svmm);
}

TEST_HARNESS_MAIN
