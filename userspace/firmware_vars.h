/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where the variables of UEFI are kept in the host: a file of the user's, or nowhere.  It knows
 * files, not what a variable is.
 */
#ifndef VMCTL_FIRMWARE_VARS_H
#define VMCTL_FIRMWARE_VARS_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/flash.h"

/**
 * struct firmware_vars - the variables, over all machines of a VM
 * @store: the flash that they are in; its data is NULL if there are none
 * @path: of the file, or NULL: they are forgotten at the end
 * @fd: of that file, or -1
 * @told: that it cannot be written was told
 */
struct firmware_vars {
	struct flash_store store;
	const char *path;
	int fd;
	bool told;
};

/**
 * vars_open - read them, or make them of the template
 * @v: filled in, and not moved until vars_close()
 * @path: the user's file, which is made if it is not there, or empty; or NULL
 * @template: what they are at first; NULL: nobody has said, so @path has to be there
 * @bytes: how many they have to be
 *
 * The file is written to as the guest does that, and locked, so that no other VM has it.
 *
 * Return: 0, or -1 after a message.
 */
int vars_open(struct firmware_vars *v, const char *path, const char *template, uint64_t bytes);
void vars_close(struct firmware_vars *v);

#endif
