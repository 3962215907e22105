// SPDX-License-Identifier: GPL-2.0
/*
 * Messages to the user on stderr, each written at once so that lines of
 * several threads, or of several vmctls in one log, do not mix.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "message.h"
#include "terminal.h"

void message(const char *format, ...)
{
	char line[1024] = "vmctl: ";
	size_t len = strlen(line);
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line + len, sizeof(line) - len - 2, format, args);
	va_end(args);
	if (n < 0)
		return;
	len = strnlen(line, sizeof(line) - 3);
	if (terminal_is_raw())
		line[len++] = '\r';
	line[len++] = '\n';
	/* There is nowhere left to report a failure to. */
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}
