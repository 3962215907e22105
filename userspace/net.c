// SPDX-License-Identifier: GPL-2.0
/*
 * --net: what the user says of a network card.  Nothing here touches the system before net_open().
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net.h"
#include "subopt.h"

#define DEFAULT_NETWORK	0x0a000200u	/* 10.0.2.0/24 */
#define DEFAULT_PREFIX	24u
#define PREFIX_MIN	8u
#define PREFIX_MAX	27u		/* 2 is the host, 3 its name server, 15 to 30 are guests */

const char net_help[] =
"  --net tap[,KEY=VALUE,...]\n"
"                    a network card, on a tap interface of the host. Keys:\n"
"                    ifname=NAME (made if it is not there), bridge=NAME (to put it\n"
"                    into), queues=N (default: one per CPU, up to 8),\n"
"                    vhost=on|off|auto (frames are moved by the host's kernel),\n"
"                    mac=ADDRESS, mtu=BYTES, packed=on|off (rings),\n"
"                    bootindex=N (firmware tries 0 first)\n"
"  --net user[,KEY=VALUE,...]\n"
"                    the same, behind the host's own connections, without any\n"
"                    privilege. Keys: hostfwd=tcp|udp:[ADDRESS]:PORT-[GUEST]:PORT\n"
"                    (can be repeated; a port of the host, of 127.0.0.1 if no\n"
"                    address is given, is the guest's), net=ADDRESS/BITS (default:\n"
"                    10.0.2.0/24), restrict=on|off (the guest reaches nobody),\n"
"                    loopback=on|off (10.0.2.2 is the host's 127.0.0.1), mac, mtu,\n"
"                    packed, bootindex\n";

enum {
	MAC, MTU, PACKED, QUEUES, IFNAME, BRIDGE, VHOST, HOSTFWD, NET, RESTRICT, LOOPBACK, BOOTINDEX
};

static char * const keys[] = {
	[MAC] = (char *)"mac", [MTU] = (char *)"mtu", [PACKED] = (char *)"packed",
	[QUEUES] = (char *)"queues", [IFNAME] = (char *)"ifname", [BRIDGE] = (char *)"bridge",
	[VHOST] = (char *)"vhost", [HOSTFWD] = (char *)"hostfwd", [NET] = (char *)"net",
	[RESTRICT] = (char *)"restrict", [LOOPBACK] = (char *)"loopback",
	[BOOTINDEX] = (char *)"bootindex", NULL
};

/* xx:xx:xx:xx:xx:xx, of one station */
static bool parse_mac(const char *value, uint8_t mac[ETH_ALEN])
{
	static const uint8_t none[ETH_ALEN];

	if (!value || strlen(value) != 3 * ETH_ALEN - 1)
		return false;
	for (unsigned int i = 0; i < ETH_ALEN; i++, value += 3) {
		if (!isxdigit((unsigned char)value[0]) || !isxdigit((unsigned char)value[1]) ||
		    value[2] != (i == ETH_ALEN - 1 ? '\0' : ':'))
			return false;
		mac[i] = strtoul(value, NULL, 16);
	}
	return !(mac[0] & 1) && memcmp(mac, none, ETH_ALEN);
}

static bool parse_mtu(const char *value, struct net_options *net)
{
	unsigned long n;

	if (!subopt_number(value, VIRTIO_NET_MTU_MIN, VIRTIO_NET_MTU_MAX, &n))
		return false;
	net->model.mtu = n;
	return true;
}

static bool parse_queues(const char *value, struct net_options *net)
{
	unsigned long n;

	if (!subopt_number(value, 1, NET_PAIRS_MAX, &n))
		return false;
	net->pairs = n;
	return true;
}

/* As the kernel has it (dev_valid_name()); with % it would be a pattern. */
static bool parse_ifname(const char *value, const char **name)
{
	*name = value;
	return value && *value && strlen(value) < IFNAMSIZ && !strpbrk(value, "/:% \t\n") &&
	       strcmp(value, ".") && strcmp(value, "..");
}

static bool parse_vhost(const char *value, struct net_options *net)
{
	static const char * const words[] = {
		[NET_VHOST_AUTO] = "auto", [NET_VHOST_ON] = "on", [NET_VHOST_OFF] = "off", NULL
	};
	int n = subopt_word(value, words);

	if (n >= 0)
		net->vhost = n;
	return n >= 0;
}

static bool parse_port(const char *s, uint16_t *port)
{
	unsigned long n;

	if (!subopt_number(s, 1, UINT16_MAX, &n))
		return false;
	*port = n;
	return true;
}

/* [ADDRESS]:PORT; an address that is not there leaves *@address as it is. */
static bool parse_end(char *s, uint32_t *address, uint16_t *port)
{
	char *colon = strrchr(s, ':');

	if (!colon)
		return false;
	*colon = '\0';
	return (!*s || inet_pton(AF_INET, s, address) == 1) && parse_port(colon + 1, port);
}

static bool parse_forward(char *value, struct net_options *net)
{
	struct net_forward f = { .host_address = htonl(INADDR_LOOPBACK) };
	char *dash = value ? strchr(value, '-') : NULL;

	if (!dash || (strncmp(value, "tcp:", 4) && strncmp(value, "udp:", 4)) ||
	    net->nr_forwards == NET_FORWARDS_MAX)
		return false;
	f.udp = *value == 'u';
	*dash = '\0';
	if (!parse_end(value + 4, &f.host_address, &f.host_port) ||
	    !parse_end(dash + 1, &f.guest_address, &f.guest_port))
		return false;
	net->forwards[net->nr_forwards++] = f;
	return true;
}

static bool parse_network(char *value, struct net_options *net)
{
	char *slash = value ? strchr(value, '/') : NULL;
	struct in_addr address;
	unsigned long prefix;

	if (!slash || !subopt_number(slash + 1, PREFIX_MIN, PREFIX_MAX, &prefix))
		return false;
	*slash = '\0';
	if (inet_pton(AF_INET, value, &address) != 1)
		return false;
	net->network = ntohl(address.s_addr);
	net->prefix = prefix;
	return !(net->network & (UINT32_MAX >> prefix));
}

static bool parse_common(int key, const char *value, struct net_options *net, const char **wanted)
{
	switch (key) {
	case MAC:
		*wanted = "mac is six bytes like 52:54:00:12:34:56, the first of them even";
		return parse_mac(value, net->model.mac);
	case MTU:
		*wanted = "mtu is a number of bytes, 68 to 65521";
		return parse_mtu(value, net);
	case BOOTINDEX:
		*wanted = SUBOPT_BOOTINDEX;
		return subopt_bootindex(value, &net->boot_order);
	}
	*wanted = "packed is on or off";
	return subopt_on_off(value, &net->model.packed);
}

static bool parse_tap(int key, char *value, struct net_options *net, const char **wanted)
{
	switch (key) {
	case QUEUES:
		*wanted = "queues is a number, 1 to 8";
		return parse_queues(value, net);
	case IFNAME:
		*wanted = "ifname is the name of an interface, 1 to 15 characters";
		return parse_ifname(value, &net->ifname);
	case BRIDGE:
		*wanted = "bridge is the name of a bridge of this host, 1 to 15 characters";
		return parse_ifname(value, &net->bridge);
	case VHOST:
		*wanted = "vhost is on, off or auto";
		return parse_vhost(value, net);
	}
	*wanted = "keys of tap are ifname, bridge, queues, vhost, mac, mtu, packed and bootindex";
	return false;
}

static bool parse_user(int key, char *value, struct net_options *net, const char **wanted)
{
	switch (key) {
	case HOSTFWD:
		*wanted = "hostfwd is tcp or udp:[ADDRESS]:PORT-[GUEST]:PORT, IPv4, up to 16 "
			  "of them, like hostfwd=tcp::2222-:22";
		return parse_forward(value, net);
	case NET:
		*wanted = "net is the address of an IPv4 network, of 8 to 27 bits, like "
			  "192.168.5.0/24";
		return parse_network(value, net);
	case RESTRICT:
		*wanted = "restrict is on or off";
		return subopt_on_off(value, &net->restricted);
	case LOOPBACK:
		*wanted = "loopback is on or off";
		return subopt_on_off(value, &net->loopback);
	case QUEUES:
		*wanted = "a card of user has one queue";
		return false;
	}
	*wanted = "keys of user are hostfwd, net, restrict, loopback, mac, mtu, packed and "
		  "bootindex";
	return false;
}

static bool parse_key(void *opaque, int key, char *value, const char **wanted)
{
	struct net_options *net = opaque;

	if (key == MAC || key == MTU || key == PACKED || key == BOOTINDEX)
		return parse_common(key, value, net, wanted);
	if (net->kind == NET_TAP)
		return parse_tap(key, value, net, wanted);
	return parse_user(key, value, net, wanted);
}

/* What only all of them together tell. */
static bool check(const struct net_options *net, const char **wanted)
{
	uint32_t mask = ~(UINT32_MAX >> net->prefix);

	*wanted = "vhost=on cannot have packed rings";
	if (net->vhost == NET_VHOST_ON && net->model.packed)
		return false;
	*wanted = "the guest's address of a hostfwd is outside of its network";
	for (unsigned int i = 0; i < net->nr_forwards; i++) {
		uint32_t guest = ntohl(net->forwards[i].guest_address);

		if (guest && (guest & mask) != net->network)
			return false;
	}
	return true;
}

bool net_parse(const char *text, struct net_options *net, char *why, size_t bytes)
{
	static const char * const kinds[] = { [NET_TAP] = "tap", [NET_USER] = "user", NULL };
	static const struct subopt_rules rules = { .keys = keys, .set = parse_key };
	size_t len = strlen(text) + 1;
	char *copy = malloc(2 * len), *rest;
	const char *wanted = "out of memory";
	int kind;

	*net = (struct net_options) {
		.text = copy, .network = DEFAULT_NETWORK, .prefix = DEFAULT_PREFIX,
	};
	if (!copy)
		goto bad;
	/* Once as it is, for messages, and once to be cut into pieces. */
	memcpy(copy, text, len);
	rest = memcpy(copy + len, text, len);
	kind = subopt_word(strsep(&rest, ","), kinds);
	wanted = "say tap, for an interface of the host, or user, which takes no privileges";
	if (kind < 0)
		goto bad;
	net->kind = kind;
	if (subopt_each(rest, &rules, net, &wanted) && check(net, &wanted))
		return true;
bad:
	snprintf(why, bytes, "%s", wanted);
	free(copy);
	return false;
}

/* FNV-1a, of 64 bits */
static uint64_t hash(uint64_t h, const void *data, size_t bytes)
{
	const uint8_t *p = data;

	while (bytes--)
		h = (h ^ *p++) * 0x100000001b3ull;
	return h;
}

/* Two users of a host may have VMs of the same name. */
void net_default_mac(const char *name, unsigned int n, uint8_t mac[ETH_ALEN])
{
	uint32_t more[2] = { getuid(), n };
	uint64_t h = hash(0xcbf29ce484222325ull, name, strlen(name));

	h = hash(h, more, sizeof(more));
	memcpy(mac, &h, ETH_ALEN);
	mac[0] = (mac[0] & 0xfc) | 0x02;	/* locally administered, of one station */
}

struct net *net_open(const struct net_options *options, unsigned int cpus, bool sandbox)
{
	if (options->kind == NET_TAP)
		return net_open_tap(options, cpus);
	return net_open_user(options, sandbox);
}

void net_forget(struct net_options *options)
{
	free((char *)options->text);
	options->text = NULL;
}
