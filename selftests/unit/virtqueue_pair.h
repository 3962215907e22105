/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One virtqueue with both its ends: the driver of virtio_driver.h and the device of virtqueue.h, in
 * a guest memory that begins with the rings. What virtqueue*.c have in common, each of which
 * includes it once.
 */
#ifndef SELFTESTS_UNIT_VIRTQUEUE_PAIR_H
#define SELFTESTS_UNIT_VIRTQUEUE_PAIR_H

#include <stdio.h>

#include "../../userspace/virtqueue.h"
#include "devices_fake.h"
#include "guest_memory.h"
#include "virtio_driver.h"

static struct driver drv;
static struct virtq vq;

/* A new driver, and a device that has seen its parameters; where @bytes is not 0, a new memory. */
static inline void set_up(uint32_t bytes, unsigned int size, bool packed, bool event_idx,
			  bool indirect)
{
	if (bytes)
		guest_init(bytes);
	drv.size = size;
	drv.packed = packed;
	drv.event_idx = event_idx;
	driver_init(&drv, guest.host, GUEST_GPA);
	vq = (struct virtq){
		.size = size,
		.packed = packed,
		.event_idx = event_idx,
		.indirect = indirect,
		.desc = drv.desc,
		.driver = drv.driver,
		.device = drv.device,
	};
	CHECK_EQ(virtq_start(&vq), 0);
}

#endif
