// SPDX-License-Identifier: GPL-2.0
/*
 * Messages to the user on stderr, each written at once so that lines of
 * several threads, or of several vmctls in one log, do not mix.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "message.h"
#include "terminal.h"

#define GUEST_LINES	20	/* at once */
#define GUEST_SECONDS	10	/* for each one more */

static char kept[2048];
static size_t nr_kept;
static bool hold;
static atomic_llong guest_full_at;	/* when it has all lines again, in seconds */
static atomic_uint guest_left_out;

static void put(const char *text, size_t len)
{
	/* There is nowhere left to report a failure to. */
	if (write(STDERR_FILENO, text, len) < 0)
		return;
}

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

bool message_guest(void)
{
	long long old = atomic_load(&guest_full_at), from;
	struct timespec now;
	unsigned int n;

	clock_gettime(CLOCK_MONOTONIC, &now);
	do {
		from = old > now.tv_sec ? old : now.tv_sec;
		if (from - now.tv_sec > (GUEST_LINES - 1) * GUEST_SECONDS) {
			atomic_fetch_add(&guest_left_out, 1);
			return false;
		}
	} while (!atomic_compare_exchange_weak(&guest_full_at, &old, from + GUEST_SECONDS));
	n = atomic_exchange(&guest_left_out, 0);
	if (n)
		message("the guest had vmctl say %u lines more, which are left out", n);
	return true;
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
