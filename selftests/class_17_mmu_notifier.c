// SPDX-License-Identifier: GPL-2.0
/*
 * Bug class 17: the host takes, shares, splits, merges and moves memory that a
 * running guest uses. What the guest sees and writes is always what a thread of
 * the VMM would see and write, from the moment that the system call returns.
 *
 * The guest runs for long without an exit, on a CPU of its own, while another
 * thread changes its memory. What an emulated host cannot show: it forgets all
 * TLBs at each exit, and the host's own shootdown makes this CPU exit. A missing
 * flush or kick shows where the host's tables do not change, with the slots.
 *
 * needs: selftests/lib/memory.c selftests/lib/vmtest.c selftests/lib/start.c
 * hosts: epyc-6.1
 * timeout: 240
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/memory.h"

#define PERIOD_MS	(1200 * vmt_slowdown())	/* of each test that repeats something */

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static long read_number(const char *path)
{
	FILE *f = fopen(path, "re");
	long n = -1;

	if (f && fscanf(f, "%ld", &n) != 1)
		n = -1;
	if (f)
		fclose(f);
	return n;
}

FIXTURE(mm) {
	struct memory_guest guest;
};

FIXTURE_SETUP(mm)
{
	struct memory_guest *g = &self->guest;

	guest_open(g);
}

FIXTURE_TEARDOWN(mm)
{
	struct memory_guest *g = &self->guest;

	if (g->r.running)
		EXPECT_EQ(VMT_DONE, runner_stop(&g->r));
	vmt_close(&g->v);
}

#define WORD(offset)	(*(volatile uint64_t *)(g->mem + (offset)))

/* Pages that were taken are not seen again after the system call. */
TEST_F(mm, dontneed)
{
	struct memory_guest *g = &self->guest;

	guest_give(g, PAGE_SIZE);
	runner_start(&g->r, &g->v, 0, "watch", GPA, 0, 0);
	for (uint64_t i = 1, until = now_ms() + PERIOD_MS; now_ms() < until; i++) {
		WORD(0) = i;
		runner_rounds(&g->r);
		ASSERT_EQ(i, *g->r.seen);
		ASSERT_EQ(0, madvise(g->mem, PAGE_SIZE, MADV_DONTNEED));
		runner_rounds(&g->r);
		ASSERT_EQ(0, *g->r.seen);
	}
}

/* The same for another mapping in their place. */
TEST_F(mm, remap)
{
	struct memory_guest *g = &self->guest;
	int fd[2];

	guest_give(g, PAGE_SIZE);
	for (uint64_t i = 0; i < 2; i++) {
		uint64_t value = 100 + i;

		fd[i] = memfd_create("svmm-test", MFD_CLOEXEC);
		ASSERT_EQ(0, ftruncate(fd[i], PAGE_SIZE));
		ASSERT_EQ(8, pwrite(fd[i], &value, 8, 0));
	}
	runner_start(&g->r, &g->v, 0, "watch", GPA, 0, 0);
	for (uint64_t i = 0, until = now_ms() + PERIOD_MS; now_ms() < until; i++) {
		int prot = i & 2 ? PROT_READ : PROT_READ | PROT_WRITE;
		int flags = i & 4 ? MAP_PRIVATE : MAP_SHARED;

		ASSERT_EQ(g->mem, mmap(g->mem, PAGE_SIZE, prot, flags | MAP_FIXED,
				       fd[i & 1], 0));
		runner_rounds(&g->r);
		ASSERT_EQ(100 + (i & 1), *g->r.seen);
	}
	close(fd[0]);
	close(fd[1]);
}

/* A page that may not be written is not written after mprotect() returns. */
TEST_F(mm, mprotect)
{
	struct memory_guest *g = &self->guest;

	guest_give(g, PAGE_SIZE);
	g->r.faults_allowed = true;
	runner_start(&g->r, &g->v, 0, "count", GPA, 0, 0);
	for (uint64_t until = now_ms() + PERIOD_MS; now_ms() < until; ) {
		bool changed = false;
		uint64_t value;

		runner_rounds(&g->r);
		ASSERT_EQ(0, mprotect(g->mem, PAGE_SIZE, PROT_READ));
		value = WORD(0);
		for (int j = 0; j < 1000; j++)
			changed |= WORD(0) != value;
		ASSERT_FALSE(changed);
		ASSERT_EQ(0, mprotect(g->mem, PAGE_SIZE, PROT_READ | PROT_WRITE));
	}
	EXPECT_EQ(VMT_DONE, runner_stop(&g->r));
	EXPECT_EQ(WORD(0), *g->r.rounds);
	EXPECT_LT(0, g->r.faults);
}

/* After fork() parent and child have their own: the guest's writes go to the parent alone. */
TEST_F(mm, fork)
{
	struct memory_guest *g = &self->guest;

	guest_give(g, PAGE_SIZE);
	runner_start(&g->r, &g->v, 0, "count", GPA, 0, 0);
	for (uint64_t until = now_ms() + PERIOD_MS; now_ms() < until; ) {
		int status;
		pid_t child;

		runner_rounds(&g->r);
		child = fork();
		ASSERT_LE(0, child);
		if (!child) {
			uint64_t value = WORD(0);

			for (int j = 0; j < 20000; j++)
				if (WORD(0) != value)
					_exit(1);
			/* The child's own write must not reach the guest. */
			WORD(0) = 0;
			_exit(0);
		}
		ASSERT_EQ(child, waitpid(child, &status, 0));
		ASSERT_EQ(0, status);
	}
	EXPECT_EQ(VMT_DONE, runner_stop(&g->r));
	EXPECT_EQ(WORD(0), *g->r.rounds);
}

/* Pages that KSM merged come apart again when the guest writes to one. */
TEST_F(mm, ksm)
{
	struct memory_guest *g = &self->guest;
	uint64_t pages = 64, deadline = now_ms() + 15000;

	if (read_number("/sys/kernel/mm/ksm/run") < 0)
		SKIP(return, "the kernel has no KSM");
	guest_give(g, pages * PAGE_SIZE);
	ASSERT_EQ(0, madvise(g->mem, g->bytes, MADV_MERGEABLE));
	memset(g->mem, 0x5a, g->bytes);
	write_file("/sys/kernel/mm/ksm/sleep_millisecs", "1");
	write_file("/sys/kernel/mm/ksm/pages_to_scan", "1000");
	ASSERT_TRUE(write_file("/sys/kernel/mm/ksm/run", "1"));
	runner_start(&g->r, &g->v, 0, "watch", GPA, 0, 0);
	while (read_number("/sys/kernel/mm/ksm/pages_sharing") < (long)pages - 2 &&
	       now_ms() < deadline)
		usleep(10000);
	EXPECT_LE((long)pages - 2, read_number("/sys/kernel/mm/ksm/pages_sharing"));
	runner_rounds(&g->r);
	EXPECT_EQ(0x5a5a5a5a5a5a5a5a, *g->r.seen);
	EXPECT_EQ(VMT_DONE, runner_stop(&g->r));

	guest_once(&g->v, "touch", PAGE_SIZE, 0);
	EXPECT_EQ(GPA, WORD(0));
	for (uint64_t i = 1; i < pages; i++)
		ASSERT_EQ(0x5a5a5a5a5a5a5a5a, WORD(i * PAGE_SIZE));
	EXPECT_EQ(pages - 1, guest_once(&g->v, "verify", g->bytes, 0));
	write_file("/sys/kernel/mm/ksm/run", "2");
}

/* How many nested page faults a pass over the memory takes. */
static uint64_t faults_of(struct vmt *v, const char *entry, uint64_t bytes, uint64_t *seen)
{
	uint64_t before = vmt_exits(v, VMEXIT_NPF);

	*seen = guest_once(v, entry, bytes, 0);
	return vmt_exits(v, VMEXIT_NPF) - before;
}

/* Huge pages of the host are mapped as such, split with it, and come back. */
TEST_F(mm, huge_pages)
{
	struct memory_guest *g = &self->guest;
	uint64_t seen, leaves = 4;

	guest_give(g, leaves * HUGE_BYTES);
	if (madvise(g->mem, g->bytes, MADV_HUGEPAGE) && errno == EINVAL)
		SKIP(return, "this kernel has no transparent huge pages");
	if (madvise(g->mem, g->bytes, MADV_POPULATE_WRITE))
		SKIP(return, "no memory for huge pages");

	EXPECT_GE(leaves + 16, faults_of(&g->v, "touch", g->bytes, &seen));
	EXPECT_GE(16, faults_of(&g->v, "verify", g->bytes, &seen));
	EXPECT_EQ(0, seen);

	/* A hole in the second: this one is mapped by small pages from now on. */
	ASSERT_EQ(0, madvise(g->mem + HUGE_BYTES + 7 * PAGE_SIZE, PAGE_SIZE, MADV_DONTNEED));
	EXPECT_LE(512, faults_of(&g->v, "verify", g->bytes, &seen));
	EXPECT_EQ(1, seen);
	EXPECT_EQ(0, WORD(HUGE_BYTES + 7 * PAGE_SIZE));
	EXPECT_EQ(1, faults_of(&g->v, "touch", g->bytes, &seen));
	EXPECT_EQ(GPA + HUGE_BYTES + 7 * PAGE_SIZE, WORD(HUGE_BYTES + 7 * PAGE_SIZE));

	/* Back to huge pages, with the same contents. */
	if (madvise(g->mem, g->bytes, MADV_COLLAPSE))
		SKIP(return, "no MADV_COLLAPSE");
	EXPECT_GE(leaves + 16, faults_of(&g->v, "verify", g->bytes, &seen));
	EXPECT_EQ(0, seen);
	EXPECT_GE(leaves + 16, faults_of(&g->v, "touch", g->bytes, &seen));

	/* A slot that does not fit 2 MiB pages gets small ones at its ends. */
	ASSERT_EQ(0, svmm_set_slot(g->v.vm, 1, 0, GPA, g->bytes - PAGE_SIZE, g->mem));
	EXPECT_LE(511, faults_of(&g->v, "verify", g->bytes - PAGE_SIZE, &seen));
	EXPECT_EQ(0, seen);
	/* And one whose address does not match the guest's, only small ones. */
	ASSERT_EQ(0, svmm_set_slot(g->v.vm, 1, 0, GPA, g->bytes - PAGE_SIZE,
				   g->mem + PAGE_SIZE));
	guest_once(&g->v, "touch", g->bytes - PAGE_SIZE, 0);
	for (uint64_t at = 0; at < g->bytes - PAGE_SIZE; at += PAGE_SIZE)
		ASSERT_EQ(GPA + at, WORD(at + PAGE_SIZE));
}

/* hugetlbfs has no small pages to fall back to. */
TEST_F(mm, hugetlb)
{
	struct memory_guest *g = &self->guest;
	uint64_t seen;
	uint8_t *p;

	write_file("/proc/sys/vm/nr_hugepages", "4");
	p = mmap(NULL, 2 * HUGE_BYTES, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (p == MAP_FAILED)
		SKIP(return, "no hugetlb pages");
	g->mem = p;
	ASSERT_EQ(0, svmm_set_slot(g->v.vm, 1, 0, GPA, 2 * HUGE_BYTES, p));
	EXPECT_GE(2 + 16, faults_of(&g->v, "touch", 2 * HUGE_BYTES, &seen));
	EXPECT_EQ(GPA + HUGE_BYTES, WORD(HUGE_BYTES));
	ASSERT_EQ(0, madvise(p, HUGE_BYTES, MADV_DONTNEED));
	EXPECT_EQ(0, WORD(0));
	guest_once(&g->v, "verify", 2 * HUGE_BYTES, 0);
	munmap(p, 2 * HUGE_BYTES);
	write_file("/proc/sys/vm/nr_hugepages", "0");
}

/* Code is fetched from where the host has it, small or huge, read-only or not. */
TEST_F(mm, execute)
{
	struct memory_guest *g = &self->guest;

	guest_give(g, 16 * PAGE_SIZE);
	for (uint64_t at = 0; at < g->bytes; at += PAGE_SIZE)
		memcpy(g->mem + at, "\x48\xff\xc0\xc3", 4);	/* inc %rax; ret */
	ASSERT_EQ(0, mprotect(g->mem, g->bytes / 2, PROT_READ));
	EXPECT_EQ(16, guest_once(&g->v, "execute", g->bytes, 0));
}

/* Memory of a device is none for guests: reading it ends in an exit, and soon. */
TEST_F(mm, device)
{
	struct memory_guest *g = &self->guest;
	int fd = open("/dev/mem", O_RDWR | O_CLOEXEC);
	void *p;

	if (fd < 0)
		SKIP(return, "no /dev/mem");
	p = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0xa0000);
	close(fd);
	if (p == MAP_FAILED)
		SKIP(return, "the frame buffer cannot be mapped");
	ASSERT_EQ(0, svmm_set_slot(g->v.vm, 1, 0, GPA, PAGE_SIZE, p));
	runner_start(&g->r, &g->v, 0, "watch", GPA, 0, 0);
	EXPECT_EQ(SVMM_EXIT_MEMORY_FAULT, runner_join(&g->r));
	EXPECT_EQ(GPA, g->v.page->exit.memory_fault.gpa);
	EXPECT_EQ(-EFAULT, g->v.page->exit.memory_fault.error);
	EXPECT_EQ(0, g->v.page->exit.memory_fault.access);
}

/* ---- slots ---- */

static void holes(struct vmt *v, struct vmt_mmio *m)
{
	memset(m->data, 0xee, m->bytes);
	__atomic_add_fetch((unsigned int *)v->arg, 1, __ATOMIC_SEQ_CST);
}

/* A slot that was deleted or moved is not seen again after the call. */
TEST_F(mm, slot_deleted)
{
	struct memory_guest *g = &self->guest;
	unsigned int n = 0;
	uint8_t *other;

	guest_give(g, 2 * PAGE_SIZE);
	WORD(0) = 11;
	WORD(PAGE_SIZE) = 22;
	other = g->mem + PAGE_SIZE;
	g->v.on_mmio = holes;
	g->v.arg = &n;
	runner_start(&g->r, &g->v, 0, "watch", GPA, 0, 0);
	for (uint64_t until = now_ms() + PERIOD_MS; now_ms() < until; ) {
		runner_rounds(&g->r);
		ASSERT_EQ(11, *g->r.seen);
		ASSERT_EQ(0, svmm_set_slot(g->v.vm, 1, 0, 0, 0, NULL));
		runner_rounds(&g->r);
		ASSERT_EQ(0xeeeeeeeeeeeeeeee, *g->r.seen);
		ASSERT_EQ(0, svmm_set_slot(g->v.vm, 1, 0, GPA, PAGE_SIZE, other));
		runner_rounds(&g->r);
		ASSERT_EQ(22, *g->r.seen);
		/* In one step: the guest sees the one or the other, and never a hole. */
		runner_rounds(&g->r);
		n = 0;
		ASSERT_EQ(0, svmm_set_slot(g->v.vm, 1, 0, GPA, PAGE_SIZE, g->mem));
		runner_rounds(&g->r);
		ASSERT_EQ(11, *g->r.seen);
		ASSERT_EQ(0, n);
	}
}

/* A slot may become read-only and writable again under a guest that reads it. */
TEST_F(mm, slot_flags)
{
	struct memory_guest *g = &self->guest;
	unsigned int n = 0;

	guest_give(g, PAGE_SIZE);
	WORD(0) = 33;
	g->v.on_mmio = holes;
	g->v.arg = &n;
	runner_start(&g->r, &g->v, 0, "watch", GPA, 0, 0);
	for (uint64_t i = 0, until = now_ms() + PERIOD_MS; now_ms() < until; i++)
		ASSERT_EQ(0, svmm_set_slot(g->v.vm, 1, i & 1 ? 0 : SVMM_MEM_READONLY, GPA,
					   PAGE_SIZE, g->mem));
	runner_rounds(&g->r);
	EXPECT_EQ(33, *g->r.seen);
	EXPECT_EQ(0, n);
}

/* ---- everything at once ---- */

static const char * const nuisances[] = {
	"collapse", "split", "fork", "protect", "merge", "compact", "cold", "slot",
};

static void annoy(struct __test_metadata *_metadata, struct memory_guest *g, unsigned int what)
{
	uint64_t at = (rand() % (g->bytes / PAGE_SIZE)) * PAGE_SIZE;
	uint64_t n = (1 + rand() % 64) * PAGE_SIZE;
	pid_t child;

	if (n > g->bytes - at)
		n = g->bytes - at;
	switch (what) {
	case 0:
		madvise(g->mem, g->bytes, MADV_HUGEPAGE);
		madvise(g->mem + (at & ~(HUGE_BYTES - 1)), HUGE_BYTES, MADV_COLLAPSE);
		break;
	case 1:
		madvise(g->mem, g->bytes, MADV_NOHUGEPAGE);
		__attribute__((__fallthrough__));
	case 3:
		/* This splits a huge page, too. */
		ASSERT_EQ(0, mprotect(g->mem + at, n, PROT_READ));
		ASSERT_EQ(0, mprotect(g->mem + at, n, PROT_READ | PROT_WRITE));
		break;
	case 2:
		child = fork();
		if (!child) {
			memset(g->mem + at, 0xff, n);
			_exit(0);
		}
		if (child > 0)
			waitpid(child, NULL, 0);
		break;
	case 4:
		madvise(g->mem + at, n, MADV_MERGEABLE);
		madvise(g->mem + at, n, MADV_UNMERGEABLE);
		break;
	case 5:
		write_file("/proc/sys/vm/compact_memory", "1");
		break;
	case 6:
		madvise(g->mem + at, n, MADV_COLD);
		madvise(g->mem + at, n, MADV_PAGEOUT);
		break;
	case 7:
		/* The same memory through a slot that is replaced by an equal one. */
		ASSERT_EQ(0, svmm_set_slot(g->v.vm, 2, 0, 2 * GPA, n, g->mem + at));
		ASSERT_EQ(0, svmm_set_slot(g->v.vm, 2, 0, 0, 0, NULL));
		break;
	}
}

/* Two vCPUs write and read back their halves, whatever the host does meanwhile. */
TEST_F(mm, stress)
{
	struct memory_guest *g = &self->guest;
	uint64_t half = HUGE_BYTES, until, rounds[2];
	unsigned int count[ARRAY_SIZE(nuisances)] = {};
	struct runner other = { .faults_allowed = true };
	struct vmt v2;

	guest_give(g, 2 * half);
	vmt_open_vcpu(&v2, &g->v, 1);
	v2.page->mp.state = SVMM_MP_RUNNABLE;
	v2.page->dirty |= SVMM_STATE_MP;
	g->r.faults_allowed = true;
	runner_start(&g->r, &g->v, 0, "stress", GPA, half, 0x1111);
	runner_start(&other, &v2, 1, "stress", GPA + half, half, 0x2222);

	srand(1);
	until = now_ms() + 4 * PERIOD_MS;
	while (now_ms() < until && !g->r.event && !other.event) {
		unsigned int what = rand() % ARRAY_SIZE(nuisances);

		annoy(_metadata, g, what);
		count[what]++;
		/* Now and then, let them use what they have. */
		usleep(rand() % 50000);
	}
	runner_stop(&g->r);
	runner_stop(&other);
	EXPECT_EQ(VMT_DONE, g->r.event);
	EXPECT_EQ(VMT_DONE, other.event);
	rounds[0] = *g->r.rounds;
	rounds[1] = *other.rounds;
	TH_LOG("%llu and %llu rounds, %llu and %llu nested page faults",
	       (unsigned long long)rounds[0], (unsigned long long)rounds[1],
	       (unsigned long long)vmt_exits(&g->v, VMEXIT_NPF),
	       (unsigned long long)vmt_exits(&v2, VMEXIT_NPF));
	for (unsigned int i = 0; i < ARRAY_SIZE(nuisances); i++)
		TH_LOG("%s: %u", nuisances[i], count[i]);
	EXPECT_LT(0, rounds[0]);
	EXPECT_LT(0, rounds[1]);
}

TEST_HARNESS_MAIN
