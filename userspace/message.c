// SPDX-License-Identifier: GPL-2.0
/*
 * Messages to the user on stderr, each written at once so that lines of
 * several threads, or of several vmctls in one log, do not mix; or to syslog.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "message.h"
#include "terminal.h"

static char kept[2048];
static size_t nr_kept;
static bool hold;
static const char *logged_vm;	/* NULL: stderr */

static void put(const char *text, size_t len)
{
	/* There is nowhere left to report a failure to. */
	if (write(STDERR_FILENO, text, len) < 0)
		return;
}

void message_to_syslog(const char *vm)
{
	openlog("vmctl", LOG_PID, LOG_DAEMON);
	logged_vm = vm;
}

void message_more(const char *format, ...)
{
	char lines[1024], *line, *rest;
	va_list args;

	va_start(args, format);
	vsnprintf(lines, sizeof(lines), format, args);
	va_end(args);
	if (!logged_vm) {
		put(lines, strlen(lines));
		return;
	}
	for (line = strtok_r(lines, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		syslog(LOG_NOTICE, "%s: %s", logged_vm, line);
}

void message(const char *format, ...)
{
	char line[1024] = "vmctl: ";
	const size_t prefix = strlen(line);
	size_t len = prefix;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line + len, sizeof(line) - len - 2, format, args);
	va_end(args);
	if (n < 0)
		return;
	len = strnlen(line, sizeof(line) - 3);
	/* Nothing in it is for the terminal, wherever it is from. */
	for (size_t i = prefix; i < len; i++)
		line[i] = iscntrl((unsigned char)line[i]) ? '?' : line[i];
	if (logged_vm) {
		syslog(LOG_NOTICE, "%s: %s", logged_vm, line + prefix);
		return;
	}
	if (terminal_is_raw())
		line[len++] = '\r';
	line[len++] = '\n';
	if (!hold) {
		put(line, len);
	} else if (len <= sizeof(kept) - nr_kept) {
		memcpy(kept + nr_kept, line, len);
		nr_kept += len;
	}
}

void message_hold(bool on)
{
	hold = on;
	if (!on && nr_kept)
		put(kept, nr_kept);
	nr_kept = 0;
}

bool flush_stdout(void)
{
	int error = fflush(stdout) ? errno : 0;
	static bool said;

	/* The C library drops what it could not write: an earlier error has only left a mark. */
	if (!error && !ferror(stdout))
		return true;
	if (error && !said)
		message("cannot write to stdout: %s", strerror(error));
	else if (!said)
		message("cannot write to stdout: some of the output is lost");
	said = true;
	return false;
}
