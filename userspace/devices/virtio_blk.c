// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-blk: the disk as its driver sees it (VIRTIO 1.2, 5.2).
 *
 * Each queue has a thread, from DRIVER_OK to reset, and a context of the block in it; a request
 * goes from the ring to the block and back without the machine's lock.  It knows requests, not
 * files.
 */
#include <errno.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "../block.h"
#include "../iov.h"
#include "../message.h"
#include "../sandbox.h"
#include "../virtio.h"
#include "virtio_blk.h"

#define CLASS_STORAGE	0x018000
#define QUEUE_SIZE	BLOCK_DEPTH_MAX
#define SEGMENTS	126u			/* of data, beside header and status */
#define RANGE_MAX	(1u << 22)		/* sectors of one discard or write-zeroes: 2 GiB */
#define STACK_BYTES	(128u << 10)
#define SECONDS		10			/* until it is said what vmctl waits for */

struct virtio_blk;

struct request {
	struct block_request io;
	struct worker *worker;
	struct request *next;			/* free ones */
	struct virtq_chain chain;
	uint8_t *status;
	struct iovec iov[SEGMENTS + 2];
};

/* A queue's; the thread's alone while it runs. */
struct worker {
	struct virtio_blk *disk;
	unsigned int n;
	pthread_t thread;
	struct virtq *ring;
	struct block_context *context;
	struct request *requests, *free;
	bool stable;				/* writes, when they are done */
	unsigned int in_flight;
	bool pushed;				/* since the driver was told */
};

struct virtio_blk {
	struct virtio_device *vd;
	struct block *block;
	char serial[VIRTIO_BLK_ID_BYTES];
	struct virtio_blk_config config;
	unsigned int nr_workers;		/* that run */
	atomic_bool stopping;
	atomic_uint nr_left;			/* of those, that have not ended */
	struct worker workers[VIRTIO_BLK_QUEUES_MAX];
};

/* Completion */

static void finish(struct request *r, uint8_t status, uint32_t written)
{
	struct worker *w = r->worker;

	*r->status = status;
	virtq_push(w->ring, &r->chain, written + 1);
	r->next = w->free;
	w->free = r;
	w->pushed = true;
}

static void io_done(struct block_request *io, int error)
{
	struct request *r = (struct request *)io;

	r->worker->in_flight--;
	if (error)
		finish(r, error == -EOPNOTSUPP ? VIRTIO_BLK_S_UNSUPP : VIRTIO_BLK_S_IOERR, 0);
	else
		finish(r, VIRTIO_BLK_S_OK, io->op == BLOCK_READ ? io->bytes : 0);
}

/* Requests */

static void begin(struct request *r, enum block_op op, uint64_t sector, uint64_t bytes)
{
	const struct block *block = r->worker->disk->block;
	uint64_t sectors = block->bytes / BLOCK_SECTOR;

	if (bytes % BLOCK_SECTOR || sector > sectors || bytes / BLOCK_SECTOR > sectors - sector ||
	    (block->readonly && op != BLOCK_READ && op != BLOCK_FLUSH)) {
		finish(r, VIRTIO_BLK_S_IOERR, 0);
		return;
	}
	if (!bytes && op != BLOCK_FLUSH) {
		finish(r, VIRTIO_BLK_S_OK, 0);
		return;
	}
	r->io.op = op;
	r->io.offset = sector * BLOCK_SECTOR;
	r->io.bytes = bytes;
	r->io.stable = r->worker->stable;
	r->io.done = io_done;
	r->worker->in_flight++;
	block->ops->submit(r->worker->context, &r->io);
}

/* Data to the disk follows the header, data from it comes before the status. */
static void begin_move(struct request *r, enum block_op op, uint64_t sector, struct iovec *iov,
		       unsigned int nr, uint64_t bytes)
{
	r->io.iov = iov;
	r->io.nr = nr;
	begin(r, op, sector, bytes);
}

static void begin_range(struct request *r, enum block_op op, const struct iovec *iov,
			unsigned int nr, uint32_t bytes)
{
	struct virtio_blk_discard_write_zeroes range;
	bool unmap;

	if (bytes != sizeof(range) ||
	    iov_to_buffer(iov, nr, 0, &range, sizeof(range)) != sizeof(range) ||
	    range.num_sectors > RANGE_MAX) {
		finish(r, VIRTIO_BLK_S_IOERR, 0);
		return;
	}
	unmap = range.flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;
	if ((range.flags & ~VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP) ||
	    (op == BLOCK_DISCARD && unmap)) {
		finish(r, VIRTIO_BLK_S_UNSUPP, 0);
		return;
	}
	r->io.nr = 0;
	r->io.unmap = unmap;
	begin(r, op, range.sector, (uint64_t)range.num_sectors * BLOCK_SECTOR);
}

static void begin_flush(struct request *r)
{
	if (r->worker->disk->block->cache == BLOCK_UNSAFE) {
		finish(r, VIRTIO_BLK_S_OK, 0);
		return;
	}
	r->io.nr = 0;
	begin(r, BLOCK_FLUSH, 0, 0);
}

static void identify(struct request *r, struct iovec *in, unsigned int nr_in)
{
	const struct virtio_blk *disk = r->worker->disk;

	finish(r, VIRTIO_BLK_S_OK,
	       iov_from_buffer(in, nr_in, 0, disk->serial, sizeof(disk->serial)));
}

/*
 * Split the chain: the first 16 bytes that are read are the header, the last that is written is the
 * status, whatever pieces they come in.  Return: 0, or -1: it is no request.
 */
static int take_apart(struct request *r, struct virtio_blk_outhdr *header, struct iovec **out,
		      unsigned int *nr_out)
{
	struct virtq_chain *c = &r->chain;
	struct iovec *last = &c->iov[c->nr_out + c->nr_in - 1];

	if (!c->nr_in || iov_to_buffer(c->iov, c->nr_out, 0, header, sizeof(*header)) !=
			 sizeof(*header))
		return -1;
	r->status = (uint8_t *)last->iov_base + --last->iov_len;
	c->in_bytes--;
	if (!last->iov_len)
		c->nr_in--;
	*out = c->iov;
	*nr_out = c->nr_out;
	iov_advance(out, nr_out, sizeof(*header));
	c->out_bytes -= sizeof(*header);
	return 0;
}

static int handle(struct request *r)
{
	struct virtio_blk_outhdr header;
	struct virtq_chain *c = &r->chain;
	struct iovec *in = c->iov + c->nr_out, *out;
	unsigned int nr_out;

	if (take_apart(r, &header, &out, &nr_out)) {
		virtio_broken(r->worker->disk->vd, "a request without header or status");
		return -1;
	}
	switch (header.type) {
	case VIRTIO_BLK_T_IN:
		begin_move(r, BLOCK_READ, header.sector, in, c->nr_in, c->in_bytes);
		break;
	case VIRTIO_BLK_T_OUT:
		begin_move(r, BLOCK_WRITE, header.sector, out, nr_out, c->out_bytes);
		break;
	case VIRTIO_BLK_T_FLUSH:
		begin_flush(r);
		break;
	case VIRTIO_BLK_T_GET_ID:
		identify(r, in, c->nr_in);
		break;
	case VIRTIO_BLK_T_DISCARD:
		begin_range(r, BLOCK_DISCARD, out, nr_out, c->out_bytes);
		break;
	case VIRTIO_BLK_T_WRITE_ZEROES:
		begin_range(r, BLOCK_ZERO, out, nr_out, c->out_bytes);
		break;
	default:
		finish(r, VIRTIO_BLK_S_UNSUPP, 0);
	}
	return 0;
}

/* The thread */

/* All that the driver has made available.  Return: 0, or -1: the queue is broken. */
static int take_requests(struct worker *w)
{
	int got;

	virtq_notify_off(w->ring);
	do {
		while (w->free) {
			struct request *r = w->free;

			got = virtq_pop(w->ring, &r->chain, r->iov, SEGMENTS + 2);
			if (!got)
				break;
			if (got < 0) {
				virtio_broken(w->disk->vd, w->ring->broken);
				return -1;
			}
			w->free = r->next;
			if (handle(r))
				return -1;
		}
		/* As many as the queue has descriptors: there is a free one, or nothing to pop. */
	} while (w->free && virtq_notify_on(w->ring));
	return 0;
}

static void tell(struct worker *w)
{
	if (!w->pushed)
		return;
	w->pushed = false;
	if (virtq_must_interrupt(w->ring))
		virtio_interrupt(w->disk->vd, w->n);
}

static void serve(struct worker *w)
{
	const struct block_ops *ops = w->disk->block->ops;
	bool broken = false;

	while (!atomic_load_explicit(&w->disk->stopping, memory_order_acquire)) {
		if (!broken)
			broken = take_requests(w);
		tell(w);
		ops->wait(w->context);
	}
	if (w->in_flight)
		ops->cancel(w->context);
	while (w->in_flight)
		ops->wait(w->context);
}

/* A context is the thread's that opened it. */
static void use_block(struct worker *w)
{
	struct block *block = w->disk->block;

	w->context = block->ops->open(block, virtio_kick_fd(w->disk->vd, w->n));
	if (!w->context) {
		message("--disk %s: cannot begin to use it: %s", block->path, strerror(errno));
		virtio_broken(w->disk->vd, "its image cannot be used");
		return;
	}
	serve(w);
	block->ops->close(w->context);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct virtio_blk *disk = w->disk;

	sandbox_enter_worker();
	use_block(w);
	if (atomic_fetch_sub(&disk->nr_left, 1) == 1 && atomic_load(&disk->stopping))
		virtio_drained(disk->vd);
	return NULL;
}

/* A driver that does not flush relies on what was written (5.2.6.2). */
static bool stable_writes(const struct virtio_blk *disk)
{
	return disk->block->cache != BLOCK_UNSAFE &&
	       !(virtio_features(disk->vd) >> VIRTIO_BLK_F_FLUSH & 1);
}

static int start_worker(struct virtio_blk *disk, struct worker *w, unsigned int n)
{
	pthread_attr_t attr;
	int err;

	*w = (struct worker) {
		.disk = disk, .n = n, .ring = virtio_queue(disk->vd, n),
		.stable = stable_writes(disk),
	};
	w->requests = calloc(w->ring->size, sizeof(w->requests[0]));
	if (!w->requests)
		return -1;
	for (unsigned int i = w->ring->size; i--; w->free = &w->requests[i]) {
		w->requests[i].worker = w;
		w->requests[i].next = w->free;
	}
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	disk->nr_left++;
	err = pthread_create(&w->thread, &attr, work, w);
	pthread_attr_destroy(&attr);
	if (err) {
		disk->nr_left--;
		free(w->requests);
	}
	return err;
}

static bool drain(void *opaque)
{
	struct virtio_blk *disk = opaque;

	disk->stopping = true;
	for (unsigned int i = 0; i < disk->nr_workers; i++)
		eventfd_write(virtio_kick_fd(disk->vd, disk->workers[i].n), 1);
	return disk->nr_left;
}

/* What the host does not end, can be given up by SIGKILL alone, and the user has to know it. */
static void join(const struct worker *w)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += SECONDS;
	if (!pthread_timedjoin_np(w->thread, NULL, &end))
		return;
	message("--disk %s: waiting for requests that the host does not end; kill -KILL %d gives "
		"them up", w->disk->block->path, getpid());
	pthread_join(w->thread, NULL);
}

static void stop(void *opaque)
{
	struct virtio_blk *disk = opaque;

	drain(disk);
	while (disk->nr_workers) {
		struct worker *w = &disk->workers[--disk->nr_workers];

		join(w);
		free(w->requests);
	}
}

static int start(void *opaque)
{
	struct virtio_blk *disk = opaque;

	disk->stopping = false;
	for (unsigned int i = 0; i < VIRTIO_BLK_QUEUES_MAX && i < disk->config.num_queues; i++) {
		if (!virtio_queue(disk->vd, i))
			continue;
		if (start_worker(disk, &disk->workers[disk->nr_workers], i)) {
			stop(disk);
			return -1;
		}
		disk->nr_workers++;
	}
	return 0;
}

/* Life */

static uint64_t features(const struct block *block, bool packed)
{
	uint64_t f = VIRTIO_RING_FEATURES | 1ull << VIRTIO_BLK_F_SEG_MAX |
		     1ull << VIRTIO_BLK_F_BLK_SIZE | 1ull << VIRTIO_BLK_F_MQ;

	if (packed)
		f |= 1ull << VIRTIO_F_RING_PACKED;
	if (block->readonly)
		return f | 1ull << VIRTIO_BLK_F_RO;
	f |= 1ull << VIRTIO_BLK_F_FLUSH | 1ull << VIRTIO_BLK_F_WRITE_ZEROES;
	if (block->discard)
		f |= 1ull << VIRTIO_BLK_F_DISCARD;
	return f;
}

static void configure(struct virtio_blk *disk, unsigned int queues)
{
	const struct block *block = disk->block;

	disk->config = (struct virtio_blk_config) {
		.capacity = block->bytes / BLOCK_SECTOR,
		.seg_max = SEGMENTS,
		.blk_size = block->unit,
		.num_queues = queues,
		.max_discard_sectors = RANGE_MAX,
		.max_discard_seg = 1,
		.discard_sector_alignment = block->unit / BLOCK_SECTOR,
		.max_write_zeroes_sectors = RANGE_MAX,
		.max_write_zeroes_seg = 1,
		.write_zeroes_may_unmap = block->discard,
	};
}

struct virtio_blk *virtio_blk_new(struct pci_bus *bus, struct block *block,
				  const struct virtio_blk_options *options)
{
	static const struct virtio_ops ops = { .start = start, .drain = drain, .stop = stop };
	struct virtio_blk *disk = calloc(1, sizeof(*disk));
	struct virtio_model model = {
		.name = "virtio-blk",
		.id = VIRTIO_ID_BLOCK,
		.class_code = CLASS_STORAGE,
		.queue_size = QUEUE_SIZE,
		.ops = &ops,
		.opaque = disk,
	};

	if (!disk)
		return NULL;
	disk->block = block;
	memcpy(disk->serial, options->serial, strnlen(options->serial, sizeof(disk->serial)));
	model.nr_queues = options->queues < block->max_contexts ? options->queues :
								   block->max_contexts;
	configure(disk, model.nr_queues);
	model.features = features(block, options->packed);
	model.config = &disk->config;
	model.config_bytes = sizeof(disk->config);
	disk->vd = virtio_new(bus, &model);
	if (!disk->vd) {
		free(disk);
		return NULL;
	}
	return disk;
}

bool virtio_blk_retire(struct virtio_blk *disk, void (*gone)(void *opaque), void *opaque)
{
	return virtio_retire(disk->vd, gone, opaque);
}

void virtio_blk_free(struct virtio_blk *disk)
{
	virtio_free(disk->vd);
	free(disk);
}
