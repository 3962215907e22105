// SPDX-License-Identifier: GPL-2.0
/*
 * Split rings: a table of descriptors, a ring of those that the driver made available, a ring of
 * those that the device has used, with free-running indices.
 *
 * Source: VIRTIO 1.2, 2.7.
 */
#include <assert.h>

#include "virtqueue_ring.h"

#define NO_INTERRUPT	1u	/* struct avail, flags */
#define NO_NOTIFY	1u	/* struct used, flags */

struct split_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
} __attribute__((packed));

struct avail {
	uint16_t flags;
	uint16_t idx;
	uint16_t ring[];	/* and behind it used_event */
};

struct used_elem {
	uint32_t id;
	uint32_t len;
};

struct used {
	uint16_t flags;
	uint16_t idx;
	struct used_elem ring[];	/* and behind it avail_event */
};

static_assert(sizeof(struct split_desc) == DESC_BYTES, "a descriptor is as the driver has it");

static int walk_table(struct virtq *q, struct virtq_chain *chain, struct parts p, uint64_t gpa,
		      uint32_t bytes);

/*
 * Collect the parts of the chain that begins at entry @i of @table.  In the ring it may end in an
 * indirect table.  Always inline, so that there is one for the ring and one for tables.
 */
static inline __attribute__((always_inline))
int walk(struct virtq *q, struct virtq_chain *chain, struct parts p,
	 const volatile struct split_desc *table, unsigned int entries, unsigned int i,
	 bool indirect)
{
	const volatile struct split_desc *d = table + i, *next;

	limit_parts(&p, entries);
	for (;;) {
		uint64_t addr = d->addr;
		uint32_t len = d->len;
		unsigned int flags = d->flags;

		if (flags & DESC_INDIRECT) {
			if (indirect)
				return virtq_break(q, "indirect tables are nested");
			if (flags & DESC_NEXT)
				return virtq_break(q, "an indirect descriptor has a next one");
			return walk_table(q, chain, p, addr, len);
		}
		next = NULL;
		if (flags & DESC_NEXT) {
			i = d->next;
			if (i >= entries)
				return virtq_break(q, "a descriptor's next is outside its table");
			next = table + i;
		}
		if (add_part(q, chain, &p, addr, len, flags))
			return -1;
		if (!next)
			return 0;
		d = next;
	}
}

static int walk_table(struct virtq *q, struct virtq_chain *chain, struct parts p, uint64_t gpa,
		      uint32_t bytes)
{
	const volatile struct split_desc *table = virtq_indirect_table(q, gpa, bytes);

	p.left = p.max - chain->nr_out - chain->nr_in;
	return table ? walk(q, chain, p, table, bytes / DESC_BYTES, 0, true) : -1;
}

int split_pop(struct virtq *q, struct virtq_chain *chain, struct iovec *iov, unsigned int max)
{
	const volatile struct avail *avail = q->host_driver;
	uint16_t ready = __atomic_load_n(&avail->idx, __ATOMIC_ACQUIRE) - q->next_avail;
	struct parts p;
	uint16_t head;

	if (!ready)
		return 0;
	if (ready > q->size - q->in_flight)
		return virtq_break(q, "more buffers are available than the ring has descriptors");
	head = avail->ring[q->next_avail & (q->size - 1)];
	if (head >= q->size)
		return virtq_break(q, "an available descriptor is outside the ring");
	p = no_parts(chain, iov, max);
	chain->id = head;
	chain->count = 1;
	if (walk(q, chain, p, q->host_desc, q->size, head, false))
		return -1;
	if (chain_too_long(chain))
		return virtq_break(q, "a buffer has 4 GiB or more");
	q->next_avail++;
	q->in_flight++;
	return 1;
}

void split_push(struct virtq *q, const struct virtq_chain *chain, uint32_t written)
{
	struct used *used = q->host_device;
	struct used_elem *elem = &used->ring[q->next_used & (q->size - 1)];

	elem->id = chain->id;
	elem->len = written;
	__atomic_store_n(&used->idx, ++q->next_used, __ATOMIC_RELEASE);
}

bool split_want_interrupt(const struct virtq *q, uint32_t pushed)
{
	const struct avail *avail = q->host_driver;

	if (!q->event_idx)
		return !(__atomic_load_n(&avail->flags, __ATOMIC_RELAXED) & NO_INTERRUPT);
	return among_pushed(__atomic_load_n(&avail->ring[q->size], __ATOMIC_RELAXED),
			    q->next_used, pushed);
}

/* With an event index there is nothing to do: the driver has passed it, or is about to. */
void split_notify_off(struct virtq *q)
{
	struct used *used = q->host_device;

	if (!q->event_idx)
		__atomic_store_n(&used->flags, NO_NOTIFY, __ATOMIC_RELAXED);
}

void split_notify_on(struct virtq *q)
{
	struct used *used = q->host_device;

	if (q->event_idx)
		__atomic_store_n((uint16_t *)&used->ring[q->size], q->next_avail,
				 __ATOMIC_RELAXED);
	else
		__atomic_store_n(&used->flags, 0, __ATOMIC_RELAXED);
}

bool split_available(const struct virtq *q)
{
	const struct avail *avail = q->host_driver;

	return __atomic_load_n(&avail->idx, __ATOMIC_RELAXED) != q->next_avail;
}
