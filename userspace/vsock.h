/* SPDX-License-Identifier: GPL-2.0 */
/*
 * --vsock: the guest's address for sockets between it and the host.
 */
#ifndef VMCTL_VSOCK_H
#define VMCTL_VSOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vhost.h"

extern const char vsock_help[];

/* A context ID.  Return: whether it is right; else @why it is not. */
bool vsock_parse(const char *text, uint32_t *cid, char *why, size_t bytes);

/* Take @cid in the host.  Return: 0, or -1 after a message. */
int vsock_open(struct vhost *vhost, uint32_t cid);

#endif
