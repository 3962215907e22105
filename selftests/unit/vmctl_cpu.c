// SPDX-License-Identifier: GPL-2.0
// needs: userspace/caches.c userspace/cpu.c userspace/cpu_models.c userspace/cpuid.c
// needs: userspace/topology.c
/*
 * --cpu and --cpus: the tables hang together, names are found, and what comes out is the CPUID
 * table that was asked for. The host is one made here, with every flag that has a name and a few
 * bits that have none; tests take away from it what a smaller host would lack.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../userspace/cpu.h"
#include "../../userspace/machine.h"
#include "tap.h"

#define NAMELESS	(1u << 18)	/* leaf 1 ECX: no flag of ours */
#define XSAVE_AVX_END	832
#define XSAVE_512_END	2688

static char said[2048];

void message(const char *format, ...)
{
	size_t len = strlen(said);
	va_list args;

	va_start(args, format);
	vsnprintf(said + len, sizeof(said) - len, format, args);
	va_end(args);
}

/* ---- a host ------------------------------------------------------------------------------- */

static struct svmm_cpuid *table;

static struct svmm_cpuid_entry *at(uint32_t function, uint32_t index)
{
	for (unsigned int i = 0; i < table->nr; i++) {
		if (table->entries[i].function == function && table->entries[i].index == index)
			return &table->entries[i];
	}
	return NULL;
}

static uint32_t *reg(const struct cpu_flag *f)
{
	struct svmm_cpuid_entry *e = at(f->function, f->index);
	uint32_t *regs[] = { &e->eax, &e->ebx, &e->ecx, &e->edx };

	return e ? regs[f->reg] : NULL;
}

static void component(uint32_t index, uint32_t bytes, uint32_t offset)
{
	table->entries[table->nr++] = (struct svmm_cpuid_entry) {
		.function = 0xd, .index = index, .flags = SVMM_CPUID_SUBLEAF,
		.eax = bytes, .ebx = offset,
	};
}

static void full_host(void)
{
	static const struct svmm_cpuid_entry leaves[] = {
		{ .function = 0, .eax = 0xd },
		{ .function = 1, .eax = 0xa20f12, .ecx = NAMELESS },
		{ .function = 6 },
		{ .function = 7, .index = 0, .flags = SVMM_CPUID_SUBLEAF, .eax = 1 },
		{ .function = 7, .index = 1, .flags = SVMM_CPUID_SUBLEAF },
		{ .function = 0xb, .index = 0, .flags = SVMM_CPUID_SUBLEAF },
		{ .function = 0xb, .index = 1, .flags = SVMM_CPUID_SUBLEAF },
		{ .function = 0xd, .index = 0, .flags = SVMM_CPUID_SUBLEAF, .eax = 0xe7 },
		{ .function = 0xd, .index = 1, .flags = SVMM_CPUID_SUBLEAF },
		{ .function = 0x40000000, .eax = 0x40000001 },
		{ .function = 0x40000001 },
		{ .function = 0x80000000, .eax = 0x80000021 },
		{ .function = 0x80000001, .eax = 0xa20f12 },
		{ .function = 0x80000002 },
		{ .function = 0x80000003 },
		{ .function = 0x80000004 },
		{ .function = 0x80000005, .ecx = 0x40020140, .edx = 0x20040140 },
		{ .function = 0x80000006, .ecx = 0x02006140, .edx = 0x00808140 },
		{ .function = 0x80000007 },
		{ .function = 0x80000008, .eax = 0x3030 },
		{ .function = 0x8000001d, .index = 0, .flags = SVMM_CPUID_SUBLEAF, .eax = 0x121 },
		{ .function = 0x8000001d, .index = 1, .flags = SVMM_CPUID_SUBLEAF, .eax = 0x163 },
		{ .function = 0x8000001e },
		{ .function = 0x80000021 },
	};

	free(table);
	table = calloc(1, sizeof(*table) + SVMM_MAX_CPUID * sizeof(table->entries[0]));
	memcpy(table->entries, leaves, sizeof(leaves));
	table->nr = sizeof(leaves) / sizeof(leaves[0]);
	component(2, 256, 576);
	component(5, 64, 1088);
	component(6, 512, 1152);
	component(7, 1024, XSAVE_512_END - 1024);
	at(0xd, 0)->ebx = XSAVE_512_END;
	at(0xd, 0)->ecx = XSAVE_512_END;
	for (unsigned int i = 0; i < cpu_nr_flags; i++)
		*reg(&cpu_flags[i]) |= cpu_flags[i].mask;
	at(0x80000001, 0)->edx |= at(1, 0)->edx & 0x0183f3ff;
	said[0] = '\0';
}

static const struct cpu_flag *named(const char *name)
{
	for (unsigned int i = 0; i < cpu_nr_flags; i++) {
		if (!strcmp(cpu_flags[i].name, name))
			return &cpu_flags[i];
	}
	return NULL;
}

static bool shows(const char *name)
{
	const struct cpu_flag *f = named(name);

	return at(f->function, f->index) && (*reg(f) & f->mask) == f->mask;
}

static void without(const char *name)
{
	*reg(named(name)) &= ~named(name)->mask;
}

static char why[160];

static int apply(const char *text, bool threads)
{
	struct cpu_choice choice;

	if (!cpu_parse(text, &choice, why, sizeof(why)))
		return -2;
	return cpu_apply(table, &choice, threads);
}

/* ---- the tables --------------------------------------------------------------------------- */

static bool words_are_flags(const char *list)
{
	char copy[1024], *save, *word;
	bool ok = true;

	snprintf(copy, sizeof(copy), "%s", list);
	for (word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		if (!named(word)) {
			ksft_print_msg("%s is no flag\n", word);
			ok = false;
		}
	}
	return ok;
}

static void test_tables(void)
{
	bool unique = true, ordered = true, lists = true, small = true;

	for (unsigned int i = 0; i < cpu_nr_flags; i++) {
		const struct cpu_flag *a = &cpu_flags[i];

		for (unsigned int j = 0; j < i; j++) {
			const struct cpu_flag *b = &cpu_flags[j];

			unique &= strcmp(a->name, b->name) != 0;
			unique &= a->function != b->function || a->index != b->index ||
				  a->reg != b->reg || !(a->mask & b->mask);
		}
		if (a->needs && (!named(a->needs) || named(a->needs) >= a)) {
			ksft_print_msg("%s needs %s, which is not before it\n", a->name, a->needs);
			ordered = false;
		}
		small &= !strpbrk(a->name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_.,+");
	}
	for (unsigned int i = 0; i < cpu_nr_models; i++) {
		lists &= words_are_flags(cpu_models[i].required);
		lists &= words_are_flags(cpu_models[i].optional);
		lists &= strlen(cpu_models[i].brand) < 48;
	}
	ksft_test_result(unique, "each flag has a name and bits of its own\n");
	ksft_test_result(small, "names can be looked up\n");
	ksft_test_result(ordered, "a flag stands behind the one that it needs\n");
	ksft_test_result(lists, "models are made of flags\n");
}

/* ---- parsing ------------------------------------------------------------------------------ */

static void test_parse(void)
{
	static const char * const bad[][2] = {
		{ "", "unknown model" },
		{ "opteron-g9", "unknown model opteron-g9" },
		{ "+sse5", "unknown flag sse5" },
		{ "host,-", "unknown flag ;" },
		{ "host,+avx,-x87", "unknown flag x87" },
		{ "epyc,avx", "put + or - before the flag avx" },
		{ "epyc,host", "unknown model host" },
		{ "epyc,", "unknown model ;" },
		{ "+av", "unknown flag av;" },
	};
	struct cpu_choice c;
	bool ok = true;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (cpu_parse(bad[i][0], &c, why, sizeof(why)) || !strstr(why, bad[i][1])) {
			ksft_print_msg("'%s': %s\n", bad[i][0], why);
			ok = false;
		}
	}
	ksft_test_result(ok, "what is unknown is named\n");
	ksft_test_result(cpu_parse("host", &c, why, sizeof(why)) && !c.model &&
			 cpu_parse("-avx", &c, why, sizeof(why)) && !c.model &&
			 cpu_parse("EPYC,+SSE4.1,-sse4_2", &c, why, sizeof(why)) &&
			 c.model && !strcmp(c.model->name, "epyc") &&
			 c.flag[named("sse4-1") - cpu_flags] == 1 &&
			 c.flag[named("sse4-2") - cpu_flags] == -1,
			 "names are found in other spellings, too\n");
}

/* ---- flags -------------------------------------------------------------------------------- */

static void test_host(void)
{
	struct svmm_cpuid *before;
	size_t bytes;
	bool ok;

	full_host();
	bytes = sizeof(*table) + table->nr * sizeof(table->entries[0]);
	before = malloc(bytes);
	memcpy(before, table, bytes);
	ok = !apply("host", false) && !memcmp(table, before, bytes);
	free(before);
	ksft_test_result(ok && !said[0], "host is what the module offers, bit for bit\n");
}

static void test_flags(void)
{
	bool ok;

	full_host();
	ok = !apply("host,-rdrand,-mmx,-kvmclock", false) && !shows("rdrand") && !shows("mmx");
	ok &= !(at(0x80000001, 0)->edx & named("mmx")->mask) && !shows("kvmclock-stable");
	ok &= !(at(0x40000001, 0)->eax & 9) && shows("kvm-nopiodelay") && shows("sse2");
	ksft_test_result(ok && !said[0], "what is taken away is away, here and where repeated\n");

	full_host();
	ok = !apply("-xsave", false) && !shows("avx") && !shows("avx512f") && !shows("xop") &&
	     shows("sse4-2");
	ksft_test_result(ok && !at(0xd, 0) && !at(0xd, 1) && !at(0xd, 7),
			 "without XSAVE there is nothing that needs it\n");

	full_host();
	ok = !apply("-avx512f", false) && at(0xd, 0)->eax == 7 && !at(0xd, 5) && at(0xd, 2);
	ok &= at(0xd, 0)->ebx == XSAVE_AVX_END && at(0xd, 0)->ecx == XSAVE_AVX_END;
	ksft_test_result(ok && shows("avx2") && !shows("avx512vl"), "the XSAVE area shrinks\n");

	full_host();
	without("avx");
	without("rdrand");
	ok = apply("+avx,+rdrand,+aes", false) == -1;
	ksft_test_result(ok && !strcmp(said, "--cpu host: this host lacks avx, rdrand"),
			 "what the host lacks is refused by name\n");

	full_host();
	ok = apply("-xsave,+avx", false) == -1 && strstr(said, "avx needs xsave");
	ksft_test_result(ok, "so is what lacks something else\n");
}

static void test_models(void)
{
	bool ok;

	full_host();
	ok = !apply("epyc", false) && at(1, 0)->eax == 0x800f12;
	ok &= at(0x80000001, 0)->eax == 0x800f12;
	ok &= !memcmp(&at(0x80000002, 0)->eax, "AMD EPYC", 8) && at(0, 0)->eax == 0xd;
	ok &= shows("avx2") && !shows("avx512f") && !shows("pcid") && shows("kvmclock");
	ok &= !(at(1, 0)->ecx & NAMELESS) && shows("x2apic") && shows("ibpb");
	ksft_test_result(ok && !said[0], "epyc on a larger host: its own flags, and no other\n");

	full_host();
	ok = !apply("opteron-g3,+x2apic", false) && at(1, 0)->eax == 0x100f23;
	ok &= !shows("xsave") && !at(0xd, 0) && at(0, 0)->eax == 5 && !at(7, 0) && !at(0xb, 0);
	ok &= !at(0x8000001e, 0) && shows("x2apic") && shows("popcnt") && at(0x40000001, 0);
	ksft_test_result(ok && !said[0], "opteron-g3 and a flag\n");

	full_host();
	without("sha-ni");
	without("adx");
	ok = !apply("epyc", false);
	ksft_test_result(ok && !strcmp(said, "--cpu epyc: this host lacks adx, sha-ni; the guest "
					     "goes without"),
			 "what a model can do without, it goes without, and says so\n");

	full_host();
	without("avx");
	without("sha-ni");
	without("kvm-steal-time");
	ok = apply("epyc", false) == -1;
	ksft_test_result(ok && !strcmp(said, "--cpu epyc: this host lacks avx"),
			 "what it cannot be without is refused\n");

	full_host();
	without("avx");
	ok = !apply("epyc,-avx", false) && !shows("avx2");
	ksft_test_result(ok && !said[0], "unless the user can\n");
}

/* ---- topology ----------------------------------------------------------------------------- */

static void test_topology_parse(void)
{
	static const struct {
		const char *text;
		unsigned int s, c, t;
	} good[] = {
		{ "1", 1, 1, 1 },
		{ "64", 1, 64, 1 },
		{ "sockets=2", 2, 1, 1 },
		{ "threads=2", 1, 1, 2 },
		{ "threads=2,sockets=3,cores=4", 3, 4, 2 },
		{ "8,sockets=2", 2, 4, 1 },
		{ "sockets=2,threads=2,8", 2, 2, 2 },
		{ "8,sockets=2,cores=4", 2, 4, 1 },
		{ "65535", 1, 65535, 1 },
	};
	static const char * const bad[] = {
		"", "0", "-1", "x", "1x", "1,", ",1", "1,,sockets=1", "1,2", "sockets=",
		"sockets=0", "sockets=1,sockets=1", "dies=2", "cores=x", "cores=1 ",
		"99999999999999999999", "65536", "8,sockets=3", "8,cores=3", "4,sockets=8",
		"1.5", "0x2",
	};
	struct topology t;
	bool ok = true;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (!topology_parse(good[i].text, &t, why, sizeof(why)) || t.sockets != good[i].s ||
		    t.cores != good[i].c || t.threads != good[i].t) {
			ksft_print_msg("'%s': %u %u %u\n", good[i].text, t.sockets, t.cores,
				       t.threads);
			ok = false;
		}
	}
	ksft_test_result(ok, "topologies\n");
	ok = true;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (topology_parse(bad[i], &t, why, sizeof(why)) || !why[0]) {
			ksft_print_msg("'%s' is taken for one\n", bad[i]);
			ok = false;
		}
	}
	ksft_test_result(ok, "what is none\n");
	ok = topology_parse("sockets=65535,cores=65535,threads=65535", &t, why, sizeof(why));
	ksft_test_result(ok && topology_cpus(&t) > 64, "too many stay too many, and do not wrap\n");
}

static void test_topology(void)
{
	static const struct topology even = { 2, 4, 2 }, odd = { 2, 3, 1 }, one = { 1, 1, 1 };
	static const unsigned int odd_ids[] = { 0, 1, 2, 4, 5, 6 };
	struct svmm_cpuid_entry *e;
	bool ok = true;

	for (unsigned int i = 0; i < 16; i++)
		ok &= topology_apic_id(&even, i) == i;
	for (unsigned int i = 0; i < 6; i++)
		ok &= topology_apic_id(&odd, i) == odd_ids[i];
	ksft_test_result(ok, "APIC IDs: a field for each level\n");

	/* CPU 13 of 2 x 4 x 2: socket 1, core 2, thread 1 */
	full_host();
	cpuid_edit(table, &even, 13);
	ok = at(1, 0)->ebx >> 24 == 13 && (at(1, 0)->ebx >> 16 & 0xff) == 8;
	ok &= at(1, 0)->edx >> 28 & 1 && at(0x80000001, 0)->ecx >> 1 & 1;
	ksft_test_result(ok, "leaf 1: APIC ID, CPUs of the package\n");
	e = at(0xb, 0);
	ok = e->eax == 1 && e->ebx == 2 && e->ecx == 0x100 && e->edx == 13;
	e = at(0xb, 1);
	ok &= e->eax == 3 && e->ebx == 8 && e->ecx == 0x201 && e->edx == 13;
	ksft_test_result(ok, "leaf Bh: threads and cores\n");
	ok = (at(0x80000008, 0)->ecx & 0xf0ff) == (3 << 12 | 7) && at(0x80000008, 0)->eax == 0x3030;
	ksft_test_result(ok, "leaf 8000_0008h: CPUs and the width of their field\n");
	ok = at(0x8000001d, 0)->eax == (0x121 | 1 << 14) &&
	     at(0x8000001d, 1)->eax == (0x163 | 7 << 14);
	ksft_test_result(ok, "leaf 8000_001Dh: a core shares L1, a socket L3\n");
	e = at(0x8000001e, 0);
	ok = e->eax == 13 && e->ebx == (1 << 8 | 2) && e->ecx == 1;
	ksft_test_result(ok, "leaf 8000_001Eh: core, threads, node\n");

	cpuid_edit(table, &odd, 5);
	ok = at(0xb, 0)->eax == 0 && at(0xb, 1)->eax == 2 && at(0xb, 1)->ebx == 3;
	ok &= (at(0x80000008, 0)->ecx & 0xf0ff) == (2 << 12 | 2) && at(0x8000001e, 0)->ebx == 2;
	ok &= at(0x8000001d, 1)->eax == (0x163 | 3 << 14) && at(1, 0)->ebx >> 24 == 6;
	ksft_test_result(ok, "three cores: IDs are left out, CPUs are not\n");

	cpuid_edit(table, &one, 0);
	ok = !(at(1, 0)->edx >> 28 & 1) && !(at(0x80000001, 0)->ecx >> 1 & 1) && !at(0xb, 1)->eax;
	ksft_test_result(ok && (at(1, 0)->ebx >> 16) == 1, "one CPU is alone\n");

	full_host();
	without("topoext");
	for (unsigned int i = table->nr; i-- > 0;) {
		if (table->entries[i].function == 0x8000001e)
			table->entries[i].function = 0x80000019;
	}
	ok = !apply("host", true) && shows("topoext") && at(0x8000001e, 0);
	ksft_test_result(ok && !said[0], "threads bring topoext with them\n");
	full_host();
	ok = !apply("opteron-g3", true) && shows("topoext") && at(0, 0)->eax == 0xb &&
	     at(0x80000000, 0)->eax == 0x8000001e && at(0xb, 1) && at(0x8000001e, 0);
	ksft_test_result(ok && !said[0], "and the leaves that a model is too old for\n");
}

static bool cache(unsigned int index, unsigned int type, unsigned int level, unsigned int ways,
		  unsigned int sets)
{
	struct svmm_cpuid_entry *e = at(0x8000001d, index);

	return e && (e->eax & 0x3ff) == (type | level << 5 | 1 << 8) &&
	       e->ebx == ((ways - 1) << 22 | 63) && e->ecx == sets - 1;
}

static void test_caches(void)
{
	bool ok;

	full_host();
	for (unsigned int i = table->nr; i-- > 0;) {
		if (table->entries[i].function == 0x8000001d)
			table->entries[i] = table->entries[--table->nr];
	}
	ok = !apply("host,+topoext", false);
	/* 64 KiB 2-way, 32 KiB 4-way, 512 KiB 8-way, 16 MiB 16-way, in lines of 64 bytes */
	ok &= cache(0, 1, 1, 2, 512) && cache(1, 2, 1, 4, 128) && cache(2, 3, 2, 8, 1024) &&
	      cache(3, 3, 3, 16, 16384) && !at(0x8000001d, 4);
	ksft_test_result(ok, "topoext without caches: those of the older leaves\n");
}

int main(void)
{
	ksft_print_header();
	ksft_set_plan(31);
	test_tables();
	test_parse();
	test_host();
	test_flags();
	test_models();
	test_topology_parse();
	test_topology();
	test_caches();
	free(table);
	ksft_finished();
}
