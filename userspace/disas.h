/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Instructions as text, by Zydis, which is loaded at the first call: in a sandbox only before it.
 */
#ifndef VMCTL_DISAS_H
#define VMCTL_DISAS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define DISAS_INSN_MAX	15u	/* bytes */

/* Load the library now; without it vmctl ends with a message. */
void disas_load(void);

/**
 * disas_print - instructions, each with its address and its bytes, on a line
 * @out: gets the lines
 * @bits: of the code segment: 16, 32 or 64
 * @address: of the first one
 * @code: the bytes
 * @bytes: how many
 * @count: how many instructions at most
 *
 * What is none is a byte of its own.
 */
void disas_print(FILE *out, unsigned int bits, uint64_t address, const uint8_t *code,
		 size_t bytes, unsigned int count);

#endif
