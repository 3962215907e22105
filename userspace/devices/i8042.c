// SPDX-License-Identifier: GPL-2.0
/*
 * An i8042 keyboard controller with nothing attached. It exists for what the PC hangs on it, the
 * reset line and the A20 gate, which port 92h has, too, and answers a driver that probes it so that
 * the driver learns within one command that there is no keyboard and no mouse. It knows no keys.
 *
 * The one trick: every answer is ready before the next access, so the input buffer is never full
 * and there is no timing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../device.h"

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

#define OUTPUT_RUN	0x01	/* output port, 0: the reset line is pulled */
#define OUTPUT_A20	0x02

#define FAST_RESET	0x01	/* of port 92h, whose bit 1 is OUTPUT_A20 */

#define RESEND		0xfe
#define SELF_TEST_OK	0x55
#define LINE_OK		0x00
#define CLOCK_STUCK	0x01

struct i8042 {
	struct machine *m;
	uint8_t status, data;
	uint8_t ram[32];	/* ram[0] is the configuration byte */
	uint8_t output_port;
	uint8_t command;	/* takes the next byte at 60h; 0: that byte is for the keyboard */
};

static void update(struct i8042 *kbc)
{
	machine_set_irq(kbc->m, KEYBOARD_IRQ,
			(kbc->status & STATUS_OBF) && (kbc->ram[0] & CONFIG_IRQ1));
}

static void answer(struct i8042 *kbc, uint8_t data, uint8_t flags)
{
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

	(void)offset;
	(void)bytes;
	kbc->status &= ~(STATUS_OBF | STATUS_TIMEOUT);
	update(kbc);
	return kbc->data;
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
	update(kbc);
}

struct i8042 *i8042_new(struct machine *m)
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
	i8042_reset(kbc);
	err = machine_add_ports(m, &data_range);
	if (!err)
		err = machine_add_ports(m, &command_range);
	if (!err)
		err = machine_add_ports(m, &fast_range);
	if (err) {
		free(kbc);
		errno = -err;
		return NULL;
	}
	return kbc;
}

void i8042_free(struct i8042 *kbc)
{
	free(kbc);
}
