/* SPDX-License-Identifier: GPL-2.0 */
/*
 * org: 0x7c00
 *
 * A boot sector, and behind it a program in the manner of DOS: real mode, BIOS calls, and unreal
 * mode for memory above 1 MiB. It is the first 8 sectors of a disk; the rest belongs to it, too:
 *
 *	sector 8	from the test; it is copied to sector 9 by INT 13h
 *	sector 10	how often the disk has booted, one byte, counted up
 *
 * The first boot ends with a reset by port 92h, the second by CF9h, the third by the keyboard
 * controller, the fourth by a jump to the reset vector, the fifth with the debug-exit port: 42, or
 * what went wrong.
 */
#define EXIT_PORT	0xf4
#define SECTORS		8
#define DATA_SECTOR	8
#define COPY_SECTOR	9
#define BOOTS_SECTOR	10
#define BUFFER		0x2000		/* of one sector */
#define E820_BUFFER	0x2400
#define ANOTHER		0x2800

/* Give up, with @code, but if the condition is true. */
.macro NEED condition:req, code:req
	j\condition	7771f
	mov	$\code, %al
	jmp	fail
7771:
.endm

/* INT 13h AH = @function: one sector, @lba, from or to BUFFER. */
.macro DISK function:req, lba:req, code:req
	movl	$\lba, packet + 8
	movw	$BUFFER, packet + 4
	movw	$1, packet + 2
	mov	$\function, %ax
	call	disk
	NEED	nc, \code
.endm

	.code16
start:	xor	%ax, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %ss
	mov	$0x7c00, %sp
	cld
	mov	%dl, drive
	mov	$0x4200, %ax
	call	disk
	NEED	nc, 1
	jmp	program

/* INT 13h AX by the packet */
disk:	mov	$packet, %si
	mov	drive, %dl
	int	$0x13
	ret

/* Characters at SI, to a zero, by INT 10h */
print:	lodsb
	test	%al, %al
	jz	1f
	mov	$0x0e, %ah
	mov	$7, %bx
	int	$0x10
	jmp	print
1:	ret

fail:	out	%al, $EXIT_PORT
1:	hlt
	jmp	1b

drive:	.byte	0
	.balign	4
packet:	.byte	16, 0
	.word	SECTORS - 1
	.word	0x7e00, 0
	.quad	1

	.org	510
	.word	0xaa55

program:
	mov	$hello, %si
	call	print

	/* INT 13h: read, write, and read back; by cylinder, head and sector, too */
	DISK	0x4200, DATA_SECTOR, 2
	mov	$BUFFER, %si
	mov	$ANOTHER, %di
	mov	$256, %cx
	rep movsw
	DISK	0x4300, COPY_SECTOR, 3
	DISK	0x4200, COPY_SECTOR, 4
	mov	$BUFFER, %si
	mov	$ANOTHER, %di
	mov	$256, %cx
	repe cmpsw
	NEED	e, 5
	mov	$0x0201, %ax
	mov	$BUFFER, %bx
	mov	$1, %cx
	mov	drive, %dl
	xor	%dh, %dh
	int	$0x13
	NEED	nc, 6
	cmpw	$0xaa55, BUFFER + 510
	NEED	e, 7

	/* INT 12h and 15h: memory */
	int	$0x12
	cmp	$512, %ax
	NEED	ae, 8
	xor	%ebx, %ebx
	xor	%ebp, %ebp
1:	mov	$0xe820, %eax
	mov	$0x534d4150, %edx
	mov	$20, %ecx
	mov	$E820_BUFFER, %di
	int	$0x15
	NEED	nc, 9
	cmpl	$0x100000, E820_BUFFER		/* what begins there is RAM ... */
	jne	2f
	cmpl	$1, E820_BUFFER + 16
	jne	2f
	mov	E820_BUFFER + 8, %ebp
2:	test	%ebx, %ebx
	jnz	1b
	cmp	$0x2000000, %ebp		/* ... of 32 MiB at least */
	NEED	ae, 10

	/* INT 1Ah: the clock ticks, by interrupt 0 */
	xor	%ah, %ah
	int	$0x1a
	mov	%dx, %bp
1:	hlt
	xor	%ah, %ah
	int	$0x1a
	cmp	%dx, %bp
	je	1b
	mov	$0x02, %ah			/* and it knows the time */
	int	$0x1a
	NEED	nc, 11

	/* INT 15h AX = 2401h, and unreal mode: 4 GiB segments in real mode */
	mov	$0x2401, %ax
	int	$0x15
	NEED	nc, 12
	cli
	push	%ds
	lgdt	gdt_pointer
	mov	%cr0, %eax
	or	$1, %al
	mov	%eax, %cr0
	mov	$8, %bx
	mov	%bx, %ds
	and	$0xfe, %al
	mov	%eax, %cr0
	mov	$0x100500, %ebx
	movl	$0x600df00d, (%ebx)
	movl	$0, 0x500			/* A20 is on: this is somewhere else */
	mov	(%ebx), %ecx
	mov	$0xfffffff0, %ebx
	mov	(%ebx), %dl			/* the ROM's reset vector */
	movb	$0, (%ebx)			/* which nobody writes */
	cmp	(%ebx), %dl
	mov	%dl, %dh
	pop	%ds
	sti
	NEED	e, 13
	cmp	$0xea, %dh
	NEED	e, 14
	cmp	$0x600df00d, %ecx
	NEED	e, 15

	/* INT 15h AH = 87h: the BIOS goes to protected mode and back */
	movl	$0xcafef00d, ANOTHER
	mov	$2, %cx
	mov	$move_gdt, %si
	mov	$0x87, %ah
	int	$0x15
	NEED	nc, 16

	/* How often? */
	DISK	0x4200, BOOTS_SECTOR, 17
	incb	BUFFER
	mov	BUFFER, %al
	add	$'0', %al
	mov	%al, number
	DISK	0x4300, BOOTS_SECTOR, 18
	mov	$boot, %si
	call	print
	mov	BUFFER, %al
	cmp	$1, %al
	je	reset_92
	cmp	$2, %al
	je	reset_cf9
	cmp	$3, %al
	je	reset_i8042
	cmp	$4, %al
	je	reset_vector
	mov	$42, %al
	jmp	fail

reset_92:
	in	$0x92, %al
	or	$1, %al
	out	%al, $0x92
	jmp	never
reset_cf9:
	mov	$0xcf9, %dx
	mov	$6, %al
	out	%al, %dx
	jmp	never
reset_i8042:
	mov	$0xfe, %al
	out	%al, $0x64
	jmp	never
reset_vector:
	ljmp	$0xf000, $0xfff0
never:	mov	$5000, %cx
1:	in	$0x80, %al			/* who asked may still run for a moment */
	loop	1b
	mov	$19, %al
	jmp	fail

hello:	.asciz	"program runs\r\n"
boot:	.ascii	"boot "
number:	.asciz	"0\r\n"

	.balign	8
gdt:	.quad	0, 0x00cf93000000ffff
gdt_pointer:
	.word	gdt_pointer - gdt - 1
	.long	gdt

/* Two words from ANOTHER to 2 MiB */
	.balign	8
move_gdt:
	.quad	0, 0
	.word	0xffff, ANOTHER, 0x9300, 0
	.word	0xffff, 0x0000, 0x9320, 0
	.quad	0, 0

	.org	SECTORS * 512
