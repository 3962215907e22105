/* SPDX-License-Identifier: GPL-2.0 */
/*
 * `monitor`, the commands of GDB's user that are vmctl's own.
 */
#ifndef VMCTL_GDB_MONITOR_H
#define VMCTL_GDB_MONITOR_H

#include <stdio.h>

struct vcpu;

/* Do what @command says of a vCPU that stands still; what it prints goes to @out. */
void gdb_monitor(struct vcpu *vcpu, const char *command, FILE *out);

#endif
