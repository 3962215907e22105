// SPDX-License-Identifier: GPL-2.0
// needs: userspace/devices/ps2_keyboard.c userspace/keys.c
/*
 * The PS/2 keyboard: its answers to a driver, keys and their order, and a guest that does not read;
 * and the names of keys.
 */
#include <stdlib.h>
#include <string.h>

#include "../../userspace/devices/ps2_keyboard.h"
#include "../../userspace/keys.h"
#include "random.h"
#include "tap.h"

static struct ps2_keyboard *k;

/* All that it has to say, in hexadecimal. */
static const char *said(void)
{
	static char text[3 * 8192];
	uint8_t byte;
	size_t n = 0;

	text[0] = '\0';
	while (ps2_keyboard_next(k, &byte))
		n += snprintf(text + n, sizeof(text) - n, "%s%02x", n ? " " : "", byte);
	return text;
}

static bool answers(uint8_t command, const char *wanted)
{
	const char *got;

	ps2_keyboard_command(k, command);
	got = said();
	if (strcmp(got, wanted))
		ksft_print_msg("%02x: %s instead of %s\n", command, got, wanted);
	return !strcmp(got, wanted);
}

static void test_commands(void)
{
	bool ok;

	k = ps2_keyboard_new();
	ok = answers(0xff, "fa aa") && answers(0xfe, "aa") && answers(0xee, "ee") &&
	     answers(0xf2, "fa ab 83") && answers(0xed, "fa") && answers(7, "fa") &&
	     answers(0xf3, "fa") && answers(0x20, "fa") && answers(0x20, "fe") &&
	     answers(0xf0, "fa") && answers(0, "fa 02") && answers(0xf0, "fa") &&
	     answers(2, "fa") && answers(0xf0, "fa") && answers(1, "fe") &&
	     answers(0xf4, "fa") && answers(0xf5, "fa") && answers(0xf6, "fa") &&
	     answers(0x55, "fe");
	ksft_test_result(ok, "a driver's commands\n");
	/* A command instead of an argument is one; what was not read is gone. */
	ok = answers(0xed, "fa") && answers(0xee, "ee");
	ps2_keyboard_command(k, 0xf2);
	ok &= answers(0xee, "ee");
	ksft_test_result(ok, "a command ends the one before\n");
	ps2_keyboard_free(k);
}

static void strike(unsigned int nr, uint16_t first, uint16_t second)
{
	if (!ps2_keyboard_strike(k, (uint16_t[]) { first, second }, nr))
		ksft_exit_fail_msg("no room for a key\n");
}

static void test_keys(void)
{
	bool ok;

	k = ps2_keyboard_new();
	strike(2, 0x1c, PS2_EXTENDED | 0x71);
	ksft_test_result(!strcmp(said(), "1c e0 71 e0 f0 71 f0 1c"), "keys, in their order\n");
	strike(1, 0x1c, 0);
	ps2_keyboard_command(k, 0xee);
	ok = !strcmp(said(), "ee 1c f0 1c");
	strike(1, 0x1c, 0);
	ok &= answers(0xf5, "fa");		/* forgets it, and hears no more */
	strike(1, 0x1d, 0);
	ok &= !strcmp(said(), "") && answers(0xf4, "fa");
	strike(1, 0x1d, 0);
	ok &= !strcmp(said(), "1d f0 1d");
	/* None between a command and its argument. */
	ps2_keyboard_command(k, 0xed);
	strike(1, 0x1d, 0);
	ok &= !strcmp(said(), "fa") && answers(0, "fa 1d f0 1d");
	ksft_test_result(ok, "keys and commands\n");
	ps2_keyboard_free(k);
}

static void test_no_reader(void)
{
	static const uint8_t wanted[] = { 0xe0, 0x71, 0xe0, 0xf0, 0x71 };
	const uint16_t code = PS2_EXTENDED | 0x71;
	unsigned int nr = 0;
	uint8_t byte;
	bool ok = true;

	k = ps2_keyboard_new();
	while (ps2_keyboard_strike(k, &code, 1))
		nr++;
	for (unsigned int i = 0; i < 5 * nr; i++)
		ok &= ps2_keyboard_next(k, &byte) && byte == wanted[i % 5];
	ksft_test_result(ok && nr > 800 && !ps2_keyboard_next(k, &byte),
			 "%u keys wait, and no more\n", nr);
	for (unsigned int i = 0; i < 200000; i++) {
		const uint16_t some[] = { rng(), rng(), rng() };

		if (rng() & 1)
			ps2_keyboard_command(k, rng());
		else
			ps2_keyboard_strike(k, some, rng() % 4);
		if (rng() & 1)
			ps2_keyboard_next(k, &byte);
	}
	ps2_keyboard_free(k);
	ksft_test_result_pass("random commands and keys\n");
}

static bool is(const char *text, unsigned int nr, uint16_t last)
{
	struct key_stroke s;
	char why[120];

	return key_parse(text, &s, why, sizeof(why)) && s.nr == nr && s.codes[nr - 1] == last;
}

static bool is_not(const char *text, const char *wanted)
{
	struct key_stroke s;
	char why[120] = "";

	return !key_parse(text, &s, why, sizeof(why)) && strstr(why, wanted);
}

static void test_names(void)
{
	char name[KEY_NAME_MAX], why[120];
	struct key_stroke s;
	bool ok = true;

	ksft_test_result(is("a", 1, 0x1c) && is("ctrl-alt-delete", 3, PS2_EXTENDED | 0x71) &&
			 is("f12", 1, 0x07) && is("shift-kp_0", 2, 0x70), "names of keys\n");
	ksft_test_result(is_not("", "no key \"\"") && is_not("ctrl-", "no key \"\"") &&
			 is_not("ctrl-any", "no key \"any\"") &&
			 is_not("a-b-c-d-e-f-g", "at most 6"), "what is no key\n");
	for (char c = ' '; c < 0x7f; c++)
		ok &= key_of_char(c, name) && key_parse(name, &s, why, sizeof(why)) && s.nr <= 2;
	ok &= key_of_char('A', name) && !strcmp(name, "shift-a");
	ok &= key_of_char('\n', name) && !strcmp(name, "enter");
	ksft_test_result(ok && !key_of_char('\0', name) && !key_of_char('\xe4', name),
			 "each character of ASCII has its key\n");
}

int main(void)
{
	ksft_print_header();
	ksft_set_plan(9);
	test_commands();
	test_keys();
	test_no_reader();
	test_names();
	ksft_finished();
}
