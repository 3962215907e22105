// SPDX-License-Identifier: GPL-2.0
/*
 * A sane driver in one thread, a device in another: nothing is lost, nothing comes before what it
 * announces, and neither waits for a notification that was not sent.
 *
 * The two share the rings and two bells, which order nothing: what is ordered is ordered by the
 * rings. So ThreadSanitizer can tell whether it is: built by hand with gcc -fsanitize=thread
 * -Wno-tsan, from this file and those below, it has to be silent.
 *
 * needs: userspace/iov.c
 * needs: userspace/virtqueue.c userspace/virtqueue_split.c userspace/virtqueue_packed.c
 * libs: -pthread
 * timeout: 180
 */
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../../userspace/iov.h"
#include "virtqueue_pair.h"

#define BUFFERS		20000u
#define PATIENCE_S	60		/* on a busy machine */
#define RINGS_BYTES	0x4000u
#define SIZE_MAX_HERE	64u
#define SLOT_BYTES	128u		/* a table of four, 16 bytes to read, 32 to write */
#define MEMORY_BYTES	(RINGS_BYTES + SIZE_MAX_HERE * SLOT_BYTES)

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec;
}

/* ---- bells: counters that one waits to move, as an eventfd; relaxed ---------------------- */

struct bell {
	uint32_t rung;
	uint32_t heard;			/* the waiter's */
	unsigned int waits;		/* likewise */
};

static struct bell to_device, to_driver;
static bool given_up;

static void ring(struct bell *b)
{
	__atomic_fetch_add(&b->rung, 1, __ATOMIC_RELAXED);
	syscall(SYS_futex, &b->rung, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/* Return: false if nobody rang for so long that nobody will. */
static bool wait_for(struct bell *b)
{
	struct timespec ts = { .tv_sec = PATIENCE_S };
	uint32_t rung = __atomic_load_n(&b->rung, __ATOMIC_RELAXED);

	if (rung == b->heard) {
		b->waits++;
		syscall(SYS_futex, &b->rung, FUTEX_WAIT, rung, &ts, NULL, 0);
		rung = __atomic_load_n(&b->rung, __ATOMIC_RELAXED);
	}
	if (rung != b->heard) {
		b->heard = rung;
		return true;
	}
	__atomic_store_n(&given_up, true, __ATOMIC_RELAXED);
	return false;
}

/* ---- the driver ------------------------------------------------------------------------- */

static struct slot {
	uint64_t number;		/* of the buffer that uses it, the driver's */
	uint8_t *memory;
	uint64_t gpa;
} slots[SIZE_MAX_HERE];
static struct slot *free_slots[SIZE_MAX_HERE];
static unsigned int nr_free_slots;
static const char *driver_failed;
static uint64_t driver_random = 88172645463325252;

static uint32_t below(uint32_t n)
{
	driver_random ^= driver_random << 13;
	driver_random ^= driver_random >> 7;
	driver_random ^= driver_random << 17;
	return (driver_random >> 32) % n;
}

static uint64_t answer_to(uint64_t number)
{
	return ~number * 0x9e3779b97f4a7c15;
}

/* The number, in two parts, and room for the answer, which may be in two as well. */
static bool add_buffer(uint64_t number)
{
	struct slot *slot = free_slots[nr_free_slots - 1];
	uint64_t out = slot->gpa + 64, in = slot->gpa + 96;
	unsigned int cut = 1 + below(31), direct, nr = 3 + (drv.size >= 4 || vq.indirect);
	struct driver_part part[4] = {
		{ out, 4, false }, { out + 4, 4, false },
		{ in, nr == 4 ? cut : 32, true }, { in + cut, 32 - cut, true },
	};

	direct = vq.indirect && (drv.size < 4 || below(2)) ? 0 : nr;
	if (direct + !direct > drv.free)
		return false;
	nr_free_slots--;
	slot->number = number;
	memcpy(slot->memory + 64, &number, 8);
	memset(slot->memory + 96, 0, 32);
	driver_add_indirect(&drv, part, nr, direct, slot->memory, slot->gpa, slot);
	return true;
}

static void check_answer(const struct driver_used *u)
{
	struct slot *slot = u->token;
	uint64_t answer;

	memcpy(&answer, slot->memory + 96, 8);
	if (answer != answer_to(slot->number) || u->written != 8 + slot->number % 24)
		driver_failed = "an answer is wrong";
	free_slots[nr_free_slots++] = slot;
}

/* Wait until some of what is in flight has come back. */
static bool driver_sleep(void)
{
	unsigned int places = drv.packed ? drv.size - drv.free : 0;

	if (!drv.packed)
		for (unsigned int i = 0; i < drv.size; i++)
			places += !!drv.buffer[i].token;
	if (!driver_interrupts_on(&drv, below(places)) && !wait_for(&to_driver)) {
		driver_failed = "an interrupt has not come";
		return false;
	}
	driver_interrupts_off(&drv);
	return true;
}

static void *run_driver(void *arg)
{
	unsigned int added = 0, collected = 0;
	struct driver_used u;
	int ret;

	driver_interrupts_off(&drv);
	while (collected < BUFFERS && !driver_failed) {
		bool got_one = false;

		while (added < BUFFERS && nr_free_slots && add_buffer(added)) {
			added++;
			if (below(4) == 0 && driver_must_notify(&drv))
				ring(&to_device);
		}
		if (driver_must_notify(&drv))
			ring(&to_device);
		while ((ret = driver_collect(&drv, &u)) == 1) {
			check_answer(&u);
			collected++;
			got_one = true;
		}
		if (ret < 0)
			driver_failed = "the device gave back what it does not have";
		if (!got_one && !driver_failed && !driver_sleep())
			break;
	}
	ring(&to_device);
	return NULL;
}

/* ---- the device ------------------------------------------------------------------------- */

static struct iovec held_iov[SIZE_MAX_HERE][4];
static struct virtq_chain held[SIZE_MAX_HERE];
static unsigned int nr_held, done;

static void push_one(void)
{
	unsigned int at = fake_random() % nr_held;
	struct virtq_chain *c = &held[at];
	uint64_t number = 0, answer;

	CHECK_EQ(iov_to_buffer(c->iov, c->nr_out, 0, &number, 8), 8);
	answer = answer_to(number);
	CHECK_EQ(iov_from_buffer(c->iov + c->nr_out, c->nr_in, 0, &answer, 8), 8);
	virtq_push(&vq, c, 8 + number % 24);
	done++;
	nr_held--;
	if (at != nr_held) {
		memcpy(held_iov[at], held_iov[nr_held], sizeof(held_iov[at]));
		held[at] = held[nr_held];
		held[at].iov = held_iov[at];
	}
}

static void interrupt_if_wanted(void)
{
	if (virtq_must_interrupt(&vq))
		ring(&to_driver);
}

/* Until there is nothing left, neither available nor held. */
static void work(void)
{
	int ret;

	do {
		ret = virtq_pop(&vq, &held[nr_held], held_iov[nr_held], 4);
		CHECK(ret >= 0);
		nr_held += ret == 1;
		while (nr_held && (ret != 1 || nr_held == SIZE_MAX_HERE || fake_random() & 1)) {
			push_one();
			if (fake_random() & 1)
				interrupt_if_wanted();
		}
	} while (ret == 1);
	interrupt_if_wanted();
}

static void run_device(void)
{
	while (done < BUFFERS && test_ok) {
		if (fake_random() & 1)
			virtq_notify_off(&vq);
		work();
		if (done < BUFFERS && !virtq_notify_on(&vq))
			CHECK(wait_for(&to_device));
		CHECK(!__atomic_load_n(&given_up, __ATOMIC_RELAXED));
	}
}

/* ---- both ------------------------------------------------------------------------------- */

static void start(unsigned int size, bool packed, bool event_idx, bool indirect)
{
	memset(&to_device, 0, sizeof(to_device));
	memset(&to_driver, 0, sizeof(to_driver));
	given_up = false;
	driver_failed = NULL;
	nr_held = 0;
	done = 0;
	set_up(MEMORY_BYTES, size, packed, event_idx, indirect);
	nr_free_slots = size;
	for (unsigned int i = 0; i < size; i++) {
		slots[i].memory = guest.host + RINGS_BYTES + i * SLOT_BYTES;
		slots[i].gpa = GUEST_GPA + RINGS_BYTES + i * SLOT_BYTES;
		free_slots[i] = &slots[i];
	}
}

static void run_threads(bool packed, bool event_idx)
{
	static const unsigned int sizes[] = { 1, 8, 64 };

	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && test_ok; i++) {
		pthread_t thread;

		start(sizes[i], packed, event_idx, sizes[i] != 8);
		if (pthread_create(&thread, NULL, run_driver, NULL))
			abort();
		run_device();
		ring(&to_driver);
		pthread_join(thread, NULL);
		if (driver_failed) {
			printf("# %s\n", driver_failed);
			test_ok = false;
		}
		CHECK(!vq.broken);
		printf("# size %u: the device slept %u times, told %u times; the driver %u, %u\n",
		       sizes[i], to_device.waits, to_device.rung, to_driver.waits,
		       to_driver.rung);
		CHECK(to_device.waits > 10 && to_driver.waits > 10);
	}
}

static void test_split(void)
{
	run_threads(false, false);
}

static void test_split_event(void)
{
	run_threads(false, true);
}

static void test_packed(void)
{
	run_threads(true, false);
}

static void test_packed_event(void)
{
	run_threads(true, true);
}

/* ---- at the same moment ----------------------------------------------------------------- */

#define ROUNDS		200000u
#define ROUNDS_NS	SECOND

static unsigned int arrived[2];		/* how often each of the two was at meet() */
static bool last_round;
static bool notified, interrupted, saw_avail, saw_used;

/* Wait for the other one, and then for up to a hundred rounds of nothing. */
static void meet(unsigned int me, unsigned int delay)
{
	unsigned int now = arrived[me] + 1, spins = 0;

	__atomic_store_n(&arrived[me], now, __ATOMIC_RELEASE);
	while (__atomic_load_n(&arrived[!me], __ATOMIC_ACQUIRE) < now)
		if (++spins % 1024 == 0)
			sched_yield();
	while (delay--)
		__asm__ volatile("");
}

static void *meet_device(void *arg)
{
	struct driver_part part = { GUEST_GPA + RINGS_BYTES, 4, false };
	struct driver_used u;

	while (!last_round) {
		meet(0, below(100));
		driver_add(&drv, &part, 1, &part);
		notified = driver_must_notify(&drv);
		meet(0, 0);
		driver_interrupts_off(&drv);
		meet(0, below(100));
		saw_used = driver_interrupts_on(&drv, 0);
		meet(0, 0);
		if (driver_collect(&drv, &u) != 1)
			driver_failed = "a buffer has not come back";
		meet(0, 0);
	}
	return NULL;
}

/* One publishes a buffer while the other is about to sleep: one of them must notice. */
static void meet_driver(void)
{
	const uint64_t end = now_ns() + ROUNDS_NS;
	unsigned int rounds = 0, lost = 0, both = 0;

	while (!last_round) {
		virtq_notify_off(&vq);
		meet(1, fake_random() % 100);
		saw_avail = virtq_notify_on(&vq);
		meet(1, 0);
		lost += !notified && !saw_avail;
		both += notified && saw_avail;
		CHECK_EQ(virtq_pop(&vq, &held[0], held_iov[0], 4), 1);
		meet(1, fake_random() % 100);
		virtq_push(&vq, &held[0], 0);
		interrupted = virtq_must_interrupt(&vq);
		meet(1, 0);
		lost += !interrupted && !saw_used;
		both += interrupted && saw_used;
		last_round = ++rounds == ROUNDS || now_ns() >= end || !test_ok;
		meet(1, 0);
	}
	printf("# %u rounds, %u times noticed by both, %u by none\n", rounds, both, lost);
	CHECK_EQ(lost, 0);
}

static void test_same_moment(void)
{
	pthread_t thread;

	for (unsigned int i = 0; i < 4 && test_ok; i++) {
		start(4, i & 1, i & 2, false);
		memset(arrived, 0, sizeof(arrived));
		last_round = false;
		if (pthread_create(&thread, NULL, meet_device, NULL))
			abort();
		meet_driver();
		pthread_join(thread, NULL);
		CHECK(!driver_failed);
	}
}

int main(void)
{
	static const struct test tests[] = {
		{ "split", test_split },
		{ "split, event index", test_split_event },
		{ "packed", test_packed },
		{ "packed, event index", test_packed_event },
		{ "both at the same moment", test_same_moment },
	};

	return RUN_TESTS(tests);
}
