// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's vhost: memory, rings and eventfds of a device.
 *
 * A kick goes from the guest to the kernel, an interrupt from the kernel to the guest.  Only where
 * the driver has no MSI-X do the interrupts come here, and only broken rings are told.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vhost.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "device.h"
#include "vhost.h"
#include "virtio.h"

/* Life */

static int open_unit(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/%s", name);
	return open(path, O_RDWR | O_CLOEXEC);
}

static void explain(const char *name, int err, char *why, size_t bytes)
{
	if (err == ENOENT || err == ENODEV || err == ENXIO)
		snprintf(why, bytes, "there is no /dev/%s; load its module, as root: modprobe %s",
			 name, name);
	else if (err == EACCES || err == EPERM)
		snprintf(why, bytes, "you may not open /dev/%s; join its group, see: ls -l /dev/%s",
			 name, name);
	else
		snprintf(why, bytes, "cannot use /dev/%s: %s", name, strerror(err));
}

static bool begin(struct vhost *v)
{
	*v = (struct vhost) { .error_fd = -1 };
	v->call_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (v->call_fd >= 0)
		v->error_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return v->error_fd >= 0;
}

bool vhost_open(struct vhost *v, const char *name, unsigned int nr, char *why, size_t bytes)
{
	if (!begin(v))
		goto fail;
	for (; v->nr < nr; v->nr++) {
		v->fds[v->nr] = open_unit(name);
		if (v->fds[v->nr] < 0)
			goto fail;
	}
	if (!ioctl(v->fds[0], VHOST_GET_FEATURES, &v->features))
		return true;
fail:
	explain(name, errno, why, bytes);
	vhost_close(v);
	return false;
}

bool vhost_take(struct vhost *v, const int *fds, unsigned int nr)
{
	uint64_t features;

	if (!begin(v))
		goto fail;
	for (unsigned int i = 0; i < nr; i++) {
		if (ioctl(fds[i], VHOST_GET_FEATURES, &features) ||
		    (i && features != v->features))
			goto fail;
		v->features = features;
	}
	memcpy(v->fds, fds, nr * sizeof(*fds));
	v->nr = nr;
	return true;
fail:
	vhost_close(v);
	return false;
}

void vhost_close(struct vhost *v)
{
	while (v->nr)
		close(v->fds[--v->nr]);
	if (v->error_fd >= 0)
		close(v->error_fd);
	if (v->call_fd >= 0)
		close(v->call_fd);
}

/* Rings */

static int tell(int fd, unsigned long request, const void *arg)
{
	return ioctl(fd, request, arg) ? -errno : 0;
}

static int set_memory(const struct vhost *v, int fd)
{
	union {
		struct vhost_memory table;
		uint8_t room[sizeof(struct vhost_memory) +
			     MACHINE_REGIONS_MAX * sizeof(struct vhost_memory_region)];
	} arg = { 0 };
	struct machine_region regions[MACHINE_REGIONS_MAX];

	arg.table.nregions = machine_memory_regions(v->m, regions);
	for (unsigned int i = 0; i < arg.table.nregions; i++) {
		arg.table.regions[i] = (struct vhost_memory_region) {
			.guest_phys_addr = regions[i].gpa,
			.memory_size = regions[i].bytes,
			.userspace_addr = (uintptr_t)regions[i].host,
		};
	}
	return tell(fd, VHOST_SET_MEM_TABLE, &arg);
}

/* Let ring @index signal @call_fd for an interrupt, and @kick_fd be its kick; -1: none. */
static int set_fds(const struct vhost *v, int fd, unsigned int index, int kick_fd, int call_fd)
{
	struct vhost_vring_file file = { .index = index, .fd = v->error_fd };
	int err = tell(fd, VHOST_SET_VRING_ERR, &file);

	file.fd = call_fd;
	if (!err)
		err = tell(fd, VHOST_SET_VRING_CALL, &file);
	file.fd = kick_fd;
	if (!err)
		err = tell(fd, VHOST_SET_VRING_KICK, &file);
	return err;
}

/* virtq_start() has found the rings: aligned, and in memory. */
static int set_ring(const struct vhost *v, int fd, unsigned int index, const struct virtq *q)
{
	struct vhost_vring_state state = { .index = index, .num = q->size };
	struct vhost_vring_addr addr = {
		.index = index,
		.desc_user_addr = (uintptr_t)machine_memory(v->m, q->desc, 1),
		.avail_user_addr = (uintptr_t)machine_memory(v->m, q->driver, 1),
		.used_user_addr = (uintptr_t)machine_memory(v->m, q->device, 1),
	};
	int err = tell(fd, VHOST_SET_VRING_NUM, &state);

	state.num = 0;
	if (!err)
		err = tell(fd, VHOST_SET_VRING_BASE, &state);
	if (!err)
		err = tell(fd, VHOST_SET_VRING_ADDR, &addr);
	return err;
}

static int start_ring(struct vhost *v, unsigned int n)
{
	int fd = v->fds[n / VHOST_RINGS], call_fd = virtio_call_fd(v->vd, n);
	const struct virtq *q = virtio_queue(v->vd, n);
	int err;

	if (!q)
		return 0;
	if (call_fd < 0) {
		v->call_queue = n;
		call_fd = v->call_fd;
	}
	err = set_ring(v, fd, n % VHOST_RINGS, q);
	if (!err)
		err = set_fds(v, fd, n % VHOST_RINGS, virtio_kick_fd(v->vd, n), call_fd);
	return err;
}

static int start_units(struct vhost *v, uint64_t features)
{
	int err = 0;

	for (unsigned int i = 0; !err && i < v->nr; i++) {
		/* Once for all machines, by the process that has their memory. */
		err = tell(v->fds[i], VHOST_SET_OWNER, NULL);
		if (!err || err == -EBUSY)
			err = tell(v->fds[i], VHOST_SET_FEATURES, &features);
		if (!err)
			err = set_memory(v, v->fds[i]);
	}
	for (unsigned int n = 0; !err && n < VHOST_RINGS * v->nr; n++)
		err = start_ring(v, n);
	return err;
}

/* What the kernel signals */

static bool take(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) == sizeof(count);
}

static void called(void *opaque, uint32_t events)
{
	struct vhost *v = opaque;

	(void)events;
	if (take(v->call_fd))
		virtio_interrupt(v->vd, v->call_queue);
}

static void failed(void *opaque, uint32_t events)
{
	struct vhost *v = opaque;

	(void)events;
	if (take(v->error_fd))
		virtio_broken(v->vd, "the kernel's vhost cannot use its rings");
}

int vhost_start(struct vhost *v, struct machine *m, struct virtio_device *vd, uint64_t features)
{
	int err;

	v->m = m;
	v->vd = vd;
	take(v->call_fd);
	take(v->error_fd);
	err = machine_watch_fd(m, v->call_fd, EPOLLIN, called, v);
	if (!err)
		err = machine_watch_fd(m, v->error_fd, EPOLLIN, failed, v);
	if (!err)
		err = start_units(v, features);
	if (err)
		vhost_stop(v);
	return err;
}

void vhost_stop(struct vhost *v)
{
	for (unsigned int n = 0; n < VHOST_RINGS * v->nr; n++)
		set_fds(v, v->fds[n / VHOST_RINGS], n % VHOST_RINGS, -1, -1);
	machine_watch_fd(v->m, v->call_fd, 0, NULL, NULL);
	machine_watch_fd(v->m, v->error_fd, 0, NULL, NULL);
}
