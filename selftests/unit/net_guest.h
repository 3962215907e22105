/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The driver's side of a network card (userspace/devices/virtio_net.c), whose net is net_fake.h's:
 * queues, buffers to send and to receive into, and what has come of them. Included once by each
 * devices_virtio_net*.c. The card's thread takes one turn at a time, so that each test sees what
 * one turn does, unless the test lets it run.
 */
#ifndef SELFTESTS_UNIT_NET_GUEST_H
#define SELFTESTS_UNIT_NET_GUEST_H

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

static inline struct driver_part memory(uint32_t bytes, bool writable)
{
	struct driver_part part = { GUEST_GPA + data_next, bytes, writable };

	data_next += (bytes + 15) & ~15u;
	if (data_next > MEMORY_BYTES)
		abort();
	return part;
}

static inline void *at(uint64_t gpa)
{
	return guest.host + gpa - GUEST_GPA;
}

static inline void plug(uint64_t net_features, unsigned int pairs, uint16_t mtu, bool packed)
{
	struct virtio_net_options options = { .mtu = mtu, .packed = packed };

	memcpy(options.mac, mac, ETH_ALEN);
	guest_init(MEMORY_BYTES);
	data_next = DATA_AT;
	fake_net_init(net_features, pairs);
	card = virtio_net_new(NULL, &fake_net.net, &options);
}

static inline void add_queue(unsigned int n, unsigned int size)
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
static inline void begin_sized(uint64_t accepted, unsigned int size)
{
	fake_virtio.accepted = accepted;
	for (unsigned int i = 0; i < fake_virtio.model.nr_queues; i++)
		add_queue(i, size);
	CHECK_EQ(accepted & ~(fake_virtio.model.features | 1ull << VIRTIO_F_VERSION_1), 0);
	CHECK_EQ(fake_start(accepted), 0);
	if (!fake_net.net.vhost)
		fake_net_started(0);
}

static inline void begin(uint64_t accepted)
{
	begin_sized(accepted, QUEUE_SIZE);
}

static inline void end(void)
{
	for (unsigned int i = 0; i < fake_net.net.pairs; i++)
		fake_net_run(i);
	fake_stop();
	virtio_net_free(card);
	fake_net_exit();
	CHECK_EQ(fake.nr_watches, 0);
}

/* A buffer for sending: the header, and a frame that begins @head bytes into the first part. */
static inline void send(const struct virtio_net_hdr_v1 *header, uint32_t bytes, uint32_t seed,
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

static inline unsigned int collect_sent(void)
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
static inline bool came_out(uint32_t bytes, uint32_t seed)
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

static inline struct buffer *give(unsigned int i, uint32_t first, uint32_t second)
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

static inline void arrive(uint32_t bytes, uint32_t seed)
{
	if (!cable_put(&fake_net.pair[0].to_guest, frame_of(bytes, seed)))
		abort();
	eventfd_write(fake_net.pair[0].arrived, 1);
}

static inline uint32_t copy_out(const struct buffer *b, uint32_t bytes, uint8_t *to)
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
static inline unsigned int received(uint32_t bytes, uint32_t seed)
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

#endif
