// SPDX-License-Identifier: GPL-2.0
// mode: 32
/*
 * Virtual-8086 mode: how it is entered and left, what IOPL lets it do, and CR4.VME's interrupts.
 */
#include "conform.h"

#define CODE		0x60000u	/* the 8086's segment 6000h; its stack is there, too */
#define IOPL3		0x3000u
#define FLAG_VIF	0x80000u
#define FLAG_VIP	0x100000u

static word saved_sp USED;
static struct frame seen;

void enter_v86(uint32_t flags);
void leave_v86(void);
asm("enter_v86:\n"
	"	mov 4(%esp), %eax\n"
	"	push %ebx\n"
	"	push %ebp\n"
	"	push %esi\n"
	"	push %edi\n"
	"	mov %esp, saved_sp\n"
	"	push $0x6000\n"			/* GS, FS, DS, ES */
	"	push $0x6000\n"
	"	push $0x6000\n"
	"	push $0x6000\n"
	"	push $0x6000\n"			/* SS:SP */
	"	push $0x8000\n"
	"	push %eax\n"
	"	push $0x6000\n"			/* CS:IP */
	"	push $0\n"
	"	iret\n"
	"leave_v86:\n"
	"	mov $0x10, %eax\n"
	"	mov %eax, %ds\n"
	"	mov %eax, %es\n"
	"	mov %eax, %fs\n"
	"	mov %eax, %gs\n"
	"	mov saved_sp, %esp\n"
	"	pop %edi\n"
	"	pop %esi\n"
	"	pop %ebp\n"
	"	pop %ebx\n"
	"	ret\n");

/* Whatever leaves it: look, and go back to who entered. */
static void left(struct frame *f)
{
	seen = *f;
	f->cs = SEL_CODE32;
	f->ip = (word)leave_v86;
	f->flags = 2;
}

static void run(const char *name, const char *bytes, unsigned int nr, uint32_t flags)
{
	for (unsigned int i = 0; i < nr; i++)
		((volatile char *)CODE)[i] = bytes[i];
	((volatile char *)CODE)[nr] = (char)0xf1;	/* INT1 ends it */
	enter_v86(flags | FLAG_VM | 2);
	report(name, (uint64_t)seen.vector << 48 | (uint64_t)seen.error << 32 |
		     (seen.ip & 0xffff) << 16 | (seen.sp & 0xffff));
	report(name, seen.flags & ~0x8d5u);
}

#define RUN(name, bytes, flags) run(name, bytes, sizeof(bytes) - 1, flags)

static void sensitive(uint32_t flags, const char *const names[])
{
	RUN(names[0], "\xfa", flags);				/* CLI */
	RUN(names[1], "\xfb", flags);				/* STI */
	RUN(names[2], "\x9c\x58", flags);			/* PUSHF, POP AX */
	RUN(names[3], "\x9c\x9d", flags);			/* PUSHF, POPF */
	RUN(names[4], "\x68\x02\x02\x9d", flags);		/* POPF with IF */
	RUN(names[5], "\xcd\x21", flags);			/* INT 21h */
	RUN(names[6], "\x9c\x0e\x68\x08\x01\xcf", flags);	/* IRET to 108h */
	RUN(names[7], "\xcc", flags);				/* INT3 */
	RUN(names[8], "\xe4\x80", flags);			/* IN */
	RUN(names[9], "\xf4", flags);				/* HLT */
}

int main(void)
{
	static const char *const iopl0[] = {
		"iopl0.cli", "iopl0.sti", "iopl0.pushf", "iopl0.popf", "iopl0.popf_if",
		"iopl0.int", "iopl0.iret", "iopl0.int3", "iopl0.in", "iopl0.hlt",
	};
	static const char *const iopl3[] = {
		"iopl3.cli", "iopl3.sti", "iopl3.pushf", "iopl3.popf", "iopl3.popf_if",
		"iopl3.int", "iopl3.iret", "iopl3.int3", "iopl3.in", "iopl3.hlt",
	};
	static const char *const vme0[] = {
		"vme.cli", "vme.sti", "vme.pushf", "vme.popf", "vme.popf_if",
		"vme.int", "vme.iret", "vme.int3", "vme.in", "vme.hlt",
	};

	for (unsigned int i = 0; i < 256; i++)
		on_vector(i, left);
	/* Where IRET goes, and INT 21h of CR4.VME: INT1. */
	((volatile char *)CODE)[0x108] = (char)0xf1;
	*(volatile uint32_t *)(4 * 0x21) = 0x60000108;
	RUN("nothing", "", IOPL3);
	report("nothing.segments", seen.cs << 16 | seen.ss);
	RUN("arithmetic", "\xb8\xff\xff\x83\xc0\x01", IOPL3);	/* MOV AX, -1; ADD AX, 1 */
	report("arithmetic.ax", seen.ax & 0xffff);
	RUN("write", "\xb8\x34\x12\xa3\x00\x20", IOPL3);		/* MOV [2000h], AX */
	report("write.value", *(volatile uint16_t *)(CODE + 0x2000));
	RUN("limit", "\xa1\xff\xff", IOPL3);			/* MOV AX, [FFFFh] */
	RUN("privileged.lgdt", "\x0f\x01\x16\x00\x20", IOPL3);
	RUN("privileged.cr0", "\x0f\x20\xc0", IOPL3);
	RUN("smsw", "\x0f\x01\xe0", IOPL3);
	report("smsw.ax", seen.ax & 0xffff);
	RUN("undefined", "\x0f\x0b", IOPL3);
	RUN("lar", "\x0f\x02\xc0", IOPL3);			/* no such in this mode */
	sensitive(IOPL3, iopl3);
	sensitive(0, iopl0);
	if (cpuid(1, 0).edx & 2) {
		write_cr4(read_cr4() | 1);
		sensitive(0, vme0);
		sensitive(FLAG_VIF, vme0);
		sensitive(FLAG_VIP, vme0);
	} else {
		report_absent("vme");
	}
	return 0;
}
