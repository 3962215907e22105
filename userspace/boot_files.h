/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The files that a guest is booted from, as the options name them, open for as long as there may be
 * another machine.
 */
#ifndef VMCTL_BOOT_FILES_H
#define VMCTL_BOOT_FILES_H

#include "boot.h"
#include "run_options.h"

/**
 * struct boot_files - what is open
 * @program: a kernel, or --flat's
 * @modules: --initrd first, if there is one
 * @nr_modules: how many
 */
struct boot_files {
	struct image program;
	struct boot_module modules[BOOT_MODULES_MAX];
	unsigned int nr_modules;
};

/* Open all that @o names.  Return: 0, or -1 after a message; then nothing is open. */
int boot_files_open(struct boot_files *files, const struct run_options *o);
void boot_files_close(struct boot_files *files);

#endif
