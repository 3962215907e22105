/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The first instructions of a 32-bit guest: a stack, and main() with what is in EAX and EBX.
 */
#ifndef SELFTESTS_GUESTS_LOADERS_START_H
#define SELFTESTS_GUESTS_LOADERS_START_H

void main(unsigned int eax, unsigned int ebx);

asm("	.text\n"
    "	.globl	start\n"
    "start:\n"
    "	mov	$stack_end, %esp\n"
    "	push	%ebx\n"
    "	push	%eax\n"
    "	call	main\n"
    "	.bss\n"
    "	.balign	16\n"
    "	.skip	8192\n"
    "stack_end:\n"
    "	.text\n");

#endif
