// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-net: the network card as its driver sees it (VIRTIO 1.2, 5.1).
 *
 * It knows features and which queue pairs are in use.  A pair is served by a thread
 * (virtio_net_queue.c) or, where the net has one, by the kernel's vhost; the control queue always
 * by the event loop (virtio_net_control.c).
 */
#include <errno.h>
#include <linux/virtio_ids.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "../message.h"
#include "../vhost.h"
#include "virtio_net_parts.h"

#define CLASS_ETHERNET	0x020000

/* Pairs */

/* The driver may leave out queues; it cannot use half a pair. */
static bool has_pair(const struct virtio_net *card, unsigned int n)
{
	return virtio_queue(card->vd, 2 * n) && virtio_queue(card->vd, 2 * n + 1);
}

static int start_pair(struct virtio_net *card, unsigned int n)
{
	if (card->net->vhost)
		return card->net->ops->connect(card->net, n, true);
	if (!card->workers[n])
		card->workers[n] = net_worker_new(card, n);
	return card->workers[n] ? net_worker_start(card->workers[n]) : -1;
}

static void stop_pair(struct virtio_net *card, unsigned int n)
{
	if (card->net->vhost)
		card->net->ops->connect(card->net, n, false);
	else
		net_worker_stop(card->workers[n]);
}

static void stop_pairs(struct virtio_net *card, unsigned int first)
{
	while (card->pairs > first)
		stop_pair(card, --card->pairs);
}

int virtio_net_use_pairs(struct virtio_net *card, unsigned int pairs)
{
	const struct net_ops *ops = card->net->ops;
	unsigned int before = card->pairs;

	for (unsigned int i = before; i < pairs; i++) {
		if (!has_pair(card, i))
			return -1;
	}
	stop_pairs(card, pairs);
	if (ops->use_pairs && ops->use_pairs(card->net, pairs ? pairs : 1))
		return -1;
	for (; card->pairs < pairs; card->pairs++) {
		if (start_pair(card, card->pairs)) {
			stop_pairs(card, before);
			if (ops->use_pairs)
				ops->use_pairs(card->net, before ? before : 1);
			return -1;
		}
	}
	return 0;
}

/* From DRIVER_OK to reset */

static int start_vhost(struct virtio_net *card)
{
	struct vhost *vhost = card->net->vhost;
	int err;

	if (!vhost)
		return 0;
	err = vhost_start(vhost, card->m, card->vd, card->features & vhost->features);
	if (err)
		message("--net %s: vhost-net fails: %s; try vhost=off", card->net->text,
			strerror(-err));
	return err;
}

static void free_workers(struct virtio_net *card)
{
	for (unsigned int i = 0; i < NET_PAIRS_MAX; i++) {
		net_worker_free(card->workers[i]);
		card->workers[i] = NULL;
	}
}

static void stop(void *opaque)
{
	struct virtio_net *card = opaque;

	net_control_stop(card);
	virtio_net_use_pairs(card, 0);
	free_workers(card);
	if (card->net->vhost)
		vhost_stop(card->net->vhost);
	memcpy(card->config.mac, card->mac, ETH_ALEN);
}

static int start(void *opaque)
{
	struct virtio_net *card = opaque;

	card->features = virtio_features(card->vd);
	if (card->net->ops->forget)
		card->net->ops->forget(card->net);
	if (start_vhost(card))
		return -1;
	if (net_control_start(card) || virtio_net_use_pairs(card, 1)) {
		stop(card);
		return -1;
	}
	return 0;
}

/* Life */

/* What depends on the net and on what the user chose; those of checksums are the net's own. */
static uint64_t features(const struct net *net, const struct virtio_net_options *options)
{
	uint64_t f = VIRTIO_RING_FEATURES | 1ull << VIRTIO_NET_F_MAC | 1ull << VIRTIO_NET_F_STATUS |
		     1ull << VIRTIO_NET_F_MRG_RXBUF | net->features;

	if (options->packed)
		f |= 1ull << VIRTIO_F_RING_PACKED;
	if (net->vhost)
		f &= net->vhost->features | ~(VIRTIO_RING_FEATURES | 1ull << VIRTIO_F_RING_PACKED |
					      1ull << VIRTIO_NET_F_MRG_RXBUF);
	f |= 1ull << VIRTIO_NET_F_CTRL_VQ | 1ull << VIRTIO_NET_F_CTRL_MAC_ADDR;
	if (net->ops->set_filter)
		f |= 1ull << VIRTIO_NET_F_CTRL_RX;
	if (net->ops->set_offloads)
		f |= 1ull << VIRTIO_NET_F_CTRL_GUEST_OFFLOADS;
	if (net->pairs > 1)
		f |= 1ull << VIRTIO_NET_F_MQ;
	if (options->mtu)
		f |= 1ull << VIRTIO_NET_F_MTU;
	return f;
}

struct virtio_net *virtio_net_new(struct pci_bus *bus, struct net *net,
				  const struct virtio_net_options *options)
{
	static const struct virtio_ops ops = { .start = start, .stop = stop };
	struct virtio_net *card = calloc(1, sizeof(*card));
	struct virtio_model model = {
		.name = "virtio-net",
		.id = VIRTIO_ID_NET,
		.class_code = CLASS_ETHERNET,
		.features = features(net, options),
		.nr_queues = 2 * net->pairs + 1,
		.queue_size = VIRTIO_NET_QUEUE_SIZE,
		.config_bytes = offsetof(struct virtio_net_config, speed),
		.ops = &ops,
		.opaque = card,
	};

	if (!card)
		return NULL;
	card->m = pci_bus_machine(bus);
	card->net = net;
	memcpy(card->mac, options->mac, ETH_ALEN);
	card->config.status = VIRTIO_NET_S_LINK_UP;
	card->config.max_virtqueue_pairs = net->pairs;
	card->config.mtu = options->mtu;
	memcpy(card->config.mac, card->mac, ETH_ALEN);
	model.config = &card->config;
	card->vd = virtio_new(bus, &model);
	if (!card->vd) {
		free(card);
		return NULL;
	}
	return card;
}

void virtio_net_free(struct virtio_net *card)
{
	virtio_free(card->vd);
	free(card);
}
