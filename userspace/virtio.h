/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A virtio device as its model sees it: features, queues, interrupts; virtio_pci.c shows them the
 * driver as a PCI function.
 *
 * The operations run under the machine's lock.  A model may serve its queues in threads of its own:
 * between start and stop the queues are its alone, and what is marked (any thread) below needs no
 * lock.  A thread of a model must not wait for the machine's lock, because stop waits for it; and a
 * model whose requests may take the host long has drain, so that nobody else waits for them.
 *
 * Source: Virtual I/O Device (VIRTIO) Version 1.2, 2.1 to 2.5, 3 and 4.1.
 */
#ifndef VMCTL_VIRTIO_H
#define VMCTL_VIRTIO_H

#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdint.h>

#include "pci.h"
#include "virtqueue.h"

struct virtio_device;

/**
 * struct virtio_ops - a model
 * @start: the driver has set all up (DRIVER_OK): virtio_features() has its features, the queues
 *	that it wants are started.  Return: 0, or -1: cannot; the device then needs a reset
 * @drain: optional; the driver resets the device, and the model begins nothing any more.  Return:
 *	whether something is under way, of whose end it tells by virtio_drained(); the driver sees
 *	a device that is not reset yet until then (2.1.2, 4.1.4.3.1)
 * @stop: the driver resets the device: after this no queue is touched, no request is under way, and
 *	no buffer of the guest is used.  Only called after a @start that returned 0; behind @drain
 *	if there is one, but the stop of a device that is freed waits itself
 * @config_read: the model's configuration space is about to be read; may be NULL
 * @config_write: the driver has written @bytes at @offset of it; NULL: it cannot write there
 */
struct virtio_ops {
	int (*start)(void *opaque);
	bool (*drain)(void *opaque);
	void (*stop)(void *opaque);
	void (*config_read)(void *opaque);
	void (*config_write)(void *opaque, unsigned int offset, unsigned int bytes);
};

/**
 * struct virtio_model - what a device is
 * @name: for messages
 * @id: device type (section 5)
 * @class_code: of the PCI function
 * @features: all that it offers, those of rings included; VIRTIO_F_VERSION_1 is added
 * @nr_queues: at most VIRTIO_QUEUES_MAX
 * @queue_size: largest size of each queue, a power of two up to VIRTQ_SIZE_MAX
 * @config: the configuration space: the model's, little-endian
 * @config_bytes: of it
 * @ops: its operations
 * @opaque: handed to them
 */
struct virtio_model {
	const char *name;
	uint16_t id;
	uint32_t class_code;
	uint64_t features;
	unsigned int nr_queues;
	uint16_t queue_size;
	void *config;
	unsigned int config_bytes;
	const struct virtio_ops *ops;
	void *opaque;
};

#define VIRTIO_QUEUES_MAX	65

/* What virtqueue.c can do; a packed ring besides (VIRTIO_F_RING_PACKED). */
#define VIRTIO_RING_FEATURES	(1ull << VIRTIO_RING_F_INDIRECT_DESC | \
				 1ull << VIRTIO_RING_F_EVENT_IDX)

/* Return: the device, or NULL with errno set.  The bus must be there for longer than the device. */
struct virtio_device *virtio_new(struct pci_bus *bus, const struct virtio_model *model);
void virtio_free(struct virtio_device *vd);	/* stops it first */

/**
 * virtio_retire - the device is to go; it runs no longer
 * @vd: the device; the caller is a vCPU's access to another one, with the lock
 * @gone: called in the event loop when it can be freed, which it may do
 * @opaque: for @gone
 *
 * That vCPU goes on when nothing is under way any more.  Return: whether the device can be freed at
 * once; @gone is not called then.
 */
bool virtio_retire(struct virtio_device *vd, void (*gone)(void *opaque), void *opaque);

/* What the driver has accepted; while started. */
uint64_t virtio_features(const struct virtio_device *vd);

/* Queue @n, or NULL if the driver did not enable it; while started. */
struct virtq *virtio_queue(struct virtio_device *vd, unsigned int n);

/* The eventfd (non-blocking) that the driver's notification of queue @n signals; there for life. */
int virtio_kick_fd(const struct virtio_device *vd, unsigned int n);

/*
 * The eventfd to signal for an interrupt of queue @n, or -1: the driver wants none, or has no
 * MSI-X.  For vhost; a model calls virtio_interrupt().  Constant while started.
 */
int virtio_call_fd(const struct virtio_device *vd, unsigned int n);

/* Interrupt the driver for queue @n (any thread). */
void virtio_interrupt(struct virtio_device *vd, unsigned int n);

/* The model has changed its configuration space (any thread). */
void virtio_config_changed(struct virtio_device *vd);

/* Nothing is under way any more since @drain (any thread). */
void virtio_drained(struct virtio_device *vd);

/* The driver did what it must not: DEVICE_NEEDS_RESET (any thread).  @why is reported once. */
void virtio_broken(struct virtio_device *vd, const char *why);

#endif
