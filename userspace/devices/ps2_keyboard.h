/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A PS/2 keyboard, as its controller sees it: bytes that it is told, and bytes that it has to say.
 * All of it under the machine's lock; it registers nothing and raises nothing.
 */
#ifndef VMCTL_PS2_KEYBOARD_H
#define VMCTL_PS2_KEYBOARD_H

#include <stdbool.h>
#include <stdint.h>

struct ps2_keyboard;

struct ps2_keyboard *ps2_keyboard_new(void);
void ps2_keyboard_free(struct ps2_keyboard *k);
void ps2_keyboard_reset(struct ps2_keyboard *k);

/* The controller sends it a command, or a command's argument. */
void ps2_keyboard_command(struct ps2_keyboard *k, uint8_t byte);

/* The next byte that it has to say.  Return: whether there is one. */
bool ps2_keyboard_next(struct ps2_keyboard *k, uint8_t *byte);

#define PS2_EXTENDED	0x100	/* E0h comes before the code */

/*
 * Somebody presses @nr keys, one after the other, and releases them in reverse: @codes as in set 2,
 * with PS2_EXTENDED.  Return: false: so much waits that the guest has not read that there is no
 * room for all of it.
 */
bool ps2_keyboard_strike(struct ps2_keyboard *k, const uint16_t *codes, unsigned int nr);

#endif
