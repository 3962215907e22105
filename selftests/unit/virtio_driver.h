/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The driver's side of one virtqueue, for unit tests of virtio devices: rings in memory that the
 * test gives it, buffers added and collected, split or packed.
 *
 * It is a sane driver, written from the specification and not from virtqueue.c: whether to notify
 * is decided as the words have it, by looking at each place. A test that wants an insane one writes
 * to the rings itself. All of it may run in another thread than the device: what is shared is
 * ordered as the specification demands, and nothing is read back that the driver wrote.
 *
 * Source: Virtual I/O Device (VIRTIO) Version 1.2, 2.7 and 2.8.
 */
#ifndef SELFTESTS_UNIT_VIRTIO_DRIVER_H
#define SELFTESTS_UNIT_VIRTIO_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define DRIVER_SIZE_MAX		1024

#define RING_NEXT		1u
#define RING_WRITE		2u
#define RING_INDIRECT		4u
#define RING_AVAIL		(1u << 7)
#define RING_USED		(1u << 15)

struct ring_desc {			/* split */
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};

struct ring_pdesc {			/* packed */
	uint64_t addr;
	uint32_t len;
	uint16_t id;
	uint16_t flags;
};

struct ring_avail {
	uint16_t flags;
	uint16_t idx;
	uint16_t ring[];		/* used_event behind it */
};

struct ring_used {
	uint16_t flags;
	uint16_t idx;
	struct { uint32_t id, len; } ring[];	/* avail_event behind it */
};

/* An element of a buffer; the writable ones come last. */
struct driver_part {
	uint64_t gpa;
	uint32_t bytes;
	bool writable;
};

/**
 * struct driver - one queue
 * @size: descriptors, at most DRIVER_SIZE_MAX; set, as the next two, before driver_init()
 * @packed: VIRTIO_F_RING_PACKED
 * @event_idx: VIRTIO_F_EVENT_IDX
 * @desc: guest-physical addresses of the three areas, for the device
 * @driver: likewise
 * @device: likewise
 * @memory: where @desc is in this process
 * @free: descriptors (packed: places in the ring) that are left
 *
 * The others are the driver's own.
 */
struct driver {
	uint16_t size;
	bool packed, event_idx;
	uint64_t desc, driver, device;
	void *memory;
	uint16_t free;

	void *host_driver, *host_device;
	uint16_t free_list[DRIVER_SIZE_MAX];	/* packed: of buffer IDs */
	uint16_t free_ids;			/* packed */
	uint16_t next[DRIVER_SIZE_MAX];		/* split: what is in the ring, too */
	uint16_t avail, seen;			/* free-running; packed: places */
	bool avail_wrap, seen_wrap;
	uint32_t added;				/* places, since it was asked whether to notify */
	struct driver_buffer {
		void *token;			/* not NULL: the device has it */
		uint64_t writable;
		uint16_t count;
	} buffer[DRIVER_SIZE_MAX];		/* by ID */
};

/* What the device has given back. */
struct driver_used {
	void *token;
	uint32_t written;
};

static inline uint32_t driver_align(uint32_t offset)
{
	return (offset + 15) & ~15u;
}

/* Take @memory, zeroed and at guest-physical @gpa, both aligned to 16. Return: bytes needed. */
static inline uint32_t driver_init(struct driver *d, void *memory, uint64_t gpa)
{
	uint32_t driver_at = 16 * d->size, device_at, end;

	device_at = driver_align(driver_at + (d->packed ? 4 : 6 + 2 * d->size));
	end = driver_align(device_at + (d->packed ? 4 : 6 + 8 * d->size));
	d->memory = memory;
	d->host_driver = (char *)memory + driver_at;
	d->host_device = (char *)memory + device_at;
	d->desc = gpa;
	d->driver = gpa + driver_at;
	d->device = gpa + device_at;
	for (unsigned int i = 0; i < d->size; i++) {
		d->free_list[i] = i;
		d->buffer[i].token = NULL;
	}
	d->free = d->size;
	d->free_ids = d->size;
	d->avail = 0;
	d->seen = 0;
	d->avail_wrap = true;
	d->seen_wrap = true;
	d->added = 0;
	return end;
}

static inline void driver_fill_table(const struct driver *d, void *table,
				     const struct driver_part *parts, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		unsigned int flags = parts[i].writable ? RING_WRITE : 0;
		struct ring_desc desc = {
			.addr = parts[i].gpa,
			.len = parts[i].bytes,
			.flags = flags | (i + 1 < nr ? RING_NEXT : 0),
			.next = i + 1,
		};
		struct ring_pdesc pdesc = {
			.addr = parts[i].gpa,
			.len = parts[i].bytes,
			.flags = flags,
		};

		memcpy((char *)table + 16 * i, d->packed ? (void *)&pdesc : (void *)&desc, 16);
	}
}

/* ---- split ------------------------------------------------------------------------------ */

static inline int driver_add_split(struct driver *d, const struct driver_part *parts,
				   unsigned int nr, uint64_t table_gpa, unsigned int in_table,
				   void *token)
{
	struct ring_avail *avail = d->host_driver;
	struct ring_desc *ring = d->memory;
	uint16_t id = d->free_list[d->free - 1];
	struct driver_buffer *b = &d->buffer[id];

	b->count = nr + (in_table > 0);
	for (unsigned int i = 0; i < b->count; i++) {
		uint16_t at = d->free_list[--d->free];
		struct ring_desc *desc = &ring[at];

		if (i < nr) {
			desc->addr = parts[i].gpa;
			desc->len = parts[i].bytes;
			desc->flags = parts[i].writable ? RING_WRITE : 0;
		} else {
			desc->addr = table_gpa;
			desc->len = 16 * in_table;
			desc->flags = RING_INDIRECT;
		}
		if (i + 1 < b->count) {
			d->next[at] = d->free_list[d->free - 1];
			desc->flags |= RING_NEXT;
			desc->next = d->next[at];
		}
	}
	b->token = token;
	avail->ring[d->avail % d->size] = id;
	__atomic_store_n(&avail->idx, ++d->avail, __ATOMIC_RELEASE);
	d->added++;
	return id;
}

static inline bool driver_split_used(const struct driver *d, unsigned int after)
{
	const struct ring_used *used = d->host_device;

	return (uint16_t)(__atomic_load_n(&used->idx, __ATOMIC_ACQUIRE) - d->seen) > after;
}

static inline void driver_free_split(struct driver *d, uint16_t desc, unsigned int count)
{
	for (; count; count--, desc = d->next[desc])
		d->free_list[d->free++] = desc;
}

/* ---- packed ----------------------------------------------------------------------------- */

static inline void driver_go(const struct driver *d, uint16_t *place, bool *wrap,
			     unsigned int count)
{
	for (; count; count--) {
		if (++*place == d->size) {
			*place = 0;
			*wrap = !*wrap;
		}
	}
}

/* A place as event suppression has it. */
static inline uint16_t driver_event(uint16_t place, bool wrap)
{
	return (uint16_t)wrap << 15 | place;
}

/* Is the place of @event one of the last @added? */
static inline bool driver_added_at(const struct driver *d, uint16_t event, uint32_t added)
{
	uint16_t place = d->avail;
	bool wrap = d->avail_wrap;

	while (added--) {
		if (!place--) {
			place = d->size - 1;
			wrap = !wrap;
		}
		if (event == driver_event(place, wrap))
			return true;
	}
	return false;
}

static inline int driver_add_packed(struct driver *d, const struct driver_part *parts,
				    unsigned int nr, uint64_t table_gpa, unsigned int in_table,
				    void *token)
{
	struct ring_pdesc *ring = d->memory, *first = &ring[d->avail];
	uint16_t id = d->free_list[--d->free_ids], first_flags = 0;
	struct driver_buffer *b = &d->buffer[id];

	b->count = nr + (in_table > 0);
	for (unsigned int i = 0; i < b->count; i++) {
		struct ring_pdesc *desc = &ring[d->avail];
		uint16_t flags = d->avail_wrap ? RING_AVAIL : RING_USED;

		if (i < nr) {
			desc->addr = parts[i].gpa;
			desc->len = parts[i].bytes;
			flags |= parts[i].writable ? RING_WRITE : 0;
		} else {
			desc->addr = table_gpa;
			desc->len = 16 * in_table;
			flags |= RING_INDIRECT;
		}
		desc->id = id;
		if (i + 1 < b->count)
			flags |= RING_NEXT;
		if (i)
			desc->flags = flags;
		else
			first_flags = flags;
		driver_go(d, &d->avail, &d->avail_wrap, 1);
	}
	d->free -= b->count;
	d->added += b->count;
	b->token = token;
	__atomic_store_n(&first->flags, first_flags, __ATOMIC_RELEASE);
	return id;
}

static inline bool driver_packed_used_at(const struct driver *d, uint16_t place, bool wrap)
{
	struct ring_pdesc *ring = d->memory;
	uint16_t flags = __atomic_load_n(&ring[place].flags, __ATOMIC_ACQUIRE);

	return !!(flags & RING_AVAIL) == wrap && !!(flags & RING_USED) == wrap;
}

static inline bool driver_packed_used(const struct driver *d, unsigned int after)
{
	const struct ring_pdesc *ring = d->memory;
	uint16_t place = d->seen;
	bool wrap = d->seen_wrap;

	for (;;) {
		unsigned int count;

		if (!driver_packed_used_at(d, place, wrap))
			return false;
		if (ring[place].id >= d->size)
			return true;
		count = d->buffer[ring[place].id].count;
		if (count > after)
			return true;
		after -= count;
		driver_go(d, &place, &wrap, count);
	}
}

/* ---- both ------------------------------------------------------------------------------- */

/*
 * Make a buffer available: @direct of its parts in the ring, the rest of @nr in an indirect table
 * (16 bytes each, at @table, guest-physical @table_gpa). @token, not NULL, comes back with it.
 * Return: its ID, or -1: the ring has no room.
 */
static inline int driver_add_indirect(struct driver *d, const struct driver_part *parts,
				      unsigned int nr, unsigned int direct, void *table,
				      uint64_t table_gpa, void *token)
{
	uint64_t writable = 0;
	int id;

	if (direct + (nr > direct) > d->free)
		return -1;
	for (unsigned int i = 0; i < nr; i++)
		writable += parts[i].writable ? parts[i].bytes : 0;
	if (nr > direct)
		driver_fill_table(d, table, parts + direct, nr - direct);
	if (d->packed)
		id = driver_add_packed(d, parts, direct, table_gpa, nr - direct, token);
	else
		id = driver_add_split(d, parts, direct, table_gpa, nr - direct, token);
	d->buffer[id].writable = writable;
	return id;
}

/* Make a buffer available, all of it in the ring. */
static inline int driver_add(struct driver *d, const struct driver_part *parts, unsigned int nr,
			     void *token)
{
	return driver_add_indirect(d, parts, nr, nr, NULL, 0, token);
}

/* Does the device want to hear of what was added since the last call? */
static inline bool driver_must_notify(struct driver *d)
{
	const struct ring_used *used = d->host_device;
	uint32_t added = d->added, event;
	uint16_t place = d->avail;

	d->added = 0;
	if (!added)
		return false;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (d->packed) {
		event = __atomic_load_n((uint32_t *)d->host_device, __ATOMIC_RELAXED);
		return event >> 16 == 2 ? driver_added_at(d, event, added) : event >> 16 == 0;
	}
	if (!d->event_idx)
		return !(__atomic_load_n(&used->flags, __ATOMIC_RELAXED) & 1);
	event = __atomic_load_n((uint16_t *)&used->ring[d->size], __ATOMIC_RELAXED);
	while (added--)
		if (event == --place)
			return true;
	return false;
}

/*
 * Take the next buffer that the device has used. Return: 1, 0: none, or -1: the device gave back
 * what it does not have, or wrote more than there is room for; packed: or wrote and wrote nothing.
 */
static inline int driver_collect(struct driver *d, struct driver_used *u)
{
	const struct ring_used *used = d->host_device;
	const struct ring_pdesc *ring = d->memory;
	struct driver_buffer *b;
	uint32_t id;

	if (!(d->packed ? driver_packed_used(d, 0) : driver_split_used(d, 0)))
		return 0;
	if (d->packed) {
		id = ring[d->seen].id;
		u->written = ring[d->seen].flags & RING_WRITE ? ring[d->seen].len : 0;
	} else {
		id = used->ring[d->seen % d->size].id;
		u->written = used->ring[d->seen % d->size].len;
	}
	if (id >= d->size || !d->buffer[id].token)
		return -1;
	if (d->packed && ring[d->seen].flags & RING_WRITE && !u->written)
		return -1;
	b = &d->buffer[id];
	u->token = b->token;
	b->token = NULL;
	if (d->packed) {
		driver_go(d, &d->seen, &d->seen_wrap, b->count);
		d->free += b->count;
		d->free_list[d->free_ids++] = id;
	} else {
		d->seen++;
		driver_free_split(d, id, b->count);
	}
	return u->written <= b->writable ? 1 : -1;
}

/* The device need not interrupt. */
static inline void driver_interrupts_off(struct driver *d)
{
	struct ring_avail *avail = d->host_driver;

	if (d->packed)
		__atomic_store_n((uint32_t *)d->host_driver, 1u << 16, __ATOMIC_RELAXED);
	else if (!d->event_idx)
		__atomic_store_n(&avail->flags, 1, __ATOMIC_RELAXED);
}

/*
 * The device shall interrupt when it has used another buffer; with an event index when it has gone
 * past @after more of them (packed: places). Return: whether it has, and maybe will not interrupt.
 */
static inline bool driver_interrupts_on(struct driver *d, unsigned int after)
{
	struct ring_avail *avail = d->host_driver;
	uint32_t event = 0;
	uint16_t place = d->seen;
	bool wrap = d->seen_wrap;

	if (!d->event_idx)
		after = 0;
	if (d->packed) {
		driver_go(d, &place, &wrap, after);
		if (d->event_idx)
			event = 2u << 16 | driver_event(place, wrap);
		__atomic_store_n((uint32_t *)d->host_driver, event, __ATOMIC_RELAXED);
	} else if (d->event_idx) {
		__atomic_store_n(&avail->ring[d->size], d->seen + after, __ATOMIC_RELAXED);
	} else {
		__atomic_store_n(&avail->flags, 0, __ATOMIC_RELAXED);
	}
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return d->packed ? driver_packed_used(d, after) : driver_split_used(d, after);
}

#endif
