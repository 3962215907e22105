// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "devices/virtio_balloon.h"
#include "devices/virtio_blk.h"
#include "devices/virtio_console.h"
#include "devices/virtio_fs.h"
#include "devices/virtio_net.h"
#include "devices/virtio_rng.h"
#include "devices/virtio_vsock.h"
#include "message.h"
#include "pci.h"
#include "plug.h"

#define PLUGS_MAX	(PCI_FUNCTIONS_MAX - 1)

/*
 * Where on the bus each has its place, whatever else there is: a guest calls its devices by that.
 * Those of which there is one at most are functions of slot 0, beside the bridge.
 */
enum { PLACE_CONSOLE = 1, PLACE_VSOCK, PLACE_RNG, PLACE_BALLOON, PLACE_WATCHDOG };
#define FIRST_NET	1u
#define FIRST_DISK	(FIRST_NET + NETS_MAX)
#define FIRST_SHARE	(FIRST_DISK + DISKS_MAX)
_Static_assert(FIRST_SHARE + SHARES_MAX <= PCI_SLOTS, "each has a slot of its own");

struct plug {
	void *device;
	void (*free)(void *device);
};

struct plugs {
	struct pci_bus *bus;
	struct plug plug[PLUGS_MAX];
	unsigned int nr;
	struct virtio_balloon *balloon;	/* one of them, or NULL */
};

bool plug_any(const struct plug_config *config)
{
	return config->nr_disks || config->nr_shares || config->nr_nets || config->console ||
	       config->nr_ports || config->cid || config->rng.wanted || config->balloon.wanted ||
	       config->watchdog != WATCHDOG_ABSENT;
}

static int remember(struct plugs *plugs, void *device, void (*free_device)(void *device))
{
	if (!device)
		return -1;
	plugs->plug[plugs->nr++] = (struct plug) { .device = device, .free = free_device };
	return 0;
}

static void free_disk(void *device)
{
	virtio_blk_free(device);
}

static int plug_disk(struct plugs *plugs, const struct plug_config *config, unsigned int n,
		     unsigned int cpus)
{
	const struct disk_options *disk = &config->disks[n];
	struct virtio_blk_options options = disk->model;

	if (!options.queues)
		options.queues = cpus;
	pci_bus_place(plugs->bus, FIRST_DISK + n, 0);
	if (!remember(plugs, virtio_blk_new(plugs->bus, config->blocks[n], &options), free_disk))
		return 0;
	message("--disk %s: cannot plug it in: %s", disk->path, strerror(errno));
	return -1;
}

static void free_share(void *device)
{
	virtio_fs_free(device);
}

static int plug_share(struct plugs *plugs, const struct plug_config *config, unsigned int n)
{
	const struct share_options *share = &config->shares[n];

	pci_bus_place(plugs->bus, FIRST_SHARE + n, 0);
	if (!remember(plugs, virtio_fs_new(plugs->bus, &config->servers[n], &share->model),
		      free_share))
		return 0;
	message("--share %s: cannot plug it in: %s", share->path, strerror(errno));
	return -1;
}

static void free_card(void *device)
{
	virtio_net_free(device);
}

static int plug_net(struct plugs *plugs, const struct plug_config *config, unsigned int n)
{
	static const uint8_t none[ETH_ALEN];
	struct virtio_net_options options = config->net_options[n].model;

	if (!memcmp(options.mac, none, ETH_ALEN))
		net_default_mac(config->vm_name, n, options.mac);
	pci_bus_place(plugs->bus, FIRST_NET + n, 0);
	if (!remember(plugs, virtio_net_new(plugs->bus, config->nets[n], &options), free_card))
		return 0;
	message("--net %s: cannot plug it in: %s", config->net_options[n].text, strerror(errno));
	return -1;
}

/* Those of which there is one at most */

static void free_console(void *device)
{
	virtio_console_free(device);
}

static void free_vsock(void *device)
{
	virtio_vsock_free(device);
}

static void free_rng(void *device)
{
	virtio_rng_free(device);
}

static void free_balloon(void *device)
{
	virtio_balloon_free(device);
}

static void free_watchdog(void *device)
{
	watchdog_free(device);
}

/* The first that cannot be made, by the name of its option; NULL: all are there. */
static const char *plug_singles(struct plugs *plugs, struct plug_config *c)
{
	if (c->console || c->nr_ports) {
		pci_bus_place(plugs->bus, 0, PLACE_CONSOLE);
		if (remember(plugs, virtio_console_new(plugs->bus, c->console, c->ports,
						       c->nr_ports), free_console))
			return c->console ? "virtio-console" : "serial-port";
	}
	if (c->cid) {
		pci_bus_place(plugs->bus, 0, PLACE_VSOCK);
		if (remember(plugs, virtio_vsock_new(plugs->bus, &c->vsock, c->cid), free_vsock))
			return "vsock";
	}
	if (c->rng.wanted) {
		pci_bus_place(plugs->bus, 0, PLACE_RNG);
		if (remember(plugs, virtio_rng_new(plugs->bus, c->rng.rate), free_rng))
			return "rng";
	}
	if (c->balloon.wanted) {
		pci_bus_place(plugs->bus, 0, PLACE_BALLOON);
		plugs->balloon = virtio_balloon_new(plugs->bus, &c->balloon.model);
		if (remember(plugs, plugs->balloon, free_balloon))
			return "balloon";
	}
	if (c->watchdog != WATCHDOG_ABSENT) {
		pci_bus_place(plugs->bus, 0, PLACE_WATCHDOG);
		if (remember(plugs, watchdog_new(plugs->bus, c->watchdog, &c->watchdog_expired),
			     free_watchdog))
			return "watchdog";
	}
	return NULL;
}

struct virtio_balloon *plug_balloon(const struct plugs *plugs)
{
	return plugs->balloon;
}

struct plugs *plug_all(struct machine *m, struct plug_config *config, unsigned int cpus)
{
	struct plugs *plugs = calloc(1, sizeof(*plugs));
	const char *missing;

	if (!plugs) {
		message("out of memory");
		return NULL;
	}
	plugs->bus = pci_bus_new(m);
	if (!plugs->bus) {
		message("cannot build the PCI bus: %s", strerror(errno));
		goto fail;
	}
	for (unsigned int i = 0; i < config->nr_disks; i++) {
		if (plug_disk(plugs, config, i, cpus))
			goto fail;
	}
	for (unsigned int i = 0; i < config->nr_shares; i++) {
		if (plug_share(plugs, config, i))
			goto fail;
	}
	for (unsigned int i = 0; i < config->nr_nets; i++) {
		if (plug_net(plugs, config, i))
			goto fail;
	}
	if (config->balloon.wanted && machine_discard(m, NULL, 0)) {
		message("--balloon: this memory's pages are too large to be given back as "
			"4K; leave out --mem-pages and hugetlbfs");
		goto fail;
	}
	missing = plug_singles(plugs, config);
	if (!missing)
		return plugs;
	message("--%s: cannot plug it in: %s", missing, strerror(errno));
fail:
	plug_free(plugs);
	return NULL;
}

void plug_free(struct plugs *plugs)
{
	while (plugs->nr) {
		const struct plug *plug = &plugs->plug[--plugs->nr];

		plug->free(plug->device);
	}
	if (plugs->bus)
		pci_bus_free(plugs->bus);
	free(plugs);
}
