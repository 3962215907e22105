// SPDX-License-Identifier: GPL-2.0
/*
 * SVMM_IOEVENTFD: a write that an eventfd waits for signals it, once, and is seen by nobody else;
 * any other write is an exit, as before. What a call says holds for the write after it.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vmtest.h"

#define DEVICE	0x40000000UL
#define BELL	0xe8
#define ROUNDS	100

/* Writes that came to user space, by the logarithm of their size. */
struct seen {
	unsigned int writes[4], all;
	uint64_t last;
};

static void count(struct vmt *v, unsigned int bytes, const void *data)
{
	struct seen *seen = v->arg;

	seen->last = 0;
	memcpy(&seen->last, data, bytes);
	seen->writes[__builtin_ctz(bytes)]++;
	seen->all++;
}

static void on_io(struct vmt *v, struct vmt_io *io)
{
	for (unsigned int i = 0; i < io->count; i++)
		count(v, io->bytes, (uint8_t *)io->data + i * io->bytes);
}

static void on_mmio(struct vmt *v, struct vmt_mmio *mmio)
{
	count(v, mmio->bytes, mmio->data);
}

FIXTURE(ioevent) {
	struct vmt v;
	struct seen seen;
	int fd, other;
};

FIXTURE_SETUP(ioevent)
{
	vmt_open(&self->v);
	vmt_load(&self->v, "ioevent");
	self->v.on_io = on_io;
	self->v.on_mmio = on_mmio;
	self->v.arg = &self->seen;
	self->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	self->other = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	ASSERT_LE(0, self->fd);
	ASSERT_LE(0, self->other);
	ASSERT_NE(0, self->v.caps.caps & SVMM_CAP_IOEVENTFD);
}

FIXTURE_TEARDOWN(ioevent)
{
	close(self->fd);
	close(self->other);
	vmt_close(&self->v);
}

static uint64_t signals(int fd)
{
	uint64_t n;

	return read(fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

static void run(struct vmt *v, const char *entry, uint64_t rounds)
{
	memset(v->arg, 0, sizeof(struct seen));
	vmt_start(v, entry);
	v->page->gpr.rdi = DEVICE;
	v->page->gpr.rdx = rounds;
	vmt_done(v);
}

/* At the device that the guest writes to. */
static int set(int vm, int fd, uint32_t flags, uint32_t bytes, uint64_t match)
{
	return svmm_ioeventfd(vm, flags, flags & SVMM_IOEVENTFD_PIO ? BELL : DEVICE, bytes,
			      match, fd);
}

static const struct space {
	const char *entry;
	uint32_t flags;
	unsigned int sizes;
} spaces[] = {
	{ "outs", SVMM_IOEVENTFD_PIO, 3 },
	{ "stores", 0, 4 },
};

TEST_F(ioevent, of_a_size)
{
	for (const struct space *s = spaces; s < spaces + ARRAY_SIZE(spaces); s++) {
		for (unsigned int i = 0; i < s->sizes; i++) {
			ASSERT_EQ(0, set(self->v.vm, self->fd, s->flags, 1 << i, 0));
			run(&self->v, s->entry, ROUNDS);
			EXPECT_EQ(ROUNDS, signals(self->fd));
			EXPECT_EQ(0, self->seen.writes[i]);
			EXPECT_EQ(ROUNDS * (s->sizes - 1), self->seen.all);
			ASSERT_EQ(0, set(self->v.vm, self->fd, s->flags | SVMM_IOEVENTFD_REMOVE,
					 1 << i, 0));
			run(&self->v, s->entry, ROUNDS);
			EXPECT_EQ(0, signals(self->fd));
			EXPECT_EQ(ROUNDS, self->seen.writes[i]);
			EXPECT_EQ(ROUNDS * s->sizes, self->seen.all);
		}
	}
}

TEST_F(ioevent, of_any_size)
{
	for (const struct space *s = spaces; s < spaces + ARRAY_SIZE(spaces); s++) {
		ASSERT_EQ(0, set(self->v.vm, self->fd, s->flags, 0, 0));
		run(&self->v, s->entry, ROUNDS);
		EXPECT_EQ(ROUNDS * s->sizes, signals(self->fd));
		EXPECT_EQ(0, self->seen.all);
	}
}

TEST_F(ioevent, of_a_value)
{
	for (const struct space *s = spaces; s < spaces + ARRAY_SIZE(spaces); s++) {
		unsigned int top = s->sizes - 1;

		ASSERT_EQ(0, set(self->v.vm, self->fd, s->flags | SVMM_IOEVENTFD_MATCH, 1 << top,
				 7));
		ASSERT_EQ(0, svmm_ioeventfd(self->v.vm, s->flags | SVMM_IOEVENTFD_MATCH,
					    s->flags ? BELL : DEVICE, 1 << top, 9, self->other));
		run(&self->v, s->entry, 8);
		EXPECT_EQ(1, signals(self->fd));
		EXPECT_EQ(0, signals(self->other));
		EXPECT_EQ(7, self->seen.writes[top]);
		run(&self->v, s->entry, 9);
		EXPECT_EQ(1, signals(self->fd));
		EXPECT_EQ(1, signals(self->other));
		EXPECT_EQ(7, self->seen.writes[top]);
		EXPECT_EQ(1, self->seen.last);
		EXPECT_EQ(9 * s->sizes - 2, self->seen.all);
	}
}

/* Its neighbours, of the same number or not, are not it. */
TEST_F(ioevent, of_an_address)
{
	static const struct {
		uint32_t flags;
		uint64_t address;
	} others[] = {
		{ 0, BELL }, { SVMM_IOEVENTFD_PIO, BELL - 1 }, { SVMM_IOEVENTFD_PIO, BELL + 1 },
		{ 0, DEVICE - 1 }, { 0, DEVICE + 1 }, { 0, 0 }, { 0, ~0ULL - 1 },
		{ SVMM_IOEVENTFD_PIO, 0 }, { SVMM_IOEVENTFD_PIO, 0xffff },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(others); i++)
		ASSERT_EQ(0, svmm_ioeventfd(self->v.vm, others[i].flags, others[i].address, 1, 0,
					    self->other));
	run(&self->v, "outs", ROUNDS);
	EXPECT_EQ(ROUNDS * 3, self->seen.all);
	run(&self->v, "stores", ROUNDS);
	EXPECT_EQ(ROUNDS * 4, self->seen.all);
	EXPECT_EQ(0, signals(self->other));

	/* Among them, it is found. */
	ASSERT_EQ(0, set(self->v.vm, self->fd, SVMM_IOEVENTFD_PIO, 1, 0));
	ASSERT_EQ(0, set(self->v.vm, self->fd, 0, 1, 0));
	run(&self->v, "outs", ROUNDS);
	EXPECT_EQ(ROUNDS, signals(self->fd));
	run(&self->v, "stores", ROUNDS);
	EXPECT_EQ(ROUNDS, signals(self->fd));
	EXPECT_EQ(0, signals(self->other));
}

/* OUTS hands over many at once: user space has them all. MOVS does not: each is a write. */
TEST_F(ioevent, of_strings)
{
	ASSERT_EQ(0, set(self->v.vm, self->fd, SVMM_IOEVENTFD_PIO, 1, 0));
	run(&self->v, "string", ROUNDS);
	EXPECT_EQ(ROUNDS, self->seen.all);
	EXPECT_EQ(0, signals(self->fd));

	ASSERT_EQ(0, set(self->v.vm, self->fd, 0, 8, 0));
	run(&self->v, "movs", ROUNDS);
	EXPECT_EQ(1, signals(self->fd));
	EXPECT_EQ(ROUNDS - 1, self->seen.all);
}

/* The VM holds the eventfd, not its number; and who removes one needs no more than another fd. */
TEST_F(ioevent, fd_may_go)
{
	int copy = dup(self->fd);

	ASSERT_EQ(0, svmm_ioeventfd(self->v.vm, SVMM_IOEVENTFD_PIO, BELL, 1, 0, copy));
	close(copy);
	run(&self->v, "outs", ROUNDS);
	EXPECT_EQ(ROUNDS, signals(self->fd));
	ASSERT_EQ(0, set(self->v.vm, self->fd, SVMM_IOEVENTFD_PIO | SVMM_IOEVENTFD_REMOVE, 1, 0));
}

TEST_F(ioevent, errors)
{
	const uint32_t pio = SVMM_IOEVENTFD_PIO, match = SVMM_IOEVENTFD_MATCH;
	const uint32_t drop = SVMM_IOEVENTFD_REMOVE;
	struct svmm_ioeventfd arg = { .address = BELL, .bytes = 1, .fd = self->fd, .flags = pio };
	int vm = self->v.vm, fd = self->fd;

	EXPECT_EQ(-EINVAL, svmm_ioeventfd(vm, 8, DEVICE, 1, 0, fd));
	EXPECT_EQ(-EINVAL, svmm_ioeventfd(vm, 0, DEVICE, 3, 0, fd));
	EXPECT_EQ(-EINVAL, svmm_ioeventfd(vm, 0, DEVICE, 16, 0, fd));
	EXPECT_EQ(-EINVAL, svmm_ioeventfd(vm, pio, BELL, 8, 0, fd));
	EXPECT_EQ(-EINVAL, svmm_ioeventfd(vm, pio, 0x10000, 0, 0, fd));
	EXPECT_EQ(-EINVAL, svmm_ioeventfd(vm, pio, 0xffff, 2, 0, fd));
	EXPECT_EQ(-EINVAL, svmm_ioeventfd(vm, pio, ~0ULL, 0, 0, fd));
	EXPECT_EQ(-EINVAL, svmm_ioeventfd(vm, 0, ~0ULL, 2, 0, fd));
	EXPECT_EQ(-EINVAL, svmm_ioeventfd(vm, pio | match, BELL, 1, 0x100, fd));
	EXPECT_EQ(-EINVAL, svmm_ioeventfd(vm, match, DEVICE, 0, 1, fd));
	EXPECT_EQ(-EINVAL, svmm_ioeventfd(vm, 0, DEVICE, 4, 1, fd));
	EXPECT_EQ(-EINVAL, svmm_ioeventfd(vm, 0, DEVICE, 4, 0, vm));	/* not an eventfd */
	EXPECT_EQ(-EBADF, svmm_ioeventfd(vm, 0, DEVICE, 4, 0, -1));
	EXPECT_EQ(-ENOENT, svmm_ioeventfd(vm, drop, DEVICE, 4, 0, fd));
	arg.reserved[4] = 1;
	EXPECT_EQ(-1, ioctl(vm, SVMM_IOEVENTFD, &arg));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(vm, SVMM_IOEVENTFD, NULL));
	EXPECT_EQ(EFAULT, errno);

	/* No write may be for two. */
	EXPECT_EQ(0, svmm_ioeventfd(vm, match, DEVICE, 4, 5, fd));
	EXPECT_EQ(-EEXIST, svmm_ioeventfd(vm, match, DEVICE, 4, 5, self->other));
	EXPECT_EQ(-EEXIST, svmm_ioeventfd(vm, 0, DEVICE, 4, 0, self->other));
	EXPECT_EQ(-EEXIST, svmm_ioeventfd(vm, 0, DEVICE, 0, 0, self->other));
	EXPECT_EQ(0, svmm_ioeventfd(vm, match, DEVICE, 4, 6, self->other));
	EXPECT_EQ(0, svmm_ioeventfd(vm, 0, DEVICE, 2, 0, self->other));
	/* One goes that is just so. */
	EXPECT_EQ(-ENOENT, svmm_ioeventfd(vm, drop | match, DEVICE, 4, 5, self->other));
	EXPECT_EQ(-ENOENT, svmm_ioeventfd(vm, drop, DEVICE, 4, 0, fd));
	EXPECT_EQ(0, svmm_ioeventfd(vm, drop | match, DEVICE, 4, 5, fd));
	EXPECT_EQ(-ENOENT, svmm_ioeventfd(vm, drop | match, DEVICE, 4, 5, fd));
	run(&self->v, "stores", ROUNDS);
	EXPECT_EQ(ROUNDS + 1, signals(self->other));
	EXPECT_EQ(0, signals(fd));
}

TEST_F(ioevent, many)
{
	unsigned int i;

	for (i = 0; i < SVMM_MAX_IOEVENTFDS; i++)
		ASSERT_EQ(0, svmm_ioeventfd(self->v.vm, 0, DEVICE + 8 * (i * 7 % 512), 8, 0,
					    i * 7 % 512 ? self->other : self->fd));
	EXPECT_EQ(-ENOSPC, svmm_ioeventfd(self->v.vm, 0, DEVICE + 8 * i, 8, 0, self->other));
	run(&self->v, "movs", SVMM_MAX_IOEVENTFDS);
	EXPECT_EQ(0, self->seen.all);
	EXPECT_EQ(1, signals(self->fd));
	EXPECT_EQ(SVMM_MAX_IOEVENTFDS - 1, signals(self->other));
	for (i = 0; i < SVMM_MAX_IOEVENTFDS; i += 2)
		ASSERT_EQ(0, svmm_ioeventfd(self->v.vm, SVMM_IOEVENTFD_REMOVE, DEVICE + 8 * i, 8,
					    0, i ? self->other : self->fd));
	run(&self->v, "movs", SVMM_MAX_IOEVENTFDS);
	EXPECT_EQ(SVMM_MAX_IOEVENTFDS / 2, self->seen.all);
	EXPECT_EQ(SVMM_MAX_IOEVENTFDS / 2, signals(self->other));
}

struct changer {
	pthread_t thread;
	int vm, fd;
	bool stop;
	unsigned long changes;
};

static void *come_and_go(void *arg)
{
	const uint32_t flags[] = { SVMM_IOEVENTFD_PIO, 0 };
	struct changer *c = arg;

	while (!__atomic_load_n(&c->stop, __ATOMIC_RELAXED)) {
		for (int i = 0; i < 2; i++)
			if (set(c->vm, c->fd, flags[i], 2, 0) ||
			    set(c->vm, c->fd, flags[i] | SVMM_IOEVENTFD_REMOVE, 2, 0))
				return NULL;
		c->changes++;
	}
	return c;
}

/*
 * Whatever happens meanwhile, a write is seen once: as a signal, or as an exit. (Both come up: each
 * change waits for a grace period, as one eventfd stays.)
 */
TEST_F(ioevent, none_is_lost)
{
	struct changer c = { .vm = self->v.vm, .fd = self->fd };
	uint64_t there = 0, here = 0;
	unsigned int runs;
	void *done;

	ASSERT_EQ(0, svmm_ioeventfd(self->v.vm, 0, DEVICE + 8, 8, 0, self->other));
	ASSERT_EQ(0, pthread_create(&c.thread, NULL, come_and_go, &c));
	for (runs = 0; runs < 50 || (runs < 2000 && (!there || !here)); runs++) {
		run(&self->v, runs % 2 ? "outs" : "stores", ROUNDS);
		here += self->seen.writes[1];
		there += signals(self->fd);
	}
	__atomic_store_n(&c.stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(c.thread, &done));
	TH_LOG("%lu changes: %lu signals, %lu exits", c.changes, (unsigned long)there,
	       (unsigned long)here);
	EXPECT_EQ(&c, done);
	EXPECT_NE(0, c.changes);
	EXPECT_EQ(runs * ROUNDS, there + here);
	EXPECT_NE(0, there);
	EXPECT_NE(0, here);
}

TEST_HARNESS_MAIN
