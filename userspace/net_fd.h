/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Frames, with their headers, as what is written to a file and read from it.
 */
#ifndef VMCTL_NET_FD_H
#define VMCTL_NET_FD_H

#include "net.h"

/* As struct net_ops has them, of non-blocking @fd. */
int net_fd_send(int fd, const struct iovec *iov, unsigned int nr);
uint32_t net_fd_receive(int fd, const struct iovec *iov, unsigned int nr);

/* @fd -1 is waited for in vain.  Return: whether the other end is still there. */
bool net_fd_wait(int fd, struct pollfd wake[NET_WAKES], unsigned int what);

#endif
