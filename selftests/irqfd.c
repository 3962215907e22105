// SPDX-License-Identifier: GPL-2.0
/*
 * SVMM_IRQFD: each signal of an eventfd is an interrupt, once, whoever signals and whatever the
 * vCPU does meanwhile; what a call says holds for the signal after it; and nothing outlives the VM.
 *
 * Where no guest runs, what has arrived is read from IRR.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c selftests/lib/crew.c
 * timeout: 120
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/crew.h"

#define DEVICE		0x40000000UL
#define BELL		0xe8
#define MSI(id)		(0xfee00000UL | (id) << 12)
#define VECTOR		0x41
#define OTHER		0x92
#define LEVEL		0xc000

/* Registers of a local APIC, by offset / 16. */
enum { SVR = 0xf, TMR = 0x18, IRR = 0x20 };

FIXTURE(irqfd) {
	struct vmt v;
	struct crew crew;
	int fd, other;
};

static int new_eventfd(int flags)
{
	return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC | flags);
}

/* For a vCPU that runs no guest: its local APIC takes interrupts. */
static void listen_to(struct vmt *v)
{
	vmt_get(v, SVMM_STATE_LAPIC);
	v->lapic->regs[SVR] = 0x1ff;
	v->page->dirty = SVMM_STATE_LAPIC;
	if (svmm_set_state(v->vcpu))
		vmt_die(v, "no local APIC");
}

FIXTURE_SETUP(irqfd)
{
	vmt_open(&self->v);
	vmt_load(&self->v, "irqfd");
	listen_to(&self->v);
	self->fd = new_eventfd(0);
	self->other = new_eventfd(0);
	ASSERT_LE(0, self->fd);
	ASSERT_LE(0, self->other);
	ASSERT_NE(0, self->v.caps.caps & SVMM_CAP_IRQFD);
}

FIXTURE_TEARDOWN(irqfd)
{
	if (self->crew.nr)
		crew_stop(&self->crew);
	close(self->fd);
	close(self->other);
	vmt_close(&self->v);
}

static void signal_n(int fd, uint64_t n)
{
	if (write(fd, &n, sizeof(n)) != sizeof(n))
		perror("# eventfd");
}

/* What is in an eventfd, or 0; it is empty afterwards. */
static uint64_t left(int fd)
{
	uint64_t n;

	return read(fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

static int set(int vm, int fd, uint32_t id, uint32_t data)
{
	return svmm_irqfd(vm, 0, MSI(id), data, fd);
}

static int drop(int vm, int fd)
{
	return svmm_irqfd(vm, SVMM_IRQFD_REMOVE, 0, 0, fd);
}

/* Which vector a vCPU that runs no guest was sent: 0 for none, -1 for several. None afterwards. */
static int arrived(struct vmt *v)
{
	int vector = 0;

	vmt_get(v, SVMM_STATE_LAPIC);
	for (int i = 0; i < 256; i++)
		if (v->lapic->regs[IRR + i / 32] >> i % 32 & 1)
			vector = vector ? -1 : i;
	memset(&v->lapic->regs[IRR], 0, 8 * sizeof(v->lapic->regs[0]));
	v->page->dirty = SVMM_STATE_LAPIC;
	if (svmm_set_state(v->vcpu))
		vmt_die(v, "no local APIC");
	return vector;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

#define WAIT_FOR(condition) ({						\
	int64_t until_ = now_ms() + 5000 * vmt_slowdown();		\
	while (!(condition) && now_ms() < until_)			\
		usleep(100);						\
	!!(condition);							\
})

/* A thread that signals an eventfd, again and again. */
struct hammer {
	pthread_t thread;
	int fd;
	bool stop;
	unsigned long signals;
};

static void *hammer_on(void *arg)
{
	struct hammer *h = arg;

	while (!__atomic_load_n(&h->stop, __ATOMIC_RELAXED)) {
		signal_n(h->fd, 1);
		__atomic_fetch_add(&h->signals, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void hammer_start(struct hammer *h, int fd)
{
	memset(h, 0, sizeof(*h));
	h->fd = fd;
	pthread_create(&h->thread, NULL, hammer_on, h);
}

static unsigned long hammer_stop(struct hammer *h)
{
	__atomic_store_n(&h->stop, true, __ATOMIC_RELAXED);
	pthread_join(h->thread, NULL);
	return h->signals;
}

/* Let it signal at least once from now on. */
static void hammer_again(struct hammer *h)
{
	unsigned long before = __atomic_load_n(&h->signals, __ATOMIC_RELAXED);

	while (__atomic_load_n(&h->signals, __ATOMIC_RELAXED) < before + 2)
		usleep(10);
}

static void one_by_one(struct __test_metadata *_metadata, struct vmt *v, int fd)
{
	ASSERT_EQ(0, set(v->vm, fd, 0, VECTOR));
	for (uint32_t i = 1; i <= 100; i++) {
		if (i % 10 == 0)
			usleep(2000);		/* asleep for long, or back in the guest */
		signal_n(fd, i);
		ASSERT_TRUE(WAIT_FOR(vmt_count(v, VECTOR) == i)) {
			TH_LOG("%u signals, %u interrupts", i, vmt_count(v, VECTOR));
		}
	}
	EXPECT_EQ(0, left(fd));
}

TEST_F(irqfd, wakes_a_halted_vcpu)
{
	crew_join(&self->crew, &self->v, 0, "halted", -1);
	crew_start(&self->crew);
	one_by_one(_metadata, &self->v, self->fd);
}

TEST_F(irqfd, interrupts_a_busy_vcpu)
{
	crew_join(&self->crew, &self->v, 0, "busy", -1);
	crew_start(&self->crew);
	one_by_one(_metadata, &self->v, self->fd);
}

/* Its address says to whom, its data what. */
TEST_F(irqfd, messages)
{
	struct vmt *v = &self->v, second;

	vmt_open_vcpu(&second, v, 1);
	listen_to(&second);
	ASSERT_EQ(0, set(v->vm, self->fd, 1, VECTOR));
	ASSERT_EQ(0, set(v->vm, self->other, 0xff, LEVEL | OTHER));
	signal_n(self->fd, 1);
	EXPECT_EQ(VECTOR, arrived(&second));
	EXPECT_EQ(0, arrived(v));
	signal_n(self->other, 1);
	EXPECT_EQ(OTHER, arrived(&second));
	EXPECT_EQ(1 << OTHER % 32, second.lapic->regs[TMR + OTHER / 32]);
	EXPECT_EQ(OTHER, arrived(v));
	/* to nobody: it is lost */
	ASSERT_EQ(0, set(v->vm, self->fd, 7, VECTOR));
	signal_n(self->fd, 1);
	EXPECT_EQ(0, arrived(v));
	EXPECT_EQ(0, arrived(&second));
	EXPECT_EQ(0, left(self->fd));
	munmap(second.page, second.caps.vcpu_mmap_bytes);
	close(second.vcpu);
}

TEST_F(irqfd, old_signals_come_at_once)
{
	struct vmt *v = &self->v;

	signal_n(self->fd, 5);
	ASSERT_EQ(0, set(v->vm, self->fd, 0, VECTOR));
	EXPECT_EQ(VECTOR, arrived(v));
	EXPECT_EQ(0, left(self->fd));
	/* Nothing is in it: to be set again delivers nothing. */
	ASSERT_EQ(0, set(v->vm, self->fd, 0, VECTOR));
	ASSERT_EQ(0, set(v->vm, self->other, 0, VECTOR));
	EXPECT_EQ(0, arrived(v));
}

TEST_F(irqfd, removed_it_keeps_signals)
{
	struct vmt *v = &self->v;

	ASSERT_EQ(0, set(v->vm, self->fd, 0, VECTOR));
	ASSERT_EQ(0, drop(v->vm, self->fd));
	signal_n(self->fd, 3);
	EXPECT_EQ(0, arrived(v));
	EXPECT_EQ(3, left(self->fd));
	signal_n(self->fd, 3);
	ASSERT_EQ(0, set(v->vm, self->fd, 0, OTHER));
	EXPECT_EQ(OTHER, arrived(v));
	ASSERT_EQ(0, drop(v->vm, self->fd));
	EXPECT_EQ(0, left(self->fd));
}

/* A semaphore gives away one at a time; an empty one stays empty when two VMs take from it. */
TEST_F(irqfd, semaphore)
{
	struct vmt *v = &self->v, second;
	int fd = new_eventfd(EFD_SEMAPHORE);

	vmt_open(&second);
	listen_to(&second);
	signal_n(fd, 3);
	ASSERT_EQ(0, set(v->vm, fd, 0, VECTOR));
	EXPECT_EQ(VECTOR, arrived(v));
	EXPECT_EQ(1, left(fd));
	EXPECT_EQ(1, left(fd));
	EXPECT_EQ(0, left(fd));
	ASSERT_EQ(0, set(second.vm, fd, 0, OTHER));
	EXPECT_EQ(0, arrived(&second));
	signal_n(fd, 1);
	EXPECT_EQ(VECTOR, arrived(v));
	EXPECT_EQ(OTHER, arrived(&second));
	EXPECT_EQ(0, left(fd));
	close(fd);
	vmt_close(&second);
}

/* Each signal is either VM's, and one of them ends without the other. */
TEST_F(irqfd, two_vms)
{
	struct vmt *v = &self->v, second;

	vmt_open(&second);
	listen_to(&second);
	ASSERT_EQ(0, set(v->vm, self->fd, 0, VECTOR));
	ASSERT_EQ(0, set(second.vm, self->fd, 0, OTHER));
	for (int i = 0; i < 3; i++) {
		signal_n(self->fd, 1);
		EXPECT_EQ(VECTOR, arrived(v));
		EXPECT_EQ(OTHER, arrived(&second));
	}
	ASSERT_EQ(0, drop(v->vm, self->fd));
	signal_n(self->fd, 1);
	EXPECT_EQ(0, arrived(v));
	EXPECT_EQ(OTHER, arrived(&second));
	ASSERT_EQ(0, set(v->vm, self->fd, 0, VECTOR));
	vmt_close(&second);
	signal_n(self->fd, 1);
	EXPECT_EQ(VECTOR, arrived(v));
	EXPECT_EQ(0, left(self->fd));
}

static void *write_one(void *arg)
{
	signal_n(*(int *)arg, 1);
	return NULL;
}

/* A write that waits until the counter has room again goes on, and is a signal. */
TEST_F(irqfd, full_counter)
{
	int fd = eventfd(0, EFD_CLOEXEC), unblocked;
	struct vmt *v = &self->v;
	struct timespec until;
	pthread_t thread;

	signal_n(fd, ~0ULL - 1);
	ASSERT_EQ(0, pthread_create(&thread, NULL, write_one, &fd));
	usleep(100000);
	EXPECT_EQ(EBUSY, pthread_tryjoin_np(thread, NULL));
	ASSERT_EQ(0, set(v->vm, fd, 0, VECTOR));
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 5 * vmt_slowdown();
	unblocked = pthread_timedjoin_np(thread, NULL, &until);
	EXPECT_EQ(0, unblocked);
	EXPECT_EQ(VECTOR, arrived(v));
	EXPECT_EQ(0, drop(v->vm, fd));
	if (unblocked)
		left(fd);
	close(fd);
}

/* The VM holds the eventfd, not its number. */
TEST_F(irqfd, fd_may_go)
{
	int copy = dup(self->fd), fd = new_eventfd(0);
	struct vmt *v = &self->v;

	ASSERT_EQ(0, set(v->vm, copy, 0, VECTOR));
	close(copy);
	signal_n(self->fd, 1);
	EXPECT_EQ(VECTOR, arrived(v));
	EXPECT_EQ(0, drop(v->vm, self->fd));
	/* with the last of its fds, too */
	ASSERT_EQ(0, set(v->vm, fd, 0, VECTOR));
	close(fd);
	EXPECT_EQ(0, arrived(v));
	EXPECT_EQ(-EBADF, drop(v->vm, fd));
}

TEST_F(irqfd, many)
{
	struct vmt *v = &self->v;

	ASSERT_EQ(0, set(v->vm, self->fd, 0, VECTOR));
	for (int i = 1; i < SVMM_MAX_IRQFDS; i++) {
		int fd = new_eventfd(0);

		ASSERT_EQ(0, set(v->vm, fd, 0, VECTOR));
		close(fd);
	}
	EXPECT_EQ(-ENOSPC, set(v->vm, self->other, 0, OTHER));
	signal_n(self->other, 1);
	EXPECT_EQ(0, arrived(v));
	/* The first of them is still found, and changed. */
	EXPECT_EQ(0, set(v->vm, self->fd, 0, OTHER));
	signal_n(self->fd, 1);
	EXPECT_EQ(OTHER, arrived(v));
	EXPECT_EQ(0, drop(v->vm, self->fd));
	EXPECT_EQ(0, set(v->vm, self->other, 0, VECTOR));
	EXPECT_EQ(VECTOR, arrived(v));
	EXPECT_EQ(-ENOSPC, set(v->vm, self->fd, 0, OTHER));
}

TEST_F(irqfd, errors)
{
	struct svmm_irqfd arg = { .address = MSI(0), .data = VECTOR, .fd = self->fd };
	int vm = self->v.vm, fd = self->fd;

	signal_n(fd, 1);
	EXPECT_EQ(-EINVAL, svmm_irqfd(vm, 2, MSI(0), VECTOR, fd));
	EXPECT_EQ(-EINVAL, svmm_irqfd(vm, 1U << 31, MSI(0), VECTOR, fd));
	EXPECT_EQ(-EINVAL, svmm_irqfd(vm, 0, 0, VECTOR, fd));
	EXPECT_EQ(-EINVAL, svmm_irqfd(vm, 0, 0xfef00000, VECTOR, fd));
	EXPECT_EQ(-EINVAL, svmm_irqfd(vm, 0, 0x1fee00000, VECTOR, fd));
	EXPECT_EQ(-EINVAL, svmm_irqfd(vm, 0, MSI(0), 3 << 8 | VECTOR, fd));
	EXPECT_EQ(-EINVAL, svmm_irqfd(vm, 0, MSI(0), VECTOR, vm));	/* not an eventfd */
	EXPECT_EQ(-EBADF, svmm_irqfd(vm, 0, MSI(0), VECTOR, -1));
	EXPECT_EQ(-EINVAL, svmm_irqfd(vm, SVMM_IRQFD_REMOVE, MSI(0), 0, fd));
	EXPECT_EQ(-EINVAL, svmm_irqfd(vm, SVMM_IRQFD_REMOVE, 0, 1, fd));
	EXPECT_EQ(-EINVAL, drop(vm, vm));
	EXPECT_EQ(-EBADF, drop(vm, -1));
	EXPECT_EQ(-ENOENT, drop(vm, fd));
	for (int i = 0; i < 5; i++) {
		arg.reserved[i] = 1;
		EXPECT_EQ(-1, ioctl(vm, SVMM_IRQFD, &arg));
		EXPECT_EQ(EINVAL, errno);
		arg.reserved[i] = 0;
	}
	EXPECT_EQ(-1, ioctl(vm, SVMM_IRQFD, NULL));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(0, arrived(&self->v));
	EXPECT_EQ(1, left(fd));

	EXPECT_EQ(0, set(vm, fd, 0, VECTOR));
	EXPECT_EQ(-ENOENT, drop(vm, self->other));
	/* What is refused changes nothing. */
	EXPECT_EQ(-EINVAL, svmm_irqfd(vm, 0, MSI(0), 3 << 8 | OTHER, fd));
	signal_n(fd, 1);
	EXPECT_EQ(VECTOR, arrived(&self->v));
	EXPECT_EQ(0, drop(vm, fd));
	EXPECT_EQ(-ENOENT, drop(vm, fd));
}

/* A child has the fds, but is not the VM's process: it may signal, and no more. */
TEST_F(irqfd, another_process)
{
	int status;
	pid_t pid;

	ASSERT_EQ(0, set(self->v.vm, self->fd, 0, VECTOR));
	pid = fork();
	if (!pid) {
		signal_n(self->fd, 1);
		_exit(set(self->v.vm, self->other, 0, VECTOR) != -EIO ||
		      set(self->v.vm, self->fd, 0, OTHER) != -EIO ||
		      drop(self->v.vm, self->fd) != -EIO);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(VECTOR, arrived(&self->v));
}

TEST_F(irqfd, dead_vm)
{
	struct vmt *v = &self->v;

	ASSERT_EQ(0, set(v->vm, self->fd, 0, VECTOR));
	vmt_start(v, "die");
	ASSERT_EQ(SVMM_EXIT_SHUTDOWN, vmt_run(v));
	EXPECT_EQ(-EIO, set(v->vm, self->other, 0, VECTOR));
	EXPECT_EQ(-EIO, drop(v->vm, self->fd));
	signal_n(self->fd, 1);
}

/* The guest's own write is its interrupt, by one eventfd that is both; user space sees neither. */
TEST_F(irqfd, of_its_own_ioeventfd)
{
	static const struct {
		const char *entry;
		uint32_t flags;
		uint64_t address;
	} ways[] = {
		{ "own_out", SVMM_IOEVENTFD_PIO, BELL },
		{ "own_store", 0, DEVICE },
	};
	struct vmt *v = &self->v;

	ASSERT_EQ(0, set(v->vm, self->fd, 0, VECTOR));
	for (unsigned int i = 0; i < ARRAY_SIZE(ways); i++) {
		ASSERT_EQ(0, svmm_ioeventfd(v->vm, ways[i].flags, ways[i].address, 0, 0,
					    self->fd));
		vmt_start(v, ways[i].entry);
		v->page->gpr.rdi = DEVICE;
		v->page->gpr.rdx = 1000;
		vmt_done(v);
		EXPECT_EQ(1000, vmt_count(v, VECTOR));
		EXPECT_EQ(0, left(self->fd));
	}
}

/*
 * A message is changed while its eventfd is signalled all the time: to the one vCPU with the one
 * vector, or to the other one with the other. What is sent after the change is the new message.
 */
TEST_F(irqfd, a_message_is_changed)
{
	struct vmt v[2] = { self->v };
	const int vector[2] = { VECTOR, OTHER };
	unsigned long signals;
	struct hammer h;
	int first, second;

	vmt_open_vcpu(&v[1], &v[0], 1);
	listen_to(&v[1]);
	ASSERT_EQ(0, set(v->vm, self->fd, 0, VECTOR));
	hammer_start(&h, self->fd);
	for (int i = 0; i < 10000; i++) {
		ASSERT_EQ(0, set(v->vm, self->fd, i & 1, vector[i & 1]));
		if (i % 1000 == 0)
			hammer_again(&h);
	}
	first = arrived(&v[0]);		/* the messages are the other one's now */
	EXPECT_EQ(VECTOR, first);
	hammer_again(&h);
	second = arrived(&v[1]);
	EXPECT_EQ(OTHER, second);

	for (int i = 0; i < 300; i++) {
		int new = i & 1;

		ASSERT_EQ(0, set(v->vm, self->fd, new, vector[new]));
		arrived(&v[!new]);
		hammer_again(&h);
		ASSERT_EQ(0, arrived(&v[!new]));
		ASSERT_EQ(vector[new], arrived(&v[new]));
	}
	signals = hammer_stop(&h);
	TH_LOG("%lu signals", signals);
	EXPECT_EQ(0, left(self->fd));
	munmap(v[1].page, v[1].caps.vcpu_mmap_bytes);
	close(v[1].vcpu);
}

struct changer {
	pthread_t thread;
	int vm, fd;
	bool stop, shared;
	unsigned long changes;
	int error;
};

static void *come_and_go(void *arg)
{
	struct changer *c = arg;

	while (!__atomic_load_n(&c->stop, __ATOMIC_RELAXED) && !c->error) {
		c->error = set(c->vm, c->fd, 0, VECTOR) ?: drop(c->vm, c->fd);
		if (c->shared && c->error == -ENOENT)
			c->error = 0;		/* the other one was first */
		c->changes++;
	}
	/* What is still in it comes. */
	if (!c->error)
		c->error = set(c->vm, c->fd, 0, VECTOR);
	return NULL;
}

/* As a guest does that masks and unmasks its vectors: no signal is lost, none is seen twice. */
TEST_F(irqfd, none_is_lost)
{
	struct changer c = { .vm = self->v.vm, .fd = self->fd };
	int64_t end = now_ms() + 5000;
	uint32_t n;

	crew_join(&self->crew, &self->v, 0, "busy", -1);
	crew_start(&self->crew);
	ASSERT_EQ(0, pthread_create(&c.thread, NULL, come_and_go, &c));
	for (n = 0; n < 100 || (n < 5000 && now_ms() < end); n++) {
		int64_t until = now_ms() + 5000 * vmt_slowdown();

		signal_n(self->fd, 1);
		while (vmt_count(&self->v, VECTOR) == n && now_ms() < until)
			;
		ASSERT_EQ(n + 1, vmt_count(&self->v, VECTOR));
	}
	__atomic_store_n(&c.stop, true, __ATOMIC_RELAXED);
	ASSERT_EQ(0, pthread_join(c.thread, NULL));
	TH_LOG("%u signals, %lu changes", n, c.changes);
	EXPECT_EQ(0, c.error);
	EXPECT_LE(100, c.changes);
	EXPECT_EQ(n, vmt_count(&self->v, VECTOR));
	EXPECT_EQ(0, left(self->fd));
}

/* A thread that signals once in each round, a little after its start. */
struct rounds {
	pthread_t thread;
	int fd;
	unsigned int begun, ended;
};

#define NO_MORE	~0U

static void spin(unsigned int n)
{
	for (volatile unsigned int i = 0; i < n; i++)
		;
}

static void *signal_in_rounds(void *arg)
{
	struct rounds *r = arg;

	for (unsigned int begun, n = 1;; n++) {
		do
			begun = __atomic_load_n(&r->begun, __ATOMIC_ACQUIRE);
		while (begun < n);
		if (begun == NO_MORE)
			return NULL;
		spin(n * 7 % 300);
		signal_n(r->fd, 1);
		__atomic_store_n(&r->ended, n, __ATOMIC_RELEASE);
	}
}

/* One signal, just before it is set, or just behind, or meanwhile: one message. */
TEST_F(irqfd, a_signal_meanwhile)
{
	struct rounds r = { .fd = self->fd };
	int64_t end = now_ms() + 5000;
	int vm = self->v.vm;
	unsigned int n;

	ASSERT_EQ(0, pthread_create(&r.thread, NULL, signal_in_rounds, &r));
	for (n = 1; n <= 100 || (n <= 5000 && now_ms() < end); n++) {
		__atomic_store_n(&r.begun, n, __ATOMIC_RELEASE);
		spin(n * 11 % 300);
		ASSERT_EQ(0, set(vm, self->fd, 0, VECTOR));
		while (__atomic_load_n(&r.ended, __ATOMIC_ACQUIRE) < n)
			;
		ASSERT_EQ(VECTOR, arrived(&self->v)) TH_LOG("round %u", n);
		ASSERT_EQ(0, drop(vm, self->fd));
		ASSERT_EQ(0, left(self->fd));
	}
	__atomic_store_n(&r.begun, NO_MORE, __ATOMIC_RELEASE);
	ASSERT_EQ(0, pthread_join(r.thread, NULL));
	TH_LOG("%u rounds", n - 1);
}

/* Two threads set and remove the same one, while it is signalled. */
TEST_F(irqfd, two_at_once)
{
	struct changer c[2] = {
		{ .vm = self->v.vm, .fd = self->fd, .shared = true },
		{ .vm = self->v.vm, .fd = self->fd, .shared = true },
	};
	struct hammer h;

	hammer_start(&h, self->fd);
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&c[i].thread, NULL, come_and_go, &c[i]));
	sleep(1);
	for (int i = 0; i < 2; i++)
		__atomic_store_n(&c[i].stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_join(c[i].thread, NULL));
		EXPECT_EQ(0, c[i].error);
	}
	TH_LOG("%lu signals, %lu and %lu changes", hammer_stop(&h), c[0].changes, c[1].changes);
	EXPECT_EQ(VECTOR, arrived(&self->v));
	EXPECT_EQ(0, drop(self->v.vm, self->fd));
	EXPECT_EQ(-ENOENT, drop(self->v.vm, self->fd));
}

/* The VM ends while it is interrupted. */
TEST_F(irqfd, vm_ends_under_signals)
{
	int64_t end = now_ms() + 5000;
	unsigned int vms = 0;
	struct hammer h;

	hammer_start(&h, self->fd);
	while (vms < 50 && now_ms() < end) {
		struct vmt v;

		vmt_open(&v);
		listen_to(&v);
		ASSERT_EQ(0, set(v.vm, self->fd, 0, VECTOR));
		if (vms % 2)
			hammer_again(&h);
		vmt_close(&v);
		vms++;
	}
	TH_LOG("%u VMs, %lu signals", vms, hammer_stop(&h));
	EXPECT_LE(5, vms);
}

TEST_HARNESS_MAIN
