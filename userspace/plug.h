/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is plugged into a machine's PCI bus, in the order of its slots.  It knows each kind of
 * device there, and which end in the host goes with which; what they do it does not know, nor who
 * asked for them.  The ends outlive a machine: after a reset the next one has them.
 */
#ifndef VMCTL_PLUG_H
#define VMCTL_PLUG_H

#include <stdbool.h>

#include "balloon.h"
#include "disk.h"
#include "net.h"
#include "rng.h"
#include "serial_port.h"
#include "share.h"
#include "vsock.h"
#include "watchdog.h"

struct machine;
struct plugs;

/**
 * struct plug_config - what the user wants there
 * @disks: the disks
 * @blocks: their images
 * @nr_disks: how many
 * @net_options: the network cards
 * @nets: what they are connected to
 * @nr_nets: how many
 * @vm_name: for what each VM has its own of
 * @shares: the directories
 * @servers: who serves them
 * @nr_shares: how many
 * @console: the host's end of a virtio console, or NULL
 * @ports: serial ports that have names, with their ends
 * @nr_ports: how many
 * @cid: of @vsock; 0: there is none
 * @vsock: the kernel's part of it
 * @rng: whether there is a source of random numbers
 * @balloon: whether there is a balloon
 * @watchdog: whether there is a watchdog
 * @watchdog_expired: whether it had expired in a machine before this one
 */
struct plug_config {
	const struct disk_options *disks;
	struct block **blocks;
	unsigned int nr_disks;
	const struct net_options *net_options;
	struct net **nets;
	unsigned int nr_nets;
	const char *vm_name;
	const struct share_options *shares;
	struct vhost_user *servers;
	unsigned int nr_shares;
	struct console *console;
	struct virtio_console_port ports[SERIAL_PORTS_MAX];
	unsigned int nr_ports;
	uint32_t cid;
	struct vhost vsock;
	struct rng_options rng;
	struct balloon_choice balloon;
	enum watchdog_action watchdog;
	bool watchdog_expired;
};

/* Is there anything?  A machine without does without the bus. */
bool plug_any(const struct plug_config *config);

/* Return: all of it, on a new bus of @m with @cpus; or NULL after a message. */
struct plugs *plug_all(struct machine *m, struct plug_config *config, unsigned int cpus);
void plug_free(struct plugs *plugs);

/* Its balloon, or NULL. */
struct virtio_balloon *plug_balloon(const struct plugs *plugs);

#endif
