/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guests that use memory while the host takes it away, moves and shares it.
 *
 * From the test: RDI address, RSI bytes, RDX a number; R8 the control block of
 * this vCPU: the guest runs until [R8] is not zero, counts its rounds at
 * 8(R8), and says what it saw at 16(R8).
 *
 * org: 0x8000
 */
#include "guest.h"

#define STOP	0(%r8)
#define ROUNDS	8(%r8)
#define SEEN	16(%r8)

.macro AGAIN label:req
	incq	ROUNDS
	cmpq	$0, STOP
	je	\label
	DONE
.endm

/* Say what is there. */
GUEST watch, MODE_LONG
1:	mov	(%rdi), %rax
	mov	%rax, SEEN
	AGAIN	1b

/* Count there; the test can tell a lost or doubled count from ROUNDS. */
GUEST count, MODE_LONG
1:	incq	(%rdi)
	AGAIN	1b

/* Write each page's own address to it, once. */
GUEST touch, MODE_LONG
	add	%rdi, %rsi
1:	mov	%rdi, (%rdi)
	add	$0x1000, %rdi
	cmp	%rsi, %rdi
	jb	1b
	DONE

/* The same to one page in RDX bytes. */
GUEST stride, MODE_LONG
	add	%rdi, %rsi
1:	mov	%rdi, (%rdi)
	add	%rdx, %rdi
	cmp	%rsi, %rdi
	jb	1b
	DONE

/* One byte: read it; write it. */
GUEST peek, MODE_LONG
	movzbl	(%rdi), %eax
	mov	%rax, SEEN
	DONE

GUEST poke, MODE_LONG
	mov	%dl, (%rdi)
	DONE

/* Read a word in each RDX bytes; SEEN is their OR. */
GUEST sweep, MODE_LONG
	add	%rdi, %rsi
	xor	%eax, %eax
1:	or	(%rdi), %rax
	add	%rdx, %rdi
	cmp	%rsi, %rdi
	jb	1b
	mov	%rax, SEEN
	DONE

/* Read each page once; SEEN is how many do not begin with their address plus RDX. */
GUEST verify, MODE_LONG
	add	%rdi, %rsi
	xor	%eax, %eax
1:	mov	(%rdi), %rcx
	sub	%rdx, %rcx
	cmp	%rcx, %rdi
	je	2f
	inc	%rax
2:	add	$0x1000, %rdi
	cmp	%rsi, %rdi
	jb	1b
	mov	%rax, SEEN
	DONE

/* Execute in each page: a function that returns RAX + 1. */
GUEST execute, MODE_LONG
	add	%rdi, %rsi
	xor	%eax, %eax
1:	call	*%rdi
	add	$0x1000, %rdi
	cmp	%rsi, %rdi
	jb	1b
	mov	%rax, SEEN
	DONE

/* Fill with what depends on address, round and RDX, read it back; report the first difference. */
GUEST stress, MODE_LONG
	add	%rdi, %rsi
1:	mov	ROUNDS, %rbx
	shl	$40, %rbx
	xor	%rdx, %rbx
	mov	%rdi, %rcx
2:	mov	%rcx, %rax
	xor	%rbx, %rax
	mov	%rax, (%rcx)
	add	$0x200, %rcx
	cmp	%rsi, %rcx
	jb	2b
	mov	%rdi, %rcx
3:	mov	%rcx, %rax
	xor	%rbx, %rax
	cmp	%rax, (%rcx)
	jne	4f
	add	$0x200, %rcx
	cmp	%rsi, %rcx
	jb	3b
	AGAIN	1b
4:	mov	(%rcx), %rax
	mov	%rax, SEEN
	mov	%rcx, 24(%r8)
	REPORT	$1
	jmp	4b

/* Every word is RDX, whatever the host does; now and then a write to some pages says so again. */
GUEST calm, MODE_LONG
	add	%rdi, %rsi
1:	mov	%rdi, %rcx
2:	cmp	%rdx, (%rcx)
	jne	4f
	add	$0x200, %rcx
	cmp	%rsi, %rcx
	jb	2b
	testb	$0x3f, ROUNDS
	jnz	6f
	mov	%rdi, %rcx
3:	mov	%rdx, (%rcx)
	add	$0x11000, %rcx
	cmp	%rsi, %rcx
	jb	3b
6:	AGAIN	1b
4:	mov	(%rcx), %rax
	mov	%rax, SEEN
	mov	%rcx, 24(%r8)
	REPORT	$1
	jmp	4b

/* A word is what was written to it a round ago, or 0: the host took the page.  SEEN counts those. */
GUEST fickle, MODE_LONG
	add	%rdi, %rsi
	xor	%r9d, %r9d
1:	mov	ROUNDS, %rbx
	inc	%rbx
	shl	$40, %rbx
	xor	%rdx, %rbx
	mov	%rdi, %rcx
2:	mov	(%rcx), %rax
	test	%rax, %rax
	jz	3f
	xor	%rcx, %rax
	cmp	%rax, %r9
	je	5f
4:	mov	(%rcx), %rax
	mov	%rax, SEEN
	mov	%rcx, 24(%r8)
	REPORT	$1
	jmp	4b
3:	incq	SEEN
5:	mov	%rcx, %rax
	xor	%rbx, %rax
	mov	%rax, (%rcx)
	add	$0x200, %rcx
	cmp	%rsi, %rcx
	jb	2b
	mov	%rbx, %r9
	AGAIN	1b

/* Count in a page chosen at random, again and again; RSI is a power of two, RDX the seed. */
GUEST scatter, MODE_LONG
	movabs	$6364136223846793005, %r10
	lea	-0x1000(%rsi), %r11
1:	imul	%r10, %rdx
	inc	%rdx
	mov	%rdx, %rax
	shr	$20, %rax
	and	%r11, %rax
	incq	(%rdi,%rax)
	AGAIN	1b

/*
 * A page that comes, goes and changes: RSI is this vCPU's own word of it, RDX where the test says
 * what holds: a number, odd while it is at it; the page's first word; whether it can be written.
 * SEEN counts what could be judged, as nothing changed meanwhile.
 */
GUEST churn, MODE_LONG
1:	mov	(%rdx), %rbx
	mov	8(%rdx), %r10
	mov	16(%rdx), %r11
	mov	(%rdi), %rcx
	mov	ROUNDS, %rax
	inc	%rax
	mov	%rax, (%rdi,%rsi)
	mov	(%rdi,%rsi), %r9
	cmp	(%rdx), %rbx
	jne	3f
	test	$1, %bl
	jnz	3f
	incq	SEEN
	cmp	%r10, %rcx
	jne	4f
	xor	%ecx, %ecx
	cmp	%rax, %r9
	sete	%cl
	cmp	%r11, %rcx
	jne	4f
3:	AGAIN	1b
4:	mov	%rcx, 24(%r8)
	mov	%r9, 32(%r8)
	REPORT	$1
	jmp	4b
