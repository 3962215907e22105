/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The part of a machine that consoles stand on: an event loop of real fds and one timer, for tests
 * that run it themselves. It knows no device.
 */
#ifndef SELFTESTS_UNIT_EVENT_LOOP_H
#define SELFTESTS_UNIT_EVENT_LOOP_H

#include <errno.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <time.h>

#include "../../userspace/device.h"

struct machine_timer {
	void (*fire)(void *opaque);
	void *opaque;
	uint64_t deadline_ns;
};

struct watched {
	uint32_t events;
	void (*ready)(void *opaque, uint32_t events);
	void *opaque;
};

static struct {
	struct machine_timer timer;
	struct watched watch[64];
	int epoll_fd;
	int stops;
	enum machine_stop why;
} machine;

#define SOON_NS	100000000ull	/* a timer that is armed for later is nothing to do at the moment */

static struct machine *const M = (struct machine *)&machine;

uint64_t machine_now_ns(struct machine *m)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

struct machine_timer *machine_timer_new(struct machine *m, void (*fire)(void *opaque),
					void *opaque)
{
	machine.timer = (struct machine_timer) { fire, opaque, UINT64_MAX };
	return &machine.timer;
}

void machine_timer_arm(struct machine_timer *t, uint64_t deadline_ns)
{
	t->deadline_ns = deadline_ns;
}

void machine_timer_free(struct machine_timer *t)
{
	t->deadline_ns = UINT64_MAX;
}

int machine_watch_fd(struct machine *m, int fd, uint32_t events,
		     void (*ready)(void *opaque, uint32_t events), void *opaque)
{
	struct epoll_event ev = { .events = events, .data.fd = fd };
	struct watched *w = &machine.watch[fd];
	int op = !events ? EPOLL_CTL_DEL : w->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if (w->events == events)
		return 0;
	if (epoll_ctl(machine.epoll_fd, op, fd, &ev))
		return -errno;
	*w = (struct watched) { events, ready, opaque };
	return 0;
}

void machine_request_stop(struct machine *m, enum machine_stop why, unsigned int value)
{
	machine.stops++;
	machine.why = why;
}

/*
 * Run the event loop for @ms, and until it has nothing to do at the moment, however late that is
 * on a busy machine; returns how often it had something to do.
 */
static unsigned int loop(unsigned int ms)
{
	uint64_t end = machine_now_ns(M) + ms * 1000000ull;
	unsigned int wakeups = 0;
	struct epoll_event ev;
	bool idle = false;

	while (!idle || machine_now_ns(M) < end) {
		struct watched *w;

		idle = machine.timer.deadline_ns > machine_now_ns(M) + SOON_NS;
		if (machine.timer.deadline_ns <= machine_now_ns(M)) {
			machine.timer.deadline_ns = UINT64_MAX;
			machine.timer.fire(machine.timer.opaque);
			wakeups++;
		}
		if (epoll_wait(machine.epoll_fd, &ev, 1, 1) != 1)
			continue;
		idle = false;
		w = &machine.watch[ev.data.fd];
		w->ready(w->opaque, ev.events);
		wakeups++;
	}
	return wakeups;
}

#endif
