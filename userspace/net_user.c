// SPDX-License-Identifier: GPL-2.0
/*
 * --net user: a process of its own has the guest's network (net_slirp.c), and a socket brings the
 * frames.
 *
 * It takes apart what the guest sends, opens connections and looks up names, so it is the part of
 * vmctl that a guest reaches most easily.  It has the host's network, but none of the guest's
 * memory, and nothing that the VM is made of; vmctl itself then needs no network.  It ends with the
 * socket, however vmctl ends.
 *
 * A packet of one byte is a mark: the process throws away what waits for the guest and sends the
 * mark back, behind all that it had sent before.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "message.h"
#include "net_fd.h"
#include "net_slirp.h"
#include "sandbox.h"
#include "server.h"

#define BATCH		64u
#define PATIENCE_MS	1000
#define SECONDS		5	/* for its end */

struct user_net {
	struct net net;
	struct server_end end;
	int fd;				/* -1: it is over */
	bool gone;
	bool stale;			/* what comes before the mark was for another machine */
	uint8_t mark;
};

/* The process */

/* All but @fd and standard error, for messages. */
static void close_others(int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	syscall(SYS_close_range, STDERR_FILENO + 1, fd - 1, 0);
	syscall(SYS_close_range, fd + 1, ~0u, 0);
}

/* The first packet says that all is well. */
static void serve(const struct net_options *options, bool sandbox, int fd)
{
	struct slirp_net *slirp = slirp_net_open(options);

	if (!slirp || (sandbox && sandbox_enter_network()) || write(fd, "", 1) != 1)
		return;
	slirp_net_run(slirp, fd);
	slirp_net_free(slirp);
}

static pid_t start(const struct net_options *options, bool sandbox, int fd)
{
	pid_t pid = fork();

	/* It can be killed with what it may have started; and Ctrl-C is not its. */
	if (pid >= 0)
		setpgid(pid, pid);
	if (pid)
		return pid;
	prctl(PR_SET_NAME, "vmctl-net");
	close_others(fd);
	serve(options, sandbox, fd);
	_exit(0);
}

/* Frames */

static int user_send(struct net *net, unsigned int pair, const struct iovec *iov, unsigned int nr,
		     uint32_t bytes)
{
	(void)pair;
	(void)bytes;
	return net_fd_send(((struct user_net *)net)->fd, iov, nr);
}

/* Return: whether the mark has come. */
static bool catch_up(struct user_net *u)
{
	uint8_t mark[2];

	for (unsigned int i = 0; i < BATCH && u->stale; i++) {
		ssize_t n = read(u->fd, mark, sizeof(mark));

		if (n <= 0)
			break;
		u->stale = n != 1 || *mark != u->mark;
	}
	return !u->stale;
}

static uint32_t user_receive(struct net *net, unsigned int pair, const struct iovec *iov,
			     unsigned int nr)
{
	struct user_net *u = (struct user_net *)net;

	(void)pair;
	return catch_up(u) ? net_fd_receive(u->fd, iov, nr) : 0;
}

static void user_wait(struct net *net, unsigned int pair, struct pollfd wake[NET_WAKES],
		      unsigned int what)
{
	struct user_net *u = (struct user_net *)net;

	(void)pair;
	if (net_fd_wait(u->gone ? -1 : u->fd, wake, what) || u->gone)
		return;
	u->gone = true;
	message("--net %s: its process has ended; the guest has no network until vmctl is started "
		"again", net->text);
}

/* If the process never sends the mark back, the guest receives nothing, rather than too much. */
static void user_forget(struct net *net)
{
	struct user_net *u = (struct user_net *)net;
	struct pollfd p = { .fd = u->fd, .events = POLLOUT };

	u->stale = true;
	u->mark++;
	while (write(u->fd, &u->mark, 1) < 0) {
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return;
		if (!poll(&p, 1, PATIENCE_MS)) {
			message("--net %s: its process does not answer; the guest has no network "
				"until vmctl is started again", net->text);
			return;
		}
	}
}

/* Life */

static bool user_leave(struct net *net)
{
	struct user_net *u = (struct user_net *)net;

	if (u->fd >= 0)
		close(u->fd);
	u->fd = -1;
	return server_has_ended(&u->end);
}

static void user_free(struct net *net)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	while (!user_leave(net))
		nanosleep(&pause, NULL);
	free(net);
}

static const struct net_ops ops = {
	.send = user_send,
	.receive = user_receive,
	.wait = user_wait,
	.forget = user_forget,
	.leave = user_leave,
	.free = user_free,
};

/* It has said why not, if it could not begin. */
static bool has_begun(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char ok;

	while (poll(&p, 1, -1) < 0)
		;
	return read(fd, &ok, 1) == 1;
}

struct net *net_open_user(const struct net_options *options, bool sandbox)
{
	struct user_net *u = calloc(1, sizeof(*u));
	int fds[2];
	pid_t pid;

	if (!u || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds)) {
		message("--net %s: %s", options->text, strerror(errno));
		free(u);
		return NULL;
	}
	u->net = (struct net) { .ops = &ops, .text = options->text, .pairs = 1 };
	u->fd = fds[0];
	pid = start(options, sandbox, fds[1]);
	if (pid < 0)
		message("--net %s: cannot start its process: %s", options->text, strerror(errno));
	close(fds[1]);
	u->net.server = pid > 0 ? pid : 0;
	u->end = (struct server_end) {
		.pid = u->net.server, .program = "vmctl-net", .what = options->text,
		.seconds = SECONDS,
	};
	if (pid > 0 && has_begun(u->fd))
		return &u->net;
	user_free(&u->net);
	return NULL;
}
