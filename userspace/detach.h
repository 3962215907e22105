/* SPDX-License-Identifier: GPL-2.0 */
/*
 * `vmctl run --detach`: a VM in a process of its own, whose caller waits only until it runs.
 */
#ifndef VMCTL_DETACH_H
#define VMCTL_DETACH_H

#include <stdbool.h>

#define DETACHED	(-1)

/**
 * detach_begin - go on in a new process, in a session of its own
 * @ready_fd: set for detach_ready()
 *
 * Until detach_ready() its standard output and error are the caller's.
 *
 * Return: DETACHED in that process; in the caller's the status to exit with, STATUS_OK once the new
 * process is ready, else that with which it has ended.
 */
int detach_begin(int *ready_fd);

/**
 * detach_ready - the VM runs: print its name, let the caller go, and need nothing of it any more
 * @ready_fd: of detach_begin(), closed
 * @name: of the VM
 *
 * Return: false if the caller is gone, or after a message.
 */
bool detach_ready(int ready_fd, const char *name);

#endif
