/* SPDX-License-Identifier: GPL-2.0 */
/*
 * MSR accesses on the test's behalf, one or thousands in a row, and a look at
 * the paravirtual clock.
 *
 * org: 0x8000
 */
#include "guest.h"

#define ARG(n)		G_ARG + 8 * n
#define RES(n)		G_RES + 8 * n

/* Of scan: a byte and a quadword per MSR. */
#define VECTORS		G_FREE
#define VALUES		G_FREE + 0x10000

/* ARG1 MSRs from ARG0 on: read them into VALUES, or, ARG2 = 1, write them from there. */
GUEST scan, MODE_LONG
1:	mov	ARG(0), %esi
	xor	%ebp, %ebp
2:	mov	%esi, %ecx
	xor	%eax, %eax
	xor	%edx, %edx
	cmpl	$0, ARG(2)
	jne	3f
	TRY	rdmsr
	mov	%eax, VALUES(, %rbp, 8)
	mov	%edx, VALUES + 4(, %rbp, 8)
	jmp	4f
3:	mov	VALUES(, %rbp, 8), %eax
	mov	VALUES + 4(, %rbp, 8), %edx
	TRY	wrmsr
4:	mov	G_VECTOR, %eax
	mov	%al, VECTORS(%rbp)
	inc	%esi
	inc	%ebp
	cmp	ARG(1), %ebp
	jb	2b
	REPORT	$0
	jmp	1b

/* MSR ARG0: read it into RES0, or, ARG1 = 1, write ARG2. */
GUEST access, MODE_LONG
1:	mov	ARG(0), %ecx
	cmpl	$0, ARG(1)
	jne	2f
	xor	%eax, %eax
	xor	%edx, %edx
	TRY	rdmsr
	mov	%eax, RES(0)
	mov	%edx, RES(0) + 4
	jmp	3f
2:	mov	ARG(2), %eax
	mov	ARG(2) + 4, %edx
	TRY	wrmsr
3:	REPORT	G_VECTOR
	jmp	1b

/* The TSC into RES0. */
GUEST tsc, MODE_LONG
1:	lfence
	rdtsc
	mov	%eax, RES(0)
	mov	%edx, RES(0) + 4
	REPORT	$0
	jmp	1b

/* Hypercall ARG0; its result in RES0. */
GUEST hypercall, MODE_LONG
1:	mov	ARG(0), %rax
	vmmcall
	mov	%rax, RES(0)
	REPORT	$0
	jmp	1b
