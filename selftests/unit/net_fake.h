/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A net of userspace/net.h whose other end is the test: frames that it sends, frames that it has
 * got, and a card's threads that take one turn each when they are told, or run freely.
 */
#ifndef SELFTESTS_UNIT_NET_FAKE_H
#define SELFTESTS_UNIT_NET_FAKE_H

#include <linux/virtio_net.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "../../userspace/iov.h"
#include "../../userspace/net.h"

#define HEADER		((uint32_t)sizeof(struct virtio_net_hdr_v1))
#define CABLE_FRAMES	256u

struct frame {
	struct virtio_net_hdr_v1 header;
	uint32_t bytes;			/* of data */
	uint8_t data[];
};

/* One way of a pair. */
struct cable {
	struct frame *frame[CABLE_FRAMES];
	unsigned int first, nr;
};

struct fake_pair {
	struct cable to_guest, from_guest;
	sem_t go, idle;
	int arrived;			/* eventfd: to_guest has something, while it runs freely */
	unsigned int what;		/* what its thread waits for */
};

static struct {
	struct net net;
	struct fake_pair pair[NET_PAIRS_MAX];
	pthread_mutex_t lock;		/* cables */
	atomic_bool free_running, blocked;
	atomic_uint turns;
	unsigned int parts;		/* that the last received frame could use */
	uint64_t offloads;
	struct net_filter filter;
	unsigned int filters;		/* how often it was set */
	unsigned int pairs;		/* in use */
	bool refuse_pairs;
	bool connected[NET_PAIRS_MAX];
	int connect_error;
} fake_net;

static inline struct frame *frame_new(uint32_t bytes)
{
	struct frame *f = calloc(1, sizeof(*f) + bytes);

	if (!f)
		abort();
	f->bytes = bytes;
	return f;
}

/* Return: whether there was room. */
static inline bool cable_put(struct cable *c, struct frame *f)
{
	bool room;

	pthread_mutex_lock(&fake_net.lock);
	room = c->nr < CABLE_FRAMES;
	if (room)
		c->frame[(c->first + c->nr++) % CABLE_FRAMES] = f;
	pthread_mutex_unlock(&fake_net.lock);
	return room;
}

/* Return: the next frame, to be freed, or NULL. */
static inline struct frame *cable_take(struct cable *c)
{
	struct frame *f = NULL;

	pthread_mutex_lock(&fake_net.lock);
	if (c->nr) {
		f = c->frame[c->first];
		c->first = (c->first + 1) % CABLE_FRAMES;
		c->nr--;
	}
	pthread_mutex_unlock(&fake_net.lock);
	return f;
}

static int fake_send(struct net *net, unsigned int pair, const struct iovec *iov, unsigned int nr,
		     uint32_t bytes)
{
	struct frame *f;

	if (fake_net.blocked)
		return -1;
	if (bytes < HEADER || bytes > HEADER + NET_FRAME_MAX)
		abort();
	f = frame_new(bytes - HEADER);
	if (iov_to_buffer(iov, nr, 0, &f->header, HEADER) != HEADER ||
	    iov_to_buffer(iov, nr, HEADER, f->data, f->bytes + 1) != f->bytes)
		abort();
	if (cable_put(&fake_net.pair[pair].from_guest, f))
		return 0;
	free(f);
	return -1;
}

static uint32_t fake_receive(struct net *net, unsigned int pair, const struct iovec *iov,
			     unsigned int nr)
{
	struct frame *f = cable_take(&fake_net.pair[pair].to_guest);
	uint32_t bytes;

	if (!f)
		return 0;
	bytes = HEADER + f->bytes;
	fake_net.parts = nr;
	if (iov_from_buffer(iov, nr, 0, &f->header, HEADER) != HEADER ||
	    iov_from_buffer(iov, nr, HEADER, f->data, f->bytes) != f->bytes)
		abort();	/* it was to have room for any frame */
	free(f);
	return bytes;
}

static void fake_wait(struct net *net, unsigned int n, struct pollfd wake[NET_WAKES],
		      unsigned int what)
{
	struct fake_pair *p = &fake_net.pair[n];
	struct pollfd fds[NET_WAKES + 1] = { wake[0], wake[1] };
	eventfd_t count;

	fake_net.turns++;
	p->what = what;
	if (!fake_net.free_running) {
		sem_post(&p->idle);
		sem_wait(&p->go);
	}
	fds[NET_WAKES] = (struct pollfd) {
		.fd = what & NET_RECEIVE ? p->arrived : -1, .events = POLLIN,
	};
	/* There is room to send soon. */
	poll(fds, NET_WAKES + 1, !fake_net.free_running || (what & NET_LOOK) ? 0 :
				 what & NET_SEND ? 1 : -1);
	memcpy(wake, fds, NET_WAKES * sizeof(wake[0]));
	if (fds[NET_WAKES].revents)
		eventfd_read(p->arrived, &count);
}

static void fake_set_offloads(struct net *net, uint64_t features)
{
	fake_net.offloads = features;
}

static void fake_set_filter(struct net *net, const struct net_filter *filter)
{
	fake_net.filter = *filter;
	fake_net.filters++;
}

static int fake_use_pairs(struct net *net, unsigned int pairs)
{
	if (fake_net.refuse_pairs || !pairs || pairs > net->pairs)
		return -1;
	fake_net.pairs = pairs;
	return 0;
}

static void fake_forget(struct net *net)
{
	struct frame *f;

	for (unsigned int i = 0; i < net->pairs; i++) {
		while ((f = cable_take(&fake_net.pair[i].to_guest)))
			free(f);
	}
}

static int fake_connect(struct net *net, unsigned int pair, bool on)
{
	if (on && fake_net.connect_error)
		return fake_net.connect_error;
	if (fake_net.connected[pair] == on)
		abort();
	fake_net.connected[pair] = on;
	return 0;
}

static inline void fake_net_init(uint64_t features, unsigned int pairs)
{
	static const struct net_ops ops = {
		.send = fake_send, .receive = fake_receive, .wait = fake_wait,
		.set_offloads = fake_set_offloads, .set_filter = fake_set_filter,
		.use_pairs = fake_use_pairs, .forget = fake_forget, .connect = fake_connect,
	};

	memset(&fake_net, 0, sizeof(fake_net));
	pthread_mutex_init(&fake_net.lock, NULL);
	fake_net.net = (struct net) {
		.ops = &ops, .text = "fake", .features = features, .pairs = pairs,
	};
	for (unsigned int i = 0; i < pairs; i++) {
		sem_init(&fake_net.pair[i].go, 0, 0);
		sem_init(&fake_net.pair[i].idle, 0, 0);
		fake_net.pair[i].arrived = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	}
}

static inline void fake_net_exit(void)
{
	struct frame *f;

	for (unsigned int i = 0; i < fake_net.net.pairs; i++) {
		close(fake_net.pair[i].arrived);
		while ((f = cable_take(&fake_net.pair[i].to_guest)) ||
		       (f = cable_take(&fake_net.pair[i].from_guest)))
			free(f);
	}
}

/* Once a pair's thread has started. */
static inline unsigned int fake_net_started(unsigned int pair)
{
	sem_wait(&fake_net.pair[pair].idle);
	return fake_net.pair[pair].what;
}

/* Let it take a turn.  Return: what it waits for then. */
static inline unsigned int fake_net_turn(unsigned int pair)
{
	sem_post(&fake_net.pair[pair].go);
	return fake_net_started(pair);
}

/* From now on it does not stop. */
static inline void fake_net_run(unsigned int pair)
{
	fake_net.free_running = true;
	sem_post(&fake_net.pair[pair].go);
}

/* A frame with what nobody else sends. */
static inline struct frame *frame_of(uint32_t bytes, uint32_t seed)
{
	struct frame *f = frame_new(bytes);

	for (uint32_t i = 0; i < bytes; i++) {
		seed = seed * 1664525 + 1013904223;
		f->data[i] = seed >> 24;
	}
	return f;
}

static inline bool frame_is(const void *data, uint32_t bytes, uint32_t seed)
{
	const uint8_t *d = data;

	for (uint32_t i = 0; i < bytes; i++) {
		seed = seed * 1664525 + 1013904223;
		if (d[i] != (uint8_t)(seed >> 24))
			return false;
	}
	return true;
}

#endif
