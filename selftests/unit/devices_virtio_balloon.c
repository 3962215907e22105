// SPDX-License-Identifier: GPL-2.0
// needs: userspace/devices/virtio_balloon.c userspace/devices/virtio_served.c userspace/iov.c
// needs: userspace/virtqueue.c userspace/virtqueue_split.c userspace/virtqueue_packed.c
/*
 * virtio-balloon: which pages are given back, in how many calls, and how much at once; the target
 * and what the driver says; statistics; reported pages. And that a driver can hurt itself only.
 */
#include <stdarg.h>

#define DATA_BYTES	(24u << 20)
#include "served_fake.h"
#include "../../userspace/devices/virtio_balloon.h"

#define STATS		(1ull << VIRTIO_BALLOON_F_STATS_VQ)
#define REPORTING	(1ull << VIRTIO_BALLOON_F_REPORTING)
#define PAGE		4096u
#define PFN(n)		(uint32_t)((DATA >> 12) + (n))
#define LISTS		(DATA + DATA_BYTES - 0x100000)	/* where the driver has its page numbers */

/* ---- the host ------------------------------------------------------------------------------ */

static unsigned int discards, messages;
static uint64_t discarded, largest;
static int fail_with;

int machine_discard(struct machine *m, void *start, uint64_t bytes)
{
	uint8_t *p = start;

	if (p < guest.host || p + bytes > guest.host + guest.bytes || (p - guest.host) % PAGE ||
	    bytes % PAGE || !bytes)
		abort();
	if (fail_with)
		return -fail_with;
	memset(start, 0, bytes);
	discards++;
	discarded += bytes;
	if (bytes > largest)
		largest = bytes;
	return 0;
}

void message(const char *format, ...)
{
	messages++;
}

bool message_guest(void)
{
	return true;
}

/* ---- the driver ---------------------------------------------------------------------------- */

static struct virtio_balloon *b;
static const struct balloon_options all = { .reporting = true };

static void start_with(const struct balloon_options *options, uint64_t features, uint64_t queues)
{
	discards = 0;
	discarded = 0;
	largest = 0;
	messages = 0;
	fail_with = 0;
	b = virtio_balloon_new(NULL, options);
	if (!b)
		abort();
	vdev_start(features, queues);
	memset(at(DATA), 0x5a, DATA_BYTES);
	for (unsigned int i = 0; i < vdev.model.nr_queues; i++)
		vdev.interrupts[i] = 0;
}

static void start(void)
{
	start_with(&all, STATS | REPORTING, 0xf);
}

static bool given(unsigned int page)
{
	return !*at(DATA + PAGE * (uint64_t)page) && !*at(DATA + PAGE * (uint64_t)page + PAGE - 1);
}

/* A list of pages to queue @n. */
static void send(unsigned int n, const uint32_t *pfns, unsigned int nr)
{
	memcpy(at(LISTS), pfns, 4 * nr);
	CHECK(vdev_add(n, LISTS, 4 * nr, false));
	vdev_kick(n);
	loop_all();
	CHECK_EQ(vdev_used(n), 0);
}

static struct balloon_stats stats(void)
{
	struct balloon_stats s;

	balloon_stats(b, &s);
	return s;
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void test_inflate(void)
{
	const uint32_t pfns[] = { PFN(7), PFN(3), PFN(5), PFN(4), PFN(9) };

	start();
	CHECK_EQ(vdev.model.id, 5);
	send(0, pfns, 5);
	for (unsigned int i = 0; i < 12; i++)
		CHECK_EQ(given(i), (i >= 3 && i <= 5) || i == 7 || i == 9);
	CHECK_EQ(discards, 3);			/* neighbours in one call */
	CHECK_EQ(discarded, 5 * PAGE);
	CHECK_EQ(vdev.interrupts[0], 1);
	send(1, pfns, 5);
	CHECK_EQ(discards, 3);
	CHECK_EQ(vdev.interrupts[1], 1);
	virtio_balloon_free(b);
	CHECK_EQ(fake.nr_watches, 0);
}

/* The same page twice, pages that are not there, half a page number. */
static void test_odd_pages(void)
{
	const uint32_t pfns[] = { PFN(1), PFN(1), 0, 0xffffffff, PFN(DATA_BYTES / PAGE), PFN(2),
				  0 };

	start();
	send(0, pfns, 6);
	CHECK_EQ(discarded, 3 * PAGE);
	CHECK(given(1) && given(2) && !given(0) && !given(3));
	memcpy(at(LISTS), pfns, sizeof(pfns));
	vdev_add(0, LISTS + 20, 7, false);
	vdev_kick(0);
	loop_all();
	CHECK_EQ(vdev_used(0), 0);
	CHECK_EQ(discarded, 4 * PAGE);
	vdev_add(0, DATA, 64, true);		/* nothing to read */
	vdev_kick(0);
	loop_all();
	CHECK_EQ(vdev_used(0), 0);
	CHECK_EQ(discarded, 4 * PAGE);
	CHECK(!vdev.broken);
	virtio_balloon_free(b);
}

/* A million page numbers in one buffer: few calls and 16 MiB for each wake-up, and all of them. */
static void test_bounded(void)
{
	const unsigned int nr = 0x100000 / 4;
	unsigned int rounds;

	start();
	for (unsigned int i = 0; i < nr; i++)
		((uint32_t *)at(LISTS))[i] = PFN(2 * i % 500);
	vdev_add(0, LISTS, 4 * nr, false);
	vdev_kick(0);
	for (rounds = 0; loop_once(); rounds++) {
		CHECK(discarded <= 16 << 20);
		CHECK(discards <= 512);
		discarded = 0;
		discards = 0;
	}
	CHECK(rounds >= nr / 4096);
	CHECK_EQ(vdev_used(0), 0);
	CHECK(given(498) && !given(499));
	virtio_balloon_free(b);
}

static void test_cannot(void)
{
	const uint32_t pfns[] = { PFN(1), PFN(5) };

	start();
	fail_with = EOPNOTSUPP;
	send(0, pfns, 2);
	send(0, pfns, 2);
	CHECK_EQ(messages, 1);
	CHECK(!vdev.broken);
	virtio_balloon_free(b);
}

static void test_target(void)
{
	const struct balloon_options options = { .bytes = 5 * PAGE + 1 };
	uint32_t *config;

	start_with(&options, STATS, 7);
	config = vdev.model.config;
	CHECK_EQ(vdev.model.config_bytes, 8);
	CHECK_EQ(vdev.model.nr_queues, 3);
	CHECK_EQ(vdev.model.features & (STATS | REPORTING), STATS);
	CHECK_EQ(config[0], 5);
	CHECK_EQ(config[1], 0);
	vdev.config_changes = 0;
	balloon_set_target(b, 9 * PAGE);
	CHECK_EQ(config[0], 9);
	CHECK_EQ(vdev.config_changes, 1);
	balloon_set_target(b, 9 * PAGE);
	CHECK_EQ(vdev.config_changes, 1);

	config[0] = 77;				/* as virtio_pci.c does it */
	config[1] = 3;
	vdev.model.ops->config_write(vdev.model.opaque, 0, 8);
	CHECK_EQ(config[0], 9);
	CHECK_EQ(stats().target, 9 * PAGE);
	CHECK_EQ(stats().actual, 3 * PAGE);
	vdev_reset();
	CHECK_EQ(stats().actual, 0);
	balloon_set_target(b, 1ull << 44);
	CHECK_EQ(config[0], 0xffffffff);
	virtio_balloon_free(b);
}

static void test_features(void)
{
	const uint64_t oom = 1ull << VIRTIO_BALLOON_F_DEFLATE_ON_OOM;
	const struct balloon_options keep = { .keep_on_oom = true };

	start();
	CHECK_EQ(vdev.model.features & 0x3f, STATS | REPORTING | oom);
	virtio_balloon_free(b);
	start_with(&keep, 0, 3);
	CHECK_EQ(vdev.model.features & 0x3f, STATS);
	virtio_balloon_free(b);
}

struct stat_entry {
	uint16_t tag;
	uint64_t value;
} __attribute__((packed));

static void give_stats(uint64_t first)
{
	const struct stat_entry entries[] = {
		{ VIRTIO_BALLOON_S_MEMFREE, first }, { 999, 1 },
		{ VIRTIO_BALLOON_S_AVAIL, first + 1 }, { VIRTIO_BALLOON_S_NR, 2 },
	};

	memcpy(at(LISTS), entries, sizeof(entries));
	CHECK(vdev_add(2, LISTS, sizeof(entries), false));
	vdev_kick(2);
	loop_all();
}

static void test_stats(void)
{
	uint64_t taken;

	start();
	CHECK_EQ(stats().taken_ns, 0);
	give_stats(1000);
	CHECK_EQ(vdev_used(2), -1);		/* the device keeps the buffer */
	CHECK_EQ(vdev.interrupts[2], 0);
	taken = stats().taken_ns;
	CHECK_EQ(taken, fake.now_ns);
	CHECK_EQ(stats().valid, 1 << VIRTIO_BALLOON_S_MEMFREE | 1 << VIRTIO_BALLOON_S_AVAIL);
	CHECK_EQ(stats().value[VIRTIO_BALLOON_S_MEMFREE], 1000);
	CHECK_EQ(stats().value[VIRTIO_BALLOON_S_AVAIL], 1001);

	/* A notification for nothing does not give it back. */
	vdev_kick(2);
	loop_all();
	CHECK_EQ(vdev_used(2), -1);

	advance(SECOND);
	CHECK(balloon_refresh(b));
	CHECK(balloon_refresh(b));
	loop_all();
	CHECK_EQ(vdev_used(2), 0);
	CHECK_EQ(vdev.interrupts[2], 1);
	CHECK_EQ(stats().taken_ns, taken);	/* it has been asked, and has not answered */
	give_stats(2000);
	CHECK_EQ(stats().taken_ns, taken + SECOND);
	CHECK_EQ(stats().value[VIRTIO_BALLOON_S_AVAIL], 2001);
	CHECK_EQ(vdev_used(2), -1);

	vdev_reset();
	CHECK(!balloon_refresh(b));
	CHECK_EQ(stats().value[VIRTIO_BALLOON_S_AVAIL], 2001);
	virtio_balloon_free(b);
}

/* Several buffers at once, of any size: one is read, none is given back, memory is not overrun. */
static void test_hostile_stats(void)
{
	start();
	for (unsigned int i = 0; i < 4; i++)
		vdev_add(2, DATA, 0x10000, false);
	vdev_kick(2);
	loop_all();
	CHECK_EQ(vdev_used(2), -1);
	for (unsigned int i = 0; i < 3; i++) {
		CHECK(balloon_refresh(b));
		loop_all();
		CHECK_EQ(vdev_used(2), 0);
		CHECK_EQ(vdev_used(2), -1);
	}
	vdev_reset();
	vdev_start(STATS, 7);
	give_stats(1000);
	CHECK(stats().valid);
	balloon_refresh(b);
	vdev_add(2, DATA, 9, false);		/* less than one */
	vdev_kick(2);
	loop_all();
	CHECK_EQ(stats().valid, 0);
	vdev_reset();
	vdev_start(STATS, 3);			/* it was negotiated, and the queue is not there */
	CHECK(!balloon_refresh(b));
	virtio_balloon_free(b);
}

static void test_report(void)
{
	const struct driver_part parts[] = {
		{ LISTS, 8, false },
		{ DATA, 4 * PAGE, true },
		{ DATA + 10 * PAGE + 1, 3 * PAGE, true },	/* two whole pages in it */
		{ DATA + 20 * PAGE + 100, PAGE, true },		/* none */
	};

	start();
	driver_add(&vdev.drivers[3], parts, 4, &vdev);
	vdev_kick(3);
	loop_all();
	CHECK_EQ(vdev_used(3), 0);
	CHECK_EQ(discards, 2);
	for (unsigned int i = 0; i < 24; i++)
		CHECK_EQ(given(i), i < 4 || i == 11 || i == 12);
	CHECK_EQ(stats().reported, 6 * PAGE);
	vdev_add(3, DATA + 30 * PAGE, PAGE, true);	/* and nothing of the buffer before */
	vdev_kick(3);
	loop_all();
	CHECK_EQ(discards, 3);
	CHECK_EQ(stats().reported, 7 * PAGE);
	CHECK_EQ(vdev_used(3), 0);
	fail_with = EINVAL;
	driver_add(&vdev.drivers[3], parts, 4, &vdev);
	vdev_kick(3);
	loop_all();
	CHECK_EQ(vdev_used(3), 0);
	CHECK_EQ(stats().reported, 7 * PAGE);
	virtio_balloon_free(b);
}

/* The queue's number is a matter of opinion. */
static void test_report_where(void)
{
	static const struct {
		uint64_t features;
		unsigned int n;
		bool reports;
	} where[] = {
		{ STATS | REPORTING, 3, true }, { STATS | REPORTING, 4, true },
		{ REPORTING, 2, true }, { REPORTING, 4, true },
		{ STATS | REPORTING, 2, false },
	};

	for (unsigned int i = 0; i < sizeof(where) / sizeof(where[0]); i++) {
		start_with(&all, where[i].features, 3 | 1ull << where[i].n);
		vdev_add(where[i].n, DATA, PAGE, true);
		vdev_kick(where[i].n);
		loop_all();
		CHECK_EQ(given(0), where[i].reports);
		virtio_balloon_free(b);
	}
}

/* All of memory, in one part and again and again: 16 MiB in a wake-up. */
static void test_report_bounded(void)
{
	const struct driver_part parts[] = {
		{ DATA, DATA_BYTES, true }, { DATA, DATA_BYTES, true }, { DATA, DATA_BYTES, true },
		{ DATA, DATA_BYTES, true }, { DATA, DATA_BYTES, true }, { DATA, DATA_BYTES, true },
		{ DATA, DATA_BYTES, true }, { DATA, DATA_BYTES, true }, { DATA, DATA_BYTES, true },
	};
	uint64_t sum = 0;

	start();
	driver_add(&vdev.drivers[3], parts, 9, &vdev);
	vdev_kick(3);
	while (loop_once()) {
		CHECK(discarded <= 16 << 20);
		sum += discarded;
		discarded = 0;
	}
	CHECK_EQ(sum, 9ull * DATA_BYTES);
	CHECK_EQ(vdev_used(3), 0);
	virtio_balloon_free(b);
}

/* Buffers of random sizes at random places on all queues. */
static void test_random(void)
{
	start();
	for (unsigned int i = 0; i < 20000; i++) {
		unsigned int n = fake_random() % 4;
		uint64_t gpa = DATA + fake_random() % DATA_BYTES;
		uint32_t bytes = 1 + fake_random() % 0x4000;

		if (gpa + bytes > DATA + DATA_BYTES ||
		    !vdev_add(n, gpa, bytes, fake_random() & 1)) {
			while (vdev_used(n) >= 0)
				;
			continue;
		}
		if (fake_random() & 1)
			vdev_kick(n);
		if (!(fake_random() % 8))
			balloon_refresh(b);
		loop_once();
		for (unsigned int j = 0; j < 4; j++)
			*(uint32_t *)at(DATA + 4 * (fake_random() % 4096)) =
				PFN(fake_random() % 2000);
	}
	CHECK(!vdev.broken);
	CHECK(discards > 1000);
	virtio_balloon_free(b);
}

static void test_refused(void)
{
	fake.refuse_after = 0;
	CHECK(!virtio_balloon_new(NULL, &all));
	CHECK_EQ(errno, ENOSPC);
	fake_init();
	fake.refuse_watch = true;
	start();
	CHECK(!vdev.started);
	virtio_balloon_free(b);
}

static const struct test tests[] = {
	{ "balloon: pages are given back, neighbours at once", test_inflate },
	{ "balloon: pages that are none", test_odd_pages },
	{ "balloon: a wake-up is bounded", test_bounded },
	{ "balloon: memory that cannot be given back", test_cannot },
	{ "balloon: the target, and what the driver says", test_target },
	{ "balloon: features", test_features },
	{ "balloon: statistics", test_stats },
	{ "balloon: hostile statistics", test_hostile_stats },
	{ "balloon: reported pages", test_report },
	{ "balloon: where pages are reported", test_report_where },
	{ "balloon: reports are bounded", test_report_bounded },
	{ "balloon: random buffers", test_random },
	{ "balloon: a refused device", test_refused },
};

int main(void)
{
	return RUN_TESTS(tests);
}
