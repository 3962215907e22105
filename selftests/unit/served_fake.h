/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a virtio device that the event loop serves stands on, and its driver: virtio.h without
 * registers, queues of virtio_driver.h in guest_memory.h, rounds of the loop. It knows no device.
 * The virtqueues are real, so a test is linked with virtqueue*.c, and with virtio_served.c.
 *
 * Queues are split and of VQ_SIZE descriptors. Each has a page of guest memory for its rings, and
 * the rest of the memory is the test's, from DATA on.
 */
#ifndef SELFTESTS_UNIT_SERVED_FAKE_H
#define SELFTESTS_UNIT_SERVED_FAKE_H

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../../userspace/virtio.h"
#include "devices_fake.h"
#include "guest_memory.h"
#include "virtio_driver.h"

#define VQ_SIZE		16u
#define VQS		40u
#define DATA_OFFSET	(4096 * VQS)
#define DATA		(GUEST_GPA + DATA_OFFSET)
#ifndef DATA_BYTES
#define DATA_BYTES	(4u << 20)
#endif

struct virtio_device {
	struct virtio_model model;
	uint64_t accepted;
	bool started;
	const char *broken;
	unsigned int config_changes;
	unsigned int interrupts[VQS];
	bool enabled[VQS];
	struct virtq rings[VQS];
	int kick_fds[VQS];
	struct driver drivers[VQS];
};

static struct virtio_device vdev;

/* ---- pci.h -------------------------------------------------------------------------------- */

struct machine *pci_bus_machine(struct pci_bus *bus)
{
	return &fake;
}

/* ---- virtio.h ----------------------------------------------------------------------------- */

struct virtio_device *virtio_new(struct pci_bus *bus, const struct virtio_model *model)
{
	memset(&vdev, 0, sizeof(vdev));
	if (fake.refuse_after >= 0) {
		errno = ENOSPC;
		return NULL;
	}
	vdev.model = *model;
	for (unsigned int i = 0; i < model->nr_queues; i++)
		vdev.kick_fds[i] = eventfd(0, EFD_NONBLOCK);
	return &vdev;
}

static inline void vdev_reset(void)
{
	if (vdev.started)
		vdev.model.ops->stop(vdev.model.opaque);
	vdev.started = false;
	vdev.broken = NULL;
}

void virtio_free(struct virtio_device *vd)
{
	vdev_reset();
	for (unsigned int i = 0; i < vd->model.nr_queues; i++)
		close(vd->kick_fds[i]);
}

uint64_t virtio_features(const struct virtio_device *vd)
{
	return vd->accepted;
}

struct virtq *virtio_queue(struct virtio_device *vd, unsigned int n)
{
	if (n >= vd->model.nr_queues)
		abort();
	return vd->enabled[n] ? &vd->rings[n] : NULL;
}

int virtio_kick_fd(const struct virtio_device *vd, unsigned int n)
{
	return vd->kick_fds[n];
}

void virtio_interrupt(struct virtio_device *vd, unsigned int n)
{
	vd->interrupts[n]++;
}

void virtio_config_changed(struct virtio_device *vd)
{
	vd->config_changes++;
}

void virtio_broken(struct virtio_device *vd, const char *why)
{
	if (!vd->broken)
		vd->broken = why;
}

/* ---- the driver ----------------------------------------------------------------------------- */

/* Set up the queues that are set in @queues, and @features. */
static inline void vdev_set_up(uint64_t features, uint64_t queues)
{
	guest_init(DATA_OFFSET + DATA_BYTES);
	vdev.accepted = features;
	for (unsigned int i = 0; i < vdev.model.nr_queues; i++) {
		struct driver *d = &vdev.drivers[i];

		vdev.enabled[i] = queues >> i & 1;
		vdev.interrupts[i] = 0;
		memset(d, 0, sizeof(*d));
		d->size = VQ_SIZE;
		driver_init(d, guest.host + 4096 * i, GUEST_GPA + 4096 * i);
		vdev.rings[i] = (struct virtq) {
			.m = &fake, .size = VQ_SIZE, .desc = d->desc, .driver = d->driver,
			.device = d->device, .indirect = true,
		};
		if (vdev.enabled[i] && virtq_start(&vdev.rings[i]))
			abort();
	}
}

static inline void vdev_driver_ok(void)
{
	vdev.started = !vdev.model.ops->start(vdev.model.opaque);
}

static inline void vdev_start(uint64_t features, uint64_t queues)
{
	vdev_set_up(features, queues);
	vdev_driver_ok();
}

/* Make a buffer of one part available.  False: the ring is full. */
static inline bool vdev_add(unsigned int n, uint64_t gpa, uint32_t bytes, bool writable)
{
	const struct driver_part part = { .gpa = gpa, .bytes = bytes, .writable = writable };

	return driver_add(&vdev.drivers[n], &part, 1, &vdev) >= 0;
}

static inline void vdev_kick(unsigned int n)
{
	eventfd_write(vdev.kick_fds[n], 1);
}

/* One round of the event loop: each fd that is ready, once.  Return: how many there were. */
static inline unsigned int loop_once(void)
{
	struct fake_watch ready[FAKE_WATCHES];
	unsigned int nr = 0;

	for (unsigned int i = 0; i < fake.nr_watches; i++) {
		struct pollfd p = { .fd = fake.watch[i].fd, .events = POLLIN };

		if (poll(&p, 1, 0) == 1)
			ready[nr++] = fake.watch[i];
	}
	for (unsigned int i = 0; i < nr; i++)
		ready[i].ready(ready[i].opaque, EPOLLIN);
	return nr;
}

/* Until nothing is ready.  Return: how many rounds that took. */
static inline unsigned int loop_all(void)
{
	unsigned int rounds = 0;

	while (loop_once()) {
		if (++rounds == 100000)
			abort();
	}
	return rounds;
}

/* Collect a buffer.  Return: bytes written, or -1: none, -2: what the device may not do. */
static inline long vdev_used(unsigned int n)
{
	struct driver_used u;
	int got = driver_collect(&vdev.drivers[n], &u);

	return got > 0 ? (long)u.written : got < 0 ? -2 : -1;
}

static inline uint8_t *at(uint64_t gpa)
{
	return guest.host + (gpa - GUEST_GPA);
}

#endif
