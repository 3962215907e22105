/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What virtio_net.c, the card, virtio_net_control.c, its control queue, and virtio_net_queue.c, its
 * other queues, share.  A letter on each field says what guards it:
 *	c	constant
 *	l	the machine's lock
 *	s	constant while started
 */
#ifndef VMCTL_DEVICES_VIRTIO_NET_PARTS_H
#define VMCTL_DEVICES_VIRTIO_NET_PARTS_H

#include <linux/virtio_net.h>

#include "../net.h"
#include "../virtio.h"

#define VIRTIO_NET_QUEUE_SIZE	256u

/* What the driver can receive, and turn on and off */
#define VIRTIO_NET_GUEST_OFFLOADS (1ull << VIRTIO_NET_F_GUEST_CSUM | \
				   1ull << VIRTIO_NET_F_GUEST_TSO4 | \
				   1ull << VIRTIO_NET_F_GUEST_TSO6 | \
				   1ull << VIRTIO_NET_F_GUEST_ECN | \
				   1ull << VIRTIO_NET_F_GUEST_UFO | \
				   1ull << VIRTIO_NET_F_GUEST_USO4 | \
				   1ull << VIRTIO_NET_F_GUEST_USO6)

/* and of them those that make frames longer than the MTU */
#define VIRTIO_NET_GUEST_GSO	(VIRTIO_NET_GUEST_OFFLOADS & ~(1ull << VIRTIO_NET_F_GUEST_CSUM | \
							       1ull << VIRTIO_NET_F_GUEST_ECN))

struct net_worker;

struct virtio_net {
	struct virtio_device *vd;		/* c */
	struct machine *m;			/* c */
	struct net *net;			/* c */
	uint8_t mac[ETH_ALEN];			/* c, what the driver finds */
	struct virtio_net_config config;	/* l */

	uint64_t features;			/* s */
	unsigned int control;			/* s, the control queue */
	unsigned int pairs;			/* l, in use */
	struct net_worker *workers[NET_PAIRS_MAX];	/* l */
	struct net_filter filter;		/* l, what the driver has set */
	bool many_unicast, many_multicast;	/* l, addresses of these kinds did not fit */
};

static inline bool net_accepts(const struct virtio_net *card, unsigned int feature)
{
	return card->features >> feature & 1;
}

/* virtio_net.c; under the lock: use the first @pairs, 0 to config.max_virtqueue_pairs. */
int virtio_net_use_pairs(struct virtio_net *card, unsigned int pairs);

/* virtio_net_control.c; under the lock. */
int net_control_start(struct virtio_net *card);
void net_control_stop(struct virtio_net *card);

/* virtio_net_queue.c: a pair of queues without a thread, for as long as the card is started. */
struct net_worker *net_worker_new(struct virtio_net *card, unsigned int pair);
void net_worker_free(struct net_worker *w);
/* Its thread.  Return: 0, or -1. */
int net_worker_start(struct net_worker *w);
void net_worker_stop(struct net_worker *w);
/* What the thread does between two waits; returns what to wait for (NET_*). */
unsigned int net_worker_turn(struct net_worker *w);

#endif
