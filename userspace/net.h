/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a network card of the guest is connected to: how frames come and go.
 *
 * A net is opened once and outlives the machines that use it one after the other.  Each of its
 * queue pairs belongs to one thread at a time, which gives frames to send(), takes them from
 * receive(), and then waits for what comes first: a frame, room for one, or one of its eventfds.
 * Every frame has a struct virtio_net_hdr_v1 before it, both ways.
 */
#ifndef VMCTL_NET_H
#define VMCTL_NET_H

#include <linux/if_ether.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "devices/virtio_net.h"

#define NETS_MAX		8u
#define NET_PAIRS_MAX		8u
#define NET_FRAME_MAX		(65536u + 18)	/* 64 KiB, and Ethernet's header with a VLAN tag */
#define NET_FILTER_MAX		64u
#define NET_FORWARDS_MAX	16u

#define NET_WAKES		2u	/* eventfds that end a wait(): one for each queue */

/* What it waits for beside them */
#define NET_RECEIVE	1u
#define NET_SEND	2u
#define NET_LOOK	4u	/* nothing: it returns at once, with what there is */

struct net;

/**
 * struct net_filter - which frames the guest wants
 * @promiscuous: all
 * @all_multicast: those of all groups, too
 * @nr: of @addresses
 * @addresses: whose frames it wants
 */
struct net_filter {
	bool promiscuous;
	bool all_multicast;
	unsigned int nr;
	uint8_t addresses[NET_FILTER_MAX][ETH_ALEN];
};

/**
 * struct net_ops - a kind of net
 * @send: send the @bytes of header and frame in @iov, or lose them.  Return: 0, or -1: not now;
 *	there is room when wait() says so
 * @receive: put header and frame into @iov, of which @nr parts hold the largest.  Return: bytes,
 *	or 0: there is none
 * @wait: return when one of @wake is readable, which its revents say, or one of @what may have come
 * @set_offloads: of these bits (VIRTIO_NET_F_GUEST_*) a received frame may make use; NULL: of none
 * @set_filter: what the guest does not want need not be received; NULL: it always is
 * @use_pairs: receive by the first @pairs, at least 1.  Return: 0, or -1; NULL: there is only one
 * @forget: what has come and was not received is lost: it was for another machine, or driver
 * @connect: give a pair's frames to the rings of @vhost, or no longer.  Return: 0 or -errno
 * @leave: it is over; return whether free() need not wait for anything; it may be asked again.
 *	NULL: it need not
 * @free: close it
 *
 * The first three are called by a pair's thread, the others under the machine's lock; forget() only
 * while there is no such thread and nothing is connected.
 */
struct net_ops {
	int (*send)(struct net *net, unsigned int pair, const struct iovec *iov, unsigned int nr,
		    uint32_t bytes);
	uint32_t (*receive)(struct net *net, unsigned int pair, const struct iovec *iov,
			    unsigned int nr);
	void (*wait)(struct net *net, unsigned int pair, struct pollfd wake[NET_WAKES],
		     unsigned int what);
	void (*set_offloads)(struct net *net, uint64_t features);
	void (*set_filter)(struct net *net, const struct net_filter *filter);
	int (*use_pairs)(struct net *net, unsigned int pairs);
	void (*forget)(struct net *net);
	int (*connect)(struct net *net, unsigned int pair, bool on);
	bool (*leave)(struct net *net);
	void (*free)(struct net *net);
};

/**
 * struct net - one end of a cable
 * @ops: its kind
 * @text: the option that it is from, for messages
 * @features: what of virtio-net it can do: checksums and segmentation, both ways
 * @pairs: how many queue pairs it has, 1 to NET_PAIRS_MAX
 * @vhost: the kernel can serve the pairs, or NULL
 * @server: a process, and a group of them, that it has to itself; 0: none
 */
struct net {
	const struct net_ops *ops;
	const char *text;
	uint64_t features;
	unsigned int pairs;
	struct vhost *vhost;
	pid_t server;
};

enum net_kind { NET_TAP, NET_USER };

enum net_vhost { NET_VHOST_AUTO, NET_VHOST_ON, NET_VHOST_OFF };

/**
 * struct net_forward - a port of the host that is one of the guest's
 * @udp: of UDP, not of TCP
 * @host_address: network byte order, like @guest_address, where 0 is the address that DHCP gives
 * @host_port: 1 to 65535, like @guest_port
 */
struct net_forward {
	bool udp;
	uint32_t host_address, guest_address;
	uint16_t host_port, guest_port;
};

/**
 * struct net_options - --net, as the user gave it
 * @text: all of it
 * @kind: the rest is for one kind, where it says so
 * @model: the card; a MAC address of zeroes: net_default_mac()
 * @boot_order: 1 boots first; 0: when all that have one could not
 * @pairs: NET_TAP: of queues; 0: one per CPU, as far as possible
 * @ifname: NET_TAP: its name in the host, or NULL: the kernel finds one
 * @bridge: NET_TAP: what it is put into, or NULL
 * @vhost: NET_TAP
 * @network: NET_USER: its address, host byte order
 * @prefix: NET_USER: bits of it
 * @restricted: NET_USER: the guest reaches nobody
 * @loopback: NET_USER: it reaches 127.0.0.1 of the host, at address 2 of the network
 * @forwards: NET_USER
 * @nr_forwards: of them
 */
struct net_options {
	const char *text;
	enum net_kind kind;
	struct virtio_net_options model;
	unsigned int boot_order;
	unsigned int pairs;
	const char *ifname;
	const char *bridge;
	enum net_vhost vhost;
	uint32_t network;
	unsigned int prefix;
	bool restricted;
	bool loopback;
	struct net_forward forwards[NET_FORWARDS_MAX];
	unsigned int nr_forwards;
};

/**
 * net_parse - tap[,KEY=VALUE...] or user[,KEY=VALUE...]
 * @text: the option's value
 * @net: filled in; it keeps a copy of the text
 * @why: what is wrong with it
 * @bytes: of @why
 *
 * Return: whether it is right.
 */
bool net_parse(const char *text, struct net_options *net, char *why, size_t bytes);

/* One line for each part, for --help. */
extern const char net_help[];

/* The address of card @n of VM @name: always the same, one that nobody else gives away. */
void net_default_mac(const char *name, unsigned int n, uint8_t mac[ETH_ALEN]);

/**
 * net_open - before there are threads
 * @options: they must stay
 * @cpus: of the VM
 * @sandbox: a process that is started for it enters the sandbox
 *
 * Return: the net, or NULL after a message.
 */
struct net *net_open(const struct net_options *options, unsigned int cpus, bool sandbox);

/*
 * The same of a tap interface that somebody else has opened, a file for each of its queues, and
 * behind them one of /dev/vhost-net for each, or none; all are the net's then, or closed.  It may
 * be called in the sandbox.
 */
struct net *net_open_fds(const struct net_options *options, const int *fds, unsigned int nr);

/* The open files of one that is NET_TAP, for net_open_fds().  Return: how many of @fds it takes. */
unsigned int net_tap_fds(const struct net *net, int fds[2 * NET_PAIRS_MAX]);

/* The copy of its text that net_parse() has made. */
void net_forget(struct net_options *options);

/* The kinds. */
struct net *net_open_tap(const struct net_options *options, unsigned int cpus);
struct net *net_open_user(const struct net_options *options, bool sandbox);

static inline bool net_leave(struct net *net)
{
	return !net->ops->leave || net->ops->leave(net);
}

static inline void net_free(struct net *net)
{
	net->ops->free(net);
}

#endif
