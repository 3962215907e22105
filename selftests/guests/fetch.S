/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guests that do one thing again and again, with another root of their page tables each time
 * round: argument 1 is how often, 2 and 3 are the roots, in turns.
 *
 * calls: call argument 0, which is a CPUID, however encoded, and RET; report what CPUID says of
 * leaf 0. copies: four bytes from argument 4 to argument 0.
 *
 * org: 0x8000
 */
#include "guest.h"

.macro TURN ax:req, bx:req, load_root:vararg
	mov	G_ARG + 16, %\ax
	mov	G_ARG + 24, %\bx
	mov	%\bx, G_ARG + 16
	mov	%\ax, G_ARG + 24
	\load_root
.endm

.macro CALLS ax:req, bx:req, di:req, load_root:vararg
1:	mov	G_ARG + 8, %\di
2:	TURN	\ax, \bx, \load_root
	xor	%eax, %eax
	xor	%ecx, %ecx
	call	*G_ARG
	dec	%\di
	jnz	2b
	REPORT	%ebx
	jmp	1b
.endm

GUEST calls, MODE_LONG
	CALLS	rax, rbx, rdi, mov %rax, %cr3

GUEST copies, MODE_LONG
1:	mov	G_ARG + 8, %r12
2:	TURN	rax, rbx, mov %rax, %cr3
	mov	G_ARG, %rdi
	mov	G_ARG + 32, %rsi
	movsl
	dec	%r12
	jnz	2b
	REPORT	$1
	jmp	1b

GUEST calls_pae, MODE_PAE
	CALLS	eax, ebx, edi, mov %eax, %cr3

GUEST calls_paged32, MODE_PAGED32
	CALLS	eax, ebx, edi, mov %eax, %cr3

.macro ROOT_AND_TOGGLE
	mov	%eax, %cr3
	mov	%cr0, %ecx
	xor	$0x80000000, %ecx
	mov	%ecx, %cr0
	jmp	7777f
7777:
.endm

/* With paging and without, in turns. */
GUEST calls_toggled, MODE_PAGED32
	CALLS	eax, ebx, edi, ROOT_AND_TOGGLE

GUEST calls_unpaged, MODE_PROT32
	CALLS	eax, ebx, edi
