// SPDX-License-Identifier: GPL-2.0
/*
 * Caches in CPUID 8000_001Dh, for a guest that has topoext on a host that has
 * not: software that sees topoext looks for caches nowhere else.
 *
 * They are the caches that 8000_0005h and 8000_0006h tell of, said again in
 * the newer format (APM vol. 3, E.4.4, E.4.5, E.4.15).  Who shares them is not
 * known here: cpuid.c.
 */
#include "cpu.h"

enum { CACHE_DATA = 1, CACHE_INSTRUCTIONS, CACHE_UNIFIED };

#define CACHES_LEAF	0x8000001d
#define SELF_INIT	(1u << 8)
#define FULLY		(1u << 9)
#define FULLY_CODE	0xf

/* Ways by their code in 8000_0006h; 0: none of that number. */
static unsigned int ways_of_code(unsigned int code)
{
	static const unsigned char ways[16] = {
		0, 1, 2, 3, 4, 6, 8, 0, 16, 0, 32, 48, 64, 96, 128, 0
	};

	return ways[code];
}

static void add_cache(struct svmm_cpuid *table, unsigned int level, unsigned int type,
		      unsigned int kib, unsigned int ways, unsigned int line)
{
	struct svmm_cpuid_entry *e = &table->entries[table->nr];
	unsigned int index = 0;

	for (unsigned int i = 0; i < table->nr; i++)
		index += table->entries[i].function == CACHES_LEAF;
	if (!kib || !line || table->nr == SVMM_MAX_CPUID)
		return;
	*e = (struct svmm_cpuid_entry) {
		.function = CACHES_LEAF,
		.index = index,
		.flags = SVMM_CPUID_SUBLEAF,
		.eax = type | level << 5 | SELF_INIT | (ways ? 0 : FULLY),
	};
	if (!ways)
		ways = kib * 1024 / line;
	e->ebx = (ways - 1) << 22 | (line - 1);
	e->ecx = kib * 1024 / line / ways - 1;
	table->nr++;
}

/* 8000_0005h: size in KiB, ways (FFh: fully associative), lines per tag, line. */
static void add_first(struct svmm_cpuid *table, unsigned int type, uint32_t word)
{
	unsigned int ways = word >> 16 & 0xff;

	add_cache(table, 1, type, word >> 24, ways == 0xff ? 0 : ways, word & 0xff);
}

/* 8000_0006h: the same with a code for the ways; a code of 0 means: no cache. */
static void add_other(struct svmm_cpuid *table, unsigned int level, unsigned int kib, uint32_t word)
{
	unsigned int code = word >> 12 & 0xf, ways = ways_of_code(code);

	if (ways || code == FULLY_CODE)
		add_cache(table, level, CACHE_UNIFIED, kib, ways, word & 0xff);
}

void cpu_add_caches(struct svmm_cpuid *table)
{
	struct svmm_cpuid_entry l1 = { 0 }, l2 = { 0 };

	for (unsigned int i = 0; i < table->nr; i++) {
		if (table->entries[i].function == CACHES_LEAF)
			return;
		if (table->entries[i].function == 0x80000005)
			l1 = table->entries[i];
		else if (table->entries[i].function == 0x80000006)
			l2 = table->entries[i];
	}
	add_first(table, CACHE_DATA, l1.ecx);
	add_first(table, CACHE_INSTRUCTIONS, l1.edx);
	add_other(table, 2, l2.ecx >> 16, l2.ecx);
	add_other(table, 3, (l2.edx >> 18) * 512, l2.edx);
}
