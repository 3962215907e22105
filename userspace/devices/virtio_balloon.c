// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-balloon: memory that the guest lends to the host (VIRTIO 1.2, 5.5).
 *
 * It knows page numbers, not what memory is made of: machine_discard() gives pages back, and what
 * the guest touches again comes back by itself, so that deflating is only a message.  Pages come
 * singly; sorted, neighbours take one call.
 *
 * The page-reporting queue's number depends on whom one asks.  By the specification queues of
 * features that were not negotiated keep their places, drivers leave no gaps; here every queue
 * behind the statistics is one, and the driver uses which it likes.
 */
#include <errno.h>
#include <linux/virtio_ids.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "../iov.h"
#include "../message.h"
#include "virtio_balloon.h"
#include "virtio_served.h"

#define CLASS_OTHERS	0x00ff00
#define QUEUE_SIZE	128
#define PAGE_BYTES	4096u
#define AT_ONCE		(16u << 20)		/* bytes of memory */
#define CALL_BYTES	(64u << 10)		/* that giving back, once, takes the time of */
#define PFNS		256u			/* sorted at a time; what Linux sends */
#define STATS_MAX	(2 * VIRTIO_BALLOON_S_NR)	/* of a buffer that are looked at */

enum { INFLATE, DEFLATE, STATS, REPORTING, REPORTING_TOO, QUEUES };

/* What the driver sees; the rest belongs to features that are not offered. */
#define CONFIG_BYTES	offsetof(struct virtio_balloon_config, free_page_hint_cmd_id)

struct virtio_balloon {
	struct virtio_device *vd;
	struct machine *m;
	struct virtio_balloon_config config;
	uint32_t target;		/* pages; config.num_pages, which the driver can write to */
	uint64_t reported;		/* bytes */
	bool told;			/* that memory cannot be given back */

	/* The driver's buffer is kept until new values are wanted. */
	bool stats_read, stats_wanted;
	uint64_t taken_ns;
	uint32_t valid;
	uint64_t value[VIRTIO_BALLOON_S_NR];

	unsigned int nr_queues;
	struct virtio_served queues[QUEUES];
};

static int discard(struct virtio_balloon *b, uint8_t *start, uint64_t bytes)
{
	int err = machine_discard(b->m, start, bytes);

	if (err && !b->told && message_guest()) {
		message("--balloon: memory cannot be given back to the host: %s (told once)",
			strerror(-err));
		b->told = true;
	}
	return err;
}

/* Inflate */

static int by_address(const void *a, const void *b)
{
	const uint8_t *x = *(uint8_t * const *)a, *y = *(uint8_t * const *)b;

	return (x > y) - (x < y);
}

/* Where the pages are in vmctl, in order.  Return: how many of @nr are memory. */
static unsigned int find_pages(struct virtio_balloon *b, const uint32_t *pfns, unsigned int nr,
			       uint8_t **pages)
{
	unsigned int found = 0;

	for (unsigned int i = 0; i < nr; i++) {
		uint64_t gpa = (uint64_t)pfns[i] << VIRTIO_BALLOON_PFN_SHIFT;

		pages[found] = machine_memory(b->m, gpa, PAGE_BYTES);
		if (pages[found])
			found++;
	}
	qsort(pages, found, sizeof(pages[0]), by_address);
	return found;
}

/* Return: in how many calls. */
static unsigned int discard_pages(struct virtio_balloon *b, uint8_t **pages, unsigned int nr)
{
	unsigned int calls = 0;

	for (unsigned int i = 0, n; i < nr; i += n, calls++) {
		for (n = 1; i + n < nr && pages[i + n] == pages[i] + n * PAGE_BYTES; n++)
			;
		discard(b, pages[i], n * PAGE_BYTES);
	}
	return calls;
}

static enum served_result inflate(void *opaque, struct virtio_served *s)
{
	struct virtio_balloon *b = opaque;
	uint8_t *pages[PFNS];
	uint32_t pfns[PFNS];
	unsigned int nr;

	while (s->budget > 0) {
		nr = iov_to_buffer(s->chain.iov, s->chain.nr_out, s->done, pfns, sizeof(pfns)) /
		     sizeof(pfns[0]);
		if (!nr)
			return SERVED_DONE;
		s->done += nr * sizeof(pfns[0]);
		s->budget -= nr * PAGE_BYTES;
		s->budget -= CALL_BYTES * discard_pages(b, pages, find_pages(b, pfns, nr, pages));
	}
	return SERVED_LATER;
}

static enum served_result deflate(void *opaque, struct virtio_served *s)
{
	(void)opaque;
	(void)s;
	return SERVED_DONE;
}

/* Reporting: the buffer is memory that the guest does not use while the device has it. */

static enum served_result report(void *opaque, struct virtio_served *s)
{
	struct virtio_balloon *b = opaque;
	const struct iovec *in = s->chain.iov + s->chain.nr_out;

	while (s->part < s->chain.nr_in) {
		uintptr_t start = (uintptr_t)in[s->part].iov_base;
		uintptr_t end = start + in[s->part].iov_len;
		uint64_t bytes;

		/* Whole pages only, and those that were not given back yet. */
		start = (start + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES + s->done;
		end = end / PAGE_BYTES * PAGE_BYTES;
		if (start >= end) {
			s->part++;
			s->done = 0;
			continue;
		}
		if (s->budget <= 0)
			return SERVED_LATER;
		/* Of whole pages itself. */
		bytes = end - start < (uint64_t)s->budget ? end - start : (uint64_t)s->budget;
		if (!discard(b, (uint8_t *)start, bytes))
			b->reported += bytes;
		s->done += bytes;
		s->budget -= bytes + CALL_BYTES;
	}
	return SERVED_DONE;
}

/* Statistics */

static void read_stats(struct virtio_balloon *b, const struct virtq_chain *chain)
{
	struct virtio_balloon_stat stats[STATS_MAX];
	unsigned int nr = iov_to_buffer(chain->iov, chain->nr_out, 0, stats, sizeof(stats)) /
			  sizeof(stats[0]);

	b->valid = 0;
	for (unsigned int i = 0; i < nr; i++) {
		unsigned int tag = stats[i].tag;

		if (tag >= VIRTIO_BALLOON_S_NR)
			continue;
		b->value[tag] = stats[i].val;
		b->valid |= 1u << tag;
	}
	b->taken_ns = machine_now_ns(b->m);
}

static enum served_result serve_stats(void *opaque, struct virtio_served *s)
{
	struct virtio_balloon *b = opaque;

	if (!b->stats_read) {
		read_stats(b, &s->chain);
		b->stats_read = true;
		b->stats_wanted = false;
	}
	if (!b->stats_wanted)
		return SERVED_WAIT;
	b->stats_read = false;
	return SERVED_DONE;
}

bool balloon_refresh(struct virtio_balloon *b)
{
	if (!virtio_served_queue(&b->queues[STATS]))
		return false;
	b->stats_wanted = true;
	virtio_served_go(&b->queues[STATS]);
	return true;
}

void balloon_stats(const struct virtio_balloon *b, struct balloon_stats *stats)
{
	*stats = (struct balloon_stats) {
		.target = (uint64_t)b->target * PAGE_BYTES,
		.actual = (uint64_t)b->config.actual * PAGE_BYTES,
		.reported = b->reported,
		.taken_ns = b->taken_ns,
		.valid = b->valid,
	};
	memcpy(stats->value, b->value, sizeof(stats->value));
}

/* Configuration */

void balloon_set_target(struct virtio_balloon *b, uint64_t bytes)
{
	uint64_t pages = bytes / PAGE_BYTES;

	b->target = pages < UINT32_MAX ? pages : UINT32_MAX;
	if (b->config.num_pages == b->target)
		return;
	b->config.num_pages = b->target;
	virtio_config_changed(b->vd);
}

/* The driver says how large the balloon is.  How large it shall be, it does not say. */
static void config_write(void *opaque, unsigned int offset, unsigned int bytes)
{
	struct virtio_balloon *b = opaque;

	(void)offset;
	(void)bytes;
	b->config.num_pages = b->target;
}

/* Life */

/* Whom the queues that the driver uses belong to. */
static void assign(struct virtio_balloon *b)
{
	bool stats = virtio_features(b->vd) >> VIRTIO_BALLOON_F_STATS_VQ & 1;

	b->queues[INFLATE].serve = inflate;
	b->queues[DEFLATE].serve = deflate;
	b->queues[STATS].serve = stats ? serve_stats : report;
	b->queues[REPORTING].serve = report;
	b->queues[REPORTING_TOO].serve = report;
}

static void stop(void *opaque)
{
	struct virtio_balloon *b = opaque;

	for (unsigned int i = 0; i < b->nr_queues; i++)
		virtio_served_stop(&b->queues[i]);
	b->config.actual = 0;
}

static int start(void *opaque)
{
	struct virtio_balloon *b = opaque;

	assign(b);
	b->stats_read = false;
	b->stats_wanted = false;
	for (unsigned int i = 0; i < b->nr_queues; i++) {
		if (virtio_served_start(&b->queues[i])) {
			stop(b);
			return -1;
		}
	}
	return 0;
}

static uint64_t features(const struct balloon_options *options)
{
	uint64_t f = VIRTIO_RING_FEATURES | 1ull << VIRTIO_BALLOON_F_STATS_VQ;

	if (options->reporting)
		f |= 1ull << VIRTIO_BALLOON_F_REPORTING;
	if (!options->keep_on_oom)
		f |= 1ull << VIRTIO_BALLOON_F_DEFLATE_ON_OOM;
	return f;
}

struct virtio_balloon *virtio_balloon_new(struct pci_bus *bus,
					  const struct balloon_options *options)
{
	static const struct virtio_ops ops = {
		.start = start, .stop = stop, .config_write = config_write,
	};
	struct virtio_balloon *b = calloc(1, sizeof(*b));
	struct virtio_model model = {
		.name = "virtio-balloon",
		.id = VIRTIO_ID_BALLOON,
		.class_code = CLASS_OTHERS,
		.features = features(options),
		.queue_size = QUEUE_SIZE,
		.config_bytes = CONFIG_BYTES,
		.ops = &ops,
		.opaque = b,
	};

	if (!b)
		return NULL;
	b->m = pci_bus_machine(bus);
	b->nr_queues = options->reporting ? QUEUES : STATS + 1;
	model.nr_queues = b->nr_queues;
	model.config = &b->config;
	b->vd = virtio_new(bus, &model);
	if (!b->vd) {
		free(b);
		return NULL;
	}
	for (unsigned int i = 0; i < b->nr_queues; i++) {
		b->queues[i] = (struct virtio_served) {
			.m = b->m, .vd = b->vd, .n = i, .at_once = AT_ONCE, .opaque = b,
		};
	}
	balloon_set_target(b, options->bytes);
	return b;
}

void virtio_balloon_free(struct virtio_balloon *b)
{
	virtio_free(b->vd);
	free(b);
}
