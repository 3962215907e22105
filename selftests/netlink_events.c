// SPDX-License-Identifier: GPL-2.0
/*
 * What happens to VMs is told: to the administrator all of it, to an owner what is his, to nobody
 * what is not; once, in its order, with its reason. Who does not read hears that events were lost.
 *
 * needs: selftests/lib/events.c selftests/lib/vmtest.c selftests/lib/start.c
 * libs: -lnl-genl-3 -lnl-3 -Wl,--no-warnings
 * timeout: 90
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/events.h"
#include "lib/vmtest.h"

#define NOBODY	65534

FIXTURE(events) {
	struct events all;
	struct vmt v;
};

FIXTURE_SETUP(events)
{
	vmt_deadline(VMT_DEADLINE_S);
	events_open(&self->all);
	ASSERT_EQ(0, events_join(&self->all));
}

FIXTURE_TEARDOWN(events)
{
	events_close(&self->all);
}

/* The next event of one of this process's VMs: others may run beside. */
static int next(struct events *e)
{
	int ret;

	do
		ret = events_next(e, 2000);
	while (!ret && e->pid != getpid());
	return ret;
}

#define EXPECT_EVENT(e, event) do {					\
	EXPECT_EQ(0, next(e));						\
	EXPECT_EQ(event, (e)->what);					\
} while (0)

#define EXPECT_NO_EVENT(e)	EXPECT_EQ(-EAGAIN, events_next(e, 200))

TEST_F(events, a_life)
{
	struct events *e = &self->all;
	struct timespec now;
	char name[SVMM_NAME_MAX];
	struct vmt second;
	int64_t id;

	vmt_boot(&self->v, "modes", "alive");
	EXPECT_EVENT(e, SVMM_EVENT_CREATED);
	EXPECT_STRNE("", e->name);
	EXPECT_EQ(getuid(), e->uid);
	EXPECT_EQ(-1, e->vcpu);
	EXPECT_STREQ("", e->reason);
	clock_gettime(CLOCK_REALTIME, &now);
	EXPECT_GE(now.tv_sec * 1000000000ULL + now.tv_nsec, e->time_ns);
	EXPECT_LE((now.tv_sec - 60) * 1000000000ULL, e->time_ns);
	strcpy(name, e->name);
	id = e->id;
	EXPECT_LT(0, id);
	vmt_open_vcpu(&second, &self->v, 1);
	EXPECT_NO_EVENT(e);

	EXPECT_EQ(0x600d, vmt_report(&self->v));
	EXPECT_EVENT(e, SVMM_EVENT_RUNNING);
	EXPECT_STREQ(name, e->name);
	EXPECT_EQ(id, e->id);
	vmt_done(&self->v);
	vmt_start(&second, "alive");
	second.page->mp.state = SVMM_MP_RUNNABLE;
	second.page->dirty |= SVMM_STATE_MP;
	EXPECT_EQ(0x600d, vmt_report(&second));
	EXPECT_NO_EVENT(e);		/* that it runs is no news */

	EXPECT_EQ(0, svmm_set_vm_state(self->v.vm, SVMM_VM_PAUSED, "lunch"));
	EXPECT_EVENT(e, SVMM_EVENT_PAUSED);
	EXPECT_STREQ("lunch", e->reason);
	EXPECT_EQ(0, svmm_set_vm_state(self->v.vm, SVMM_VM_PAUSED, "again"));
	EXPECT_NO_EVENT(e);
	EXPECT_EQ(0, svmm_set_vm_state(self->v.vm, SVMM_VM_RUNNING, NULL));
	EXPECT_EVENT(e, SVMM_EVENT_RUNNING);

	vmt_close(&second);
	EXPECT_NO_EVENT(e);
	vmt_close(&self->v);
	EXPECT_EVENT(e, SVMM_EVENT_DESTROYED);
	EXPECT_STREQ(name, e->name);
	EXPECT_EQ(id, e->id);
	EXPECT_NO_EVENT(e);
}

/* Found by svmm's own delivery of an exception, and by the processor's. */
static void triple_fault(struct __test_metadata *_metadata, struct _test_data_events *self,
			 const char *entry)
{
	struct events *e = &self->all;

	vmt_boot(&self->v, "modes", entry);
	EXPECT_EQ(1, vmt_report(&self->v));
	EXPECT_EVENT(e, SVMM_EVENT_CREATED);
	EXPECT_EVENT(e, SVMM_EVENT_RUNNING);
	EXPECT_EQ(SVMM_EXIT_SHUTDOWN, vmt_run(&self->v));
	EXPECT_EVENT(e, SVMM_EVENT_CRASHED);
	EXPECT_STREQ("triple fault", e->reason);
	/* It is over: user space has no say any more. */
	EXPECT_EQ(-EIO, svmm_set_vm_state(self->v.vm, SVMM_VM_RUNNING, NULL));
	vmt_close(&self->v);
	EXPECT_EVENT(e, SVMM_EVENT_DESTROYED);
}

TEST_F(events, a_triple_fault)
{
	triple_fault(_metadata, self, "triple_long");
	triple_fault(_metadata, self, "triple_cr3");
}

/* Where the processor takes a CR3 that no VMRUN takes: emulators do. */
TEST_F(events, a_lost_state)
{
	struct events *e = &self->all;

	vmt_boot(&self->v, "hostile", "bad_cr3");
	EXPECT_EVENT(e, SVMM_EVENT_CREATED);
	EXPECT_EQ(1, vmt_report(&self->v));
	EXPECT_EVENT(e, SVMM_EVENT_RUNNING);
	if (vmt_run(&self->v) == SVMM_EXIT_FAIL_ENTRY) {
		EXPECT_EVENT(e, SVMM_EVENT_CRASHED);
		EXPECT_STREQ(self->v.page->exit.fail_entry.reason, e->reason);
	}
	vmt_close(&self->v);
	EXPECT_EVENT(e, SVMM_EVENT_DESTROYED);
}

/* An owner without rights: not the group, but what is his. */
TEST_F(events, an_owner)
{
	struct events shared;
	struct vmt mine;
	int status;
	pid_t child;

	vmt_boot(&self->v, "modes", "alive");
	events_open(&shared);
	ASSERT_EQ(0, events_watch(&shared));
	child = fork();
	if (!child) {
		struct events own;
		int svmm = svmm_open(), vm;

		if (svmm < 0 || setresuid(NOBODY, NOBODY, NOBODY))
			_exit(1);
		events_open(&own);
		if (events_join(&own) != -EPERM)
			_exit(2);
		if (events_watch(&own) || events_watch(&own))
			_exit(3);
		/* Two users' events do not come through one socket. */
		if (events_watch(&shared) != -EPERM)
			_exit(7);
		vm = vmt_bare_vm(svmm);
		if (vm < 0 || events_next(&own, 2000) || own.what != SVMM_EVENT_CREATED ||
		    own.pid != getpid() || own.uid != NOBODY)
			_exit(4);
		/* root's VM comes alive and goes meanwhile: see below */
		if (events_next(&own, 1500) != -EAGAIN)
			_exit(5);
		close(vm);
		if (events_next(&own, 2000) || own.what != SVMM_EVENT_DESTROYED)
			_exit(6);
		_exit(events_next(&own, 200) != -EAGAIN);
	}
	usleep(700000 * vmt_slowdown());
	EXPECT_EQ(0x600d, vmt_report(&self->v));
	vmt_boot(&mine, "modes", "alive");
	vmt_close(&mine);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status) {
		TH_LOG("step %d", WEXITSTATUS(status));
	}
	events_close(&shared);
	vmt_close(&self->v);
}

/* A user has so many sockets that watch, and gets a place back with one that closes. */
TEST_F(events, no_endless_watchers)
{
	struct events e[SVMM_GENL_WATCHERS + 1];

	for (int i = 0; i <= SVMM_GENL_WATCHERS; i++)
		events_open(&e[i]);
	for (int i = 0; i < SVMM_GENL_WATCHERS; i++)
		EXPECT_EQ(0, events_watch(&e[i]));
	EXPECT_EQ(-EBUSY, events_watch(&e[SVMM_GENL_WATCHERS]));
	events_close(&e[3]);
	EXPECT_EQ(0, events_watch(&e[SVMM_GENL_WATCHERS]));
	for (int i = 0; i <= SVMM_GENL_WATCHERS; i++)
		if (i != 3)
			events_close(&e[i]);
}

static void many_events(int svmm)
{
	for (int i = 0; i < 300; i++) {
		int vm = vmt_bare_vm(svmm);

		if (vm < 0)
			vmt_die(NULL, "no VM: %d", vm);
		close(vm);
	}
}

/* Both kinds of listener, with buffers that are soon full: told so, and then up to date again. */
TEST_F(events, who_does_not_read)
{
	struct events own, *e[] = { &self->all, &own };
	int svmm = svmm_open(), vm;

	events_open(&own);
	ASSERT_EQ(0, events_watch(&own));
	for (int i = 0; i < 2; i++)
		nl_socket_set_buffer_size(e[i]->sock, 4096, 4096);
	many_events(svmm);
	for (int i = 0; i < 2; i++) {
		unsigned int lost = 0, got = 0;
		int ret;

		while ((ret = events_next(e[i], 200)) != -EAGAIN) {
			lost += ret == -ENOBUFS;
			got += !ret;
		}
		EXPECT_LE(1, lost);
		EXPECT_LE(1, got);
		EXPECT_GT(600, got);
	}
	vm = vmt_bare_vm(svmm);
	EXPECT_EVENT(e[0], SVMM_EVENT_CREATED);
	EXPECT_EVENT(e[1], SVMM_EVENT_CREATED);
	close(vm);
	close(svmm);
	events_close(&own);
}

static void set_halt_event_ms(int ms)
{
	FILE *f = fopen("/sys/module/svmm/parameters/halt_event_ms", "w");

	if (!f || fprintf(f, "%d\n", ms) < 0 || fclose(f))
		vmt_die(NULL, "cannot set halt_event_ms");
}

static void *run_thread(void *arg)
{
	while (svmm_run((long)arg) == -EINTR)
		;
	return NULL;
}

/* A vCPU in HLT with nothing to wake it: once for each HLT, and not at all unless asked for. */
static void long_halt(struct __test_metadata *_metadata, struct _test_data_events *self, int ms)
{
	struct events *e = &self->all;
	pthread_t thread;
	pid_t child;
	int status;

	set_halt_event_ms(ms);
	child = fork();
	if (!child) {
		vmt_boot(&self->v, "modes", "alive");
		self->v.ram[0x9000] = 0xf4;
		self->v.page->gpr.rip = 0x9000;
		pthread_create(&thread, NULL, run_thread, (void *)(long)self->v.vcpu);
		pause();
	}
	EXPECT_EQ(0, events_next(e, 2000));
	EXPECT_EQ(SVMM_EVENT_CREATED, e->what);
	EXPECT_EQ(0, events_next(e, 2000));
	EXPECT_EQ(SVMM_EVENT_RUNNING, e->what);
	if (ms) {
		EXPECT_EQ(0, events_next(e, 5000));
		EXPECT_EQ(SVMM_EVENT_VCPU_HALTED, e->what);
		EXPECT_EQ(0, e->vcpu);
	}
	EXPECT_EQ(-EAGAIN, events_next(e, 500));
	set_halt_event_ms(0);
	kill(child, SIGKILL);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, events_next(e, 2000));
	EXPECT_EQ(SVMM_EVENT_DESTROYED, e->what);
}

TEST_F(events, a_long_halt)
{
	long_halt(_metadata, self, 100);
}

TEST_F(events, nobody_asked)
{
	long_halt(_metadata, self, 0);
}

TEST_HARNESS_MAIN
