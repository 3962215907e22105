/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The device of userspace/virtio.h without its registers, for tests of a model's queues: what was
 * negotiated and which queues there are is simply set. It knows no model. One device at a time.
 */
#ifndef SELFTESTS_UNIT_VIRTIO_FAKE_H
#define SELFTESTS_UNIT_VIRTIO_FAKE_H

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../../userspace/virtio.h"
#include "virtio_driver.h"

#define FAKE_QUEUES	20

struct virtio_device {
	struct virtio_model model;
	uint64_t accepted;
	struct virtq ring[FAKE_QUEUES];
	bool enabled[FAKE_QUEUES];
	int kick_fd[FAKE_QUEUES];
	int call_fd[FAKE_QUEUES];
	atomic_uint interrupts[FAKE_QUEUES];
	const char *broken;
};

static struct virtio_device fake_virtio;

struct virtio_device *virtio_new(struct pci_bus *bus, const struct virtio_model *model)
{
	struct virtio_device *vd = &fake_virtio;

	if (model->nr_queues > FAKE_QUEUES)
		abort();
	memset(vd, 0, sizeof(*vd));
	vd->model = *model;
	for (unsigned int i = 0; i < model->nr_queues; i++) {
		vd->kick_fd[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		vd->call_fd[i] = -1;
	}
	return vd;
}

void virtio_free(struct virtio_device *vd)
{
	for (unsigned int i = 0; i < vd->model.nr_queues; i++)
		close(vd->kick_fd[i]);
}

struct machine *pci_bus_machine(struct pci_bus *bus)
{
	return &fake;
}

uint64_t virtio_features(const struct virtio_device *vd)
{
	return vd->accepted;
}

struct virtq *virtio_queue(struct virtio_device *vd, unsigned int n)
{
	if (n >= vd->model.nr_queues)
		abort();
	return vd->enabled[n] ? &vd->ring[n] : NULL;
}

int virtio_kick_fd(const struct virtio_device *vd, unsigned int n)
{
	return vd->kick_fd[n];
}

int virtio_call_fd(const struct virtio_device *vd, unsigned int n)
{
	return vd->call_fd[n];
}

void virtio_interrupt(struct virtio_device *vd, unsigned int n)
{
	atomic_fetch_add(&vd->interrupts[n], 1);
}

void virtio_broken(struct virtio_device *vd, const char *why)
{
	vd->broken = why;
}

/* Let the device have @d as queue @n from its next start on. */
static inline void fake_queue(unsigned int n, const struct driver *d)
{
	struct virtq *q = &fake_virtio.ring[n];
	eventfd_t count;

	*q = (struct virtq) {
		.m = &fake, .size = d->size, .packed = d->packed, .event_idx = d->event_idx,
		.indirect = true, .desc = d->desc, .driver = d->driver, .device = d->device,
	};
	if (virtq_start(q))
		abort();
	eventfd_read(fake_virtio.kick_fd[n], &count);
	fake_virtio.enabled[n] = true;
}

/* Return: what the model's start() returns. */
static inline int fake_start(uint64_t accepted)
{
	fake_virtio.accepted = accepted;
	fake_virtio.broken = NULL;
	return fake_virtio.model.ops->start(fake_virtio.model.opaque);
}

static inline void fake_stop(void)
{
	fake_virtio.model.ops->stop(fake_virtio.model.opaque);
	memset(fake_virtio.enabled, 0, sizeof(fake_virtio.enabled));
}

/* As the driver's notification. */
static inline void fake_kick(unsigned int n)
{
	eventfd_write(fake_virtio.kick_fd[n], 1);
}

#endif
