// SPDX-License-Identifier: GPL-2.0
/*
 * Memory slots: how many there may be, at which addresses, and that none lies in another.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 */
#include <errno.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vmtest.h"

/* With members that svmm_set_slot() does not have. */
static int set(int vm, const struct svmm_memory_slot *slot)
{
	return ioctl(vm, SVMM_SET_MEMORY_SLOT, slot) ? -errno : 0;
}

FIXTURE(slots) {
	int svmm, vm;
	struct svmm_caps caps;
	void *mem;
};

FIXTURE_SETUP(slots)
{
	vmt_deadline(VMT_DEADLINE_S);
	self->svmm = svmm_open();
	ASSERT_LE(0, self->svmm);
	ASSERT_EQ(0, svmm_get_caps(self->svmm, &self->caps));
	self->vm = vmt_bare_vm(self->svmm);
	ASSERT_LE(0, self->vm);
	self->mem = mmap(NULL, 16 * PAGE_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->mem);
}

FIXTURE_TEARDOWN(slots)
{
	close(self->vm);
	close(self->svmm);
}

static const char *slot_name(const struct svmm_memory_slot *s)
{
	static char text[160];

	snprintf(text, sizeof(text), "slot %#x flags %#x gpa %#llx size %#llx user %#llx",
		 s->slot, s->flags, (unsigned long long)s->gpa, (unsigned long long)s->size,
		 (unsigned long long)s->user_addr);
	return text;
}

/* As many slots as there may be, and each of them found again. */
TEST_F(slots, many_slots)
{
	struct svmm_memory_slot s = { .size = 4096, .user_addr = (uintptr_t)self->mem };

	for (s.slot = 0; s.slot < SVMM_MAX_SLOTS; s.slot++) {
		s.gpa = (s.slot * 7ULL % SVMM_MAX_SLOTS) * 8192;
		ASSERT_EQ(0, set(self->vm, &s));
	}
	s = (struct svmm_memory_slot){ .size = 4096, .gpa = 8192, .user_addr = s.user_addr };
	EXPECT_EQ(-EEXIST, set(self->vm, &s));
	for (s.size = 0; s.slot < SVMM_MAX_SLOTS; s.slot++)
		ASSERT_EQ(0, set(self->vm, &s));
	s.slot = 0;
	EXPECT_EQ(-ENOENT, set(self->vm, &s));
}

/* Bug class 28: gpa, size and address at every edge, together and apart. */
TEST_F(slots, class_28_slot_arithmetic)
{
	const uint64_t top = 1ULL << self->caps.phys_bits;
	const uint64_t mem = (uintptr_t)self->mem;
	const uint64_t user_top = 0x7ffffffff000;
	const struct {
		struct svmm_memory_slot slot;
		int ret;
	} t[] = {
		{ { .gpa = 1, .size = 4096, .user_addr = mem }, -EINVAL },
		{ { .gpa = 0xfff, .size = 4096, .user_addr = mem }, -EINVAL },
		{ { .size = 1, .user_addr = mem }, -EINVAL },
		{ { .size = 4097, .user_addr = mem }, -EINVAL },
		{ { .size = 4096, .user_addr = mem + 1 }, -EINVAL },
		{ { .size = 4096, .user_addr = mem + 0x800 }, -EINVAL },
		{ { .flags = 4, .size = 4096, .user_addr = mem }, -EINVAL },
		{ { .flags = 1U << 31, .size = 4096, .user_addr = mem }, -EINVAL },
		{ { .slot = SVMM_MAX_SLOTS, .size = 4096, .user_addr = mem }, -EINVAL },
		{ { .slot = ~0U, .size = 4096, .user_addr = mem }, -EINVAL },
		{ { .slot = 1U << 31, .size = 4096, .user_addr = mem }, -EINVAL },
		{ { .size = 4096, .user_addr = mem, .reserved = { 1 } }, -EINVAL },
		{ { .size = 4096, .user_addr = mem, .reserved = { 0, 0, 0, 1ULL << 63 } },
		  -EINVAL },
		/* beyond the guest's physical address space, and around 2^64 */
		{ { .gpa = top, .size = 4096, .user_addr = mem }, -EINVAL },
		{ { .gpa = top - 4096, .size = 8192, .user_addr = mem }, -EINVAL },
		{ { .gpa = 1ULL << 63, .size = 4096, .user_addr = mem }, -EINVAL },
		{ { .gpa = ~0xfffULL, .size = 4096, .user_addr = mem }, -EINVAL },
		{ { .gpa = ~0xfffULL, .size = 8192, .user_addr = mem }, -EINVAL },
		{ { .gpa = 4096, .size = ~0xfffULL, .user_addr = mem }, -EINVAL },
		{ { .gpa = 0, .size = ~0xfffULL, .user_addr = 0x1000 }, -EINVAL },
		{ { .gpa = 0, .size = 1ULL << 63, .user_addr = mem }, -EINVAL },
		{ { .gpa = 1ULL << 63, .size = 1ULL << 63, .user_addr = mem }, -EINVAL },
		/* outside user space */
		{ { .size = 4096, .user_addr = 0xffff888000000000 }, -EINVAL },
		{ { .size = 4096, .user_addr = 0xffffffffff600000 }, -EINVAL },
		{ { .size = 4096, .user_addr = ~0xfffULL }, -EINVAL },
		{ { .size = 8192, .user_addr = ~0xfffULL }, -EINVAL },
		{ { .size = 4096, .user_addr = 0x0000800000000000 }, -EINVAL },
		{ { .size = 8192, .user_addr = user_top - 4096 }, -EINVAL },
		{ { .size = 1ULL << 47, .user_addr = mem }, -EINVAL },
		/* deleting what is not there */
		{ { .slot = 5 }, -ENOENT },
		{ { .slot = SVMM_MAX_SLOTS - 1 }, -ENOENT },
		/* the last page there is */
		{ { .slot = 3, .gpa = top - 4096, .size = 4096, .user_addr = mem }, 0 },
		{ { .slot = 3 }, 0 },
		{ { .slot = SVMM_MAX_SLOTS - 1, .size = 4096, .user_addr = mem }, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		EXPECT_EQ(t[i].ret, set(self->vm, &t[i].slot)) {
			TH_LOG("%s", slot_name(&t[i].slot));
		}
	}
	EXPECT_EQ(-EFAULT, set(self->vm, NULL));
}

/* Slots that touch are fine, slots that overlap are not; moving is one step. */
TEST_F(slots, slot_overlap)
{
	int vm = self->vm;
	void *m = self->mem;

	EXPECT_EQ(0, svmm_set_slot(vm, 0, 0, 0x10000, 0x4000, m));
	EXPECT_EQ(-EEXIST, svmm_set_slot(vm, 1, 0, 0x10000, 0x4000, m));
	EXPECT_EQ(-EEXIST, svmm_set_slot(vm, 1, 0, 0x13000, 0x1000, m));
	EXPECT_EQ(-EEXIST, svmm_set_slot(vm, 1, 0, 0xf000, 0x2000, m));
	EXPECT_EQ(-EEXIST, svmm_set_slot(vm, 1, 0, 0xf000, 0x8000, m));
	EXPECT_EQ(-EEXIST, svmm_set_slot(vm, 1, 0, 0x11000, 0x1000, m));
	EXPECT_EQ(0, svmm_set_slot(vm, 1, 0, 0x14000, 0x1000, m));
	EXPECT_EQ(0, svmm_set_slot(vm, 2, 0, 0xf000, 0x1000, m));
	/* a slot may grow, shrink and move over itself, not over another */
	EXPECT_EQ(0, svmm_set_slot(vm, 0, 0, 0x11000, 0x3000, m));
	EXPECT_EQ(0, svmm_set_slot(vm, 0, SVMM_MEM_READONLY, 0x10000, 0x2000, m));
	EXPECT_EQ(-EEXIST, svmm_set_slot(vm, 0, 0, 0x10000, 0x5000, m));
	EXPECT_EQ(0, svmm_set_slot(vm, 0, 0, 0, 0, NULL));
	EXPECT_EQ(-ENOENT, svmm_set_slot(vm, 0, 0, 0, 0, NULL));
	EXPECT_EQ(0, svmm_set_slot(vm, 3, 0, 0x10000, 0x4000, m));
	/* all of them */
	for (unsigned int i = 4; i < SVMM_MAX_SLOTS; i++)
		EXPECT_EQ(0, svmm_set_slot(vm, i, 0, 0x100000 + i * 0x2000, 0x1000, m));
}

TEST_HARNESS_MAIN
