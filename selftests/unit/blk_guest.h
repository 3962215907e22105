/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A virtio-blk disk and a sane driver of it, for unit tests: the device on a bus of its own, rings
 * and requests at fixed places of guest memory. It knows neither images nor what is in them.
 */
#ifndef SELFTESTS_UNIT_BLK_GUEST_H
#define SELFTESTS_UNIT_BLK_GUEST_H

#include <linux/virtio_blk.h>

#include "../../userspace/block.h"
#include "../../userspace/devices/virtio_blk.h"
#include "../../userspace/sandbox.h"
#include "../../userspace/virtio.h"
#include "devices_fake.h"
#include "said.h"
#include "virtio_guest.h"

#ifndef MEMORY_BYTES
#define MEMORY_BYTES	(6ull << 20)
#endif
#define RING_GPA(q)	(GUEST_GPA + ((q) << 16))
#define SLOT_GPA(s)	(GUEST_GPA + (1 << 20) + ((s) << 12))
#define STATUS_AT	64
#define TABLE_AT	128
#define DATA_GPA	(GUEST_GPA + (3 << 20))
#define DATA_BYTES	(1u << 20)
#define BACK_GPA	(DATA_GPA + DATA_BYTES)	/* where what was written is read to */
#define SLOTS		512
#define QUEUES_MAX	2
#define PARTS_MAX	128
#define POISON		0xa5
#define DONE_MS		60000		/* of a host that is busy with something else */
#define BROKEN		0x100		/* no status: the device needs a reset */

#define F(bit)		(1ull << (bit))
#define BASIC		(F(VIRTIO_F_VERSION_1) | F(VIRTIO_BLK_F_FLUSH))

static struct pci_bus *bus;
static struct virtio_blk *blk;
static struct guest_device dev;
static struct driver ring[QUEUES_MAX];
static unsigned int slot_at[SLOTS];	/* tokens; the values are not looked at */
static uint32_t slot_written[SLOTS];
static bool slot_done[SLOTS];

/* Tests are not in it. */
void sandbox_enter_worker(void)
{
}

static inline void *host(uint64_t gpa)
{
	return guest.host + (gpa - GUEST_GPA);
}

/* Return: whether there is a device. */
static inline bool plug_disk(struct block *block, const struct virtio_blk_options *options)
{
	fake_init();
	guest_init(MEMORY_BYTES);
	bus = pci_bus_new(&fake);
	blk = virtio_blk_new(bus, block, options);
	if (blk)
		guest_find(&dev, 1);
	else
		pci_bus_free(bus);
	return blk;
}

static inline void unplug_disk(void)
{
	virtio_blk_free(blk);
	pci_bus_free(bus);
	CHECK_EQ(fake.nr_watches + fake.nr_irqfds + fake.nr_ioeventfds, 0);
}

/* From reset to DRIVER_OK, with @nr rings of @size. */
static inline void begin_disk(uint64_t features, unsigned int nr, unsigned int size)
{
	CHECK(negotiate(&dev, features));
	use_msix(&dev, 0x40);
	common_set(&dev, REG(msix_config), 2, 0);
	for (unsigned int q = 0; q < nr; q++) {
		ring[q] = (struct driver) {
			.size = size, .packed = features & F(VIRTIO_F_RING_PACKED),
			.event_idx = features & F(VIRTIO_RING_F_EVENT_IDX),
		};
		memset(host(RING_GPA(q)), 0, 1 << 16);
		driver_init(&ring[q], host(RING_GPA(q)), RING_GPA(q));
		set_queue(&dev, q, &ring[q]);
		set_queue_vector(&dev, q, q + 1);
	}
	start_driver(&dev);
}

static inline void start_disk(uint64_t features, unsigned int nr, unsigned int size)
{
	begin_disk(features, nr, size);
	CHECK(!(get_status(&dev) & VIRTIO_CONFIG_S_NEEDS_RESET));
}

static inline void set_header(unsigned int slot, uint32_t type, uint64_t sector)
{
	const struct virtio_blk_outhdr header = { .type = type, .sector = sector };

	memcpy(host(SLOT_GPA(slot)), &header, sizeof(header));
	*(uint8_t *)host(SLOT_GPA(slot) + STATUS_AT) = POISON;
	slot_done[slot] = false;
}

/* All of @parts as they are; @indirect: as a table. */
static inline void add_parts(unsigned int q, unsigned int slot, const struct driver_part *parts,
			     unsigned int nr, bool indirect)
{
	if (driver_add_indirect(&ring[q], parts, nr, indirect ? 0 : nr,
				host(SLOT_GPA(slot) + TABLE_AT), SLOT_GPA(slot) + TABLE_AT,
				&slot_at[slot]) < 0)
		abort();
}

/* A request of header, @data and status. */
static inline void add_request(unsigned int q, unsigned int slot, uint32_t type, uint64_t sector,
			       const struct driver_part *data, unsigned int nr, bool indirect)
{
	struct driver_part parts[PARTS_MAX] = { { .gpa = SLOT_GPA(slot), .bytes = 16 } };

	set_header(slot, type, sector);
	for (unsigned int i = 0; i < nr; i++)
		parts[i + 1] = data[i];
	parts[nr + 1] = (struct driver_part) {
		.gpa = SLOT_GPA(slot) + STATUS_AT, .bytes = 1, .writable = true,
	};
	add_parts(q, slot, parts, nr + 2, indirect);
}

static inline void notify(unsigned int q)
{
	if (driver_must_notify(&ring[q]))
		kick(&dev, q);
}

/* Take back what is done. */
static inline void collect(unsigned int q)
{
	struct driver_used used;
	int got;

	while ((got = driver_collect(&ring[q], &used)) > 0) {
		unsigned int slot = (unsigned int *)used.token - slot_at;

		slot_written[slot] = used.written;
		slot_done[slot] = true;
	}
	CHECK_EQ(got, 0);
}

/* Wait for its end. Return: its status, or BROKEN. */
static inline unsigned int finish(unsigned int q, unsigned int slot)
{
	notify(q);
	for (;;) {
		collect(q);
		if (slot_done[slot])
			return *(uint8_t *)host(SLOT_GPA(slot) + STATUS_AT);
		if (get_status(&dev) & VIRTIO_CONFIG_S_NEEDS_RESET)
			return BROKEN;
		if (!driver_interrupts_on(&ring[q], 0) && !fake_loop(DONE_MS)) {
			printf("# no interrupt for %u ms\n", DONE_MS);
			abort();
		}
	}
}

/* One request, with one piece of memory. */
static inline unsigned int do_request(uint32_t type, uint64_t sector, uint64_t gpa, uint32_t bytes,
				      bool writable)
{
	const struct driver_part data = { .gpa = gpa, .bytes = bytes, .writable = writable };

	add_request(0, 0, type, sector, &data, bytes > 0, false);
	return finish(0, 0);
}

static inline unsigned int disk_read(uint64_t sector, uint64_t gpa, uint32_t bytes)
{
	return do_request(VIRTIO_BLK_T_IN, sector, gpa, bytes, true);
}

static inline unsigned int disk_write(uint64_t sector, uint64_t gpa, uint32_t bytes)
{
	return do_request(VIRTIO_BLK_T_OUT, sector, gpa, bytes, false);
}

static inline unsigned int disk_flush(void)
{
	return do_request(VIRTIO_BLK_T_FLUSH, 0, 0, 0, false);
}

/* Discard or write zeroes. */
static inline unsigned int disk_range(uint32_t type, uint64_t sector, uint32_t sectors,
				      uint32_t flags)
{
	const struct virtio_blk_discard_write_zeroes range = {
		.sector = sector, .num_sectors = sectors, .flags = flags,
	};

	memcpy(host(DATA_GPA), &range, sizeof(range));
	return do_request(type, 0, DATA_GPA, sizeof(range), false);
}

/* Bytes that tell where they are from. */
static inline uint8_t pattern(uint64_t at, unsigned int seed)
{
	return (at * 2654435761u >> 8) + (at >> 9) + seed * 37;
}

static inline void fill(uint64_t gpa, uint32_t bytes, uint64_t at, unsigned int seed)
{
	uint8_t *p = host(gpa);

	for (uint32_t i = 0; i < bytes; i++)
		p[i] = pattern(at + i, seed);
}

static inline bool is_filled(const void *data, uint32_t bytes, uint64_t at, unsigned int seed)
{
	const uint8_t *p = data;

	for (uint32_t i = 0; i < bytes; i++)
		if (p[i] != pattern(at + i, seed))
			return false;
	return true;
}

static inline bool is_all(const void *data, uint32_t bytes, uint8_t value)
{
	const uint8_t *p = data;

	for (uint32_t i = 0; i < bytes; i++)
		if (p[i] != value)
			return false;
	return true;
}

#endif
