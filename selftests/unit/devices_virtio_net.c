// SPDX-License-Identifier: GPL-2.0
// needs: userspace/devices/virtio_net.c userspace/devices/virtio_net_control.c
// needs: userspace/devices/virtio_net_queue.c userspace/iov.c userspace/virtqueue.c
// needs: userspace/virtqueue_split.c userspace/virtqueue_packed.c
// libs: -pthread
/*
 * virtio-net: what it offers, and frames both ways, one turn of its thread at a time.
 */
#include "net_guest.h"

/* ---- what it says of itself --------------------------------------------------------------- */

static void test_offers(void)
{
	static const struct net_ops bare = { .send = fake_send };
	const struct virtio_net_config *config;
	uint64_t f;

	plug(OFFLOADS, 4, 1400, true);
	f = fake_virtio.model.features;
	config = fake_virtio.model.config;
	CHECK_EQ(fake_virtio.model.id, 1);
	CHECK_EQ(fake_virtio.model.class_code, 0x020000);
	CHECK_EQ(fake_virtio.model.nr_queues, 9);
	CHECK_EQ(f & (OFFLOADS | USO), OFFLOADS);
	CHECK_EQ(f & ~(OFFLOADS | USO), VIRTIO_RING_FEATURES | 1ull << VIRTIO_F_RING_PACKED |
		 F(MAC) | F(STATUS) | F(MRG_RXBUF) | F(CTRL_VQ) | F(CTRL_RX) | F(CTRL_MAC_ADDR) |
		 F(CTRL_GUEST_OFFLOADS) | F(MQ) | F(MTU));
	CHECK(!memcmp(config->mac, mac, ETH_ALEN));
	CHECK_EQ(config->status, VIRTIO_NET_S_LINK_UP);
	CHECK_EQ(config->max_virtqueue_pairs, 4);
	CHECK_EQ(config->mtu, 1400);
	virtio_net_free(card);

	/* A net that cannot filter, nor knows offloads, and one queue pair. */
	fake_net.net.ops = &bare;
	fake_net.net.pairs = 1;
	fake_net.net.features = 0;
	card = virtio_net_new(NULL, &fake_net.net, &(struct virtio_net_options) { .mtu = 0 });
	CHECK_EQ(fake_virtio.model.features, VIRTIO_RING_FEATURES | F(MAC) | F(STATUS) |
		 F(MRG_RXBUF) | F(CTRL_VQ) | F(CTRL_MAC_ADDR));
	CHECK_EQ(fake_virtio.model.nr_queues, 3);
	virtio_net_free(card);
	fake_net.net.pairs = 4;
	fake_net_exit();
}

/* ---- sending ------------------------------------------------------------------------------ */

#define SEGMENTS(flags, gso_type, hdr_len, gso_size, start, offset) \
	{ flags, gso_type, hdr_len, gso_size, { { start, offset } }, 0 }
#define SUM(start, offset) SEGMENTS(1, 0, 0, 0, start, offset)

static const struct {
	const char *what;
	uint64_t features;	/* beside plain */
	struct virtio_net_hdr_v1 header;
	uint32_t bytes;
	bool passes;
} headers[] = {
	{ "no offload", 0, { 0 }, 60, true },
	{ "less than an Ethernet header", 0, { 0 }, 13, false },
	{ "an Ethernet header", 0, { 0 }, 14, true },
	{ "nothing", 0, { 0 }, 0, false },
	{ "the longest frame", 0, { 0 }, NET_FRAME_MAX, true },
	{ "a longer one", 0, { 0 }, NET_FRAME_MAX + 1, false },
	{ "flags that the device does not know", OFFLOADS, { .flags = 0xfe }, 60, true },
	{ "a number of buffers", 0, { .num_buffers = 7 }, 60, true },
	{ "a checksum", F(CSUM), SUM(34, 16), 60, true },
	{ "a checksum that was not negotiated", 0,
	  SUM(34, 16), 60, false },
	{ "a checksum at the end", F(CSUM),
	  SUM(42, 16), 60, true },
	{ "a checksum behind the end", F(CSUM),
	  SUM(43, 16), 60, false },
	{ "a checksum far behind it", F(CSUM),
	  SUM(0xffff, 0xffff), 60, false },
	{ "TSO4", OFFLOADS, SEGMENTS(1, 1, 54, 1448, 34, 16), 4000, true },
	{ "TSO4 with ECN", OFFLOADS, SEGMENTS(1, 0x81, 54, 1448, 34, 16), 4000, true },
	{ "ECN that was not negotiated", F(CSUM) | F(HOST_TSO4),
	  SEGMENTS(1, 0x81, 54, 1448, 34, 16), 4000, false },
	{ "ECN of nothing", OFFLOADS, SEGMENTS(1, 0x80, 54, 1448, 34, 16), 4000, false },
	{ "TSO4 without a checksum", OFFLOADS, SEGMENTS(0, 1, 54, 1448, 34, 16), 4000, false },
	{ "TSO4 of no size", OFFLOADS, SEGMENTS(1, 1, 54, 0, 34, 16), 4000, false },
	{ "TSO4 that was not negotiated", F(CSUM) | F(HOST_TSO6),
	  SEGMENTS(1, 1, 54, 1448, 34, 16), 4000, false },
	{ "TSO6", OFFLOADS, SEGMENTS(1, 4, 74, 1428, 54, 16), 4000, true },
	{ "TSO6 that was not negotiated", F(CSUM) | F(HOST_TSO4),
	  SEGMENTS(1, 4, 74, 1428, 54, 16), 4000, false },
	{ "UFO", OFFLOADS, SEGMENTS(1, 3, 42, 1448, 34, 6), 4000, true },
	{ "UFO that was not negotiated", F(CSUM), SEGMENTS(1, 3, 42, 1448, 34, 6), 4000, false },
	{ "USO", F(CSUM) | F(HOST_USO), SEGMENTS(1, 5, 42, 1448, 34, 6), 4000, true },
	{ "USO that was not negotiated", OFFLOADS, SEGMENTS(1, 5, 42, 1448, 34, 6), 4000, false },
	{ "an unknown kind of segments", OFFLOADS | USO,
	  SEGMENTS(1, 2, 42, 1448, 34, 6), 4000, false },
};

static void check_header(unsigned int i)
{
	uint32_t expected = headers[i].passes ? headers[i].bytes : 0;
	struct virtio_net_hdr_v1 want = headers[i].header;
	struct frame *f;
	bool right;

	plug(OFFLOADS | USO, 1, 0, false);
	begin(plain | headers[i].features);
	send(&headers[i].header, headers[i].bytes, i, i % 3 * 7);
	fake_net_turn(0);
	CHECK_EQ(collect_sent(), 1);
	CHECK(!fake_virtio.broken);
	f = cable_take(&fake_net.pair[0].from_guest);
	want.flags &= 1;
	want.num_buffers = 0;
	right = f ? f->bytes == expected && frame_is(f->data, f->bytes, i) &&
		    !memcmp(&f->header, &want, HEADER) : !expected;
	if (!right) {
		printf("# %s: %s\n", headers[i].what, f ? "came out" : "did not come out");
		test_ok = false;
	}
	free(f);
	end();
}

static void test_headers(void)
{
	for (unsigned int i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		check_header(i);
}

/* Who knows the MTU keeps to it, but for what is cut into segments later (5.1.4.1). */
static void test_send_mtu(void)
{
	static const struct virtio_net_hdr_v1 none, tso = SEGMENTS(1, 1, 54, 1348, 34, 16);
	const uint32_t most = ETH_HLEN + 4 + 1400;

	plug(OFFLOADS, 1, 1400, false);
	begin(plain | F(MTU) | F(CSUM) | F(HOST_TSO4));
	send(&none, most, 1, 0);
	send(&none, most + 1, 2, 0);
	send(&tso, most + 1, 3, 0);
	fake_net_turn(0);
	CHECK_EQ(collect_sent(), 3);
	CHECK(came_out(most, 1));
	CHECK(came_out(most + 1, 3));
	CHECK(came_out(0, 0));
	end();

	plug(OFFLOADS, 1, 1400, false);
	begin(plain);
	send(&none, most + 1, 4, 0);
	fake_net_turn(0);
	CHECK(came_out(most + 1, 4));
	end();
}

/* A part for each byte of the header, others of the frame, all in a table. */
static void test_layout(void)
{
	static const struct virtio_net_hdr_v1 none;
	struct driver_part part[HEADER + 20], table = memory(0, false);
	struct frame *f = frame_of(100, 1);
	unsigned int nr = 0;

	plug(0, 1, 0, false);
	begin(plain | 1ull << VIRTIO_RING_F_INDIRECT_DESC);
	table = memory(16 * (HEADER + 20), false);
	for (; nr < HEADER; nr++) {
		part[nr] = memory(1, false);
		memcpy(at(part[nr].gpa), (uint8_t *)&none + nr, 1);
	}
	for (unsigned int i = 0; i < 20; i++, nr++) {
		part[nr] = memory(5, false);
		memcpy(at(part[nr].gpa), f->data + 5 * i, 5);
	}
	CHECK(driver_add_indirect(&queues[TX], part, nr, 0, at(table.gpa), table.gpa, part) >= 0);
	fake_net_turn(0);
	CHECK(came_out(100, 1));
	CHECK_EQ(collect_sent(), 1);
	free(f);
	end();
}

/* What cannot be sent now waits, and nothing overtakes it. */
static void test_blocked(void)
{
	static const struct virtio_net_hdr_v1 none;

	plug(0, 1, 0, false);
	begin(plain);
	fake_net.blocked = true;
	for (unsigned int i = 0; i < 5; i++)
		send(&none, 60 + i, i, 20);
	CHECK_EQ(fake_net_turn(0), NET_SEND);
	CHECK_EQ(fake_net_turn(0), NET_SEND);
	CHECK_EQ(collect_sent(), 0);
	fake_net.blocked = false;
	CHECK_EQ(fake_net_turn(0), 0);
	CHECK_EQ(collect_sent(), 5);
	for (unsigned int i = 0; i < 5; i++)
		CHECK(came_out(60 + i, i));
	CHECK(came_out(0, 0));
	end();
}

/* A turn has an end, whatever there is; and it tells once. */
static void test_bounded(void)
{
	static const struct virtio_net_hdr_v1 none;
	unsigned int told;

	plug(0, 1, 0, false);
	begin_sized(plain, 128);
	for (unsigned int i = 0; i < 100; i++)
		send(&none, 60, i, 0);
	told = fake_virtio.interrupts[TX];
	CHECK_EQ(fake_net_turn(0), NET_LOOK);
	CHECK_EQ(collect_sent(), BATCH);
	CHECK_EQ(fake_virtio.interrupts[TX], told + 1);
	CHECK_EQ(fake_net_turn(0), 0);
	CHECK_EQ(collect_sent(), 100 - BATCH);
	CHECK_EQ(fake_virtio.interrupts[TX], told + 2);
	CHECK_EQ(fake_net_turn(0), 0);
	CHECK_EQ(fake_virtio.interrupts[TX], told + 2);
	end();
}

/* ---- receiving ---------------------------------------------------------------------------- */

static void test_one_buffer(void)
{
	plug(0, 1, 0, false);
	begin(plain);
	give(0, HEADER + 1514, 0);
	give(1, HEADER, 1514);		/* as drivers of old have it */
	give(2, 5, HEADER + 1514);
	arrive(60, 1);
	arrive(1514, 2);
	arrive(61, 3);
	fake_net_turn(0);
	CHECK_EQ(received(60, 1), 1);
	CHECK_EQ(received(1514, 2), 1);
	CHECK_EQ(received(61, 3), 1);
	CHECK_EQ(received(0, 0), 0);
	CHECK_EQ(fake_virtio.interrupts[RX], 1);
	end();
}

/* A frame that its one buffer does not hold is lost, and the buffer takes the next one. */
static void test_too_long(void)
{
	plug(0, 1, 0, false);
	begin(plain);
	give(0, HEADER + 1514, 0);
	arrive(1515, 1);
	arrive(NET_FRAME_MAX, 2);
	arrive(100, 3);
	CHECK_EQ(fake_net_turn(0), 0);
	CHECK_EQ(received(100, 3), 1);
	end();
}

/* Likewise one that no net should have given, however large the buffer is. */
static void test_not_a_frame(void)
{
	const uint32_t most = ETH_HLEN + 4 + 1400;
	struct frame *segments = frame_of(most + 1, 3);

	plug(OFFLOADS, 1, 1400, false);
	begin(merging | F(MTU) | F(GUEST_CSUM) | F(GUEST_TSO4));
	for (unsigned int i = 0; i < 3; i++)
		give(i, 2 * NET_FRAME_MAX, 0);
	arrive(most, 1);
	arrive(most + 1, 2);
	arrive(ETH_HLEN - 1, 2);
	segments->header.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
	CHECK(cable_put(&fake_net.pair[0].to_guest, segments));
	arrive(NET_FRAME_MAX + 1, 2);
	CHECK_EQ(fake_net_turn(0), NET_RECEIVE);
	CHECK_EQ(received(most, 1), 1);
	CHECK_EQ(received(most + 1, 3), 1);
	CHECK_EQ(received(0, 0), 0);
	end();

	plug(OFFLOADS, 1, 1400, false);
	begin(merging);
	give(0, 2 * NET_FRAME_MAX, 0);
	give(1, 2 * NET_FRAME_MAX, 0);
	arrive(NET_FRAME_MAX + 1, 4);
	arrive(NET_FRAME_MAX, 5);
	fake_net_turn(0);
	CHECK_EQ(received(NET_FRAME_MAX, 5), 1);
	CHECK_EQ(received(0, 0), 0);
	end();
}

/* Without a buffer nothing is taken from the net. */
static void test_no_buffer(void)
{
	plug(0, 1, 0, false);
	begin(merging);
	arrive(100, 1);
	CHECK_EQ(fake_net_turn(0), 0);
	CHECK_EQ(fake_net.pair[0].to_guest.nr, 1);
	give(0, 200, 0);
	CHECK(driver_must_notify(&queues[RX]));
	/* The second is there before the first is used up: nobody needs to hear of it. */
	CHECK_EQ(fake_net_turn(0), 0);
	CHECK_EQ(received(100, 1), 1);
	give(1, 200, 0);
	give(2, 200, 0);
	CHECK(driver_must_notify(&queues[RX]));
	CHECK_EQ(fake_net_turn(0), NET_RECEIVE);
	give(3, 200, 0);
	CHECK(!driver_must_notify(&queues[RX]));
	end();
}

static void test_merged(void)
{
	static const uint32_t sizes[] = { 100 - HEADER, 101 - HEADER, 200 - HEADER, 201 - HEADER,
					  1514, 14, 6000, 60 };

	plug(OFFLOADS, 1, 0, false);
	begin_sized(merging | F(GUEST_CSUM) | F(GUEST_TSO4), 256);
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unsigned int want = (HEADER + sizes[i] + 99) / 100;

		for (unsigned int j = 0; j < want; j++)
			give(j, j % 2 ? 100 : 30, j % 2 ? 0 : 70);
		arrive(sizes[i], i);
		fake_net_turn(0);
		CHECK(fake_net.parts > want);	/* all of it went where it belongs */
		CHECK_EQ(received(sizes[i], i), want);
		CHECK_EQ(received(0, 0), 0);
	}
	end();
}

/* Buffers are taken beforehand, and kept in order for the next frames. */
static void test_kept(void)
{
	plug(OFFLOADS, 1, 0, false);
	begin(merging | F(GUEST_CSUM) | F(GUEST_TSO4));
	for (unsigned int i = 0; i < 40; i++)
		give(i, 100 + i, 0);
	arrive(90, 1);			/* 102 of 100, 101 */
	arrive(60, 2);			/* 72 of 102 */
	fake_net_turn(0);
	CHECK_EQ(received(90, 1), 2);
	CHECK_EQ(received(60, 2), 1);
	for (unsigned int i = 0; i < 37; i++) {
		arrive(20 + i, i);
		if (i % 5 == 4 || i == 36)
			fake_net_turn(0);
	}
	for (unsigned int i = 0; i < 37; i++)
		CHECK_EQ(received(20 + i, i), 1);
	CHECK_EQ(fake_net.pair[0].what, 0);
	end();
}

/* A frame longer than what there is waits for more buffers, and is whole then. */
static void test_pending(void)
{
	plug(OFFLOADS, 1, 0, false);
	begin(merging | F(GUEST_CSUM) | F(GUEST_TSO4));
	give(0, 500, 0);
	give(1, 500, 0);
	driver_must_notify(&queues[RX]);
	arrive(60000, 1);
	arrive(100, 2);
	CHECK_EQ(fake_net_turn(0), 0);
	CHECK_EQ(received(0, 0), 0);
	CHECK_EQ(fake_net.pair[0].to_guest.nr, 1);
	give(2, 30000, 0);
	CHECK(driver_must_notify(&queues[RX]));
	CHECK_EQ(fake_net_turn(0), 0);
	CHECK_EQ(received(0, 0), 0);
	give(3, 28000, 2000);
	give(4, 200, 0);
	CHECK(driver_must_notify(&queues[RX]));
	CHECK_EQ(fake_net_turn(0), 0);
	CHECK_EQ(received(60000, 1), 4);
	CHECK_EQ(received(100, 2), 1);
	end();
}

/* Where the whole ring would not do, the frame is lost and not the card. */
static void test_never(void)
{
	plug(OFFLOADS, 1, 0, false);
	begin_sized(merging | F(GUEST_CSUM) | F(GUEST_TSO4), 4);
	for (unsigned int i = 0; i < 4; i++)
		give(i, 1000, 0);
	arrive(4000, 1);
	arrive(100, 2);
	arrive(4000 - HEADER - 1000, 3);
	CHECK_EQ(fake_net_turn(0), 0);
	CHECK_EQ(received(100, 2), 1);
	CHECK_EQ(received(4000 - HEADER - 1000, 3), 3);
	CHECK(!fake_virtio.broken);
	end();
}

/* So many parts that no more buffers can be held beside them. */
static void test_many_parts(void)
{
	struct driver_part part[256], table;

	plug(OFFLOADS, 1, 0, false);
	begin_sized(merging | F(GUEST_CSUM) | F(GUEST_TSO4) | 1ull << VIRTIO_RING_F_INDIRECT_DESC,
		    256);
	for (unsigned int i = 0; i < 6; i++) {
		for (unsigned int j = 0; j < 256; j++)
			part[j] = memory(i == 5 ? 300 : 1, true);
		table = memory(16 * 256, false);
		buffers[i].part[0] = part[0];
		CHECK(driver_add_indirect(&queues[RX], part, 256, 0, at(table.gpa), table.gpa,
					  &buffers[i]) >= 0);
	}
	arrive(2000, 1);
	CHECK_EQ(fake_net_turn(0), NET_RECEIVE);
	arrive(100, 2);
	CHECK_EQ(fake_net_turn(0), NET_RECEIVE);
	CHECK(!fake_virtio.broken);
	end();
}

/* Buffers of 4 GiB together, of one piece of memory again and again. */
static void test_huge_buffers(void)
{
	const uint32_t piece = 16u << 20;
	struct driver_part part[256], table;

	plug(OFFLOADS, 1, 0, false);
	guest_init(piece + DATA_AT + 0x10000);
	begin(merging | 1ull << VIRTIO_RING_F_INDIRECT_DESC);
	give(0, 200, 0);
	table = memory(16 * 256, false);
	for (unsigned int i = 0; i < 256; i++)
		part[i] = (struct driver_part) { GUEST_GPA + data_next, piece, true };
	part[255].bytes = piece - 100;
	buffers[1] = (struct buffer) { .part = { part[0] }, .nr = 1 };
	CHECK(driver_add_indirect(&queues[RX], part, 256, 0, at(table.gpa), table.gpa,
				  &buffers[1]) >= 0);
	arrive(1000, 1);
	fake_net_turn(0);
	CHECK_EQ(received(1000, 1), 2);
	end();
}

static void test_receive_bounded(void)
{
	plug(0, 1, 0, false);
	begin_sized(merging, 128);
	for (unsigned int i = 0; i < QUEUE_SIZE; i++)
		give(i, 2000, 0);
	for (unsigned int i = 0; i < 40; i++) {
		struct driver_part part = memory(2000, true);

		CHECK(driver_add(&queues[RX], &part, 1, &buffers[0]) >= 0);
	}
	for (unsigned int i = 0; i < 100; i++)
		arrive(20, i);
	CHECK_EQ(fake_net_turn(0), NET_LOOK | NET_RECEIVE);
	CHECK_EQ(fake_net.pair[0].to_guest.nr, 100 - BATCH);
	CHECK_EQ(fake_virtio.interrupts[RX], 1);
	CHECK_EQ(fake_net_turn(0), NET_RECEIVE);
	CHECK_EQ(fake_net.pair[0].to_guest.nr, 0);
	end();
}

/* ---- hostile drivers ---------------------------------------------------------------------- */

static const char *broken_by(void)
{
	unsigned int what = fake_net_turn(0);
	const char *why = fake_virtio.broken;

	CHECK_EQ(what, 0);
	CHECK(why);
	/* From now on neither queue is touched. */
	arrive(100, 1);
	CHECK_EQ(fake_net_turn(0), 0);
	CHECK_EQ(fake_net.pair[0].to_guest.nr, 1);
	return why ? : "";
}

static void test_hostile(void)
{
	struct ring_desc *ring;
	int head;

	plug(0, 1, 0, false);
	begin(plain);			/* not even a header */
	CHECK(driver_add(&queues[TX], (struct driver_part[]) { memory(HEADER - 1, false) }, 1,
			 buffers) >= 0);
	CHECK(strstr(broken_by(), "no header"));
	end();

	plug(0, 1, 0, false);
	begin(plain);			/* only parts to write to */
	CHECK(driver_add(&queues[TX], (struct driver_part[]) { memory(100, true) }, 1,
			 buffers) >= 0);
	CHECK(strstr(broken_by(), "no header"));
	end();

	plug(0, 1, 0, false);
	begin(plain);			/* a loop */
	ring = queues[TX].memory;
	head = driver_add(&queues[TX], (struct driver_part[]) { memory(100, false),
			  memory(100, false) }, 2, buffers);
	ring[ring[head].next].flags |= RING_NEXT;
	ring[ring[head].next].next = head;
	CHECK(strstr(broken_by(), "loop"));
	end();

	plug(0, 1, 0, false);
	begin(merging);			/* no room for num_buffers */
	give(0, HEADER - 1, 0);
	give(1, 2000, 0);
	CHECK(strstr(broken_by(), "no room for a header"));
	end();

	plug(0, 1, 0, false);
	begin(merging);			/* to receive into what one can read */
	CHECK(driver_add(&queues[RX], (struct driver_part[]) { memory(100, false),
			 memory(100, true) }, 2, buffers) >= 0);
	CHECK(strstr(broken_by(), "can be read"));
	end();

	plug(0, 1, 0, false);
	begin(merging);			/* outside of memory */
	CHECK(driver_add(&queues[RX], (struct driver_part[]) { { GUEST_GPA + MEMORY_BYTES - 10, 20,
			 true } }, 1, buffers) >= 0);
	CHECK(strstr(broken_by(), "not all in memory"));
	end();
}

static const struct test tests[] = {
	{ "what it offers", test_offers },
	{ "headers of sent frames", test_headers },
	{ "sent frames and the MTU", test_send_mtu },
	{ "any layout of a sent frame", test_layout },
	{ "sending waits for room", test_blocked },
	{ "sending is bounded", test_bounded },
	{ "a frame per buffer", test_one_buffer },
	{ "a frame too long for its buffer", test_too_long },
	{ "what cannot be a frame", test_not_a_frame },
	{ "no buffer to receive into", test_no_buffer },
	{ "frames over several buffers", test_merged },
	{ "buffers are kept in order", test_kept },
	{ "a frame that waits for buffers", test_pending },
	{ "a frame for which there never are enough", test_never },
	{ "buffers of very many parts", test_many_parts },
	{ "buffers of more than 4 GiB", test_huge_buffers },
	{ "receiving is bounded", test_receive_bounded },
	{ "hostile drivers", test_hostile },
};

int main(void)
{
	return RUN_TESTS(tests);
}
