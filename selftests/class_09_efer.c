// SPDX-License-Identifier: GPL-2.0
/*
 * Bug class 9: EFER.SVME visible or clearable, reserved bits accepted. All 64
 * bits are written one by one, by the guest and by user space; what is not the
 * guest's by CPUID is #GP or -EINVAL and changes nothing.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 */
#include <errno.h>
#include <stdlib.h>

#include "kselftest_harness.h"
#include "lib/vmtest.h"

#define EFER_FFXSR	(1ULL << 14)

FIXTURE(efer) {
	struct vmt v;
	uint64_t allowed;
};

FIXTURE_SETUP(efer)
{
	struct svmm_cpuid *cpuid;

	vmt_boot(&self->v, "msr", "access");
	ASSERT_EQ(0, svmm_get_supported_cpuid(self->v.svmm, &cpuid));
	for (uint32_t i = 0; i < cpuid->nr; i++) {
		uint32_t edx = cpuid->entries[i].edx;

		if (cpuid->entries[i].function != 0x80000001)
			continue;
		self->allowed = (edx & 1 << 11 ? EFER_SCE : 0) | (edx & 1 << 20 ? EFER_NXE : 0) |
				(edx & 1 << 25 ? EFER_FFXSR : 0);
	}
	free(cpuid);
	ASSERT_NE(0, self->allowed & EFER_NXE);
}

FIXTURE_TEARDOWN(efer)
{
	vmt_close(&self->v);
}

static uint64_t read_efer(struct __test_metadata *_metadata, struct vmt *v)
{
	EXPECT_EQ(NO_FAULT, vmt_call(v, MSR_EFER, 0, 0));
	return vmt_res(v, 0);
}

TEST_F(efer, guest_writes_each_bit)
{
	struct vmt *v = &self->v;
	uint64_t base = read_efer(_metadata, v);

	EXPECT_EQ(EFER_LME | EFER_LMA, base & (EFER_LME | EFER_LMA | EFER_SVME));
	for (int bit = 0; bit < 64; bit++) {
		uint64_t value = base ^ 1ULL << bit;
		uint32_t vector = vmt_call(v, MSR_EFER, 1, value);

		/* LMA is the processor's: #GP or not, it stays. */
		if (1ULL << bit == EFER_LMA) {
			EXPECT_EQ(base, read_efer(_metadata, v));
			continue;
		}
		EXPECT_EQ(self->allowed >> bit & 1 ? NO_FAULT : V_GP, vector) {
			TH_LOG("bit %d", bit);
		}
		EXPECT_EQ(self->allowed >> bit & 1 ? value : base, read_efer(_metadata, v)) {
			TH_LOG("bit %d", bit);
		}
		ASSERT_EQ(NO_FAULT, vmt_call(v, MSR_EFER, 1, base)) {
			TH_LOG("after bit %d", bit);
		}
	}
}

/* User space sees what the guest sees, and may set no more. */
TEST_F(efer, user_space_sets_each_bit)
{
	struct vmt *v = &self->v;
	uint64_t base = read_efer(_metadata, v);

	for (int bit = 0; bit < 64; bit++) {
		bool ok = self->allowed >> bit & 1;

		vmt_get(v, SVMM_STATE_CR);
		EXPECT_EQ(base, v->page->cr.efer);
		v->page->cr.efer = base ^ 1ULL << bit;
		v->page->dirty = SVMM_STATE_CR;
		EXPECT_EQ(ok ? 0 : -EINVAL, svmm_set_state(v->vcpu)) {
			TH_LOG("bit %d", bit);
		}
		v->page->dirty = 0;
		EXPECT_EQ(ok ? base ^ 1ULL << bit : base, read_efer(_metadata, v)) {
			TH_LOG("bit %d", bit);
		}
		vmt_get(v, SVMM_STATE_CR);
		v->page->cr.efer = base;
		v->page->dirty = SVMM_STATE_CR;
		ASSERT_EQ(0, svmm_set_state(v->vcpu));
	}
}

/* The VMCB has SVME all the time, or VMRUN would fail; nobody but it shows it. */
TEST_F(efer, svme_stays_set_and_hidden)
{
	struct vmt *v = &self->v;
	struct svmm_debug_vmcb vmcb;
	uint64_t efer;

	read_efer(_metadata, v);
	vmt_call(v, MSR_EFER, 1, EFER_LME | EFER_LMA);
	ASSERT_EQ(0, svmm_debug_vmcb(v->vcpu, &vmcb));
	__builtin_memcpy(&efer, vmcb.vmcb + 0x4d0, sizeof(efer));
	EXPECT_EQ(EFER_SVME, efer & EFER_SVME);
	EXPECT_EQ(0, read_efer(_metadata, v) & EFER_SVME);
}

TEST_HARNESS_MAIN
