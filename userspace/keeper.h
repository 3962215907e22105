/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A process that removes a name in the file system when vmctl ends, in whatever way.  So vmctl, once
 * it has a guest, holds no directory and may remove nothing.
 */
#ifndef VMCTL_KEEPER_H
#define VMCTL_KEEPER_H

#include <sys/types.h>

/**
 * struct keeper - the process
 * @pid: of it
 * @life_fd: which nobody else has: when it is closed, vmctl has ended
 */
struct keeper {
	pid_t pid;
	int life_fd;
};

/**
 * keeper_start - have @name removed later, if it still is the file that it is now
 * @k: filled in
 * @dir: the directory that it is in; can be closed then
 * @name: within it
 *
 * Only before the sandbox, while there is one thread.
 *
 * Return: 0, or -1 with errno set.
 */
int keeper_start(struct keeper *k, int dir, const char *name);

/* It is time; the name has gone when this returns. */
void keeper_end(struct keeper *k);

#endif
