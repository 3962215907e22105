// SPDX-License-Identifier: GPL-2.0
// needs: userspace/machine.c userspace/bus.c userspace/timer.c userspace/vcpu.c userspace/cpuid.c
// needs: userspace/topology.c userspace/progress.c userspace/options.c userspace/pause.c
// needs: userspace/ram.c userspace/registers.c userspace/message.c userspace/terminal.c
// needs: userspace/devices/pic.c
// needs: userspace/devices/ioapic.c userspace/devices/pit.c userspace/devices/rtc.c
// needs: userspace/devices/uart.c userspace/devices/i8042.c userspace/devices/acpi_pm.c
// needs: userspace/devices/ps2_keyboard.c userspace/devices/fw_cfg.c
// needs: userspace/devices/hpet.c userspace/devices/flash.c
// needs: userspace/devices/exit_port.c userspace/devices/pvpanic.c userspace/suspend.c
// needs: userspace/look.c userspace/guest_memory.c userspace/paging.c userspace/disas.c
// libs: -lZydis -pthread
/*
 * The time of vmctl's machine, and its standing still: timers, pause, and what vCPU threads are
 * told meanwhile.
 */
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

#include "played_module.h"

/* Timers: fire in order, once, and not when disarmed. */
static char fired[16];

static void fire(void *opaque)
{
	strcat(fired, opaque);
	if (!strcmp(opaque, "c"))
		machine_request_stop(m, MACHINE_POWEROFF, 0);
}

static void test_timers(void)
{
	uint64_t now;
	bool ok;

	build();
	now = machine_now_ns(m);
	timer[0] = machine_timer_new(m, fire, (void *)"a");
	timer[1] = machine_timer_new(m, fire, (void *)"b");
	timer[2] = machine_timer_new(m, fire, (void *)"c");
	machine_timer_arm(timer[2], now + 30000000);
	machine_timer_arm(timer[1], now + 20000000);
	machine_timer_arm(timer[0], now + 1000000);
	machine_timer_arm(timer[0], now + 10000000);	/* put off: the timerfd stays early */
	ok = ends_with(MACHINE_POWEROFF);
	ksft_test_result(ok && !strcmp(fired, "abc"), "timers fire in order: %s\n", fired);

	build();
	fired[0] = '\0';
	now = machine_now_ns(m);
	timer[0] = machine_timer_new(m, fire, (void *)"a");
	timer[1] = machine_timer_new(m, fire, (void *)"b");
	timer[2] = machine_timer_new(m, fire, (void *)"c");
	machine_timer_arm(timer[0], now + 1000000);
	machine_timer_arm(timer[0], UINT64_MAX);
	machine_timer_arm(timer[1], now + 1000000);
	machine_timer_free(timer[1]);
	timer[1] = NULL;
	machine_timer_arm(timer[2], 0);
	ok = ends_with(MACHINE_POWEROFF);
	ksft_test_result(ok && !strcmp(fired, "c"), "disarmed and freed timers do not fire: %s\n",
			 fired);
}

/* Pause */

#define MS		1000000ull
#define STILL_MS	100

static uint64_t host_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 * MS + ts.tv_nsec;
}

/* What happens next, in the event loop, by the host's clock. */
static int plan_fd;
static void (*planned)(void);

static void plan(unsigned int ms, void (*what)(void))
{
	struct itimerspec its = { .it_value.tv_nsec = ms * MS };

	planned = what;
	timerfd_settime(plan_fd, 0, &its, NULL);
}

static void plan_ready(void *opaque, uint32_t events)
{
	uint64_t count;

	if (read(plan_fd, &count, sizeof(count)) == sizeof(count))
		planned();
}

static void build_with_plan(unsigned int ms, void (*what)(void))
{
	build();
	fired[0] = '\0';
	plan_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	machine_watch_fd(m, plan_fd, EPOLLIN, plan_ready, NULL);
	plan(ms, what);
}

static bool ends_after_plan(enum machine_stop why)
{
	bool ok = ends_with(why);

	close(plan_fd);
	return ok;
}

static struct {
	uint64_t at_ns, passed_ns, due_ns;	/* machine time */
	uint64_t before, begun, over, after;	/* the host's: around machine_pause(), _resume() */
	unsigned int runs;
	unsigned int blocked;
	bool in_run, fired_early, armed, armed_again;
} pause_seen;

static bool is_armed(int timer_fd)
{
	struct itimerspec its;

	timerfd_gettime(timer_fd, &its);
	return its.it_value.tv_sec || its.it_value.tv_nsec;
}

static void go_on(void)
{
	pause_seen.passed_ns = machine_now_ns(m) - pause_seen.at_ns;
	pause_seen.fired_early = fired[0];
	pause_seen.in_run |= module.in_run || module.runs != pause_seen.runs;
	pause_seen.blocked = module.blocked;
	pause_seen.over = host_now_ns();
	machine_resume(m, "go");
	/* For what is left of the first timer's time, if that is not over by now. */
	pause_seen.armed_again = is_armed(m->timer_fd) || machine_now_ns(m) >= pause_seen.due_ns;
	pause_seen.after = host_now_ns();
	machine_resume(m, "again");
}

static void stand_still(void)
{
	pause_seen.before = host_now_ns();
	machine_pause(m, "halt");
	pause_seen.begun = host_now_ns();
	machine_pause(m, "again");
	pause_seen.at_ns = machine_now_ns(m);
	pause_seen.runs = module.runs;
	pause_seen.in_run = module.in_run;
	/* One that is set meanwhile counts from the same time. */
	machine_timer_arm(timer[2], pause_seen.at_ns + 2 * STILL_MS * MS);
	pause_seen.armed = is_armed(m->timer_fd);
	plan(STILL_MS, go_on);
}

/* A timer at 50 ms, a pause at 10 for 100, one that is set in it for 200 later. */
static void test_pause(void)
{
	uint64_t begun, took;
	bool ok;

	build_with_plan(10, stand_still);
	timer[0] = machine_timer_new(m, fire, (void *)"a");
	timer[2] = machine_timer_new(m, fire, (void *)"c");
	begun = host_now_ns();
	pause_seen.due_ns = machine_now_ns(m) + 50 * MS;
	machine_timer_arm(timer[0], pause_seen.due_ns);
	ok = ends_after_plan(MACHINE_POWEROFF);
	took = host_now_ns() - begun;
	ksft_test_result(ok && !pause_seen.in_run && module.blocked > pause_seen.blocked,
			 "paused, the vCPU is out of RUN and stays out; then it is back\n");
	ksft_test_result(!pause_seen.passed_ns && !pause_seen.fired_early && !pause_seen.armed &&
			 !strcmp(fired, "ac"), "time stands still, and no timer fires\n");
	ksft_test_result(took >= 3 * STILL_MS * MS && pause_seen.armed_again &&
			 host_now_ns() - pause_seen.over >= 2 * STILL_MS * MS,
			 "both fire late by as much: after %llu ms\n",
			 (unsigned long long)(took / MS));
	ksft_test_result(module.shifted_ns >= pause_seen.over - pause_seen.begun &&
			 module.shifted_ns <= pause_seen.after - pause_seen.before,
			 "the guest's clocks go back by %llu us\n",
			 (unsigned long long)(module.shifted_ns / 1000));
	ksft_test_result(!strcmp(module.states, "2 halt|1 go|"), "it is told once: %s\n",
			 module.states);
}

static void end_it(void)
{
	machine_request_stop(m, MACHINE_SIGNAL, SIGTERM);
}

static void pause_and_end(void)
{
	machine_pause(m, "halt");
	plan(20, end_it);
}

/* Into RUN while it is paused: only immediate_exit can tell. */
static void pause_when_called(void)
{
	if (!module.called) {
		plan(1, pause_when_called);
		return;
	}
	machine_pause(m, "halt");
	pause_seen.in_run = module.in_run;
	plan(20, end_it);
}

/* It powers off by an exit that it is at when it shall pause: that comes first. */
static void pause_in_exit(void)
{
	const struct timespec ms = { .tv_nsec = 1000000 };

	if (!module.runs) {
		plan(1, pause_in_exit);
		return;
	}
	while (!module.completing)
		nanosleep(&ms, NULL);
	machine_pause(m, "halt");
	plan(20, end_it);
}

static void resume_awake(void)
{
	pause_seen.in_run |= module.runs != pause_seen.runs || !module.sets;
	machine_resume(m, "go");
}

static void wake_paused(void)
{
	pause_seen.runs = module.runs;
	acpi_pm_power_button(m->acpi_pm);
	plan(50, resume_awake);
}

/* The guest has said that it sleeps, and its vCPU is still in that exit. */
static void pause_in_sleep(void)
{
	const struct timespec ms = { .tv_nsec = 1000000 };

	sleep_s3();
	stop();
	vcpu_kick(&m->vcpus[0]);
	__atomic_store_n(&module.page->immediate_exit, 0, __ATOMIC_SEQ_CST);
	machine_unlock(m);
	while (!m->stopping)
		nanosleep(&ms, NULL);
	machine_lock(m);
	machine_pause(m, "halt");
	pause_seen.in_run = !m->paused || m->nr_active;
	plan(20, wake_paused);
}

static unsigned int pauses;

static void pause_again(void)
{
	if (pauses++ == 200) {
		end_it();
		return;
	}
	machine_pause(m, "halt");
	pause_seen.in_run |= module.in_run;
	machine_resume(m, "go");
	plan(1, pause_again);
}

static void test_pause_races(void)
{
	bool ok;

	build_with_plan(5, pause_and_end);
	ok = ends_after_plan(MACHINE_SIGNAL);
	ksft_test_result(ok && value == SIGTERM, "a paused machine can be ended\n");

	build_with_plan(1, pause_when_called);
	module.slow_entry = true;
	ok = ends_after_plan(MACHINE_SIGNAL);
	ksft_test_result(ok && !pause_seen.in_run, "a vCPU on its way into RUN comes back\n");

	pauses = 0;
	pause_seen.in_run = false;
	build_with_plan(1, pause_again);
	ok = ends_after_plan(MACHINE_SIGNAL);
	ksft_test_result(ok && !pause_seen.in_run && module.runs > 1,
			 "paused and resumed 200 times, it ran %u times\n", module.runs);

	build_with_plan(1, pause_in_exit);
	stop();
	ok = ends_after_plan(MACHINE_POWEROFF);
	ksft_test_result(ok, "a guest that ends while it is being paused\n");

	build_with_plan(1, pause_in_sleep);
	module.waking_vector = 0x9a000;
	ok = ends_after_plan(MACHINE_POWEROFF);
	ksft_test_result(ok && !pause_seen.in_run && module.shifted_ns > 50 * MS &&
			 !strcmp(module.states, "2 suspended to RAM|1 go|"),
			 "a guest that is paused on its way to sleep: %s\n", module.states);
}

static int seen_nice;
static bool nice_fails;		/* as the host refuses it */
static pid_t reniced;

/* As the sandbox has it: of oneself alone. */
int setpriority(__priority_which_t which, id_t who, int prio)
{
	if (which != PRIO_PROCESS || who)
		abort();
	if (nice_fails) {
		errno = EACCES;
		return -1;
	}
	reniced = gettid();
	return syscall(SYS_setpriority, which, who, prio);
}

/* Return: what it is now, of the thread that is there. */
static int set_nice(int nice)
{
	int err;

	reniced = 0;
	err = machine_set_nice(m, nice);
	return err ? err : m->asleep ? nice : getpriority(PRIO_PROCESS, m->vcpus[0].tid);
}

static void see_nice(void)
{
	if (!m->vcpus[0].tid) {
		plan(5, see_nice);
		return;
	}
	seen_nice = set_nice(12);
	if (reniced != m->vcpus[0].tid)
		seen_nice = -1;
	end_it();
}

/* Then it runs again: it is not left in the pause that this takes. */
static void see_nice_in_pause(void)
{
	unsigned int runs;
	const struct timespec ms = { .tv_nsec = 1000000 };

	machine_pause(m, "halt");
	runs = module.runs;
	seen_nice = set_nice(13);
	if (!m->paused || module.runs != runs)
		seen_nice = -1;
	nice_fails = true;
	if (set_nice(14) != -EACCES || m->nice != 13)
		seen_nice = -2;
	nice_fails = false;
	machine_resume(m, "go");
	runs = module.runs;
	if (set_nice(14) != 14)
		seen_nice = -3;
	machine_unlock(m);
	while (module.runs == runs)
		nanosleep(&ms, NULL);
	machine_lock(m);
	end_it();
}

static void see_end_nice(void)
{
	if (!m->vcpus[0].tid) {
		plan(5, see_end_nice);
		return;
	}
	if (seen_nice >= 0)
		seen_nice = getpriority(PRIO_PROCESS, m->vcpus[0].tid);
	end_it();
}

static void see_nice_in_sleep(void)
{
	if (!m->asleep) {
		plan(5, see_nice_in_sleep);
		return;
	}
	nice_fails = true;
	seen_nice = set_nice(15) == -EACCES && !m->nice ? 0 : -1;
	nice_fails = false;
	if (set_nice(15) != 15 || getpriority(PRIO_PROCESS, 0) == 15)
		seen_nice = -2;
	acpi_pm_power_button(m->acpi_pm);
	plan(5, see_end_nice);
}

static void test_nice(void)
{
	bool ok;

	build_with_plan(20, see_nice);
	ksft_test_result(ends_after_plan(MACHINE_SIGNAL) && seen_nice == 12 &&
			 getpriority(PRIO_PROCESS, 0) < 12,
			 "nice is the vCPU threads', and each sets it itself: %d\n", seen_nice);
	build_with_plan(20, see_nice_in_pause);
	ksft_test_result(ends_after_plan(MACHINE_SIGNAL) && seen_nice == 13,
			 "and one that is paused stays so: %d\n", seen_nice);
	build_with_plan(1, see_nice_in_sleep);
	module.waking_vector = 0x9a000;
	sleep_s3();
	ok = ends_after_plan(MACHINE_SIGNAL);
	ksft_test_result(ok && seen_nice == 15, "one that sleeps has it when it wakes up: %d\n",
			 seen_nice);
}

int main(void)
{
	setlinebuf(stdout);
	ksft_print_header();
	ksft_set_plan(15);
	test_timers();
	test_pause();
	test_pause_races();
	test_nice();
	ksft_finished();
}
