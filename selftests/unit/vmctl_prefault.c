// SPDX-License-Identifier: GPL-2.0
// needs: userspace/ram.c userspace/progress.c userspace/options.c userspace/message.c
// needs: userspace/terminal.c
/*
 * Guest memory that is asked for beforehand: all of it is there, in the host and in the VM, and
 * each page of the VM once; a signal that will end vmctl ends that, too.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "../../userspace/device.h"
#include "../../userspace/ram.h"
#include "tap.h"

#define MIB	(1ull << 20)
#define BYTES	(96 * MIB)
#define PAGE	4096ul

/* ---- the module ------------------------------------------------------------------------- */

static uint8_t mapped[BYTES / PAGE];	/* how often each page of the VM was */
static uint64_t outside;		/* bytes of which it has no page, or parts of pages */
static int prefault_error;

int svmm_prefault(int vm, uint32_t flags, uint64_t *gpa, uint64_t *bytes)
{
	outside += *gpa % PAGE + *bytes % PAGE;
	for (; *bytes && !prefault_error; *gpa += PAGE, *bytes -= PAGE) {
		if (*gpa >= BYTES)
			outside += PAGE;
		else
			mapped[*gpa / PAGE]++;
	}
	return prefault_error;
}

int svmm_set_slot(int vm, uint32_t slot, uint32_t flags, uint64_t gpa, uint64_t bytes,
		  const void *addr)
{
	return 0;
}

const char *svmm_explain(unsigned long request, int error)
{
	return "it says no";
}

/* ---- the tests -------------------------------------------------------------------------- */

static const struct ram_backing asked_for = { .page = RAM_PAGE_4K, .prefault = true };
static const struct ram_file no_file = { .fd = -1, .page = RAM_PAGE_4K };
static struct ram ram;

/* How many pages of it the host has. */
static size_t resident(void)
{
	static unsigned char there[BYTES / PAGE];
	size_t n = 0;

	if (mincore(ram.host, ram.bytes, there))
		ksft_exit_fail_msg("no mincore()\n");
	for (size_t i = 0; i < BYTES / PAGE; i++)
		n += there[i] & 1;
	return n;
}

/* Each page of memory as often as @times, and none of the VGA window. */
static bool all_mapped(unsigned int times)
{
	for (size_t i = 0; i < BYTES / PAGE; i++) {
		bool is_ram = i < RAM_VGA_START / PAGE || i >= RAM_VGA_END / PAGE;

		if (mapped[i] != (is_ram ? times : 0)) {
			ksft_print_msg("page %zu: %u times\n", i, mapped[i]);
			return false;
		}
	}
	return !outside;
}

static void test_all(void)
{
	ksft_test_result(!ram_alloc(&ram, BYTES, &asked_for, &no_file) && resident() == BYTES / PAGE,
			 "the host has all of it\n");
	ksft_test_result(!ram_register(&ram, -1) && all_mapped(1), "and so has the VM, once\n");
	prefault_error = -EINTR;
	ksft_test_result(!ram_register(&ram, -1) && all_mapped(1), "a signal is no error\n");
	prefault_error = -ENOMEM;
	ksft_test_result(ram_register(&ram, -1), "others are\n");
	prefault_error = 0;
	ram_free(&ram);
}

static void test_signal(int sig)
{
	sigset_t set;
	int got;

	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(sig);
	ksft_test_result(!ram_alloc(&ram, BYTES, &asked_for, &no_file) && !resident(),
			 "signal %d ends it in the host\n", sig);
	ksft_test_result(!ram_register(&ram, -1) && all_mapped(1), "and in the VM\n");
	ram_free(&ram);
	sigwait(&set, &got);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void test_other_signal(void)
{
	sigset_t set;
	int got;

	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGTSTP);
	ksft_test_result(!ram_alloc(&ram, BYTES, &asked_for, &no_file) && resident() == BYTES / PAGE,
			 "one that only stops vmctl does not\n");
	sigwait(&set, &got);
	ram_free(&ram);
}

int main(void)
{
	ksft_print_header();
	ksft_set_plan(9);
	test_all();
	test_signal(SIGINT);
	test_signal(SIGTERM);
	test_other_signal();
	ksft_finished();
}
