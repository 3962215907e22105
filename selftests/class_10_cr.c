// SPDX-License-Identifier: GPL-2.0
/*
 * Bug class 10: CR0 and CR4, legal and illegal. Every bit of both registers is
 * flipped alone and in the pairs that have rules, in long mode and in protected
 * mode; what must fault faults and changes nothing, what is legal reads back
 * (APM vol. 2, 3.1.1 and 3.1.3, 14.6).
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 */
#include <stdlib.h>

#include "kselftest_harness.h"
#include "lib/vmtest.h"

#define CR0_DEFINED	(CR0_PE | 1ULL << 1 | 1ULL << 2 | CR0_TS | CR0_ET | CR0_NE | CR0_WP | \
			 CR0_AM | CR0_NW | CR0_CD | CR0_PG)
#define CR4_TSD		(1ULL << 2)
#define CR4_VMXE	(1ULL << 13)
#define CR4_SMEP	(1ULL << 20)
#define CR4_SMAP	(1ULL << 21)
#define CR4_FSGSBASE	(1ULL << 16)
#define CR4_PCIDE	(1ULL << 17)
#define CR4_UMIP	(1ULL << 11)
/* TSD, DE, PSE, PAE, MCE, PGE, PCE, OSFXSR, OSXMMEXCPT: they are always there. */
#define CR4_ALWAYS	0x7fcULL
#define CR4_VME_PVI	3ULL

FIXTURE(cr) {
	struct vmt v;
	uint64_t cr4;			/* what the guest's CPUID allows */
};

FIXTURE_SETUP(cr)
{
	struct svmm_cpuid *t;

	vmt_open(&self->v);
	vmt_load(&self->v, "exits");
	ASSERT_EQ(0, svmm_get_supported_cpuid(self->v.svmm, &t));
	self->cr4 = CR4_ALWAYS;
	for (uint32_t i = 0; i < t->nr; i++) {
		const struct svmm_cpuid_entry *e = &t->entries[i];

		if (e->function == 1) {
			self->cr4 |= e->edx & 1 << 1 ? CR4_VME_PVI : 0;
			self->cr4 |= e->ecx & 1 << 26 ? CR4_OSXSAVE : 0;
			self->cr4 |= e->ecx & 1 << 17 ? CR4_PCIDE : 0;
		}
		if (e->function == 7 && !e->index) {
			self->cr4 |= e->ebx & 1 << 0 ? CR4_FSGSBASE : 0;
			self->cr4 |= e->ebx & 1 << 7 ? CR4_SMEP : 0;
			self->cr4 |= e->ebx & 1 << 20 ? CR4_SMAP : 0;
			self->cr4 |= e->ecx & 1 << 2 ? CR4_UMIP : 0;
		}
	}
	free(t);
}

FIXTURE_TEARDOWN(cr)
{
	vmt_close(&self->v);
}

static bool cr0_legal(uint64_t v, bool code64)
{
	if (v >> 32)
		return false;
	if (v & CR0_NW && !(v & CR0_CD))
		return false;
	if (v & CR0_PG && !(v & CR0_PE))
		return false;
	return !code64 || v & CR0_PG;
}

static void try_cr0(struct __test_metadata *_metadata, struct vmt *v, uint64_t old,
		    uint64_t value, bool code64)
{
	bool legal = cr0_legal(value, code64);
	uint64_t want = legal ? (value & CR0_DEFINED) | CR0_ET : old;

	EXPECT_EQ(legal ? NO_FAULT : V_GP, vmt_call(v, 0, value, 0)) {
		TH_LOG("CR0 = %#llx", (unsigned long long)value);
	}
	EXPECT_EQ(want, vmt_res(v, 0)) {
		TH_LOG("CR0 = %#llx", (unsigned long long)value);
	}
	if (!legal)
		EXPECT_EQ(0, *vmt_u32(v, G_ERROR));
}

TEST_F(cr, cr0_in_long_mode)
{
	const uint64_t old = CR0_PG | CR0_PE | CR0_ET | CR0_NE | CR0_WP;

	vmt_start(&self->v, "cr");
	for (int bit = 0; bit < 64; bit++)
		try_cr0(_metadata, &self->v, old, old ^ 1ULL << bit, true);
	try_cr0(_metadata, &self->v, old, old | CR0_NW | CR0_CD, true);
	try_cr0(_metadata, &self->v, old, old | CR0_CD, true);
	try_cr0(_metadata, &self->v, old, old | CR0_NW, true);
	try_cr0(_metadata, &self->v, old, 0, true);
	try_cr0(_metadata, &self->v, old, ~0ULL, true);
}

TEST_F(cr, cr0_in_protected_mode)
{
	const uint64_t old = CR0_PE | CR0_ET | CR0_NE;

	vmt_start(&self->v, "cr32");
	for (int bit = 1; bit < 31; bit++)
		try_cr0(_metadata, &self->v, old, old ^ 1ULL << bit, false);
	try_cr0(_metadata, &self->v, old, CR0_PG, false);
	try_cr0(_metadata, &self->v, old, CR0_PG | CR0_NW | CR0_CD, false);
	try_cr0(_metadata, &self->v, old, CR0_PE | CR0_NW, false);
	try_cr0(_metadata, &self->v, old, CR0_PE | CR0_NW | CR0_CD, false);
}

static void try_cr4(struct __test_metadata *_metadata, struct vmt *v, unsigned int number,
		    uint64_t old, uint64_t value, uint64_t allowed, bool lma)
{
	bool legal = !(value & ~allowed) && (!lma || value & CR4_PAE) &&
		     !(value & CR4_PCIDE && !lma);

	EXPECT_EQ(legal ? NO_FAULT : V_GP, vmt_call(v, number, value, 0)) {
		TH_LOG("CR4 = %#llx, allowed %#llx", (unsigned long long)value,
		       (unsigned long long)allowed);
	}
	EXPECT_EQ(legal ? value : old, vmt_res(v, 0)) {
		TH_LOG("CR4 = %#llx", (unsigned long long)value);
	}
}

TEST_F(cr, cr4_in_long_mode)
{
	const uint64_t old = CR4_PAE | CR4_OSFXSR;

	vmt_start(&self->v, "cr");
	for (int bit = 0; bit < 64; bit++) {
		/* SMEP and SMAP forbid what this guest does: its pages are user pages */
		if (1ULL << bit & (CR4_SMEP | CR4_SMAP) & self->cr4)
			continue;
		try_cr4(_metadata, &self->v, 4, old, old ^ 1ULL << bit, self->cr4, true);
	}
	try_cr4(_metadata, &self->v, 4, old, ~0ULL, self->cr4, true);
	try_cr4(_metadata, &self->v, 4, old, CR4_VMXE | CR4_PAE, self->cr4, true);
	try_cr4(_metadata, &self->v, 4, old, CR4_PAE | CR4_PGE | CR4_PSE | CR4_TSD, self->cr4,
		true);
	try_cr4(_metadata, &self->v, 4, old, CR4_PSE, self->cr4, true);
}

TEST_F(cr, cr4_in_protected_mode)
{
	vmt_start(&self->v, "cr32");
	for (int bit = 0; bit < 32; bit++)
		try_cr4(_metadata, &self->v, 4, 0, 1ULL << bit, self->cr4, false);
}

TEST_F(cr, cr8)
{
	struct vmt *v = &self->v;

	vmt_start(v, "cr");
	for (uint64_t i = 0; i < 16; i++) {
		EXPECT_EQ(NO_FAULT, vmt_call(v, 8, i, 0));
		EXPECT_EQ(i, vmt_res(v, 0));
	}
	/* The processor's own check, since no exit is needed; QEMU has none. */
	for (int bit = vmt_emulated_host() ? 64 : 4; bit < 64; bit++) {
		EXPECT_EQ(V_GP, vmt_call(v, 8, 1ULL << bit, 0)) {
			TH_LOG("CR8 bit %d", bit);
		}
		EXPECT_EQ(0, vmt_res(v, 0));
	}
}

/* LMSW can set PE and cannot clear it; that and CLTS are in exits.c. CD and NW are the guest's. */
TEST_F(cr, cache_bits_read_back)
{
	struct vmt *v = &self->v;

	vmt_start(v, "cr");
	EXPECT_EQ(NO_FAULT, vmt_call(v, 0, CR0_PG | CR0_PE | CR0_CD | CR0_NW, 0));
	EXPECT_EQ(CR0_PG | CR0_PE | CR0_CD | CR0_NW | CR0_ET, vmt_res(v, 0));
	vmt_get(v, SVMM_STATE_CR);
	EXPECT_EQ(CR0_PG | CR0_PE | CR0_ET | CR0_NE | CR0_WP, v->page->cr.cr0);
}

/* Flushes: PGE off and on, and a CR3 write, drop what a PTE was before. */
TEST_F(cr, flushes)
{
	static const char * const how[] = { "flush_cr3", "flush_pge", "flush_pg" };

	for (size_t i = 0; i < ARRAY_SIZE(how); i++) {
		vmt_start(&self->v, how[i]);
		*vmt_u32(&self->v, G_PAGED + 0x1000) = 0x1111;
		*vmt_u32(&self->v, G_PAGED + 0x2000) = 0x2222;
		EXPECT_EQ(0x1111, vmt_report(&self->v));
		EXPECT_EQ(0x2222, vmt_report(&self->v)) {
			TH_LOG("%s", how[i]);
		}
		vmt_done(&self->v);
	}
}

TEST_HARNESS_MAIN
