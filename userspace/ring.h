/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rings of io_uring that read and write files, and do nothing else.
 */
#ifndef VMCTL_RING_H
#define VMCTL_RING_H

#include <liburing.h>

/**
 * ring_open - open one, before the sandbox, which lets no ring be opened or changed
 * @ring: to fill in; io_uring_queue_exit() ends it
 * @entries: how many requests can be submitted at a time
 *
 * The kernel refuses (-EACCES) all requests of it but reads, writes, flushes, fallocate() and
 * polls, and every change of what it refuses: a filter of system calls does not see what a ring is
 * asked for.  A kernel that cannot (before Linux 5.10) gives a ring that can do all; that is said
 * once.
 *
 * The ring is any thread's, one at a time.
 *
 * Return: 0 or -errno.
 */
int ring_open(struct io_uring *ring, unsigned int entries);

#endif
