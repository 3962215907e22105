// SPDX-License-Identifier: GPL-2.0
/*
 * Raw images and block devices, by io_uring.
 *
 * It knows files, not the disks of guests.  A context is a ring of its own, which is there before
 * the guest is: one system call begins requests and waits for the end of others and for the eventfd,
 * which is polled once for all.  What the host's page cache has is read within that call.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "block.h"
#include "iov.h"
#include "message.h"
#include "uring.h"

#define PART_ALIGN	4096u		/* no medium wants more */
#define PART_BYTES	(128u << 10)
#define PARTS_MAX	8u		/* of a context: what cache=none may take beside the guest */
#define RANGE_BYTES	(64u << 20)	/* discarded or zeroed at a time, so that it can be given up */

struct block_context {
	struct file_block *file;
	atomic_bool taken;
	struct io_uring ring;
	int wake_fd;
	bool cancelled;
	bool polling, removed;			/* the poll of wake_fd */
	void *parts[PARTS_MAX];			/* that nobody uses */
	unsigned int nr_free, nr_parts;		/* of those, and of all */
	struct block_request *first, **last;	/* that wait for one */
};

struct file_block {
	struct block block;
	int fd;
	unsigned int align;			/* of memory, for what goes past the page cache */
	unsigned int nr_contexts;
	struct block_context contexts[];
};

static uint8_t zeroes[PART_BYTES] __attribute__((aligned(PART_ALIGN)));

/* Requests */

static bool stable(const struct block_context *c, const struct block_request *r)
{
	return r->stable || c->file->block.cache == BLOCK_WRITETHROUGH;
}

/* There is room for as many as can be under way, but they may come faster than they are begun. */
static struct io_uring_sqe *new_entry(struct block_context *c)
{
	struct io_uring_sqe *sqe;

	while (!(sqe = io_uring_get_sqe(&c->ring)))
		io_uring_submit(&c->ring);
	return sqe;
}

static uint64_t at_most(uint64_t bytes, uint64_t max)
{
	return bytes < max ? bytes : max;
}

/* How much of a discard or of zeroes is done next. */
static uint64_t range_bytes(const struct block_request *r)
{
	return at_most(r->bytes - r->backend.done, RANGE_BYTES);
}

static void prepare(struct block_context *c, struct block_request *r)
{
	struct io_uring_sqe *sqe = new_entry(c);
	uint64_t offset = r->offset + r->backend.done;
	int fd = c->file->fd;

	if (r->op == BLOCK_READ)
		io_uring_prep_readv(sqe, fd, r->backend.iov, r->backend.nr, offset);
	else if (r->op == BLOCK_FLUSH || r->backend.sync)
		io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
	else if (r->backend.nr)
		io_uring_prep_writev2(sqe, fd, r->backend.iov, r->backend.nr, offset,
				      stable(c, r) ? RWF_DSYNC : 0);
	else
		io_uring_prep_fallocate(sqe, fd, FALLOC_FL_KEEP_SIZE |
					(r->op == BLOCK_DISCARD || r->unmap ?
						 FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE),
					offset, range_bytes(r));
	io_uring_sqe_set_data(sqe, r);
}

/* What passes through memory of ours: some of it at a time. */
static void prepare_part(struct block_context *c, struct block_request *r)
{
	r->backend.whole = (struct iovec) {
		.iov_base = r->backend.part,
		.iov_len = at_most(r->bytes - r->backend.done, PART_BYTES),
	};
	r->backend.iov = &r->backend.whole;
	r->backend.nr = 1;
	if (r->op == BLOCK_WRITE)
		iov_to_buffer(r->iov, r->nr, r->backend.done, r->backend.part,
			      r->backend.whole.iov_len);
	prepare(c, r);
}

static void *get_part(struct block_context *c)
{
	void *part;

	if (c->nr_free)
		return c->parts[--c->nr_free];
	part = c->nr_parts < PARTS_MAX ? aligned_alloc(PART_ALIGN, PART_BYTES) : NULL;
	if (part)
		c->nr_parts++;
	return part;
}

static struct block_request *first_waiting(struct block_context *c)
{
	struct block_request *r = c->first;

	c->first = r->backend.next;
	if (!c->first)
		c->last = &c->first;
	return r;
}

static void end(struct block_context *c, struct block_request *r, int error)
{
	void *part = r->backend.part;

	r->done(r, error);
	if (!part || part == zeroes)
		return;
	c->parts[c->nr_free++] = part;
	if (c->first) {
		r = first_waiting(c);
		r->backend.part = get_part(c);
		prepare_part(c, r);
	}
}

/* What goes past the page cache is moved by the medium, which wants aligned memory. */
static bool aligned(const struct block_context *c, const struct block_request *r)
{
	for (unsigned int i = 0; i < r->nr; i++) {
		if ((uintptr_t)r->iov[i].iov_base % c->file->align ||
		    r->iov[i].iov_len % c->file->block.unit)
			return false;
	}
	return true;
}

static void submit(struct block_context *c, struct block_request *r)
{
	r->backend.done = 0;
	r->backend.part = NULL;
	r->backend.sync = false;
	r->backend.iov = r->iov;
	r->backend.nr = r->nr;
	if (c->file->block.cache != BLOCK_DIRECT || aligned(c, r)) {
		prepare(c, r);
		return;
	}
	r->backend.part = get_part(c);
	if (r->backend.part) {
		prepare_part(c, r);
	} else if (c->nr_parts) {
		r->backend.next = NULL;
		*c->last = r;
		c->last = &r->backend.next;
	} else {
		end(c, r, -ENOMEM);
	}
}

/* Begin the next part, or what is left. */
static void go_on(struct block_context *c, struct block_request *r)
{
	if (c->cancelled)
		end(c, r, -ECANCELED);
	else if (r->backend.part)
		prepare_part(c, r);
	else
		prepare(c, r);
}

/* Files end requests early when they like. */
static void moved(struct block_context *c, struct block_request *r, uint32_t bytes)
{
	if (r->op == BLOCK_READ && r->backend.part)
		iov_from_buffer(r->iov, r->nr, r->backend.done, r->backend.part, bytes);
	r->backend.done += bytes;
	if (r->backend.done == r->bytes) {
		end(c, r, 0);
		return;
	}
	if (!r->backend.part)
		iov_advance(&r->backend.iov, &r->backend.nr, bytes);
	go_on(c, r);
}

/* A flush is done, or a piece of a discard or of zeroes. */
static void done_without_data(struct block_context *c, struct block_request *r)
{
	if (r->op == BLOCK_FLUSH || r->backend.sync) {
		end(c, r, 0);
		return;
	}
	r->backend.done += range_bytes(r);
	if (r->backend.done < r->bytes) {
		go_on(c, r);
	} else if (r->op == BLOCK_ZERO && stable(c, r)) {
		r->backend.sync = true;
		prepare(c, r);
	} else {
		end(c, r, 0);
	}
}

/* @result: bytes, or -errno */
static void completed(struct block_context *c, struct block_request *r, int result)
{
	bool moves = r->backend.nr;

	if (result == -EAGAIN || result == -EINTR) {
		prepare(c, r);
	} else if (result == -EOPNOTSUPP && r->op == BLOCK_ZERO && !moves) {
		/* A file system that cannot make zeroes: write them. */
		r->backend.part = zeroes;
		prepare_part(c, r);
	} else if (result < 0) {
		end(c, r, result);
	} else if (moves && !result) {
		end(c, r, -EIO);		/* the file has become shorter */
	} else if (moves) {
		moved(c, r, result);
	} else {
		done_without_data(c, r);
	}
}

/* The poll tells of each signal; if it ends, for want of memory, it is begun again. */
static void poll_wake(struct block_context *c)
{
	struct io_uring_sqe *sqe = new_entry(c);

	io_uring_prep_poll_multishot(sqe, c->wake_fd, POLLIN);
	io_uring_sqe_set_data(sqe, &c->polling);
	c->polling = true;
}

static void wait_and_complete(struct block_context *c)
{
	struct io_uring_cqe *cqe;
	unsigned int head, n = 0;

	io_uring_submit_and_wait(&c->ring, 1);
	io_uring_for_each_cqe(&c->ring, head, cqe) {
		void *data = io_uring_cqe_get_data(cqe);

		n++;
		if (data == &c->polling)
			c->polling = cqe->flags & IORING_CQE_F_MORE;
		else if (data == &c->removed)
			c->removed = true;
		else
			completed(c, data, cqe->res);
	}
	io_uring_cq_advance(&c->ring, n);
}

static void wait_for_any(struct block_context *c)
{
	wait_and_complete(c);
	if (!c->polling)
		poll_wake(c);
}

static void cancel(struct block_context *c)
{
	c->cancelled = true;
	while (c->first)
		end(c, first_waiting(c), -ECANCELED);
}

/* Contexts */

static struct block_context *open_context(struct block *block, int wake_fd)
{
	struct file_block *file = (struct file_block *)block;
	struct block_context *c;

	for (c = file->contexts; c < file->contexts + file->nr_contexts; c++) {
		if (atomic_exchange(&c->taken, true))
			continue;
		c->file = file;
		c->wake_fd = wake_fd;
		c->cancelled = false;
		c->last = &c->first;
		poll_wake(c);
		return c;
	}
	errno = EBUSY;
	return NULL;
}

/* Not while it is about to tell of a signal; then it is still there behind that. */
static void try_to_remove_poll(struct block_context *c)
{
	struct io_uring_sqe *sqe = new_entry(c);

	io_uring_prep_poll_remove(sqe, (uintptr_t)&c->polling);
	io_uring_sqe_set_data(sqe, &c->removed);
	c->removed = false;
	while (!c->removed)
		wait_and_complete(c);
}

/* The poll is of the thread that has begun it, and would go with it, at some time. */
static void close_context(struct block_context *c)
{
	while (c->polling)
		try_to_remove_poll(c);
	while (c->nr_free)
		free(c->parts[--c->nr_free]);
	c->nr_parts = 0;
	atomic_store(&c->taken, false);
}

static void close_rings(struct file_block *file)
{
	while (file->nr_contexts)
		uring_close(&file->contexts[--file->nr_contexts].ring);
}

/* Return: 0, or -1 after a message. */
static int open_rings(struct file_block *file, unsigned int nr)
{
	int err = 0;

	while (file->nr_contexts < nr) {
		err = uring_open(&file->contexts[file->nr_contexts].ring, BLOCK_DEPTH_MAX);
		if (err)
			break;
		file->nr_contexts++;
	}
	if (!err)
		return 0;
	close_rings(file);
	if (err == -ENOSPC)
		message("--disk %s: a running VM can have %u disks that came later; detach one",
			file->block.path, URING_SPARES);
	else
		message("--disk %s: the host does not let vmctl use io_uring: %s%s",
			file->block.path, strerror(-err), err == -EPERM ?
			"; see sysctl kernel.io_uring_disabled, and in a container its seccomp rules" :
			"");
	return -1;
}

/* Files */

static void free_block(struct block *block)
{
	struct file_block *file = (struct file_block *)block;

	close_rings(file);
	close(file->fd);
	free(file);
}

static const struct block_ops ops = {
	.open = open_context,
	.submit = submit,
	.wait = wait_for_any,
	.cancel = cancel,
	.close = close_context,
	.free = free_block,
};

static int measure(const char *path, int fd, struct block *block)
{
	uint64_t *bytes = &block->bytes;
	struct stat st;

	if (fstat(fd, &st)) {
		message("--disk %s: %s", path, strerror(errno));
		return -1;
	}
	if (S_ISREG(st.st_mode)) {
		*bytes = st.st_size;
	} else if (!S_ISBLK(st.st_mode)) {
		message("--disk %s: neither a file nor a block device", path);
		return -1;
	} else if (ioctl(fd, BLKGETSIZE64, bytes) || ioctl(fd, BLKSSZGET, &block->unit)) {
		message("--disk %s: cannot get its size: %s", path, strerror(errno));
		return -1;
	}
	if (!*bytes) {
		message("--disk %s: it is empty; make it as large as the disk shall be with "
			"truncate --size SIZE %s", path, path);
		return -1;
	}
	if (*bytes % BLOCK_SECTOR) {
		message("--disk %s: its size, %llu bytes, is no multiple of 512; is it raw?",
			path, (unsigned long long)*bytes);
		return -1;
	}
	return 0;
}

/* Can it be read at any multiple of @bytes, into memory that is aligned like this and no better? */
static bool reads_directly(int fd, size_t bytes, size_t align)
{
	static uint8_t memory[3 * PART_ALIGN] __attribute__((aligned(PART_ALIGN)));

	return pread(fd, memory + align, bytes, 0) >= 0 || errno != EINVAL;
}

/*
 * What is moved past the page cache has to be multiples of this in the file, and in memory of
 * @align.  File systems say so themselves since Linux 6.1, or not at all.
 */
static unsigned int direct_unit(int fd, unsigned int *align)
{
	unsigned int unit = BLOCK_SECTOR;
	struct statx st;

	if (!statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &st) &&
	    (st.stx_mask & STATX_DIOALIGN) && st.stx_dio_offset_align && st.stx_dio_mem_align) {
		*align = at_most(st.stx_dio_mem_align, PART_ALIGN);
		return st.stx_dio_offset_align;
	}
	if (!reads_directly(fd, BLOCK_SECTOR, 0))
		unit = PART_ALIGN;
	*align = reads_directly(fd, unit, BLOCK_SECTOR) ? BLOCK_SECTOR : PART_ALIGN;
	return unit;
}

/* A file system may want more than the sectors that the guest is shown. */
static int check_direct(struct file_block *file)
{
	const struct block *block = &file->block;
	unsigned int unit;

	if (block->cache != BLOCK_DIRECT)
		return 0;
	unit = direct_unit(file->fd, &file->align);
	if (unit <= block->unit)
		return 0;
	message("--disk %s: with cache=none its file system takes multiples of %u bytes, and the "
		"disk has sectors of %u; choose another cache", block->path, unit, block->unit);
	return -1;
}

static int open_file(const char *path, int flags)
{
	/* One does not wait for the other end of a FIFO. */
	int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0 && !fcntl(fd, F_SETFL, flags))
		return fd;
	if (fd >= 0)
		close(fd);
	if (errno == EACCES || errno == EROFS || errno == EPERM)
		message("--disk %s: %s; with readonly=on it need not be writable", path,
			strerror(errno));
	else if (errno == EINVAL && (flags & O_DIRECT))
		message("--disk %s: its file system cannot do cache=none", path);
	else if (errno == ENOENT)
		message("--disk %s: %s; make it with truncate --size SIZE", path, strerror(errno));
	else
		message("--disk %s: %s", path, strerror(errno));
	return -1;
}

static int flags_of(bool readonly, enum block_cache cache)
{
	return (readonly ? O_RDONLY : O_RDWR) | (cache == BLOCK_DIRECT ? O_DIRECT : 0);
}

/* @fd is the block's, or closed. */
static struct block *open_fd(const char *path, int fd, bool readonly, enum block_cache cache,
			     unsigned int contexts)
{
	struct file_block *file = calloc(1, sizeof(*file) + contexts * sizeof(file->contexts[0]));

	if (!file) {
		message("out of memory");
		goto close;
	}
	file->block = (struct block) {
		.ops = &ops,
		.path = path,
		.unit = BLOCK_SECTOR,
		.readonly = readonly,
		.cache = cache,
		.discard = !readonly,
		.max_contexts = contexts,
	};
	file->fd = fd;
	if (measure(path, fd, &file->block) || check_direct(file) || open_rings(file, contexts))
		goto free;
	if (!block_lock(path, fd, readonly))
		return &file->block;
	close_rings(file);
free:
	free(file);
close:
	close(fd);
	return NULL;
}

struct block *block_open_file(const char *path, bool readonly, enum block_cache cache,
			      unsigned int contexts)
{
	int fd = open_file(path, flags_of(readonly, cache));

	return fd < 0 ? NULL : open_fd(path, fd, readonly, cache, contexts);
}

struct block *block_open_fd(const char *path, int fd, bool readonly, enum block_cache cache)
{
	return open_fd(path, fd, readonly, cache, 1);
}
