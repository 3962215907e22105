/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A shared directory, whose file system another process serves.
 */
#ifndef VMCTL_DEVICES_VIRTIO_FS_H
#define VMCTL_DEVICES_VIRTIO_FS_H

#define VIRTIO_FS_TAG_MAX	36	/* a full one has no NUL */

struct pci_bus;
struct vhost_user;
struct virtio_fs;

struct virtio_fs_options {
	char tag[VIRTIO_FS_TAG_MAX + 1];	/* by which the guest mounts it */
};

/* Return: the device, or NULL with errno set.  @user is the caller's, and there for longer. */
struct virtio_fs *virtio_fs_new(struct pci_bus *bus, struct vhost_user *user,
				const struct virtio_fs_options *options);
void virtio_fs_free(struct virtio_fs *fs);

#endif
