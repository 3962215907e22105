/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a vCPU that stands still has to show, as text for people: for a debugger, for `vmctl regs`
 * and the like, and for the end of a guest that has crashed.
 */
#ifndef VMCTL_LOOK_H
#define VMCTL_LOOK_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct vcpu;

/* Its registers, as far as they are known: a dead VM's are what was published last. */
void look_registers(struct vcpu *vcpu, FILE *out);

/* The processor's two-dimensional walk from a linear address, with the memory that it reads. */
void look_walk(struct vcpu *vcpu, uint64_t linear, FILE *out);

/* The nested tables' entries for a guest-physical address. */
void look_npt(struct vcpu *vcpu, uint64_t gpa, FILE *out);

/* How often it has left the guest, and why. */
void look_exits(struct vcpu *vcpu, FILE *out);
void look_last_exits(struct vcpu *vcpu, FILE *out);

void look_lapic(struct vcpu *vcpu, FILE *out);
void look_vmcb(struct vcpu *vcpu, FILE *out);

/* Width of its code segment: 16, 32 or 64; and where RIP is, linear. */
unsigned int look_code_bits(struct vcpu *vcpu);
uint64_t look_code_address(struct vcpu *vcpu);

/* Instructions from @address on, or from where it is; Zydis must be loaded in a sandbox. */
void look_code(struct vcpu *vcpu, uint64_t address, unsigned int count, FILE *out);
/* The same as bytes, in one line, as Linux prints them: RIP's is in angle brackets. */
void look_code_bytes(struct vcpu *vcpu, FILE *out);

#endif
