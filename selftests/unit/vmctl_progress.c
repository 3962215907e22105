// SPDX-License-Identifier: GPL-2.0
// needs: userspace/progress.c
/*
 * vmctl's bars, on a pty and by a clock of the test's own: who sees them, when, how wide they are,
 * and that nothing of them stays. What the bytes make of a terminal is played here: it knows the
 * carriage return alone, and takes all else for a character.
 */
#include <fcntl.h>
#include <pty.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../userspace/options.h"
#include "../../userspace/progress.h"
#include "tap.h"

static double clock_s = 1000;

double now_seconds(void)
{
	return clock_s;
}

/* ---- the terminal ------------------------------------------------------------------------ */

static int master, slave, real_stderr;
static char screen[256];
static unsigned int column, widest, draws;

static void open_terminal(unsigned short columns)
{
	struct winsize size = { .ws_row = 24, .ws_col = columns };
	struct termios raw;

	if (openpty(&master, &slave, NULL, NULL, &size))
		ksft_exit_fail_msg("no pty\n");
	tcgetattr(slave, &raw);
	cfmakeraw(&raw);
	tcsetattr(slave, TCSANOW, &raw);
	fcntl(master, F_SETFL, O_NONBLOCK);
	real_stderr = dup(STDERR_FILENO);
	dup2(slave, STDERR_FILENO);
	memset(screen, ' ', sizeof(screen));
	column = 0;
	widest = 0;
	draws = 0;
	progress_allow();
}

static void close_terminal(void)
{
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	close(slave);
	close(master);
}

/* What was written since, onto the screen.  Return: how many bytes. */
static unsigned int look(void)
{
	char text[4096];
	ssize_t n = read(master, text, sizeof(text));

	for (ssize_t i = 0; i < n; i++) {
		if (text[i] == '\r') {
			column = 0;
			draws++;
		} else if (column < sizeof(screen)) {
			screen[column++] = text[i];
			if (column > widest)
				widest = column;
		}
	}
	return n > 0 ? n : 0;
}

static bool blank(void)
{
	for (unsigned int i = 0; i < sizeof(screen); i++) {
		if (screen[i] != ' ')
			return false;
	}
	return !column;
}

static bool shows(const char *text)
{
	if (!memcmp(screen, text, strlen(text)) && column == strlen(text))
		return true;
	ksft_print_msg("the screen: %.*s\n", (int)column, screen);
	return false;
}

/* ---- the tests --------------------------------------------------------------------------- */

static void test_bar(void)
{
	struct progress p;

	open_terminal(80);
	progress_start(&p, "reading memory", 1000);
	clock_s += 0.4;
	progress_done(&p, 300);
	ksft_test_result(!look(), "nothing is drawn before half a second is over\n");
	clock_s += 0.2;
	progress_done(&p, 500);
	look();
	ksft_test_result(shows("reading memory [####################--------------------]  50%"),
			 "then a bar is\n");
	clock_s += 0.11;
	progress_done(&p, 999);
	look();
	ksft_test_result(shows("reading memory [#######################################-]  99%"),
			 "it moves, and is not full before all is done\n");
	clock_s += 0.11;
	progress_done(&p, 1000);
	look();
	ksft_test_result(shows("reading memory [########################################] 100%"),
			 "it is full then\n");
	clock_s += 0.11;
	progress_done(&p, 5000);
	look();
	ksft_test_result(shows("reading memory [########################################] 100%"),
			 "and no fuller\n");
	progress_end(&p);
	look();
	ksft_test_result(blank(), "it goes, and the cursor is where it was\n");
	progress_end(&p);
	ksft_test_result(!look(), "it goes once\n");
	close_terminal();
}

static void test_rate(void)
{
	struct progress p;

	open_terminal(80);
	progress_start(&p, "getting memory", 10000);
	for (unsigned int i = 0; i < 2000; i++) {
		clock_s += 0.001;
		progress_done(&p, i);
		look();
	}
	ksft_test_result(draws >= 14 && draws <= 15, "it is drawn ten times a second: %u in 1.5\n",
			 draws);
	progress_end(&p);
	close_terminal();
}

/* Of each width a terminal may have: no line is broken, and nothing stays. */
static void test_width(void)
{
	bool narrow_enough = true, gone = true, seen = false;
	struct progress p;

	for (unsigned short columns = 1; columns <= 200; columns++) {
		open_terminal(columns);
		progress_start(&p, "reading the kernel", 1 << 20);
		clock_s += 1;
		progress_done(&p, 1 << 19);
		look();
		seen |= widest;
		narrow_enough &= widest < columns;
		progress_end(&p);
		look();
		gone &= blank();
		close_terminal();
	}
	ksft_test_result(seen && narrow_enough, "it is narrower than the terminal\n");
	ksft_test_result(gone, "and goes from each\n");
	open_terminal(0);
	progress_start(&p, "reading the kernel", 2);
	clock_s += 1;
	progress_done(&p, 1);
	ksft_test_result(look(), "a terminal of no size has one\n");
	progress_end(&p);
	close_terminal();
}

static void test_nothing(void)
{
	struct progress p;

	open_terminal(80);
	progress_start(&p, "reading the kernel", 0);
	clock_s += 1;
	progress_done(&p, 0);
	progress_end(&p);
	ksft_test_result(!look(), "work of no bytes has none\n");
	close_terminal();
}

static void test_no_terminal(void)
{
	struct progress p;
	char text[16];
	int out[2];

	if (pipe2(out, O_NONBLOCK))
		ksft_exit_fail_msg("no pipe\n");
	real_stderr = dup(STDERR_FILENO);
	dup2(out[1], STDERR_FILENO);
	progress_allow();
	progress_start(&p, "reading the kernel", 2);
	clock_s += 1;
	progress_done(&p, 1);
	progress_end(&p);
	dup2(real_stderr, STDERR_FILENO);
	ksft_test_result(read(out[0], text, sizeof(text)) < 0, "what is no terminal gets none\n");
	close(out[0]);
	close(out[1]);
}

/* A bar is drawn by a child whose terminal it is, in its foreground or not. */
static bool draws_in_group(bool foreground)
{
	struct progress p;
	unsigned int bytes;
	pid_t pid;

	open_terminal(80);
	pid = fork();
	if (!pid) {
		setsid();
		if (ioctl(slave, TIOCSCTTY, 0))
			_exit(1);
		pid = foreground ? 0 : fork();
		if (pid)
			_exit(waitpid(pid, NULL, 0) < 0);
		if (!foreground && setpgid(0, 0))
			_exit(1);
		progress_allow();
		progress_start(&p, "reading the kernel", 2);
		clock_s += 1;
		progress_done(&p, 1);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	bytes = look();
	close_terminal();
	return bytes;
}

int main(void)
{
	ksft_print_header();
	ksft_set_plan(15);
	test_bar();
	test_rate();
	test_width();
	test_nothing();
	test_no_terminal();
	ksft_test_result(draws_in_group(true), "in the foreground it is drawn\n");
	ksft_test_result(!draws_in_group(false), "in the background it is not\n");
	ksft_finished();
}
