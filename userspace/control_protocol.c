// SPDX-License-Identifier: GPL-2.0
/*
 * One table of commands and what they take; everything that is not in it is an error with a reason.
 */
#include <stdio.h>
#include <string.h>

#include "control_protocol.h"
#include "json.h"

#define MAX_DEPTH	4
#define DEFAULT_TIMEOUT	30
#define MAX_TIMEOUT	86400
#define MAX_VCPU	63

static const struct key {
	const char *name;
	int64_t min, max;
} keys[NR_CONTROL_KEYS] = {
	[CONTROL_TIMEOUT] = { "timeout", 0, MAX_TIMEOUT },
	[CONTROL_CPU_SHARES] = { "cpu-shares", CONTROL_SHARES_MIN, CONTROL_SHARES_MAX },
	[CONTROL_BALLOON] = { "balloon", 0, CONTROL_BALLOON_MAX },
	[CONTROL_VCPU] = { "vcpu", 0, MAX_VCPU },
};

static const char * const texts[NR_CONTROL_TEXTS] = {
	[CONTROL_KIND] = "kind", [CONTROL_OPTION] = "option", [CONTROL_ID] = "id",
	[CONTROL_KEYS] = "keys",
	[CONTROL_ADDRESS] = "address",
};

#define KEY(n)	(1u << (n))

static const struct command {
	const char *name;
	unsigned int takes;
	bool needs_one;
	unsigned int needs_texts, may_texts;
} commands[] = {
	[CONTROL_PAUSE] = { "pause", 0, false },
	[CONTROL_RESUME] = { "resume", 0, false },
	[CONTROL_STOP] = { "stop", KEY(CONTROL_TIMEOUT), false },
	[CONTROL_RESET] = { "reset", 0, false },
	[CONTROL_NMI] = { "nmi", 0, false },
	[CONTROL_WAIT] = { "wait", 0, false },
	[CONTROL_INSPECT] = { "inspect", 0, false },
	[CONTROL_SET] = { "set", KEY(CONTROL_CPU_SHARES) | KEY(CONTROL_BALLOON), true },
	[CONTROL_CONSOLE] = { "console", 0, false },
	[CONTROL_ATTACH] = { "attach", 0, false, KEY(CONTROL_KIND) | KEY(CONTROL_OPTION) },
	[CONTROL_DETACH] = { "detach", 0, false, KEY(CONTROL_ID) },
	[CONTROL_KEY] = { "key", 0, false, KEY(CONTROL_KEYS) },
	[CONTROL_REGS] = { "regs", KEY(CONTROL_VCPU), false },
	[CONTROL_CODE] = { "code", KEY(CONTROL_VCPU), false, 0, KEY(CONTROL_ADDRESS) },
	[CONTROL_WALK] = { "walk", KEY(CONTROL_VCPU), false, KEY(CONTROL_ADDRESS) },
	[CONTROL_DUMP] = { "dump", 0, false },
	[CONTROL_SCREEN] = { "screen", 0, false },
	[CONTROL_SCREENSHOT] = { "screenshot", 0, false },
};

#define NR_COMMANDS	(sizeof(commands) / sizeof(commands[0]))

static bool unknown_command(const char *name, char *why, size_t room)
{
	char quoted[80];
	size_t len = snprintf(why, room, "unknown command %s; there are",
			      json_quote(name, quoted, sizeof(quoted)));

	for (size_t i = 0; i < NR_COMMANDS && len < room; i++)
		len += snprintf(why + len, room - len, "%s %s", i ? "," : "", commands[i].name);
	return false;
}

static bool find_command(struct json_object *all, struct control_request *request, char *why,
			 size_t room)
{
	struct json_object *value;
	const char *name;

	if (!json_object_object_get_ex(all, "command", &value)) {
		snprintf(why, room, "no \"command\"");
		return false;
	}
	name = json_object_get_string(value);
	if (!json_object_is_type(value, json_type_string) ||
	    strlen(name) != (size_t)json_object_get_string_len(value)) {
		snprintf(why, room, "\"command\": %s; give the name of a command",
			 json_kind(value));
		return false;
	}
	for (size_t i = 0; i < NR_COMMANDS; i++) {
		if (!strcmp(name, commands[i].name)) {
			request->command = i;
			return true;
		}
	}
	return unknown_command(name, why, room);
}

static bool take_number(const struct command *command, unsigned int n, struct json_object *value,
			struct control_request *request, char *why, size_t room)
{
	bool whole = json_object_is_type(value, json_type_int);
	int64_t number = json_object_get_int64(value);
	const struct key *key = &keys[n];

	if (whole && number >= key->min && number <= key->max) {
		request->value[n] = number;
		request->given |= KEY(n);
		return true;
	}
	snprintf(why, room, "%s: \"%s\": %s; give a whole number, %lld to %lld", command->name,
		 key->name, whole ? json_object_get_string(value) : json_kind(value),
		 (long long)key->min, (long long)key->max);
	return false;
}

/* "cpu-shares" or "balloon" */
static void list_keys(const struct command *command, char *text, size_t room)
{
	size_t len = 0;

	for (unsigned int n = 0; n < NR_CONTROL_KEYS && len < room; n++) {
		if (command->takes & KEY(n))
			len += snprintf(text + len, room - len, "%s\"%s\"", len ? " or " : "",
					keys[n].name);
	}
	for (unsigned int n = 0; n < NR_CONTROL_TEXTS && len < room; n++) {
		if ((command->needs_texts | command->may_texts) & KEY(n))
			len += snprintf(text + len, room - len, "%s\"%s\"", len ? " and " : "",
					texts[n]);
	}
}

static bool unknown_key(const struct command *command, const char *name, char *why, size_t room)
{
	char quoted[80], known[80] = "none";

	json_quote(name, quoted, sizeof(quoted));
	list_keys(command, known, sizeof(known));
	snprintf(why, room, "%s: unknown key %s; it takes %s", command->name, quoted, known);
	return false;
}

/* Return: its number, or NR_CONTROL_KEYS. */
static unsigned int find_key(const struct command *command, const char *name)
{
	unsigned int n = 0;

	while (n < NR_CONTROL_KEYS &&
	       (!(command->takes & KEY(n)) || strcmp(name, keys[n].name)))
		n++;
	return n;
}

/* Return: its number, or NR_CONTROL_TEXTS. */
static unsigned int find_text(const struct command *command, const char *name)
{
	unsigned int n = 0;

	while (n < NR_CONTROL_TEXTS &&
	       (!((command->needs_texts | command->may_texts) & KEY(n)) ||
		strcmp(name, texts[n])))
		n++;
	return n;
}

static bool take_text(const struct command *command, unsigned int n, struct json_object *value,
		      struct control_request *request, char *why, size_t room)
{
	const char *text = json_object_get_string(value);
	size_t len = text ? strlen(text) : 0;

	if (json_object_is_type(value, json_type_string) && len && len < CONTROL_TEXT_BYTES &&
	    len == (size_t)json_object_get_string_len(value)) {
		memcpy(request->text[n], text, len + 1);
		return true;
	}
	snprintf(why, room, "%s: \"%s\": give 1 to %u bytes of text", command->name, texts[n],
		 CONTROL_TEXT_BYTES - 1);
	return false;
}

static bool texts_are_there(const struct command *command, const struct control_request *request,
			    char *why, size_t room)
{
	for (unsigned int n = 0; n < NR_CONTROL_TEXTS; n++) {
		if (!(command->needs_texts & KEY(n)) || request->text[n][0])
			continue;
		snprintf(why, room, "%s: \"%s\" is missing", command->name, texts[n]);
		return false;
	}
	return true;
}

static bool take_keys(struct json_object *all, struct control_request *request, char *why,
		      size_t room)
{
	const struct command *command = &commands[request->command];
	char known[80];

	json_object_object_foreach(all, name, value) {
		unsigned int n = find_key(command, name), t = find_text(command, name);

		if (!strcmp(name, "command"))
			continue;
		if (t < NR_CONTROL_TEXTS) {
			if (!take_text(command, t, value, request, why, room))
				return false;
			continue;
		}
		if (n == NR_CONTROL_KEYS)
			return unknown_key(command, name, why, room);
		if (!take_number(command, n, value, request, why, room))
			return false;
	}
	if (request->given || !command->needs_one)
		return texts_are_there(command, request, why, room);
	list_keys(command, known, sizeof(known));
	snprintf(why, room, "%s: %s is missing", command->name, known);
	return false;
}

bool control_parse(const char *text, size_t len, unsigned int line,
		   struct control_request *request, char *why, size_t room)
{
	struct json_object *all = json_parse(text, len, line, MAX_DEPTH, why, room);
	bool ok;

	if (!all)
		return false;
	*request = (struct control_request) { .value[CONTROL_TIMEOUT] = DEFAULT_TIMEOUT };
	ok = find_command(all, request, why, room) && take_keys(all, request, why, room);
	json_object_put(all);
	return ok;
}
