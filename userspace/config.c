// SPDX-License-Identifier: GPL-2.0
/*
 * Settings from and to JSON.  It knows the table's names and types; what a text means, and whether
 * it makes sense, is run_options.c's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "config.h"
#include "json.h"
#include "message.h"

#define MAX_BYTES	65536
#define MAX_DEPTH	4
#define MAX_KEY		32	/* longer ones are like none that there is */

/* A key that is almost one */

static unsigned int smallest(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int m = a < b ? a : b;

	return m < c ? m : c;
}

/* How many characters have to come, go or change (Levenshtein). */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[MAX_KEY + 1], above, corner;
	size_t len = strlen(b);

	for (size_t j = 0; j <= len; j++)
		row[j] = j;
	for (size_t i = 0; a[i]; i++) {
		corner = row[0];
		row[0] = i + 1;
		for (size_t j = 0; j < len; j++) {
			above = row[j + 1];
			row[j + 1] = smallest(row[j] + 1, above + 1, corner + (a[i] != b[j]));
			corner = above;
		}
	}
	return row[len];
}

static bool begins(const char *text, const char *start)
{
	return !strncmp(text, start, strlen(start));
}

static const char *find_near(const char *key)
{
	const char *near = NULL, *name;
	unsigned int best = 3, d;

	if (strlen(key) > MAX_KEY)
		return NULL;
	for (unsigned int i = 0; i < nr_run_options; i++) {
		name = run_option_table[i].name;
		d = distance(key, name);
		if (d > 2 && strlen(key) > 2 && (begins(key, name) || begins(name, key)))
			d = 2;
		if (d < best) {
			best = d;
			near = name;
		}
	}
	return near;
}

static void unknown_key(const char *path, const char *key)
{
	const char *near = find_near(key);
	char quoted[80];

	json_quote(key, quoted, sizeof(quoted));
	if (near)
		message("%s: unknown key %s; do you mean \"%s\"?", path, quoted, near);
	else
		message("%s: unknown key %s; keys are the options of vmctl run, without --", path,
			quoted);
}

/* Reading */

static int wrong_type(const char *path, const struct run_option *option,
		      const struct json_object *o)
{
	static const char * const wanted[] = {
		[OPTION_TEXT] = "a string",
		[OPTION_NUMBER] = "a whole number, or a string as on the command line",
		[OPTION_FLAG] = "true or false",
		[OPTION_MAYBE_TEXT] = "true, false or a string",
	};
	/* A text is refused for that only. */
	bool nul = option->type != OPTION_FLAG && json_object_is_type(o, json_type_string);

	message("%s: \"%s\": %s; give %s%s", path, option->name,
		nul ? "a string with a character 0 in it" : json_kind(o), wanted[option->type],
		option->repeatable ? ", or an array of such" : "");
	return STATUS_USAGE;
}

/* The text that a value is on the command line, or NULL if it is none. */
static const char *value_text(struct json_object *o, enum run_option_type type)
{
	const char *text = json_object_get_string(o);

	if (json_object_is_type(o, json_type_string))
		return strlen(text) == (size_t)json_object_get_string_len(o) ? text : NULL;
	return type == OPTION_NUMBER && json_object_is_type(o, json_type_int) ? text : NULL;
}

static int add_value(const char *path, const struct run_option *option, struct json_object *o,
		     struct run_settings *settings)
{
	bool can_be_flag = option->type == OPTION_FLAG || option->type == OPTION_MAYBE_TEXT;
	bool flag = can_be_flag && json_object_is_type(o, json_type_boolean);
	const char *text = NULL;

	if (!flag && option->type != OPTION_FLAG)
		text = value_text(o, option->type);
	if (!flag && !text)
		return wrong_type(path, option, o);
	if (flag && !json_object_get_boolean(o))
		return CLI_GO_ON;
	return run_settings_add(settings, option, text, path) ? CLI_GO_ON : STATUS_ERROR;
}

static int add_key(const char *path, const char *key, struct json_object *o,
		   struct run_settings *settings)
{
	const struct run_option *option = run_option_find(key);
	int status = CLI_GO_ON;

	if (!option) {
		unknown_key(path, key);
		return STATUS_USAGE;
	}
	if (!option->repeatable || !json_object_is_type(o, json_type_array))
		return add_value(path, option, o, settings);
	for (size_t i = 0; status == CLI_GO_ON && i < json_object_array_length(o); i++)
		status = add_value(path, option, json_object_array_get_idx(o, i), settings);
	return status;
}

/* The file's bytes, how many there are in @len; NULL after a message. */
static char *read_file(const char *path, size_t *len)
{
	FILE *file = fopen(path, "re");
	char *text = malloc(MAX_BYTES + 1);
	int error = errno;

	if (!file || !text) {
		message("cannot open the configuration %s: %s", path,
			strerror(file ? ENOMEM : error));
		goto fail;
	}
	*len = fread(text, 1, MAX_BYTES + 1, file);
	if (ferror(file)) {
		message("cannot read the configuration %s: %s", path, strerror(errno));
		goto fail;
	}
	if (*len > MAX_BYTES) {
		message("%s is no configuration: it is larger than 64K", path);
		goto fail;
	}
	fclose(file);
	return text;
fail:
	if (file)
		fclose(file);
	free(text);
	return NULL;
}

int config_read(const char *path, struct run_settings *settings)
{
	struct json_object *all;
	int status = CLI_GO_ON;
	char why[160];
	size_t len;
	char *text = read_file(path, &len);

	if (!text)
		return STATUS_ERROR;
	all = json_parse(text, len, 1, MAX_DEPTH, why, sizeof(why));
	free(text);
	if (!all) {
		message("%s: %s", path, why);
		return STATUS_USAGE;
	}
	json_object_object_foreach(all, key, value) {
		if (status == CLI_GO_ON)
			status = add_key(path, key, value, settings);
	}
	json_object_put(all);
	return status;
}

/* Writing */

/* A number is written as one if reading it gives the same text. */
static struct json_object *value_object(const struct run_setting *set)
{
	struct json_object *o;
	const char *s = set->value;

	if (!s)
		return json_object_new_boolean(true);
	if (set->option->type == OPTION_NUMBER) {
		o = json_object_new_int64(strtoll(s, NULL, 10));
		if (!strcmp(json_object_get_string(o), s))
			return o;
		json_object_put(o);
	}
	return json_object_new_string(s);
}

struct json_object *config_object(const struct run_settings *settings)
{
	struct json_object *all = json_object_new_object(), *list;

	for (unsigned int i = 0; i < settings->nr; i++) {
		const struct run_setting *set = &settings->set[i];
		const char *name = set->option->name;

		if (!set->option->repeatable) {
			json_object_object_add(all, name, value_object(set));
			continue;
		}
		if (!json_object_object_get_ex(all, name, &list)) {
			list = json_object_new_array();
			json_object_object_add(all, name, list);
		}
		json_object_array_add(list, value_object(set));
	}
	return all;
}
