/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VMCTL_REGISTERS_H
#define VMCTL_REGISTERS_H

struct vcpu;

/* Print the registers of a vCPU that stopped, as far as they are known, on stderr. */
void registers_print(struct vcpu *vcpu);

#endif
