/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The run directory: a user's control sockets, NAME.sock each.  The kernel is the truth about which
 * VMs live; a socket that nobody listens at is a leftover, and whoever meets one removes it.
 */
#ifndef VMCTL_RUN_DIR_H
#define VMCTL_RUN_DIR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/**
 * run_dir_open - open a user's run directory: root's is /run/svmm, another's $XDG_RUNTIME_DIR/svmm
 * @uid: whose; of others than the caller, who is root then, /run/user/UID/svmm
 * @create: make the caller's own if it is not there
 * @why: on failure what is wrong, and what to do
 * @room: its room
 *
 * It must be the user's, and nobody else may get into it.
 *
 * Return: its fd, or -1.
 */
int run_dir_open(uid_t uid, bool create, char *why, size_t room);

/**
 * run_dir_listen - make the socket of a VM
 * @dir: from run_dir_open()
 * @name: of the VM
 *
 * Return: a socket that listens and does not block; -EEXIST: somebody listens there already;
 * another negative errno.
 */
int run_dir_listen(int dir, const char *name);

/* Connect to a VM's socket.  Return: the connection, or a negative errno. */
int run_dir_connect(int dir, const char *name);

/* Remove the socket of @name, which the caller has made. */
void run_dir_remove(int dir, const char *name);

/* Remove those that nobody listens at.  Says nothing, as there may be nothing to say. */
void run_dir_clean(int dir);

#endif
