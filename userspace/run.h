/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VMCTL_RUN_H
#define VMCTL_RUN_H

struct run_options;

/* `vmctl run`; the VM gets a name if it has none.  Return: the exit status. */
int run_vm(struct run_options *options);

#endif
