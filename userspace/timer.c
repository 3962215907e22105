// SPDX-License-Identifier: GPL-2.0
/*
 * Timers of devices: one timerfd for all of them, in the event loop.
 *
 * A PC has half a dozen timers, so they live in a plain list and the earliest
 * is found by looking at all.  The trick is to be lazy: the timerfd is moved
 * only when a deadline comes before the one that it is set to.  A timer that
 * is pushed back over and over costs no system call, at the price of one early
 * wake-up that finds nothing to do.
 *
 * Machine time is CLOCK_MONOTONIC minus what the machine was paused for.
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

static uint64_t host_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

uint64_t machine_now_ns(struct machine *m)
{
	return m->stands_at_ns ? m->stands_at_ns : host_now_ns() - m->behind_ns;
}

/* The timer that is to fire first, or NULL. */
static struct machine_timer *find_first(const struct machine *m)
{
	struct machine_timer *first = NULL;

	for (struct machine_timer *t = m->timers; t; t = t->next) {
		if (!first || t->deadline_ns < first->deadline_ns)
			first = t;
	}
	return first;
}

static uint64_t earliest(const struct machine *m)
{
	const struct machine_timer *first = find_first(m);

	return first ? first->deadline_ns : UINT64_MAX;
}

static void set_timerfd(struct machine *m, uint64_t deadline_ns)
{
	struct itimerspec its = { 0 };

	m->timer_set_ns = deadline_ns;
	if (deadline_ns != UINT64_MAX) {
		deadline_ns += m->behind_ns;
		/* All zero would disarm it; a deadline in the past fires at once. */
		if (!deadline_ns)
			deadline_ns = 1;
		its.it_value.tv_sec = deadline_ns / NS_PER_S;
		its.it_value.tv_nsec = deadline_ns % NS_PER_S;
	}
	timerfd_settime(m->timer_fd, TFD_TIMER_ABSTIME, &its, NULL);
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
	/* fire() may arm, and free, any timer. */
	while ((t = find_first(m)) && t->deadline_ns <= now) {
		t->deadline_ns = UINT64_MAX;
		t->fire(t->opaque);
	}
	if (!m->stands_at_ns)
		set_timerfd(m, earliest(m));
}

void timer_stop(struct machine *m)
{
	m->stands_at_ns = machine_now_ns(m);
	set_timerfd(m, UINT64_MAX);
	m->timer_set_ns = 0;	/* no deadline comes before it */
}

uint64_t timer_go_on(struct machine *m)
{
	uint64_t ns = host_now_ns() - m->behind_ns - m->stands_at_ns;

	m->behind_ns += ns;
	m->stands_at_ns = 0;
	set_timerfd(m, earliest(m));
	return ns;
}

int timer_init(struct machine *m)
{
	m->begun_ns = machine_now_ns(m);
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
