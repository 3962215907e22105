// SPDX-License-Identifier: GPL-2.0
/*
 * The registers of a virtio device on PCI (VIRTIO 1.2, 4.1): where they are, and what an access
 * means.
 *
 * A function has three BARs: 0 has the registers in memory, 1 the MSI-X table, 2 is I/O ports for
 * the driver's notifications.  Those come first in the list of capabilities, which the driver
 * prefers: an OUT is the cheapest way out of a guest, as the CPU says all about it.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/virtio_pci.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "../event_fd.h"
#include "virtio_parts.h"

#define VENDOR		0x1af4
#define DEVICE		0x1040		/* plus the type */

enum { BAR_REGISTERS, BAR_MSIX, BAR_PORTS };

/* In BAR_REGISTERS */
#define COMMON		0x000
#define ISR		0x200
#define CONFIG		0x400
#define NOTIFY		0x1000
#define REGISTERS_BYTES	0x2000
#define NOTIFY_BYTES	4u		/* of each queue: the multiplier */

#define SETTLE_NS	100000000u	/* decoding that is off for so long is off */

#define COMMON_BYTES	sizeof(struct virtio_pci_common_cfg)

/* Notifications */

static void notified(struct virtio_device *vd, uint64_t n)
{
	if (n < vd->model.nr_queues && vd->started)
		event_fd_signal(vd->queues[n].kick_fd);
}

/* Where queue @n's notifications are to signal its kick_fd, or PCI_NOWHERE. */
static uint64_t wanted(const struct virtio_device *vd, unsigned int n, bool port)
{
	uint64_t base = vd->notify_at[port];

	if (base == PCI_NOWHERE || !vd->queues[n].enabled)
		return PCI_NOWHERE;
	return base + NOTIFY_BYTES * n;
}

/*
 * Have queue @n's notification where it is wanted.  Each change costs the host a grace period, and
 * the guest turns decoding off and on as it likes: unless @settled, what is wired stays as long as
 * it is nowhere.  Return: 0, or -EAGAIN: something is left to do.
 */
static int wire_queue(struct virtio_device *vd, unsigned int n, bool port, bool settled)
{
	struct virtio_queue_state *q = &vd->queues[n];
	uint64_t want = wanted(vd, n, port);
	int err;

	if (q->wired_at[port] == want)
		return 0;
	if (q->wired_at[port] != PCI_NOWHERE) {
		if (want == PCI_NOWHERE && !settled)
			return -EAGAIN;
		machine_remove_ioeventfd(vd->m, q->kick_fd, port, q->wired_at[port], 0);
		q->wired_at[port] = PCI_NOWHERE;
	}
	if (want == PCI_NOWHERE)
		return 0;
	/* Where it cannot be had, the write comes to notified(). */
	err = machine_add_ioeventfd(vd->m, q->kick_fd, port, want, 0);
	if (!err)
		q->wired_at[port] = want;
	return err == -EAGAIN ? err : 0;
}

static void wire(struct virtio_device *vd, bool settled)
{
	uint64_t again = UINT64_MAX;

	for (unsigned int i = 0; i < 2 * vd->model.nr_queues; i++) {
		if (wire_queue(vd, i / 2, !(i & 1), settled))
			again = machine_now_ns(vd->m) + SETTLE_NS;
	}
	machine_timer_arm(vd->settle, again);
}

static void settle(void *opaque)
{
	wire(opaque, true);
}

void virtio_pci_start(struct virtio_device *vd)
{
	wire(vd, false);
}

void virtio_pci_stop(struct virtio_device *vd)
{
	for (unsigned int i = 0; i < 2 * vd->model.nr_queues; i++) {
		struct virtio_queue_state *q = &vd->queues[i / 2];
		bool port = i & 1;

		if (q->wired_at[port] == PCI_NOWHERE)
			continue;
		machine_remove_ioeventfd(vd->m, q->kick_fd, port, q->wired_at[port], 0);
		q->wired_at[port] = PCI_NOWHERE;
	}
	machine_timer_arm(vd->settle, UINT64_MAX);
}

static void moved(struct virtio_device *vd, bool port, uint64_t address)
{
	vd->notify_at[port] = address;
	if (vd->started)
		wire(vd, false);
}

static void ports_moved(void *opaque, uint64_t address)
{
	moved(opaque, true, address);
}

static void registers_moved(void *opaque, uint64_t address)
{
	moved(opaque, false, address == PCI_NOWHERE ? address : address + NOTIFY);
}

static uint64_t ports_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	(void)opaque;
	(void)offset;
	(void)bytes;
	return 0;
}

static void ports_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	(void)bytes;
	(void)value;
	notified(opaque, offset / NOTIFY_BYTES);
}

/* Common configuration (4.1.4.3) */

static struct virtio_queue_state *selected(struct virtio_device *vd)
{
	return vd->queue_select < vd->model.nr_queues ? &vd->queues[vd->queue_select] : NULL;
}

static void read_common(struct virtio_device *vd, struct virtio_pci_common_cfg *c)
{
	const struct virtio_queue_state *q = selected(vd);

	*c = (struct virtio_pci_common_cfg) {
		.device_feature_select = vd->device_select,
		.device_feature = vd->device_select < 2 ? vd->offered >> 32 * vd->device_select : 0,
		.guest_feature_select = vd->driver_select,
		.guest_feature = vd->driver_select < 2 ? vd->accepted >> 32 * vd->driver_select : 0,
		.msix_config = vd->config_vector,
		.num_queues = vd->model.nr_queues,
		.device_status = atomic_load(&vd->status),
		.config_generation = atomic_load(&vd->generation),
		.queue_select = vd->queue_select,
	};
	if (!q)
		return;
	c->queue_size = q->size;
	c->queue_msix_vector = q->vector;
	c->queue_enable = q->enabled;
	c->queue_notify_off = vd->queue_select;
	memcpy(&c->queue_desc_lo, q->address, sizeof(q->address));
}

static void set_features(struct virtio_device *vd, uint32_t value)
{
	unsigned int shift = 32 * vd->driver_select;

	if (vd->driver_select > 1 || (atomic_load(&vd->status) & VIRTIO_CONFIG_S_FEATURES_OK))
		return;
	vd->accepted = (vd->accepted & ~(0xffffffffull << shift)) | (uint64_t)value << shift;
}

/* @vector's eventfd, or -1; @slot is what the driver reads back, whether MSI-X is enabled yet. */
static int set_vector(struct virtio_device *vd, uint16_t *slot, uint64_t vector)
{
	if (vector >= pci_msix_vectors(vd->f)) {
		*slot = VIRTIO_NO_VECTOR;
		return -1;
	}
	*slot = vector;
	return pci_msix_fd(vd->f, vector);
}

static void enable_queue(struct virtio_device *vd, struct virtio_queue_state *q)
{
	if ((atomic_load(&vd->status) & VIRTIO_CONFIG_S_FEATURES_OK) && !vd->started)
		q->enabled = true;
}

/* Of the selected queue; what it is made of cannot change while it is enabled. */
static void write_queue(struct virtio_device *vd, unsigned int offset, unsigned int bytes,
			uint64_t value)
{
	struct virtio_queue_state *q = selected(vd);

	if (!q)
		return;
	if (offset == VIRTIO_PCI_COMMON_Q_MSIX && bytes == 2) {
		atomic_store(&q->call_fd, set_vector(vd, &q->vector, value));
		return;
	}
	if (q->enabled)
		return;
	if (offset == VIRTIO_PCI_COMMON_Q_SIZE && bytes == 2) {
		if (value && value <= vd->model.queue_size)
			q->size = value;
	} else if (offset == VIRTIO_PCI_COMMON_Q_ENABLE && bytes == 2) {
		if (value == 1)
			enable_queue(vd, q);
	} else if (offset >= VIRTIO_PCI_COMMON_Q_DESCLO &&
		   offset + bytes <= VIRTIO_PCI_COMMON_Q_DESCLO + sizeof(q->address) &&
		   bytes >= 4 && !(offset % bytes)) {
		memcpy((uint8_t *)q->address + offset - VIRTIO_PCI_COMMON_Q_DESCLO, &value, bytes);
	}
}

static void write_common(struct virtio_device *vd, unsigned int offset, unsigned int bytes,
			 uint64_t value)
{
	if (offset == VIRTIO_PCI_COMMON_DFSELECT && bytes == 4)
		vd->device_select = value;
	else if (offset == VIRTIO_PCI_COMMON_GFSELECT && bytes == 4)
		vd->driver_select = value;
	else if (offset == VIRTIO_PCI_COMMON_GF && bytes == 4)
		set_features(vd, value);
	else if (offset == VIRTIO_PCI_COMMON_MSIX && bytes == 2)
		atomic_store(&vd->config_fd, set_vector(vd, &vd->config_vector, value));
	else if (offset == VIRTIO_PCI_COMMON_STATUS && bytes == 1)
		virtio_set_status(vd, value);
	else if (offset == VIRTIO_PCI_COMMON_Q_SELECT && bytes == 2)
		vd->queue_select = value;
	else
		write_queue(vd, offset, bytes, value);
}

/* BAR_REGISTERS */

static uint64_t registers_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	struct virtio_device *vd = opaque;
	struct virtio_pci_common_cfg common;
	uint64_t value = 0;

	if (offset + bytes <= COMMON + COMMON_BYTES) {
		read_common(vd, &common);
		memcpy(&value, (uint8_t *)&common + offset - COMMON, bytes);
	} else if (offset == ISR) {
		value = virtio_take_isr(vd);
	} else if (offset >= CONFIG && offset + bytes <= CONFIG + vd->model.config_bytes) {
		if (vd->model.ops->config_read)
			vd->model.ops->config_read(vd->model.opaque);
		memcpy(&value, (uint8_t *)vd->model.config + offset - CONFIG, bytes);
	}
	return value;
}

static void registers_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	struct virtio_device *vd = opaque;

	if (offset >= NOTIFY) {
		notified(vd, (offset - NOTIFY) / NOTIFY_BYTES);
	} else if (offset + bytes <= COMMON + COMMON_BYTES) {
		write_common(vd, offset - COMMON, bytes, value);
	} else if (offset >= CONFIG && offset + bytes <= CONFIG + vd->model.config_bytes &&
		   vd->model.ops->config_write) {
		memcpy((uint8_t *)vd->model.config + offset - CONFIG, &value, bytes);
		vd->model.ops->config_write(vd->model.opaque, offset - CONFIG, bytes);
	}
}

/* The capability that reaches the BARs without their being mapped (4.1.4.9). */
static void window_access(void *opaque, unsigned int offset, unsigned int bytes, bool write)
{
	struct virtio_device *vd = opaque;
	struct virtio_pci_cfg_cap *window = (void *)(pci_config(vd->f) + vd->window);
	uint32_t length = window->cap.length, at = window->cap.offset;
	uint64_t value = 0;

	if (offset + bytes <= offsetof(struct virtio_pci_cfg_cap, pci_cfg_data) ||
	    (length != 1 && length != 2 && length != 4) || at % length)
		return;
	if (window->cap.bar == BAR_REGISTERS && at < REGISTERS_BYTES) {
		memcpy(&value, window->pci_cfg_data, length);
		if (write)
			registers_write(vd, at, length, value);
		else
			value = registers_read(vd, at, length);
	} else if (window->cap.bar == BAR_PORTS && write) {
		notified(vd, at / NOTIFY_BYTES);
	}
	if (!write)
		memcpy(window->pci_cfg_data, &value, length);
}

/* Life */

/* Without it the device must not write to memory (PCI 3.0, 6.2.2); queues have no way to wait. */
static void mastering_changed(void *opaque, bool on)
{
	if (!on)
		virtio_halt(opaque);
}

static void add_capability(struct virtio_device *vd, uint8_t type, uint8_t bar, uint32_t offset,
			   uint32_t length)
{
	const bool notify = type == VIRTIO_PCI_CAP_NOTIFY_CFG;
	const struct virtio_pci_notify_cap cap = {
		.cap = {
			.cap_vndr = PCI_CAP_ID_VNDR,
			.cap_len = notify ? sizeof(cap) : sizeof(cap.cap),
			.cfg_type = type,
			.bar = bar,
			.offset = offset,
			.length = length,
		},
		.notify_off_multiplier = NOTIFY_BYTES,
	};

	pci_add_capability(vd->f, &cap, cap.cap.cap_len, NULL, NULL, NULL);
}

static void add_window(struct virtio_device *vd)
{
	const struct virtio_pci_cfg_cap cap = {
		.cap = {
			.cap_vndr = PCI_CAP_ID_VNDR,
			.cap_len = sizeof(cap),
			.cfg_type = VIRTIO_PCI_CAP_PCI_CFG,
		},
	};
	const struct virtio_pci_cfg_cap writable = {
		.cap = { .bar = 0xff, .offset = UINT32_MAX, .length = UINT32_MAX },
		.pci_cfg_data = { 0xff, 0xff, 0xff, 0xff },
	};

	vd->window = pci_add_capability(vd->f, &cap, sizeof(cap), &writable, window_access, vd);
}

static uint64_t power_of_two(uint64_t n)
{
	uint64_t p = 1;

	while (p < n)
		p *= 2;
	return p;
}

static int add_registers(struct virtio_device *vd)
{
	const uint32_t notify_bytes = NOTIFY_BYTES * vd->model.nr_queues;
	const struct pci_bar registers = {
		.bytes = REGISTERS_BYTES, .read = registers_read, .write = registers_write,
		.moved = registers_moved, .opaque = vd,
	};
	const struct pci_bar ports = {
		.bytes = power_of_two(notify_bytes), .port = true, .read = ports_read,
		.write = ports_write, .moved = ports_moved, .opaque = vd,
	};
	int err;

	err = pci_add_bar(vd->f, BAR_REGISTERS, &registers);
	if (!err)
		err = pci_add_msix(vd->f, BAR_MSIX, vd->model.nr_queues + 1);
	if (!err)
		err = pci_add_bar(vd->f, BAR_PORTS, &ports);
	if (err)
		return err;
	add_capability(vd, VIRTIO_PCI_CAP_NOTIFY_CFG, BAR_PORTS, 0, notify_bytes);
	add_capability(vd, VIRTIO_PCI_CAP_NOTIFY_CFG, BAR_REGISTERS, NOTIFY, notify_bytes);
	add_capability(vd, VIRTIO_PCI_CAP_COMMON_CFG, BAR_REGISTERS, COMMON, COMMON_BYTES);
	add_capability(vd, VIRTIO_PCI_CAP_ISR_CFG, BAR_REGISTERS, ISR, 1);
	if (vd->model.config_bytes)
		add_capability(vd, VIRTIO_PCI_CAP_DEVICE_CFG, BAR_REGISTERS, CONFIG,
			       vd->model.config_bytes);
	add_window(vd);
	pci_on_mastering(vd->f, mastering_changed, vd);
	return 0;
}

struct virtio_device *virtio_new(struct pci_bus *bus, const struct virtio_model *model)
{
	const struct pci_identity identity = {
		.vendor = VENDOR,
		.device = DEVICE + model->id,
		.subsystem_vendor = VENDOR,
		.subsystem = DEVICE + model->id,
		.class_code = model->class_code,
		.revision = 1,
	};
	struct virtio_device *vd = calloc(1, sizeof(*vd));
	int err;

	if (!vd)
		return NULL;
	vd->f = pci_function_new(bus, &identity);
	if (!vd->f) {
		free(vd);
		return NULL;
	}
	if (virtio_init(vd, model)) {
		err = errno;
		goto fail;
	}
	err = ENOMEM;
	vd->settle = machine_timer_new(vd->m, settle, vd);
	if (!vd->settle)
		goto fail;
	err = -add_registers(vd);
	if (!err)
		return vd;
fail:
	virtio_free(vd);
	errno = err;
	return NULL;
}

void virtio_free(struct virtio_device *vd)
{
	virtio_exit(vd);
	machine_timer_free(vd->settle);
	pci_function_free(vd->f);
	free(vd);
}
