/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A network card, as its model is told to be.
 */
#ifndef VMCTL_DEVICES_VIRTIO_NET_H
#define VMCTL_DEVICES_VIRTIO_NET_H

#include <linux/if_ether.h>
#include <stdbool.h>
#include <stdint.h>

#define VIRTIO_NET_MTU_MIN	68u	/* VIRTIO 1.2, 5.1.4.1 */
#define VIRTIO_NET_MTU_MAX	65521u

/* Of VIRTIO 1.3; Linux's header has them since 6.2. */
#ifndef VIRTIO_NET_F_HOST_USO
#define VIRTIO_NET_F_GUEST_USO4		54
#define VIRTIO_NET_F_GUEST_USO6		55
#define VIRTIO_NET_F_HOST_USO		56
#define VIRTIO_NET_HDR_GSO_UDP_L4	5
#endif

struct net;
struct pci_bus;
struct virtio_net;

/**
 * struct virtio_net_options - what the user can choose
 * @mac: its address
 * @mtu: what the guest is told that it can send, or 0: nothing
 * @packed: offer packed rings
 */
struct virtio_net_options {
	uint8_t mac[ETH_ALEN];
	uint16_t mtu;
	bool packed;
};

/* Return: the card, or NULL with errno set.  The net must be there for longer. */
struct virtio_net *virtio_net_new(struct pci_bus *bus, struct net *net,
				  const struct virtio_net_options *options);
void virtio_net_free(struct virtio_net *card);

#endif
