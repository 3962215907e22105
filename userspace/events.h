/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VMCTL_EVENTS_H
#define VMCTL_EVENTS_H

/* `vmctl events`: what happens to VMs, until a signal ends it.  Return: the exit status. */
int events_command(int argc, char **argv);

#endif
