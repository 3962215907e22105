/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VMCTL_LIST_H
#define VMCTL_LIST_H

/* `vmctl list`: a line for each VM that the caller may see.  Return: the exit status. */
int list_vms(void);

#endif
