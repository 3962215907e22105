/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tell the service manager, if one has started vmctl, that the VM runs: the protocol of
 * sd_notify(3), which a unit with Type=notify speaks.
 */
#ifndef VMCTL_NOTIFY_H
#define VMCTL_NOTIFY_H

/**
 * notify_open - of the service manager that $NOTIFY_SOCKET names
 *
 * Once, before the sandbox.  What vmctl starts does not hear of it.
 *
 * Return: a connected socket; -1: there is none, or a message has said why it cannot be reached.
 */
int notify_open(void);

/* What runs is ready.  Closes @fd.  A manager who is gone need not know. */
void notify_ready(int fd);

#endif
