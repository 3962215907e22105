/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A network that exists only for one guest, behind connections of this process.
 */
#ifndef VMCTL_NET_SLIRP_H
#define VMCTL_NET_SLIRP_H

struct net_options;
struct slirp_net;

/*
 * With its ports of the host.  The process is its own: it has at most 1024 files from now on, so
 * that a guest cannot begin connections without end.  Return: it, or NULL after a message.
 */
struct slirp_net *slirp_net_open(const struct net_options *options);

/*
 * Be the other end of @fd, a non-blocking socket of packets: the guest's frames come from it and go
 * to it, with their headers.  For a packet of one byte the frames that wait are thrown away, and
 * the byte is sent back.  Returns when it is closed.
 */
void slirp_net_run(struct slirp_net *slirp, int fd);
void slirp_net_free(struct slirp_net *slirp);

#endif
