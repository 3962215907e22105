// SPDX-License-Identifier: GPL-2.0
/*
 * Settings of `vmctl run`, as a list: who gave which option, with which text.  It knows the table's
 * names, and of its types only which options are given once.
 */
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "run_options.h"

const struct run_option *run_option_find(const char *name)
{
	for (unsigned int i = 0; i < nr_run_options; i++) {
		if (!strcmp(run_option_table[i].name, name))
			return &run_option_table[i];
	}
	return NULL;
}

static void remove_all(struct run_settings *s, const struct run_option *option)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < s->nr; i++) {
		if (s->set[i].option == option)
			free(s->set[i].value);
		else
			s->set[kept++] = s->set[i];
	}
	s->nr = kept;
}

bool run_settings_add(struct run_settings *s, const struct run_option *option, const char *value,
		      const char *file)
{
	char *copy = value ? strdup(value) : NULL;
	struct run_setting *set;

	if (!option->repeatable)
		remove_all(s, option);
	set = realloc(s->set, (s->nr + 1) * sizeof(*set));
	if (!set || (value && !copy)) {
		s->set = set ? set : s->set;
		free(copy);
		message("out of memory");
		return false;
	}
	s->set = set;
	s->set[s->nr++] = (struct run_setting) { option, copy, file };
	return true;
}

bool run_settings_override(struct run_settings *s, struct run_settings *by)
{
	bool ok = true;

	for (unsigned int i = 0; i < by->nr; i++)
		remove_all(s, by->set[i].option);
	for (unsigned int i = 0; i < by->nr; i++)
		ok = ok && run_settings_add(s, by->set[i].option, by->set[i].value,
					    by->set[i].file);
	run_settings_free(by);
	return ok;
}

void run_settings_free(struct run_settings *s)
{
	for (unsigned int i = 0; i < s->nr; i++)
		free(s->set[i].value);
	free(s->set);
	*s = (struct run_settings) { 0 };
}
