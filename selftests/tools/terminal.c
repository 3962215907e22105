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

int main(int argc, char **argv)
{
	struct pollfd fds[2] = { { .events = POLLIN }, { .fd = STDIN_FILENO, .events = POLLIN } };
	struct termios before, after;
	int master, slave, status;
	pid_t child;

	if (argc < 2 || openpty(&master, &slave, NULL, NULL, NULL))
		return 2;
	tcgetattr(slave, &before);
	child = fork();
	if (!child) {
		close(master);
		login_tty(slave);
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	fds[0].fd = master;
	/* Our own end of the slave keeps the terminal there behind the command. */
	while (waitpid(child, &status, WNOHANG) != child || poll(fds, 1, 0) > 0) {
		if (poll(fds, 2, 100) <= 0)
			continue;
		if (fds[0].revents && !copy(master, STDOUT_FILENO))
			break;
		if (fds[1].revents && !copy(STDIN_FILENO, master))
			fds[1].fd = -1;
	}
	tcgetattr(slave, &after);
	if (memcmp(&before, &after, sizeof(before)))
		return 99;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
