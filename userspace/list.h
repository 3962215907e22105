/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VMCTL_LIST_H
#define VMCTL_LIST_H

/* `vmctl list`: the VMs that the caller may see.  Return: the exit status. */
int list_command(int argc, char **argv);

#endif
