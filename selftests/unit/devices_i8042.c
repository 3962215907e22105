// SPDX-License-Identifier: GPL-2.0
// needs: userspace/devices/i8042.c userspace/devices/ps2_keyboard.c userspace/devices/exit_port.c
/*
 * The keyboard controller with and without a keyboard: what a driver's probe sees, keys in both
 * scan code sets, and the reset line.
 * The debug-exit port is so small that it is tested here too.
 */
#include "devices_fake.h"

#define OBF	0x01
#define TIMEOUT	0x40
#define AUX	0x20

static struct i8042 *kbc;

static void test_reset_command(void)
{
	kbc = i8042_new(&fake, false);
	outb(0xff, 0x64);			/* pulses nothing */
	CHECK_EQ(fake.stops, 0);
	outb(0xfe, 0x64);
	CHECK_EQ(fake.stops, 1);
	CHECK_EQ(fake.stop_why, MACHINE_RESET);
	outb(0xf0, 0x64);			/* all lines, the reset among them */
	CHECK_EQ(fake.stops, 2);
	i8042_free(kbc);
}

static void test_output_port(void)
{
	kbc = i8042_new(&fake, false);
	outb(0xd0, 0x64);
	CHECK_EQ(inb(0x60), 0x03);
	outb(0xd1, 0x64);			/* A20 off */
	outb(0x01, 0x60);
	outb(0xd0, 0x64);
	CHECK_EQ(inb(0x60), 0x01);
	outb(0xdf, 0x64);
	outb(0xd0, 0x64);
	CHECK_EQ(inb(0x60), 0x03);
	outb(0xd0, 0x64);
	CHECK_EQ(inb(0x60), 0x03);		/* reading changes nothing */
	outb(0xdd, 0x64);
	outb(0xd0, 0x64);
	CHECK_EQ(inb(0x60), 0x01);
	CHECK_EQ(fake.stops, 0);
	outb(0xd1, 0x64);
	outb(0x02, 0x60);
	CHECK_EQ(fake.stop_why, MACHINE_RESET);
	CHECK_EQ(fake.stops, 1);
	i8042_free(kbc);
}

/* Port 92h: the same gate, and a reset. */
static void test_port_92(void)
{
	kbc = i8042_new(&fake, false);
	CHECK_EQ(inb(0x92), 0x02);
	outb(0x00, 0x92);
	CHECK_EQ(inb(0x92), 0x00);
	outb(0xd0, 0x64);
	CHECK_EQ(inb(0x60), 0x01);
	outb(0xdf, 0x64);
	CHECK_EQ(inb(0x92), 0x02);
	outb(0xfe, 0x92);			/* only these two bits mean something */
	CHECK_EQ(inb(0x92), 0x02);
	CHECK_EQ(fake.stops, 0);
	outb(0x03, 0x92);
	CHECK_EQ(fake.stops, 1);
	CHECK_EQ(fake.stop_why, MACHINE_RESET);
	CHECK_EQ(inb(0x92), 0x02);
	i8042_free(kbc);
}

static uint8_t config(void)
{
	CHECK_EQ(inb(0x64) & OBF, 0);		/* the command before had no answer */
	outb(0x20, 0x64);
	return inb(0x60);
}

static void set_config(uint8_t value)
{
	outb(0x60, 0x64);
	outb(value, 0x60);
}

/* Linux's i8042_controller_check(), _selftest(), _init(), i8042_check_aux(). */
static void test_probe(void)
{
	kbc = i8042_new(&fake, false);
	CHECK_EQ(inb(0x64), 0x14);		/* nothing to flush, not locked */

	outb(0xaa, 0x64);
	CHECK_EQ(inb(0x64) & OBF, OBF);
	CHECK_EQ(inb(0x60), 0x55);
	CHECK_EQ(inb(0x64) & OBF, 0);

	outb(0x20, 0x64);
	CHECK_EQ(inb(0x60), 0x34);
	outb(0x60, 0x64);
	outb(0x47, 0x60);
	outb(0x20, 0x64);
	CHECK_EQ(inb(0x60), 0x47);
	outb(0x60, 0x64);			/* no interrupts while it probes */
	outb(0x74, 0x60);

	outb(0xd3, 0x64);			/* the mouse's loop: an answer, not from a mouse */
	outb(0x5a, 0x60);
	CHECK_EQ(inb(0x64) & (OBF | AUX), OBF);
	CHECK(inb(0x60) != 0x5a);
	outb(0xa9, 0x64);
	CHECK_EQ(inb(0x60), 0x01);
	outb(0xab, 0x64);
	CHECK_EQ(inb(0x60), 0x00);

	set_config(0x42);
	outb(0xab, 0x64);
	CHECK_EQ(inb(0x60), 0);
	CHECK_EQ(config(), 0x42);
	CHECK_EQ(inb(0x64), 0x18);		/* the system flag is the configuration's */
	outb(0xa7, 0x64);
	CHECK_EQ(config(), 0x62);
	outb(0xad, 0x64);
	CHECK_EQ(config(), 0x72);
	outb(0xa8, 0x64);
	CHECK_EQ(config(), 0x52);
	outb(0xae, 0x64);
	CHECK_EQ(config(), 0x42);
	outb(0xaa, 0x64);
	CHECK_EQ(inb(0x64), 0x1d);
	CHECK_EQ(inb(0x60), 0x55);
	CHECK_EQ(config(), 0x76);
	outb(0xc0, 0x64);
	CHECK_EQ(inb(0x60), 0x80);
	outb(0xd2, 0x64);
	outb(0x99, 0x60);
	CHECK_EQ(inb(0x60), 0x99);
	i8042_free(kbc);
}

static void test_no_keyboard(void)
{
	kbc = i8042_new(&fake, false);
	set_config(0x05);
	CHECK_EQ(fake.irq[1], 0);
	outb(0xf2, 0x60);			/* identify yourself */
	CHECK_EQ(inb(0x64) & (OBF | TIMEOUT), OBF | TIMEOUT);
	CHECK_EQ(fake.irq[1], 1);
	CHECK_EQ(inb(0x60), 0xfe);
	CHECK_EQ(fake.irq[1], 0);
	CHECK_EQ(inb(0x64) & (OBF | TIMEOUT), 0);

	outb(0xf2, 0x60);			/* the next answer is one */
	outb(0x20, 0x64);
	CHECK_EQ(inb(0x64) & (OBF | TIMEOUT), OBF);
	CHECK_EQ(inb(0x60), 0x05);
	outb(0x20, 0x64);			/* and interrupts as well */
	CHECK_EQ(fake.irq[1], 1);
	inb(0x60);
	outb(0x60, 0x64);			/* a command that another one ends */
	outb(0xa7, 0x64);
	outb(0x00, 0x60);
	CHECK_EQ(inb(0x60), 0xfe);
	CHECK_EQ(config(), 0x25);

	outb(0x7f, 0x64);
	outb(0xa5, 0x60);
	outb(0x60, 0x64);
	i8042_reset(kbc);
	CHECK_EQ(fake.irq[1], 0);
	CHECK_EQ(inb(0x64), 0x14);
	outb(0x00, 0x60);
	CHECK_EQ(inb(0x60), 0xfe);
	CHECK_EQ(config(), 0x34);
	outb(0x3f, 0x64);
	CHECK_EQ(inb(0x60), 0);
	i8042_free(kbc);
}

static void test_status(void)
{
	kbc = i8042_new(&fake, false);
	outb(0xae, 0x64);
	CHECK_EQ(inb(0x64) & 0x08, 0x08);	/* the last write was a command */
	outb(0xf4, 0x60);
	CHECK_EQ(inb(0x64) & 0x08, 0);
	outb(0x7f, 0x64);			/* the last byte of RAM */
	outb(0xa5, 0x60);
	outb(0x3f, 0x64);
	CHECK_EQ(inb(0x60), 0xa5);
	i8042_free(kbc);
}

static void test_keyboard(void)
{
	kbc = i8042_new(&fake, true);
	CHECK_EQ(config(), 0x65);
	fake.rises[1] = 0;
	outb(0xff, 0x60);			/* reset */
	CHECK_EQ(fake.irq[1], 1);
	CHECK_EQ(inb(0x60), 0xfa);
	CHECK_EQ(fake.irq[1], 1);		/* again */
	CHECK_EQ(fake.rises[1], 2);
	CHECK_EQ(inb(0x60), 0xaa);
	CHECK_EQ(fake.irq[1], 0);
	outb(0xf2, 0x60);			/* identify yourself */
	CHECK_EQ(inb(0x60), 0xfa);
	CHECK_EQ(inb(0x60), 0xab);
	CHECK_EQ(inb(0x60), 0x41);		/* 83h, translated */
	CHECK_EQ(inb(0x64) & OBF, 0);

	fake.rises[1] = 0;
	CHECK(i8042_strike(kbc, (uint16_t[]) { 0x1c, 0x171 }, 2));	/* A, Delete */
	CHECK(i8042_strike(kbc, (uint16_t[]) { 0x83 }, 1));		/* F7 */
	CHECK_EQ(inb(0x60), 0x1e);
	CHECK_EQ(inb(0x60), 0xe0);
	CHECK_EQ(inb(0x60), 0x53);
	CHECK_EQ(inb(0x60), 0xe0);
	CHECK_EQ(inb(0x60), 0xd3);
	CHECK_EQ(inb(0x60), 0x9e);
	CHECK_EQ(inb(0x60), 0x41);
	CHECK_EQ(inb(0x60), 0xc1);
	CHECK_EQ(inb(0x64) & OBF, 0);
	CHECK_EQ(fake.rises[1], 8);

	/* An answer of the controller's comes first, and loses no key. */
	CHECK(i8042_strike(kbc, (uint16_t[]) { 0x1c }, 1));
	outb(0x20, 0x64);
	CHECK_EQ(inb(0x60), 0x65);
	CHECK_EQ(inb(0x60), 0x1e);
	CHECK_EQ(inb(0x60), 0x9e);

	/* Set 2, without interrupts; and a keyboard that may not send. */
	set_config(0x04);
	CHECK(i8042_strike(kbc, (uint16_t[]) { 0x1c }, 1));
	CHECK_EQ(fake.irq[1], 0);
	CHECK_EQ(inb(0x60), 0x1c);
	CHECK_EQ(inb(0x60), 0xf0);
	CHECK_EQ(inb(0x60), 0x1c);
	outb(0xad, 0x64);
	CHECK(i8042_strike(kbc, (uint16_t[]) { 0x1d }, 1));
	CHECK_EQ(inb(0x64) & OBF, 0);
	outb(0xae, 0x64);
	CHECK_EQ(inb(0x64) & OBF, OBF);
	CHECK_EQ(inb(0x60), 0x1d);
	i8042_free(kbc);
}

static void test_hostile(void)
{
	kbc = i8042_new(&fake, false);
	fuzz_ports(100000, 1);
	i8042_free(kbc);
}

static void test_hostile_keyboard(void)
{
	kbc = i8042_new(&fake, true);
	fuzz_ports(100000, 1);
	i8042_free(kbc);
}

static void test_refused(void)
{
	for (int i = 0; i < 2; i++) {
		fake_init();
		fake.refuse_after = i;
		CHECK(!i8042_new(&fake, false));
		CHECK_EQ(errno, EEXIST);
	}
}

static void test_exit_port(void)
{
	CHECK_EQ(exit_port_new(&fake, 0xf4), 0);
	CHECK_EQ(inb(0xf4), 0xff);
	CHECK_EQ(fake.stops, 0);
	outb(0x2a, 0xf4);
	CHECK_EQ(fake.stops, 1);
	CHECK_EQ(fake.stop_why, MACHINE_EXIT_PORT);
	CHECK_EQ(fake.stop_value, 0x2a);
	fake.refuse_after = 0;
	CHECK_EQ(exit_port_new(&fake, 0xf5), -EEXIST);
}

static const struct test tests[] = {
	{ "i8042: command FEh resets", test_reset_command },
	{ "i8042: output port, A20 and reset", test_output_port },
	{ "i8042: port 92h", test_port_92 },
	{ "i8042: a driver's probe", test_probe },
	{ "i8042: no keyboard answers", test_no_keyboard },
	{ "i8042: status and RAM", test_status },
	{ "i8042: a keyboard", test_keyboard },
	{ "i8042: random accesses", test_hostile },
	{ "i8042: and with a keyboard", test_hostile_keyboard },
	{ "i8042: a refused range", test_refused },
	{ "exit port: a write stops the machine", test_exit_port },
};

int main(void)
{
	return RUN_TESTS(tests);
}
