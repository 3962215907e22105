// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-vsock: sockets between guest and host (VIRTIO 1.2, 5.10).
 *
 * The kernel's vhost has the two queues of data and knows of connections; here is what is left, the
 * configuration.  The queue of events stays empty: its only event is for a guest that has moved to
 * another host.
 */
#include <errno.h>
#include <linux/vhost.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_vsock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "../message.h"
#include "../vhost.h"
#include "../virtio.h"
#include "virtio_vsock.h"

#define CLASS_COMMUNICATION	0x078000
#define QUEUE_SIZE		128
#define QUEUES			3u	/* to the guest, from it, events */

struct virtio_vsock {
	struct virtio_device *vd;
	struct machine *m;
	struct vhost *vhost;
	struct virtio_vsock_config config;
};

static int set_running(struct virtio_vsock *vs, int on)
{
	return ioctl(vs->vhost->fds[0], VHOST_VSOCK_SET_RUNNING, &on) ? -errno : 0;
}

static int start(void *opaque)
{
	struct virtio_vsock *vs = opaque;
	uint64_t features = virtio_features(vs->vd) & vs->vhost->features;
	int err = vhost_start(vs->vhost, vs->m, vs->vd, features);

	if (!err) {
		err = set_running(vs, 1);
		if (err)
			vhost_stop(vs->vhost);
	}
	if (!err)
		return 0;
	if (message_guest())
		message("--vsock %llu: vhost-vsock does not run: %s",
			(unsigned long long)vs->config.guest_cid, strerror(-err));
	return -1;
}

static void stop(void *opaque)
{
	struct virtio_vsock *vs = opaque;

	set_running(vs, 0);
	vhost_stop(vs->vhost);
}

struct virtio_vsock *virtio_vsock_new(struct pci_bus *bus, struct vhost *vhost, uint32_t cid)
{
	static const struct virtio_ops ops = { .start = start, .stop = stop };
	struct virtio_vsock *vs = calloc(1, sizeof(*vs));
	struct virtio_model model = {
		.name = "virtio-vsock",
		.id = VIRTIO_ID_VSOCK,
		.class_code = CLASS_COMMUNICATION,
		.features = vhost->features & (VIRTIO_RING_FEATURES |
					       1ull << VIRTIO_VSOCK_F_SEQPACKET),
		.nr_queues = QUEUES,
		.queue_size = QUEUE_SIZE,
		.config_bytes = sizeof(vs->config),
		.ops = &ops,
		.opaque = vs,
	};

	if (!vs)
		return NULL;
	vs->m = pci_bus_machine(bus);
	vs->vhost = vhost;
	vs->config.guest_cid = cid;
	model.config = &vs->config;
	vs->vd = virtio_new(bus, &model);
	if (vs->vd)
		return vs;
	free(vs);
	return NULL;
}

void virtio_vsock_free(struct virtio_vsock *vs)
{
	virtio_free(vs->vd);
	free(vs);
}
