// SPDX-License-Identifier: GPL-2.0
/*
 * vmctl key: type for a guest.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "cli.h"
#include "control_protocol.h"
#include "json.h"
#include "keys.h"
#include "manage.h"
#include "message.h"
#include "options.h"

#define ANSWER_S	30
#define TEXT		"text="

static const char help[] =
"usage: vmctl key NAME KEY ...\n"
"Press and release keys of a virtual machine's keyboard.\n"
"\n"
"  KEY         a key, or several at once, as in ctrl-alt-delete, alt-f2, shift-a, enter,\n"
"              kp_5, pgup; keys are those of a US keyboard\n"
"  text=TEXT   what types it\n";

/* Keys on their way: as many as fit are one request. */
struct typing {
	const char *vm;
	int fd;
	char keys[CONTROL_TEXT_BYTES];
	size_t len;
};

static bool send_keys(struct typing *t)
{
	struct json_object *request, *answer;

	if (!t->len)
		return true;
	t->len = 0;
	request = ask_for("key");
	json_object_object_add(request, "keys", json_object_new_string(t->keys));
	answer = ask(t->fd, t->vm, request, ANSWER_S);
	json_object_put(answer);
	return answer;
}

static bool add(struct typing *t, const char *key)
{
	if (t->len + 1 + strlen(key) >= sizeof(t->keys) && !send_keys(t))
		return false;
	t->len += snprintf(t->keys + t->len, sizeof(t->keys) - t->len, "%s%s", t->len ? " " : "",
			   key);
	return true;
}

/* Before anything is sent: what is wrong here would otherwise be found when half is typed. */
static bool check(char **words)
{
	struct key_stroke stroke;
	char why[160], name[KEY_NAME_MAX];

	for (; *words; words++) {
		if (strncmp(*words, TEXT, strlen(TEXT))) {
			if (key_parse(*words, &stroke, why, sizeof(why)))
				continue;
			message("%s", why);
			return false;
		}
		for (const char *c = *words + strlen(TEXT); *c; c++) {
			if (key_of_char(*c, name))
				continue;
			message("no key of a US keyboard types what is at \"%.8s\"", c);
			return false;
		}
	}
	return true;
}

/* What check() has let pass. */
static bool type(struct typing *t, char **words)
{
	char name[KEY_NAME_MAX];

	for (; *words; words++) {
		if (strncmp(*words, TEXT, strlen(TEXT))) {
			if (!add(t, *words))
				return false;
			continue;
		}
		for (const char *c = *words + strlen(TEXT); *c; c++) {
			if (!key_of_char(*c, name) || !add(t, name))
				return false;
		}
	}
	return send_keys(t);
}

int key_command(int argc, char **argv)
{
	struct show_options options = { 0 };
	struct typing typing = { 0 };
	int status = show_parse(argc, argv, SHOW_ONE_VM | SHOW_VALUES, help, &options);
	bool ok;

	if (status != CLI_GO_ON)
		return status;
	if (!check(options.values)) {
		message("try: vmctl key --help");
		return STATUS_USAGE;
	}
	typing.vm = options.name;
	typing.fd = ask_connect(options.name);
	if (typing.fd < 0)
		return STATUS_ERROR;
	ok = type(&typing, options.values);
	close(typing.fd);
	return ok ? STATUS_OK : STATUS_ERROR;
}
