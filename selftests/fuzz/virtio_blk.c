// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer on virtio-blk: any rings, any requests, memory that changes while it is looked at. The
 * block is played here, and sees that what it is asked for is within the disk, in memory, and has
 * the bytes that it says.
 *
 * needs: userspace/devices/pci_bus.c userspace/devices/pci_function.c userspace/devices/msix.c
 * needs: userspace/devices/virtio.c userspace/devices/virtio_pci.c userspace/devices/virtio_blk.c
 * needs: userspace/virtqueue.c userspace/virtqueue_packed.c userspace/virtqueue_split.c
 * needs: userspace/iov.c
 * max-len: 1024
 */
#include <semaphore.h>
#include <stdlib.h>

#define MEMORY_BYTES	0x8000u

#include "../unit/blk_guest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUESTS_AT	0x4000u		/* in it */
#define DISK_BYTES	(64u << 10)
#define SIZE_MAX_LOG	6
#define UNDER_WAY_MAX	(1 << SIZE_MAX_LOG)

/* ---- the block ---------------------------------------------------------------------------- */

struct block_context {
	int wake_fd;
	struct block_request *under_way[UNDER_WAY_MAX];
	unsigned int nr;
};

static struct block_context context;
static struct block block;
static sem_t idle;		/* the device has seen all that there is */
static uint8_t answers, byte_of;

static struct block_context *open_block(struct block *b, int wake_fd)
{
	(void)b;
	context = (struct block_context) { .wake_fd = wake_fd };
	return &context;
}

/* Reads and writes touch all of their memory, and no other. */
static void use_memory(const struct block_request *r)
{
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < r->nr; i++) {
		const volatile uint8_t *p = r->iov[i].iov_base;

		bytes += r->iov[i].iov_len;
		if (r->op == BLOCK_READ)
			memset(r->iov[i].iov_base, byte_of, r->iov[i].iov_len);
		for (size_t n = 0; n < r->iov[i].iov_len; n += 64)
			byte_of += p[n];
	}
	if (bytes != r->bytes)
		abort();
}

static void submit(struct block_context *c, struct block_request *r)
{
	bool moves = r->op == BLOCK_READ || r->op == BLOCK_WRITE;

	if (c->nr == UNDER_WAY_MAX || r->offset > block.bytes ||
	    r->bytes > block.bytes - r->offset || r->offset % 512 || r->bytes % 512 ||
	    (block.readonly && r->op != BLOCK_READ && r->op != BLOCK_FLUSH) ||
	    (!r->bytes != (r->op == BLOCK_FLUSH)) || (!moves && r->nr))
		abort();
	if (moves)
		use_memory(r);
	if (answers & 1)
		c->under_way[c->nr++] = r;
	else
		r->done(r, answers & 2 ? -EIO : 0);
	answers = answers >> 1 | answers << 7;
}

static void wait_block(struct block_context *c)
{
	eventfd_t count;
	bool any = false;

	while (c->nr) {
		struct block_request *r = c->under_way[--c->nr];

		r->done(r, answers & 4 ? -EOPNOTSUPP : 0);
		any = true;
	}
	if (any)
		return;
	sem_post(&idle);
	poll(&(struct pollfd) { .fd = c->wake_fd, .events = POLLIN }, 1, -1);
	eventfd_read(c->wake_fd, &count);
}

static void cancel(struct block_context *c)
{
	(void)c;
}

static void close_block(struct block_context *c)
{
	if (c->nr)
		abort();
}

static const struct block_ops ops = {
	.open = open_block, .submit = submit, .wait = wait_block, .cancel = cancel,
	.close = close_block,
};

/* ---- the driver --------------------------------------------------------------------------- */

/* Of the input: @place 1000h or more is outside memory. */
struct descriptor {
	uint16_t place, bytes, flags, next;
};

static const uint8_t *changes;		/* what other CPUs of the guest write meanwhile */
static size_t nr_changes;

static void change(uint64_t gpa, uint64_t bytes)
{
	(void)gpa;
	(void)bytes;
	if (nr_changes < 3)
		return;
	guest.host[(changes[0] | changes[1] << 8) % MEMORY_BYTES] = changes[2];
	changes += 3;
	nr_changes -= 3;
}

/* The driver of a packed ring says by its own bit that it is available. */
static void put_descriptor(unsigned int i, const struct descriptor *d, bool packed)
{
	const uint64_t gpa = d->place < 0x1000 ? GUEST_GPA + d->place * 8 :
						 GUEST_GPA + MEMORY_BYTES - 64 + (d->place & 127);
	const struct ring_desc split_desc = {
		.addr = gpa, .len = d->bytes, .flags = d->flags, .next = d->next,
	};
	const struct ring_pdesc packed_desc = {
		.addr = gpa, .len = d->bytes, .flags = d->flags ^ RING_AVAIL, .id = d->next,
	};

	if (packed)
		memcpy(guest.host + 16 * i, &packed_desc, 16);
	else
		memcpy(guest.host + 16 * i, &split_desc, 16);
}

static void run(const uint8_t *data, size_t size, uint64_t features, unsigned int queue_size)
{
	bool packed = features & F(VIRTIO_F_RING_PACKED);
	struct driver r = { .size = queue_size, .packed = packed };
	struct ring_avail *avail;
	struct descriptor d;

	if (!negotiate(&dev, features))
		abort();
	driver_init(&r, guest.host, GUEST_GPA);
	for (unsigned int i = 0; i < queue_size && size >= sizeof(d); i++) {
		memcpy(&d, data, sizeof(d));
		put_descriptor(i, &d, packed);
		data += sizeof(d);
		size -= sizeof(d);
	}
	if (!packed) {
		avail = r.host_driver;
		avail->idx = size ? data[0] % (2 * queue_size) : 0;
		for (unsigned int i = 0; i < queue_size; i++)
			avail->ring[i] = i;
	}
	memcpy(guest.host + REQUESTS_AT, data, size < 512 ? size : 512);
	changes = data;
	nr_changes = size;
	guest.hook = change;
	set_queue(&dev, 0, &r);
	start_driver(&dev);
	while (sem_wait(&idle))
		;
	kick(&dev, 0);
	if (answers & 8)
		reset_device(&dev);
	else
		set_status(&dev, 0);	/* and it is freed meanwhile */
	guest.hook = NULL;
	while (!sem_trywait(&idle))
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct virtio_blk_options options = { .queues = 1, .packed = true };
	uint64_t features = F(VIRTIO_F_VERSION_1);

	if (size < 4)
		return 0;
	sem_init(&idle, 0, 0);
	block = (struct block) {
		.ops = &ops, .path = "fuzz", .bytes = DISK_BYTES, .unit = 512, .discard = true,
		.readonly = data[0] & 1, .cache = data[0] & 2 ? BLOCK_UNSAFE : BLOCK_WRITEBACK,
		.max_contexts = 1,
	};
	answers = data[2];
	byte_of = data[3];
	if (!plug_disk(&block, &options))
		abort();
	guest_init(MEMORY_BYTES);
	if (data[0] & 4)
		features |= F(VIRTIO_F_RING_PACKED);
	if (data[0] & 8)
		features |= F(VIRTIO_RING_F_INDIRECT_DESC);
	if (data[0] & 16)
		features |= F(VIRTIO_RING_F_EVENT_IDX);
	if (data[0] & 32 && !block.readonly)
		features |= F(VIRTIO_BLK_F_FLUSH);
	run(data + 4, size - 4, features, 1 << data[1] % (SIZE_MAX_LOG + 1));
	virtio_blk_free(blk);
	pci_bus_free(bus);
	return 0;
}
