// SPDX-License-Identifier: GPL-2.0
/*
 * It is made of characters and carriage returns alone, so that any terminal can show it, and is one
 * column narrower than the terminal, which then breaks no line.
 */
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "options.h"
#include "progress.h"

#define BAR_MIN		5u	/* characters of a bar that says something */
#define BAR_MAX		40u
#define AFTER_S		0.5	/* what is done by then was not long */
#define EVERY_S		0.1
#define LINE_BYTES	128

static unsigned int columns;	/* of the terminal, 0: none */

void progress_allow(void)
{
	struct winsize size;
	pid_t front;

	columns = 0;
	if (!isatty(STDERR_FILENO))
		return;
	front = tcgetpgrp(STDERR_FILENO);	/* -1: it is no terminal of our session */
	if (front >= 0 && front != getpgrp())
		return;
	/* Who has set no size is asked for it in vain. */
	columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || !size.ws_col ? 80 : size.ws_col;
}

void progress_start(struct progress *p, const char *what, uint64_t total)
{
	*p = (struct progress) { .what = what, .total = total };
	if (columns)
		p->started = now_seconds();
}

/* There is nobody to tell that it cannot be drawn. */
static void put(const char *text, size_t len)
{
	if (write(STDERR_FILENO, text, len) < 0)
		return;
}

/* "what [####----]  42%", in one write; the cursor stays behind it. */
static void draw(struct progress *p, uint64_t done)
{
	static const char full[] = "########################################";
	static const char empty[] = "----------------------------------------";
	unsigned int words = strlen(p->what) + strlen(" [] 100%"), bar = BAR_MAX;
	double share = done < p->total ? (double)done / p->total : 1;
	char line[LINE_BYTES];
	int len, filled;

	if (columns <= words + BAR_MIN || words + BAR_MAX >= sizeof(line) - 1)
		return;
	if (bar > columns - 1 - words)
		bar = columns - 1 - words;
	filled = share * bar;
	len = snprintf(line, sizeof(line), "\r%s [%.*s%.*s] %3u%%", p->what, filled, full,
		       (int)bar - filled, empty, (unsigned int)(share * 100));
	put(line, len);
	p->width = len - 1;
}

void progress_done(struct progress *p, uint64_t done)
{
	double now;

	if (!columns || !p->total)
		return;
	now = now_seconds();
	if (now - p->started < AFTER_S || now - p->drawn < EVERY_S)
		return;
	draw(p, done);
	p->drawn = now;
}

void progress_end(struct progress *p)
{
	char line[LINE_BYTES + 2];

	if (!p->width)
		return;
	memset(line, ' ', sizeof(line));
	line[0] = '\r';
	line[p->width + 1] = '\r';
	put(line, p->width + 2);
	p->width = 0;
}
