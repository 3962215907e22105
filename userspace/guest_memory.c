// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "guest_memory.h"
#include "machine.h"

bool guest_state(struct vcpu *vcpu, uint32_t groups)
{
	/* What a loader has put there, or somebody else, is not the kernel's yet. */
	if (vcpu->page->dirty && svmm_set_state(vcpu->fd))
		return false;
	return (vcpu->page->valid & groups) == groups || !svmm_get_state(vcpu->fd, groups);
}

static bool read_physical(void *opaque, uint64_t gpa, void *data, size_t bytes)
{
	const struct machine *m = opaque;
	const void *at = ram_find(&m->ram, gpa, bytes);

	if (at)
		memcpy(data, at, bytes);
	return at;
}

void guest_walk(struct vcpu *vcpu, uint64_t linear, struct paging_walk *w)
{
	if (guest_state(vcpu, SVMM_STATE_CR))
		paging_walk(&vcpu->page->cr, linear, read_physical, vcpu->m, w);
	else
		*w = (struct paging_walk) { .nr = 0 };
}

uint8_t *guest_at(struct vcpu *vcpu, bool physical, uint64_t address, size_t *bytes,
		  uint64_t *gpa)
{
	struct paging_walk w = { .mapped = true, .gpa = address, .page = 4096 };
	uint64_t left;

	if (!physical)
		guest_walk(vcpu, address, &w);
	if (!w.mapped)
		return NULL;
	left = w.page - (address & (w.page - 1));
	if (*bytes > left)
		*bytes = left;
	/* A large page need not be RAM to its end. */
	if (*bytes > 4096 - (w.gpa & 4095))
		*bytes = 4096 - (w.gpa & 4095);
	if (gpa)
		*gpa = w.gpa;
	return ram_find(&vcpu->m->ram, w.gpa, *bytes);
}

size_t guest_read(struct vcpu *vcpu, bool physical, uint64_t address, void *data, size_t bytes)
{
	size_t done = 0;

	while (done < bytes) {
		size_t n = bytes - done;
		const uint8_t *at = guest_at(vcpu, physical, address + done, &n, NULL);

		if (!at)
			break;
		memcpy((uint8_t *)data + done, at, n);
		done += n;
	}
	return done;
}
