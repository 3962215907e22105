// SPDX-License-Identifier: GPL-2.0
// needs: userspace/plug.c userspace/devices/pci_bus.c userspace/devices/pci_function.c
// needs: userspace/devices/msix.c
/*
 * Where on the PCI bus each device has its place, whatever else is plugged in. The models are
 * played by this file: a function each, whose device ID says what it is.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "devices_fake.h"
#include "pci_guest.h"
#include "../../userspace/devices/virtio_fs.h"
#include "../../userspace/devices/virtio_rng.h"
#include "../../userspace/devices/virtio_vsock.h"
#include "../../userspace/plug.h"

/* ---- models -------------------------------------------------------------------------------- */

enum { DISK = 0x100, NET = 0x200, SHARE = 0x300, CONSOLE = 0x400, VSOCK, RNG, BALLOON, WATCHDOG };

static char said[160];
static unsigned int fail_device;	/* which cannot be made; 0: all can */

void message(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(said, sizeof(said), format, ap);
	va_end(ap);
}

static void *new_function(struct pci_bus *bus, unsigned int device)
{
	const struct pci_identity identity = { .vendor = 0x1234, .device = device };

	if (device == fail_device) {
		errno = EMFILE;
		return NULL;
	}
	return pci_function_new(bus, &identity);
}

/* What says which one of its kind it is. */
static struct disk_options disks[DISKS_MAX];
static struct net_options net_options[NETS_MAX];
static struct share_options shares[SHARES_MAX];
static struct block *blocks[DISKS_MAX];
static struct net *nets[NETS_MAX];
static struct vhost_user servers[SHARES_MAX];
static struct block fake_block[DISKS_MAX];
static struct net fake_net[NETS_MAX];

struct virtio_blk *virtio_blk_new(struct pci_bus *bus, struct block *block,
				  const struct virtio_blk_options *options)
{
	CHECK_EQ(options->queues, 3);
	return new_function(bus, DISK + (block - fake_block));
}

void virtio_blk_free(struct virtio_blk *disk)
{
	pci_function_free((void *)disk);
}

struct virtio_net *virtio_net_new(struct pci_bus *bus, struct net *net,
				  const struct virtio_net_options *options)
{
	CHECK_EQ(options->mac[5], net - fake_net);
	return new_function(bus, NET + (net - fake_net));
}

void virtio_net_free(struct virtio_net *card)
{
	pci_function_free((void *)card);
}

void net_default_mac(const char *name, unsigned int n, uint8_t mac[ETH_ALEN])
{
	mac[0] = 2;
	mac[5] = n;
}

struct virtio_fs *virtio_fs_new(struct pci_bus *bus, struct vhost_user *server,
				const struct virtio_fs_options *options)
{
	return new_function(bus, SHARE + (server - servers));
}

void virtio_fs_free(struct virtio_fs *fs)
{
	pci_function_free((void *)fs);
}

struct virtio_console *virtio_console_new(struct pci_bus *bus, struct console *console,
					  const struct virtio_console_port *ports, unsigned int nr)
{
	return new_function(bus, CONSOLE);
}

void virtio_console_free(struct virtio_console *c)
{
	pci_function_free((void *)c);
}

struct virtio_vsock *virtio_vsock_new(struct pci_bus *bus, struct vhost *vhost, uint32_t cid)
{
	return new_function(bus, VSOCK);
}

void virtio_vsock_free(struct virtio_vsock *v)
{
	pci_function_free((void *)v);
}

struct virtio_rng *virtio_rng_new(struct pci_bus *bus, uint32_t rate)
{
	return new_function(bus, RNG);
}

void virtio_rng_free(struct virtio_rng *rng)
{
	pci_function_free((void *)rng);
}

struct virtio_balloon *virtio_balloon_new(struct pci_bus *bus,
					  const struct balloon_options *options)
{
	return new_function(bus, BALLOON);
}

void virtio_balloon_free(struct virtio_balloon *balloon)
{
	pci_function_free((void *)balloon);
}

struct watchdog *watchdog_new(struct pci_bus *bus, enum watchdog_action action, bool *has_expired)
{
	return new_function(bus, WATCHDOG);
}

void watchdog_free(struct watchdog *w)
{
	pci_function_free((void *)w);
}

int machine_discard(struct machine *m, void *start, uint64_t bytes)
{
	return 0;
}

/* ---- a configuration ----------------------------------------------------------------------- */

static struct plug_config config;

static void configure(unsigned int nr_disks, unsigned int nr_nets, unsigned int nr_shares)
{
	config = (struct plug_config) {
		.disks = disks, .blocks = blocks, .nr_disks = nr_disks,
		.net_options = net_options, .nets = nets, .nr_nets = nr_nets,
		.shares = shares, .servers = servers, .nr_shares = nr_shares,
		.vm_name = "test",
	};
	for (unsigned int i = 0; i < DISKS_MAX; i++) {
		disks[i].path = "image";
		blocks[i] = &fake_block[i];
	}
	for (unsigned int i = 0; i < NETS_MAX; i++) {
		net_options[i].text = "tap";
		nets[i] = &fake_net[i];
	}
	for (unsigned int i = 0; i < SHARES_MAX; i++)
		shares[i].path = "/share";
}

static void add_singles(void)
{
	config.console = (void *)&config;
	config.cid = 3;
	config.rng.wanted = true;
	config.balloon.wanted = true;
	config.watchdog = WATCHDOG_RESET;
}

/* The device there, or -1. */
static int device_at(unsigned int slot, unsigned int function)
{
	uint32_t id = mmio_read(ecam(slot, function << 12), 4);

	return id == UINT32_MAX ? -1 : (int)(id >> 16);
}

static unsigned int functions(void)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < 8 * PCI_SLOTS; i++)
		nr += device_at(i / 8, i % 8) >= 0;
	return nr;
}

/* ---- tests --------------------------------------------------------------------------------- */

static void check_places(void)
{
	struct plugs *plugs = plug_all(&fake, &config, 3);

	if (!plugs)
		abort();
	for (unsigned int i = 0; i < NETS_MAX; i++)
		CHECK_EQ(device_at(1 + i, 0), i < config.nr_nets ? (int)(NET + i) : -1);
	for (unsigned int i = 0; i < DISKS_MAX; i++)
		CHECK_EQ(device_at(9 + i, 0), i < config.nr_disks ? (int)(DISK + i) : -1);
	for (unsigned int i = 0; i < SHARES_MAX; i++)
		CHECK_EQ(device_at(25 + i, 0), i < config.nr_shares ? (int)(SHARE + i) : -1);
	CHECK_EQ(device_at(0, 1), config.console || config.nr_ports ? CONSOLE : -1);
	CHECK_EQ(device_at(0, 2), config.cid ? VSOCK : -1);
	CHECK_EQ(device_at(0, 3), config.rng.wanted ? RNG : -1);
	CHECK_EQ(device_at(0, 4), config.balloon.wanted ? BALLOON : -1);
	CHECK_EQ(device_at(0, 5), config.watchdog ? WATCHDOG : -1);
	plug_free(plugs);
	fake_init();
}

static void test_places(void)
{
	configure(0, 0, 0);
	CHECK(!plug_any(&config));
	config.nr_ports = 1;
	check_places();
	for (unsigned int i = 0; i < 32; i++) {
		configure(i & 1, i & 2, i & 4);
		if (i & 8)
			config.rng.wanted = true;
		if (i & 16)
			config.watchdog = WATCHDOG_RESET;
		check_places();
	}
	configure(2, 3, 1);
	add_singles();
	check_places();
}

static void test_all(void)
{
	struct plugs *plugs;

	configure(DISKS_MAX, NETS_MAX, SHARES_MAX);
	add_singles();
	check_places();
	plugs = plug_all(&fake, &config, 3);
	CHECK_EQ(functions(), 1 + DISKS_MAX + NETS_MAX + SHARES_MAX + 5);
	plug_free(plugs);
}

/* What cannot be made is told by the name of its option, and all else is gone again. */
static void test_failures(void)
{
	static const struct {
		unsigned int device;
		const char *words;
	} cases[] = {
		{ DISK + 1, "--disk image: cannot plug it in: Too many open files" },
		{ NET, "--net tap: cannot plug it in: " },
		{ SHARE, "--share /share: cannot plug it in: " },
		{ CONSOLE, "--virtio-console: cannot plug it in: " }, { VSOCK, "--vsock: " },
		{ RNG, "--rng: " }, { BALLOON, "--balloon: " }, { WATCHDOG, "--watchdog: " },
	};

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		configure(2, 1, 1);
		add_singles();
		fail_device = cases[i].device;
		said[0] = '\0';
		CHECK(!plug_all(&fake, &config, 3));
		CHECK(!strncmp(said, cases[i].words, strlen(cases[i].words)));
		fake_init();
	}
	fail_device = 0;
}

static const struct test tests[] = {
	{ "each device has its place", test_places },
	{ "as many as there can be", test_all },
	{ "devices that cannot be", test_failures },
};

int main(void)
{
	return RUN_TESTS(tests);
}
