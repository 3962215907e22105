/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VMCTL_TRACE_H
#define VMCTL_TRACE_H

/* `vmctl trace`: a VM's exits and what comes with them, live.  Return: the exit status. */
int trace_command(int argc, char **argv);

#endif
