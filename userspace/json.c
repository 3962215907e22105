// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "json.h"

void json_add_text(struct json_object *to, const char *name, const char *text)
{
	json_object_object_add(to, name, json_object_new_string(text));
}

void json_add_number(struct json_object *to, const char *name, int64_t number)
{
	json_object_object_add(to, name, json_object_new_int64(number));
}

void json_print(struct json_object *o, bool pretty)
{
	const int form = pretty ? JSON_C_TO_STRING_PRETTY : JSON_C_TO_STRING_PLAIN;

	puts(json_object_to_json_string_ext(o, form | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
}

/* The place of text[at]: the line's number goes on from @line. */
static void say_where(const char *text, size_t at, unsigned int line, const char *what, char *why,
		      size_t room)
{
	size_t start = 0;

	for (size_t i = 0; i < at; i++) {
		if (text[i] == '\n') {
			start = i + 1;
			line++;
		}
	}
	snprintf(why, room, "line %u, column %zu: %s", line, at - start + 1, what);
}

struct json_object *json_parse(const char *text, size_t len, unsigned int line, int depth,
			       char *why, size_t room)
{
	struct json_tokener *tokener = json_tokener_new_ex(depth);
	const char *nul = memchr(text, 0, len), *what = NULL;
	struct json_object *o = NULL;
	enum json_tokener_error error;
	size_t at = 0;

	if (!tokener) {
		what = "out of memory";
	} else if (nul) {
		what = "a byte that is 0";	/* where json-c would take the text to end */
		at = nul - text;
	} else {
		json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
		o = json_tokener_parse_ex(tokener, text, len);
		error = json_tokener_get_error(tokener);
		at = json_tokener_get_parse_end(tokener);
		if (error == json_tokener_continue)
			what = "it ends before its object does";
		else if (error != json_tokener_success)
			what = json_tokener_error_desc(error);
		else if (!json_object_is_type(o, json_type_object))
			what = "not an object, {...}";
	}
	if (what) {
		say_where(text, at, line, what, why, room);
		json_object_put(o);
		o = NULL;
	}
	if (tokener)
		json_tokener_free(tokener);
	return o;
}

const char *json_kind(const struct json_object *o)
{
	switch (json_object_get_type(o)) {
	case json_type_null:
		return "null";
	case json_type_boolean:
		return json_object_get_boolean(o) ? "true" : "false";
	case json_type_double:
		return "a fraction";
	case json_type_int:
		return "a number";
	case json_type_object:
		return "an object";
	case json_type_array:
		return "an array";
	case json_type_string:
		break;
	}
	return "a string";
}

const char *json_quote(const char *string, char *text, size_t room)
{
	struct json_object *o = json_object_new_string(string);
	const char *whole = json_object_to_json_string_ext(o, JSON_C_TO_STRING_NOSLASHESCAPE);
	size_t len = strlen(whole);

	if (len >= room) {
		len = room - 1;
		/* Not within a character. */
		while (len && (whole[len] & 0xc0) == 0x80)
			len--;
	}
	memcpy(text, whole, len);
	text[len] = '\0';
	json_object_put(o);
	return text;
}
