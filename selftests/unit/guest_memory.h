/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guest memory for unit tests of what calls machine_memory(): one range, whose ends a sanitizer
 * watches. It knows no device. A test may put a hook where it looks up an address, and there do
 * what another CPU of the guest could do at this moment.
 */
#ifndef SELFTESTS_UNIT_GUEST_MEMORY_H
#define SELFTESTS_UNIT_GUEST_MEMORY_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../userspace/device.h"

#ifndef GUEST_GPA
#define GUEST_GPA	0x123450000ull	/* above 4 GiB, so that a cut address is noticed */
#endif

static struct {
	uint8_t *host;
	uint64_t bytes;
	void (*hook)(uint64_t gpa, uint64_t bytes);
} guest;

/* @bytes of zeros, instead of what was there. */
static inline void guest_init(uint64_t bytes)
{
	free(guest.host);
	guest.host = aligned_alloc(4096, bytes);
	if (!guest.host)
		abort();
	guest.bytes = bytes;
	guest.hook = NULL;
	memset(guest.host, 0, bytes);
}

void *machine_memory(struct machine *m, uint64_t gpa, uint64_t bytes)
{
	if (!bytes)
		abort();
	if (guest.hook)
		guest.hook(gpa, bytes);
	if (gpa < GUEST_GPA || gpa - GUEST_GPA >= guest.bytes ||
	    guest.bytes - (gpa - GUEST_GPA) < bytes)
		return NULL;
	return guest.host + (gpa - GUEST_GPA);
}

#endif
