/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A driver's side of a virtio device on PCI, for unit tests of device models: it finds the
 * registers by their capabilities, negotiates, sets up queues and notifies, as VIRTIO 1.2, 3.1 and
 * 4.1 have it. What is in the queues is virtio_driver.h's. A test that wants an insane driver
 * writes to the registers itself. Included behind devices_fake.h.
 */
#ifndef SELFTESTS_UNIT_VIRTIO_GUEST_H
#define SELFTESTS_UNIT_VIRTIO_GUEST_H

#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <stddef.h>

#include "guest_memory.h"
#include "pci_guest.h"
#include "virtio_driver.h"

#define MSIX_ADDRESS	0xfee00000u
#define NO_VECTOR	0xffff
#define REG(field)	offsetof(struct virtio_pci_common_cfg, field)
#define READY		(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER)

/**
 * struct guest_device - where a device's registers are
 * @slot: of it on the bus
 * @common: and the next three: guest-physical
 * @notify_port: of the first notification capability
 * @notify_mem: of the second
 * @multiplier: of both
 * @msix: guest-physical, of the table
 * @msix_cap: in configuration space
 * @window: likewise: the capability that reaches BARs
 * @lengths: of the structures, by VIRTIO_PCI_CAP_*
 * @nr_caps: how many capabilities there are
 */
struct guest_device {
	unsigned int slot;
	uint64_t common, isr, config, notify_mem, msix;
	uint16_t notify_port;
	uint32_t multiplier;
	unsigned int msix_cap, window;
	uint32_t lengths[8];
	unsigned int nr_caps;
};

static inline uint32_t config_get(const struct guest_device *d, unsigned int offset,
				  unsigned int bytes)
{
	return mmio_read(ecam(d->slot, offset), bytes);
}

static inline void config_set(const struct guest_device *d, unsigned int offset,
			      unsigned int bytes, uint32_t value)
{
	mmio_write(ecam(d->slot, offset), bytes, value);
}

static inline uint32_t guest_bar(const struct guest_device *d, unsigned int n)
{
	return get_bar(d->slot, n) & ~3u;
}

static inline void guest_take_capability(struct guest_device *d, unsigned int at)
{
	unsigned int type = config_get(d, at + 3, 1);
	uint32_t address = guest_bar(d, config_get(d, at + 4, 1)) + config_get(d, at + 8, 4);

	if (type >= 8)
		abort();
	d->lengths[type] = config_get(d, at + 12, 4);
	if (type == VIRTIO_PCI_CAP_COMMON_CFG)
		d->common = address;
	else if (type == VIRTIO_PCI_CAP_ISR_CFG)
		d->isr = address;
	else if (type == VIRTIO_PCI_CAP_DEVICE_CFG)
		d->config = address;
	else if (type == VIRTIO_PCI_CAP_PCI_CFG)
		d->window = at;
	if (type != VIRTIO_PCI_CAP_NOTIFY_CFG)
		return;
	d->multiplier = config_get(d, at + 16, 4);
	if (d->notify_port)
		d->notify_mem = address;
	else
		d->notify_port = address;
}

/* Look at the device in @slot. */
static inline void guest_find(struct guest_device *d, unsigned int slot)
{
	unsigned int at;

	*d = (struct guest_device) { .slot = slot };
	at = config_get(d, PCI_CAPABILITY_LIST, 1);
	for (; at; at = config_get(d, at + 1, 1)) {
		if (d->nr_caps++ > 16)
			abort();
		if (config_get(d, at, 1) == PCI_CAP_ID_VNDR) {
			guest_take_capability(d, at);
		} else if (config_get(d, at, 1) == PCI_CAP_ID_MSIX) {
			d->msix_cap = at;
			d->msix = guest_bar(d, config_get(d, at + 4, 1) & 7);
		}
	}
}

static inline uint64_t common_get(const struct guest_device *d, unsigned int offset,
				  unsigned int bytes)
{
	return mmio_read(d->common + offset, bytes);
}

static inline void common_set(const struct guest_device *d, unsigned int offset,
			      unsigned int bytes, uint64_t value)
{
	mmio_write(d->common + offset, bytes, value);
}

static inline uint8_t get_status(const struct guest_device *d)
{
	return common_get(d, REG(device_status), 1);
}

static inline void set_status(const struct guest_device *d, uint8_t status)
{
	common_set(d, REG(device_status), 1, status);
}

static inline uint64_t get_features(const struct guest_device *d)
{
	uint64_t low;

	common_set(d, REG(device_feature_select), 4, 0);
	low = common_get(d, REG(device_feature), 4);
	common_set(d, REG(device_feature_select), 4, 1);
	return low | common_get(d, REG(device_feature), 4) << 32;
}

static inline void set_features(const struct guest_device *d, uint64_t features)
{
	common_set(d, REG(guest_feature_select), 4, 0);
	common_set(d, REG(guest_feature), 4, (uint32_t)features);
	common_set(d, REG(guest_feature_select), 4, 1);
	common_set(d, REG(guest_feature), 4, features >> 32);
}

/* Reset it, and wait until it is; some take a while to end what they do. */
static inline void reset_device(const struct guest_device *d)
{
	set_status(d, 0);
	while (get_status(d)) {
		if (fake_loop(60000))
			continue;
		printf("# no reset\n");
		abort();
	}
}

/* From reset to FEATURES_OK. Return: whether the device agrees. */
static inline bool negotiate(const struct guest_device *d, uint64_t features)
{
	reset_device(d);
	set_status(d, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	set_status(d, READY);
	set_features(d, features);
	set_status(d, READY | VIRTIO_CONFIG_S_FEATURES_OK);
	return get_status(d) & VIRTIO_CONFIG_S_FEATURES_OK;
}

static inline void start_driver(const struct guest_device *d)
{
	set_status(d, get_status(d) | VIRTIO_CONFIG_S_DRIVER_OK);
}

static inline void select_queue(const struct guest_device *d, unsigned int n)
{
	common_set(d, REG(queue_select), 2, n);
}

static inline void set_address(const struct guest_device *d, unsigned int offset, uint64_t gpa)
{
	common_set(d, offset, 4, (uint32_t)gpa);
	common_set(d, offset + 4, 4, gpa >> 32);
}

/* Queue @n, whose rings are those of @ring; and on. */
static inline void set_queue(const struct guest_device *d, unsigned int n,
			     const struct driver *ring)
{
	select_queue(d, n);
	common_set(d, REG(queue_size), 2, ring->size);
	set_address(d, REG(queue_desc_lo), ring->desc);
	set_address(d, REG(queue_avail_lo), ring->driver);
	set_address(d, REG(queue_used_lo), ring->device);
	common_set(d, REG(queue_enable), 2, 1);
}

static inline void msix_control(const struct guest_device *d, uint16_t control)
{
	config_set(d, d->msix_cap + PCI_MSIX_FLAGS, 2, control);
}

/* Vector n sends message @data + n, for all of them. */
static inline void use_msix(const struct guest_device *d, uint8_t data)
{
	unsigned int nr = (config_get(d, d->msix_cap + PCI_MSIX_FLAGS, 2) & 0x7ff) + 1;

	for (unsigned int i = 0; i < nr; i++) {
		mmio_write(d->msix + 16 * i, 8, MSIX_ADDRESS);
		mmio_write(d->msix + 16 * i + 8, 8, data + i);
	}
	msix_control(d, PCI_MSIX_FLAGS_ENABLE);
}

static inline void set_queue_vector(const struct guest_device *d, unsigned int n,
				    uint16_t vector)
{
	select_queue(d, n);
	common_set(d, REG(queue_msix_vector), 2, vector);
}

static inline void kick(const struct guest_device *d, unsigned int n)
{
	port_out(d->notify_port + d->multiplier * n, 2, n);
}

#endif
