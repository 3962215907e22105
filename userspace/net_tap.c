// SPDX-License-Identifier: GPL-2.0
/*
 * A tap interface of the host: what the guest sends comes in there, what goes out there is the
 * guest's.
 *
 * The kernel takes virtio-net's header as it is, so that frames are read and written in the guest's
 * memory, and checksums and segments are left to who has to have them.  A queue pair is a file of
 * its own; the kernel's vhost moves its frames if it is there.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/vhost.h>
#include <linux/virtio_net.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "message.h"
#include "net_fd.h"
#include "net_link.h"
#include "vhost.h"

#define TUN_DEVICE	"/dev/net/tun"
#define NAME_PATTERN	"svmm%d"
#define FORGET_MAX	65536u		/* frames; what comes after so many is new */

#ifndef TUN_F_USO4	/* Linux 6.2 */
#define TUN_F_USO4	0x20
#define TUN_F_USO6	0x40
#endif

struct tap {
	struct net net;
	const struct net_options *options;
	char name[IFNAMSIZ];
	int fds[NET_PAIRS_MAX];
	unsigned int attached;		/* pairs that receive */
	atomic_bool gone;		/* the interface was removed */
	struct vhost vhost;
};

/* Frames */

static int tap_send(struct net *net, unsigned int pair, const struct iovec *iov, unsigned int nr,
		    uint32_t bytes)
{
	const struct tap *tap = (struct tap *)net;

	(void)bytes;
	return net_fd_send(tap->fds[pair], iov, nr);
}

static uint32_t tap_receive(struct net *net, unsigned int pair, const struct iovec *iov,
			    unsigned int nr)
{
	const struct tap *tap = (struct tap *)net;

	return net_fd_receive(tap->fds[pair], iov, nr);
}

static void tap_wait(struct net *net, unsigned int pair, struct pollfd wake[NET_WAKES],
		     unsigned int what)
{
	struct tap *tap = (struct tap *)net;

	/* Of one that is gone poll() would tell again and again. */
	if (net_fd_wait(tap->gone ? -1 : tap->fds[pair], wake, what) ||
	    atomic_exchange(&tap->gone, true))
		return;
	message("--net %s: interface %s was removed; the guest has no network until vmctl is "
		"started again", net->text, tap->name);
}

/* What the driver sets */

static const struct {
	unsigned int feature, offload;
} offloads[] = {
	{ VIRTIO_NET_F_GUEST_CSUM, TUN_F_CSUM },
	{ VIRTIO_NET_F_GUEST_TSO4, TUN_F_TSO4 },
	{ VIRTIO_NET_F_GUEST_TSO6, TUN_F_TSO6 },
	{ VIRTIO_NET_F_GUEST_ECN, TUN_F_TSO_ECN },
	{ VIRTIO_NET_F_GUEST_UFO, TUN_F_UFO },
	{ VIRTIO_NET_F_GUEST_USO4, TUN_F_USO4 },
	{ VIRTIO_NET_F_GUEST_USO6, TUN_F_USO6 },
};

static void tap_set_offloads(struct net *net, uint64_t features)
{
	const struct tap *tap = (struct tap *)net;
	unsigned long arg = 0;

	for (size_t i = 0; i < sizeof(offloads) / sizeof(offloads[0]); i++) {
		if (features >> offloads[i].feature & 1)
			arg |= offloads[i].offload;
	}
	/* The kernel knows USO for both or for none, and all of them on top of checksums alone. */
	if (!(arg & TUN_F_USO4) || !(arg & TUN_F_USO6))
		arg &= ~(TUN_F_USO4 | TUN_F_USO6);
	if (!(arg & TUN_F_CSUM))
		arg = 0;
	if (ioctl(tap->fds[0], TUNSETOFFLOAD, arg))
		ioctl(tap->fds[0], TUNSETOFFLOAD, 0);
}

static void tap_set_filter(struct net *net, const struct net_filter *filter)
{
	const struct tap *tap = (struct tap *)net;
	union {
		struct tun_filter f;
		uint8_t room[sizeof(struct tun_filter) + sizeof(filter->addresses)];
	} arg = { 0 };

	/* The kernel compares eight addresses, and groups by a hash; with more it lets all pass. */
	if (!filter->promiscuous) {
		arg.f.flags = filter->all_multicast ? TUN_FLT_ALLMULTI : 0;
		arg.f.count = filter->nr;
		memcpy(arg.room + sizeof(arg.f), filter->addresses, filter->nr * ETH_ALEN);
	}
	ioctl(tap->fds[0], TUNSETTXFILTER, &arg);
}

static int set_queue(const struct tap *tap, unsigned int pair, short what)
{
	struct ifreq request = { .ifr_flags = what };

	return ioctl(tap->fds[pair], TUNSETQUEUE, &request);
}

/* A pair that is attached gets its share of the frames, whether anybody reads them or not. */
static int tap_use_pairs(struct net *net, unsigned int pairs)
{
	struct tap *tap = (struct tap *)net;

	for (; tap->attached > pairs; tap->attached--)
		set_queue(tap, tap->attached - 1, IFF_DETACH_QUEUE);
	for (; tap->attached < pairs; tap->attached++) {
		if (set_queue(tap, tap->attached, IFF_ATTACH_QUEUE))
			return -1;
	}
	return 0;
}

static void tap_forget(struct net *net)
{
	const struct tap *tap = (struct tap *)net;
	uint8_t start[64];
	const struct iovec iov = { start, sizeof(start) };

	for (unsigned int i = 0; i < net->pairs; i++) {
		for (unsigned int n = 0; n < FORGET_MAX; n++) {
			if (!net_fd_receive(tap->fds[i], &iov, 1))
				break;
		}
	}
}

static int tap_connect(struct net *net, unsigned int pair, bool on)
{
	const struct tap *tap = (struct tap *)net;
	struct vhost_vring_file file = { .fd = on ? tap->fds[pair] : -1 };
	int err = 0;

	for (; file.index < VHOST_RINGS; file.index++) {
		if (ioctl(tap->vhost.fds[pair], VHOST_NET_SET_BACKEND, &file))
			err = -errno;
	}
	if (err && on)
		tap_connect(net, pair, false);
	return err;
}

/* Life */

static void tap_free(struct net *net)
{
	struct tap *tap = (struct tap *)net;

	if (net->vhost)
		vhost_close(net->vhost);
	while (net->pairs)
		close(tap->fds[--net->pairs]);
	free(tap);
}

static const struct net_ops ops = {
	.send = tap_send,
	.receive = tap_receive,
	.wait = tap_wait,
	.set_offloads = tap_set_offloads,
	.set_filter = tap_set_filter,
	.use_pairs = tap_use_pairs,
	.forget = tap_forget,
	.connect = tap_connect,
	.free = tap_free,
};

/* Another file of the interface, whose name the first one finds.  Return: 0 or -errno. */
static int add_pair(struct tap *tap, bool several)
{
	struct ifreq request = {
		.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (several ? IFF_MULTI_QUEUE : 0),
	};
	int fd = open(TUN_DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC), err;
	const int header = sizeof(struct virtio_net_hdr_v1);

	if (fd < 0)
		return -errno;
	memcpy(request.ifr_name, tap->name, IFNAMSIZ);
	if (ioctl(fd, TUNSETIFF, &request) || ioctl(fd, TUNSETVNETHDRSZ, &header)) {
		err = -errno;
		close(fd);
		return err;
	}
	memcpy(tap->name, request.ifr_name, IFNAMSIZ);
	tap->fds[tap->net.pairs++] = fd;
	return 0;
}

static void cannot_open(const struct tap *tap, int err)
{
	const char *text = tap->options->text, *name = tap->options->ifname;

	if (err == -ENOENT || err == -ENODEV || err == -ENXIO)
		message("--net %s: there is no " TUN_DEVICE "; load its module, as root: modprobe "
			"tun; or use --net user", text);
	else if (err == -EPERM || err == -EACCES)
		message("--net %s: you may not %s; as root: ip tuntap add %s mode tap user %u "
			"multi_queue; or use --net user", text,
			name ? "use this interface" : "make an interface", name ? name : "NAME",
			getuid());
	else if (err == -EBUSY)
		message("--net %s: another process uses interface %s; choose another ifname", text,
			tap->name);
	else if (err == -EINVAL && name)
		message("--net %s: interface %s is there and no tap interface; choose another "
			"ifname", text, name);
	else
		message("--net %s: cannot make a tap interface: %s", text, strerror(-err));
}

/* What is there already has one queue or several: as it was made. */
static int open_first(struct tap *tap, bool *several)
{
	int err;

	if (tap->options->ifname && link_in_use(tap->name))
		return -EBUSY;
	err = add_pair(tap, *several);
	if (err != -EINVAL)
		return err;
	err = add_pair(tap, !*several);
	if (!err)
		*several = !*several;
	return err;
}

static int open_pairs(struct tap *tap, unsigned int cpus)
{
	unsigned int wanted = tap->options->pairs;
	bool several;
	int err;

	if (!wanted)
		wanted = cpus < NET_PAIRS_MAX ? cpus : NET_PAIRS_MAX;
	several = wanted > 1;
	err = open_first(tap, &several);
	if (!err && !several && tap->options->pairs > 1) {
		message("--net %s: interface %s was made for one queue; use queues=1, or make it "
			"anew, as root, with: ip tuntap add %s mode tap multi_queue",
			tap->options->text, tap->name, tap->name);
		return -1;
	}
	while (!err && several && tap->net.pairs < wanted)
		err = add_pair(tap, true);
	if (err)
		cannot_open(tap, err);
	tap->attached = tap->net.pairs;
	return err;
}

static uint64_t find_features(const struct tap *tap)
{
	const unsigned long uso = TUN_F_CSUM | TUN_F_USO4 | TUN_F_USO6;
	uint64_t f = 1ull << VIRTIO_NET_F_CSUM | 1ull << VIRTIO_NET_F_GUEST_CSUM |
		     1ull << VIRTIO_NET_F_HOST_TSO4 | 1ull << VIRTIO_NET_F_GUEST_TSO4 |
		     1ull << VIRTIO_NET_F_HOST_TSO6 | 1ull << VIRTIO_NET_F_GUEST_TSO6 |
		     1ull << VIRTIO_NET_F_HOST_ECN | 1ull << VIRTIO_NET_F_GUEST_ECN |
		     1ull << VIRTIO_NET_F_HOST_UFO | 1ull << VIRTIO_NET_F_GUEST_UFO;

	if (!ioctl(tap->fds[0], TUNSETOFFLOAD, uso))
		f |= 1ull << VIRTIO_NET_F_HOST_USO | 1ull << VIRTIO_NET_F_GUEST_USO4 |
		     1ull << VIRTIO_NET_F_GUEST_USO6;
	ioctl(tap->fds[0], TUNSETOFFLOAD, 0);
	return f;
}

/* The kernel moves the frames if it can, unless the user says not to, or that it must. */
static int open_vhost(struct tap *tap)
{
	const struct net_options *o = tap->options;
	char why[160];

	if (o->vhost == NET_VHOST_OFF || o->model.packed)
		return 0;
	if (vhost_open(&tap->vhost, "vhost-net", tap->net.pairs, why, sizeof(why))) {
		tap->net.vhost = &tap->vhost;
		return 0;
	}
	if (o->vhost == NET_VHOST_AUTO)
		return 0;
	message("--net %s: %s; or say vhost=off", o->text, why);
	return -1;
}

struct net *net_open_tap(const struct net_options *options, unsigned int cpus)
{
	struct tap *tap = calloc(1, sizeof(*tap));

	if (!tap) {
		message("out of memory");
		return NULL;
	}
	tap->net.ops = &ops;
	tap->net.text = options->text;
	tap->options = options;
	strcpy(tap->name, options->ifname ? options->ifname : NAME_PATTERN);
	if (open_pairs(tap, cpus) ||
	    link_set_up(options->text, tap->name, options->bridge, options->model.mtu) ||
	    open_vhost(tap)) {
		tap_free(&tap->net);
		return NULL;
	}
	tap->net.features = find_features(tap);
	return &tap->net;
}

unsigned int net_tap_fds(const struct net *net, int fds[2 * NET_PAIRS_MAX])
{
	const struct tap *tap = (const struct tap *)net;

	memcpy(fds, tap->fds, net->pairs * sizeof(*fds));
	if (!net->vhost)
		return net->pairs;
	memcpy(fds + net->pairs, tap->vhost.fds, net->pairs * sizeof(*fds));
	return 2 * net->pairs;
}

/* Is it what add_pair() makes?  Its name, then. */
static bool is_pair(int fd, char name[IFNAMSIZ])
{
	const short want = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
	struct ifreq request = { 0 };
	int header = 0;

	if (ioctl(fd, TUNGETIFF, &request) || ioctl(fd, TUNGETVNETHDRSZ, &header))
		return false;
	memcpy(name, request.ifr_name, IFNAMSIZ);
	return (request.ifr_flags & (IFF_TUN | want)) == want &&
	       header == sizeof(struct virtio_net_hdr_v1) && !fcntl(fd, F_SETFL, O_NONBLOCK);
}

/* How many of @fds, from the first on, are of one interface, whose name is tap->name then. */
static unsigned int count_pairs(struct tap *tap, const int *fds, unsigned int nr)
{
	char name[IFNAMSIZ];
	unsigned int n;

	for (n = 0; n < nr && is_pair(fds[n], name); n++) {
		if (n && strcmp(name, tap->name))
			break;
		memcpy(tap->name, name, IFNAMSIZ);
	}
	return n;
}

/* What is behind those of the interface: all of vhost's, or nothing. */
static int take_vhost(struct tap *tap, const int *fds, unsigned int nr)
{
	const struct net_options *o = tap->options;

	if (!nr && o->vhost != NET_VHOST_ON)
		return 0;
	if (nr != tap->net.pairs || o->vhost == NET_VHOST_OFF || o->model.packed ||
	    !vhost_take(&tap->vhost, fds, nr)) {
		message("--net %s: behind the files of its interface there has to be one of "
			"/dev/vhost-net for each, or with vhost=off none", o->text);
		return -1;
	}
	tap->net.vhost = &tap->vhost;
	return 0;
}

static int take_files(struct tap *tap, const int *fds, unsigned int nr)
{
	unsigned int pairs;

	if (tap->options->kind != NET_TAP || !nr || nr > 2 * NET_PAIRS_MAX) {
		message("--net %s: a running VM takes tap interfaces only, with 1 to %u queues",
			tap->options->text, NET_PAIRS_MAX);
		return -1;
	}
	pairs = count_pairs(tap, fds, nr < NET_PAIRS_MAX ? nr : NET_PAIRS_MAX);
	if (pairs < nr && 2 * pairs != nr) {
		message("--net %s: its files are not those of one tap interface with "
			"virtio's header (IFF_TAP, IFF_NO_PI, IFF_VNET_HDR, 12 bytes)",
			tap->options->text);
		return -1;
	}
	memcpy(tap->fds, fds, pairs * sizeof(*fds));
	tap->net.pairs = pairs;
	tap->attached = pairs;
	return take_vhost(tap, fds + pairs, nr - pairs);
}

struct net *net_open_fds(const struct net_options *options, const int *fds, unsigned int nr)
{
	struct tap *tap = calloc(1, sizeof(*tap));

	if (!tap) {
		message("out of memory");
		goto close;
	}
	tap->net.ops = &ops;
	tap->net.text = options->text;
	tap->options = options;
	if (take_files(tap, fds, nr))
		goto free;
	tap->net.features = find_features(tap);
	return &tap->net;
free:
	free(tap);
close:
	while (nr)
		close(fds[--nr]);
	return NULL;
}
