// SPDX-License-Identifier: GPL-2.0
/*
 * A guest in every mode of the processor, and the ways from one to another.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 */
#include <string.h>

#include "kselftest_harness.h"
#include "lib/vmtest.h"

FIXTURE(modes) {
	struct vmt v;
};

FIXTURE_SETUP(modes)
{
	vmt_open(&self->v);
	vmt_load(&self->v, "modes");
}

FIXTURE_TEARDOWN(modes)
{
	vmt_close(&self->v);
}

static void one_mode(struct __test_metadata *_metadata, struct vmt *v, const char *entry,
		     uint64_t cr0)
{
	struct svmm_cpuid *cpuid;
	uint32_t vendor = 0;

	ASSERT_EQ(0, svmm_get_supported_cpuid(v->svmm, &cpuid));
	for (uint32_t i = 0; i < cpuid->nr; i++)
		if (!cpuid->entries[i].function)
			vendor = cpuid->entries[i].ebx;
	vmt_start(v, entry);
	EXPECT_EQ(V_UD, vmt_report(v));
	EXPECT_EQ(1, vmt_report(v));
	EXPECT_EQ(vendor, vmt_report(v));
	EXPECT_EQ(cr0, vmt_report(v));
	vmt_done(v);
	/* what user space sees is what the guest saw */
	vmt_get(v, SVMM_STATE_CR);
	EXPECT_EQ(cr0, v->page->cr.cr0);
}

TEST_F(modes, real)
{
	one_mode(_metadata, &self->v, "real", CR0_ET | CR0_NE);
}

TEST_F(modes, protected_16)
{
	one_mode(_metadata, &self->v, "prot16", CR0_ET | CR0_NE | CR0_PE);
}

TEST_F(modes, protected_32)
{
	one_mode(_metadata, &self->v, "prot32", CR0_ET | CR0_NE | CR0_PE);
}

TEST_F(modes, paged_32)
{
	one_mode(_metadata, &self->v, "paged32", CR0_ET | CR0_NE | CR0_PE | CR0_PG);
}

TEST_F(modes, pae)
{
	one_mode(_metadata, &self->v, "pae", CR0_ET | CR0_NE | CR0_PE | CR0_PG);
}

TEST_F(modes, long_mode)
{
	one_mode(_metadata, &self->v, "long", CR0_ET | CR0_NE | CR0_PE | CR0_PG | CR0_WP);
}

TEST_F(modes, from_real_to_long_and_back)
{
	struct vmt *v = &self->v;

	vmt_start(v, "walk");
	for (uint32_t i = 1; i <= 5; i++)
		EXPECT_EQ(i, vmt_report(v));
	EXPECT_EQ(EFER_LME | EFER_LMA, vmt_report(v));
	EXPECT_EQ(6, vmt_report(v));
	EXPECT_EQ(7, vmt_report(v));
	EXPECT_EQ(EFER_LME, vmt_report(v));
	EXPECT_EQ(8, vmt_report(v));
	EXPECT_EQ(1, vmt_report(v));
	vmt_done(v);
	vmt_get(v, SVMM_STATE_CR | SVMM_STATE_SEG);
	EXPECT_EQ(0, v->page->cr.efer);
	EXPECT_EQ(0, v->page->seg.cs.selector);
}

TEST_F(modes, compatibility)
{
	struct vmt *v = &self->v;

	vmt_start(v, "compat");
	EXPECT_EQ(V_UD, vmt_report(v));
	vmt_report(v);
	vmt_done(v);
	EXPECT_EQ(0x11111111, vmt_res(v, 0));
	EXPECT_EQ(~0ULL, vmt_res(v, 1));
}

TEST_F(modes, big_real)
{
	vmt_start(&self->v, "big_real");
	EXPECT_EQ(0x600d, vmt_report(&self->v));
	vmt_done(&self->v);
}

TEST_HARNESS_MAIN
