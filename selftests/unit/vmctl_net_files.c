// SPDX-License-Identifier: GPL-2.0
// needs: userspace/net_tap.c
// libs: -Wl,--wrap=ioctl
/*
 * The files of a tap interface, and of vhost behind them, that somebody hands to a VM that runs:
 * which are taken, and that the others are closed. What the kernel would say of them is played.
 */
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "devices_fake.h"
#include "said.h"
#include "../../userspace/net.h"
#include "../../userspace/net_fd.h"
#include "../../userspace/net_link.h"
#include "../../userspace/vhost.h"

#define FDS	20

/* ---- the host ------------------------------------------------------------------------------- */

/* What each file is: a letter of an interface's name, V of vhost, or something else */
static char kinds[256];

int __wrap_ioctl(int fd, unsigned long request, ...);

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	struct ifreq *r;
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (kinds[fd] != 'a' && kinds[fd] != 'b')
		return -1;
	if (request == TUNGETIFF) {
		r = arg;
		r->ifr_name[0] = kinds[fd];
		r->ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
	} else if (request == TUNGETVNETHDRSZ) {
		*(int *)arg = 12;
	}
	return 0;
}

bool vhost_take(struct vhost *v, const int *fds, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		if (kinds[fds[i]] != 'V')
			return false;
		v->fds[i] = fds[i];
	}
	v->nr = nr;
	return true;
}

bool vhost_open(struct vhost *v, const char *name, unsigned int nr, char *text, size_t bytes)
{
	return false;
}

void vhost_close(struct vhost *v)
{
	while (v->nr)
		close(v->fds[--v->nr]);
}

bool link_in_use(const char *name)
{
	return false;
}

int link_set_up(const char *text, const char *name, const char *bridge, unsigned int mtu)
{
	return -1;
}

int net_fd_send(int fd, const struct iovec *iov, unsigned int nr)
{
	return -1;
}

uint32_t net_fd_receive(int fd, const struct iovec *iov, unsigned int nr)
{
	return 0;
}

bool net_fd_wait(int fd, struct pollfd wake[NET_WAKES], unsigned int what)
{
	return true;
}

/* ---- who hands files over ------------------------------------------------------------------- */

static int fds[FDS];

static void open_files(const char *which)
{
	for (unsigned int i = 0; which[i]; i++) {
		fds[i] = open("/dev/null", O_RDWR);
		kinds[fds[i]] = which[i];
	}
}

static bool all_closed(unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		if (fcntl(fds[i], F_GETFD) >= 0)
			return false;
	}
	return true;
}

/* Return: whether they make a net of @pairs, with vhost or not, that has them and closes them. */
static bool takes(const char *which, enum net_vhost how, unsigned int pairs, bool vhost)
{
	const struct net_options o = { .kind = NET_TAP, .text = "tap", .vhost = how };
	unsigned int nr = strlen(which);
	int has[2 * NET_PAIRS_MAX];
	struct net *net;
	bool right;

	open_files(which);
	net = net_open_fds(&o, fds, nr);
	if (!net)
		return false;
	right = net->pairs == pairs && !net->vhost == !vhost && net_tap_fds(net, has) == nr &&
		!memcmp(has, fds, nr * sizeof(*fds));
	net_free(net);
	return right && all_closed(nr) && was_said(NULL);
}

static bool refuses(const char *which, enum net_vhost how, bool packed, const char *words)
{
	const struct net_options o = {
		.kind = NET_TAP, .text = "tap", .vhost = how, .model.packed = packed
	};

	open_files(which);
	return !net_open_fds(&o, fds, strlen(which)) && all_closed(strlen(which)) &&
	       was_said(words);
}

static void test_taken(void)
{
	CHECK(takes("a", NET_VHOST_AUTO, 1, false));
	CHECK(takes("aaaaaaaa", NET_VHOST_OFF, 8, false));
	CHECK(takes("aV", NET_VHOST_AUTO, 1, true));
	CHECK(takes("aV", NET_VHOST_ON, 1, true));
	CHECK(takes("aaaaVVVV", NET_VHOST_ON, 4, true));
	CHECK(takes("aaaaaaaaVVVVVVVV", NET_VHOST_AUTO, 8, true));
}

static void test_refused(void)
{
	static const char files[] = "not those of one tap interface";
	static const char behind[] = "behind the files of its interface";

	CHECK(refuses("", NET_VHOST_AUTO, false, "1 to 8 queues"));
	CHECK(refuses("aaaaaaaaaVVVVVVVVV", NET_VHOST_AUTO, false, "1 to 8 queues"));
	CHECK(refuses("ab", NET_VHOST_AUTO, false, behind));
	CHECK(refuses("aab", NET_VHOST_AUTO, false, files));
	CHECK(refuses("x", NET_VHOST_AUTO, false, files));
	CHECK(refuses("V", NET_VHOST_AUTO, false, files));
	CHECK(refuses("Va", NET_VHOST_AUTO, false, files));
	CHECK(refuses("aaV", NET_VHOST_AUTO, false, files));
	CHECK(refuses("aVV", NET_VHOST_AUTO, false, files));
	CHECK(refuses("ax", NET_VHOST_AUTO, false, behind));
	CHECK(refuses("aaVx", NET_VHOST_AUTO, false, behind));
	CHECK(refuses("a", NET_VHOST_ON, false, behind));
	CHECK(refuses("aV", NET_VHOST_OFF, false, behind));
	CHECK(refuses("aV", NET_VHOST_AUTO, true, behind));
}

static const struct test tests[] = {
	{ "what is taken", test_taken },
	{ "what is refused", test_refused },
};

int main(void)
{
	return RUN_TESTS(tests);
}
