/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Several vCPUs of one VM, each in a thread of its own and with a page of its
 * own: R15 points to it, the stack is at its end. What they do and what it means
 * belong to the test; they are ended wherever they are.
 */
#ifndef SELFTESTS_CREW_H
#define SELFTESTS_CREW_H

#include <pthread.h>

#include "vmtest.h"

#define CREW_PAGE(id)		(0x180000 + (id) * 0x1000)
#define CREW_COUNT(v, id)	(*vmt_u32(v, CREW_PAGE(id)))
#define CREW_READY(v, id)	(*vmt_u32(v, CREW_PAGE(id) + 4))
#define CREW_MAX		64

struct crew_member {
	struct vmt v;
	pthread_t thread;
	int cpu;		/* index for vmt_pin(); negative: anywhere */
	int end;		/* what vmt_run() gave; 0: told to stop */
	volatile bool stop;
};

struct crew {
	unsigned int nr;
	struct crew_member *member[CREW_MAX];
};

/*
 * vCPU @id of @first's VM joins at @entry, on CPU @cpu; @first is open, its guest loaded and none
 * of its vCPUs has run. A member's number is the order of joining.
 */
void crew_join(struct crew *crew, const struct vmt *first, unsigned int id, const char *entry,
	       int cpu);
/* All run; return when each has said that it is ready. */
void crew_start(struct crew *crew);
/* Stop and free them; their fds are closed. */
void crew_stop(struct crew *crew);

#endif
