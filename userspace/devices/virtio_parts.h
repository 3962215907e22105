/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What virtio.c, the device's state, and virtio_pci.c, the registers in which the driver sees it,
 * share; device models use ../virtio.h.  A letter on each field says what guards it:
 *	c	constant
 *	l	the machine's lock
 *	s	constant while started
 *	a	atomic
 */
#ifndef VMCTL_DEVICES_VIRTIO_PARTS_H
#define VMCTL_DEVICES_VIRTIO_PARTS_H

#include <stdatomic.h>

#include "../virtio.h"

#define VIRTIO_NO_VECTOR	0xffff
#define VIRTIO_ISR_QUEUE	1u
#define VIRTIO_ISR_CONFIG	2u

struct virtio_queue_state {
	struct virtq ring;		/* the model's while started, else l */
	uint64_t address[3];		/* s, of descriptors, driver's and device's area */
	uint16_t size;			/* s */
	uint16_t vector;		/* l */
	bool enabled;			/* s */
	int kick_fd;			/* c */
	uint64_t wired_at[2];		/* l, likewise: where writes signal it, or PCI_NOWHERE */
	atomic_int call_fd;		/* a, or -1 */
};

struct virtio_device {
	struct virtio_model model;	/* c */
	struct machine *m;		/* c */
	struct pci_function *f;		/* c */
	uint64_t offered;		/* c */
	uint64_t accepted;		/* s */
	bool started;			/* l */
	bool draining;			/* l, no longer, but something is under way */
	bool resets;			/* l, when it is drained */
	bool holds;			/* l, the vCPU that forbade it the memory, until then */
	atomic_bool drained;		/* a */
	void (*gone)(void *opaque);	/* l, to be called when it is drained, or NULL */
	void *gone_opaque;		/* l */
	atomic_uint status;		/* a */
	atomic_uint isr;		/* a */
	atomic_uint generation;		/* a, of the configuration space */
	atomic_int config_fd;		/* a, its interrupt's eventfd or -1 */
	uint16_t config_vector;		/* l */
	int intx_fd;			/* c, signalled: look at isr and drained */

	/* virtio_pci.c: registers that only select */
	uint32_t device_select, driver_select;	/* l */
	uint16_t queue_select;			/* l */
	uint64_t notify_at[2];			/* l, the notifications: in memory, of ports */
	struct machine_timer *settle;		/* l, has them wired */
	uint8_t window;				/* c, the capability that accesses BARs */

	struct virtio_queue_state queues[VIRTIO_QUEUES_MAX];
};

/* virtio.c; all under the lock. */
int virtio_init(struct virtio_device *vd, const struct virtio_model *model);
void virtio_exit(struct virtio_device *vd);
void virtio_set_status(struct virtio_device *vd, uint8_t status);
/* It runs no longer, until it is reset; the vCPU whose access this is waits for that. */
void virtio_halt(struct virtio_device *vd);
/* ISR status is read: take it, and lower INTA#. */
uint8_t virtio_take_isr(struct virtio_device *vd);

/* virtio_pci.c: the driver's notifications go to the queues' kick_fd, or no longer. */
void virtio_pci_start(struct virtio_device *vd);
void virtio_pci_stop(struct virtio_device *vd);

#endif
