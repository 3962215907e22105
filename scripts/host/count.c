// SPDX-License-Identifier: GPL-2.0
/*
 * count COMMAND ...: the instructions that this machine executes while a command runs, by count.h.
 * It is killed after DEADLINE_S seconds of the counting clock: 10,000 million instructions with
 * idle.
 */
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "count.h"

#define DEADLINE_S	10

static pid_t pid;

static void too_late(int sig)
{
	(void)sig;
	kill(pid, SIGKILL);
}

int main(int argc, char **argv)
{
	struct sample from;
	int status;

	if (argc < 2) {
		fprintf(stderr, "usage: count COMMAND ...\n");
		return 125;
	}
	count_from(&from);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		execvp(argv[1], argv + 1);
		perror(argv[1]);
		_exit(127);
	}
	signal(SIGALRM, too_late);	/* restarts the wait */
	alarm(DEADLINE_S);
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	count_to(&from, "");
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
