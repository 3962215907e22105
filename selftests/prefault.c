// SPDX-License-Identifier: GPL-2.0
/*
 * SVMM_PREFAULT: what it has mapped costs the guest no nested page fault, by pages of any size,
 * and what the host takes back meanwhile comes again.
 *
 * needs: selftests/lib/memory.c selftests/lib/vmtest.c selftests/lib/start.c
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "lib/memory.h"

#define PAGES	512UL

FIXTURE(prefault) {
	struct memory_guest g;
	uint64_t gpa, bytes;
};

FIXTURE_SETUP(prefault)
{
	guest_open(&self->g);
	self->gpa = GPA;
	self->bytes = PAGES * PAGE_SIZE;
}

FIXTURE_TEARDOWN(prefault)
{
	vmt_close(&self->g.v);
}

/* Nested page faults while the guest does that to all of its memory. */
static uint64_t faults(struct memory_guest *g, const char *entry)
{
	uint64_t before = vmt_exits(&g->v, VMEXIT_NPF);

	guest_once(&g->v, entry, g->bytes, 0);
	return vmt_exits(&g->v, VMEXIT_NPF) - before;
}

TEST_F(prefault, writes)
{
	struct memory_guest *g = &self->g;

	guest_give(g, PAGES * PAGE_SIZE);
	ASSERT_EQ(0, svmm_prefault(g->v.vm, SVMM_PREFAULT_WRITE, &self->gpa, &self->bytes));
	EXPECT_EQ(GPA + PAGES * PAGE_SIZE, self->gpa);
	EXPECT_EQ(0, self->bytes);
	EXPECT_GE(12, faults(g, "touch"));

	/* What the host takes back, the guest gets anew. */
	ASSERT_EQ(0, madvise(g->mem, g->bytes, MADV_DONTNEED));
	EXPECT_LE(PAGES, faults(g, "touch"));
}

/* A page that was prefaulted for reading is not writable before it has been copied. */
TEST_F(prefault, reads)
{
	struct memory_guest *g = &self->g;

	guest_give(g, PAGES * PAGE_SIZE);
	ASSERT_EQ(0, svmm_prefault(g->v.vm, 0, &self->gpa, &self->bytes));
	EXPECT_GE(12, faults(g, "verify"));
	EXPECT_LE(PAGES, faults(g, "touch"));
}

TEST_F(prefault, large_pages)
{
	struct memory_guest *g = &self->g;

	guest_give(g, 2 * HUGE_BYTES);
	if (madvise(g->mem, g->bytes, MADV_HUGEPAGE) && errno == EINVAL)
		SKIP(return, "a kernel without huge pages");
	self->bytes = g->bytes;
	ASSERT_EQ(0, svmm_prefault(g->v.vm, SVMM_PREFAULT_WRITE, &self->gpa, &self->bytes));
	EXPECT_EQ(GPA + g->bytes, self->gpa);
	EXPECT_GE(12, faults(g, "touch"));
}

/* It says how far it came. */
TEST_F(prefault, bad_input)
{
	struct memory_guest *g = &self->g;
	struct svmm_prefault arg = { .gpa = GPA, .size = PAGE_SIZE };
	int vm = g->v.vm;
	uint64_t gpa = GPA, bytes = 2 * PAGES * PAGE_SIZE;

	guest_give(g, PAGES * PAGE_SIZE);
	EXPECT_EQ(-ENOENT, svmm_prefault(vm, 0, &gpa, &bytes));
	EXPECT_EQ(GPA + PAGES * PAGE_SIZE, gpa);
	EXPECT_EQ(PAGES * PAGE_SIZE, bytes);

	ASSERT_EQ(0, munmap(g->mem + 8 * PAGE_SIZE, PAGE_SIZE));
	EXPECT_EQ(-EFAULT, svmm_prefault(vm, SVMM_PREFAULT_WRITE, &self->gpa, &self->bytes));
	EXPECT_EQ(GPA + 8 * PAGE_SIZE, self->gpa);

	ASSERT_EQ(0, svmm_set_slot(vm, 1, SVMM_MEM_READONLY, GPA, g->bytes, g->mem));
	gpa = GPA;
	bytes = PAGE_SIZE;
	EXPECT_EQ(-ENOENT, svmm_prefault(vm, SVMM_PREFAULT_WRITE, &gpa, &bytes));
	EXPECT_EQ(0, svmm_prefault(vm, 0, &gpa, &bytes));

	gpa = GPA + 8;
	bytes = PAGE_SIZE;
	EXPECT_EQ(-EINVAL, svmm_prefault(vm, 0, &gpa, &bytes));
	gpa = GPA;
	bytes = 8;
	EXPECT_EQ(-EINVAL, svmm_prefault(vm, 0, &gpa, &bytes));
	bytes = -PAGE_SIZE;
	EXPECT_EQ(-EINVAL, svmm_prefault(vm, 0, &gpa, &bytes));
	bytes = 0;
	EXPECT_EQ(0, svmm_prefault(vm, 0, &gpa, &bytes));
	bytes = PAGE_SIZE;
	EXPECT_EQ(-EINVAL, svmm_prefault(vm, 2, &gpa, &bytes));
	arg.reserved = 1;
	EXPECT_EQ(-1, ioctl(vm, SVMM_PREFAULT, &arg));
	EXPECT_EQ(EINVAL, errno);
}

TEST_HARNESS_MAIN
