// SPDX-License-Identifier: GPL-2.0
/*
 * An i8042 keyboard controller, with a keyboard or with nothing attached. It exists for what the PC
 * hangs on it, too, the reset line and the A20 gate, which are at port 92h as well, and answers a
 * driver that probes it so that the driver learns within one command that there is no mouse, or no
 * keyboard. It knows no keys.
 *
 * The one trick: every answer is ready before the next access, so the input buffer is never full
 * and there is no timing. What the keyboard has to say stays there until it is read.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../device.h"
#include "ps2_keyboard.h"

#define DATA_PORT	0x60
#define COMMAND_PORT	0x64
#define FAST_PORT	0x92
#define KEYBOARD_IRQ	1

#define STATUS_OBF	0x01	/* a byte waits at 60h */
#define STATUS_SYS	0x04	/* self test passed */
#define STATUS_A2	0x08	/* the last write was a command */
#define STATUS_UNLOCKED	0x10
#define STATUS_TIMEOUT	0x40	/* the byte at 60h stands for an answer that never came */

#define CONFIG_IRQ1	0x01
#define CONFIG_SYS	0x04
#define CONFIG_NO_KBD	0x10
#define CONFIG_NO_AUX	0x20
#define CONFIG_TRANSLATE 0x40	/* what it says, into scan code set 1 */

#define OUTPUT_RUN	0x01	/* output port, 0: the reset line is pulled */
#define OUTPUT_A20	0x02

#define FAST_RESET	0x01	/* of port 92h, whose bit 1 is OUTPUT_A20 */

#define RESEND		0xfe
#define SELF_TEST_OK	0x55
#define LINE_OK		0x00
#define CLOCK_STUCK	0x01
#define SET2_RELEASED	0xf0	/* comes before the code, which in set 1 has bit 7 set */
#define SET1_RELEASED	0x80

struct i8042 {
	struct machine *m;
	uint8_t status, data;
	uint8_t ram[32];	/* ram[0] is the configuration byte */
	uint8_t output_port;
	uint8_t command;	/* takes the next byte at 60h; 0: that byte is for the keyboard */
	struct ps2_keyboard *keyboard;	/* NULL: none */
	bool from_keyboard;	/* data is */
	bool has_kept;		/* and was, when an answer came before it was read */
	uint8_t kept;
};

/* Codes of set 2 in set 1; F7 (83h) and SysRq (84h) lie apart. */
static const uint8_t set1[128] = {
	0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40,
	0x3e, 0x0f, 0x29, 0x59, 0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a,
	0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b, 0x67, 0x2e, 0x2d, 0x20,
	0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d,
	0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24,
	0x16, 0x08, 0x09, 0x5f, 0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60,
	0x6c, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0x61, 0x6d, 0x73, 0x28, 0x74,
	0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36, 0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76,
	0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c, 0x4f, 0x7d, 0x4b,
	0x47, 0x7e, 0x7f, 0x6f, 0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45,
	0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54,
};

static uint8_t translate(uint8_t code)
{
	return code < sizeof(set1) ? set1[code] : code == 0x83 ? 0x41 : code == 0x84 ? 0x54 : code;
}

static void have(struct i8042 *kbc, uint8_t byte)
{
	kbc->data = byte;
	kbc->status |= STATUS_OBF;
	kbc->from_keyboard = true;
}

/* The keyboard's next byte, if it may send one, where the driver reads it. */
static void fetch(struct i8042 *kbc)
{
	uint8_t byte, released = 0;

	if (!kbc->keyboard || (kbc->status & STATUS_OBF) || (kbc->ram[0] & CONFIG_NO_KBD))
		return;
	if (kbc->has_kept) {
		kbc->has_kept = false;
		have(kbc, kbc->kept);
		return;
	}
	while (ps2_keyboard_next(kbc->keyboard, &byte)) {
		if (!(kbc->ram[0] & CONFIG_TRANSLATE)) {
			have(kbc, byte);
			return;
		}
		if (byte != SET2_RELEASED) {
			have(kbc, translate(byte) | released);
			return;
		}
		released = SET1_RELEASED;
	}
}

static void update(struct i8042 *kbc)
{
	fetch(kbc);
	machine_set_irq(kbc->m, KEYBOARD_IRQ,
			(kbc->status & STATUS_OBF) && (kbc->ram[0] & CONFIG_IRQ1));
}

static void answer(struct i8042 *kbc, uint8_t data, uint8_t flags)
{
	if (kbc->from_keyboard) {
		kbc->from_keyboard = false;
		kbc->has_kept = true;
		kbc->kept = kbc->data;
	}
	kbc->data = data;
	kbc->status = (kbc->status & ~STATUS_TIMEOUT) | STATUS_OBF | flags;
}

static void set_output_port(struct i8042 *kbc, uint8_t value)
{
	kbc->output_port = value;
	if (!(value & OUTPUT_RUN))
		machine_request_stop(kbc->m, MACHINE_RESET, 0);
}

static void command(struct i8042 *kbc, uint8_t value)
{
	kbc->command = 0;
	switch (value) {
	case 0x20 ... 0x3f:
		answer(kbc, kbc->ram[value & 0x1f], 0);
		break;
	case 0x60 ... 0x7f:		/* write RAM */
	case 0xd1 ... 0xd4:		/* output port, loops of both ports, mouse */
		kbc->command = value;
		break;
	case 0xa7:
		kbc->ram[0] |= CONFIG_NO_AUX;
		break;
	case 0xa8:
		kbc->ram[0] &= ~CONFIG_NO_AUX;
		break;
	case 0xa9:
		answer(kbc, CLOCK_STUCK, 0);
		break;
	case 0xaa:
		kbc->ram[0] |= CONFIG_SYS | CONFIG_NO_KBD | CONFIG_NO_AUX;
		kbc->status |= STATUS_SYS;
		answer(kbc, SELF_TEST_OK, 0);
		break;
	case 0xab:
		answer(kbc, LINE_OK, 0);
		break;
	case 0xad:
		kbc->ram[0] |= CONFIG_NO_KBD;
		break;
	case 0xae:
		kbc->ram[0] &= ~CONFIG_NO_KBD;
		break;
	case 0xc0:			/* input port: not locked */
		answer(kbc, 0x80, 0);
		break;
	case 0xd0:
		answer(kbc, kbc->output_port, 0);
		break;
	case 0xdd:
		kbc->output_port &= ~OUTPUT_A20;
		break;
	case 0xdf:
		kbc->output_port |= OUTPUT_A20;
		break;
	case 0xf0 ... 0xff:		/* pulse the output lines whose bit is 0 */
		if (!(value & OUTPUT_RUN))
			machine_request_stop(kbc->m, MACHINE_RESET, 0);
		break;
	}
}

static void data(struct i8042 *kbc, uint8_t value)
{
	uint8_t to = kbc->command;

	kbc->command = 0;
	if (!to && kbc->keyboard) {
		kbc->ram[0] &= ~CONFIG_NO_KBD;
		ps2_keyboard_command(kbc->keyboard, value);
		return;
	}
	switch (to) {
	case 0x60 ... 0x7f:
		kbc->ram[to & 0x1f] = value;
		if (to == 0x60)
			kbc->status = (kbc->status & ~STATUS_SYS) | (value & CONFIG_SYS);
		break;
	case 0xd1:
		set_output_port(kbc, value);
		break;
	case 0xd2:
		answer(kbc, value, 0);
		break;
	default:
		/*
		 * Nobody answers. The controller gives up at once and says so; for the loop of
		 * the mouse port, the missing "from the mouse" flag tells that there is no port.
		 */
		answer(kbc, RESEND, STATUS_TIMEOUT);
		break;
	}
}

static uint64_t data_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	struct i8042 *kbc = opaque;
	uint8_t byte = kbc->data;

	(void)offset;
	(void)bytes;
	kbc->status &= ~(STATUS_OBF | STATUS_TIMEOUT);
	kbc->from_keyboard = false;
	/* The next byte is another edge. */
	machine_set_irq(kbc->m, KEYBOARD_IRQ, 0);
	update(kbc);
	return byte;
}

static void data_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	struct i8042 *kbc = opaque;

	(void)offset;
	(void)bytes;
	kbc->status &= ~STATUS_A2;
	data(kbc, value);
	update(kbc);
}

static uint64_t status_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	struct i8042 *kbc = opaque;

	(void)offset;
	(void)bytes;
	return kbc->status;
}

static void command_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	struct i8042 *kbc = opaque;

	(void)offset;
	(void)bytes;
	kbc->status |= STATUS_A2;
	command(kbc, value);
	update(kbc);
}

/* The gate says what it was told; there is no wrapping around at 1 MiB. */
static uint64_t fast_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	const struct i8042 *kbc = opaque;

	(void)offset;
	(void)bytes;
	return kbc->output_port & OUTPUT_A20;
}

static void fast_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	struct i8042 *kbc = opaque;

	(void)offset;
	(void)bytes;
	kbc->output_port = (kbc->output_port & ~OUTPUT_A20) | (value & OUTPUT_A20);
	if (value & FAST_RESET)
		machine_request_stop(kbc->m, MACHINE_RESET, 0);
}

void i8042_reset(struct i8042 *kbc)
{
	kbc->status = STATUS_UNLOCKED | STATUS_SYS;
	kbc->data = 0;
	memset(kbc->ram, 0, sizeof(kbc->ram));
	kbc->ram[0] = CONFIG_SYS | CONFIG_NO_KBD | CONFIG_NO_AUX;
	kbc->output_port = OUTPUT_RUN | OUTPUT_A20;
	kbc->command = 0;
	kbc->from_keyboard = false;
	kbc->has_kept = false;
	if (kbc->keyboard) {
		/* As firmware leaves it. */
		ps2_keyboard_reset(kbc->keyboard);
		kbc->ram[0] = CONFIG_SYS | CONFIG_NO_AUX | CONFIG_TRANSLATE | CONFIG_IRQ1;
	}
	update(kbc);
}

bool i8042_strike(struct i8042 *kbc, const uint16_t *codes, unsigned int nr)
{
	bool room = ps2_keyboard_strike(kbc->keyboard, codes, nr);

	update(kbc);
	return room;
}

struct i8042 *i8042_new(struct machine *m, bool keyboard)
{
	struct i8042 *kbc = calloc(1, sizeof(*kbc));
	struct io_range data_range = { "i8042 data", DATA_PORT, 1, data_read, data_write, kbc };
	struct io_range command_range = {
		"i8042 command", COMMAND_PORT, 1, status_read, command_write, kbc,
	};
	struct io_range fast_range = { "port 92h", FAST_PORT, 1, fast_read, fast_write, kbc };
	int err;

	if (!kbc)
		return NULL;
	kbc->m = m;
	if (keyboard) {
		kbc->keyboard = ps2_keyboard_new();
		if (!kbc->keyboard) {
			free(kbc);
			return NULL;
		}
	}
	i8042_reset(kbc);
	err = machine_add_ports(m, &data_range);
	if (!err)
		err = machine_add_ports(m, &command_range);
	if (!err)
		err = machine_add_ports(m, &fast_range);
	if (err) {
		i8042_free(kbc);
		errno = -err;
		return NULL;
	}
	return kbc;
}

void i8042_free(struct i8042 *kbc)
{
	ps2_keyboard_free(kbc->keyboard);
	free(kbc);
}
