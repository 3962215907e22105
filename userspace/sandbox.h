/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What vmctl takes away from itself before the guest's first instruction, so that a guest that gets
 * hold of vmctl has little: no file but those that are open, no program, no privilege, no network.
 */
#ifndef VMCTL_SANDBOX_H
#define VMCTL_SANDBOX_H

#include <stdbool.h>
#include <sys/types.h>

#define SANDBOX_SERVERS_MAX	32

/**
 * struct sandbox_needs - what this VM goes on to need
 * @servers: processes, each of a group of its own, that may have to be killed
 * @nr_servers: of them, at most SANDBOX_SERVERS_MAX
 */
struct sandbox_needs {
	pid_t servers[SANDBOX_SERVERS_MAX];
	unsigned int nr_servers;
};

/* At the very start: what vmctl inherits beside its standard streams is not for those it starts. */
void sandbox_remember_fds(void);

/**
 * sandbox_enter - for the whole process, which has one thread
 * @needs: what stays
 *
 * Inherited fds are closed; where it is permitted there are a mount namespace with an empty root
 * and a network namespace without an interface, else a message says what there is not; no
 * capability, no new privilege; of system calls only those of a VMM, and of those that reach other
 * processes only what concerns vmctl itself.  Any other ends vmctl, with a message.
 *
 * Return: 0, or -1 after a message.
 */
int sandbox_enter(const struct sandbox_needs *needs);

/**
 * sandbox_enter_network - for a process that has the host's network in a guest's name
 *
 * Of one thread, with no fd open but its own, and what it loads loaded.  It may have sockets of
 * IPv4, and read a copy of /etc/resolv.conf as it is now, in a root that has nothing else; where
 * such a root is not permitted, that file itself, by Landlock; where the kernel does not have that
 * either, no file at all.  Root becomes nobody.  Any other system call ends it, with a message.
 *
 * Return: 0, or -1 after a message.
 */
int sandbox_enter_network(void);

/* For the calling thread, less yet: a vCPU's, or one that serves a device's queue. */
void sandbox_enter_vcpu(void);
void sandbox_enter_worker(void);

#endif
