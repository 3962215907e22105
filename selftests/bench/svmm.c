// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "hypervisor.h"

struct machine {
	struct vmt v;
	void *mem;
	uint64_t bytes;
};

void program_load(struct program *program, const char *guest, const char *entry)
{
	struct vmt v;

	vmt_boot(&v, guest, entry);
	memcpy(program->ram, v.ram, sizeof(program->ram));
	memcpy(&program->page, v.page, sizeof(program->page));
	vmt_close(&v);
}

static void ignore_io(struct vmt *v, struct vmt_io *io)
{
}

static void ignore_mmio(struct vmt *v, struct vmt_mmio *mmio)
{
}

static struct machine *create(const struct program *program, void *mem, uint64_t bytes)
{
	struct machine *m = calloc(1, sizeof(*m));

	vmt_open(&m->v);
	m->v.on_io = ignore_io;
	m->v.on_mmio = ignore_mmio;
	memcpy(m->v.ram, program->ram, sizeof(program->ram));
	m->mem = mem;
	m->bytes = bytes;
	if (bytes && svmm_set_slot(m->v.vm, 1, 0, GPA, bytes, mem))
		vmt_die(&m->v, "no slot");
	return m;
}

static void bell(struct machine *m, int fd, bool memory)
{
	if (memory ? svmm_ioeventfd(m->v.vm, 0, GPA, 0, 0, fd) :
		     svmm_ioeventfd(m->v.vm, SVMM_IOEVENTFD_PIO, PORT_BELL, 1, 0, fd))
		vmt_die(&m->v, "no ioeventfd");
}

static void interrupt(struct machine *m, int fd)
{
	if (svmm_irqfd(m->v.vm, 0, 0xfee00000, VECTOR_BELL, fd))
		vmt_die(&m->v, "no irqfd");
}

static void run(struct machine *m, const struct program *program, uint64_t bytes, uint64_t number)
{
	struct svmm_vcpu_page *page = m->v.page;

	page->gpr = program->page.gpr;
	page->seg = program->page.seg;
	page->cr = program->page.cr;
	page->gpr.rdi = GPA;
	page->gpr.rsi = bytes;
	page->gpr.rdx = number;
	page->gpr.r8 = CONTROL(0);
	page->dirty |= SVMM_STATE_GPR | SVMM_STATE_SEG | SVMM_STATE_CR;
	if (vmt_run(&m->v) != VMT_DONE)
		vmt_die(&m->v, "the guest did not end as it should");
}

static void start_log(struct machine *m)
{
	if (svmm_set_slot(m->v.vm, 1, SVMM_MEM_LOG_DIRTY, GPA, m->bytes, m->mem))
		vmt_die(&m->v, "no dirty log");
}

static void harvest(struct machine *m, uint64_t *bitmap)
{
	if (svmm_dirty_log(m->v.vm, 1, SVMM_DIRTY_CLEAR, 0, m->bytes / PAGE_SIZE, bitmap))
		vmt_die(&m->v, "dirty log");
}

static void destroy(struct machine *m)
{
	vmt_close(&m->v);
	free(m);
}

const struct hypervisor svmm = {
	.name = "svmm",
	.create = create,
	.run = run,
	.bell = bell,
	.interrupt = interrupt,
	.log = start_log,
	.harvest = harvest,
	.destroy = destroy,
};
