// SPDX-License-Identifier: GPL-2.0
// needs: userspace/accounts.c userspace/options.c
/*
 * Accounts of an interval, and their sum. The vCPUs are made up here: a kernel that has said
 * something at the begin of an interval says something else at its end.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../uapi/svmm_exits.h"
#include "../../userspace/accounts.h"
#include "../../userspace/options.h"
#include "tap.h"

#define KHZ	1000000		/* a tick is 1 ns */

static unsigned int messages;

void message(const char *format, ...)
{
	messages++;
}

/* ---- a kernel ----------------------------------------------------------------------------- */

static struct vcpu_accounts answer[2][4];	/* to the first question, and to the second */
static unsigned int nr_answers[2], question;
static int error;

int vm_accounts(const char *name, bool detail,
		void (*each)(const struct vcpu_accounts *vcpu, void *arg), void *arg)
{
	unsigned int q = question++;

	for (unsigned int i = 0; !error && i < nr_answers[q]; i++)
		each(&answer[q][i], arg);
	return error;
}

void vm_error(int number, const char *name)
{
	messages++;
}

static uint64_t vm_id;

static struct vcpu_accounts *say(unsigned int q, const char *name, uint32_t id, uint64_t begun,
				 uint64_t now)
{
	struct vcpu_accounts *v = &answer[q][nr_answers[q]++];

	snprintf(v->name, sizeof(v->name), "%s", name);
	v->vm_id = vm_id;
	v->pid = 100;
	v->id = id;
	v->tsc_khz = KHZ;
	v->now = now;
	v->stats.begun = begun;
	return v;
}

static struct svmm_exit_stat *say_exit(struct vcpu_accounts *v, uint64_t code, uint64_t count,
				       uint64_t ticks)
{
	struct svmm_exit_stat *e = &v->stats.exits[v->stats.nr_exits++];

	e->exit_code = code;
	e->count = count;
	for (int phase = 0; phase < SVMM_PHASES; phase++)
		e->ticks[phase] = ticks;
	e->histogram[3] = count;
	return e;
}

static void say_key(struct vcpu_accounts *v, uint64_t key, uint64_t count, uint64_t err,
		    uint64_t ticks)
{
	v->stats.keys[SVMM_KEY_PORT][v->nr_keys[SVMM_KEY_PORT]++] = (struct svmm_key_stat) {
		.key = key, .count = count, .error = err, .ticks = ticks,
	};
}

static struct accounts shown;

static void begin(void)
{
	accounts_free(&shown);
	memset(answer, 0, sizeof(answer));
	memset(nr_answers, 0, sizeof(nr_answers));
	question = 0;
	vm_id = 1;
	messages = 0;
	error = 0;
}

static const struct svmm_vcpu_stats *read_interval(void)
{
	return accounts_read("vm", true, 0.001, &shown) ? &shown.vcpu[0].stats : NULL;
}

static bool is_exit(const struct svmm_exit_stat *e, uint64_t count, uint64_t ticks)
{
	bool ok = e->count == count && e->histogram[3] == count;

	for (int phase = 0; phase < SVMM_PHASES; phase++)
		ok &= e->ticks[phase] == ticks;
	return ok;
}

/* ---- intervals ---------------------------------------------------------------------------- */

static void test_interval(void)
{
	const struct svmm_vcpu_stats *s;
	struct vcpu_accounts *v;

	begin();
	v = say(0, "vm", 0, 1000, 10000);
	say_exit(v, SVM_EXIT_NPF, 10, 100);
	v->stats.halted = 500;
	v->stats.to_user = 3;
	v = say(1, "vm", 0, 1000, 110000);
	say_exit(v, SVM_EXIT_NPF, 25, 400);
	say_exit(v, SVM_EXIT_HLT, 2, 40);
	v->stats.halted = 800;
	v->stats.to_user = 8;
	s = read_interval();
	ksft_test_result(s && is_exit(&s->exits[0], 15, 300) && is_exit(&s->exits[1], 2, 40) &&
			 s->halted == 300 && s->to_user == 5,
			 "what was before the interval is no part of it\n");
	ksft_test_result(s && accounts_wall_ns(&shown.vcpu[0]) == 100000,
			 "an interval is as long as it was\n");

	begin();
	v = say(0, "vm", 0, 0, 10000);
	v = say(1, "vm", 0, 20000, 110000);
	say_exit(v, SVM_EXIT_HLT, 7, 10);
	s = read_interval();
	ksft_test_result(s && is_exit(&s->exits[0], 7, 10) &&
			 accounts_wall_ns(&shown.vcpu[0]) == 90000,
			 "a vCPU that first ran within the interval is shown since then\n");
}

/* The same name, process and vCPU: a guest that rebooted, in a new VM. */
static void test_reboot(void)
{
	const struct svmm_vcpu_stats *s;
	struct vcpu_accounts *v;

	begin();
	v = say(0, "vm", 0, 1000, 10000);
	say_exit(v, SVM_EXIT_NPF, 1000, 5000);
	say_key(v, 0x3f8, 50, 0, 100);
	v->stats.halted = 5000;
	v->stats.to_user = 90;
	v = say(0, "vm", 1, 1500, 10000);
	say_exit(v, SVM_EXIT_NPF, 3, 10);
	vm_id = 2;
	v = say(1, "vm", 0, 50000, 110000);
	say_exit(v, SVM_EXIT_NPF, 2000, 6000);
	say_key(v, 0x3f8, 60, 0, 110);
	v->stats.halted = 100;
	v->stats.to_user = 4;
	say(1, "vm", 1, 0, 110000);
	s = read_interval();
	ksft_test_result(s && is_exit(&s->exits[0], 2000, 6000) && s->halted == 100 &&
			 s->to_user == 4 && s->keys[SVMM_KEY_PORT][0].count == 60 &&
			 accounts_wall_ns(&shown.vcpu[0]) == 60000,
			 "after a reboot all is of the new VM, which was in the interval alone\n");
	ksft_test_result(s && !accounts_wall_ns(&shown.vcpu[1]) &&
			 !accounts_times(&shown.vcpu[1]).exits,
			 "its vCPU that has not run yet has done nothing\n");
}

static void test_clamps(void)
{
	const struct svmm_vcpu_stats *s;
	struct vcpu_accounts *v;

	begin();
	v = say(0, "vm", 0, 1000, 10000);
	say_exit(v, SVM_EXIT_NPF, 10, 100);
	say_exit(v, SVM_EXIT_HLT, 5, 50);
	say_key(v, 0x80, 9, 0, 90);
	v->stats.halted = 50;
	v->stats.stopped = 60;
	v->stats.preempted = 70;
	v->stats.to_user = 80;
	v = say(1, "vm", 0, 1000, 9000);
	say_exit(v, SVM_EXIT_NPF, 9, 99);
	say_exit(v, SVM_EXIT_MSR, 6, 60);
	say_key(v, 0x80, 8, 0, 80);
	v->stats.halted = 49;
	v->stats.stopped = 59;
	v->stats.preempted = 69;
	v->stats.to_user = 79;
	s = read_interval();
	ksft_test_result(s && is_exit(&s->exits[0], 0, 0) && !s->halted && !s->stopped &&
			 !s->preempted && !s->to_user && !s->keys[SVMM_KEY_PORT][0].count &&
			 !s->keys[SVMM_KEY_PORT][0].ticks && !accounts_wall_ns(&shown.vcpu[0]),
			 "no number falls below 0\n");
	ksft_test_result(s && s->exits[1].count == 6,
			 "nothing is subtracted from another reason's line\n");

	begin();
	v = say(0, "vm", 0, 1000, 10000);
	say_exit(v, SVM_EXIT_INTR, 1, 0);
	v = say(1, "vm", 0, 1000, 20000);
	say_exit(v, SVM_EXIT_INTR, 2, 0)->ticks[SVMM_PHASE_GUEST] = 15000;
	v->stats.halted = 1000;
	s = read_interval();
	ksft_test_result(s && s->exits[0].ticks[SVMM_PHASE_GUEST] == 9000,
			 "time in the guest from before the interval is cut off\n");
}

static void test_failure(void)
{
	begin();
	error = ENOENT;
	ksft_test_result(!accounts_read("vm", true, 0, &shown) && messages == 1 &&
			 question == 1, "no such VM: one message\n");
}

/* ---- keys --------------------------------------------------------------------------------- */

static const struct key_accounts *sum_key(const struct vm_accounts *sum, uint64_t key)
{
	for (unsigned int i = 0; i < sum->nr_keys[SVMM_KEY_PORT]; i++)
		if (sum->keys[SVMM_KEY_PORT][i].key == key)
			return &sum->keys[SVMM_KEY_PORT][i];
	return NULL;
}

static bool is_key(const struct vm_accounts *sum, uint64_t key, uint64_t count, uint64_t err,
		   uint64_t ticks, bool at_least)
{
	const struct key_accounts *k = sum_key(sum, key);

	if (!k)
		return false;
	if (k->count == count && k->error == err && k->ns == ticks && k->at_least == at_least)
		return true;
	ksft_print_msg("%lx: %lu, error %lu, %.0f ns, %d\n", key, k->count, k->error, k->ns,
		       k->at_least);
	return false;
}

static void test_keys(void)
{
	struct vm_accounts *sum;
	struct vcpu_accounts *v;

	begin();
	v = say(0, "vm", 0, 1000, 10000);
	say_key(v, 1, 100, 0, 1000);	/* keeps its line */
	say_key(v, 2, 100, 40, 600);	/* likewise, one that it took over before */
	say_key(v, 3, 41, 40, 10);	/* loses its line, and takes another one */
	say_key(v, 4, 41, 40, 10);	/* loses it */
	say_key(v, 7, 30, 0, 10);	/* does not come */
	v = say(1, "vm", 0, 1000, 110000);
	say_key(v, 2, 130, 40, 900);
	say_key(v, 1, 150, 0, 1500);
	say_key(v, 3, 50, 45, 70);
	say_key(v, 5, 60, 42, 180);	/* is new, and takes the line of 4 */
	say_key(v, 6, 12, 0, 120);	/* is new, on a line that was free */
	say_key(v, 7, 30, 0, 10);
	sum = read_interval() ? accounts_sum(&shown) : calloc(1, sizeof(*sum));
	ksft_test_result(is_key(sum, 1, 50, 0, 500, false) && is_key(sum, 2, 30, 0, 300, false),
			 "a key that keeps its line: the difference, exactly\n");
	ksft_test_result(is_key(sum, 3, 5, 0, 70, true) && is_key(sum, 5, 18, 0, 180, true),
			 "one that took a line over: what it had there, at least\n");
	ksft_test_result(is_key(sum, 6, 12, 0, 120, false), "one on a line that was free: all\n");
	ksft_test_result(!sum_key(sum, 4) && !sum_key(sum, 7),
			 "one that did not come, or has no line any more, is not there\n");
	free(sum);

	begin();
	v = say(0, "vm", 0, 1000, 10000);
	say_key(v, 1, 100, 40, 600);
	v = say(0, "vm", 1, 1000, 10000);
	say_key(v, 1, 10, 0, 100);
	sum = accounts_read("vm", true, 0, &shown) ? accounts_sum(&shown) : NULL;
	ksft_test_result(sum && is_key(sum, 1, 110, 40, 700, false),
			 "since the start: of all vCPUs, and too many by an error at most\n");
	free(sum);
}

/* ---- sums --------------------------------------------------------------------------------- */

static void test_sum(void)
{
	double cost = 0, whole;
	struct vm_accounts *sum;
	struct vcpu_accounts *v;
	uint64_t count = 0;

	begin();
	v = say(0, "vm", 0, 1000, 10000);
	say_exit(v, SVMM_STATS_REST, 0, 70);	/* before the first exit */
	say_exit(v, SVM_EXIT_NPF, 10, 100);
	say_exit(v, SVM_EXIT_MSR, 0, 0);
	v = say(0, "vm", 1, 1000, 9000);
	say_exit(v, SVMM_STATS_REST, 0, 0);
	say_exit(v, SVM_EXIT_HLT, 4, 300);
	say_exit(v, SVM_EXIT_NPF, 2, 20);
	sum = accounts_read("vm", true, 0, &shown) ? accounts_sum(&shown) : calloc(1, sizeof(*sum));
	for (unsigned int i = 0; i < sum->nr_reasons; i++) {
		if (!reason_shown(&sum->reason[i]))
			continue;
		count += sum->reason[i].count;
		cost += reason_cost(&sum->reason[i]);
	}
	whole = sum->ns[SVMM_PHASE_SWITCH] + sum->ns[SVMM_PHASE_KERNEL] + sum->ns[SVMM_PHASE_USER];
	ksft_test_result(count == 16 && sum->exits == 16 && cost == whole && whole == 3 * 490,
			 "rows that are shown sum up to the whole, by count and by cost\n");
	ksft_test_result(sum->nr_reasons == 4 && sum->reason[0].code == SVM_EXIT_HLT &&
			 sum->reason[1].code == SVM_EXIT_NPF &&
			 reason_shown(&sum->reason[2]) && !reason_shown(&sum->reason[3]),
			 "the dearest first; who has neither exits nor costs is not shown\n");
	ksft_test_result(sum->vcpus == 2 && sum->wall_ns == 9000,
			 "as long as the vCPU that was there for longest\n");
	free(sum);
}

static void test_saturated(void)
{
	struct vcpu_accounts *v;
	struct vm_accounts *sum;

	begin();
	for (int now = 0; now < 2; now++) {
		v = say(now, "vm", 0, 1000, 10000 * (1 + now));
		say_exit(v, SVM_EXIT_HLT, 4, 100)->histogram[3] = UINT32_MAX;
		say_exit(v, SVM_EXIT_NPF, 3 + now, 100 * (1 + now));
	}
	sum = read_interval() ? accounts_sum(&shown) : calloc(1, sizeof(*sum));
	ksft_test_result(sum->nr_reasons == 2 &&
			 sum->reason[0].code == SVM_EXIT_NPF && !sum->reason[0].saturated &&
			 sum->reason[0].histogram[3] == 1 && sum->reason[1].saturated &&
			 sum->reason[1].histogram[3] == UINT32_MAX,
			 "a full bucket is shown as one, within an interval too\n");
	free(sum);
}

/* ---- words -------------------------------------------------------------------------------- */

static void test_words(void)
{
	char text[EXIT_NAME_MAX], n[16];

	ksft_test_result(!strcmp(exit_code_name(SVM_EXIT_NPF, text), "NPF") &&
			 !strcmp(exit_code_name(SVMM_STATS_REST, text), "other") &&
			 !strcmp(exit_code_name(0xf0000000, text), "f0000000h"),
			 "a reason without a name is a number\n");
	ksft_test_result(!strcmp(show_ns(999.4, n), "999ns") &&
			 !strcmp(show_ns(999.6, n), "1.0us") &&
			 !strcmp(show_ns(999960, n), "1.0ms") && !strcmp(show_ns(0, n), "-"),
			 "times, rounded\n");
	ksft_test_result(!strcmp(show_bytes(1048550, n), "1.0M") &&
			 !strcmp(show_bytes(1 << 20, n), "1M") &&
			 !strcmp(show_bytes(1536, n), "1.5K") && !strcmp(show_bytes(0, n), "0K"),
			 "sizes, rounded\n");
}

int main(void)
{
	ksft_print_header();
	ksft_set_plan(21);
	test_interval();
	test_reboot();
	test_clamps();
	test_failure();
	test_keys();
	test_sum();
	test_saturated();
	test_words();
	accounts_free(&shown);
	ksft_finished();
}
