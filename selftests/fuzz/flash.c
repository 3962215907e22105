// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer on a flash chip: any accesses to it. What must hold: nothing but the chip is touched,
 * which the sanitizer sees; what is kept is what it holds, however often that fails; and the guest
 * has it as memory only while a read would give the same.
 *
 * needs: userspace/devices/flash.c
 * max-len: 1024
 */
#include "../unit/devices_fake.h"

#include "../../userspace/devices/flash.h"

#define BYTES	(3 * FLASH_BLOCK_BYTES)
#define GPA	0xffc00000ull

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct step {
	uint8_t what, width;
	uint16_t offset;
	uint32_t value;
};

static uint8_t file[BYTES];
static bool full;

static int keep(void *opaque, uint64_t offset, const void *from, uint64_t bytes)
{
	if (offset >= BYTES || bytes > BYTES - offset)
		abort();
	if (full)
		return -ENOSPC;
	memcpy(file + offset, from, bytes);
	return 0;
}

static void one(const struct step *s, const uint8_t *array)
{
	uint64_t offset = s->offset % BYTES;

	full = s->what & 2;
	fake.ioeventfds_later = s->what & 4;
	if (s->what & 1)
		mmio_write(GPA + offset, 1u << s->width % 4, s->value | (uint64_t)s->value << 32);
	else if (mmio_read(GPA + offset, 1) != array[offset] && fake.map[MACHINE_MAP_FLASH].bytes)
		abort();
	if (memcmp(file, array, BYTES))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct flash_store store = { .bytes = BYTES, .keep = keep };
	struct flash *f;
	struct step s;

	fake_init();
	store.data = aligned_alloc(4096, BYTES);
	memset(store.data, 0xff, BYTES);
	memset(file, 0xff, BYTES);
	f = flash_new(&fake, GPA, &store);
	if (!f)
		abort();
	for (; size >= sizeof(s); data += sizeof(s), size -= sizeof(s)) {
		memcpy(&s, data, sizeof(s));
		one(&s, store.data);
	}
	flash_free(f);
	if (fake.bad_removals)
		abort();
	free(store.data);
	return 0;
}
