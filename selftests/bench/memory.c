// SPDX-License-Identifier: GPL-2.0
/*
 * What guest memory costs the host: first touch, taking it back, the dirty log, page tables. The
 * same guest first under kvm_amd, then under svmm. In counting mode the TSC counts instructions, of
 * host and guest; where that matters, the guest's own are taken off: those of the same loop over
 * memory that is mapped.
 *
 * Prints a line for each operation: its name, what one is, instructions under kvm_amd and svmm.
 *
 * needs: selftests/bench/kvm.c selftests/bench/svmm.c
 * needs: selftests/lib/memory.c selftests/lib/vmtest.c selftests/lib/start.c
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "hypervisor.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define MIB		(1UL << 20)
#define SMALL		(64 * MIB)		/* touched by 4 KiB */
#define LARGE		(512 * MIB)		/* touched by 2 MiB */
#define WHOLE		(1024 * MIB)
#define DIRTY_EVERY	100			/* pages: 1 % of them */
#define ROUNDS		4
#define WATCH_NS	100000

static struct program touch, stride;

struct figures {
	double touch_4k, touch_4k_cold, touch_2m, touch_2m_cold;
	double unmap_1g, dirty_harvest, dirty_again;
	double longest_hold;
};

static uint8_t *memory(uint64_t bytes, bool huge, bool populate)
{
	uint8_t *p = mmap((void *)0x200000000000, bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);

	if (p == MAP_FAILED || madvise(p, bytes, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE) ||
	    (populate && madvise(p, bytes, MADV_POPULATE_WRITE)))
		vmt_die(NULL, "no memory");
	return p;
}

/* Instructions of one run of the guest over all of the memory. */
static uint64_t timed_run(const struct hypervisor *h, struct machine *m,
			  const struct program *program, uint64_t bytes, uint64_t number)
{
	uint64_t begun = __rdtsc();

	h->run(m, program, bytes, number);
	return __rdtsc() - begun;
}

/* Per page of that size: the first run minus the second. */
static double first_touch(const struct hypervisor *h, uint64_t bytes, bool huge, bool populate)
{
	uint8_t *mem = memory(bytes, huge, populate);
	struct machine *m = h->create(&touch, mem, bytes);
	uint64_t cost;

	h->run(m, &touch, 0, 0);		/* the guest's own pages */
	cost = timed_run(h, m, &touch, bytes, 0);
	cost -= timed_run(h, m, &touch, bytes, 0);
	h->destroy(m);
	munmap(mem, bytes);
	return (double)cost / (bytes / (huge ? HUGE_BYTES : PAGE_SIZE));
}

static void whole(const struct hypervisor *h, struct figures *f)
{
	uint64_t *bitmap = calloc(WHOLE / PAGE_SIZE / 64, 8);
	uint8_t *mem = memory(WHOLE, false, true);
	struct machine *m = h->create(&touch, mem, WHOLE);
	uint64_t begun, loop;

	h->run(m, &touch, WHOLE, 0);
	loop = timed_run(h, m, &stride, WHOLE, DIRTY_EVERY * PAGE_SIZE);

	h->log(m);
	h->harvest(m, bitmap);
	h->run(m, &stride, WHOLE, DIRTY_EVERY * PAGE_SIZE);
	for (int i = 0; i < ROUNDS; i++) {
		begun = __rdtsc();
		h->harvest(m, bitmap);
		f->dirty_harvest += (double)(__rdtsc() - begun) / ROUNDS;
		f->dirty_again += (double)timed_run(h, m, &stride, WHOLE,
						    DIRTY_EVERY * PAGE_SIZE) / ROUNDS;
	}
	f->dirty_again -= loop;

	begun = __rdtsc();
	madvise(mem, WHOLE, MADV_DONTNEED);
	f->unmap_1g = __rdtsc() - begun;
	h->destroy(m);
	munmap(mem, WHOLE);
	free(bitmap);
}

/*
 * A thread with a real-time priority that sleeps for WATCH_NS at a time, and how late it was at the
 * most: for so long did the rest of the kernel not let go of the CPU, of which there is one.
 */
static struct {
	pthread_t thread;
	volatile bool stop;
	uint64_t worst;
} watch;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static void *watcher(void *arg)
{
	struct timespec pause = { .tv_nsec = WATCH_NS };
	uint64_t begun, took;

	while (!watch.stop) {
		begun = now_ns();
		nanosleep(&pause, NULL);
		took = now_ns() - begun;
		if (took > watch.worst + WATCH_NS)
			watch.worst = took - WATCH_NS;
	}
	return NULL;
}

/* 1 GiB, mapped by 4 KiB: begin to log, read the log, take half of the memory away. */
static double longest_hold(const struct hypervisor *h)
{
	struct sched_param fifo = { .sched_priority = 50 };
	uint64_t *bitmap = calloc(WHOLE / PAGE_SIZE / 64, 8);
	uint8_t *mem = memory(WHOLE, false, true);
	struct machine *m = h->create(&touch, mem, WHOLE);

	h->run(m, &touch, WHOLE, 0);
	watch.stop = false;
	watch.worst = 0;
	if (pthread_create(&watch.thread, NULL, watcher, NULL) ||
	    pthread_setschedparam(watch.thread, SCHED_FIFO, &fifo))
		vmt_die(NULL, "no real-time thread");
	h->log(m);
	h->harvest(m, bitmap);
	h->run(m, &touch, WHOLE, 0);
	h->harvest(m, bitmap);
	madvise(mem, WHOLE / 2, MADV_DONTNEED);
	watch.stop = true;
	pthread_join(watch.thread, NULL);
	h->destroy(m);
	munmap(mem, WHOLE);
	free(bitmap);
	return watch.worst;
}

static struct figures measure(const struct hypervisor *h)
{
	struct figures f = {
		.touch_4k = first_touch(h, SMALL, false, true),
		.touch_4k_cold = first_touch(h, SMALL, false, false),
		.touch_2m = first_touch(h, LARGE, true, true),
		.touch_2m_cold = first_touch(h, LARGE, true, false),
	};

	whole(h, &f);
	f.longest_hold = longest_hold(h);
	return f;
}

int main(void)
{
	struct figures kvm, ours;

	vmt_deadline(900);
	program_load(&touch, "memory", "touch");
	program_load(&stride, "memory", "stride");
	kvm = measure(&kvm_amd);
	ours = measure(&svmm);
#define LINE(name, what) printf("%s %s %.0f %.0f\n", #name, what, kvm.name, ours.name)
	LINE(touch_4k, "page");
	LINE(touch_4k_cold, "page");
	LINE(touch_2m, "page");
	LINE(touch_2m_cold, "page");
	LINE(unmap_1g, "all");
	LINE(dirty_harvest, "round");
	LINE(dirty_again, "round");
	LINE(longest_hold, "once");
	return 0;
}
