// SPDX-License-Identifier: GPL-2.0
// needs: userspace/sandbox_filter.c out/userspace/filters.c userspace/message.c
// needs: userspace/terminal.c userspace/filters/rules.c userspace/filters/program.c
// libs: -lseccomp
/*
 * The filters that were made when vmctl was built, as they are loaded: each says of every system
 * call what libseccomp makes of the rules now, with the IDs of this process and of servers; and who
 * may be killed is held against a rule of the test's own.
 *
 * The programs are taken where they would go to the kernel, and are run here.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../userspace/filters/rules.h"
#include "../../userspace/sandbox_filter.h"
#include "tap.h"

#define CALLS		480	/* there are fewer */
#define ARGUMENTS	3	/* no rule looks at more */
#define NUMBERS_MAX	2048

struct program {
	struct sock_filter insns[FILTER_INSNS_MAX];
	unsigned int nr;
	const struct program *process;	/* of a thread's: what holds, too */
};

static struct program loaded;
static int no_new_privs;
static uint64_t numbers[NUMBERS_MAX];	/* that arguments are tried with */
static unsigned int nr_numbers;

/* Instead of the C library's: the kernel. */

int prctl(int option, ...)
{
	no_new_privs += option == PR_SET_NO_NEW_PRIVS;
	return 0;
}

long syscall(long number, ...)
{
	const struct sock_fprog *program;
	va_list args;

	va_start(args, number);
	if (number != SYS_seccomp || va_arg(args, int) != SECCOMP_SET_MODE_FILTER ||
	    va_arg(args, int)) {
		va_end(args);
		return -1;	/* libseccomp asks what there is */
	}
	program = va_arg(args, void *);
	va_end(args);
	memcpy(loaded.insns, program->filter, program->len * sizeof(*program->filter));
	loaded.nr = program->len;
	return 0;
}

/* Of classic BPF what libseccomp uses */
static uint32_t result(const struct program *p, const struct seccomp_data *data)
{
	const struct sock_filter *insn;
	uint32_t a = 0;

	for (unsigned int at = 0; at < p->nr; at++) {
		insn = &p->insns[at];
		switch (insn->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			memcpy(&a, (const char *)data + insn->k, sizeof(a));
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= insn->k;
			break;
		case BPF_JMP | BPF_JA:
			at += insn->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			at += a == insn->k ? insn->jt : insn->jf;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			at += a > insn->k ? insn->jt : insn->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			at += a >= insn->k ? insn->jt : insn->jf;
			break;
		case BPF_RET | BPF_K:
			return insn->k;
		default:
			abort();
		}
	}
	abort();
}

/* The kernel takes the sternest, which has the smallest number. */
static uint32_t verdict(const struct program *p, const struct seccomp_data *data)
{
	uint32_t its = result(p, data), process = p->process ? result(p->process, data) : its;

	return (int32_t)its < (int32_t)process ? its : process;
}

static void add_number(uint64_t number)
{
	for (unsigned int i = 0; i < nr_numbers; i++) {
		if (numbers[i] == number)
			return;
	}
	if (nr_numbers == NUMBERS_MAX)
		abort();
	numbers[nr_numbers++] = number;
}

/* What a program compares with, what is beside that, and the same with something above. */
static void add_numbers(const struct program *p)
{
	for (unsigned int i = 0; i < p->nr; i++) {
		uint64_t k = p->insns[i].k;

		if (BPF_CLASS(p->insns[i].code) != BPF_JMP)
			continue;
		add_number(k);
		add_number(k + 1);
		add_number(k - 1);
		add_number(k | 1ull << 32);
	}
}

static bool killing(const struct seccomp_data *data)
{
	return data->nr == SYS_kill;
}

/* Return: whether both say the same of each call with this argument, but for kill(). */
static bool same_of(const struct program *p, const struct program *other, unsigned int argument,
		    uint64_t number)
{
	struct seccomp_data data = { .arch = AUDIT_ARCH_X86_64 };

	data.args[argument] = number;
	for (data.nr = 0; data.nr < CALLS; data.nr++) {
		if (!killing(&data) && verdict(p, &data) != verdict(other, &data))
			return false;
	}
	return true;
}

/* Of calls with one argument that is not 0, and of limits with two, of other ABIs' calls as well */
static bool same(const struct program *p, const struct program *other)
{
	static const struct seccomp_data strange[] = {
		{ .nr = SYS_read, .arch = AUDIT_ARCH_I386 },
		{ .nr = SYS_read | 0x40000000, .arch = AUDIT_ARCH_X86_64 },
		{ .nr = -1, .arch = AUDIT_ARCH_X86_64 },
	};
	struct seccomp_data limits = { .nr = SYS_prlimit64, .arch = AUDIT_ARCH_X86_64 };

	for (unsigned int i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
		if (verdict(p, &strange[i]) != verdict(other, &strange[i]) ||
		    verdict(p, &strange[i]) == SECCOMP_RET_ALLOW)
			return false;
	}
	for (unsigned int i = 0; i < nr_numbers; i++) {
		for (unsigned int argument = 0; argument < ARGUMENTS; argument++) {
			if (!same_of(p, other, argument, numbers[i]))
				return false;
		}
		limits.args[0] = numbers[i];
		limits.args[2] = numbers[nr_numbers - 1 - i];
		if (verdict(p, &limits) != verdict(other, &limits))
			return false;
	}
	return true;
}

/* Return: whether it may kill just @needs' servers, or if not @kill nobody. */
static bool kills_only(const struct program *p, const struct sandbox_needs *needs, bool kill)
{
	static const int signals[] = { 0, SIGKILL, SIGTERM, SIGTSTP, SIGSTOP };
	struct seccomp_data data = { .nr = SYS_kill, .arch = AUDIT_ARCH_X86_64 };

	for (unsigned int i = 0; i < nr_numbers; i++) {
		for (unsigned int s = 0; s < sizeof(signals) / sizeof(signals[0]); s++) {
			bool may = false;

			for (unsigned int n = 0; n < needs->nr_servers; n++)
				may |= numbers[i] == (uint32_t)-needs->servers[n] &&
				       signals[s] == SIGKILL;
			data.args[0] = numbers[i];
			data.args[1] = signals[s];
			if ((verdict(p, &data) == SECCOMP_RET_ALLOW) != (may && kill))
				return false;
		}
	}
	return true;
}

/* Return: what was loaded last, against the rules of @kind, whose programs have no servers. */
static bool as_ruled(enum filter_kind kind, const struct sandbox_needs *needs)
{
	static struct program ruled, process;
	uint32_t values[FILTER_VALUES] = { [FILTER_PID] = getpid() };
	int nr = filter_program(kind, values, ruled.insns), more = 1;

	ruled.process = loaded.process ? &process : NULL;
	if (ruled.process)
		more = filter_program(FILTER_PROCESS, values, process.insns);
	if (nr <= 0 || more <= 0)
		return false;
	ruled.nr = nr;
	process.nr = more;
	nr_numbers = 0;
	add_number(0);
	add_number(1);
	add_numbers(&loaded);
	add_numbers(ruled.process ? &process : &ruled);
	for (unsigned int i = 0; i < needs->nr_servers; i++)
		add_number((uint32_t)-needs->servers[i]);
	return same(&loaded, &ruled) &&
	       kills_only(&loaded, needs, kind == FILTER_PROCESS || kind == FILTER_VCPU);
}

static void with_servers(unsigned int nr)
{
	struct sandbox_needs needs = { .nr_servers = nr };
	static struct program process;

	for (unsigned int i = 0; i < nr; i++)
		needs.servers[i] = 30000 + 7 * i;
	no_new_privs = 0;
	loaded.process = NULL;
	ksft_test_result(!filter_process(&needs) && as_ruled(FILTER_PROCESS, &needs),
			 "the process, with %u servers\n", nr);
	process = loaded;
	loaded.process = &process;
	sandbox_enter_vcpu();
	ksft_test_result(as_ruled(FILTER_VCPU, &needs), "a vCPU\n");
	sandbox_enter_worker();
	ksft_test_result(as_ruled(FILTER_WORKER, &needs), "a worker\n");
	ksft_test_result(no_new_privs == 3, "without new privileges\n");
}

static void of_network(void)
{
	const struct sandbox_needs none = { .nr_servers = 0 };

	loaded.process = NULL;
	ksft_test_result(!filter_network(false) && as_ruled(FILTER_NETWORK, &none),
			 "a network without files\n");
	ksft_test_result(!filter_network(true) && as_ruled(FILTER_NETWORK_FILES, &none),
			 "a network with files\n");
}

int main(void)
{
	ksft_print_header();
	ksft_set_plan(1 + 4 * 4 + 2);
	sandbox_enter_vcpu();
	ksft_test_result(!loaded.nr, "without a filter of the process there is none of a thread\n");
	with_servers(0);
	with_servers(1);
	with_servers(3);
	with_servers(SANDBOX_SERVERS_MAX);
	of_network();
	ksft_finished();
}
