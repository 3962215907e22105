// SPDX-License-Identifier: GPL-2.0
/*
 * Bug class 2: values of user space reach control fields of the VMCB
 * (CVE-2021-3653: int_ctl turned AVIC on). The shared page and the APIC's state
 * are filled with noise, group by group and all at once; whatever of it is
 * accepted, the VMCB stays within lib/vmcb_check.h.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"
#include "lib/vmcb_check.h"

#define ROUNDS	3000

static struct svmm_debug_vmcb d;

static uint64_t noise(void)
{
	uint64_t r = (uint64_t)random() << 33 ^ (uint64_t)random() << 11 ^ random();

	/* mostly small changes of legal values: all-random ones are all refused */
	switch (random() % 4) {
	case 0: return r;
	case 1: return 1ULL << (r & 63);
	case 2: return ~0ULL;
	default: return 0;
	}
}

static void disturb(struct vmt *v, uint32_t groups)
{
	struct svmm_vcpu_page *p = v->page;
	__u64 *words[] = {
		&p->cr.cr0, &p->cr.cr4, &p->cr.efer, &p->cr.cr8, &p->cr.cr3, &p->cr.xcr0,
		&p->dr.dr6, &p->dr.dr7, &p->msr.pat, &p->msr.spec_ctrl, &p->gpr.rflags,
		&p->seg.cs.base, &p->seg.tr.base, &p->tsc.offset, &p->tsc.aux,
		&p->events.payload,
	};

	vmt_get(v, SVMM_STATE_ALL);
	for (int n = random() % 4; n >= 0; n--)
		*words[random() % ARRAY_SIZE(words)] ^= noise();
	if (random() % 2) {
		p->events.flags = noise();
		p->events.vector = random() % 300;
	}
	if (random() % 2)
		p->seg.ss.attrib ^= noise();
	if (random() % 2)
		v->lapic->regs[random() % 64] ^= noise();
	p->mp.state = random() % 2;
	p->dirty = groups;
}

FIXTURE(vmcb) {
	struct vmt v;
};

FIXTURE_SETUP(vmcb)
{
	vmt_boot(&self->v, "modes", "alive");
	ASSERT_EQ(0, svmm_set_state(self->v.vcpu));
	srandom(1);
}

FIXTURE_TEARDOWN(vmcb)
{
	vmt_close(&self->v);
}

static void fuzz(struct __test_metadata *_metadata, struct vmt *v, bool one_group)
{
	unsigned int accepted = 0;

	for (int i = 0; i < ROUNDS; i++) {
		uint32_t groups = one_group ? 1U << random() % 11 : random() & SVMM_STATE_ALL;
		const char *flaw;
		int ret;

		disturb(v, groups);
		ret = svmm_set_state(v->vcpu);
		ASSERT_TRUE(ret == 0 || ret == -EINVAL) {
			TH_LOG("round %d: %d", i, ret);
		}
		accepted += !ret;
		v->page->dirty = 0;
		ASSERT_EQ(0, svmm_debug_vmcb(v->vcpu, &d));
		flaw = vmcb_flaw(&d);
		ASSERT_EQ(NULL, flaw) {
			TH_LOG("round %d, groups %#x: %s", i, groups, flaw);
		}
	}
	/* a fuzzer whose input is always refused tests nothing */
	EXPECT_LT(ROUNDS / 10, accepted);
	EXPECT_GT(ROUNDS, accepted);
}

TEST_F(vmcb, one_group_at_a_time)
{
	fuzz(_metadata, &self->v, true);
}

TEST_F(vmcb, many_groups)
{
	fuzz(_metadata, &self->v, false);
}

/* The same with RUN: accepted nonsense does no harm either. */
TEST_F(vmcb, noise_runs)
{
	struct vmt *v = &self->v, fresh;

	vmt_tick(10);
	for (int i = 0; i < 150; i++) {
		int ret;

		vmt_start(v, "alive");
		svmm_set_state(v->vcpu);
		disturb(v, random() & SVMM_STATE_ALL & ~(SVMM_STATE_CR | SVMM_STATE_MP));
		v->page->immediate_exit = random() % 2;
		ret = svmm_run(v->vcpu);
		v->page->dirty = 0;
		if (ret == -EIO) {
			vmt_close(v);
			vmt_boot(v, "modes", "alive");
			continue;
		}
		ASSERT_TRUE(ret == 0 || ret == -EINVAL || ret == -EINTR);
		ASSERT_EQ(0, svmm_debug_vmcb(v->vcpu, &d));
		if (v->page->exit.reason != SVMM_EXIT_SHUTDOWN)
			ASSERT_EQ(NULL, vmcb_flaw(&d));
	}
	v->page->immediate_exit = 0;
	vmt_boot(&fresh, "modes", "alive");
	EXPECT_EQ(0x600d, vmt_report(&fresh));
	vmt_close(&fresh);
}

TEST_HARNESS_MAIN
