// SPDX-License-Identifier: GPL-2.0
/*
 * Messages to the user on stderr, each written at once so that lines of
 * several threads, or of several vmctls in one log, do not mix; or to syslog.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "message.h"
#include "terminal.h"

#define LOG_SOCKET	"/dev/log"
#define GUEST_LINES	20	/* at once */
#define GUEST_SECONDS	10	/* for each one more */

static char kept[2048];
static size_t nr_kept;
static bool hold;
static bool to_log;
static int log_fd = -1;		/* -1: what goes to syslog is lost */
static char log_prefix[80];
static atomic_llong guest_full_at;	/* when it has all lines again, in seconds */
static atomic_uint guest_left_out;

/* There is nowhere left to report a failure to. */
static void put(const char *text, size_t len)
{
	const struct iovec datagram[] = {
		{ .iov_base = log_prefix, .iov_len = strlen(log_prefix) },
		{ .iov_base = (void *)text, .iov_len = len },
	};
	ssize_t n = to_log ? writev(log_fd, datagram, 2) : write(STDERR_FILENO, text, len);

	if (n < 0)
		return;
}

/* The C library's syslog() would open its socket anew, which a sandbox does not let it. */
void message_open_log(void)
{
	const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = LOG_SOCKET };

	log_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (log_fd < 0 || !connect(log_fd, (const struct sockaddr *)&address, sizeof(address)))
		return;
	close(log_fd);
	log_fd = -1;
}

void message_to_log(const char *vm)
{
	snprintf(log_prefix, sizeof(log_prefix), "<%d>vmctl[%d]: %s: ", LOG_DAEMON | LOG_NOTICE,
		 getpid(), vm);
	to_log = true;
}

void message_at_once(const char *line)
{
	put(line, strlen(line));
}

/* Nothing in it is for the terminal, wherever it is from. */
static void make_plain(char *text, size_t len, bool in_lines)
{
	for (size_t i = 0; i < len; i++) {
		if (iscntrl((unsigned char)text[i]) && !(in_lines && text[i] == '\n'))
			text[i] = '?';
	}
}

void message_more(const char *format, ...)
{
	char lines[1024], *line, *rest;
	va_list args;

	va_start(args, format);
	vsnprintf(lines, sizeof(lines), format, args);
	va_end(args);
	make_plain(lines, strlen(lines), true);
	if (!to_log) {
		put(lines, strlen(lines));
		return;
	}
	for (line = strtok_r(lines, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		put(line, strlen(line));
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
	make_plain(line + prefix, len - prefix, false);
	if (to_log) {
		put(line + prefix, len - prefix);
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
