// SPDX-License-Identifier: GPL-2.0
/*
 * Virtqueues against a model of the driver (virtio_driver.h): random buffers, given back in any
 * order, and every answer of the device compared with what the model of both sides says. Whether to
 * interrupt is decided there as the specification words it, place by place.
 *
 * needs: userspace/virtqueue.c userspace/virtqueue_split.c userspace/virtqueue_packed.c
 * timeout: 180
 */
#include <assert.h>

#include "virtqueue_pair.h"

#define RINGS_BYTES	0x8000u
#define PARTS_MAX	8u
#define TABLE_SPACE	(16 * PARTS_MAX + 16)	/* with room for any alignment */
#define DATA_BYTES	0x10000u
#define MEMORY_BYTES	0x40000u
#define DATA_AT		(RINGS_BYTES + DRIVER_SIZE_MAX * TABLE_SPACE)

static_assert(DATA_AT + DATA_BYTES <= MEMORY_BYTES, "all fits");

/* A buffer, from when the driver adds it until it has it back. */
struct buffer {
	struct driver_part part[PARTS_MAX];
	unsigned int nr, nr_out;
	uint32_t out_bytes, in_bytes;
	uint32_t written;
	unsigned int slot;		/* whose space for a table it uses */
	struct virtq_chain chain;
};

/* Buffers by where they are: numbers into buffers[], a ring each. */
struct line {
	uint16_t of[DRIVER_SIZE_MAX];
	unsigned int first, nr;
};

static struct buffer buffers[DRIVER_SIZE_MAX];
static struct line unused, available, used;
static uint16_t in_flight[DRIVER_SIZE_MAX];
static unsigned int nr_in_flight;

/* What both sides have said about notifications, and what that means. */
static struct {
	enum { EVERY, NONE, AT_EVENT } driver_wants;
	uint16_t event;			/* split: index; packed: place and wrap counter */
	uint16_t next_used;		/* likewise, two numbers */
	bool used_wrap;
	uint32_t unasked;		/* places pushed since virtq_must_interrupt() */
	bool device_sleeps;		/* it said on, and there was nothing */
	bool notify_due;		/* and now there is */
	bool device_off;
	unsigned int notified;		/* since it last said on */
	uint32_t added;			/* places, likewise */
	uint32_t unnotified;		/* buffers added since the driver looked */
} model;

static struct {
	unsigned int added, interrupts, no_interrupts, notifications, slept, unpopped, full, empty;
} seen;

static void put(struct line *l, unsigned int i)
{
	l->of[(l->first + l->nr++) % DRIVER_SIZE_MAX] = i;
}

static unsigned int take(struct line *l)
{
	unsigned int i = l->of[l->first];

	l->first = (l->first + 1) % DRIVER_SIZE_MAX;
	l->nr--;
	return i;
}

static void put_first(struct line *l, unsigned int i)
{
	l->first = (l->first + DRIVER_SIZE_MAX - 1) % DRIVER_SIZE_MAX;
	l->of[l->first] = i;
	l->nr++;
}

static void reset_model(void)
{
	memset(&model, 0, sizeof(model));
	model.used_wrap = true;
	if (drv.event_idx && !drv.packed)
		model.driver_wants = AT_EVENT;
	available.nr = 0;
	used.nr = 0;
	unused.nr = 0;
	nr_in_flight = 0;
	for (unsigned int i = 0; i < DRIVER_SIZE_MAX; i++) {
		buffers[i].slot = i;
		put(&unused, i);
	}
}

static void fill_buffer(struct buffer *b, unsigned int max)
{
	b->nr = 1 + fake_random() % max;
	b->nr_out = fake_random() % (b->nr + 1);
	b->out_bytes = 0;
	b->in_bytes = 0;
	for (unsigned int i = 0; i < b->nr; i++) {
		struct driver_part *p = &b->part[i];
		uint32_t offset = fake_random() % DATA_BYTES;

		p->gpa = GUEST_GPA + DATA_AT + offset;
		p->bytes = 1 + fake_random() % (DATA_BYTES - offset);
		p->writable = i >= b->nr_out;
		*(p->writable ? &b->in_bytes : &b->out_bytes) += p->bytes;
	}
}

static void op_add(void)
{
	unsigned int direct, table, i, free = drv.free;
	struct buffer *b;

	if (!drv.free) {
		CHECK_EQ(driver_add(&drv, NULL, 1, &drv), -1);
		seen.full++;
		return;
	}
	i = take(&unused);
	b = &buffers[i];
	fill_buffer(b, vq.indirect || drv.size > PARTS_MAX ? PARTS_MAX : drv.size);
	direct = b->nr;
	if (vq.indirect && fake_random() & 1)
		direct = drv.packed ? 0 : fake_random() % b->nr;
	table = RINGS_BYTES + b->slot * TABLE_SPACE + fake_random() % 16;
	if (driver_add_indirect(&drv, b->part, b->nr, direct, guest.host + table,
				GUEST_GPA + table, b) < 0) {
		put_first(&unused, i);
		return;
	}
	put(&available, i);
	model.unnotified++;
	model.added += drv.packed ? free - drv.free : 1;
	model.notify_due |= model.device_sleeps;
	seen.added++;
}

static void op_look_at_notify(void)
{
	bool notify = driver_must_notify(&drv);

	if (!model.unnotified)
		CHECK(!notify);
	else if (model.notify_due)
		CHECK(notify);
	else if (model.device_off && (drv.packed || !drv.event_idx))
		CHECK(!notify);
	if (notify) {
		model.notified++;
		model.device_sleeps = false;
		seen.notifications++;
	}
	/* once, and again when its event comes round again */
	if (drv.event_idx)
		CHECK(model.notified <= 1 + model.added / (drv.packed ? 2 * drv.size : 0x10000));
	model.unnotified = 0;
	model.notify_due = false;
}

static void check_parts(const struct buffer *b, const struct virtq_chain *c)
{
	CHECK_EQ(c->nr_out, b->nr_out);
	CHECK_EQ(c->nr_in, b->nr - b->nr_out);
	CHECK_EQ(c->out_bytes, b->out_bytes);
	CHECK_EQ(c->in_bytes, b->in_bytes);
	for (unsigned int i = 0; i < b->nr; i++) {
		CHECK(c->iov[i].iov_base == guest.host + (b->part[i].gpa - GUEST_GPA));
		CHECK_EQ(c->iov[i].iov_len, b->part[i].bytes);
	}
}

static void op_pop(void)
{
	struct iovec iov[PARTS_MAX];
	struct virtq_chain chain;
	unsigned int i;
	int ret = virtq_pop(&vq, &chain, iov, PARTS_MAX);

	CHECK_EQ(ret, available.nr > 0);
	seen.empty += !ret;
	if (ret != 1)
		return;
	i = take(&available);
	check_parts(&buffers[i], &chain);
	if (fake_random() % 8 == 0) {
		virtq_unpop(&vq, &chain);
		put_first(&available, i);
		seen.unpopped++;
		return;
	}
	CHECK(chain.iov == iov);
	buffers[i].chain = chain;
	in_flight[nr_in_flight++] = i;
}

static void op_push(void)
{
	unsigned int at, i;
	struct buffer *b;

	if (!nr_in_flight)
		return;
	at = fake_random() % nr_in_flight;
	i = in_flight[at];
	in_flight[at] = in_flight[--nr_in_flight];
	b = &buffers[i];
	b->written = b->in_bytes ? fake_random() % (b->in_bytes + 1) : 0;
	virtq_push(&vq, &b->chain, b->written);
	put(&used, i);
	model.unasked += b->chain.count;
	if (drv.packed)
		driver_go(&drv, &model.next_used, &model.used_wrap, b->chain.count);
	else
		model.next_used++;
}

static void op_collect(void)
{
	struct driver_used u;
	int ret = driver_collect(&drv, &u);
	unsigned int i;

	CHECK_EQ(ret, used.nr > 0);
	if (ret != 1)
		return;
	i = take(&used);
	CHECK(u.token == &buffers[i]);
	CHECK_EQ(u.written, buffers[i].written);
	put(&unused, i);
}

static unsigned int used_places(void)
{
	unsigned int places = 0;

	for (unsigned int i = 0; i < used.nr; i++)
		places += buffers[used.of[(used.first + i) % DRIVER_SIZE_MAX]].chain.count;
	return places;
}

static void op_driver_wants(void)
{
	unsigned int busy = nr_in_flight + available.nr + used.nr, after = 0;
	uint16_t place = drv.seen;
	bool wrap = drv.seen_wrap;

	if (fake_random() % 3 == 0) {
		driver_interrupts_off(&drv);
		if (drv.packed || !drv.event_idx)
			model.driver_wants = NONE;
		return;
	}
	if (drv.packed)
		busy = drv.size - drv.free;
	if (drv.event_idx && busy)
		after = fake_random() % busy;
	CHECK_EQ(driver_interrupts_on(&drv, after), used_places() > after);
	model.driver_wants = drv.event_idx ? AT_EVENT : EVERY;
	if (drv.packed)
		driver_go(&drv, &place, &wrap, after);
	else
		place += after;
	model.event = drv.packed ? driver_event(place, wrap) : place;
}

/* 2.7.7.2, 2.8.10: was one of the places that were pushed the one of the event? */
static bool event_passed(uint32_t pushed)
{
	uint16_t place = model.next_used;
	bool wrap = model.used_wrap;

	while (pushed--) {
		if (!drv.packed) {
			place--;
		} else if (!place--) {
			place = drv.size - 1;
			wrap = !wrap;
		}
		if (model.event == (drv.packed ? driver_event(place, wrap) : place))
			return true;
	}
	return false;
}

static void op_must_interrupt(void)
{
	bool want = model.unasked && model.driver_wants != NONE;
	bool must = virtq_must_interrupt(&vq);

	/* After more than a round of a packed ring a place does not say which one it is of. */
	if (want && model.driver_wants == AT_EVENT)
		want = event_passed(model.unasked) || (drv.packed && model.unasked > drv.size);
	CHECK_EQ(must, want);
	if (must)
		seen.interrupts++;
	else if (model.unasked)
		seen.no_interrupts++;
	model.unasked = 0;
}

static void op_device_wants(void)
{
	model.notify_due = false;
	if (fake_random() & 1) {
		virtq_notify_off(&vq);
		model.device_off = true;
		model.device_sleeps = false;
		return;
	}
	CHECK_EQ(virtq_notify_on(&vq), available.nr > 0);
	model.device_off = false;
	model.device_sleeps = !available.nr;
	model.notified = 0;
	seen.slept += model.device_sleeps;
}

/* One of the operations; @fuller: the ring rather gets fuller, else emptier. */
static void step(bool fuller)
{
	switch (fake_random() % 16) {
	case 0 ... 3:
		op_add();
		break;
	case 4:
		if (fuller)
			op_add();
		op_look_at_notify();
		break;
	case 5 ... 7:
		op_pop();
		break;
	case 8 ... 10:
		op_push();
		break;
	case 11:
		if (!fuller)
			op_push();
		op_must_interrupt();
		break;
	case 12:
		op_driver_wants();
		break;
	case 13:
		op_device_wants();
		break;
	case 14:
		op_collect();
		break;
	case 15:
		while (!fuller && used.nr && test_ok)
			op_collect();
		break;
	}
}

/* All that was added comes back. */
static void drain(void)
{
	while (available.nr && test_ok)
		op_pop();
	while (nr_in_flight && test_ok)
		op_push();
	while (used.nr && test_ok)
		op_collect();
	CHECK_EQ(drv.free, drv.size);
	CHECK(!vq.broken);
}

static void random_operations(bool packed, bool event_idx, bool indirect)
{
	static const struct { unsigned int size, steps; } runs[] = {
		{ 1, 50000 }, { 2, 50000 }, { 3, 50000 }, { 16, 1200000 }, { 100, 50000 },
		{ 256, 100000 }, { 1024, 200000 },
	};
	unsigned int size, before;
	bool wrapped = false;

	memset(&seen, 0, sizeof(seen));
	for (unsigned int r = 0; r < sizeof(runs) / sizeof(runs[0]) && test_ok; r++) {
		for (size = runs[r].size; !packed && size & (size - 1); size++)
			;
		set_up(MEMORY_BYTES, size, packed, event_idx, indirect);
		reset_model();
		before = seen.added;
		for (unsigned int i = 0; i < runs[r].steps && test_ok; i++)
			step(i / (4 * size) & 1);
		drain();
		wrapped |= seen.added - before > 0x10000;
	}
	printf("# %u buffers, full %u, empty %u, %u interrupts of %u, %u notifications, slept %u\n",
	       seen.added, seen.full, seen.empty, seen.interrupts,
	       seen.interrupts + seen.no_interrupts, seen.notifications, seen.slept);
	/* the index of a ring has, and nothing happened always or never */
	CHECK(wrapped);
	CHECK(seen.interrupts > 1000 && seen.no_interrupts > 1000);
	CHECK(seen.notifications > 1000 && seen.slept > 1000 && seen.unpopped > 1000);
	CHECK(seen.full > 1000 && seen.empty > 1000);
}

static void test_split(void)
{
	random_operations(false, false, false);
}

static void test_split_indirect(void)
{
	random_operations(false, false, true);
}

static void test_split_event(void)
{
	random_operations(false, true, false);
}

static void test_split_event_indirect(void)
{
	random_operations(false, true, true);
}

static void test_packed(void)
{
	random_operations(true, false, false);
}

static void test_packed_indirect(void)
{
	random_operations(true, false, true);
}

static void test_packed_event(void)
{
	random_operations(true, true, false);
}

static void test_packed_event_indirect(void)
{
	random_operations(true, true, true);
}

int main(void)
{
	static const struct test tests[] = {
		{ "split", test_split },
		{ "split, indirect", test_split_indirect },
		{ "split, event index", test_split_event },
		{ "split, event index, indirect", test_split_event_indirect },
		{ "packed", test_packed },
		{ "packed, indirect", test_packed_indirect },
		{ "packed, event index", test_packed_event },
		{ "packed, event index, indirect", test_packed_event_indirect },
	};

	return RUN_TESTS(tests);
}
