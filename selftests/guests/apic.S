/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The local APIC as guests use it: registers, IPIs to itself, the timer in all
 * its modes; once through the page at FEE0_0000h, once through x2APIC's MSRs.
 *
 * org: 0x8000
 */
#include "guest.h"

#define ARG(n)	G_ARG + 8 * n
#define RES(n)	G_RES + 8 * n

#define X_ID	0x20
#define X_VER	0x30
#define X_TPR	0x80
#define X_EOI	0xb0
#define X_SVR	0xf0
#define X_ICR	0x300
#define X_ICR2	0x310
#define X_LVTT	0x320
#define X_TMICT	0x380
#define X_TMCCT	0x390
#define X_TDCR	0x3e0

/* Write and read a register either way; clobbers RAX, RCX, RDX. */
.macro AWRITE x2, reg, value:vararg
	mov	\value, %eax
	.if	\x2
	mov	$0x800 + (\reg >> 4), %ecx
	xor	%edx, %edx
	wrmsr
	.else
	mov	$APIC + \reg, %ecx
	mov	%eax, (%rcx)
	.endif
.endm

.macro AREAD x2, reg
	.if	\x2
	mov	$0x800 + (\reg >> 4), %ecx
	rdmsr
	.else
	mov	$APIC + \reg, %ecx
	mov	(%rcx), %eax
	.endif
.endm

.macro APIC_START x2
	.if	\x2
	mov	$0x1b, %ecx
	rdmsr
	or	$0xc00, %eax
	wrmsr
	movl	$EOI_X2APIC, G_EOI
	.else
	movl	$EOI_XAPIC, G_EOI
	.endif
	AWRITE	\x2, X_SVR, $0x1ff
.endm

/* Registers after reset and after a write. */
.macro REGISTERS name, x2
GUEST \name, MODE_LONG
	APIC_START \x2
	AREAD	\x2, X_ID
	REPORT
	AREAD	\x2, X_VER
	REPORT
	AREAD	\x2, X_SVR
	REPORT
	AREAD	\x2, X_LVTT
	REPORT
	AWRITE	\x2, X_TPR, $0x42
	AREAD	\x2, X_TPR
	REPORT
	mov	%cr8, %rax
	REPORT
	AWRITE	\x2, X_LVTT, $0x20031
	AREAD	\x2, X_LVTT
	REPORT
	DONE
.endm

REGISTERS x_registers, 0
REGISTERS x2_registers, 1

/* IPIs to itself, by destination and by shorthands; one vector each. */
GUEST x_ipi, MODE_LONG
	APIC_START 0
	sti
	AWRITE	0, X_ICR2, $0
	AWRITE	0, X_ICR, $0x4041
	nop
	AWRITE	0, X_ICR, $0x44042		/* self */
	nop
	AWRITE	0, X_ICR, $0x84043		/* all with self */
	nop
	AWRITE	0, X_ICR, $0xc4044		/* all but self: not us */
	nop
	AWRITE	0, X_ICR2, $0x7f000000		/* nobody */
	AWRITE	0, X_ICR, $0x4045
	nop
	AWRITE	0, 0xe0, $0xffffffff		/* flat logical mode: LDR 2 */
	AWRITE	0, 0xd0, $0x02000000
	AWRITE	0, X_ICR2, $0x03000000
	AWRITE	0, X_ICR, $0x4846
	nop
	AWRITE	0, X_ICR2, $0x04000000		/* another's bit */
	AWRITE	0, X_ICR, $0x4847
	nop
	AREAD	0, X_ICR
	REPORT
	/* IF = 0: two of one vector are one */
	cli
	AWRITE	0, X_ICR, $0x44048
	AWRITE	0, X_ICR, $0x44048
	AREAD	0, 0x220			/* IRR 40h to 5Fh */
	REPORT
	sti
	nop
	nop
	AWRITE	0, X_ICR, $0x44400		/* NMI by shorthand self is reserved; by ID: */
	AWRITE	0, X_ICR2, $0
	AWRITE	0, X_ICR, $0x4400
	nop
	DONE

GUEST x2_ipi, MODE_LONG
	APIC_START 1
	sti
	mov	$0x830, %ecx
	mov	$0x4041, %eax
	xor	%edx, %edx
	wrmsr
	nop
	mov	$0x44042, %eax
	wrmsr
	nop
	mov	$0x83f, %ecx			/* SELF IPI */
	mov	$0x43, %eax
	wrmsr
	nop
	mov	$0x830, %ecx
	mov	$0x4044, %eax
	mov	$0x7f, %edx			/* nobody */
	wrmsr
	nop
	mov	$0x4846, %eax			/* logical: cluster 0, bit 0 */
	mov	$1, %edx
	wrmsr
	nop
	mov	$0x80d, %ecx			/* LDR follows from the ID */
	rdmsr
	REPORT
	DONE

/* What x2APIC forbids. */
GUEST x2_faults, MODE_LONG
	APIC_START 1
	mov	$0x80b, %ecx
	mov	$1, %eax
	xor	%edx, %edx
	TRY_REPORT wrmsr			/* EOI other than 0 */
	mov	$0x802, %ecx
	xor	%eax, %eax
	TRY_REPORT wrmsr			/* the ID is read-only */
	mov	$0x80b, %ecx
	TRY_REPORT rdmsr			/* EOI is write-only */
	mov	$0x80e, %ecx
	TRY_REPORT rdmsr			/* there is no DFR */
	mov	$0x831, %ecx
	TRY_REPORT rdmsr			/* nor ICR2 */
	mov	$0x808, %ecx
	xor	%eax, %eax
	mov	$1, %edx
	TRY_REPORT wrmsr			/* upper half of TPR */
	mov	$0x80f, %ecx
	mov	$0x80000000, %eax
	xor	%edx, %edx
	TRY_REPORT wrmsr			/* reserved bits of SVR */
	mov	$0x1b, %ecx
	rdmsr
	and	$~0x400, %eax
	TRY_REPORT wrmsr			/* back to xAPIC without off in between */
	mov	$0x1b, %ecx
	rdmsr
	and	$~0xc00, %eax
	TRY_REPORT wrmsr			/* off: legal */
	mov	$0x802, %ecx
	TRY_REPORT rdmsr			/* off: no x2APIC MSRs */
	mov	$0x1b, %ecx
	rdmsr
	or	$0x400, %eax
	TRY_REPORT wrmsr			/* EXTD without EN */
	rdmsr
	or	$0x800, %eax
	TRY_REPORT wrmsr			/* xAPIC: legal */
	mov	$0x802, %ecx
	TRY_REPORT rdmsr			/* no x2APIC MSRs in xAPIC mode */
	DONE

/* The timer: one-shot, masked, periodic, deadline. Vector 31h. */
.macro TIMER name, x2
GUEST \name, MODE_LONG
	APIC_START \x2
	AWRITE	\x2, X_TDCR, $0xb
	AWRITE	\x2, X_LVTT, $0x31
	AWRITE	\x2, X_TMICT, $1000000
	AREAD	\x2, X_TMCCT
	mov	%eax, RES(0)
	sti
	hlt
	cli
	REPORT	G_COUNTS + 4 * 0x31
	AREAD	\x2, X_TMCCT
	REPORT
	/* periodic: three rounds */
	AWRITE	\x2, X_LVTT, $0x20031
	AWRITE	\x2, X_TMICT, $2000000
1:	sti
	hlt
	cli
	cmpl	$4, G_COUNTS + 4 * 0x31
	jb	1b
	AWRITE	\x2, X_TMICT, $0
	sti
	nop
	nop
	cli
	mov	G_COUNTS + 4 * 0x31, %esi
	REPORT	$1			/* the test waits a little */
	sti
	nop
	nop
	cli
	sub	G_COUNTS + 4 * 0x31, %esi
	REPORT	%esi
	/* masked: it counts, nothing comes */
	AWRITE	\x2, X_LVTT, $0x10031
	AWRITE	\x2, X_TMICT, $1000
2:	AREAD	\x2, X_TMCCT
	test	%eax, %eax
	jnz	2b
	sti
	nop
	nop
	cli
	mov	G_COUNTS + 4 * 0x31, %esi
	REPORT	$2
	/* deadline */
	AWRITE	\x2, X_LVTT, $0x40032
	mov	$0x6e0, %ecx
	rdtsc
	add	$0x100, %edx			/* it does not come before it is read back */
	mov	%eax, RES(5)
	mov	%edx, RES(5) + 4
	wrmsr
	rdmsr
	mov	%eax, RES(2)
	mov	%edx, RES(2) + 4
	rdtsc
	add	$20000000, %eax
	adc	$0, %edx
	mov	%eax, RES(1)
	mov	%edx, RES(1) + 4
	wrmsr
	sti
	hlt
	cli
	rdtsc
	mov	%eax, RES(3)
	mov	%edx, RES(3) + 4
	REPORT	G_COUNTS + 4 * 0x32
	mov	$0x6e0, %ecx
	rdmsr
	mov	%eax, RES(4)
	mov	%edx, RES(4) + 4
	/* one that has passed comes at once; one that is cleared never */
	mov	$1, %eax
	xor	%edx, %edx
	wrmsr
	sti
	hlt
	cli
	REPORT	G_COUNTS + 4 * 0x32
	DONE
.endm

TIMER x_timer, 0
TIMER x2_timer, 1

/* A busy guest takes its timer's interrupts, too. */
GUEST busy, MODE_LONG
	APIC_START 0
	AWRITE	0, X_TDCR, $0xb
	AWRITE	0, X_LVTT, $0x20031
	AWRITE	0, X_TMICT, $1000000
	sti
1:	cmpl	$20, G_COUNTS + 4 * 0x31
	jb	1b
	DONE

/* Two processors: INIT and SIPI start the other in real mode, at 20000h. */
GUEST start_other, MODE_LONG
	APIC_START 0
	AWRITE	0, X_ICR2, $0x01000000
	AWRITE	0, X_ICR, $0x4500
	AWRITE	0, X_ICR, $0x4620
1:	pause
	cmpl	$0x600d, RES(5)
	jne	1b
	DONE

/* What the test copies to 20000h: it must not care where it is. */
GUEST other, MODE_REAL
	mov	%cs, %bx
	xor	%ax, %ax
	mov	%ax, %ds
	mov	%bx, RES(6)
	mov	%edx, RES(7)
	movl	$0x600d, RES(5)
1:	cli
	hlt
	jmp	1b
