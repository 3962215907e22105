// SPDX-License-Identifier: GPL-2.0
/*
 * Virtqueues: what does not depend on the kind of ring, and which kind it is.
 *
 * It knows where the rings are and when one side has to see what the other wrote, not their layout.
 * Both sides suppress notifications by the same handshake: publish, full barrier, look at what the
 * other one has published.  Whoever comes second sees it, so that nobody waits for nothing.
 */
#include <string.h>

#include "virtqueue_ring.h"

#define TABLE_MAX	65536u		/* descriptors that a 16-bit next can name */

int virtq_break(struct virtq *q, const char *why)
{
	q->broken = why;
	return -1;
}

int virtq_too_long(struct virtq *q, const struct virtq_chain *chain, unsigned int max)
{
	if (chain->nr_out + chain->nr_in == max)
		return virtq_break(q, "a buffer has more parts than the device takes");
	if (q->packed)
		return virtq_break(q, "a buffer has more descriptors than the ring has free");
	return virtq_break(q, "the descriptors of a buffer are a loop");
}

const volatile void *virtq_indirect_table(struct virtq *q, uint64_t gpa, uint32_t bytes)
{
	const void *table = NULL;

	if (!q->indirect) {
		virtq_break(q, "a descriptor is indirect, which was not negotiated");
	} else if (!bytes || bytes % DESC_BYTES) {
		virtq_break(q, "an indirect table is empty or ends within a descriptor");
	} else if (bytes / DESC_BYTES > TABLE_MAX) {
		virtq_break(q, "an indirect table has more than 65536 descriptors");
	} else {
		table = machine_memory(q->m, gpa, bytes);
		if (!table)
			virtq_break(q, "an indirect table is not all in memory");
	}
	return table;
}

/* Where @bytes of a ring at @gpa are in vmctl, or NULL. */
static void *find_ring(struct virtq *q, uint64_t gpa, uint32_t bytes, unsigned int align)
{
	return gpa % align ? NULL : machine_memory(q->m, gpa, bytes);
}

/* 2.7 and 2.8.10.1: alignment and bytes of the three areas */
static int find_rings(struct virtq *q)
{
	q->host_desc = find_ring(q, q->desc, DESC_BYTES * q->size, 16);
	if (!q->host_desc)
		return virtq_break(q, "the descriptor area is not aligned or not all in memory");
	q->host_driver = q->packed ? find_ring(q, q->driver, 4, 4) :
				     find_ring(q, q->driver, 6 + 2 * q->size, 2);
	if (!q->host_driver)
		return virtq_break(q, "the driver area is not aligned or not all in memory");
	q->host_device = q->packed ? find_ring(q, q->device, 4, 4) :
				     find_ring(q, q->device, 6 + 8 * q->size, 4);
	if (!q->host_device)
		return virtq_break(q, "the device area is not aligned or not all in memory");
	return 0;
}

int virtq_start(struct virtq *q)
{
	q->broken = NULL;
	q->next_avail = 0;
	q->next_used = 0;
	q->avail_wrap = true;
	q->used_wrap = true;
	q->in_flight = 0;
	q->pushed = 0;
	if (!q->size || q->size > VIRTQ_SIZE_MAX || (!q->packed && q->size & (q->size - 1)))
		return virtq_break(q, "the size of the queue is none that it can have");
	if (find_rings(q))
		return -1;
	/* What a driver before this one left behind must not keep notifications off. */
	virtq_notify_on(q);
	return 0;
}

int virtq_pop(struct virtq *q, struct virtq_chain *chain, struct iovec *iov, unsigned int max)
{
	if (q->broken)
		return -1;
	return q->packed ? packed_pop(q, chain, iov, max) : split_pop(q, chain, iov, max);
}

void virtq_push(struct virtq *q, const struct virtq_chain *chain, uint32_t written)
{
	if (q->broken)
		return;
	q->in_flight -= chain->count;
	q->pushed += chain->count;
	if (q->packed)
		packed_push(q, chain, written);
	else
		split_push(q, chain, written);
}

void virtq_unpop(struct virtq *q, const struct virtq_chain *chain)
{
	if (q->broken)
		return;
	q->in_flight -= chain->count;
	if (q->packed)
		packed_unpop(q, chain);
	else
		q->next_avail--;
}

bool virtq_must_interrupt(struct virtq *q)
{
	uint32_t pushed = q->pushed;

	if (!pushed)
		return false;
	q->pushed = 0;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return q->packed ? packed_want_interrupt(q, pushed) : split_want_interrupt(q, pushed);
}

void virtq_notify_off(struct virtq *q)
{
	if (q->broken)
		return;
	if (q->packed)
		packed_notify_off(q);
	else
		split_notify_off(q);
}

bool virtq_notify_on(struct virtq *q)
{
	if (q->broken)
		return false;
	if (q->packed)
		packed_notify_on(q);
	else
		split_notify_on(q);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return q->packed ? packed_available(q) : split_available(q);
}
