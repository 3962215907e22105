// SPDX-License-Identifier: GPL-2.0
// mode: 64
/*
 * Single step, breakpoints, and what delays them: DR6, RF, the shadows of STI and MOV SS.
 */
#include "conform.h"

#define NR_SEEN	32

static struct {
	word ip, flags, dr6;
} seen[NR_SEEN];
static unsigned int nr_seen;
static word base;

static word dr6(void)
{
	word value;

	asm volatile("mov %%dr6, %0" : "=r"(value));
	return value;
}

static void set_dr(unsigned int n, word value)
{
	if (n == 0)
		asm volatile("mov %0, %%dr0" : : "r"(value));
	else if (n == 1)
		asm volatile("mov %0, %%dr1" : : "r"(value));
	else if (n == 6)
		asm volatile("mov %0, %%dr6" : : "r"(value));
	else
		asm volatile("mov %0, %%dr7" : : "r"(value));
}

static void debug_trap(struct frame *f)
{
	if (nr_seen < NR_SEEN) {
		seen[nr_seen].ip = f->ip;
		seen[nr_seen].flags = f->flags;
		seen[nr_seen].dr6 = dr6();
	}
	nr_seen++;
	set_dr(6, 0xffff0ff0);
	if (nr_seen >= NR_SEEN)
		f->flags &= ~FLAG_TF;
	/* A fault before its instruction: go on with it. */
	f->flags |= FLAG_RF;
}

static void begin_seeing(word at)
{
	nr_seen = 0;
	base = at;
	set_dr(6, 0xffff0ff0);
}

static void report_seen(const char *name)
{
	report(name, nr_seen);
	for (unsigned int i = 0; i < nr_seen && i < NR_SEEN; i++) {
		report(name, (seen[i].ip - base) << 32 | (seen[i].flags & ~0x8d5ul));
		report(name, seen[i].dr6);
	}
}

#define AT(label) ({ word at_; asm volatile("lea " label "(%%rip), %0" : "=r"(at_)); at_; })
#define STEP(name, label, insns) do {						\
	begin_seeing(AT(#label));						\
	asm volatile("pushf; orl $0x100, (%%rsp); popf\n"			\
		     #label ": " insns "\n"					\
		     "pushf; andl $~0x100, (%%rsp); popf"			\
		     : : : "rax", "rcx", "rdx", "rbx", "rsi", "rdi", "memory");	\
	report_seen(name);							\
} while (0)

static uint32_t watched[4] __attribute__((aligned(16)));

static void steps(void)
{
	STEP("step.nop", step_nop, "nop; nop");
	STEP("step.cpuid", step_cpuid, "xor %%eax, %%eax; cpuid; nop");
	STEP("step.rdmsr", step_rdmsr, "mov $0xc0000080, %%ecx; rdmsr; nop");
	STEP("step.out", step_out, "mov $0x80, %%edx; out %%al, (%%dx); in (%%dx), %%al; nop");
	STEP("step.mov_ss", step_mov_ss, "mov %%ss, %%eax; mov %%eax, %%ss; nop; nop");
	STEP("step.pop_fs", step_pop_fs, "push $0x10; pop %%fs; nop");
	STEP("step.rep", step_rep,
	     "mov $3, %%ecx; lea watched(%%rip), %%rsi; lea watched(%%rip), %%rdi; rep movsb; nop");
	STEP("step.pushf", step_pushf, "pushf; pop %%rax; nop");
	STEP("step.popf_same", step_popf, "pushf; popf; nop");
	STEP("step.cr", step_cr, "mov %%cr0, %%rax; mov %%rax, %%cr0; nop");
	STEP("step.invd", step_wbinvd, "wbinvd; nop");
	STEP("step.int", step_int, "int $0x30; nop");
	STEP("step.jump", step_jump, "jmp 9f; nop; 9: call 8f; jmp 7f; 8: ret; 7: nop");
}

static void breakpoints(void)
{
	begin_seeing(AT("code_break"));
	set_dr(0, base);
	set_dr(7, 0x401);
	asm volatile("code_break: nop; nop");
	report_seen("break.execute");

	set_dr(0, (word)&watched[1]);
	set_dr(7, 0xd0401);			/* write, 4 bytes */
	begin_seeing(AT("data_write"));
	asm volatile("data_write: movl $1, %0; nop; movl %0, %%eax; movb $1, %1; nop"
		     : : "m"(watched[1]), "m"(*((uint8_t *)&watched[1] + 3)) : "eax", "memory");
	report_seen("break.write");

	set_dr(7, 0xf0401);			/* read and write */
	begin_seeing(AT("data_read"));
	asm volatile("data_read: movl %0, %%eax; nop; movw %1, %%ax; nop; movl %2, %%eax"
		     : : "m"(watched[1]), "m"(*(uint16_t *)((uint8_t *)&watched[0] + 3)),
		     "m"(watched[2]) : "eax", "memory");
	report_seen("break.read");

	set_dr(1, (word)&watched[2]);
	set_dr(7, 0xff0405);
	begin_seeing(AT("data_two"));
	asm volatile("data_two: movq %0, %%rax; nop" : : "m"(watched[1]) : "rax");
	report_seen("break.two");

	set_dr(7, 0xf0400);
	begin_seeing(AT("data_off"));
	asm volatile("data_off: movl %0, %%eax; nop" : : "m"(watched[1]) : "eax");
	report_seen("break.off");
	set_dr(7, 0x400);
}

static void general_detect(void)
{
	set_dr(7, 0x2400);
	REPORT_TRY("detect.read", "mov %%dr0, %%rax", : : "rax");
	report("detect.dr6", dr6());
	/* Taking it turned it off. */
	REPORT_TRY("detect.again", "mov %%dr0, %%rax", : : "rax");
	set_dr(6, 0xffff0ff0);
	set_dr(7, 0x400);
}

static void values(void)
{
	word value;

	set_dr(6, 0);
	report("dr6.of_0", dr6());
	set_dr(6, 0xffffffff);
	report("dr6.of_ones", dr6());
	set_dr(6, 0xffff0ff0);
	set_dr(7, 0);
	asm volatile("mov %%dr7, %0" : "=r"(value));
	report("dr7.of_0", value);
	set_dr(7, 0xffff03ff & ~0x2000u);
	asm volatile("mov %%dr7, %0" : "=r"(value));
	report("dr7.of_many", value);
	set_dr(7, 0x400);
	REPORT_TRY("dr4.without_de", "mov %%dr4, %%rax", : : "rax");
	write_cr4(read_cr4() | 8);
	REPORT_TRY("dr4.with_de", "mov %%dr4, %%rax", : : "rax");
	write_cr4(read_cr4() & ~8ul);
	set_dr(1, 0xffff800000000000ul);
	asm volatile("mov %%dr1, %0" : "=r"(value));
	report("dr1.kept", value);
}

static void ignore(struct frame *f)
{
}

int main(void)
{
	values();
	general_detect();
	on_vector(1, debug_trap);
	on_vector(0x30, ignore);
	steps();
	breakpoints();
	return 0;
}
