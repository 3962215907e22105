/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rings of io_uring that read and write files, and do nothing else.
 */
#ifndef VMCTL_URING_H
#define VMCTL_URING_H

#include <liburing.h>

#define URING_SPARES	4u

/**
 * uring_open - open one, before the sandbox, which lets no ring be opened or changed; or a spare one
 * @ring: to fill in; uring_close() ends it
 * @entries: how many requests can be submitted at a time
 *
 * The kernel refuses (-EACCES) all requests of it but reads, writes, flushes, fallocate() and polls,
 * and every change of what it refuses: a filter of system calls does not see what a ring is asked
 * for.  A kernel that cannot (before Linux 5.10) gives a ring that can do all; that is said once.
 *
 * The ring is any thread's, one at a time.
 *
 * Return: 0 or -errno; -ENOSPC: all the spare ones are in use.
 */
int uring_open(struct io_uring *ring, unsigned int entries);

/* Close one of which no request is under way. */
void uring_close(struct io_uring *ring);

/*
 * Before the sandbox: have URING_SPARES of them, all of @entries, for disks that come later.  From
 * now on uring_open() gives those, and no others; if they cannot be opened it says why.
 */
void uring_keep_spares(unsigned int entries);

#endif
