// SPDX-License-Identifier: GPL-2.0
/*
 * What a hostile driver can do to a virtqueue: each thing alone, with the sentence that it must
 * get; then all of it at random from another thread while the device works. Whatever happens, no
 * part is outside of memory, and a queue that is broken does nothing any more.
 *
 * needs: userspace/virtqueue.c userspace/virtqueue_split.c userspace/virtqueue_packed.c
 * libs: -pthread
 * timeout: 180
 */
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

#include "virtqueue_pair.h"

#define SIZE		8u
#define MAX		64u		/* parts, more than the ring and the tables have */
#define TABLE_AT	0x1000u
#define DATA_AT		0x2000u
#define MEMORY_BYTES	0x4000u

#define TABLE		(GUEST_GPA + TABLE_AT)
#define DATA		(GUEST_GPA + DATA_AT)
#define END		(GUEST_GPA + MEMORY_BYTES)
#define GIB		0x40000000u

#define NEXT		RING_NEXT
#define WRITE		RING_WRITE
#define INDIRECT	RING_INDIRECT

static struct iovec iov[MAX];
static struct virtq_chain chain;

/* Nothing is done to a broken queue's memory; only what was pushed before is still told. */
static void check_stays_broken(const char *why)
{
	static uint8_t before[MEMORY_BYTES];
	struct virtq_chain c = { .iov = iov, .nr_out = 1, .out_bytes = 1, .count = 1 };

	virtq_must_interrupt(&vq);
	memcpy(before, guest.host, MEMORY_BYTES);
	CHECK_EQ(virtq_pop(&vq, &c, iov, MAX), -1);
	virtq_push(&vq, &c, 0);
	virtq_unpop(&vq, &c);
	virtq_notify_off(&vq);
	CHECK(!virtq_notify_on(&vq));
	CHECK(!virtq_must_interrupt(&vq));
	CHECK(!memcmp(before, guest.host, MEMORY_BYTES));
	CHECK(vq.broken && !strcmp(vq.broken, why));
}

/* The next pop breaks the queue, for the reason @why; or it does not, if that is NULL. */
static void check_pop(const char *why, unsigned int max)
{
	int ret = virtq_pop(&vq, &chain, iov, max);

	CHECK_EQ(ret, why ? -1 : 1);
	CHECK(!vq.broken == !why);
	if (why && vq.broken && strcmp(why, vq.broken)) {
		printf("# \"%s\" instead of \"%s\"\n", vq.broken, why);
		test_ok = false;
	}
	if (why && vq.broken)
		check_stays_broken(why);
}

/* ---- one thing at a time, split --------------------------------------------------------- */

static const char too_many[] = "more buffers are available than the ring has descriptors";
static const char head_outside[] = "an available descriptor is outside the ring";
static const char next_outside[] = "a descriptor's next is outside its table";
static const char loop[] = "the descriptors of a buffer are a loop";
static const char nested[] = "indirect tables are nested";
static const char indirect_next[] = "an indirect descriptor has a next one";
static const char table_length[] = "an indirect table is empty or ends within a descriptor";
static const char table_big[] = "an indirect table has more than 65536 descriptors";
static const char table_outside[] = "an indirect table is not all in memory";
static const char not_negotiated[] = "a descriptor is indirect, which was not negotiated";
static const char empty[] = "a part of a buffer has no bytes";
static const char outside[] = "a part of a buffer is not all in memory";
static const char order[] = "a readable part comes after a writable one";
static const char parts[] = "a buffer has more parts than the device takes";

/* In the ring: descriptors, and one available buffer unless it says otherwise. */
static const struct split_case {
	const char *broken;
	struct ring_desc ring[SIZE];
	struct ring_desc table[4];
	uint16_t idx, head;
	unsigned int max;
	bool no_indirect;
} split_cases[] = {
	{ NULL, { { DATA, 1, NEXT, 7 }, [7] = { DATA, 2, WRITE, 99 } } },
	{ too_many, { { DATA, 1 } }, .idx = SIZE + 1 },
	{ too_many, { { DATA, 1 } }, .idx = 0xffff },
	{ too_many, { { DATA, 1 } }, .idx = 0x8000 },
	{ NULL, { { DATA, 1 } }, .idx = SIZE },
	{ head_outside, { { DATA, 1 } }, .head = SIZE },
	{ head_outside, { { DATA, 1 } }, .head = 0xffff },
	{ next_outside, { { DATA, 1, NEXT, SIZE } } },
	{ next_outside, { { DATA, 1, NEXT, 3 }, [3] = { DATA, 1, NEXT, 0xffff } } },
	{ loop, { { DATA, 1, NEXT, 0 } } },
	{ loop, { { DATA, 1, NEXT, 5 }, [5] = { DATA, 1, NEXT, 6 }, [6] = { DATA, 1, NEXT, 5 } } },
	{ parts, { { DATA, 1, NEXT, 0 } }, .max = SIZE },
	{ NULL, { { DATA, 1, NEXT, 1 }, { DATA, 1, NEXT, 2 }, { DATA, 1, NEXT, 3 },
		  { DATA, 1, NEXT, 4 }, { DATA, 1, NEXT, 5 }, { DATA, 1, NEXT, 6 },
		  { DATA, 1, NEXT, 7 }, { DATA, 1 } } },
	/* indirect; a device ignores WRITE there */
	{ NULL, { { TABLE, 64, INDIRECT | WRITE } },
	  { { DATA, 1, NEXT, 3 }, { 0 }, { 0 }, { DATA, 1, WRITE } } },
	{ NULL, { { DATA, 1, NEXT, 1 }, { TABLE, 16, INDIRECT } }, { { DATA, 1 } } },
	{ nested, { { TABLE, 16, INDIRECT } }, { { TABLE + 16, 16, INDIRECT }, { DATA, 1 } } },
	{ nested, { { TABLE, 32, INDIRECT } }, { { DATA, 1, NEXT, 1 }, { TABLE, 32, INDIRECT } } },
	{ nested, { { GUEST_GPA, 16, INDIRECT } } },
	{ indirect_next, { { TABLE, 16, INDIRECT | NEXT, 1 }, { DATA, 1 } }, { { DATA, 1 } } },
	{ table_length, { { TABLE, 0, INDIRECT } }, { { DATA, 1 } } },
	{ table_length, { { TABLE, 15, INDIRECT } }, { { DATA, 1 } } },
	{ table_length, { { TABLE, 17, INDIRECT } }, { { DATA, 1 } } },
	{ table_length, { { TABLE, 0xffffffff, INDIRECT } }, { { DATA, 1 } } },
	{ table_big, { { TABLE, 0x100010, INDIRECT } }, { { DATA, 1 } } },
	{ table_big, { { TABLE, 0xfffffff0, INDIRECT } }, { { DATA, 1 } } },
	{ table_outside, { { TABLE, 0x100000, INDIRECT } }, { { DATA, 1 } } },
	{ table_outside, { { END - 16, 32, INDIRECT } } },
	{ table_outside, { { 0, 16, INDIRECT } } },
	{ not_negotiated, { { TABLE, 16, INDIRECT } }, { { DATA, 1 } }, .no_indirect = true },
	{ next_outside, { { TABLE, 16, INDIRECT } }, { { DATA, 1, NEXT, 1 }, { DATA, 1 } } },
	{ next_outside, { { TABLE, 32, INDIRECT } }, { { DATA, 1, NEXT, 0xffff } } },
	{ loop, { { TABLE, 32, INDIRECT } }, { { DATA, 1, NEXT, 1 }, { DATA, 1, NEXT, 0 } } },
	{ loop, { { TABLE, 16, INDIRECT } }, { { DATA, 1, NEXT, 0 } } },
	{ loop, { { DATA, 1, NEXT, 1 }, { TABLE, 16, INDIRECT } }, { { DATA, 1, NEXT, 0 } } },
	/* parts */
	{ empty, { { DATA, 0 } } },
	{ empty, { { DATA, 1, NEXT, 1 }, { DATA, 0, WRITE } } },
	{ empty, { { TABLE, 16, INDIRECT } }, { { DATA, 0 } } },
	{ outside, { { 0, 1 } } },
	{ outside, { { GUEST_GPA - 1, 2 } } },
	{ outside, { { END - 4, 5 } } },
	{ outside, { { END, 1 } } },
	{ outside, { { DATA, 0xffffffff } } },
	{ outside, { { UINT64_MAX, 1 } } },
	{ outside, { { UINT64_MAX - 0xff, 0x1000 } } },
	{ outside, { { TABLE, 32, INDIRECT } }, { { DATA, 1, NEXT, 1 }, { END - 1, 2, WRITE } } },
	{ NULL, { { END - 4, 4 } } },
	{ order, { { DATA, 1, WRITE | NEXT, 1 }, { DATA, 1 } } },
	{ order, { { TABLE, 32, INDIRECT } }, { { DATA, 1, WRITE | NEXT, 1 }, { DATA, 1 } } },
	{ order, { { DATA, 1, WRITE | NEXT, 1 }, { TABLE, 16, INDIRECT } }, { { DATA, 1 } } },
	{ parts, { { DATA, 1, NEXT, 1 }, { DATA, 1, NEXT, 2 }, { DATA, 1 } }, .max = 2 },
	{ NULL, { { DATA, 1, NEXT, 1 }, { DATA, 1, NEXT, 2 }, { DATA, 1 } }, .max = 3 },
	{ parts, { { TABLE, 48, INDIRECT } },
	  { { DATA, 1, NEXT, 1 }, { DATA, 1, NEXT, 2 }, { DATA, 1 } }, .max = 2 },
	{ parts, { { DATA, 1, NEXT, 1 }, { TABLE, 32, INDIRECT } },
	  { { DATA, 1, NEXT, 1 }, { DATA, 1 } }, .max = 2 },
	{ NULL, { { DATA, 1, NEXT, 1 }, { TABLE, 32, INDIRECT } },
	  { { DATA, 1, NEXT, 1 }, { DATA, 1 } }, .max = 3 },
};

static void test_split(void)
{
	for (unsigned int i = 0; i < sizeof(split_cases) / sizeof(split_cases[0]); i++) {
		const struct split_case *c = &split_cases[i];
		bool was_ok = test_ok;
		struct ring_avail *avail;

		set_up(MEMORY_BYTES, SIZE, false, false, !c->no_indirect);
		avail = drv.host_driver;
		memcpy(guest.host, c->ring, sizeof(c->ring));
		memcpy(guest.host + TABLE_AT, c->table, sizeof(c->table));
		avail->idx = c->idx ? c->idx : 1;
		avail->ring[0] = c->head;
		check_pop(c->broken, c->max ? c->max : MAX);
		if (was_ok && !test_ok)
			printf("# case %u\n", i);
	}
}

/* All are popped, none is pushed: there can be no more, whatever the index says. */
static void test_split_in_flight(void)
{
	struct ring_avail *avail;

	set_up(MEMORY_BYTES, SIZE, false, false, true);
	avail = drv.host_driver;
	((struct ring_desc *)guest.host)->addr = DATA;
	((struct ring_desc *)guest.host)->len = 1;
	avail->idx = SIZE;
	for (unsigned int i = 0; i < SIZE; i++)
		check_pop(NULL, MAX);
	CHECK_EQ(virtq_pop(&vq, &chain, iov, MAX), 0);
	virtq_push(&vq, &chain, 0);
	avail->idx++;
	check_pop(NULL, MAX);
	avail->idx++;
	check_pop(too_many, MAX);
}

/* ---- packed ----------------------------------------------------------------------------- */

static const char not_available[] = "a descriptor's next is not available";
static const char not_only[] = "an indirect descriptor is not its buffer's only one";
static const char not_free[] = "a buffer has more descriptors than the ring has free";
static const char round_full[] = "more descriptors are available than the ring has";

#define A	RING_AVAIL

static const struct packed_case {
	const char *broken;
	struct ring_pdesc ring[SIZE];
	struct ring_pdesc table[4];
	unsigned int max;
	bool no_indirect;
} packed_cases[] = {
	{ NULL, { { DATA, 1, 9, A | NEXT }, { DATA, 2, 9, A | WRITE } } },
	{ not_available, { { DATA, 1, 9, A | NEXT }, { DATA, 1, 9, WRITE } } },
	{ not_available, { { DATA, 1, 9, A | NEXT }, { DATA, 1, 9, A | RING_USED } } },
	{ not_available, { { DATA, 1, 9, A | NEXT }, { DATA, 1, 9, RING_USED } } },
	/* around the ring and into itself */
	{ not_available, { { DATA, 1, 9, A | NEXT }, { DATA, 1, 9, A | NEXT },
			   { DATA, 1, 9, A | NEXT }, { DATA, 1, 9, A | NEXT },
			   { DATA, 1, 9, A | NEXT }, { DATA, 1, 9, A | NEXT },
			   { DATA, 1, 9, A | NEXT }, { DATA, 1, 9, A | NEXT } } },
	{ NULL, { { DATA, 1, 9, A | NEXT }, { DATA, 1, 9, A | NEXT },
		  { DATA, 1, 9, A | NEXT }, { DATA, 1, 9, A | NEXT },
		  { DATA, 1, 9, A | NEXT }, { DATA, 1, 9, A | NEXT },
		  { DATA, 1, 9, A | NEXT }, { DATA, 1, 9, A } } },
	/* indirect; there a device ignores WRITE, and in the table all but WRITE */
	{ NULL, { { TABLE, 32, 9, A | INDIRECT | WRITE } },
	  { { DATA, 1, 77, NEXT | RING_USED }, { DATA, 1, 78, WRITE | NEXT | A } } },
	{ nested, { { TABLE, 16, 9, A | INDIRECT } }, { { TABLE + 16, 16, 9, INDIRECT } } },
	{ nested, { { GUEST_GPA, 16, 9, A | INDIRECT } } },
	{ indirect_next, { { TABLE, 16, 9, A | INDIRECT | NEXT }, { DATA, 1, 9, A } },
	  { { DATA, 1 } } },
	{ not_only, { { DATA, 1, 9, A | NEXT }, { TABLE, 16, 9, A | INDIRECT } }, { { DATA, 1 } } },
	{ table_length, { { TABLE, 0, 9, A | INDIRECT } }, { { DATA, 1 } } },
	{ table_length, { { TABLE, 24, 9, A | INDIRECT } }, { { DATA, 1 }, { DATA, 1 } } },
	{ table_big, { { TABLE, 0x100010, 9, A | INDIRECT } }, { { DATA, 1 } } },
	{ table_outside, { { TABLE, 0x100000, 9, A | INDIRECT } }, { { DATA, 1 } } },
	{ table_outside, { { END - 16, 32, 9, A | INDIRECT } } },
	{ not_negotiated, { { TABLE, 16, 9, A | INDIRECT } }, { { DATA, 1 } },
	  .no_indirect = true },
	{ empty, { { DATA, 0, 9, A } } },
	{ empty, { { TABLE, 32, 9, A | INDIRECT } }, { { DATA, 1 }, { DATA, 0 } } },
	{ outside, { { GUEST_GPA - 1, 2, 9, A } } },
	{ outside, { { DATA, 1, 9, A | NEXT }, { END - 4, 5, 9, A | WRITE } } },
	{ outside, { { UINT64_MAX - 0xff, 0x1000, 9, A } } },
	{ outside, { { TABLE, 32, 9, A | INDIRECT } }, { { DATA, 1 }, { END, 1 } } },
	{ order, { { DATA, 1, 9, A | WRITE | NEXT }, { DATA, 1, 9, A } } },
	{ order, { { TABLE, 32, 9, A | INDIRECT } }, { { DATA, 1, 0, WRITE }, { DATA, 1 } } },
	{ parts, { { DATA, 1, 9, A | NEXT }, { DATA, 1, 9, A | NEXT }, { DATA, 1, 9, A } },
	  .max = 2 },
	{ NULL, { { DATA, 1, 9, A | NEXT }, { DATA, 1, 9, A } }, .max = 2 },
	{ parts, { { TABLE, 48, 9, A | INDIRECT } }, { { DATA, 1 }, { DATA, 1 }, { DATA, 1 } },
	  .max = 2 },
	{ NULL, { { TABLE, 32, 9, A | INDIRECT } }, { { DATA, 1 }, { DATA, 1 } }, .max = 2 },
};

static void test_packed(void)
{
	for (unsigned int i = 0; i < sizeof(packed_cases) / sizeof(packed_cases[0]); i++) {
		const struct packed_case *c = &packed_cases[i];
		bool was_ok = test_ok;

		set_up(MEMORY_BYTES, SIZE, true, false, !c->no_indirect);
		memcpy(guest.host, c->ring, sizeof(c->ring));
		memcpy(guest.host + TABLE_AT, c->table, sizeof(c->table));
		check_pop(c->broken, c->max ? c->max : MAX);
		if (!c->broken)
			CHECK_EQ(chain.id, 9);
		if (was_ok && !test_ok)
			printf("# case %u\n", i);
	}
}

/* The device has @popped descriptors; those behind it are available once more. */
static void pop_packed(unsigned int popped)
{
	struct ring_pdesc *ring;

	set_up(MEMORY_BYTES, SIZE, true, false, true);
	ring = drv.memory;
	for (unsigned int i = 0; i < SIZE; i++)
		ring[i] = (struct ring_pdesc){ DATA, 1, i, RING_AVAIL };
	for (unsigned int i = 0; i < popped; i++)
		check_pop(NULL, MAX);
	for (unsigned int i = 0; i < popped; i++)
		ring[i].flags = RING_USED;	/* available in the second round */
}

static void test_packed_in_flight(void)
{
	struct ring_pdesc *ring;

	pop_packed(SIZE);
	check_pop(round_full, MAX);

	pop_packed(SIZE - 1);
	ring = drv.memory;
	ring[SIZE - 1].flags |= NEXT;
	check_pop(not_free, MAX);

	pop_packed(SIZE - 1);
	virtq_push(&vq, &chain, 0);
	ring = drv.memory;
	ring[0] = (struct ring_pdesc){ DATA, 1, 0, RING_USED };
	ring[SIZE - 1].flags |= NEXT;
	check_pop(NULL, MAX);
	CHECK_EQ(chain.count, 2);
}

/* ---- 4 GiB ------------------------------------------------------------------------------ */

static const char long_out[] = "the readable parts of a buffer have 4 GiB or more";
static const char long_in[] = "the writable parts of a buffer have 4 GiB or more";
static const char long_both[] = "a buffer has 4 GiB or more";

/* Lengths whose sum is too much, in a memory that is large enough for them. */
static void test_length(void)
{
	static const struct length_case {
		uint32_t out[2], in[2];
		const char *broken;
	} cases[] = {
		{ { 2 * GIB, 2 * GIB - 1 }, { 0 }, NULL },
		{ { 2 * GIB }, { 2 * GIB - 1 }, NULL },
		{ { 0 }, { 4 * GIB - 1 }, NULL },
		{ { 2 * GIB, 2 * GIB }, { 0 }, long_out },
		{ { 4 * GIB - 1, 4 * GIB - 1 }, { 0 }, long_out },
		{ { 0 }, { 2 * GIB, 2 * GIB }, long_in },
		{ { 1 }, { 4 * GIB - 1, 1 }, long_in },
		{ { 2 * GIB }, { 2 * GIB }, long_both },
		{ { 1 }, { 4 * GIB - 1 }, long_both },
		{ { 4 * GIB - 1 }, { 4 * GIB - 1 }, long_both },
	};
	const uint64_t bytes = 5ull * GIB;
	struct driver_part part[4];

	free(guest.host);
	guest.host = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (guest.host == MAP_FAILED)
		abort();
	guest.bytes = bytes;
	guest.hook = NULL;
	for (unsigned int i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		const struct length_case *c = &cases[i / 2];
		unsigned int nr = 0;

		memset(guest.host, 0, MEMORY_BYTES);
		set_up(0, SIZE, i & 1, false, true);
		for (unsigned int j = 0; j < 4; j++) {
			bool in = j >= 2;
			uint32_t n = in ? c->in[j - 2] : c->out[j];

			if (n)
				part[nr++] = (struct driver_part){ DATA, n, in };
		}
		CHECK(driver_add(&drv, part, nr, part) >= 0);
		check_pop(c->broken, MAX);
	}
	munmap(guest.host, bytes);
	guest.host = NULL;
}

/* ---- at random, from another thread ----------------------------------------------------- */

#define HELD_MAX	SIZE

static bool stop_writing;

struct writer {
	uint64_t random;
};

static uint32_t below(struct writer *w, uint32_t n)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return (w->random >> 32) % n;
}

static uint64_t any_gpa(struct writer *w)
{
	static const uint64_t bad[] = { 0, END - 4, UINT64_MAX - 3, GUEST_GPA };

	return below(w, 16) ? DATA + below(w, 0x1000) : bad[below(w, 4)];
}

static uint32_t any_length(struct writer *w)
{
	static const uint32_t bad[] = { 0, 0xffffffff, 0x1001, 4 * GIB - 16 };

	return below(w, 16) ? 16 * (1 + below(w, 4)) : bad[below(w, 4)];
}

static uint16_t any_flags(struct writer *w, bool in_table)
{
	uint16_t flags = below(w, 2) ? WRITE : 0;

	if (!below(w, 4))
		flags |= NEXT;
	if (!below(w, in_table ? 64 : 8))
		flags |= INDIRECT;
	return drv.packed ? flags | (below(w, 2) ? RING_AVAIL : RING_USED) : flags;
}

/* One of 12 descriptors, those of the ring and of a table behind it, as each CPU could write it. */
static void write_descriptor(struct writer *w)
{
	unsigned int i = below(w, 12);
	void *at = i < SIZE ? guest.host + 16 * i : guest.host + TABLE_AT + 16 * (i - SIZE);
	volatile struct ring_pdesc *pdesc = at;
	volatile struct ring_desc *desc = at;

	switch (below(w, 4)) {
	case 0:
		desc->addr = any_gpa(w);
		break;
	case 1:
		desc->len = any_length(w);
		break;
	case 2:
		*(drv.packed ? &pdesc->id : &desc->next) = below(w, 64) ? below(w, 4) : 0xffff;
		break;
	case 3:
		*(drv.packed ? &pdesc->flags : &desc->flags) = any_flags(w, i >= SIZE);
		break;
	}
	if (desc->flags & INDIRECT && i < SIZE && below(w, 4))
		desc->addr = TABLE;
}

static void *write_rings(void *arg)
{
	struct writer w = { .random = 0x1234567 };

	while (!__atomic_load_n(&stop_writing, __ATOMIC_RELAXED)) {
		volatile struct ring_avail *avail = drv.host_driver;
		const volatile struct ring_used *used = drv.host_device;

		write_descriptor(&w);
		if (drv.packed) {
			*(volatile uint32_t *)drv.host_driver = below(&w, 0x40000);
		} else {
			avail->ring[below(&w, SIZE)] = below(&w, 64) ? below(&w, SIZE) : SIZE;
			avail->ring[SIZE] = below(&w, 0x10000);
			avail->idx = used->idx + below(&w, SIZE + (below(&w, 64) ? 1 : 2));
		}
	}
	return NULL;
}

/* A ring that is in order and full, from where the device is; so it gets on without the writer. */
static void refill(void)
{
	struct ring_avail *avail = drv.host_driver;

	memset(guest.host, 0, TABLE_AT);
	for (unsigned int i = 0; i < SIZE; i++) {
		struct ring_desc *desc = (struct ring_desc *)guest.host + i;
		struct ring_pdesc *pdesc = (struct ring_pdesc *)guest.host + i;
		bool wrap = i < vq.next_avail ? !vq.avail_wrap : vq.avail_wrap;

		if (drv.packed)
			*pdesc = (struct ring_pdesc){ DATA, 1, i, wrap ? RING_AVAIL : RING_USED };
		else
			*desc = (struct ring_desc){ DATA, 1 };
	}
	if (!drv.packed)
		avail->idx = vq.next_avail + SIZE - vq.in_flight;
}

/* All that a device relies on. */
static void check_chain(const struct virtq_chain *c)
{
	uint64_t bytes = 0;

	CHECK(c->nr_out + c->nr_in >= 1 && c->nr_out + c->nr_in <= MAX);
	CHECK(c->count >= 1 && c->count <= SIZE);
	CHECK(drv.packed || c->id < SIZE);
	for (unsigned int i = 0; i < c->nr_out + c->nr_in; i++) {
		uint8_t *from = c->iov[i].iov_base;
		uint64_t n = c->iov[i].iov_len;

		CHECK(n && from >= guest.host && n <= MEMORY_BYTES &&
		      from + n <= guest.host + MEMORY_BYTES);
		bytes += n;
		if (i + 1 == c->nr_out)
			CHECK_EQ(bytes, c->out_bytes);
	}
	CHECK_EQ(bytes, (uint64_t)c->out_bytes + c->in_bytes);
}

static struct {
	unsigned int popped, broken, reasons;
	const char *why[32];
} seen;

static bool seen_enough(void)
{
	return seen.popped >= 200000 && seen.broken >= 2000 && seen.reasons >= 8;
}

static void count_broken(void)
{
	unsigned int i = 0;

	seen.broken++;
	while (i < seen.reasons && strcmp(seen.why[i], vq.broken))
		i++;
	if (i == seen.reasons && i < 32)
		seen.why[seen.reasons++] = vq.broken;
}

static void work(unsigned int rounds)
{
	static struct virtq_chain held[HELD_MAX];
	unsigned int nr = 0;

	while (rounds-- && test_ok) {
		int ret = virtq_pop(&vq, &chain, iov, MAX);

		if (ret < 0) {
			count_broken();
			CHECK_EQ(virtq_start(&vq), 0);
			refill();
			nr = 0;
		} else if (ret) {
			seen.popped++;
			check_chain(&chain);
			CHECK(nr < HELD_MAX);
			if (fake_random() % 8)
				held[nr++] = chain;
			else
				virtq_unpop(&vq, &chain);
		} else if (fake_random() % 4 == 0) {
			refill();
		}
		if (nr && fake_random() & 1)
			virtq_push(&vq, &held[--nr], fake_random());
		if (fake_random() & 1)
			virtq_must_interrupt(&vq);
		else if (fake_random() & 1)
			virtq_notify_on(&vq);
		else
			virtq_notify_off(&vq);
	}
}

static void random_writer(bool packed)
{
	pthread_t thread;

	for (unsigned int event_idx = 0; event_idx < 2; event_idx++) {
		memset(&seen, 0, sizeof(seen));
		set_up(MEMORY_BYTES, SIZE, packed, event_idx, true);
		stop_writing = false;
		if (pthread_create(&thread, NULL, write_rings, NULL))
			abort();
		while (test_ok && !seen_enough()) {
			work(500);
			sched_yield();
		}
		__atomic_store_n(&stop_writing, true, __ATOMIC_RELAXED);
		pthread_join(thread, NULL);
		printf("# %u buffers, broken %u times, for %u reasons\n", seen.popped, seen.broken,
		       seen.reasons);
	}
}

static void test_random_split(void)
{
	random_writer(false);
}

static void test_random_packed(void)
{
	random_writer(true);
}

int main(void)
{
	static const struct test tests[] = {
		{ "split, one thing at a time", test_split },
		{ "split, more buffers than descriptors", test_split_in_flight },
		{ "packed, one thing at a time", test_packed },
		{ "packed, more descriptors than the ring has", test_packed_in_flight },
		{ "buffers of 4 GiB", test_length },
		{ "split, a thread that writes what it likes", test_random_split },
		{ "packed, a thread that writes what it likes", test_random_packed },
	};

	return RUN_TESTS(tests);
}
