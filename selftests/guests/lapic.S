/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Corners of the local APIC: the error status, what disabling it does, the
 * timer's divider, and a timer that is set to an absurd rate.
 *
 * org: 0x8000
 */
#include "guest.h"

#define ARG(n)	G_ARG + 8 * n
#define RES(n)	G_RES + 8 * n

#define SVR	0xf0
#define ESR	0x280
#define ICR	0x300
#define LVTT	0x320
#define LINT0	0x350
#define LVTERR	0x370
#define TMICT	0x380
#define TMCCT	0x390
#define TDCR	0x3e0

/* Clobbers RAX and RBX. */
.macro AWRITE reg, value:vararg
	mov	\value, %eax
	mov	$APIC + \reg, %ebx
	mov	%eax, (%rbx)
.endm

.macro AREAD reg
	mov	$APIC + \reg, %ebx
	mov	(%rbx), %eax
.endm

.macro TSC_TO n
	lfence
	rdtsc
	mov	%eax, RES(\n)
	mov	%edx, RES(\n) + 4
.endm

/* A write of ESR shows what happened since the last one. */
GUEST errors, MODE_LONG
	AWRITE	SVR, $0x1ff
	AWRITE	ESR, $0
	AREAD	ESR
	REPORT
	AWRITE	ICR, $0x44005		/* vector 5: illegal to send */
	AREAD	ESR
	REPORT
	AWRITE	ESR, $0
	AREAD	ESR
	REPORT
	AWRITE	ESR, $0
	AREAD	ESR
	REPORT
	AREAD	0x290			/* no such register */
	REPORT
	AWRITE	0x20, $0x55000000	/* read-only: ignored, not an error */
	AWRITE	ESR, $0
	AREAD	ESR
	REPORT
	AREAD	0x20
	REPORT
	/* with an interrupt, once until ESR is written */
	movl	$EOI_XAPIC, G_EOI
	AWRITE	LVTERR, $0x50
	AWRITE	ICR, $0x44005
	sti
	nop
	cli
	AWRITE	ICR, $0x44005
	sti
	nop
	cli
	REPORT	G_COUNTS + 4 * 0x50
	AWRITE	ESR, $0
	AWRITE	ICR, $0x44005
	sti
	nop
	cli
	REPORT	G_COUNTS + 4 * 0x50
	DONE

/* SVR's enable bit cleared: all LVTs are masked and stay so, the timer's interrupt is lost. */
GUEST disabled, MODE_LONG
	movl	$EOI_XAPIC, G_EOI
	AWRITE	SVR, $0x1ff
	AWRITE	LINT0, $0x700
	AREAD	LINT0
	REPORT
	AWRITE	SVR, $0xff
	AREAD	LINT0
	REPORT
	AWRITE	LINT0, $0x700
	AREAD	LINT0
	REPORT
	AWRITE	TDCR, $0xb
	AWRITE	LVTT, $0x40
	AWRITE	TMICT, $1000
	AWRITE	ICR, $0x44041		/* is not taken either */
1:	AREAD	TMCCT
	test	%eax, %eax
	jnz	1b
	sti
	nop
	nop
	cli
	mov	G_COUNTS + 4 * 0x40, %eax
	add	G_COUNTS + 4 * 0x41, %eax
	REPORT
	AWRITE	SVR, $0x1ff
	AREAD	LINT0
	REPORT
	DONE

/* Divider ARG0: the count, and the time around its start and around the look at it. */
GUEST divider, MODE_LONG
	AWRITE	SVR, $0x1ff
1:	AWRITE	TDCR, ARG(0)
	TSC_TO	0
	AWRITE	TMICT, $0xffffffff
	TSC_TO	1
	mov	$200000, %ecx
2:	dec	%ecx
	jnz	2b
	TSC_TO	2
	AREAD	TMCCT
	mov	%eax, RES(4)
	TSC_TO	3
	AREAD	TDCR
	REPORT
	jmp	1b

/* A period of one nanosecond, for ARG0 TSC ticks; masked, the rest is the host's work alone. */
GUEST storm, MODE_LONG
	movl	$EOI_XAPIC, G_EOI
	AWRITE	SVR, $0x1ff
	AWRITE	TDCR, $0xb
	AWRITE	LVTT, $0x30040
	TSC_TO	0
	mov	RES(0), %rsi
	add	ARG(0), %rsi
	AWRITE	TMICT, $1
	sti
1:	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
	cmp	%rsi, %rax
	jb	1b
	AWRITE	TMICT, $0
	cli
	TSC_TO	1
	REPORT	G_COUNTS + 4 * 0x40

/* A report per period of ARG0 ns. */
GUEST periods, MODE_LONG
	movl	$EOI_XAPIC, G_EOI
	AWRITE	SVR, $0x1ff
	AWRITE	TDCR, $0xb
	AWRITE	LVTT, $0x20040
	AWRITE	TMICT, ARG(0)
1:	sti
	hlt
	cli
	REPORT	G_COUNTS + 4 * 0x40
	jmp	1b

/* An x2APIC's destination FFh is an ID like any other; FFFF_FFFFh is everyone. */
GUEST wide, MODE_LONG
	movl	$EOI_X2APIC, G_EOI
	mov	$0x1b, %ecx
	rdmsr
	or	$0xc00, %eax
	wrmsr
	mov	$0x80f, %ecx
	mov	$0x1ff, %eax
	xor	%edx, %edx
	wrmsr
	mov	$0x830, %ecx
	mov	$0x41, %eax
	mov	$0xff, %edx
	wrmsr
	mov	$0x42, %eax
	mov	$0xffffffff, %edx
	wrmsr
	mov	$0x441, %eax			/* an NMI to itself by a shorthand is reserved */
	or	$0x40000, %eax
	wrmsr
	sti
	nop
	nop
	DONE

#define TPR	0x80

.macro REG_TO n, reg
	AREAD	\reg
	mov	%eax, RES(\n)
.endm

.macro DEADLINE_TO n
	mov	$0x6e0, %ecx
	rdmsr
	mov	%eax, RES(\n)
.endm

/* The timer's modes, see the test. */
GUEST modes, MODE_LONG
	AWRITE	SVR, $0x1ff
	AWRITE	TDCR, $0xb
	AWRITE	LVTT, $0x40
	AWRITE	TMICT, $0x7fffffff
	REG_TO	0, TMCCT
	AWRITE	LVTT, $0x40040			/* deadline: the count is gone */
	REG_TO	1, TMCCT
	REG_TO	2, TMICT
	AWRITE	TMICT, $1000000
	REG_TO	3, TMICT
	mov	$0x6e0, %ecx
	rdtsc
	add	$100000, %eax
	adc	$0, %edx
	wrmsr
	or	$1, %eax			/* may have passed: then it is 0 */
	mov	%eax, RES(4)
	AWRITE	LVTT, $0x40			/* one-shot: the deadline is gone */
	DEADLINE_TO 5
	AWRITE	LVTT, $0x40040
	DEADLINE_TO 6
	AWRITE	LVTT, $0x40
	REPORT	$1
	cmpl	$0, G_COUNTS + 4 * 0x40
	jne	1f
	AWRITE	LVTT, $0x20041
	AWRITE	TMICT, $0xf0000000
	REG_TO	7, TMCCT
	AWRITE	LVTT, $0x41
	REG_TO	8, TMCCT
	AWRITE	TDCR, $0xa
	REG_TO	9, TMCCT
1:	REPORT	G_COUNTS + 4 * 0x40
	DONE

#define ELSEWHERE 0xd0001000

.macro BASE low, high=0
	mov	$0x1b, %ecx
	mov	$\low, %eax
	mov	$\high, %edx
.endm

GUEST relocate, MODE_LONG
	AWRITE	SVR, $0x1ff
	BASE	ELSEWHERE + 0x900
	wrmsr
	mov	$ELSEWHERE, %ebx
	mov	0x30(%rbx), %eax
	REPORT
	AREAD	0x30
	REPORT
	mov	$ELSEWHERE, %ebx
	mov	SVR(%rbx), %eax
	REPORT
	BASE	0xfee00900
	wrmsr
	AREAD	SVR
	REPORT
	BASE	0xfee00901
	TRY_REPORT wrmsr
	BASE	0xfee00b00			/* bit 9 */
	TRY_REPORT wrmsr
	BASE	0xfee00900, 0x80000000
	TRY_REPORT wrmsr
	BASE	0xfee00500			/* EXTD without EN */
	TRY_REPORT wrmsr
	DONE

.macro REPORT_CPUID_APIC
	mov	$1, %eax
	cpuid
	mov	%edx, %esi
	mov	$0x80000001, %eax
	cpuid
	xor	%esi, %edx			/* both leaves agree */
	mov	%edx, %eax
	shr	$9, %eax
	and	$1, %eax
	add	%eax, %eax
	shr	$9, %esi
	and	$1, %esi
	or	%esi, %eax
	REPORT
.endm

GUEST off_and_on, MODE_LONG
	AWRITE	SVR, $0x1ff
	AWRITE	TPR, $0x20
	REPORT_CPUID_APIC
	BASE	0xfee00d00
	wrmsr
	mov	$0x808, %ecx
	rdmsr
	REPORT
	BASE	0xfee00100
	wrmsr
	REPORT_CPUID_APIC
	AREAD	0x30
	REPORT
	BASE	0xfee00900
	wrmsr
	REPORT_CPUID_APIC
	AREAD	SVR
	REPORT
	AREAD	TPR
	REPORT
	AREAD	LVTT
	REPORT
	DONE

GUEST eoi, MODE_LONG
	AWRITE	SVR, $0x1ff
	AWRITE	0xb0, $0
	AREAD	0xb0
	REPORT
	AWRITE	ESR, $0
	AREAD	ESR
	REPORT
	DONE

GUEST cr8, MODE_LONG
	AWRITE	SVR, $0x1ff
	REPORT	$1
	mov	$1000, %ecx
1:	mov	%ecx, %eax
	and	$15, %eax
	mov	%rax, %cr8
	mov	%cr8, %rbx
	cmp	%eax, %ebx
	jne	2f
	dec	%ecx
	jnz	1b
	REPORT	$2
2:	REPORT	$3
