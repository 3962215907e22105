/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A vCPU's registers as GDB numbers them: its description of amd64, and behind it what only a
 * system has.
 */
#ifndef VMCTL_GDB_REGISTERS_H
#define VMCTL_GDB_REGISTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "libsvmm.h"

unsigned int gdb_registers_nr(void);

/* target.xml. */
const char *gdb_registers_xml(void);

/* The groups that all of them are in: SVMM_STATE_*. */
#define GDB_GROUPS	(SVMM_STATE_GPR | SVMM_STATE_SEG | SVMM_STATE_CR | SVMM_STATE_MSR | \
			 SVMM_STATE_XSAVE)

/**
 * gdb_register_get - the value of a register
 * @page: of a vCPU, with GDB_GROUPS
 * @n: its number
 * @value: room for 16 bytes
 *
 * Return: its bytes, or 0: there is none of that number.
 */
unsigned int gdb_register_get(const struct svmm_vcpu_page *page, unsigned int n, uint8_t *value);

/* Likewise.  Return: the group that has changed, or 0: it cannot be written. */
uint32_t gdb_register_set(struct svmm_vcpu_page *page, unsigned int n, const uint8_t *value);

#endif
