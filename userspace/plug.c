// SPDX-License-Identifier: GPL-2.0
/*
 * What is on the PCI bus when the guest starts; plug_hot.c is about what comes and goes later.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices/piix.h"
#include "devices/vga.h"
#include "devices/virtio_balloon.h"
#include "devices/virtio_blk.h"
#include "devices/virtio_console.h"
#include "devices/virtio_fs.h"
#include "devices/virtio_net.h"
#include "devices/virtio_rng.h"
#include "devices/virtio_vsock.h"
#include "message.h"
#include "plug_parts.h"
#include "subopt.h"

bool plug_any(const struct plug_config *config)
{
	return config->firmware || config->nr_disks || config->nr_shares || config->nr_nets ||
	       config->console || config->nr_ports || config->cid || config->rng.wanted ||
	       config->balloon.wanted || config->watchdog != WATCHDOG_ABSENT || config->vga;
}

static int remember(struct plug *plug, void *device, void (*free_device)(void *device))
{
	plug->device = device;
	plug->free = free_device;
	return device ? 0 : -1;
}

void plug_pull(struct plug *plug)
{
	if (plug->device)
		plug->free(plug->device);
	plug->device = NULL;
}

static void free_disk(void *device)
{
	virtio_blk_free(device);
}

static bool retire_disk(void *device, void (*gone)(void *opaque), void *opaque)
{
	return virtio_blk_retire(device, gone, opaque);
}

int plug_disk(struct plugs *plugs, unsigned int n)
{
	const struct plug_config *config = plugs->config;
	struct virtio_blk_options options = config->disks[n].model;

	if (!options.queues)
		options.queues = plugs->cpus;
	pci_bus_place(plugs->bus, FIRST_DISK + n, 0);
	plugs->slots[FIRST_DISK + n].retire = retire_disk;
	return remember(&plugs->slots[FIRST_DISK + n],
			virtio_blk_new(plugs->bus, config->blocks[n], &options), free_disk);
}

static void free_card(void *device)
{
	virtio_net_free(device);
}

int plug_net(struct plugs *plugs, unsigned int n)
{
	static const uint8_t none[ETH_ALEN];
	const struct plug_config *config = plugs->config;
	struct virtio_net_options options = config->net_options[n].model;

	if (!memcmp(options.mac, none, ETH_ALEN))
		net_default_mac(config->vm_name, n, options.mac);
	pci_bus_place(plugs->bus, FIRST_NET + n, 0);
	return remember(&plugs->slots[FIRST_NET + n],
			virtio_net_new(plugs->bus, config->nets[n], &options), free_card);
}

static void free_share(void *device)
{
	virtio_fs_free(device);
}

static int plug_share(struct plugs *plugs, unsigned int n)
{
	const struct plug_config *config = plugs->config;

	pci_bus_place(plugs->bus, FIRST_SHARE + n, 0);
	return remember(&plugs->slots[FIRST_SHARE + n],
			virtio_fs_new(plugs->bus, &config->servers[n], &config->shares[n].model),
			free_share);
}

/* Of a guest before this one @end may still be open. */
static bool is_there(const struct plug_config *config, const void *end, unsigned int slot)
{
	return end && !(config->ejected >> slot & 1);
}

/* Return: 0, or -1 after a message. */
static int plug_slots(struct plugs *plugs)
{
	const struct plug_config *config = plugs->config;
	const char *option, *text;

	for (unsigned int i = 0; i < config->nr_disks; i++) {
		option = "disk";
		text = config->disks[i].path;
		if (is_there(config, config->blocks[i], FIRST_DISK + i) && plug_disk(plugs, i))
			goto fail;
	}
	for (unsigned int i = 0; i < config->nr_shares; i++) {
		option = "share";
		text = config->shares[i].path;
		if (plug_share(plugs, i))
			goto fail;
	}
	for (unsigned int i = 0; i < config->nr_nets; i++) {
		option = "net";
		text = config->net_options[i].text;
		if (is_there(config, config->nets[i], FIRST_NET + i) && plug_net(plugs, i))
			goto fail;
	}
	return 0;
fail:
	message("--%s %s: cannot plug it in: %s", option, text, strerror(errno));
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

static void free_vga(void *device)
{
	vga_free(device);
}

static void free_isa(void *device)
{
	piix_isa_free(device);
}

/* Function @place of slot 0 is next.  Return: where to remember it. */
static struct plug *single(struct plugs *plugs, unsigned int place)
{
	pci_bus_place(plugs->bus, 0, place);
	return &plugs->singles[place];
}

/* The first that cannot be made, by the name of its option; NULL: all are there. */
static const char *plug_singles(struct plugs *plugs)
{
	struct plug_config *c = plugs->config;
	struct plug *plug;

	if (c->console || c->nr_ports) {
		plug = single(plugs, PLACE_CONSOLE);
		if (remember(plug, virtio_console_new(plugs->bus, c->console, c->ports,
						      c->nr_ports), free_console))
			return c->console ? "virtio-console" : "serial-port";
	}
	if (c->cid) {
		plug = single(plugs, PLACE_VSOCK);
		if (remember(plug, virtio_vsock_new(plugs->bus, &c->vsock, c->cid), free_vsock))
			return "vsock";
	}
	if (c->rng.wanted) {
		plug = single(plugs, PLACE_RNG);
		if (remember(plug, virtio_rng_new(plugs->bus, c->rng.rate), free_rng))
			return "rng";
	}
	if (c->balloon.wanted) {
		plug = single(plugs, PLACE_BALLOON);
		plugs->balloon = virtio_balloon_new(plugs->bus, &c->balloon.model);
		if (remember(plug, plugs->balloon, free_balloon))
			return "balloon";
	}
	if (c->watchdog != WATCHDOG_ABSENT) {
		plug = single(plugs, PLACE_WATCHDOG);
		if (remember(plug, watchdog_new(plugs->bus, c->vm_name, c->watchdog,
						&c->watchdog_expired), free_watchdog))
			return "watchdog";
	}
	if (c->vga) {
		plug = single(plugs, PLACE_VGA);
		if (remember(plug, vga_new(plugs->bus), free_vga))
			return "vga";
	}
	if (c->uefi) {
		plug = single(plugs, PLACE_ISA);
		if (remember(plug, piix_isa_new(plugs->bus), free_isa))
			return "firmware";
	}
	return NULL;
}

/* Boot order */

/* A line of at most 48 characters for what is to be number @n; of two that want it, of both. */
static unsigned int boot_lines(const struct plug_config *c, unsigned int n, char *text, size_t room)
{
	unsigned int used = 0;

	for (unsigned int i = 0; i < c->nr_disks; i++) {
		if (c->disks[i].boot_order == n)
			used += snprintf(text + used, room - used,
					 "/pci@i0cf8/scsi@%x/disk@0,0\n", FIRST_DISK + i);
	}
	for (unsigned int i = 0; i < c->nr_nets; i++) {
		if (c->net_options[i].boot_order == n)
			used += snprintf(text + used, room - used,
					 "/pci@i0cf8/ethernet@%x/ethernet-phy@0\n", FIRST_NET + i);
	}
	return used;
}

static_assert((DISKS_MAX + NETS_MAX) * 48 < 2048, "all of them have room");

unsigned int plug_boot_order(const struct plug_config *config, char *text, size_t room)
{
	unsigned int used = 0;

	for (unsigned int n = 1; n <= SUBOPT_BOOT_ORDER_MAX; n++)
		used += boot_lines(config, n, text + used, room - used);
	return used;
}

struct virtio_balloon *plug_balloon(const struct plugs *plugs)
{
	return plugs->balloon;
}

const struct vga *plug_vga(const struct plugs *plugs)
{
	return plugs->singles[PLACE_VGA].device;
}

/* Before anything is plugged in.  Return: 0, or -1 after a message. */
static int prepare_for_uefi(struct pci_bus *bus, struct machine *m)
{
	int err = piix_pm_new(bus) ? 0 : -errno;

	if (!err && !machine_memory(m, PCI_LOW_BASE, 1))
		err = pci_bus_widen(bus);
	if (err)
		message("cannot prepare the PCI bus for UEFI: %s", strerror(-err));
	return err;
}

struct plugs *plug_all(struct machine *m, struct plug_config *config, unsigned int cpus)
{
	struct plugs *plugs = calloc(1, sizeof(*plugs));
	const char *missing;

	if (!plugs) {
		message("out of memory");
		return NULL;
	}
	plugs->config = config;
	plugs->cpus = cpus;
	for (unsigned int i = 0; i < PCI_SLOTS; i++)
		plugs->slots[i].plugs = plugs;
	plugs->bus = pci_bus_new(m);
	if (plugs->bus)
		plugs->acpi = acpi_plug_new(m, plug_eject, plugs);
	if (plugs->acpi)
		plugs->closer = machine_timer_new(m, plug_close_ejected, plugs);
	if (!plugs->closer) {
		message("cannot build the PCI bus: %s", strerror(errno));
		goto fail;
	}
	if (config->firmware)
		pci_bus_for_firmware(plugs->bus);
	if (config->uefi && prepare_for_uefi(plugs->bus, m))
		goto fail;
	if (plug_slots(plugs))
		goto fail;
	if (config->balloon.wanted && machine_discard(m, NULL, 0)) {
		message("--balloon: this memory's pages are too large to be given back as "
			"4K; leave out --mem-pages and hugetlbfs");
		goto fail;
	}
	missing = plug_singles(plugs);
	if (missing) {
		message("--%s: cannot plug it in: %s", missing, strerror(errno));
		goto fail;
	}
	pci_bus_hand_over(plugs->bus);
	if (config->ejected)
		machine_timer_arm(plugs->closer, 0);
	return plugs;
fail:
	plug_free(plugs);
	return NULL;
}

void plug_free(struct plugs *plugs)
{
	for (unsigned int i = PLACES; i--;)
		plug_pull(&plugs->singles[i]);
	for (unsigned int i = PCI_SLOTS; i--;)
		plug_pull(&plugs->slots[i]);
	plug_close_ejected(plugs);
	machine_timer_free(plugs->closer);
	if (plugs->acpi)
		acpi_plug_free(plugs->acpi);
	if (plugs->bus)
		pci_bus_free(plugs->bus);
	free(plugs);
}
