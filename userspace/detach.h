/* SPDX-License-Identifier: GPL-2.0 */
/*
 * `vmctl run --detach`: a VM in a process of its own, whose caller waits only until it runs.
 */
#ifndef VMCTL_DETACH_H
#define VMCTL_DETACH_H

#include <stdbool.h>

struct machine;

#define DETACHED	(-1)

/**
 * struct detached - what a detached process has of its caller, and then without him
 * @ready_fd: where the caller hears that the VM runs; -1: nobody waits
 * @said_fd: what processes of the VM write to standard error; -1: not detached
 */
struct detached {
	int ready_fd, said_fd;
};

/**
 * detach_begin - go on in a new process, in a session of its own
 * @d: filled in, in that process
 *
 * What it and its children say until detach_ready() on standard error, the caller says.  It has
 * nothing else of the caller's terminal.
 *
 * Return: DETACHED in that process; in the caller's the status to exit with, STATUS_OK once the new
 * process is ready, and its VM's name is printed, else that with which it has ended.
 */
int detach_begin(struct detached *d);

/**
 * detach_ready - the VM runs: let the caller go
 * @d: of detach_begin()
 * @name: of the VM
 *
 * Messages go to syslog from now on.
 *
 * Return: false if the caller is gone.
 */
bool detach_ready(struct detached *d, const char *name);

/* Have @m's event loop bring what children say to syslog; and no more.  Return: 0 or -errno. */
int detach_attach(struct detached *d, struct machine *m);
void detach_detach(struct detached *d, struct machine *m);

#endif
