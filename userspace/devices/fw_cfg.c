// SPDX-License-Identifier: GPL-2.0
/*
 * fw_cfg: a key is selected, and the item's bytes are read one by one at a port, or copied to the
 * guest's memory by a descriptor that lies there ("DMA").
 *
 * Keys, lengths and addresses are the guest's.  Behind an item's end there are zeroes, as many as
 * it likes to read; a single copy is bounded, since it is made under the device lock.
 */
#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../device.h"
#include "fw_cfg.h"

#define PORT_BYTES	2
#define DMA_PORT	(FW_CFG_PORT + 4)
#define DMA_LOW		4		/* the address's low half, from there: begins the copy */
#define DMA_BYTES	8
#define DMA_SIGNATURE	"QEMU CFG"
#define DMA_MOST	(1u << 20)	/* bytes of one copy */

#define KEY_SIGNATURE	0x00
#define KEY_ID		0x01
#define KEY_DIRECTORY	0x19
#define KEY_FILES	0x20
#define ID_PORTS	1u
#define ID_DMA		2u
#define NR_KEYS		(KEY_FILES + FW_CFG_FILES_MAX)

/* Bits of a descriptor's control word; with SELECT the key is in 31:16. */
#define CTL_ERROR	0x01u
#define CTL_READ	0x02u
#define CTL_SKIP	0x04u
#define CTL_SELECT	0x08u
#define CTL_WRITE	0x10u
#define CTL_KEY_SHIFT	16

/* All of it big-endian. */
struct descriptor {
	uint32_t control;
	uint32_t bytes;
	uint64_t address;
};

struct directory {
	uint32_t nr;
	struct {
		uint32_t bytes;
		uint16_t key;
		uint16_t reserved;
		char name[FW_CFG_NAME_MAX + 1];
	} file[FW_CFG_FILES_MAX];
};

struct item {
	uint8_t *data;			/* NULL: there is none */
	uint32_t bytes;
};

struct fw_cfg {
	struct machine *m;
	struct item items[NR_KEYS];
	unsigned int nr_files;
	uint16_t key;			/* selected */
	uint32_t offset;		/* of the next byte in it */
	uint32_t dma_high;		/* of the next descriptor's address */
};

/* Items */

static const struct item *selected(const struct fw_cfg *f)
{
	static const struct item none;

	return f->key < NR_KEYS ? &f->items[f->key] : &none;
}

static void select_item(struct fw_cfg *f, uint16_t key)
{
	f->key = key;
	f->offset = 0;
}

static uint32_t left(const struct fw_cfg *f)
{
	const struct item *item = selected(f);

	return f->offset < item->bytes ? item->bytes - f->offset : 0;
}

static void skip(struct fw_cfg *f, uint32_t bytes)
{
	f->offset = bytes > UINT32_MAX - f->offset ? UINT32_MAX : f->offset + bytes;
}

static void copy(struct fw_cfg *f, uint8_t *to, uint32_t bytes)
{
	uint32_t there = left(f) < bytes ? left(f) : bytes;

	if (there)
		memcpy(to, selected(f)->data + f->offset, there);
	memset(to + there, 0, bytes - there);
	skip(f, bytes);
}

/* The ports */

static uint64_t data_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	uint8_t value;

	(void)offset;
	if (bytes != 1)
		return UINT64_MAX;
	copy(opaque, &value, 1);
	return value;
}

static void key_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	/* Bytes that are written were for items that can be; there are none. */
	if (!offset && bytes == 2)
		select_item(opaque, value);
}

/* What the descriptor wants.  Return: false if it cannot be. */
static bool carry_out(struct fw_cfg *f, uint32_t control, uint32_t bytes, uint64_t address)
{
	uint8_t *to;

	if (control & CTL_SELECT)
		select_item(f, control >> CTL_KEY_SHIFT);
	if (control & CTL_READ) {
		to = bytes ? machine_memory(f->m, address, bytes) : NULL;
		if (bytes > DMA_MOST || (bytes && !to))
			return false;
		if (bytes)
			copy(f, to, bytes);
		return true;
	}
	if (control & CTL_WRITE)
		return false;
	if (control & CTL_SKIP)
		skip(f, bytes);
	return true;
}

static void begin_copy(struct fw_cfg *f, uint64_t gpa)
{
	struct descriptor *d = machine_memory(f->m, gpa, sizeof(*d)), is;
	uint32_t answer;
	bool done;

	if (!d)
		return;
	memcpy(&is, d, sizeof(is));
	done = carry_out(f, be32toh(is.control), be32toh(is.bytes), be64toh(is.address));
	answer = htobe32(done ? 0 : CTL_ERROR);
	memcpy(&d->control, &answer, sizeof(answer));
}

static uint64_t dma_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	uint64_t value = 0;

	(void)opaque;
	memcpy(&value, &DMA_SIGNATURE[offset], bytes < DMA_BYTES - offset ? bytes :
	       DMA_BYTES - offset);
	return value;
}

static void dma_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	struct fw_cfg *f = opaque;
	uint64_t high = f->dma_high;

	if (bytes != 4)
		return;
	if (!offset) {
		f->dma_high = be32toh(value);
	} else if (offset == DMA_LOW) {
		f->dma_high = 0;
		begin_copy(f, high << 32 | be32toh(value));
	}
}

/* What there is */

int fw_cfg_add_item(struct fw_cfg *f, uint16_t key, const void *data, uint32_t bytes)
{
	uint8_t *own = malloc(bytes ? bytes : 1);

	if (!own)
		return -ENOMEM;
	if (bytes)
		memcpy(own, data, bytes);
	free(f->items[key].data);
	f->items[key] = (struct item) { .data = own, .bytes = bytes };
	return 0;
}

int fw_cfg_add_file(struct fw_cfg *f, const char *name, const void *data, uint32_t bytes)
{
	struct directory *directory = (struct directory *)f->items[KEY_DIRECTORY].data;
	unsigned int n = f->nr_files;
	int err;

	if (n == FW_CFG_FILES_MAX)
		return -ENOSPC;
	err = fw_cfg_add_item(f, KEY_FILES + n, data, bytes);
	if (err)
		return err;
	directory->file[n].bytes = htobe32(bytes);
	directory->file[n].key = htobe16(KEY_FILES + n);
	strncpy(directory->file[n].name, name, FW_CFG_NAME_MAX);
	directory->nr = htobe32(++f->nr_files);
	return 0;
}

static int add_own(struct fw_cfg *f)
{
	static const struct directory empty;
	const uint32_t id = htole32(ID_PORTS | ID_DMA);
	int err = fw_cfg_add_item(f, KEY_SIGNATURE, "QEMU", 4);

	if (!err)
		err = fw_cfg_add_item(f, KEY_ID, &id, sizeof(id));
	if (!err)
		err = fw_cfg_add_item(f, KEY_DIRECTORY, &empty, sizeof(empty));
	return err;
}

/* Life */

struct fw_cfg *fw_cfg_new(struct machine *m)
{
	struct fw_cfg *f = calloc(1, sizeof(*f));
	struct io_range ports = {
		"fw_cfg", FW_CFG_PORT, PORT_BYTES, data_read, key_write, f,
	};
	struct io_range dma = { "fw_cfg dma", DMA_PORT, DMA_BYTES, dma_read, dma_write, f };
	int err;

	if (!f)
		return NULL;
	f->m = m;
	err = add_own(f);
	if (!err)
		err = machine_add_ports(m, &ports);
	if (!err)
		err = machine_add_ports(m, &dma);
	if (!err)
		return f;
	fw_cfg_free(f);
	errno = -err;
	return NULL;
}

void fw_cfg_free(struct fw_cfg *f)
{
	if (!f)
		return;
	for (unsigned int i = 0; i < NR_KEYS; i++)
		free(f->items[i].data);
	free(f);
}
