// SPDX-License-Identifier: GPL-2.0
/*
 * Bug class 31: a guest makes the kernel allocate without bound. It reads a word of each 2 MiB of a
 * large slot that has no memory: every one costs a page of nested and a page of host page tables,
 * and nothing else. All of them are the VMM's, whose limit ends it, and the host goes on.
 *
 * needs: selftests/lib/memory.c selftests/lib/vmtest.c selftests/lib/start.c
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/memory.h"

#define CGROUP	"/sys/fs/cgroup/svmm-test"
#define BYTES	0x80000000UL			/* of the slot */
#define TABLES	(BYTES / HUGE_BYTES * PAGE_SIZE)	/* of the last level, of one kind */

/* The number behind @key in a file of the cgroup; behind nothing, if @key is "". */
static long number(const char *file, const char *key)
{
	char path[100], line[200];
	long n = -1;
	FILE *f;

	snprintf(path, sizeof(path), CGROUP "/%s", file);
	f = fopen(path, "re");
	while (f && n < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			n = strtol(line + strlen(key), NULL, 10);
	if (f)
		fclose(f);
	return n;
}

/* In a child: into the cgroup, let a guest read, say what that has cost the kernel. */
static void read_all(int result)
{
	struct memory_guest g;
	char pid[32];
	long before;

	snprintf(pid, sizeof(pid), "%d", getpid());
	if (!write_file(CGROUP "/cgroup.procs", pid))
		_exit(2);
	guest_open(&g);
	guest_give(&g, BYTES);
	before = number("memory.stat", "kernel ");
	guest_once(&g.v, "sweep", BYTES, HUGE_BYTES);
	before = number("memory.stat", "kernel ") - before;
	vmt_close(&g.v);
	_exit(write(result, &before, sizeof(before)) == sizeof(before) ? 0 : 3);
}

FIXTURE(tables) {
	int result[2];
	pid_t child;		/* 0: this is the child; negative: there are no memory cgroups */
};

FIXTURE_SETUP(tables)
{
	if (system("cd /sys/fs/cgroup && echo +memory >cgroup.subtree_control && mkdir svmm-test"))
		self->child = -1;
	else
		ASSERT_EQ(0, pipe(self->result));
	if (!self->child)
		self->child = fork();
}

FIXTURE_TEARDOWN(tables)
{
	if (self->child > 0)
		EXPECT_EQ(0, rmdir(CGROUP));
}

TEST_F(tables, are_the_processs)
{
	long kernel = 0;
	int status;

	if (self->child < 0)
		SKIP(return, "no memory cgroups");
	if (!self->child)
		read_all(self->result[1]);
	ASSERT_EQ(self->child, waitpid(self->child, &status, 0));
	ASSERT_EQ(0, status);
	ASSERT_EQ(sizeof(kernel), read(self->result[0], &kernel, sizeof(kernel)));
	TH_LOG("%ld KiB for %lu KiB of nested tables and as many of the host's", kernel / 1024,
	       TABLES / 1024);
	EXPECT_LE(2 * TABLES, (unsigned long)kernel);
	EXPECT_GT(2 * TABLES + TABLES / 4, (unsigned long)kernel);
}

/* A limit that either kind alone keeps. */
TEST_F(tables, are_limited)
{
	char limit[32];
	int status;

	if (self->child < 0)
		SKIP(return, "no memory cgroups");
	snprintf(limit, sizeof(limit), "%lu", TABLES + TABLES / 2);
	if (!self->child) {
		while (number("memory.max", "") != (long)(TABLES + TABLES / 2))
			usleep(1000);
		read_all(self->result[1]);
	}
	EXPECT_TRUE(write_file(CGROUP "/memory.swap.max", "0") || access("/proc/swaps", F_OK));
	ASSERT_TRUE(write_file(CGROUP "/memory.max", limit));
	ASSERT_EQ(self->child, waitpid(self->child, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGKILL, WTERMSIG(status));
	EXPECT_EQ(1, number("memory.events", "oom_kill "));
	/* What stays is what the CPUs hold in advance, by 64 pages; the last of it goes by RCU. */
	for (int i = 0; i < 1000 && number("memory.current", "") >= (long)TABLES / 4; i++)
		usleep(1000 * vmt_slowdown());
	EXPECT_GT(TABLES / 4, (unsigned long)number("memory.current", ""));
}

TEST_HARNESS_MAIN
