// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer on virtio-net: any bytes in guest memory, which change at any time, any features,
 * frames of any size, and a net that cannot always send. What must hold: only whole frames with
 * headers that say what was negotiated come out, all of them in memory; the net always has room for
 * a frame; and a pair that the driver broke touches nothing any more.
 *
 * needs: userspace/virtqueue.c userspace/virtqueue_packed.c userspace/virtqueue_split.c
 * needs: userspace/iov.c userspace/devices/virtio_net_control.c
 * needs: userspace/devices/virtio_net_queue.c
 * max-len: 2048
 */
#define GUEST_GPA	0x1000ull	/* addresses that a fuzzer finds */

#include <limits.h>

#include "../unit/guest_memory.h"
#include "../../userspace/devices/virtio_net_parts.h"
#include "../../userspace/iov.h"
#include "../../userspace/sandbox.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MEMORY_BYTES	8192u
#define RING_BYTES	0x200u		/* of a queue, and where its areas are */
#define DRIVER_AT	0x100u
#define DEVICE_AT	0x180u
#define RING_SIZE	8u
#define QUEUES		3u
#define HEADER		((uint32_t)sizeof(struct virtio_net_hdr_v1))

/* What the rest of an input says, from the first byte on. */
static struct {
	const uint8_t *at, *end;
} input;

static uint8_t next_byte(void)
{
	return input.at < input.end ? *input.at++ : 0;
}

static unsigned int next_word(void)
{
	unsigned int low = next_byte();

	return low | next_byte() << 8;
}

/* Up to 16 bytes of the input to anywhere. */
static void write_memory(void)
{
	unsigned int offset = next_word();

	for (unsigned int n = 1 + next_byte() % 16; n; n--)
		guest.host[offset++ % MEMORY_BYTES] = next_byte();
}

/* Make a buffer available in a split ring; its parts may be anywhere, and anything. */
static void add_buffer(void)
{
	unsigned int head = next_byte() % RING_SIZE, nr = 1 + next_byte() % 4;
	uint8_t *at = guest.host + RING_BYTES * (next_byte() % QUEUES);
	struct vring_avail *avail = (struct vring_avail *)(at + DRIVER_AT);
	struct vring_desc *desc = (struct vring_desc *)at;

	avail->ring[avail->idx++ % RING_SIZE] = head;
	for (unsigned int i = 0; i < nr; i++) {
		unsigned int n = (head + i) % RING_SIZE;

		desc[n] = (struct vring_desc) {
			.addr = GUEST_GPA + next_word() % MEMORY_BYTES,
			.len = next_word() % 3000,
			.flags = (next_byte() & VRING_DESC_F_WRITE) |
				 (i + 1 < nr ? VRING_DESC_F_NEXT : 0),
			.next = (n + 1) % RING_SIZE,
		};
	}
}

static unsigned int hook_in;		/* look-ups of addresses until the driver writes, or 0 */

static void hook(uint64_t gpa, uint64_t bytes)
{
	(void)gpa;
	(void)bytes;
	if (hook_in && !--hook_in)
		write_memory();
}

/* ---- the device -------------------------------------------------------------------------- */

static struct virtq ring[QUEUES];
static struct virtio_net card;
static bool is_broken;
static void (*control)(void *opaque, uint32_t events);

struct virtq *virtio_queue(struct virtio_device *vd, unsigned int n)
{
	(void)vd;
	return n < QUEUES ? &ring[n] : NULL;
}

int virtio_kick_fd(const struct virtio_device *vd, unsigned int n)
{
	(void)vd;
	(void)n;
	return -1;
}

void virtio_interrupt(struct virtio_device *vd, unsigned int n)
{
	(void)vd;
	if (n >= QUEUES)
		abort();
}

void virtio_broken(struct virtio_device *vd, const char *why)
{
	(void)vd;
	if (!why)
		abort();
	is_broken = true;
}

int machine_watch_fd(struct machine *m, int fd, uint32_t events,
		     void (*ready)(void *opaque, uint32_t events), void *opaque)
{
	(void)m;
	(void)fd;
	(void)events;
	(void)opaque;
	control = ready;
	return 0;
}

int virtio_net_use_pairs(struct virtio_net *c, unsigned int pairs)
{
	if (!pairs || pairs > c->config.max_virtqueue_pairs)
		abort();
	return 0;
}

void sandbox_enter_worker(void)
{
}

/* ---- the net ----------------------------------------------------------------------------- */

static unsigned int arriving;		/* frames */
static unsigned int turns;

static bool in_memory(const void *at, size_t bytes)
{
	const uint8_t *p = at;

	return p >= guest.host && p + bytes <= guest.host + MEMORY_BYTES;
}

static int net_send(struct net *net, unsigned int pair, const struct iovec *iov, unsigned int nr,
		    uint32_t bytes)
{
	const struct virtio_net_hdr_v1 *h = iov[0].iov_base;
	uint64_t sum = 0;

	(void)net;
	if (pair || iov[0].iov_len != HEADER || bytes < HEADER + ETH_HLEN ||
	    bytes > HEADER + NET_FRAME_MAX || (h->flags & ~VIRTIO_NET_HDR_F_NEEDS_CSUM) ||
	    h->num_buffers)
		abort();
	if (h->flags && (!net_accepts(&card, VIRTIO_NET_F_CSUM) ||
			 h->csum_start + h->csum_offset + 2u > bytes - HEADER))
		abort();
	if (h->gso_type && (!h->flags || !h->gso_size))
		abort();
	for (unsigned int i = 0; i < nr; i++) {
		if (i && !in_memory(iov[i].iov_base, iov[i].iov_len))
			abort();
		sum += iov[i].iov_len;
	}
	if (sum != bytes)
		abort();
	return next_byte() % 8 ? 0 : -1;
}

static uint32_t net_receive(struct net *net, unsigned int pair, const struct iovec *iov,
			    unsigned int nr)
{
	static uint8_t frame[HEADER + NET_FRAME_MAX];
	uint32_t bytes = HEADER + next_word();
	unsigned int i;

	(void)net;
	if (!arriving)
		return 0;
	arriving--;
	if (pair || nr < 2 || nr > IOV_MAX)
		abort();
	for (i = 0; i < nr - 1; i++) {
		if (!in_memory(iov[i].iov_base, iov[i].iov_len))
			abort();
	}
	if (iov_from_buffer(iov, nr, 0, frame, bytes) != bytes)
		abort();
	return bytes;
}

static void net_set_filter(struct net *net, const struct net_filter *f)
{
	(void)net;
	if (f->nr < 2 || f->nr > NET_FILTER_MAX)
		abort();
}

static void net_set_offloads(struct net *net, uint64_t offloads)
{
	(void)net;
	if (offloads & ~(card.features & VIRTIO_NET_GUEST_OFFLOADS))
		abort();
}

static const struct net_ops ops = {
	.send = net_send, .receive = net_receive, .set_filter = net_set_filter,
	.set_offloads = net_set_offloads,
};

/* ---- an input ---------------------------------------------------------------------------- */

static uint64_t next_features(void)
{
	uint64_t f = 0;

	for (unsigned int i = 0; i < 8; i++)
		f |= (uint64_t)next_byte() << 8 * i;
	f &= ~(1ull << VIRTIO_F_RING_PACKED | 1ull << VIRTIO_RING_F_EVENT_IDX);
	return f | 1ull << VIRTIO_F_VERSION_1;
}

static void start_rings(unsigned int how)
{
	for (unsigned int i = 0; i < QUEUES; i++) {
		ring[i] = (struct virtq) {
			.size = RING_SIZE,
			.packed = how & 1,
			.event_idx = how & 2,
			.indirect = how & 4,
			.desc = GUEST_GPA + RING_BYTES * i,
			.driver = GUEST_GPA + RING_BYTES * i + DRIVER_AT,
			.device = GUEST_GPA + RING_BYTES * i + DEVICE_AT,
		};
		if (virtq_start(&ring[i]))
			abort();
	}
}

/* A turn of the thread; none, once it has found a queue broken. */
static void turn(struct net_worker *w)
{
	static uint8_t before[MEMORY_BYTES];
	static bool was_broken;
	unsigned int what;

	if (!turns++)
		was_broken = false;
	memcpy(before, guest.host, MEMORY_BYTES);
	is_broken = false;
	what = net_worker_turn(w);
	if (was_broken && (what || memcmp(before, guest.host, MEMORY_BYTES)))
		abort();
	was_broken |= is_broken;
	if (was_broken && what)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct net net = { .ops = &ops, .pairs = 1 };
	struct net_worker *w;

	if (size < 10)
		return 0;
	guest_init(MEMORY_BYTES);
	input.at = data + 1;
	input.end = data + size;
	hook_in = 0;
	arriving = 0;
	turns = 0;
	control = NULL;
	card = (struct virtio_net) { .net = &net, .config.max_virtqueue_pairs = 1 };
	card.features = next_features();
	start_rings(data[0]);
	guest.hook = hook;
	net_control_start(&card);
	w = net_worker_new(&card, 0);
	while (input.at < input.end) {
		switch (next_byte() % 12) {
		case 0 ... 2:
			turn(w);
			break;
		case 8 ... 11:
			add_buffer();
			break;
		case 3:
			if (control)
				control(&card, 0);
			break;
		case 4:
			arriving += 1 + next_byte() % 4;
			break;
		case 5:
			hook_in = 1 + next_byte() % 4;
			break;
		default:
			write_memory();
			break;
		}
	}
	net_worker_free(w);
	return 0;
}
