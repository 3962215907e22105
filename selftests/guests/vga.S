/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A real-mode program for vmctl run --flat --vga: it writes text, copies a row of it within the
 * window, and waits for an NMI, which has it set a mode of Bochs' VBE, 64 by 48 of 32 bits, and
 * fill that by the linear frame buffer; at the next one it moves the frame buffer and fills it
 * again, in other colours, and at the third it uses the window, in banks.
 */
#define CONFIG_BAR_0	0x80000610	/* 00:00.6 */
#define PIXELS		(64 * 48)
#define STEP_1		0x030507
#define STEP_2		0x0b0d11
#define STEP_3		0x010101
#define MOVE		0x02000000

	.code16
	.globl	_start
_start:
	cli
	xor	%ax, %ax
	mov	%ax, %ds
	mov	%ax, %ss
	mov	$0x7000, %sp
	cld
	movw	$nmi, 4 * 2
	movw	%ax, 4 * 2 + 2
	/* Row 1, and by string instructions row 3. */
	mov	$0xb800, %ax
	mov	%ax, %es
	mov	$text, %si
	mov	$160 + 4, %di
	mov	$0x1f, %ah
1:	lodsb
	test	%al, %al
	jz	2f
	stosw
	jmp	1b
2:	push	%ds
	push	%es
	pop	%ds
	mov	$160, %si
	mov	$480, %di
	mov	$80, %cx
	rep	movsw
	pop	%ds
	mov	$160 * 24, %di
	mov	$0x1fdb, %ax
	mov	$80, %cx
	rep	stosw
3:	hlt
	jmp	3b

nmi:	incb	turn
	mov	$CONFIG_BAR_0, %eax
	mov	$0xcf8, %dx
	out	%eax, %dx
	mov	$0xfc, %dl
	mov	$STEP_1, %ebx
	cmpb	$1, turn
	je	first
	mov	$STEP_3, %ebx
	cmpb	$2, turn
	jne	window
	in	%dx, %eax
	add	$MOVE, %eax
	out	%eax, %dx
	mov	$STEP_2, %ebx
	jmp	4f

/* Index and value of each register. */
first:	mov	$registers, %si
1:	lodsw
	mov	$0x1ce, %dx
	out	%ax, %dx
	inc	%dx
	lodsw
	out	%ax, %dx
	cmp	$registers_end, %si
	jb	1b
	mov	$0xcfc, %dx
4:	in	%dx, %eax
	mov	%eax, %edi
	/* FS reaches 4 GiB from here on. */
	lgdt	gdt_pointer
	mov	%cr0, %eax
	or	$1, %al
	mov	%eax, %cr0
	mov	$8, %dx
	mov	%dx, %fs
	and	$0xfe, %al
	mov	%eax, %cr0
fill:	mov	$PIXELS, %cx
	xor	%eax, %eax
1:	mov	%eax, %fs:(%edi)
	add	%ebx, %eax
	add	$4, %edi
	loop	1b
	iret

window:	mov	$0xa0000, %edi
	jmp	fill

turn:	.byte	0
text:	.asciz	"it writes, \001 and \332\304\277"
	.balign	2
registers:
	.word	4, 0, 1, 64, 2, 48, 3, 32, 4, 0x41
registers_end:
	.balign	8
gdt:	.quad	0, 0x00cf92000000ffff
gdt_pointer:
	.word	15
	.long	gdt
