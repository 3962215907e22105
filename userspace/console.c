// SPDX-License-Identifier: GPL-2.0
/*
 * A console: a serial port's bytes to and from stdio, a file, a pty or a socket.
 *
 * It knows its end in the guest and nothing of registers.  Output is gathered
 * for a millisecond and written at once: a booting guest sends byte by byte,
 * and a system call for each would cost more than the exit that brought it.
 * Nothing here blocks while the device lock is held: an output that takes no
 * more makes the buffer fill up, and the guest's driver then has to wait.  At a pty
 * or a socket where nobody is, output is dropped, as at a plug without a cable.
 *
 * What was written also goes to a ring, for viewers, of which it knows only that
 * somebody wants to hear of changes: they hold nothing up.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "console.h"
#include "escape.h"
#include "message.h"
#include "socket.h"
#include "terminal.h"

#define GATHER_NS	1000000
#define OUT_BYTES	PIPE_BUF	/* a pipe that can be written takes that much at once */
#define IN_BYTES	1024
#define IN_ROUNDS	16	/* of a file, before others have their turn */
#define DEAF_NS		1000000000	/* until somebody may connect again, who could not */

struct console {
	const char *name;
	int in_fd, out_fd;	/* -1: none; the same for a pty and a socket */
	struct socket_name socket;	/* its fd is -1: it is none */
	bool is_pty;
	bool not_vital;
	bool deaf;		/* nobody can connect to the socket at the moment */
	bool deaf_told;
	bool is_terminal;	/* input is a raw terminal: look for Ctrl-A */
	bool escaped;		/* the byte before was Ctrl-A */
	bool in_unpollable;	/* input is a file, which is always ready */
	bool out_blocked;	/* waiting until the output can be written */
	bool failed;		/* output was lost */
	bool end_waits;		/* the end has bytes that did not fit */
	struct machine *m;	/* while attached */
	const struct console_end *end;
	void *opaque;		/* the end's */
	struct machine_timer *timer;
	unsigned int out_bytes, in_bytes;
	uint8_t out[OUT_BYTES], in[IN_BYTES];
	void (*changed)(void *viewers);	/* or NULL */
	void *viewers;
	bool to_tell;		/* there is output that changed() has not heard of */
	struct ring ring;
};

static void in_ready(void *opaque, uint32_t events);
static void out_ready(void *opaque, uint32_t events);
static void both_ready(void *opaque, uint32_t events);
static void caller_waits(void *opaque, uint32_t events);

static void watch(struct console *c)
{
	bool want_in = c->in_fd >= 0 && !c->in_unpollable &&
		       (c->is_terminal || c->in_bytes < IN_BYTES);
	uint32_t in = want_in ? EPOLLIN : 0;
	uint32_t out = c->out_blocked ? EPOLLOUT : 0;

	if (!c->m)
		return;
	if (c->is_pty) {
		/* Edges, because a pty that nobody has open hangs up all the time. */
		machine_watch_fd(c->m, c->out_fd, in | out | EPOLLET, both_ready, c);
		return;
	}
	if (c->socket.fd >= 0) {
		machine_watch_fd(c->m, c->socket.fd, c->out_fd < 0 && !c->deaf ? EPOLLIN : 0,
				 caller_waits, c);
		/* A client that hangs up is heard also if the guest reads nothing. */
		if (c->out_fd >= 0)
			machine_watch_fd(c->m, c->out_fd, in | out | EPOLLHUP, both_ready, c);
		return;
	}
	if (c->in_fd >= 0 && machine_watch_fd(c->m, c->in_fd, in, in_ready, c) == -EPERM)
		c->in_unpollable = true;
	if (c->out_fd >= 0)
		machine_watch_fd(c->m, c->out_fd, out, out_ready, c);
}

static void wake_loop(struct console *c, uint64_t delay_ns)
{
	machine_timer_arm(c->timer, machine_now_ns(c->m) + delay_ns);
}

/* Who is there */

bool console_connected(const struct console *c)
{
	return c->out_fd >= 0;
}

static void tell_connected(struct console *c)
{
	if (c->m && c->end->connected)
		c->end->connected(c->opaque);
}

/* There is no output any more; the end need not wait for room. */
static void end_of_output(struct console *c)
{
	if (c->m) {
		machine_watch_fd(c->m, c->out_fd, 0, NULL, NULL);
		wake_loop(c, 0);
	}
	c->out_fd = -1;
	c->out_bytes = 0;
	c->out_blocked = false;
	tell_connected(c);
}

static void hang_up(struct console *c)
{
	int fd = c->in_fd;

	c->in_fd = -1;
	c->in_unpollable = false;
	if (c->out_fd >= 0)
		end_of_output(c);
	close(fd);
}

/* The client has gone.  What it has said before is there like a file, until another one comes. */
static void client_left(struct console *c)
{
	c->in_unpollable = true;
	end_of_output(c);
}

static void caller_waits(void *opaque, uint32_t events)
{
	struct console *c = opaque;
	int fd = accept4(c->socket.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)events;
	if (fd < 0) {
		if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
			return;
		/* It would be ready all the time. */
		if (!c->deaf_told)
			message("%s: somebody cannot connect: %s (told once)", c->name,
				strerror(errno));
		c->deaf_told = true;
		c->deaf = true;
		watch(c);
		wake_loop(c, DEAF_NS);
		return;
	}
	if (c->in_fd >= 0)
		hang_up(c);
	c->in_fd = fd;
	c->out_fd = fd;
	c->in_bytes = 0;	/* what the last one said and the guest has not heard */
	watch(c);
	tell_connected(c);
}

/* Output */

static void output_failed(struct console *c)
{
	message("%s: cannot write the guest's output: %s%s", c->name, strerror(errno),
		errno != EPIPE ? "" : c->not_vital ? " (its reader is gone)" :
		" (its reader is gone; --console none runs without one)");
	if (c->m && !c->not_vital)
		machine_request_stop(c->m, MACHINE_ERROR, 0);
	end_of_output(c);
	c->failed = true;
}

/* What of @events, and of POLLHUP and POLLERR, is the case. */
static short now(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, 0) == 1 ? p.revents : 0;
}

/* Write what the output takes now. */
static void flush(struct console *c)
{
	short events;
	ssize_t n;

	c->out_blocked = false;
	while (c->out_bytes) {
		events = now(c->out_fd, POLLOUT);
		if (c->is_pty && (events & POLLHUP)) {
			c->out_bytes = 0;	/* nobody is connected */
			return;
		}
		if (!events) {
			c->out_blocked = true;
			return;
		}
		n = write(c->out_fd, c->out, c->out_bytes);
		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			c->out_blocked = true;
			return;
		} else if (n < 0 && c->socket.fd >= 0) {
			hang_up(c);
			return;
		} else if (n < 0) {
			output_failed(c);
			return;
		}
		c->out_bytes -= n;
		memmove(c->out, c->out + n, c->out_bytes);
	}
}

/* How many of @bytes there is room for. */
static unsigned int gather(struct console *c, const void *data, unsigned int bytes)
{
	unsigned int room;

	if (bytes > OUT_BYTES - c->out_bytes) {
		flush(c);
		watch(c);
	}
	if (c->out_fd < 0)
		return bytes;
	room = OUT_BYTES - c->out_bytes;
	if (bytes > room) {
		bytes = room;
		c->end_waits = true;
	}
	if (!c->out_bytes && bytes)
		wake_loop(c, GATHER_NS);
	memcpy(c->out + c->out_bytes, data, bytes);
	c->out_bytes += bytes;
	return bytes;
}

int console_write(struct console *c, const void *data, unsigned int bytes)
{
	if (c->out_fd >= 0)
		bytes = gather(c, data, bytes);
	ring_write(&c->ring, data, bytes);
	if (c->changed && !c->to_tell && bytes) {
		c->to_tell = true;
		wake_loop(c, GATHER_NS);
	}
	return bytes;
}

void console_push(struct console *c)
{
	if (!c->out_bytes)
		return;
	flush(c);
	watch(c);
}

/* In the event loop only: the end may call console_write() from here. */
static void pump_output(struct console *c)
{
	flush(c);
	if (c->end_waits && c->out_bytes < OUT_BYTES) {
		c->end_waits = false;
		c->end->writable(c->opaque);
	}
}

/* Input */

/* Whether @byte is for the guest. */
static bool filter(struct console *c, uint8_t byte)
{
	int command = 0;
	bool ours = !c->is_terminal || escape_filter(&c->escaped, byte, &command);

	if (command == 'x')
		machine_request_stop(c->m, MACHINE_POWEROFF, 0);
	return ours;
}

static void end_of_input(struct console *c)
{
	if (c->socket.fd >= 0) {
		hang_up(c);
		return;
	}
	machine_watch_fd(c->m, c->in_fd, 0, NULL, NULL);
	c->in_fd = -1;
	c->in_unpollable = false;
}

static void read_input(struct console *c)
{
	uint8_t bytes[IN_BYTES];
	unsigned int room = IN_BYTES - c->in_bytes;
	short events;
	ssize_t n;

	if (c->in_fd < 0)
		return;
	events = now(c->in_fd, POLLIN);
	if (!events || (c->is_pty && !(events & POLLIN)))
		return;
	/* A terminal is read even when the guest does not: Ctrl-A X must always work. */
	if (c->is_terminal)
		room = IN_BYTES;
	if (!room)
		return;
	n = read(c->in_fd, bytes, room);
	if (n < 0 && (errno == EAGAIN || errno == EINTR || c->is_pty))
		return;
	if (n <= 0) {
		end_of_input(c);
		return;
	}
	for (ssize_t i = 0; i < n; i++) {
		if (filter(c, bytes[i]) && c->in_bytes < IN_BYTES)
			c->in[c->in_bytes++] = bytes[i];
	}
}

static void push_input(struct console *c)
{
	unsigned int n;

	if (!c->in_bytes)
		return;
	n = c->end->receive(c->opaque, c->in, c->in_bytes);
	c->in_bytes -= n;
	memmove(c->in, c->in + n, c->in_bytes);
}

static void pump_input(struct console *c)
{
	push_input(c);
	/* A file: until the end is full, because only then it says when it has room. */
	for (int i = 0; c->in_unpollable && !c->in_bytes; i++) {
		if (i == IN_ROUNDS) {
			wake_loop(c, 0);
			return;
		}
		read_input(c);
		push_input(c);
	}
}

unsigned int console_feed(struct console *c, const void *data, unsigned int bytes)
{
	unsigned int room = IN_BYTES - c->in_bytes;

	if (bytes > room)
		bytes = room;
	memcpy(c->in + c->in_bytes, data, bytes);
	c->in_bytes += bytes;
	push_input(c);
	return bytes;
}

void console_input_room(struct console *c)
{
	if (c->m && (c->in_bytes || c->in_unpollable))
		wake_loop(c, 0);
}

/* What the event loop calls */

static void in_ready(void *opaque, uint32_t events)
{
	struct console *c = opaque;

	(void)events;
	read_input(c);
	push_input(c);
	watch(c);
}

static void out_ready(void *opaque, uint32_t events)
{
	struct console *c = opaque;

	(void)events;
	pump_output(c);
	watch(c);
}

static void both_ready(void *opaque, uint32_t events)
{
	struct console *c = opaque;

	out_ready(opaque, events);
	in_ready(opaque, events);
	if ((events & EPOLLHUP) && c->socket.fd >= 0 && c->out_fd >= 0)
		client_left(c);
	watch(c);
}

static void tell(struct console *c)
{
	c->to_tell = false;
	if (c->changed)
		c->changed(c->viewers);
}

static void tick(void *opaque)
{
	struct console *c = opaque;

	c->deaf = false;
	pump_output(c);
	pump_input(c);
	tell(c);
	watch(c);
}

void console_flush(struct console *c)
{
	tick(c);
}

void console_watch(struct console *c, void (*changed)(void *viewers), void *viewers)
{
	c->changed = changed;
	c->viewers = viewers;
}

const struct ring *console_ring(const struct console *c)
{
	return &c->ring;
}

/* Life */

int console_attach_end(struct console *c, struct machine *m, const struct console_end *end,
		       void *opaque)
{
	c->timer = machine_timer_new(m, tick, c);
	if (!c->timer) {
		message("out of memory");
		return -1;
	}
	c->m = m;
	c->end = end;
	c->opaque = opaque;
	watch(c);
	if (c->out_bytes || c->in_bytes || c->in_unpollable || c->to_tell)
		wake_loop(c, 0);
	return 0;
}

static unsigned int to_uart(void *opaque, const void *data, unsigned int bytes)
{
	return uart_receive(opaque, data, bytes);
}

static void uart_can_write(void *opaque)
{
	uart_console_writable(opaque);
}

int console_attach(struct console *c, struct machine *m, struct uart *uart)
{
	static const struct console_end end = { .receive = to_uart, .writable = uart_can_write };

	return console_attach_end(c, m, &end, uart);
}

void console_detach(struct console *c)
{
	if (!c->m)
		return;
	if (c->in_fd >= 0)
		machine_watch_fd(c->m, c->in_fd, 0, NULL, NULL);
	if (c->out_fd >= 0)
		machine_watch_fd(c->m, c->out_fd, 0, NULL, NULL);
	if (c->socket.fd >= 0)
		machine_watch_fd(c->m, c->socket.fd, 0, NULL, NULL);
	machine_timer_free(c->timer);
	c->timer = NULL;
	c->m = NULL;
	c->end = NULL;
	c->end_waits = false;
}

int console_drain(struct console *c, int interrupt_fd)
{
	struct pollfd fds[2] = {
		{ .fd = c->out_fd, .events = POLLOUT },
		{ .fd = interrupt_fd, .events = POLLIN },
	};

	while (c->out_fd >= 0 && c->out_bytes) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[0].revents)
			flush(c);
		else if (fds[1].revents)
			break;
	}
	return c->failed ? -1 : 0;
}

/*
 * A terminal gets an open file of its own, because O_NONBLOCK on the one that
 * vmctl was given would change it for the shell, too.
 */
static int open_stdout(void)
{
	int fd = -1;

	if (isatty(STDOUT_FILENO))
		fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd >= 0 ? fd : STDOUT_FILENO;
}

static int open_stdio(struct console *c)
{
	c->in_fd = STDIN_FILENO;
	c->out_fd = open_stdout();
	c->is_terminal = isatty(STDIN_FILENO);
	if (c->is_terminal)
		terminal_raw(STDIN_FILENO);
	return 0;
}

static int open_file(struct console *c, const char *path)
{
	c->out_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY | O_CLOEXEC, 0666);
	if (c->out_fd < 0) {
		message("%s: cannot open %s: %s", c->name, path, strerror(errno));
		return -1;
	}
	return 0;
}

static int open_pty(struct console *c)
{
	struct termios raw;
	char name[64];
	int fd, slave;

	fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || grantpt(fd) || unlockpt(fd) || ptsname_r(fd, name, sizeof(name)))
		goto fail;
	/* Opened and closed once, the other end counts as hung up: see flush(). */
	slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		goto fail;
	if (!tcgetattr(slave, &raw)) {
		cfmakeraw(&raw);
		tcsetattr(slave, TCSANOW, &raw);
	}
	close(slave);
	c->is_pty = true;
	c->in_fd = fd;
	c->out_fd = fd;
	message("%s is %s", c->name, name);
	return 0;
fail:
	message("%s: cannot open a pty: %s", c->name, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static int open_socket(struct console *c, const char *path)
{
	return socket_listen(&c->socket, path, c->name);
}

bool console_valid(const char *spec)
{
	return !strcmp(spec, "stdio") || !strcmp(spec, "none") || !strcmp(spec, "pty") ||
	       (!strncmp(spec, "file:", 5) && spec[5]) || (!strncmp(spec, "unix:", 5) && spec[5]);
}

void console_not_vital(struct console *c)
{
	c->not_vital = true;
}

struct console *console_open(const char *spec, const char *name)
{
	struct console *c = calloc(1, sizeof(*c));
	int err = 0;

	if (!c) {
		message("out of memory");
		return NULL;
	}
	c->name = name;
	c->in_fd = -1;
	c->out_fd = -1;
	c->socket.fd = -1;
	if (!strcmp(spec, "stdio"))
		err = open_stdio(c);
	else if (!strcmp(spec, "pty"))
		err = open_pty(c);
	else if (!strncmp(spec, "unix:", 5))
		err = open_socket(c, spec + strlen("unix:"));
	else if (strcmp(spec, "none"))
		err = open_file(c, spec + strlen("file:"));
	if (err) {
		free(c);
		return NULL;
	}
	return c;
}

void console_close(struct console *c)
{
	if (c->is_terminal)
		terminal_restore();
	/* As much as goes without waiting, where nobody has called console_drain(). */
	if (c->out_fd >= 0)
		flush(c);
	if (c->out_fd > STDERR_FILENO)
		close(c->out_fd);
	if (c->socket.fd >= 0 && c->in_fd >= 0 && c->in_fd != c->out_fd)
		close(c->in_fd);
	if (c->socket.fd >= 0)
		socket_close(&c->socket);
	free(c);
}
