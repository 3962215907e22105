// SPDX-License-Identifier: GPL-2.0
// needs: userspace/devices/virtio.c userspace/devices/virtio_pci.c userspace/devices/virtio_blk.c
// needs: userspace/devices/pci_bus.c userspace/devices/pci_function.c userspace/devices/msix.c
// needs: userspace/virtqueue.c userspace/virtqueue_split.c userspace/virtqueue_packed.c
// needs: userspace/block.c userspace/block_file.c userspace/uring.c userspace/iov.c
// libs: -luring -pthread -Wl,--wrap=calloc,--wrap=pthread_timedjoin_np
// timeout: 180
/*
 * virtio-blk from DRIVER_OK to reset: what it asks of a block that waits until it is told, and
 * fails when it is told; several queues; requests that are under way when the driver resets the
 * device, whose memory then is the driver's again.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "blk_guest.h"
#include "fail_calloc.h"

#define READ_BYTE	0x5a		/* what the block reads */
#define SECTORS		2048
#define REQUESTS	600

/* ---- a block that does as it is told ------------------------------------------------------ */

struct block_context {
	int wake_fd, go_fd;
};

/* What was asked of it, in order. */
struct asked {
	enum block_op op;
	bool unmap, stable;
	uint64_t offset, bytes, iov_bytes;
};

static struct {
	struct block block;
	struct block_context context[VIRTIO_BLK_QUEUES_MAX];
	unsigned int nr_contexts, nr_open, nr_cancelled;
	int refuse_context;		/* this one does not open; -1: all do */
	bool hold;			/* requests stay under way */
	int error;			/* of all that end */
	unsigned int under_way, max_under_way;
	struct asked asked[REQUESTS];
	unsigned int nr_asked;
	pthread_mutex_t lock;
} slow = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct block_request *requests[REQUESTS];	/* that are under way, in any context */
static struct block_context *request_of[REQUESTS];

static struct block_context *slow_open(struct block *b, int wake_fd)
{
	struct block_context *c = NULL;

	pthread_mutex_lock(&slow.lock);
	if ((int)slow.nr_contexts == slow.refuse_context) {
		slow.refuse_context = -1;
		errno = EMFILE;
	} else {
		c = &slow.context[slow.nr_contexts++];
		*c = (struct block_context) {
			.wake_fd = wake_fd, .go_fd = eventfd(0, EFD_NONBLOCK),
		};
		slow.nr_open++;
	}
	pthread_mutex_unlock(&slow.lock);
	return c;
}

static void slow_submit(struct block_context *c, struct block_request *r)
{
	unsigned int i, mine = 0;
	uint64_t bytes = 0;

	pthread_mutex_lock(&slow.lock);
	for (i = 0; i < r->nr; i++)
		bytes += r->iov[i].iov_len;
	if (slow.nr_asked < REQUESTS)
		slow.asked[slow.nr_asked++] = (struct asked) {
			r->op, r->unmap, r->stable, r->offset, r->bytes, bytes,
		};
	for (i = 0; i < REQUESTS; i++)
		mine += request_of[i] == c;
	if (mine >= BLOCK_DEPTH_MAX)
		abort();
	for (i = 0; requests[i]; i++)
		;
	requests[i] = r;
	request_of[i] = c;
	slow.under_way++;
	if (slow.under_way > slow.max_under_way)
		slow.max_under_way = slow.under_way;
	pthread_mutex_unlock(&slow.lock);
}

/* One of @c's, or NULL: there is none, or it has to wait. */
static struct block_request *take(struct block_context *c)
{
	struct block_request *r = NULL;

	pthread_mutex_lock(&slow.lock);
	for (unsigned int i = 0; i < REQUESTS && !slow.hold && !r; i++) {
		if (request_of[i] != c)
			continue;
		r = requests[i];
		requests[i] = NULL;
		request_of[i] = NULL;
		slow.under_way--;
	}
	pthread_mutex_unlock(&slow.lock);
	return r;
}

static void slow_wait(struct block_context *c)
{
	struct pollfd fds[2] = {
		{ .fd = c->wake_fd, .events = POLLIN }, { .fd = c->go_fd, .events = POLLIN },
	};
	struct block_request *r;
	bool any = false;
	eventfd_t count;

	while ((r = take(c))) {
		any = true;
		for (unsigned int i = 0; r->op == BLOCK_READ && i < r->nr; i++)
			memset(r->iov[i].iov_base, READ_BYTE, r->iov[i].iov_len);
		r->done(r, slow.error);
	}
	if (any)
		return;
	poll(fds, 2, -1);
	eventfd_read(c->wake_fd, &count);
	eventfd_read(c->go_fd, &count);
}

static void slow_close(struct block_context *c)
{
	pthread_mutex_lock(&slow.lock);
	for (unsigned int i = 0; i < REQUESTS; i++)
		if (request_of[i] == c)
			abort();
	close(c->go_fd);
	c->go_fd = -1;
	slow.nr_open--;
	pthread_mutex_unlock(&slow.lock);
}

static void slow_cancel(struct block_context *c)
{
	(void)c;
	pthread_mutex_lock(&slow.lock);
	slow.nr_cancelled++;
	pthread_mutex_unlock(&slow.lock);
}

static const struct block_ops slow_ops = {
	.open = slow_open, .submit = slow_submit, .wait = slow_wait, .cancel = slow_cancel,
	.close = slow_close,
};

static void hold(bool on)
{
	pthread_mutex_lock(&slow.lock);
	slow.hold = on;
	for (unsigned int i = 0; !on && i < slow.nr_contexts; i++)
		if (slow.context[i].go_fd >= 0)
			eventfd_write(slow.context[i].go_fd, 1);
	pthread_mutex_unlock(&slow.lock);
}

static unsigned int locked_read(const unsigned int *value)
{
	unsigned int n;

	pthread_mutex_lock(&slow.lock);
	n = *value;
	pthread_mutex_unlock(&slow.lock);
	return n;
}

/* Until it is so, or the test has failed. */
static void wait_for(const unsigned int *value, unsigned int want)
{
	for (unsigned int ms = 0; ms < DONE_MS && locked_read(value) != want; ms++)
		usleep(1000);
	CHECK_EQ(locked_read(value), want);
}

static void new_slow_disk(enum block_cache cache, unsigned int queues)
{
	struct virtio_blk_options options = { .queues = queues, .packed = true };

	slow.block = (struct block) {
		.ops = &slow_ops, .path = "slow", .bytes = SECTORS * 512, .unit = 512,
		.cache = cache, .discard = true, .max_contexts = 64,
	};
	slow.nr_contexts = 0;
	slow.refuse_context = -1;
	slow.hold = false;
	slow.error = 0;
	slow.max_under_way = 0;
	slow.nr_cancelled = 0;
	slow.nr_asked = 0;
	if (!plug_disk(&slow.block, &options))
		abort();
}

static void free_slow_disk(void)
{
	unplug_disk();
	CHECK_EQ(slow.nr_open, 0);
	CHECK_EQ(slow.under_way, 0);
	CHECK(was_said(NULL));
}

static unsigned int threads(void)
{
	struct stat st;

	CHECK(!stat("/proc/self/task", &st));
	return st.st_nlink - 2;
}

/* ---- what is asked of it ------------------------------------------------------------------ */

static const struct asked *last_asked(void)
{
	return &slow.asked[locked_read(&slow.nr_asked) - 1];
}

static void test_asked(void)
{
	const struct asked *a;

	new_slow_disk(BLOCK_WRITEBACK, 1);
	start_disk(BASIC, 1, 16);
	CHECK_EQ(disk_read(5, DATA_GPA, 2048), 0);
	a = last_asked();
	CHECK(a->op == BLOCK_READ && a->offset == 2560 && a->bytes == 2048 && a->iov_bytes == 2048);
	CHECK(is_all(host(DATA_GPA), 2048, READ_BYTE));
	CHECK_EQ(disk_write(SECTORS - 1, DATA_GPA, 512), 0);
	a = last_asked();
	CHECK(a->op == BLOCK_WRITE && a->offset == (SECTORS - 1) * 512 && a->bytes == 512);
	CHECK(a->iov_bytes == 512 && !a->stable);
	CHECK_EQ(disk_flush(), 0);
	CHECK_EQ(last_asked()->op, BLOCK_FLUSH);
	CHECK_EQ(disk_range(VIRTIO_BLK_T_DISCARD, 7, 9, 0), 0);
	a = last_asked();
	CHECK(a->op == BLOCK_DISCARD && a->offset == 7 * 512 && a->bytes == 9 * 512);
	CHECK_EQ(disk_range(VIRTIO_BLK_T_WRITE_ZEROES, 8, 10, 0), 0);
	a = last_asked();
	CHECK(a->op == BLOCK_ZERO && !a->unmap && a->offset == 8 * 512 && a->bytes == 10 * 512);
	CHECK(!a->stable && !a->iov_bytes);
	CHECK_EQ(disk_range(VIRTIO_BLK_T_WRITE_ZEROES, 8, 10, 1), 0);
	CHECK(last_asked()->unmap);
	CHECK_EQ(slow.nr_asked, 6);
	/* Of these the block hears nothing. */
	disk_read(SECTORS, DATA_GPA, 512);
	disk_write(0, DATA_GPA, 100);
	disk_write(0, 0, 0);
	disk_range(VIRTIO_BLK_T_DISCARD, 0, 8, 1);
	do_request(VIRTIO_BLK_T_GET_ID, 0, DATA_GPA, 20, true);
	do_request(99, 0, DATA_GPA, 20, true);
	CHECK_EQ(slow.nr_asked, 6);
	/* A large disk: offsets of 64 bits, and no more of it at once than was said. */
	slow.block.bytes = 1ull << 40;
	CHECK_EQ(disk_read(1ull << 30, DATA_GPA, 512), 0);
	CHECK_EQ(last_asked()->offset, 1ull << 39);
	CHECK_EQ(disk_range(VIRTIO_BLK_T_DISCARD, 8, 1 << 22, 0), 0);
	CHECK_EQ(last_asked()->bytes, 1ull << 31);
	CHECK_EQ(disk_range(VIRTIO_BLK_T_DISCARD, 8, (1 << 22) + 1, 0), VIRTIO_BLK_S_IOERR);
	CHECK_EQ(disk_range(VIRTIO_BLK_T_WRITE_ZEROES, 8, UINT32_MAX, 0), VIRTIO_BLK_S_IOERR);
	CHECK_EQ(slow.nr_asked, 8);
	free_slow_disk();
}

/* A driver that did not ask for flushes gets writes that are as good (5.2.6.2). */
static void test_stable(void)
{
	new_slow_disk(BLOCK_WRITEBACK, 1);
	start_disk(F(VIRTIO_F_VERSION_1), 1, 16);
	CHECK_EQ(disk_write(1, DATA_GPA, 512), 0);
	CHECK(last_asked()->stable);
	CHECK_EQ(disk_range(VIRTIO_BLK_T_WRITE_ZEROES, 8, 10, 0), 0);
	CHECK(last_asked()->stable);
	start_disk(BASIC, 1, 16);
	CHECK_EQ(disk_write(1, DATA_GPA, 512), 0);
	CHECK(!last_asked()->stable);
	free_slow_disk();

	new_slow_disk(BLOCK_UNSAFE, 1);
	start_disk(F(VIRTIO_F_VERSION_1), 1, 16);
	CHECK_EQ(disk_write(1, DATA_GPA, 512), 0);
	CHECK(!last_asked()->stable);
	start_disk(BASIC, 1, 16);
	CHECK_EQ(disk_flush(), 0);
	CHECK_EQ(slow.nr_asked, 1);
	free_slow_disk();
}

/* The block is not asked for what it would have to refuse. */
static void test_readonly(void)
{
	new_slow_disk(BLOCK_WRITEBACK, 1);
	slow.block.readonly = true;
	start_disk(F(VIRTIO_F_VERSION_1), 1, 16);
	CHECK_EQ(disk_write(0, DATA_GPA, 512), VIRTIO_BLK_S_IOERR);
	CHECK_EQ(disk_range(VIRTIO_BLK_T_DISCARD, 0, 8, 0), VIRTIO_BLK_S_IOERR);
	CHECK_EQ(disk_range(VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 0), VIRTIO_BLK_S_IOERR);
	CHECK_EQ(slow.nr_asked, 0);
	CHECK_EQ(disk_read(0, DATA_GPA, 512), 0);
	CHECK_EQ(disk_flush(), 0);
	CHECK_EQ(slow.nr_asked, 2);
	free_slow_disk();
}

static void test_errors(void)
{
	static const struct {
		int error;
		unsigned int status;
	} cases[] = {
		{ -EIO, VIRTIO_BLK_S_IOERR }, { -ENOSPC, VIRTIO_BLK_S_IOERR },
		{ -EINVAL, VIRTIO_BLK_S_IOERR }, { -EOPNOTSUPP, VIRTIO_BLK_S_UNSUPP },
	};

	new_slow_disk(BLOCK_WRITEBACK, 1);
	start_disk(BASIC, 1, 16);
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		slow.error = cases[i].error;
		CHECK_EQ(disk_read(0, DATA_GPA, 512), cases[i].status);
		CHECK_EQ(slot_written[0], 1);
		CHECK_EQ(disk_write(0, DATA_GPA, 512), cases[i].status);
		CHECK_EQ(disk_flush(), cases[i].status);
		CHECK_EQ(disk_range(VIRTIO_BLK_T_DISCARD, 0, 8, 0), cases[i].status);
	}
	slow.error = 0;
	CHECK_EQ(disk_read(0, DATA_GPA, 512), 0);
	free_slow_disk();
}

/* ---- queues ------------------------------------------------------------------------------- */

static void test_queues(void)
{
	const struct driver_part data = { DATA_GPA, 512, true };
	unsigned int before = threads();

	new_slow_disk(BLOCK_WRITEBACK, 64);
	CHECK_EQ(common_get(&dev, REG(num_queues), 2), 64);
	start_disk(BASIC, 2, 16);
	wait_for(&slow.nr_open, 2);
	CHECK_EQ(threads(), before + 2);		/* of those that are enabled */
	for (unsigned int i = 0; i < 50; i++) {
		fake.nr_msis = 0;
		add_request(i & 1, i, VIRTIO_BLK_T_IN, i, &data, 1, false);
		CHECK_EQ(finish(i & 1, i), 0);
		while (!fake.nr_msis && fake_loop(DONE_MS))
			;
		CHECK_EQ(fake.nr_msis, 1);
		CHECK_EQ(fake.msi[0].data, 0x41 + (i & 1));
	}
	/* Both at once, and one waits for the other's sake no longer than it has to. */
	hold(true);
	for (unsigned int i = 0; i < 10; i++)
		add_request(i & 1, i, VIRTIO_BLK_T_IN, i, &data, 1, false);
	notify(0);
	notify(1);
	wait_for(&slow.under_way, 10);
	hold(false);
	for (unsigned int i = 0; i < 10; i++)
		CHECK_EQ(finish(i & 1, i), 0);
	reset_device(&dev);
	CHECK_EQ(slow.nr_open, 0);
	CHECK_EQ(threads(), before);
	free_slow_disk();
}

/* More than it can have under way is not taken, and what is taken later is not forgotten. */
static void test_depth(void)
{
	const struct driver_part data = { DATA_GPA, 512, true };

	new_slow_disk(BLOCK_WRITEBACK, 1);
	for (unsigned int packed = 0; packed < 2; packed++) {
		start_disk(BASIC | F(VIRTIO_RING_F_INDIRECT_DESC) |
			   (packed ? F(VIRTIO_F_RING_PACKED) : 0), 1, 64);
		for (unsigned int round = 0; round < 5; round++) {
			hold(true);
			for (unsigned int i = 0; i < 64; i++) {
				add_request(0, i, VIRTIO_BLK_T_IN, i, &data, 1, true);
				notify(0);
			}
			wait_for(&slow.under_way, 64);
			hold(false);
			for (unsigned int i = 0; i < 64; i++)
				CHECK_EQ(finish(0, i), 0);
		}
	}
	CHECK_EQ(slow.max_under_way, 64);
	free_slow_disk();
}

static void test_cannot_start(void)
{
	unsigned int fds = open_fds(), before = threads();

	new_slow_disk(BLOCK_WRITEBACK, 4);
	for (int i = 0; i < 2; i++) {
		slow.nr_contexts = 0;
		slow.refuse_context = i;
		begin_disk(BASIC, 2, 16);
		wait_for(&slow.nr_open, 1);
		for (unsigned int ms = 0; ms < DONE_MS; ms++) {
			if (get_status(&dev) & VIRTIO_CONFIG_S_NEEDS_RESET)
				break;
			usleep(1000);
		}
		CHECK(get_status(&dev) & VIRTIO_CONFIG_S_NEEDS_RESET);
		CHECK_EQ(said.lines, 2);
		CHECK(strstr(said.last, "its image cannot be used"));
		said.lines = 0;
		reset_device(&dev);
		CHECK_EQ(slow.nr_open, 0);
	}
	for (int i = 0; i < 2; i++) {
		calloc_after = i;
		begin_disk(BASIC, 2, 16);
		calloc_after = -1;
		CHECK(get_status(&dev) & VIRTIO_CONFIG_S_NEEDS_RESET);
		CHECK(was_said("vmctl cannot make it go"));
		CHECK_EQ(slow.nr_open, 0);
		CHECK_EQ(threads(), before);
	}
	start_disk(BASIC, 2, 16);
	CHECK_EQ(disk_read(0, DATA_GPA, 512), 0);
	free_slow_disk();
	CHECK_EQ(open_fds(), fds);
}

/* ---- reset -------------------------------------------------------------------------------- */

static bool released;

static void *release_later(void *arg)
{
	usleep(100000);
	__atomic_store_n(&released, true, __ATOMIC_SEQ_CST);
	hold(false);
	return NULL;
}

static void fill_ring(unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		const struct driver_part data = { DATA_GPA + 512 * i, 512, true };

		add_request(0, i, VIRTIO_BLK_T_IN, i, &data, 1, true);
	}
	kick(&dev, 0);
}

static bool is_released(void)
{
	return __atomic_load_n(&released, __ATOMIC_SEQ_CST);
}

/* The driver resets it, or forbids it the memory: nobody waits but who asked for it. */
static void stop_slowly(bool reset)
{
	unsigned int status;

	if (reset)
		set_status(&dev, 0);
	else
		set_command(1, 3);
	CHECK(!is_released());
	CHECK_EQ(fake.holds, !reset);
	status = get_status(&dev);
	CHECK(status & VIRTIO_CONFIG_S_DRIVER_OK);
	/* It is no device to talk to meanwhile. */
	CHECK_EQ(fake.nr_ioeventfds, 0);
	kick(&dev, 0);
	set_status(&dev, status | VIRTIO_CONFIG_S_FAILED);
	CHECK_EQ(get_status(&dev), status);
	set_command(1, 7);
	if (!reset)
		set_command(1, 3);
	if (reset)
		set_status(&dev, 0);
	CHECK_EQ(fake.holds, !reset);
	while (reset ? get_status(&dev) : fake.holds)
		CHECK(fake_loop(DONE_MS));
	CHECK(reset || get_status(&dev) & VIRTIO_CONFIG_S_NEEDS_RESET);
	CHECK(is_released());
}

/*
 * Who resets it, frees it, or forbids it the memory has what is under way end first; from then on
 * the memory is the driver's.
 */
static void test_reset_under_way(void)
{
	pthread_t thread;

	for (unsigned int i = 0; i < 4; i++) {
		new_slow_disk(BLOCK_WRITEBACK, 1);
		start_disk(BASIC | F(VIRTIO_RING_F_INDIRECT_DESC), 1, 64);
		set_command(1, 7);
		hold(true);
		fill_ring(64);
		wait_for(&slow.under_way, 64);
		released = false;
		if (i == 3)		/* freed while it is about to be reset */
			set_status(&dev, 0);
		CHECK(!pthread_create(&thread, NULL, release_later, NULL));
		if (i & 1)
			virtio_blk_free(blk);
		else
			stop_slowly(i);
		CHECK(is_released());
		CHECK_EQ(slow.under_way + slow.nr_open, 0);
		CHECK_EQ(slow.nr_cancelled, 1);
		CHECK(is_all(host(DATA_GPA), 64 * 512, READ_BYTE));
		pthread_join(thread, NULL);
		memset(guest.host, POISON, MEMORY_BYTES);
		usleep(20000);
		CHECK(is_all(guest.host, MEMORY_BYTES, POISON));
		if (i & 1) {
			pci_bus_free(bus);
			continue;
		}
		start_disk(BASIC, 1, 64);
		CHECK_EQ(disk_read(0, DATA_GPA, 512), 0);
		free_slow_disk();
	}
}

/* The memory was forbidden first, and then it was reset. */
static void test_halt_and_reset(void)
{
	pthread_t thread;

	new_slow_disk(BLOCK_WRITEBACK, 1);
	start_disk(BASIC | F(VIRTIO_RING_F_INDIRECT_DESC), 1, 64);
	set_command(1, 7);
	hold(true);
	fill_ring(8);
	wait_for(&slow.under_way, 8);
	set_command(1, 3);
	CHECK_EQ(fake.holds, 1);
	CHECK(!pthread_create(&thread, NULL, release_later, NULL));
	reset_device(&dev);
	CHECK_EQ(fake.holds + slow.under_way + slow.nr_open, 0);
	pthread_join(thread, NULL);
	free_slow_disk();
}

static bool gone;

static void see_gone(void *opaque)
{
	CHECK(opaque == &gone && is_released() && !fake.holds);
	CHECK_EQ(slow.under_way + slow.nr_open, 0);
	gone = true;
	virtio_blk_free(blk);
}

/* The guest has let go of it: the vCPU that says so is held, and nobody else. */
static void test_retired(void)
{
	pthread_t thread;

	/* With or without a reset that has begun. */
	for (unsigned int i = 0; i < 2; i++) {
		new_slow_disk(BLOCK_WRITEBACK, 1);
		start_disk(BASIC | F(VIRTIO_RING_F_INDIRECT_DESC), 1, 64);
		hold(true);
		fill_ring(64);
		wait_for(&slow.under_way, 64);
		released = false;
		gone = false;
		if (i)
			set_status(&dev, 0);
		CHECK(!virtio_blk_retire(blk, see_gone, &gone));
		CHECK(!gone);
		CHECK_EQ(fake.holds, 1);
		CHECK(!pthread_create(&thread, NULL, release_later, NULL));
		while (!gone && fake_loop(DONE_MS))
			;
		CHECK(gone);
		CHECK_EQ(fake.nr_watches, 0);
		pthread_join(thread, NULL);
		pci_bus_free(bus);
	}

	new_slow_disk(BLOCK_WRITEBACK, 1);
	CHECK(virtio_blk_retire(blk, see_gone, &gone));	/* its driver has not begun */
	CHECK_EQ(fake.holds, 0);
	free_slow_disk();
}

static bool impatient;

int __wrap_pthread_timedjoin_np(pthread_t thread, void **result, const struct timespec *until);
int __real_pthread_timedjoin_np(pthread_t thread, void **result, const struct timespec *until);

int __wrap_pthread_timedjoin_np(pthread_t thread, void **result, const struct timespec *until)
{
	return impatient ? ETIMEDOUT : __real_pthread_timedjoin_np(thread, result, until);
}

static void test_waiting_is_said(void)
{
	pthread_t thread;

	new_slow_disk(BLOCK_WRITEBACK, 1);
	start_disk(BASIC | F(VIRTIO_RING_F_INDIRECT_DESC), 1, 64);
	hold(true);
	fill_ring(8);
	wait_for(&slow.under_way, 8);
	CHECK(!pthread_create(&thread, NULL, release_later, NULL));
	impatient = true;
	unplug_disk();
	impatient = false;
	CHECK(was_said("--disk slow: waiting for requests that the host does not end; kill -KILL"));
	pthread_join(thread, NULL);
}

static void test_reset_when_broken(void)
{
	const struct driver_part no_request = { DATA_GPA, 4, false };
	pthread_t thread;

	new_slow_disk(BLOCK_WRITEBACK, 1);
	start_disk(BASIC | F(VIRTIO_RING_F_INDIRECT_DESC), 1, 64);
	hold(true);
	fill_ring(32);
	wait_for(&slow.under_way, 32);
	add_parts(0, 40, &no_request, 1, false);
	kick(&dev, 0);
	CHECK_EQ(finish(0, 40), BROKEN);
	CHECK(was_said("without header or status"));
	CHECK(!pthread_create(&thread, NULL, release_later, NULL));
	reset_device(&dev);
	CHECK_EQ(slow.under_way + slow.nr_open, 0);
	pthread_join(thread, NULL);
	free_slow_disk();
}

/* ---- files, by io_uring ------------------------------------------------------------------- */

static char image[300];
static struct block *block;

static void new_file_disk(unsigned int queues)
{
	const struct virtio_blk_options options = { .queues = queues, .packed = true };
	int fd;

	snprintf(image, sizeof(image), "%s/svmm-disk.XXXXXX", getenv("TMPDIR") ?: "/tmp");
	fd = mkstemp(image);
	if (fd < 0 || ftruncate(fd, SECTORS * 512))
		abort();
	close(fd);
	block = block_open_file(image, false, BLOCK_WRITEBACK, queues);
	if (!block || !plug_disk(block, &options))
		abort();
}

static void free_file_disk(void)
{
	unplug_disk();
	block_free(block);
	unlink(image);
	CHECK(was_said(NULL));
}

static void test_file_reset(void)
{
	unsigned int fds = open_fds(), before = threads();

	new_file_disk(2);
	for (unsigned int i = 0; i < 50; i++) {
		start_disk(BASIC | F(VIRTIO_RING_F_INDIRECT_DESC) |
			   (i & 1 ? F(VIRTIO_F_RING_PACKED) : 0), 1 + (i & 1), 256);
		fill_ring(256);
		if (i % 3 == 0)
			finish(0, fake_random() % 256);
		reset_device(&dev);
		memset(guest.host, POISON, MEMORY_BYTES);
		usleep(i % 10 ? 0 : 5000);
		CHECK(is_all(guest.host, MEMORY_BYTES, POISON));
		CHECK_EQ(threads(), before);
	}
	free_file_disk();
	CHECK_EQ(open_fds(), fds);
}

/* Two queues that write and read areas of their own at the same time. */
static void test_file_queues(void)
{
	new_file_disk(2);
	start_disk(BASIC | F(VIRTIO_RING_F_INDIRECT_DESC) | F(VIRTIO_RING_F_EVENT_IDX), 2, 128);
	for (unsigned int round = 0; round < 8; round++) {
		bool in = round & 1;

		if (!in)
			fill(DATA_GPA, 256 * 2048, 0, round);
		for (unsigned int i = 0; i < 256; i++) {
			const struct driver_part data = {
				(in ? BACK_GPA : DATA_GPA) + 2048 * i, 2048, in,
			};

			add_request(i & 1, i, in ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT, 4 * i,
				    &data, 1, true);
			if (i % 32 > 29)
				notify(i & 1);
		}
		for (unsigned int i = 0; i < 256; i++)
			CHECK_EQ(finish(i & 1, i), 0);
		if (in)
			CHECK(is_filled(host(BACK_GPA), 256 * 2048, 0, round - 1));
	}
	free_file_disk();
}

static const struct test tests[] = {
	{ "what is asked of a block", test_asked },
	{ "a driver without flushes", test_stable },
	{ "read-only", test_readonly },
	{ "errors", test_errors },
	{ "queues, their threads and interrupts", test_queues },
	{ "as many requests as the ring has places", test_depth },
	{ "a disk that cannot be used", test_cannot_start },
	{ "reset with requests under way", test_reset_under_way },
	{ "reset of one that is forbidden the memory", test_halt_and_reset },
	{ "one that is to go", test_retired },
	{ "what is waited for is said", test_waiting_is_said },
	{ "reset of a broken one", test_reset_when_broken },
	{ "a file: reset with requests under way", test_file_reset },
	{ "a file: two queues", test_file_queues },
};

int main(void)
{
	return RUN_TESTS(tests);
}
