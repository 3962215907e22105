// SPDX-License-Identifier: GPL-2.0
// needs: userspace/config.c userspace/json.c userspace/run_settings.c
// libs: -ljson-c
/*
 * Configuration files: what is read is what was meant, what is wrong is named with its place or its
 * key, and what is written can be read. The table of options is one made here, with an option of
 * each kind.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../userspace/cli.h"
#include "../../userspace/config.h"
#include "../../userspace/json.h"
#include "tap.h"

enum { KERNEL, MEM, DISK, MEM_PATH, NO_REBOOT, RNG };

const struct run_option run_option_table[] = {
	[KERNEL] = { "kernel", OPTION_TEXT },
	[MEM] = { "mem", OPTION_NUMBER },
	[DISK] = { "disk", OPTION_TEXT, .repeatable = true },
	[MEM_PATH] = { "mem-path", OPTION_TEXT },
	[NO_REBOOT] = { "no-reboot", OPTION_FLAG },
	[RNG] = { "rng", OPTION_MAYBE_TEXT },
};

const unsigned int nr_run_options = sizeof(run_option_table) / sizeof(run_option_table[0]);

static char said[4096];

void message(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(said, sizeof(said), format, args);
	va_end(args);
}

/* ---- helpers ---------------------------------------------------------------------------- */

#define TEMPLATE "/tmp/vmctl_config.XXXXXX"
static char path[sizeof(TEMPLATE)] = TEMPLATE;

static void write_file(const void *text, size_t bytes)
{
	FILE *f = fopen(path, "w");

	if (!f || fwrite(text, 1, bytes, f) != bytes || fclose(f))
		ksft_exit_fail_msg("no file\n");
}

/* The status of reading @text. */
static int read_bytes(const void *text, size_t bytes, struct run_settings *s)
{
	*s = (struct run_settings) { 0 };
	said[0] = '\0';
	write_file(text, bytes);
	return config_read(path, s);
}

/* Settings as the command line would have them, all in one string. */
static const char *line_of(const struct run_settings *s)
{
	static char text[4096];
	size_t len = 0;

	text[0] = '\0';
	for (unsigned int i = 0; i < s->nr; i++)
		len += snprintf(text + len, sizeof(text) - len, "%s--%s%s%s", i ? " " : "",
				s->set[i].option->name, s->set[i].value ? " " : "",
				s->set[i].value ? s->set[i].value : "");
	return text;
}

static void good(const char *text, const char *line)
{
	struct run_settings s;
	int status = read_bytes(text, strlen(text), &s);
	bool ok = status == CLI_GO_ON && !strcmp(line_of(&s), line) && !said[0];

	for (unsigned int i = 0; i < s.nr; i++)
		ok = ok && s.set[i].file == path;
	if (!ok)
		ksft_print_msg("status %d, settings '%s', message '%s'\n", status, line_of(&s),
			       said);
	run_settings_free(&s);
	ksft_test_result(ok, "good: %s\n", line);
}

static void bad_bytes(const void *text, size_t bytes, const char *wanted, const char *name)
{
	struct run_settings s;
	char whole[300];
	int status = read_bytes(text, bytes, &s);
	bool ok;

	snprintf(whole, sizeof(whole), "%s: %s", path, wanted);
	ok = status == STATUS_USAGE && !strcmp(said, whole);
	if (!ok)
		ksft_print_msg("status %d, message '%s'\n", status, said);
	run_settings_free(&s);
	ksft_test_result(ok, "bad: %s\n", name);
}

static void bad(const char *text, const char *wanted)
{
	bad_bytes(text, strlen(text), wanted, wanted);
}

/* ---- tests ------------------------------------------------------------------------------ */

static void test_good(void)
{
	good("{}", "");
	good("\t\n{ \"kernel\" : \"/a b\" }\n\n", "--kernel /a b");
	good("{\"mem\": 512, \"no-reboot\": true}", "--mem 512 --no-reboot");
	good("{\"mem\": \"1G\", \"no-reboot\": false}", "--mem 1G");
	good("{\"disk\": [\"a\", \"b,ro\"], \"kernel\": \"k\"}",
	     "--disk a --disk b,ro --kernel k");
	good("{\"disk\": \"a\"}", "--disk a");
	good("{\"disk\": []}", "");
	good("{\"kernel\": \"\\u00fc \\\"\\\\\\n\"}", "--kernel \xc3\xbc \"\\\n");
	good("{\"mem\": 99999999999999999999}", "--mem 18446744073709551615");
	good("{\"rng\": true}", "--rng");
	good("{\"rng\": false}", "");
	good("{\"rng\": \"rate=1K\"}", "--rng rate=1K");
}

static void test_malformed(void)
{
	char deep[64] = "{\"disk\":";

	bad("", "line 1, column 1: it ends before its object does");
	bad("\n\n{\"kernel\": \"k\"", "line 3, column 15: it ends before its object does");
	bad("{\n  \"kernel\": \"k\",\n  \"mem\":\n}", "line 4, column 1: unexpected character");
	bad("{\"kernel\": \"k\",}", "line 1, column 16: unexpected character");
	bad("{\"kernel\" \"k\"}",
	    "line 1, column 11: object property name separator ':' expected");
	bad("{\"mem\": 1 \"kernel\": \"k\"}",
	    "line 1, column 11: object value separator ',' expected");
	bad("{kernel: \"k\"}", "line 1, column 2: quoted object property name expected");
	bad("// comment\n{}", "line 1, column 1: unexpected character");
	bad("{} {}", "line 1, column 4: unexpected character");
	bad("[\"kernel\"]", "line 1, column 11: not an object, {...}");
	bad("{\"kernel\": \"\xff\"}", "line 1, column 13: invalid utf-8 string");
	bad("{\"no-reboot\": tru}", "line 1, column 18: boolean expected");
	bad_bytes("{}\n\0{}", 6, "line 2, column 1: a byte that is 0", "a byte that is 0");
	strcat(deep, "[[[[[[\"a\"]]]]]]}");
	bad(deep, "line 1, column 12: nesting too deep");
}

static void test_keys(void)
{
	bad("{\"kernal\": \"k\"}", "unknown key \"kernal\"; do you mean \"kernel\"?");
	bad("{\"memory\": 1}", "unknown key \"memory\"; do you mean \"mem\"?");
	bad("{\"mem_path\": \"p\"}", "unknown key \"mem_path\"; do you mean \"mem-path\"?");
	bad("{\"disks\": []}", "unknown key \"disks\"; do you mean \"disk\"?");
	bad("{\"reboot\": false}",
	    "unknown key \"reboot\"; keys are the options of vmctl run, without --");
	bad("{\"--kernel\": \"k\"}", "unknown key \"--kernel\"; do you mean \"kernel\"?");
	bad("{\"\": 1}", "unknown key \"\"; keys are the options of vmctl run, without --");
	bad("{\"a\\u001b[2J\\nb\": 1}", "unknown key \"a\\u001b[2J\\nb\"; keys are the options of "
	    "vmctl run, without --");
	bad("{\"kernelkernelkernelkernelkernelkernelkernel\": 1}",
	    "unknown key \"kernelkernelkernelkernelkernelkernelkernel\"; keys are the options of "
	    "vmctl run, without --");
	/* What comes after it is not looked at, and what came before does not count. */
	bad("{\"kernel\": \"k\", \"x\": 1, \"mem\": []}",
	    "unknown key \"x\"; keys are the options of vmctl run, without --");
}

static void test_types(void)
{
	bad("{\"kernel\": 1}", "\"kernel\": a number; give a string");
	bad("{\"kernel\": null}", "\"kernel\": null; give a string");
	bad("{\"kernel\": [\"k\"]}", "\"kernel\": an array; give a string");
	bad("{\"kernel\": \"a\\u0000b\"}",
	    "\"kernel\": a string with a character 0 in it; give a string");
	bad("{\"mem\": 1.5}",
	    "\"mem\": a fraction; give a whole number, or a string as on the command line");
	bad("{\"mem\": {\"size\": 1}}",
	    "\"mem\": an object; give a whole number, or a string as on the command line");
	bad("{\"no-reboot\": 1}", "\"no-reboot\": a number; give true or false");
	bad("{\"no-reboot\": \"yes\"}", "\"no-reboot\": a string; give true or false");
	bad("{\"rng\": 1}", "\"rng\": a number; give true, false or a string");
	bad("{\"rng\": \"a\\u0000\"}",
	    "\"rng\": a string with a character 0 in it; give true, false or a string");
	bad("{\"disk\": 1}", "\"disk\": a number; give a string, or an array of such");
	bad("{\"disk\": [\"a\", true]}", "\"disk\": true; give a string, or an array of such");
	bad("{\"disk\": [[\"a\"]]}", "\"disk\": an array; give a string, or an array of such");
}

/* Status 1, and nothing that is read. */
static void unreadable(const char *which, const char *wanted)
{
	struct run_settings s = { 0 };
	int status;

	said[0] = '\0';
	status = config_read(which, &s);
	if (!strstr(said, wanted))
		ksft_print_msg("message '%s'\n", said);
	ksft_test_result(status == STATUS_ERROR && !s.nr && strstr(said, wanted),
			 "unreadable: %s\n", wanted);
}

static void test_files(void)
{
	char *large = malloc(65537);

	unreadable("/nonexistent", "cannot open the configuration /nonexistent: No such file");
	unreadable("/", "cannot read the configuration /: Is a directory");
	memset(large, ' ', 65537);
	memcpy(large, "{}", 2);
	write_file(large, 65537);
	unreadable(path, "larger than 64K");
	large[65536] = '\0';
	good(large, "");
	free(large);
}

/* ---- settings, and back to text --------------------------------------------------------- */

static void add(struct run_settings *s, unsigned int option, const char *value)
{
	if (!run_settings_add(s, &run_option_table[option], value, NULL))
		ksft_exit_fail_msg("no memory\n");
}

static void test_settings(void)
{
	struct run_settings file = { 0 }, line = { 0 };

	add(&line, MEM, "1G");
	add(&line, DISK, "a");
	add(&line, MEM, "2G");
	add(&line, DISK, "b");
	add(&line, NO_REBOOT, NULL);
	add(&line, NO_REBOOT, NULL);
	ksft_test_result(!strcmp(line_of(&line), "--disk a --mem 2G --disk b --no-reboot"),
			 "of one that is not repeatable the last counts, of another each\n");

	add(&file, KERNEL, "k");
	add(&file, MEM, "512");
	add(&file, DISK, "x");
	add(&file, DISK, "y");
	add(&file, MEM_PATH, "memfd");
	ksft_test_result(run_settings_override(&file, &line) &&
			 !strcmp(line_of(&file), "--kernel k --mem-path memfd --disk a --mem 2G "
						 "--disk b --no-reboot") && !line.nr,
			 "the command line's instead of the file's, all of an option's\n");
	run_settings_free(&file);
}

static void test_write(void)
{
	struct run_settings s = { 0 }, again;
	char before[4096];
	struct json_object *o;
	const char *text;

	add(&s, KERNEL, "a \"quoted\" /path\n");
	add(&s, MEM, "512");
	add(&s, DISK, "only one");
	add(&s, NO_REBOOT, NULL);
	add(&s, RNG, NULL);
	o = config_object(&s);
	text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_NOSLASHESCAPE);
	ksft_test_result(!strcmp(text, "{\"kernel\":\"a \\\"quoted\\\" /path\\n\",\"mem\":512,"
				       "\"disk\":[\"only one\"],\"no-reboot\":true,"
				       "\"rng\":true}"),
			 "written: %s\n", text);
	strcpy(before, line_of(&s));
	run_settings_free(&s);
	ksft_test_result(read_bytes(text, strlen(text), &again) == CLI_GO_ON &&
			 !strcmp(line_of(&again), before), "and read again it is the same\n");
	run_settings_free(&again);
	json_object_put(o);
}

/* What looks like a number stays the text that it was. */
static void test_numbers(void)
{
	static const char * const texts[] = {
		"0", "512", "0512", "0xf4", "1G", "", "-1", "+1", " 1", "1.0",
		"9223372036854775807", "99999999999999999999"
	};
	unsigned int same = 0, nr = sizeof(texts) / sizeof(texts[0]);

	for (unsigned int i = 0; i < nr; i++) {
		struct run_settings s = { 0 }, again;
		struct json_object *o;
		const char *text;

		add(&s, MEM, texts[i]);
		o = config_object(&s);
		text = json_object_to_json_string(o);
		if (read_bytes(text, strlen(text), &again) == CLI_GO_ON && again.nr == 1 &&
		    !strcmp(again.set[0].value, texts[i]))
			same++;
		else
			ksft_print_msg("'%s' is written as %s\n", texts[i], text);
		run_settings_free(&again);
		run_settings_free(&s);
		json_object_put(o);
	}
	ksft_test_result(same == nr, "numbers come back as they were\n");
}

int main(void)
{
	setlinebuf(stdout);
	ksft_print_header();
	ksft_set_plan(58);
	close(mkstemp(path));
	test_good();
	test_malformed();
	test_keys();
	test_types();
	test_files();
	test_settings();
	test_write();
	test_numbers();
	unlink(path);
	ksft_finished();
}
