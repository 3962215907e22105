// SPDX-License-Identifier: GPL-2.0
/*
 * GDB's socket and its one client.  It must not know the protocol, nor what is done to the machine.
 *
 * Like the control socket it never waits for the client: what it does not take stays in the
 * session's buffer, and until that is empty nothing more is read.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gdb_server.h"
#include "gdb_target.h"
#include "message.h"
#include "socket.h"

struct gdb_server {
	struct gdb session;
	struct gdb_vm vm;
	struct socket_name name;	/* of unix:; its fd is tcp:'s, too */
	bool named;
	int client;			/* -1: nobody debugs */
	uint32_t events;		/* that are looked for at it */
};

bool gdb_server_holds(const struct gdb_server *s)
{
	return s->client >= 0 && !s->session.running;
}

/* The client */

static void drop(struct gdb_server *s)
{
	struct machine *m = s->vm.m;

	if (m) {
		machine_watch_fd(m, s->client, 0, NULL, NULL);
		gdb_vm_detach(&s->vm);
	}
	close(s->client);
	s->client = -1;
}

/* Return: false if it is gone. */
static bool send_out(struct gdb_server *s)
{
	struct gdb *g = &s->session;
	ssize_t n;

	while (g->out_done < g->out_bytes) {
		n = send(s->client, g->out + g->out_done, g->out_bytes - g->out_done,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		g->out_done += n;
	}
	return true;
}

static void client_ready(void *opaque, uint32_t events);

/* As far as it goes without waiting for the client. */
static void advance(struct gdb_server *s)
{
	struct gdb *g = &s->session;
	uint32_t events;
	char *at;

	for (;;) {
		if (!send_out(s)) {
			drop(s);
			return;
		}
		if (g->out_done < g->out_bytes)
			break;
		gdb_feed(g, 0);
		if (!g->out_bytes)
			break;
	}
	if (g->over && g->out_done == g->out_bytes) {
		drop(s);
		return;
	}
	events = g->out_done < g->out_bytes ? EPOLLOUT : gdb_room(g, &at) ? EPOLLIN : 0;
	if (events != s->events && s->vm.m)
		machine_watch_fd(s->vm.m, s->client, events | EPOLLRDHUP, client_ready, s);
	s->events = events;
}

static void client_ready(void *opaque, uint32_t events)
{
	struct gdb_server *s = opaque;
	ssize_t n;
	char *at;

	if (events & EPOLLIN) {
		size_t room = gdb_room(&s->session, &at);

		n = recv(s->client, at, room, MSG_DONTWAIT);
		if (!n || (n < 0 && errno != EAGAIN && errno != EINTR)) {
			drop(s);
			return;
		}
		if (n > 0)
			gdb_feed(&s->session, n);
	} else if (events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) {
		drop(s);
		return;
	}
	advance(s);
}

/* One at a time: a second one is let go at once. */
static void accept_client(void *opaque, uint32_t events)
{
	struct gdb_server *s = opaque;
	int fd = accept4(s->name.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	const int on = 1;

	(void)events;
	if (fd < 0)
		return;
	if (s->client >= 0 ||
	    machine_watch_fd(s->vm.m, fd, EPOLLIN | EPOLLRDHUP, client_ready, s)) {
		close(fd);
		return;
	}
	/* A Unix socket has no such option, and needs none. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	s->client = fd;
	s->events = EPOLLIN;
	gdb_init(&s->session, &gdb_vm_target, &s->vm);
	gdb_vm_attach(&s->vm);
}

static void vcpu_stopped(void *opaque, uint32_t events)
{
	struct gdb_server *s = opaque;

	(void)events;
	gdb_vm_stopped(&s->vm);
	if (s->client >= 0)
		advance(s);
}

/* Life */

static int listen_tcp(const char *port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(atoi(port)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	const int on = 1;

	if (fd >= 0 && !setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) &&
	    !bind(fd, (const struct sockaddr *)&address, sizeof(address)) && !listen(fd, 1))
		return fd;
	message("--gdb tcp:%s: cannot listen on 127.0.0.1: %s%s", port, strerror(errno),
		errno == EADDRINUSE ? "; choose another port" :
		errno == EACCES ? "; choose a port above 1023" : "");
	if (fd >= 0)
		close(fd);
	return -1;
}

struct gdb_server *gdb_server_open(const char *where)
{
	struct gdb_server *s = calloc(1, sizeof(*s));

	if (!s) {
		message("out of memory");
		return NULL;
	}
	s->client = -1;
	s->vm.session = &s->session;
	s->vm.event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (s->vm.event_fd < 0) {
		message("--gdb: %s", strerror(errno));
		goto fail;
	}
	s->named = !strncmp(where, "unix:", 5);
	if (!s->named)
		s->name.fd = listen_tcp(where + strlen("tcp:"));
	else if (socket_listen(&s->name, where + strlen("unix:"), "--gdb"))
		s->name.fd = -1;
	if (s->name.fd < 0)
		goto fail;
	return s;
fail:
	if (s->vm.event_fd >= 0)
		close(s->vm.event_fd);
	free(s);
	return NULL;
}

void gdb_server_close(struct gdb_server *s)
{
	if (s->client >= 0)
		close(s->client);
	if (s->named)
		socket_close(&s->name);
	else
		close(s->name.fd);
	close(s->vm.event_fd);
	free(s);
}

int gdb_server_attach(struct gdb_server *s, struct machine *m, bool wait)
{
	int err = machine_watch_fd(m, s->name.fd, EPOLLIN, accept_client, s);

	if (!err)
		err = machine_watch_fd(m, s->vm.event_fd, EPOLLIN, vcpu_stopped, s);
	if (!err && s->client >= 0)
		err = machine_watch_fd(m, s->client, s->events | EPOLLRDHUP, client_ready, s);
	if (err)
		return err;
	s->vm.m = m;
	if (wait || s->client >= 0)
		machine_begin_paused(m);
	if (s->client >= 0) {
		/* The guest has been reset, and what was written into its memory is gone. */
		gdb_vm_attach(&s->vm);
		if (s->session.running)
			gdb_stopped(&s->session, 0, GDB_STEPPED, 0);
		advance(s);
	}
	return 0;
}

void gdb_server_detach(struct gdb_server *s)
{
	struct machine *m = s->vm.m;

	if (!m)
		return;
	machine_watch_fd(m, s->name.fd, 0, NULL, NULL);
	machine_watch_fd(m, s->vm.event_fd, 0, NULL, NULL);
	if (s->client >= 0)
		machine_watch_fd(m, s->client, 0, NULL, NULL);
	m->debugger = NULL;
	s->vm.m = NULL;
}

void gdb_server_end(struct gdb_server *s, int status)
{
	if (s->client < 0)
		return;
	gdb_exited(&s->session, status);
	send_out(s);
}
