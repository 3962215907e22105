/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fw_cfg: what firmware asks the machine that it is in: numbers, tables and files.  Whoever fills
 * it knows what they mean, the device does not.
 *
 * Source: docs/specs/fw_cfg.rst of QEMU.
 */
#ifndef VMCTL_DEVICES_FW_CFG_H
#define VMCTL_DEVICES_FW_CFG_H

#include <stdint.h>

#define FW_CFG_PORT	0x510		/* selector and data; DMA at 514h */
#define FW_CFG_NR_CPUS	0x05		/* keys: 2 bytes, how many there are */
#define FW_CFG_MAX_CPUS	0x0f		/* 2 bytes, one more than the highest APIC ID */
#define FW_CFG_NAME_MAX	55u		/* characters of a file's name */
#define FW_CFG_FILES_MAX 32u

struct machine;
struct fw_cfg;

/* Return: the device, or NULL with errno set. */
struct fw_cfg *fw_cfg_new(struct machine *m);
void fw_cfg_free(struct fw_cfg *f);

/*
 * Add an item of a key below 20h, or a file, while no vCPU runs; @data is copied.  Return: 0, or
 * -ENOMEM, or -ENOSPC: there are FW_CFG_FILES_MAX.
 */
int fw_cfg_add_item(struct fw_cfg *f, uint16_t key, const void *data, uint32_t bytes);
int fw_cfg_add_file(struct fw_cfg *f, const char *name, const void *data, uint32_t bytes);

#endif
