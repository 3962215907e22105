// SPDX-License-Identifier: GPL-2.0
// needs: userspace/devices/virtio_net.c userspace/devices/virtio_net_control.c
// needs: userspace/devices/virtio_net_queue.c userspace/iov.c userspace/virtqueue.c
// needs: userspace/virtqueue_split.c userspace/virtqueue_packed.c
// libs: -pthread
// timeout: 180
/*
 * virtio-net between a model of its driver and a net that is played here. The card's thread takes
 * one turn at a time, so that each test sees what one turn does; only the last ones let it run.
 */
#include <stdarg.h>

#include "devices_fake.h"
#include "guest_memory.h"
#include "virtio_fake.h"
#include "net_fake.h"
#include "../../userspace/sandbox.h"
#include "../../userspace/vhost.h"

#define RING_AT(n)	(0x8000u * (n))
#define DATA_AT		0x80000u
#define MEMORY_BYTES	0x400000u
#define QUEUE_SIZE	64u
#define BATCH		64u

#define F(name)		(1ull << VIRTIO_NET_F_##name)
#define OFFLOADS	(F(CSUM) | F(GUEST_CSUM) | F(HOST_TSO4) | F(GUEST_TSO4) | F(HOST_TSO6) | \
			 F(GUEST_TSO6) | F(HOST_ECN) | F(GUEST_ECN) | F(HOST_UFO) | F(GUEST_UFO))
#define USO		(F(HOST_USO) | F(GUEST_USO4) | F(GUEST_USO6))

enum { RX, TX };

static const uint8_t mac[ETH_ALEN] = { 0x52, 0x54, 0, 1, 2, 3 };
static struct driver queues[FAKE_QUEUES];
static struct virtio_net *card;
static uint32_t data_next;
static unsigned int kicks;
static char said[256];

/* ---- what the model calls ----------------------------------------------------------------- */

void message(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(said, sizeof(said), format, args);
	va_end(args);
}

void sandbox_enter_worker(void)
{
}

static struct {
	bool started;
	uint64_t features;
	int error;
} fake_vhost;

int vhost_start(struct vhost *v, struct machine *m, struct virtio_device *vd, uint64_t features)
{
	if (fake_vhost.started)
		abort();
	fake_vhost.features = features;
	fake_vhost.started = !fake_vhost.error;
	return fake_vhost.error;
}

void vhost_stop(struct vhost *v)
{
	fake_vhost.started = false;
}

/* ---- the driver --------------------------------------------------------------------------- */

static struct driver_part memory(uint32_t bytes, bool writable)
{
	struct driver_part part = { GUEST_GPA + data_next, bytes, writable };

	data_next += (bytes + 15) & ~15u;
	if (data_next > MEMORY_BYTES)
		abort();
	return part;
}

static void *at(uint64_t gpa)
{
	return guest.host + gpa - GUEST_GPA;
}

static void plug(uint64_t net_features, unsigned int pairs, uint16_t mtu, bool packed)
{
	struct virtio_net_options options = { .mtu = mtu, .packed = packed };

	memcpy(options.mac, mac, ETH_ALEN);
	guest_init(MEMORY_BYTES);
	data_next = DATA_AT;
	kicks = 0;
	fake_net_init(net_features, pairs);
	card = virtio_net_new(NULL, &fake_net.net, &options);
}

static void add_queue(unsigned int n, unsigned int size)
{
	struct driver *d = &queues[n];

	d->size = size;
	d->packed = fake_virtio.accepted >> VIRTIO_F_RING_PACKED & 1;
	d->event_idx = fake_virtio.accepted >> VIRTIO_RING_F_EVENT_IDX & 1;
	memset(guest.host + RING_AT(n), 0, RING_AT(1));
	if (driver_init(d, guest.host + RING_AT(n), GUEST_GPA + RING_AT(n)) > RING_AT(1))
		abort();
	fake_queue(n, d);
}

/* As a driver does, with queues of @size; the first pair's thread has taken its first turn then. */
static void begin_sized(uint64_t accepted, unsigned int size)
{
	fake_virtio.accepted = accepted;
	for (unsigned int i = 0; i < fake_virtio.model.nr_queues; i++)
		add_queue(i, size);
	CHECK_EQ(accepted & ~(fake_virtio.model.features | 1ull << VIRTIO_F_VERSION_1), 0);
	CHECK_EQ(fake_start(accepted), 0);
	if (!fake_net.net.vhost)
		fake_net_started(0);
}

static void begin(uint64_t accepted)
{
	begin_sized(accepted, QUEUE_SIZE);
}

static void end(void)
{
	for (unsigned int i = 0; i < fake_net.net.pairs; i++)
		fake_net_run(i);
	fake_stop();
	virtio_net_free(card);
	fake_net_exit();
	CHECK_EQ(fake.nr_watches, 0);
}

/* A buffer for sending: the header, and a frame that begins @head bytes into the first part. */
static void send(const struct virtio_net_hdr_v1 *header, uint32_t bytes, uint32_t seed,
		 uint32_t first)
{
	uint32_t all = HEADER + bytes;
	struct driver_part part[2] = { memory(all, false) };
	struct frame *f = frame_of(bytes, seed);

	memcpy(at(part[0].gpa), header, HEADER);
	memcpy((uint8_t *)at(part[0].gpa) + HEADER, f->data, bytes);
	free(f);
	if (first && first < all) {
		part[1] = (struct driver_part) { part[0].gpa + first, all - first, false };
		part[0].bytes = first;
	}
	if (driver_add(&queues[TX], part, part[1].bytes ? 2 : 1, queues) < 0)
		abort();
}

static unsigned int collect_sent(void)
{
	struct driver_used used;
	unsigned int n = 0;
	int got;

	while ((got = driver_collect(&queues[TX], &used)) > 0) {
		CHECK_EQ(used.written, 0);
		n++;
	}
	CHECK_EQ(got, 0);
	return n;
}

/* What came out: @bytes of @seed, or nothing. */
static bool came_out(uint32_t bytes, uint32_t seed)
{
	struct frame *f = cable_take(&fake_net.pair[0].from_guest);
	bool right = f ? f->bytes == bytes && frame_is(f->data, bytes, seed) : !bytes;

	free(f);
	return right;
}

/* A buffer to receive into, of parts of these sizes. */
struct buffer {
	struct driver_part part[3];
	unsigned int nr;
};

static struct buffer buffers[QUEUE_SIZE];

static struct buffer *give(unsigned int i, uint32_t first, uint32_t second)
{
	struct buffer *b = &buffers[i];

	b->part[0] = memory(first, true);
	b->nr = 1;
	if (second)
		b->part[b->nr++] = memory(second, true);
	if (driver_add(&queues[RX], b->part, b->nr, b) < 0)
		abort();
	return b;
}

static void arrive(uint32_t bytes, uint32_t seed)
{
	if (!cable_put(&fake_net.pair[0].to_guest, frame_of(bytes, seed)))
		abort();
	eventfd_write(fake_net.pair[0].arrived, 1);
}

static uint32_t copy_out(const struct buffer *b, uint32_t bytes, uint8_t *to)
{
	uint32_t done = 0;

	for (unsigned int i = 0; i < b->nr && done < bytes; i++) {
		uint32_t n = b->part[i].bytes < bytes - done ? b->part[i].bytes : bytes - done;

		memcpy(to + done, at(b->part[i].gpa), n);
		done += n;
	}
	return done;
}

/*
 * Take a frame out of used buffers.  Return: how many there were, 0: none; it must be @bytes of
 * @seed, and all but the last buffer full.
 */
static unsigned int received(uint32_t bytes, uint32_t seed)
{
	static uint8_t data[HEADER + NET_FRAME_MAX];
	struct virtio_net_hdr_v1 header = { .num_buffers = 1 };
	struct driver_used used;
	uint32_t done = 0;
	unsigned int n;

	for (n = 0; n < header.num_buffers; n++) {
		int got = driver_collect(&queues[RX], &used);

		if (!got && !n)
			return 0;
		if (got <= 0 || used.written > sizeof(data) - done) {
			CHECK_EQ(got, 1);
			return 0;
		}
		done += copy_out(used.token, used.written, data + done);
		memcpy(&header, data, HEADER);
	}
	CHECK_EQ(done, HEADER + bytes);
	CHECK_EQ(header.flags, 0);
	CHECK(frame_is(data + HEADER, bytes, seed));
	return n;
}

static const uint64_t plain = 1ull << VIRTIO_F_VERSION_1 | F(MAC);
static const uint64_t merging = 1ull << VIRTIO_F_VERSION_1 | F(MAC) | F(MRG_RXBUF);

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

/* ---- threads ------------------------------------------------------------------------------ */

/* After stop() nothing of the guest's memory is used: it goes, and frames still arrive. */
static void test_stop(void)
{
	static const struct virtio_net_hdr_v1 none;

	for (unsigned int i = 0; i < 20; i++) {
		plug(0, 1, 0, false);
		begin(merging);
		for (unsigned int j = 0; j < 50; j++) {
			give(j, 200, 0);
			send(&none, 60, j, 0);
			arrive(90, j);
		}
		fake_net_run(0);
		usleep(i * 50);
		fake_stop();
		free(guest.host);
		guest.host = NULL;
		arrive(100, 1);
		fake_kick(TX);
		usleep(1000);
		virtio_net_free(card);
		fake_net_exit();
	}
}

/* Both ways at once, with a driver that only notifies and looks when it has to. */
struct traffic {
	uint32_t sent, echoed, seen;	/* frames */
	unsigned int slept;
};

static uint32_t size_of(uint32_t n)
{
	uint32_t h = n * 2654435761u;

	return 14 + (h >> 28 ? h >> 8 & 0x7ff : h >> 8 & 0xffff);
}

/* A fixed place for each buffer of either queue. */
static struct driver_part rx_place[QUEUE_SIZE], tx_place[8];
static struct buffer rx_buffer[QUEUE_SIZE];
static unsigned int tx_free;

static void refill(void)
{
	for (unsigned int i = 0; i < QUEUE_SIZE; i++) {
		struct buffer *b = &rx_buffer[i];

		if (b->nr || driver_add(&queues[RX], &rx_place[i], 1, b) < 0)
			continue;
		b->part[0] = rx_place[i];
		b->nr = 1;
	}
	if (driver_must_notify(&queues[RX]))
		fake_kick(RX);
}

static void send_more(struct traffic *t, uint32_t frames)
{
	struct driver_used used;

	while (driver_collect(&queues[TX], &used) == 1)
		tx_free |= 1u << ((struct driver_part *)used.token - tx_place);
	while (t->sent < frames && tx_free && t->sent - t->seen < CABLE_FRAMES - 10) {
		unsigned int i = __builtin_ctz(tx_free);
		struct frame *f = frame_of(size_of(t->sent), t->sent);
		struct driver_part part = { tx_place[i].gpa, HEADER + f->bytes, false };

		memset(at(part.gpa), 0, HEADER);
		memcpy((uint8_t *)at(part.gpa) + HEADER, f->data, f->bytes);
		free(f);
		if (driver_add(&queues[TX], &part, 1, &tx_place[i]) < 0)
			break;
		tx_free &= ~(1u << i);
		t->sent++;
	}
	if (driver_must_notify(&queues[TX]))
		fake_kick(TX);
}

/* Whatever comes out goes in again. */
static void echo(struct traffic *t)
{
	struct frame *f;

	while (fake_net.pair[0].to_guest.nr < CABLE_FRAMES / 2 &&
	       (f = cable_take(&fake_net.pair[0].from_guest))) {
		memset(&f->header, 0, HEADER);
		cable_put(&fake_net.pair[0].to_guest, f);
		t->echoed++;
		eventfd_write(fake_net.pair[0].arrived, 1);
	}
}

static bool take_received(struct traffic *t)
{
	static uint8_t data[HEADER + NET_FRAME_MAX];
	struct virtio_net_hdr_v1 header = { .num_buffers = 1 };
	struct driver_used used;
	uint32_t done = 0;

	for (unsigned int n = 0; n < header.num_buffers; n++) {
		struct buffer *b;

		/* The rest of a frame is given back at once with its beginning, or nearly so. */
		while (!driver_collect(&queues[RX], &used)) {
			if (!n)
				return false;
		}
		b = used.token;
		done += copy_out(b, used.written, data + done);
		b->nr = 0;
		memcpy(&header, data, HEADER);
	}
	if (done != HEADER + size_of(t->seen) || !frame_is(data + HEADER, done - HEADER, t->seen)) {
		printf("# frame %u: %u bytes\n", t->seen, done);
		test_ok = false;
	}
	t->seen++;
	return true;
}

static unsigned int interrupts(void)
{
	return fake_virtio.interrupts[RX] + fake_virtio.interrupts[TX];
}

/* Nothing to do: wait for an interrupt, for 10 s. A lost notification of either side ends here. */
static bool idle(struct traffic *t, unsigned int before)
{
	t->slept++;
	for (unsigned int i = 0; i < 100000; i++) {
		if (interrupts() != before || fake_net.pair[0].from_guest.nr)
			return true;
		usleep(100);
	}
	printf("# no interrupt; %u sent, %u echoed, %u seen\n", t->sent, t->echoed, t->seen);
	return false;
}

static void traffic(uint64_t accepted, bool packed, uint32_t frames)
{
	struct traffic t = { 0 };

	plug(OFFLOADS, 1, 0, true);
	begin(accepted | F(GUEST_CSUM) | F(GUEST_TSO4) |
	      (packed ? 1ull << VIRTIO_F_RING_PACKED : 0));
	for (unsigned int i = 0; i < QUEUE_SIZE; i++) {
		rx_place[i] = memory(accepted & F(MRG_RXBUF) ? 1536 + 16 * i :
							       HEADER + NET_FRAME_MAX / 2, true);
		rx_buffer[i].nr = 0;
	}
	for (unsigned int i = 0; i < 8; i++)
		tx_place[i] = memory(HEADER + NET_FRAME_MAX, false);
	tx_free = 0xff;
	fake_net_run(0);
	while (test_ok && t.seen < frames) {
		unsigned int before = interrupts();
		bool more = false;

		echo(&t);
		while (take_received(&t))
			more = true;
		refill();
		send_more(&t, frames);
		if (more || driver_interrupts_on(&queues[RX], 0) ||
		    (!tx_free && driver_interrupts_on(&queues[TX], 0)))
			continue;
		CHECK(idle(&t, before));
	}
	CHECK_EQ(t.seen, frames);
	CHECK(!fake_virtio.broken);
	printf("# %u frames, waited %u times, %u interrupts, %u turns\n", t.seen, t.slept,
	       interrupts(), fake_net.turns);
	end();
}

static void test_traffic_split(void)
{
	traffic(merging, false, 3000);
	traffic(merging | 1ull << VIRTIO_RING_F_EVENT_IDX, false, 3000);
}

static void test_traffic_packed(void)
{
	traffic(merging, true, 3000);
	traffic(merging | 1ull << VIRTIO_RING_F_EVENT_IDX, true, 3000);
}

static const struct test tests[] = {
	{ "what it offers", test_offers },
	{ "headers of sent frames", test_headers },
	{ "any layout of a sent frame", test_layout },
	{ "sending waits for room", test_blocked },
	{ "sending is bounded", test_bounded },
	{ "a frame per buffer", test_one_buffer },
	{ "a frame too long for its buffer", test_too_long },
	{ "no buffer to receive into", test_no_buffer },
	{ "frames over several buffers", test_merged },
	{ "buffers are kept in order", test_kept },
	{ "a frame that waits for buffers", test_pending },
	{ "a frame for which there never are enough", test_never },
	{ "buffers of very many parts", test_many_parts },
	{ "receiving is bounded", test_receive_bounded },
	{ "hostile drivers", test_hostile },
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
	{ "stop with frames in flight", test_stop },
	{ "traffic on split rings", test_traffic_split },
	{ "traffic on packed rings", test_traffic_packed },
};

int main(void)
{
	return RUN_TESTS(tests);
}
