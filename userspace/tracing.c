// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message.h"
#include "options.h"
#include "tracing.h"

struct tracing {
	char dir[128];		/* of the instance */
	int pipe;
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

static int write_file(const struct tracing *t, const char *name, const char *text)
{
	char path[256];
	int fd, ret;

	snprintf(path, sizeof(path), "%s/%s", t->dir, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

/* Where tracefs is; on a system without an init nobody may have mounted it where it belongs. */
static const char *tracefs(void)
{
	static const char * const known[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };

	for (int i = 0; i < 2; i++) {
		char path[64];

		snprintf(path, sizeof(path), "%s/instances", known[i]);
		if (!access(path, F_OK))
			return known[i];
	}
	return NULL;
}

static int begin(struct tracing *t, uint32_t pid, const char *event)
{
	char name[160], filter[32];
	int ret;

	snprintf(filter, sizeof(filter), "vm == %u", pid);
	snprintf(name, sizeof(name), "events/svmm/%s%sfilter", event ? event : "",
		 event ? "/" : "");
	ret = write_file(t, name, filter);
	snprintf(name, sizeof(name), "events/svmm/%s%senable", event ? event : "",
		 event ? "/" : "");
	if (!ret)
		ret = write_file(t, name, "1");
	/* poll() is not to wait until half of the ring is full. */
	if (!ret)
		ret = write_file(t, "buffer_percent", "0");
	if (ret)
		return ret;
	snprintf(name, sizeof(name), "%s/trace_pipe", t->dir);
	t->pipe = open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return t->pipe < 0 ? -errno : 0;
}

static void explain(int error)
{
	if (error == EACCES || error == EPERM)
		message("tracing: %s; it takes root", strerror(error));
	else
		message("tracing: %s", strerror(error));
}

struct tracing *tracing_open(uint32_t pid, const char *event)
{
	struct sigaction sa = { .sa_handler = on_signal };
	const char *root = tracefs();
	struct tracing *t;
	int ret;

	if (!root) {
		message("tracing: no tracefs that can be read; as root: mount -t tracefs none "
			"/sys/kernel/tracing");
		return NULL;
	}
	t = calloc(1, sizeof(*t));
	if (!t) {
		message("out of memory");
		return NULL;
	}
	t->pipe = -1;
	snprintf(t->dir, sizeof(t->dir), "%s/instances/vmctl-%d", root, getpid());
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);	/* or the instance would stay */
	if (mkdir(t->dir, 0700)) {
		explain(errno);
		free(t);
		return NULL;
	}
	ret = begin(t, pid, event);
	if (ret) {
		explain(-ret);
		tracing_close(t);
		return NULL;
	}
	return t;
}

void tracing_close(struct tracing *t)
{
	if (t->pipe >= 0)
		close(t->pipe);
	if (rmdir(t->dir))
		message("%s: %s; it stays", t->dir, strerror(errno));
	free(t);
}

uint64_t tracing_lost(const struct tracing *t)
{
	return t->lost;
}

/* "vmctl-129   [002] ...1.     8.046612: svmm_exit: vm 125 vcpu 0 reason INTR ..." */
static bool parse(char *text, struct trace_line *line)
{
	char *event = strstr(text, ": svmm_"), *p, *end;
	int used = 0;

	if (!event)
		return false;
	*event = '\0';
	p = strrchr(text, ' ');
	if (!p)
		return false;
	line->time = strtod(p, NULL);
	*p = '\0';
	p = strrchr(text, '[');
	line->cpu = p ? strtoul(p + 1, NULL, 10) : 0;
	line->event = event + strlen(": svmm_");
	end = strchr(line->event, ':');
	if (!end)
		return false;
	*end = '\0';
	line->text = end + 1 + strspn(end + 1, " ");
	line->vcpu = -1;
	if (sscanf(line->text, "vm %*d vcpu %d %n", &line->vcpu, &used) == 1 && used)
		line->text += used;
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

/* Wait for more.  1, or as tracing_next(). */
static int fill(struct tracing *t, double seconds)
{
	struct pollfd p = { .fd = t->pipe, .events = POLLIN };
	ssize_t n;

	memmove(t->buffer, t->buffer + t->at, t->end - t->at);
	t->end -= t->at;
	t->at = 0;
	if (t->end == sizeof(t->buffer))	/* no event is that long */
		t->end = 0;
	if (signalled || poll(&p, 1, seconds < 0 ? -1 : (int)(seconds * 1000)) <= 0)
		return 0;
	n = read(t->pipe, t->buffer + t->end, sizeof(t->buffer) - t->end);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		explain(errno);
		return 0;
	}
	t->end += n > 0 ? n : 0;
	return !signalled;
}

int tracing_next(struct tracing *t, double seconds, struct trace_line *line)
{
	double end = now_seconds() + seconds;
	unsigned long lost;
	char *text;

	for (;;) {
		while ((text = next_line(t))) {
			if (sscanf(text, "CPU:%*u [LOST %lu EVENTS]", &lost) == 1)
				t->lost += lost;
			else if (parse(text, line))
				return 1;
		}
		if (seconds >= 0 && now_seconds() >= end)
			return 0;
		if (!fill(t, seconds < 0 ? -1 : end - now_seconds()))
			return 0;
	}
}
