// SPDX-License-Identifier: GPL-2.0
/*
 * A tap interface as vmctl opens it: frames both ways, and what waits there for another machine is
 * forgotten. Without a VM; what sets up interfaces in vmctl is played here.
 *
 * hosts: epyc-6.1
 * needs: userspace/net_tap.c userspace/net_fd.c
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "kselftest_harness.h"
#include "net.h"
#include "net_link.h"
#include "vhost.h"

#define NAME		"svmmtest"
#define HEADER		((uint32_t)sizeof(struct virtio_net_hdr_v1))
#define PROTOCOL	0x88b5		/* for experiments, IEEE 802 */
#define WAITING		200u
#define PAIRS		2u

void message(const char *format, ...)
{
	(void)format;
}

bool link_in_use(const char *name)
{
	return false;
}

int link_set_up(const char *text, const char *name, const char *bridge, unsigned int mtu)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), err;
	struct ifreq request = { .ifr_flags = IFF_UP };

	strcpy(request.ifr_name, name);
	err = ioctl(fd, SIOCSIFFLAGS, &request);
	close(fd);
	return err;
}

bool vhost_open(struct vhost *v, const char *name, unsigned int nr, char *why, size_t bytes)
{
	return false;
}

bool vhost_take(struct vhost *v, const int *fds, unsigned int nr)
{
	return false;
}

void vhost_close(struct vhost *v)
{
}

struct frame {
	struct virtio_net_hdr_v1 header;
	struct ethhdr eth;
	uint32_t number;
	uint8_t rest[1486];
} __attribute__((packed));

FIXTURE(tap) {
	struct net_options options;
	struct net *net;
	int host;			/* sends to the interface what the guest is to receive */
	struct frame frame;
};

FIXTURE_SETUP(tap)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(PROTOCOL) };

	if (system("modprobe tun"))		/* _exit, or the test would begin */
		SKIP(_exit(255), "there is no driver of tap interfaces");
	self->options = (struct net_options) {
		.text = "tap", .ifname = NAME, .pairs = PAIRS, .vhost = NET_VHOST_OFF,
	};
	self->net = net_open_tap(&self->options, PAIRS);
	ASSERT_NE(self->net, NULL);
	self->host = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(PROTOCOL));
	address.sll_ifindex = if_nametoindex(NAME);
	ASSERT_EQ(bind(self->host, (struct sockaddr *)&address, sizeof(address)), 0);
}

FIXTURE_TEARDOWN(tap)
{
	close(self->host);
	net_free(self->net);
	EXPECT_EQ(if_nametoindex(NAME), 0);
}

static void send_to_guest(int host, uint32_t number)
{
	struct frame f = { .number = number };

	memset(f.eth.h_dest, 0xff, ETH_ALEN);
	f.eth.h_source[0] = 2;
	f.eth.h_source[5] = number;	/* several flows, so that each queue gets some */
	f.eth.h_proto = htons(PROTOCOL);
	if (send(host, &f.eth, sizeof(f) - HEADER, 0) != (ssize_t)(sizeof(f) - HEADER))
		abort();
}

/* The next of ours that a pair receives; the kernel sends some of its own. */
static bool receive(struct net *net, unsigned int pair, struct frame *f)
{
	struct iovec iov[] = { { f, 30 }, { (uint8_t *)f + 30, sizeof(*f) - 30 } };
	uint32_t bytes;

	while ((bytes = net->ops->receive(net, pair, iov, 2))) {
		if (bytes == sizeof(*f) && f->eth.h_proto == htons(PROTOCOL))
			return true;
	}
	return false;
}

/* Return: how many of ours wait, in all pairs; they are gone then. */
static unsigned int count(struct net *net)
{
	unsigned int n = 0;
	struct frame f;

	for (unsigned int pair = 0; pair < net->pairs; pair++) {
		while (receive(net, pair, &f))
			n++;
	}
	return n;
}

TEST_F(tap, both_ways)
{
	struct iovec iov = { &self->frame, sizeof(self->frame) };
	struct frame *f = &self->frame;
	ssize_t n;

	ASSERT_EQ(self->net->pairs, PAIRS);
	for (uint32_t i = 0; i < WAITING; i++)
		send_to_guest(self->host, i);
	EXPECT_EQ(count(self->net), WAITING);

	memset(f, 0, sizeof(*f));
	f->eth.h_proto = htons(PROTOCOL);
	f->number = 7;
	for (unsigned int pair = 0; pair < PAIRS; pair++)
		EXPECT_EQ(self->net->ops->send(self->net, pair, &iov, 1, sizeof(*f)), 0);
	for (unsigned int pair = 0; pair < PAIRS; pair++) {
		f->number = 0;
		n = recv(self->host, &f->eth, sizeof(*f) - HEADER, 0);
		EXPECT_EQ(n, (ssize_t)(sizeof(*f) - HEADER));
		EXPECT_EQ(f->number, 7);
	}
}

/* Whatever waits, in whichever pair; what comes then is received. */
TEST_F(tap, forgets)
{
	for (unsigned int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < WAITING; i++)
			send_to_guest(self->host, i);
		self->net->ops->forget(self->net);
		EXPECT_EQ(count(self->net), 0);
		send_to_guest(self->host, round);
		EXPECT_EQ(count(self->net), 1);
	}
}

/* A pair that is not in use gets nothing, and does not stand in the way. */
TEST_F(tap, forgets_with_one_pair)
{
	ASSERT_EQ(self->net->ops->use_pairs(self->net, 1), 0);
	for (uint32_t i = 0; i < WAITING; i++)
		send_to_guest(self->host, i);
	self->net->ops->forget(self->net);
	EXPECT_EQ(count(self->net), 0);
	for (uint32_t i = 0; i < WAITING; i++)
		send_to_guest(self->host, i);
	EXPECT_EQ(count(self->net), WAITING);
}

TEST_HARNESS_MAIN
