/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Queues of a virtio device that another process serves (vhost-user), over a UNIX socket: what
 * vhost.h is for the kernel.
 *
 * The other process has all of the guest's memory, which therefore is a file, and the eventfds of
 * notifications and interrupts.  All of it under the machine's lock; who does not answer within
 * VHOST_USER_SECONDS has failed.
 *
 * Source: QEMU's documentation, "Vhost-user Protocol".
 */
#ifndef VMCTL_VHOST_USER_H
#define VMCTL_VHOST_USER_H

#include <stdbool.h>
#include <stdint.h>

#define VHOST_USER_SECONDS	10

struct machine;
struct virtio_device;

/**
 * struct vhost_user - the other process
 * @fd: the socket, or -1
 * @features: what it can do, of rings and of its device
 *
 * The others are vhost_user.c's own.
 */
struct vhost_user {
	int fd;
	uint64_t features;

	bool acknowledges;		/* each message, if asked */
	int call_fd;			/* watched while started: interrupts without MSI-X */
	unsigned int call_queue;
	unsigned int queues;		/* that are started */
	struct machine *m;
	struct virtio_device *vd;
};

/* Greet the process at the other end of @fd, which is ours from here on.  Return: 0 or -errno. */
int vhost_user_open(struct vhost_user *u, int fd);
void vhost_user_close(struct vhost_user *u);

/**
 * vhost_user_start - let it serve the device's queues: of a model's start()
 * @u: not started
 * @m: the device's machine
 * @vd: the device; queues that it did not enable are left out
 * @queues: how many it has
 *
 * Return: 0 or -errno (-ENOTSUP: the guest's memory is no file).
 */
int vhost_user_start(struct vhost_user *u, struct machine *m, struct virtio_device *vd,
		     unsigned int queues);
/* Of a model's stop(): it touches neither rings nor buffers any more. */
void vhost_user_stop(struct vhost_user *u);

#endif
