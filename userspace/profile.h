/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VMCTL_PROFILE_H
#define VMCTL_PROFILE_H

/* `vmctl profile`: where a guest spends its time, or exits.  Return: the exit status. */
int profile_command(int argc, char **argv);

#endif
