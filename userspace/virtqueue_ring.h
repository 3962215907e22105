/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the two kinds of ring have in common; for virtqueue*.c alone.
 *
 * It knows the parts of a buffer, not how descriptors are chained.  The one trick: memory of the
 * driver is read through pointers to volatile, so that the compiler reads each value where the code
 * does and never again; the accesses that order others are __atomic.  The structures have no
 * alignment, because an indirect table need not have any.
 */
#ifndef VMCTL_VIRTQUEUE_RING_H
#define VMCTL_VIRTQUEUE_RING_H

#include <stddef.h>

#include "device.h"
#include "virtqueue.h"

#define DESC_BYTES	16u
#define DESC_NEXT	1u
#define DESC_WRITE	2u
#define DESC_INDIRECT	4u

/* Mark the queue as broken, @why being a constant.  Return: -1 */
int virtq_break(struct virtq *q, const char *why) __attribute__((cold));

/* The indirect table of @bytes at @gpa, or NULL: the queue is broken. */
const volatile void *virtq_indirect_table(struct virtq *q, uint64_t gpa, uint32_t bytes);

/**
 * struct parts - where the parts of a buffer go while its descriptors are read
 * @next: the next one's place
 * @left: how many there may be yet
 * @max: how many the device takes
 */
struct parts {
	struct iovec *next;
	unsigned int left, max;
};

static inline struct parts no_parts(struct virtq_chain *chain, struct iovec *iov, unsigned int max)
{
	chain->iov = iov;
	chain->nr_out = 0;
	chain->nr_in = 0;
	chain->out_bytes = 0;
	chain->in_bytes = 0;
	return (struct parts){ .next = iov, .left = max, .max = max };
}

/* From here on there are at most @nr descriptors. */
static inline void limit_parts(struct parts *p, unsigned int nr)
{
	if (p->left > nr)
		p->left = nr;
}

/* There are more descriptors than that, or than the device takes.  Return: -1 */
int virtq_too_long(struct virtq *q, const struct virtq_chain *chain, unsigned int max);

/* Add what a descriptor says to @chain.  Return: 0, or -1: the queue is broken. */
static inline int add_part(struct virtq *q, struct virtq_chain *chain, struct parts *p,
			   uint64_t gpa, uint32_t bytes, unsigned int flags)
{
	void *at;

	if (!p->left--)
		return virtq_too_long(q, chain, p->max);
	if (flags & DESC_WRITE) {
		chain->nr_in++;
		if (__builtin_add_overflow(chain->in_bytes, bytes, &chain->in_bytes))
			return virtq_break(q, "the writable parts of a buffer have 4 GiB or more");
	} else {
		if (chain->nr_in)
			return virtq_break(q, "a readable part comes after a writable one");
		chain->nr_out++;
		if (__builtin_add_overflow(chain->out_bytes, bytes, &chain->out_bytes))
			return virtq_break(q, "the readable parts of a buffer have 4 GiB or more");
	}
	if (!bytes)
		return virtq_break(q, "a part of a buffer has no bytes");
	p->next->iov_len = bytes;
	at = machine_memory(q->m, gpa, bytes);
	if (!at)
		return virtq_break(q, "a part of a buffer is not all in memory");
	p->next->iov_base = at;
	p->next++;
	return 0;
}

static inline bool chain_too_long(const struct virtq_chain *chain)
{
	return chain->out_bytes > UINT32_MAX - chain->in_bytes;
}

/* Is @event among the last @pushed places before @next?  All free-running (2.7.7.2). */
static inline bool among_pushed(uint16_t event, uint16_t next, uint32_t pushed)
{
	return (uint16_t)(next - event - 1) < pushed;
}

/*
 * virtqueue.h's operations for either kind.  _want_interrupt() is to be asked after a full barrier
 * behind the pushes; _available() after one behind _notify_on().
 */
int split_pop(struct virtq *q, struct virtq_chain *chain, struct iovec *iov, unsigned int max);
void split_push(struct virtq *q, const struct virtq_chain *chain, uint32_t written);
bool split_want_interrupt(const struct virtq *q, uint32_t pushed);
void split_notify_off(struct virtq *q);
void split_notify_on(struct virtq *q);
bool split_available(const struct virtq *q);

int packed_pop(struct virtq *q, struct virtq_chain *chain, struct iovec *iov, unsigned int max);
void packed_push(struct virtq *q, const struct virtq_chain *chain, uint32_t written);
void packed_unpop(struct virtq *q, const struct virtq_chain *chain);
bool packed_want_interrupt(const struct virtq *q, uint32_t pushed);
void packed_notify_off(struct virtq *q);
void packed_notify_on(struct virtq *q);
bool packed_available(const struct virtq *q);

#endif
