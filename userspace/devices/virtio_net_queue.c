// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-net: a pair of queues and its thread (VIRTIO 1.2, 5.1.6).
 *
 * Frames go between the driver's buffers and the net without being copied: what is sent out of the
 * parts of its buffer, with a header that was read once and checked; what is received into as many
 * buffers as the largest frame may need, taken from the ring beforehand and kept for the next one.
 * Behind them there is memory of ours, so that a frame is never cut off: what did not fit is copied
 * when the driver has given more buffers.  Each turn is bounded.
 */
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "../iov.h"
#include "../sandbox.h"
#include "virtio_net_parts.h"

#define HEADER		((uint32_t)sizeof(struct virtio_net_hdr_v1))
#define PARTS		VIRTIO_NET_QUEUE_SIZE	/* of one buffer: a ring's whole descriptors */
#define HELD_PARTS	((unsigned int)IOV_MAX - 1)	/* of those taken to receive, and ours */
#define BATCH		64u
#define VLAN_TAG	4u
#define STACK_BYTES	(256u << 10)

/* The thread's alone while it runs. */
struct net_worker {
	struct virtio_net *card;
	unsigned int pair;
	pthread_t thread;
	atomic_bool stopping;
	struct virtq *rx, *tx;
	bool broken;

	/* Buffers to receive into, in the ring's order: parts[] are theirs, one after the other. */
	struct virtq_chain held[HELD_PARTS];
	struct iovec parts[HELD_PARTS + 1];
	unsigned int nr_held, nr_parts;
	uint64_t held_bytes;		/* a buffer can be of nearly 4 GiB */
	uint32_t wanted_bytes;
	uint32_t pending, filled;	/* bytes of a frame that was longer than they were, or 0 */
	uint8_t spill[HEADER + NET_FRAME_MAX];	/* what comes behind the filled ones */

	struct iovec out[PARTS + 1];
};

static void broken(struct net_worker *w, const char *why)
{
	w->broken = true;
	virtio_broken(w->card->vd, why);
}

static void tell(struct net_worker *w, struct virtq *q, unsigned int n)
{
	if (virtq_must_interrupt(q))
		virtio_interrupt(w->card->vd, n);
}

/* Sending */

/* Which feature allows a header to say that? */
static bool gso_allowed(const struct virtio_net *card, unsigned int gso_type)
{
	if ((gso_type & VIRTIO_NET_HDR_GSO_ECN) && !net_accepts(card, VIRTIO_NET_F_HOST_ECN))
		return false;
	switch (gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return net_accepts(card, VIRTIO_NET_F_HOST_TSO4);
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return net_accepts(card, VIRTIO_NET_F_HOST_TSO6);
	case VIRTIO_NET_HDR_GSO_UDP:
		return net_accepts(card, VIRTIO_NET_F_HOST_UFO);
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		return net_accepts(card, VIRTIO_NET_F_HOST_USO);
	}
	return false;
}

/* Does @h ask for what was negotiated (5.1.6.2.1), of a frame of @bytes? */
static bool header_ok(const struct virtio_net *card, const struct virtio_net_hdr_v1 *h,
		      uint32_t bytes)
{
	if (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		if (!net_accepts(card, VIRTIO_NET_F_CSUM) ||
		    (uint32_t)h->csum_start + h->csum_offset + 2 > bytes)
			return false;
	} else if (h->gso_type != VIRTIO_NET_HDR_GSO_NONE) {
		return false;
	}
	return h->gso_type == VIRTIO_NET_HDR_GSO_NONE ||
	       (h->gso_size && gso_allowed(card, h->gso_type));
}

/*
 * How long a frame can be, without its header (5.1.4.1).  The MTU is that of who knows it; another
 * one's cards have what they like.  What is to be cut into segments may be longer.
 */
static uint32_t longest(const struct virtio_net *card, unsigned int gso_type)
{
	if (!net_accepts(card, VIRTIO_NET_F_MTU) ||
	    (gso_type & ~VIRTIO_NET_HDR_GSO_ECN) != VIRTIO_NET_HDR_GSO_NONE)
		return NET_FRAME_MAX;
	return ETH_HLEN + VLAN_TAG + card->config.mtu;
}

/* Frames that cannot be right are lost, as on a wire.  Return: 0, or -1: it cannot be sent now. */
static int send_frame(struct net_worker *w, const struct virtq_chain *c)
{
	struct net *net = w->card->net;
	struct virtio_net_hdr_v1 header;
	struct iovec *frame = w->out + 1;
	uint32_t bytes = c->out_bytes - HEADER;
	unsigned int nr = c->nr_out;

	iov_to_buffer(frame, nr, 0, &header, HEADER);
	if (bytes < ETH_HLEN || bytes > longest(w->card, header.gso_type) ||
	    !header_ok(w->card, &header, bytes))
		return 0;
	header.flags &= VIRTIO_NET_HDR_F_NEEDS_CSUM;
	header.num_buffers = 0;
	iov_advance(&frame, &nr, HEADER);
	*--frame = (struct iovec) { .iov_base = &header, .iov_len = HEADER };
	return net->ops->send(net, w->pair, frame, nr + 1, HEADER + bytes);
}

/* Return: whether there is one for send_frame(), its parts from out[1] on. */
static bool next_to_send(struct net_worker *w, struct virtq_chain *c)
{
	int got;

	do
		got = virtq_pop(w->tx, c, w->out + 1, PARTS);
	while (!got && virtq_notify_on(w->tx));
	if (got < 0)
		broken(w, w->tx->broken);
	else if (got && c->out_bytes < HEADER)
		broken(w, "a frame to send has no header");
	return got > 0 && !w->broken;
}

/* Return: what to wait for. */
static unsigned int send_batch(struct net_worker *w)
{
	struct virtq_chain c;
	unsigned int n, what = 0;

	virtq_notify_off(w->tx);
	for (n = 0; n < BATCH && next_to_send(w, &c); n++) {
		if (send_frame(w, &c)) {
			virtq_unpop(w->tx, &c);
			what = NET_SEND;
			break;
		}
		virtq_push(w->tx, &c, 0);
	}
	tell(w, w->tx, 2 * w->pair + 1);
	return n == BATCH ? NET_LOOK : what;
}

/* Receiving */

static bool merges(const struct net_worker *w)
{
	return net_accepts(w->card, VIRTIO_NET_F_MRG_RXBUF);
}

/* The driver has no more that it could give. */
static bool holds_all(const struct net_worker *w)
{
	return w->nr_parts >= w->rx->size;
}

/* Take the next buffer.  Return: whether there was one. */
static bool hold_one(struct net_worker *w)
{
	struct virtq_chain *c = &w->held[w->nr_held];
	int got = virtq_pop(w->rx, c, w->parts + w->nr_parts, PARTS);

	if (!got)
		return false;
	if (got < 0) {
		broken(w, w->rx->broken);
		return false;
	}
	if (c->nr_out || c->in_bytes < HEADER) {
		broken(w, "a buffer to receive into has no room for a header, or can be read");
		return false;
	}
	w->nr_held++;
	w->nr_parts += c->nr_in;
	w->held_bytes += c->in_bytes;
	return true;
}

/* Hold @bytes of buffers, or one if they are not merged.  Return: whether that is so. */
static bool hold(struct net_worker *w, uint32_t bytes)
{
	while (merges(w) ? w->held_bytes < bytes && w->nr_parts + PARTS <= HELD_PARTS :
			   !w->nr_held) {
		if (!hold_one(w))
			break;
	}
	return merges(w) ? w->held_bytes >= bytes : w->nr_held;
}

/* Hold at least @bytes; if the driver does not have them, it shall tell when it has more. */
static bool hold_or_ask(struct net_worker *w, uint32_t bytes)
{
	while (!hold(w, bytes)) {
		if (w->broken || holds_all(w) || !virtq_notify_on(w->rx))
			return false;
	}
	return true;
}

/* Give back the first @nr buffers, with a frame of @bytes in them. */
static void give_back(struct net_worker *w, unsigned int nr, uint32_t bytes)
{
	unsigned int nr_parts = 0;

	for (unsigned int i = 0; i < nr; i++) {
		const struct virtq_chain *c = &w->held[i];
		uint32_t written = bytes < c->in_bytes ? bytes : c->in_bytes;

		virtq_push(w->rx, c, written);
		bytes -= written;
		nr_parts += c->nr_in;
		w->held_bytes -= c->in_bytes;
	}
	w->nr_held -= nr;
	w->nr_parts -= nr_parts;
	memmove(w->held, w->held + nr, w->nr_held * sizeof(w->held[0]));
	memmove(w->parts, w->parts + nr_parts, w->nr_parts * sizeof(w->parts[0]));
}

/* The frame of @bytes is in the buffers: say in how many, and give them to the driver. */
static void deliver(struct net_worker *w, uint32_t bytes)
{
	uint64_t room = 0;
	uint16_t nr = 0;

	while (room < bytes)
		room += w->held[nr++].in_bytes;
	iov_from_buffer(w->parts, w->nr_parts, offsetof(struct virtio_net_hdr_v1, num_buffers),
			&nr, sizeof(nr));
	give_back(w, nr, bytes);
}

/* Return: whether there is no pending frame any more. */
static bool deliver_pending(struct net_worker *w)
{
	if (!w->pending)
		return true;
	if (hold_or_ask(w, w->pending)) {
		iov_from_buffer(w->parts, w->nr_parts, w->filled, w->spill, w->pending - w->filled);
		deliver(w, w->pending);
	} else if (!holds_all(w)) {
		return false;
	}
	w->pending = 0;		/* or lost: there will never be room for it */
	return true;
}

/* Can that be a frame, of @bytes with its header?  The net may be in a process of its own. */
static bool may_deliver(const struct net_worker *w, uint32_t bytes)
{
	uint8_t gso_type;

	iov_to_buffer(w->parts, w->nr_parts, offsetof(struct virtio_net_hdr_v1, gso_type),
		      &gso_type, sizeof(gso_type));
	return bytes >= HEADER + ETH_HLEN && bytes - HEADER <= longest(w->card, gso_type);
}

/* Return: whether one was received, and may be followed by another. */
static bool receive_frame(struct net_worker *w)
{
	struct iovec *last = &w->parts[w->nr_parts];
	struct net *net = w->card->net;
	uint32_t bytes;

	*last = (struct iovec) { .iov_base = w->spill, .iov_len = sizeof(w->spill) };
	bytes = net->ops->receive(net, w->pair, w->parts, w->nr_parts + 1);
	if (!bytes)
		return false;
	if (!may_deliver(w, bytes))
		return true;
	if (bytes <= w->held_bytes) {
		deliver(w, bytes);
	} else if (merges(w)) {
		w->pending = bytes;
		w->filled = w->held_bytes;
	}
	return true;
}

/* Return: what to wait for. */
static unsigned int receive_batch(struct net_worker *w)
{
	unsigned int n, what = 0;

	virtq_notify_off(w->rx);
	for (n = 0; n < BATCH; n++) {
		if (!deliver_pending(w) || !hold_or_ask(w, 1))
			break;
		hold(w, w->wanted_bytes);
		if (w->broken)
			break;
		if (!receive_frame(w)) {
			what = NET_RECEIVE;
			break;
		}
	}
	tell(w, w->rx, 2 * w->pair);
	return n == BATCH ? NET_LOOK | NET_RECEIVE : what;
}

/* The thread */

unsigned int net_worker_turn(struct net_worker *w)
{
	unsigned int what = 0;

	if (!w->broken)
		what = send_batch(w);
	if (!w->broken)
		what |= receive_batch(w);
	return w->broken ? 0 : what;
}

static void rest(struct net_worker *w, unsigned int what)
{
	struct net *net = w->card->net;
	struct pollfd kicks[NET_WAKES] = {
		{ .fd = virtio_kick_fd(w->card->vd, 2 * w->pair), .events = POLLIN },
		{ .fd = virtio_kick_fd(w->card->vd, 2 * w->pair + 1), .events = POLLIN },
	};
	eventfd_t count;

	net->ops->wait(net, w->pair, kicks, what);
	for (unsigned int i = 0; i < NET_WAKES; i++) {
		if (kicks[i].revents)
			eventfd_read(kicks[i].fd, &count);
	}
}

static void *work(void *arg)
{
	struct net_worker *w = arg;

	sandbox_enter_worker();
	while (!atomic_load_explicit(&w->stopping, memory_order_acquire))
		rest(w, net_worker_turn(w));
	return NULL;
}

/* Life */

struct net_worker *net_worker_new(struct virtio_net *card, unsigned int pair)
{
	struct net_worker *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->card = card;
	w->pair = pair;
	w->rx = virtio_queue(card->vd, 2 * pair);
	w->tx = virtio_queue(card->vd, 2 * pair + 1);
	w->wanted_bytes = HEADER + NET_FRAME_MAX;
	if (!(card->features & VIRTIO_NET_GUEST_GSO))
		w->wanted_bytes = HEADER + ETH_HLEN + VLAN_TAG +
				  (card->config.mtu ? card->config.mtu : ETH_DATA_LEN);
	return w;
}

void net_worker_free(struct net_worker *w)
{
	free(w);
}

int net_worker_start(struct net_worker *w)
{
	pthread_attr_t attr;
	int err;

	atomic_store(&w->stopping, false);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	err = pthread_create(&w->thread, &attr, work, w);
	pthread_attr_destroy(&attr);
	return err ? -1 : 0;
}

void net_worker_stop(struct net_worker *w)
{
	atomic_store_explicit(&w->stopping, true, memory_order_release);
	eventfd_write(virtio_kick_fd(w->card->vd, 2 * w->pair), 1);
	pthread_join(w->thread, NULL);
}
