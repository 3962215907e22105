// SPDX-License-Identifier: GPL-2.0
/*
 * Bug class 16: a write that the dirty log does not know of. What SVMM_DIRTY_LOG reports is held
 * against what was written, page by page; and pages are copied as a migration does it, while
 * guests write: in the end the copy must be the memory.
 *
 * needs: selftests/lib/memory.c selftests/lib/vmtest.c selftests/lib/start.c
 * timeout: 120
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/memory.h"

#define PAGES		1000UL		/* of most tests: not whole words of the bitmap */
#define WORDS(pages)	(((pages) + 63) / 64)
#define LOG		SVMM_MEM_LOG_DIRTY
#define PERIOD_MS	(3000 * vmt_slowdown())
#define KVM_CLOCK_ON	1

FIXTURE(dirty) {
	struct memory_guest g;
	uint64_t map[WORDS(PAGES)];
};

FIXTURE_SETUP(dirty)
{
	guest_open(&self->g);
}

FIXTURE_TEARDOWN(dirty)
{
	if (self->g.r.running)
		EXPECT_EQ(VMT_DONE, runner_stop(&self->g.r));
	vmt_close(&self->g.v);
}

static int set_log(struct memory_guest *g, uint32_t flags)
{
	return svmm_set_slot(g->v.vm, 1, flags, GPA, g->bytes, g->mem);
}

static int look(struct memory_guest *g, uint32_t flags, uint64_t *map)
{
	return svmm_dirty_log(g->v.vm, 1, flags, 0, g->bytes / PAGE_SIZE, map);
}

static bool bit(const uint64_t *map, uint64_t n)
{
	return map[n / 64] >> (n % 64) & 1;
}

static unsigned int bits(const uint64_t *map, unsigned int words)
{
	unsigned int n = 0;

	while (words--)
		n += __builtin_popcountll(map[words]);
	return n;
}

/* The guest writes each page of a part of its memory once. */
static void touch(struct memory_guest *g, uint64_t first, uint64_t pages)
{
	struct runner r = {};

	runner_start(&r, &g->v, 0, "touch", GPA + first * PAGE_SIZE, pages * PAGE_SIZE, 0);
	if (runner_join(&r) != VMT_DONE)
		vmt_die(&g->v, "touch: event %d", r.event);
}

/* Exactly what was written is reported, once. */
TEST_F(dirty, exact)
{
	struct memory_guest *g = &self->g;

	guest_give(g, PAGES * PAGE_SIZE);
	touch(g, 0, PAGES);				/* is writable before the log begins */
	ASSERT_EQ(0, set_log(g, LOG));
	ASSERT_EQ(0, look(g, 0, self->map));
	EXPECT_EQ(0, bits(self->map, WORDS(PAGES)));

	for (int round = 0; round < 3; round++) {
		touch(g, 3, 1);
		touch(g, 60, 10);			/* across two words */
		touch(g, PAGES - 1, 1);
		guest_once(&g->v, "verify", g->bytes, 0);	/* reads leave no trace */
		for (int again = 0; again < 2; again++) {
			ASSERT_EQ(0, look(g, again ? SVMM_DIRTY_CLEAR : 0, self->map));
			EXPECT_EQ(12, bits(self->map, WORDS(PAGES)));
			EXPECT_TRUE(bit(self->map, 3) && bit(self->map, PAGES - 1));
			EXPECT_EQ(0xf000000000000000, self->map[0] & ~8ULL);
			EXPECT_EQ(0x3f, self->map[1]);
		}
		ASSERT_EQ(0, look(g, SVMM_DIRTY_CLEAR, self->map));
		EXPECT_EQ(0, bits(self->map, WORDS(PAGES)));
	}
}

/* A page that was never mapped, one that was only read, and one whose backing went away. */
TEST_F(dirty, first_touch)
{
	struct memory_guest *g = &self->g;

	guest_give(g, PAGES * PAGE_SIZE);
	ASSERT_EQ(0, set_log(g, LOG));
	guest_once(&g->v, "verify", g->bytes, 0);
	ASSERT_EQ(0, look(g, 0, self->map));
	EXPECT_EQ(0, bits(self->map, WORDS(PAGES)));
	touch(g, 0, PAGES);
	ASSERT_EQ(0, madvise(g->mem, g->bytes, MADV_DONTNEED));
	ASSERT_EQ(0, look(g, SVMM_DIRTY_CLEAR, self->map));
	EXPECT_EQ(PAGES, bits(self->map, WORDS(PAGES)));
	touch(g, 7, 1);
	ASSERT_EQ(0, look(g, SVMM_DIRTY_CLEAR, self->map));
	EXPECT_EQ(1, bits(self->map, WORDS(PAGES)));
	EXPECT_TRUE(bit(self->map, 7));
}

/* SVMM_DIRTY_ONLY clears and reports what was asked for, and nothing else. */
TEST_F(dirty, partial)
{
	struct memory_guest *g = &self->g;
	uint64_t want[2] = { 0x7, 0xff };

	guest_give(g, PAGES * PAGE_SIZE);
	ASSERT_EQ(0, set_log(g, LOG));
	touch(g, 64, 128);
	/* Pages 128 to 130 and 192 to 199, of which the latter are clean. */
	ASSERT_EQ(0, svmm_dirty_log(g->v.vm, 1, SVMM_DIRTY_CLEAR | SVMM_DIRTY_ONLY, 128, 128,
				    want));
	EXPECT_EQ(0x7, want[0]);
	EXPECT_EQ(0, want[1]);
	ASSERT_EQ(0, look(g, 0, self->map));
	EXPECT_EQ(~0ULL, self->map[1]);
	EXPECT_EQ(~7ULL, self->map[2]);
	EXPECT_EQ(125, bits(self->map, WORDS(PAGES)));
	touch(g, 129, 1);
	ASSERT_EQ(0, look(g, SVMM_DIRTY_CLEAR, self->map));
	EXPECT_EQ(~5ULL, self->map[2]);
	EXPECT_EQ(126, bits(self->map, WORDS(PAGES)));
}

/* What the module writes in the guest's name is a write, too: here the paravirtual clock. */
TEST_F(dirty, by_the_module)
{
	struct memory_guest *g = &self->g;

	guest_give(g, PAGES * PAGE_SIZE);
	ASSERT_EQ(0, set_log(g, LOG));
	vmt_start(&g->v, "verify");
	vmt_get(&g->v, SVMM_STATE_PV);
	g->v.page->pv.system_time = (GPA + 5 * PAGE_SIZE) | KVM_CLOCK_ON;
	g->v.page->dirty |= SVMM_STATE_PV;
	guest_once(&g->v, "verify", g->bytes, 0);
	ASSERT_EQ(0, look(g, SVMM_DIRTY_CLEAR, self->map));
	EXPECT_EQ(1, bits(self->map, WORDS(PAGES)));
	EXPECT_TRUE(bit(self->map, 5));
}

/* The log goes on when another flag changes, and ends with its own. */
TEST_F(dirty, flags)
{
	struct memory_guest *g = &self->g;

	guest_give(g, PAGES * PAGE_SIZE);
	EXPECT_EQ(-ENOENT, look(g, 0, self->map));
	ASSERT_EQ(0, set_log(g, LOG));
	touch(g, 1, 2);
	ASSERT_EQ(0, set_log(g, LOG | SVMM_MEM_READONLY));
	ASSERT_EQ(0, set_log(g, LOG));
	ASSERT_EQ(0, look(g, 0, self->map));
	EXPECT_EQ(0x6, self->map[0]);
	ASSERT_EQ(0, set_log(g, 0));
	EXPECT_EQ(-ENOENT, look(g, 0, self->map));
	touch(g, 9, 1);
	ASSERT_EQ(0, set_log(g, LOG));
	ASSERT_EQ(0, look(g, 0, self->map));
	EXPECT_EQ(0, bits(self->map, WORDS(PAGES)));
	/* Elsewhere in the guest, a new log. */
	touch(g, 9, 1);
	ASSERT_EQ(0, svmm_set_slot(g->v.vm, 1, LOG, GPA + PAGE_SIZE, g->bytes, g->mem));
	ASSERT_EQ(0, look(g, 0, self->map));
	EXPECT_EQ(0, bits(self->map, WORDS(PAGES)));
}

TEST_F(dirty, bad_input)
{
	struct memory_guest *g = &self->g;
	int vm = g->v.vm;
	struct svmm_dirty_log arg = {
		.slot = 1,
		.nr_pages = PAGES,
		.bitmap = (uintptr_t)self->map,
	};
	uint64_t *closed = mmap(NULL, PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	guest_give(g, PAGES * PAGE_SIZE);
	ASSERT_EQ(0, set_log(g, LOG));
	touch(g, 0, PAGES);

	EXPECT_EQ(-ENOENT, svmm_dirty_log(vm, 0, 0, 0, 64, self->map));
	EXPECT_EQ(-ENOENT, svmm_dirty_log(vm, 2, 0, 0, 64, self->map));
	EXPECT_EQ(-ENOENT, svmm_dirty_log(vm, ~0U, 0, 0, 64, self->map));
	EXPECT_EQ(-EINVAL, svmm_dirty_log(vm, 1, 0, 1, 64, self->map));
	EXPECT_EQ(-EINVAL, svmm_dirty_log(vm, 1, 0, 0, 65, self->map));
	EXPECT_EQ(-EINVAL, svmm_dirty_log(vm, 1, 0, 64, PAGES, self->map));
	EXPECT_EQ(-EINVAL, svmm_dirty_log(vm, 1, 0, 1024, 0x40, self->map));
	EXPECT_EQ(-EINVAL, svmm_dirty_log(vm, 1, 0, 64, -64UL, self->map));
	EXPECT_EQ(-EINVAL, svmm_dirty_log(vm, 1, 0, -64UL, 64, self->map));
	EXPECT_EQ(-EINVAL, svmm_dirty_log(vm, 1, 0, -64UL, 128, self->map));
	EXPECT_EQ(-EINVAL, svmm_dirty_log(vm, 1, SVMM_DIRTY_ONLY, 0, 64, self->map));
	EXPECT_EQ(-EINVAL, svmm_dirty_log(vm, 1, 4, 0, 64, self->map));
	EXPECT_EQ(0, svmm_dirty_log(vm, 1, SVMM_DIRTY_CLEAR, 64, 0, self->map));
	arg.reserved[1] = 1;
	EXPECT_EQ(-1, ioctl(vm, SVMM_DIRTY_LOG, &arg));
	EXPECT_EQ(EINVAL, errno);

	/* The answer goes nowhere: nothing is lost. */
	ASSERT_NE(MAP_FAILED, (void *)closed);
	EXPECT_EQ(-EFAULT, look(g, SVMM_DIRTY_CLEAR, closed));
	EXPECT_EQ(-EFAULT, look(g, SVMM_DIRTY_CLEAR, NULL));
	ASSERT_EQ(0, mprotect(closed, PAGE_SIZE, PROT_READ | PROT_WRITE));
	memset(closed, 0xff, PAGE_SIZE);
	ASSERT_EQ(0, mprotect(closed, PAGE_SIZE, PROT_READ));
	EXPECT_EQ(-EFAULT, look(g, SVMM_DIRTY_CLEAR | SVMM_DIRTY_ONLY, closed));
	EXPECT_EQ(0, look(g, SVMM_DIRTY_CLEAR, self->map));
	EXPECT_EQ(PAGES, bits(self->map, WORDS(PAGES)));
	munmap(closed, PAGE_SIZE);
}

/* A guest that writes one page without ever leaving for it: each clearing interrupts it. */
TEST_F(dirty, flush)
{
	struct memory_guest *g = &self->g;

	guest_give(g, PAGE_SIZE);
	ASSERT_EQ(0, set_log(g, LOG));
	runner_start(&g->r, &g->v, 0, "count", GPA, 0, 0);
	for (int i = 0; i < 200; i++) {
		runner_rounds(&g->r);
		ASSERT_EQ(0, look(g, SVMM_DIRTY_CLEAR, self->map));
		ASSERT_EQ(1, self->map[0]);
		runner_rounds(&g->r);
		ASSERT_EQ(0, look(g, 0, self->map));
		ASSERT_EQ(1, self->map[0]);
	}
}

/*
 * Two vCPUs write, this thread copies what is reported, and now and then, but not at the end, the
 * log is turned off and on. In the end the copy is the memory. In much memory the guest faults all
 * the time; in little it runs for long without an exit, and has to be interrupted.
 */
static void migrate(struct __test_metadata *_metadata, struct memory_guest *g, uint64_t bytes,
		    bool huge)
{
	uint64_t began = now_ms(), until = began + PERIOD_MS, log_until = began + PERIOD_MS / 2;
	uint64_t pages = bytes / PAGE_SIZE, copied = 0, rounds = 0;
	uint64_t *map = calloc(WORDS(pages), 8);
	uint8_t *copy = malloc(bytes);
	struct runner second = {};
	struct vmt other;
	bool last = false;

	guest_give(g, bytes);
	if (huge)
		madvise(g->mem, bytes, MADV_HUGEPAGE);
	vmt_open_vcpu(&other, &g->v, 1);
	other.page->mp.state = SVMM_MP_RUNNABLE;
	other.page->dirty |= SVMM_STATE_MP;
	runner_start(&g->r, &g->v, 0, "scatter", GPA, bytes, 1);
	runner_start(&second, &other, 1, "scatter", GPA + 8, bytes, 0x123456789abcdef);
	runner_rounds(&g->r);
	runner_rounds(&second);

	ASSERT_EQ(0, set_log(g, LOG));
	memcpy(copy, g->mem, bytes);
	for (; !last; rounds++) {
		if (now_ms() >= until) {
			ASSERT_EQ(VMT_DONE, runner_stop(&g->r));
			ASSERT_EQ(VMT_DONE, runner_stop(&second));
			last = true;
		}
		if (rounds & 1) {
			ASSERT_EQ(0, look(g, SVMM_DIRTY_CLEAR, map));
		} else {
			ASSERT_EQ(0, look(g, 0, map));
			ASSERT_EQ(0, look(g, SVMM_DIRTY_CLEAR | SVMM_DIRTY_ONLY, map));
		}
		for (uint64_t i = 0; i < pages; i++)
			if (bit(map, i)) {
				memcpy(copy + i * PAGE_SIZE, g->mem + i * PAGE_SIZE, PAGE_SIZE);
				copied++;
			}
		if (rounds % 64 == 63 && now_ms() < log_until) {
			ASSERT_EQ(0, set_log(g, 0));
			ASSERT_EQ(0, set_log(g, LOG));
			memcpy(copy, g->mem, bytes);
		}
	}
	for (uint64_t i = 0; i < pages; i++)
		if (memcmp(copy + i * PAGE_SIZE, g->mem + i * PAGE_SIZE, PAGE_SIZE)) {
			TH_LOG("page %llu differs", (unsigned long long)i);
			EXPECT_TRUE(false);
		}
	TH_LOG("%llu rounds, %llu pages copied", (unsigned long long)rounds,
	       (unsigned long long)copied);
	EXPECT_GT(rounds, 10);
	EXPECT_GT(copied, 100);	/* on a slow machine, which interrupts the guest slowly */
	munmap(other.page, other.caps.vcpu_mmap_bytes);
	close(other.vcpu);
	free(copy);
	free(map);
}

TEST_F(dirty, migration)
{
	migrate(_metadata, &self->g, 8 << 20, false);
}

TEST_F(dirty, migration_without_exits)
{
	migrate(_metadata, &self->g, 16 * PAGE_SIZE, false);
}

TEST_F(dirty, migration_of_huge_pages)
{
	migrate(_metadata, &self->g, 8 << 20, true);
}

/* Large pages are split for the log, and come back with its end. */
TEST_F(dirty, large_pages)
{
	struct memory_guest *g = &self->g;
	uint64_t before;

	guest_give(g, 2 * HUGE_BYTES);
	if (madvise(g->mem, g->bytes, MADV_HUGEPAGE) && errno == EINVAL)
		SKIP(return, "a kernel without huge pages");
	memset(g->mem, 1, g->bytes);
	before = vmt_exits(&g->v, VMEXIT_NPF);
	touch(g, 0, g->bytes / PAGE_SIZE);
	EXPECT_GE(before + 12, vmt_exits(&g->v, VMEXIT_NPF));

	ASSERT_EQ(0, set_log(g, LOG));
	before = vmt_exits(&g->v, VMEXIT_NPF);
	touch(g, 0, g->bytes / PAGE_SIZE);
	EXPECT_LE(before + g->bytes / PAGE_SIZE, vmt_exits(&g->v, VMEXIT_NPF));

	ASSERT_EQ(0, set_log(g, 0));
	before = vmt_exits(&g->v, VMEXIT_NPF);
	touch(g, 0, g->bytes / PAGE_SIZE);
	EXPECT_LE(before + 2, vmt_exits(&g->v, VMEXIT_NPF));
	EXPECT_GE(before + 12, vmt_exits(&g->v, VMEXIT_NPF));
}

TEST_HARNESS_MAIN
