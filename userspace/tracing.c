// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "message.h"
#include "options.h"
#include "tracing.h"

struct tracing {
	char dir[128];		/* of the instance */
	int pipe;
	int process;		/* pidfd of the VM's; -1: the host has no such thing */
	sigset_t signals;	/* that end it */
	uint64_t lost;
	size_t at, end;		/* of what is not parsed yet */
	char buffer[1 << 16];
};

static volatile sig_atomic_t signalled;

static void on_signal(int sig)
{
	(void)sig;
	signalled = 1;
}

/* ---- an instance -------------------------------------------------------------------------- */

static void explain(const char *path, int error)
{
	const char *what = "";

	if (error == EACCES || error == EPERM)
		what = "; it takes root";
	else if (error == ENOENT && strstr(path, "/events/svmm"))
		what = "; svmm.ko is not loaded, or was built without tracepoints";
	message("tracing: %s: %s%s", path, strerror(error), what);
}

/* Where tracefs is; on a system without an init nobody may have mounted it where it belongs. */
static const char *find_root(void)
{
	static const char * const known[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
	int error = ENOENT;

	for (int i = 0; i < 2; i++) {
		char path[64];

		snprintf(path, sizeof(path), "%s/instances", known[i]);
		if (!access(path, F_OK))
			return known[i];
		/* It is there, or cannot be told, for its root is for root. */
		if (errno != ENOENT && error == ENOENT) {
			error = errno;
			explain(path, error);
		}
	}
	if (error == ENOENT)
		message("tracing: there is no tracefs; as root: mount -t tracefs none "
			"/sys/kernel/tracing");
	return NULL;
}

/*
 * Remove what killed tracers left behind, events on, and what one with our number did.  Nothing in
 * use goes: an instance whose trace_pipe is open cannot be removed.
 */
static void sweep(const char *root)
{
	struct dirent *entry;
	char path[128];
	DIR *dir;
	int pid;

	snprintf(path, sizeof(path), "%s/instances", root);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		int used = 0;

		if (sscanf(entry->d_name, "vmctl-%d%n", &pid, &used) != 1 ||
		    entry->d_name[used] || pid <= 0)
			continue;
		if (pid == getpid() || (kill(pid, 0) && errno == ESRCH))
			unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
	}
	if (dir)
		closedir(dir);
}

/* Write a file of the instance.  False after a message. */
static bool set(const struct tracing *t, const char *name, const char *text)
{
	char path[320];
	bool ok;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", t->dir, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ok = fd >= 0 && write(fd, text, strlen(text)) >= 0;
	if (!ok)
		explain(path, errno);
	if (fd >= 0)
		close(fd);
	return ok;
}

/* False after a message. */
static bool begin(struct tracing *t, uint32_t pid, const char *event, const char *filter)
{
	const char *slash = event ? "/" : "";
	char name[160], text[160];

	event = event ? event : "";
	/* The default clock is each CPU's own, and vCPUs are of several. */
	if (!set(t, "trace_clock", "mono"))
		return false;
	/* poll() is not to wait until half of the ring is full. */
	if (!set(t, "buffer_percent", "0"))
		return false;
	snprintf(name, sizeof(name), "events/svmm/%s%sfilter", event, slash);
	snprintf(text, sizeof(text), "vm == %u%s%s", pid, filter ? " && " : "",
		 filter ? filter : "");
	if (!set(t, name, text))
		return false;
	snprintf(name, sizeof(name), "events/svmm/%s%senable", event, slash);
	if (!set(t, name, "1"))
		return false;
	snprintf(name, sizeof(name), "%s/trace_pipe", t->dir);
	t->pipe = open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (t->pipe < 0)
		explain(name, errno);
	return t->pipe >= 0;
}

/*
 * SIGHUP stays ignored where nohup has said so. That SIGINT and SIGQUIT are, is said by each shell
 * script of what it starts with &, and kill -INT is how it then ends a trace.
 */
static void catch_signals(struct tracing *t)
{
	static const int ending[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction sa = { .sa_handler = on_signal }, old;

	sigemptyset(&t->signals);
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++) {
		sigaddset(&t->signals, ending[i]);
		if (ending[i] != SIGHUP ||
		    (!sigaction(SIGHUP, NULL, &old) && old.sa_handler != SIG_IGN))
			sigaction(ending[i], &sa, NULL);
	}
	signal(SIGPIPE, SIG_IGN);	/* or the instance would stay */
}

struct tracing *tracing_open(uint32_t pid, const char *event, const char *filter)
{
	const char *root = find_root();
	struct tracing *t;

	if (!root)
		return NULL;
	if (!pid) {
		message("tracing: the VM's process is in another PID namespace; trace it from "
			"there or from the host");
		return NULL;
	}
	t = calloc(1, sizeof(*t));
	if (!t) {
		message("out of memory");
		return NULL;
	}
	t->pipe = -1;
	t->process = syscall(SYS_pidfd_open, pid, 0);
	if (t->process < 0 && errno == ESRCH) {
		message("tracing: the VM's process, %u, has ended", pid);
		free(t);
		return NULL;
	}
	snprintf(t->dir, sizeof(t->dir), "%s/instances/vmctl-%d", root, getpid());
	catch_signals(t);
	sweep(root);
	if (mkdir(t->dir, 0700)) {
		explain(t->dir, errno);
		t->dir[0] = '\0';
	}
	if (!t->dir[0] || !begin(t, pid, event, filter)) {
		tracing_close(t);
		return NULL;
	}
	return t;
}

void tracing_close(struct tracing *t)
{
	if (t->pipe >= 0)
		close(t->pipe);
	if (t->process >= 0)
		close(t->process);
	if (t->dir[0] && rmdir(t->dir))
		message("%s: %s; it stays", t->dir, strerror(errno));
	free(t);
}

uint64_t tracing_lost(const struct tracing *t)
{
	return t->lost;
}

/* ---- its lines ---------------------------------------------------------------------------- */

static void make_printable(char *text)
{
	for (; *text; text++) {
		if (*text < ' ' || *text > '~')
			*text = '?';
	}
}

/*
 * "vmctl-129   [002] ...1.     8.046612: svmm_exit: vm 125 vcpu 0 reason INTR ..."
 *
 * The task's name at the beginning can be any 15 bytes, newlines among them, and so can begin a
 * line of its own.  What follows it is the kernel's, and an event needs more of that than a name
 * has room for: CPU, time with 6 decimals, ": svmm_".  The last of the latter counts, for fields
 * cannot have it: a VM's name is made of letters, digits, '.', '_' and '-'.
 */
static bool parse(char *text, struct trace_line *line)
{
	static const char mark[] = ": svmm_";
	char *event = NULL, *p, *end;
	int used = 0;

	for (p = text; (p = strstr(p, mark)); p++)
		event = p;
	if (!event)
		return false;
	*event = '\0';
	p = strrchr(text, '[');
	/* The flags in the middle can be turned off. */
	if (!p || (sscanf(p, "[%u] %*s %lf%n", &line->cpu, &line->time, &used) != 2 &&
		   sscanf(p, "[%u] %lf%n", &line->cpu, &line->time, &used) != 2) ||
	    p + used != event || used < 7 || event[-7] != '.')
		return false;
	line->event = event + strlen(mark);
	end = strchr(line->event, ':');
	if (!end)
		return false;
	*end = '\0';
	line->text = end + 1 + strspn(end + 1, " ");
	used = 0;
	line->vcpu = -1;
	if (sscanf(line->text, "vm %*d vcpu %d %n", &line->vcpu, &used) == 1 && used)
		line->text += used;
	make_printable(line->event);
	make_printable(line->text);
	return true;
}

/* "CPU:2 [LOST 12 EVENTS]", and nothing behind it: no task's name has room for that. */
static bool parse_lost(const char *text, uint64_t *lost)
{
	unsigned long nr = 1;	/* or more, where the kernel cannot tell */
	int used = 0;

	if (sscanf(text, "CPU:%*u [LOST %lu EVENTS]%n", &nr, &used) != 1)
		sscanf(text, "CPU:%*u [LOST EVENTS]%n", &used);
	if (!used || text[used])
		return false;
	*lost += nr;
	return true;
}

/* A line that is in the buffer, or NULL. */
static char *next_line(struct tracing *t)
{
	char *from = t->buffer + t->at, *end = memchr(from, '\n', t->end - t->at);

	if (!end)
		return NULL;
	*end = '\0';
	t->at = end + 1 - t->buffer;
	return from;
}

/* Until there is something to read, or to heed.  Return: as ppoll(); EINTR: a signal has come. */
static int wait_for(struct tracing *t, struct pollfd p[2], double seconds)
{
	struct timespec ts;
	sigset_t old;
	int n, error;

	p[0] = (struct pollfd){ .fd = t->pipe, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = t->process, .events = POLLIN };
	if (seconds < INFINITY) {
		ts.tv_sec = seconds;
		ts.tv_nsec = (seconds - ts.tv_sec) * 1e9;
	}
	/* One that comes between the look at it and the sleep must end the sleep. */
	sigprocmask(SIG_BLOCK, &t->signals, &old);
	errno = EINTR;
	n = signalled ? -1 : ppoll(p, 2, seconds < INFINITY ? &ts : NULL, &old);
	error = errno;
	/* Where there was something to read, it is delivered only now. */
	sigprocmask(SIG_SETMASK, &old, NULL);
	errno = error;
	return n;
}

/* Wait for more.  TRACING_LINE: there may be one. */
static enum tracing_result fill(struct tracing *t, double seconds)
{
	struct pollfd p[2];
	ssize_t n;
	int ready;

	memmove(t->buffer, t->buffer + t->at, t->end - t->at);
	t->end -= t->at;
	t->at = 0;
	if (t->end == sizeof(t->buffer))	/* no event is that long */
		t->end = 0;
	ready = wait_for(t, p, seconds);
	if (ready < 0 && errno != EINTR) {
		message("tracing: poll: %s", strerror(errno));
		return TRACING_FAILED;
	}
	if (signalled || !ready)
		return TRACING_OVER;
	if (ready < 0)
		return TRACING_LINE;
	n = p[0].revents ? read(t->pipe, t->buffer + t->end, sizeof(t->buffer) - t->end) : 0;
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		message("tracing: %s/trace_pipe: %s", t->dir, strerror(errno));
		return TRACING_FAILED;
	}
	if (n <= 0 && p[1].revents)
		return TRACING_ENDED;
	t->end += n > 0 ? n : 0;
	return signalled ? TRACING_OVER : TRACING_LINE;
}

enum tracing_result tracing_next(struct tracing *t, double until, struct trace_line *line)
{
	enum tracing_result result;
	double rest;
	char *text;

	do {
		while ((text = next_line(t))) {
			if (!parse_lost(text, &t->lost) && parse(text, line))
				return TRACING_LINE;
		}
		/* Once: time goes on, and ppoll() has no use for a negative rest. */
		rest = until - now_seconds();
		result = rest > 0 ? fill(t, rest) : TRACING_OVER;
	} while (result == TRACING_LINE);
	return result;
}
