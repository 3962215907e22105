/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guests that take interrupts, which the stubs count: halted, busy, and one that causes its own.
 *
 * From the test: R15 a page of the vCPU's (lib/crew.h); or RDI an address where no memory is, RDX
 * rounds.
 *
 * org: 0x8000
 */
#include "guest.h"

.set PORT_BELL, 0xe8
.set VECTOR, 0x41

.macro APIC_ON
	movl	$EOI_XAPIC, G_EOI
	mov	$APIC + 0xf0, %eax
	movl	$0x1ff, (%rax)
.endm

GUEST halted, MODE_LONG
	APIC_ON
	movl	$1, 4(%r15)
1:	sti
	hlt
	cli
	jmp	1b

GUEST busy, MODE_LONG
	APIC_ON
	movl	$1, 4(%r15)
	sti
1:	jmp	1b

/* Do it, and wait for its interrupt, RDX times. */
.macro OWN insn:req
	APIC_ON
	mov	%rdx, %rbx
	sti
1:	mov	G_COUNTS + 4 * VECTOR, %ecx
	\insn
2:	cmp	%ecx, G_COUNTS + 4 * VECTOR
	je	2b
	dec	%rbx
	jnz	1b
	cli
	DONE
.endm

GUEST own_out, MODE_LONG
	OWN	"out %al, $PORT_BELL"

GUEST own_store, MODE_LONG
	OWN	"mov %eax, (%rdi)"

/* No IDT: a triple fault. */
GUEST die, MODE_LONG
	movq	$0, G_FREE
	movw	$0, G_FREE + 8
	lidt	G_FREE
	ud2
