// SPDX-License-Identifier: GPL-2.0
// mode: 64
/*
 * When an interrupt comes: the shadows of STI and MOV SS, HLT, TPR, and which of several.
 */
#include "conform.h"

#define APIC		0xfee00000u
#define APIC_EOI	(APIC + 0xb0)
#define APIC_SVR	(APIC + 0xf0)
#define APIC_ICR	(APIC + 0x300)
#define NR_SEEN		16

static struct {
	word vector, ip, flags;
} seen[NR_SEEN];
static unsigned int nr_seen;
static bool eoi_late;

static void come(struct frame *f)
{
	if (nr_seen < NR_SEEN) {
		seen[nr_seen].vector = f->vector;
		seen[nr_seen].ip = f->ip;
		seen[nr_seen].flags = f->flags;
	}
	nr_seen++;
	if (!eoi_late)
		write32(APIC_EOI, 0);
}

static void send(unsigned int vector)
{
	write32(APIC_ICR, 0x40000 | vector);
}

static void report_seen(const char *name, word base)
{
	report(name, nr_seen);
	for (unsigned int i = 0; i < nr_seen && i < NR_SEEN; i++)
		report(name, seen[i].vector << 48 | (seen[i].flags & 0x10300) << 16 |
			     (seen[i].ip - base));
	nr_seen = 0;
}

#define AT(label) ({ word at_; asm volatile("lea " label "(%%rip), %0" : "=r"(at_)); at_; })
/* With 60h and 70h requested. */
#define SEQUENCE(name, label, insns) do {					\
	send(0x60);								\
	send(0x70);								\
	asm volatile(#label ": " insns "\ncli" : : : "rax", "rcx", "rdx", "rbx", "memory"); \
	report_seen(name, AT(#label));						\
} while (0)

static void shadows(void)
{
	SEQUENCE("sti.nop", sti_nop, "sti; nop; nop; nop");
	SEQUENCE("sti.sti", sti_sti, "sti; sti; nop; nop");
	SEQUENCE("sti.cli", sti_cli, "sti; cli; nop");
	report_seen("none", 0);
	SEQUENCE("sti.cpuid", sti_cpuid, "xor %%eax, %%eax; sti; cpuid; nop");
	SEQUENCE("sti.mov_ss", sti_mov_ss, "mov %%ss, %%eax; sti; mov %%eax, %%ss; nop; nop");
	SEQUENCE("sti.out", sti_out, "mov $0x80, %%edx; sti; out %%al, (%%dx); nop");
	SEQUENCE("sti.hlt", sti_hlt, "sti; hlt; nop");
	SEQUENCE("popf", popf_if, "pushf; orl $0x200, (%%rsp); popf; nop; nop");
	SEQUENCE("mov_ss", mov_ss_if,
		 "mov %%ss, %%eax; pushf; orl $0x200, (%%rsp); popf; mov %%eax, %%ss; nop; nop");
	/* By its register: QEMU aborts at a MOV to CR8 that meets a virtual interrupt. */
	SEQUENCE("tpr", tpr_if,
		 "mov $0xfee00080, %%edx; movl $0x70, (%%rdx); sti; nop; movl $0, (%%rdx); jmp 8f; 8: nop; nop");
	SEQUENCE("iret", iret_if,
		 "mov %%rsp, %%rcx; mov %%ss, %%eax; push %%rax; push %%rcx; pushf; orl $0x200, (%%rsp);"
		 "mov %%cs, %%eax; push %%rax; lea 9f(%%rip), %%rax; push %%rax; iretq; 9: nop; nop");
}

static void task_priority(void)
{
	word cr8;

	write32(APIC + 0x80, 0x60);
	asm volatile("mov %%cr8, %0" : "=r"(cr8));
	report("tpr.cr8", cr8);
	asm volatile("mov %0, %%cr8" : : "r"(5ul));
	report("cr8.tpr", read32(APIC + 0x80));
	send(0x50);
	send(0x5f);
	send(0x61);
	asm volatile("sti; nop; nop; cli");
	report("tpr.came", nr_seen);
	report("tpr.came", seen[0].vector);
	report("tpr.irr", read32(APIC + 0x220));
	nr_seen = 0;
	asm volatile("mov %0, %%cr8" : : "r"(0ul));
	asm volatile("sti; nop; nop; cli");
	report("tpr.rest", nr_seen);
	report("tpr.rest", seen[0].vector << 8 | seen[1].vector);
	nr_seen = 0;
}

static void in_service(void)
{
	eoi_late = true;
	send(0x61);
	asm volatile("sti; nop; nop; cli");
	report("isr", read32(APIC + 0x130));
	report("ppr", read32(APIC + 0xa0));
	send(0x62);
	send(0x55);
	asm volatile("sti; nop; nop; cli");
	report("same_class.came", nr_seen);
	report("same_class.irr", read32(APIC + 0x230) << 16 | read32(APIC + 0x220));
	send(0x71);
	asm volatile("sti; nop; nop; cli");
	report("higher.came", nr_seen);
	report("higher.ppr", read32(APIC + 0xa0));
	write32(APIC_EOI, 0);
	report("eoi.ppr", read32(APIC + 0xa0));
	write32(APIC_EOI, 0);
	asm volatile("sti; nop; nop; cli");
	report("eoi.came", nr_seen);
	report("eoi.last", seen[nr_seen - 1].vector);
	write32(APIC_EOI, 0);
	asm volatile("sti; nop; nop; cli");
	report("eoi.came", nr_seen);
	write32(APIC_EOI, 0);
	report("eoi.ppr", read32(APIC + 0xa0));
	eoi_late = false;
	nr_seen = 0;
}

static void nmi(struct frame *f)
{
	come(f);
}

static void non_maskable(void)
{
	on_vector(2, nmi);
	eoi_late = true;
	write32(APIC_ICR, 0x40400);		/* the short way to itself */
	asm volatile("nop; jmp 1f; 1: nop");
	report("nmi.self", nr_seen);
	nr_seen = 0;
	write32(APIC + 0x310, 0);
	write32(APIC_ICR, 0x4400);		/* to APIC 0 */
	asm volatile("nop; jmp 1f; 1: nop");
	report("nmi.physical", nr_seen);
	eoi_late = false;
	nr_seen = 0;
}

int main(void)
{
	for (unsigned int v = 0x50; v < 0x80; v++)
		on_vector(v, come);
	write32(APIC_SVR, 0x1ff);
	shadows();
	task_priority();
	in_service();
	non_maskable();
	return 0;
}
