// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer on fw_cfg: any accesses to its ports, with any descriptors in memory. What must hold:
 * nothing outside of guest memory and of the items is touched, which the sanitizer sees.
 *
 * needs: userspace/devices/fw_cfg.c
 * max-len: 2048
 */
#include "../unit/devices_fake.h"
#include "../unit/guest_memory.h"

#include "../../userspace/devices/fw_cfg.h"

#define MEMORY	0x4000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct step {
	uint8_t what, width;
	uint16_t offset;
	uint32_t value;
};

static void one(const struct step *s)
{
	const struct io_range *r = &fake.port[s->what & 1];
	unsigned int bytes = 1u << s->width % 3;
	uint64_t gpa = GUEST_GPA + s->offset % (MEMORY - 16);

	switch (s->what >> 1 & 3) {
	case 0:
		if (s->offset % r->size + bytes <= r->size)
			r->write(r->opaque, s->offset % r->size, bytes, s->value);
		break;
	case 1:
		if (s->offset % r->size + bytes <= r->size)
			r->read(r->opaque, s->offset % r->size, bytes);
		break;
	case 2:			/* what a descriptor may be made of */
		memcpy(guest.host + s->offset % (MEMORY - 4), &s->value, sizeof(s->value));
		break;
	case 3:
		port_out(0x514, 4, __builtin_bswap32(gpa >> 32));
		port_out(0x518, 4, __builtin_bswap32(gpa));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char large[0x3000] = { 1 };
	struct fw_cfg *f;
	struct step s;

	fake_init();
	guest_init(MEMORY);
	f = fw_cfg_new(&fake);
	if (!f || fw_cfg_add_file(f, "small", "0123456789", 10) ||
	    fw_cfg_add_file(f, "large", large, sizeof(large)))
		abort();
	for (; size >= sizeof(s); data += sizeof(s), size -= sizeof(s)) {
		memcpy(&s, data, sizeof(s));
		one(&s);
	}
	fw_cfg_free(f);
	return 0;
}
