/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VMCTL_RUN_H
#define VMCTL_RUN_H

struct run_options;

/* `vmctl run`.  Return: the exit status. */
int run_vm(const struct run_options *options);

#endif
