/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What devices a virtual machine can have: the part of the help that is about them.
 */
#ifndef VMCTL_DEVICE_HELP_H
#define VMCTL_DEVICE_HELP_H

/* The options of all devices, for --help; and with an introduction, for --device help. */
void device_help_options(void);
void device_help(void);

#endif
