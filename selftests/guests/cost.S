/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guests whose exits are measured: each does one thing RDX times, and nothing else but to count.
 *
 * From the test: RDI an address where no memory is, RDX rounds.
 *
 * org: 0x8000
 */
#include "guest.h"

.set MSR_APIC_BASE, 0x1b
.set MSR_MTRR_DEF_TYPE, 0x2ff
.set MSR_TSC_DEADLINE, 0x6e0
.set MSR_X2APIC_EOI, 0x80b
.set MSR_X2APIC_SIVR, 0x80f
.set MSR_X2APIC_LVTT, 0x832
.set MSR_X2APIC_SELF_IPI, 0x83f
.set PORT_NOBODY, 0xe0
.set PORT_BELL, 0xe8
.set VECTOR, 0x80

.macro ROUNDS insns:req
	mov	%rdx, %r12
1:	\insns
	dec	%r12
	jnz	1b
	DONE
.endm

/* The same with the local APIC on, in x2APIC mode; VECTOR has a handler that says EOI. */
.macro APIC_ROUNDS insns:req
	mov	%rdx, %r12
	mov	$MSR_APIC_BASE, %ecx
	rdmsr
	or	$0xc00, %eax
	wrmsr
	SET_MSR	MSR_X2APIC_SIVR, 0x1ff
	SET_MSR	MSR_X2APIC_LVTT, 0x40000 | VECTOR	/* TSC-deadline mode */
	mov	$handler, %eax
	mov	%ax, G_IDT + 16 * VECTOR
	shr	$16, %eax
	mov	%ax, G_IDT + 16 * VECTOR + 6
	sti
1:	\insns
	dec	%r12
	jnz	1b
	cli
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

GUEST x2apic_eoi, MODE_LONG
	APIC_ROUNDS "SET_MSR MSR_X2APIC_EOI, 0"

handler:
	SET_MSR	MSR_X2APIC_EOI, 0
	iretq

/* Of each of the next three comes an interrupt, with its EOI. */
GUEST self_ipi, MODE_LONG
	APIC_ROUNDS "SET_MSR MSR_X2APIC_SELF_IPI, VECTOR"

GUEST irqfd, MODE_LONG
	APIC_ROUNDS "out %al, $PORT_BELL"

GUEST hlt_pending, MODE_LONG
	APIC_ROUNDS "cli; SET_MSR MSR_X2APIC_SELF_IPI, VECTOR; sti; hlt"

/* In 2^32 ticks, over a second. */
GUEST tsc_deadline, MODE_LONG
	APIC_ROUNDS "rdtsc; inc %edx; mov $MSR_TSC_DEADLINE, %ecx; wrmsr"

GUEST cr_write, MODE_LONG
	mov	%cr4, %rbx
	ROUNDS	"mov %rbx, %cr4"

/* The source is the table of entry points, and what comes behind it. */
GUEST rep_outsb_4k, MODE_LONG
	mov	%rdx, %r12
	mov	$PORT_NOBODY, %edx
1:	mov	$G_CODE, %esi
	mov	$4096, %ecx
	rep outsb
	dec	%r12
	jnz	1b
	DONE

GUEST pio_out, MODE_LONG
	ROUNDS	"out %al, $PORT_NOBODY"

/* Somebody waits for this one. */
GUEST ioeventfd, MODE_LONG
	ROUNDS	"out %al, $PORT_BELL"

/* For this one, too. */
GUEST ioeventfd_mmio, MODE_LONG
	ROUNDS	"mov %ax, (%rdi)"

GUEST pio_in, MODE_LONG
	ROUNDS	"in $PORT_NOBODY, %al"

GUEST mmio_store1, MODE_LONG
	ROUNDS	"mov %al, (%rdi)"

GUEST mmio_store2, MODE_LONG
	ROUNDS	"mov %ax, (%rdi)"

GUEST mmio_store8, MODE_LONG
	ROUNDS	"mov %rax, (%rdi)"

GUEST mmio_load1, MODE_LONG
	ROUNDS	"mov (%rdi), %al"

GUEST mmio_load2, MODE_LONG
	ROUNDS	"mov (%rdi), %ax"

GUEST mmio_load8, MODE_LONG
	ROUNDS	"mov (%rdi), %rax"

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
