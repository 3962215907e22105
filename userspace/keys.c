// SPDX-License-Identifier: GPL-2.0
/*
 * Names of keys, and which of them type a character.  Codes are those of set 2.
 */
#include <stdio.h>
#include <string.h>

#include "devices/ps2_keyboard.h"
#include "keys.h"

#define SHIFT		0x12
#define NAME_MAX_BYTES	15

struct key {
	char name[NAME_MAX_BYTES + 1];
	uint16_t code;
	char plain, shifted;	/* what it types, or 0 */
};

#define E(code)		(PS2_EXTENDED | (code))

static const struct key keys[] = {
	{ "a", 0x1c, 'a', 'A' }, { "b", 0x32, 'b', 'B' }, { "c", 0x21, 'c', 'C' },
	{ "d", 0x23, 'd', 'D' }, { "e", 0x24, 'e', 'E' }, { "f", 0x2b, 'f', 'F' },
	{ "g", 0x34, 'g', 'G' }, { "h", 0x33, 'h', 'H' }, { "i", 0x43, 'i', 'I' },
	{ "j", 0x3b, 'j', 'J' }, { "k", 0x42, 'k', 'K' }, { "l", 0x4b, 'l', 'L' },
	{ "m", 0x3a, 'm', 'M' }, { "n", 0x31, 'n', 'N' }, { "o", 0x44, 'o', 'O' },
	{ "p", 0x4d, 'p', 'P' }, { "q", 0x15, 'q', 'Q' }, { "r", 0x2d, 'r', 'R' },
	{ "s", 0x1b, 's', 'S' }, { "t", 0x2c, 't', 'T' }, { "u", 0x3c, 'u', 'U' },
	{ "v", 0x2a, 'v', 'V' }, { "w", 0x1d, 'w', 'W' }, { "x", 0x22, 'x', 'X' },
	{ "y", 0x35, 'y', 'Y' }, { "z", 0x1a, 'z', 'Z' }, { "1", 0x16, '1', '!' },
	{ "2", 0x1e, '2', '@' }, { "3", 0x26, '3', '#' }, { "4", 0x25, '4', '$' },
	{ "5", 0x2e, '5', '%' }, { "6", 0x36, '6', '^' }, { "7", 0x3d, '7', '&' },
	{ "8", 0x3e, '8', '*' }, { "9", 0x46, '9', '(' }, { "0", 0x45, '0', ')' },
	{ "minus", 0x4e, '-', '_' }, { "equal", 0x55, '=', '+' },
	{ "bracket_left", 0x54, '[', '{' }, { "bracket_right", 0x5b, ']', '}' },
	{ "backslash", 0x5d, '\\', '|' }, { "semicolon", 0x4c, ';', ':' },
	{ "apostrophe", 0x52, '\'', '"' }, { "grave", 0x0e, '`', '~' },
	{ "comma", 0x41, ',', '<' }, { "dot", 0x49, '.', '>' }, { "slash", 0x4a, '/', '?' },
	{ "space", 0x29, ' ', 0 }, { "enter", 0x5a, '\n', 0 }, { "tab", 0x0d, '\t', 0 },
	{ "backspace", 0x66, '\b', 0 }, { "esc", 0x76, 0x1b, 0 }, { "less", 0x61, 0, 0 },
	{ "shift", SHIFT, 0, 0 }, { "ctrl", 0x14, 0, 0 }, { "alt", 0x11, 0, 0 },
	{ "shift_r", 0x59, 0, 0 }, { "ctrl_r", E(0x14), 0, 0 }, { "alt_r", E(0x11), 0, 0 },
	{ "meta", E(0x1f), 0, 0 }, { "meta_r", E(0x27), 0, 0 }, { "menu", E(0x2f), 0, 0 },
	{ "caps_lock", 0x58, 0, 0 }, { "num_lock", 0x77, 0, 0 }, { "scroll_lock", 0x7e, 0, 0 },
	{ "f1", 0x05, 0, 0 }, { "f2", 0x06, 0, 0 }, { "f3", 0x04, 0, 0 }, { "f4", 0x0c, 0, 0 },
	{ "f5", 0x03, 0, 0 }, { "f6", 0x0b, 0, 0 }, { "f7", 0x83, 0, 0 }, { "f8", 0x0a, 0, 0 },
	{ "f9", 0x01, 0, 0 }, { "f10", 0x09, 0, 0 }, { "f11", 0x78, 0, 0 },
	{ "f12", 0x07, 0, 0 }, { "insert", E(0x70), 0, 0 }, { "delete", E(0x71), 0, 0 },
	{ "home", E(0x6c), 0, 0 }, { "end", E(0x69), 0, 0 }, { "pgup", E(0x7d), 0, 0 },
	{ "pgdn", E(0x7a), 0, 0 }, { "up", E(0x75), 0, 0 }, { "down", E(0x72), 0, 0 },
	{ "left", E(0x6b), 0, 0 }, { "right", E(0x74), 0, 0 }, { "print", E(0x7c), 0, 0 },
	{ "kp_0", 0x70, 0, 0 }, { "kp_1", 0x69, 0, 0 }, { "kp_2", 0x72, 0, 0 },
	{ "kp_3", 0x7a, 0, 0 }, { "kp_4", 0x6b, 0, 0 }, { "kp_5", 0x73, 0, 0 },
	{ "kp_6", 0x74, 0, 0 }, { "kp_7", 0x6c, 0, 0 }, { "kp_8", 0x75, 0, 0 },
	{ "kp_9", 0x7d, 0, 0 }, { "kp_dot", 0x71, 0, 0 }, { "kp_plus", 0x79, 0, 0 },
	{ "kp_minus", 0x7b, 0, 0 }, { "kp_multiply", 0x7c, 0, 0 },
	{ "kp_divide", E(0x4a), 0, 0 }, { "kp_enter", E(0x5a), 0, 0 },
};

#define NR_KEYS		(sizeof(keys) / sizeof(keys[0]))

static const struct key *find(const char *name, size_t bytes)
{
	for (size_t i = 0; i < NR_KEYS; i++) {
		if (strlen(keys[i].name) == bytes && !memcmp(keys[i].name, name, bytes))
			return &keys[i];
	}
	return NULL;
}

bool key_parse(const char *text, struct key_stroke *stroke, char *why, size_t room)
{
	const struct key *key;
	size_t bytes;

	stroke->nr = 0;
	do {
		bytes = strcspn(text, "-");
		key = find(text, bytes);
		if (!key) {
			snprintf(why, room, "there is no key \"%.*s\"; names are as in "
				 "ctrl-alt-delete, f1, kp_0, enter, a",
				 bytes > 20 ? 20 : (int)bytes, text);
			return false;
		}
		if (stroke->nr == KEYS_AT_ONCE) {
			snprintf(why, room, "press at most %d keys at once", KEYS_AT_ONCE);
			return false;
		}
		stroke->codes[stroke->nr++] = key->code;
		text += bytes;
	} while (*text++);
	return true;
}

bool key_of_char(char c, char name[KEY_NAME_MAX])
{
	for (size_t i = 0; c && i < NR_KEYS; i++) {
		if (keys[i].plain != c && keys[i].shifted != c)
			continue;
		snprintf(name, KEY_NAME_MAX, "%s%s", keys[i].plain == c ? "" : "shift-",
			 keys[i].name);
		return true;
	}
	return false;
}
