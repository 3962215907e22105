// SPDX-License-Identifier: GPL-2.0
#include <linux/netlink.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <string.h>

#include "message.h"
#include "net_link.h"

static struct nl_sock *open_route(void)
{
	struct nl_sock *sock = nl_socket_alloc();

	if (sock && nl_connect(sock, NETLINK_ROUTE)) {
		nl_socket_free(sock);
		return NULL;
	}
	return sock;
}

bool link_in_use(const char *name)
{
	struct nl_sock *sock = open_route();
	struct rtnl_link *link;
	bool in_use = false;
	const char *type;

	if (!sock)
		return false;
	/* It has a carrier while it is open. */
	if (!rtnl_link_get_kernel(sock, 0, name, &link)) {
		type = rtnl_link_get_type(link);
		in_use = type && !strcmp(type, "tun") && rtnl_link_get_carrier(link);
		rtnl_link_put(link);
	}
	nl_socket_free(sock);
	return in_use;
}

/* Return: its index, or 0 after a message. */
static int find_bridge(struct nl_sock *sock, const char *text, const char *bridge)
{
	struct rtnl_link *link;
	const char *type;
	int index = 0;

	if (rtnl_link_get_kernel(sock, 0, bridge, &link)) {
		message("--net %s: there is no bridge %s; as root: ip link add %s type bridge && "
			"ip link set %s up", text, bridge, bridge, bridge);
		return 0;
	}
	type = rtnl_link_get_type(link);
	if (type && !strcmp(type, "bridge"))
		index = rtnl_link_get_ifindex(link);
	else
		message("--net %s: %s is no bridge; ip link show type bridge lists those there are",
			text, bridge);
	rtnl_link_put(link);
	return index;
}

/* What is not as it should be.  Return: whether there is anything. */
static bool difference(struct rtnl_link *is, int master, unsigned int mtu,
		       struct rtnl_link *change)
{
	bool any = false;

	if (!(rtnl_link_get_flags(is) & IFF_UP)) {
		rtnl_link_set_flags(change, IFF_UP);
		any = true;
	}
	if (master && rtnl_link_get_master(is) != master) {
		rtnl_link_set_master(change, master);
		any = true;
	}
	if (mtu && rtnl_link_get_mtu(is) != mtu) {
		rtnl_link_set_mtu(change, mtu);
		any = true;
	}
	return any;
}

static void cannot_change(const char *text, const char *name, const char *bridge, unsigned int mtu,
			  int err)
{
	char more[64] = "";

	if (mtu)
		snprintf(more, sizeof(more), " mtu %u", mtu);
	if (err == -NLE_PERM)
		message("--net %s: you may not change interface %s; as root: ip link set %s "
			"up%s%s%s", text, name, name, more, bridge ? " master " : "",
			bridge ? bridge : "");
	else
		message("--net %s: cannot bring up interface %s%s%s%s: %s", text, name, more,
			bridge ? " in bridge " : "", bridge ? bridge : "", nl_geterror(err));
}

static int set_up(struct nl_sock *sock, const char *text, const char *name, const char *bridge,
		  unsigned int mtu)
{
	int master = bridge ? find_bridge(sock, text, bridge) : 0;
	struct rtnl_link *is = NULL, *change = NULL;
	int err;

	if (bridge && !master)
		return -1;
	err = rtnl_link_get_kernel(sock, 0, name, &is);
	if (!err) {
		change = rtnl_link_alloc();
		err = change ? 0 : -NLE_NOMEM;
	}
	if (!err && difference(is, master, mtu, change))
		err = rtnl_link_change(sock, is, change, 0);
	if (err)
		cannot_change(text, name, bridge, mtu, err);
	if (change)
		rtnl_link_put(change);
	if (is)
		rtnl_link_put(is);
	return err;
}

int link_set_up(const char *text, const char *name, const char *bridge, unsigned int mtu)
{
	struct nl_sock *sock = open_route();
	int err;

	if (!sock) {
		message("--net %s: cannot ask for the host's interfaces", text);
		return -1;
	}
	err = set_up(sock, text, name, bridge, mtu);
	nl_socket_free(sock);
	return err ? -1 : 0;
}
