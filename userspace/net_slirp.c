// SPDX-License-Identifier: GPL-2.0
/*
 * libslirp: a guest's frames become connections of this process, and what comes back is frames.
 *
 * It knows the library, and a socket for the frames; nothing of the card.  What comes waits here
 * until the guest takes it.  While it takes nothing, no connection is read, so that its peers wait
 * as well.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/virtio_net.h>
#include <netinet/ip.h>
#include <slirp/libslirp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "library.h"
#include "message.h"
#include "net.h"
#include "net_slirp.h"

#define HEADER		((uint32_t)sizeof(struct virtio_net_hdr_v1))
#define POLLS_MAX	1024u		/* and files, of which each connection is one */
#define BATCH		64u
#define WAITING_MAX	(4u << 20)	/* bytes of frames */

/* Addresses in the network */
#define HOST		2u
#define NAME_SERVER	3u
#define FIRST_GUEST	15u

/* What is used of the library; it is loaded for who needs it, for it brings others with it. */
static struct {
	typeof(slirp_new) *new;
	typeof(slirp_cleanup) *cleanup;
	typeof(slirp_pollfds_fill) *pollfds_fill;
	typeof(slirp_pollfds_poll) *pollfds_poll;
	typeof(slirp_input) *input;
	typeof(slirp_add_hostfwd) *add_hostfwd;
} slirp;

static const struct library_function functions[] = {
	{ "slirp_new", &slirp.new },
	{ "slirp_cleanup", &slirp.cleanup },
	{ "slirp_pollfds_fill", &slirp.pollfds_fill },
	{ "slirp_pollfds_poll", &slirp.pollfds_poll },
	{ "slirp_input", &slirp.input },
	{ "slirp_add_hostfwd", &slirp.add_hostfwd },
};

struct frame {
	struct frame *next;
	uint32_t bytes;
	uint8_t data[];
};

struct timer {
	struct timer *next;
	SlirpTimerCb fire;
	void *opaque;
	int64_t at_ms;			/* INT64_MAX: never */
};

struct slirp_net {
	Slirp *slirp;
	bool loopback;
	struct frame *first, **end;	/* that wait for the guest */
	uint32_t waiting;		/* bytes of them */
	bool marked;			/* and before them, a mark to send back */
	uint8_t mark;
	struct timer *timers;
	struct pollfd polls[POLLS_MAX];	/* the first is of the frames */
	unsigned int nr_polls;
	struct virtio_net_hdr_v1 header;
	uint8_t out[NET_FRAME_MAX];
};

/* What libslirp wants of us */

static ssize_t take_frame(const void *data, size_t bytes, void *opaque)
{
	struct slirp_net *u = opaque;
	struct frame *f;

	/* It is lost then, as libslirp expects. */
	if (bytes > NET_FRAME_MAX || u->waiting + bytes > WAITING_MAX)
		return bytes;
	f = malloc(sizeof(*f) + bytes);
	if (!f)
		return bytes;
	f->next = NULL;
	f->bytes = bytes;
	memcpy(f->data, data, bytes);
	*u->end = f;
	u->end = &f->next;
	u->waiting += bytes;
	return bytes;
}

/* What a guest does wrong is no news to anybody. */
static void guest_error(const char *text, void *opaque)
{
	(void)text;
	(void)opaque;
}

static int64_t clock_ns(void *opaque)
{
	struct timespec t;

	(void)opaque;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static void *timer_new(SlirpTimerCb fire, void *fire_opaque, void *opaque)
{
	struct slirp_net *u = opaque;
	struct timer *t = malloc(sizeof(*t));

	if (!t)
		abort();	/* libslirp has no way to hear of it */
	*t = (struct timer) {
		.next = u->timers, .fire = fire, .opaque = fire_opaque, .at_ms = INT64_MAX,
	};
	u->timers = t;
	return t;
}

static void timer_free(void *timer, void *opaque)
{
	struct slirp_net *u = opaque;
	struct timer **p = &u->timers, *t = timer;

	while (*p != t)
		p = &(*p)->next;
	*p = t->next;
	free(t);
}

static void timer_mod(void *timer, int64_t at_ms, void *opaque)
{
	struct timer *t = timer;

	(void)opaque;
	t->at_ms = at_ms;
}

/* Sockets are found by slirp_pollfds_fill(), in the thread that would be told. */
static void register_fd(int fd, void *opaque)
{
	(void)fd;
	(void)opaque;
}

static void notify(void *opaque)
{
	(void)opaque;
}

static const SlirpCb callbacks = {
	.send_packet = take_frame,
	.guest_error = guest_error,
	.clock_get_ns = clock_ns,
	.timer_new = timer_new,
	.timer_free = timer_free,
	.timer_mod = timer_mod,
	.register_poll_fd = register_fd,
	.unregister_poll_fd = register_fd,
	.notify = notify,
};

/* Waiting */

static int add_poll(int fd, int events, void *opaque)
{
	struct slirp_net *u = opaque;

	if (u->nr_polls == POLLS_MAX)
		return -1;
	u->polls[u->nr_polls] = (struct pollfd) {
		.fd = fd,
		.events = (events & SLIRP_POLL_IN ? POLLIN : 0) |
			  (events & SLIRP_POLL_OUT ? POLLOUT : 0) |
			  (events & SLIRP_POLL_PRI ? POLLPRI : 0),
	};
	return u->nr_polls++;
}

static int get_events(int i, void *opaque)
{
	const struct slirp_net *u = opaque;
	int events = i < 0 ? 0 : u->polls[i].revents;

	return (events & POLLIN ? SLIRP_POLL_IN : 0) | (events & POLLOUT ? SLIRP_POLL_OUT : 0) |
	       (events & POLLPRI ? SLIRP_POLL_PRI : 0) | (events & POLLERR ? SLIRP_POLL_ERR : 0) |
	       (events & POLLHUP ? SLIRP_POLL_HUP : 0);
}

/* How long to wait, at most @ms. */
static int timeout(const struct slirp_net *u, uint32_t ms)
{
	int64_t now = clock_ns(NULL) / 1000000, left = ms;

	for (const struct timer *t = u->timers; t; t = t->next) {
		if (t->at_ms - now < left)
			left = t->at_ms > now ? t->at_ms - now : 0;
	}
	return left < INT32_MAX ? left : -1;
}

static struct timer *find_due(const struct slirp_net *u, int64_t now)
{
	struct timer *t = u->timers;

	while (t && t->at_ms > now)
		t = t->next;
	return t;
}

/* One that fires may free itself and others, so each search begins anew. */
static void run_timers(struct slirp_net *u)
{
	int64_t now = clock_ns(NULL) / 1000000;
	struct timer *t;

	while ((t = find_due(u, now))) {
		t->at_ms = INT64_MAX;
		t->fire(t->opaque);
	}
}

/* Frames */

/* Is it of this host, whatever interfaces it has?  Linux takes 0.0.0.0 for itself. */
static bool is_loopback(uint32_t address)
{
	return address >> 24 == IN_LOOPBACKNET || !(address >> 24);
}

/*
 * libslirp need not see all that a guest can send: it puts fragments together out of what they say
 * of themselves, and connects to 127.0.0.1 where that is only written as the destination.
 */
static bool may_pass(const struct slirp_net *u, const uint8_t *frame, uint32_t bytes)
{
	struct ethhdr eth;
	struct iphdr ip;

	memcpy(&eth, frame, sizeof(eth));
	if (eth.h_proto == htons(ETH_P_ARP))
		return true;
	if (eth.h_proto != htons(ETH_P_IP) || bytes < sizeof(eth) + sizeof(ip))
		return false;
	memcpy(&ip, frame + sizeof(eth), sizeof(ip));
	return ip.version == 4 && ip.ihl == sizeof(ip) / 4 &&
	       ntohs(ip.tot_len) >= sizeof(ip) && ntohs(ip.tot_len) <= bytes - sizeof(eth) &&
	       !(ip.frag_off & htons(IP_MF | IP_OFFMASK)) &&
	       (u->loopback || !is_loopback(ntohl(ip.daddr)));
}

static void forget_frames(struct slirp_net *u)
{
	struct frame *f;

	while ((f = u->first)) {
		u->first = f->next;
		free(f);
	}
	u->end = &u->first;
	u->waiting = 0;
}

/* Return: whether there may be more. */
static bool take_from_guest(struct slirp_net *u, int fd)
{
	struct iovec iov[] = { { &u->header, HEADER }, { u->out, sizeof(u->out) } };
	ssize_t n = readv(fd, iov, 2);

	if (n == 1) {
		forget_frames(u);
		memcpy(&u->mark, &u->header, 1);
		u->marked = true;
	} else if (n >= (ssize_t)(HEADER + ETH_HLEN) && may_pass(u, u->out, n - HEADER)) {
		slirp.input(u->slirp, u->out, n - HEADER);
	}
	return n > 0;
}

static bool must_wait(ssize_t written)
{
	return written < 0 && (errno == EAGAIN || errno == EINTR);
}

/* As many as there is room for. */
static void give_to_guest(struct slirp_net *u, int fd)
{
	static struct virtio_net_hdr_v1 header = { .num_buffers = 1 };
	struct frame *f;

	if (u->marked && must_wait(write(fd, &u->mark, 1)))
		return;
	u->marked = false;
	while ((f = u->first)) {
		struct iovec iov[] = { { &header, HEADER }, { f->data, f->bytes } };

		if (must_wait(writev(fd, iov, 2)))
			return;
		u->first = f->next;
		u->waiting -= f->bytes;
		free(f);
	}
	u->end = &u->first;
}

void slirp_net_run(struct slirp_net *u, int fd)
{
	for (;;) {
		bool closed = u->first;		/* to connections */
		uint32_t ms = UINT32_MAX;
		int got;

		u->polls[0] = (struct pollfd) {
			.fd = fd, .events = POLLIN | (u->first || u->marked ? POLLOUT : 0),
		};
		u->nr_polls = 1;
		if (!closed)
			slirp.pollfds_fill(u->slirp, &ms, add_poll, u);
		got = poll(u->polls, u->nr_polls, closed ? -1 : timeout(u, ms));
		if (got > 0 && (u->polls[0].revents & (POLLHUP | POLLERR)))
			return;
		for (unsigned int i = 0; i < BATCH && take_from_guest(u, fd); i++)
			;
		if (!closed) {
			slirp.pollfds_poll(u->slirp, got < 0, get_events, u);
			run_timers(u);
		}
		give_to_guest(u, fd);
	}
}

/* Life */

void slirp_net_free(struct slirp_net *u)
{
	if (u->slirp)
		slirp.cleanup(u->slirp);
	forget_frames(u);
	free(u);
}

/* Return: 0, or -1 after a message. */
static int load_library(const char *text)
{
	char why[200];

	if (library_load("libslirp.so.0", functions, sizeof(functions) / sizeof(functions[0]), why,
			 sizeof(why)))
		return 0;
	message("--net %s: it needs libslirp, of Debian's package libslirp0 (%s)", text, why);
	return -1;
}

static struct in_addr address(const struct net_options *o, unsigned int n)
{
	return (struct in_addr) { .s_addr = htonl(o->network + n) };
}

static void cannot_forward(const struct net_options *o, const struct net_forward *f, int err)
{
	char text[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &f->host_address, text, sizeof(text));
	if (err == EADDRINUSE)
		message("--net %s: port %u of %s is taken; ss -lp%c shows by whom; choose another "
			"one", o->text, f->host_port, text, f->udp ? 'u' : 't');
	else if (err == EACCES)
		message("--net %s: port %u is root's; choose one from 1024 on", o->text,
			f->host_port);
	else if (err == EADDRNOTAVAIL)
		message("--net %s: this host does not have the address %s; ip address shows which "
			"it has", o->text, text);
	else
		message("--net %s: cannot listen on port %u of %s: %s", o->text, f->host_port,
			text, strerror(err));
}

static int add_forward(struct slirp_net *u, const struct net_options *o,
		       const struct net_forward *f)
{
	const struct in_addr host = { .s_addr = f->host_address };
	const struct in_addr guest = { .s_addr = f->guest_address };

	errno = 0;
	if (slirp.add_hostfwd(u->slirp, f->udp, host, f->host_port, guest, f->guest_port) >= 0)
		return 0;
	cannot_forward(o, f, errno);
	return -1;
}

/* Each connection takes memory here and in the kernel, and a guest begins as many as it likes. */
static void limit_connections(void)
{
	const struct rlimit limit = { POLLS_MAX, POLLS_MAX };

	setrlimit(RLIMIT_NOFILE, &limit);
}

struct slirp_net *slirp_net_open(const struct net_options *options)
{
	const SlirpConfig config = {
		.version = 1,
		.restricted = options->restricted,
		.in_enabled = true,
		.vnetwork = address(options, 0),
		.vnetmask.s_addr = htonl(~(UINT32_MAX >> options->prefix)),
		.vhost = address(options, HOST),
		.vdhcp_start = address(options, FIRST_GUEST),
		.vnameserver = address(options, NAME_SERVER),
		.if_mtu = options->model.mtu,
		.if_mru = options->model.mtu,
		.disable_host_loopback = !options->loopback,
	};
	struct slirp_net *u;

	limit_connections();
	if (load_library(options->text))
		return NULL;
	u = calloc(1, sizeof(*u));
	if (!u) {
		message("out of memory");
		return NULL;
	}
	u->loopback = options->loopback;
	u->end = &u->first;
	u->slirp = slirp.new(&config, &callbacks, u);
	if (!u->slirp) {
		message("--net %s: libslirp cannot begin", options->text);
		goto fail;
	}
	for (unsigned int i = 0; i < options->nr_forwards; i++) {
		if (add_forward(u, options, &options->forwards[i]))
			goto fail;
	}
	return u;
fail:
	slirp_net_free(u);
	return NULL;
}
