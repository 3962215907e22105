// SPDX-License-Identifier: GPL-2.0
/*
 * `vmctl console`: a terminal, or pipes, connected with a VM's console.
 *
 * After its first line the connection is the console's bytes in either direction.  Who does not
 * read has output dropped at the other end, so nothing here may be kept: stdin is read only when
 * the connection takes it, and the connection only when stdout does.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ask.h"
#include "cli.h"
#include "escape.h"
#include "json.h"
#include "message.h"
#include "options.h"
#include "terminal.h"
#include "viewer.h"

#define ANSWER_S	30
#define BYTES		4096

static const char help[] =
"usage: vmctl console NAME\n"
"Connect this terminal with a virtual machine's console: what it has printed, up to\n"
"64 KiB, and what it prints; keys go to the guest. Several may do so at once.\n"
"In a terminal, Ctrl-A D leaves it, and Ctrl-A Ctrl-A sends one Ctrl-A. Else the end\n"
"of the input is not the end: that is the VM's. Status 0, also when the VM ends.\n";

struct viewer {
	const char *name;
	int fd, signal_fd;
	bool input;		/* stdin has not ended */
	bool terminal, escaped;	/* it is a terminal; the byte before was Ctrl-A */
	unsigned int nr_keys;	/* that wait for the connection */
	char keys[BYTES];
};

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* Return: CLI_GO_ON, or the status to exit with. */
static int read_keys(struct viewer *v)
{
	char bytes[BYTES];
	ssize_t n = read(STDIN_FILENO, bytes, sizeof(bytes));
	int command = 0;

	if (n <= 0) {
		v->input = n < 0 && (errno == EINTR || errno == EAGAIN);
		return CLI_GO_ON;
	}
	for (ssize_t i = 0; i < n; i++) {
		if (!v->terminal || escape_filter(&v->escaped, bytes[i], &command))
			v->keys[v->nr_keys++] = bytes[i];
		if (command == 'd')
			return STATUS_OK;
	}
	return CLI_GO_ON;
}

static void send_keys(struct viewer *v)
{
	ssize_t n = send(v->fd, v->keys, v->nr_keys, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n <= 0)
		return;
	v->nr_keys -= n;
	memmove(v->keys, v->keys + n, v->nr_keys);
}

static int copy_output(struct viewer *v)
{
	char bytes[BYTES];
	ssize_t n = recv(v->fd, bytes, sizeof(bytes), MSG_DONTWAIT), done, put;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return CLI_GO_ON;
	if (n <= 0) {
		terminal_restore();
		message("%s has ended", v->name);
		return STATUS_OK;
	}
	for (done = 0; done < n; done += put) {
		put = write(STDOUT_FILENO, bytes + done, n - done);
		if (put < 0 && errno != EINTR && errno != EAGAIN) {
			message("cannot write the console's output: %s", strerror(errno));
			return STATUS_ERROR;
		}
		put = put < 0 ? 0 : put;
	}
	return CLI_GO_ON;
}

static int signalled(const struct viewer *v)
{
	struct signalfd_siginfo info;

	if (read(v->signal_fd, &info, sizeof(info)) != sizeof(info))
		return CLI_GO_ON;
	return STATUS_SIGNAL + info.ssi_signo;
}

static int view(struct viewer *v)
{
	struct pollfd fds[3] = {
		{ .fd = v->fd },
		{ .fd = v->signal_fd, .events = POLLIN },
		{ .events = POLLIN },
	};
	int status = CLI_GO_ON;

	while (status == CLI_GO_ON) {
		fds[0].events = POLLIN | (v->nr_keys ? POLLOUT : 0);
		fds[2].fd = v->input && !v->nr_keys ? STDIN_FILENO : -1;
		if (poll(fds, 3, -1) < 0)
			continue;
		if (fds[1].revents)
			status = signalled(v);
		if (status == CLI_GO_ON && fds[2].revents)
			status = read_keys(v);
		if (v->nr_keys)
			send_keys(v);
		if (status == CLI_GO_ON && fds[0].revents & (POLLIN | POLLHUP | POLLERR))
			status = copy_output(v);
	}
	return status;
}

int console_command(int argc, char **argv)
{
	struct show_options options = { 0 };
	struct viewer v = { .input = true };
	struct json_object *answer;
	int status = show_parse(argc, argv, SHOW_ONE_VM, help, &options);

	if (status != CLI_GO_ON)
		return status;
	v.name = options.name;
	v.fd = ask_connect(options.name);
	if (v.fd < 0)
		return STATUS_ERROR;
	answer = ask(v.fd, options.name, ask_for("console"), ANSWER_S);
	if (!answer)
		return STATUS_ERROR;
	json_object_put(answer);
	v.signal_fd = open_signals();
	v.terminal = isatty(STDIN_FILENO);
	if (v.terminal) {
		terminal_raw(STDIN_FILENO);
		message("Ctrl-A D leaves %s's console", options.name);
	}
	status = view(&v);
	terminal_restore();
	close(v.signal_fd);
	close(v.fd);
	return status;
}
