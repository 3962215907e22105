/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A virtio device of no kind, for unit tests of what all have in common: a model that records what
 * it is told, on a bus of its own, and a driver that gets it to run.
 */
#ifndef SELFTESTS_UNIT_VIRTIO_MODEL_H
#define SELFTESTS_UNIT_VIRTIO_MODEL_H

#include "../../userspace/virtio.h"
#include "devices_fake.h"
#include "said.h"
#include "virtio_guest.h"

#define QUEUES		3
#define QUEUE_SIZE	64
#define OFFERED		(VIRTIO_RING_FEATURES | 1ull << VIRTIO_F_RING_PACKED | 1ull << 41 | 3)
#define VERSION_1	(1ull << VIRTIO_F_VERSION_1)
#define PACKED		(1ull << VIRTIO_F_RING_PACKED)
#define DRIVER_OK	VIRTIO_CONFIG_S_DRIVER_OK
#define FEATURES_OK	VIRTIO_CONFIG_S_FEATURES_OK
#define NEEDS_RESET	VIRTIO_CONFIG_S_NEEDS_RESET
#define FAILED		VIRTIO_CONFIG_S_FAILED
#define ALL_READY	(READY | FEATURES_OK)
#define RUNNING		(ALL_READY | DRIVER_OK)

/* ---- the model --------------------------------------------------------------------------- */

static struct {
	unsigned int starts, stops, config_reads, config_writes;
	unsigned int offset, bytes;
	uint64_t features;
	bool has_queue[QUEUES];
	bool shared;			/* it is that of two devices */
	int start_result;
	uint8_t config[12];
	struct virtq *queue;		/* of a model that runs */
} model;

static struct pci_bus *bus;
static struct virtio_device *vd;
static struct guest_device dev;

static inline int model_start(void *opaque)
{
	CHECK(opaque == &model);
	model.starts++;
	model.features = virtio_features(vd);
	for (unsigned int i = 0; i < QUEUES; i++)
		model.has_queue[i] = virtio_queue(vd, i);
	return model.start_result;
}

static inline void model_stop(void *opaque)
{
	CHECK(opaque == &model);
	CHECK(model.shared || !fake.nr_ioeventfds);
	model.stops++;
}

static inline void model_config_read(void *opaque)
{
	CHECK(opaque == &model);
	model.config_reads++;
}

static inline void model_config_write(void *opaque, unsigned int offset, unsigned int bytes)
{
	CHECK(opaque == &model);
	model.config_writes++;
	model.offset = offset;
	model.bytes = bytes;
}

static const struct virtio_ops ops = {
	.start = model_start, .stop = model_stop,
	.config_read = model_config_read, .config_write = model_config_write,
};

static const struct virtio_ops plain_ops = { .start = model_start, .stop = model_stop };

static inline struct virtio_model description(void)
{
	return (struct virtio_model) {
		.name = "test", .id = 9, .class_code = 0x028000, .features = OFFERED,
		.nr_queues = QUEUES, .queue_size = QUEUE_SIZE, .config = model.config,
		.config_bytes = sizeof(model.config), .ops = &ops, .opaque = &model,
	};
}

/* ---- a device to play with --------------------------------------------------------------- */

static inline void plug(const struct virtio_model *m)
{
	memset(&model, 0, sizeof(model));
	for (unsigned int i = 0; i < sizeof(model.config); i++)
		model.config[i] = 0xc0 + i;
	guest_init(1 << 20);
	fake_init();
	bus = pci_bus_new(&fake);
	vd = virtio_new(bus, m);
	if (!vd)
		abort();
	guest_find(&dev, 1);
}

static inline void new_device(void)
{
	const struct virtio_model m = description();

	plug(&m);
}

/* Nothing of it may be left. */
static inline void free_device(void)
{
	virtio_free(vd);
	CHECK_EQ(model.starts - model.stops, 0);
	pci_bus_free(bus);
	CHECK_EQ(fake.nr_irqfds, 0);
	CHECK_EQ(fake.nr_ioeventfds, 0);
	CHECK_EQ(fake.nr_watches, 0);
	CHECK_EQ(fake.bad_removals, 0);
	for (unsigned int i = 16; i < 20; i++)
		CHECK_EQ(fake.irq[i], 0);
	CHECK(was_said(NULL));
}

static inline void *host(uint64_t gpa)
{
	return guest.host + (gpa - GUEST_GPA);
}

/* Rings of queue @n, 16 KiB apart. */
static inline void init_ring(struct driver *ring, unsigned int n, bool packed)
{
	uint64_t gpa = GUEST_GPA + n * 0x4000;

	*ring = (struct driver) { .size = 16, .packed = packed };
	memset(host(gpa), 0, 0x4000);
	driver_init(ring, host(gpa), gpa);
}

/* Up to DRIVER_OK, with queues 0 and 2 and their interrupts. */
static inline void run_driver(uint64_t features, bool msix)
{
	struct driver ring;

	CHECK(negotiate(&dev, features | VERSION_1));
	if (msix) {
		use_msix(&dev, 0x40);
		common_set(&dev, REG(msix_config), 2, 0);
	}
	for (unsigned int n = 0; n < QUEUES; n += 2) {
		init_ring(&ring, n, features & PACKED);
		set_queue(&dev, n, &ring);
		if (msix)
			set_queue_vector(&dev, n, n + 1);
	}
	start_driver(&dev);
	CHECK_EQ(get_status(&dev), RUNNING);
	CHECK_EQ(model.starts, model.stops + 1);
}

static inline bool kicked(unsigned int n)
{
	eventfd_t count;

	return !eventfd_read(virtio_kick_fd(vd, n), &count);
}

/* Messages that came since it was asked; a bit for each of 40h to 7fh. */
static inline uint64_t messages(void)
{
	uint64_t bits = 0;

	fake_loop(0);
	for (unsigned int i = 0; i < fake.nr_msis; i++)
		bits |= 1ull << (fake.msi[i].data - 0x40);
	fake.nr_msis = 0;
	return bits;
}

#endif
