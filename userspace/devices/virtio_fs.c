// SPDX-License-Identifier: GPL-2.0
/*
 * virtio-fs: a directory of the host (VIRTIO 1.2, 5.11), served by a virtiofsd over vhost-user.
 *
 * It is a configuration space and two queues; all that goes through those is between the guest and
 * the other process.
 */
#include <errno.h>
#include <linux/virtio_fs.h>
#include <linux/virtio_ids.h>
#include <stdlib.h>
#include <string.h>

#include "../message.h"
#include "../vhost_user.h"
#include "../virtio.h"
#include "virtio_fs.h"

#define CLASS_STORAGE	0x018000
#define QUEUE_SIZE	128
#define QUEUES		2u	/* one for urgent requests, one for the others */

struct virtio_fs {
	struct virtio_device *vd;
	struct vhost_user *user;
	struct machine *m;
	struct virtio_fs_config config;
};

static int start(void *opaque)
{
	struct virtio_fs *fs = opaque;
	int err = vhost_user_start(fs->user, fs->m, fs->vd, QUEUES);

	if (!err || !message_guest())
		return err;
	if (err == -ENOTCONN)
		message("the virtiofsd of share \"%.36s\" has ended; start vmctl again to have it",
			fs->config.tag);
	else
		message("virtiofsd cannot serve share \"%.36s\": %s", fs->config.tag, strerror(-err));
	return err;
}

static void stop(void *opaque)
{
	struct virtio_fs *fs = opaque;

	vhost_user_stop(fs->user);
}

struct virtio_fs *virtio_fs_new(struct pci_bus *bus, struct vhost_user *user,
				const struct virtio_fs_options *options)
{
	static const struct virtio_ops ops = { .start = start, .stop = stop };
	struct virtio_fs *fs = calloc(1, sizeof(*fs));
	const struct virtio_model model = {
		.name = "virtio-fs",
		.id = VIRTIO_ID_FS,
		.class_code = CLASS_STORAGE,
		.features = user->features & VIRTIO_RING_FEATURES,
		.nr_queues = QUEUES,
		.queue_size = QUEUE_SIZE,
		.config = fs ? &fs->config : NULL,
		.config_bytes = sizeof(fs->config),
		.ops = &ops,
		.opaque = fs,
	};

	if (!fs)
		return NULL;
	fs->user = user;
	fs->m = pci_bus_machine(bus);
	fs->config.num_request_queues = QUEUES - 1;
	memcpy(fs->config.tag, options->tag, strnlen(options->tag, sizeof(fs->config.tag)));
	fs->vd = virtio_new(bus, &model);
	if (!fs->vd) {
		free(fs);
		return NULL;
	}
	return fs;
}

void virtio_fs_free(struct virtio_fs *fs)
{
	virtio_free(fs->vd);
	free(fs);
}
