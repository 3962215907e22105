// SPDX-License-Identifier: GPL-2.0
// needs: userspace/vhost_user.c
// libs: -pthread
/*
 * The front end of vhost-user against a back end that this file plays, in a thread at the other end
 * of a socket: the greeting, what a start and a stop say, in which order and with which fds; and
 * back ends that answer wrongly, late, or not at all. The device and its queues are played, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../../userspace/device.h"
#include "../../userspace/event_fd.h"
#include "../../userspace/message.h"
#include "../../userspace/server.h"
#include "../../userspace/vhost_user.h"
#include "../../userspace/virtio.h"
#include "tap.h"

#define QUEUES		2
#define F_PROTOCOL	(1ull << 30)
#define REPLY_ACK	(1ull << 3)
#define NEED_REPLY	8u
#define REPLY		5u	/* and version 1 */
#define MIB		(1u << 20)

/* ---- the device ------------------------------------------------------------------------- */

struct machine { int fd; };

static struct machine machine;
static uint8_t ram[MIB], other_ram[MIB], *now = ram;
static struct virtq rings[QUEUES];
static int kick[QUEUES], call[QUEUES];
static unsigned int interrupts[QUEUES], broken, watched, kills, stops, messages;
static unsigned int reaps;
static bool immortal;
static struct { int fd; void (*ready)(void *opaque, uint32_t events); void *opaque; } watches[4];

void *machine_memory(struct machine *m, uint64_t gpa, uint64_t bytes)
{
	(void)m;
	return gpa < MIB && bytes <= MIB - gpa ? now + gpa : NULL;
}

unsigned int machine_memory_regions(struct machine *m,
				    struct machine_region regions[MACHINE_REGIONS_MAX])
{
	(void)m;
	regions[0] = (struct machine_region) { .gpa = 0, .bytes = MIB / 2, .host = now };
	regions[1] = (struct machine_region) {
		.gpa = 3 * MIB, .bytes = MIB / 4, .host = now + MIB / 2
	};
	return 2;
}

int machine_memory_fd(const struct machine *m)
{
	return m->fd;
}

int machine_watch_fd(struct machine *m, int fd, uint32_t events,
		     void (*ready)(void *opaque, uint32_t events), void *opaque)
{
	(void)m;
	for (unsigned int i = 0; i < 4; i++) {
		if (events ? !!watches[i].ready : watches[i].fd != fd || !watches[i].ready)
			continue;
		watches[i].fd = fd;
		watches[i].ready = events ? ready : NULL;
		watches[i].opaque = opaque;
		watched += events ? 1 : -1;
		return 0;
	}
	return events ? -ENOSPC : 0;
}

/* What the event loop does where @fd is ready. */
static void ready(int fd)
{
	for (unsigned int i = 0; i < 4; i++) {
		if (watches[i].ready && watches[i].fd == fd) {
			watches[i].ready(watches[i].opaque, 1);
			return;
		}
	}
}

uint64_t virtio_features(const struct virtio_device *vd)
{
	(void)vd;
	return 1ull << 32 | 1ull << 29;
}

struct virtq *virtio_queue(struct virtio_device *vd, unsigned int n)
{
	(void)vd;
	return rings[n].size ? &rings[n] : NULL;
}

int virtio_kick_fd(const struct virtio_device *vd, unsigned int n)
{
	(void)vd;
	return kick[n];
}

int virtio_call_fd(const struct virtio_device *vd, unsigned int n)
{
	(void)vd;
	return call[n];
}

void virtio_interrupt(struct virtio_device *vd, unsigned int n)
{
	(void)vd;
	interrupts[n]++;
}

void virtio_broken(struct virtio_device *vd, const char *why)
{
	(void)vd;
	(void)why;
	broken++;
}

void machine_request_stop(struct machine *m, enum machine_stop why, unsigned int value)
{
	(void)m;
	(void)value;
	stops += why == MACHINE_ERROR;
}

void message(const char *format, ...)
{
	(void)format;
	messages++;
}

/* ---- the back end ----------------------------------------------------------------------- */

struct message {
	uint32_t request, flags, bytes;
	uint8_t data[256];
};

#define HEADER	12

enum fault { NONE, SHORT, OTHER_REQUEST, NO_REPLY_FLAG, TOO_LONG, HANG_UP, SILENT, TRICKLES,
	     REFUSES };

static struct {
	int fd;
	uint64_t features, protocol;
	enum fault fault;
	uint32_t at;			/* the request that the fault is in */
	struct message log[64];
	int fds[64];			/* how many came with it */
	unsigned int nr;
	uint64_t region[2][2];		/* of the table: start and length of user addresses */
	uint64_t ring[QUEUES];		/* where one is, as far as is known; 0: nowhere */
	unsigned int lost;		/* rings that a table did not have */
	pthread_t thread;
} back;

#define PID	4711

/* Its end closes its socket, too. */
void server_kill(pid_t pid)
{
	kills += pid == PID;
	if (!immortal)
		shutdown(back.fd, SHUT_RDWR);
}

bool server_reap(pid_t pid, unsigned int ms)
{
	reaps += pid == PID;
	return true;
}

static uint64_t number(const struct message *m, unsigned int at)
{
	uint64_t n;

	memcpy(&n, m->data + at, 8);
	return n;
}

/* As libvhost-user: a new table has to have all rings that it knows, of before, too. */
static void remember(const struct message *m)
{
	if (m->request == 9)
		back.ring[m->data[0]] = number(m, 8) + 1;
	if (m->request != 5)
		return;
	for (unsigned int i = 0; i < 2; i++) {
		back.region[i][0] = number(m, 24 + 32 * i);
		back.region[i][1] = number(m, 16 + 32 * i);
	}
	for (unsigned int i = 0; i < QUEUES; i++) {
		uint64_t at = back.ring[i] - 1;

		back.lost += back.ring[i] && at - back.region[0][0] >= back.region[0][1] &&
			     at - back.region[1][0] >= back.region[1][1];
	}
}

/* A byte now and then. */
static void trickle(const void *data, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++) {
		usleep(500000);
		if (send(back.fd, (const char *)data + i, 1, MSG_NOSIGNAL) != 1)
			return;
	}
}

static void reply(const struct message *to, const void *data, uint32_t bytes)
{
	struct message m = { .request = to->request, .flags = REPLY, .bytes = bytes };
	uint32_t length;

	memcpy(m.data, data, bytes);
	if (to->request == back.at) {
		if (back.fault == SILENT)
			return;
		if (back.fault == TRICKLES) {
			trickle(&m, HEADER + bytes);
			return;
		}
		if (back.fault == OTHER_REQUEST)
			m.request++;
		if (back.fault == NO_REPLY_FLAG)
			m.flags = 1;
		if (back.fault == TOO_LONG)
			m.bytes = 1u << 31;
		if (back.fault == HANG_UP) {
			shutdown(back.fd, SHUT_RDWR);
			return;
		}
	}
	length = HEADER + bytes - (to->request == back.at && back.fault == SHORT ? 3 : 0);
	if (write(back.fd, &m, length) != (ssize_t)length)
		return;
	if (to->request == back.at && back.fault == SHORT)
		shutdown(back.fd, SHUT_RDWR);
}

static ssize_t receive(struct message *m, int *nr_fds)
{
	union { struct cmsghdr header; char room[256]; } control;
	struct iovec iov = { .iov_base = m, .iov_len = HEADER };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(back.fd, &msg, MSG_CMSG_CLOEXEC | MSG_WAITALL);
	struct cmsghdr *c;

	*nr_fds = 0;
	if (n != HEADER)
		return -1;
	for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		*nr_fds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (int i = 0; i < *nr_fds; i++)
			close(((int *)CMSG_DATA(c))[i]);
	}
	if (m->bytes > sizeof(m->data))
		return -1;
	return m->bytes && recv(back.fd, m->data, m->bytes, MSG_WAITALL) != m->bytes ? -1 : 0;
}

static void *serve(void *arg)
{
	struct message m;
	uint64_t zero = 0;
	int fds;

	(void)arg;
	while (!receive(&m, &fds)) {
		uint64_t refused = back.fault == REFUSES && m.request == back.at;

		if (back.nr < 64) {
			back.log[back.nr] = m;
			back.fds[back.nr++] = fds;
		}
		remember(&m);
		if (m.request == 1)
			reply(&m, &back.features, 8);
		else if (m.request == 15)
			reply(&m, &back.protocol, 8);
		else if (m.request == 11)
			reply(&m, m.data, 8);
		else if (m.flags & NEED_REPLY)
			reply(&m, refused ? &refused : &zero, 8);
	}
	return NULL;
}

static struct vhost_user user;

static int greet(enum fault fault, uint32_t at)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		ksft_exit_fail_msg("no sockets\n");
	back.fd = pair[1];
	back.features = F_PROTOCOL | 1ull << 29;
	back.protocol = REPLY_ACK | 1ull << 9;
	back.fault = fault;
	back.at = at;
	back.nr = 0;
	memset(back.ring, 0, sizeof(back.ring));
	back.lost = 0;
	kills = 0;
	stops = 0;
	messages = 0;
	broken = 0;
	if (pthread_create(&back.thread, NULL, serve, NULL))
		ksft_exit_fail_msg("no thread\n");
	return vhost_user_open(&user, pair[0], PID);
}

static void part(void)
{
	if (user.fd >= 0)
		vhost_user_close(&user);
	shutdown(back.fd, SHUT_RDWR);
	pthread_join(back.thread, NULL);
	close(back.fd);
}

static const struct message *said(uint32_t request, unsigned int index)
{
	for (unsigned int i = 0; i < back.nr; i++) {
		if (back.log[i].request == request && !index--)
			return &back.log[i];
	}
	return NULL;
}

/* ---- tests ------------------------------------------------------------------------------ */

static void test_greeting(void)
{
	int err = greet(NONE, 0);

	/* Not all of it is acknowledged. */
	part();
	ksft_test_result(!err && user.features == back.features && said(3, 0) && said(16, 0) &&
			 number(said(16, 0), 0) == REPLY_ACK,
			 "it is greeted, and asked for what is known of it\n");
}

static bool started_right(void)
{
	const struct message *memory = said(5, 0), *addr = said(9, 1);
	unsigned int i = memory ? memory - back.log : 0;
	static const uint32_t order[] = { 2, 5, 8, 10, 9, 13, 12, 18, 8, 10, 9, 13, 12, 18 };

	for (unsigned int n = 0; n < sizeof(order) / sizeof(order[0]); n++) {
		if (back.log[4 + n].request != order[n])
			return false;
	}
	return memory && back.fds[i] == 2 && number(memory, 0) == 2 &&
	       number(memory, 8) == 0 && number(memory, 16) == MIB / 2 &&
	       number(memory, 24) == 0 && number(memory, 32) == 0 &&
	       number(memory, 40) == 3 * MIB && number(memory, 56) == 3 * MIB &&
	       number(memory, 64) == MIB / 2 &&
	       number(said(2, 0), 0) == (1ull << 32 | 1ull << 29 | F_PROTOCOL) &&
	       number(addr, 8) == 0x3000 &&
	       number(addr, 16) == 0x4000 &&
	       number(addr, 24) == 0x5000;
}

static void test_start(void)
{
	int err = greet(NONE, 0);

	err = err ? err : vhost_user_start(&user, &machine, NULL, QUEUES);
	ksft_test_result(!err && started_right(), "a start says all, in order, with the fds\n");
	ksft_test_result(watched == 2, "it is watched\n");
	vhost_user_stop(&user);
	ksft_test_result(said(11, 1) && !said(11, 2) && !watched && !kills,
			 "a stop asks each ring\n");
	now = other_ram;
	err = vhost_user_start(&user, &machine, NULL, QUEUES);
	ksft_test_result(!err && said(5, 1) && number(said(5, 1), 64) == MIB / 2,
			 "it starts again, for the next machine\n");
	ksft_test_result(!back.lost, "a new table has the rings of the machine before\n");
	now = ram;
	vhost_user_stop(&user);
	part();
}

static void test_interrupts(void)
{
	int err, fd = call[1];

	call[1] = -1;
	err = greet(NONE, 0);
	err = err ? err : vhost_user_start(&user, &machine, NULL, QUEUES);
	eventfd_write(user.call_fd, 1);
	ready(user.call_fd);
	ksft_test_result(!err && interrupts[1] == 1 && !interrupts[0],
			 "a ring without an eventfd interrupts by vmctl\n");
	reaps = 0;
	err = vhost_user_ended(&user);
	shutdown(back.fd, SHUT_RDWR);
	ksft_test_result(!err && vhost_user_ended(&user) && !user.gone && !reaps,
			 "who asks is told before that\n");
	ready(user.fd);
	ksft_test_result(broken == 1 && kills == 1 && !watched && reaps == 1,
			 "its end is noticed\n");
	ksft_test_result(vhost_user_ended(&user) && reaps == 1, "and told to who asks\n");
	vhost_user_stop(&user);
	ksft_test_result(vhost_user_start(&user, &machine, NULL, QUEUES) == -ENOTCONN && !watched,
			 "it serves no more\n");
	call[1] = fd;
	part();
}

/* No driver has it started: only who asks finds out. */
static void test_idle_end(void)
{
	int err = greet(NONE, 0);

	reaps = 0;
	shutdown(back.fd, SHUT_RDWR);
	ksft_test_result(!err && vhost_user_ended(&user) && kills == 1 && reaps == 1,
			 "one that is not used ends, and is no zombie\n");
	ksft_test_result(vhost_user_start(&user, &machine, NULL, QUEUES) == -ENOTCONN,
			 "nor serves it any more\n");
	part();
}

/* The other process has the eventfd, too: it makes it block, and takes what it has signalled. */
static void test_shared_eventfd(void)
{
	int err, fd = call[1];

	call[1] = -1;
	err = greet(NONE, 0);
	err = err ? err : vhost_user_start(&user, &machine, NULL, QUEUES);
	fcntl(user.call_fd, F_SETFL, 0);
	interrupts[1] = 0;
	alarm(20);
	ready(user.call_fd);
	alarm(0);
	ksft_test_result(!err && !interrupts[1], "an eventfd that it has made to block does not\n");
	vhost_user_stop(&user);
	call[1] = fd;
	part();
}

/* It fills one that vmctl writes to: nobody waits until it is emptied. */
static void test_full_eventfd(void)
{
	int fd = eventfd(0, 0);
	eventfd_t count = 0;

	eventfd_write(fd, UINT64_MAX - 1);
	fcntl(fd, F_SETFL, 0);
	alarm(20);
	event_fd_signal(fd);
	alarm(0);
	ksft_test_result(event_fd_take(fd) && !event_fd_take(fd), "one that it has filled\n");
	event_fd_signal(fd);
	ksft_test_result(!eventfd_read(fd, &count) && count == 1, "and emptied\n");
	close(fd);
}

static void test_private_memory(void)
{
	int err = greet(NONE, 0);

	machine.fd = -1;
	err = err ? err : vhost_user_start(&user, &machine, NULL, QUEUES);
	ksft_test_result(err == -ENOTSUP && !watched && !kills,
			 "private memory cannot be served\n");
	machine.fd = 0;
	part();
}

static void test_faults(void)
{
	static const struct { enum fault fault; int err; const char *name; } faults[] = {
		{ SHORT, -ECONNRESET, "short" }, { OTHER_REQUEST, -EPROTO, "another's" },
		{ NO_REPLY_FLAG, -EPROTO, "no answer" }, { TOO_LONG, -EPROTO, "too long" },
		{ HANG_UP, -ECONNRESET, "its end" },
	};

	for (unsigned int i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		int err = greet(faults[i].fault, 1);

		ksft_test_result(err == faults[i].err && user.fd < 0 && kills == 1,
				 "an answer that is %s: %s\n", faults[i].name, strerror(-err));
		part();
		err = greet(faults[i].fault, 5);
		err = err ? err : vhost_user_start(&user, &machine, NULL, QUEUES);
		ksft_test_result(err == faults[i].err && !watched && kills == 1 && !stops,
				 "the same to the table of memory\n");
		part();
	}
}

static void test_refusals(void)
{
	int err = greet(REFUSES, 9);

	err = err ? err : vhost_user_start(&user, &machine, NULL, QUEUES);
	ksft_test_result(err == -EREMOTEIO && !watched && said(11, 0) && !kills,
			 "a ring that it refuses is not started, and the others stop\n");
	part();
}

/* Return: for how many seconds @what has kept the machine's lock. */
static int64_t seconds_of(int (*what)(void))
{
	struct timespec from, to;

	clock_gettime(CLOCK_MONOTONIC, &from);
	what();
	clock_gettime(CLOCK_MONOTONIC, &to);
	return to.tv_sec - from.tv_sec;
}

static int result;

static int start(void)
{
	result = vhost_user_start(&user, &machine, NULL, QUEUES);
	return 0;
}

static int stop(void)
{
	vhost_user_stop(&user);
	return 0;
}

static void test_patience(void)
{
	int err = greet(TRICKLES, 5);
	int64_t s = seconds_of(start);

	ksft_test_result(!err && result == -ETIMEDOUT && !watched && kills == 1 && !stops &&
			 s <= VHOST_USER_SECONDS + 1, "one deadline for all of a start\n");
	part();
	err = greet(SILENT, 11);
	err = err ? err : vhost_user_start(&user, &machine, NULL, QUEUES);
	s = seconds_of(stop);
	ksft_test_result(!err && kills == 1 && messages == 1 && !stops && !watched &&
			 s <= VHOST_USER_SECONDS + 1, "who does not stop is killed\n");
	part();
	err = greet(OTHER_REQUEST, 11);
	err = err ? err : vhost_user_start(&user, &machine, NULL, QUEUES);
	immortal = true;
	s = seconds_of(stop);
	immortal = false;
	ksft_test_result(!err && kills == 1 && stops == 1 && !watched && s < VHOST_USER_SECONDS,
			 "who cannot be killed does not get a guest to go on\n");
	part();
}

int main(void)
{
	setlinebuf(stdout);
	ksft_print_header();
	ksft_set_plan(31);
	for (unsigned int i = 0; i < QUEUES; i++) {
		kick[i] = eventfd(0, 0);
		call[i] = eventfd(0, 0);
		rings[i] = (struct virtq) { .size = 128, .desc = 0x3000 * i,
					    .driver = 0x1000 + 0x4000 * i,
					    .device = 0x2000 + 0x2000 * i };
	}
	test_greeting();
	test_start();
	test_interrupts();
	test_idle_end();
	test_shared_eventfd();
	test_full_eventfd();
	test_private_memory();
	test_faults();
	test_refusals();
	test_patience();
	ksft_finished();
}
