// SPDX-License-Identifier: GPL-2.0
/* Several vCPUs of one VM, see crew.h. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crew.h"

static void on_signal(int sig)
{
	(void)sig;
}

void crew_join(struct crew *crew, const struct vmt *first, unsigned int id, const char *entry,
	       int cpu)
{
	struct crew_member *m = calloc(1, sizeof(*m));

	if (!m || crew->nr == CREW_MAX)
		vmt_die((struct vmt *)first, "no room for vCPU %u", id);
	if (id)
		vmt_open_vcpu(&m->v, first, id);
	else
		m->v = *first;
	m->cpu = cpu;
	vmt_start(&m->v, entry);
	m->v.page->gpr.r15 = CREW_PAGE(id);
	m->v.page->gpr.rsp = CREW_PAGE(id) + 0xff0;
	m->v.page->mp.state = SVMM_MP_RUNNABLE;
	m->v.page->dirty |= SVMM_STATE_MP | SVMM_STATE_GPR;
	crew->member[crew->nr++] = m;
}

static void *run(void *arg)
{
	struct crew_member *m = arg;

	if (m->cpu >= 0)
		vmt_pin(m->cpu);
	while (!m->stop) {
		int ret = svmm_run(m->v.vcpu);

		if (ret == -EINTR)
			continue;
		m->end = ret ?: (int)m->v.page->exit.reason;
		break;
	}
	return NULL;
}

void crew_start(struct crew *crew)
{
	struct sigaction sa = { .sa_handler = on_signal };

	sigaction(SIGUSR2, &sa, NULL);
	for (unsigned int i = 0; i < crew->nr; i++) {
		struct crew_member *m = crew->member[i];

		if (pthread_create(&m->thread, NULL, run, m))
			vmt_die(&m->v, "pthread_create");
	}
	for (unsigned int i = 0; i < crew->nr; i++) {
		struct vmt *v = &crew->member[i]->v;
		volatile uint32_t *ready = vmt_u32(v, v->page->gpr.r15 + 4);

		while (!*ready) {
			if (crew->member[i]->end)
				vmt_die(v, "member %u ended", i);
			usleep(1000);
		}
	}
}

void crew_stop(struct crew *crew)
{
	for (unsigned int i = 0; i < crew->nr; i++) {
		struct crew_member *m = crew->member[i];

		m->stop = true;
		m->v.page->immediate_exit = 1;
		pthread_kill(m->thread, SIGUSR2);
		pthread_join(m->thread, NULL);
		m->v.page->immediate_exit = 0;
	}
	for (unsigned int i = 0; i < crew->nr; i++) {
		struct crew_member *m = crew->member[i];

		if (m->v.page->gpr.r15 != CREW_PAGE(0)) {
			munmap(m->v.page, m->v.caps.vcpu_mmap_bytes);
			close(m->v.vcpu);
		}
		free(m);
	}
	crew->nr = 0;
}
