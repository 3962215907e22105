/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest program guests/memory.S on memory of its own, slot 1: vCPUs that run for long in
 * threads, while the test does something to the memory. What that means is the test's business.
 */
#ifndef SELFTESTS_MEMORY_H
#define SELFTESTS_MEMORY_H

#include <pthread.h>

#include "vmtest.h"

#define GPA		0x40000000UL	/* of the memory under test */
#define HUGE_BYTES	0x200000UL
#define CONTROL(id)	(G_FREE + 0x1000 * (id))	/* of vCPU @id: see guests/memory.S */

/* A vCPU with a thread that runs it. */
struct runner {
	struct vmt *v;
	pthread_t thread;
	volatile uint64_t *stop, *rounds, *seen;
	volatile int event;	/* that ended it */
	bool running;
	bool faults_allowed;	/* after a memory fault it runs on, else that is its end */
	unsigned int faults;
};

struct memory_guest {
	struct vmt v;		/* vCPU 0 */
	struct runner r;
	uint8_t *mem;		/* slot 1 */
	uint64_t bytes;
};

/* vCPU @id at an entry point, running; the test may have set faults_allowed. */
void runner_start(struct runner *r, struct vmt *v, unsigned int id, const char *entry,
		  uint64_t gpa, uint64_t bytes, uint64_t number);
/* Wait for its end, or tell it to end. Both return the event. */
int runner_join(struct runner *r);
int runner_stop(struct runner *r);
/* Let the guest go round at least twice: at least one round began after this call. */
void runner_rounds(struct runner *r);

void guest_open(struct memory_guest *g);
/* Anonymous memory at a multiple of 2 MiB, without huge pages, as slot 1. */
void guest_give(struct memory_guest *g, uint64_t bytes);
/* An entry point, once, on this thread; returns what it has seen. */
uint64_t guest_once(struct vmt *v, const char *entry, uint64_t bytes, uint64_t number);

uint64_t now_ms(void);

/* For the host's settings in /proc and /sys. */
bool write_file(const char *path, const char *text);

#endif
