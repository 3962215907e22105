/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What sandbox.c has of the filters of system calls; those of threads are in sandbox.h.
 */
#ifndef VMCTL_SANDBOX_FILTER_H
#define VMCTL_SANDBOX_FILTER_H

#include "sandbox.h"

/* Of the calling process, once it has no new privileges.  Return: 0 or -errno. */
int filter_process(const struct sandbox_needs *needs);

/* Of the process of a network, which may open @files, to read.  Return: 0 or -errno. */
int filter_network(bool files);

#endif
