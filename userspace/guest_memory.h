/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest's memory as one of its vCPUs sees it, which stands still: for those who look at it.
 */
#ifndef VMCTL_GUEST_MEMORY_H
#define VMCTL_GUEST_MEMORY_H

#include "paging.h"

struct vcpu;

/* Groups of state on the vCPU's page, if they are not there.  Return: whether they are. */
bool guest_state(struct vcpu *vcpu, uint32_t groups);

/* Where the vCPU's page tables lead. */
void guest_walk(struct vcpu *vcpu, uint64_t linear, struct paging_walk *w);

/**
 * guest_at - the guest's RAM behind an address
 * @vcpu: whose page tables count, unless @physical
 * @address: linear, or physical
 * @bytes: how many are wanted; out: how many lie together there
 * @gpa: set to where it is, or NULL
 *
 * Return: in vmctl's memory; or NULL: it is not mapped, or no RAM.
 */
uint8_t *guest_at(struct vcpu *vcpu, bool physical, uint64_t address, size_t *bytes,
		  uint64_t *gpa);

/* How many bytes could be read. */
size_t guest_read(struct vcpu *vcpu, bool physical, uint64_t address, void *data, size_t bytes);

#endif
