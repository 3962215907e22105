// SPDX-License-Identifier: GPL-2.0
/*
 * A pipe between the caller and the process that has the VM: one byte says that it runs, its end
 * without a byte that it never will.  Messages go to the caller before, and to syslog afterwards.
 * The working directory stays, since a guest's reset loads its files again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "detach.h"
#include "message.h"

/* The caller's part. */
static int await(int fd, pid_t child)
{
	int status;
	ssize_t n;
	char byte;

	do
		n = read(fd, &byte, 1);
	while (n < 0 && errno == EINTR);
	close(fd);
	if (n == 1)
		return STATUS_OK;
	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR)
			return STATUS_ERROR;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_SIGNAL + WTERMSIG(status);
}

int detach_begin(int *ready_fd)
{
	int fds[2];
	pid_t child = -1;

	if (!pipe2(fds, O_CLOEXEC))
		child = fork();
	if (child < 0) {
		message("--detach: cannot start a process: %s", strerror(errno));
		return STATUS_ERROR;
	}
	if (child) {
		close(fds[1]);
		return await(fds[0], child);
	}
	close(fds[0]);
	setsid();
	*ready_fd = fds[1];
	return DETACHED;
}

bool detach_ready(int ready_fd, const char *name)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	bool ok = false;

	if (null < 0) {
		message("cannot open /dev/null: %s", strerror(errno));
	} else {
		printf("%s\n", name);
		ok = flush_stdout() && write(ready_fd, "", 1) == 1;
	}
	close(ready_fd);
	if (ok) {
		for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
			dup2(null, fd);
		message_to_syslog(name);
	}
	if (null >= 0)
		close(null);
	return ok;
}
