// SPDX-License-Identifier: GPL-2.0
/*
 * business ROUNDS: what a system does all day without anybody else's help: system calls, page
 * faults, changes of its page tables, fork(). Prints what a round of each takes, in ticks of the
 * TSC (which in counting mode are instructions), and waits a second so that one can look. The same
 * program runs in a guest and on the bare host; it knows neither.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <x86intrin.h>

#define PAGE	4096UL
#define PAGES	256UL	/* at a time */

#define ACTS	4

static char *area;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void system_call(void)
{
	syscall(SYS_getppid);
}

/* A page that is not there. */
static void page_fault(void)
{
	static unsigned long next;

	if (next == PAGES) {
		if (madvise(area, PAGES * PAGE, MADV_DONTNEED))
			die("madvise");
		next = 0;
	}
	__atomic_store_n(&area[next++ * PAGE], 1, __ATOMIC_RELAXED);
}

/* An entry is written, and the TLB told. */
static void page_table(void)
{
	__atomic_store_n(&area[0], 1, __ATOMIC_RELAXED);
	if (mprotect(area, PAGE, PROT_READ) || mprotect(area, PAGE, PROT_READ | PROT_WRITE))
		die("mprotect");
}

static void fork_and_wait(void)
{
	pid_t child = fork();

	if (child < 0)
		die("fork");
	if (!child)
		_exit(0);
	if (waitpid(child, NULL, 0) != child)
		die("waitpid");
}

static const struct {
	const char *name;
	void (*act)(void);
} acts[ACTS] = {
	{ "system_call", system_call },
	{ "page_fault", page_fault },
	{ "page_table", page_table },
	{ "fork", fork_and_wait },
};

int main(int argc, char **argv)
{
	unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;

	area = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED || madvise(area, PAGES * PAGE, MADV_NOHUGEPAGE))
		die("mmap");
	for (unsigned int i = 0; i < ACTS; i++) {
		uint64_t begun;

		/* The memory that it takes is the guest's by then, and the host has mapped it. */
		for (unsigned int warm = 0; warm < 2 * PAGES; warm++)
			acts[i].act();
		begun = __rdtsc();
		for (unsigned long n = 0; n < rounds; n++)
			acts[i].act();
		printf("business: %s %.1f\n", acts[i].name,
		       rounds ? (double)(__rdtsc() - begun) / rounds : 0);
		fflush(stdout);
	}
	sleep(1);
	return 0;
}
