// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "balloon.h"
#include "subopt.h"

#define SIZE_MAX_BYTES	(1ull << 44)	/* what its driver can count */

const char balloon_help[] =
"  --balloon[=KEY=VALUE,...]\n"
"                    memory that the guest gives back (virtio-balloon). Keys:\n"
"                    size=SIZE (at first; suffix K, M, the default, or G; default: 0),\n"
"                    reporting=on|off (memory that it has freed, by itself),\n"
"                    oom=deflate|keep (when it runs out of memory)\n";

enum { SIZE, REPORTING, OOM };

static char * const keys[] = {
	[SIZE] = (char *)"size", [REPORTING] = (char *)"reporting", [OOM] = (char *)"oom", NULL
};

static bool parse_oom(const char *value, struct balloon_options *o)
{
	static const char * const words[] = { "deflate", "keep", NULL };
	int n = subopt_word(value, words);

	o->keep_on_oom = n == 1;
	return n >= 0;
}

static bool parse_key(void *opaque, int key, char *value, const char **wanted)
{
	struct balloon_options *o = opaque;

	switch (key) {
	case SIZE:
		*wanted = "size is a number with K, M or G";
		return subopt_size(value, 1u << 20, SIZE_MAX_BYTES, &o->bytes);
	case REPORTING:
		*wanted = "reporting is on or off";
		return subopt_on_off(value, &o->reporting);
	case OOM:
		*wanted = "oom is deflate or keep";
		return parse_oom(value, o);
	}
	*wanted = "keys are size, reporting and oom";
	return false;
}

bool balloon_parse(const char *text, struct balloon_choice *balloon, char *why, size_t bytes)
{
	static const struct subopt_rules rules = { .keys = keys, .set = parse_key };
	char *copy = strdup(text ? text : "");
	const char *wanted = "out of memory";
	bool right;

	*balloon = (struct balloon_choice) { .wanted = true, .model.reporting = true };
	right = copy && subopt_each(copy, &rules, &balloon->model, &wanted);
	if (!right)
		snprintf(why, bytes, "%s", wanted);
	free(copy);
	return right;
}
