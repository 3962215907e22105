/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Queues of a virtio device that another process serves (vhost-user), over a UNIX socket: what
 * vhost.h is for the kernel.
 *
 * The other process has all of the guest's memory, which therefore is a file, and the eventfds of
 * notifications and interrupts.  All of it under the machine's lock, so that there is one deadline
 * for all messages of a start or a stop: who does not keep it, or answers what was not asked, is
 * killed, before anyone takes that memory for his own.
 *
 * Source: QEMU's documentation, "Vhost-user Protocol".
 */
#ifndef VMCTL_VHOST_USER_H
#define VMCTL_VHOST_USER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define VHOST_USER_SECONDS	5	/* to start or to stop; work that is under way ends first */
#define VHOST_USER_OPEN_SECONDS	20	/* until it greets: nobody waits for anything else yet */

struct machine;
struct virtio_device;

/**
 * struct vhost_user - the other process
 * @fd: the socket, or -1
 * @pid: it, of server_start()
 * @features: what it can do, of rings and of its device
 *
 * The others are vhost_user.c's own.
 */
struct vhost_user {
	int fd;
	pid_t pid;
	uint64_t features;

	bool acknowledges;		/* each message, if asked */
	bool gone;			/* it has ended, and serves no later machine either */
	bool reaped;			/* and its parent knows */
	int64_t deadline_ms;		/* of what is being said */
	int call_fd;			/* watched while started: interrupts without MSI-X */
	unsigned int call_queue;
	unsigned int queues;		/* that are started */
	struct machine *m;
	struct virtio_device *vd;
};

/*
 * Greet the process @pid at the other end of @fd, which is ours from here on.  Return: 0 or -errno;
 * it is killed then.
 */
int vhost_user_open(struct vhost_user *u, int fd, pid_t pid);
void vhost_user_close(struct vhost_user *u);

/**
 * vhost_user_start - let it serve the device's queues: of a model's start()
 * @u: not started
 * @m: the device's machine
 * @vd: the device; queues that it did not enable are left out
 * @queues: how many it has
 *
 * Return: 0 or -errno (-ENOTSUP: the guest's memory is no file, -EREMOTEIO: it refuses; all others:
 * it has ended, or was killed).
 */
int vhost_user_start(struct vhost_user *u, struct machine *m, struct virtio_device *vd,
		     unsigned int queues);
/*
 * Of a model's stop(): it touches neither rings nor buffers any more, if need be because it is no
 * more.  Where it cannot be killed, the machine stops.
 */
void vhost_user_stop(struct vhost_user *u);

/*
 * For who asks, in the event loop: has it ended?  A driver that starts then finds nobody, until
 * vmctl is started again: in the sandbox there is no program that could be.
 */
bool vhost_user_ended(struct vhost_user *u);

#endif
