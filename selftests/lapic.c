// SPDX-License-Identifier: GPL-2.0
/*
 * Who takes an interrupt message, in all modes and destination formats; and what
 * user space may load into a local APIC.  What a guest does with one is in
 * lapic_guest.c.
 *
 * No guest runs here: a message's effect is read from IRR and TMR.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 * hosts: epyc-6.1 opteron-6.12
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vmtest.h"

#define NR		4
#define BASE_X2		0xfee00c00
#define BASE_X1		0xfee00800
#define LOGICAL		(1 << 2)
#define REDIRECT	(1 << 3)
#define LEVEL		(1 << 15 | 1 << 14)
#define LOWEST		(1 << 8)
#define NMI		(4 << 8)

/* Registers, by offset / 16. */
enum {
	ID = 0x2, TPR = 0x8, LDR = 0xd, DFR = 0xe, SVR = 0xf, ISR = 0x10, TMR = 0x18, IRR = 0x20,
	ICR = 0x30, ICR2 = 0x31, LVTT = 0x32, LINT0 = 0x35, LINT1 = 0x36, LVTERR = 0x37,
	TMICT = 0x38, TMCCT = 0x39, TDCR = 0x3e,
};

/* vCPU numbers: two of one x2APIC cluster, two of another. */
static const uint32_t ids[NR] = { 0, 1, 17, 18 };

FIXTURE(lapic) {
	struct vmt v[NR];
};

static void load(struct __test_metadata *_metadata, struct vmt *v)
{
	v->page->dirty = SVMM_STATE_LAPIC;
	ASSERT_EQ(0, svmm_set_state(v->vcpu));
}

FIXTURE_SETUP(lapic)
{
	vmt_open(&self->v[0]);
	for (int i = 1; i < NR; i++)
		vmt_open_vcpu(&self->v[i], &self->v[0], ids[i]);
	for (int i = 0; i < NR; i++) {
		vmt_get(&self->v[i], SVMM_STATE_LAPIC);
		self->v[i].lapic->regs[SVR] = 0x1ff;
		load(_metadata, &self->v[i]);
	}
}

FIXTURE_TEARDOWN(lapic)
{
	for (int i = NR - 1; i >= 0; i--)
		vmt_close(&self->v[i]);
}

static void set_modes(struct __test_metadata *_metadata, struct vmt *v, uint64_t base,
		      const uint32_t *ldr, uint32_t dfr)
{
	for (int i = 0; i < NR; i++) {
		vmt_get(&v[i], SVMM_STATE_LAPIC);
		v[i].lapic->apic_base = base | (i ? 0 : 1 << 8);
		v[i].lapic->regs[LDR] = ldr ? ldr[i] << 24 : 0;
		v[i].lapic->regs[DFR] = dfr;
		load(_metadata, &v[i]);
	}
}

static uint64_t msi_address(uint32_t dest)
{
	return 0xfee00000 | (dest & 0xff) << 12 | (uint64_t)(dest >> 8) << 40;
}

/* Who has @vector in IRR, as a bit mask; and not any more. */
static unsigned int who(struct __test_metadata *_metadata, struct vmt *v, unsigned int vector)
{
	unsigned int mask = 0;

	for (int i = 0; i < NR; i++) {
		uint32_t *irr;

		vmt_get(&v[i], SVMM_STATE_LAPIC);
		irr = &v[i].lapic->regs[IRR + vector / 32];
		if (!(*irr & 1U << vector % 32))
			continue;
		mask |= 1 << i;
		*irr &= ~(1U << vector % 32);
		load(_metadata, &v[i]);
	}
	return mask;
}

struct route {
	uint64_t address;
	uint32_t data;
	unsigned int who;
};

static void check_routes(struct __test_metadata *_metadata, struct vmt *v,
			 const struct route *r, int n)
{
	for (int i = 0; i < n; i++) {
		int count = __builtin_popcount(r[i].who);

		EXPECT_EQ(count, svmm_signal_msi(v->vm, r[i].address, r[i].data)) {
			TH_LOG("message %d: %#llx", i, (unsigned long long)r[i].address);
		}
		EXPECT_EQ(r[i].who, who(_metadata, v, r[i].data & 0xff)) {
			TH_LOG("message %d: %#llx", i, (unsigned long long)r[i].address);
		}
	}
}

#define CHECK_ROUTES(...) do {						\
	const struct route r_[] = { __VA_ARGS__ };			\
	check_routes(_metadata, self->v, r_, sizeof(r_) / sizeof(r_[0])); \
} while (0)

TEST_F(lapic, physical)
{
	CHECK_ROUTES({ msi_address(0), 0x40, 1 }, { msi_address(1), 0xff, 2 },
		     { msi_address(17), 0x10, 4 }, { msi_address(18), 0x41, 8 },
		     { msi_address(2), 0x40, 0 }, { msi_address(0xff), 0x40, 0xf },
		     { msi_address(~0U), 0x40, 0xf }, { msi_address(0x100), 0x40, 0 },
		     { msi_address(0x1ff), 0x40, 0 });
}

TEST_F(lapic, logical_flat)
{
	static const uint32_t ldr[NR] = { 0x01, 0x02, 0x04, 0x84 };

	set_modes(_metadata, self->v, BASE_X1, ldr, 0xffffffff);
	CHECK_ROUTES({ msi_address(0x01) | LOGICAL, 0x40, 1 },
		     { msi_address(0x03) | LOGICAL, 0x40, 3 },
		     { msi_address(0x04) | LOGICAL, 0x40, 0xc },
		     { msi_address(0x80) | LOGICAL, 0x40, 8 },
		     { msi_address(0x40) | LOGICAL, 0x40, 0 },
		     { msi_address(0x00) | LOGICAL, 0x40, 0 },
		     { msi_address(0x101) | LOGICAL, 0x40, 0 },
		     { msi_address(0xff) | LOGICAL, 0x40, 0xf });
}

TEST_F(lapic, logical_cluster)
{
	static const uint32_t ldr[NR] = { 0x11, 0x12, 0x21, 0x28 };

	set_modes(_metadata, self->v, BASE_X1, ldr, 0x0fffffff);
	CHECK_ROUTES({ msi_address(0x11) | LOGICAL, 0x40, 1 },
		     { msi_address(0x1f) | LOGICAL, 0x40, 3 },
		     { msi_address(0x29) | LOGICAL, 0x40, 0xc },
		     { msi_address(0x31) | LOGICAL, 0x40, 0 },
		     { msi_address(0xf1) | LOGICAL, 0x40, 5 },
		     { msi_address(0xff) | LOGICAL, 0x40, 0xf });
}

TEST_F(lapic, logical_x2apic)
{
	set_modes(_metadata, self->v, BASE_X2, NULL, 0);
	CHECK_ROUTES({ msi_address(0x00001) | LOGICAL, 0x40, 1 },
		     { msi_address(0x00003) | LOGICAL, 0x40, 3 },
		     { msi_address(0x10002) | LOGICAL, 0x40, 4 },
		     { msi_address(0x1ffff) | LOGICAL, 0x40, 0xc },
		     { msi_address(0x2ffff) | LOGICAL, 0x40, 0 },
		     { msi_address(~0U) | LOGICAL, 0x40, 0xf },
		     { msi_address(17), 0x40, 4 }, { msi_address(0x1ff), 0x40, 0 });
}

TEST_F(lapic, lowest_priority)
{
	static const uint32_t ldr[NR] = { 1, 2, 4, 8 };
	unsigned int seen = 0, w;

	set_modes(_metadata, self->v, BASE_X1, ldr, 0xffffffff);
	/* equal priorities: everyone's turn comes */
	for (int i = 0; i < NR; i++) {
		EXPECT_EQ(1, svmm_signal_msi(self->v->vm, msi_address(0xff) | LOGICAL,
					     LOWEST | 0x40));
		w = who(_metadata, self->v, 0x40);
		EXPECT_EQ(1, __builtin_popcount(w));
		seen |= w;
	}
	EXPECT_EQ(0xf, seen);
	/* the task priority, and what is in service, decide */
	for (int i = 0; i < NR; i++) {
		vmt_get(&self->v[i], SVMM_STATE_LAPIC);
		self->v[i].lapic->regs[TPR] = i == 2 ? 0x20 : i ? 0x50 : 0x60;
		self->v[i].lapic->regs[ISR + 2] = i == 2 ? 0 : 1;
		load(_metadata, &self->v[i]);
	}
	CHECK_ROUTES({ msi_address(0xff) | LOGICAL, LOWEST | 0x40, 4 },
		     { msi_address(0xff) | LOGICAL, LOWEST | 0x40, 4 },
		     { msi_address(0x03) | LOGICAL | REDIRECT, 0x44, 2 },
		     { msi_address(0xff) | LOGICAL | REDIRECT, 0x44, 4 },
		     { msi_address(0xff), 0x44, 0xf });
	vmt_get(&self->v[0], SVMM_STATE_LAPIC);
	self->v[0].lapic->regs[TPR] = 0;
	self->v[0].lapic->regs[ISR + 2] = 1 << 16;	/* 50h in service is priority 5 */
	load(_metadata, &self->v[0]);
	CHECK_ROUTES({ msi_address(0xff) | LOGICAL, LOWEST | 0x40, 4 });
}

TEST_F(lapic, who_is_off_takes_nothing)
{
	vmt_get(&self->v[1], SVMM_STATE_LAPIC);
	self->v[1].lapic->regs[SVR] = 0xff;
	load(_metadata, &self->v[1]);
	vmt_get(&self->v[2], SVMM_STATE_LAPIC);
	self->v[2].lapic->apic_base = 0xfee00000;
	load(_metadata, &self->v[2]);

	CHECK_ROUTES({ msi_address(0xff), 0x40, 9 }, { msi_address(1), 0x40, 0 },
		     { msi_address(17), 0x40, 0 });
	/* SVR turns fixed interrupts off, not NMIs; APIC_BASE both. SMI: there is none. */
	EXPECT_EQ(1, svmm_signal_msi(self->v->vm, msi_address(1), NMI));
	EXPECT_EQ(0, svmm_signal_msi(self->v->vm, msi_address(17), NMI));
	EXPECT_EQ(0, svmm_signal_msi(self->v->vm, msi_address(0), 2 << 8));
	EXPECT_EQ(-EINVAL, svmm_signal_msi(self->v->vm, msi_address(0), 3 << 8 | 0x40));
	EXPECT_EQ(-EINVAL, svmm_signal_msi(self->v->vm, 0x1fee00000, 0x40));
	EXPECT_EQ(-EINVAL, svmm_signal_msi(self->v->vm, 0xfef00000, 0x40));
}

TEST_F(lapic, level_and_edge)
{
	struct vmt *v = &self->v[0];

	EXPECT_EQ(1, svmm_signal_msi(v->vm, msi_address(0), LEVEL | 0x60));
	EXPECT_EQ(0, svmm_signal_msi(v->vm, msi_address(0), 1 << 15 | 0x61));
	vmt_get(v, SVMM_STATE_LAPIC);
	EXPECT_EQ(1, v->lapic->regs[IRR + 3]);
	EXPECT_EQ(1, v->lapic->regs[TMR + 3]);
	EXPECT_EQ(1, svmm_signal_msi(v->vm, msi_address(0), 0x60));
	vmt_get(v, SVMM_STATE_LAPIC);
	EXPECT_EQ(1, v->lapic->regs[IRR + 3]);
	EXPECT_EQ(0, v->lapic->regs[TMR + 3]);
}

/* A vector below 16 is an error; the error's own interrupt too, if it has such a vector. */
TEST_F(lapic, illegal_vector)
{
	struct vmt *v = &self->v[0];

	vmt_get(v, SVMM_STATE_LAPIC);
	v->lapic->regs[LVTERR] = 0x50;
	load(_metadata, v);
	EXPECT_EQ(1, svmm_signal_msi(v->vm, msi_address(0), 0x0f));
	vmt_get(v, SVMM_STATE_LAPIC);
	EXPECT_EQ(0, v->lapic->regs[IRR]);
	EXPECT_EQ(1 << 16, v->lapic->regs[IRR + 2]);
	vmt_get(&self->v[1], SVMM_STATE_LAPIC);
	self->v[1].lapic->regs[LVTERR] = 0x05;
	load(_metadata, &self->v[1]);
	EXPECT_EQ(1, svmm_signal_msi(v->vm, msi_address(1), 0x0f));
	vmt_get(&self->v[1], SVMM_STATE_LAPIC);
	EXPECT_EQ(0, self->v[1].lapic->regs[IRR]);
}

/* What is published loads, and is published again. */
TEST_F(lapic, round_trip)
{
	struct vmt *v = &self->v[1];
	struct svmm_lapic first;

	EXPECT_EQ(1, svmm_signal_msi(v->vm, msi_address(1), LEVEL | 0xfe));
	vmt_get(v, SVMM_STATE_LAPIC);
	v->lapic->regs[TPR] = 0x73;
	v->lapic->regs[ISR + 1] = 0x80000001;
	v->lapic->regs[ISR + 7] = 0x1000;
	v->lapic->regs[LDR] = 0xa5000000;
	v->lapic->regs[ICR] = 0x440fe;
	v->lapic->regs[ICR2] = 0x12000000;
	v->lapic->regs[LINT0] = 0xa700;
	v->lapic->regs[LVTT] = 0x300ff;
	v->lapic->regs[TDCR] = 9;
	load(_metadata, v);
	vmt_get(v, SVMM_STATE_LAPIC);
	EXPECT_EQ(0x01000000, v->lapic->regs[ID]);
	EXPECT_EQ(0xe0, v->lapic->regs[0xa]);		/* PPR: ECh is in service */
	EXPECT_EQ(0xf0, v->lapic->regs[0x9]);		/* APR: FEh is requested */
	EXPECT_EQ(0x40000000, v->lapic->regs[IRR + 7]);
	EXPECT_EQ(0x40000000, v->lapic->regs[TMR + 7]);
	EXPECT_EQ(0xa700, v->lapic->regs[LINT0]);
	first = *v->lapic;
	load(_metadata, v);
	memset(v->lapic, 0xa5, sizeof(*v->lapic));
	vmt_get(v, SVMM_STATE_LAPIC);
	EXPECT_EQ(0, memcmp(&first, v->lapic, sizeof(first)));
	vmt_get(v, SVMM_STATE_CR);
	EXPECT_EQ(7, v->page->cr.cr8);
}

TEST_F(lapic, illegal_state)
{
	static const struct {
		int reg;
		uint32_t value;
	} bad[] = {
		{ TPR, 0x100 }, { SVR, 0x400 }, { ICR, 1 << 13 }, { LVTT, 0x400 },
		{ LINT0, 1 << 17 }, { LVTERR, 1 << 8 }, { TDCR, 4 }, { LDR, 1 }, { ICR2, 1 },
		{ IRR, 1 << 15 }, { ISR, 1 }, { TMR, 1 << 2 },
	};
	static const uint64_t bad_base[] = {
		0xfee00400, 0xfee00801, 0xfee00a00, 1ULL << 63 | BASE_X1,
	};
	struct vmt *v = &self->v[0];
	struct svmm_lapic good;

	vmt_get(v, SVMM_STATE_LAPIC);
	good = *v->lapic;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		*v->lapic = good;
		v->lapic->regs[bad[i].reg] = bad[i].value;
		v->page->dirty = SVMM_STATE_LAPIC;
		EXPECT_EQ(-EINVAL, svmm_set_state(v->vcpu)) {
			TH_LOG("register %#x", bad[i].reg);
		}
	}
	for (size_t i = 0; i < sizeof(bad_base) / sizeof(bad_base[0]); i++) {
		*v->lapic = good;
		v->lapic->regs[TPR] = 0xf0;
		v->lapic->apic_base = bad_base[i];
		v->page->dirty = SVMM_STATE_LAPIC;
		EXPECT_EQ(-EINVAL, svmm_set_state(v->vcpu)) {
			TH_LOG("base %#llx", (unsigned long long)bad_base[i]);
		}
	}
	v->page->dirty = 0;
	vmt_get(v, SVMM_STATE_LAPIC);
	EXPECT_EQ(0, memcmp(&good, v->lapic, sizeof(good)));
}

/* A count that is loaded goes on from where it was, and not from its start. */
TEST_F(lapic, count_goes_on)
{
	struct vmt *v = &self->v[0];

	vmt_get(v, SVMM_STATE_LAPIC);
	v->lapic->regs[TDCR] = 0xa;			/* by 128 */
	v->lapic->regs[LVTT] = 0x10040;
	v->lapic->regs[TMICT] = 0xf0000000;
	v->lapic->regs[TMCCT] = 0x20000000;
	load(_metadata, v);
	vmt_get(v, SVMM_STATE_LAPIC);
	EXPECT_GT(0x20000000, v->lapic->regs[TMCCT]);
	EXPECT_LT(0x1f000000, v->lapic->regs[TMCCT]);	/* two seconds later at most */
	EXPECT_EQ(0xf0000000, v->lapic->regs[TMICT]);
}

static uint32_t irr(struct vmt *v, unsigned int vector)
{
	vmt_get(v, SVMM_STATE_LAPIC);
	return v->lapic->regs[IRR + vector / 32] >> vector % 32 & 1;
}

static void set_lvt(struct __test_metadata *_metadata, struct vmt *v, int reg, uint32_t value)
{
	vmt_get(v, SVMM_STATE_LAPIC);
	v->lapic->regs[reg] = value;
	load(_metadata, v);
}

static void set_deadline(struct __test_metadata *_metadata, struct vmt *v, uint64_t tsc,
			 uint32_t groups)
{
	vmt_get(v, groups);
	v->page->tsc.deadline = tsc;
	v->page->dirty = groups;
	ASSERT_EQ(0, svmm_set_state(v->vcpu));
}

static uint64_t deadline(struct vmt *v)
{
	vmt_get(v, SVMM_STATE_TSC);
	return v->page->tsc.deadline;
}

/* The deadline belongs to group TSC: loading the registers, with it or later, does not stop it. */
TEST_F(lapic, deadline_stays)
{
	struct vmt *v = &self->v[0];
	static const uint64_t far[] = { 1ULL << 60, 1ULL << 63 | 1ULL << 62, ~0ULL };

	set_lvt(_metadata, v, LVTT, 2 << 17 | 0x41);
	for (unsigned int i = 0; i < ARRAY_SIZE(far); i++) {
		set_deadline(_metadata, v, far[i], SVMM_STATE_TSC | SVMM_STATE_LAPIC);
		EXPECT_EQ(far[i], deadline(v));
		set_lvt(_metadata, v, LINT0, 0x10000);
		EXPECT_EQ(far[i], deadline(v));
	}
}

/* A timer that has run out, and whose vCPU did not run since, is seen in IRR. */
TEST_F(lapic, run_out_is_in_irr)
{
	struct vmt *v = &self->v[0];

	set_lvt(_metadata, v, LVTT, 2 << 17 | 0x41);
	set_deadline(_metadata, v, 1, SVMM_STATE_TSC);
	EXPECT_EQ(0, deadline(v));
	EXPECT_EQ(1, irr(v, 0x41));

	set_lvt(_metadata, v, LVTT, 0x42);
	v->lapic->regs[TMICT] = 1000;
	v->lapic->regs[TMCCT] = 1000;
	load(_metadata, v);
	usleep(10000);
	EXPECT_EQ(1, irr(v, 0x42));
	EXPECT_EQ(0, v->lapic->regs[TMCCT]);
}

static bool nmi_pending(struct vmt *v)
{
	vmt_get(v, SVMM_STATE_EVENTS);
	return v->page->events.flags & SVMM_EVENT_NMI_PENDING;
}

static void no_nmi(struct __test_metadata *_metadata, struct vmt *v)
{
	v->page->events.flags = 0;
	v->page->dirty = SVMM_STATE_EVENTS;
	ASSERT_EQ(0, svmm_set_state(v->vcpu));
}

/* LINT0: its LVT says what an edge of the line means. */
TEST_F(lapic, lint0)
{
	struct vmt *v = &self->v[0];

	set_lvt(_metadata, v, LINT0, 0x10045);
	ASSERT_EQ(0, svmm_set_extint(v->vcpu, 1));
	EXPECT_EQ(0, irr(v, 0x45));			/* masked */
	set_lvt(_metadata, v, LINT0, 0x45);
	ASSERT_EQ(0, svmm_set_extint(v->vcpu, 1));
	EXPECT_EQ(0, irr(v, 0x45));			/* no edge */
	ASSERT_EQ(0, svmm_set_extint(v->vcpu, 0));
	EXPECT_EQ(0, irr(v, 0x45));
	ASSERT_EQ(0, svmm_set_extint(v->vcpu, 1));
	EXPECT_EQ(1, irr(v, 0x45));
	ASSERT_EQ(0, svmm_set_extint(v->vcpu, 0));
	EXPECT_FALSE(nmi_pending(v));
	set_lvt(_metadata, v, LINT0, 0x400);
	ASSERT_EQ(0, svmm_set_extint(v->vcpu, 1));
	EXPECT_TRUE(nmi_pending(v));
	ASSERT_EQ(0, svmm_set_extint(v->vcpu, 0));
}

TEST_F(lapic, lint1)
{
	struct vmt *v = &self->v[1];

	vmt_get(v, SVMM_STATE_MP);
	v->page->mp.state = SVMM_MP_HALTED;
	v->page->dirty = SVMM_STATE_MP;
	ASSERT_EQ(0, svmm_set_state(v->vcpu));
	ASSERT_EQ(0, svmm_nmi_lint1(v->vcpu));
	EXPECT_FALSE(nmi_pending(v));			/* masked, as after reset */
	set_lvt(_metadata, v, LINT1, 0x10400);
	ASSERT_EQ(0, svmm_nmi_lint1(v->vcpu));
	EXPECT_FALSE(nmi_pending(v));
	set_lvt(_metadata, v, LINT1, 0x400);
	ASSERT_EQ(0, svmm_nmi_lint1(v->vcpu));
	EXPECT_TRUE(nmi_pending(v));
	no_nmi(_metadata, v);
	set_lvt(_metadata, v, LINT1, 0x46);		/* an interrupt like any other */
	ASSERT_EQ(0, svmm_nmi_lint1(v->vcpu));
	EXPECT_FALSE(nmi_pending(v));
	EXPECT_EQ(1, irr(v, 0x46));
	set_lvt(_metadata, v, LINT1, 0x05);		/* illegal: an error */
	ASSERT_EQ(0, svmm_nmi_lint1(v->vcpu));
	EXPECT_EQ(0, irr(v, 0x05));
	/* the one that needs no pin */
	ASSERT_EQ(0, svmm_nmi(v->vcpu));
	EXPECT_TRUE(nmi_pending(v));
	no_nmi(_metadata, v);
	/* without an APIC it is the CPU's own pin */
	vmt_get(v, SVMM_STATE_LAPIC);
	v->lapic->apic_base = 0xfee00000;
	load(_metadata, v);
	ASSERT_EQ(0, svmm_nmi_lint1(v->vcpu));
	EXPECT_TRUE(nmi_pending(v));
	EXPECT_GT(0, ioctl(v->vcpu, SVMM_NMI, 2));
}

TEST_HARNESS_MAIN
