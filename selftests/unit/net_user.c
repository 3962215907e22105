// SPDX-License-Identifier: GPL-2.0
// needs: userspace/net_user.c userspace/net_slirp.c userspace/net_fd.c userspace/library.c
// needs: userspace/server.c
/*
 * --net user with libslirp as it is, in its process: a guest that is made of frames written here,
 * and sockets of this machine's loopback interface at the other end.
 */
#include <arpa/inet.h>
#include <net/if_arp.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <fcntl.h>
#include <linux/virtio_net.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "devices_fake.h"
#include "../../userspace/net.h"
#include "../../userspace/sandbox.h"

#define HEADER		((uint32_t)sizeof(struct virtio_net_hdr_v1))
#define HOST		0x0a000202u
#define GUEST		0x0a00020fu

#ifndef NONSENSE
#define NONSENSE	20000u		/* frames */
#endif

static const uint8_t guest_mac[ETH_ALEN] = { 0x52, 0x54, 0, 1, 2, 3 };
static uint8_t host_mac[ETH_ALEN];
static struct net *net;
static int wake[NET_WAKES];

/* What the process has done is seen here. */
static struct {
	char said[512];
	bool entered;
} *shared;

void message(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(shared->said, sizeof(shared->said), format, args);
	va_end(args);
}

int sandbox_enter_network(void)
{
	shared->entered = true;
	return 0;
}

/* ---- frames ------------------------------------------------------------------------------- */

struct packet {
	struct ethhdr eth;
	union {
		struct {
			struct arphdr head;
			uint8_t sender_mac[ETH_ALEN];
			uint32_t sender;
			uint8_t target_mac[ETH_ALEN];
			uint32_t target;
		} __attribute__((packed)) arp;
		struct {
			struct iphdr ip;
			union {
				struct icmphdr icmp;
				struct tcphdr tcp;
				struct {
					struct udphdr udp;
					uint8_t data[600];
				} __attribute__((packed));
			};
		} __attribute__((packed));
	};
} __attribute__((packed));

static struct packet out, in;
static uint32_t in_bytes;

static uint16_t sum(uint32_t begin, const void *data, uint32_t bytes)
{
	const uint8_t *d = data;

	for (uint32_t i = 0; i < bytes; i++)
		begin += i % 2 ? d[i] : d[i] << 8;
	while (begin >> 16)
		begin = (begin & 0xffff) + (begin >> 16);
	return htons(~begin);
}

static void send_bytes(uint32_t bytes)
{
	struct virtio_net_hdr_v1 header = { 0 };
	struct iovec iov[] = { { &header, HEADER }, { &out, bytes } };
	struct pollfd fds[NET_WAKES] = { { wake[0], POLLIN }, { wake[1], POLLIN } };

	while (net->ops->send(net, 0, iov, 2, HEADER + bytes))
		net->ops->wait(net, 0, fds, NET_SEND);
}

/* An IPv4 packet with @bytes behind its header, in out. */
static void send_ip(uint8_t protocol, uint32_t to, uint32_t bytes)
{
	out.eth.h_proto = htons(ETH_P_IP);
	memcpy(out.eth.h_source, guest_mac, ETH_ALEN);
	memcpy(out.eth.h_dest, host_mac, ETH_ALEN);
	out.ip = (struct iphdr) {
		.version = 4, .ihl = 5, .tot_len = htons(sizeof(out.ip) + bytes), .ttl = 64,
		.protocol = protocol, .saddr = htonl(GUEST), .daddr = htonl(to),
	};
	out.ip.check = sum(0, &out.ip, sizeof(out.ip));
	send_bytes(ETH_HLEN + sizeof(out.ip) + bytes);
}

/* Wait for the next frame, for @ms.  Return: whether there was one; it is @in then. */
static bool receive(int ms)
{
	static uint8_t frame[HEADER + NET_FRAME_MAX];
	struct iovec iov[] = { { frame, 5 }, { frame + 5, sizeof(frame) - 5 } };
	struct virtio_net_hdr_v1 header;
	uint32_t bytes;

	while (!(bytes = net->ops->receive(net, 0, iov, 2)) && ms-- > 0)
		usleep(1000);
	if (!bytes)
		return false;
	memcpy(&header, frame, HEADER);
	CHECK_EQ(header.num_buffers, 1);
	CHECK(!header.flags && !header.gso_type);
	in_bytes = bytes - HEADER;
	memset(&in, 0, sizeof(in));
	memcpy(&in, frame + HEADER, in_bytes < sizeof(in) ? in_bytes : sizeof(in));
	return true;
}

/* Answer who has the guest's address. */
static void answer_arp(void)
{
	out = in;
	memcpy(out.eth.h_dest, in.eth.h_source, ETH_ALEN);
	memcpy(out.eth.h_source, guest_mac, ETH_ALEN);
	out.arp.head.ar_op = htons(ARPOP_REPLY);
	memcpy(out.arp.target_mac, in.arp.sender_mac, ETH_ALEN);
	out.arp.target = in.arp.sender;
	memcpy(out.arp.sender_mac, guest_mac, ETH_ALEN);
	out.arp.sender = in.arp.target;
	send_bytes(ETH_HLEN + sizeof(out.arp));
}

/* Wait for a packet of @protocol, for 2 s. */
static bool receive_ip(uint8_t protocol)
{
	while (receive(2000)) {
		if (in.eth.h_proto == htons(ETH_P_ARP) && in.arp.head.ar_op == htons(ARPOP_REQUEST))
			answer_arp();
		else if (in.eth.h_proto == htons(ETH_P_IP) && in.ip.protocol == protocol)
			return true;
	}
	return false;
}

static void send_tcp_syn(uint32_t to, uint16_t from, uint16_t port)
{
	struct {
		uint32_t from, to;
		uint8_t zero, protocol;
		uint16_t bytes;
		struct tcphdr tcp;
	} pseudo = {
		.from = htonl(GUEST), .to = htonl(to), .protocol = IPPROTO_TCP,
		.bytes = htons(sizeof(struct tcphdr)),
	};

	out.tcp = (struct tcphdr) {
		.source = htons(from), .dest = htons(port), .seq = htonl(1000), .doff = 5,
		.syn = 1, .window = htons(8192),
	};
	pseudo.tcp = out.tcp;
	out.tcp.check = sum(0, &pseudo, sizeof(pseudo));
	send_ip(IPPROTO_TCP, to, sizeof(out.tcp));
}

static void find_host(void)
{
	memset(&out, 0, sizeof(out));
	memset(out.eth.h_dest, 0xff, ETH_ALEN);
	memcpy(out.eth.h_source, guest_mac, ETH_ALEN);
	out.eth.h_proto = htons(ETH_P_ARP);
	out.arp.head = (struct arphdr) {
		.ar_hrd = htons(ARPHRD_ETHER), .ar_pro = htons(ETH_P_IP), .ar_hln = ETH_ALEN,
		.ar_pln = 4, .ar_op = htons(ARPOP_REQUEST),
	};
	memcpy(out.arp.sender_mac, guest_mac, ETH_ALEN);
	out.arp.sender = htonl(GUEST);
	out.arp.target = htonl(HOST);
	send_bytes(ETH_HLEN + sizeof(out.arp));
	do
		CHECK(receive(5000));
	while (test_ok && (in.eth.h_proto != htons(ETH_P_ARP) || in.arp.sender != htonl(HOST)));
	memcpy(host_mac, in.arp.sender_mac, ETH_ALEN);
}

/* ---- the host ----------------------------------------------------------------------------- */

/* Listen on a free port of 127.0.0.1, at *@port. */
static int listen_on(uint16_t *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t bytes = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 5) ||
	    getsockname(fd, (struct sockaddr *)&a, &bytes))
		abort();
	*port = ntohs(a.sin_port);
	return fd;
}

static uint16_t free_port(void)
{
	uint16_t port;

	close(listen_on(&port));
	return port;
}

static bool open_net(struct net_options *o)
{
	o->text = "user";
	if (!o->network) {
		o->network = 0x0a000200;
		o->prefix = 24;
	}
	memset(shared, 0, sizeof(*shared));
	for (unsigned int i = 0; i < NET_WAKES; i++)
		wake[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	net = net_open_user(o, true);
	return net;
}

static void close_net(void)
{
	if (net)
		net_free(net);
	for (unsigned int i = 0; i < NET_WAKES; i++)
		close(wake[i]);
}

/* ---- tests -------------------------------------------------------------------------------- */

/* BOOTP's fields by their place (RFC 2131), options behind 240. */
static void test_dhcp(void)
{
	static const uint8_t options[] = { 0x63, 0x82, 0x53, 0x63, 53, 1, 1, 255 };
	struct net_options o = { .network = 0xc0a80500, .prefix = 24 };
	const uint8_t *p, *end;
	uint32_t router = 0, dns = 0;

	CHECK(open_net(&o));
	CHECK_EQ(net->pairs, 1);
	CHECK_EQ(net->features, 0);
	memset(&out, 0, sizeof(out));
	memset(host_mac, 0xff, ETH_ALEN);
	out.udp = (struct udphdr) {
		.source = htons(68), .dest = htons(67), .len = htons(sizeof(out.udp) + 300),
	};
	out.data[0] = 1;
	out.data[1] = 1;
	out.data[2] = ETH_ALEN;
	memcpy(out.data + 28, guest_mac, ETH_ALEN);
	memcpy(out.data + 236, options, sizeof(options));
	send_ip(IPPROTO_UDP, INADDR_BROADCAST, sizeof(out.udp) + 300);
	CHECK(receive(1000));
	CHECK_EQ(in.ip.protocol, IPPROTO_UDP);
	CHECK_EQ(in.udp.dest, htons(68));
	CHECK(!memcmp(in.data + 16, "\xc0\xa8\x05\x0f", 4));
	end = in.data + sizeof(in.data);
	for (p = in.data + 240; p < end && *p != 255; p += 2 + p[1]) {
		if (*p == 3)
			memcpy(&router, p + 2, 4);
		if (*p == 6)
			memcpy(&dns, p + 2, 4);
	}
	CHECK_EQ(router, htonl(0xc0a80502));
	CHECK_EQ(dns, htonl(0xc0a80503));
	close_net();
}

static void send_ping(uint16_t n)
{
	out.icmp = (struct icmphdr) { .type = ICMP_ECHO, .un.echo.sequence = htons(n) };
	out.icmp.checksum = sum(0, &out.icmp, sizeof(out.icmp));
	send_ip(IPPROTO_ICMP, HOST, sizeof(out.icmp));
}

static void test_ping(void)
{
	struct net_options o = { 0 };

	CHECK(open_net(&o));
	find_host();
	send_ping(7);
	CHECK(receive_ip(IPPROTO_ICMP));
	CHECK_EQ(in.icmp.type, ICMP_ECHOREPLY);
	CHECK_EQ(in.icmp.un.echo.sequence, htons(7));
	close_net();
}

/* For a guest that takes nothing no more than 4 MiB are kept, and what is in the socket. */
static void test_limit(void)
{
	struct net_options o = { 0 };
	unsigned int n = 0;

	CHECK(open_net(&o));
	find_host();
	for (unsigned int i = 0; i < 200000; i++)
		send_ping(i);
	while (receive(100))
		n++;
	CHECK(n > 1000 &&
	      n <= (4u << 20) / (ETH_HLEN + sizeof(out.ip) + sizeof(out.icmp)) + 1000);
	send_ping(1);
	CHECK(receive_ip(IPPROTO_ICMP));
	close_net();
}

/* What waits for one machine, here and there, is not the next one's. */
static void test_forget(void)
{
	struct net_options o = { 0 };

	CHECK(open_net(&o));
	find_host();
	for (unsigned int round = 1; round < 4; round++) {
		for (unsigned int i = 0; i < 5000; i++)
			send_ping(i);
		net->ops->forget(net);
		send_ping(0xff00 + round);
		CHECK(receive_ip(IPPROTO_ICMP));
		CHECK_EQ(in.icmp.un.echo.sequence, htons(0xff00 + round));
		CHECK(!receive(50));
	}
	/* Twice, and nothing in between. */
	send_ping(1);
	net->ops->forget(net);
	net->ops->forget(net);
	CHECK(!receive(50));
	send_ping(2);
	CHECK(receive_ip(IPPROTO_ICMP));
	CHECK_EQ(in.icmp.un.echo.sequence, htons(2));
	close_net();
}

static int connect_to(uint16_t port)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	connect(fd, (struct sockaddr *)&a, sizeof(a));
	return fd;
}

static void test_forward(void)
{
	struct net_options o = { .nr_forwards = 2 };
	char byte = 'x';
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd;

	for (unsigned int i = 0; i < 2; i++)
		o.forwards[i] = (struct net_forward) {
			.udp = i, .host_address = htonl(INADDR_LOOPBACK), .host_port = free_port(),
			.guest_port = 22 + i,
		};
	CHECK(open_net(&o));
	find_host();
	fd = connect_to(o.forwards[0].host_port);
	CHECK(receive_ip(IPPROTO_TCP));
	CHECK_EQ(in.ip.daddr, htonl(GUEST));
	CHECK_EQ(in.tcp.dest, htons(22));
	CHECK(in.tcp.syn && !in.tcp.ack);
	close(fd);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	a.sin_port = htons(o.forwards[1].host_port);
	CHECK_EQ(sendto(fd, &byte, 1, 0, (struct sockaddr *)&a, sizeof(a)), 1);
	CHECK(receive_ip(IPPROTO_UDP));
	CHECK_EQ(in.udp.dest, htons(23));
	CHECK_EQ(in.data[0], 'x');
	close(fd);
	close_net();
}

static void test_forward_taken(void)
{
	struct net_options o = { .nr_forwards = 1 };
	uint16_t port;
	int fd = listen_on(&port);

	o.forwards[0] = (struct net_forward) {
		.host_address = htonl(INADDR_LOOPBACK), .host_port = port, .guest_port = 22,
	};
	CHECK(!open_net(&o));
	CHECK(strstr(shared->said, "is taken; ss -lpt"));
	close_net();
	close(fd);
	o.forwards[0].host_address = htonl(0xc6336401);	/* of documentation: nobody's */
	CHECK(!open_net(&o));
	CHECK(strstr(shared->said, "does not have the address 198.51.100.1"));
	close_net();
}

/* Does a connection of the guest to @to reach a server on 127.0.0.1? */
static bool reaches(struct net_options *o, uint32_t to)
{
	uint16_t port;
	int listener = listen_on(&port), fd;
	struct pollfd p = { .fd = listener, .events = POLLIN };

	CHECK(open_net(o));
	find_host();
	send_tcp_syn(to, 40000, port);
	receive(200);
	fd = poll(&p, 1, 100) == 1 ? accept(listener, NULL, NULL) : -1;
	if (fd >= 0)
		close(fd);
	close(listener);
	close_net();
	return fd >= 0;
}

static void test_loopback(void)
{
	struct net_options on = { .loopback = true }, off = { 0 };
	struct net_options restricted = { .loopback = true, .restricted = true };

	CHECK(reaches(&on, HOST));
	CHECK(!reaches(&off, HOST));
	/* A kernel would not send these; who writes frames can. */
	CHECK(!reaches(&off, INADDR_LOOPBACK));
	CHECK(!reaches(&off, INADDR_LOOPBACK + 0x10000));
	CHECK(!reaches(&off, INADDR_ANY));
	CHECK(!reaches(&restricted, HOST));
}

static void test_wake(void)
{
	struct pollfd fds[NET_WAKES];
	struct net_options o = { 0 };

	CHECK(open_net(&o));
	for (unsigned int i = 0; i < 4; i++) {
		for (unsigned int j = 0; j < NET_WAKES; j++)
			fds[j] = (struct pollfd) { .fd = wake[j], .events = POLLIN };
		eventfd_write(wake[i % 2], 1);
		net->ops->wait(net, 0, fds, i < 2 ? NET_RECEIVE : 0);
		CHECK(fds[i % 2].revents & POLLIN);
		CHECK(!fds[1 - i % 2].revents);
		eventfd_read(wake[i % 2], &(eventfd_t) { 0 });
	}
	find_host();
	send_ping(1);
	net->ops->wait(net, 0, fds, NET_RECEIVE);
	CHECK(receive(0));
	net->ops->wait(net, 0, fds, NET_SEND);
	net->ops->wait(net, 0, fds, NET_LOOK | NET_RECEIVE);
	close_net();
}

/* Of the process that is this one's child; there is one. */
static pid_t child(void)
{
	FILE *f = fopen("/proc/thread-self/children", "r");
	int pid = 0;

	if (!f || fscanf(f, "%d", &pid) != 1)
		abort();
	fclose(f);
	return pid;
}

/* It has none of vmctl's files but its errors, and of these two files neither. */
static void test_process(void)
{
	struct net_options o = { 0 };
	char path[64], target[64];
	int low, high, nr = 0;

	low = memfd_create("svmm-low", 0);
	high = fcntl(low, F_DUPFD, 500);
	CHECK(open_net(&o));
	CHECK(shared->entered);
	for (unsigned int i = 0; i < 600; i++) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/%d/fd/%u", child(), i);
		n = readlink(path, target, sizeof(target) - 1);
		if (n < 0)
			continue;
		target[n] = '\0';
		if (i != 2 && strcmp(target, "/dev/null")) {
			nr++;
			CHECK(!strncmp(target, "socket:", 7));
		}
	}
	CHECK_EQ(nr, 1);
	close_net();
	close(low);
	close(high);
	memset(shared, 0, sizeof(*shared));
	net = net_open_user(&o, false);
	CHECK(net && !shared->entered);
	net_free(net);
}

static unsigned int nr_files(pid_t pid)
{
	unsigned int nr = 0;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (readdir(dir))
		nr++;
	closedir(dir);
	return nr - 2;
}

/* However many connections a guest begins, it does not take all of the host's memory. */
static void test_many_connections(void)
{
	struct net_options o = { .loopback = true };
	struct rlimit limit, more;
	uint16_t port;
	int listener = listen_on(&port);

	getrlimit(RLIMIT_NOFILE, &limit);
	more = (struct rlimit) { limit.rlim_max, limit.rlim_max };
	CHECK(more.rlim_cur > 2000 && !setrlimit(RLIMIT_NOFILE, &more));
	CHECK(open_net(&o));
	find_host();
	for (unsigned int i = 0; i < 2000; i++) {
		send_tcp_syn(HOST, 20000 + i, port);
		receive(0);
	}
	while (receive(20))
		;
	CHECK(nr_files(child()) > 500 && nr_files(child()) <= 1024);
	find_host();
	close_net();
	close(listener);
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* When it has ended, that is said once, and nobody spins. */
static void test_ended(void)
{
	struct net_options o = { 0 };
	struct pollfd fds[NET_WAKES];

	CHECK(open_net(&o));
	for (unsigned int j = 0; j < NET_WAKES; j++)
		fds[j] = (struct pollfd) { .fd = wake[j], .events = POLLIN };
	kill(child(), SIGKILL);
	net->ops->wait(net, 0, fds, NET_RECEIVE);
	CHECK(strstr(shared->said, "its process has ended"));
	shared->said[0] = '\0';
	eventfd_write(wake[0], 1);
	net->ops->wait(net, 0, fds, NET_RECEIVE | NET_SEND);
	CHECK(fds[0].revents & POLLIN);
	CHECK(!shared->said[0]);
	CHECK(!receive(0));
	memset(&out, 0, sizeof(out));
	send_ping(1);			/* lost, and no SIGPIPE */
	close_net();
}

/* One that does not answer must not hold up vmctl, nor give the next machine anything. */
static void test_stopped(void)
{
	struct net_options o = { 0 };
	struct virtio_net_hdr_v1 header = { 0 };
	uint8_t frame[1514] = { 0 };
	struct iovec iov[] = { { &header, HEADER }, { frame, sizeof(frame) } };
	pid_t pid;

	CHECK(open_net(&o));
	find_host();
	send_ping(1);
	while (poll(&(struct pollfd) { .fd = -1 }, 1, 20) < 0)
		;
	pid = child();
	kill(pid, SIGSTOP);
	while (!net->ops->send(net, 0, iov, 2, HEADER + sizeof(frame)))
		;
	net->ops->forget(net);
	CHECK(strstr(shared->said, "does not answer"));
	CHECK(!receive(50));
	kill(pid, SIGCONT);
	CHECK(!receive(50));
	net->ops->forget(net);
	find_host();
	close_net();
}

/* One that does not end must not hold up vmctl either. */
static void test_endless(void)
{
	struct net_options o = { 0 };
	pid_t pid;

	CHECK(open_net(&o));
	pid = child();
	CHECK(net->server == pid && getpgid(pid) == pid);
	kill(pid, SIGSTOP);
	CHECK(!net_leave(net));
	close_net();
	CHECK(strstr(shared->said, "has not ended with user in 5 s: killed"));
	CHECK(kill(pid, 0) < 0 && errno == ESRCH);
}

/* An IPv4 packet that is right as far as its header goes. */
static void make_plausible(uint32_t bytes)
{
	static const uint8_t protocols[] = { IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDP };
	static const uint16_t ports[] = { 67, 69, 547, 40000 };
	uint32_t all = bytes - ETH_HLEN;

	out.eth.h_proto = htons(ETH_P_IP);
	out.ip.version = 4;
	out.ip.ihl = 5;
	out.ip.tot_len = htons(fake_random() % 8 ? all : all - fake_random() % 20);
	out.ip.protocol = protocols[fake_random() % 4];
	out.ip.daddr = htonl(fake_random() % 8 ? HOST : INADDR_BROADCAST);
	if (fake_random() % 8) {
		out.ip.saddr = htonl(GUEST);
		out.ip.frag_off = 0;
	}
	out.ip.check = 0;
	out.ip.check = sum(0, &out.ip, sizeof(out.ip));
	if (bytes < ETH_HLEN + sizeof(out.ip) + sizeof(out.udp))
		return;
	if (out.ip.protocol == IPPROTO_UDP) {
		out.udp.dest = htons(ports[fake_random() % 4]);
		out.udp.len = htons(all - sizeof(out.ip));
		out.udp.check = 0;
	} else if (out.ip.protocol == IPPROTO_ICMP) {
		out.icmp.type = fake_random() % 20;
		out.icmp.checksum = 0;
		out.icmp.checksum = sum(0, &out.icmp, all - sizeof(out.ip));
	}
}

/* Whatever a guest sends: vmctl and the network live on. */
static void test_nonsense(void)
{
	struct net_options o = { 0 };

	CHECK(open_net(&o));
	find_host();
	for (unsigned int i = 0; i < NONSENSE; i++) {
		uint32_t bytes = ETH_HLEN + fake_random() % (sizeof(out) - ETH_HLEN);

		for (uint32_t j = 0; j < bytes; j++)
			((uint8_t *)&out)[j] = fake_random();
		if (i % 4 && bytes >= ETH_HLEN + sizeof(out.ip))
			make_plausible(bytes);
		else
			out.eth.h_proto = htons(i % 3 ? ETH_P_ARP : ETH_P_IPV6);
		send_bytes(bytes);
		if (!(i % 50))
			receive(0);
	}
	while (receive(0))
		;
	find_host();
	close_net();
}

static const struct test tests[] = {
	{ "an address by DHCP", test_dhcp },
	{ "ping", test_ping },
	{ "frames that nobody takes", test_limit },
	{ "frames of another machine", test_forget },
	{ "ports of the host", test_forward },
	{ "ports that cannot be had", test_forward_taken },
	{ "the host's loopback interface", test_loopback },
	{ "waiting", test_wake },
	{ "the process", test_process },
	{ "very many connections", test_many_connections },
	{ "the process has ended", test_ended },
	{ "the process has stopped", test_stopped },
	{ "the process does not end", test_endless },
	{ "nonsense", test_nonsense },
};

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	return RUN_TESTS(tests);
}
