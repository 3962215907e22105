/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VMCTL_MEM_H
#define VMCTL_MEM_H

/* `vmctl mem`: a VM's memory as guest, module and host have it.  Return: the exit status. */
int mem_command(int argc, char **argv);

#endif
