/* SPDX-License-Identifier: GPL-2.0 */
/*
 * json-c with less writing.  Objects own what is added to them.
 */
#ifndef VMCTL_JSON_H
#define VMCTL_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

void json_add_text(struct json_object *to, const char *name, const char *text);
void json_add_number(struct json_object *to, const char *name, int64_t number);

/**
 * json_parse - one JSON object, in UTF-8 and as strict as json-c can be
 * @text: the object, and white space around it
 * @len: of @text, in bytes
 * @line: number of its first line, for @why
 * @depth: levels of it that may be nested
 * @why: on failure where and what, as in "line 2, column 7: unexpected character"; columns are
 *	bytes, from 1
 * @room: its room
 *
 * Of keys that come twice the last one counts, as in json-c.
 *
 * Return: the object, or NULL.
 */
struct json_object *json_parse(const char *text, size_t len, unsigned int line, int depth,
			       char *why, size_t room);

/* "true", "an array" ...: what @o is, for messages. */
const char *json_kind(const struct json_object *o);

/* @string in quotes and with escapes, cut to what fits; for messages.  Returns @text. */
const char *json_quote(const char *string, char *text, size_t room);

/* Print @o on a line of its own, or over several if @pretty, and free it. */
void json_print(struct json_object *o, bool pretty);

#endif
