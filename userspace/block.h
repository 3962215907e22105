/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a disk is in the host, and how it is read and written without waiting.
 *
 * A block is opened once and used by several threads, each through a context of its own.  Who uses
 * it gives requests to submit() and then waits for what comes first: the end of a request, told by
 * its done(), or a signal of the context's eventfd.
 */
#ifndef VMCTL_BLOCK_H
#define VMCTL_BLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct block;
struct block_context;

#define BLOCK_SECTOR	512u
#define BLOCK_DEPTH_MAX	256u	/* requests of a context that are under way */

enum block_op {
	BLOCK_READ,
	BLOCK_WRITE,
	BLOCK_FLUSH,		/* what was written before is on the medium */
	BLOCK_DISCARD,		/* the range's contents do not matter any more */
	BLOCK_ZERO,		/* it reads as zeroes */
};

/**
 * struct block_request - one thing to do; the submitter's until it is done
 * @op: what
 * @unmap: BLOCK_ZERO: the space may be given back
 * @stable: BLOCK_WRITE, BLOCK_ZERO: it is on the medium when it is done, without a flush
 * @offset: in bytes, a multiple of BLOCK_SECTOR
 * @bytes: the same; the range is within the block
 * @iov: of @bytes in all, to read into or to write from; it is changed on the way
 * @nr: number of its parts
 * @done: called from submit() or wait(), with 0 or -errno
 * @backend: the backend's
 */
struct block_request {
	enum block_op op;
	bool unmap, stable;
	uint64_t offset;
	uint64_t bytes;
	struct iovec *iov;
	unsigned int nr;
	void (*done)(struct block_request *request, int error);
	struct {
		struct iovec *iov;	/* what is left to do, and of @bytes where */
		unsigned int nr;
		uint64_t done;
		struct block_request *next;	/* that waits, too */
		void *part;		/* block_file.c: memory for a part of it, or NULL */
		struct iovec whole;	/* that part */
		bool sync;		/* what it did is now flushed */
		struct block_context *context;	/* block_nbd.c: whose it is */
		unsigned int left;	/* commands under way */
		int error;
	} backend;
};

struct block_ops {
	/* Return: a context whose wait() returns on a signal of @wake_fd, too, or NULL: errno. */
	struct block_context *(*open)(struct block *block, int wake_fd);
	/* Never waits; at most BLOCK_DEPTH_MAX requests at a time. */
	void (*submit)(struct block_context *context, struct block_request *request);
	/* Begin what was submitted; return when a request has ended or wake_fd was signalled. */
	void (*wait)(struct block_context *context);
	/* Nobody wants them any more: what can end early does, and no request is submitted. */
	void (*cancel)(struct block_context *context);
	void (*close)(struct block_context *context);	/* no request is under way */
	/*
	 * It is over, and no context will be opened any more.  Return: whether free() need not wait
	 * for anything; it may be asked again.  NULL: it need not.
	 */
	bool (*leave)(struct block *block);
	void (*free)(struct block *block);
};

enum block_cache {
	BLOCK_WRITEBACK,	/* the host's page cache; a flush writes it out */
	BLOCK_WRITETHROUGH,	/* each write goes to the medium */
	BLOCK_DIRECT,		/* past the page cache ("none") */
	BLOCK_UNSAFE,		/* flushes do nothing */
};

/**
 * struct block - the backing of a disk
 * @ops: its backend
 * @path: for messages
 * @bytes: its size, a multiple of BLOCK_SECTOR
 * @unit: what requests had best be multiples of, in bytes
 * @readonly: nothing may be written
 * @cache: what a flush is worth
 * @discard: BLOCK_DISCARD works
 * @max_contexts: how many threads it can serve
 * @dev: the file system that the image is on; of a block device its own number
 * @ino: its number there; 0
 * @server: a process, and a group of them, that it has to itself; 0: none
 */
struct block {
	const struct block_ops *ops;
	const char *path;
	uint64_t bytes;
	unsigned int unit;
	bool readonly;
	enum block_cache cache;
	bool discard;
	unsigned int max_contexts;
	dev_t dev;
	ino_t ino;
	pid_t server;
};

/**
 * block_open_file - a raw image, or a block device
 * @path: of it; must stay valid
 * @readonly: open it so, and let others do, too; else it is locked for this process alone
 * @cache: how
 * @contexts: how many threads it shall serve; each takes 28 KiB of the kernel's memory
 *
 * Only before the sandbox.
 *
 * Return: the block, or NULL after a message.
 */
struct block *block_open_file(const char *path, bool readonly, enum block_cache cache,
			      unsigned int contexts);

/*
 * The same of a file that is open already, for reading and, if not @readonly, writing; @path is for
 * messages.  @fd is the block's, or closed if there is none.  It may be called in the sandbox.
 */
struct block *block_open_fd(const char *path, int fd, bool readonly, enum block_cache cache);

/* The same of a qcow2 image, by qemu-nbd, which is started for it. */
struct block *block_open_qcow2(const char *path, bool readonly, enum block_cache cache);

/*
 * Lock @fd, the image at @path, against VMs that would write it meanwhile; until it is closed.
 * Return: 0, or -1 after a message.
 */
int block_lock(const char *path, int fd, bool readonly);

static inline bool block_leave(struct block *block)
{
	return !block->ops->leave || block->ops->leave(block);
}

static inline void block_free(struct block *block)
{
	block->ops->free(block);
}

#endif
