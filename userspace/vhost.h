/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Queues of a virtio device that the host's kernel serves (vhost), without this process.
 *
 * It knows rings and eventfds, not what they carry: whoever uses it connects the rings with what
 * they are for by ioctls of its own.  All of it under the machine's lock.
 */
#ifndef VMCTL_VHOST_H
#define VMCTL_VHOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VHOST_UNITS_MAX	8u
#define VHOST_RINGS	2u	/* of a unit: queues 2n and 2n + 1 of the device are unit n's */

struct machine;
struct virtio_device;

/**
 * struct vhost - the kernel's part of a device
 * @features: what the kernel can do: of rings, of its device, and VHOST_F_LOG_ALL and the like
 * @nr: of units
 * @fds: the units', for the ioctls of their kind
 *
 * The others are vhost.c's own.
 */
struct vhost {
	uint64_t features;
	unsigned int nr;
	int fds[VHOST_UNITS_MAX];

	int call_fd, error_fd;		/* watched while started, of all rings together */
	unsigned int call_queue;	/* one that has no interrupt of its own */
	struct machine *m;
	struct virtio_device *vd;
};

/**
 * vhost_open - see what there is
 * @v: filled in
 * @name: of the device in /dev, vhost-net for one
 * @nr: how many units, 1 to VHOST_UNITS_MAX
 * @why: what is wrong, and what to do
 * @bytes: of @why
 *
 * Return: whether it can be had.
 */
bool vhost_open(struct vhost *v, const char *name, unsigned int nr, char *why, size_t bytes);
/*
 * The same with files that somebody else has opened, one for each unit; it may be called in the
 * sandbox.  Return: whether they are vhost's; if not, they stay the caller's.
 */
bool vhost_take(struct vhost *v, const int *fds, unsigned int nr);
void vhost_close(struct vhost *v);

/**
 * vhost_start - tell the kernel all about a device's rings: of a model's start()
 * @v: what vhost_open() filled in, not started
 * @m: the device's machine
 * @vd: the device; queues that it did not enable are left out
 * @features: what it has negotiated that the kernel has to know, all in @v->features
 *
 * A ring is the kernel's once it has been connected.  Return: 0 or -errno; then nothing is started.
 */
int vhost_start(struct vhost *v, struct machine *m, struct virtio_device *vd, uint64_t features);

/* Of a model's stop(), when no ring is connected any more. */
void vhost_stop(struct vhost *v);

#endif
