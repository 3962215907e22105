/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VMCTL_DEVICES_VIRTIO_VSOCK_H
#define VMCTL_DEVICES_VIRTIO_VSOCK_H

#include <stdint.h>

struct pci_bus;
struct vhost;
struct virtio_vsock;

/*
 * Sockets between the guest and the host, by the host's vhost-vsock.  @vhost has one unit, whose
 * context ID is @cid already, and must be there for longer.  Return: the device, or NULL with errno
 * set.
 */
struct virtio_vsock *virtio_vsock_new(struct pci_bus *bus, struct vhost *vhost, uint32_t cid);
void virtio_vsock_free(struct virtio_vsock *vs);

#endif
