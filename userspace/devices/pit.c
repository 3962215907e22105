// SPDX-License-Identifier: GPL-2.0
/*
 * An 8254 timer: channel 0 drives IRQ 0, channel 2 the speaker, whose gate and output are in the
 * system port 61h. It knows nothing of interrupt controllers.
 *
 * The one trick: nothing counts. A channel remembers at which tick of the 1.193182 MHz clock it
 * started, and count and output are computed when somebody looks. The only host timer is for the
 * next rising edge of channel 0, if there will be one.
 *
 * Kept simple: a load takes effect at once instead of at the next clock; a new count in mode 3
 * takes effect at the end of the period, as in mode 2, not of the half; the low half of mode 3 is
 * seen in the status and at 61h, while IRQ 0 stays high between ticks. Ticks that come too late
 * or too fast for the host are dropped, never caught up.
 */
#include <errno.h>
#include <stdlib.h>

#include "../device.h"
#include "bytewide.h"
#include "ticks.h"

#define PIT_BASE	0x40
#define PIT_SIZE	4
#define PIT_CONTROL	3
#define SYSTEM_PORT	0x61
#define TIMER_IRQ	0

#define PIT_HZ		1193182
#define MIN_EDGE_TICKS	119	/* 100 us: the host is not woken more often than that */
#define REFRESH_TICKS	18	/* half a period of the DRAM refresh signal at 61h */

#define RW_LOW		1
#define RW_HIGH		2
#define RW_BOTH		3

#define SYS_GATE2	0x01
#define SYS_STORED	0x0f
#define SYS_REFRESH	0x10
#define SYS_OUT2	0x20

/* Times are ticks of the PIT's clock since machine time 0, and so never wrap. */
struct channel {
	uint8_t rw, mode_bits;
	bool bcd;
	bool gate;
	bool counting;		/* a count was loaded and, in modes 1 and 5, triggered */
	bool null_count;	/* what was written is not yet what counts */
	bool reload_pending;	/* modes 2 and 3: @reload replaces @count at @reload_at */
	uint32_t count;		/* 1 to 65536, or to 10000 in BCD */
	uint32_t reload;
	uint64_t reload_at;	/* in ticks elapsed */
	uint64_t start;
	uint64_t held;		/* elapsed before @start, kept while the gate was low */

	bool high_byte_next_write, high_byte_next_read;
	uint8_t low_byte;
	bool count_latched, status_latched;
	uint16_t count_latch;
	uint8_t status_latch;
};

struct pit {
	struct machine *m;
	struct machine_timer *timer;
	struct channel channel[3];
	uint64_t edge;		/* the tick that the timer is armed for */
	uint8_t system_port;
};

static uint64_t now(const struct pit *pit)
{
	return ticks_from_ns(machine_now_ns(pit->m), PIT_HZ);
}

/* ---- a channel at tick @t ------------------------------------------------------------- */

/* The control word's mode bits have a "don't care" in front of modes 2 and 3. */
static unsigned int mode(const struct channel *c)
{
	return c->mode_bits > 5 ? c->mode_bits - 4 : c->mode_bits;
}

static bool is_triggered(const struct channel *c)
{
	return mode(c) == 1 || mode(c) == 5;
}

static bool is_periodic(const struct channel *c)
{
	return mode(c) == 2 || mode(c) == 3;
}

static uint32_t modulus(const struct channel *c)
{
	return c->bcd ? 10000 : 65536;
}

static uint64_t elapsed(const struct channel *c, uint64_t t)
{
	if (!c->counting)
		return 0;
	return c->held + (c->gate || is_triggered(c) ? t - c->start : 0);
}

static void load(struct channel *c, uint32_t count, uint64_t t)
{
	c->count = count;
	c->start = t;
	c->held = 0;
	c->counting = true;
	c->null_count = false;
	c->reload_pending = false;
}

static void catch_up(struct channel *c, uint64_t t)
{
	if (c->reload_pending && elapsed(c, t) >= c->reload_at)
		load(c, c->reload, c->start + c->reload_at - c->held);
}

static bool out(const struct channel *c, uint64_t t)
{
	uint64_t e = elapsed(c, t);

	switch (mode(c)) {
	case 0:
		return c->counting && e >= c->count;
	case 1:
		return !c->counting || e >= c->count;
	case 2:
		return !c->counting || !c->gate || e % c->count != c->count - 1;
	case 3:
		return !c->counting || !c->gate || e % c->count < (c->count + 1) / 2;
	default:
		return !c->counting || e != c->count;
	}
}

static uint16_t to_bcd(uint32_t value)
{
	return value % 10 | value / 10 % 10 << 4 | value / 100 % 10 << 8 | value / 1000 % 10 << 12;
}

static uint32_t from_bcd(uint16_t value)
{
	return (value >> 12) * 1000 + (value >> 8 & 15) * 100 + (value >> 4 & 15) * 10 +
	       (value & 15);
}

static uint16_t read_count(const struct channel *c, uint64_t t)
{
	uint64_t e = elapsed(c, t);
	uint32_t value = c->count, high, phase;

	if (mode(c) == 2 && c->counting) {
		value = c->count - e % c->count;
	} else if (mode(c) == 3 && c->counting) {
		/* It counts by two, from an even number, once for each half. */
		phase = e % c->count;
		high = (c->count + 1) / 2;
		value = (c->count & ~1u) - 2 * (phase < high ? phase : phase - high);
	} else if (c->counting) {
		value = c->count + modulus(c) - e % modulus(c);
	}
	/* Four digits or 16 bits are what is left of it. */
	return c->bcd ? to_bcd(value) : value;
}

static uint8_t read_status(const struct channel *c, uint64_t t)
{
	return out(c, t) << 7 | c->null_count << 6 | c->rw << 4 | c->mode_bits << 1 | c->bcd;
}

static void set_gate(struct channel *c, bool gate, uint64_t t)
{
	if (gate == c->gate)
		return;
	catch_up(c, t);
	if (!gate) {
		if (!is_triggered(c))
			c->held = elapsed(c, t);
		c->gate = false;
		return;
	}
	c->gate = true;
	if (is_triggered(c) && c->reload)
		load(c, c->reload, t);
	else if (is_periodic(c) && c->counting)
		load(c, c->reload_pending ? c->reload : c->count, t);
	else if (!is_triggered(c))
		c->start = t;
}

static void set_count(struct channel *c, uint16_t written, uint64_t t)
{
	uint32_t count = (c->bcd ? from_bcd(written) : written) % modulus(c);

	if (!count)
		count = modulus(c);
	c->reload = count;
	if (is_triggered(c)) {
		c->null_count = true;
	} else if (is_periodic(c) && c->counting) {
		c->null_count = true;
		c->reload_pending = true;
		c->reload_at = (elapsed(c, t) / c->count + 1) * c->count;
	} else {
		load(c, count, t);
	}
}

/* ---- IRQ 0 ---------------------------------------------------------------------------- */

static void arm(struct pit *pit, uint64_t t)
{
	const struct channel *c = &pit->channel[0];
	uint64_t e = elapsed(c, t), at = UINT64_MAX;

	if (c->counting && is_periodic(c))
		at = (e + MIN_EDGE_TICKS + c->count - 1) / c->count * c->count;
	else if (c->counting && mode(c) == 0 && e < c->count)
		at = c->count;
	else if (c->counting && mode(c) == 4 && e <= c->count)
		at = c->count + 1;	/* the strobe is low for one clock */

	pit->edge = at == UINT64_MAX ? at : c->start + at;
	machine_timer_arm(pit->timer,
			  at == UINT64_MAX ? at : ns_from_ticks(pit->edge, PIT_HZ));
}

/* Channel 0 was written to: its output follows at once. */
static void restart(struct pit *pit, uint64_t t)
{
	const struct channel *c = &pit->channel[0];

	machine_set_irq(pit->m, TIMER_IRQ, mode(c) == 0 ? out(c, t) : 1);
	arm(pit, t);
}

static void fire(void *opaque)
{
	struct pit *pit = opaque;
	uint64_t t = now(pit);

	if (t >= pit->edge) {
		machine_set_irq(pit->m, TIMER_IRQ, 0);
		machine_set_irq(pit->m, TIMER_IRQ, 1);
	}
	catch_up(&pit->channel[0], t);
	arm(pit, t);
}

/* The guest looks or writes: what was due by now has happened, even if the timer is late. */
static uint64_t now_settled(struct pit *pit)
{
	if (now(pit) >= pit->edge)
		fire(pit);
	return now(pit);
}

/* ---- registers ------------------------------------------------------------------------ */

static void latch_count(struct channel *c, uint64_t t)
{
	if (c->count_latched)
		return;
	c->count_latched = true;
	c->count_latch = read_count(c, t);
}

static void read_back(struct pit *pit, uint8_t command, uint64_t t)
{
	unsigned int i;
	struct channel *c;

	for (i = 0; i < 3; i++) {
		c = &pit->channel[i];
		if (!(command & (2u << i)))
			continue;
		catch_up(c, t);
		if (!(command & 0x20))
			latch_count(c, t);
		if (!(command & 0x10) && !c->status_latched) {
			c->status_latched = true;
			c->status_latch = read_status(c, t);
		}
	}
}

static void write_control(struct pit *pit, uint8_t value, uint64_t t)
{
	unsigned int i = value >> 6, rw = value >> 4 & 3;
	struct channel *c;

	if (i == 3) {
		read_back(pit, value, t);
		return;
	}
	c = &pit->channel[i];
	if (!rw) {
		catch_up(c, t);
		latch_count(c, t);
		return;
	}
	*c = (struct channel) {
		.rw = rw,
		.mode_bits = value >> 1 & 7,
		.bcd = value & 1,
		.gate = c->gate,
		.null_count = true,
		.count = c->count,
	};
	if (i == 0)
		restart(pit, t);
}

static void write_channel(struct pit *pit, unsigned int i, uint8_t value, uint64_t t)
{
	struct channel *c = &pit->channel[i];

	catch_up(c, t);
	if (c->rw == RW_LOW) {
		set_count(c, value, t);
	} else if (c->rw == RW_HIGH) {
		set_count(c, value << 8, t);
	} else if (c->high_byte_next_write) {
		c->high_byte_next_write = false;
		set_count(c, value << 8 | c->low_byte, t);
	} else {
		c->high_byte_next_write = true;
		c->low_byte = value;
		/* In mode 0 half a count stops the old one. */
		if (mode(c) == 0)
			c->counting = false;
	}
	if (i == 0)
		restart(pit, t);
}

static uint8_t read_channel(struct channel *c, uint64_t t)
{
	uint16_t count;
	bool high;

	if (c->status_latched) {
		c->status_latched = false;
		return c->status_latch;
	}
	catch_up(c, t);
	count = c->count_latched ? c->count_latch : read_count(c, t);
	high = c->rw == RW_HIGH || (c->rw == RW_BOTH && c->high_byte_next_read);
	if (c->rw == RW_BOTH)
		c->high_byte_next_read = !c->high_byte_next_read;
	if (c->rw != RW_BOTH || high)
		c->count_latched = false;
	return high ? count >> 8 : count;
}

static uint8_t read_byte(void *opaque, uint64_t offset)
{
	struct pit *pit = opaque;

	return offset < PIT_CONTROL ? read_channel(&pit->channel[offset], now_settled(pit)) :
		OPEN_BUS;
}

static void write_byte(void *opaque, uint64_t offset, uint8_t value)
{
	struct pit *pit = opaque;

	if (offset < PIT_CONTROL)
		write_channel(pit, offset, value, now_settled(pit));
	else if (offset == PIT_CONTROL)
		write_control(pit, value, now_settled(pit));
}

static uint64_t pit_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	return bytewide_read(read_byte, opaque, offset, bytes);
}

static void pit_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	bytewide_write(write_byte, opaque, offset, bytes, value);
}

static uint64_t system_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	struct pit *pit = opaque;
	uint64_t t = now(pit);

	(void)offset;
	(void)bytes;
	catch_up(&pit->channel[2], t);
	return pit->system_port | (t / REFRESH_TICKS & 1 ? SYS_REFRESH : 0) |
	       (out(&pit->channel[2], t) ? SYS_OUT2 : 0);
}

static void system_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	struct pit *pit = opaque;

	(void)offset;
	(void)bytes;
	pit->system_port = value & SYS_STORED;
	set_gate(&pit->channel[2], value & SYS_GATE2, now(pit));
}

/* ---- life ----------------------------------------------------------------------------- */

void pit_reset(struct pit *pit)
{
	unsigned int i;

	for (i = 0; i < 3; i++) {
		pit->channel[i] = (struct channel) {
			.rw = RW_BOTH,
			.gate = i != 2,
			.null_count = true,
		};
	}
	pit->system_port = 0;
	restart(pit, now(pit));
}

struct pit *pit_new(struct machine *m)
{
	struct pit *pit = calloc(1, sizeof(*pit));
	struct io_range timer = { "pit", PIT_BASE, PIT_SIZE, pit_read, pit_write, pit };
	struct io_range port = { "system port", SYSTEM_PORT, 1, system_read, system_write, pit };
	int err;

	if (!pit)
		return NULL;
	pit->m = m;
	pit->timer = machine_timer_new(m, fire, pit);
	if (!pit->timer) {
		err = -ENOMEM;
		goto free_pit;
	}
	pit_reset(pit);
	err = machine_add_ports(m, &timer);
	if (!err)
		err = machine_add_ports(m, &port);
	if (!err)
		return pit;
	machine_timer_free(pit->timer);
free_pit:
	free(pit);
	errno = -err;
	return NULL;
}

void pit_free(struct pit *pit)
{
	if (!pit)
		return;
	machine_timer_free(pit->timer);
	free(pit);
}
