// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "memory.h"

static void *run(void *arg)
{
	struct runner *r = arg;
	int event;

	while ((event = vmt_run(r->v)) == SVMM_EXIT_MEMORY_FAULT && r->faults_allowed) {
		r->faults++;
		sched_yield();
	}
	if (event != VMT_DONE)
		vmt_dump(r->v);
	r->event = event;
	return NULL;
}

void runner_start(struct runner *r, struct vmt *v, unsigned int id, const char *entry,
		  uint64_t gpa, uint64_t bytes, uint64_t number)
{
	r->v = v;
	r->stop = vmt_u64(v, CONTROL(id));
	r->rounds = r->stop + 1;
	r->seen = r->stop + 2;
	r->event = 0;
	*r->stop = 0;
	*r->rounds = 0;
	*r->seen = 0;
	vmt_start(v, entry);
	v->page->gpr.rdi = gpa;
	v->page->gpr.rsi = bytes;
	v->page->gpr.rdx = number;
	v->page->gpr.r8 = CONTROL(id);
	r->running = true;
	if (pthread_create(&r->thread, NULL, run, r))
		vmt_die(v, "no thread");
}

int runner_join(struct runner *r)
{
	pthread_join(r->thread, NULL);
	r->running = false;
	return r->event;
}

int runner_stop(struct runner *r)
{
	*r->stop = 1;
	return runner_join(r);
}

uint64_t guest_once(struct vmt *v, const char *entry, uint64_t bytes, uint64_t number)
{
	struct runner r = {};

	runner_start(&r, v, 0, entry, GPA, bytes, number);
	if (runner_join(&r) != VMT_DONE)
		vmt_die(v, "%s: event %d", entry, r.event);
	return *r.seen;
}

void runner_rounds(struct runner *r)
{
	uint64_t from = *r->rounds;

	while (*r->rounds - from < 2) {
		if (r->event)
			vmt_die(r->v, "the guest ended with %d", r->event);
		sched_yield();
	}
}

void guest_open(struct memory_guest *g)
{
	memset(g, 0, sizeof(*g));
	vmt_open(&g->v);
	vmt_load(&g->v, "memory");
}

void guest_give(struct memory_guest *g, uint64_t bytes)
{
	uint8_t *p = mmap(NULL, bytes + HUGE_BYTES, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		vmt_die(&g->v, "no memory");
	g->mem = (uint8_t *)(((unsigned long)p + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1));
	g->bytes = bytes;
	/* A kernel without them, such as PREEMPT_RT, does not know the word. */
	if (madvise(g->mem, bytes, MADV_NOHUGEPAGE) && errno != EINVAL)
		vmt_die(&g->v, "madvise: %s", strerror(errno));
	if (svmm_set_slot(g->v.vm, 1, 0, GPA, bytes, g->mem))
		vmt_die(&g->v, "no slot");
}

uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}
