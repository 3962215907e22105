// SPDX-License-Identifier: GPL-2.0
/*
 * Raw images and block devices, by io_uring.
 *
 * It knows files, not the disks of guests.  A context is a ring of its own: one system call begins
 * requests and waits for the end of others and for the eventfd, which is polled once for all.  What
 * the host's page cache has is read within that call.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "block.h"
#include "iov.h"
#include "message.h"

#define DIRECT_ALIGN	4096u
#define PART_BYTES	(128u << 10)

struct file_block {
	struct block block;
	int fd;
};

struct block_context {
	struct file_block *file;
	struct io_uring ring;
	int wake_fd;
};

static uint8_t zeroes[PART_BYTES] __attribute__((aligned(DIRECT_ALIGN)));

/* Requests */

static bool stable(const struct block_context *c, const struct block_request *r)
{
	return r->stable || c->file->block.cache == BLOCK_WRITETHROUGH;
}

/* There is an entry: the ring has one for each request and for the poll. */
static void prepare(struct block_context *c, struct block_request *r)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&c->ring);
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
					offset, r->bytes);
	io_uring_sqe_set_data(sqe, r);
}

/* The next part of what goes through memory of ours. */
static void prepare_part(struct block_context *c, struct block_request *r)
{
	uint64_t left = r->bytes - r->backend.done;

	r->backend.whole = (struct iovec) {
		.iov_base = r->backend.part,
		.iov_len = left < PART_BYTES ? left : PART_BYTES,
	};
	r->backend.iov = &r->backend.whole;
	r->backend.nr = 1;
	if (r->op == BLOCK_WRITE)
		iov_to_buffer(r->iov, r->nr, r->backend.done, r->backend.part,
			      r->backend.whole.iov_len);
	prepare(c, r);
}

static void end(struct block_request *r, int error)
{
	if (r->backend.part != zeroes)
		free(r->backend.part);
	r->done(r, error);
}

/* What goes past the page cache is moved by the medium, which wants aligned memory. */
static bool aligned(const struct block_context *c, const struct block_request *r)
{
	for (unsigned int i = 0; i < r->nr; i++) {
		if (((uintptr_t)r->iov[i].iov_base | r->iov[i].iov_len) % c->file->block.unit)
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
	r->backend.part = aligned_alloc(DIRECT_ALIGN, PART_BYTES);
	if (r->backend.part)
		prepare_part(c, r);
	else
		end(r, -ENOMEM);
}

/* Files end requests early when they like. */
static void moved(struct block_context *c, struct block_request *r, uint32_t bytes)
{
	if (r->op == BLOCK_READ && r->backend.part)
		iov_from_buffer(r->iov, r->nr, r->backend.done, r->backend.part, bytes);
	r->backend.done += bytes;
	if (r->backend.done == r->bytes) {
		end(r, 0);
	} else if (r->backend.part) {
		prepare_part(c, r);
	} else {
		iov_advance(&r->backend.iov, &r->backend.nr, bytes);
		prepare(c, r);
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
		end(r, result);
	} else if (moves && !result) {
		end(r, -EIO);		/* the file has become shorter */
	} else if (moves) {
		moved(c, r, result);
	} else if (r->op == BLOCK_ZERO && stable(c, r) && !r->backend.sync) {
		r->backend.sync = true;
		prepare(c, r);
	} else {
		end(r, 0);
	}
}

/* The poll tells of each signal; if it ends, for want of memory, it is begun again. */
static void poll_wake(struct block_context *c)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&c->ring);

	io_uring_prep_poll_multishot(sqe, c->wake_fd, POLLIN);
	io_uring_sqe_set_data(sqe, NULL);
}

static void wait_for_any(struct block_context *c)
{
	struct io_uring_cqe *cqe;
	unsigned int head, n = 0;

	io_uring_submit_and_wait(&c->ring, 1);
	io_uring_for_each_cqe(&c->ring, head, cqe) {
		struct block_request *r = io_uring_cqe_get_data(cqe);

		n++;
		if (r)
			completed(c, r, cqe->res);
		else if (!(cqe->flags & IORING_CQE_F_MORE))
			poll_wake(c);
	}
	io_uring_cq_advance(&c->ring, n);
}

/* Contexts */

static int init_ring(struct io_uring *ring, unsigned int entries)
{
	int err = io_uring_queue_init(entries, ring, IORING_SETUP_SINGLE_ISSUER |
						     IORING_SETUP_DEFER_TASKRUN);

	if (err == -EINVAL)	/* before Linux 6.1 */
		err = io_uring_queue_init(entries, ring, 0);
	return err;
}

static struct block_context *open_context(struct block *block, int wake_fd, unsigned int depth)
{
	struct block_context *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return NULL;
	c->file = (struct file_block *)block;
	c->wake_fd = wake_fd;
	err = init_ring(&c->ring, depth + 1);
	if (err) {
		free(c);
		errno = -err;
		return NULL;
	}
	io_uring_register_ring_fd(&c->ring);
	poll_wake(c);
	return c;
}

static void close_context(struct block_context *c)
{
	io_uring_queue_exit(&c->ring);
	free(c);
}

/* Files */

static void free_block(struct block *block)
{
	struct file_block *file = (struct file_block *)block;

	close(file->fd);
	free(file);
}

static const struct block_ops ops = {
	.open = open_context,
	.submit = submit,
	.wait = wait_for_any,
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

/* A file system may want more than sectors where the page cache does not stand between. */
static int check_direct(const char *path, int fd, const struct block *block)
{
	struct statx st;

	if (block->cache != BLOCK_DIRECT || block->unit != BLOCK_SECTOR ||
	    statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &st) ||
	    !(st.stx_mask & STATX_DIOALIGN) || st.stx_dio_offset_align <= BLOCK_SECTOR)
		return 0;
	message("--disk %s: with cache=none its file system takes multiples of %u bytes, and the "
		"disk has sectors of %u; choose another cache", path, st.stx_dio_offset_align,
		BLOCK_SECTOR);
	return -1;
}

/* Better now than when the guest runs. */
static int check_ring(const char *path)
{
	struct io_uring ring;
	int err = init_ring(&ring, 1);

	if (!err) {
		io_uring_queue_exit(&ring);
		return 0;
	}
	message("--disk %s: the host does not let vmctl use io_uring: %s%s", path, strerror(-err),
		err == -EPERM ? "; see sysctl kernel.io_uring_disabled, and in a container its "
				"seccomp rules" : "");
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
	else
		message("--disk %s: %s", path, strerror(errno));
	return -1;
}

static int flags_of(bool readonly, enum block_cache cache)
{
	return (readonly ? O_RDONLY : O_RDWR) | (cache == BLOCK_DIRECT ? O_DIRECT : 0);
}

struct block *block_open_fd(const char *path, int fd, bool readonly, enum block_cache cache)
{
	struct file_block *file = calloc(1, sizeof(*file));

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
		.max_contexts = UINT32_MAX,
	};
	file->fd = fd;
	if (!measure(path, fd, &file->block) && !check_direct(path, fd, &file->block) &&
	    !check_ring(path) && !block_lock(path, fd, readonly))
		return &file->block;
	free(file);
close:
	close(fd);
	return NULL;
}

struct block *block_open_file(const char *path, bool readonly, enum block_cache cache)
{
	int fd = open_file(path, flags_of(readonly, cache));

	return fd < 0 ? NULL : block_open_fd(path, fd, readonly, cache);
}
