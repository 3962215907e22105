// SPDX-License-Identifier: GPL-2.0
/*
 * From a model and a list of flags to a CPUID table.
 *
 * What a flag is lies in cpu_models.c; what the host can give lies in the
 * module's table.  This joins them, and is the only place that takes anything
 * out of the table.  The trick: flags are decided in the table's order, and one
 * that needs another stands behind it, so one pass settles all dependencies.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu.h"
#include "message.h"

#define XCR0_AVX	0x4u
#define XCR0_AVX512	0xe0u
#define XSAVE_MIN	576		/* legacy area and header */

/* Leaf 1 EDX bits that 8000_0001h EDX repeats (APM vol. 3, E.4.2). */
#define REPEATED_EDX	0x0183f3ffu

/*
 * Names
 */

/* /proc/cpuinfo, manuals and other monitors differ in _, - and . only. */
static bool same_name(const char *name, const char *s, size_t len)
{
	for (; len && *name; len--, name++, s++) {
		char c = *s == '_' || *s == '.' ? '-' : tolower((unsigned char)*s);

		if (c != *name)
			return false;
	}
	return !len && !*name;
}

static int find_flag(const char *s, size_t len)
{
	for (unsigned int i = 0; i < cpu_nr_flags; i++) {
		if (same_name(cpu_flags[i].name, s, len))
			return i;
	}
	return -1;
}

static const struct cpu_model *find_model(const char *s, size_t len)
{
	for (unsigned int i = 0; i < cpu_nr_models; i++) {
		if (same_name(cpu_models[i].name, s, len))
			return &cpu_models[i];
	}
	return NULL;
}

/* Is flag @n among the words of @list? */
static bool in_list(const char *list, unsigned int n)
{
	const char *name = cpu_flags[n].name;
	size_t len = strlen(name);

	for (const char *s = list; (s = strstr(s, name)); s += len) {
		if ((s == list || s[-1] == ' ') && (!s[len] || s[len] == ' '))
			return true;
	}
	return false;
}

bool cpu_parse(const char *text, struct cpu_choice *choice, char *why, size_t bytes)
{
	const char *s = text;
	size_t len;
	int flag;

	*choice = (struct cpu_choice) { 0 };
	for (;; s += len + 1) {
		len = strcspn(s, ",");
		if (*s == '+' || *s == '-') {
			flag = find_flag(s + 1, len - 1);
			if (flag < 0) {
				snprintf(why, bytes, "unknown flag %.*s; see --cpu help",
					 (int)len - 1, s + 1);
				return false;
			}
			choice->flag[flag] = *s == '+' ? 1 : -1;
		} else if (s != text || !same_name("host", s, len)) {
			choice->model = s == text ? find_model(s, len) : NULL;
			if (!choice->model && s != text && find_flag(s, len) >= 0) {
				snprintf(why, bytes, "put + or - before the flag %.*s",
					 (int)len, s);
				return false;
			}
			if (!choice->model) {
				snprintf(why, bytes, "unknown model %.*s; see --cpu help",
					 (int)len, s);
				return false;
			}
		}
		if (!s[len])
			return true;
	}
}

static void print_words(const char *title, bool models)
{
	unsigned int nr = models ? cpu_nr_models : cpu_nr_flags, column = 80;

	fputs(title, stdout);
	for (unsigned int i = 0; i < nr; i++) {
		const char *name = models ? cpu_models[i].name : cpu_flags[i].name;

		if (column + 1 + strlen(name) > 79) {
			fputs("\n ", stdout);
			column = 1;
		}
		column += printf(" %s", name);
	}
	putchar('\n');
}

void cpu_print_help(void)
{
	puts("--cpu [BASE,][+FLAG|-FLAG,...]\n"
	     "BASE is host (the default), all that this host can give a guest, or a model:");
	print_words("Models:", true);
	print_words("Flags:", false);
}

/*
 * The table
 */

static struct svmm_cpuid_entry *find(struct svmm_cpuid *table, uint32_t function, uint32_t index)
{
	for (unsigned int i = 0; i < table->nr; i++) {
		if (table->entries[i].function == function && table->entries[i].index == index)
			return &table->entries[i];
	}
	return NULL;
}

static void drop(struct svmm_cpuid *table, const struct svmm_cpuid_entry *e)
{
	size_t n = e - table->entries;

	memmove(&table->entries[n], &table->entries[n + 1],
		(table->nr - n - 1) * sizeof(table->entries[0]));
	table->nr--;
}

static struct svmm_cpuid_entry *add(struct svmm_cpuid *table, uint32_t function)
{
	struct svmm_cpuid_entry *e = &table->entries[table->nr];

	if (table->nr == SVMM_MAX_CPUID)
		return NULL;
	*e = (struct svmm_cpuid_entry) { .function = function };
	table->nr++;
	return e;
}

static uint32_t *word(struct svmm_cpuid_entry *e, enum cpuid_register reg)
{
	switch (reg) {
	case CPUID_EAX:
		return &e->eax;
	case CPUID_EBX:
		return &e->ebx;
	case CPUID_ECX:
		return &e->ecx;
	case CPUID_EDX:
		break;
	}
	return &e->edx;
}

static uint32_t *flag_word(struct svmm_cpuid *table, const struct cpu_flag *f)
{
	struct svmm_cpuid_entry *e = find(table, f->function, f->index);

	return e ? word(e, f->reg) : NULL;
}

/*
 * Deciding
 */

struct names {
	char text[512];
};

static void add_name(struct names *names, const char *name)
{
	size_t len = strlen(names->text);

	snprintf(names->text + len, sizeof(names->text) - len, "%s%s", len ? ", " : "", name);
}

struct decision {
	bool wanted[CPU_MAX_FLAGS];
	struct names refused;		/* asked for, or what the model cannot be without */
	struct names needy;		/* asked for, without what it needs */
	struct names missing;		/* what a model goes without */
};

static bool base_has(const struct cpu_model *model, unsigned int n, bool host)
{
	if (!model || cpu_flags[n].kind == CPU_FLAG_HOST)
		return host;
	return in_list(model->required, n) || in_list(model->optional, n);
}

static bool need_is_met(const struct decision *d, const struct cpu_flag *f)
{
	return !f->needs || d->wanted[find_flag(f->needs, strlen(f->needs))];
}

static void decide(struct decision *d, struct svmm_cpuid *table, const struct cpu_choice *choice,
		   unsigned int n)
{
	const struct cpu_flag *f = &cpu_flags[n];
	const uint32_t *have = flag_word(table, f);
	bool host = have && (*have & f->mask);
	bool possible = host || f->kind == CPU_FLAG_VMCTL;
	char text[80];

	if (choice->flag[n])
		d->wanted[n] = choice->flag[n] > 0;
	else
		d->wanted[n] = base_has(choice->model, n, host);
	if (!d->wanted[n] || (possible && need_is_met(d, f)))
		return;

	d->wanted[n] = false;
	if (!possible) {
		add_name(choice->flag[n] > 0 || in_list(choice->model->required, n) ?
			 &d->refused : &d->missing, f->name);
	} else if (choice->flag[n] > 0) {
		snprintf(text, sizeof(text), "%s needs %s", f->name, f->needs);
		add_name(&d->needy, text);
	}
}

/*
 * Doing
 */

/* Only bits that have a name belong to a model; a host has others, too. */
static void clear_nameless(struct svmm_cpuid *table)
{
	for (unsigned int n = 0; n < cpu_nr_flags; n++) {
		uint32_t *w = flag_word(table, &cpu_flags[n]);
		uint32_t named = 0;

		for (unsigned int i = 0; w && i < cpu_nr_flags; i++) {
			if (flag_word(table, &cpu_flags[i]) == w)
				named |= cpu_flags[i].mask;
		}
		if (w)
			*w &= named;
	}
}

static void set_flags(struct svmm_cpuid *table, const struct decision *d)
{
	struct svmm_cpuid_entry *l1 = find(table, 1, 0), *e1 = find(table, 0x80000001, 0);

	for (unsigned int n = 0; n < cpu_nr_flags; n++) {
		uint32_t *w = flag_word(table, &cpu_flags[n]);

		if (w && !d->wanted[n])
			*w &= ~cpu_flags[n].mask;
		else if (w && cpu_flags[n].kind == CPU_FLAG_VMCTL)
			*w |= cpu_flags[n].mask;
	}
	if (l1 && e1)
		e1->edx = (e1->edx & ~REPEATED_EDX) | (l1->edx & REPEATED_EDX);
}

static bool wants(const struct decision *d, const char *name)
{
	return d->wanted[find_flag(name, strlen(name))];
}

/* The state components that are left, and the room they take (APM vol. 3, E.4.10). */
static void fit_xsave(struct svmm_cpuid *table, const struct decision *d)
{
	struct svmm_cpuid_entry *d0 = find(table, 0xd, 0);
	uint32_t gone, bytes = XSAVE_MIN;

	if (!d0)
		return;
	gone = wants(d, "avx") ? 0 : XCR0_AVX | XCR0_AVX512;
	if (!wants(d, "avx512f"))
		gone |= XCR0_AVX512;
	d0->eax &= ~gone;
	for (unsigned int i = table->nr; i-- > 0;) {
		struct svmm_cpuid_entry *e = &table->entries[i];

		if (e->function != 0xd)
			continue;
		if (!wants(d, "xsave") || (e->index >= 2 && e->index < 32 && gone >> e->index & 1))
			drop(table, e);
		else if (e->index >= 2 && e->eax + e->ebx > bytes)
			bytes = e->eax + e->ebx;
	}
	d0 = find(table, 0xd, 0);
	if (d0) {
		d0->ebx = bytes;
		d0->ecx = bytes;
	}
}

/* 8000_001Dh and 8000_001Eh come with topoext; cpuid.c fills in who shares what. */
static int fit_topology(struct svmm_cpuid *table, const struct decision *d)
{
	bool topoext = wants(d, "topoext");

	for (unsigned int i = table->nr; i-- > 0;) {
		struct svmm_cpuid_entry *e = &table->entries[i];

		if (!topoext && (e->function == 0x8000001d || e->function == 0x8000001e))
			drop(table, e);
	}
	if (!topoext)
		return 0;
	cpu_add_caches(table);
	if (find(table, 0x8000001e, 0) || add(table, 0x8000001e))
		return 0;
	message("the CPUID table is full");
	return -1;
}

/* Family, model, stepping as CPUID packs them (APM vol. 3, E.3.2). */
static uint32_t signature(const struct cpu_model *m)
{
	unsigned int family = m->family < 0xf ? m->family : 0xf;

	return (m->family - family) << 20 | (m->model >> 4) << 16 | family << 8 |
	       (m->model & 0xf) << 4 | m->stepping;
}

/* @threads: the leaves that tell of threads are younger than some models. */
static void set_model(struct svmm_cpuid *table, const struct cpu_model *m, bool threads)
{
	const uint32_t max_basic = threads && m->max_basic < 0xb ? 0xb : m->max_basic;
	const uint32_t max_ext = threads && m->max_ext < 0x8000001e ? 0x8000001e : m->max_ext;
	uint32_t brand[12] = { 0 };
	struct svmm_cpuid_entry *e;

	strncpy((char *)brand, m->brand, sizeof(brand) - 1);
	for (unsigned int i = table->nr; i-- > 0;) {
		e = &table->entries[i];
		switch (e->function) {
		case 0:
			e->eax = max_basic;
			break;
		case 0x80000000:
			e->eax = max_ext;
			break;
		case 1:
		case 0x80000001:
			e->eax = signature(m);
			break;
		case 0x80000002 ... 0x80000004:
			memcpy(&e->eax, &brand[4 * (e->function - 0x80000002)], 16);
			break;
		default:
			if ((e->function < 0x40000000 && e->function > max_basic) ||
			    e->function > max_ext)
				drop(table, e);
		}
	}
}

int cpu_apply(struct svmm_cpuid *table, const struct cpu_choice *choice, bool threads)
{
	const char *base = choice->model ? choice->model->name : "host";
	struct cpu_choice asked = *choice;
	struct decision d = { 0 };

	for (unsigned int n = 0; n < cpu_nr_flags; n++) {
		if (threads && cpu_flags[n].kind == CPU_FLAG_VMCTL && !asked.flag[n])
			asked.flag[n] = 1;
		decide(&d, table, &asked, n);
	}
	if (d.refused.text[0])
		message("--cpu %s: this host lacks %s", base, d.refused.text);
	if (d.needy.text[0])
		message("--cpu %s: %s", base, d.needy.text);
	if (d.refused.text[0] || d.needy.text[0])
		return -1;
	if (d.missing.text[0])
		message("--cpu %s: this host lacks %s; the guest goes without", base,
			d.missing.text);

	if (choice->model)
		clear_nameless(table);
	set_flags(table, &d);
	fit_xsave(table, &d);
	if (choice->model)
		set_model(table, choice->model, threads);
	return fit_topology(table, &d);
}
