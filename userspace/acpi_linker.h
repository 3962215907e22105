/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ACPI tables for firmware: files of fw_cfg, and the commands that tell it where to put them
 * and what to set right there.
 *
 * Source: "etc/table-loader" as SeaBIOS (src/fw/romfile_loader.h) and OVMF read it.
 */
#ifndef VMCTL_ACPI_LINKER_H
#define VMCTL_ACPI_LINKER_H

#include "acpi.h"

struct fw_cfg;

/* Hand @fw_cfg the tables that tell of @is.  Return: 0 or -errno. */
int acpi_link(struct fw_cfg *fw_cfg, const struct acpi_choice *is);

#endif
