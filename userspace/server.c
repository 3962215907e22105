// SPDX-License-Identifier: GPL-2.0
/*
 * The trick to have a server to oneself: it is born with the socket that it listens on, which has a
 * name in a directory of ours only until vmctl has connected.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "message.h"
#include "server.h"

#define SECONDS	10	/* until it is said what vmctl waits for */
#define LOOK_MS	10u

/* In the child: nothing of vmctl's but the socket. */
static void become(const char * const *argv, int listener, pid_t vmctl)
{
	char pid[16];
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != vmctl)
		_exit(1);	/* it has ended before that */
	setpgid(0, 0);		/* Ctrl-C is the guest's, or vmctl's, not its */
	if (dup2(listener, SERVER_FD) < 0 || fcntl(SERVER_FD, F_SETFD, 0))
		_exit(1);
	snprintf(pid, sizeof(pid), "%d", getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	execvp(argv[0], (char **)argv);
	_exit(127);
}

static int new_socket(struct sockaddr_un *name, const char *path)
{
	*name = (struct sockaddr_un) { .sun_family = AF_UNIX };
	snprintf(name->sun_path, sizeof(name->sun_path), "%s", path);
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int listen_at(const char *path)
{
	struct sockaddr_un name;
	int fd = new_socket(&name, path);

	if (fd < 0)
		return -1;
	if (!bind(fd, (struct sockaddr *)&name, sizeof(name)) && !listen(fd, 1))
		return fd;
	close(fd);
	return -1;
}

static int connect_to(const char *path)
{
	struct sockaddr_un name;
	int fd = new_socket(&name, path);

	if (fd < 0)
		return -1;
	if (!connect(fd, (struct sockaddr *)&name, sizeof(name)))
		return fd;
	close(fd);
	return -1;
}

/* Return: a connection, and what it is to, in @listener; or -1 with errno set. */
static int make_connection(int *listener)
{
	char dir[] = "/tmp/vmctl-XXXXXX", path[sizeof(dir) + 8];
	int fd = -1, err;

	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/socket", dir);
	*listener = listen_at(path);
	if (*listener >= 0)
		fd = connect_to(path);
	err = errno;
	if (*listener >= 0 && fd < 0)
		close(*listener);
	unlink(path);
	rmdir(dir);
	errno = err;
	return fd;
}

int server_start(const char * const *argv, pid_t *pid)
{
	int listener, fd = make_connection(&listener), err;
	pid_t vmctl = getpid();

	if (fd < 0)
		return -1;
	*pid = fork();
	if (!*pid)
		become(argv, listener, vmctl);
	err = errno;
	/* Here, too: whoever is first. */
	if (*pid > 0)
		setpgid(*pid, *pid);
	close(listener);
	if (*pid < 0) {
		close(fd);
		errno = err;
		return -1;
	}
	return fd;
}

void server_kill(pid_t pid)
{
	kill(-pid, SIGKILL);
}

bool server_reap(pid_t pid, unsigned int ms)
{
	const struct timespec pause = { .tv_nsec = LOOK_MS * 1000000 };
	pid_t got;

	for (;;) {
		got = waitpid(pid, NULL, WNOHANG);
		if (got && !(got < 0 && errno == EINTR))
			return true;
		if (ms < LOOK_MS)
			return false;
		ms -= LOOK_MS;
		nanosleep(&pause, NULL);
	}
}

bool server_has_ended(struct server_end *end)
{
	struct timespec now;

	if (!end->pid || server_reap(end->pid, 0)) {
		end->pid = 0;
		return true;
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!end->since)
		end->since = now.tv_sec;
	if (end->killed || now.tv_sec - end->since < (time_t)end->seconds)
		return false;
	message("%s (process %d) has not ended with %s in %u s: killed", end->program, end->pid,
		end->what, end->seconds);
	server_kill(end->pid);
	end->killed = true;
	return false;
}

void server_wait(pid_t pid, const char *program, const char *what)
{
	if (server_reap(pid, SECONDS * 1000))
		return;
	message("waiting for %s (process %d) to end with %s", program, pid, what);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}
