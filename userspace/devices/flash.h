/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A flash chip as the Common Flash Interface describes them, with Intel's command set: memory that
 * is read like any other, and written by commands.  It knows neither what it holds nor where that
 * is kept.
 *
 * Source: JESD68.01 (CFI); Intel 28F640J3 data sheet, "Bus Operations" and "Command Definitions".
 */
#ifndef VMCTL_DEVICES_FLASH_H
#define VMCTL_DEVICES_FLASH_H

#include <stdint.h>

#define FLASH_BLOCK_BYTES	4096u	/* what is erased at once */
#define FLASH_BYTES_MAX		(16u << 20)

struct machine;
struct flash;

/**
 * struct flash_store - what is in a chip; the next machine finds it there
 * @data: its bytes, in pages of their own
 * @bytes: how many: whole blocks, up to FLASH_BYTES_MAX
 * @keep: write @bytes at @offset to where they are kept; they are in @data when it returns 0.
 *	Else -errno, and the chip says that it failed.  NULL: they are kept nowhere else
 * @opaque: handed to it
 */
struct flash_store {
	uint8_t *data;
	uint64_t bytes;
	int (*keep)(void *opaque, uint64_t offset, const void *from, uint64_t bytes);
	void *opaque;
};

/* @store is not copied.  Return: the chip, at @gpa, or NULL with errno set. */
struct flash *flash_new(struct machine *m, uint64_t gpa, const struct flash_store *store);
void flash_free(struct flash *f);

#endif
