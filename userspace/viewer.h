/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VMCTL_VIEWER_H
#define VMCTL_VIEWER_H

/* `vmctl console`: argv[0] is the command's name.  Return: the exit status. */
int console_command(int argc, char **argv);

#endif
