// SPDX-License-Identifier: GPL-2.0
/*
 * terminal COMMAND [ARGUMENT ...]: run it on a terminal, which shows on our output what it prints
 * and has our input typed. Its status; or 99 if it leaves the terminal in another mode.
 */
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <utmp.h>
#include <unistd.h>

/* Return: 0 when @from has ended. */
static int copy(int from, int to)
{
	char bytes[4096];
	ssize_t n = read(from, bytes, sizeof(bytes));

	if (n < 0 && errno == EINTR)
		return 1;
	return n > 0 && write(to, bytes, n) == n;
}

static int exit_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* On the terminal, whose mode is lost when we end: so it is we who look. */
static int run(char **argv)
{
	struct termios before, after;
	int status;
	pid_t child;

	/* Holes in them, too, are compared. */
	memset(&before, 0, sizeof(before));
	memset(&after, 0, sizeof(after));
	tcgetattr(STDIN_FILENO, &before);
	child = fork();
	if (!child) {
		execvp(argv[0], argv);
		_exit(127);
	}
	if (waitpid(child, &status, 0) != child)
		return 2;
	tcgetattr(STDIN_FILENO, &after);
	return memcmp(&before, &after, sizeof(before)) ? 99 : exit_status(status);
}

int main(int argc, char **argv)
{
	struct pollfd fds[2] = { { .events = POLLIN }, { .fd = STDIN_FILENO, .events = POLLIN } };
	int master, slave, status;
	pid_t child;

	if (argc < 2 || openpty(&master, &slave, NULL, NULL, NULL))
		return 2;
	child = fork();
	if (!child) {
		close(master);
		login_tty(slave);
		_exit(run(argv + 1));
	}
	fds[0].fd = master;
	/* Our own end of the slave keeps what was printed there. */
	while (waitpid(child, &status, WNOHANG) != child || poll(fds, 1, 0) > 0) {
		if (poll(fds, 2, 100) <= 0)
			continue;
		if (fds[0].revents && !copy(master, STDOUT_FILENO))
			break;
		if (fds[1].revents && !copy(STDIN_FILENO, master))
			fds[1].fd = -1;
	}
	return exit_status(status);
}
