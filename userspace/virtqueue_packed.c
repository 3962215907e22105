// SPDX-License-Identifier: GPL-2.0
/*
 * Packed rings: one ring of descriptors, which the driver makes available and the device overwrites
 * with what it has used.
 *
 * Two bits of each say whose it is, against a wrap counter that changes with each round; so what a
 * round before left there counts as nothing.  A buffer of several descriptors is given back as one,
 * and the places of the others are skipped.
 *
 * Source: VIRTIO 1.2, 2.8.
 */
#include <assert.h>

#include "virtqueue_ring.h"

#define DESC_AVAIL	(1u << 7)
#define DESC_USED	(1u << 15)

/* Event suppression: offset in 14:0, wrap counter in 15, one of these in 17:16 */
#define EVENT_WRAP	(1u << 15)
#define EVENT_ENABLE	(0u << 16)
#define EVENT_DISABLE	(1u << 16)
#define EVENT_DESC	(2u << 16)
#define EVENT_MASK	(3u << 16)

struct packed_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t id;
	uint16_t flags;
} __attribute__((packed));

static_assert(sizeof(struct packed_desc) == DESC_BYTES, "a descriptor is as the driver has it");

/* In the ring, unlike a table, they are aligned. */
static uint16_t *flags_of(const struct virtq *q, unsigned int i)
{
	return (uint16_t *)((char *)q->host_desc + DESC_BYTES * i +
			    offsetof(struct packed_desc, flags));
}

/* What an available descriptor has of the two bits. */
static unsigned int owner_bits(bool wrap)
{
	return wrap ? DESC_AVAIL : DESC_USED;
}

/* Go @count places, at most once around. */
static void advance(const struct virtq *q, uint16_t *place, bool *wrap, unsigned int count)
{
	unsigned int next = *place + count;

	if (next >= q->size) {
		next -= q->size;
		*wrap = !*wrap;
	}
	*place = next;
}

/* Of a table only addresses, lengths and DESC_WRITE count. */
static int walk_table(struct virtq *q, struct virtq_chain *chain, struct parts p, uint64_t gpa,
		      uint32_t bytes)
{
	const volatile struct packed_desc *d = virtq_indirect_table(q, gpa, bytes);
	unsigned int left = bytes / DESC_BYTES;

	if (!d)
		return -1;
	for (; left; left--, d++) {
		unsigned int flags = d->flags;

		if (flags & DESC_INDIRECT)
			return virtq_break(q, "indirect tables are nested");
		if (add_part(q, chain, &p, d->addr, d->len, flags))
			return -1;
	}
	return 0;
}

/*
 * Collect the parts of the chain at next_avail, whose first descriptor has @flags, in the ring.
 * The driver wrote that one last, so the others are there.  Return: the last one, or NULL: the
 * queue is broken.
 */
static inline const volatile struct packed_desc *walk(struct virtq *q, struct virtq_chain *chain,
						      struct parts p, unsigned int flags)
{
	const volatile struct packed_desc *ring = q->host_desc, *d = ring + q->next_avail;
	unsigned int owner = owner_bits(q->avail_wrap);

	limit_parts(&p, q->size - q->in_flight);
	for (;;) {
		if (add_part(q, chain, &p, d->addr, d->len, flags))
			return NULL;
		if (!(flags & DESC_NEXT))
			return d;
		if (++d == ring + q->size) {
			d = ring;
			owner ^= DESC_AVAIL | DESC_USED;
		}
		flags = d->flags;
		if ((flags & (DESC_AVAIL | DESC_USED)) != owner) {
			virtq_break(q, "a descriptor's next is not available");
			return NULL;
		}
		if (flags & DESC_INDIRECT) {
			virtq_break(q, "an indirect descriptor is not its buffer's only one");
			return NULL;
		}
	}
}

int packed_pop(struct virtq *q, struct virtq_chain *chain, struct iovec *iov, unsigned int max)
{
	const volatile struct packed_desc *d = (struct packed_desc *)q->host_desc + q->next_avail;
	unsigned int flags = __atomic_load_n(flags_of(q, q->next_avail), __ATOMIC_ACQUIRE);
	struct parts p;

	if ((flags & (DESC_AVAIL | DESC_USED)) != owner_bits(q->avail_wrap))
		return 0;
	if (q->in_flight == q->size)
		return virtq_break(q, "more descriptors are available than the ring has");
	p = no_parts(chain, iov, max);
	if (flags & DESC_INDIRECT) {
		if (flags & DESC_NEXT)
			return virtq_break(q, "an indirect descriptor has a next one");
		if (walk_table(q, chain, p, d->addr, d->len))
			return -1;
		chain->count = 1;
	} else {
		d = walk(q, chain, p, flags);
		if (!d)
			return -1;
		chain->count = chain->nr_out + chain->nr_in;
	}
	if (chain_too_long(chain))
		return virtq_break(q, "a buffer has 4 GiB or more");
	chain->id = d->id;
	advance(q, &q->next_avail, &q->avail_wrap, chain->count);
	q->in_flight += chain->count;
	return 1;
}

void packed_unpop(struct virtq *q, const struct virtq_chain *chain)
{
	if (q->next_avail < chain->count) {
		q->next_avail += q->size;
		q->avail_wrap = !q->avail_wrap;
	}
	q->next_avail -= chain->count;
}

void packed_push(struct virtq *q, const struct virtq_chain *chain, uint32_t written)
{
	struct packed_desc *d = (struct packed_desc *)q->host_desc + q->next_used;
	unsigned int flags = q->used_wrap ? DESC_AVAIL | DESC_USED : 0;

	d->id = chain->id;
	d->len = written;
	if (written)
		flags |= DESC_WRITE;
	__atomic_store_n(flags_of(q, q->next_used), flags, __ATOMIC_RELEASE);
	advance(q, &q->next_used, &q->used_wrap, chain->count);
}

bool packed_want_interrupt(const struct virtq *q, uint32_t pushed)
{
	uint32_t event = __atomic_load_n((uint32_t *)q->host_driver, __ATOMIC_RELAXED);
	uint16_t place = event & (EVENT_WRAP - 1);

	if ((event & EVENT_MASK) == EVENT_DISABLE)
		return false;
	if ((event & EVENT_MASK) != EVENT_DESC || !q->event_idx || pushed > q->size)
		return true;
	if (!(event & EVENT_WRAP) == q->used_wrap)
		place -= q->size;	/* of the round before */
	return among_pushed(place, q->next_used, pushed);
}

void packed_notify_off(struct virtq *q)
{
	__atomic_store_n((uint32_t *)q->host_device, EVENT_DISABLE, __ATOMIC_RELAXED);
}

void packed_notify_on(struct virtq *q)
{
	uint32_t event = EVENT_ENABLE;

	if (q->event_idx)
		event = EVENT_DESC | (q->avail_wrap ? EVENT_WRAP : 0) | q->next_avail;
	__atomic_store_n((uint32_t *)q->host_device, event, __ATOMIC_RELAXED);
}

bool packed_available(const struct virtq *q)
{
	unsigned int flags = __atomic_load_n(flags_of(q, q->next_avail), __ATOMIC_RELAXED);

	return (flags & (DESC_AVAIL | DESC_USED)) == owner_bits(q->avail_wrap);
}
