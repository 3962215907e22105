// SPDX-License-Identifier: GPL-2.0
/*
 * The emulated host's end of scripts/amdhost: process 1, which runs one command for the runner.
 *
 * Owns the virtio-serial port that joins it to the runner, and nothing else of the host. All
 * streams share that one port, as frames of {type, 24-bit length, bytes}: being in order with the
 * output, the exit status cannot overtake it. Input that the command is slow to read stays in
 * the port, so neither side ever buffers more than a frame.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define FRAME_MAX	16384
#define ARGS_MAX	1024

static int port = -1;
static unsigned char frame[FRAME_MAX + 1];
static size_t frame_len, frame_pos;

static void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "agent: ");
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, ": %s\n", strerror(errno));
	va_end(ap);
	/* Process 1 ends: the kernel panics, and the runner prints this console's tail. */
	exit(1);
}

static void write_all(int fd, const void *buf, size_t len)
{
	while (len) {
		ssize_t n = write(fd, buf, len);

		if (n < 0 && errno != EINTR)
			die("write to the runner");
		if (n > 0) {
			buf = (const char *)buf + n;
			len -= n;
		}
	}
}

static void read_all(int fd, void *buf, size_t len)
{
	while (len) {
		ssize_t n = read(fd, buf, len);

		if (n < 0 && errno != EINTR)
			die("read from the runner");
		if (!n) {
			/* The runner is not connected yet, or gone and about to end the host. */
			usleep(10000);
			continue;
		}
		if (n > 0) {
			buf = (char *)buf + n;
			len -= n;
		}
	}
}

static void send_frame(char type, const void *data, size_t len)
{
	unsigned char out[4 + FRAME_MAX] = { type, len, len >> 8, len >> 16 };

	memcpy(out + 4, data, len);
	write_all(port, out, 4 + len);
}

static char recv_frame(void)
{
	unsigned char head[4];

	read_all(port, head, sizeof(head));
	frame_len = head[1] | head[2] << 8 | head[3] << 16;
	if (frame_len > FRAME_MAX)
		die("frame of %zu bytes", frame_len);
	read_all(port, frame, frame_len);
	frame[frame_len] = 0;
	frame_pos = 0;
	return head[0];
}

static void open_port(void)
{
	/* The driver makes the device node a little after it is loaded. */
	for (int i = 0; i < 3000; i++) {
		port = open("/dev/vport0p1", O_RDWR | O_CLOEXEC);
		if (port >= 0)
			return;
		usleep(10000);
	}
	die("/dev/vport0p1");
}

/* A frame's next NUL-terminated string. */
static char *next_string(void)
{
	char *s = (char *)frame + frame_pos;

	if (frame_pos >= frame_len)
		return NULL;
	frame_pos += strlen(s) + 1;
	return s;
}

static int open_pty(int *slave)
{
	int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	char name[32];
	int n, unlock = 0;

	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) || ioctl(master, TIOCGPTN, &n))
		die("pseudo terminal");
	snprintf(name, sizeof(name), "/dev/pts/%d", n);
	*slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*slave < 0)
		die("%s", name);
	return master;
}

static void set_size(int fd)
{
	struct winsize ws = { 0 };

	ws.ws_row = atoi(next_string() ?: "0");
	ws.ws_col = atoi(next_string() ?: "0");
	if (ws.ws_row && ws.ws_col)
		ioctl(fd, TIOCSWINSZ, &ws);
}

static pid_t run(char **argv, int in, int out, int err, bool tty)
{
	pid_t pid = fork();
	sigset_t none;

	if (pid < 0)
		die("fork");
	if (pid)
		return pid;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	if (tty)
		ioctl(in, TIOCSCTTY, 0);
	dup2(in, 0);
	dup2(out, 1);
	dup2(err, 2);
	execvp(argv[0], argv);
	fprintf(stderr, "amdhost: %s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/* Pass on what is there; false once the stream has ended. */
static bool forward(int fd, char type)
{
	char buf[FRAME_MAX];
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n > 0)
		send_frame(type, buf, n);
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* As process 1, collect every orphan; true when the command itself has ended. */
static bool reap(pid_t command, int *status)
{
	bool ended = false;
	int s;
	pid_t pid;

	while ((pid = waitpid(-1, &s, WNOHANG)) > 0) {
		if (pid != command)
			continue;
		*status = WIFSIGNALED(s) ? 128 + WTERMSIG(s) : WEXITSTATUS(s);
		ended = true;
	}
	return ended;
}

int main(void)
{
	enum { PORT, CHILD, OUT, ERR, IN, NFDS };
	char *argv[ARGS_MAX + 1], *term, *error = getenv("AMDHOST_ERROR");
	int in[2], out[2], err[2], status = 0, argc = 0;
	struct pollfd p[NFDS];
	struct signalfd_siginfo si;
	unsigned char code;
	bool tty, ended = false;
	sigset_t chld;
	pid_t pid;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	signal(SIGPIPE, SIG_IGN);
	open_port();
	send_frame(error ? 'F' : 'R', error ?: "", error ? strlen(error) : 0);

	if (recv_frame() != 'S')
		die("no start frame");
	tty = *(next_string() ?: "") == 't';
	term = next_string();
	if (term && *term)
		setenv("TERM", term, 1);
	p[CHILD].fd = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
	if (tty) {
		out[0] = open_pty(&in[0]);
		in[1] = out[0];
		out[1] = in[0];
		err[1] = in[0];
		err[0] = -1;
		set_size(in[1]);
	} else {
		next_string();
		next_string();
		if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
			die("pipe");
		fcntl(err[0], F_SETFL, O_NONBLOCK);
	}
	fcntl(in[1], F_SETFL, O_NONBLOCK);
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	while (argc < ARGS_MAX && (argv[argc] = next_string()))
		argc++;
	argv[argc] = NULL;
	signal(SIGPIPE, SIG_DFL);
	pid = run(argv, in[0], out[1], err[1], tty);
	signal(SIGPIPE, SIG_IGN);
	close(in[0]);
	if (!tty) {
		close(out[1]);
		close(err[1]);
	}
	frame_len = 0;
	frame_pos = 0;

	p[PORT].fd = port;
	p[OUT].fd = out[0];
	p[ERR].fd = err[0];
	while (!ended) {
		bool pending = frame_pos < frame_len;

		p[PORT].events = pending ? 0 : POLLIN;
		p[CHILD].events = POLLIN;
		p[OUT].events = POLLIN;
		p[ERR].events = POLLIN;
		p[IN].fd = pending ? in[1] : -1;
		p[IN].events = POLLOUT;
		if (poll(p, NFDS, -1) < 0)
			continue;

		if (p[OUT].revents && !forward(p[OUT].fd, 'o'))
			p[OUT].fd = -1;
		if (p[ERR].revents && !forward(p[ERR].fd, 'e'))
			p[ERR].fd = -1;
		if (p[IN].revents) {
			ssize_t n = write(in[1], frame + frame_pos, frame_len - frame_pos);

			if (n > 0)
				frame_pos += n;
			else if (n < 0 && errno != EAGAIN && errno != EINTR)
				frame_pos = frame_len;	/* nobody reads it any more */
		}
		if (p[PORT].revents & POLLIN) {
			switch (recv_frame()) {
			case 'i':
				break;
			case 'z':
				frame_len = 0;
				if (!tty) {
					close(in[1]);
					in[1] = -1;
				}
				break;
			case 'w':
				set_size(in[1]);
				frame_len = 0;
				frame_pos = 0;
				break;
			default:
				frame_len = 0;
			}
		}
		if (p[CHILD].revents) {
			while (read(p[CHILD].fd, &si, sizeof(si)) > 0)
				;
			ended = reap(pid, &status);
		}
	}

	/* What the command left in the pipes; a background process may still hold them open. */
	for (int i = OUT; i <= ERR; i++) {
		struct pollfd q = { p[i].fd, POLLIN, 0 };

		for (int n = 0; n < 1024 && q.fd >= 0 && poll(&q, 1, 0) > 0; n++)
			if (!forward(q.fd, i == OUT ? 'o' : 'e'))
				break;
	}
	code = status;
	send_frame('x', &code, 1);
	for (;;)
		pause();
}
