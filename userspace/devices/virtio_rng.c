// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-rng: random numbers of the host (VIRTIO 1.2, 5.4).
 *
 * It knows one queue and getrandom().  A buffer need not be filled, so a large one gets as much as
 * one wake-up or the rate allows.
 */
#include <errno.h>
#include <linux/virtio_ids.h>
#include <stdlib.h>
#include <sys/random.h>

#include "virtio_rng.h"
#include "virtio_served.h"

#define CLASS_OTHERS	0x00ff00
#define QUEUE_SIZE	8
#define AT_ONCE		65536u		/* bytes */
#define PERIOD_NS	1000000000ull

struct virtio_rng {
	struct virtio_device *vd;
	struct machine *m;
	struct machine_timer *timer;	/* NULL: there is no rate */
	uint32_t rate;			/* bytes in a period */
	uint32_t left;			/* of them, in this one */
	uint64_t period_ns;		/* since when it is */
	struct virtio_served requests;
};

static void new_period(void *opaque)
{
	struct virtio_rng *rng = opaque;

	virtio_served_go(&rng->requests);
}

/* How many bytes the rate allows now; if none, the timer is set to when it does again. */
static uint32_t allowance(struct virtio_rng *rng)
{
	uint64_t now;

	if (!rng->rate)
		return UINT32_MAX;
	now = machine_now_ns(rng->m);
	if (now - rng->period_ns >= PERIOD_NS) {
		rng->period_ns = now;
		rng->left = rng->rate;
	}
	if (!rng->left)
		machine_timer_arm(rng->timer, rng->period_ns + PERIOD_NS);
	return rng->left;
}

/* Return: how much of @bytes could be had. */
static size_t fill(uint8_t *to, size_t bytes)
{
	size_t done = 0;

	while (done < bytes) {
		ssize_t n = getrandom(to + done, bytes - done, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		done += n;
	}
	return done;
}

static enum served_result serve(void *opaque, struct virtio_served *s)
{
	struct virtio_rng *rng = opaque;
	const struct iovec *in = s->chain.iov + s->chain.nr_out;
	uint32_t may = allowance(rng);

	if (!s->chain.in_bytes) {
		s->why = "a buffer that cannot be written to";
		return SERVED_BAD;
	}
	if (!may)
		return SERVED_WAIT;
	if (may > s->budget)
		may = s->budget;
	for (unsigned int i = 0; i < s->chain.nr_in && s->written < may; i++) {
		size_t want = may - s->written, got;

		if (want > in[i].iov_len)
			want = in[i].iov_len;
		got = fill(in[i].iov_base, want);
		s->written += got;
		if (got < want)
			break;
	}
	/* The memory is a file that somebody has made shorter, or the like. */
	if (!s->written) {
		s->why = "its buffer cannot be filled";
		return SERVED_BAD;
	}
	s->budget -= s->written;
	if (rng->rate)
		rng->left -= s->written;
	return SERVED_DONE;
}

static int start(void *opaque)
{
	struct virtio_rng *rng = opaque;

	return virtio_served_start(&rng->requests);
}

static void stop(void *opaque)
{
	struct virtio_rng *rng = opaque;

	virtio_served_stop(&rng->requests);
}

struct virtio_rng *virtio_rng_new(struct pci_bus *bus, uint32_t rate)
{
	static const struct virtio_ops ops = { .start = start, .stop = stop };
	struct virtio_rng *rng = calloc(1, sizeof(*rng));
	const struct virtio_model model = {
		.name = "virtio-rng",
		.id = VIRTIO_ID_RNG,
		.class_code = CLASS_OTHERS,
		.features = VIRTIO_RING_FEATURES,
		.nr_queues = 1,
		.queue_size = QUEUE_SIZE,
		.ops = &ops,
		.opaque = rng,
	};

	if (!rng)
		return NULL;
	rng->m = pci_bus_machine(bus);
	rng->rate = rate;
	rng->left = rate;
	if (rate) {
		rng->period_ns = machine_now_ns(rng->m);
		rng->timer = machine_timer_new(rng->m, new_period, rng);
		if (!rng->timer)
			goto fail;
	}
	rng->vd = virtio_new(bus, &model);
	if (!rng->vd)
		goto fail;
	rng->requests = (struct virtio_served) {
		.m = rng->m, .vd = rng->vd, .at_once = AT_ONCE, .serve = serve, .opaque = rng,
	};
	return rng;
fail:
	if (rng->timer)
		machine_timer_free(rng->timer);
	free(rng);
	return NULL;
}

void virtio_rng_free(struct virtio_rng *rng)
{
	virtio_free(rng->vd);
	if (rng->timer)
		machine_timer_free(rng->timer);
	free(rng);
}
