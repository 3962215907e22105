/* SPDX-License-Identifier: GPL-2.0 */
/*
 * --firmware: a ROM in which the guest begins, as on a PC, instead of a kernel that vmctl loads.
 */
#ifndef VMCTL_FIRMWARE_H
#define VMCTL_FIRMWARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware_vars.h"
#include "option_rom.h"

struct acpi_choice;
struct machine;
struct plug_config;

/**
 * struct firmware_choice - what the user has said
 * @name: "seabios", "ovmf", or a path; NULL: there is none
 * @vars: the file of its variables; NULL: they are forgotten
 * @template: what they are at first; NULL: nobody has said
 */
struct firmware_choice {
	const char *name;
	const char *vars, *template;
};

/**
 * firmware_parse - NAME[,vars=FILE][,template=FILE]
 * @text: the option's value
 * @choice: filled in; it keeps a copy of the text
 * @why: what is wrong with it
 * @bytes: of @why
 *
 * Return: whether it is right.
 */
bool firmware_parse(const char *text, struct firmware_choice *choice, char *why, size_t bytes);

/**
 * struct firmware - a ROM image
 * @rom: its bytes, in pages of their own; NULL: there is none.  No guest writes them, so that they
 *	are every machine's
 * @bytes: how many
 * @uefi: it is UEFI, which expects more of a PC than a BIOS does
 * @vars: its variables, if they are not in the ROM
 * @options: programs of devices that a BIOS uses
 */
struct firmware {
	void *rom;
	uint64_t bytes;
	bool uefi;
	struct firmware_vars vars;
	struct option_roms options;
};

/**
 * firmware_open - read the ROM, and those of devices
 * @f: filled in, and not moved until firmware_close()
 * @choice: what the user wants
 * @vga, @nets, @nr_nets: as of option_roms_open()
 *
 * Return: 0, or -1 after a message, which names Debian's package if that is missing.
 */
int firmware_open(struct firmware *f, const struct firmware_choice *choice, bool vga,
		  const struct net_options *nets, unsigned int nr_nets);
void firmware_close(struct firmware *f);

/**
 * firmware_load - have a new machine begin in the ROM
 * @f: the ROM: it ends at 4 GiB, and the last 128 KiB of it are in RAM below 1 MiB, too; its
 *	variables are in front of it
 * @m: whose vCPUs are as after power-on, which is where it begins
 * @acpi: what its tables tell of
 * @plugs: what it can boot from
 *
 * Return: 0, or -1 after a message.
 */
int firmware_load(const struct firmware *f, struct machine *m, const struct acpi_choice *acpi,
		  const struct plug_config *plugs);

#endif
