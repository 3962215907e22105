// SPDX-License-Identifier: GPL-2.0
// needs: userspace/devices/pic.c
/*
 * The 8259 pair: initialisation, nesting, EOIs, rotation, masks, poll, cascade, levels and
 * spurious interrupts, each as its data sheet has it.
 */
#include "devices_fake.h"

#define MASTER	0x20
#define SLAVE	0xa0
#define ELCR	0x4d0
#define EOI	0x20

static struct pic *pic;

static void init_chip(uint16_t port, uint8_t base, uint8_t icw4)
{
	outb(0x11, port);
	outb(base, port + 1);
	outb(port == MASTER ? 4 : 2, port + 1);
	outb(icw4, port + 1);
}

/* As a PC sets it up: vectors 20h and 28h, nothing masked. */
static void start(uint8_t master_icw4, uint8_t slave_icw4)
{
	pic = pic_new(&fake);
	init_chip(MASTER, 0x20, master_icw4);
	init_chip(SLAVE, 0x28, slave_icw4);
}

static uint8_t read_reg(uint16_t port, uint8_t ocw3)
{
	outb(ocw3, port);
	return inb(port);
}

#define IRR(port)	read_reg(port, 0x0a)
#define ISR(port)	read_reg(port, 0x0b)

static void pulse(unsigned int irq)
{
	pic_set_irq(pic, irq, 0);
	pic_set_irq(pic, irq, 1);
}

static void test_uninitialised(void)
{
	pic = pic_new(&fake);
	pulse(1);
	CHECK_EQ(fake.extint, 0);
	CHECK_EQ(pic_acknowledge(pic), -1);
	outb(0xfb, MASTER + 1);		/* how Linux looks for a PIC */
	CHECK_EQ(inb(MASTER + 1), 0xfb);

	outb(0x11, MASTER);		/* nothing until the sequence is complete */
	outb(0x20, MASTER + 1);
	pulse(1);
	outb(4, MASTER + 1);
	CHECK_EQ(fake.extint, 0);
	outb(1, MASTER + 1);
	CHECK_EQ(fake.extint, 1);
	pic_free(pic);
}

static void test_icw1(void)
{
	start(3, 1);
	pulse(3);
	outb(0xff, MASTER + 1);
	outb(0x68, MASTER);		/* special mask mode */
	outb(0xc2, MASTER);		/* level 2 lowest */
	init_chip(MASTER, 0x47, 1);
	CHECK_EQ(IRR(MASTER), 0);	/* the edge is forgotten */
	CHECK_EQ(inb(MASTER + 1), 0);
	pulse(2 + 5);
	pulse(1);
	CHECK_EQ(pic_acknowledge(pic), 0x41);	/* low vector bits come from the level */
	CHECK_EQ(ISR(MASTER), 0x02);	/* no auto-EOI any more */
	pic_free(pic);

	/* Without ICW4 its modes are off, and ISR and the modes of OCW2 and OCW3 go, too. */
	fake_init();
	start(0x11, 1);
	pulse(4);
	pic_acknowledge(pic);
	outb(0x68, MASTER);
	outb(0x0b, MASTER);
	outb(0x0c, MASTER);
	outb(0x10, MASTER);
	outb(0x20, MASTER + 1);
	outb(4, MASTER + 1);
	CHECK_EQ(inb(MASTER), 0);		/* neither poll nor ISR */
	pulse(0);
	CHECK_EQ(inb(MASTER), 0x01);
	CHECK_EQ(pic_acknowledge(pic), 0x20);
	CHECK_EQ(ISR(MASTER), 0x01);
	outb(0x01, MASTER + 1);
	pulse(5);
	CHECK_EQ(fake.extint, 0);		/* no special mask mode */
	outb(EOI, MASTER);
	outb(0, MASTER + 1);
	CHECK_EQ(pic_acknowledge(pic), 0x25);
	outb(EOI, MASTER);
	pulse(10);
	CHECK_EQ(pic_acknowledge(pic), 0x2a);
	pulse(9);
	CHECK_EQ(fake.extint, 0);		/* no special fully nested mode */
	pic_free(pic);

	fake_init();
	start(3, 1);
	outb(0x80, MASTER);			/* rotating auto-EOI */
	outb(0x10, MASTER);
	outb(0x20, MASTER + 1);
	outb(4, MASTER + 1);
	pulse(4);
	pic_acknowledge(pic);
	CHECK_EQ(ISR(MASTER), 0x10);
	init_chip(MASTER, 0x20, 3);
	pulse(4);
	pic_acknowledge(pic);
	pulse(4);
	pulse(5);
	CHECK_EQ(pic_acknowledge(pic), 0x24);
	pic_free(pic);

	/* Without ICW3 and ICW4. */
	fake_init();
	pic = pic_new(&fake);
	outb(0x12, MASTER);
	outb(0x30, MASTER + 1);
	outb(0x55, MASTER + 1);
	CHECK_EQ(inb(MASTER + 1), 0x55);
	pic_free(pic);
}

static void test_nesting(void)
{
	start(1, 1);
	pulse(5);
	CHECK_EQ(fake.extint, 1);
	CHECK_EQ(IRR(MASTER), 0x20);
	CHECK_EQ(pic_acknowledge(pic), 0x25);
	CHECK_EQ(fake.extint, 0);
	CHECK_EQ(IRR(MASTER), 0);
	CHECK_EQ(ISR(MASTER), 0x20);

	pulse(6);			/* less urgent: waits */
	pulse(5);			/* the same: waits */
	CHECK_EQ(fake.extint, 0);
	pulse(1);			/* more urgent: interrupts */
	CHECK_EQ(fake.extint, 1);
	CHECK_EQ(pic_acknowledge(pic), 0x21);
	CHECK_EQ(ISR(MASTER), 0x22);

	outb(EOI, MASTER);		/* ends the most urgent one */
	CHECK_EQ(ISR(MASTER), 0x20);
	CHECK_EQ(fake.extint, 0);
	outb(0x65, MASTER);		/* specific */
	CHECK_EQ(ISR(MASTER), 0);
	CHECK_EQ(pic_acknowledge(pic), 0x25);
	outb(EOI, MASTER);
	CHECK_EQ(pic_acknowledge(pic), 0x26);
	outb(EOI, MASTER);
	outb(EOI, MASTER);		/* nothing to end */
	CHECK_EQ(fake.extint, 0);
	pulse(0);			/* the most urgent of all */
	CHECK_EQ(fake.extint, 1);
	CHECK_EQ(pic_acknowledge(pic), 0x20);
	pulse(1);
	CHECK_EQ(fake.extint, 0);
	outb(EOI, MASTER);
	CHECK_EQ(pic_acknowledge(pic), 0x21);
	CHECK_EQ(fake.extint_repeats, 0);
	pic_free(pic);
}

static void test_mask(void)
{
	start(1, 1);
	outb(0x08, MASTER + 1);
	CHECK_EQ(port_in(MASTER + 1, 4), 0xffffff08);	/* nothing behind the last register */
	pulse(3);
	CHECK_EQ(fake.extint, 0);
	CHECK_EQ(IRR(MASTER), 0x08);	/* remembered */
	outb(0, MASTER + 1);
	CHECK_EQ(fake.extint, 1);
	outb(0xff, MASTER + 1);
	CHECK_EQ(fake.extint, 0);
	pic_free(pic);
}

static void test_edge(void)
{
	start(1, 1);
	pic_set_irq(pic, 3, 1);
	CHECK_EQ(pic_acknowledge(pic), 0x23);
	outb(EOI, MASTER);
	pic_set_irq(pic, 3, 1);		/* no edge */
	CHECK_EQ(fake.extint, 0);
	pulse(3);
	CHECK_EQ(fake.extint, 1);
	pic_free(pic);
}

static void test_level(void)
{
	start(1, 1);
	outb(0xff, ELCR);
	outb(0xff, ELCR + 1);
	CHECK_EQ(port_in(ELCR, 2), 0xdef8);	/* the wired edges stay edges */
	pic_set_irq(pic, 5, 1);
	CHECK_EQ(pic_acknowledge(pic), 0x25);
	CHECK_EQ(IRR(MASTER), 0x20);
	outb(EOI, MASTER);
	CHECK_EQ(fake.extint, 1);		/* still high: again */
	CHECK_EQ(pic_acknowledge(pic), 0x25);
	pic_set_irq(pic, 5, 0);
	outb(EOI, MASTER);
	CHECK_EQ(fake.extint, 0);

	init_chip(MASTER, 0x20, 1);		/* ELCR survives, and the level with it */
	pic_set_irq(pic, 5, 1);
	init_chip(MASTER, 0x20, 1);
	CHECK_EQ(fake.extint, 1);
	CHECK_EQ(inb(ELCR), 0xf8);
	outb(0, ELCR);
	CHECK_EQ(pic_acknowledge(pic), 0x25);
	outb(EOI, MASTER);
	CHECK_EQ(fake.extint, 0);
	outb(0x20, ELCR);			/* it was high all the time: now that counts */
	CHECK_EQ(fake.extint, 1);
	pic_free(pic);
}

static void test_spurious(void)
{
	start(1, 1);
	pic_set_irq(pic, 4, 1);
	pic_set_irq(pic, 4, 0);
	CHECK_EQ(fake.extint, 0);
	CHECK_EQ(pic_acknowledge(pic), 0x27);
	CHECK_EQ(ISR(MASTER), 0);

	pulse(12);
	outb(0xff, SLAVE + 1);			/* the slave changes its mind */
	CHECK_EQ(fake.extint, 0);
	CHECK_EQ(pic_acknowledge(pic), 0x27);
	pic_free(pic);
}

static void test_cascade(void)
{
	start(1, 1);
	pulse(10);
	pulse(2);				/* not a line of the board */
	CHECK_EQ(fake.extint, 1);
	CHECK_EQ(IRR(MASTER), 0x04);
	CHECK_EQ(pic_acknowledge(pic), 0x2a);
	CHECK_EQ(ISR(MASTER), 0x04);
	CHECK_EQ(ISR(SLAVE), 0x04);

	pulse(8);				/* blocked by the master's level 2 */
	CHECK_EQ(fake.extint, 0);
	pulse(1);				/* in front of the slave */
	CHECK_EQ(pic_acknowledge(pic), 0x21);
	outb(EOI, MASTER);
	outb(EOI, SLAVE);
	CHECK_EQ(fake.extint, 0);
	outb(EOI, MASTER);
	CHECK_EQ(fake.extint, 1);
	CHECK_EQ(pic_acknowledge(pic), 0x28);
	outb(EOI, SLAVE);
	outb(EOI, MASTER);

	/* Two at once: INTA gives the master a new edge for the second. */
	pulse(14);
	pulse(15);
	CHECK_EQ(pic_acknowledge(pic), 0x2e);
	outb(EOI, MASTER);			/* master first: the slave still nests */
	CHECK_EQ(fake.extint, 0);
	outb(EOI, SLAVE);
	CHECK_EQ(pic_acknowledge(pic), 0x2f);
	pic_free(pic);

	fake_init();
	start(1, 3);				/* a slave in auto-EOI mode keeps its INT up */
	pulse(14);
	pulse(15);
	CHECK_EQ(pic_acknowledge(pic), 0x2e);
	CHECK_EQ(fake.extint, 0);
	outb(EOI, MASTER);
	CHECK_EQ(fake.extint, 1);
	CHECK_EQ(pic_acknowledge(pic), 0x2f);
	pic_free(pic);
}

static void test_fully_nested(void)
{
	start(0x11, 1);				/* special fully nested mode on the master */
	pulse(10);
	CHECK_EQ(pic_acknowledge(pic), 0x2a);
	pulse(11);
	CHECK_EQ(fake.extint, 0);
	pulse(3);
	CHECK_EQ(fake.extint, 0);		/* the master's own nesting is unchanged */
	pulse(9);
	CHECK_EQ(fake.extint, 1);
	CHECK_EQ(pic_acknowledge(pic), 0x29);
	pic_free(pic);
}

static void test_auto_eoi(void)
{
	start(3, 1);
	pulse(4);
	pulse(6);
	CHECK_EQ(pic_acknowledge(pic), 0x24);
	CHECK_EQ(ISR(MASTER), 0);
	CHECK_EQ(fake.extint, 1);
	CHECK_EQ(pic_acknowledge(pic), 0x26);
	outb(0x80, MASTER);			/* rotate in auto-EOI mode */
	pulse(4);
	CHECK_EQ(pic_acknowledge(pic), 0x24);
	pulse(4);
	pulse(5);
	CHECK_EQ(pic_acknowledge(pic), 0x25);	/* 4 has become the lowest */
	CHECK_EQ(pic_acknowledge(pic), 0x24);
	outb(0x00, MASTER);			/* no more */
	pulse(6);
	CHECK_EQ(pic_acknowledge(pic), 0x26);
	pulse(5);
	pulse(6);
	CHECK_EQ(pic_acknowledge(pic), 0x25);
	pic_free(pic);
}

static void test_rotation(void)
{
	start(1, 1);
	outb(0xc3, MASTER);			/* set priority: 3 is the lowest, 4 the highest */
	pulse(3);
	pulse(4);
	pulse(1);
	CHECK_EQ(pic_acknowledge(pic), 0x24);
	outb(0xa0, MASTER);			/* rotate on non-specific EOI: 4 is the lowest */
	CHECK_EQ(ISR(MASTER), 0);
	pulse(4);
	pulse(5);
	CHECK_EQ(pic_acknowledge(pic), 0x25);
	outb(0xe5, MASTER);			/* rotate on specific EOI: 5 is the lowest */
	CHECK_EQ(ISR(MASTER), 0);
	CHECK_EQ(pic_acknowledge(pic), 0x21);
	outb(EOI, MASTER);
	CHECK_EQ(pic_acknowledge(pic), 0x23);
	outb(EOI, MASTER);
	CHECK_EQ(pic_acknowledge(pic), 0x24);
	pic_free(pic);
}

static void test_special_mask(void)
{
	start(1, 1);
	pulse(3);
	CHECK_EQ(pic_acknowledge(pic), 0x23);
	pulse(6);
	outb(0x08, MASTER + 1);			/* masked, but it still holds 6 back */
	CHECK_EQ(fake.extint, 0);
	outb(0x68, MASTER);
	CHECK_EQ(fake.extint, 1);
	CHECK_EQ(pic_acknowledge(pic), 0x26);
	outb(EOI, MASTER);			/* passes over the masked 3 */
	CHECK_EQ(ISR(MASTER), 0x08);
	outb(0x48, MASTER);			/* mode off */
	outb(EOI, MASTER);
	CHECK_EQ(ISR(MASTER), 0);
	pic_free(pic);
}

static void test_poll(void)
{
	start(1, 1);
	outb(0x0c, MASTER);
	CHECK_EQ(inb(MASTER), 0);		/* nothing there */
	pulse(6);
	outb(0x0c, MASTER);
	CHECK_EQ(inb(MASTER), 0x86);
	CHECK_EQ(fake.extint, 0);
	CHECK_EQ(ISR(MASTER), 0x40);
	outb(EOI, MASTER);

	pulse(9);
	outb(0x0c, MASTER);
	CHECK_EQ(inb(MASTER), 0x82);
	outb(0x0c, SLAVE);
	CHECK_EQ(inb(SLAVE + 1), 0x81);		/* at either address */
	CHECK_EQ(IRR(SLAVE), 0);
	pulse(0);
	outb(0x0c, MASTER);
	CHECK_EQ(inb(MASTER), 0x80);
	pic_free(pic);
}

static void test_reset(void)
{
	start(1, 1);
	outb(0xff, ELCR);
	pic_set_irq(pic, 5, 1);
	CHECK_EQ(fake.extint, 1);
	pic_reset(pic);
	CHECK_EQ(fake.extint, 0);
	CHECK_EQ(inb(ELCR), 0);
	init_chip(MASTER, 0x20, 1);
	pic_set_irq(pic, 5, 1);			/* it was high all the time: no edge */
	CHECK_EQ(fake.extint, 0);
	pic_free(pic);
}

static void test_hostile(void)
{
	unsigned int i;

	pic = pic_new(&fake);
	pic_set_irq(pic, 16, 1);
	pic_set_irq(pic, ~0u, 1);
	for (i = 0; i < 100000; i++) {
		fuzz_ports(1, 1);
		pic_set_irq(pic, fake_random() % 20, fake_random() & 1);
		if (fake_random() % 4 == 0 && pic_acknowledge(pic) > 0xff)
			CHECK(!"vector");
	}
	CHECK_EQ(fake.extint_repeats, 0);
	pic_free(pic);
}

static void test_refused(void)
{
	for (int i = 0; i < 3; i++) {
		fake_init();
		fake.refuse_after = i;
		errno = 0;
		CHECK(!pic_new(&fake));
		CHECK_EQ(errno, EEXIST);
	}
}

static const struct test tests[] = {
	{ "pic: no interrupt before the initialisation is complete", test_uninitialised },
	{ "pic: ICW1 resets, ICW2 is the base, ICW3 and ICW4 only if announced", test_icw1 },
	{ "pic: nesting, specific and non-specific EOI", test_nesting },
	{ "pic: a masked request waits", test_mask },
	{ "pic: one interrupt for each edge", test_edge },
	{ "pic: ELCR makes levels, but not of the wired edges", test_level },
	{ "pic: a request that went away is spurious level 7", test_spurious },
	{ "pic: cascade", test_cascade },
	{ "pic: special fully nested mode", test_fully_nested },
	{ "pic: auto-EOI, with rotation", test_auto_eoi },
	{ "pic: rotation and set priority", test_rotation },
	{ "pic: special mask mode", test_special_mask },
	{ "pic: poll", test_poll },
	{ "pic: reset", test_reset },
	{ "pic: random accesses", test_hostile },
	{ "pic: a refused range", test_refused },
};

int main(void)
{
	return RUN_TESTS(tests);
}
