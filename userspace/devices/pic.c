// SPDX-License-Identifier: GPL-2.0
/*
 * Two 8259A interrupt controllers, the slave's INT on the master's IR2, with the chipset's
 * edge/level control registers (ELCR). It knows the lines and the INT output, not who drives
 * the ones or takes the other.
 *
 * The one trick: nothing is scheduled. IRR, ISR and IMR are the whole state, pick() resolves
 * the priorities from them whenever one has changed, and INT is what pick() says.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../device.h"
#include "bytewide.h"

#define ICW1_IC4	0x01	/* ICW4 follows */
#define ICW1_SNGL	0x02	/* no ICW3 */
#define ICW1		0x10
#define ICW4_AEOI	0x02
#define ICW4_SFNM	0x10	/* special fully nested mode */

#define OCW2_EOI	0x20
#define OCW2_SL		0x40	/* the level is in bits 2-0 */
#define OCW2_R		0x80	/* rotate */

#define OCW3		0x08
#define OCW3_RIS	0x01	/* read ISR instead of IRR, if RR */
#define OCW3_RR		0x02
#define OCW3_POLL	0x04
#define OCW3_SMM	0x20	/* special mask mode, if ESMM */
#define OCW3_ESMM	0x40

#define CASCADE		2

enum icw { ICW_DONE, ICW_2, ICW_3, ICW_4 };

struct chip {
	struct pic *pic;
	bool master;
	bool ready;		/* it has seen an ICW1 since the reset */
	enum icw next_icw;
	bool want_icw3, want_icw4;
	uint8_t lines;		/* level of each input */
	uint8_t irr, isr, imr;
	uint8_t elcr, elcr_mask;
	uint8_t base;		/* vector of IR0 */
	uint8_t lowest;		/* the level that has the lowest priority */
	bool auto_eoi, rotate_on_aeoi, sfnm, special_mask;
	bool poll, read_isr;
};

struct pic {
	struct machine *m;
	struct chip chip[2];
	bool intr;		/* what the machine was told last */
};

/* Bits of @set in front of all others by the rotating priority: the level, or -1. */
static int highest(const struct chip *c, uint8_t set)
{
	unsigned int i, level;

	for (i = 1; i <= 8; i++) {
		level = (c->lowest + i) & 7;
		if (set & (1u << level))
			return level;
	}
	return -1;
}

static unsigned int rank(const struct chip *c, unsigned int level)
{
	return (level - c->lowest - 1) & 7;
}

/* The level that INT stands for, or -1 if INT is low. */
static int pick(const struct chip *c)
{
	int want = highest(c, c->irr & ~c->imr);
	/* In special mask mode a masked level in service holds nobody back. */
	int busy = highest(c, c->special_mask ? c->isr & ~c->imr : c->isr);

	if (want < 0 || !c->ready || c->next_icw != ICW_DONE)
		return -1;
	if (busy < 0 || rank(c, want) < rank(c, busy))
		return want;
	/* Special fully nested: a second, more urgent request of the slave in service. */
	if (c->sfnm && c->master && want == busy && want == CASCADE)
		return want;
	return -1;
}

static void set_line(struct chip *c, unsigned int level, bool high)
{
	uint8_t bit = 1u << level;

	/*
	 * The edge latch follows its input down: a request that goes away before INTA is the
	 * spurious interrupt of the data sheet.
	 */
	if (!high)
		c->irr &= ~bit;
	else if ((c->elcr & bit) || !(c->lines & bit))
		c->irr |= bit;
	c->lines = high ? c->lines | bit : c->lines & ~bit;
}

static void update(struct pic *pic)
{
	bool intr;

	set_line(&pic->chip[0], CASCADE, pick(&pic->chip[1]) >= 0);
	intr = pick(&pic->chip[0]) >= 0;
	if (intr != pic->intr) {
		pic->intr = intr;
		machine_set_extint(pic->m, intr);
	}
}

/* One chip's half of the INTA cycle, and a poll: @level enters service. */
static void take(struct chip *c, unsigned int level)
{
	uint8_t bit = 1u << level;

	if (!(c->elcr & bit))
		c->irr &= ~bit;
	if (!c->auto_eoi)
		c->isr |= bit;
	else if (c->rotate_on_aeoi)
		c->lowest = level;
	/* INTA takes the slave's INT down for a moment, so its next request is a new edge. */
	if (!c->master)
		set_line(&c->pic->chip[0], CASCADE, false);
}

/* The level that is acknowledged; none left is the spurious level 7, which ISR never shows. */
static unsigned int inta(struct chip *c)
{
	int level = pick(c);

	if (level < 0)
		return 7;
	take(c, level);
	return level;
}

int pic_acknowledge(struct pic *pic)
{
	struct chip *master = &pic->chip[0], *slave = &pic->chip[1];
	unsigned int level;
	int vector;

	if (!master->ready)
		return -1;
	if (pick(master) == CASCADE) {
		inta(master);
		level = inta(slave);
		vector = slave->base + level;
	} else {
		level = inta(master);
		vector = master->base + level;
	}
	update(pic);
	return vector;
}

void pic_set_irq(struct pic *pic, unsigned int irq, int level)
{
	if (irq >= 16 || irq == CASCADE)
		return;
	set_line(&pic->chip[irq / 8], irq % 8, level);
	update(pic);
}

/* ---- registers ------------------------------------------------------------------------ */

static void write_icw1(struct chip *c, uint8_t value)
{
	c->ready = true;
	c->next_icw = ICW_2;
	c->want_icw3 = !(value & ICW1_SNGL);
	c->want_icw4 = value & ICW1_IC4;
	/* Edge latches are reset. LTIM is ignored: the ELCR decides, as in the chipsets. */
	c->irr = c->lines & c->elcr;
	c->isr = 0;
	c->imr = 0;
	c->lowest = 7;
	c->auto_eoi = false;
	c->rotate_on_aeoi = false;
	c->sfnm = false;
	c->special_mask = false;
	c->poll = false;
	c->read_isr = false;
}

static void write_icw(struct chip *c, uint8_t value)
{
	enum icw done = c->next_icw;

	if (done == ICW_2) {
		c->base = value & 0xf8;
	} else if (done == ICW_4) {
		c->auto_eoi = value & ICW4_AEOI;
		c->sfnm = value & ICW4_SFNM;
	}
	/* ICW3 has nothing to say: the cascade is wired. */

	if (done == ICW_2 && c->want_icw3)
		c->next_icw = ICW_3;
	else if (done != ICW_4 && c->want_icw4)
		c->next_icw = ICW_4;
	else
		c->next_icw = ICW_DONE;
}

static void write_ocw2(struct chip *c, uint8_t value)
{
	unsigned int level = value & 7;
	int ended = level;

	if (value & OCW2_EOI) {
		/* A non-specific EOI passes over levels that special mask mode hides. */
		if (!(value & OCW2_SL))
			ended = highest(c, c->special_mask ? c->isr & ~c->imr : c->isr);
		if (ended < 0)
			return;
		c->isr &= ~(1u << ended);
		if (value & OCW2_R)
			c->lowest = ended;
	} else if (value & OCW2_SL) {
		if (value & OCW2_R)
			c->lowest = level;
	} else {
		c->rotate_on_aeoi = value & OCW2_R;
	}
}

static void write_ocw3(struct chip *c, uint8_t value)
{
	if (value & OCW3_ESMM)
		c->special_mask = value & OCW3_SMM;
	if (value & OCW3_POLL)
		c->poll = true;
	else if (value & OCW3_RR)
		c->read_isr = value & OCW3_RIS;
}

static void chip_write(void *opaque, uint64_t offset, uint8_t value)
{
	struct chip *c = opaque;

	if (offset > 1)
		return;
	if (offset == 1 && c->next_icw != ICW_DONE)
		write_icw(c, value);
	else if (offset == 1)
		c->imr = value;
	else if (value & ICW1)
		write_icw1(c, value);
	else if (value & OCW3)
		write_ocw3(c, value);
	else
		write_ocw2(c, value);
	update(c->pic);
}

static uint8_t poll(struct chip *c)
{
	int level = pick(c);

	c->poll = false;
	if (level < 0)
		return 0;
	take(c, level);
	update(c->pic);
	return 0x80 | level;
}

static uint8_t chip_read(void *opaque, uint64_t offset)
{
	struct chip *c = opaque;

	if (offset > 1)
		return OPEN_BUS;
	if (c->poll)
		return poll(c);
	if (offset == 1)
		return c->imr;
	return c->read_isr ? c->isr : c->irr;
}

static uint8_t elcr_read(void *opaque, uint64_t offset)
{
	struct pic *pic = opaque;

	return offset < 2 ? pic->chip[offset].elcr : OPEN_BUS;
}

static void elcr_write(void *opaque, uint64_t offset, uint8_t value)
{
	struct pic *pic = opaque;
	struct chip *c;

	if (offset >= 2)
		return;
	c = &pic->chip[offset];
	c->elcr = value & c->elcr_mask;
	/* A level input's request is its line; an edge input's latch stays as it was. */
	c->irr = (c->irr & ~c->elcr) | (c->lines & c->elcr);
	update(pic);
}

static uint64_t pic_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	return bytewide_read(chip_read, opaque, offset, bytes);
}

static void pic_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	bytewide_write(chip_write, opaque, offset, bytes, value);
}

static uint64_t pic_elcr_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	return bytewide_read(elcr_read, opaque, offset, bytes);
}

static void pic_elcr_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	bytewide_write(elcr_write, opaque, offset, bytes, value);
}

/* ---- life ----------------------------------------------------------------------------- */

void pic_reset(struct pic *pic)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		/* The lines belong to their devices. */
		pic->chip[i] = (struct chip) {
			.pic = pic,
			.master = i == 0,
			/* IRQ 0, 1, 2, 8 and 13 are edges, whatever the guest says. */
			.elcr_mask = i == 0 ? 0xf8 : 0xde,
			.lines = pic->chip[i].lines,
			.lowest = 7,
		};
	}
	update(pic);
}

struct pic *pic_new(struct machine *m)
{
	struct pic *pic = calloc(1, sizeof(*pic));
	struct io_range range[] = {
		{ "pic master", 0x20, 2, pic_read, pic_write, NULL },
		{ "pic slave", 0xa0, 2, pic_read, pic_write, NULL },
		{ "pic elcr", 0x4d0, 2, pic_elcr_read, pic_elcr_write, NULL },
	};
	unsigned int i;
	int err = 0;

	if (!pic)
		return NULL;
	pic->m = m;
	pic_reset(pic);

	range[0].opaque = &pic->chip[0];
	range[1].opaque = &pic->chip[1];
	range[2].opaque = pic;
	for (i = 0; i < 3 && !err; i++)
		err = machine_add_ports(m, &range[i]);
	if (err) {
		free(pic);
		errno = -err;
		return NULL;
	}
	return pic;
}

void pic_free(struct pic *pic)
{
	free(pic);
}
