// SPDX-License-Identifier: GPL-2.0
// needs: userspace/net.c userspace/subopt.c
/*
 * What --net can be given, and what it makes of it.
 */
#include <arpa/inet.h>
#include <limits.h>
#include <string.h>

#include "devices_fake.h"
#include "../../userspace/net.h"
#include "../../userspace/subopt.h"

static struct net a_tap, a_user;
static unsigned int opened_cpus;
static bool opened_sandbox;

struct net *net_open_tap(const struct net_options *options, unsigned int cpus)
{
	opened_cpus = cpus;
	return &a_tap;
}

struct net *net_open_user(const struct net_options *options, bool sandbox)
{
	opened_sandbox = sandbox;
	return &a_user;
}

static struct net_options net;
static char why[160];

static bool parse(const char *text)
{
	free((void *)net.text);
	why[0] = '\0';
	if (net_parse(text, &net, why, sizeof(why)))
		return true;
	net.text = NULL;
	return false;
}

static void forget(void)
{
	free((void *)net.text);
	net.text = NULL;
}

static void test_tap(void)
{
	static const uint8_t mac[ETH_ALEN] = { 0x52, 0x54, 0, 0xab, 0xCD, 0xef };
	static const uint8_t none[ETH_ALEN];

	CHECK(parse("tap"));
	CHECK_EQ(net.kind, NET_TAP);
	CHECK(!net.ifname && !net.bridge && !net.pairs && net.vhost == NET_VHOST_AUTO);
	CHECK(!memcmp(net.model.mac, none, ETH_ALEN) && !net.model.mtu && !net.model.packed);
	CHECK(net_open(&net, 3, true) == &a_tap);
	CHECK_EQ(opened_cpus, 3);

	CHECK(parse("tap,ifname=vm-1.eth0,bridge=br0,queues=8,vhost=off,mac=52:54:00:ab:CD:ef,"
		    "mtu=9000,packed=on"));
	CHECK(!strcmp(net.ifname, "vm-1.eth0") && !strcmp(net.bridge, "br0"));
	CHECK_EQ(net.pairs, 8);
	CHECK_EQ(net.vhost, NET_VHOST_OFF);
	CHECK(!memcmp(net.model.mac, mac, ETH_ALEN));
	CHECK_EQ(net.model.mtu, 9000);
	CHECK(net.model.packed);
	CHECK(!strncmp(net.text, "tap,ifname=vm-1.eth0,bridge=br0,queues=8", 40));
	CHECK(parse("tap,vhost=on,packed=off,ifname=fifteen_letters"));
	CHECK(parse("tap,vhost=auto,packed=on,mtu=68"));
	CHECK(parse("tap,mtu=65521,queues=1,"));
	forget();
}

static void test_user(void)
{
	CHECK(parse("user"));
	CHECK_EQ(net.kind, NET_USER);
	CHECK_EQ(net.network, 0x0a000200);
	CHECK_EQ(net.prefix, 24);
	CHECK(!net.nr_forwards && !net.restricted && !net.loopback);
	CHECK(net_open(&net, 1, true) == &a_user && opened_sandbox);
	CHECK(net_open(&net, 1, false) == &a_user && !opened_sandbox);

	CHECK(parse("user,hostfwd=tcp::2222-:22,net=192.168.64.0/20,"
		    "hostfwd=udp:10.1.2.3:53-192.168.79.9:5353,restrict=on,loopback=on"));
	CHECK_EQ(net.nr_forwards, 2);
	CHECK(!net.forwards[0].udp && net.forwards[1].udp);
	CHECK_EQ(net.forwards[0].host_address, htonl(INADDR_LOOPBACK));
	CHECK_EQ(net.forwards[0].host_port, 2222);
	CHECK_EQ(net.forwards[0].guest_address, 0);
	CHECK_EQ(net.forwards[0].guest_port, 22);
	CHECK_EQ(net.forwards[1].host_address, htonl(0x0a010203));
	CHECK_EQ(net.forwards[1].host_port, 53);
	CHECK_EQ(net.forwards[1].guest_address, htonl(0xc0a84f09));
	CHECK_EQ(net.forwards[1].guest_port, 5353);
	CHECK_EQ(net.network, 0xc0a84000);
	CHECK_EQ(net.prefix, 20);
	CHECK(net.restricted && net.loopback);
	CHECK(parse("user,hostfwd=tcp:0.0.0.0:1-:65535,mac=02:00:00:00:00:01,mtu=1400,packed=on"));
	CHECK_EQ(net.forwards[0].host_address, 0);
	forget();
}

/* Each is refused, with a sentence that has this in it. */
static const struct {
	const char *text, *why;
} bad[] = {
	{ "", "say tap" },
	{ "bridge", "say tap" },
	{ "tapp,queues=1", "say tap" },
	{ "tap,bogus=1", "keys of tap are" },
	{ "tap,hostfwd=tcp::1-:1", "keys of tap are" },
	{ "tap,restrict=on", "keys of tap are" },
	{ "user,bogus", "keys of user are" },
	{ "user,ifname=x", "keys of user are" },
	{ "user,queues=2", "one queue" },
	{ "tap,queues", "queues is a number, 1 to 8" },
	{ "tap,queues=0", "queues is" },
	{ "tap,queues=9", "queues is" },
	{ "tap,queues=01", "queues is" },
	{ "tap,queues=2x", "queues is" },
	{ "tap,queues=-1", "queues is" },
	{ "tap,queues=18446744073709551617", "queues is" },
	{ "tap,ifname", "ifname is" },
	{ "tap,ifname=", "ifname is" },
	{ "tap,ifname=sixteen_letters_", "ifname is" },
	{ "tap,ifname=a/b", "ifname is" },
	{ "tap,ifname=a b", "ifname is" },
	{ "tap,ifname=tap%d", "ifname is" },
	{ "tap,ifname=..", "ifname is" },
	{ "tap,bridge=", "bridge is" },
	{ "tap,bridge=a:b", "bridge is" },
	{ "tap,vhost", "vhost is" },
	{ "tap,vhost=yes", "vhost is" },
	{ "tap,packed=1", "packed is" },
	{ "tap,vhost=on,packed=on", "cannot have packed rings" },
	{ "tap,mac", "the first of them even" },
	{ "tap,mac=53:54:00:00:00:00", "the first of them even" },
	{ "tap,mac=ff:ff:ff:ff:ff:ff", "the first of them even" },
	{ "tap,mac=00:00:00:00:00:00", "the first of them even" },
	{ "tap,mac=52:54:00:12:34", "the first of them even" },
	{ "tap,mac=52:54:00:12:34:56:78", "the first of them even" },
	{ "tap,mac=52-54-00-12-34-56", "the first of them even" },
	{ "tap,mac=52:54: 0:12:34:56", "the first of them even" },
	{ "tap,mac=52:54:-1:12:34:56", "the first of them even" },
	{ "tap,mac=52:54:00:12:34:5", "the first of them even" },
	{ "tap,mtu=67", "68 to 65521" },
	{ "tap,mtu=65522", "68 to 65521" },
	{ "tap,mtu=0x500", "68 to 65521" },
	{ "user,restrict=maybe", "restrict is" },
	{ "user,loopback=maybe", "loopback is" },
	{ "user,hostfwd", "hostfwd is" },
	{ "user,hostfwd=", "hostfwd is" },
	{ "user,hostfwd=tcp::22", "hostfwd is" },
	{ "user,hostfwd=sctp::22-:22", "hostfwd is" },
	{ "user,hostfwd=tcp:22-:22", "hostfwd is" },
	{ "user,hostfwd=tcp::22-22", "hostfwd is" },
	{ "user,hostfwd=tcp::-:22", "hostfwd is" },
	{ "user,hostfwd=tcp::22-:", "hostfwd is" },
	{ "user,hostfwd=tcp::0-:22", "hostfwd is" },
	{ "user,hostfwd=tcp::22-:65536", "hostfwd is" },
	{ "user,hostfwd=tcp:host:22-:22", "hostfwd is" },
	{ "user,hostfwd=tcp:1.2.3:22-:22", "hostfwd is" },
	{ "user,hostfwd=tcp:::1:22-:22", "hostfwd is" },
	{ "user,hostfwd=tcp::22-10.0.3.15:22", "outside of its network" },
	{ "user,net=10.0.4.0/24,hostfwd=tcp::22-10.0.2.15:22", "outside of its network" },
	{ "user,net=10.0.2.0", "net is" },
	{ "user,net=10.0.2.1/24", "net is" },
	{ "user,net=10.0.2.0/28", "net is" },
	{ "user,net=10.0.0.0/7", "net is" },
	{ "user,net=10.0.0/8", "net is" },
	{ "user,net=fec0::/64", "net is" },
};

static void test_bad(void)
{
	char many[700] = "user";

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (parse(bad[i].text) || !strstr(why, bad[i].why)) {
			printf("# %s: %s\n", bad[i].text, *why ? why : "taken");
			test_ok = false;
		}
	}
	for (unsigned int i = 0; i < NET_FORWARDS_MAX; i++)
		sprintf(many + strlen(many), ",hostfwd=tcp::%u-:22", 1000 + i);
	CHECK(parse(many));
	strcat(many, ",hostfwd=tcp::999-:22");
	CHECK(!parse(many));
	CHECK(strstr(why, "up to 16"));
	forget();
}

static void test_default_mac(void)
{
	uint8_t seen[200][ETH_ALEN], again[ETH_ALEN];
	char name[16];

	for (unsigned int i = 0; i < 200; i++) {
		sprintf(name, "vm%u", i / 8);
		net_default_mac(name, i % 8, seen[i]);
		net_default_mac(name, i % 8, again);
		CHECK(!memcmp(seen[i], again, ETH_ALEN));
		CHECK_EQ(seen[i][0] & 3, 2);
		for (unsigned int j = 0; j < i; j++)
			CHECK(memcmp(seen[i], seen[j], ETH_ALEN));
	}
}

static void test_numbers(void)
{
	unsigned long n;

	CHECK(subopt_number("0", 0, 10, &n) && n == 0);
	CHECK(subopt_number("10", 0, 10, &n) && n == 10);
	CHECK(!subopt_number("11", 0, 10, &n));
	CHECK(!subopt_number("4", 5, 10, &n));
	CHECK(!subopt_number("", 0, 10, &n) && !subopt_number(NULL, 0, 10, &n));
	CHECK(!subopt_number(" 1", 0, 10, &n) && !subopt_number("1 ", 0, 10, &n));
	CHECK(!subopt_number("99999999999999999999", 0, ULONG_MAX, &n));
}

static const struct test tests[] = {
	{ "tap", test_tap },
	{ "user", test_user },
	{ "what is refused", test_bad },
	{ "an address of its own for each card", test_default_mac },
	{ "numbers", test_numbers },
};

int main(void)
{
	return RUN_TESTS(tests);
}
