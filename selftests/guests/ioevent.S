/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest that writes to a device, RDX times: the number of the round, from RDX down to 1, in each
 * size.
 *
 * From the test: RDI an address where no memory is, RDX rounds.
 *
 * org: 0x8000
 */
#include "guest.h"

.set PORT_BELL, 0xe8

GUEST outs, MODE_LONG
	mov	%rdx, %rbx
1:	mov	%ebx, %eax
	out	%al, $PORT_BELL
	out	%ax, $PORT_BELL
	out	%eax, $PORT_BELL
	dec	%rbx
	jnz	1b
	DONE

GUEST stores, MODE_LONG
	mov	%rdx, %rbx
1:	mov	%bl, (%rdi)
	mov	%bx, (%rdi)
	mov	%ebx, (%rdi)
	mov	%rbx, (%rdi)
	dec	%rbx
	jnz	1b
	DONE

/* Of what the test has left at G_FREE. */
GUEST string, MODE_LONG
	mov	%rdx, %rcx
	mov	$PORT_BELL, %edx
	mov	$G_FREE, %esi
	rep outsb
	DONE

/* Its first half is one device's, its second half the next one's. */
GUEST movs, MODE_LONG
	mov	%rdx, %rcx
	mov	$G_FREE, %esi
	rep movsq
	DONE
