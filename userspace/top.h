/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VMCTL_TOP_H
#define VMCTL_TOP_H

/* `vmctl top`: vCPUs, live.  Return: the exit status. */
int top_command(int argc, char **argv);

#endif
