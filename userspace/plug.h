/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is plugged into a machine's PCI bus, in the order of its slots.  It knows each kind of
 * device there, and which end in the host goes with which; what they do it does not know, nor who
 * asked for them.  The ends outlive a machine: after a reset the next one has them.
 */
#ifndef VMCTL_PLUG_H
#define VMCTL_PLUG_H

#include <stdbool.h>
#include <stddef.h>

#include "balloon.h"
#include "disk.h"
#include "net.h"
#include "rng.h"
#include "serial_port.h"
#include "share.h"
#include "vsock.h"
#include "watchdog.h"

#define PLUG_ID_BYTES	16u

struct machine;
struct plugs;

/**
 * struct plug_config - what the user wants there
 * @firmware: the guest begins with firmware, which looks at the bus first
 * @uefi: it is UEFI, which looks for what is on the board of a PC
 * @disks: the disks
 * @blocks: their images; NULL: it was taken out
 * @nr_disks: how many, with those that were
 * @net_options: the network cards
 * @nets: what they are connected to; likewise
 * @nr_nets: likewise
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
 * @vga: whether there is a display adapter
 * @attached: bit n: plug_attach() has put into slot n what is there
 * @ejected: bit n: the guest has let go of what is in slot n, and it is to be closed
 */
struct plug_config {
	bool firmware;
	bool uefi;
	struct disk_options disks[DISKS_MAX];
	struct block **blocks;
	unsigned int nr_disks;
	struct net_options net_options[NETS_MAX];
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
	bool vga;
	uint32_t attached;
	uint32_t ejected;
};

/* Is there anything?  A machine without does without the bus. */
bool plug_any(const struct plug_config *config);

/**
 * plug_boot_order - what firmware shall boot from, in the order of bootindex=
 * @config: what there is
 * @text: filled in: a line of Open Firmware's path for each device, as QEMU writes it
 * @room: of @text, 2048 or more
 *
 * Return: the characters of @text; 0: nobody has said.
 */
unsigned int plug_boot_order(const struct plug_config *config, char *text, size_t room);

/* Return: all of it, on a new bus of @m with @cpus; or NULL after a message. */
struct plugs *plug_all(struct machine *m, struct plug_config *config, unsigned int cpus);
void plug_free(struct plugs *plugs);

/**
 * plug_attach - plug something in while the guest runs
 * @plugs: of the machine; the caller is the event loop, with the lock, in the sandbox or not
 * @kind: "disk" or "net"
 * @text: what --KIND would be given: a raw image, or "tap", with its keys
 * @fds: of it, open: one of an image, one for each queue of a tap interface.  They are taken, or
 *	closed
 * @nr: of @fds
 * @id: set to what it is called from now on, like "disk2"
 * @why: on failure what is wrong
 * @room: of @why
 *
 * The guest is told; its ACPI driver finds the device soon.  What is attached stays over a reset of
 * the guest.  Return: 0, or -1 with @why filled in.
 */
int plug_attach(struct plugs *plugs, const char *kind, const char *text, const int *fds,
		unsigned int nr, char id[PLUG_ID_BYTES], char *why, size_t room);

/**
 * plug_detach - have something taken out: a disk or network card, attached or there from the start
 * @plugs: likewise
 * @id: "disk0" is the first --disk
 * @why: on failure what is wrong
 * @room: of @why
 *
 * The guest is asked, and may take its time or never do it; when it has, plug_present() is false
 * and the image or interface is closed.  Return: 0, or -1 with @why filled in.
 */
int plug_detach(struct plugs *plugs, const char *id, char *why, size_t room);

/* Call @each for what can be detached: what it is called, and the text of its option. */
void plug_each(const struct plugs *plugs, void (*each)(void *opaque, const char *id,
						       const char *option), void *opaque);

/* Is something called @id there? */
bool plug_present(const struct plugs *plugs, const char *id);

/* Its balloon, or NULL. */
struct virtio_balloon *plug_balloon(const struct plugs *plugs);

/* Its display adapter, or NULL. */
const struct vga *plug_vga(const struct plugs *plugs);

#endif
