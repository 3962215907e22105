// SPDX-License-Identifier: GPL-2.0
/*
 * Messages between four vCPUs that run at once, halted or busy: every delivery mode, destination
 * format and shorthand, in xAPIC and x2APIC mode; INIT and SIPI to processors that run.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 * hosts: epyc-6.1 opteron-6.12
 * timeout: 180
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vmtest.h"

#define NR		4
#define ROUNDS(i)	(G_FREE + 0xa000 + 8 * (i))
#define MARK		0x4300

/* ICR */
#define LOGICAL		0x800
#define SELF		0x40000
#define ALL		0x80000
#define OTHERS		0xc0000
#define ASSERT		0x4000
#define LOWEST		0x100
#define SMI		0x200
#define NMI		0x400
#define INIT		0x500
#define SIPI		0x600
#define EXTINT		0x700

enum format { FLAT, CLUSTER, X2 };

struct cpu {
	struct vmt v;
	pthread_t thread;
	volatile bool stop;
	volatile int ret;	/* what RUN gave, but for -EINTR */
	bool running;
};

static void wake(int sig)
{
}

static void *run(void *arg)
{
	struct cpu *c = arg;
	int ret;

	do
		ret = svmm_run(c->v.vcpu);
	while (ret == -EINTR && !c->stop);
	c->ret = ret;
	return NULL;
}

static void go(struct cpu *c)
{
	struct sigaction sa = { .sa_handler = wake };

	sigaction(SIGUSR1, &sa, NULL);
	c->stop = false;
	c->v.page->immediate_exit = 0;
	c->running = !pthread_create(&c->thread, NULL, run, c);
}

static void halt(struct cpu *c)
{
	if (!c->running)
		return;
	c->stop = true;
	c->v.page->immediate_exit = 1;
	while (pthread_tryjoin_np(c->thread, NULL)) {
		pthread_kill(c->thread, SIGUSR1);
		usleep(1000);
	}
	c->v.page->immediate_exit = 0;
	c->running = false;
}

/* @index is the vCPU's number; its stack is a page of its own. */
static void place(struct cpu *c, unsigned int index, const char *entry, enum format format)
{
	static const uint32_t cluster[NR] = { 0x11, 0x12, 0x21, 0x22 };
	struct svmm_gprs *gpr = &c->v.page->gpr;

	vmt_start(&c->v, entry);
	gpr->r15 = index;
	gpr->r14 = format == X2 ? EOI_X2APIC : EOI_XAPIC;
	gpr->r13 = (format == FLAT ? 1U << index : cluster[index]) << 24;
	gpr->r12 = format == FLAT ? 0xffffffff : 0x0fffffff;
	gpr->rsp = G_FREE + 0x10000 + 0x1000 * index;
	c->v.page->mp.state = SVMM_MP_RUNNABLE;
	c->v.page->dirty |= SVMM_STATE_MP;
}

static void make(struct cpu *c)
{
	vmt_open(&c[0].v);
	vmt_load(&c[0].v, "smp");
	for (unsigned int i = 1; i < NR; i++)
		vmt_open_vcpu(&c[i].v, &c[0].v, i);
}

static void drop(struct cpu *c)
{
	for (unsigned int i = 0; i < NR; i++)
		halt(&c[i]);
	for (unsigned int i = 1; i < NR; i++) {
		munmap(c[i].v.page, c[i].v.caps.vcpu_mmap_bytes);
		close(c[i].v.vcpu);
	}
	vmt_close(&c[0].v);
}

static uint32_t count(struct cpu *c, unsigned int i, unsigned int vector)
{
	return *vmt_u32(&c->v, G_FREE + 0x400 * i + 4 * vector);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

#define WAIT_FOR(condition) ({						\
	int64_t until_ = now_ms() + 5000;				\
	while (!(condition) && now_ms() < until_)			\
		usleep(200);						\
	!!(condition);							\
})

static void send(struct cpu *boss, uint32_t icr, uint32_t dest)
{
	vmt_call(&boss->v, icr, dest, 0);
}

/* All are past their start: LDR, handlers, STI. */
static bool all_wait(struct cpu *c)
{
	for (unsigned int i = 1; i < NR; i++)
		if (!WAIT_FOR(*vmt_u64(&c->v, ROUNDS(i))))
			return false;
	return true;
}

/* A vCPU does not answer: why? */
static void lost(struct cpu *c)
{
	fprintf(stderr, "# vCPU %lld: RUN gave %d\n", (long long)c->v.page->gpr.r15, c->ret);
	halt(c);
	vmt_dump(&c->v);
	vmt_get(&c->v, SVMM_STATE_LAPIC);
	fprintf(stderr, "# events %#x IRR %#x ISR %#x TPR %#x\n", c->v.page->events.flags,
		c->v.lapic->regs[0x22], c->v.lapic->regs[0x12], c->v.lapic->regs[8]);
}

struct message {
	uint32_t icr, dest;
	unsigned int who;	/* bit per vCPU */
};

/* Broadcasts to all modes; those with destinations stand for xAPIC. */
static const struct message common[] = {
	{ ASSERT | SELF, 0, 1 }, { ASSERT | ALL, 0, 0xf }, { ASSERT | OTHERS, 0, 0xe },
	{ ASSERT, 0, 1 }, { ASSERT, 1, 2 }, { ASSERT, 2, 4 }, { ASSERT, 3, 8 },
	{ ASSERT, 4, 0 }, { ASSERT, 0x40, 0 },
	{ 0, 2, 4 },				/* de-assert means nothing to a fixed IPI */
	{ 0x8000 | ASSERT, 3, 8 },		/* nor does level-triggered */
	{ ASSERT | NMI, 1, 2 }, { ASSERT | NMI, 0, 1 }, { ASSERT | NMI | OTHERS, 0, 0xe },
	{ ASSERT | NMI | SELF, 0, 0 }, { ASSERT | NMI | ALL, 0, 0 },
	{ ASSERT | SMI, 1, 0 }, { ASSERT | 0x300, 1, 0 }, { ASSERT | EXTINT, 1, 0 },
	{ 0x8000 | INIT, 1, 0 },		/* INIT de-assert */
	{ ASSERT | SIPI | OTHERS, 0, 0 },	/* all of them run: ignored */
	{ ASSERT | SIPI, 1, 0 },
};

static const struct message broadcast_x[] = {
	{ ASSERT, 0xff, 0xf }, { ASSERT | LOGICAL, 0xff, 0xf }, { ASSERT | NMI, 0xff, 0xf },
};

static const struct message flat[] = {
	{ ASSERT | LOGICAL, 1, 1 }, { ASSERT | LOGICAL, 0xa, 0xa }, { ASSERT | LOGICAL, 0xf0, 0 },
	{ ASSERT | LOGICAL | NMI, 6, 6 },
};

static const struct message cluster[] = {
	{ ASSERT | LOGICAL, 0x11, 1 }, { ASSERT | LOGICAL, 0x13, 3 },
	{ ASSERT | LOGICAL, 0x2f, 0xc }, { ASSERT | LOGICAL, 0x31, 0 },
	{ ASSERT | LOGICAL, 0xf2, 0xa }, { ASSERT | LOGICAL | NMI, 0x23, 0xc },
};

static const struct message x2[] = {
	{ ASSERT, 0xffffffff, 0xf }, { ASSERT, 0xff, 0 }, { ASSERT | LOGICAL, 1, 1 },
	{ ASSERT | LOGICAL, 0xc, 0xc }, { ASSERT | LOGICAL, 0x10001, 0 },
	{ ASSERT | LOGICAL | NMI, 0xa, 0xa }, { ASSERT | NMI, 0xffffffff, 0xf },
	{ ASSERT | 1 << 12, 2, 4 },		/* the delivery status is read-only, not reserved */
};

static void check(struct __test_metadata *_metadata, struct cpu *c, const struct message *m,
		  size_t n)
{
	for (size_t k = 0; k < n; k++) {
		bool nmi = (m[k].icr & 0x700) == NMI;
		unsigned int vector = nmi ? V_NMI : 0x41 + k % 8;
		uint32_t was[NR];
		unsigned int got = 0;

		for (unsigned int i = 0; i < NR; i++)
			was[i] = count(c, i, vector);
		send(c, m[k].icr | (nmi ? 0 : vector), m[k].dest);
		for (unsigned int i = 0; i < NR; i++)
			if (m[k].who & 1 << i)
				WAIT_FOR(count(c, i, vector) != was[i]);
		/* what is too much takes no longer than the other way round */
		usleep(2000);
		for (unsigned int i = 0; i < NR; i++)
			if (count(c, i, vector) != was[i])
				got |= (count(c, i, vector) == was[i] + 1 ? 1 : 0x10) << i;
		EXPECT_EQ(m[k].who, got) {
			TH_LOG("ICR %#x to %#x", m[k].icr | (nmi ? 0 : vector), m[k].dest);
		}
	}
}

/* Equal priorities: one each time, and everyone's turn comes. */
static void check_lowest(struct __test_metadata *_metadata, struct cpu *c, uint32_t dest)
{
	unsigned int seen = 0, sum = 0;

	for (int k = 0; k < 16; k++) {
		send(c, ASSERT | LOGICAL | LOWEST | 0x50, dest);
		for (int64_t until = now_ms() + 5000; now_ms() < until; usleep(200)) {
			sum = 0;
			for (unsigned int i = 0; i < NR; i++)
				sum += count(c, i, 0x50);
			if (sum == k + 1U)
				break;
		}
		EXPECT_EQ(k + 1, sum);
	}
	for (unsigned int i = 0; i < NR; i++)
		seen |= !!count(c, i, 0x50) << i;
	EXPECT_EQ(0xf, seen);
}

FIXTURE(ipi) {
	struct cpu c[NR];
};

FIXTURE_VARIANT(ipi) {
	enum format format;
	const char *entry;
};

FIXTURE_VARIANT_ADD(ipi, flat_halted) { .format = FLAT, .entry = "wait_halted" };
FIXTURE_VARIANT_ADD(ipi, flat_busy) { .format = FLAT, .entry = "wait_busy" };
FIXTURE_VARIANT_ADD(ipi, cluster_halted) { .format = CLUSTER, .entry = "wait_halted" };
FIXTURE_VARIANT_ADD(ipi, x2apic_halted) { .format = X2, .entry = "wait_halted" };
FIXTURE_VARIANT_ADD(ipi, x2apic_busy) { .format = X2, .entry = "wait_busy" };

FIXTURE_SETUP(ipi)
{
	memset(self, 0, sizeof(*self));
	make(self->c);
	place(&self->c[0], 0, "send", variant->format);
	for (unsigned int i = 1; i < NR; i++)
		place(&self->c[i], i, variant->entry, variant->format);
	for (unsigned int i = 1; i < NR; i++)
		go(&self->c[i]);
	vmt_report(&self->c[0].v);
	ASSERT_TRUE(all_wait(self->c));
}

FIXTURE_TEARDOWN(ipi)
{
	drop(self->c);
}

#define CHECK(list) check(_metadata, self->c, list, ARRAY_SIZE(list))

TEST_F(ipi, messages)
{
	CHECK(common);
	switch (variant->format) {
	case FLAT:
		CHECK(broadcast_x);
		CHECK(flat);
		break;
	case CLUSTER:
		CHECK(broadcast_x);
		CHECK(cluster);
		break;
	case X2:
		CHECK(x2);
		break;
	}
	check_lowest(_metadata, self->c, variant->format == X2 ? 0xf : 0xff);
}

/* In a storm no interrupt is lost: the last one of each vector arrives, and none is made up. */
TEST_F(ipi, storm)
{
	const unsigned int n = 300;

	for (unsigned int k = 0; k < n; k++)
		send(self->c, ASSERT | OTHERS | (k & 1 ? NMI : 0x48), 0);
	for (unsigned int i = 1; i < NR; i++) {
		uint32_t fixed, nmi;

		send(self->c, ASSERT | 0x49, i);
		EXPECT_TRUE(WAIT_FOR(count(self->c, i, 0x49) == 1)) {
			lost(&self->c[i]);
		}
		fixed = count(self->c, i, 0x48);
		nmi = count(self->c, i, V_NMI);
		EXPECT_LE(1, fixed);
		EXPECT_GE(n / 2, fixed);
		EXPECT_LE(1, nmi);
		EXPECT_GE(n / 2, nmi);
		send(self->c, ASSERT | NMI, i);
		EXPECT_TRUE(WAIT_FOR(count(self->c, i, V_NMI) == nmi + 1));
	}
}

/* One after the other, each answered: all arrive. */
TEST_F(ipi, one_by_one)
{
	int64_t until = now_ms() + 8000;	/* busy vCPUs share two CPUs with us */

	for (uint32_t k = 1; k <= 200 && now_ms() < until; k++) {
		send(self->c, ASSERT | OTHERS | 0x48, 0);
		for (unsigned int i = 1; i < NR; i++)
			ASSERT_TRUE(WAIT_FOR(count(self->c, i, 0x48) == k));
	}
}

/*
 * INIT and SIPI
 */

static const uint8_t real_mode[] = {
	0x31, 0xc0, 0x8e, 0xd8,			/* ds = 0 */
	0x66, 0xff, 0x06, MARK & 0xff, MARK >> 8,	/* incl MARK */
	0xf4, 0xeb, 0xfd,			/* hlt, for ever */
};

static void check_reset(struct __test_metadata *_metadata, struct vmt *v, unsigned int mp)
{
	vmt_get(v, SVMM_STATE_ALL & ~SVMM_STATE_XSAVE);
	EXPECT_EQ(mp, v->page->mp.state);
	EXPECT_EQ(0xf000, v->page->seg.cs.selector);
	EXPECT_EQ(0xffff0000, v->page->seg.cs.base);
	EXPECT_EQ(0xfff0, v->page->gpr.rip);
	EXPECT_EQ(2, v->page->gpr.rflags);
	EXPECT_EQ(CR0_ET, v->page->cr.cr0 & ~(CR0_CD | CR0_NW));
	EXPECT_EQ(0, v->page->cr.cr3 | v->page->cr.cr4 | v->page->cr.efer | v->page->cr.cr8);
	EXPECT_EQ(0, v->page->events.flags);
	EXPECT_EQ(0xff, v->lapic->regs[0xf]);
	EXPECT_EQ(0x10000, v->lapic->regs[0x32]);
	for (int i = 0; i < 24; i++)
		EXPECT_EQ(0, v->lapic->regs[0x10 + i]);
}

static void init_running(struct __test_metadata *_metadata, struct cpu *c, const char *entry,
			 enum format format)
{
	uint64_t rounds;

	make(c);
	place(&c[0], 0, "send", format);
	place(&c[1], 1, entry, format);
	memcpy(c->v.ram + 0x20000, real_mode, sizeof(real_mode));
	vmt_report(&c[0].v);
	go(&c[1]);
	ASSERT_TRUE(WAIT_FOR(*vmt_u64(&c->v, ROUNDS(1))));

	/* neither SIPI alone nor INIT de-assert stops it */
	send(c, ASSERT | SIPI | 0x20, 1);
	send(c, 0x8000 | INIT, 1);
	send(c, ASSERT | 0x41, 1);
	send(c, ASSERT | NMI, 1);
	EXPECT_TRUE(WAIT_FOR(count(c, 1, V_NMI) == 1));
	EXPECT_EQ(0, *vmt_u32(&c->v, MARK));

	send(c, ASSERT | INIT, 1);
	usleep(20000);
	rounds = *vmt_u64(&c->v, ROUNDS(1));
	/* what comes now is for no one */
	send(c, ASSERT | NMI, 1);
	send(c, ASSERT | 0x42, 1);
	usleep(20000);
	EXPECT_EQ(rounds, *vmt_u64(&c->v, ROUNDS(1)));
	halt(&c[1]);
	check_reset(_metadata, &c[1].v, SVMM_MP_WAIT_SIPI);
	/* INIT keeps the mode and the base */
	EXPECT_EQ(format == X2 ? 0xfee00c00 : 0xfee00800, c[1].v.lapic->apic_base);
	go(&c[1]);

	/* as systems do it, again and again; the second SIPI finds it running */
	for (uint32_t k = 1; k <= 50; k++) {
		send(c, 0x8000 | ASSERT | INIT, 1);
		send(c, 0x8000 | INIT, 1);
		send(c, ASSERT | SIPI | 0x20, 1);
		ASSERT_TRUE(WAIT_FOR(*vmt_u32(&c->v, MARK) == k));
		send(c, ASSERT | SIPI | 0x20, 1);
	}
	usleep(5000);
	EXPECT_EQ(50, *vmt_u32(&c->v, MARK));
	halt(&c[1]);
	vmt_get(&c[1].v, SVMM_STATE_MP | SVMM_STATE_SEG);
	EXPECT_EQ(SVMM_MP_HALTED, c[1].v.page->mp.state);
	EXPECT_EQ(0x20000, c[1].v.page->seg.cs.base);
	drop(c);
}

TEST(init_busy)
{
	static struct cpu c[NR];

	init_running(_metadata, c, "wait_busy", FLAT);
}

TEST(init_halted)
{
	static struct cpu c[NR];

	init_running(_metadata, c, "wait_halted", FLAT);
}

TEST(init_x2apic)
{
	static struct cpu c[NR];

	init_running(_metadata, c, "wait_busy", X2);
}

/* The bootstrap processor does not wait: it starts at the reset vector. */
TEST(init_bootstrap_processor)
{
	static struct cpu c[NR];
	uint8_t *rom = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);

	ASSERT_NE(MAP_FAILED, rom);
	memcpy(rom + 0xff0, real_mode, sizeof(real_mode));
	make(c);
	ASSERT_EQ(0, svmm_set_slot(c->v.vm, 1, 0, 0xfffff000, PAGE_SIZE, rom));
	place(&c[1], 1, "send", FLAT);
	place(&c[0], 0, "wait_busy", FLAT);
	vmt_report(&c[1].v);
	go(&c[0]);
	ASSERT_TRUE(WAIT_FOR(*vmt_u64(&c->v, ROUNDS(0))));
	for (uint32_t k = 1; k <= 20; k++) {
		send(&c[1], ASSERT | INIT | OTHERS, 0);
		ASSERT_TRUE(WAIT_FOR(*vmt_u32(&c->v, MARK) == k));
	}
	halt(&c[0]);
	vmt_get(&c[0].v, SVMM_STATE_MP | SVMM_STATE_LAPIC);
	EXPECT_EQ(SVMM_MP_HALTED, c[0].v.page->mp.state);
	EXPECT_EQ(0xfee00900, c[0].v.lapic->apic_base);
	drop(c);
	munmap(rom, PAGE_SIZE);
}

/* NMIs wake those that are halted with interrupts off; every one sent alone is one received. */
TEST(nmi_to_all)
{
	static struct cpu c[NR];

	make(c);
	place(&c[0], 0, "send", FLAT);
	for (unsigned int i = 1; i < NR; i++)
		place(&c[i], i, "wait_nmi", FLAT);
	for (unsigned int i = 1; i < NR; i++)
		go(&c[i]);
	vmt_report(&c[0].v);
	ASSERT_TRUE(all_wait(c));
	for (uint32_t k = 1; k <= 100; k++) {
		send(c, ASSERT | NMI | OTHERS, 0);
		for (unsigned int i = 1; i < NR; i++)
			ASSERT_TRUE(WAIT_FOR(count(c, i, V_NMI) == k));
	}
	drop(c);
}

TEST_HARNESS_MAIN
