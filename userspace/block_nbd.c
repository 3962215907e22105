// SPDX-License-Identifier: GPL-2.0
/*
 * qcow2 images, which qemu-nbd reads and writes and libnbd asks for: that format is theirs to know.
 *
 * A qemu-nbd is started for each image, with a socket that only vmctl has, and ends when that is
 * closed, however vmctl ends.  It moves one piece of memory at a time, so that a request is as many
 * commands as it has pieces.  libnbd is loaded for the first image: it brings fifteen libraries
 * along, which no other VM shall pay for.
 */
#include <errno.h>
#include <libnbd.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "block.h"
#include "library.h"
#include "message.h"
#include "server.h"

#define PROGRAM		"qemu-nbd"
#define COMMAND_MAX	(32u << 20)	/* bytes; a server need not take more */
#define RANGE_BYTES	(64u << 20)	/* discarded or zeroed at a time */
#define SECONDS		60		/* to write out what it has, when its disk is detached */

/* What is used of the library, without its prefix. */
static struct {
	typeof(nbd_create) *create;
	typeof(nbd_close) *close;
	typeof(nbd_connect_socket) *connect_socket;
	typeof(nbd_get_error) *get_error;
	typeof(nbd_get_errno) *get_errno;
	typeof(nbd_get_size) *get_size;
	typeof(nbd_can_trim) *can_trim;
	typeof(nbd_can_flush) *can_flush;
	typeof(nbd_can_fua) *can_fua;
	typeof(nbd_aio_pread) *aio_pread;
	typeof(nbd_aio_pwrite) *aio_pwrite;
	typeof(nbd_aio_flush) *aio_flush;
	typeof(nbd_aio_trim) *aio_trim;
	typeof(nbd_aio_zero) *aio_zero;
	typeof(nbd_aio_is_dead) *aio_is_dead;
	typeof(nbd_aio_is_closed) *aio_is_closed;
	typeof(nbd_aio_get_direction) *aio_get_direction;
	typeof(nbd_aio_get_fd) *aio_get_fd;
	typeof(nbd_aio_notify_read) *aio_notify_read;
	typeof(nbd_aio_notify_write) *aio_notify_write;
} nbd;

static const struct library_function functions[] = {
	{ "nbd_create", &nbd.create },
	{ "nbd_close", &nbd.close },
	{ "nbd_connect_socket", &nbd.connect_socket },
	{ "nbd_get_error", &nbd.get_error },
	{ "nbd_get_errno", &nbd.get_errno },
	{ "nbd_get_size", &nbd.get_size },
	{ "nbd_can_trim", &nbd.can_trim },
	{ "nbd_can_flush", &nbd.can_flush },
	{ "nbd_can_fua", &nbd.can_fua },
	{ "nbd_aio_pread", &nbd.aio_pread },
	{ "nbd_aio_pwrite", &nbd.aio_pwrite },
	{ "nbd_aio_flush", &nbd.aio_flush },
	{ "nbd_aio_trim", &nbd.aio_trim },
	{ "nbd_aio_zero", &nbd.aio_zero },
	{ "nbd_aio_is_dead", &nbd.aio_is_dead },
	{ "nbd_aio_is_closed", &nbd.aio_is_closed },
	{ "nbd_aio_get_direction", &nbd.aio_get_direction },
	{ "nbd_aio_get_fd", &nbd.aio_get_fd },
	{ "nbd_aio_notify_read", &nbd.aio_notify_read },
	{ "nbd_aio_notify_write", &nbd.aio_notify_write },
};

struct block_context {
	struct nbd_block *b;
	struct nbd_handle *nbd;
	bool flush, fua, cancelled;
	int wake_fd;
	struct block_request *first, **last;	/* whose commands have all ended */
};

struct nbd_block {
	struct block block;
	struct nbd_handle *nbd;		/* NULL: it is over */
	struct server_end end;
	bool gone;			/* the server is, and it was said */
	struct block_context context;	/* the only one */
};

/* Commands */

/* One of @r is done, or could not be given; what comes next is settle()'s. */
static void finish_one(struct block_request *r, int error)
{
	struct block_context *c = r->backend.context;

	if (error && !r->backend.error)
		r->backend.error = error;
	if (--r->backend.left)
		return;
	r->backend.next = NULL;
	*c->last = r;
	c->last = &r->backend.next;
}

/* In the midst of libnbd, which can be given no command now.  Return: 1, it may forget this one. */
static int command_done(void *opaque, int *error)
{
	finish_one(opaque, *error);
	return 1;
}

static void check(struct block_request *r, int64_t cookie)
{
	if (cookie >= 0)
		return;
	finish_one(r, nbd.get_errno() ? nbd.get_errno() : EIO);
}

/* The flag for a command whose request shall be stable; without it a flush follows. */
static uint32_t fua(const struct block_context *c, const struct block_request *r)
{
	return r->stable && c->fua ? LIBNBD_CMD_FLAG_FUA : 0;
}

static void move_piece(struct block_context *c, struct block_request *r, uint8_t *data,
		       size_t bytes, uint64_t offset)
{
	const nbd_completion_callback done = { .callback = command_done, .user_data = r };

	r->backend.left++;
	if (r->op == BLOCK_READ)
		check(r, nbd.aio_pread(c->nbd, data, bytes, offset, done, 0));
	else
		check(r, nbd.aio_pwrite(c->nbd, data, bytes, offset, done, fua(c, r)));
}

static void move(struct block_context *c, struct block_request *r)
{
	uint64_t offset = r->offset;

	r->backend.done = r->bytes;
	for (unsigned int i = 0; i < r->nr; i++) {
		uint8_t *data = r->iov[i].iov_base;
		size_t left = r->iov[i].iov_len, bytes;

		for (; left; left -= bytes, data += bytes, offset += bytes) {
			bytes = left < COMMAND_MAX ? left : COMMAND_MAX;
			move_piece(c, r, data, bytes, offset);
		}
	}
}

static void flush(struct block_context *c, struct block_request *r)
{
	const nbd_completion_callback done = { .callback = command_done, .user_data = r };

	r->backend.sync = true;
	if (!c->flush)
		return;
	r->backend.left++;
	check(r, nbd.aio_flush(c->nbd, done, 0));
}

/* The next piece of a discard or of zeroes. */
static void change_range(struct block_context *c, struct block_request *r)
{
	const nbd_completion_callback done = { .callback = command_done, .user_data = r };
	uint64_t offset = r->offset + r->backend.done, bytes = r->bytes - r->backend.done;

	if (bytes > RANGE_BYTES)
		bytes = RANGE_BYTES;
	r->backend.done += bytes;
	r->backend.left++;
	if (r->op == BLOCK_DISCARD)
		check(r, nbd.aio_trim(c->nbd, bytes, offset, done, 0));
	else
		check(r, nbd.aio_zero(c->nbd, bytes, offset, done,
				      fua(c, r) | (r->unmap ? 0 : LIBNBD_CMD_FLAG_NO_HOLE)));
}

/* Give some commands of @r; its own count lets it not end before all of them were. */
static void begin(struct block_context *c, struct block_request *r,
		  void (*give)(struct block_context *c, struct block_request *r))
{
	r->backend.left = 1;
	give(c, r);
	finish_one(r, 0);
}

/* Requests */

static bool needs_flush(const struct block_context *c, const struct block_request *r)
{
	return r->stable && !c->fua && !r->backend.sync &&
	       (r->op == BLOCK_WRITE || r->op == BLOCK_ZERO);
}

static void say_if_gone(struct block_context *c)
{
	if (c->b->gone || (!nbd.aio_is_dead(c->nbd) && !nbd.aio_is_closed(c->nbd)))
		return;
	c->b->gone = true;
	message("--disk %s: " PROGRAM " has ended: the guest gets errors from now on",
		c->b->block.path);
}

static void settle(struct block_context *c)
{
	struct block_request *r;

	while ((r = c->first)) {
		c->first = r->backend.next;
		if (!c->first)
			c->last = &c->first;
		if (r->backend.error)
			r->done(r, -r->backend.error);
		else if (r->backend.done < r->bytes && c->cancelled)
			r->done(r, -ECANCELED);
		else if (r->backend.done < r->bytes)
			begin(c, r, change_range);
		else if (needs_flush(c, r))
			begin(c, r, flush);
		else
			r->done(r, 0);
	}
	say_if_gone(c);
}

static void submit(struct block_context *c, struct block_request *r)
{
	r->backend.context = c;
	r->backend.done = 0;
	r->backend.sync = false;
	r->backend.error = 0;
	if (r->op == BLOCK_FLUSH)
		begin(c, r, flush);
	else
		begin(c, r, r->op == BLOCK_READ || r->op == BLOCK_WRITE ? move : change_range);
	settle(c);
}

static void wait_for_any(struct block_context *c)
{
	unsigned int direction = nbd.aio_get_direction(c->nbd);
	struct pollfd fds[2] = {
		{ .fd = c->wake_fd, .events = POLLIN },
		/* Of a server that is gone: -1, which poll() passes over. */
		{ .fd = nbd.aio_get_fd(c->nbd) },
	};
	eventfd_t count;

	if (direction & LIBNBD_AIO_DIRECTION_READ)
		fds[1].events |= POLLIN;
	if (direction & LIBNBD_AIO_DIRECTION_WRITE)
		fds[1].events |= POLLOUT;
	if (poll(fds, 2, -1) < 0)
		return;
	if (fds[0].revents)
		eventfd_read(c->wake_fd, &count);
	if (fds[1].revents & (POLLIN | POLLHUP | POLLERR))
		nbd.aio_notify_read(c->nbd);
	else if (fds[1].revents & POLLOUT)
		nbd.aio_notify_write(c->nbd);
	settle(c);
}

static void cancel(struct block_context *c)
{
	c->cancelled = true;
}

/* Life */

static struct block_context *open_context(struct block *block, int wake_fd)
{
	struct nbd_block *b = (struct nbd_block *)block;

	b->context = (struct block_context) {
		.b = b,
		.nbd = b->nbd,
		.last = &b->context.first,
		.flush = nbd.can_flush(b->nbd) == 1,
		.fua = nbd.can_fua(b->nbd) == 1,
		.wake_fd = wake_fd,
	};
	return &b->context;
}

static void close_context(struct block_context *c)
{
	(void)c;
}

/* The server writes out what it has, and lets go of the image. */
static void disconnect(struct nbd_block *b)
{
	if (b->nbd)
		nbd.close(b->nbd);
	b->nbd = NULL;
}

static bool leave(struct block *block)
{
	struct nbd_block *b = (struct nbd_block *)block;

	disconnect(b);
	return server_has_ended(&b->end);
}

static void free_block(struct block *block)
{
	struct nbd_block *b = (struct nbd_block *)block;

	disconnect(b);
	if (b->end.pid > 0)
		server_wait(b->end.pid, PROGRAM, b->block.path);
	free(b);
}

static const struct block_ops ops = {
	.open = open_context,
	.submit = submit,
	.wait = wait_for_any,
	.cancel = cancel,
	.close = close_context,
	.leave = leave,
	.free = free_block,
};

/* Return: 0, or -1 after a message. */
static int load_library(const char *path)
{
	char why[200];

	if (library_load("libnbd.so.0", functions, sizeof(functions) / sizeof(functions[0]), why,
			 sizeof(why)))
		return 0;
	message("--disk %s: qcow2 needs libnbd, of Debian's package libnbd0 (%s)", path, why);
	return -1;
}

static bool installed(const char *program)
{
	const char *path = getenv("PATH");
	char *copy = strdup(path ? path : "/usr/bin:/bin"), *save, *dir;
	bool found = false;
	char file[4096];

	for (dir = copy ? strtok_r(copy, ":", &save) : NULL; dir && !found;
	     dir = strtok_r(NULL, ":", &save)) {
		snprintf(file, sizeof(file), "%s/%s", dir, program);
		found = !access(file, X_OK);
	}
	free(copy);
	return found;
}

/* Return: 0, or -1 after a message. */
static int connect_server(struct nbd_block *b)
{
	static const char * const cache[] = {
		[BLOCK_WRITEBACK] = "--cache=writeback",
		[BLOCK_WRITETHROUGH] = "--cache=writethrough",
		[BLOCK_DIRECT] = "--cache=none", [BLOCK_UNSAFE] = "--cache=unsafe",
	};
	const char *command[8] = { PROGRAM, "--format=qcow2", "--discard=unmap" };
	/* A colon before the first slash would make it a protocol's name. */
	bool plain = b->block.path[0] == '/';
	char path[PATH_MAX + 2];
	unsigned int n = 3;
	int fd;

	snprintf(path, sizeof(path), "%s%s", plain ? "" : "./", b->block.path);
	command[n++] = cache[b->block.cache];
	if (b->block.readonly)
		command[n++] = "--read-only";
	command[n++] = "--";
	command[n] = path;
	fd = server_start(command, &b->end.pid);
	if (fd < 0) {
		b->end.pid = 0;
		message("--disk %s: cannot start " PROGRAM ": %s", b->block.path,
			strerror(errno));
		return -1;
	}
	if (!nbd.connect_socket(b->nbd, fd))
		return 0;
	message("--disk %s: " PROGRAM " cannot open it, as it says above (%s)", b->block.path,
		nbd.get_error());
	return -1;
}

static int64_t start_server(struct nbd_block *b)
{
	int64_t bytes;

	if (access(b->block.path, b->block.readonly ? R_OK : R_OK | W_OK)) {
		message("--disk %s: %s%s", b->block.path, strerror(errno),
			errno == EACCES || errno == EROFS ?
				"; with readonly=on it need not be writable" : "");
		return -1;
	}
	if (!installed(PROGRAM)) {
		message("--disk %s: qcow2 needs " PROGRAM ", of Debian's package qemu-utils",
			b->block.path);
		return -1;
	}
	if (connect_server(b))
		return -1;
	bytes = nbd.get_size(b->nbd);
	if (bytes <= 0 || bytes % BLOCK_SECTOR) {
		message("--disk %s: its size, %lld bytes, is not a multiple of 512", b->block.path,
			(long long)bytes);
		return -1;
	}
	if (!b->block.readonly && b->block.cache != BLOCK_UNSAFE && nbd.can_flush(b->nbd) != 1) {
		message("--disk %s: this " PROGRAM " cannot make sure that anything is on the "
			"medium; with cache=unsafe it need not", b->block.path);
		return -1;
	}
	return bytes;
}

struct block *block_open_qcow2(const char *path, bool readonly, enum block_cache cache)
{
	struct nbd_block *b;
	int64_t bytes;

	if (load_library(path))
		return NULL;
	b = calloc(1, sizeof(*b));
	if (b)
		b->nbd = nbd.create();
	if (!b || !b->nbd) {
		message("out of memory");
		free(b);
		return NULL;
	}
	b->block = (struct block) {
		.ops = &ops,
		.path = path,
		.unit = BLOCK_SECTOR,
		.readonly = readonly,
		.cache = cache,
		.max_contexts = 1,
	};
	b->end = (struct server_end) { .program = PROGRAM, .what = path, .seconds = SECONDS };
	bytes = start_server(b);
	if (bytes < 0) {
		free_block(&b->block);
		return NULL;
	}
	b->block.bytes = bytes;
	b->block.server = b->end.pid;
	b->block.discard = nbd.can_trim(b->nbd) == 1;
	return &b->block;
}
