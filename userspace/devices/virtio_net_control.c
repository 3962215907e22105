// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-net: the control queue, in the event loop (VIRTIO 1.2, 5.1.6.5).
 *
 * A command is copied before it is looked at; what is not exactly as it has to be is refused, which
 * the driver learns from its last byte.
 */
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "../device.h"
#include "../iov.h"
#include "virtio_net_parts.h"

#define PARTS		64u
#define BATCH		16u
#define COMMAND_MAX	4096u		/* bytes; two tables of 340 addresses */

/* A command: its data, behind class and number. */
struct command {
	const uint8_t *data;
	uint32_t bytes;
};

/* Which frames the net should receive */

static void add_address(struct net_filter *f, const uint8_t *address)
{
	memcpy(f->addresses[f->nr++], address, ETH_ALEN);
}

static void set_filter(const struct virtio_net *card)
{
	static const uint8_t broadcast[ETH_ALEN] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	const struct net_filter *set = &card->filter;
	struct net_filter f = {
		.promiscuous = set->promiscuous || card->many_unicast,
		.all_multicast = set->all_multicast || card->many_multicast,
	};

	if (!card->net->ops->set_filter)
		return;
	add_address(&f, card->config.mac);
	add_address(&f, broadcast);
	for (unsigned int i = 0; i < set->nr; i++)
		add_address(&f, set->addresses[i]);
	card->net->ops->set_filter(card->net, &f);
}

static bool set_mode(struct virtio_net *card, unsigned int number, const struct command *c)
{
	if (!net_accepts(card, VIRTIO_NET_F_CTRL_RX) || c->bytes != 1)
		return false;
	if (number == VIRTIO_NET_CTRL_RX_PROMISC)
		card->filter.promiscuous = *c->data;
	else if (number == VIRTIO_NET_CTRL_RX_ALLMULTI)
		card->filter.all_multicast = *c->data;
	else
		return false;
	set_filter(card);
	return true;
}

/* Take the next table.  Return: its @nr addresses, or NULL. */
static const uint8_t *take_table(struct command *c, uint32_t *nr)
{
	const uint8_t *addresses = c->data + sizeof(*nr);

	if (c->bytes < sizeof(*nr))
		return NULL;
	memcpy(nr, c->data, sizeof(*nr));
	c->bytes -= sizeof(*nr);
	if (*nr > c->bytes / ETH_ALEN)
		return NULL;
	c->data = addresses + *nr * ETH_ALEN;
	c->bytes -= *nr * ETH_ALEN;
	return addresses;
}

/* Return: whether they did not fit, with the card's own address and that of all. */
static bool add_table(struct net_filter *f, const uint8_t *addresses, uint32_t nr)
{
	if (nr > NET_FILTER_MAX - 2 - f->nr)
		return true;
	for (uint32_t i = 0; i < nr; i++)
		add_address(f, addresses + i * ETH_ALEN);
	return false;
}

static bool set_tables(struct virtio_net *card, struct command c)
{
	uint32_t nr_unicast, nr_multicast;
	const uint8_t *unicast, *multicast;

	if (!net_accepts(card, VIRTIO_NET_F_CTRL_RX))
		return false;
	unicast = take_table(&c, &nr_unicast);
	if (!unicast)
		return false;
	multicast = take_table(&c, &nr_multicast);
	if (!multicast || c.bytes)
		return false;
	card->filter.nr = 0;
	card->many_unicast = add_table(&card->filter, unicast, nr_unicast);
	card->many_multicast = add_table(&card->filter, multicast, nr_multicast);
	set_filter(card);
	return true;
}

static bool set_mac(struct virtio_net *card, const struct command *c)
{
	if (!net_accepts(card, VIRTIO_NET_F_CTRL_MAC_ADDR) || c->bytes != ETH_ALEN ||
	    (c->data[0] & 1))
		return false;
	memcpy(card->config.mac, c->data, ETH_ALEN);
	set_filter(card);
	return true;
}

/* Other commands */

static bool set_pairs(struct virtio_net *card, const struct command *c)
{
	uint16_t pairs;

	if (!net_accepts(card, VIRTIO_NET_F_MQ) || c->bytes != sizeof(pairs))
		return false;
	memcpy(&pairs, c->data, sizeof(pairs));
	return pairs && pairs <= card->config.max_virtqueue_pairs &&
	       !virtio_net_use_pairs(card, pairs);
}

static bool set_offloads(struct virtio_net *card, const struct command *c)
{
	uint64_t offloads;

	if (!net_accepts(card, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) || c->bytes != sizeof(offloads))
		return false;
	memcpy(&offloads, c->data, sizeof(offloads));
	if (offloads & ~(card->features & VIRTIO_NET_GUEST_OFFLOADS))
		return false;
	card->net->ops->set_offloads(card->net, offloads);
	return true;
}

static bool obey(struct virtio_net *card, const struct virtio_net_ctrl_hdr *head,
		 const struct command *c)
{
	switch (head->class) {
	case VIRTIO_NET_CTRL_RX:
		return set_mode(card, head->cmd, c);
	case VIRTIO_NET_CTRL_MAC:
		if (head->cmd == VIRTIO_NET_CTRL_MAC_TABLE_SET)
			return set_tables(card, *c);
		return head->cmd == VIRTIO_NET_CTRL_MAC_ADDR_SET && set_mac(card, c);
	case VIRTIO_NET_CTRL_MQ:
		return head->cmd == VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET && set_pairs(card, c);
	case VIRTIO_NET_CTRL_GUEST_OFFLOADS:
		return head->cmd == VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET && set_offloads(card, c);
	}
	return false;
}

/* The queue */

static uint8_t handle(struct virtio_net *card, const struct virtq_chain *chain)
{
	struct virtio_net_ctrl_hdr head;
	uint8_t data[COMMAND_MAX];
	struct command c = { .data = data };

	if (chain->out_bytes < sizeof(head) || chain->out_bytes > sizeof(head) + sizeof(data))
		return VIRTIO_NET_ERR;
	iov_to_buffer(chain->iov, chain->nr_out, 0, &head, sizeof(head));
	c.bytes = iov_to_buffer(chain->iov, chain->nr_out, sizeof(head), data, sizeof(data));
	return obey(card, &head, &c) ? VIRTIO_NET_OK : VIRTIO_NET_ERR;
}

/* Return: whether there may be more. */
static bool next_command(struct virtio_net *card, struct virtq *q)
{
	struct iovec iov[PARTS];
	struct virtq_chain c;
	int got = virtq_pop(q, &c, iov, PARTS);
	uint8_t ack;

	if (!got)
		return virtq_notify_on(q);
	if (got < 0 || !c.in_bytes) {
		virtio_broken(card->vd, q->broken ? : "a command has no room for its result");
		return false;
	}
	ack = handle(card, &c);
	iov_from_buffer(iov + c.nr_out, c.nr_in, 0, &ack, sizeof(ack));
	virtq_push(q, &c, sizeof(ack));
	return true;
}

static void kicked(void *opaque, uint32_t events)
{
	struct virtio_net *card = opaque;
	struct virtq *q = virtio_queue(card->vd, card->control);
	int kick_fd = virtio_kick_fd(card->vd, card->control);
	unsigned int n = 0;
	eventfd_t count;

	(void)events;
	eventfd_read(kick_fd, &count);
	virtq_notify_off(q);
	while (n < BATCH && next_command(card, q))
		n++;
	if (n == BATCH)
		eventfd_write(kick_fd, 1);
	if (virtq_must_interrupt(q))
		virtio_interrupt(card->vd, card->control);
}

int net_control_start(struct virtio_net *card)
{
	card->control = 2;
	if (net_accepts(card, VIRTIO_NET_F_MQ))
		card->control = 2 * card->config.max_virtqueue_pairs;
	card->filter = (struct net_filter) { .promiscuous = true };
	card->many_unicast = false;
	card->many_multicast = false;
	set_filter(card);
	if (card->net->ops->set_offloads)
		card->net->ops->set_offloads(card->net, card->features & VIRTIO_NET_GUEST_OFFLOADS);
	if (!net_accepts(card, VIRTIO_NET_F_CTRL_VQ) || !virtio_queue(card->vd, card->control))
		return 0;
	return machine_watch_fd(card->m, virtio_kick_fd(card->vd, card->control), EPOLLIN, kicked,
				card) ? -1 : 0;
}

void net_control_stop(struct virtio_net *card)
{
	machine_watch_fd(card->m, virtio_kick_fd(card->vd, card->control), 0, NULL, NULL);
}
