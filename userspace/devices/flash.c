// SPDX-License-Identifier: GPL-2.0
/*
 * A flash chip: what a write means, and what is read until the next one.
 *
 * As long as reads give what the chip holds, the guest has that as memory, which costs it no exit
 * and can be executed.  A command that has something else read takes the memory away, and the
 * command that ends that brings it back: which is how its driver writes, hundreds of bytes from one
 * to the other.  How often it can be brought back is limited (machine_map()); meanwhile reads come
 * here, and give the same.
 *
 * Each access of a guest is little work: a byte is programmed, or a block of 4 KiB erased.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../device.h"
#include "bytewide.h"
#include "flash.h"

#define CMD_PROGRAM_OLD		0x10
#define CMD_ERASE		0x20
#define CMD_PROGRAM		0x40
#define CMD_CLEAR_STATUS	0x50
#define CMD_READ_STATUS		0x70
#define CMD_READ_ID		0x90
#define CMD_QUERY		0x98
#define CMD_CONFIRM		0xd0
#define CMD_READ_ARRAY		0xff

#define STATUS_PROGRAM_FAILED	0x10
#define STATUS_ERASE_FAILED	0x20	/* both: the sequence of commands was none */
#define STATUS_READY		0x80

#define ERASED			0xff

/* A manufacturer and a device that use this command set. */
#define ID_INTEL		0x89
#define ID_DEVICE		0x18

/* Of the query's table: where it is, and what a chip of any size has there. */
#define QUERY_START		0x10
#define QUERY_SIZE		(0x27 - QUERY_START)	/* a power of two */
#define QUERY_BLOCKS		(0x2d - QUERY_START)	/* one less than there are, 2 bytes */
#define QUERY_BLOCK_BYTES	(0x2f - QUERY_START)	/* in units of 256, 2 bytes */

static const uint8_t query[0x40 - QUERY_START] = {
	'Q', 'R', 'Y', 0x01, 0x00, 0x31, 0x00, 0x00,	/* Intel's set, its table at 31h */
	0x00, 0x00, 0x00, 0x45, 0x55, 0x00, 0x00, 0x01,	/* 4.5 to 5.5 V; times to wait: */
	0x00, 0x01, 0x00, 0x01, 0x00, 0x01, 0x00, 0x00,	/* 2 us a byte, 2 ms a block, or twice */
	0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00,	/* 8 bits, no buffer, equal blocks */
	0x00, 'P', 'R', 'I', '1', '0',
};

struct flash {
	struct machine *m;
	const struct flash_store *store;
	uint64_t gpa;
	enum { READS_ARRAY, READS_STATUS, READS_ID, READS_QUERY } reads;
	enum { NEXT_COMMAND, NEXT_DATA, NEXT_CONFIRM } next;	/* what the next write is */
	uint8_t status;
	bool mapped;			/* the guest has it as memory */
};

/* Reading */

static uint8_t query_byte(const struct flash *f, uint64_t offset)
{
	uint64_t n = offset - QUERY_START, blocks = f->store->bytes / FLASH_BLOCK_BYTES - 1;
	unsigned int size = 0;

	switch (n) {
	case QUERY_SIZE:
		while (1ull << size < f->store->bytes)
			size++;
		return size;
	case QUERY_BLOCKS:
	case QUERY_BLOCKS + 1:
		return blocks >> 8 * (n - QUERY_BLOCKS);
	case QUERY_BLOCK_BYTES:
	case QUERY_BLOCK_BYTES + 1:
		return FLASH_BLOCK_BYTES / 256 >> 8 * (n - QUERY_BLOCK_BYTES);
	}
	return n < sizeof(query) ? query[n] : 0;
}

static uint8_t id_byte(uint64_t offset)
{
	switch (offset % FLASH_BLOCK_BYTES) {
	case 0:
		return ID_INTEL;
	case 1:
		return ID_DEVICE;
	}
	return 0;			/* no block is locked */
}

static uint8_t read_byte(void *opaque, uint64_t offset)
{
	const struct flash *f = opaque;

	if (offset >= f->store->bytes)
		return OPEN_BUS;
	switch (f->reads) {
	case READS_STATUS:
		return f->status;
	case READS_ID:
		return id_byte(offset);
	case READS_QUERY:
		return query_byte(f, offset);
	case READS_ARRAY:
		break;
	}
	return f->store->data[offset];
}

/* Writing */

static int keep(struct flash *f, uint64_t offset, const void *from, uint64_t bytes)
{
	const struct flash_store *s = f->store;
	int err = s->keep ? s->keep(s->opaque, offset, from, bytes) : 0;

	if (!err)
		memcpy(s->data + offset, from, bytes);
	return err;
}

/* Bits can be cleared alone; to set one is the failure that the chip finds by reading it again. */
static void program(struct flash *f, uint64_t offset, uint8_t value)
{
	uint8_t byte = f->store->data[offset] & value;

	if (keep(f, offset, &byte, 1) || byte != value)
		f->status |= STATUS_PROGRAM_FAILED;
	f->status |= STATUS_READY;
}

static void erase(struct flash *f, uint64_t offset)
{
	uint8_t erased[FLASH_BLOCK_BYTES];

	memset(erased, ERASED, sizeof(erased));
	if (keep(f, offset - offset % FLASH_BLOCK_BYTES, erased, sizeof(erased)))
		f->status |= STATUS_ERASE_FAILED;
	f->status |= STATUS_READY;
}

/*
 * What is no command here has the array read again.  Chips are ready when their status has been
 * cleared, but OVMF takes flash for flash if it is 0 then, as QEMU's is.
 */
static void command(struct flash *f, uint8_t value)
{
	switch (value) {
	case CMD_PROGRAM:
	case CMD_PROGRAM_OLD:
		f->next = NEXT_DATA;
		f->reads = READS_STATUS;
		break;
	case CMD_ERASE:
		f->next = NEXT_CONFIRM;
		f->reads = READS_STATUS;
		break;
	case CMD_CLEAR_STATUS:
		f->status = 0;
		break;
	case CMD_READ_STATUS:
		f->reads = READS_STATUS;
		break;
	case CMD_READ_ID:
		f->reads = READS_ID;
		break;
	case CMD_QUERY:
		f->reads = READS_QUERY;
		break;
	case CMD_READ_ARRAY:
	default:
		f->reads = READS_ARRAY;
	}
}

static void write_byte(void *opaque, uint64_t offset, uint8_t value)
{
	struct flash *f = opaque;
	unsigned int is = f->next;

	if (offset >= f->store->bytes)
		return;
	f->next = NEXT_COMMAND;
	if (is == NEXT_COMMAND)
		command(f, value);
	else if (is == NEXT_DATA)
		program(f, offset, value);
	else if (value == CMD_CONFIRM)
		erase(f, offset);
	else
		f->status |= STATUS_READY | STATUS_ERASE_FAILED | STATUS_PROGRAM_FAILED;
}

/* The guest's way to it */

/* Memory can be what is read if that is the array; who waits for a second write reads status. */
static void follow(struct flash *f)
{
	bool wanted = f->reads == READS_ARRAY;

	if (wanted == f->mapped)
		return;
	if (wanted) {
		f->mapped = !machine_map_readonly(f->m, MACHINE_MAP_FLASH, f->gpa, f->store->bytes,
						  f->store->data);
	} else {
		machine_unmap(f->m, MACHINE_MAP_FLASH);
		f->mapped = false;
	}
}

static uint64_t flash_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	follow(opaque);
	return bytewide_read(read_byte, opaque, offset, bytes);
}

static void flash_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	bytewide_write(write_byte, opaque, offset, bytes, value);
	follow(opaque);
}

/* Life */

struct flash *flash_new(struct machine *m, uint64_t gpa, const struct flash_store *store)
{
	struct flash *f = calloc(1, sizeof(*f));
	const struct io_range range = {
		"flash", gpa, store->bytes, flash_read, flash_write, f,
	};
	int err;

	if (!f)
		return NULL;
	f->m = m;
	f->store = store;
	f->gpa = gpa;
	err = machine_add_mmio(m, &range);
	if (!err) {
		follow(f);
		return f;
	}
	free(f);
	errno = -err;
	return NULL;
}

void flash_free(struct flash *f)
{
	if (f->mapped)
		machine_unmap(f->m, MACHINE_MAP_FLASH);
	free(f);
}
