/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What vmctl says on stderr, kept instead for a test to look at; from any thread. Included once, by
 * tests that are not linked with message.c.
 */
#ifndef SELFTESTS_UNIT_SAID_H
#define SELFTESTS_UNIT_SAID_H

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "../../userspace/message.h"

static struct {
	pthread_mutex_t lock;
	char last[1024];
	unsigned int lines;
} said = { .lock = PTHREAD_MUTEX_INITIALIZER };

void message(const char *format, ...)
{
	va_list args;

	pthread_mutex_lock(&said.lock);
	va_start(args, format);
	vsnprintf(said.last, sizeof(said.last), format, args);
	va_end(args);
	said.lines++;
	pthread_mutex_unlock(&said.lock);
}

bool message_guest(void)
{
	return true;
}

/* Was one line said since it was asked, with these words in it? NULL: was nothing said? */
static inline bool was_said(const char *words)
{
	bool ok;

	pthread_mutex_lock(&said.lock);
	ok = words ? said.lines == 1 && strstr(said.last, words) : !said.lines;
	if (!ok)
		printf("# %u lines, the last: %s\n", said.lines, said.last);
	said.lines = 0;
	said.last[0] = '\0';
	pthread_mutex_unlock(&said.lock);
	return ok;
}

#endif
