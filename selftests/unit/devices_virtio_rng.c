// SPDX-License-Identifier: GPL-2.0
// needs: userspace/devices/virtio_rng.c userspace/devices/virtio_served.c userspace/iov.c
// needs: userspace/virtqueue.c userspace/virtqueue_split.c userspace/virtqueue_packed.c
/*
 * virtio-rng: buffers are filled, as far as one wake-up and the rate allow; a driver that never has
 * enough does not keep the event loop.
 */
#include <sys/random.h>

#include "served_fake.h"
#include "../../userspace/devices/virtio_rng.h"

#define CHUNK	65536u

static unsigned int draws;	/* calls of getrandom() */
static int fail_with;
static size_t most = SIZE_MAX;	/* that a call gives */

/* Instead of the C library's: bytes that are not zero, so that a test sees which were written. */
ssize_t getrandom(void *to, size_t bytes, unsigned int flags)
{
	draws++;
	if (fail_with == EINTR && draws & 1) {
		errno = EINTR;
		return -1;
	}
	if (fail_with && fail_with != EINTR) {
		errno = fail_with;
		return -1;
	}
	if (bytes > most)
		bytes = most;
	memset(to, 0xa5, bytes);
	return bytes;
}

static struct virtio_rng *rng;

static void start(uint32_t rate)
{
	draws = 0;
	fail_with = 0;
	most = SIZE_MAX;
	rng = virtio_rng_new(NULL, rate);
	if (!rng)
		abort();
	vdev_start(0, 1);
}

/* How many bytes from @gpa on were written. */
static size_t written(uint64_t gpa)
{
	const uint8_t *p = at(gpa);
	size_t n = 0;

	while (p + n < guest.host + guest.bytes && p[n] == 0xa5)
		n++;
	return n;
}

static void test_fill(void)
{
	static const struct driver_part parts[] = {
		{ DATA, 100, false }, { DATA + 0x1000, 1, true }, { DATA + 0x2000, 300, true },
	};

	start(0);
	CHECK_EQ(vdev.model.id, 4);
	vdev_add(0, DATA + 0x10000, 64, true);
	vdev_kick(0);
	loop_all();
	CHECK_EQ(vdev_used(0), 64);
	CHECK_EQ(written(DATA + 0x10000), 64);
	CHECK_EQ(vdev.interrupts[0], 1);

	driver_add(&vdev.drivers[0], parts, 3, &vdev);
	vdev_kick(0);
	loop_all();
	CHECK_EQ(vdev_used(0), 301);
	CHECK_EQ(written(DATA), 0);		/* what the device may read only */
	CHECK_EQ(written(DATA + 0x1000), 1);
	CHECK_EQ(written(DATA + 0x2000), 300);
	CHECK(!vdev.broken);
	virtio_rng_free(rng);
	CHECK_EQ(fake.nr_watches, 0);
}

/* The driver may make buffers available first and say DRIVER_OK then, without a notification. */
static void test_early(void)
{
	start(0);
	vdev_reset();
	vdev_set_up(0, 1);
	vdev_add(0, DATA, 64, true);
	vdev_driver_ok();
	loop_all();
	CHECK_EQ(vdev_used(0), 64);
	virtio_rng_free(rng);
}

/* Signals, and a kernel that gives less than was asked for. */
static void test_small_pieces(void)
{
	start(0);
	fail_with = EINTR;
	most = 7;
	vdev_add(0, DATA, 1000, true);
	vdev_kick(0);
	loop_all();
	CHECK_EQ(vdev_used(0), 1000);
	CHECK_EQ(written(DATA), 1000);
	virtio_rng_free(rng);
}

/* A buffer of 4 MiB gets 64 KiB; sixteen of them take sixteen rounds of the loop. */
static void test_bounded(void)
{
	unsigned int rounds;

	start(0);
	for (unsigned int i = 0; i < VQ_SIZE; i++)
		CHECK(vdev_add(0, DATA, DATA_BYTES, true));
	vdev_kick(0);
	for (rounds = 0; loop_once(); rounds++) {
		unsigned int done = 0;

		for (; vdev_used(0) == CHUNK; done++)
			;
		CHECK(done <= 1);
	}
	CHECK(rounds >= VQ_SIZE);
	CHECK_EQ(written(DATA), CHUNK);
	virtio_rng_free(rng);
}

/* Many small ones are bounded, too. */
static void test_many_small(void)
{
	const unsigned int nr = 10 * VQ_SIZE;
	unsigned int done = 0;

	start(0);
	while (done < nr) {
		while (vdev_add(0, DATA, 1, true))
			;
		vdev_kick(0);
		loop_all();
		while (vdev_used(0) == 1)
			done++;
	}
	CHECK_EQ(draws, nr);
	virtio_rng_free(rng);
}

static void test_rate(void)
{
	unsigned int got = 0;

	start(1000);
	for (unsigned int i = 0; i < 3; i++)
		vdev_add(0, DATA, 400, true);
	vdev_kick(0);
	loop_all();
	CHECK_EQ(vdev_used(0), 400);
	CHECK_EQ(vdev_used(0), 400);
	CHECK_EQ(vdev_used(0), 200);		/* a buffer need not be filled */
	vdev_add(0, DATA, 400, true);
	vdev_kick(0);
	loop_all();
	CHECK_EQ(vdev_used(0), -1);
	advance(999 * MS);
	loop_all();
	CHECK_EQ(vdev_used(0), -1);
	advance(MS);
	loop_all();
	CHECK_EQ(vdev_used(0), 400);

	/* A driver that always asks gets the rate, over ten seconds, and a timer per second. */
	fake.fired = 0;
	for (unsigned int ms = 0; ms < 10000; ms += 50) {
		while (vdev_add(0, DATA, 64, true))
			;
		vdev_kick(0);
		loop_all();
		for (long n; (n = vdev_used(0)) > 0; )
			got += n;
		advance(50 * MS);
	}
	CHECK(got >= 9000 && got <= 11000);
	CHECK(fake.fired <= 10);

	/* Nor is it saved up, nor is a reset a way to more. */
	advance(100 * SECOND);
	vdev_reset();
	vdev_start(0, 1);
	vdev_add(0, DATA, 5000, true);
	vdev_kick(0);
	loop_all();
	CHECK_EQ(vdev_used(0), 1000);
	vdev_reset();
	vdev_start(0, 1);
	vdev_add(0, DATA, 5000, true);
	vdev_kick(0);
	loop_all();
	CHECK_EQ(vdev_used(0), -1);
	virtio_rng_free(rng);
	CHECK(!fake.timers);
}

static void test_hostile(void)
{
	start(0);
	vdev_add(0, DATA, 100, false);
	vdev_kick(0);
	loop_all();
	CHECK(vdev.broken && strstr(vdev.broken, "cannot be written"));
	CHECK_EQ(fake.nr_watches, 0);
	vdev_reset();

	vdev_start(0, 1);
	vdev_add(0, 0x1000, 100, true);		/* no memory there */
	vdev_kick(0);
	loop_all();
	CHECK(vdev.broken);
	CHECK_EQ(draws, 0);
	vdev_reset();

	vdev_start(0, 1);
	fail_with = EFAULT;
	vdev_add(0, DATA, 100, true);
	vdev_kick(0);
	loop_all();
	CHECK(vdev.broken && strstr(vdev.broken, "cannot be filled"));
	vdev_reset();

	vdev_start(0, 0);			/* without its queue */
	CHECK_EQ(fake.nr_watches, 0);
	virtio_rng_free(rng);
}

static void test_refused(void)
{
	fake.refuse_after = 0;
	CHECK(!virtio_rng_new(NULL, 1000));
	CHECK_EQ(errno, ENOSPC);
	CHECK(!fake.timers);
	fake_init();
	fake.refuse_timer = true;
	CHECK(!virtio_rng_new(NULL, 1000));
	fake_init();
	fake.refuse_watch = true;
	start(0);
	CHECK(!vdev.started);
	virtio_rng_free(rng);
}

static const struct test tests[] = {
	{ "rng: buffers are filled", test_fill },
	{ "rng: a buffer from before DRIVER_OK", test_early },
	{ "rng: signals, and little at a time", test_small_pieces },
	{ "rng: at most 64 KiB in one wake-up", test_bounded },
	{ "rng: many small buffers", test_many_small },
	{ "rng: a rate", test_rate },
	{ "rng: a hostile driver", test_hostile },
	{ "rng: a refused device, a refused timer", test_refused },
};

int main(void)
{
	return RUN_TESTS(tests);
}
