/* SPDX-License-Identifier: GPL-2.0 */
/*
 * --disk: what the user says of a disk, and its image in the host.  It knows words and formats; how
 * an image is read is block.h's, what the guest sees devices/virtio_blk.h's.
 */
#ifndef VMCTL_DISK_H
#define VMCTL_DISK_H

#include <stddef.h>

#include "block.h"
#include "devices/virtio_blk.h"

#define DISKS_MAX	16u

struct disk_options {
	const char *path;
	bool readonly;
	bool qcow2, raw;	/* neither: raw, if it does not look like something else */
	enum block_cache cache;
	unsigned int boot_order;	/* 1 boots first; 0: when all that have one could not */
	struct virtio_blk_options model;
};

/* A few lines for --help. */
extern const char disk_help[];

/**
 * disk_parse - FILE[,readonly=on][,format=raw|qcow2][,cache=...][,serial=S][,queues=N][,packed=on]
 *	[,bootindex=N]
 * @text: the option's value
 * @disk: filled in; it keeps a copy of the text
 * @why: what is wrong with it
 * @bytes: of @why
 *
 * Return: whether it is right.
 */
bool disk_parse(const char *text, struct disk_options *disk, char *why, size_t bytes);

/* Return: the image, locked, for a VM of @cpus; or NULL after a message. */
struct block *disk_open(const struct disk_options *disk, unsigned int cpus);

/*
 * The same of an image that somebody else has opened, @fd, which is then the image's or closed.  It
 * may be called in the sandbox, where no server can be started: qcow2 is refused.
 */
struct block *disk_open_fd(const struct disk_options *disk, int fd);

/*
 * Is @disk's file, open as @fd or (-1) by its path, one of @nr @blocks (NULL: none), and one of the
 * two written?  Return: true after a message.  A lock cannot tell: who hands over an open file
 * twice, hands over the same lock.
 */
bool disk_is_taken(const struct disk_options *disk, int fd, struct block *const *blocks,
		   unsigned int nr);

/* The copy of its text that disk_parse() has made. */
void disk_forget(struct disk_options *disk);

#endif
