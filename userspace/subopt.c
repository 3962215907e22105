// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "subopt.h"

bool subopt_each(char *text, const struct subopt_rules *rules, void *opaque, const char **wanted)
{
	char *value;

	while (text && *text) {
		int key = getsubopt(&text, rules->keys, &value);

		if (!rules->set(opaque, key, value, wanted))
			return false;
	}
	return true;
}

char *subopt_parse(const char *text, const struct subopt_rules *rules, void *opaque, char *why,
		   size_t bytes)
{
	char *copy = strdup(text), *rest = copy;
	const char *wanted = "out of memory";

	if (copy) {
		wanted = rules->first;
		if (*strsep(&rest, ",") && subopt_each(rest, rules, opaque, &wanted))
			return copy;
	}
	snprintf(why, bytes, "%s", wanted);
	free(copy);
	return NULL;
}

int subopt_word(const char *value, const char * const *words)
{
	for (int i = 0; value && words[i]; i++) {
		if (!strcmp(value, words[i]))
			return i;
	}
	return -1;
}

bool subopt_on_off(const char *value, bool *on)
{
	static const char * const words[] = { "off", "on", NULL };
	int n = subopt_word(value, words);

	*on = n > 0;
	return n >= 0;
}

bool subopt_number(const char *value, unsigned long min, unsigned long max, unsigned long *n)
{
	char *end;

	if (!value || !isdigit((unsigned char)*value) || (*value == '0' && value[1]))
		return false;
	errno = 0;
	*n = strtoul(value, &end, 10);
	return !errno && !*end && *n >= min && *n <= max;
}

/* The bytes that a suffix stands for; 0: it is none. */
static uint64_t suffix_bytes(const char *suffix, uint64_t unit)
{
	if (!*suffix)
		return unit;
	if (suffix[1])
		return 0;
	switch (*suffix) {
	case 'k':
	case 'K':
		return 1u << 10;
	case 'm':
	case 'M':
		return 1u << 20;
	case 'g':
	case 'G':
		return 1u << 30;
	}
	return 0;
}

bool subopt_size(const char *value, uint64_t unit, uint64_t max, uint64_t *bytes)
{
	unsigned long n;
	char *end;

	if (!value || !isdigit((unsigned char)*value))
		return false;
	errno = 0;
	n = strtoul(value, &end, 10);
	unit = suffix_bytes(end, unit);
	if (errno || !unit || n > max / unit)
		return false;
	*bytes = n * unit;
	return true;
}

bool subopt_bootindex(const char *value, unsigned int *order)
{
	unsigned long n;

	if (!subopt_number(value, 0, SUBOPT_BOOT_ORDER_MAX - 1, &n))
		return false;
	*order = n + 1;
	return true;
}
