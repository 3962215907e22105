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

#define PLUGS_MAX	(PCI_SLOTS - 1)

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

static int plug_disk(struct plugs *plugs, const struct disk_options *disk, struct block *block,
		     unsigned int cpus)
{
	struct virtio_blk_options options = disk->model;

	if (!options.queues)
		options.queues = cpus;
	if (!remember(plugs, virtio_blk_new(plugs->bus, block, &options), free_disk))
		return 0;
	message("--disk %s: cannot plug it in: %s", disk->path, strerror(errno));
	return -1;
}

static void free_share(void *device)
{
	virtio_fs_free(device);
}

static int plug_share(struct plugs *plugs, const struct share_options *share,
		      struct vhost_user *server)
{
	if (!remember(plugs, virtio_fs_new(plugs->bus, server, &share->model), free_share))
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

static int plug_balloon_in(struct plugs *plugs, const struct balloon_options *options)
{
	plugs->balloon = virtio_balloon_new(plugs->bus, options);
	return remember(plugs, plugs->balloon, free_balloon);
}

/* Return: 0, or -1 after a message. */
static int plug_singles(struct plugs *plugs, struct plug_config *c)
{
	const char *what = NULL;

	if ((c->console || c->nr_ports) &&
	    remember(plugs, virtio_console_new(plugs->bus, c->console, c->ports, c->nr_ports),
		     free_console))
		what = c->console ? "virtio-console" : "serial-port";
	else if (c->cid && remember(plugs, virtio_vsock_new(plugs->bus, &c->vsock, c->cid),
				    free_vsock))
		what = "vsock";
	else if (c->rng.wanted && remember(plugs, virtio_rng_new(plugs->bus, c->rng.rate),
					   free_rng))
		what = "rng";
	else if (c->balloon.wanted && plug_balloon_in(plugs, &c->balloon.model))
		what = "balloon";
	else if (c->watchdog != WATCHDOG_ABSENT &&
		 remember(plugs, watchdog_new(plugs->bus, c->watchdog, &c->watchdog_expired),
			  free_watchdog))
		what = "watchdog";
	if (!what)
		return 0;
	message("--%s: cannot plug it in: %s", what, strerror(errno));
	return -1;
}

struct virtio_balloon *plug_balloon(const struct plugs *plugs)
{
	return plugs->balloon;
}

struct plugs *plug_all(struct machine *m, struct plug_config *config, unsigned int cpus)
{
	struct plugs *plugs = calloc(1, sizeof(*plugs));

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
		if (plug_disk(plugs, &config->disks[i], config->blocks[i], cpus))
			goto fail;
	}
	for (unsigned int i = 0; i < config->nr_shares; i++) {
		if (plug_share(plugs, &config->shares[i], &config->servers[i]))
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
	if (plug_singles(plugs, config))
		goto fail;
	return plugs;
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
