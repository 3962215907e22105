// SPDX-License-Identifier: GPL-2.0
// mode: 32
/*
 * Task switches by the processor: jump, call and IRET, by TSS and by gate, from an interrupt, and
 * what they do to busy bits, links, NT and CR0.TS.
 */
#include "conform.h"

#define SEL_OTHER	SEL_SPARE
#define SEL_GATE	(SEL_SPARE + 8)

static struct tss other;
static uint8_t other_stack[4096];
static volatile uint32_t counter USED, seen_flags USED, seen_cr0 USED;

void other_task(void);
asm("other_task:\n"
	"1:	incl counter\n"
	"	pushf\n"
	"	popl seen_flags\n"
	"	mov %cr0, %eax\n"
	"	mov %eax, seen_cr0\n"
	"	clts\n"
	"	iret\n"
	"	jmp 1b\n"
	"	.globl jumping_task\n"
	"jumping_task:\n"
	"2:	incl counter\n"
	"	mov %cr0, %eax\n"
	"	mov %eax, seen_cr0\n"
	"	clts\n"
	"	ljmp $0x40, $0\n"
	"	jmp 2b\n");
extern uint8_t jumping_task[];

static void prepare(void *entry)
{
	other = (struct tss) {
		.cr3 = read_cr3(), .eip = (uint32_t)entry, .eflags = 2,
		.esp = (uint32_t)other_stack + sizeof(other_stack),
		.es = SEL_DATA, .cs = SEL_CODE32, .ss = SEL_DATA, .ds = SEL_DATA, .fs = SEL_DATA,
		.gs = SEL_DATA, .io_map = sizeof(other), .eax = 0x11, .ecx = 0x22,
	};
	gdt[SEL_OTHER / 8] = descriptor((uint32_t)&other, sizeof(other) - 1, 0x89, 0);
	counter = 0;
	asm volatile("clts");
}

static void report_task(const char *name)
{
	report(name, counter);
	report(name, (gdt[SEL_OTHER / 8] >> 40 & 0xff) << 8 | (gdt[SEL_TSS / 8] >> 40 & 0xff));
	report(name, other.link);
	report(name, seen_cr0 & 0xf);
	report(name, read_cr0() & 0xf);
	report(name, read_flags() & FLAG_NT);
}

#define SAVED "eax", "ebx", "ecx", "edx", "esi", "edi", "memory"

static void switches(void)
{
	/* The outgoing task's registers come back from its TSS, with CR3 as that says. */
	tss.cr3 = read_cr3();
	prepare(other_task);
	asm volatile("lcall %0, $0" : : "i"(SEL_OTHER) : SAVED);
	report_task("call");
	report("call.nt_inside", seen_flags & FLAG_NT);
	report("call.flags_saved", other.eflags & FLAG_NT);
	asm volatile("lcall %0, $0" : : "i"(SEL_OTHER) : SAVED);
	report_task("call.again");

	prepare(jumping_task);
	asm volatile("ljmp %0, $0" : : "i"(SEL_OTHER) : SAVED);
	report_task("jump");
	report("jump.old_eip_is_ours", tss.eip > (uint32_t)other_task);

	prepare(other_task);
	gdt[SEL_GATE / 8] = (uint64_t)SEL_OTHER << 16 | 0x85ull << 40;
	asm volatile("lcall %0, $0" : : "i"(SEL_GATE) : SAVED);
	report_task("gate");

	prepare(other_task);
	*gate(0x22) = (uint64_t)SEL_OTHER << 16 | 0x85ull << 40;
	asm volatile("int $0x22" : : : SAVED);
	report_task("int");
}

static void errors(void)
{
	prepare(other_task);
	gdt[SEL_OTHER / 8] = descriptor((uint32_t)&other, sizeof(other) - 1, 0x8b, 0);
	REPORT_TRY("busy", "lcall %0, $0", : "i"(SEL_OTHER) : SAVED);
	prepare(other_task);
	gdt[SEL_OTHER / 8] = descriptor((uint32_t)&other, sizeof(other) - 1, 0x09, 0);
	REPORT_TRY("not_present", "lcall %0, $0", : "i"(SEL_OTHER) : SAVED);
	prepare(other_task);
	gdt[SEL_OTHER / 8] = descriptor((uint32_t)&other, 0x66, 0x89, 0);
	REPORT_TRY("short", "lcall %0, $0", : "i"(SEL_OTHER) : SAVED);
	prepare(other_task);
	REPORT_TRY("rpl", "lcall %0, $0", : "i"(SEL_OTHER | 3) : SAVED);
	prepare(other_task);
	gdt[SEL_GATE / 8] = (uint64_t)SEL_DATA << 16 | 0x85ull << 40;
	REPORT_TRY("gate_to_data", "lcall %0, $0", : "i"(SEL_GATE) : SAVED);
	prepare(other_task);
	gdt[SEL_GATE / 8] = (uint64_t)SEL_OTHER << 16 | 0x05ull << 40;
	REPORT_TRY("gate_not_present", "lcall %0, $0", : "i"(SEL_GATE) : SAVED);
	/* NT and no link: IRET has nowhere to go. */
	tss.link = 0;
	asm volatile("pushf; orl $0x4000, (%esp); popf");
	REPORT_TRY("iret.null_link", "iret", : : SAVED);
	asm volatile("pushf; andl $~0x4000, (%esp); popf");
}

int main(void)
{
	switches();
	errors();
	return 0;
}
