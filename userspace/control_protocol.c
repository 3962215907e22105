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

/* A whole number that a command takes. */
struct parameter {
	const char *key;	/* NULL: it takes none */
	size_t offset;		/* of the uint32_t in struct control_request */
	int64_t min, max;
	bool required;
};

#define AT(member)	offsetof(struct control_request, member)

static const struct command {
	const char *name;
	struct parameter parameter;
} commands[] = {
	[CONTROL_PAUSE] = { "pause" },
	[CONTROL_RESUME] = { "resume" },
	[CONTROL_STOP] = { "stop", { "timeout", AT(timeout), 0, MAX_TIMEOUT, false } },
	[CONTROL_RESET] = { "reset" },
	[CONTROL_NMI] = { "nmi" },
	[CONTROL_WAIT] = { "wait" },
	[CONTROL_INSPECT] = { "inspect" },
	[CONTROL_SET] = { "set", { "cpu-shares", AT(cpu_shares), CONTROL_SHARES_MIN,
				   CONTROL_SHARES_MAX, true } },
	[CONTROL_CONSOLE] = { "console" },
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

static bool take_number(const struct command *command, struct json_object *value,
			struct control_request *request, char *why, size_t room)
{
	const struct parameter *p = &command->parameter;
	bool whole = json_object_is_type(value, json_type_int);
	int64_t n = json_object_get_int64(value);

	if (whole && n >= p->min && n <= p->max) {
		*(uint32_t *)((char *)request + p->offset) = n;
		return true;
	}
	snprintf(why, room, "%s: \"%s\": %s; give a whole number, %lld to %lld", command->name,
		 p->key, whole ? json_object_get_string(value) : json_kind(value),
		 (long long)p->min, (long long)p->max);
	return false;
}

static bool unknown_key(const struct command *command, const char *key, char *why, size_t room)
{
	const char *known = command->parameter.key;
	char quoted[80];

	json_quote(key, quoted, sizeof(quoted));
	if (known)
		snprintf(why, room, "%s: unknown key %s; it takes \"%s\"", command->name, quoted,
			 known);
	else
		snprintf(why, room, "%s: unknown key %s; it takes none", command->name, quoted);
	return false;
}

static bool take_keys(struct json_object *all, struct control_request *request, char *why,
		      size_t room)
{
	const struct command *command = &commands[request->command];
	const struct parameter *p = &command->parameter;
	bool given = false;

	json_object_object_foreach(all, key, value) {
		if (!strcmp(key, "command"))
			continue;
		if (!p->key || strcmp(key, p->key))
			return unknown_key(command, key, why, room);
		if (!take_number(command, value, request, why, room))
			return false;
		given = true;
	}
	if (p->required && !given)
		snprintf(why, room, "%s: \"%s\" is missing", command->name, p->key);
	return given || !p->required;
}

bool control_parse(const char *text, size_t len, unsigned int line,
		   struct control_request *request, char *why, size_t room)
{
	struct json_object *all = json_parse(text, len, line, MAX_DEPTH, why, room);
	bool ok;

	if (!all)
		return false;
	*request = (struct control_request) { .timeout = DEFAULT_TIMEOUT };
	ok = find_command(all, request, why, room) && take_keys(all, request, why, room);
	json_object_put(all);
	return ok;
}
