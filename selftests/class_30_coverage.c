// SPDX-License-Identifier: GPL-2.0
/*
 * Bug class 30: the nested page tables cover what the guest can address. The first and the last
 * byte of slots at both sides of every border of a page-table level, up to the last byte below
 * MAXPHYADDR, are the slot's memory; the bytes next to them are not, and exits say which they are.
 *
 * needs: selftests/lib/memory.c selftests/lib/vmtest.c selftests/lib/start.c
 */
#include <string.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "lib/memory.h"

#define BEYOND		0x5b			/* what is read where no memory is */
#define PTE_RIGHTS	0x7			/* present, writable, user */

struct hole {
	uint64_t gpa;
	unsigned int reads, writes;
};

static void on_mmio(struct vmt *v, struct vmt_mmio *m)
{
	struct hole *hole = v->arg;

	hole->gpa = m->gpa;
	if (m->write)
		hole->writes++;
	else
		hole->reads++;
	if (!m->write)
		memset(m->data, BEYOND, m->bytes);
}

/* Run @entry on one byte, which the guest sees in the first page that G_PT maps. */
static int run(struct vmt *v, const char *entry, uint64_t gpa, uint8_t value)
{
	vmt_start(v, entry);
	*vmt_u64(v, G_PT) = (gpa & ~(PAGE_SIZE - 1)) | PTE_RIGHTS;
	v->page->gpr.rdi = G_PAGED + gpa % PAGE_SIZE;
	v->page->gpr.rdx = value;
	v->page->gpr.r8 = CONTROL(0);
	return vmt_run(v);
}

static uint64_t peek(struct vmt *v, uint64_t gpa)
{
	return run(v, "peek", gpa, 0) == VMT_DONE ? *vmt_u64(v, CONTROL(0) + 16) : ~0ULL;
}

static int poke(struct vmt *v, uint64_t gpa, uint8_t value)
{
	return run(v, "poke", gpa, value);
}

static void is_memory(struct __test_metadata *_metadata, struct vmt *v, uint64_t gpa, uint8_t *at)
{
	struct hole *hole = v->arg;

	*hole = (struct hole){};
	*at = 0x21;
	EXPECT_EQ(0x21, peek(v, gpa));
	EXPECT_EQ(VMT_DONE, poke(v, gpa, 0x43));
	EXPECT_EQ(0x43, *at);
	EXPECT_EQ(0, hole->reads + hole->writes) TH_LOG("%#llx is not memory",
							(unsigned long long)gpa);
}

static void is_hole(struct __test_metadata *_metadata, struct vmt *v, uint64_t gpa)
{
	struct hole *hole = v->arg;

	*hole = (struct hole){};
	EXPECT_EQ(BEYOND, peek(v, gpa)) TH_LOG("%#llx", (unsigned long long)gpa);
	EXPECT_EQ(1, hole->reads);
	EXPECT_EQ(gpa, hole->gpa);
	EXPECT_EQ(VMT_DONE, poke(v, gpa, 0x43));
	EXPECT_EQ(1, hole->writes);
	EXPECT_EQ(gpa, hole->gpa);
}

/* A slot of @bytes at @gpa, which ends at or below the @top of what can be addressed. */
static void covers(struct __test_metadata *_metadata, struct vmt *v, uint8_t *mem, uint64_t gpa,
		   uint64_t bytes, uint64_t top)
{
	ASSERT_EQ(0, svmm_set_slot(v->vm, 1, 0, gpa, bytes, mem));
	is_memory(_metadata, v, gpa, mem);
	is_memory(_metadata, v, gpa + bytes - 1, mem + bytes - 1);
	is_hole(_metadata, v, gpa - 1);
	if (gpa + bytes < top)
		is_hole(_metadata, v, gpa + bytes);
	ASSERT_EQ(0, svmm_set_slot(v->vm, 1, 0, 0, 0, NULL));
	is_hole(_metadata, v, gpa);
	is_hole(_metadata, v, gpa + bytes - 1);
}

FIXTURE(coverage) {
	struct memory_guest g;
	struct hole hole;
	uint8_t *mem;		/* two huge pages' worth, aligned to one */
	uint64_t top;		/* first address that does not exist */
};

FIXTURE_SETUP(coverage)
{
	guest_open(&self->g);
	guest_give(&self->g, 2 * HUGE_BYTES);
	self->mem = self->g.mem;
	ASSERT_EQ(0, svmm_set_slot(self->g.v.vm, 1, 0, 0, 0, NULL));
	self->g.v.on_mmio = on_mmio;
	self->g.v.arg = &self->hole;
	self->top = 1ULL << self->g.v.caps.phys_bits;
}

FIXTURE_TEARDOWN(coverage)
{
	vmt_close(&self->g.v);
}

/* Across 8 MiB, 1 GiB, 512 GiB and 256 TiB, as far as they exist; and the half of everything. */
TEST_F(coverage, borders_of_levels)
{
	unsigned int bits = self->g.v.caps.phys_bits;

	ASSERT_LE(36, bits);
	for (unsigned int border = 23; border < bits; border++)
		if (border == 23 || border == 30 || border == 39 || border == 48 ||
		    border == bits - 1)
			covers(_metadata, &self->g.v, self->mem, (1ULL << border) - PAGE_SIZE,
			       2 * PAGE_SIZE, self->top);
}

TEST_F(coverage, last_page)
{
	covers(_metadata, &self->g.v, self->mem, self->top - PAGE_SIZE, PAGE_SIZE, self->top);
}

TEST_F(coverage, last_huge_pages)
{
	if (madvise(self->mem, 2 * HUGE_BYTES, MADV_HUGEPAGE))
		SKIP(return, "no huge pages");
	covers(_metadata, &self->g.v, self->mem, self->top - 2 * HUGE_BYTES, 2 * HUGE_BYTES,
	       self->top);
}

/* What lies behind the end is no address: the guest's own tables cannot have it. */
TEST_F(coverage, end)
{
	struct vmt *v = &self->g.v;

	EXPECT_EQ(-EINVAL, svmm_set_slot(v->vm, 1, 0, self->top, PAGE_SIZE, self->mem));
	EXPECT_EQ(-EINVAL, svmm_set_slot(v->vm, 1, 0, self->top - PAGE_SIZE, 2 * PAGE_SIZE,
					 self->mem));
	EXPECT_EQ(VMT_UNEXPECTED, run(v, "peek", self->top, 0));
	EXPECT_EQ(V_PF, v->report);
	EXPECT_EQ(1 << 3, *vmt_u32(v, G_ERROR) & ~1);	/* a reserved bit; QEMU forgets bit 0 */
	EXPECT_EQ(0, self->hole.reads);
}

TEST_HARNESS_MAIN
