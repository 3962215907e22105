// SPDX-License-Identifier: GPL-2.0
/*
 * The user's terminal: raw while the guest has it, and as it was before at
 * every end of the process that a process can see, a crash of vmctl included.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <termios.h>

#include "terminal.h"

static struct termios saved;
static atomic_int raw_fd = -1;	/* also read by a signal handler */

void terminal_restore(void)
{
	int fd = atomic_exchange(&raw_fd, -1);

	if (fd >= 0)
		tcsetattr(fd, TCSANOW, &saved);
}

/* tcsetattr() is async-signal-safe; SA_RESETHAND makes the second signal kill. */
static void crashed(int sig)
{
	terminal_restore();
	raise(sig);
}

bool terminal_is_raw(void)
{
	return raw_fd >= 0;
}

void terminal_raw(int fd)
{
	static const int crashes[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
	static int registered;
	struct sigaction sa = { .sa_handler = crashed, .sa_flags = (int)SA_RESETHAND };
	struct termios raw;

	if (tcgetattr(fd, &saved))
		return;
	if (!registered) {
		registered = 1;
		atexit(terminal_restore);
		for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++)
			sigaction(crashes[i], &sa, NULL);
	}
	raw = saved;
	cfmakeraw(&raw);
	raw_fd = fd;
	tcsetattr(fd, TCSANOW, &raw);
}
