/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The machine of userspace/device.h, as small as it can be: a bus, a clock that only a test
 * moves, and a record of everything that a device did to the world. It knows no device. Included
 * once by each devices_*.c, which is linked with the models that it tests.
 */
#ifndef SELFTESTS_UNIT_DEVICES_FAKE_H
#define SELFTESTS_UNIT_DEVICES_FAKE_H

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../../userspace/device.h"
#include "tap.h"

#define MS	1000000ull
#define SECOND	1000000000ull

struct machine_timer {
	struct machine_timer *next;
	void (*fire)(void *opaque);
	void *opaque;
	uint64_t deadline_ns;
};

/* An irqfd or ioeventfd, of which the kernel's part is played here. */
struct fake_wire {
	int fd;
	bool port;
	uint64_t address;
	uint32_t data;
	unsigned int bytes;
};

struct fake_watch {
	int fd;
	uint32_t events;
	void (*ready)(void *opaque, uint32_t events);
	void *opaque;
};

#define FAKE_RANGES	16
#define FAKE_WIRES	640
#define FAKE_WATCHES	64

struct machine {
	struct io_range port[FAKE_RANGES], mmio[FAKE_RANGES];
	unsigned int nr_ports, nr_mmio;
	int refuse_after;		/* this many ranges; -1: never */
	bool refuse_timer, refuse_watch;
	uint64_t now_ns;
	struct machine_timer *timers;
	unsigned int fired;
	int irq[24];
	unsigned int rises[24];
	int extint;
	bool replaced;			/* lines 0 and 8 are the HPET's */
	unsigned int extint_calls, extint_repeats;
	struct { uint64_t address; uint32_t data; } msi[64];
	unsigned int nr_msis;
	struct fake_wire irqfd[FAKE_WIRES], ioeventfd[FAKE_WIRES];
	unsigned int nr_irqfds, max_irqfds;
	unsigned int nr_ioeventfds, max_ioeventfds;
	unsigned int ioeventfd_changes;
	bool ioeventfds_later;		/* there were too many lately */
	unsigned int bad_removals;	/* of what was not there */
	struct { uint64_t gpa, bytes; void *host; bool readonly; } map[MACHINE_MAPS];
	unsigned int maps;
	struct fake_watch watch[FAKE_WATCHES];
	unsigned int nr_watches;
	unsigned int rtc_alarms;
	unsigned int holds;		/* of which the vCPU is not released yet */
	unsigned int stops;
	enum machine_stop stop_why;
	unsigned int stop_value;
};

static struct machine fake;

static void fake_init(void)
{
	memset(&fake, 0, sizeof(fake));
	fake.refuse_after = -1;
	fake.max_irqfds = FAKE_WIRES;
	fake.max_ioeventfds = FAKE_WIRES;
	fake.now_ns = 5 * SECOND + 123456789;
}

/* ---- device.h ------------------------------------------------------------------------- */

static int add_range(struct io_range *to, unsigned int *nr, unsigned int max,
		     const struct io_range *range)
{
	if (fake.refuse_after == 0 || *nr == max)
		return -EEXIST;
	if (fake.refuse_after > 0)
		fake.refuse_after--;
	to[(*nr)++] = *range;
	return 0;
}

int machine_add_ports(struct machine *m, const struct io_range *range)
{
	return add_range(m->port, &m->nr_ports, FAKE_RANGES, range);
}

int machine_add_mmio(struct machine *m, const struct io_range *range)
{
	return add_range(m->mmio, &m->nr_mmio, FAKE_RANGES, range);
}

/* Who claimed a port first has it: find_range() takes the first. */
int machine_add_ports_around(struct machine *m, const struct io_range *range)
{
	return machine_add_ports(m, range);
}

void machine_set_irq(struct machine *m, unsigned int irq, int level)
{
	if (irq >= 24)
		abort();
	if (level && !m->irq[irq])
		m->rises[irq]++;
	m->irq[irq] = !!level;
}

void machine_replace_legacy(struct machine *m, bool on)
{
	m->replaced = on;
	machine_set_irq(m, 0, 0);
	machine_set_irq(m, 8, 0);
}

void machine_set_replaced_irq(struct machine *m, unsigned int irq, int level)
{
	if (!m->replaced || (irq != 0 && irq != 8))
		abort();
	machine_set_irq(m, irq, level);
}

void machine_send_msi(struct machine *m, uint64_t address, uint32_t data)
{
	m->msi[m->nr_msis % 64].address = address;
	m->msi[m->nr_msis++ % 64].data = data;
}

void machine_set_extint(struct machine *m, int level)
{
	m->extint_calls++;
	if (level == m->extint)
		m->extint_repeats++;
	m->extint = level;
}

uint64_t machine_now_ns(struct machine *m)
{
	return m->now_ns;
}

struct machine_timer *machine_timer_new(struct machine *m, void (*fire)(void *opaque),
					void *opaque)
{
	struct machine_timer *t = m->refuse_timer ? NULL : calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->fire = fire;
	t->opaque = opaque;
	t->deadline_ns = UINT64_MAX;
	t->next = m->timers;
	m->timers = t;
	return t;
}

void machine_timer_arm(struct machine_timer *t, uint64_t deadline_ns)
{
	t->deadline_ns = deadline_ns;
}

void machine_timer_free(struct machine_timer *t)
{
	struct machine_timer **p = &fake.timers;

	if (!t)
		return;
	while (*p != t)
		p = &(*p)->next;
	*p = t->next;
	free(t);
}

/* A message for all that was signalled. */
static inline void fake_deliver(const struct fake_wire *irqfd)
{
	eventfd_t count;

	if (!eventfd_read(irqfd->fd, &count))
		machine_send_msi(&fake, irqfd->address, irqfd->data);
}

int machine_add_irqfd(struct machine *m, int fd, uint64_t address, uint32_t data)
{
	unsigned int i;

	if ((address & 0xfffff00000ull) != 0xfee00000 || (data >> 8 & 7) == 3)
		return -EINVAL;
	for (i = 0; i < m->nr_irqfds && m->irqfd[i].fd != fd; i++)
		;
	if (i == m->max_irqfds)
		return -ENOSPC;
	if (i == m->nr_irqfds)
		m->nr_irqfds++;
	else
		fake_deliver(&m->irqfd[i]);
	m->irqfd[i] = (struct fake_wire) { .fd = fd, .address = address, .data = data };
	fake_deliver(&m->irqfd[i]);
	return 0;
}

void machine_remove_irqfd(struct machine *m, int fd)
{
	unsigned int i;

	for (i = 0; i < m->nr_irqfds && m->irqfd[i].fd != fd; i++)
		;
	if (i == m->nr_irqfds) {
		m->bad_removals++;
		return;
	}
	fake_deliver(&m->irqfd[i]);
	m->irqfd[i] = m->irqfd[--m->nr_irqfds];
}

/* The ioeventfd of such a write, whoever's it is; NULL: there is none. */
static inline struct fake_wire *fake_find_ioeventfd(bool port, uint64_t address,
						    unsigned int bytes)
{
	struct fake_wire *w;

	for (w = fake.ioeventfd; w < fake.ioeventfd + fake.nr_ioeventfds; w++)
		if (w->port == port && w->address == address &&
		    (!w->bytes || !bytes || w->bytes == bytes))
			return w;
	return NULL;
}

int machine_add_ioeventfd(struct machine *m, int fd, bool port, uint64_t address,
			  unsigned int bytes)
{
	if (m->ioeventfds_later)
		return -EAGAIN;
	if (m->nr_ioeventfds == m->max_ioeventfds)
		return -ENOSPC;
	if (fake_find_ioeventfd(port, address, bytes))
		return -EEXIST;
	m->ioeventfd_changes++;
	m->ioeventfd[m->nr_ioeventfds++] = (struct fake_wire) {
		.fd = fd, .port = port, .address = address, .bytes = bytes,
	};
	return 0;
}

void machine_remove_ioeventfd(struct machine *m, int fd, bool port, uint64_t address,
			      unsigned int bytes)
{
	struct fake_wire *w = fake_find_ioeventfd(port, address, bytes);

	m->ioeventfd_changes++;
	if (!w || w->fd != fd || w->bytes != bytes)
		m->bad_removals++;
	else
		*w = m->ioeventfd[--m->nr_ioeventfds];
}

int machine_map(struct machine *m, unsigned int n, uint64_t gpa, uint64_t bytes, void *host)
{
	if (m->map[n].bytes || (gpa | bytes | (uintptr_t)host) % 4096 || !bytes)
		abort();
	if (m->ioeventfds_later)
		return -EAGAIN;
	m->map[n].gpa = gpa;
	m->map[n].bytes = bytes;
	m->map[n].host = host;
	m->map[n].readonly = false;
	m->maps++;
	return 0;
}

int machine_map_readonly(struct machine *m, unsigned int n, uint64_t gpa, uint64_t bytes,
			 void *host)
{
	int err = machine_map(m, n, gpa, bytes, host);

	m->map[n].readonly = !err;
	return err;
}

void machine_unmap(struct machine *m, unsigned int n)
{
	if (!m->map[n].bytes)
		m->bad_removals++;
	m->map[n].bytes = 0;
}

int machine_watch_fd(struct machine *m, int fd, uint32_t events,
		     void (*ready)(void *opaque, uint32_t events), void *opaque)
{
	unsigned int i;

	for (i = 0; i < m->nr_watches && m->watch[i].fd != fd; i++)
		;
	if (!events) {
		if (i < m->nr_watches)
			m->watch[i] = m->watch[--m->nr_watches];
		return 0;
	}
	if (m->refuse_watch || i == FAKE_WATCHES)
		return -ENOSPC;
	m->watch[i] = (struct fake_watch) { fd, events, ready, opaque };
	if (i == m->nr_watches)
		m->nr_watches++;
	return 0;
}

void machine_rtc_alarm(struct machine *m)
{
	m->rtc_alarms++;
}

void machine_hold(struct machine *m)
{
	m->holds++;
}

void machine_release(struct machine *m)
{
	if (!m->holds--)
		abort();
}

void machine_request_stop(struct machine *m, enum machine_stop why, unsigned int value)
{
	if (m->stops++)
		return;
	m->stop_why = why;
	m->stop_value = value;
}

/* ---- what a test does to the device --------------------------------------------------- */

static inline uint64_t next_deadline(void)
{
	uint64_t first = UINT64_MAX;
	struct machine_timer *t;

	for (t = fake.timers; t; t = t->next)
		if (t->deadline_ns < first)
			first = t->deadline_ns;
	return first;
}

/* Let @ns pass; a timer fires at its time, or @late_ns after it. */
static inline void advance_late(uint64_t ns, uint64_t late_ns)
{
	uint64_t end = fake.now_ns + ns, first;
	struct machine_timer *t;

	while ((first = next_deadline()) <= end) {
		for (t = fake.timers; t->deadline_ns != first; t = t->next)
			;
		if (first + late_ns > fake.now_ns)
			fake.now_ns = first + late_ns;
		t->deadline_ns = UINT64_MAX;
		fake.fired++;
		t->fire(t->opaque);
	}
	if (end > fake.now_ns)
		fake.now_ns = end;
}

static inline void advance(uint64_t ns)
{
	advance_late(ns, 0);
}

static inline const struct io_range *find_range(const struct io_range *r, unsigned int nr,
						uint64_t at)
{
	for (; nr; nr--, r++)
		if (at >= r->start && at - r->start < r->size)
			return r;
	printf("# nothing at 0x%llx\n", (unsigned long long)at);
	abort();
}

/* A guest's write that the kernel tells an eventfd of. */
static inline bool fake_notify(bool port, uint64_t address, unsigned int bytes)
{
	const struct fake_wire *w = fake_find_ioeventfd(port, address, bytes);

	return w && !eventfd_write(w->fd, 1);
}

/*
 * What has been signalled becomes interrupts, and reaches those who watch. If there is nothing:
 * wait @ms for it. Return: whether there was something.
 */
static inline bool fake_loop(int ms)
{
	struct pollfd fds[FAKE_WIRES + FAKE_WATCHES];
	unsigned int nr = fake.nr_irqfds, i;

	for (i = 0; i < nr; i++)
		fds[i] = (struct pollfd) { .fd = fake.irqfd[i].fd, .events = POLLIN };
	for (i = 0; i < fake.nr_watches; i++)
		fds[nr + i] = (struct pollfd) {
			.fd = fake.watch[i].fd, .events = fake.watch[i].events,
		};
	if (poll(fds, nr + fake.nr_watches, ms) <= 0)
		return false;
	for (i = 0; i < nr; i++)
		if (fds[i].revents)
			fake_deliver(&fake.irqfd[i]);
	for (i = 0; i < fake.nr_watches; i++)
		if (fds[nr + i].revents)
			fake.watch[i].ready(fake.watch[i].opaque, fds[nr + i].revents);
	return true;
}

static inline uint64_t port_in(uint16_t port, unsigned int bytes)
{
	const struct io_range *r = find_range(fake.port, fake.nr_ports, port);
	uint64_t mask = (1ull << 8 * bytes) - 1;

	return r->read(r->opaque, port - r->start, bytes) & mask;
}

static inline void port_out(uint16_t port, unsigned int bytes, uint32_t value)
{
	const struct io_range *r = find_range(fake.port, fake.nr_ports, port);

	if (!fake_notify(true, port, bytes))
		r->write(r->opaque, port - r->start, bytes, value);
}

static inline uint8_t inb(uint16_t port)
{
	return port_in(port, 1);
}

static inline void outb(uint8_t value, uint16_t port)
{
	port_out(port, 1, value);
}

static inline uint64_t mmio_read(uint64_t gpa, unsigned int bytes)
{
	const struct io_range *r = find_range(fake.mmio, fake.nr_mmio, gpa);

	return r->read(r->opaque, gpa - r->start, bytes);
}

static inline void mmio_write(uint64_t gpa, unsigned int bytes, uint64_t value)
{
	const struct io_range *r = find_range(fake.mmio, fake.nr_mmio, gpa);

	if (!fake_notify(false, gpa, bytes))
		r->write(r->opaque, gpa - r->start, bytes, value);
}

/* How many files this process has open. */
static inline unsigned int open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int nr = 0;

	if (!dir)
		abort();
	while (readdir(dir))
		nr++;
	closedir(dir);
	return nr - 3;			/* two are names of directories, one is that of dir */
}

/* Let no more than @more files be opened; -1: as many as ever. */
static inline void allow_fds(int more)
{
	struct rlimit limit;
	int next = dup(0);

	close(next);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = more < 0 ? limit.rlim_max : (rlim_t)next + more;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* ---- tests ---------------------------------------------------------------------------- */

static bool test_ok;

#define CHECK(condition) do {						\
	if (!(condition)) {						\
		printf("# line %d: %s\n", __LINE__, #condition);	\
		test_ok = false;					\
	}								\
} while (0)

#define CHECK_EQ(got, want) do {						\
	unsigned long long got_ = (got), want_ = (want);			\
	if (got_ != want_) {							\
		printf("# line %d: %s is 0x%llx, not 0x%llx\n", __LINE__, #got,	\
		       got_, want_);						\
		test_ok = false;						\
	}									\
} while (0)

struct test {
	const char *name;
	void (*run)(void);
};

static inline int run_tests(const struct test *tests, unsigned int nr)
{
	unsigned int i;

	setbuf(stdout, NULL);
	ksft_print_header();
	ksft_set_plan(nr);
	for (i = 0; i < nr; i++) {
		fake_init();
		test_ok = true;
		tests[i].run();
		ksft_test_result(test_ok, "%s\n", tests[i].name);
	}
	ksft_finished();
	return 0;
}

#define RUN_TESTS(tests) run_tests(tests, sizeof(tests) / sizeof((tests)[0]))

/* Hostile values come from here, the same ones each time. */
static inline uint32_t fake_random(void)
{
	static uint64_t state = 0x2545f4914f6cdd1d;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state >> 32;
}

/*
 * Random accesses of random size to all ports of the device, while time goes on. They may reach
 * beyond its last port, which the machine's bus would not let happen.
 */
static inline void fuzz_ports(unsigned int rounds, uint64_t max_step_ns)
{
	const struct io_range *r;
	unsigned int bytes;
	uint64_t offset;

	while (rounds--) {
		r = &fake.port[fake_random() % fake.nr_ports];
		bytes = 1u << fake_random() % 3;
		offset = fake_random() % r->size;
		if (fake_random() & 1)
			r->write(r->opaque, offset, bytes, fake_random());
		else
			r->read(r->opaque, offset, bytes);
		advance(fake_random() % max_step_ns);
	}
}

#endif /* SELFTESTS_UNIT_DEVICES_FAKE_H */
