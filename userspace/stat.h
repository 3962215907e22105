/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VMCTL_STAT_H
#define VMCTL_STAT_H

/* `vmctl stat`: what vCPUs do with their time.  Return: the exit status. */
int stat_command(int argc, char **argv);

#endif
