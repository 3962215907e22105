// SPDX-License-Identifier: GPL-2.0
/*
 * What reaches a guest from outside: NMIs and their mask, interrupts and the
 * shadow, priorities, the 8259's vectors, level-triggered interrupts, and
 * exceptions that user space injects.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vmtest.h"

#define MSI_ADDRESS	0xfee00000
#define MSI_LEVEL	0xc000

FIXTURE(events) {
	struct vmt v;
};

static void quiet_io(struct vmt *v, struct vmt_io *io)
{
	if (io->in)
		memset(io->data, 0, io->bytes * io->count);
}

static void quiet_mmio(struct vmt *v, struct vmt_mmio *m)
{
	if (!m->write)
		memset(m->data, 0, m->bytes);
}

FIXTURE_SETUP(events)
{
	vmt_open(&self->v);
	vmt_load(&self->v, "events");
	self->v.on_io = quiet_io;
	self->v.on_mmio = quiet_mmio;
}

FIXTURE_TEARDOWN(events)
{
	vmt_close(&self->v);
}

static void msi(struct vmt *v, uint32_t vector)
{
	int ret = svmm_signal_msi(v->vm, MSI_ADDRESS, vector);

	if (ret != 1)
		vmt_die(v, "SIGNAL_MSI: %d", ret);
}

/* A second NMI, and a third, wait for the handler's IRET; together they are one. */
TEST_F(events, nmi_masked_until_iret)
{
	struct vmt *v = &self->v;

	vmt_start(v, "nmi");
	EXPECT_EQ(1, vmt_report(v));
	ASSERT_EQ(0, svmm_nmi(v->vcpu));
	EXPECT_EQ(0x10, vmt_report(v));
	vmt_get(v, SVMM_STATE_EVENTS);
	EXPECT_TRUE(v->page->events.flags & SVMM_EVENT_NMI_MASKED);
	ASSERT_EQ(0, svmm_nmi(v->vcpu));
	ASSERT_EQ(0, svmm_nmi(v->vcpu));
	EXPECT_EQ(1, vmt_report(v));
	vmt_get(v, SVMM_STATE_EVENTS);
	EXPECT_TRUE(v->page->events.flags & SVMM_EVENT_NMI_PENDING);
	EXPECT_EQ(0x10, vmt_report(v));
	EXPECT_EQ(2, vmt_report(v));
	EXPECT_EQ(2, vmt_report(v));
	EXPECT_EQ(2, vmt_report(v));
	vmt_done(v);
	vmt_get(v, SVMM_STATE_EVENTS);
	EXPECT_EQ(0, v->page->events.flags);
}

/* The mask that user space sets holds an NMI back; taking it away lets it in. */
TEST_F(events, nmi_mask_from_user_space)
{
	struct vmt *v = &self->v;

	vmt_start(v, "nmi");
	EXPECT_EQ(1, vmt_report(v));
	vmt_get(v, SVMM_STATE_EVENTS);
	v->page->events.flags = SVMM_EVENT_NMI_MASKED | SVMM_EVENT_NMI_PENDING;
	v->page->dirty |= SVMM_STATE_EVENTS;
	EXPECT_EQ(0, vmt_report(v));
	vmt_get(v, SVMM_STATE_EVENTS);
	EXPECT_EQ(SVMM_EVENT_NMI_MASKED | SVMM_EVENT_NMI_PENDING, v->page->events.flags);
	v->page->events.flags = SVMM_EVENT_NMI_PENDING;
	v->page->dirty |= SVMM_STATE_EVENTS;
	EXPECT_EQ(0x10, vmt_report(v));
	EXPECT_EQ(1, vmt_report(v));
	EXPECT_EQ(1, vmt_report(v));
	vmt_done(v);
}

static void *nmi_later(void *arg)
{
	struct vmt *v = arg;

	usleep(50000);
	return (void *)(long)svmm_nmi(v->vcpu);
}

TEST_F(events, nmi_wakes_from_hlt)
{
	struct vmt *v = &self->v;

	vmt_start(v, "nmi_hlt");
	for (uint32_t i = 1; i < 4; i++) {
		pthread_t t;
		void *ret;

		EXPECT_EQ(1, vmt_report(v));
		ASSERT_EQ(0, pthread_create(&t, NULL, nmi_later, v));
		EXPECT_EQ(i, vmt_report(v));
		pthread_join(t, &ret);
		EXPECT_EQ(NULL, ret);
	}
}

/* Bytes behind the STI that an interrupt comes: after one instruction, never before. */
TEST_F(events, sti_shadow)
{
	static const char * const what[] = { "NOP", "INC", "CPUID", "OUT", "IN", "MMIO", "HLT" };
	struct vmt *v = &self->v;

	vmt_start(v, "shadow");
	for (uint32_t i = 0; i < 7; i++) {
		EXPECT_EQ(1, vmt_report(v));
		msi(v, 0x60);
		EXPECT_EQ(0, vmt_report(v)) {
			TH_LOG("STI before %s", what[i]);
		}
		EXPECT_EQ(i + 1, vmt_count(v, 0x60));
	}
	EXPECT_EQ(1, vmt_report(v));
	msi(v, 0x60);
	EXPECT_EQ(7, vmt_report(v));		/* STI, CLI */
	EXPECT_EQ(0, vmt_report(v));		/* POPF */
	EXPECT_EQ(8, vmt_count(v, 0x60));
	vmt_done(v);
}

/* A shadow that user space sets covers one instruction. */
TEST_F(events, shadow_from_user_space)
{
	struct vmt *v = &self->v;

	for (int shadow = 0; shadow <= 1; shadow++) {
		vmt_start(v, "shadow_ss");
		EXPECT_EQ(1, vmt_report(v));
		vmt_get(v, SVMM_STATE_EVENTS | SVMM_STATE_GPR);
		v->page->gpr.rflags |= RFLAGS_IF;
		v->page->events.flags = shadow ? SVMM_EVENT_SHADOW : 0;
		v->page->dirty |= SVMM_STATE_EVENTS | SVMM_STATE_GPR;
		msi(v, 0x60);
		/* RIP is behind the OUT: the NOP is the one instruction */
		EXPECT_EQ(shadow, vmt_report(v));
		vmt_done(v);
	}
}

/* APM vol. 2, 8.5: by class and then by vector; CR8 and TPR are one register. */
TEST_F(events, task_priority)
{
	struct vmt *v = &self->v;

	vmt_start(v, "priority");
	EXPECT_EQ(1, vmt_report(v));
	msi(v, 0x51);
	EXPECT_EQ(0, vmt_report(v));
	EXPECT_EQ(0x50, vmt_report(v));
	EXPECT_EQ(2, vmt_report(v));
	msi(v, 0x61);
	EXPECT_EQ(1, vmt_report(v));
	EXPECT_EQ(1, vmt_report(v));
	EXPECT_EQ(3, vmt_report(v));
	vmt_done(v);
}

TEST_F(events, nested_interrupts)
{
	struct vmt *v = &self->v;

	vmt_start(v, "nested");
	EXPECT_EQ(1, vmt_report(v));
	msi(v, 0x61);
	EXPECT_EQ(2, vmt_report(v));
	msi(v, 0x51);
	msi(v, 0x71);
	EXPECT_EQ(0, vmt_report(v));
	EXPECT_EQ(1, vmt_report(v));
	EXPECT_EQ(1, vmt_report(v));
	vmt_done(v);
}

static const struct {
	uint32_t flags, vector, error_code;
	uint64_t payload;
} injected[] = {
	{ SVMM_EVENT_EXCEPTION, V_UD, 0, 0 },
	{ SVMM_EVENT_EXCEPTION, V_DE, 0, 0 },
	{ SVMM_EVENT_EXCEPTION, V_NM, 0, 0 },
	{ SVMM_EVENT_EXCEPTION | SVMM_EVENT_ERROR_CODE, V_GP, 0x1234, 0 },
	{ SVMM_EVENT_EXCEPTION | SVMM_EVENT_ERROR_CODE, V_SS, 0xfff8, 0 },
	{ SVMM_EVENT_EXCEPTION | SVMM_EVENT_ERROR_CODE, V_NP, 0x50, 0 },
	{ SVMM_EVENT_EXCEPTION | SVMM_EVENT_ERROR_CODE, V_AC, 0, 0 },
	{ SVMM_EVENT_EXCEPTION | SVMM_EVENT_ERROR_CODE | SVMM_EVENT_PAYLOAD, V_PF, 6,
	  0xffff812345678000 },
	{ SVMM_EVENT_EXCEPTION | SVMM_EVENT_PAYLOAD, V_DB, 0, 0xffff4ff1 },
};

TEST_F(events, injected_exceptions)
{
	struct vmt *v = &self->v;

	vmt_start(v, "inject");
	for (size_t i = 0; i < ARRAY_SIZE(injected); i++) {
		struct svmm_events *e = &v->page->events;

		EXPECT_EQ(1, vmt_report(v));
		memset(e, 0, sizeof(*e));
		e->flags = injected[i].flags;
		e->vector = injected[i].vector;
		e->error_code = injected[i].error_code;
		e->payload = injected[i].payload;
		v->page->dirty |= SVMM_STATE_EVENTS;
		EXPECT_EQ(injected[i].vector, vmt_report(v));
		if (e->flags & SVMM_EVENT_ERROR_CODE)
			EXPECT_EQ(injected[i].error_code, *vmt_u32(v, G_ERROR));
		if (injected[i].vector == V_PF)
			EXPECT_EQ(injected[i].payload, *vmt_u64(v, G_CR2));
		if (injected[i].vector == V_DB)
			EXPECT_EQ(injected[i].payload, vmt_res(v, 0));
		EXPECT_EQ(1, vmt_count(v, injected[i].vector));
	}
	/* and none without a reason */
	EXPECT_EQ(1, vmt_report(v));
	EXPECT_EQ(NO_FAULT, vmt_report(v));
}

/* What is pending can be read back before it is delivered. */
TEST_F(events, injected_exception_reads_back)
{
	struct vmt *v = &self->v;
	struct svmm_events *e = &v->page->events;

	vmt_start(v, "inject");
	EXPECT_EQ(1, vmt_report(v));
	v->page->immediate_exit = 1;
	EXPECT_EQ(-EINTR, svmm_run(v->vcpu));
	memset(e, 0, sizeof(*e));
	e->flags = SVMM_EVENT_EXCEPTION | SVMM_EVENT_ERROR_CODE;
	e->vector = V_GP;
	e->error_code = 0x18;
	v->page->dirty |= SVMM_STATE_EVENTS;
	ASSERT_EQ(0, svmm_set_state(v->vcpu));
	memset(e, 0x55, sizeof(*e));
	vmt_get(v, SVMM_STATE_EVENTS);
	EXPECT_EQ(SVMM_EVENT_EXCEPTION | SVMM_EVENT_ERROR_CODE, e->flags);
	EXPECT_EQ(V_GP, e->vector);
	EXPECT_EQ(0x18, e->error_code);
	v->page->immediate_exit = 0;
	EXPECT_EQ(V_GP, vmt_report(v));
	EXPECT_EQ(0x18, *vmt_u32(v, G_ERROR));
}

/* An interrupt that another VMM had in delivery: it comes, whatever the APIC says. */
TEST_F(events, injected_interrupt)
{
	struct vmt *v = &self->v;
	struct svmm_events *e = &v->page->events;

	vmt_start(v, "inject_int");
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(1, vmt_report(v));
		memset(e, 0, sizeof(*e));
		e->flags = SVMM_EVENT_INTR;
		e->vector = 0x90 + i;
		v->page->dirty |= SVMM_STATE_EVENTS;
		EXPECT_EQ(2, vmt_report(v));
		EXPECT_EQ(1, vmt_count(v, 0x90 + i));
	}
}

TEST_F(events, double_fault)
{
	struct vmt *v = &self->v;

	vmt_start(v, "double_fault");
	EXPECT_EQ(V_UD, vmt_report(v));
	EXPECT_EQ(V_DF, vmt_report(v));
	EXPECT_EQ(0, vmt_report(v));
	vmt_done(v);
}

/* SVMM_EXIT_EXTINT asks for a vector exactly when the guest can take one. */
static void expect_extint(struct __test_metadata *_metadata, struct vmt *v, int vector)
{
	ASSERT_EQ(SVMM_EXIT_EXTINT, vmt_run(v));
	v->page->exit.extint.vector = vector;
	ASSERT_EQ(0, svmm_set_extint(v->vcpu, 0));
}

TEST_F(events, extint)
{
	struct vmt *v = &self->v;

	vmt_start(v, "extint");
	EXPECT_EQ(1, vmt_report(v));
	ASSERT_EQ(0, svmm_set_extint(v->vcpu, 1));
	EXPECT_EQ(0, vmt_report(v));		/* LVT LINT0 is masked */
	expect_extint(_metadata, v, 0x40);
	EXPECT_EQ(1, vmt_report(v));
	EXPECT_EQ(2, vmt_report(v));
	EXPECT_EQ(3, vmt_report(v));
	ASSERT_EQ(0, svmm_set_extint(v->vcpu, 1));
	EXPECT_EQ(1, vmt_report(v));		/* IF = 0 */
	expect_extint(_metadata, v, 0x40);
	EXPECT_EQ(2, vmt_report(v));
	EXPECT_EQ(4, vmt_report(v));
	ASSERT_EQ(0, svmm_set_extint(v->vcpu, 1));
	expect_extint(_metadata, v, 0x40);
	EXPECT_EQ(3, vmt_report(v));
	vmt_done(v);
}

/* A vector that the 8259 gave up, and that the guest has not taken yet, is part of the state. */
TEST_F(events, extint_saved)
{
	struct vmt *v = &self->v;

	vmt_start(v, "extint");
	EXPECT_EQ(1, vmt_report(v));
	ASSERT_EQ(0, svmm_set_extint(v->vcpu, 1));
	EXPECT_EQ(0, vmt_report(v));
	expect_extint(_metadata, v, 0x40);
	v->page->immediate_exit = 1;
	EXPECT_EQ(-EINTR, svmm_run(v->vcpu));
	v->page->immediate_exit = 0;
	vmt_get(v, SVMM_STATE_EVENTS);
	EXPECT_EQ(SVMM_EVENT_INTR, v->page->events.flags);
	EXPECT_EQ(0x40, v->page->events.vector);

	v->page->dirty = SVMM_STATE_EVENTS;
	EXPECT_EQ(1, vmt_report(v));		/* once */
	EXPECT_EQ(2, vmt_report(v));
}

/* The 8259 may have nothing after all: -1, and the guest sees nothing. */
TEST_F(events, extint_spurious)
{
	struct vmt *v = &self->v;

	vmt_start(v, "extint");
	EXPECT_EQ(1, vmt_report(v));
	ASSERT_EQ(0, svmm_set_extint(v->vcpu, 1));
	EXPECT_EQ(0, vmt_report(v));
	expect_extint(_metadata, v, -1);
	EXPECT_EQ(0, vmt_report(v));
	EXPECT_EQ(2, vmt_report(v));
	/* Nonsense is refused, or nothing; never a vector above 255. */
	ASSERT_EQ(0, svmm_set_extint(v->vcpu, 1));
	ASSERT_EQ(SVMM_EXIT_EXTINT, vmt_run(v));
	v->page->exit.extint.vector = 0x1234;
	ASSERT_EQ(0, svmm_set_extint(v->vcpu, 0));
	svmm_run(v->vcpu);
	EXPECT_EQ(0, vmt_count(v, 0x34));
}

TEST_F(events, level_triggered_eoi)
{
	struct vmt *v = &self->v;

	vmt_start(v, "level");
	EXPECT_EQ(1, vmt_report(v));
	ASSERT_EQ(1, svmm_signal_msi(v->vm, MSI_ADDRESS, MSI_LEVEL | 0x70));
	EXPECT_EQ(1 << 16, vmt_report(v));	/* TMR */
	EXPECT_EQ(1 << 16, vmt_report(v));	/* ISR */
	ASSERT_EQ(SVMM_EXIT_EOI, vmt_run(v));
	EXPECT_EQ(0x70, v->page->exit.eoi.vector);
	EXPECT_EQ(0, vmt_report(v));		/* ISR */
	EXPECT_EQ(2, vmt_report(v));
	vmt_done(v);
	EXPECT_EQ(1, vmt_count(v, 0x70));

	/* An edge of the same vector clears TMR, and its EOI is nobody's business. */
	vmt_start(v, "level");
	EXPECT_EQ(1, vmt_report(v));
	msi(v, 0x70);
	EXPECT_EQ(0, vmt_report(v));
	EXPECT_EQ(1 << 16, vmt_report(v));
	EXPECT_EQ(0, vmt_report(v));
	EXPECT_EQ(2, vmt_report(v));
	vmt_done(v);
}

static void messages(struct __test_metadata *_metadata, struct vmt *v)
{
	/* nobody there, reserved modes, not a message address */
	EXPECT_EQ(0, svmm_signal_msi(v->vm, MSI_ADDRESS | 0x7f << 12, 0x60));
	EXPECT_EQ(1, svmm_signal_msi(v->vm, MSI_ADDRESS | 0xff << 12, 0x60));
	EXPECT_EQ(-EINVAL, svmm_signal_msi(v->vm, MSI_ADDRESS, 0x360));
	EXPECT_EQ(-EINVAL, svmm_signal_msi(v->vm, 0xfec00000, 0x60));
	EXPECT_EQ(-EINVAL, svmm_signal_msi(v->vm, 0, 0x60));
}

TEST_F(events, messages)
{
	struct vmt *v = &self->v;

	vmt_start(v, "shadow");
	EXPECT_EQ(1, vmt_report(v));	/* the APIC is on now */
	messages(_metadata, v);
}

TEST_HARNESS_MAIN
