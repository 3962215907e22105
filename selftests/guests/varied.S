/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The operations of guests/cost.S as a real guest has them: the instruction that exits is at 64
 * places, its registers and operands differ, and the guest's timer interrupts it.
 *
 * The places are on 17 pages, two of them cross into the next; build makes them of an operation's
 * variants, round and round, when it runs for the first time. They are called in a pseudo-random
 * order, the same one in each run. Each variant is INSNS instructions long, so that the guest's
 * own part of an operation is the same everywhere: VARIED_INSNS of bench/exits.c.
 *
 * From the test: RDI an address where no memory is, RSI operations between two interrupts, RDX
 * operations. A variant may change RAX to RDX, RSI, RDI, RBP and R8 to R11; R15 has the address.
 *
 * org: 0x8000
 */
#include "guest.h"

.set MSR_APIC_BASE, 0x1b
.set MSR_TSC_DEADLINE, 0x6e0
.set MSR_X2APIC_EOI, 0x80b
.set MSR_X2APIC_SIVR, 0x80f
.set MSR_X2APIC_LVTT, 0x832
.set MSR_X2APIC_SELF_IPI, 0x83f
.set PORT_BELL, 0xe8
.set VECTORS, 0x80	/* of self-IPIs: sixteen */
.set VECTOR_TIMER, 0x90

.set TEXT, G_CODE		/* which the preprocessor does not find in quotes */
.set PLACES, G_PAGED
.set SITES_LOG2, 6
.set SITES, 1 << SITES_LOG2
.set SITE_STEP, 0x380	/* four on a page, behind what crosses into it */
.set SITE_FIRST, 0x40
.set INSNS, 7

.set SITE_AT, G_FREE	/* u64[SITES] */
.set INTERVAL, SITE_AT + 8 * SITES
.set SOON, INTERVAL + 8	/* u32: 0 for a timer that has passed when it is set */
.set CR4_WAS, SOON + 8

/* An operation; its variants follow. */
.macro VARIED name:req, soon=0x3fff
GUEST \name, MODE_LONG
	mov	$7773f, %ebx
	mov	$\soon, %eax
	jmp	varied
7773:
.endm

/* One of them: the instruction that exits, what goes before it; their bytes, and its own. */
.macro OP exits:req, before:vararg
	nr = 1
	.irp	insn, \before
	.ifnb	\insn
	nr = nr + 1
	.endif
	.endr
	.if	nr > INSNS
	.error	"a variant has too many instructions"
	.endif
	.byte	7776f - 7774f, 7776f - 7775f
7774:	.rept	INSNS - nr
	nop
	.endr
	.irp	insn, \before
	\insn
	.endr
7775:	\exits
7776:
.endm

.macro END
	.byte	0
.endm

	.code64
/* EBX: the variants. Site n is in R9. */
build:
	mov	%ebx, %esi
	xor	%r9d, %r9d
1:	cmpb	$0, (%rsi)
	cmove	%ebx, %esi
	movzbl	(%rsi), %ecx
	movzbl	1(%rsi), %edx
	add	$2, %esi
	mov	%r9d, %eax
	and	$3, %eax
	imul	$SITE_STEP, %eax, %eax
	imul	$37, %r9d, %r10d
	movzbl	%r10b, %r10d
	add	%r10d, %eax
	mov	%r9d, %r10d
	shr	$2, %r10d
	shl	$12, %r10d
	lea	G_PAGED + SITE_FIRST(%rax, %r10), %edi
	/* Half-way and at the end one begins in the last byte of its page. */
	mov	%r9d, %eax
	and	$SITES / 2 - 1, %eax
	cmp	$SITES / 2 - 1, %eax
	jne	2f
	lea	G_PAGED + 0x1000 - 1(%rdx, %r10), %edi
	sub	%ecx, %edi
2:	mov	%rdi, SITE_AT(, %r9, 8)
	rep movsb
	movb	$0xc3, (%rdi)			/* RET */
	inc	%r9d
	cmp	$SITES, %r9d
	jb	1b
	ret

varied:
	mov	%rdx, %r12
	mov	%rdi, %r15
	mov	%rsi, INTERVAL
	mov	%eax, SOON
	cmpl	$0, SITE_AT
	jne	1f
	call	build
1:	mov	$VECTORS, %ebx
2:	mov	%ebx, %eax
	shl	$4, %eax
	movw	$handler, G_IDT(%rax)
	inc	%ebx
	cmp	$VECTOR_TIMER, %ebx
	jbe	2b
	mov	$MSR_APIC_BASE, %ecx
	rdmsr
	or	$0xc00, %eax
	wrmsr
	SET_MSR	MSR_X2APIC_SIVR, 0x1ff
	SET_MSR	MSR_X2APIC_LVTT, 0x40000 | VECTOR_TIMER		/* TSC-deadline mode */
	/* The first interrupt is half an interval away. */
	mov	INTERVAL, %rax
	shr	$1, %rax
	mov	%r12, %r13
	sub	%rax, %r13
	mov	$1, %r14d
	mov	%cr4, %rax
	mov	%rax, CR4_WAS
	sti
3:	imul	$25173, %r14d, %r14d
	add	$13849, %r14d
	movzwl	%r14w, %eax
	shr	$16 - SITES_LOG2, %eax
	call	*SITE_AT(, %rax, 8)
	cmp	%r13, %r12
	je	5f
4:	dec	%r12
	jnz	3b
	cli
	DONE
	/* In 2048 ticks and up to SOON more; or at once. */
5:	sub	INTERVAL, %r13
	imul	$40503, %r12d, %r8d
	and	SOON, %r8d
	jz	6f
	add	$2048, %r8d
6:	mov	$MSR_TSC_DEADLINE, %ecx
	rdtsc
	add	%r8d, %eax
	adc	$0, %edx
	wrmsr
	jmp	4b

/* VARIED_HANDLER instructions. */
handler:
	push	%rax
	push	%rcx
	push	%rdx
	SET_MSR	MSR_X2APIC_EOI, 0
	pop	%rdx
	pop	%rcx
	pop	%rax
	iretq

.macro LEAF leaf:req, subleaf=0
	OP	cpuid, "mov $\leaf, %eax", "mov $\subleaf, %ecx"
.endm

VARIED cpuid
	LEAF	0
	LEAF	1
	OP	".byte 0x48; cpuid", "mov $7, %eax", "xor %ecx, %ecx"
	LEAF	0xb, 1
	LEAF	0xd
	LEAF	0xd, 1
	OP	".byte 0x66; cpuid", "mov $2, %ebx", "mov %ebx, %eax", "lea -2(%ebx), %ecx"
	LEAF	0x40000000
	LEAF	0x40000001
	LEAF	0x80000000
	LEAF	0x80000001, 0x1234
	LEAF	0x80000002
	LEAF	0x80000006
	LEAF	0x80000008
	LEAF	0x16
	END

VARIED vmmcall
	OP	vmmcall, "mov $-1, %rax"
	OP	vmmcall, "mov $1000, %eax"
	OP	vmmcall, "mov $0x12345, %esi", "mov %esi, %eax", "mov $1, %ebx"
	OP	".byte 0x48; vmmcall", "mov $-1, %eax", "mov %rsp, %rcx", "xor %edx, %edx"
	OP	vmmcall, "or $-1, %rax", "mov %r15, %rbx"
	END

.macro READ msr:req
	OP	rdmsr, "mov $\msr, %ecx"
.endm

VARIED rdmsr
	READ	0x2ff
	READ	0xfe
	READ	0x1b
	READ	0x200
	OP	".byte 0x48; rdmsr", "mov $0x20e, %esi", "lea 1(%rsi), %ecx"
	READ	0x250
	READ	0x259
	READ	0x26f
	READ	0x277
	READ	0x10
	OP	rdmsr, "movabs $0x123400000179, %rcx"
	READ	0x17a
	READ	0x8b
	READ	0x6e0
	READ	0x802
	READ	0x80f
	READ	0xc0000080
	READ	0xc0010015
	READ	0xc001001f
	END

.macro WRITE msr:req, low:req, high=0
	OP	wrmsr, "mov $\msr, %ecx", "mov $\low, %eax", "mov $\high, %edx"
.endm

VARIED wrmsr
	WRITE	0x2ff, 0xc00
	WRITE	0x2ff, 0xc06
	WRITE	0x200, 0x80000006
	WRITE	0x201, 0xf0000000, 0xf
	OP	".byte 0x48; wrmsr", "mov $0x20e, %ebx", "lea 1(%rbx), %ecx", \
		"xor %eax, %eax", "cltd"
	WRITE	0x250, 0x06060606, 0x06060606
	WRITE	0x258, 0
	WRITE	0x26f, 0x05050505, 0x05050505
	WRITE	0x277, 0x00070406, 0x00070406
	OP	wrmsr, "movabs $0x56780000017a, %rcx", "sub %eax, %eax", "mov %eax, %edx"
	WRITE	0x808, 0
	WRITE	0x80f, 0x1ff
	WRITE	0xc0000080, 0xd01
	WRITE	0xc001001f, 0
	WRITE	0xc0010020, 0
	END

VARIED x2apic_eoi
	WRITE	MSR_X2APIC_EOI, 0
	OP	wrmsr, "mov $MSR_X2APIC_EOI - 1, %ecx", "inc %ecx", "xor %eax, %eax", "cltd"
	OP	".byte 0x48; wrmsr", "mov $MSR_X2APIC_EOI, %ebp", "mov %ebp, %ecx", \
		"sub %eax, %eax", "xor %edx, %edx"
	OP	wrmsr, "movabs $0x123400000000 + MSR_X2APIC_EOI, %rcx", "xor %edx, %edx", \
		"mov %rdx, %rax"
	OP	".byte 0x66; wrmsr", "mov $MSR_X2APIC_EOI, %cx", "movzwl %cx, %ecx", \
		"xor %eax, %eax", "mov %eax, %edx"
	END

.macro SELF_IPI vector:req
	WRITE	MSR_X2APIC_SELF_IPI, \vector
.endm

/* Of each of the next two comes an interrupt, with its EOI. */
VARIED self_ipi
	.irpc	n, 0123456789abcdef
	SELF_IPI 0x8\n
	.endr
	OP	wrmsr, "mov $MSR_X2APIC_SELF_IPI, %ecx", "mov %r14d, %eax", "and $15, %eax", \
		"add $VECTORS, %eax", "xor %edx, %edx"
	END

/* No interrupt of a timer may come between STI and HLT: this one has waited for its turn. */
VARIED hlt_pending, 0
	.irpc	n, 0123456789abcdef
	OP	hlt, "cli", "mov $MSR_X2APIC_SELF_IPI, %ecx", "mov $0x8\n, %eax", \
		"xor %edx, %edx", "wrmsr", "sti"
	.endr
	END

/* The timer is the operation; so what interrupts it is one that has passed. */
VARIED tsc_deadline, 0
	OP	wrmsr, "rdtsc", "inc %edx", "mov $MSR_TSC_DEADLINE, %ecx"
	OP	wrmsr, "rdtsc", "add $2, %edx", "mov $MSR_TSC_DEADLINE, %ecx"
	OP	wrmsr, "mov $MSR_TSC_DEADLINE, %ecx", "rdtsc", "xor $0x5a5a5a5a, %eax", "inc %edx"
	OP	".byte 0x48; wrmsr", "rdtsc", "add $0x10000000, %eax", "adc $0, %edx", \
		"mov $MSR_TSC_DEADLINE, %esi", "mov %esi, %ecx"
	OP	wrmsr, "rdtsc", "add $0x18000000, %eax", "adc $0, %edx", \
		"mov $MSR_TSC_DEADLINE, %ecx"
	END

VARIED cr_write
	.irp	reg, %rax, %rcx, %rdx, %rbx, %rbp, %rsi, %rdi, %r8, %r9, %r10, %r11
	OP	"mov \reg, %cr4", "mov CR4_WAS, \reg"
	.endr
	END

VARIED rep_outsb_4k
	OP	"rep outsb", "mov $0xe0, %edx", "mov $TEXT, %esi", "mov $4096, %ecx"
	OP	"rep outsb", "mov $0xe4, %edx", "mov $TEXT + 0x123, %esi", "mov $4096, %ecx"
	OP	".byte 0x48; rep outsb", "mov $0x110, %edx", "mov $PLACES + 0x7f, %esi", \
		"mov $4096, %ecx"
	END

VARIED pio_out
	OP	"out %al, $0xe0", "mov $0x55, %eax"
	OP	"out %al, $0xe7", "mov %r14d, %eax"
	OP	"out %al, %dx", "mov $0x101, %edx"
	OP	"out %al, %dx", "mov $0x3f8, %edx", "mov %r12d, %eax"
	OP	"out %ax, $0xe4", "mov $0x1234, %eax"
	OP	"out %ax, %dx", "mov $0xc000, %edx", "mov $0xabcd, %ax"
	OP	"out %eax, %dx", "mov $0xcf8, %edx", "mov %r14d, %eax"
	OP	"out %eax, $0xe8", "mov %r15d, %eax"
	OP	".byte 0x48; out %al, %dx", "mov $0x2f8, %ecx", "mov %ecx, %edx"
	END

VARIED pio_in
	OP	"in $0xe0, %al"
	OP	"in $0xe7, %al", "mov %r14d, %eax"
	OP	"in %dx, %al", "mov $0x101, %edx"
	OP	"in %dx, %al", "mov $0x3fd, %edx", "mov %r12d, %eax"
	OP	"in $0xe4, %ax"
	OP	"in %dx, %ax", "mov $0xc000, %edx"
	OP	"in %dx, %eax", "mov $0xcfc, %edx"
	OP	"in $0xe8, %eax"
	OP	".byte 0x48; in %dx, %al", "mov $0x2fd, %ecx", "mov %ecx, %edx"
	END

/* Somebody waits for these. */
.macro BELLS
	OP	"out %al, $PORT_BELL"
	OP	"out %al, $PORT_BELL", "mov %r14d, %eax"
	OP	"out %al, %dx", "mov $PORT_BELL, %edx"
	OP	"out %al, %dx", "mov $PORT_BELL - 8, %esi", "lea 8(%rsi), %edx", "mov %r12d, %eax"
	OP	".byte 0x48; out %al, %dx", "mov $PORT_BELL, %edx"
	END
.endm

VARIED ioeventfd
	BELLS

/* As drivers of virtio-pci do it: iowrite16(), iowrite32(). */
VARIED ioeventfd_mmio
	OP	"mov %ax, (%rdi)", "mov %r15, %rdi"
	OP	"mov %dx, (%rsi)", "mov %r15, %rsi"
	OP	"mov %si, 0x40(%rbx)", "lea -0x40(%r15), %rbx"
	OP	"mov %r9w, (%r8)", "mov %r15, %r8"
	OP	"mov %eax, (%rcx)", "mov %r15, %rcx"
	OP	"mov %r11d, 0x1238(%rbp)", "lea -0x1238(%r15), %rbp"
	OP	"mov %edx, (%r9, %rdi, 4)", "lea -0x18(%r15), %r9", "mov $6, %edi"
	END

/* With an interrupt by the first of VECTORS. */
VARIED irqfd
	BELLS

.macro MOVE what:req, reg:req, address:req, before:vararg
	.ifc	\what, store
	OP	"mov \reg, \address", \before
	.else
	OP	"mov \address, \reg", \before
	.endif
.endm

/* Eleven addressing modes on four pages, six registers of a size. */
.macro MOVES what:req, a:req, b:req, c:req, d:req, e:req, f:req
	MOVE	\what, \a, "(%rdi)", "mov %r15, %rdi"
	MOVE	\what, \b, "(%rbx)", "lea 0x18(%r15), %rbx"
	MOVE	\what, \c, "0x40(%rsi)", "mov %r15, %rsi"
	MOVE	\what, \d, "-0x60(%rcx)", "lea 0x1080(%r15), %rcx"
	MOVE	\what, \e, "0x1238(%rbp)", "mov %r15, %rbp"
	MOVE	\what, \f, "(%r8)", "lea 0x2340(%r15), %r8"
	MOVE	\what, \a, "(%r9, %rdx, 4)", "lea 0x100(%r15), %r9", "mov $6, %edx"
	MOVE	\what, \b, "0x20(%r10, %r11, 8)", "mov %r15, %r10", "mov $0x111, %r11d"
	MOVE	\what, \c, "0x3008(, %rsi, 2)", "mov %r15, %rsi", "shr %rsi"
	MOVE	\what, \d, "0x30(%r12, %rbx)", "mov %r15, %rbx", "sub %r12, %rbx"
	MOVE	\what, \e, "0x7c8(%r15)"
	END
.endm

.irp	what, store, load
VARIED mmio_\what\()1
	MOVES	\what, %al, %bl, %dl, %sil, %r9b, %r11b
VARIED mmio_\what\()2
	MOVES	\what, %ax, %bx, %dx, %si, %r9w, %r11w
VARIED mmio_\what\()4
	MOVES	\what, %eax, %ebx, %edx, %esi, %r9d, %r11d
VARIED mmio_\what\()8
	MOVES	\what, %rax, %rbx, %rdx, %rsi, %r9, %r11
.endr
