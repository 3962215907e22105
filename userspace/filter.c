// SPDX-License-Identifier: GPL-2.0
/*
 * The trick: a binary search among ranges of numbers that end alike.  It is short, so that the
 * kernel has little to check, to compile and to find out, for each number, whether it may let that
 * call pass without the filter.  What is left are the calls whose arguments count; ioctl(), which a
 * vCPU makes with each exit that is answered here, comes before the search.
 */
#include <errno.h>
#include <linux/audit.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "filter.h"

#define NEAR	128		/* instructions, for a jump to a common end */
#define ENDS	4		/* actions whose ends are common */

/* Calls from @first to the next range: their rules, and what becomes of them if none applies. */
struct range {
	uint32_t first, action;
	const struct filter_rule *rules;
	unsigned int nr_rules;
};

struct builder {
	struct sock_filter *program;
	unsigned int nr;		/* counts on when there is no room */
	struct range ranges[2 * FILTER_RULES_MAX + 1];
	unsigned int nr_ranges;
	struct {
		uint32_t action;
		unsigned int at;
	} ends[ENDS];
	unsigned int nr_ends;
};

void filter_add_tests(struct filter *f, uint32_t action, long call, const struct filter_test *tests,
		      unsigned int nr)
{
	struct filter_rule rule = { .call = call, .action = action, .nr_tests = nr };
	unsigned int i = f->nr++;

	if (i >= FILTER_RULES_MAX)
		return;
	for (unsigned int n = 0; n < nr; n++)
		rule.tests[n] = tests[n];
	for (; i && f->rules[i - 1].call > rule.call; i--)
		f->rules[i] = f->rules[i - 1];
	f->rules[i] = rule;
}

void filter_add(struct filter *f, uint32_t action, long call)
{
	filter_add_tests(f, action, call, NULL, 0);
}

void filter_add_arg(struct filter *f, uint32_t action, long call, unsigned int arg, uint32_t mask,
		    uint32_t value)
{
	const struct filter_test test = { .arg = arg, .mask = mask, .value = value };

	filter_add_tests(f, action, call, &test, 1);
}

/* Ranges */

static void add_range(struct builder *b, struct range range)
{
	const struct range *last;

	/* There is nothing between it and the one before. */
	if (b->nr_ranges && b->ranges[b->nr_ranges - 1].first == range.first)
		b->nr_ranges--;
	last = b->nr_ranges ? &b->ranges[b->nr_ranges - 1] : NULL;
	if (!last || last->action != range.action || last->nr_rules || range.nr_rules)
		b->ranges[b->nr_ranges++] = range;
}

/* The rules of one call, as the range that it is. */
static struct range range_of(const struct filter_rule *rules, unsigned int nr)
{
	struct range range = {
		.first = rules->call, .action = SECCOMP_RET_TRAP, .rules = rules,
	};

	for (; range.nr_rules < nr && rules->call == range.first; rules++, range.nr_rules++) {
		if (!rules->nr_tests) {
			range.action = rules->action;
			break;
		}
	}
	return range;
}

static void find_ranges(struct builder *b, const struct filter *f)
{
	struct range none = { .action = SECCOMP_RET_TRAP };

	add_range(b, none);
	for (unsigned int i = 0; i < f->nr; i++) {
		if (i && f->rules[i].call == f->rules[i - 1].call)
			continue;
		add_range(b, range_of(&f->rules[i], f->nr - i));
		none.first = f->rules[i].call + 1;
		add_range(b, none);
	}
}

/* Instructions, the last one first: whatever jumps knows already where to. */

static unsigned int emit(struct builder *b, uint16_t code, uint32_t k)
{
	if (b->nr < FILTER_PROGRAM_MAX)
		b->program[b->nr] = (struct sock_filter) { .code = code, .k = k };
	return b->nr++;
}

static unsigned int load(struct builder *b, size_t offset)
{
	return emit(b, BPF_LD | BPF_W | BPF_ABS, offset);
}

/* From the next instruction to that at @to.  A filter with longer jumps is too long. */
static uint8_t distance(struct builder *b, unsigned int to)
{
	unsigned int far = b->nr - to - 1;

	if (far > UINT8_MAX)
		b->nr = FILTER_PROGRAM_MAX;
	return far;
}

static unsigned int jump(struct builder *b, uint16_t op, uint32_t k, unsigned int yes,
			 unsigned int no)
{
	uint8_t jt = distance(b, yes), jf = distance(b, no);
	unsigned int at = emit(b, BPF_JMP | op | BPF_K, k);

	if (at < FILTER_PROGRAM_MAX) {
		b->program[at].jt = jt;
		b->program[at].jf = jf;
	}
	return at;
}

/* Where it ends in @action: the last such place, if that is not too far away. */
static unsigned int end(struct builder *b, uint32_t action)
{
	unsigned int i = 0;

	while (i < b->nr_ends && b->ends[i].action != action)
		i++;
	if (i == ENDS)
		return emit(b, BPF_RET | BPF_K, action);
	if (i < b->nr_ends && b->nr - b->ends[i].at < NEAR)
		return b->ends[i].at;
	if (i == b->nr_ends)
		b->ends[b->nr_ends++].action = action;
	b->ends[i].at = emit(b, BPF_RET | BPF_K, action);
	return b->ends[i].at;
}

/* On to @yes if it is passed, else to @no.  The lower half of an argument comes first. */
static unsigned int emit_test(struct builder *b, const struct filter_test *t, unsigned int yes,
			      unsigned int no)
{
	size_t half = t->arg & FILTER_UPPER ? sizeof(uint32_t) : 0;

	jump(b, BPF_JEQ, t->value, yes, no);
	if (t->mask != ~0u)
		emit(b, BPF_ALU | BPF_AND | BPF_K, t->mask);
	return load(b, offsetof(struct seccomp_data, args) + half +
		    (t->arg & ~FILTER_UPPER) * sizeof(uint64_t));
}

/* Where one of the rules is looked for. */
static unsigned int emit_range(struct builder *b, const struct range *range)
{
	unsigned int at = end(b, range->action), next, yes;

	for (unsigned int i = range->nr_rules; i--;) {
		const struct filter_rule *r = &range->rules[i];

		next = at;
		yes = end(b, r->action);
		for (unsigned int n = r->nr_tests; n--; yes = at)
			at = emit_test(b, &r->tests[n], yes, next);
	}
	return at;
}

/* Where the search among some ranges begins. */
static unsigned int emit_search(struct builder *b, unsigned int from, unsigned int to)
{
	unsigned int middle = (from + to) / 2, below, above;

	if (to - from == 1)
		return emit_range(b, &b->ranges[from]);
	above = emit_search(b, middle, to);
	below = emit_search(b, from, middle);
	return jump(b, BPF_JGE, b->ranges[middle].first, above, below);
}

static unsigned int emit_call(struct builder *b, uint32_t call, unsigned int others)
{
	for (unsigned int i = 0; i < b->nr_ranges; i++)
		if (b->ranges[i].first == call)
			return jump(b, BPF_JEQ, call, emit_range(b, &b->ranges[i]), others);
	return others;
}

static void reverse(struct sock_filter *program, unsigned int nr)
{
	for (unsigned int i = 0; i < nr / 2; i++) {
		struct sock_filter last = program[nr - 1 - i];

		program[nr - 1 - i] = program[i];
		program[i] = last;
	}
}

unsigned int filter_build(const struct filter *f, struct sock_filter program[FILTER_PROGRAM_MAX])
{
	unsigned int trap, begin;
	struct builder b;

	if (f->nr > FILTER_RULES_MAX)
		return 0;
	b.program = program;
	b.nr = 0;
	b.nr_ranges = 0;
	b.nr_ends = 0;
	find_ranges(&b, f);
	begin = emit_search(&b, 0, b.nr_ranges);
	emit_call(&b, SYS_ioctl, begin);
	begin = load(&b, offsetof(struct seccomp_data, nr));
	trap = end(&b, SECCOMP_RET_TRAP);
	jump(&b, BPF_JEQ, AUDIT_ARCH_X86_64, begin, trap);
	load(&b, offsetof(struct seccomp_data, arch));
	if (b.nr > FILTER_PROGRAM_MAX)
		return 0;
	reverse(program, b.nr);
	return b.nr;
}

int filter_load(const struct filter *f)
{
	struct sock_filter program[FILTER_PROGRAM_MAX];
	struct sock_fprog prog = { .len = filter_build(f, program), .filter = program };

	if (!prog.len)
		return -E2BIG;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog))
		return -errno;
	return 0;
}
