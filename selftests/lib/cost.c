// SPDX-License-Identifier: GPL-2.0
#include <stddef.h>

#include "cost.h"

static void nobody_io(struct vmt *v, struct vmt_io *io)
{
}

static void nobody_mmio(struct vmt *v, struct vmt_mmio *mmio)
{
}

void cost_open(struct vmt *v)
{
	vmt_open(v);
	vmt_load(v, "cost");
	v->on_io = nobody_io;
	v->on_mmio = nobody_mmio;
}

void cost_run(struct vmt *v, const char *entry, uint64_t rounds)
{
	vmt_start(v, entry);
	v->page->gpr.rdi = COST_DEVICE;
	v->page->gpr.rdx = rounds;
	vmt_done(v);
}

const struct svmm_exit_stat *cost_line(const struct svmm_vcpu_stats *stats, uint64_t code)
{
	for (uint32_t i = 0; i < stats->nr_exits; i++)
		if (stats->exits[i].exit_code == code)
			return &stats->exits[i];
	return NULL;
}
