/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A ROM of 128 KiB for a PC without svmm: it copies the image from E000:0 and F000:0 to 0000:1000 and
 * starts it there.
 */
	.code16
	.text
rom:
	.incbin	IMAGE
	.if	. - rom > 0x1ff00
	.error	"the image does not fit"
	.endif
	.org	0x1ff00, 0
start:	cli
	cld
	xor	%ax, %ax
	mov	%ax, %ss
	mov	$0x900, %sp
	mov	$0xe000, %ax
	mov	$0x100, %dx
2:	mov	%ax, %ds
	mov	%dx, %es
	xor	%si, %si
	xor	%di, %di
	mov	$0x8000, %cx
	rep movsw
	add	$0x1000, %ax
	add	$0x1000, %dx
	cmp	$0x2100, %dx
	jne	2b
	ljmp	$0, $0x1000
	.org	0x1fff0, 0
	ljmp	$0xf000, $0xff00
	.org	0x20000, 0
