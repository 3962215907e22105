// SPDX-License-Identifier: GPL-2.0
/*
 * The control socket: clients, their lines, their answers, viewers of the console.
 *
 * It must not know what a request does.  Clients are taken for hostile, although they are the same
 * user's: there is a fixed number of them, each has a fixed buffer for what it says, and no more
 * is read from it while an answer waits, so one answer is all that can pile up.  A viewer of the
 * console has a number, its place in the console's ring: who is slow has missed something and is
 * told how much, and neither the guest nor anybody else waits.
 *
 * The one trick is an epoll of its own, which is one fd in the machine's: machines come and go with
 * the guest's resets, and the clients do not notice.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "console.h"
#include "control.h"
#include "json.h"
#include "libsvmm.h"
#include "run_dir.h"

#define MAX_CLIENTS	32
#define SEND_BYTES	32768	/* that the kernel keeps for a client */
#define WHY_BYTES	320
#define LAST_WORDS_MS	1000

/* epoll's names: clients by number, and */
enum { LISTENER = MAX_CLIENTS, DEADLINE };

struct client {
	int fd;			/* -1: free */
	enum { ASKS, WAITS, VIEWS } mode;
	bool ended;		/* nothing more comes from it */
	bool leaves;		/* once it has its answer */
	bool gone;		/* it does not even read */
	uint32_t events;	/* that epoll looks for */
	unsigned int line;	/* number of its last line */
	unsigned int in_bytes, out_bytes, out_done;
	char *out;		/* what is being sent to it, or NULL */
	struct control_fds fds;	/* that came with what it says, for the next request */
	uint64_t seen;		/* VIEWS: how much of the console's output was sent */
	char in[CONTROL_LINE_MAX];
};

struct control {
	struct control_handler handler;
	struct console *console;
	int epoll_fd, listen_fd, deadline_fd, dir_fd;
	bool armed;		/* the deadline is set */
	char name[SVMM_NAME_MAX];
	struct client clients[MAX_CLIENTS];
};

static void close_fds(struct control_fds *fds)
{
	while (fds->nr)
		close(fds->fd[--fds->nr]);
}

static void drop(struct client *cl)
{
	close(cl->fd);
	close_fds(&cl->fds);
	free(cl->out);
	*cl = (struct client) { .fd = -1 };
}

/* Sending */

static struct json_object *new_reply(bool ok)
{
	struct json_object *reply = json_object_new_object();

	json_object_object_add(reply, "ok", json_object_new_boolean(ok));
	return reply;
}

/* One line; nothing else is being sent.  @reply is freed. */
static void queue(struct client *cl, struct json_object *reply)
{
	const char *text = json_object_to_json_string_ext(reply, JSON_C_TO_STRING_NOSLASHESCAPE);
	int len = asprintf(&cl->out, "%s\n", text);

	cl->out_bytes = len < 0 ? 0 : len;
	cl->out_done = 0;
	if (len < 0) {
		cl->out = NULL;
		cl->leaves = true;	/* it gets no answer, which says that */
	}
	json_object_put(reply);
}

static void queue_error(struct client *cl, const char *why)
{
	struct json_object *reply = new_reply(false);

	json_add_text(reply, "error", why);
	queue(cl, reply);
}

/* What the client takes of @data now. */
static unsigned int put(struct client *cl, const void *data, unsigned int bytes)
{
	ssize_t n = send(cl->fd, data, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		cl->gone = true;
	return n < 0 ? 0 : n;
}

/* Return: whether all of it is on its way. */
static bool send_out(struct client *cl)
{
	if (!cl->out)
		return true;
	cl->out_done += put(cl, cl->out + cl->out_done, cl->out_bytes - cl->out_done);
	if (cl->out_done < cl->out_bytes)
		return false;
	free(cl->out);
	cl->out = NULL;
	return true;
}

/* The console */

/* Where a new viewer begins: at the first whole line that is there. */
static uint64_t first_line(const struct ring *ring)
{
	uint64_t at = ring_start(ring);
	const uint8_t *data, *newline;
	unsigned int n = ring_read(ring, at, &data);

	if (!at)
		return at;
	newline = memchr(data, '\n', n);
	return newline ? at + (newline + 1 - data) : at;
}

/* A note about what the viewer has missed.  Return: whether it is to be sent. */
static bool note_loss(struct client *cl, const struct ring *ring)
{
	uint64_t lost = ring_start(ring) - cl->seen;
	struct pollfd p = { .fd = cl->fd, .events = POLLOUT };
	int len;

	/* Not before it can go at once: until then more gets lost. */
	if (poll(&p, 1, 0) != 1)
		return false;
	len = asprintf(&cl->out, "\r\n[vmctl: %llu bytes of output are lost: they came faster than "
		       "they were read]\r\n", (unsigned long long)lost);
	cl->seen += lost;
	cl->out_bytes = len < 0 ? 0 : len;
	cl->out_done = 0;
	if (len < 0)
		cl->out = NULL;
	return cl->out;
}

/* Output to a viewer, as much as it takes.  Return: whether there is more to be done at once. */
static bool show(struct client *cl, const struct ring *ring)
{
	const uint8_t *data;
	unsigned int n, sent;

	if (cl->seen < ring_start(ring))
		return note_loss(cl, ring);
	n = ring_read(ring, cl->seen, &data);
	sent = n ? put(cl, data, n) : 0;
	cl->seen += sent;
	return sent && sent == n;
}

/* Input from a viewer, as much as there is room for. */
static void feed(struct control *c, struct client *cl)
{
	unsigned int n = console_feed(c->console, cl->in, cl->in_bytes);

	cl->in_bytes -= n;
	memmove(cl->in, cl->in + n, cl->in_bytes);
}

/* Requests */

static void console_changed(void *opaque);

static void answer(struct control *c, struct client *cl, const char *text, size_t len)
{
	struct control_request request;
	struct json_object *reply;
	char why[WHY_BYTES];

	if (!control_parse(text, len, ++cl->line, &request, why, sizeof(why))) {
		queue_error(cl, why);
		return;
	}
	request.fds = &cl->fds;
	reply = new_reply(true);
	switch (c->handler.run(c->handler.opaque, &request, reply, why, sizeof(why))) {
	case CONTROL_VIEW:
		cl->mode = VIEWS;
		cl->seen = first_line(console_ring(c->console));
		console_watch(c->console, console_changed, c);
		queue(cl, reply);
		return;
	case CONTROL_DONE:
		queue(cl, reply);
		return;
	case CONTROL_FAILED:
		queue_error(cl, why);
		break;
	case CONTROL_AT_END:
		cl->mode = WAITS;
		break;
	}
	json_object_put(reply);
}

/* The client's next line, if there is one.  Return: whether there was. */
static bool take_line(struct control *c, struct client *cl)
{
	char line[CONTROL_LINE_MAX], *end = memchr(cl->in, '\n', cl->in_bytes);
	unsigned int len = end ? end - cl->in : cl->in_bytes;
	unsigned int taken = end ? len + 1 : len;

	if (!end && len == sizeof(cl->in)) {
		cl->leaves = true;
		queue_error(cl, "the line is longer than 4095 bytes");
		return true;
	}
	/* The last one may do without its end. */
	if (!end && !(cl->ended && len))
		return false;
	memcpy(line, cl->in, len);
	cl->in_bytes -= taken;
	memmove(cl->in, cl->in + taken, cl->in_bytes);
	answer(c, cl, line, len);
	/* Those that the request was not about. */
	close_fds(&cl->fds);
	return true;
}

/* Clients */

static void watch_client(struct control *c, struct client *cl)
{
	struct epoll_event ev = { .data.u32 = cl - c->clients };
	bool behind = cl->mode == VIEWS && cl->seen < console_ring(c->console)->end;

	if (!cl->ended && !cl->out && cl->mode == ASKS)
		ev.events |= EPOLLIN;
	if (!cl->ended && !cl->in_bytes && cl->mode == VIEWS)
		ev.events |= EPOLLIN;
	if (cl->out || behind)
		ev.events |= EPOLLOUT;
	if (ev.events != cl->events)
		epoll_ctl(c->epoll_fd, EPOLL_CTL_MOD, cl->fd, &ev);
	cl->events = ev.events;
}

/* With a client as far as it goes without waiting for it. */
static void advance(struct control *c, struct client *cl)
{
	bool more = true;

	while (more && send_out(cl) && !cl->leaves) {
		more = false;
		if (cl->mode == ASKS)
			more = take_line(c, cl);
		else if (cl->mode == VIEWS)
			more = show(cl, console_ring(c->console));
	}
	if (cl->mode == VIEWS && cl->in_bytes)
		feed(c, cl);
	if (cl->gone || (!cl->out && (cl->leaves || (cl->ended && cl->mode == ASKS))))
		drop(cl);
	else
		watch_client(c, cl);
}

/* Open files in @msg; what there is no room for, is closed. */
static void take_fds(struct control_fds *fds, struct msghdr *msg)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);

	for (; c; c = CMSG_NXTHDR(msg, c)) {
		unsigned int nr = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		int fd;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (unsigned int i = 0; i < nr; i++) {
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			if (fds->nr < CONTROL_FDS_MAX)
				fds->fd[fds->nr++] = fd;
			else
				close(fd);
		}
	}
}

/* Return: false if it is gone. */
static bool hear(struct client *cl)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(CONTROL_FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = { cl->in + cl->in_bytes, sizeof(cl->in) - cl->in_bytes };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(cl->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n >= 0)
		take_fds(&cl->fds, &msg);
	if (n > 0)
		cl->in_bytes += n;
	else if (!n)
		cl->ended = true;
	return n >= 0 || errno == EAGAIN || errno == EINTR;
}

static void serve(struct control *c, struct client *cl, uint32_t events)
{
	if (cl->fd < 0)
		return;
	if ((events & EPOLLIN) && !hear(cl)) {
		drop(cl);
		return;
	}
	advance(c, cl);
	/* What it had said before it went was done. */
	if (cl->fd >= 0 && (events & (EPOLLHUP | EPOLLERR)))
		drop(cl);
}

static struct client *find_free(struct control *c)
{
	for (unsigned int i = 0; i < MAX_CLIENTS; i++) {
		if (c->clients[i].fd < 0)
			return &c->clients[i];
	}
	return NULL;
}

/* The same user, and root. */
static bool is_welcome(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) &&
	       (peer.uid == geteuid() || !peer.uid);
}

static void accept_client(struct control *c)
{
	int fd = accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	const int bytes = SEND_BYTES;
	struct epoll_event ev = { .events = EPOLLIN };
	struct client refused = { .fd = fd }, *cl = find_free(c);
	const char *why = NULL;

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	if (!is_welcome(fd))
		why = "this VM is another user's";
	else if (!cl)
		why = "too many clients; 32 are connected already";
	if (why) {
		queue_error(&refused, why);
		send_out(&refused);
		drop(&refused);
		return;
	}
	*cl = (struct client) { .fd = fd, .events = EPOLLIN };
	ev.data.u32 = cl - c->clients;
	if (epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &ev))
		drop(cl);
}

static void deadline_came(struct control *c)
{
	uint64_t count;

	if (read(c->deadline_fd, &count, sizeof(count)) == sizeof(count))
		c->handler.deadline(c->handler.opaque);
}

/* One event at a time: it may take any client with it. */
static void ready(void *opaque, uint32_t events)
{
	struct control *c = opaque;
	struct epoll_event ev;

	(void)events;
	if (epoll_wait(c->epoll_fd, &ev, 1, 0) != 1)
		return;
	if (ev.data.u32 == LISTENER)
		accept_client(c);
	else if (ev.data.u32 == DEADLINE)
		deadline_came(c);
	else
		serve(c, &c->clients[ev.data.u32], ev.events);
}

/* There is output, or room for input; without a viewer there is no need to know. */
static void console_changed(void *opaque)
{
	struct control *c = opaque;
	bool viewed = false;

	for (unsigned int i = 0; i < MAX_CLIENTS; i++) {
		if (c->clients[i].fd < 0 || c->clients[i].mode != VIEWS)
			continue;
		viewed = true;
		advance(c, &c->clients[i]);
	}
	if (!viewed)
		console_watch(c->console, NULL, NULL);
}

void control_set_deadline(struct control *c, unsigned int seconds)
{
	struct itimerspec now, its = { .it_value.tv_sec = seconds };

	if (c->armed && !timerfd_gettime(c->deadline_fd, &now) && now.it_value.tv_sec < seconds)
		return;
	c->armed = true;
	timerfd_settime(c->deadline_fd, 0, &its, NULL);
}

unsigned int control_clients(const struct control *c, unsigned int *viewers)
{
	unsigned int n = 0;

	*viewers = 0;
	for (unsigned int i = 0; i < MAX_CLIENTS; i++) {
		n += c->clients[i].fd >= 0;
		*viewers += c->clients[i].fd >= 0 && c->clients[i].mode == VIEWS;
	}
	return n;
}

/* Life */

int control_attach(struct control *c, struct machine *m)
{
	return machine_watch_fd(m, c->epoll_fd, EPOLLIN, ready, c);
}

void control_detach(struct control *c, struct machine *m)
{
	machine_watch_fd(m, c->epoll_fd, 0, NULL, NULL);
}

static int add_fd(struct control *c, int fd, uint32_t id)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = id };

	return epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &ev);
}

static void close_all(struct control *c)
{
	for (unsigned int i = 0; i < MAX_CLIENTS; i++) {
		if (c->clients[i].fd >= 0)
			drop(&c->clients[i]);
	}
	if (c->listen_fd >= 0) {
		run_dir_remove(c->dir_fd, c->name);
		close(c->listen_fd);
	}
	if (c->deadline_fd >= 0)
		close(c->deadline_fd);
	if (c->epoll_fd >= 0)
		close(c->epoll_fd);
	if (c->dir_fd >= 0)
		close(c->dir_fd);
	free(c);
}

/* Return: 0 or -errno, with words in @why. */
static int open_all(struct control *c, char *why, size_t room)
{
	int err;

	c->dir_fd = run_dir_open(geteuid(), true, why, room);
	if (c->dir_fd < 0)
		return -ENOENT;
	c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	c->deadline_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	c->listen_fd = run_dir_listen(c->dir_fd, c->name);
	err = c->listen_fd;
	if (err == -EEXIST)
		snprintf(why, room, "you have a running VM of that name; choose another name");
	else if (err == -EBUSY)
		snprintf(why, room, "another process keeps the run directory locked; see: lsof");
	if (err == -EEXIST || err == -EBUSY)
		return err;
	err = err < 0 ? err : -errno;
	if (c->epoll_fd >= 0 && c->deadline_fd >= 0 && c->listen_fd >= 0 &&
	    !add_fd(c, c->listen_fd, LISTENER) && !add_fd(c, c->deadline_fd, DEADLINE))
		return 0;
	snprintf(why, room, "%s", strerror(-err));
	return err;
}

struct control *control_open(const char *name, const struct control_handler *handler,
			     struct console *console, char *why, size_t room)
{
	struct control *c = calloc(1, sizeof(*c));
	int err;

	if (!c) {
		snprintf(why, room, "out of memory");
		errno = ENOMEM;
		return NULL;
	}
	c->handler = *handler;
	c->console = console;
	c->dir_fd = -1;
	c->epoll_fd = -1;
	c->listen_fd = -1;
	c->deadline_fd = -1;
	for (unsigned int i = 0; i < MAX_CLIENTS; i++)
		c->clients[i].fd = -1;
	snprintf(c->name, sizeof(c->name), "%s", name);
	err = open_all(c, why, room);
	if (err) {
		close_all(c);
		errno = -err;
		return NULL;
	}
	return c;
}

static void tell_end(struct client *cl, const char *end, int status)
{
	struct json_object *reply = new_reply(true);

	json_add_text(reply, "end", end);
	json_add_number(reply, "status", status);
	queue(cl, reply);
}

/* Return: whether it still has something to get. */
static bool is_behind(struct client *cl, const struct ring *ring)
{
	while (send_out(cl) && cl->mode == VIEWS && show(cl, ring))
		;
	return !cl->gone && (cl->out || (cl->mode == VIEWS && cl->seen < ring->end));
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* What clients have to get, as far as they take it in time. */
static void last_words(struct control *c)
{
	int64_t end = now_ms() + LAST_WORDS_MS, left = LAST_WORDS_MS;
	const struct ring *ring = console_ring(c->console);
	struct pollfd fds[MAX_CLIENTS];
	unsigned int n;

	do {
		n = 0;
		for (unsigned int i = 0; i < MAX_CLIENTS; i++) {
			struct client *cl = &c->clients[i];

			if (cl->fd >= 0 && is_behind(cl, ring))
				fds[n++] = (struct pollfd) { .fd = cl->fd, .events = POLLOUT };
		}
		if (n)
			poll(fds, n, left);
		left = end - now_ms();
	} while (n && left > 0);
}

void control_end(struct control *c, const char *end, int status)
{
	console_watch(c->console, NULL, NULL);
	/* Whoever is told may look for the name, or take it. */
	run_dir_remove(c->dir_fd, c->name);
	close(c->listen_fd);
	c->listen_fd = -1;
	for (unsigned int i = 0; i < MAX_CLIENTS; i++) {
		if (c->clients[i].fd >= 0 && c->clients[i].mode == WAITS)
			tell_end(&c->clients[i], end, status);
	}
	last_words(c);
	close_all(c);
}
