// SPDX-License-Identifier: GPL-2.0
/*
 * Timers of devices: one timerfd for all of them, in the event loop.
 *
 * A PC has half a dozen timers, so they live in a plain list and the earliest
 * is found by looking at all.  The trick is to be lazy: the timerfd is moved
 * only when a deadline comes before the one that it is set to.  A timer that
 * is pushed back over and over costs no system call, at the price of one early
 * wake-up that finds nothing to do.
 */
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "machine.h"
#include "message.h"

#define NS_PER_S	1000000000ULL

struct machine_timer {
	struct machine *m;
	struct machine_timer *next;
	uint64_t deadline_ns;		/* UINT64_MAX: not armed */
	void (*fire)(void *opaque);
	void *opaque;
};

uint64_t machine_now_ns(struct machine *m)
{
	struct timespec ts;

	(void)m;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static uint64_t earliest(const struct machine *m)
{
	uint64_t ns = UINT64_MAX;

	for (const struct machine_timer *t = m->timers; t; t = t->next) {
		if (t->deadline_ns < ns)
			ns = t->deadline_ns;
	}
	return ns;
}

static void set_timerfd(struct machine *m, uint64_t deadline_ns)
{
	struct itimerspec its = { 0 };

	m->timer_set_ns = deadline_ns;
	if (deadline_ns != UINT64_MAX) {
		/* All zero would disarm it; a deadline in the past fires at once. */
		if (!deadline_ns)
			deadline_ns = 1;
		its.it_value.tv_sec = deadline_ns / NS_PER_S;
		its.it_value.tv_nsec = deadline_ns % NS_PER_S;
	}
	timerfd_settime(m->timer_fd, TFD_TIMER_ABSTIME, &its, NULL);
}

/* A timer that is due; fire() may arm, and free, any timer. */
static struct machine_timer *find_due(const struct machine *m, uint64_t now)
{
	for (struct machine_timer *t = m->timers; t; t = t->next) {
		if (t->deadline_ns <= now)
			return t;
	}
	return NULL;
}

static void expired(void *opaque, uint32_t events)
{
	struct machine *m = opaque;
	struct machine_timer *t;
	uint64_t count, now;

	(void)events;
	if (read(m->timer_fd, &count, sizeof(count)) < 0)
		return;
	/* One reading of the clock: what becomes due meanwhile waits for the next round. */
	now = machine_now_ns(m);
	while ((t = find_due(m, now))) {
		t->deadline_ns = UINT64_MAX;
		t->fire(t->opaque);
	}
	set_timerfd(m, earliest(m));
}

int timer_init(struct machine *m)
{
	m->timer_set_ns = UINT64_MAX;
	m->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (m->timer_fd < 0)
		return -1;
	return machine_watch_fd(m, m->timer_fd, EPOLLIN, expired, m);
}

void timer_exit(struct machine *m)
{
	if (m->timer_fd >= 0)
		close(m->timer_fd);
}

struct machine_timer *machine_timer_new(struct machine *m, void (*fire)(void *opaque),
					void *opaque)
{
	struct machine_timer *t = malloc(sizeof(*t));

	if (!t)
		return NULL;
	*t = (struct machine_timer) {
		.m = m,
		.next = m->timers,
		.deadline_ns = UINT64_MAX,
		.fire = fire,
		.opaque = opaque,
	};
	m->timers = t;
	return t;
}

void machine_timer_arm(struct machine_timer *t, uint64_t deadline_ns)
{
	t->deadline_ns = deadline_ns;
	if (deadline_ns < t->m->timer_set_ns)
		set_timerfd(t->m, deadline_ns);
}

void machine_timer_free(struct machine_timer *t)
{
	struct machine_timer **p;

	if (!t)
		return;
	for (p = &t->m->timers; *p != t; p = &(*p)->next)
		;
	*p = t->next;
	free(t);
}
