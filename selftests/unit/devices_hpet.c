// SPDX-License-Identifier: GPL-2.0
// needs: userspace/devices/hpet.c
/*
 * The HPET: its registers, one-shot and periodic timers of 64 and 32 bits, lines, messages and the
 * legacy mode, and guests that ask for more interrupts than there can be.
 */
#include "devices_fake.h"
#include "../../userspace/devices/hpet.h"

#define REG(n)		(HPET_BASE + (n))
#define TIMER(n, reg)	REG(0x100 + 0x20 * (n) + (reg))
#define TICK_NS		10

static struct hpet *hpet;

static uint64_t get(uint64_t at)
{
	return mmio_read(at, 8);
}

static void set(uint64_t at, uint64_t value)
{
	mmio_write(at, 8, value);
}

static void start(void)
{
	fake_init();
	hpet = hpet_new(&fake);
}

static void test_registers(void)
{
	start();
	CHECK_EQ(get(REG(0)), 0x009896808086a201);
	CHECK_EQ(mmio_read(REG(4), 4), 0x00989680);
	CHECK_EQ(get(TIMER(0, 0)), 0x00ff000000008030);
	CHECK_EQ(get(TIMER(2, 8)), UINT64_MAX);
	CHECK_EQ(get(TIMER(3, 0)), 0);
	set(TIMER(1, 0), UINT64_MAX);
	CHECK_EQ(get(TIMER(1, 0)), 0x00ff00000000ff7e);
	set(TIMER(1, 0), 0);
	set(TIMER(1, 0x10), 0xfee0000000000041);
	CHECK_EQ((uint32_t)mmio_read(TIMER(1, 0x10), 4), 0x41);
	CHECK_EQ(mmio_read(TIMER(1, 0x14), 4), 0xfee00000);
	/* What is not 4 or 8 bytes and aligned is nothing. */
	CHECK_EQ((uint16_t)mmio_read(REG(0), 2), UINT16_MAX);
	mmio_write(REG(0x10), 1, 1);
	CHECK_EQ(get(REG(0x10)), 0);
	hpet_free(hpet);
}

static void test_counter(void)
{
	uint64_t at;

	start();
	set(REG(0xf0), 1000);
	advance(SECOND);
	CHECK_EQ(get(REG(0xf0)), 1000);
	set(REG(0x10), 1);
	advance(1000 * TICK_NS);
	at = get(REG(0xf0));
	CHECK(at >= 1999 && at <= 2001);
	set(REG(0xf0), 5);			/* not while it runs */
	CHECK(get(REG(0xf0)) >= at);
	set(REG(0x10), 0);
	at = get(REG(0xf0));
	advance(SECOND);
	CHECK_EQ(get(REG(0xf0)), at);
	/* Half of it: the other half stays. */
	set(REG(0xf0), 0x1122334455667788);
	mmio_write(REG(0xf4), 4, 0xaabbccdd);
	CHECK_EQ(get(REG(0xf0)), 0xaabbccdd55667788);
	hpet_free(hpet);
}

/* Timer @n on pin 20. */
static void test_one_shot(void)
{
	start();
	set(TIMER(0, 0), 20 << 9 | 4);
	set(TIMER(0, 8), 100000);
	advance(SECOND);
	CHECK_EQ(fake.rises[20], 0);
	set(REG(0x10), 1);
	advance(99990 * TICK_NS);
	CHECK_EQ(fake.rises[20], 0);
	advance(20 * TICK_NS);
	CHECK_EQ(fake.rises[20], 1);
	advance(100 * SECOND);
	CHECK_EQ(fake.rises[20], 1);
	CHECK_EQ(get(REG(0x20)), 0);		/* an edge leaves no status */
	/* What is over when it is written comes at once, and once. */
	set(TIMER(0, 8), get(REG(0xf0)) - 1);
	advance(100 * SECOND);
	CHECK_EQ(fake.rises[20], 2);
	set(TIMER(0, 0), 20 << 9 | 4);
	advance(100 * SECOND);
	CHECK_EQ(fake.rises[20], 2);
	/* A timer that is off matches and tells nobody. */
	set(TIMER(0, 0), 20 << 9);
	set(TIMER(0, 8), get(REG(0xf0)) + 1000);
	advance(SECOND);
	CHECK_EQ(fake.rises[20], 2);
	hpet_free(hpet);
}

static void test_32_bits(void)
{
	start();
	set(TIMER(1, 0), 17 << 9 | 0x104);
	set(TIMER(1, 8), 0x5000001000);
	CHECK_EQ(get(TIMER(1, 8)), 0x1000);
	set(REG(0x10), 1);
	advance(SECOND);
	CHECK_EQ(fake.rises[17], 1);
	advance(43 * SECOND);			/* 2^32 ticks on */
	CHECK_EQ(fake.rises[17], 2);
	set(TIMER(1, 8), get(REG(0xf0)) - 1);	/* over */
	advance(MS);
	CHECK_EQ(fake.rises[17], 3);
	hpet_free(hpet);
}

static void test_level(void)
{
	start();
	set(TIMER(2, 0), 23 << 9 | 6);
	set(TIMER(2, 8), 1000);
	set(REG(0x10), 1);
	advance(SECOND);
	CHECK_EQ(fake.irq[23], 1);
	CHECK_EQ(get(REG(0x20)), 4);
	mmio_write(REG(0x24), 4, UINT32_MAX);
	CHECK_EQ(fake.irq[23], 1);
	set(REG(0x20), 3);
	CHECK_EQ(fake.irq[23], 1);
	set(REG(0x20), 4);
	CHECK_EQ(fake.irq[23], 0);
	CHECK_EQ(get(REG(0x20)), 0);
	/* Sent elsewhere while it is up: it falls where it was. */
	set(TIMER(2, 8), get(REG(0xf0)) + 1000);
	advance(SECOND);
	CHECK_EQ(fake.irq[23], 1);
	set(TIMER(2, 0), 22 << 9 | 6);
	CHECK_EQ(fake.irq[23], 0);
	CHECK_EQ(fake.irq[22], 0);
	/* A pin that it has not got. */
	set(TIMER(2, 0), 3 << 9 | 6);
	set(TIMER(2, 8), get(REG(0xf0)) + 1000);
	advance(SECOND);
	CHECK_EQ(fake.rises[3], 0);
	hpet_free(hpet);
}

static void test_periodic(void)
{
	uint64_t at;

	start();
	set(REG(0x10), 1);
	set(TIMER(0, 0), 20 << 9 | 0x4c);	/* the next write is the value, too */
	at = get(REG(0xf0)) + 1000000;
	set(TIMER(0, 8), at);
	set(TIMER(0, 8), 100000);		/* the period alone */
	CHECK_EQ(get(TIMER(0, 8)), at);
	advance(10 * MS);
	CHECK_EQ(fake.rises[20], 1);
	advance(100 * MS);
	CHECK(fake.rises[20] >= 100 && fake.rises[20] <= 102);
	CHECK(get(TIMER(0, 8)) > get(REG(0xf0)));
	/* Late all the time: none is lost. */
	fake.rises[20] = 0;
	advance_late(SECOND, 50000);
	CHECK(fake.rises[20] >= 999 && fake.rises[20] <= 1001);
	/* The host slept: one, and then on. */
	fake.rises[20] = 0;
	fake.now_ns += 60 * SECOND;
	advance(10 * MS);
	CHECK(fake.rises[20] >= 10 && fake.rises[20] <= 12);
	/* A period that nobody can serve. */
	set(TIMER(0, 0), 20 << 9 | 0x4c);
	set(TIMER(0, 8), 1);
	fake.rises[20] = 0;
	advance(SECOND);
	CHECK(fake.rises[20] <= 10100);
	set(TIMER(0, 0), 20 << 9 | 0x4c);
	set(TIMER(0, 8), 0);
	advance(SECOND);
	hpet_free(hpet);
}

static void test_message(void)
{
	start();
	set(TIMER(1, 0x10), 0xfee0100000000055);
	set(TIMER(1, 0), 0x4004);
	set(TIMER(1, 8), 1000);
	set(REG(0x10), 1);
	advance(SECOND);
	CHECK_EQ(fake.nr_msis, 1);
	CHECK_EQ(fake.msi[0].address, 0xfee01000);
	CHECK_EQ(fake.msi[0].data, 0x55);
	hpet_free(hpet);
}

static void test_legacy(void)
{
	start();
	set(REG(0x10), 3);
	CHECK(fake.replaced);
	set(TIMER(0, 0), 4);
	set(TIMER(1, 0), 20 << 9 | 6);		/* neither route nor trigger count */
	set(TIMER(2, 0), 20 << 9 | 4);
	for (unsigned int n = 0; n < 3; n++)
		set(TIMER(n, 8), get(REG(0xf0)) + 1000);
	advance(SECOND);
	CHECK_EQ(fake.rises[0], 1);
	CHECK_EQ(fake.rises[8], 1);
	CHECK_EQ(fake.rises[20], 1);
	CHECK_EQ(get(REG(0x20)), 0);
	set(REG(0x10), 0);
	CHECK(!fake.replaced);
	CHECK_EQ(fake.irq[0], 0);
	hpet_free(hpet);
}

/* The timer is late; who sees the counter behind the match finds that it has happened. */
static void test_late(void)
{
	start();
	set(TIMER(2, 0), 23 << 9 | 6);
	set(TIMER(2, 8), 1000);
	set(REG(0x10), 1);
	fake.now_ns += SECOND;
	CHECK_EQ(get(REG(0x20)), 4);
	CHECK_EQ(fake.irq[23], 1);
	advance(SECOND);
	CHECK_EQ(fake.rises[23], 1);
	hpet_free(hpet);
}

static void test_hostile(void)
{
	start();
	for (unsigned int i = 0; i < 200000; i++) {
		unsigned int at = fake_random() % HPET_BYTES & ~3u;

		if (fake_random() & 1)
			mmio_write(HPET_BASE + at, 4, fake_random());
		else
			mmio_write(HPET_BASE + (at & ~7u), 8, fake_random() % 100000);
		mmio_read(HPET_BASE + at, 4);
		advance(fake_random() % 100000);
	}
	CHECK(fake.fired < 400000);
	hpet_free(hpet);
}

static void test_refused(void)
{
	fake_init();
	fake.refuse_after = 0;
	CHECK(!hpet_new(&fake));
	fake.refuse_after = -1;
	fake.refuse_timer = true;
	CHECK(!hpet_new(&fake));
	fake.refuse_timer = false;
}

static const struct test tests[] = {
	{ "hpet: registers", test_registers },
	{ "hpet: the counter", test_counter },
	{ "hpet: one-shot", test_one_shot },
	{ "hpet: 32 bits", test_32_bits },
	{ "hpet: level-triggered", test_level },
	{ "hpet: periodic", test_periodic },
	{ "hpet: interrupt messages", test_message },
	{ "hpet: instead of the 8254 and the clock", test_legacy },
	{ "hpet: a late timer, and a guest that looks", test_late },
	{ "hpet: random accesses", test_hostile },
	{ "hpet: a refused timer, a refused range", test_refused },
};

int main(void)
{
	return RUN_TESTS(tests);
}
