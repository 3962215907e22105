/* SPDX-License-Identifier: GPL-2.0 */
/*
 * --share: a directory of the host for the guest, and the virtiofsd that serves it.
 */
#ifndef VMCTL_SHARE_H
#define VMCTL_SHARE_H

#include <stdbool.h>
#include <stddef.h>

#include "devices/virtio_fs.h"
#include "vhost_user.h"

#define SHARES_MAX	4u

struct share_options {
	const char *path;
	const char *cache;		/* virtiofsd's: auto, always or none */
	const char *sandbox;		/* likewise: namespace, chroot or none */
	struct virtio_fs_options model;
};

/* A few lines for --help. */
extern const char share_help[];

/* DIR[,tag=NAME][,cache=...][,sandbox=...].  Return: whether it is right; else @why it is not. */
bool share_parse(const char *text, struct share_options *share, char *why, size_t bytes);

/* Start its virtiofsd, which ends with vmctl.  Return: 0, or -1 after a message. */
int share_open(const struct share_options *share, struct vhost_user *user);

#endif
