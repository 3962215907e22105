// SPDX-License-Identifier: GPL-2.0
/*
 * An MC146818 clock with 128 bytes of CMOS RAM. Its time is the host's UTC plus an offset, which
 * changes when the guest sets the clock. It knows nothing of time zones.
 *
 * The one trick: update, alarm and periodic flags are worked out from "what has passed since
 * the last look", by catch_up(). A host timer runs only for an interrupt that the guest enabled
 * and only until the first one is pending: register C must be read before there is another.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../device.h"
#include "bytewide.h"
#include "ticks.h"

#define RTC_PORT	0x70
#define RTC_IRQ		8

enum {
	SECONDS, SECONDS_ALARM, MINUTES, MINUTES_ALARM, HOURS, HOURS_ALARM,
	WEEKDAY, DAY, MONTH, YEAR, REG_A, REG_B, REG_C, REG_D,
	EQUIPMENT = 0x14, BASE_KB = 0x15, EXTENDED_KB = 0x17, SUM_FIRST = 0x10, SUM_LAST = 0x2d,
	SUM = 0x2e, EXTENDED_KB_COPY = 0x30, CENTURY = 0x32, ABOVE_16M = 0x34, ABOVE_4G = 0x5b,
	SHUTDOWN = 0x0f, BOOT_THIRD = 0x38, BOOT_FIRST = 0x3d,
};

#define A_UIP		0x80
#define A_DIVIDER_RESET	0x60
#define A_RATE		0x0f

#define B_24H		0x02
#define B_BINARY	0x04
#define B_SQWE		0x08
#define B_SET		0x80

/* Bits of C, and the enables in B. */
#define C_UPDATE	0x10
#define C_ALARM		0x20
#define C_PERIODIC	0x40
#define C_IRQ		0x80
#define C_FLAGS		(C_UPDATE | C_ALARM | C_PERIODIC)

#define D_VALID		0x80

#define ALARM_ANY	0xc0	/* this and more matches always */
#define HOUR_PM		0x80

#define CRYSTAL_HZ	32768
#define UPDATE_NS	2228000		/* UIP: 244 us of warning, 1984 us of update cycle */
#define DAY_SECONDS	86400

#define SHUTDOWN_S3	0xfe	/* why the processor was reset, for firmware */

#define KIB		1024ull
#define MIB		(1024 * KIB)
#define LOW_MEMORY_END	(3072 * MIB)	/* RAM beyond that lies above 4 GiB */

struct rtc {
	struct machine *m;
	struct machine_timer *timer;
	uint8_t index;
	uint8_t cmos[128];
	bool alarm_told;
	/* The guest's second is (host UTC + phase) / 1 s + offset. */
	uint64_t phase_ns;
	int64_t offset;
	uint64_t seen_ns;	/* flags are worked out up to here; host UTC + phase */
};

static uint64_t clock_ns(const struct rtc *rtc)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec + rtc->phase_ns;
}

static bool divider_runs(const struct rtc *rtc)
{
	return (rtc->cmos[REG_A] & A_DIVIDER_RESET) != A_DIVIDER_RESET;
}

static bool time_runs(const struct rtc *rtc)
{
	return divider_runs(rtc) && !(rtc->cmos[REG_B] & B_SET);
}

/* ---- seconds and registers ------------------------------------------------------------ */

static uint8_t encode(const struct rtc *rtc, unsigned int value)
{
	return rtc->cmos[REG_B] & B_BINARY ? value : value / 10 << 4 | value % 10;
}

static int decode(const struct rtc *rtc, uint8_t value)
{
	return rtc->cmos[REG_B] & B_BINARY ? value : (value >> 4) * 10 + (value & 15);
}

static uint8_t encode_hour(const struct rtc *rtc, unsigned int hour)
{
	if (rtc->cmos[REG_B] & B_24H)
		return encode(rtc, hour);
	return encode(rtc, hour % 12 ? hour % 12 : 12) | (hour >= 12 ? HOUR_PM : 0);
}

static int decode_hour(const struct rtc *rtc, uint8_t value)
{
	if (rtc->cmos[REG_B] & B_24H)
		return decode(rtc, value);
	return decode(rtc, value & ~HOUR_PM) % 12 + (value & HOUR_PM ? 12 : 0);
}

static void seconds_to_registers(struct rtc *rtc, int64_t seconds)
{
	time_t time = seconds;
	struct tm tm;
	int year;

	if (!gmtime_r(&time, &tm))
		return;
	year = tm.tm_year + 1900;
	rtc->cmos[SECONDS] = encode(rtc, tm.tm_sec);
	rtc->cmos[MINUTES] = encode(rtc, tm.tm_min);
	rtc->cmos[HOURS] = encode_hour(rtc, tm.tm_hour);
	rtc->cmos[WEEKDAY] = encode(rtc, tm.tm_wday + 1);
	rtc->cmos[DAY] = encode(rtc, tm.tm_mday);
	rtc->cmos[MONTH] = encode(rtc, tm.tm_mon + 1);
	rtc->cmos[YEAR] = encode(rtc, year % 100);
	rtc->cmos[CENTURY] = encode(rtc, year / 100);
}

/* Any bytes make a time: timegm() carries a 99th second or a 0th month over. */
static int64_t registers_to_seconds(const struct rtc *rtc)
{
	struct tm tm = {
		.tm_sec = decode(rtc, rtc->cmos[SECONDS]),
		.tm_min = decode(rtc, rtc->cmos[MINUTES]),
		.tm_hour = decode_hour(rtc, rtc->cmos[HOURS]),
		.tm_mday = decode(rtc, rtc->cmos[DAY]),
		.tm_mon = decode(rtc, rtc->cmos[MONTH]) - 1,
		.tm_year = decode(rtc, rtc->cmos[CENTURY]) * 100 +
			   decode(rtc, rtc->cmos[YEAR]) - 1900,
	};

	return timegm(&tm);
}

/* ---- flags and interrupts ------------------------------------------------------------- */

static bool alarm_matches(const struct rtc *rtc, unsigned int reg, uint8_t now)
{
	return rtc->cmos[reg] >= ALARM_ANY || rtc->cmos[reg] == now;
}

/* The first second from @from on at which the alarm goes off, or INT64_MAX. */
static int64_t next_alarm(const struct rtc *rtc, int64_t from)
{
	unsigned int tries, of_day;

	/* Seconds, minutes, hours to skip, then minutes and seconds of the right hour. */
	for (tries = 0; tries < 60 + 60 + 24 + 60 + 60; tries++) {
		of_day = ((from % DAY_SECONDS) + DAY_SECONDS) % DAY_SECONDS;
		if (!alarm_matches(rtc, HOURS_ALARM, encode_hour(rtc, of_day / 3600)))
			from += 3600 - of_day % 3600;
		else if (!alarm_matches(rtc, MINUTES_ALARM, encode(rtc, of_day / 60 % 60)))
			from += 60 - of_day % 60;
		else if (!alarm_matches(rtc, SECONDS_ALARM, encode(rtc, of_day % 60)))
			from++;
		else
			return from;
	}
	return INT64_MAX;
}

/* Crystal ticks between two periodic interrupts, 0 for none. */
static uint64_t period(const struct rtc *rtc)
{
	unsigned int rate = rtc->cmos[REG_A] & A_RATE;

	if (!rate || !divider_runs(rtc))
		return 0;
	/* With a 32 kHz crystal, rates 1 and 2 are those of 8 and 9. */
	return 1u << (rate <= 2 ? rate + 6 : rate - 1);
}

/* Bring the flags and, if time runs, the time registers up to date. */
static void catch_up(struct rtc *rtc)
{
	uint64_t now = clock_ns(rtc), ticks = period(rtc);
	int64_t before, second = now / NSEC_PER_SEC;

	if (now < rtc->seen_ns)		/* the host's clock was set back */
		rtc->seen_ns = now;
	before = rtc->seen_ns / NSEC_PER_SEC;
	if (ticks && ticks_from_ns(now, CRYSTAL_HZ) / ticks !=
		     ticks_from_ns(rtc->seen_ns, CRYSTAL_HZ) / ticks)
		rtc->cmos[REG_C] |= C_PERIODIC;
	if (time_runs(rtc))
		seconds_to_registers(rtc, second + rtc->offset);
	if (time_runs(rtc) && second != before) {
		rtc->cmos[REG_C] |= C_UPDATE;
		if (next_alarm(rtc, before + 1 + rtc->offset) <= second + rtc->offset)
			rtc->cmos[REG_C] |= C_ALARM;
	}
	rtc->seen_ns = now;
}

static uint64_t next_event_ns(const struct rtc *rtc)
{
	uint64_t ticks = period(rtc), seen = rtc->seen_ns, at = UINT64_MAX, event;
	uint64_t second = seen / NSEC_PER_SEC + 1;
	uint8_t enabled = rtc->cmos[REG_B];
	int64_t alarm;

	if ((enabled & C_PERIODIC) && ticks)
		at = ns_from_ticks((ticks_from_ns(seen, CRYSTAL_HZ) / ticks + 1) * ticks,
				   CRYSTAL_HZ);
	if ((enabled & C_UPDATE) && time_runs(rtc)) {
		event = second * NSEC_PER_SEC;
		at = event < at ? event : at;
	}
	if ((enabled & C_ALARM) && time_runs(rtc)) {
		alarm = next_alarm(rtc, second + rtc->offset);
		event = alarm == INT64_MAX ? UINT64_MAX : (alarm - rtc->offset) * NSEC_PER_SEC;
		at = event < at ? event : at;
	}
	return at;
}

static void update_irq(struct rtc *rtc)
{
	uint64_t deadline = UINT64_MAX;

	if ((rtc->cmos[REG_C] & rtc->cmos[REG_B] & C_ALARM) && !rtc->alarm_told)
		machine_rtc_alarm(rtc->m);
	rtc->alarm_told = rtc->cmos[REG_C] & rtc->cmos[REG_B] & C_ALARM;
	if (rtc->cmos[REG_C] & rtc->cmos[REG_B] & C_FLAGS)
		rtc->cmos[REG_C] |= C_IRQ;
	else
		rtc->cmos[REG_C] &= ~C_IRQ;
	if (!(rtc->cmos[REG_C] & C_IRQ))
		deadline = next_event_ns(rtc);
	if (deadline != UINT64_MAX)
		deadline = machine_now_ns(rtc->m) + (deadline - rtc->seen_ns);
	machine_timer_arm(rtc->timer, deadline);
	machine_set_irq(rtc->m, RTC_IRQ, !!(rtc->cmos[REG_C] & C_IRQ));
}

static void fire(void *opaque)
{
	catch_up(opaque);
	update_irq(opaque);
}

/* ---- registers ------------------------------------------------------------------------ */

/* The registers are the truth: move the offset so that the clock goes on from them, now. */
static void set_time(struct rtc *rtc)
{
	rtc->offset = registers_to_seconds(rtc) - (int64_t)(rtc->seen_ns / NSEC_PER_SEC);
}

static void write_control(struct rtc *rtc, uint8_t reg, uint8_t value)
{
	bool divided = divider_runs(rtc), ran = time_runs(rtc);
	uint64_t fraction;

	rtc->cmos[reg] = value;
	/* The first update comes half a second after the divider is let go. */
	if (!divided && divider_runs(rtc)) {
		fraction = clock_ns(rtc) % NSEC_PER_SEC;
		rtc->phase_ns = (rtc->phase_ns + 3 * NSEC_PER_SEC / 2 - fraction) % NSEC_PER_SEC;
		rtc->seen_ns = clock_ns(rtc);
	}
	if (!ran && time_runs(rtc))
		set_time(rtc);
}

static void write_cmos(struct rtc *rtc, uint8_t reg, uint8_t value)
{
	catch_up(rtc);
	switch (reg) {
	case SECONDS:
	case MINUTES:
	case HOURS:
	case DAY ... YEAR:
	case CENTURY:
		rtc->cmos[reg] = value;
		if (time_runs(rtc))
			set_time(rtc);
		break;
	case REG_A:
		write_control(rtc, reg, value & ~A_UIP);
		break;
	case REG_B:
		/* SET ends an update cycle, and its interrupt with it. */
		write_control(rtc, reg, value & B_SET ? value & ~C_UPDATE : value);
		break;
	case REG_C:
	case REG_D:
		break;
	default:
		rtc->cmos[reg] = value;
		break;
	}
	update_irq(rtc);
}

static uint8_t read_cmos(struct rtc *rtc, uint8_t reg)
{
	uint8_t value;

	if (reg > REG_C && reg != CENTURY)
		return rtc->cmos[reg];
	catch_up(rtc);
	update_irq(rtc);
	value = rtc->cmos[reg];
	if (reg == REG_A && time_runs(rtc) &&
	    rtc->seen_ns % NSEC_PER_SEC >= NSEC_PER_SEC - UPDATE_NS)
		value |= A_UIP;
	if (reg == REG_C) {
		rtc->cmos[REG_C] = 0;
		update_irq(rtc);
	}
	return value;
}

static uint8_t read_byte(void *opaque, uint64_t offset)
{
	struct rtc *rtc = opaque;

	return offset == 1 ? read_cmos(rtc, rtc->index) : OPEN_BUS;
}

static void write_byte(void *opaque, uint64_t offset, uint8_t value)
{
	struct rtc *rtc = opaque;

	if (offset == 0)
		rtc->index = value & 0x7f;	/* bit 7 masks NMI, of which there are none */
	else if (offset == 1)
		write_cmos(rtc, rtc->index, value);
}

static uint64_t rtc_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	return bytewide_read(read_byte, opaque, offset, bytes);
}

static void rtc_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	bytewide_write(write_byte, opaque, offset, bytes, value);
}

/* ---- life ----------------------------------------------------------------------------- */

static void put_size(struct rtc *rtc, unsigned int reg, unsigned int bytes, uint64_t size)
{
	uint64_t most = (1ull << 8 * bytes) - 1;
	unsigned int i;

	for (i = 0; i < bytes; i++)
		rtc->cmos[reg + i] = (size < most ? size : most) >> 8 * i;
}

/* @end bytes of memory, of which what lies beyond @start counts, in units of @unit bytes. */
static uint64_t beyond(uint64_t end, uint64_t start, uint64_t unit)
{
	return end > start ? (end - start) / unit : 0;
}

/* What a BIOS would have found; the checksum is over 10h-2Dh, high byte first. */
static void fill_cmos(struct rtc *rtc, uint64_t mem_bytes)
{
	uint64_t low = mem_bytes < LOW_MEMORY_END ? mem_bytes : LOW_MEMORY_END;
	unsigned int i, sum = 0;

	rtc->cmos[EQUIPMENT] = 0x02;	/* a coprocessor, no floppy */
	put_size(rtc, BASE_KB, 2, 640);
	put_size(rtc, EXTENDED_KB, 2, beyond(low, MIB, KIB));
	put_size(rtc, EXTENDED_KB_COPY, 2, beyond(low, MIB, KIB));
	put_size(rtc, ABOVE_16M, 2, beyond(low, 16 * MIB, 64 * KIB));
	put_size(rtc, ABOVE_4G, 3, beyond(mem_bytes, LOW_MEMORY_END, 64 * KIB));
	rtc->cmos[BOOT_FIRST] = 0x42;	/* disks, then the network, */
	rtc->cmos[BOOT_THIRD] = 0x31;	/* then CD-ROMs */
	for (i = SUM_FIRST; i <= SUM_LAST; i++)
		sum += rtc->cmos[i];
	rtc->cmos[SUM] = sum >> 8;
	rtc->cmos[SUM + 1] = sum;
}

void rtc_tell_woken(struct rtc *rtc)
{
	rtc->cmos[SHUTDOWN] = SHUTDOWN_S3;
}

/* The battery keeps time and RAM; the reset line clears what can interrupt. */
void rtc_reset(struct rtc *rtc)
{
	catch_up(rtc);
	rtc->index = 0;
	rtc->cmos[REG_B] &= ~(C_FLAGS | B_SQWE);
	rtc->cmos[REG_C] = 0;
	update_irq(rtc);
}

struct rtc *rtc_new(struct machine *m, uint64_t mem_bytes)
{
	struct rtc *rtc = calloc(1, sizeof(*rtc));
	struct io_range range = { "rtc", RTC_PORT, 2, rtc_read, rtc_write, rtc };
	int err;

	if (!rtc)
		return NULL;
	rtc->m = m;
	rtc->timer = machine_timer_new(m, fire, rtc);
	if (!rtc->timer) {
		err = -ENOMEM;
		goto free_rtc;
	}
	rtc->cmos[REG_A] = 0x26;	/* 32 kHz, 1024 Hz */
	rtc->cmos[REG_B] = B_24H;
	rtc->cmos[REG_D] = D_VALID;
	fill_cmos(rtc, mem_bytes);
	rtc_reset(rtc);
	err = machine_add_ports(m, &range);
	if (!err)
		return rtc;
	machine_timer_free(rtc->timer);
free_rtc:
	free(rtc);
	errno = -err;
	return NULL;
}

void rtc_free(struct rtc *rtc)
{
	if (!rtc)
		return;
	machine_timer_free(rtc->timer);
	free(rtc);
}
