// SPDX-License-Identifier: GPL-2.0
// needs: userspace/devices/rtc.c
// libs: -Wl,--wrap=clock_gettime
/*
 * The clock: the host's UTC in all its formats, setting it, its three interrupts, CMOS. The
 * host's clock is the fake machine's, plus an epoch that a test can move.
 */
#include <time.h>

#include "devices_fake.h"

int __wrap_clock_gettime(clockid_t clock, struct timespec *ts);

#define A	0x0a
#define B	0x0b
#define C	0x0c
#define D	0x0d
#define SET	0x80
#define PIE	0x40
#define AIE	0x20
#define UIE	0x10
#define BINARY	0x04
#define H24	0x02

#define GIB	(1ull << 30)

static struct rtc *rtc;
static int64_t epoch_ns;

int __wrap_clock_gettime(clockid_t clock, struct timespec *ts)
{
	uint64_t ns = epoch_ns + fake.now_ns;

	if (clock != CLOCK_REALTIME)
		abort();
	ts->tv_sec = ns / SECOND;
	ts->tv_nsec = ns % SECOND;
	return 0;
}

/* Start at second @utc of the epoch, sharp. */
static void start_at(int64_t utc, uint64_t mem_bytes)
{
	fake.now_ns = 3 * SECOND;
	epoch_ns = (utc - 3) * (int64_t)SECOND;
	rtc = rtc_new(&fake, mem_bytes);
}

#define UTC	1709251199		/* Thu 2024-02-29 23:59:59 */

static uint8_t rd(uint8_t reg)
{
	outb(reg, 0x70);
	return inb(0x71);
}

static void wr(uint8_t reg, uint8_t value)
{
	outb(reg, 0x70);
	outb(value, 0x71);
}

/* hhmmss and ccyymmdd as the registers have them. */
static uint32_t time_of_day(void)
{
	return rd(4) << 16 | rd(2) << 8 | rd(0);
}

static uint32_t date(void)
{
	return (uint32_t)rd(0x32) << 24 | rd(9) << 16 | rd(8) << 8 | rd(7);
}

static void test_utc(void)
{
	start_at(UTC, GIB);
	CHECK_EQ(rd(A), 0x26);
	CHECK_EQ(rd(B), H24);
	CHECK_EQ(rd(C), 0);
	CHECK_EQ(rd(D), 0x80);
	CHECK_EQ(time_of_day(), 0x235959);
	CHECK_EQ(date(), 0x20240229);
	CHECK_EQ(rd(6), 5);			/* Thursday */
	advance(999 * MS);
	CHECK_EQ(time_of_day(), 0x235959);
	advance(MS);
	CHECK_EQ(time_of_day(), 0x000000);
	CHECK_EQ(date(), 0x20240301);
	CHECK_EQ(rd(6), 6);
	advance(366 * 86400 * SECOND);
	CHECK_EQ(date(), 0x20250302);
	CHECK_EQ(fake.fired, 0);
	CHECK_EQ(inb(0x70), 0xff);
	rtc_free(rtc);
}

static void test_formats(void)
{
	static const uint8_t bcd12[24] = {
		0x12, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x10, 0x11,
		0x92, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x90, 0x91,
	};
	unsigned int hour;

	start_at(UTC + 1, GIB);
	for (hour = 0; hour < 24; hour++) {
		wr(B, 0);
		CHECK_EQ(rd(4), bcd12[hour]);
		wr(B, H24);
		CHECK_EQ(rd(4), hour / 10 << 4 | hour % 10);
		wr(B, BINARY);
		CHECK_EQ(rd(4), (hour % 12 ? hour % 12 : 12) | (hour >= 12 ? 0x80 : 0));
		wr(B, BINARY | H24);
		CHECK_EQ(rd(4), hour);

		/* Setting understands what reading gives. */
		wr(B, 0);
		wr(B, SET);
		wr(4, bcd12[hour]);
		wr(B, 0);
		wr(B, H24 | BINARY);
		CHECK_EQ(rd(4), hour);
		CHECK_EQ(rd(7), 1);
		advance(3600 * SECOND);
	}
	CHECK_EQ(date(), 20 << 24 | 24 << 16 | 3 << 8 | 2);
	rtc_free(rtc);
}

static void set_1999(void)
{
	wr(0, 0x58);
	wr(2, 0x59);
	wr(4, 0x23);
	wr(7, 0x31);
	wr(8, 0x12);
	wr(9, 0x99);
	wr(0x32, 0x19);
}

static void test_set(void)
{
	start_at(UTC, GIB);
	advance(300 * MS);
	wr(B, SET | H24);
	advance(5 * SECOND);
	CHECK_EQ(time_of_day(), 0x235959);	/* stands still */
	set_1999();
	advance(5 * SECOND);
	CHECK_EQ(time_of_day(), 0x235958);
	wr(B, H24);
	CHECK_EQ(time_of_day(), 0x235958);
	CHECK_EQ(date(), 0x19991231);
	CHECK_EQ(rd(6), 6);			/* Friday */
	advance(699 * MS);			/* SET does not move the second */
	CHECK_EQ(time_of_day(), 0x235958);
	advance(MS);
	CHECK_EQ(time_of_day(), 0x235959);
	advance(SECOND);
	CHECK_EQ(time_of_day(), 0);
	CHECK_EQ(date(), 0x20000101);

	wr(4, 0x12);				/* one field, while it runs */
	CHECK_EQ(time_of_day(), 0x120000);
	advance(SECOND);
	CHECK_EQ(time_of_day(), 0x120001);
	rtc_reset(rtc);				/* a reset does not reach the battery */
	CHECK_EQ(time_of_day(), 0x120001);
	CHECK_EQ(date(), 0x20000101);
	rtc_free(rtc);
}

/* Linux's way: SET, divider in reset, set, run; the first second is half a second away. */
static void check_divider(uint64_t fraction_ns)
{
	fake_init();
	start_at(UTC, GIB);
	advance(fraction_ns);
	wr(B, SET | H24);
	wr(A, 0x76);
	set_1999();
	wr(B, H24);
	advance(10 * SECOND);
	CHECK_EQ(time_of_day(), 0x235958);
	wr(A, 0x26);
	advance(499 * MS);
	CHECK_EQ(time_of_day(), 0x235958);
	advance(2 * MS);
	CHECK_EQ(time_of_day(), 0x235959);
	advance(SECOND);
	CHECK_EQ(date(), 0x20000101);
	rtc_free(rtc);
}

static void test_divider(void)
{
	check_divider(123 * MS);
	check_divider(789 * MS);
}

static void test_uip(void)
{
	start_at(UTC, GIB);
	CHECK_EQ(rd(A), 0x26);
	advance(997 * MS);
	CHECK_EQ(rd(A), 0x26);
	advance(2 * MS);
	CHECK_EQ(rd(A), 0xa6);
	wr(B, SET | H24);
	CHECK_EQ(rd(A), 0x26);
	wr(B, H24);
	CHECK_EQ(rd(A), 0xa6);
	advance(MS);
	CHECK_EQ(rd(A), 0x26);
	wr(A, 0xa6);				/* read-only */
	CHECK_EQ(rd(A), 0x26);
	rtc_free(rtc);
}

static void test_update_interrupt(void)
{
	start_at(UTC, GIB);
	advance(3 * SECOND);
	CHECK_EQ(fake.fired, 0);		/* nobody wants to know */
	CHECK_EQ(rd(C), PIE | AIE | UIE);	/* but the flags tell; the alarm is at 0:00:00 */
	CHECK_EQ(rd(C), 0);
	wr(A, 0x20);
	wr(B, UIE | H24);
	advance(999 * MS);
	CHECK_EQ(fake.irq[8], 0);
	advance(MS);
	CHECK_EQ(fake.irq[8], 1);
	advance(10 * SECOND);			/* no more until C is read */
	CHECK_EQ(fake.fired, 1);
	CHECK_EQ(rd(C), 0x80 | UIE);
	CHECK_EQ(fake.irq[8], 0);
	advance(SECOND);
	CHECK_EQ(fake.irq[8], 1);
	rd(C);
	fake.now_ns += SECOND;			/* C is read before the timer fires */
	CHECK_EQ(rd(C), 0x80 | UIE);
	CHECK_EQ(fake.irq[8], 0);
	wr(B, SET | UIE | H24);			/* SET takes UIE away */
	CHECK_EQ(rd(B), SET | H24);
	advance(5 * SECOND);
	CHECK_EQ(rd(C), 0);
	rtc_free(rtc);
}

static void test_alarm(void)
{
	start_at(UTC + 1, GIB);			/* midnight */
	wr(1, 0x30);
	wr(3, 0x15);
	wr(5, 0x06);
	wr(B, AIE | H24);
	advance((6 * 3600 + 15 * 60 + 30) * SECOND - MS);
	CHECK_EQ(fake.irq[8], 0);
	CHECK_EQ(fake.fired, 0);
	advance(MS);
	CHECK_EQ(fake.irq[8], 1);
	CHECK_EQ(fake.rtc_alarms, 1);
	CHECK_EQ(rd(C), 0x80 | PIE | AIE | UIE);
	advance(86399 * SECOND);		/* daily */
	CHECK_EQ(fake.irq[8], 0);
	advance(SECOND);
	CHECK_EQ(fake.irq[8], 1);
	CHECK_EQ(fake.fired, 2);
	CHECK_EQ(fake.rtc_alarms, 2);
	advance(2 * 86400 * SECOND);		/* told once, as long as nobody reads */
	wr(B, AIE | H24);
	CHECK_EQ(fake.rtc_alarms, 2);
	rd(C);

	wr(5, 0xff);				/* every hour at 15:30 */
	advance(3599 * SECOND);
	CHECK_EQ(fake.irq[8], 0);
	advance(SECOND);
	CHECK_EQ(fake.irq[8], 1);
	rd(C);
	wr(3, 0xc0);
	wr(1, 0xc0);				/* every second */
	advance(SECOND);
	CHECK_EQ(fake.irq[8], 1);
	rd(C);
	wr(1, 0x30);				/* once a minute, looked at without interrupt */
	wr(B, H24);
	rd(C);
	advance(59 * SECOND);
	CHECK_EQ(rd(C) & AIE, AIE);
	advance(SECOND);
	CHECK_EQ(rd(C) & AIE, 0);
	CHECK_EQ(fake.rtc_alarms, 4);

	wr(5, 0x99);				/* never */
	wr(B, AIE | H24);
	rd(C);
	fake.fired = 0;
	advance(3 * 86400 * SECOND);
	CHECK_EQ(fake.irq[8], 0);
	CHECK_EQ(fake.fired, 0);
	rtc_free(rtc);

	/* In 12-hour format the alarm's byte has its PM bit. */
	fake_init();
	start_at(UTC + 1, GIB);
	wr(B, AIE);
	wr(5, 0x81);
	wr(3, 0);
	wr(1, 0);
	advance(13 * 3600 * SECOND - MS);
	CHECK_EQ(fake.irq[8], 0);
	advance(MS);
	CHECK_EQ(fake.irq[8], 1);
	rtc_free(rtc);
}

static void test_periodic(void)
{
	unsigned int i;

	start_at(UTC, GIB);
	rd(C);
	wr(B, PIE | H24);			/* rate 6: 1024 Hz */
	for (i = 0; i < 1024; i++) {
		advance(SECOND / 1024);
		rd(C);
	}
	CHECK(fake.rises[8] >= 1023 && fake.rises[8] <= 1024);
	fake.fired = 0;
	advance(SECOND);			/* unread: one, not a thousand */
	CHECK_EQ(fake.fired, 1);
	CHECK_EQ(rd(C) & 0xc0, 0xc0);
	wr(A, 0x2f);				/* 2 Hz */
	rd(C);
	fake.rises[8] = 0;
	for (i = 0; i < 100; i++) {
		advance(100 * MS);
		rd(C);
	}
	CHECK_EQ(fake.rises[8], 20);
	wr(A, 0x21);				/* 256 Hz by another name */
	advance(10000);
	rd(C);
	advance(3890 * 1000);
	CHECK_EQ(fake.irq[8], 0);
	advance(10000);
	CHECK_EQ(fake.irq[8], 1);
	rd(C);
	wr(A, 0x22);				/* 128 Hz, likewise */
	advance(10 * MS);
	fake.now_ns += 7812500 - (epoch_ns + fake.now_ns) % 7812500;
	rd(C);
	advance(7812400);
	CHECK_EQ(fake.irq[8], 0);
	advance(200);
	CHECK_EQ(fake.irq[8], 1);
	rd(C);
	wr(A, 0x20);				/* none */
	fake.fired = 0;
	advance(SECOND);
	CHECK_EQ(rd(C), UIE);
	CHECK_EQ(fake.fired, 0);
	wr(A, 0x26);
	wr(B, SET | PIE | H24);			/* SET does not stop it */
	advance(MS);
	CHECK_EQ(fake.irq[8], 1);
	wr(B, H24);
	CHECK_EQ(fake.irq[8], 0);
	rtc_free(rtc);
}

static void test_late_enable(void)
{
	start_at(UTC, GIB);
	advance(SECOND);
	wr(B, UIE | H24);			/* the flag was up already */
	CHECK_EQ(fake.irq[8], 1);
	rtc_reset(rtc);
	CHECK_EQ(fake.irq[8], 0);
	CHECK_EQ(rd(B), H24);
	CHECK_EQ(rd(C), 0);
	advance(SECOND);			/* nobody looked: still forgotten */
	rd(0x15);
	rtc_reset(rtc);
	CHECK_EQ(inb(0x71), rd(0));
	CHECK_EQ(rd(C), 0);
	wr(A, 0x2f);				/* flags add up */
	advance(SECOND - MS);
	CHECK_EQ(time_of_day(), 0x000001);
	rd(C);
	advance(MS);
	CHECK_EQ(time_of_day(), 0x000002);
	advance(SECOND / 2);
	CHECK_EQ(time_of_day(), 0x000002);
	CHECK_EQ(rd(C), PIE | UIE);
	fake.fired = 0;
	advance(SECOND);
	CHECK_EQ(fake.fired, 0);
	rtc_free(rtc);
}

static void test_host_clock_steps(void)
{
	start_at(UTC + 1, GIB);
	wr(1, 0x10);
	wr(3, 0xff);
	wr(5, 0xff);
	wr(B, AIE | H24);
	rd(C);
	epoch_ns -= 3600 * SECOND;
	CHECK_EQ(rd(C), 0);
	CHECK_EQ(time_of_day(), 0x230000);
	advance(9 * SECOND);
	CHECK_EQ(fake.irq[8], 0);
	advance(SECOND);
	CHECK_EQ(fake.irq[8], 1);
	rd(C);
	epoch_ns += 10 * 86400 * SECOND;	/* ten days pass at once */
	advance(60 * SECOND);
	CHECK_EQ(fake.irq[8], 1);
	CHECK(fake.fired < 5);
	rtc_free(rtc);
}

static void check_sizes(uint64_t mem, unsigned int ext, unsigned int above_16m,
			unsigned int above_4g)
{
	unsigned int i, sum = 0;

	fake_init();
	start_at(UTC, mem);
	CHECK_EQ(rd(0x14), 0x02);
	CHECK_EQ(rd(0x15) | rd(0x16) << 8, 640);
	CHECK_EQ(rd(0x17) | rd(0x18) << 8, ext);
	CHECK_EQ(rd(0x30) | rd(0x31) << 8, ext);
	CHECK_EQ(rd(0x34) | rd(0x35) << 8, above_16m);
	CHECK_EQ(rd(0x5b) | rd(0x5c) << 8 | rd(0x5d) << 16, above_4g);
	for (i = 0x10; i <= 0x2d; i++)
		sum += rd(i);
	CHECK_EQ(rd(0x2e) << 8 | rd(0x2f), sum);
	rtc_free(rtc);
}

static void test_cmos(void)
{
	unsigned int i;

	check_sizes(1 << 20, 0, 0, 0);
	check_sizes(8 << 20, 7 * 1024, 0, 0);
	check_sizes(256 << 20, 65535, 240 * 16, 0);
	check_sizes(3 * GIB, 65535, (3072 - 16) * 16, 0);
	check_sizes(8 * GIB, 65535, (3072 - 16) * 16, 5 * 16384);
	check_sizes(1ull << 52, 65535, (3072 - 16) * 16, 0xffffff);

	fake_init();
	start_at(UTC, GIB);
	for (i = 0x0e; i < 0x80; i++)
		if (i != 0x32)
			wr(i, ~i);
	for (i = 0x0e; i < 0x80; i++)
		if (i != 0x32)
			CHECK_EQ(rd(i), ~i & 0xff);
	CHECK_EQ(rd(0x8f), 0xf0);		/* bit 7 of the index is the NMI mask */
	wr(C, 0xff);
	CHECK_EQ(rd(C) & 0x0f, 0);
	wr(D, 0);
	CHECK_EQ(rd(D), 0x80);
	rtc_free(rtc);
}

static void test_garbage(void)
{
	unsigned int i, reg;

	start_at(UTC, GIB);
	wr(B, SET | H24);
	wr(0, 0x99);				/* 23:59:99 on the 31st of February */
	wr(7, 0x31);
	wr(8, 0x02);
	wr(B, H24);
	CHECK_EQ(time_of_day(), 0x000039);
	CHECK_EQ(date(), 0x20240303);
	for (i = 0; i < 20000; i++) {
		wr(B, fake_random());
		reg = fake_random() % 10;
		wr(fake_random() & 1 ? reg : 0x32, fake_random());
		wr(A, fake_random());
		advance(fake_random() % (2 * SECOND));
		rd(fake_random() % 14);
	}
	rtc_free(rtc);
}

static void test_hostile(void)
{
	start_at(UTC, GIB);
	fuzz_ports(100000, SECOND);
	CHECK(fake.fired < 100000);
	rtc_free(rtc);
}

static void test_refused(void)
{
	fake.refuse_timer = true;
	CHECK(!rtc_new(&fake, GIB));
	CHECK_EQ(errno, ENOMEM);
	fake.refuse_timer = false;
	fake.refuse_after = 0;
	CHECK(!rtc_new(&fake, GIB));
	CHECK_EQ(errno, EEXIST);
	CHECK(!fake.timers);
}

static const struct test tests[] = {
	{ "rtc: UTC, leap day, weekday", test_utc },
	{ "rtc: BCD and binary, 12 and 24 hours", test_formats },
	{ "rtc: setting the clock", test_set },
	{ "rtc: the divider's reset", test_divider },
	{ "rtc: update in progress", test_uip },
	{ "rtc: update interrupt", test_update_interrupt },
	{ "rtc: alarm interrupt and its wild cards", test_alarm },
	{ "rtc: periodic interrupt", test_periodic },
	{ "rtc: an enable meets a flag; reset", test_late_enable },
	{ "rtc: the host's clock is set", test_host_clock_steps },
	{ "rtc: CMOS sizes, checksum and RAM", test_cmos },
	{ "rtc: impossible dates", test_garbage },
	{ "rtc: random accesses", test_hostile },
	{ "rtc: a refused timer, a refused range", test_refused },
};

int main(void)
{
	return RUN_TESTS(tests);
}
