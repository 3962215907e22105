// SPDX-License-Identifier: GPL-2.0
/*
 * One guest per class of instruction that leaves the guest: each answers as a
 * processor with the vCPU's CPUID would. Ports, MMIO, interrupts and the APIC
 * have tests of their own (io.c, mmio.c, events.c, apic.c).
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vmtest.h"

FIXTURE(exits) {
	struct vmt v;
	struct svmm_cpuid *cpuid;
};

FIXTURE_SETUP(exits)
{
	vmt_open(&self->v);
	vmt_load(&self->v, "exits");
	ASSERT_EQ(0, svmm_get_supported_cpuid(self->v.svmm, &self->cpuid));
}

FIXTURE_TEARDOWN(exits)
{
	free(self->cpuid);
	vmt_close(&self->v);
}

static const struct svmm_cpuid_entry *leaf(const struct svmm_cpuid *cpuid, uint32_t function,
					   uint32_t index)
{
	for (uint32_t i = 0; i < cpuid->nr; i++) {
		const struct svmm_cpuid_entry *e = &cpuid->entries[i];

		if (e->function == function &&
		    (!(e->flags & SVMM_CPUID_SUBLEAF) || e->index == index))
			return e;
	}
	return NULL;
}

/* Every entry of the table reads back; what depends on CRs and the APIC ID is left out. */
TEST_F(exits, cpuid)
{
	struct vmt *v = &self->v;

	vmt_start(v, "cpuid");
	for (uint32_t i = 0; i < self->cpuid->nr; i++) {
		const struct svmm_cpuid_entry *e = &self->cpuid->entries[i];
		uint32_t ebx_mask = ~0U, ecx_mask = ~0U;

		if (e->function == 1) {
			ebx_mask = 0x00ffffff;		/* initial APIC ID */
			ecx_mask = ~(1U << 27);		/* OSXSAVE */
		}
		if (e->function == 7)
			ecx_mask = ~(1U << 4);		/* OSPKE */
		if (e->function == 0xd)
			ebx_mask = 0;			/* size for the present XCR0 */
		ASSERT_EQ(NO_FAULT, vmt_call(v, e->function, e->index, 0));
		EXPECT_EQ(e->eax, vmt_res(v, 0)) {
			TH_LOG("leaf %#x.%u EAX", e->function, e->index);
		}
		EXPECT_EQ(e->ebx & ebx_mask, vmt_res(v, 1) & (ebx_mask | ~0ULL << 32)) {
			TH_LOG("leaf %#x.%u EBX", e->function, e->index);
		}
		EXPECT_EQ(e->ecx & ecx_mask, vmt_res(v, 2) & (ecx_mask | ~0ULL << 32)) {
			TH_LOG("leaf %#x.%u ECX", e->function, e->index);
		}
		EXPECT_EQ(e->edx, vmt_res(v, 3)) {
			TH_LOG("leaf %#x.%u EDX", e->function, e->index);
		}
	}
	/* A guest has no SVM of its own, and knows that it is one. */
	ASSERT_EQ(NO_FAULT, vmt_call(v, 0x80000001, 0, 0));
	EXPECT_EQ(0, vmt_res(v, 2) & 1 << 2);
	ASSERT_EQ(NO_FAULT, vmt_call(v, 1, 0, 0));
	EXPECT_NE(0, vmt_res(v, 2) & 1U << 31);
	EXPECT_EQ(0, vmt_res(v, 2) & 1U << 3);
	/* Unknown leaves are zero. */
	ASSERT_EQ(NO_FAULT, vmt_call(v, 0x8fffffff, 0, 0));
	EXPECT_EQ(0, vmt_res(v, 0) | vmt_res(v, 1) | vmt_res(v, 2) | vmt_res(v, 3));
}

/* A leaf that the VMM edits reads as edited. */
TEST_F(exits, cpuid_edited)
{
	struct vmt v;
	struct svmm_cpuid_entry *e = (void *)leaf(self->cpuid, 0x40000000, 0);

	ASSERT_NE(NULL, e);
	e->eax = 0x40000042;
	vmt_open(&v);
	vmt_load(&v, "exits");
	ASSERT_EQ(0, svmm_set_cpuid(v.vcpu, self->cpuid));
	vmt_start(&v, "cpuid");
	ASSERT_EQ(NO_FAULT, vmt_call(&v, 0x40000000, 0, 0));
	EXPECT_EQ(0x40000042, vmt_res(&v, 0));
	vmt_close(&v);
}

/* OSXSAVE follows CR4. */
TEST_F(exits, cpuid_osxsave)
{
	struct vmt *v = &self->v;

	if (!self->v.caps.xcr0)
		SKIP(return, "no XSAVE on this host");
	vmt_start(v, "cpuid");
	ASSERT_EQ(NO_FAULT, vmt_call(v, 1, 0, 0));
	EXPECT_EQ(0, vmt_res(v, 2) & 1 << 27);
	vmt_get(v, SVMM_STATE_CR);
	v->page->cr.cr4 |= CR4_OSXSAVE;
	v->page->dirty |= SVMM_STATE_CR;
	ASSERT_EQ(NO_FAULT, vmt_call(v, 1, 0, 0));
	EXPECT_NE(0, vmt_res(v, 2) & 1 << 27);
}

TEST_F(exits, msr)
{
	static const struct {
		uint32_t index;
		uint64_t value;
		uint64_t bad;		/* a value that the module refuses; 0: it passes all */
	} t[] = {
		{ 0x174, 0x10, 0 },
		{ 0x175, 0x12345678, 0 },
		{ 0x176, 0xfffffff0, 0 },
		{ 0x277, 0x0007040600070406, 0x0207040600070406 },
		{ 0xc0000081, 0x0030000800000000, 0 },
		{ 0xc0000082, 0xffffffff81000000, 0 },
		{ 0xc0000083, 0xffffffff82000000, 0 },
		{ 0xc0000084, 0x00047700, 0 },
		{ 0xc0000100, 0x00007f0012345678, 0 },
		{ 0xc0000101, 0xffff888012345678, 0 },
		{ 0xc0000102, 0xffff888087654321, 0 },
	};
	struct vmt *v = &self->v;

	vmt_start(v, "msr");
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		ASSERT_EQ(NO_FAULT, vmt_call(v, t[i].index, 1, t[i].value)) {
			TH_LOG("MSR %#x", t[i].index);
		}
		if (t[i].bad) {
			ASSERT_EQ(V_GP, vmt_call(v, t[i].index, 1, t[i].bad)) {
				TH_LOG("MSR %#x", t[i].index);
			}
			EXPECT_EQ(0, *vmt_u32(v, G_ERROR));
		}
		ASSERT_EQ(NO_FAULT, vmt_call(v, t[i].index, 0, 0));
		EXPECT_EQ(t[i].value, vmt_res(v, 0)) {
			TH_LOG("MSR %#x", t[i].index);
		}
		/* RDMSR clears the upper halves of RAX and RDX. */
		EXPECT_EQ(0, vmt_res(v, 1) >> 32);
		EXPECT_EQ(0, vmt_res(v, 2) >> 32);
	}
	/* There are none of these. */
	EXPECT_EQ(V_GP, vmt_call(v, 0x12345678, 0, 0));
	EXPECT_EQ(V_GP, vmt_call(v, 0x12345678, 1, 0));
	/* SVM's own are not for a guest without SVM. */
	EXPECT_EQ(V_GP, vmt_call(v, 0xc0010117, 1, 0x1000));
}

TEST_F(exits, lmsw_smsw_clts)
{
	static const uint32_t want[] = {
		0x31, 0x3f, 0x37, 0x31, 0xffff0031, 0x31, 0x33, 0x39, 0x39,
	};
	struct vmt *v = &self->v;

	vmt_start(v, "lmsw");
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		EXPECT_EQ(want[i], vmt_report(v)) {
			TH_LOG("step %zu", i);
		}
	}
	vmt_done(v);
}

TEST_F(exits, debug_registers)
{
	struct vmt *v = &self->v;

	vmt_start(v, "dr");
	ASSERT_EQ(NO_FAULT, vmt_call(v, 6, 0, 0));
	EXPECT_EQ(0xffff0ff0, vmt_res(v, 0));
	ASSERT_EQ(NO_FAULT, vmt_call(v, 7, 0, 0));
	EXPECT_EQ(0x400, vmt_res(v, 0));
	for (uint64_t i = 0; i < 4; i++)
		ASSERT_EQ(NO_FAULT, vmt_call(v, i, 1, 0xffff800000001000 + i));
	for (uint64_t i = 0; i < 4; i++) {
		ASSERT_EQ(NO_FAULT, vmt_call(v, i, 0, 0));
		EXPECT_EQ(0xffff800000001000 + i, vmt_res(v, 0));
	}
	/* Upper halves of DR6 and DR7 must be zero; constant bits stay. */
	EXPECT_EQ(V_GP, vmt_call(v, 6, 1, 1ULL << 32));
	EXPECT_EQ(V_GP, vmt_call(v, 7, 1, 1ULL << 32));
	ASSERT_EQ(NO_FAULT, vmt_call(v, 6, 1, 0xf));
	ASSERT_EQ(NO_FAULT, vmt_call(v, 6, 0, 0));
	EXPECT_EQ(0xffff0fff, vmt_res(v, 0));
	ASSERT_EQ(NO_FAULT, vmt_call(v, 7, 1, 0xf0000));
	ASSERT_EQ(NO_FAULT, vmt_call(v, 7, 0, 0));
	EXPECT_EQ(0xf0400, vmt_res(v, 0));
	/* What the guest sees is what user space sees. */
	vmt_get(v, SVMM_STATE_DR);
	for (int i = 0; i < 4; i++)
		EXPECT_EQ(0xffff800000001000 + i, v->page->dr.db[i]);
	EXPECT_EQ(0xffff0fff, v->page->dr.dr6);
	EXPECT_EQ(0xf0400, v->page->dr.dr7);
}

TEST_F(exits, dr4_dr5)
{
	struct vmt *v = &self->v;

	vmt_start(v, "dr45");
	EXPECT_EQ(NO_FAULT, vmt_report(v));
	EXPECT_EQ(0xffff0ff0, vmt_res(v, 0));
	EXPECT_EQ(NO_FAULT, vmt_report(v));
	EXPECT_EQ(0x400, vmt_res(v, 1));
	EXPECT_EQ(V_UD, vmt_report(v));
	EXPECT_EQ(V_UD, vmt_report(v));
	vmt_done(v);
}

TEST_F(exits, dr_general_detect)
{
	struct vmt *v = &self->v;

	vmt_start(v, "dr_gd");
	EXPECT_EQ(V_DB, vmt_report(v));
	EXPECT_EQ(0xffff2ff0, vmt_report(v));
	EXPECT_EQ(0x400, vmt_report(v));
	vmt_done(v);
}

TEST_F(exits, breakpoints)
{
	struct vmt *v = &self->v;

	if (vmt_emulated_host())
		SKIP(return, "QEMU does not arm a guest's breakpoints at VMRUN");
	vmt_start(v, "dr_watch");
	EXPECT_EQ(V_DB, vmt_report(v));
	EXPECT_EQ(1, vmt_report(v) & 0xf);
	EXPECT_EQ(NO_FAULT, vmt_report(v));
	EXPECT_EQ(V_DB, vmt_report(v));
	EXPECT_EQ(2, vmt_report(v) & 0xf);
	vmt_done(v);
}

TEST_F(exits, xsetbv)
{
	struct vmt *v = &self->v;
	uint64_t all = v->caps.xcr0;

	if (!all)
		SKIP(return, "no XSAVE on this host");
	vmt_start(v, "xsetbv");
	EXPECT_EQ(NO_FAULT, vmt_call(v, 3, 0, 0));
	EXPECT_EQ(3, vmt_res(v, 0));
	EXPECT_EQ(NO_FAULT, vmt_call(v, all, 0, 0));
	EXPECT_EQ(all, vmt_res(v, 0));
	EXPECT_EQ(V_GP, vmt_call(v, 2, 0, 0));		/* x87 cannot be off */
	EXPECT_EQ(all, vmt_res(v, 0));
	EXPECT_EQ(V_GP, vmt_call(v, 5, 0, 0));		/* AVX without SSE */
	EXPECT_EQ(V_GP, vmt_call(v, 1ULL << 62 | 3, 0, 0));
	EXPECT_EQ(V_GP, vmt_call(v, 3, 1, 0));		/* no XCR1 */
	EXPECT_EQ(all, vmt_res(v, 0));
	EXPECT_EQ(NO_FAULT, vmt_call(v, 1, 0, 0));
	EXPECT_EQ(1, vmt_res(v, 0));
	vmt_get(v, SVMM_STATE_CR);
	EXPECT_EQ(1, v->page->cr.xcr0);
}

TEST_F(exits, one_answer)
{
	static const struct {
		const char *what;
		uint32_t vector;
	} want[] = {
		{ "WBINVD", NO_FAULT },
		{ "INVD", NO_FAULT },
		{ "MONITOR", V_UD },
		{ "MWAIT", V_UD },
		{ "RDPMC of no counter", V_GP },
		{ "PAUSE", NO_FAULT },
		{ "INVLPG", NO_FAULT },
		{ "RSM", V_UD },
		{ "UD2", V_UD },
		{ "RDTSC", NO_FAULT },
		{ "INT3", V_BP },
		{ "VMMCALL", NO_FAULT },
		{ "VMCALL", V_UD },
		{ "0F 01 C5", V_UD },
		{ "GETSEC", V_UD },
		{ "INVEPT", V_UD },
	};
	struct vmt *v = &self->v;

	vmt_start(v, "one_answer");
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		EXPECT_EQ(want[i].vector, vmt_report(v)) {
			TH_LOG("%s", want[i].what);
		}
	}
	vmt_done(v);
	/* An unknown hypercall is -ENOSYS in KVM's numbers. */
	EXPECT_EQ(-1000, (int64_t)vmt_res(v, 0));
}

TEST_F(exits, tsc)
{
	struct vmt *v = &self->v;
	const struct svmm_cpuid_entry *e = leaf(self->cpuid, 0x80000001, 0);
	bool has_rdtscp;

	ASSERT_NE(NULL, e);
	has_rdtscp = e->edx & 1 << 27;
	vmt_start(v, "tsc");
	EXPECT_EQ(0, vmt_report(v));
	EXPECT_EQ(has_rdtscp ? NO_FAULT : V_GP, vmt_report(v));
	EXPECT_EQ(has_rdtscp ? NO_FAULT : V_UD, vmt_report(v));
	if (has_rdtscp)
		EXPECT_EQ(0x5a5a, vmt_res(v, 0));
	vmt_done(v);
	/* MSR and instruction: less than a second apart, and in order. */
	EXPECT_LT(vmt_res(v, 1), v->caps.tsc_khz * 1000ULL);
	EXPECT_EQ(0x1000, vmt_res(v, 2));
}

TEST_F(exits, int_n_and_iret)
{
	struct vmt *v = &self->v;

	vmt_start(v, "int_n");
	EXPECT_EQ(2, vmt_report(v));
	EXPECT_EQ(1, vmt_report(v));
	EXPECT_EQ(0x600d, vmt_report(v));
	vmt_done(v);
}

TEST_F(exits, page_faults_of_the_guest)
{
	struct vmt *v = &self->v;

	vmt_start(v, "page_fault");
	EXPECT_EQ(V_PF, vmt_report(v));
	EXPECT_EQ(0, vmt_report(v));			/* not present, read */
	EXPECT_EQ(G_PAGED + 0x1234, vmt_report(v));
	EXPECT_EQ(V_PF, vmt_report(v));
	EXPECT_EQ(3, vmt_report(v));			/* present, write */
	EXPECT_EQ(G_PAGED + 0x1238, vmt_report(v));
	EXPECT_EQ(V_PF, vmt_report(v));
	EXPECT_EQ(0x11, vmt_report(v));			/* present, fetch */
	EXPECT_EQ(G_PAGED + 0x1240, vmt_report(v));
	vmt_done(v);
	/* None of that is the hypervisor's business. */
	EXPECT_EQ(0, vmt_exits(v, 0x4e));
}

static void *send_msi_later(void *arg)
{
	struct vmt *v = arg;

	usleep(50000);
	svmm_signal_msi(v->vm, 0xfee00000, 0x55);
	return NULL;
}

/* HLT sleeps in the kernel until an interrupt message comes. */
TEST_F(exits, hlt_and_msi)
{
	struct vmt *v = &self->v;

	vmt_start(v, "hlt");
	EXPECT_EQ(1, vmt_report(v));
	for (uint32_t i = 1; i <= 5; i++) {
		pthread_t thread;

		ASSERT_EQ(0, pthread_create(&thread, NULL, send_msi_later, v));
		EXPECT_EQ(i, vmt_report(v));
		pthread_join(thread, NULL);
	}
	/* One that is pending already: no sleep. */
	ASSERT_EQ(1, svmm_signal_msi(v->vm, 0xfee00000, 0x55));
	EXPECT_EQ(6, vmt_report(v));
	/* Halted is halted: the time was not spent in the guest. */
	EXPECT_GE(vmt_exits(v, 0x78), 5);
}

TEST_F(exits, pause)
{
	vmt_start(&self->v, "pause");
	vmt_done(&self->v);
}

TEST_HARNESS_MAIN
