// SPDX-License-Identifier: GPL-2.0
// needs: userspace/filter.c
/*
 * Filters of system calls: what a program does with a call is what the rules say, for every number
 * and random arguments, by an interpreter of the kernel's instructions; and it is short.
 */
#include <errno.h>
#include <linux/audit.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../userspace/filter.h"
#include "random.h"
#include "tap.h"

#define CALLS		500		/* numbers that are tried */
#define FILTERS		300
#define X32		0x40000000u	/* __X32_SYSCALL_BIT */
#define NO_RESULT	0xdeadbeefu

static struct sock_filter program[FILTER_PROGRAM_MAX];
static unsigned int length, steps;

/* The instructions that seccomp takes, of those that filter.c uses; forward jumps within. */
static uint32_t interpret(const struct seccomp_data *data)
{
	uint32_t a = 0;

	steps = 0;
	for (unsigned int pc = 0; pc < length; pc++) {
		const struct sock_filter *i = &program[pc];

		steps++;
		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (i->k > sizeof(*data) - 4 || i->k & 3)
				return NO_RESULT;
			memcpy(&a, (const char *)data + i->k, 4);
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= i->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			pc += a == i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			pc += a >= i->k ? i->jt : i->jf;
			break;
		case BPF_RET | BPF_K:
			return i->k;
		default:
			return NO_RESULT;
		}
	}
	return NO_RESULT;
}

/* Rules in the order in which they were added. */
static struct filter_rule said[FILTER_RULES_MAX + 1];
static unsigned int nr_said;

static bool passes(const struct filter_rule *r, const struct seccomp_data *data)
{
	bool all = true;

	for (unsigned int n = 0; n < r->nr_tests; n++) {
		const struct filter_test *t = &r->tests[n];
		uint64_t arg = data->args[t->arg & 7];

		all &= ((t->arg & FILTER_UPPER ? arg >> 32 : arg) & t->mask) == t->value;
	}
	return all;
}

static uint32_t expected(const struct seccomp_data *data)
{
	for (unsigned int i = 0; i < nr_said; i++) {
		const struct filter_rule *r = &said[i];

		if (r->call == (uint32_t)data->nr && passes(r, data))
			return r->action;
	}
	return SECCOMP_RET_TRAP;
}

static void say(struct filter *f, const struct filter_rule *r)
{
	said[nr_said++] = *r;
	if (r->nr_tests == 1 && !(r->tests[0].arg & FILTER_UPPER))
		filter_add_arg(f, r->action, r->call, r->tests[0].arg, r->tests[0].mask,
			       r->tests[0].value);
	else if (r->nr_tests)
		filter_add_tests(f, r->action, r->call, r->tests, r->nr_tests);
	else
		filter_add(f, r->action, r->call);
}

static struct filter_rule random_rule(void)
{
	static const uint32_t masks[] = { ~0u, 0xff00, 4, 0x10000 };
	struct filter_rule r = {
		/* Neighbours are frequent, and so is what comes first. */
		.call = rng() % 8 ? rng() % (rng() % 2 ? 60 : CALLS - 20) : SYS_ioctl,
		.action = rng() % 4 ? FILTER_ALLOW : FILTER_ERROR(rng() % 2 ? ENOENT : ENOTTY),
		.nr_tests = rng() % 4 ? 0 : 1 + rng() % FILTER_TESTS_MAX,
	};

	for (unsigned int n = 0; n < r.nr_tests; n++) {
		r.tests[n].arg = rng() % 6 + (rng() % 4 ? 0 : FILTER_UPPER);
		r.tests[n].mask = masks[rng() % 4];
		r.tests[n].value = rng() & r.tests[n].mask & 0x1ff06;
	}
	return r;
}

/* Arguments that the rule wants, if not two of its tests are of one. */
static void pass(const struct filter_rule *r, struct seccomp_data *data)
{
	for (unsigned int n = 0; n < r->nr_tests; n++) {
		const struct filter_test *t = &r->tests[n];
		uint32_t *half = (uint32_t *)&data->args[t->arg & 7];

		half[!!(t->arg & FILTER_UPPER)] = t->value;
	}
}

/* Arguments of which many are in a rule. */
static bool all_as_expected(uint32_t nr)
{
	struct seccomp_data data = { .nr = nr, .arch = AUDIT_ARCH_X86_64 };

	for (unsigned int round = 0; round < 6; round++) {
		for (unsigned int i = 0; i < 6; i++)
			data.args[i] = rng() & (rng() % 2 ? 0xffffffff0001ff06 : ~0ull);
		for (unsigned int i = 0; i < nr_said; i++)
			if (said[i].call == nr && rng() % 2)
				pass(&said[i], &data);
		if (interpret(&data) != expected(&data))
			return false;
	}
	data.arch = AUDIT_ARCH_I386;
	return interpret(&data) == SECCOMP_RET_TRAP;
}

static bool one_filter(unsigned int rules)
{
	struct filter f = { 0 };
	bool good;

	nr_said = 0;
	for (unsigned int i = 0; i < rules; i++) {
		struct filter_rule r = random_rule();

		say(&f, &r);
	}
	length = filter_build(&f, program);
	good = length || rules > 150;	/* jumps reach so far only */
	for (uint32_t nr = 0; good && length && nr < CALLS; nr++)
		good = all_as_expected(nr) && all_as_expected(nr | X32);
	return good && (!length || all_as_expected(~0u));
}

static void test_rules(void)
{
	bool good = true;

	for (unsigned int i = 0; good && i < FILTERS; i++)
		good = one_filter(i % 200);
	ksft_test_result(good, "calls end as the rules say\n");
}

static void test_too_many(void)
{
	struct filter f = { 0 };

	for (unsigned int i = 0; i < FILTER_RULES_MAX; i++)
		filter_add(&f, FILTER_ALLOW, i);
	ksft_test_result(filter_build(&f, program) > 0, "as many rules as there is room for\n");
	filter_add(&f, FILTER_ALLOW, 1);
	ksft_test_result(!filter_build(&f, program) && filter_load(&f) == -E2BIG,
			 "one more is refused\n");
}

/* A vCPU's ioctl() goes through two filters with each exit that is answered here. */
static void test_short(void)
{
	struct seccomp_data data = { .nr = SYS_ioctl, .arch = AUDIT_ARCH_X86_64, .args = { 0, 7 } };
	struct filter f = { 0 };
	unsigned int most = 0;

	filter_add_arg(&f, FILTER_ALLOW, SYS_ioctl, 1, ~0u, 7);
	for (unsigned int i = 0; i < 120; i++)
		filter_add(&f, FILTER_ALLOW, 3 * i);
	length = filter_build(&f, program);
	ksft_test_result(interpret(&data) == FILTER_ALLOW && steps <= 7,
			 "ioctl() takes %u instructions\n", steps);
	for (data.nr = 0; data.nr < CALLS; data.nr++) {
		interpret(&data);
		most = steps > most ? steps : most;
	}
	ksft_test_result(most <= 14, "any call takes %u at most\n", most);
}

/* The kernel takes it, and does what it says. */
static void test_kernel(void)
{
	struct filter f = { 0 };
	int status;
	pid_t pid;

	filter_add(&f, FILTER_ALLOW, SYS_exit_group);
	filter_add(&f, FILTER_ERROR(ENOTTY), SYS_getppid);
	pid = fork();
	if (!pid) {
		if (filter_load(&f))
			syscall(SYS_exit_group, 1);
		syscall(SYS_exit_group, syscall(SYS_getppid) == -1 && errno == ENOTTY ? 77 : 2);
	}
	ksft_test_result(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
			 WEXITSTATUS(status) == 77, "a filter that the kernel has loaded\n");
}

int main(void)
{
	ksft_print_header();
	ksft_set_plan(6);
	test_rules();
	test_too_many();
	test_short();
	test_kernel();
	ksft_finished();
}
