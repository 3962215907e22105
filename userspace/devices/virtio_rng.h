/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VMCTL_DEVICES_VIRTIO_RNG_H
#define VMCTL_DEVICES_VIRTIO_RNG_H

#include <stdint.h>

struct pci_bus;
struct virtio_rng;

/*
 * A source of random numbers, at most @rate bytes of them in each second; 0: as many as the guest
 * wants.  Return: the device, or NULL with errno set.
 */
struct virtio_rng *virtio_rng_new(struct pci_bus *bus, uint32_t rate);
void virtio_rng_free(struct virtio_rng *rng);

#endif
