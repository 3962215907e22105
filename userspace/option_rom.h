/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Option ROMs: programs of a device by which firmware uses it before there is a driver.  They are
 * files of the host, and firmware has them by fw_cfg under the name of the PCI device whose they
 * are, as SeaBIOS wants it (its docs/Runtime_config.md).
 */
#ifndef VMCTL_OPTION_ROM_H
#define VMCTL_OPTION_ROM_H

#include <stdbool.h>
#include <stdint.h>

#define OPTION_ROMS	2u

struct fw_cfg;
struct net_options;

/**
 * struct option_roms - those that the devices of a VM have
 * @rom: each one's bytes; NULL: the VM has no such device, or the host no such file
 */
struct option_roms {
	struct {
		uint8_t *data;
		uint32_t bytes;
	} rom[OPTION_ROMS];
};

/**
 * option_roms_open - read those that are installed
 * @roms: filled in
 * @vga: there is a display adapter
 * @nets: the network cards; if one has a place in the boot order, its ROM must be there
 * @nr_nets: how many
 *
 * Return: 0, or -1 after a message, which names Debian's package if one is missing.
 */
int option_roms_open(struct option_roms *roms, bool vga, const struct net_options *nets,
		     unsigned int nr_nets);
void option_roms_close(struct option_roms *roms);

/* Give them to firmware, before a vCPU runs.  Return: 0, or an error of fw_cfg_add_file(). */
int option_roms_tell(const struct option_roms *roms, struct fw_cfg *fw_cfg);

#endif
