// SPDX-License-Identifier: GPL-2.0
// needs: userspace/tracing.c
// libs: -Wl,--wrap=access,--wrap=mkdir,--wrap=rmdir,--wrap=open,--wrap=opendir,--wrap=ppoll
/*
 * vmctl's reader of tracepoints, on a tracefs that is played by a directory and a FIFO: what it
 * asks for, what it believes of lines with tasks' names in them, and each way in which it ends.
 * What would wait for ever is ended by an alarm, and with it the test.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../userspace/options.h"
#include "../../userspace/tracing.h"
#include "tap.h"

#define TRACEFS	"/sys/kernel/tracing"
#define STAMP	"-1 [002] ...1.     8.046612: svmm_"
#define HEAD	"           vmctl" STAMP

static char base[64];
static char said[2048];
static bool no_events, broken_pipe, for_root, late_signal;
static double clock_step;	/* seconds that each look at the clock takes; 0: the host's clock */

void message(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(said, sizeof(said), format, args);
	va_end(args);
}

double now_seconds(void)
{
	static double now;
	struct timespec t;

	if (clock_step)
		return now += clock_step;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* ---- a tracefs ---------------------------------------------------------------------------- */

/* What is wrapped, and the wrappers. */
int __real_access(const char *path, int mode);
int __wrap_access(const char *path, int mode);
DIR *__real_opendir(const char *path);
DIR *__wrap_opendir(const char *path);
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);
int __wrap_rmdir(const char *path);
int __real_ppoll(struct pollfd *p, nfds_t nr, const struct timespec *ts, const sigset_t *mask);
int __wrap_ppoll(struct pollfd *p, nfds_t nr, const struct timespec *ts, const sigset_t *mask);

static const char *played(const char *path)
{
	static char text[512];

	if (strncmp(path, "/sys/kernel/", 12))
		return path;
	snprintf(text, sizeof(text), "%s/%s", base, path + 12);
	return text;
}

int __wrap_access(const char *path, int mode)
{
	if (for_root) {
		errno = EACCES;
		return -1;
	}
	return __real_access(played(path), mode);
}

DIR *__wrap_opendir(const char *path)
{
	return __real_opendir(played(path));
}

int __wrap_open(const char *path, int flags, ...)
{
	return __real_open(played(path), flags, 0600);
}

static void make_file(const char *dir, const char *name)
{
	char path[1024];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	close(__real_open(path, O_WRONLY | O_CREAT, 0600));
}

int __wrap_mkdir(const char *path, mode_t mode)
{
	static const char * const dirs[] = { "events", "events/svmm", "events/svmm/svmm_exit" };
	char dir[512], sub[600];

	snprintf(dir, sizeof(dir), "%s", played(path));
	if (__real_mkdir(dir, mode))
		return -1;
	if (!strcmp(path, played(path)))
		return 0;
	for (int i = 0; i < (no_events ? 1 : 3); i++) {
		snprintf(sub, sizeof(sub), "%s/%s", dir, dirs[i]);
		__real_mkdir(sub, 0700);
		make_file(sub, "filter");
		make_file(sub, "enable");
	}
	make_file(dir, "trace_clock");
	make_file(dir, "buffer_percent");
	snprintf(sub, sizeof(sub), "%s/trace_pipe", dir);
	return broken_pipe ? __real_mkdir(sub, 0700) : mkfifo(sub, 0600);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

int __wrap_rmdir(const char *path)
{
	return nftw(played(path), remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The worst moment for a signal: there was none when it was looked for, and now one sleeps. */
int __wrap_ppoll(struct pollfd *p, nfds_t nr, const struct timespec *ts, const sigset_t *mask)
{
	if (late_signal)
		raise(SIGQUIT);
	return __real_ppoll(p, nr, ts, mask);
}

static bool file_says(const char *name, const char *wanted)
{
	char path[256], text[256] = "";
	int fd;

	snprintf(path, sizeof(path), TRACEFS "/instances/vmctl-%d/%s", getpid(), name);
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		snprintf(text, sizeof(text), "?");
	close(fd);
	if (strcmp(text, wanted))
		ksft_print_msg("%s: %s\n", name, text);
	return !strcmp(text, wanted);
}

static bool instance(int pid)
{
	char path[128];

	snprintf(path, sizeof(path), TRACEFS "/instances/vmctl-%d", pid);
	return !access(path, F_OK);
}

/* ---- a VM, and its lines ------------------------------------------------------------------ */

static struct tracing *t;
static struct trace_line line;
static int vm, writer = -1;

static int new_process(void)
{
	int pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);	/* an alarm may end us */
	for (;;)
		pause();
}

static void end_process(int pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static bool begin(const char *event, const char *filter)
{
	char path[128];

	said[0] = '\0';
	t = tracing_open(vm, event, filter);
	if (!t)
		return false;
	snprintf(path, sizeof(path), TRACEFS "/instances/vmctl-%d/trace_pipe", getpid());
	writer = open(path, O_WRONLY);
	return true;
}

static void end(void)
{
	if (t)
		tracing_close(t);
	close(writer);
}

static void say(const char *text)
{
	ksft_print_msg("%zd bytes\n", write(writer, text, strlen(text)));
}

/* The next event, if it is there by now. */
static bool next_is(const char *event, const char *text)
{
	if (tracing_next(t, now_seconds() + 0.2, &line) != TRACING_LINE)
		return !event;
	ksft_print_msg("%s: %s\n", line.event, line.text);
	return event && !strcmp(line.event, event) && !strcmp(line.text, text);
}

static void test_open(void)
{
	bool ok = begin("svmm_exit", "exit_reason == 96");
	char text[64];

	snprintf(text, sizeof(text), "vm == %d && exit_reason == 96", vm);
	ok = ok && file_says("trace_clock", "mono") && file_says("buffer_percent", "0");
	ok = ok && file_says("events/svmm/svmm_exit/filter", text);
	ok = ok && file_says("events/svmm/svmm_exit/enable", "1");
	ok = ok && file_says("events/svmm/enable", "");
	end();
	ksft_test_result(ok && !instance(getpid()), "one event of one VM, and it goes again\n");

	ok = begin(NULL, NULL);
	snprintf(text, sizeof(text), "vm == %d", vm);
	ok = ok && file_says("events/svmm/filter", text) && file_says("events/svmm/enable", "1");
	end();
	ksft_test_result(ok, "all events\n");
}

static void test_refused(void)
{
	int alive = vm;
	bool ok;

	vm = 0;
	ok = !begin(NULL, NULL) && strstr(said, "PID namespace");
	vm = new_process();
	end_process(vm);
	ok &= !begin(NULL, NULL) && strstr(said, "has ended");
	vm = alive;
	ksft_test_result(ok && !instance(getpid()), "a process that is not there\n");

	no_events = true;
	ok = !begin(NULL, NULL) && strstr(said, "/events/svmm/filter: No such file") &&
	     strstr(said, "svmm.ko is not loaded") && !instance(getpid());
	no_events = false;
	ksft_test_result(ok, "a module without tracepoints\n");

	for_root = true;
	ok = !begin(NULL, NULL) && strstr(said, "it takes root");
	for_root = false;
	ksft_test_result(ok, "what root may do alone\n");
}

static void test_sweep(void)
{
	int dead = new_process(), self = getpid();
	char path[128];
	bool ok;

	end_process(dead);
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/tracing/instances/vmctl-%d", base,
			 i == 0 ? dead : i == 1 ? self : vm);
		mkdir(path, 0700);
	}
	snprintf(path, sizeof(path), "%s/tracing/instances/vmctl-%dx", base, dead);
	mkdir(path, 0700);
	ok = instance(dead) && instance(vm) && begin(NULL, NULL) && !instance(dead) && instance(vm);
	ok = ok && file_says("trace_clock", "mono");
	ok = ok && !rmdir(path);
	end();
	snprintf(path, sizeof(path), "%s/tracing/instances/vmctl-%d", base, vm);
	rmdir(path);
	ksft_test_result(ok, "what dead tracers left is removed, and nothing else\n");
}

static void test_lines(void)
{
	bool ok = begin(NULL, NULL);

	say(HEAD "exit: vm 7 vcpu 3 reason INTR rip 0x1000\n" HEAD "tlb_flush: vm 7 gen");
	ok = ok && next_is("exit", "reason INTR rip 0x1000");
	ok = ok && line.cpu == 2 && line.vcpu == 3 && fabs(line.time - 8.046612) < 0.0000001;
	say("eration 5\n");
	ok = ok && next_is("tlb_flush", "vm 7 generation 5") && line.vcpu == -1;
	say("   vmctl-129     [013]     9.000001: svmm_vcpu_halt: vm 7 vcpu 1\n");
	ok = ok && next_is("vcpu_halt", "") && line.cpu == 13 && line.vcpu == 1;
	say(HEAD "vm_dead: vm 7 name \033[2J\303\244\n");
	ok = ok && next_is("vm_dead", "vm 7 name ?[2J??");
	ksft_test_result(ok && !tracing_lost(t), "lines, whole or not\n");

	say("CPU:3 [LOST 12 EVENTS]\nCPU:0 [LOST EVENTS]\n");
	ok = next_is(NULL, NULL) && tracing_lost(t) == 13;
	end();
	ksft_test_result(ok, "lost events\n");
}

/* An event of a task whose name is @name, of 15 bytes at most, as prctl() allows. */
static void say_by(const char *name, int rip)
{
	char text[256];

	snprintf(text, sizeof(text), "%16s%sexit: vm 7 vcpu 0 rip %d\n", name, STAMP, rip);
	say(text);
}

static void test_names(void)
{
	bool ok = begin(NULL, NULL);

	say_by(": svmm_exit: vm", 1);
	ok = ok && next_is("exit", "rip 1");
	say_by("[0] 1: svmm_x:", 2);
	ok = ok && next_is("exit", "rip 2");
	say_by("12345678901234\n", 3);
	ok = ok && next_is("exit", "rip 3");
	ksft_test_result(ok, "a task's name hides nothing\n");

	say_by("[0]1: svmm_a:\n", 1);
	ok = next_is("exit", "rip 1");
	say_by("\n[0] 1.: svmm_:", 2);
	ok = ok && next_is("exit", "rip 2");
	say_by("\nCPU:0 [LOST 99", 3);
	ok = ok && next_is("exit", "rip 3");
	say_by("\nCPU:0 [LOST 9\n", 4);
	ok = ok && next_is("exit", "rip 4") && !tracing_lost(t);
	end();
	ksft_test_result(ok, "nor does it forge an event, or a loss\n");
}

static void test_deadline(void)
{
	bool ok = begin(NULL, NULL);
	double from = now_seconds();

	ok = ok && tracing_next(t, 0, &line) == TRACING_OVER;
	ok = ok && tracing_next(t, now_seconds() + 0.3, &line) == TRACING_OVER;
	ok = ok && now_seconds() - from >= 0.3;
	/* It passes between any two looks at the clock. */
	clock_step = 0.6;
	ok = ok && tracing_next(t, now_seconds() + 1, &line) == TRACING_OVER;
	clock_step = 0;
	end();
	ksft_test_result(ok, "a deadline is met, however close\n");
}

static void test_ends(void)
{
	int alive = vm;
	bool ok;

	vm = new_process();
	ok = begin(NULL, NULL);
	end_process(vm);
	say(HEAD "exit: vm 7 vcpu 3 reason INTR rip 0x1000\n");
	ok = ok && tracing_next(t, INFINITY, &line) == TRACING_LINE;
	ok = ok && tracing_next(t, INFINITY, &line) == TRACING_ENDED;
	end();
	vm = alive;
	ksft_test_result(ok, "the VM's process ends, and what it did before is told\n");

	broken_pipe = true;
	ok = begin(NULL, NULL) && tracing_next(t, INFINITY, &line) == TRACING_FAILED;
	ok = ok && strstr(said, "trace_pipe: Is a directory");
	end();
	broken_pipe = false;
	ksft_test_result(ok, "a failure is one\n");
}

/* The last: a signal ends all that comes after it. */
static void test_signals(void)
{
	struct sigaction hup;
	bool ok;

	signal(SIGHUP, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);	/* as a shell does for what is started with & */
	ok = begin(NULL, NULL) && !sigaction(SIGHUP, NULL, &hup) && hup.sa_handler == SIG_IGN;
	raise(SIGHUP);
	say(HEAD "exit: vm 7 vcpu 3 reason INTR rip 0x1000\n");
	ok = ok && tracing_next(t, INFINITY, &line) == TRACING_LINE;
	ksft_test_result(ok, "what nohup ignores stays ignored\n");

	late_signal = true;
	ok = tracing_next(t, INFINITY, &line) == TRACING_OVER;
	late_signal = false;
	ok = ok && tracing_next(t, INFINITY, &line) == TRACING_OVER;
	end();
	ksft_test_result(ok && !instance(getpid()), "a signal ends it at any moment\n");
}

int main(void)
{
	char path[128];

	ksft_print_header();
	ksft_set_plan(15);
	alarm(20);
	strcpy(base, "/tmp/vmctl_tracing.XXXXXX");
	if (!mkdtemp(base))
		ksft_exit_fail_msg("mkdtemp: %s\n", strerror(errno));
	snprintf(path, sizeof(path), "%s/tracing", base);
	__real_mkdir(path, 0700);
	strcat(path, "/instances");
	__real_mkdir(path, 0700);
	vm = new_process();
	test_open();
	test_refused();
	test_sweep();
	test_lines();
	test_names();
	test_deadline();
	test_ends();
	test_signals();
	end_process(vm);
	__wrap_rmdir(base);
	ksft_finished();
}
