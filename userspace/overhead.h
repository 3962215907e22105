/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VMCTL_OVERHEAD_H
#define VMCTL_OVERHEAD_H

/* `vmctl overhead`: what a VM's exits cost, by reason.  Return: the exit status. */
int overhead_command(int argc, char **argv);

#endif
