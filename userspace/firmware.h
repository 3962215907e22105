/* SPDX-License-Identifier: GPL-2.0 */
/*
 * --firmware: a ROM in which the guest begins, as on a PC, instead of a kernel that vmctl loads.
 */
#ifndef VMCTL_FIRMWARE_H
#define VMCTL_FIRMWARE_H

#include <stdint.h>

#include "option_rom.h"

struct acpi_choice;
struct machine;
struct plug_config;

/**
 * struct firmware - a ROM image
 * @rom: its bytes, in pages of their own; NULL: there is none.  No guest writes them, so that they
 *	are every machine's
 * @bytes: how many
 * @options: programs of devices that it uses
 */
struct firmware {
	void *rom;
	uint64_t bytes;
	struct option_roms options;
};

/**
 * firmware_open - read the ROM, and those of devices
 * @f: filled in
 * @name: "seabios", or a path
 * @vga, @nets, @nr_nets: as of option_roms_open()
 *
 * Return: 0, or -1 after a message, which names Debian's package if that is missing.
 */
int firmware_open(struct firmware *f, const char *name, bool vga, const struct net_options *nets,
		  unsigned int nr_nets);
void firmware_close(struct firmware *f);

/**
 * firmware_load - have a new machine begin in the ROM
 * @f: the ROM: it ends at 4 GiB, and the last 128 KiB of it are in RAM below 1 MiB, too
 * @m: whose vCPUs are as after power-on, which is where it begins
 * @acpi: what its tables tell of
 * @plugs: what it can boot from
 *
 * Return: 0, or -1 after a message.
 */
int firmware_load(const struct firmware *f, struct machine *m, const struct acpi_choice *acpi,
		  const struct plug_config *plugs);

#endif
