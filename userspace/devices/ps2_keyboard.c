// SPDX-License-Identifier: GPL-2.0
/*
 * A PS/2 keyboard with scan code set 2 (IBM Personal System/2 Hardware Interface Technical
 * Reference, "Keyboard").  It knows codes, and neither names nor what is printed on keys.
 *
 * Answers to commands go before keys.  Keys wait here as long as the guest does not read them: they
 * come from who types for it, who is told when there is no more room.
 */
#include <stdlib.h>

#include "ps2_keyboard.h"

#define ANSWERS_MAX	8		/* a power of two, as the next one */
#define CODES_MAX	4096
#define STROKE_BYTES	5		/* of a key, with E0h and F0h */

#define ACK		0xfa
#define RESEND		0xfe
#define SELF_TEST_OK	0xaa
#define ECHO		0xee
#define RELEASED	0xf0
#define EXTENDED	0xe0

/* Commands */
#define SET_LEDS	0xed
#define SCAN_CODE_SET	0xf0
#define IDENTIFY	0xf2
#define SET_REPEAT	0xf3
#define ENABLE		0xf4
#define DISABLE		0xf5
#define SET_DEFAULTS	0xf6
#define SAY_AGAIN	0xfe
#define RESET		0xff

struct ps2_keyboard {
	uint8_t answers[ANSWERS_MAX];
	uint8_t codes[CODES_MAX];
	uint32_t answers_in, answers_out;	/* count on; modulo the size of each */
	uint32_t codes_in, codes_out;
	uint8_t command;		/* whose argument comes next, or 0 */
	uint8_t last;			/* that it has said */
	bool enabled;
};

static void answer(struct ps2_keyboard *k, uint8_t byte)
{
	k->answers[k->answers_in++ % ANSWERS_MAX] = byte;
}

static void forget_answers(struct ps2_keyboard *k)
{
	k->answers_out = k->answers_in;
}

static void set_defaults(struct ps2_keyboard *k)
{
	k->codes_out = k->codes_in;
	k->command = 0;
}

void ps2_keyboard_reset(struct ps2_keyboard *k)
{
	set_defaults(k);
	forget_answers(k);
	k->enabled = true;
	k->last = SELF_TEST_OK;
}

/* Set 2 is the only one; a driver that asks for it by number learns so. */
static void argument(struct ps2_keyboard *k, uint8_t command, uint8_t byte)
{
	if (command == SCAN_CODE_SET && byte && byte != 2) {
		answer(k, RESEND);
		return;
	}
	answer(k, ACK);
	if (command == SCAN_CODE_SET && !byte)
		answer(k, 2);
}

/* A command drops what the one before still has to say: of no two is there more than fits. */
void ps2_keyboard_command(struct ps2_keyboard *k, uint8_t byte)
{
	uint8_t command = k->command;

	k->command = 0;
	forget_answers(k);
	if (command && byte < SET_LEDS) {
		argument(k, command, byte);
		return;
	}
	switch (byte) {
	case ECHO:
		answer(k, ECHO);
		return;
	case SAY_AGAIN:
		answer(k, k->last);
		return;
	case SET_LEDS:
	case SCAN_CODE_SET:
	case SET_REPEAT:
		k->command = byte;
		break;
	case IDENTIFY:
		answer(k, ACK);
		answer(k, 0xab);
		answer(k, 0x83);
		return;
	case ENABLE:
	case DISABLE:
	case SET_DEFAULTS:
		set_defaults(k);
		k->enabled = byte != DISABLE;
		break;
	case RESET:
		ps2_keyboard_reset(k);
		answer(k, ACK);
		answer(k, SELF_TEST_OK);
		return;
	default:
		answer(k, RESEND);
		return;
	}
	answer(k, ACK);
}

bool ps2_keyboard_next(struct ps2_keyboard *k, uint8_t *byte)
{
	if (k->answers_out != k->answers_in)
		*byte = k->answers[k->answers_out++ % ANSWERS_MAX];
	else if (k->codes_out != k->codes_in && !k->command)
		*byte = k->codes[k->codes_out++ % CODES_MAX];
	else
		return false;
	k->last = *byte;
	return true;
}

static void key(struct ps2_keyboard *k, uint16_t code, bool pressed)
{
	if (code & PS2_EXTENDED)
		k->codes[k->codes_in++ % CODES_MAX] = EXTENDED;
	if (!pressed)
		k->codes[k->codes_in++ % CODES_MAX] = RELEASED;
	k->codes[k->codes_in++ % CODES_MAX] = code;
}

bool ps2_keyboard_strike(struct ps2_keyboard *k, const uint16_t *codes, unsigned int nr)
{
	if (!k->enabled)
		return true;
	if (CODES_MAX - (k->codes_in - k->codes_out) < nr * STROKE_BYTES)
		return false;
	for (unsigned int i = 0; i < nr; i++)
		key(k, codes[i], true);
	while (nr--)
		key(k, codes[nr], false);
	return true;
}

struct ps2_keyboard *ps2_keyboard_new(void)
{
	struct ps2_keyboard *k = calloc(1, sizeof(*k));

	if (k)
		ps2_keyboard_reset(k);
	return k;
}

void ps2_keyboard_free(struct ps2_keyboard *k)
{
	free(k);
}
