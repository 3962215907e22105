// SPDX-License-Identifier: GPL-2.0
/*
 * From rules to a program: libseccomp's work.  It knows no rule.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rules.h"

/* Return: the number of instructions that libseccomp writes to @fd, which are then in @insns. */
static int export(scmp_filter_ctx ctx, int fd, struct sock_filter *insns)
{
	const ssize_t room = FILTER_INSNS_MAX * sizeof(*insns);
	int err = seccomp_export_bpf(ctx, fd);
	ssize_t bytes;

	if (err)
		return err;
	bytes = lseek(fd, 0, SEEK_END);
	if (bytes < 0 || bytes > room)
		return -E2BIG;
	if (pread(fd, insns, bytes, 0) != bytes || bytes % sizeof(*insns))
		return -EIO;
	return bytes / sizeof(*insns);
}

int filter_program(enum filter_kind kind, const uint32_t *values, struct sock_filter *insns)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_TRAP);
	int fd = memfd_create("filter", MFD_CLOEXEC), nr;

	if (!ctx || fd < 0) {
		nr = -ENOMEM;
		goto out;
	}
	/* A tree: the kernel tries each system call when a program is loaded. */
	nr = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (!nr)
		nr = filter_rules(ctx, kind, values);
	if (!nr)
		nr = export(ctx, fd, insns);
out:
	if (fd >= 0)
		close(fd);
	seccomp_release(ctx);
	return nr;
}
