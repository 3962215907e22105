/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A disk, as its model is told to be.
 */
#ifndef VMCTL_DEVICES_VIRTIO_BLK_H
#define VMCTL_DEVICES_VIRTIO_BLK_H

#include <stdbool.h>

#define VIRTIO_BLK_QUEUES_MAX	64u
#define VIRTIO_BLK_SERIAL_MAX	20	/* a full one has no NUL */

struct block;
struct pci_bus;
struct virtio_blk;

/**
 * struct virtio_blk_options - what the user can choose
 * @serial: what the guest is told as its serial number; "": nothing
 * @queues: 1 to VIRTIO_BLK_QUEUES_MAX, or as many as the block can serve
 * @packed: offer packed rings
 */
struct virtio_blk_options {
	char serial[VIRTIO_BLK_SERIAL_MAX + 1];
	unsigned int queues;
	bool packed;
};

/* Return: the device, or NULL with errno set.  The block must be there for longer. */
struct virtio_blk *virtio_blk_new(struct pci_bus *bus, struct block *block,
				  const struct virtio_blk_options *options);
void virtio_blk_free(struct virtio_blk *disk);

/* The guest has let go of it: see virtio_retire(). */
bool virtio_blk_retire(struct virtio_blk *disk, void (*gone)(void *opaque), void *opaque);

#endif
