// SPDX-License-Identifier: GPL-2.0
// needs: userspace/devices/pit.c
/*
 * The timer: all six modes, latches, read-back, BCD, the gate of channel 2, and IRQ 0, which
 * must neither tick unasked nor storm.
 */
#include "devices_fake.h"

#define HZ	1193182ull
#define GATE2	1
#define OUT2	0x20

static struct pit *pit;

/* To the middle of a tick, so that rounding does not matter: @n ticks from there. */
static void settle(void)
{
	fake.now_ns = 7 * SECOND + 419;
}

static void ticks(uint64_t n)
{
	static uint64_t rest;

	/* 1e9 / 1193182 ns each, without drift. */
	rest += n * SECOND;
	advance(rest / HZ);
	rest %= HZ;
}

static void set_mode(unsigned int channel, unsigned int mode, bool bcd)
{
	outb(channel << 6 | 0x30 | mode << 1 | bcd, 0x43);
}

static void set_count(unsigned int channel, uint16_t count)
{
	outb(count, 0x40 + channel);
	outb(count >> 8, 0x40 + channel);
}

static uint16_t get_count(unsigned int channel)
{
	uint16_t low = inb(0x40 + channel);

	return low | inb(0x40 + channel) << 8;
}

static uint8_t get_status(unsigned int channel)
{
	outb(0xe0 | 2 << channel, 0x43);
	return inb(0x40 + channel);
}

static bool out2(void)
{
	return inb(0x61) & OUT2;
}

static void start(void)
{
	settle();
	pit = pit_new(&fake);
}

static void test_off(void)
{
	start();
	advance(100 * SECOND);
	CHECK_EQ(fake.fired, 0);
	CHECK_EQ(fake.rises[0], 0);
	CHECK_EQ(get_count(0), 0);
	set_mode(0, 2, false);			/* a mode without a count does not count */
	advance(SECOND);
	CHECK_EQ(fake.fired, 0);
	CHECK_EQ(get_status(0), 0xf4);		/* OUT high, null count */
	pit_free(pit);
}

static void test_mode0(void)
{
	start();
	set_mode(0, 0, false);
	CHECK_EQ(fake.irq[0], 0);
	set_count(0, 1000);
	CHECK_EQ(get_status(0), 0x30);
	ticks(400);
	CHECK_EQ(get_count(0), 600);
	CHECK_EQ(fake.irq[0], 0);
	ticks(599);
	CHECK_EQ(fake.irq[0], 0);
	ticks(1);
	CHECK_EQ(fake.irq[0], 1);
	CHECK_EQ(get_status(0), 0xb0);
	ticks(10);				/* goes on counting, but fires once */
	CHECK_EQ(get_count(0), 65526);
	advance(SECOND);
	CHECK_EQ(fake.fired, 1);
	CHECK_EQ(fake.rises[0], 1);

	set_count(0, 500);			/* again */
	CHECK_EQ(fake.irq[0], 0);
	ticks(200);
	outb(0x10, 0x40);			/* half a count stops it */
	ticks(1000);
	CHECK_EQ(fake.rises[0], 1);
	outb(0x00, 0x40);
	ticks(16);
	CHECK_EQ(fake.rises[0], 2);
	pit_free(pit);
}

static void test_mode2(void)
{
	unsigned int rises, i;

	start();
	set_mode(0, 2, false);
	rises = fake.rises[0];
	set_count(0, 1193);
	CHECK_EQ(get_status(0), 0xb4);
	for (i = 1; i <= 10; i++) {
		ticks(1192);
		CHECK_EQ(fake.rises[0] - rises, i - 1);
		CHECK_EQ(get_count(0), 1);
		CHECK_EQ(get_status(0) >> 7, 0);	/* low for one clock */
		ticks(1);
		CHECK_EQ(fake.rises[0] - rises, i);
		CHECK_EQ(get_count(0), 1193);
		CHECK_EQ(get_status(0) >> 7, 1);
	}
	CHECK_EQ(fake.fired, 10);

	ticks(100);
	set_count(0, 2000);			/* at the end of this period */
	CHECK_EQ(get_status(0), 0xf4);
	CHECK_EQ(get_count(0), 1093);
	ticks(1093);
	CHECK_EQ(fake.rises[0] - rises, 11);
	CHECK_EQ(get_status(0), 0xb4);
	CHECK_EQ(get_count(0), 2000);
	ticks(1999);
	CHECK_EQ(fake.rises[0] - rises, 11);
	ticks(1);
	CHECK_EQ(fake.rises[0] - rises, 12);

	set_mode(0, 2, false);			/* a control word stops it */
	advance(SECOND);
	CHECK_EQ(fake.rises[0] - rises, 12);
	set_mode(0, 6, false);			/* another name of mode 2 */
	set_count(0, 0);			/* 65536 */
	CHECK_EQ(get_status(0), 0xbc);
	CHECK_EQ(get_count(0), 0);
	ticks(1);
	CHECK_EQ(get_count(0), 65535);
	advance(SECOND);
	CHECK_EQ(fake.rises[0] - rises, 12 + 18);	/* the PC's 18.2 Hz */
	pit_free(pit);
}

static void test_mode3(void)
{
	start();
	outb(GATE2, 0x61);
	set_mode(2, 3, false);
	CHECK(out2());
	set_count(2, 10);
	CHECK_EQ(get_count(2), 10);
	ticks(4);
	CHECK_EQ(get_count(2), 2);
	CHECK(out2());
	ticks(1);
	CHECK_EQ(get_count(2), 10);
	CHECK(!out2());
	ticks(4);
	CHECK(!out2());
	ticks(1);
	CHECK(out2());

	set_mode(2, 3, false);
	set_count(2, 5);			/* high for 3, low for 2 */
	CHECK_EQ(get_count(2), 4);
	ticks(2);
	CHECK_EQ(get_count(2), 0);
	CHECK(out2());
	ticks(1);
	CHECK_EQ(get_count(2), 4);
	CHECK(!out2());
	ticks(1);
	CHECK_EQ(get_count(2), 2);
	CHECK(!out2());
	ticks(1);
	CHECK(out2());

	set_mode(0, 3, false);
	set_count(0, 1193);
	fake.rises[0] = 0;
	ticks(11930);
	CHECK_EQ(fake.rises[0], 10);
	pit_free(pit);
}

static void test_mode4(void)
{
	start();
	set_mode(0, 4, false);
	fake.rises[0] = 0;
	set_count(0, 300);
	CHECK_EQ(get_status(0), 0xb8);
	ticks(300);
	CHECK_EQ(get_status(0), 0x38);		/* the strobe */
	CHECK_EQ(get_count(0), 0);
	CHECK_EQ(fake.rises[0], 0);
	ticks(1);
	CHECK_EQ(get_status(0), 0xb8);
	CHECK_EQ(fake.rises[0], 1);
	advance(SECOND);
	CHECK_EQ(fake.fired, 1);
	set_count(0, 300);
	ticks(200);
	set_count(0, 300);			/* a new count starts anew */
	ticks(299);
	CHECK_EQ(fake.rises[0], 1);
	ticks(2);
	CHECK_EQ(fake.rises[0], 2);
	pit_free(pit);
}

static void test_modes_1_and_5(void)
{
	start();
	set_mode(2, 1, false);
	outb(GATE2, 0x61);			/* no count yet: no shot */
	CHECK(out2());
	outb(0, 0x61);
	set_count(2, 100);
	ticks(200);
	CHECK(out2());				/* waits for the gate */
	CHECK_EQ(get_status(2), 0xf2);
	outb(GATE2, 0x61);
	CHECK(!out2());
	CHECK_EQ(get_status(2), 0x32);
	ticks(60);
	CHECK_EQ(get_count(2), 40);
	outb(0, 0x61);				/* the gate's level does not matter */
	ticks(10);
	CHECK_EQ(get_count(2), 30);
	set_count(2, 50);			/* the next shot's */
	CHECK_EQ(get_status(2), 0x72);
	outb(GATE2, 0x61);
	ticks(49);
	CHECK(!out2());
	ticks(1);
	CHECK(out2());
	ticks(1000);
	CHECK(out2());

	outb(0, 0x61);
	set_mode(2, 5, false);
	set_count(2, 100);
	outb(GATE2, 0x61);
	ticks(99);
	CHECK(out2());
	ticks(1);
	CHECK(!out2());
	ticks(1);
	CHECK(out2());
	set_mode(0, 1, false);			/* channel 0 is never triggered */
	set_count(0, 100);
	advance(SECOND);
	CHECK_EQ(fake.fired, 0);
	pit_free(pit);
}

static void test_gate(void)
{
	start();
	outb(GATE2, 0x61);
	set_mode(2, 0, false);
	set_count(2, 1000);
	ticks(300);
	outb(0, 0x61);				/* pauses */
	ticks(5000);
	CHECK_EQ(get_count(2), 700);
	CHECK(!out2());
	outb(GATE2, 0x61);
	ticks(699);
	CHECK(!out2());
	ticks(1);
	CHECK(out2());

	set_mode(2, 2, false);
	set_count(2, 1000);
	ticks(999);
	CHECK(!out2());
	outb(0, 0x61);				/* forces OUT high and stops */
	CHECK(out2());
	ticks(50);
	CHECK_EQ(get_count(2), 1);
	outb(GATE2, 0x61);			/* starts anew */
	CHECK_EQ(get_count(2), 1000);
	ticks(10);
	CHECK_EQ(get_count(2), 990);

	set_mode(2, 3, false);
	set_count(2, 1000);
	ticks(600);
	CHECK(!out2());
	outb(0, 0x61);
	CHECK(out2());
	set_count(2, 500);
	outb(GATE2, 0x61);			/* with the new count */
	CHECK_EQ(get_count(2), 500);

	outb(0, 0x61);				/* loaded while the gate is low */
	set_mode(2, 0, false);
	set_count(2, 200);
	ticks(1000);
	CHECK_EQ(get_count(2), 200);
	outb(GATE2, 0x61);
	ticks(200);
	CHECK(out2());
	pit_free(pit);
}

/* On channel 2, which has no timer that would do it: 1010 ticks into 1000, then 3000. */
static void start_reload(void)
{
	set_mode(2, 2, false);
	set_count(2, 1000);
	set_count(2, 3000);
	ticks(1010);
}

/* Whoever looks first sees the new count. */
static void test_reload(void)
{
	start();
	outb(GATE2, 0x61);
	start_reload();
	CHECK_EQ(get_count(2), 2990);
	start_reload();
	outb(0x80, 0x43);
	CHECK_EQ(get_count(2), 2990);
	start_reload();
	CHECK_EQ(get_status(2), 0xb4);
	start_reload();
	ticks(989);				/* the old one's low clock */
	CHECK(out2());
	start_reload();
	outb(0, 0x61);
	CHECK_EQ(get_count(2), 2990);
	outb(GATE2, 0x61);
	ticks(1500);
	CHECK_EQ(get_count(2), 1500);
	start_reload();
	set_count(2, 100);
	ticks(1500);
	CHECK_EQ(get_count(2), 1490);
	ticks(1489);
	CHECK_EQ(get_count(2), 1);
	ticks(1);
	CHECK_EQ(get_count(2), 100);

	set_mode(2, 2, false);			/* the gate loads it early, and only once */
	set_count(2, 1000);
	set_count(2, 700);
	outb(0, 0x61);
	outb(GATE2, 0x61);
	ticks(1010);
	CHECK_EQ(get_count(2), 390);
	pit_free(pit);
}

static void test_latch(void)
{
	start();
	set_mode(0, 2, false);
	set_count(0, 10000);
	ticks(1000);
	outb(0x00, 0x43);
	ticks(500);
	outb(0x00, 0x43);			/* the first one stays */
	CHECK_EQ(inb(0x40), 9000 & 0xff);
	ticks(500);
	CHECK_EQ(inb(0x40), 9000 >> 8);
	CHECK_EQ(get_count(0), 8000);

	outb(0x00, 0x43);
	set_mode(0, 2, false);			/* a control word drops the latch */
	set_count(0, 3000);
	CHECK_EQ(get_count(0), 3000);

	outb(0x14, 0x43);			/* low byte only */
	outb(0xc8, 0x40);
	CHECK_EQ(inb(0x40), 0xc8);
	ticks(3);
	CHECK_EQ(inb(0x40), 0xc5);
	outb(0x00, 0x43);
	ticks(3);
	CHECK_EQ(inb(0x40), 0xc5);
	CHECK_EQ(inb(0x40), 0xc2);
	outb(0x24, 0x43);			/* high byte only */
	outb(0x12, 0x40);
	CHECK_EQ(inb(0x40), 0x12);
	ticks(1);
	CHECK_EQ(inb(0x40), 0x11);
	pit_free(pit);
}

static void test_read_back(void)
{
	start();
	set_mode(0, 2, false);
	set_count(0, 10000);
	set_mode(1, 3, true);
	set_count(1, 0x2000);
	set_mode(2, 0, false);
	outb(0xc2 | 4 | 8, 0x43);		/* count and status of all three */
	ticks(100);
	CHECK_EQ(inb(0x40), 0xb4);		/* status first */
	CHECK_EQ(get_count(0), 10000);
	CHECK_EQ(get_count(0), 9900);
	CHECK_EQ(inb(0x41), 0xb7);
	CHECK_EQ(get_count(1), 0x2000);
	CHECK_EQ(inb(0x42), 0x70);
	outb(0xd0 | 2, 0x43);			/* count only, of channel 0 only */
	ticks(100);
	CHECK_EQ(get_count(1), 0x1600);
	CHECK_EQ(get_count(0), 9900);
	CHECK_EQ(get_count(0), 9800);
	CHECK_EQ(inb(0x43), 0xff);
	pit_free(pit);
}

static void test_bcd(void)
{
	start();
	set_mode(0, 2, true);
	set_count(0, 0x1000);
	ticks(1);
	CHECK_EQ(get_count(0), 0x0999);
	set_mode(0, 2, true);
	set_count(0, 0);			/* 10000 */
	CHECK_EQ(get_count(0), 0);
	ticks(1);
	CHECK_EQ(get_count(0), 0x9999);
	set_mode(0, 0, true);
	set_count(0, 0x0010);
	ticks(11);
	CHECK_EQ(get_count(0), 0x9999);
	set_mode(0, 2, true);
	set_count(0, 0xffff);			/* no digits: still a sane count */
	get_count(0);
	advance(SECOND);
	pit_free(pit);
}

static void test_system_port(void)
{
	uint8_t refresh;

	start();
	outb(0xfe, 0x61);
	CHECK_EQ(inb(0x61) & 0xcf, 0x0e);
	refresh = inb(0x61) & 0x10;
	advance(15086);
	CHECK_EQ(inb(0x61) & 0x10, refresh ^ 0x10);
	pit_reset(pit);
	CHECK_EQ(inb(0x61) & 0x0f, 0);
	CHECK_EQ(get_status(0), 0x70);
	outb(GATE2, 0x61);
	CHECK_EQ(inb(0x61) & 0x0f, GATE2);
	pit_free(pit);
}

/* Linux's calibration against channel 2: the time that OUT2 tells is the machine's. */
static void test_calibration(void)
{
	uint64_t before;

	start();
	outb((inb(0x61) & ~2) | 1, 0x61);
	outb(0xb0, 0x43);
	set_count(2, 11931);			/* 10 ms */
	before = fake.now_ns;
	while (!out2() && fake.now_ns - before < SECOND)
		advance(1000);
	CHECK(fake.now_ns - before >= 9998000);
	CHECK(fake.now_ns - before <= 10002000);
	pit_free(pit);
}

static void test_no_storm(void)
{
	unsigned int rises;

	start();
	set_mode(0, 2, false);
	set_count(0, 1);			/* 1.19 MHz */
	advance(SECOND);
	CHECK(fake.fired >= 9000 && fake.fired <= 10100);
	set_mode(0, 2, false);
	set_count(0, 119);			/* as fast as it gets */
	fake.fired = 0;
	advance(SECOND);
	CHECK(fake.fired >= 10025 && fake.fired <= 10027);
	set_mode(0, 2, false);
	set_count(0, 1193);			/* 1 kHz */
	rises = fake.rises[0];
	fake.now_ns += 60 * SECOND;		/* the host slept for a minute */
	advance(10 * MS);
	CHECK(fake.rises[0] - rises <= 12);
	CHECK(fake.rises[0] - rises >= 10);
	rises = fake.rises[0];
	advance_late(SECOND, 50000);		/* always a bit late: no tick is lost for that */
	CHECK(fake.rises[0] - rises >= 999 && fake.rises[0] - rises <= 1001);
	pit_reset(pit);
	fake.fired = 0;
	advance(SECOND);
	CHECK_EQ(fake.fired, 0);
	CHECK_EQ(fake.irq[0], 0);
	pit_free(pit);
}

/* The timer is late; what the guest sees of the counter has happened at the line. */
static void test_late(void)
{
	start();
	set_mode(0, 0, false);
	set_count(0, 1000);
	fake.now_ns += 2 * MS;
	CHECK_EQ(get_status(0), 0xb0);
	CHECK_EQ(fake.irq[0], 1);
	CHECK_EQ(fake.rises[0], 1);
	advance(SECOND);
	CHECK_EQ(fake.rises[0], 1);
	set_count(0, 1000);
	fake.now_ns += 2 * MS;
	set_count(0, 1000);			/* that was over before */
	CHECK_EQ(fake.rises[0], 2);
	CHECK_EQ(fake.irq[0], 0);
	pit_free(pit);
}

static void test_hostile(void)
{
	start();
	fuzz_ports(200000, 100000);
	CHECK(fake.fired < 200000);
	pit_free(pit);
}

static void test_refused(void)
{
	fake.refuse_timer = true;
	CHECK(!pit_new(&fake));
	CHECK_EQ(errno, ENOMEM);
	fake.refuse_timer = false;
	for (int i = 0; i < 2; i++) {
		fake_init();
		fake.refuse_after = i;
		CHECK(!pit_new(&fake));
		CHECK_EQ(errno, EEXIST);
		CHECK(!fake.timers);
	}
}

static const struct test tests[] = {
	{ "pit: off until it is programmed", test_off },
	{ "pit: mode 0, one interrupt", test_mode0 },
	{ "pit: mode 2, rate", test_mode2 },
	{ "pit: mode 3, square wave", test_mode3 },
	{ "pit: mode 4, strobe", test_mode4 },
	{ "pit: modes 1 and 5, triggered by the gate", test_modes_1_and_5 },
	{ "pit: the gate in the other modes", test_gate },
	{ "pit: a new count waits for the end of the period", test_reload },
	{ "pit: latch, and one-byte access", test_latch },
	{ "pit: read-back", test_read_back },
	{ "pit: BCD", test_bcd },
	{ "pit: system port 61h", test_system_port },
	{ "pit: a delay calibrated with channel 2", test_calibration },
	{ "pit: neither catch-up nor a fast rate is a storm", test_no_storm },
	{ "pit: a late timer, and a guest that looks", test_late },
	{ "pit: random accesses", test_hostile },
	{ "pit: a refused timer, a refused range", test_refused },
};

int main(void)
{
	return RUN_TESTS(tests);
}
