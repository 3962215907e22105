/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A virtqueue that the event loop serves: for devices that have too little to do for a thread.
 *
 * All of it under the machine's lock.  The driver may be hostile: a wake-up does a bounded amount
 * of work, and what is left then waits for the loop's next round, in which others have their turn.
 * A device that cannot finish a buffer keeps it, as the queue's current one, and comes back to it.
 */
#ifndef VMCTL_DEVICES_VIRTIO_SERVED_H
#define VMCTL_DEVICES_VIRTIO_SERVED_H

#include "../virtio.h"

#define SERVED_PARTS_MAX	128u	/* of a buffer */

enum served_result {
	SERVED_DONE,		/* with this buffer: it goes back */
	SERVED_LATER,		/* it has had enough of this wake-up */
	SERVED_WAIT,		/* until the device calls virtio_served_go() */
	SERVED_BAD,		/* the buffer is none that a driver may give: @why says so */
};

/**
 * struct virtio_served - one queue
 * @m: the machine
 * @vd: the device
 * @n: number of the queue
 * @at_once: what one wake-up may spend, in the unit of @budget, not 0; and it is 64 buffers at most
 * @serve: works on @chain, from where it stopped before, and takes what that costs off @budget; has
 *	to end with SERVED_LATER when nothing is left of it
 * @kicked: instead of @serve: the driver has made buffers available
 * @opaque: handed to these
 *
 * Those above are set before virtio_served_start(), those below are for @serve.
 *
 * @chain: the current buffer; its parts may be changed
 * @budget: what is left of @at_once
 * @part: where @serve has stopped in @chain, as it likes to count; 0 for a new one
 * @done: likewise
 * @written: bytes that the device has written into @chain; 0 for a new one
 * @why: a sentence, with SERVED_BAD
 */
struct virtio_served {
	struct machine *m;
	struct virtio_device *vd;
	unsigned int n;
	uint32_t at_once;
	enum served_result (*serve)(void *opaque, struct virtio_served *s);
	void (*kicked)(void *opaque);
	void *opaque;

	struct virtq_chain chain;
	int64_t budget;
	unsigned int part;
	uint64_t done;
	uint32_t written;
	const char *why;

	bool started, busy;		/* busy: @chain is a buffer */
	struct iovec iov[SERVED_PARTS_MAX];
};

/* The driver has started the device.  Return: 0, or -1; a queue that it does not use is none. */
int virtio_served_start(struct virtio_served *s);
/* It resets it; does nothing if it was not started. */
void virtio_served_stop(struct virtio_served *s);

/* What it waits for has happened.  From anywhere under the lock but @serve; nothing is done yet. */
void virtio_served_go(struct virtio_served *s);

/* The queue, or NULL: not started, not used, or the driver broke it. */
struct virtq *virtio_served_queue(const struct virtio_served *s);

/*
 * With @kicked: make @chain the driver's next buffer, for the caller to virtq_push().  Return:
 * whether there is one; if not, the driver notifies of it.
 */
bool virtio_served_take(struct virtio_served *s);

/* The driver has done with the queue what it must not; @why is reported. */
void virtio_served_broken(struct virtio_served *s, const char *why);

#endif
