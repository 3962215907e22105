/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guests that mean harm: instructions of SVM, loops that never end by
 * themselves, registers and FPU state that must not get out of the guest.
 *
 * org: 0x8000
 */
#include "guest.h"

#define ARG(n)	G_ARG + 8 * n
#define RES(n)	G_RES + 8 * n

/* All instructions of SVM with RAX at the canary; vectors go to RES0 and on. */
.macro SVM_INSNS
	index = 0
	.irp	insn, "vmrun %rax", "vmload %rax", "vmsave %rax", "stgi", "clgi", "skinit %eax", "invlpga %rax, %ecx"
	mov	ARG(0), %rax
	xor	%ecx, %ecx
	TRY	\insn
	mov	G_VECTOR, %eax
	mov	%rax, RES(0) + 8 * index
	index = index + 1
	.endr
.endm

GUEST svm_cpl0, MODE_LONG
	SVM_INSNS
	DONE

GUEST svm_cpl3, MODE_LONG
	movl	$1f, G_HANDLERS + 8 * 0x90
	pushq	$SEL_USER_DATA
	pushq	$G_USER_STACK
	pushq	$2
	pushq	$SEL_USER64
	pushq	$2f
	iretq
2:	SVM_INSNS
	int	$0x90
1:	DONE

/* The same bytes in real mode are #UD, too, whatever else they touch. */
GUEST svm_real, MODE_REAL
	xor	%eax, %eax
	TRY	.byte 0x0f, 0x01, 0xd8
	mov	G_VECTOR, %eax
	mov	%eax, RES(0)
	TRY	.byte 0x0f, 0x01, 0xda
	mov	G_VECTOR, %eax
	mov	%eax, RES(1)
	TRY	.byte 0x0f, 0x01, 0xdb
	mov	G_VECTOR, %eax
	mov	%eax, RES(2)
	TRY	.byte 0x0f, 0x01, 0xdd
	mov	G_VECTOR, %eax
	mov	%eax, RES(3)
	DONE

/* CR2: faults, the guest's own writes, and what user space sees. */
GUEST cr2, MODE_LONG
	movq	$0, G_PT + 8 * 3
	invlpg	G_PAGED + 0x3000
	TRY	mov G_PAGED + 0x3456, %al
	REPORT	G_CR2
	mov	%cr2, %rax
	mov	%rax, RES(0)
	REPORT	$1
	mov	%cr2, %rax		/* after an exit and after a look of user space */
	mov	%rax, RES(1)
	mov	$0xffff8000deadb000, %rax
	mov	%rax, %cr2
	REPORT	$2
	cpuid
	mov	%cr2, %rax
	mov	%rax, RES(2)
	REPORT	$3			/* the test writes CR2 */
	mov	%cr2, %rax
	mov	%rax, RES(3)
	DONE

/*
 * Loops. Each runs until it is killed; REPORT 1 says that it has begun. RBP is
 * at a device.
 */
.macro LOOP name, insn:vararg
GUEST loop_\name, MODE_LONG
	mov	$G_MMIO, %ebp
	REPORT	$1
7777:	\insn
	jmp	7777b
.endm

LOOP jmp, nop
LOOP pause, pause
LOOP cpuid, cpuid
LOOP hlt, hlt
LOOP rdtsc, rdtsc
LOOP vmmcall, vmmcall
LOOP wbinvd, wbinvd
LOOP out, out %al, $0x21
LOOP in, in $0x21, %al
LOOP mmio_write, mov %eax, (%rbp)
LOOP mmio_read, mov (%rbp), %eax
LOOP cr0, .byte 0x0f, 0x20, 0xc0, 0x0f, 0x22, 0xc0
LOOP sti, .byte 0xfb, 0xf4

/* MSRs that exit. */
GUEST loop_msr, MODE_LONG
	REPORT	$1
	mov	$0x1b, %ecx
1:	rdmsr
	wrmsr
	jmp	1b

/* #UD whose handler returns to the instruction. */
GUEST loop_ud, MODE_LONG
	movl	$9f, G_HANDLERS + 8 * 6
	REPORT	$1
	ud2
9:	ret

/* #PF likewise. */
GUEST loop_pf, MODE_LONG
	movl	$9b, G_HANDLERS + 8 * 14
	movq	$0, G_PT + 8 * 3
	invlpg	G_PAGED + 0x3000
	REPORT	$1
	mov	G_PAGED + 0x3000, %al

/* Single step into a handler that sets TF again: #DB for each instruction. */
GUEST loop_db, MODE_LONG
	movl	$9b, G_HANDLERS + 8 * 1
	REPORT	$1
	pushf
	orl	$0x100, (%rsp)
	popf
1:	nop
	jmp	1b

/* CVE-2015-5307: #AC whose delivery makes another #AC. */
GUEST loop_ac, MODE_PAGED32
	mov	$G_PD32, %eax
	mov	%cr0, %eax
	or	$0x40000, %eax		/* AM */
	mov	%eax, %cr0
	/* the gate of #AC leads to user code, on the same, misaligned, stack */
	mov	$1f, %eax
	mov	%ax, G_IDT + 8 * 17
	movw	$SEL_USER32, G_IDT + 8 * 17 + 2
	REPORT	$1
	push	$SEL_USER_DATA
	push	$G_USER_STACK - 1
	push	$0x40002		/* AC */
	push	$SEL_USER32
	push	$1f
	iret
1:	movl	$0, G_FREE + 1
	jmp	1b

/* CVE-2015-8104: a breakpoint on the stack that the delivery of #DB writes to. */
GUEST loop_db_stack, MODE_LONG
	mov	$G_STACK - 0x40, %eax
	mov	%rax, %dr0
	mov	$0xb0403, %eax		/* 8 bytes, read or write, L0 and G0 */
	mov	%rax, %dr7
	movl	$9b, G_HANDLERS + 8 * 1
	REPORT	$1
	mov	$G_STACK - 0x18, %rsp
1:	push	%rax
	push	%rax
	push	%rax
	push	%rax
	push	%rax
	push	%rax
	mov	$G_STACK - 0x18, %rsp
	jmp	1b

/* The APIC timer as fast as it can be, and IPIs to itself. */
GUEST loop_timer, MODE_LONG
	movl	$EOI_XAPIC, G_EOI
	mov	$APIC, %ebp
	movl	$0x1ff, 0xf0(%rbp)
	movl	$0xb, 0x3e0(%rbp)
	movl	$0x20031, 0x320(%rbp)
	movl	$1, 0x380(%rbp)
	REPORT	$1
	sti
1:	hlt
	jmp	1b

GUEST loop_deadline, MODE_LONG
	movl	$EOI_XAPIC, G_EOI
	mov	$APIC, %ebp
	movl	$0x1ff, 0xf0(%rbp)
	movl	$0x40031, 0x320(%rbp)
	REPORT	$1
	sti
1:	mov	$0x6e0, %ecx
	mov	$1, %eax
	xor	%edx, %edx
	wrmsr
	jmp	1b

GUEST loop_ipi, MODE_LONG
	movl	$EOI_XAPIC, G_EOI
	mov	$APIC, %ebp
	movl	$0x1ff, 0xf0(%rbp)
	REPORT	$1
	sti
1:	movl	$0x44041, 0x300(%rbp)
	jmp	1b

/* An interrupt that is never ended masks its own vector for ever. */
GUEST loop_no_eoi, MODE_LONG
	movl	$EOI_NONE, G_EOI
	mov	$APIC, %ebp
	movl	$0x1ff, 0xf0(%rbp)
	REPORT	$1
	sti
1:	movl	$0x44041, 0x300(%rbp)
	hlt
	jmp	1b

/* Real mode, where each INT goes through guest memory. */
GUEST loop_real, MODE_REAL
	REPORT	$1
1:	int	$0x80
	jmp	1b

/* Long REPs: a megabyte to a port, again and again. */
GUEST loop_rep, MODE_LONG
	REPORT	$1
	mov	$0x21, %edx
1:	mov	$G_FREE, %esi
	mov	$0x100000, %ecx
	cld
	rep outsb
	jmp	1b

/*
 * FPU: fill everything with a pattern of ARG0, leave and come back, compare,
 * again and again. A difference is reported with its place.
 */
GUEST fpu, MODE_LONG
	mov	%cr4, %rax
	or	$0x600, %rax		/* OSFXSR, OSXMMEXCPT */
	mov	%rax, %cr4
	clts
	fninit
	mov	ARG(0), %rax
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	movq	%rax, %xmm\n
	punpcklqdq %xmm\n, %xmm\n
	add	$1, %rax
	.endr
	.rept	7
	fildq	ARG(0)
	.endr
	movl	$0x3f80, RES(0)		/* MXCSR: flush to zero off, round down */
	ldmxcsr	RES(0)
	movw	$0x0c7f, RES(0)
	fldcw	RES(0)
1:	REPORT	$1
	mov	ARG(0), %rbx
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	movq	%xmm\n, %rax
	mov	$\n, %esi
	cmp	%rax, %rbx
	jne	2f
	movhlps	%xmm\n, %xmm\n
	movq	%xmm\n, %rax
	punpcklqdq %xmm\n, %xmm\n
	cmp	%rax, %rbx
	jne	2f
	add	$1, %rbx
	.endr
	mov	$0x20, %esi
	stmxcsr	RES(0)
	cmpl	$0x3f80, RES(0)
	jne	2f
	fnstcw	RES(0)
	cmpw	$0x0c7f, RES(0)
	jne	2f
	mov	$0x21, %esi
	fistpq	RES(1)
	mov	RES(1), %rax
	cmp	ARG(0), %rax
	jne	2f
	fildq	ARG(0)
	jmp	1b
2:	mov	%rax, RES(2)
	REPORT	$0xbad00
	DONE

/* AVX: the same for the upper halves, with XCR0 = 7. */
GUEST avx, MODE_LONG
	mov	%cr4, %rax
	or	$0x40600, %rax
	mov	%rax, %cr4
	clts
	xor	%ecx, %ecx
	xor	%edx, %edx
	mov	$7, %eax
	xsetbv
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	mov	ARG(0), %rax
	add	$\n, %rax
	vmovq	%rax, %xmm\n
	vpunpcklqdq %xmm\n, %xmm\n, %xmm\n
	vinsertf128 $1, %xmm\n, %ymm\n, %ymm\n
	.endr
1:	REPORT	$1
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	mov	$\n, %esi
	mov	ARG(0), %rbx
	add	$\n, %rbx
	vmovups	%ymm\n, RES(8)
	cmp	%rbx, RES(8)
	jne	2f
	cmp	%rbx, RES(10)
	jne	2f
	cmp	%rbx, RES(11)
	jne	2f
	.endr
	jmp	1b
2:	mov	%esi, %eax
	or	$0xbad00, %eax
	REPORT
	DONE

/* All general registers, loaded from RES and stored to RES + 80h at each round. */
.macro ALL_GPRS what
	.irp	r, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
	\what	\r
	.endr
.endm

.macro LOAD_GPR r
	mov	offset(%rax), %\r
	offset = offset + 8
.endm

.macro CHECK_GPR r
	cmp	offset, %\r
	jne	3f
	offset = offset + 8
.endm

GUEST gprs, MODE_LONG
	mov	$RES(0), %eax
	offset = 0
	ALL_GPRS LOAD_GPR
	mov	$1, %eax
1:	out	%eax, $PORT_REPORT
	offset = RES(0)
	ALL_GPRS CHECK_GPR
	jmp	1b
3:	REPORT	$0xbad
	DONE

/* A 32-bit guest: 64-bit registers of others must not be seen once it is in long mode. */
GUEST gprs32, MODE_PAE
	mov	$1, %eax
	out	%eax, $PORT_REPORT
	mov	$0, %eax
	cpuid
	REPORT	$2
	/* to long mode */
	mov	%cr0, %eax
	and	$0x7fffffff, %eax
	mov	%eax, %cr0
	mov	$G_PML4, %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx
	rdmsr
	or	$0x100, %eax
	wrmsr
	mov	%cr0, %eax
	or	$0x80000000, %eax
	mov	%eax, %cr0
	ljmp	$SEL_CODE64, $1f
	.code64
1:	mov	%r8, RES(0)
	mov	%r9, RES(1)
	mov	%r10, RES(2)
	mov	%r11, RES(3)
	mov	%r12, RES(4)
	mov	%r13, RES(5)
	mov	%r14, RES(6)
	mov	%r15, RES(7)
	DONE

/* Debug registers: everything armed, everywhere. */
GUEST drs, MODE_LONG
1:	mov	ARG(0), %rax
	mov	%rax, %dr0
	add	$8, %rax
	mov	%rax, %dr1
	add	$8, %rax
	mov	%rax, %dr2
	add	$8, %rax
	mov	%rax, %dr3
	mov	ARG(1), %rax
	mov	%rax, %dr7
	REPORT	$1
	mov	%dr0, %rax
	mov	%rax, RES(0)
	mov	%dr3, %rax
	mov	%rax, RES(1)
	mov	%dr7, %rax
	mov	%rax, RES(2)
	jmp	1b

/* Segments: FS, GS, their bases, SYSCALL MSRs, an LDT and a task register of its own. */
GUEST segments, MODE_LONG
	mov	$SEL_DATA, %eax
	mov	%eax, %fs
	mov	%eax, %gs
	mov	%eax, %ds
	mov	%eax, %es
	mov	$0xc0000081, %ecx
	mov	$0x11111111, %eax
	mov	$0x00300008, %edx
	.rept	4
	wrmsr
	inc	%ecx
	.endr
	mov	$0xc0000100, %ecx
	mov	$0x22222222, %eax
	mov	$0x2222, %edx
	.rept	3
	wrmsr
	inc	%ecx
	.endr
	mov	$0x174, %ecx
	mov	$0x3333, %eax
	xor	%edx, %edx
	.rept	3
	wrmsr
	inc	%ecx
	.endr
	xor	%eax, %eax
	lldt	%ax
1:	REPORT	$1
	mov	$0xc0000101, %ecx
	rdmsr
	cmp	$0x22222222, %eax
	jne	2f
	mov	%fs, %eax
	cmp	$SEL_DATA, %eax
	jne	2f
	jmp	1b
2:	REPORT	$0xbad
	DONE

/* CR3 with reserved bits: #GP on silicon; the emulator lets it in and VMRUN refuses it later. */
GUEST bad_cr3, MODE_LONG
	REPORT	$1
	mov	$0x8000000000010000, %rax
	TRY	mov %rax, %cr3
	REPORT	G_VECTOR
	DONE

/*
 * System calls and faults that are the guest's own business: ARG0 rounds of
 * SYSCALL, SYSRET, a page fault with its handler, INVLPG and a CR3 write.
 */
GUEST own_business, MODE_LONG
	mov	$0xc0000081, %ecx
	xor	%eax, %eax
	mov	$0x00300008, %edx
	wrmsr
	mov	$0xc0000082, %ecx
	mov	$4f, %eax
	xor	%edx, %edx
	wrmsr
	mov	$0xc0000084, %ecx
	xor	%eax, %eax
	wrmsr
	mov	$10, %r15d		/* warm up: every page mapped, every gate used */
	movl	$5f, G_HANDLERS + 8 * 14
	call	1f
	REPORT	$1
	mov	ARG(0), %r15d
	call	1f
	REPORT	$2
	DONE
1:	mov	%rsp, %r14
2:	mov	$3f, %ecx
	mov	$2, %r11d
	sysretq
3:	syscall				/* to 4, in the kernel */
4:	mov	%r14, %rsp
	movq	$0, G_PT + 8 * 5
	invlpg	G_PAGED + 0x5000
	mov	G_PAGED + 0x5008, %rax	/* #PF; its handler maps the page */
	mov	%cr3, %rax
	mov	%rax, %cr3
	dec	%r15d
	jnz	2b
	ret
5:	movq	$G_PAGED + 0x5000 + 7, G_PT + 8 * 5
	ret

/*
 * Everything that a guest may try and that has no effect, R14 times: MSRs that there are not, values
 * that control registers do not take, ports, memory and leaves that nobody has. R15 is the seed.
 */
GUEST flood, MODE_LONG
	mov	ARG(0), %r14
	mov	$0x9e3779b9, %r15d
1:	mov	$0x5deece66d, %rbp
	imul	%rbp, %r15
	add	$11, %r15
	mov	%r15, %rbp
	shr	$16, %rbp
	mov	%ebp, %ecx
	and	$0x1fffffff, %ecx
	or	$0x20000000, %ecx
	TRY	rdmsr
	TRY	wrmsr
	mov	%ebp, %ecx
	and	$0xfff, %ecx
	or	$0xc0012000, %ecx
	TRY	rdmsr
	mov	%ebp, %eax
	mov	$1, %edx
	TRY	wrmsr
	mov	$0xc0000080, %ecx	/* EFER, whose upper half is reserved */
	TRY	wrmsr
	xor	%eax, %eax
	xor	%ecx, %ecx
	TRY	xsetbv
	mov	%ebp, %eax
	bts	$40, %rax
	TRY	mov %rax, %cr4
	TRY	mov %rax, %cr0
	TRY	mov %rax, %dr7
	bts	$63, %rax
	TRY	mov %rax, %cr8
	mov	%ebp, %edx
	and	$0xfff, %edx
	or	$0x2000, %edx
	in	%dx, %eax
	out	%eax, %dx
	mov	%ebp, %esi
	and	$0x3ffffff8, %esi
	or	$0x40000000, %esi
	mov	(%rsi), %rax
	mov	%rax, (%rsi)
	mov	%ebp, %eax
	mov	%ebp, %ecx
	cpuid
	mov	%ebp, %eax
	or	$0x100, %eax
	TRY	vmmcall
	TRY	ud2
	dec	%r14
	jnz	1b
	DONE
