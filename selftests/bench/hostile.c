// SPDX-License-Identifier: GPL-2.0
/*
 * A guest that does not let go, until this process is killed: one of the loops of guests/hostile.S,
 * for local/latency to measure the host beside it. Says `running` when it does.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 */
#include <stdio.h>
#include <unistd.h>

#include "../lib/vmtest.h"

static void any_io(struct vmt *v, struct vmt_io *io)
{
}

static void any_mmio(struct vmt *v, struct vmt_mmio *m)
{
}

int main(int argc, char **argv)
{
	struct vmt v;

	if (argc != 2) {
		fprintf(stderr, "usage: bench-hostile ENTRY\n");
		return 2;
	}
	vmt_boot(&v, "hostile", argv[1]);
	alarm(0);
	v.on_io = any_io;
	v.on_mmio = any_mmio;
	if (vmt_report(&v) != 1)
		vmt_die(&v, "it did not begin");
	puts("running");
	fflush(stdout);
	vmt_die(&v, "it has ended with %d", vmt_run(&v));
}
