/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A virtqueue as its device sees it: split and packed rings, indirect descriptors, event index.
 *
 * It knows guest memory and rings, not what is in the buffers nor how anyone is notified.  All that
 * it reads from memory is the driver's, who may be hostile and writes at any time: each value is
 * read once and checked, and what no sane driver does makes the queue broken, for good, until the
 * device is reset.  A queue has one user at a time; its device sees to that.  No more buffers are
 * popped and not yet pushed than the queue has descriptors, whatever the driver does.
 *
 * Source: Virtual I/O Device (VIRTIO) Version 1.2, 2.6 to 2.8.
 */
#ifndef VMCTL_VIRTQUEUE_H
#define VMCTL_VIRTQUEUE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct machine;

#define VIRTQ_SIZE_MAX	1024u	/* of ours; the specification allows 32768 */

/**
 * struct virtq - one queue
 * @m: whose memory the rings and buffers are in
 * @size: descriptors in the ring, a power of two where it is split
 * @packed: VIRTIO_F_RING_PACKED was negotiated
 * @event_idx: VIRTIO_F_EVENT_IDX was
 * @indirect: VIRTIO_F_INDIRECT_DESC was
 * @desc: guest-physical address of the descriptors
 * @driver: of the available ring, or of the driver's event suppression
 * @device: of the used ring, or of the device's event suppression
 * @broken: what the driver did that it must not, or NULL
 *
 * Those above are set before virtq_start(); those below are virtqueue.c's own.
 */
struct virtq {
	struct machine *m;
	uint16_t size;
	bool packed;
	bool event_idx;
	bool indirect;
	uint64_t desc;
	uint64_t driver;
	uint64_t device;
	const char *broken;

	void *host_desc, *host_driver, *host_device;
	uint16_t next_avail, next_used;	/* free-running; of a packed ring, places in it */
	bool avail_wrap, used_wrap;	/* packed */
	uint16_t in_flight;		/* places popped and not yet pushed */
	uint32_t pushed;		/* places, since virtq_must_interrupt() was asked */
};

/**
 * struct virtq_chain - a buffer that the driver made available
 * @iov: the device-readable parts, then the device-writable ones; the caller's
 * @nr_out: number of readable parts
 * @nr_in: number of writable parts; one of the two is not 0
 * @out_bytes: of all readable parts; less than 4 GiB together with @in_bytes
 * @in_bytes: of all writable parts
 * @id: what virtq_push() tells the driver, who may have several buffers of one @id
 * @count: places in the ring that it has; 1 where it is split
 */
struct virtq_chain {
	struct iovec *iov;
	unsigned int nr_out, nr_in;
	uint32_t out_bytes, in_bytes;
	uint16_t id;
	uint16_t count;
};

/**
 * virtq_start - begin to use a queue
 * @q: with its parameters set; the rest is initialised
 *
 * Notifications are on.  There may be buffers already, of which none comes.
 *
 * Return: 0, or -1: a ring is not aligned or not all in memory, or the size is none; @q->broken
 * says which.
 */
int virtq_start(struct virtq *q);

/**
 * virtq_pop - take the next buffer
 * @q: a started queue
 * @chain: filled in; after another return than 1 it is undefined, as is @iov
 * @iov: where the parts go; a part of the driver's that is not contiguous in vmctl's memory, or
 *	not all in guest memory, breaks the queue
 * @max: how many fit; a driver that wants more breaks the queue
 *
 * A part of no bytes breaks the queue, too.
 *
 * Return: 1, 0: there is none, or -1: the queue is broken, @q->broken says why.
 */
int virtq_pop(struct virtq *q, struct virtq_chain *chain, struct iovec *iov, unsigned int max);

/**
 * virtq_push - give a buffer back, in any order
 * @q: the queue it is from
 * @chain: what virtq_pop() filled in; only @id and @count are looked at
 * @written: bytes that the device wrote, from the first writable part on
 *
 * Nothing happens if the queue is broken.
 */
void virtq_push(struct virtq *q, const struct virtq_chain *chain, uint32_t written);

/**
 * virtq_unpop - put back the buffer that was popped last
 * @q: the queue it is from
 * @chain: what virtq_pop() filled in
 *
 * For a device that finds it cannot use it yet.  Nothing may have been popped since; the driver may
 * make something else of it before it is popped again.
 */
void virtq_unpop(struct virtq *q, const struct virtq_chain *chain);

/**
 * virtq_must_interrupt - does the driver want to hear of what was pushed since the last call?
 * @q: the queue
 *
 * Costs a full barrier if something was; so a device that has several buffers to push asks once.
 */
bool virtq_must_interrupt(struct virtq *q);

/* The driver need not notify; a hint that it may ignore. */
void virtq_notify_off(struct virtq *q);

/*
 * The driver shall notify from now on.  Return: whether there is a buffer already, of which no
 * notification may come; then the caller goes on to pop.
 */
bool virtq_notify_on(struct virtq *q);

#endif
