/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What people call keys, as a PS/2 keyboard of 102 keys has them; letters and signs are where a US
 * keyboard has them.
 */
#ifndef VMCTL_KEYS_H
#define VMCTL_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEYS_AT_ONCE	6

/**
 * struct key_stroke - keys that are pressed one after the other, and released in reverse
 * @codes: of them: set 2, PS2_EXTENDED
 * @nr: how many
 */
struct key_stroke {
	uint16_t codes[KEYS_AT_ONCE];
	unsigned int nr;
};

/* @text as "ctrl-alt-delete".  On failure false, with a sentence in @why. */
bool key_parse(const char *text, struct key_stroke *stroke, char *why, size_t room);

#define KEY_NAME_MAX	24	/* of key_of_char()'s, with its NUL */

/* What types @c, of ASCII, as for key_parse().  Return: false: no key does. */
bool key_of_char(char c, char name[KEY_NAME_MAX]);

#endif
