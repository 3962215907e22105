// SPDX-License-Identifier: GPL-2.0
/*
 * A high-precision event timer (IA-PC HPET Specification 1.0a) with three timers at 100 MHz.
 *
 * It knows nothing of interrupt controllers. In its legacy mode timers 0 and 1 have the lines of
 * the 8254 and of the clock, which the machine then keeps from these (machine_replace_legacy()).
 *
 * The counter is computed from the time. A timer is armed for its next match only; a period that is
 * shorter than anyone can serve gives fewer interrupts, never a storm.
 */
#include <errno.h>
#include <stdlib.h>

#include "../device.h"
#include "hpet.h"
#include "ticks.h"

#define NR_TIMERS	3
#define HZ		100000000u
#define PERIOD_FS	10000000ull	/* of a tick: 1e15 / HZ */
#define ROUTES		0xff0000u	/* pins of the I/O APIC that a timer can have */

/* Registers; each has 8 bytes. */
#define ID		0x00
#define CONFIG		0x10
#define STATUS		0x20
#define COUNTER		0xf0
#define TIMERS		0x100		/* 32 bytes each */
#define TIMER_CONFIG	0x00
#define TIMER_COMPARE	0x08
#define TIMER_MESSAGE	0x10

/* Revision 1, three timers, 64 bits, legacy mode, 8086h as the vendor. */
#define ID_VALUE	(PERIOD_FS << 32 | HPET_ID)

#define CONFIG_ON	1u
#define CONFIG_LEGACY	2u

#define T_LEVEL		0x0002u
#define T_ON		0x0004u
#define T_PERIODIC	0x0008u
#define T_CAN_REPEAT	0x0010u
#define T_64_BIT	0x0020u
#define T_SET_VALUE	0x0040u
#define T_32_BIT	0x0100u
#define T_ROUTE		0x3e00u
#define T_ROUTE_SHIFT	9
#define T_MESSAGE_ON	0x4000u
#define T_CAN_MESSAGE	0x8000u
#define T_WRITABLE	(T_LEVEL | T_ON | T_PERIODIC | T_SET_VALUE | T_32_BIT | T_ROUTE | \
			 T_MESSAGE_ON)
#define T_FIXED		((uint64_t)ROUTES << 32 | T_CAN_REPEAT | T_64_BIT | T_CAN_MESSAGE)

struct timer {
	struct hpet *hpet;
	unsigned int n;
	struct machine_timer *timer;
	uint32_t config;
	uint64_t compare, period;
	uint32_t data, address;		/* its interrupt message */
	bool raised;			/* its line, of a level-triggered one */
	unsigned int pin;		/* that it raised */
	uint64_t next;			/* the count at which it is due */
	bool armed;
};

struct hpet {
	struct machine *m;
	struct timer timers[NR_TIMERS];
	uint32_t config, status;
	uint64_t base;			/* the counter, less the time's ticks while it runs */
};

/* The counter */

static uint64_t now(const struct hpet *h)
{
	return ticks_from_ns(machine_now_ns(h->m), HZ);
}

static bool runs(const struct hpet *h)
{
	return h->config & CONFIG_ON;
}

static uint64_t counter(const struct hpet *h)
{
	return runs(h) ? h->base + now(h) : h->base;
}

/* Interrupts */

static bool is_legacy(const struct timer *t)
{
	return (t->hpet->config & CONFIG_LEGACY) && t->n < 2;
}

static void drop_line(struct timer *t)
{
	if (!t->raised)
		return;
	t->raised = false;
	machine_set_irq(t->hpet->m, t->pin, 0);
}

static void raise_line(struct timer *t)
{
	unsigned int pin = (t->config & T_ROUTE) >> T_ROUTE_SHIFT;
	struct machine *m = t->hpet->m;

	if (is_legacy(t)) {
		machine_set_replaced_irq(m, t->n ? 8 : 0, 0);
		machine_set_replaced_irq(m, t->n ? 8 : 0, 1);
	} else if (t->config & T_MESSAGE_ON) {
		machine_send_msi(m, t->address, t->data);
	} else if (pin < 32 && (ROUTES >> pin & 1)) {
		drop_line(t);
		machine_set_irq(m, pin, 1);
		t->pin = pin;
		t->raised = t->config & T_LEVEL;
		if (!t->raised)
			machine_set_irq(m, pin, 0);
	}
}

static void match(struct timer *t)
{
	if (!is_legacy(t) && (t->config & (T_LEVEL | T_MESSAGE_ON)) == T_LEVEL)
		t->hpet->status |= 1u << t->n;
	if (t->config & T_ON)
		raise_line(t);
}

/* Timers */

static bool is_short(const struct timer *t)
{
	return t->config & T_32_BIT;
}

/* Ticks from @count on until @t matches. */
static uint64_t ahead(const struct timer *t, uint64_t count)
{
	uint64_t ticks = t->compare - count;

	return is_short(t) ? (uint32_t)ticks : ticks;
}

static void arm_in(struct timer *t, uint64_t count, uint64_t ticks)
{
	t->armed = runs(t->hpet) && ticks < 1ull << 62;
	t->next = count + ticks;
	machine_timer_arm(t->timer, t->armed ?
			  ns_from_ticks(now(t->hpet) + ticks, HZ) : UINT64_MAX);
}

/* To what it is now, or disarmed: where it is due in centuries, or was moments ago. */
static void arm(struct timer *t)
{
	uint64_t count = counter(t->hpet);

	arm_in(t, count, ahead(t, count));
}

/*
 * A guest asks for a time that was to come when it asked: an exit takes longer than it may look
 * ahead.  Were it to wait for the counter to come round, drivers that try some times would give up.
 */
static void arm_written(struct timer *t)
{
	uint64_t count = counter(t->hpet), ticks = ahead(t, count);
	bool is_over = is_short(t) ? (int32_t)ticks < 0 : (int64_t)ticks < 0;

	arm_in(t, count, is_over ? 0 : ticks);
}

/* Behind a match: a period on, or several if that is not far enough. */
static void repeat(struct timer *t, uint64_t count)
{
	uint64_t late = count + HPET_MIN_TICKS - t->next;

	t->compare += (late / t->period + 1) * t->period;
	if (is_short(t))
		t->compare = (uint32_t)t->compare;
}

static void fire(void *opaque)
{
	struct timer *t = opaque;
	uint64_t count;

	if (!t->armed || counter(t->hpet) < t->next)
		return;
	match(t);
	/* That took time. */
	count = counter(t->hpet);
	if ((t->config & T_PERIODIC) && t->period) {
		repeat(t, count);
		arm_in(t, count, ahead(t, count));
	} else if (is_short(t)) {
		/* Again when the counter's lower half comes round. */
		arm_in(t, count, t->next + (1ull << 32) - count);
	} else {
		t->armed = false;
	}
}

static void arm_all(struct hpet *h)
{
	for (unsigned int i = 0; i < NR_TIMERS; i++)
		arm(&h->timers[i]);
}

/* Registers */

static uint64_t read_timer(const struct timer *t, unsigned int at)
{
	switch (at) {
	case TIMER_CONFIG:
		return T_FIXED | t->config;
	case TIMER_COMPARE:
		return t->compare;
	case TIMER_MESSAGE:
		return (uint64_t)t->address << 32 | t->data;
	}
	return 0;
}

static uint64_t read_register(const struct hpet *h, unsigned int at)
{
	switch (at) {
	case ID:
		return ID_VALUE;
	case CONFIG:
		return h->config;
	case STATUS:
		return h->status;
	case COUNTER:
		return counter(h);
	}
	if (at >= TIMERS && at < TIMERS + 32 * NR_TIMERS)
		return read_timer(&h->timers[(at - TIMERS) / 32], at % 32);
	return 0;
}

static void set_config(struct hpet *h, uint32_t value)
{
	bool was_legacy = h->config & CONFIG_LEGACY;
	uint64_t count = counter(h);

	h->config = value & (CONFIG_ON | CONFIG_LEGACY);
	h->base = runs(h) ? count - now(h) : count;
	if (was_legacy != !!(h->config & CONFIG_LEGACY)) {
		for (unsigned int i = 0; i < NR_TIMERS; i++)
			drop_line(&h->timers[i]);
		machine_replace_legacy(h->m, !was_legacy);
	}
	arm_all(h);
}

/* Ones clear; a line that is up for it falls. */
static void clear_status(struct hpet *h, uint32_t value)
{
	for (unsigned int i = 0; i < NR_TIMERS; i++) {
		if (value & h->status & 1u << i)
			drop_line(&h->timers[i]);
	}
	h->status &= ~value;
}

static void set_counter(struct hpet *h, uint64_t value)
{
	if (runs(h))
		return;
	h->base = value;
	arm_all(h);
}

static void set_timer_config(struct timer *t, uint32_t value)
{
	uint32_t changed = t->config ^ value;

	t->config = value & T_WRITABLE;
	if (changed & (T_LEVEL | T_ON | T_ROUTE | T_MESSAGE_ON))
		drop_line(t);
	if (is_short(t)) {
		t->compare = (uint32_t)t->compare;
		t->period = (uint32_t)t->period;
	}
	arm(t);
}

/* In periodic mode it is the period, and the value as well if that was asked for once. */
static void set_compare(struct timer *t, uint64_t value)
{
	if (is_short(t))
		value = (uint32_t)value;
	if (!(t->config & T_PERIODIC) || (t->config & T_SET_VALUE))
		t->compare = value;
	if (t->config & T_PERIODIC)
		t->period = value;
	t->config &= ~T_SET_VALUE;
	if (t->config & T_PERIODIC)
		arm(t);
	else
		arm_written(t);
}

static void write_timer(struct timer *t, unsigned int at, uint64_t value)
{
	if (at == TIMER_CONFIG) {
		set_timer_config(t, value);
	} else if (at == TIMER_COMPARE) {
		set_compare(t, value);
	} else if (at == TIMER_MESSAGE) {
		t->data = value;
		t->address = value >> 32;
	}
}

static void write_register(struct hpet *h, unsigned int at, uint64_t value)
{
	if (at == CONFIG)
		set_config(h, value);
	else if (at == STATUS)
		clear_status(h, value);
	else if (at == COUNTER)
		set_counter(h, value);
	else if (at >= TIMERS && at < TIMERS + 32 * NR_TIMERS)
		write_timer(&h->timers[(at - TIMERS) / 32], at % 32, value);
}

/* Who looks finds that what was due has happened, even if a timer is late. */
static void settle(struct hpet *h)
{
	for (unsigned int i = 0; i < NR_TIMERS; i++)
		fire(&h->timers[i]);
}

/* Accesses are of 4 or 8 bytes, aligned. */
static uint64_t hpet_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	if (bytes < 4 || offset % bytes)
		return UINT64_MAX;
	settle(opaque);
	return read_register(opaque, offset & ~7u) >> 8 * (offset & 4);
}

/* What a write of half a register leaves in the other half; a comparator's counts as written. */
static void hpet_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	const unsigned int at = offset & ~7u;
	struct hpet *h = opaque;
	uint64_t old;

	if (bytes < 4 || offset % bytes)
		return;
	settle(h);
	if (bytes == 4) {
		/* Ones act there: of the other half there are none. */
		old = at == STATUS ? 0 : read_register(h, at);
		value = offset & 4 ? (uint32_t)old | value << 32 :
				     old >> 32 << 32 | (uint32_t)value;
	}
	write_register(h, at, value);
}

/* Life */

void hpet_free(struct hpet *h)
{
	for (unsigned int i = 0; i < NR_TIMERS; i++) {
		if (h->timers[i].timer)
			machine_timer_free(h->timers[i].timer);
	}
	free(h);
}

struct hpet *hpet_new(struct machine *m)
{
	struct hpet *h = calloc(1, sizeof(*h));
	const struct io_range range = {
		"hpet", HPET_BASE, HPET_BYTES, hpet_read, hpet_write, h,
	};
	int err = 0;

	if (!h)
		return NULL;
	h->m = m;
	for (unsigned int i = 0; i < NR_TIMERS && !err; i++) {
		struct timer *t = &h->timers[i];

		*t = (struct timer) { .hpet = h, .n = i, .compare = UINT64_MAX };
		t->timer = machine_timer_new(m, fire, t);
		if (!t->timer)
			err = -errno;
	}
	if (!err)
		err = machine_add_mmio(m, &range);
	if (!err)
		return h;
	hpet_free(h);
	errno = -err;
	return NULL;
}
