// SPDX-License-Identifier: GPL-2.0
/*
 * Two pipes between the caller and the process that has the VM.  One brings the VM's name when it
 * runs, or ends without.  The other is standard error: first the caller reads it, then the process
 * itself does, so that a server that it has started neither holds on to the caller's terminal nor
 * speaks to nobody.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "detach.h"
#include "device.h"
#include "libsvmm.h"
#include "message.h"

#define BYTES	1024

/* The caller */

/* What is in the pipe now. */
static void pass_on(int said_fd)
{
	char text[BYTES];
	ssize_t n;

	while ((n = read(said_fd, text, sizeof(text))) > 0) {
		if (write(STDERR_FILENO, text, n) < 0)
			return;
	}
}

/* Return: how many bytes of a name there are when the pipe has ended, or a whole one is there. */
static size_t await_name(int ready_fd, int said_fd, char name[SVMM_NAME_MAX])
{
	struct pollfd fds[2] = {
		{ .fd = ready_fd, .events = POLLIN },
		{ .fd = said_fd, .events = POLLIN },
	};
	size_t len = 0;
	ssize_t n;

	while (len < SVMM_NAME_MAX) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents)
			pass_on(said_fd);
		if (!fds[0].revents)
			continue;
		n = read(ready_fd, name + len, SVMM_NAME_MAX - len);
		if (n <= 0)
			break;
		len += n;
	}
	pass_on(said_fd);
	return len;
}

static int await(int ready_fd, int said_fd, pid_t child)
{
	char name[SVMM_NAME_MAX];
	int status;

	if (await_name(ready_fd, said_fd, name) == sizeof(name)) {
		printf("%.*s\n", (int)strnlen(name, sizeof(name)), name);
		if (flush_stdout())
			return STATUS_OK;
		kill(child, SIGTERM);	/* nobody would know of it */
		return STATUS_ERROR;
	}
	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR)
			return STATUS_ERROR;
	}
	pass_on(said_fd);
	return WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_SIGNAL + WTERMSIG(status);
}

/* The process that has the VM */

static void leave(int null, int said_fd)
{
	setsid();
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(said_fd, STDERR_FILENO);
}

int detach_begin(struct detached *d)
{
	int ready[2] = { -1, -1 }, said[2] = { -1, -1 };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t child = -1;

	if (null >= 0 && !pipe2(ready, O_CLOEXEC) && !pipe2(said, O_CLOEXEC) &&
	    !fcntl(said[0], F_SETFL, O_NONBLOCK))
		child = fork();
	if (child < 0) {
		message("--detach: cannot start a process: %s", strerror(errno));
		return STATUS_ERROR;
	}
	if (child) {
		close(ready[1]);
		close(said[1]);
		return await(ready[0], said[0], child);
	}
	leave(null, said[1]);
	close(null);
	close(ready[0]);
	close(said[1]);
	message_open_log();
	*d = (struct detached) { .ready_fd = ready[1], .said_fd = said[0] };
	return DETACHED;
}

bool detach_ready(struct detached *d, const char *name)
{
	char whole[SVMM_NAME_MAX] = "";
	bool ok;

	strncpy(whole, name, sizeof(whole) - 1);
	ok = write(d->ready_fd, whole, sizeof(whole)) == sizeof(whole);
	close(d->ready_fd);
	d->ready_fd = -1;
	if (ok)
		message_to_log(name);
	return ok;
}

/* Not before the caller is gone, who reads it himself. */
static void said(void *opaque, uint32_t events)
{
	struct detached *d = opaque;
	char text[BYTES];
	ssize_t n;

	(void)events;
	n = read(d->said_fd, text, sizeof(text) - 1);
	if (n <= 0)
		return;
	text[n] = '\0';
	message_more("%s", text);
}

int detach_attach(struct detached *d, struct machine *m)
{
	if (d->said_fd < 0 || d->ready_fd >= 0)
		return 0;
	return machine_watch_fd(m, d->said_fd, EPOLLIN, said, d);
}

void detach_detach(struct detached *d, struct machine *m)
{
	if (d->said_fd >= 0)
		machine_watch_fd(m, d->said_fd, 0, NULL, NULL);
}
