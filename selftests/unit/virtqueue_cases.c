// SPDX-License-Identifier: GPL-2.0
/*
 * Virtqueues, one thing after the other: how they start, who is told of what when two things happen
 * at once, each event index, and that each value is read once. Random sequences are in virtqueue.c.
 *
 * needs: userspace/iov.c
 * needs: userspace/virtqueue.c userspace/virtqueue_split.c userspace/virtqueue_packed.c
 */
#include "../../userspace/iov.h"
#include "virtqueue_pair.h"

#define TABLE_AT	0x1000u
#define DATA_AT		0x2000u
#define MEMORY_BYTES	0x4000u

static void check_start(bool starts)
{
	CHECK_EQ(virtq_start(&vq), starts ? 0 : -1);
	CHECK(starts == !vq.broken);
}

/* A queue of 16 with one of its areas, @area in vq, at @gpa. */
static void check_area(bool packed, uint64_t *area, uint64_t gpa, bool starts)
{
	set_up(MEMORY_BYTES, 16, packed, false, false);
	*area = gpa;
	check_start(starts);
}

/* Parameters that cannot be, one by one, and rings that just fit into memory. */
static void test_start(void)
{
	static const struct { unsigned int size; bool split, packed; } sizes[] = {
		{ 0, false, false }, { 1, true, true }, { 2, true, true }, { 3, false, true },
		{ 1023, false, true }, { 1024, true, true }, { 1025, false, false },
		{ 2048, false, false }, { 32768, false, false }, { 65535, false, false },
	};
	const uint64_t end = GUEST_GPA + MEMORY_BYTES;

	for (unsigned int packed = 0; packed < 2; packed++) {
		uint32_t driver_bytes = packed ? 4 : 6 + 2 * 16;
		uint32_t device_bytes = packed ? 4 : 6 + 8 * 16;
		unsigned int driver_align = packed ? 4 : 2;

		for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			set_up(0x200000, 16, packed, false, false);	/* room for any size */
			vq.size = sizes[i].size;
			check_start(packed ? sizes[i].packed : sizes[i].split);
		}
		for (unsigned int off = 1; off < 16; off++) {
			check_area(packed, &vq.desc, GUEST_GPA + off, false);
			check_area(packed, &vq.driver, GUEST_GPA + 0x100 + off,
				   off % driver_align == 0);
			check_area(packed, &vq.device, GUEST_GPA + 0x200 + off, off % 4 == 0);
		}
		check_area(packed, &vq.desc, 0, false);
		check_area(packed, &vq.driver, 0, false);
		check_area(packed, &vq.device, UINT64_MAX - 3, false);
		check_area(packed, &vq.desc, end - 256, true);
		check_area(packed, &vq.desc, end - 240, false);
		check_area(packed, &vq.driver, end - driver_bytes, true);
		check_area(packed, &vq.driver, end - driver_bytes + driver_align, false);
		check_area(packed, &vq.device, end - (device_bytes + 3) / 4 * 4, true);
		check_area(packed, &vq.device, end - (device_bytes + 3) / 4 * 4 + 4, false);
	}
}

static int pop_one(struct virtq_chain *chain)
{
	static struct iovec iov[8];

	return virtq_pop(&vq, chain, iov, 8);
}

/* Nothing of an earlier life is left, and what is in the device area keeps no driver silent. */
static void test_start_again(void)
{
	struct driver_part part = { GUEST_GPA + DATA_AT, 1, false };
	struct virtq_chain chain;
	struct driver_used u;

	for (unsigned int i = 0; i < 4; i++) {
		set_up(MEMORY_BYTES, 16, i & 1, i & 2, false);
		for (unsigned int j = 0; j < 20; j++) {
			driver_add(&drv, &part, 1, &part);
			CHECK_EQ(pop_one(&chain), 1);
			virtq_push(&vq, &chain, 0);
			CHECK_EQ(driver_collect(&drv, &u), 1);
		}
		for (unsigned int j = 0; j < 16; j++) {
			driver_add(&drv, &part, 1, &part);
			CHECK_EQ(pop_one(&chain), 1);
		}
		vq.broken = "it was";

		guest_init(MEMORY_BYTES);
		driver_init(&drv, guest.host, GUEST_GPA);
		if (drv.packed)
			*(uint32_t *)drv.host_device = 1u << 16;
		else if (drv.event_idx)
			((struct ring_used *)drv.host_device)->ring[16].id = 9;
		else
			((struct ring_used *)drv.host_device)->flags = 1;
		CHECK_EQ(virtq_start(&vq), 0);
		CHECK(!vq.broken);
		CHECK(!virtq_must_interrupt(&vq));
		for (unsigned int j = 0; j < 16; j++) {
			CHECK(driver_add(&drv, &part, 1, &part) >= 0);
			CHECK_EQ(driver_must_notify(&drv), !j || !drv.event_idx);
			CHECK_EQ(pop_one(&chain), 1);
		}
		virtq_push(&vq, &chain, 0);
		CHECK_EQ(driver_collect(&drv, &u), 1);
	}
}

/* A buffer that comes between the last pop and virtq_notify_on() is not lost, nor told twice. */
static void test_notify_race(void)
{
	struct driver_part part = { GUEST_GPA + DATA_AT, 1, false };
	struct virtq_chain chain;

	for (unsigned int i = 0; i < 4; i++) {
		set_up(MEMORY_BYTES, 16, i & 1, i & 2, false);
		driver_add(&drv, &part, 1, &part);
		CHECK(driver_must_notify(&drv));
		virtq_notify_off(&vq);
		CHECK_EQ(pop_one(&chain), 1);
		CHECK_EQ(pop_one(&chain), 0);
		driver_add(&drv, &part, 1, &part);
		CHECK(!driver_must_notify(&drv));
		CHECK(virtq_notify_on(&vq));
		CHECK_EQ(pop_one(&chain), 1);
		CHECK_EQ(pop_one(&chain), 0);
		CHECK(!virtq_notify_on(&vq));
		driver_add(&drv, &part, 1, &part);
		CHECK(driver_must_notify(&drv));
	}
}

/* virtq_unpop() at each place of the ring, and what was put back is popped as it is now. */
static void test_unpop(void)
{
	struct driver_part part[2] = {
		{ GUEST_GPA + DATA_AT, 10, false }, { GUEST_GPA + DATA_AT + 10, 20, true },
	};
	struct virtq_chain chain, first, again;
	struct driver_used u;

	for (unsigned int i = 0; i < 40; i++) {
		set_up(MEMORY_BYTES, 4, i & 1, false, false);
		for (unsigned int j = 0; j < i / 2; j++) {
			driver_add(&drv, part, 1, part);
			CHECK_EQ(pop_one(&chain), 1);
			virtq_push(&vq, &chain, 0);
			CHECK_EQ(driver_collect(&drv, &u), 1);
		}
		driver_add(&drv, part, 2, &part[0]);
		driver_add(&drv, part, 2, &part[1]);
		CHECK_EQ(pop_one(&first), 1);
		CHECK_EQ(pop_one(&chain), 1);
		virtq_unpop(&vq, &chain);
		virtq_push(&vq, &first, 1);
		CHECK_EQ(pop_one(&again), 1);
		CHECK_EQ(again.id, chain.id);
		CHECK_EQ(again.count, chain.count);
		CHECK_EQ(pop_one(&chain), 0);
		virtq_push(&vq, &again, 2);
		CHECK_EQ(driver_collect(&drv, &u), 1);
		CHECK(u.token == &part[0] && u.written == 1);
		CHECK_EQ(driver_collect(&drv, &u), 1);
		CHECK(u.token == &part[1] && u.written == 2);
		CHECK_EQ(vq.in_flight, 0);
	}
}

/* Each event of a split ring, where the index wraps and where it does not. */
static void test_event_split(void)
{
	static const uint16_t at[] = { 0, 1, 7, 0x7fff, 0x8000, 0xfffe, 0xffff };
	static const uint32_t pushed[] = { 1, 2, 16, 300, 0xffff, 0x10000, 0x10001, 0x20005 };
	struct ring_avail *avail;
	uint32_t wrong = 0;

	set_up(MEMORY_BYTES, 16, false, true, false);
	avail = drv.host_driver;
	for (unsigned int i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		for (unsigned int j = 0; j < sizeof(pushed) / sizeof(pushed[0]); j++) {
			for (uint32_t event = 0; event < 0x10000; event++) {
				/* places back from the newest, as often as the index goes around */
				uint32_t back = (uint16_t)(at[i] - 1 - event);

				avail->ring[16] = event;
				vq.next_used = at[i];
				vq.pushed = pushed[j];
				wrong += virtq_must_interrupt(&vq) != (back < pushed[j]);
				wrong += virtq_must_interrupt(&vq);
			}
		}
	}
	CHECK_EQ(wrong, 0);
}

/* Each event of a small packed ring, at each place, for each number of places up to a round. */
static void test_event_packed(void)
{
	uint32_t *event;

	set_up(MEMORY_BYTES, 5, true, true, false);
	event = drv.host_driver;
	for (unsigned int at = 0; at < 10; at++) {
		for (unsigned int pushed = 1; pushed <= 5; pushed++) {
			for (unsigned int e = 0; e < 10; e++) {
				bool want = false;

				for (unsigned int k = 1; k <= pushed; k++)
					want |= (at + 10 - k) % 10 == e;
				*event = 2u << 16 | (e < 5) << 15 | e % 5;
				vq.next_used = at % 5;
				vq.used_wrap = at < 5;
				vq.pushed = pushed;
				CHECK_EQ(virtq_must_interrupt(&vq), want);
			}
			/* reserved, or of a feature that is off: rather one too many */
			*event = 3u << 16;
			vq.pushed = pushed;
			CHECK(virtq_must_interrupt(&vq));
			*event = 2u << 16 | 3;
			vq.pushed = pushed;
			vq.event_idx = false;
			CHECK(virtq_must_interrupt(&vq));
			vq.event_idx = true;
			*event = 1u << 16;
			vq.pushed = pushed;
			CHECK(!virtq_must_interrupt(&vq));
		}
	}
}

static uint64_t scribble_at, scribble_bytes;

/*
 * A part is looked up: its descriptor has been read, but for the ID of a packed one, and is
 * something else from now on.
 */
static void scribble(uint64_t gpa, uint64_t bytes)
{
	uint8_t *desc = guest.host + (scribble_at - GUEST_GPA);

	if (gpa < GUEST_GPA + DATA_AT)
		return;
	memset(desc, 0, 8);
	memset(desc + 8, 0xff, 4);
	memset(desc + (drv.packed ? 14 : 12), 0xff, drv.packed ? 2 : 4);
	scribble_at += 16;
	scribble_bytes += bytes;
	memset(drv.host_driver, 0xff, drv.packed ? 4 : 6 + 2 * 16);
}

/* Each value is read once: the driver changes it as soon as the device has seen it. */
static void test_read_once(void)
{
	struct driver_part part[4];
	struct virtq_chain chain;

	for (unsigned int i = 0; i < 4; i++)
		part[i] = (struct driver_part){ GUEST_GPA + DATA_AT + 100 * i, 1 + i, i > 1 };
	for (unsigned int i = 0; i < 4; i++) {
		unsigned int direct = i & 2 ? 0 : 4;

		set_up(MEMORY_BYTES, 16, i & 1, false, true);
		/* so that the driver takes them one behind the other */
		for (unsigned int j = 0; j < 16; j++)
			drv.free_list[j] = 15 - j;
		driver_add_indirect(&drv, part, 4, direct, guest.host + TABLE_AT,
				    GUEST_GPA + TABLE_AT, part);
		scribble_at = direct ? drv.desc : GUEST_GPA + TABLE_AT;
		scribble_bytes = 0;
		guest.hook = scribble;
		CHECK_EQ(pop_one(&chain), 1);
		CHECK_EQ(scribble_bytes, 1 + 2 + 3 + 4);
		CHECK_EQ(chain.out_bytes, 1 + 2);
		CHECK_EQ(chain.in_bytes, 3 + 4);
		for (unsigned int j = 0; j < 4; j++) {
			CHECK_EQ(chain.iov[j].iov_len, 1 + j);
			CHECK(chain.iov[j].iov_base == guest.host + DATA_AT + 100 * j);
		}
	}
}

/* All ways to cut a copy out of three parts. */
static void test_iov(void)
{
	uint8_t memory[3][4], buffer[16], want[12];
	struct iovec iov[3] = { { memory[0], 4 }, { memory[1], 1 }, { memory[2], 3 } };

	for (unsigned int skip = 0; skip < 10; skip++) {
		for (unsigned int bytes = 0; bytes < 12; bytes++) {
			unsigned int n = skip >= 8 ? 0 : bytes < 8 - skip ? bytes : 8 - skip;

			for (unsigned int i = 0; i < 8; i++)
				*(i < 4 ? &memory[0][i] : i < 5 ? &memory[1][0] :
					  &memory[2][i - 5]) = 'a' + i;
			memset(buffer, '.', sizeof(buffer));
			CHECK_EQ(iov_to_buffer(iov, 3, skip, buffer, bytes), n);
			for (unsigned int i = 0; i < 12; i++)
				CHECK_EQ(buffer[i], i < n ? 'a' + skip + i : '.');

			memset(memory, '.', sizeof(memory));
			CHECK_EQ(iov_from_buffer(iov, 3, skip, "ABCDEFGHIJKL", bytes), n);
			memcpy(want, memory[0], 4);
			want[4] = memory[1][0];
			memcpy(want + 5, memory[2], 3);
			for (unsigned int i = 0; i < 8; i++)
				CHECK_EQ(want[i], i >= skip && i < skip + n ? 'A' + i - skip : '.');
			CHECK(memory[1][1] == '.' && memory[2][3] == '.');
		}
	}
	CHECK_EQ(iov_to_buffer(iov, 0, 0, buffer, 1), 0);
}

int main(void)
{
	static const struct test tests[] = {
		{ "parameters that it cannot start with", test_start },
		{ "a start behind another driver", test_start_again },
		{ "a buffer between the last pop and virtq_notify_on()", test_notify_race },
		{ "virtq_unpop()", test_unpop },
		{ "each event index of a split ring", test_event_split },
		{ "each event of a packed ring", test_event_packed },
		{ "each value is read once", test_read_once },
		{ "copies to and from parts", test_iov },
	};

	return RUN_TESTS(tests);
}
