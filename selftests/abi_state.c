// SPDX-License-Identifier: GPL-2.0
/*
 * State groups: what is set is what is read back, illegal values are refused
 * and change nothing, and what is not marked dirty is not loaded.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "kselftest_harness.h"
#include "lib/vmtest.h"

/* Where a group lies on the page, and legal values for it. */
struct group {
	const char *name;
	uint32_t bit;
	size_t offset, bytes;
};

#define GROUP(n, b, field)	{ n, b, offsetof(struct svmm_vcpu_page, field),	\
				  sizeof(((struct svmm_vcpu_page *)0)->field) }
static const struct group groups[] = {
	GROUP("GPR", SVMM_STATE_GPR, gpr),
	GROUP("SEG", SVMM_STATE_SEG, seg),
	GROUP("CR", SVMM_STATE_CR, cr),
	GROUP("DR", SVMM_STATE_DR, dr),
	GROUP("MSR", SVMM_STATE_MSR, msr),
	GROUP("EVENTS", SVMM_STATE_EVENTS, events),
	GROUP("TSC", SVMM_STATE_TSC, tsc),
	GROUP("MP", SVMM_STATE_MP, mp),
	GROUP("PV", SVMM_STATE_PV, pv),
};

#define NR_GROUPS	ARRAY_SIZE(groups)

FIXTURE(state) {
	struct vmt v;
	struct svmm_vcpu_page *p;
};

FIXTURE_SETUP(state)
{
	vmt_boot(&self->v, "modes", "alive");
	self->p = self->v.page;
	ASSERT_EQ(0, svmm_set_state(self->v.vcpu));
	ASSERT_EQ(0, self->p->dirty);
}

FIXTURE_TEARDOWN(state)
{
	vmt_close(&self->v);
}

/* Legal values, different from those after reset. */
static void fill(struct svmm_vcpu_page *p)
{
	__u64 *gpr = &p->gpr.rax;

	for (int i = 0; i < 16; i++)
		gpr[i] = 0x0123456789abcdefULL << i;
	p->gpr.rip = 0x123456789a;
	p->gpr.rflags = RFLAGS_FIXED | RFLAGS_IF | 0x8d5;
	p->seg.es.base = 0x7fff00001000;
	p->seg.es.selector = 0x23;
	p->seg.es.limit = 0x12345fff;
	p->seg.es.attrib = 0xcf3;
	p->seg.fs.base = 0xffff800012345678;
	p->seg.gs.base = 0x1234;
	p->seg.gdt.base = 0xffffffff80001000;
	p->seg.gdt.limit = 0x1ff;
	p->seg.idt.limit = 0xffe;
	p->seg.ldtr.selector = 0x60;
	p->seg.ldtr.base = 0x5000;
	p->cr.cr2 = 0xffff812345678000;
	p->cr.cr3 = 0x12345000;
	p->cr.cr4 |= CR4_PGE;
	p->cr.cr8 = 7;
	for (int i = 0; i < 4; i++)
		p->dr.db[i] = 0x1000 * (i + 1);
	p->dr.dr6 = 0xffff0ff1;
	p->dr.dr7 = 0x455;
	p->msr.star = 0x0023001000000000;
	p->msr.lstar = 0xffffffff81234567;
	p->msr.cstar = 0xffffffff82345678;
	p->msr.sfmask = 0x47700;
	p->msr.kernel_gs_base = 0xffff888000001000;
	p->msr.sysenter_cs = 0x10;
	p->msr.sysenter_esp = 0x1000;
	p->msr.sysenter_eip = 0x2000;
	p->msr.pat = 0x0007010600070106;
	p->msr.mtrr_def_type = 0xc06;
	for (int i = 0; i < 11; i++)
		p->msr.mtrr_fixed[i] = 0x0606060606060606;
	p->msr.mtrr_var[0] = 0x80000006;
	p->msr.mtrr_var[1] = 0xff80000800;
	p->events.flags = SVMM_EVENT_NMI_PENDING | SVMM_EVENT_NMI_MASKED;
	p->tsc.offset = 0xfffffff123456789;
	p->mp.state = SVMM_MP_HALTED;
	p->pv.wall_clock = 0x3000;
	p->pv.system_time = 0x4001;
	p->pv.steal_time = 0x5001;
	p->pv.pv_eoi = 0x6001;
}

TEST_F(state, round_trip)
{
	struct svmm_vcpu_page want, *p = self->p;

	vmt_get(&self->v, SVMM_STATE_ALL);
	fill(p);
	want = *p;
	for (size_t i = 0; i < NR_GROUPS; i++) {
		p->dirty = groups[i].bit;
		ASSERT_EQ(0, svmm_set_state(self->v.vcpu)) {
			TH_LOG("%s", groups[i].name);
		}
		EXPECT_EQ(0, p->dirty);
	}
	for (size_t i = 0; i < NR_GROUPS; i++) {
		memset((char *)p + groups[i].offset, 0x5a, groups[i].bytes);
		vmt_get(&self->v, groups[i].bit);
		EXPECT_TRUE(p->valid & groups[i].bit);
		EXPECT_EQ(0, memcmp((char *)p + groups[i].offset,
				    (char *)&want + groups[i].offset, groups[i].bytes)) {
			TH_LOG("%s", groups[i].name);
			for (size_t b = 0; b < groups[i].bytes; b += 4) {
				uint32_t is, was;

				memcpy(&is, (char *)p + groups[i].offset + b, 4);
				memcpy(&was, (char *)&want + groups[i].offset + b, 4);
				if (is != was)
					TH_LOG("  byte %zu: %#x, not %#x", b, is, was);
			}
		}
	}
}

/* What is not dirty is not loaded; what is not asked for is not published. */
TEST_F(state, masks)
{
	struct svmm_vcpu_page *p = self->p;

	vmt_get(&self->v, SVMM_STATE_ALL);
	p->gpr.rax = 0x77;
	p->cr.cr2 = 0x88000;
	p->dirty = SVMM_STATE_CR;
	ASSERT_EQ(0, svmm_set_state(self->v.vcpu));
	vmt_get(&self->v, SVMM_STATE_GPR | SVMM_STATE_CR);
	EXPECT_EQ(0, p->gpr.rax);
	EXPECT_EQ(0x88000, p->cr.cr2);
	p->gpr.rax = 0x99;
	vmt_get(&self->v, SVMM_STATE_CR);
	EXPECT_EQ(0x99, p->gpr.rax);
}

/* want: published at each exit to user space, without asking. */
TEST_F(state, want)
{
	struct svmm_vcpu_page *p = self->p;

	p->want = SVMM_STATE_GPR | SVMM_STATE_SEG;
	memset(&p->gpr, 0x5a, sizeof(p->gpr));
	memset(&p->seg, 0x5a, sizeof(p->seg));
	memset(&p->dr, 0x5a, sizeof(p->dr));
	EXPECT_EQ(0x600d, vmt_report(&self->v));
	EXPECT_EQ(SVMM_STATE_GPR | SVMM_STATE_SEG,
		  p->valid & (SVMM_STATE_GPR | SVMM_STATE_SEG | SVMM_STATE_DR));
	EXPECT_EQ(0x600d, p->gpr.rax);
	EXPECT_EQ(SEL_CODE64, p->seg.cs.selector);
	EXPECT_EQ(0x5a5a5a5a5a5a5a5a, p->dr.dr6);
}

#define AT(field)	offsetof(struct svmm_vcpu_page, field)

/* One member set to something illegal, in a group that is legal otherwise. */
static const struct {
	const char *what;
	uint32_t group;
	size_t offset, bytes;
	uint64_t value;
} illegal[] = {
	{ "RFLAGS bit 3", SVMM_STATE_GPR, AT(gpr.rflags), 8, 0xa },
	{ "RFLAGS bit 22", SVMM_STATE_GPR, AT(gpr.rflags), 8, 0x400002 },
	{ "RFLAGS bit 63", SVMM_STATE_GPR, AT(gpr.rflags), 8, 1ULL << 63 | 2 },
	{ "CS attribute bit 12", SVMM_STATE_SEG, AT(seg.cs.attrib), 2, 0x1a9b },
	{ "TR attribute bit 15", SVMM_STATE_SEG, AT(seg.tr.attrib), 2, 0x808b },
	{ "FS base not canonical", SVMM_STATE_SEG, AT(seg.fs.base), 8, 1ULL << 63 },
	{ "GS base not canonical", SVMM_STATE_SEG, AT(seg.gs.base), 8, 0x800000000000 },
	{ "TR base not canonical", SVMM_STATE_SEG, AT(seg.tr.base), 8, 0x1000000000000000 },
	{ "GDT with a selector", SVMM_STATE_SEG, AT(seg.gdt.selector), 2, 8 },
	{ "IDT with attributes", SVMM_STATE_SEG, AT(seg.idt.attrib), 2, 1 },
	{ "IDT limit", SVMM_STATE_SEG, AT(seg.idt.limit), 4, 0x10000 },
	{ "CR0 upper half", SVMM_STATE_CR, AT(cr.cr0), 8, 1ULL << 32 | 0x80010031 },
	{ "CR0 PG without PE", SVMM_STATE_CR, AT(cr.cr0), 8, 0x80000010 },
	{ "CR0 NW without CD", SVMM_STATE_CR, AT(cr.cr0), 8, 0xa0010031 },
	{ "CR3 upper half", SVMM_STATE_CR, AT(cr.cr3), 8, 1ULL << 63 },
	{ "CR4 bit 63", SVMM_STATE_CR, AT(cr.cr4), 8, 1ULL << 63 | CR4_PAE },
	{ "CR4 VMXE", SVMM_STATE_CR, AT(cr.cr4), 8, 1 << 13 | CR4_PAE },
	{ "CR4 without PAE in long mode", SVMM_STATE_CR, AT(cr.cr4), 8, 0 },
	{ "CR8", SVMM_STATE_CR, AT(cr.cr8), 8, 16 },
	{ "EFER.SVME", SVMM_STATE_CR, AT(cr.efer), 8, 0x1d01 },
	{ "EFER bit 63", SVMM_STATE_CR, AT(cr.efer), 8, 1ULL << 63 | 0xd01 },
	{ "EFER.LMA without LME", SVMM_STATE_CR, AT(cr.efer), 8, 0xc01 },
	{ "EFER.LME and PG without LMA", SVMM_STATE_CR, AT(cr.efer), 8, 0x901 },
	{ "XCR0 without x87", SVMM_STATE_CR, AT(cr.xcr0), 8, 2 },
	{ "XCR0 bit 63", SVMM_STATE_CR, AT(cr.xcr0), 8, 1ULL << 63 | 1 },
	{ "CR reserved", SVMM_STATE_CR, AT(cr.reserved), 8, 1 },
	{ "DR6 upper half", SVMM_STATE_DR, AT(dr.dr6), 8, 1ULL << 32 },
	{ "DR7 upper half", SVMM_STATE_DR, AT(dr.dr7), 8, 1ULL << 63 },
	{ "LSTAR not canonical", SVMM_STATE_MSR, AT(msr.lstar), 8, 1ULL << 63 },
	{ "CSTAR not canonical", SVMM_STATE_MSR, AT(msr.cstar), 8, 1ULL << 47 },
	{ "KERNEL_GS_BASE not canonical", SVMM_STATE_MSR, AT(msr.kernel_gs_base), 8, 1ULL << 62 },
	{ "PAT type 2", SVMM_STATE_MSR, AT(msr.pat), 8, 2 },
	{ "PAT bits 63:59", SVMM_STATE_MSR, AT(msr.pat), 8, 0x8800000000000000 },
	{ "SPEC_CTRL", SVMM_STATE_MSR, AT(msr.spec_ctrl), 8, 1ULL << 63 },
	{ "MTRR default type", SVMM_STATE_MSR, AT(msr.mtrr_def_type), 8, 2 },
	{ "MTRR fixed", SVMM_STATE_MSR, AT(msr.mtrr_fixed[10]), 8, 3 },
	{ "MTRR mask", SVMM_STATE_MSR, AT(msr.mtrr_var[15]), 8, ~0ULL },
	{ "MSR reserved", SVMM_STATE_MSR, AT(msr.reserved[5]), 8, 1 },
	{ "event flag 8", SVMM_STATE_EVENTS, AT(events.flags), 4, 1 << 8 },
	{ "event flag 31", SVMM_STATE_EVENTS, AT(events.flags), 4, 1U << 31 },
	{ "exception and interrupt", SVMM_STATE_EVENTS, AT(events.flags), 4,
	  SVMM_EVENT_EXCEPTION | SVMM_EVENT_INTR },
	{ "error code without exception", SVMM_STATE_EVENTS, AT(events.flags), 4,
	  SVMM_EVENT_ERROR_CODE },
	{ "payload without exception", SVMM_STATE_EVENTS, AT(events.flags), 4,
	  SVMM_EVENT_PAYLOAD },
	{ "vector 256", SVMM_STATE_EVENTS, AT(events.vector), 4, 256 },
	{ "events reserved", SVMM_STATE_EVENTS, AT(events.reserved), 4, 1 },
	{ "TSC_AUX upper half", SVMM_STATE_TSC, AT(tsc.aux), 8, 1ULL << 32 },
	{ "MP state", SVMM_STATE_MP, AT(mp.state), 4, 3 },
	{ "SIPI vector", SVMM_STATE_MP, AT(mp.sipi_vector), 4, 256 },
	{ "PV reserved", SVMM_STATE_PV, AT(pv.reserved[0]), 8, 1 },
	{ "PV reserved, last", SVMM_STATE_PV, AT(pv.reserved[3]), 8, 1ULL << 63 },
};

TEST_F(state, illegal_values)
{
	struct svmm_vcpu_page before, *p = self->p;

	for (size_t i = 0; i < ARRAY_SIZE(illegal); i++) {
		const struct group *g = NULL;

		vmt_get(&self->v, SVMM_STATE_ALL);
		before = *p;
		for (size_t n = 0; n < NR_GROUPS; n++)
			if (groups[n].bit == illegal[i].group)
				g = &groups[n];
		ASSERT_NE(NULL, g);
		/* the rest of the group is legal, and changed where that is easy */
		if (g->bit == SVMM_STATE_GPR)
			p->gpr.rbx ^= 0x1234;
		if (g->bit == SVMM_STATE_CR)
			p->cr.cr2 ^= 0x1000;
		if (g->bit == SVMM_STATE_MSR)
			p->msr.sysenter_cs ^= 8;
		if (g->bit == SVMM_STATE_SEG)
			p->seg.es.selector ^= 8;
		memcpy((char *)p + illegal[i].offset, &illegal[i].value, illegal[i].bytes);
		p->dirty = g->bit;
		EXPECT_EQ(-EINVAL, svmm_set_state(self->v.vcpu)) {
			TH_LOG("%s", illegal[i].what);
		}
		p->dirty = g->bit;
		EXPECT_EQ(-EINVAL, svmm_run(self->v.vcpu)) {
			TH_LOG("%s", illegal[i].what);
		}
		p->dirty = 0;
		vmt_get(&self->v, g->bit);
		EXPECT_EQ(0, memcmp((char *)&before + g->offset, (char *)p + g->offset,
				    g->bytes)) {
			TH_LOG("%s changed something", illegal[i].what);
		}
	}
	/* after all that, the guest runs from where it was */
	EXPECT_EQ(0x600d, vmt_report(&self->v));
}

/* Exceptions that cannot be: NMI's vector, error codes where there are none. */
TEST_F(state, illegal_events)
{
	static const struct svmm_events bad[] = {
		{ .flags = SVMM_EVENT_EXCEPTION, .vector = V_NMI },
		{ .flags = SVMM_EVENT_EXCEPTION, .vector = 32 },
		{ .flags = SVMM_EVENT_EXCEPTION, .vector = V_GP },
		{ .flags = SVMM_EVENT_EXCEPTION, .vector = V_PF },
		{ .flags = SVMM_EVENT_EXCEPTION | SVMM_EVENT_ERROR_CODE, .vector = V_UD },
		{ .flags = SVMM_EVENT_EXCEPTION | SVMM_EVENT_ERROR_CODE, .vector = V_DB },
		{ .flags = SVMM_EVENT_INTR | SVMM_EVENT_ERROR_CODE, .vector = 0x30 },
		{ .flags = SVMM_EVENT_INTR | SVMM_EVENT_PAYLOAD, .vector = 0x30 },
	};
	struct svmm_vcpu_page *p = self->p;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		p->events = bad[i];
		p->dirty = SVMM_STATE_EVENTS;
		EXPECT_EQ(-EINVAL, svmm_set_state(self->v.vcpu)) {
			TH_LOG("event %zu", i);
		}
	}
	p->dirty = 0;
	vmt_get(&self->v, SVMM_STATE_EVENTS);
	EXPECT_EQ(0, p->events.flags);
}

TEST_F(state, lapic)
{
	struct svmm_lapic *l = self->v.lapic;
	struct svmm_lapic before;

	vmt_get(&self->v, SVMM_STATE_LAPIC);
	EXPECT_EQ(0xfee00900, l->apic_base);
	EXPECT_EQ(0xff, l->regs[0xf]);			/* SVR: software-disabled */
	EXPECT_EQ(0x10000, l->regs[0x32]);
	l->regs[0xf] = 0x1ff;
	l->regs[0x8] = 0x20;
	l->regs[0x32] = 0x20044;			/* LVT timer: periodic */
	l->regs[0x35] = 0x700;				/* LINT0: ExtINT */
	l->regs[0x38] = 0x123456;
	l->regs[0x3e] = 0xb;
	l->regs[0x20 + 2] = 1 << 5;			/* IRR: 45h */
	l->regs[0x10 + 3] = 1 << 1;			/* ISR: 61h */
	self->p->dirty = SVMM_STATE_LAPIC;
	ASSERT_EQ(0, svmm_set_state(self->v.vcpu));
	before = *l;
	memset(l, 0x5a, sizeof(*l));
	vmt_get(&self->v, SVMM_STATE_LAPIC);
	EXPECT_EQ(before.apic_base, l->apic_base);
	EXPECT_EQ(0x1ff, l->regs[0xf]);
	EXPECT_EQ(0x20, l->regs[0x8]);
	EXPECT_EQ(0x20044, l->regs[0x32]);
	EXPECT_EQ(0x700, l->regs[0x35]);
	EXPECT_EQ(0x123456, l->regs[0x38]);
	EXPECT_EQ(0xb, l->regs[0x3e]);
	EXPECT_TRUE(l->regs[0x20 + 2] & 1 << 5);
	EXPECT_EQ(1 << 1, l->regs[0x10 + 3]);
	EXPECT_EQ(0x60, l->regs[0xa]);			/* PPR follows */
	/* CR8 is TPR's upper half */
	vmt_get(&self->v, SVMM_STATE_CR);
	EXPECT_EQ(2, self->p->cr.cr8);

	/* an APIC base beyond the address width, EXTD without EN, reserved bits */
	l->apic_base = 1ULL << 60 | 0x900;
	self->p->dirty = SVMM_STATE_LAPIC;
	EXPECT_EQ(-EINVAL, svmm_set_state(self->v.vcpu));
	l->apic_base = 0xfee00500;
	EXPECT_EQ(-EINVAL, svmm_set_state(self->v.vcpu));
	l->apic_base = 0xfee00901;
	EXPECT_EQ(-EINVAL, svmm_set_state(self->v.vcpu));
	self->p->dirty = 0;
	vmt_get(&self->v, SVMM_STATE_LAPIC);
	EXPECT_EQ(0xfee00900, l->apic_base);
}

TEST_F(state, xsave)
{
	uint8_t *x = self->v.xsave;
	uint32_t n = self->v.caps.xsave_bytes;
	uint32_t mxcsr = 0x1f80;

	vmt_get(&self->v, SVMM_STATE_XSAVE);
	for (unsigned int i = 0; i < 256; i++)
		x[160 + i] = i;				/* XMM0 to XMM15 */
	memcpy(x + 24, &mxcsr, 4);
	if (self->v.caps.xcr0)
		x[512] |= 3;
	self->p->dirty = SVMM_STATE_XSAVE;
	ASSERT_EQ(0, svmm_set_state(self->v.vcpu));
	memset(x, 0x5a, n);
	vmt_get(&self->v, SVMM_STATE_XSAVE);
	for (unsigned int i = 0; i < 256; i++)
		ASSERT_EQ(i, x[160 + i]);
	/* through the FPU and back */
	EXPECT_EQ(0x600d, vmt_report(&self->v));
	memset(x, 0x5a, n);
	vmt_get(&self->v, SVMM_STATE_XSAVE);
	for (unsigned int i = 0; i < 256; i++)
		ASSERT_EQ(i, x[160 + i]);

	/* what XRSTOR would fault on */
	mxcsr = 0xffffffff;
	memcpy(x + 24, &mxcsr, 4);
	self->p->dirty = SVMM_STATE_XSAVE;
	EXPECT_EQ(-EINVAL, svmm_set_state(self->v.vcpu));
	if (self->v.caps.xcr0) {
		vmt_get(&self->v, SVMM_STATE_XSAVE);
		x[512 + 7] = 0x80;			/* XSTATE_BV bit 63 */
		self->p->dirty = SVMM_STATE_XSAVE;
		EXPECT_EQ(-EINVAL, svmm_set_state(self->v.vcpu));
		vmt_get(&self->v, SVMM_STATE_XSAVE);
		x[512 + 15] = 0x80;			/* compacted */
		self->p->dirty = SVMM_STATE_XSAVE;
		EXPECT_EQ(-EINVAL, svmm_set_state(self->v.vcpu));
		vmt_get(&self->v, SVMM_STATE_XSAVE);
		x[512 + 40] = 1;			/* reserved */
		self->p->dirty = SVMM_STATE_XSAVE;
		EXPECT_EQ(-EINVAL, svmm_set_state(self->v.vcpu));
	}
	self->p->dirty = 0;
}

/* -EINTR comes after the completion of what was pending, and state is right then. */
TEST_F(state, immediate_exit_completes)
{
	struct vmt *v = &self->v;
	uint64_t rip;

	EXPECT_EQ(0x600d, vmt_report(v));
	vmt_get(v, SVMM_STATE_GPR);
	rip = self->p->gpr.rip;
	self->p->immediate_exit = 1;
	EXPECT_EQ(-EINTR, svmm_run(v->vcpu));
	EXPECT_EQ(SVMM_EXIT_INTR, self->p->exit.reason);
	EXPECT_EQ(-EINTR, svmm_run(v->vcpu));
	vmt_get(v, SVMM_STATE_GPR);
	EXPECT_LE(rip, self->p->gpr.rip);
	self->p->immediate_exit = 0;
	vmt_done(v);
}

TEST_HARNESS_MAIN
