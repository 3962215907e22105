/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What plug.c and plug_hot.c share: places on the bus, and what is in them.
 */
#ifndef VMCTL_PLUG_PARTS_H
#define VMCTL_PLUG_PARTS_H

#include <assert.h>

#include "pci.h"
#include "plug.h"

/*
 * Where on the bus each has its place, whatever else there is: a guest calls its devices by that.
 * Those of which there is one at most are functions of slot 0, beside the bridge.  pci.asl knows
 * the slots of network cards and disks.
 */
enum {
	PLACE_CONSOLE = 1, PLACE_VSOCK, PLACE_RNG, PLACE_BALLOON, PLACE_WATCHDOG, PLACE_VGA,
	PLACE_ISA, PLACES
};

#define FIRST_NET	1u
#define FIRST_DISK	(FIRST_NET + NETS_MAX)
#define FIRST_SHARE	(FIRST_DISK + DISKS_MAX)
static_assert(FIRST_SHARE + SHARES_MAX <= PCI_SLOTS, "each has a slot of its own");

struct plug {
	void *device;			/* NULL: there is none */
	void (*free)(void *device);
	/* As virtio_retire(); NULL: it can be freed at once. */
	bool (*retire)(void *device, void (*gone)(void *opaque), void *opaque);
	struct plugs *plugs;		/* whose slot this is */
};

struct plugs {
	struct pci_bus *bus;
	struct plug_config *config;
	unsigned int cpus;
	struct acpi_plug *acpi;
	struct machine_timer *closer;	/* has the event loop close what was ejected */
	struct plug slots[PCI_SLOTS];	/* of network cards, disks and shares */
	struct plug singles[PLACES];	/* functions of slot 0 */
	struct virtio_balloon *balloon;	/* one of them, or NULL */
};

/* plug.c: into their slots, what is configured as number @n.  Return: 0, or -1 with errno set. */
int plug_disk(struct plugs *plugs, unsigned int n);
int plug_net(struct plugs *plugs, unsigned int n);
void plug_pull(struct plug *plug);

/* plug_hot.c: the guest does not use what is in @slot any more; a vCPU's thread says so. */
void plug_eject(void *plugs, unsigned int slot);
/* Close what was ejected, and need not be waited for; the rest later, or in the next machine. */
void plug_close_ejected(void *plugs);

#endif
