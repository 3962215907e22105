/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guests whose exits are measured: each does one thing RDX times, and nothing else but to count.
 *
 * From the test: RDI an address where no memory is, RDX rounds.
 *
 * org: 0x8000
 */
#include "guest.h"

.set MSR_MTRR_DEF_TYPE, 0x2ff
.set PORT_NOBODY, 0xe0

.macro ROUNDS insns:req
	mov	%rdx, %r12
1:	\insns
	dec	%r12
	jnz	1b
	DONE
.endm

GUEST cpuid, MODE_LONG
	ROUNDS	"xor %eax, %eax; xor %ecx, %ecx; cpuid"

GUEST vmmcall, MODE_LONG
	ROUNDS	"mov $-1, %eax; vmmcall"

GUEST rdmsr, MODE_LONG
	ROUNDS	"mov $MSR_MTRR_DEF_TYPE, %ecx; rdmsr"

GUEST wrmsr, MODE_LONG
	ROUNDS	"mov $MSR_MTRR_DEF_TYPE, %ecx; mov $0xc00, %eax; xor %edx, %edx; wrmsr"

GUEST pio_out, MODE_LONG
	ROUNDS	"out %al, $PORT_NOBODY"

GUEST pio_in, MODE_LONG
	ROUNDS	"in $PORT_NOBODY, %al"

GUEST mmio_store4, MODE_LONG
	ROUNDS	"mov %eax, (%rdi)"

GUEST mmio_load4, MODE_LONG
	ROUNDS	"mov (%rdi), %eax"

/* Ports 100h to 13Fh round and round, and 200h after each. */
GUEST ports, MODE_LONG
	mov	%rdx, %r12
1:	mov	%r12d, %edx
	and	$0x3f, %edx
	add	$0x100, %edx
	out	%al, %dx
	mov	$0x200, %edx
	out	%al, %dx
	dec	%r12
	jnz	1b
	DONE
