/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Frames, with their headers, as what is written to a file and read from it: one call, one frame.
 *
 * It knows a file that does not block and who waits for it, not what the file is.
 */
#ifndef VMCTL_NET_FD_H
#define VMCTL_NET_FD_H

#include "net.h"

/**
 * net_fd_send - write a frame
 * @fd: non-blocking: a tap interface's, or a socket of packets
 * @iov: header and frame
 * @nr: of @iov, at most IOV_MAX
 *
 * One that the other side does not like, or that comes while it is down, is lost.
 *
 * Return: 0, or -1: there is no room now.
 */
int net_fd_send(int fd, const struct iovec *iov, unsigned int nr);

/**
 * net_fd_receive - read a frame
 * @fd: likewise
 * @iov: where header and frame go; what does not fit is lost
 * @nr: of @iov, at most IOV_MAX
 *
 * Return: bytes, a header's at least, or 0: there is none, or what there was is none.
 */
uint32_t net_fd_receive(int fd, const struct iovec *iov, unsigned int nr);

/**
 * net_fd_wait - as struct net_ops has it
 * @fd: likewise; -1: it is waited for in vain
 * @wake: eventfds that end it; their revents are filled in
 * @what: NET_*
 *
 * Return: whether the other end is still there.
 */
bool net_fd_wait(int fd, struct pollfd wake[NET_WAKES], unsigned int what);

#endif
