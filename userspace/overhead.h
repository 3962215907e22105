/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VMCTL_OVERHEAD_H
#define VMCTL_OVERHEAD_H

#include "accounts.h"

/* `vmctl overhead`: what a VM's exits cost, by reason.  Return: the exit status. */
int overhead_command(int argc, char **argv);

/* overhead_chart.c: the same as a picture. False after a message. */
bool overhead_chart(const char *path, const char *name, const struct vm_accounts *sum);

#endif
