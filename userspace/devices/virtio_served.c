// SPDX-License-Identifier: GPL-2.0
/*
 * Virtqueues that the event loop serves: see virtio_served.h.
 *
 * The one trick: what is left over is remembered where it cannot get lost, in the eventfd by which
 * the driver notifies.  The loop then finds it readable, as if the driver had done it.
 */
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "virtio_served.h"

#define BUFFERS_AT_ONCE	64u

struct virtq *virtio_served_queue(const struct virtio_served *s)
{
	struct virtq *q = s->started ? virtio_queue(s->vd, s->n) : NULL;

	return q && !q->broken ? q : NULL;
}

void virtio_served_go(struct virtio_served *s)
{
	if (s->started)
		eventfd_write(virtio_kick_fd(s->vd, s->n), 1);
}

void virtio_served_broken(struct virtio_served *s, const char *why)
{
	virtio_served_stop(s);
	virtio_broken(s->vd, why);
}

bool virtio_served_take(struct virtio_served *s)
{
	struct virtq *q = virtio_served_queue(s);
	int got;

	if (!q)
		return false;
	got = virtq_pop(q, &s->chain, s->iov, SERVED_PARTS_MAX);
	if (!got && virtq_notify_on(q))
		got = virtq_pop(q, &s->chain, s->iov, SERVED_PARTS_MAX);
	if (got < 0)
		virtio_served_broken(s, q->broken);
	return got > 0;
}

/* Have a current buffer.  Return: 1, 0: there is none, or -1: the queue is broken. */
static int take(struct virtio_served *s, struct virtq *q)
{
	int got;

	if (s->busy)
		return 1;
	got = virtq_pop(q, &s->chain, s->iov, SERVED_PARTS_MAX);
	s->part = 0;
	s->done = 0;
	s->written = 0;
	s->busy = got > 0;
	return got;
}

/* All that there is, up to the budget.  Return: SERVED_DONE if nothing is left. */
static enum served_result serve_queue(struct virtio_served *s, struct virtq *q)
{
	unsigned int buffers = 0;

	s->budget = s->at_once;
	for (;;) {
		enum served_result result;
		int got = take(s, q);

		if (got < 0) {
			s->why = q->broken;
			return SERVED_BAD;
		}
		if (!got) {
			if (!virtq_notify_on(q))
				return SERVED_DONE;
			virtq_notify_off(q);
		} else {
			result = s->serve(s->opaque, s);
			if (result != SERVED_DONE)
				return result;
			virtq_push(q, &s->chain, s->written);
			s->busy = false;
		}
		if (++buffers == BUFFERS_AT_ONCE || s->budget <= 0)
			return SERVED_LATER;
	}
}

static void kicked(void *opaque, uint32_t events)
{
	struct virtio_served *s = opaque;
	struct virtq *q = virtio_served_queue(s);
	enum served_result result;
	eventfd_t count;

	(void)events;
	eventfd_read(virtio_kick_fd(s->vd, s->n), &count);
	if (!q)
		return;
	if (s->kicked) {
		s->kicked(s->opaque);
		return;
	}
	virtq_notify_off(q);
	result = serve_queue(s, q);
	if (virtq_must_interrupt(q))
		virtio_interrupt(s->vd, s->n);
	if (result == SERVED_LATER)
		virtio_served_go(s);
	else if (result == SERVED_BAD)
		virtio_served_broken(s, s->why);
}

int virtio_served_start(struct virtio_served *s)
{
	if (!virtio_queue(s->vd, s->n))
		return 0;
	if (machine_watch_fd(s->m, virtio_kick_fd(s->vd, s->n), EPOLLIN, kicked, s))
		return -1;
	s->busy = false;
	s->started = true;
	/* The driver may have made buffers available before it said that it is ready. */
	virtio_served_go(s);
	return 0;
}

void virtio_served_stop(struct virtio_served *s)
{
	if (!s->started)
		return;
	s->started = false;
	machine_watch_fd(s->m, virtio_kick_fd(s->vd, s->n), 0, NULL, NULL);
}
