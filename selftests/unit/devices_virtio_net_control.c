// SPDX-License-Identifier: GPL-2.0
// needs: userspace/devices/virtio_net.c userspace/devices/virtio_net_control.c
// needs: userspace/devices/virtio_net_queue.c userspace/iov.c userspace/virtqueue.c
// needs: userspace/virtqueue_split.c userspace/virtqueue_packed.c
// libs: -pthread
/*
 * virtio-net: its control queue, its queue pairs, and vhost in their place.
 */
#include "net_guest.h"

/* ---- the control queue -------------------------------------------------------------------- */

/* Give a command.  Return: its result, or -1: none. */
static int command(const void *bytes, unsigned int nr)
{
	unsigned int control = fake_virtio.accepted & F(MQ) ? 2 * fake_net.net.pairs : 2;
	struct driver_part part[3] = { memory(nr ? nr : 1, false), { 0 }, memory(1, true) };
	struct driver_used used;
	uint8_t *result = at(part[2].gpa);

	/* In two pieces, where there are two bytes. */
	memcpy(at(part[0].gpa), bytes, nr);
	part[1] = (struct driver_part) { part[0].gpa + 1, nr - 1, false };
	part[0].bytes = 1;
	if (nr < 2)
		part[1] = part[2];
	*result = 0xee;
	if (driver_add(&queues[control], part, nr < 2 ? 2 : 3, part) < 0)
		abort();
	fake_kick(control);
	while (fake_loop(0))
		;
	return driver_collect(&queues[control], &used) == 1 && used.written == 1 ? *result : -1;
}

#define COMMAND(...) command((uint8_t[]) { __VA_ARGS__ }, sizeof((uint8_t[]) { __VA_ARGS__ }))

static const uint64_t controls = F(CTRL_VQ) | F(CTRL_RX) | F(CTRL_MAC_ADDR);

static void test_modes(void)
{
	static const uint8_t broadcast[ETH_ALEN] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	plug(0, 1, 0, false);
	begin(plain | controls);
	CHECK(fake_net.filter.promiscuous);	/* as long as it says nothing */
	CHECK_EQ(COMMAND(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 0), VIRTIO_NET_OK);
	CHECK(!fake_net.filter.promiscuous);
	CHECK_EQ(fake_net.filter.nr, 2);
	CHECK(!memcmp(fake_net.filter.addresses[0], mac, ETH_ALEN));
	CHECK(!memcmp(fake_net.filter.addresses[1], broadcast, ETH_ALEN));
	CHECK_EQ(COMMAND(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLMULTI, 1), VIRTIO_NET_OK);
	CHECK(fake_net.filter.all_multicast);
	CHECK_EQ(COMMAND(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLMULTI, 0), VIRTIO_NET_OK);
	CHECK(!fake_net.filter.all_multicast);
	CHECK_EQ(COMMAND(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 1), VIRTIO_NET_OK);
	CHECK(fake_net.filter.promiscuous);

	fake_net.filters = 0;
	CHECK_EQ(COMMAND(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_NOMULTI, 1), VIRTIO_NET_ERR);
	CHECK_EQ(COMMAND(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC), VIRTIO_NET_ERR);
	CHECK_EQ(COMMAND(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 0, 0), VIRTIO_NET_ERR);
	CHECK_EQ(COMMAND(VIRTIO_NET_CTRL_RX), VIRTIO_NET_ERR);
	CHECK_EQ(fake_net.filters, 0);
	end();
}

static void test_tables(void)
{
	uint8_t c[2 + 4 + 70 * ETH_ALEN + 4 + 70 * ETH_ALEN] = {
		VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, 1, 0, 0, 0, 2, 1, 1, 1, 1, 1,
		2, 0, 0, 0, 1, 0, 0x5e, 0, 0, 1, 0x33, 0x33, 0, 0, 0, 1,
	};

	plug(0, 1, 0, false);
	begin(plain | controls);
	COMMAND(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 0);
	CHECK_EQ(command(c, 28), VIRTIO_NET_OK);
	CHECK_EQ(fake_net.filter.nr, 5);
	CHECK(!memcmp(fake_net.filter.addresses[2], c + 6, ETH_ALEN));
	CHECK(!memcmp(fake_net.filter.addresses[3], c + 16, 2 * ETH_ALEN));

	/* Not exactly as long as they say. */
	fake_net.filters = 0;
	for (unsigned int bytes = 2; bytes < 32; bytes++) {
		if (bytes != 28)
			CHECK_EQ(command(c, bytes), VIRTIO_NET_ERR);
	}
	memset(c + 2, 0xff, 4);
	CHECK_EQ(command(c, 28), VIRTIO_NET_ERR);
	CHECK_EQ(fake_net.filters, 0);
	CHECK_EQ(fake_net.filter.nr, 5);

	/* More than there is room for: then it gets more than it asked for, never less. */
	memset(c + 2, 0, sizeof(c) - 2);
	c[2] = 70;
	CHECK_EQ(command(c, 2 + 4 + 70 * ETH_ALEN + 4), VIRTIO_NET_OK);
	CHECK(fake_net.filter.promiscuous);
	memset(c + 2, 0, sizeof(c) - 2);
	c[6] = 62;
	CHECK_EQ(command(c, 2 + 4 + 4 + 62 * ETH_ALEN), VIRTIO_NET_OK);
	CHECK_EQ(fake_net.filter.nr, 64);
	CHECK(!fake_net.filter.promiscuous && !fake_net.filter.all_multicast);
	c[6] = 63;
	CHECK_EQ(command(c, 2 + 4 + 4 + 63 * ETH_ALEN), VIRTIO_NET_OK);
	CHECK_EQ(fake_net.filter.nr, 2);
	CHECK(!fake_net.filter.promiscuous && fake_net.filter.all_multicast);
	end();
}

static void test_mac(void)
{
	const struct virtio_net_config *config;

	plug(0, 1, 0, false);
	config = fake_virtio.model.config;
	begin(plain | controls);
	CHECK_EQ(COMMAND(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, 2, 3, 4, 5, 6, 7),
		 VIRTIO_NET_OK);
	CHECK_EQ(config->mac[5], 7);
	CHECK_EQ(fake_net.filter.addresses[0][5], 7);
	CHECK_EQ(COMMAND(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, 1, 3, 4, 5, 6, 8),
		 VIRTIO_NET_ERR);
	CHECK_EQ(COMMAND(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, 2, 3, 4, 5, 6),
		 VIRTIO_NET_ERR);
	CHECK_EQ(COMMAND(VIRTIO_NET_CTRL_MAC, 2, 2, 3, 4, 5, 6, 8), VIRTIO_NET_ERR);
	CHECK_EQ(config->mac[5], 7);
	fake_net_run(0);
	fake_stop();
	CHECK_EQ(config->mac[5], mac[5]);	/* the next driver finds its own */
	fake_net.free_running = false;
	begin(plain | F(CTRL_VQ));
	CHECK_EQ(COMMAND(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, 2, 3, 4, 5, 6, 7),
		 VIRTIO_NET_ERR);
	CHECK_EQ(COMMAND(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 0), VIRTIO_NET_ERR);
	end();
}

static void test_offloads(void)
{
	uint64_t all = F(GUEST_CSUM) | F(GUEST_TSO4) | F(GUEST_TSO6);
	uint8_t c[10] = { VIRTIO_NET_CTRL_GUEST_OFFLOADS, VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET };

	plug(OFFLOADS, 1, 0, false);
	begin(plain | F(CTRL_VQ) | F(CTRL_GUEST_OFFLOADS) | all | F(CSUM));
	CHECK_EQ(fake_net.offloads, all);
	CHECK_EQ(command(c, 10), VIRTIO_NET_OK);
	CHECK_EQ(fake_net.offloads, 0);
	c[2] = F(GUEST_CSUM) | F(GUEST_TSO4);
	CHECK_EQ(command(c, 10), VIRTIO_NET_OK);
	CHECK_EQ(fake_net.offloads, F(GUEST_CSUM) | F(GUEST_TSO4));
	c[3] = F(GUEST_ECN) >> 8;		/* not negotiated */
	CHECK_EQ(command(c, 10), VIRTIO_NET_ERR);
	c[3] = 0;
	c[2] = F(CSUM);				/* not the guest's */
	CHECK_EQ(command(c, 10), VIRTIO_NET_ERR);
	CHECK_EQ(command(c, 9), VIRTIO_NET_ERR);
	c[1] = 1;
	CHECK_EQ(command(c, 10), VIRTIO_NET_ERR);
	CHECK_EQ(fake_net.offloads, F(GUEST_CSUM) | F(GUEST_TSO4));
	end();
}

static void test_bad_commands(void)
{
	struct driver_part part;
	struct driver_used used;
	uint8_t big[5000] = { VIRTIO_NET_CTRL_MAC };

	plug(0, 1, 0, false);
	begin(plain | controls);
	CHECK_EQ(COMMAND(VIRTIO_NET_CTRL_VLAN, 0, 1, 0), VIRTIO_NET_ERR);
	CHECK_EQ(COMMAND(VIRTIO_NET_CTRL_ANNOUNCE, 0), VIRTIO_NET_ERR);
	CHECK_EQ(COMMAND(VIRTIO_NET_CTRL_MQ, 0, 1, 0), VIRTIO_NET_ERR);
	CHECK_EQ(COMMAND(VIRTIO_NET_CTRL_GUEST_OFFLOADS, 0, 0, 0, 0, 0, 0, 0, 0, 0),
		 VIRTIO_NET_ERR);
	CHECK_EQ(COMMAND(0xff, 0xff), VIRTIO_NET_ERR);
	CHECK_EQ(command(big, sizeof(big)), VIRTIO_NET_ERR);
	CHECK(!fake_virtio.broken);

	part = memory(10, false);		/* no room for a result */
	CHECK(driver_add(&queues[2], &part, 1, &part) >= 0);
	fake_kick(2);
	fake_loop(0);
	CHECK(fake_virtio.broken && strstr(fake_virtio.broken, "no room for its result"));
	CHECK_EQ(driver_collect(&queues[2], &used), 0);
	end();
}

/* Many at once do not keep the event loop. */
static void test_many_commands(void)
{
	struct driver_used used;
	unsigned int n = 0;

	plug(0, 1, 0, false);
	begin(plain | controls);
	for (unsigned int i = 0; i < 20; i++) {
		struct driver_part part[2] = { memory(2, false), memory(1, true) };

		CHECK(driver_add(&queues[2], part, 2, buffers) >= 0);
	}
	fake_kick(2);
	fake_loop(0);
	while (driver_collect(&queues[2], &used) == 1)
		n++;
	CHECK(n > 0 && n < 20);
	fake_loop(0);
	while (driver_collect(&queues[2], &used) == 1)
		n++;
	CHECK_EQ(n, 20);
	end();
}

/* ---- pairs -------------------------------------------------------------------------------- */

static int use_pairs(unsigned int n)
{
	return COMMAND(VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, n & 0xff, n >> 8);
}

static void test_pairs(void)
{
	struct driver_part part;

	plug(0, 3, 0, false);
	begin(merging | F(CTRL_VQ) | F(MQ));
	CHECK_EQ(fake_net.pairs, 1);
	CHECK_EQ(use_pairs(3), VIRTIO_NET_OK);
	CHECK_EQ(fake_net.pairs, 3);
	fake_net_started(1);
	fake_net_started(2);

	/* Each has its own queues. */
	for (unsigned int i = 0; i < 3; i++) {
		part = memory(2000, true);
		CHECK(driver_add(&queues[2 * i], &part, 1, &part) >= 0);
		CHECK(cable_put(&fake_net.pair[i].to_guest, frame_of(50, i)));
		CHECK_EQ(fake_net_turn(i), 0);
		CHECK(frame_is((uint8_t *)at(part.gpa) + HEADER, 50, i));
		CHECK_EQ(fake_virtio.interrupts[2 * i], 1);
	}

	/* A pair that is not in use keeps the buffers that it has taken. */
	part = memory(2000, true);
	CHECK(driver_add(&queues[4], &part, 1, &part) >= 0);
	fake_net_turn(2);
	fake_net.free_running = true;
	for (unsigned int i = 0; i < 3; i++)
		sem_post(&fake_net.pair[i].go);
	CHECK_EQ(use_pairs(1), VIRTIO_NET_OK);
	CHECK_EQ(fake_net.pairs, 1);
	CHECK(cable_put(&fake_net.pair[2].to_guest, frame_of(51, 7)));
	CHECK_EQ(use_pairs(3), VIRTIO_NET_OK);
	while (!frame_is((uint8_t *)at(part.gpa) + HEADER, 51, 7))
		usleep(1000);

	CHECK_EQ(use_pairs(0), VIRTIO_NET_ERR);
	CHECK_EQ(use_pairs(4), VIRTIO_NET_ERR);
	CHECK_EQ(use_pairs(0x103), VIRTIO_NET_ERR);
	CHECK_EQ(COMMAND(VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, 1), VIRTIO_NET_ERR);
	CHECK_EQ(fake_net.pairs, 3);
	end();
}

/* A driver that did not set up what it wants to use; a net that cannot. */
static void test_pairs_refused(void)
{
	plug(0, 2, 0, false);
	fake_virtio.accepted = merging | F(CTRL_VQ) | F(MQ);
	for (unsigned int i = 0; i < 5; i++) {
		if (i != 3)
			add_queue(i, QUEUE_SIZE);
	}
	CHECK_EQ(fake_start(fake_virtio.accepted), 0);
	fake_net_started(0);
	CHECK_EQ(use_pairs(2), VIRTIO_NET_ERR);
	CHECK_EQ(fake_net.pairs, 1);
	end();

	plug(0, 2, 0, false);
	begin(merging | F(CTRL_VQ) | F(MQ));
	fake_net.refuse_pairs = true;
	CHECK_EQ(use_pairs(2), VIRTIO_NET_ERR);
	CHECK_EQ(use_pairs(1), VIRTIO_NET_ERR);
	fake_net.refuse_pairs = false;
	CHECK_EQ(use_pairs(1), VIRTIO_NET_OK);
	end();

	/* Half a first pair: the card cannot start. */
	plug(0, 1, 0, false);
	fake_virtio.accepted = plain;
	add_queue(0, QUEUE_SIZE);
	CHECK_EQ(fake_start(plain), -1);
	CHECK_EQ(fake.nr_watches, 0);
	virtio_net_free(card);
	fake_net_exit();
}

/* Without MQ the control queue is the third one, however many pairs there could be (5.1.2). */
static void test_control_place(void)
{
	plug(0, 3, 0, false);
	begin(plain | controls);
	CHECK_EQ(COMMAND(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 0), VIRTIO_NET_OK);
	CHECK_EQ(use_pairs(2), VIRTIO_NET_ERR);
	end();
}

/* ---- vhost -------------------------------------------------------------------------------- */

static void test_vhost(void)
{
	struct vhost vhost = { .features = 1ull << VIRTIO_F_VERSION_1 | F(MRG_RXBUF) |
					   1ull << VIRTIO_RING_F_INDIRECT_DESC };
	struct virtio_net_options options = { .packed = true };

	memset(&fake_vhost, 0, sizeof(fake_vhost));
	plug(OFFLOADS, 2, 0, false);
	virtio_net_free(card);
	fake_net.net.vhost = &vhost;
	card = virtio_net_new(NULL, &fake_net.net, &options);
	CHECK_EQ(fake_virtio.model.features & (VIRTIO_RING_FEATURES | 1ull << VIRTIO_F_RING_PACKED |
					       F(MRG_RXBUF)),
		 1ull << VIRTIO_RING_F_INDIRECT_DESC | F(MRG_RXBUF));
	CHECK_EQ(fake_virtio.model.features & OFFLOADS, OFFLOADS);

	begin(merging | OFFLOADS | F(CTRL_VQ) | F(MQ));
	CHECK(fake_vhost.started);
	CHECK_EQ(fake_vhost.features, 1ull << VIRTIO_F_VERSION_1 | F(MRG_RXBUF));
	CHECK(fake_net.connected[0] && !fake_net.connected[1]);
	CHECK_EQ(use_pairs(2), VIRTIO_NET_OK);
	CHECK(fake_net.connected[0] && fake_net.connected[1]);
	CHECK_EQ(use_pairs(1), VIRTIO_NET_OK);
	CHECK(fake_net.connected[0] && !fake_net.connected[1]);
	fake_net.connect_error = -EBADF;
	CHECK_EQ(use_pairs(2), VIRTIO_NET_ERR);
	CHECK(fake_net.connected[0] && !fake_net.connected[1]);
	CHECK_EQ(fake_net.pairs, 1);
	fake_stop();
	CHECK(!fake_net.connected[0] && !fake_vhost.started);

	fake_net.connect_error = 0;
	fake_vhost.error = -ENOBUFS;
	said[0] = '\0';
	for (unsigned int i = 0; i < 5; i++)
		add_queue(i, QUEUE_SIZE);
	CHECK_EQ(fake_start(merging), -1);
	CHECK(strstr(said, "vhost=off"));
	CHECK(!fake_net.connected[0]);
	virtio_net_free(card);
	fake_net_exit();
}

static const struct test tests[] = {
	{ "control: modes of reception", test_modes },
	{ "control: tables of addresses", test_tables },
	{ "control: the card's address", test_mac },
	{ "control: offloads", test_offloads },
	{ "control: bad commands", test_bad_commands },
	{ "control: many commands", test_many_commands },
	{ "queue pairs", test_pairs },
	{ "queue pairs that cannot be", test_pairs_refused },
	{ "where the control queue is", test_control_place },
	{ "vhost", test_vhost },
};

int main(void)
{
	return RUN_TESTS(tests);
}
