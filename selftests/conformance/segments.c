// SPDX-License-Identifier: GPL-2.0
// mode: 32
/*
 * Segmentation in 32-bit protected mode: limits, types, rings, gates, and the instructions that
 * look descriptors up.
 */
#include "conform.h"

#define SPARE(n)	(SEL_SPARE + 8 * (n))
#define BASE		MEMORY

static void set(unsigned int n, uint32_t base, uint32_t limit, uint8_t type, uint8_t flags)
{
	gdt[SPARE(n) / 8] = descriptor(base, limit, type, flags);
}

static uint64_t *entry(unsigned int n)
{
	return &gdt[SPARE(n) / 8];
}

static void load_es(unsigned int selector)
{
	asm volatile("mov %w0, %%es" : : "r"(selector));
}

#define ES_READ(name, at) REPORT_TRY(name, "movl %%es:(%0), %%eax", : "r"(at) : "eax", "memory")
#define ES_WRITE(name, at) REPORT_TRY(name, "movb $1, %%es:(%0)", : "r"(at) : "memory")

static void limits(void)
{
	*(volatile uint32_t *)(BASE + 0xffc) = 0x11223344;
	set(0, BASE, 0xfff, 0x93, 4);
	load_es(SPARE(0));
	ES_READ("limit.last", 0xffc);
	ES_READ("limit.across", 0xffd);
	ES_READ("limit.behind", 0x1000);
	ES_READ("limit.wraps", 0xfffffffe);
	report("limit.accessed", *entry(0) >> 40 & 0xff);
	set(0, BASE, 0, 0x93, 12);		/* 4 KiB pages */
	load_es(SPARE(0));
	ES_READ("limit.granular_last", 0xffc);
	ES_READ("limit.granular_behind", 0xffd);
	set(1, BASE, 0xfff, 0x97, 4);		/* expand-down, 32-bit */
	load_es(SPARE(1));
	ES_READ("down.at_limit", 0xffc);
	ES_READ("down.above", 0x1000);
	ES_READ("down.top", 0xfffffffc);
	set(1, BASE, 0xfff, 0x97, 0);		/* its upper bound is 64 KiB */
	load_es(SPARE(1));
	ES_READ("down16.above", 0x1000);
	ES_READ("down16.last", 0xfffc);
	ES_READ("down16.behind", 0x10000);
	set(2, BASE, 0xfff, 0x91, 4);
	load_es(SPARE(2));
	ES_READ("read_only.read", 0);
	ES_WRITE("read_only.write", 0);
	set(2, BASE, 0xfff, 0x9b, 4);
	load_es(SPARE(2));
	ES_READ("code.read", 0);
	ES_WRITE("code.write", 0);
	asm volatile("mov %w0, %%es" : : "r"(0));
	ES_READ("null.read", 0);
	load_es(SEL_DATA);
	/* Not yet accessed: loading says so in the table. */
	set(3, BASE, 0xfff, 0x92, 4);
	report("accessed.before", *entry(3) >> 40 & 0xff);
	load_es(SPARE(3));
	report("accessed.after", *entry(3) >> 40 & 0xff);
	load_es(SEL_DATA);
}

static void stack(void)
{
	uint32_t sp = 0;

	/* A stack segment of 64 KiB, SS.B clear: SP alone counts. */
	set(0, BASE, 0xffff, 0x93, 0);
	asm volatile("mov %%esp, %%ebx; mov %%ss, %%ecx\n"
		     "mov %w1, %%ss; mov $0x10000, %%esp\n"
		     "pushl $0x55; mov %%esp, %0\n"
		     "mov %%ecx, %%ss; mov %%ebx, %%esp"
		     : "=&r"(sp) : "r"(SPARE(0)) : "ebx", "ecx", "memory");
	report("stack16.sp", sp);
	report("stack16.value", *(volatile uint32_t *)(BASE + 0xfffc));
	REPORT_TRY("stack.read_only", "mov %w0, %%ss", : "r"(SPARE(2)) : "memory");
	REPORT_TRY("stack.null", "mov %w0, %%ss", : "r"(0) : "memory");
	REPORT_TRY("stack.dpl", "mov %w0, %%ss", : "r"(SEL_USER_DATA) : "memory");
	set(4, BASE, 0xfff, 0x13, 4);
	REPORT_TRY("stack.not_present", "mov %w0, %%ss", : "r"(SPARE(4)) : "memory");
	REPORT_TRY("data.not_present", "mov %w0, %%es", : "r"(SPARE(4)) : "memory");
}

static uint32_t lar(unsigned int selector, bool *ok)
{
	uint32_t value = 0;

	asm volatile("lar %2, %0; setz %1" : "+r"(value), "=qm"(*ok) : "r"(selector));
	return value;
}

static uint32_t lsl(unsigned int selector, bool *ok)
{
	uint32_t value = 0;

	asm volatile("lsl %2, %0; setz %1" : "+r"(value), "=qm"(*ok) : "r"(selector));
	return value;
}

static void look_up(void)
{
	static const uint8_t types[] = {
		0x93, 0x9b, 0x99, 0x9f, 0xf3, 0x13, 0x82, 0x89, 0x8b, 0x8c, 0x85, 0x8e, 0x8f, 0x80,
		0x88, 0x81, 0x83, 0x84,
	};
	bool ok;

	for (unsigned int i = 0; i < sizeof(types); i++) {
		uint32_t value;

		set(0, 0x12345678, 0x54321, types[i], 9);
		value = lar(SPARE(0), &ok);
		report("lar", (uint64_t)types[i] << 40 | (uint64_t)ok << 32 | value);
		value = lsl(SPARE(0), &ok);
		report("lsl", (uint64_t)types[i] << 40 | (uint64_t)ok << 32 | value);
		asm volatile("verr %w1; setz %0" : "=qm"(ok) : "r"(SPARE(0)));
		report("verr", types[i] << 8 | ok);
		asm volatile("verw %w1; setz %0" : "=qm"(ok) : "r"(SPARE(0)));
		report("verw", types[i] << 8 | ok);
		asm volatile("verr %w1; setz %0" : "=qm"(ok) : "r"(SPARE(0) | 3));
		report("verr.rpl3", types[i] << 8 | ok);
	}
	lar(0, &ok);
	report("lar.null", ok);
	lar(0xfff8, &ok);
	report("lar.limit", ok);
}

static void arpl(void)
{
	uint32_t value = 0x10;
	bool changed;

	asm volatile("arpl %w2, %w0; setz %1" : "+r"(value), "=qm"(changed) : "r"(0x23));
	report("arpl.raised", value << 8 | changed);
	asm volatile("arpl %w2, %w0; setz %1" : "+r"(value), "=qm"(changed) : "r"(0x21));
	report("arpl.not", value << 8 | changed);
}

/* Far transfers */

static void far_jump(const char *name, unsigned int selector, uint32_t offset)
{
	const struct {
		uint32_t offset;
		uint16_t selector;
	} __attribute__((packed)) to = { offset, selector };

	REPORT_TRY(name, "ljmpl *%0", : "m"(to) : "memory");
}

static void far_call(const char *name, unsigned int selector, uint32_t offset)
{
	const struct {
		uint32_t offset;
		uint16_t selector;
	} __attribute__((packed)) to = { offset, selector };

	REPORT_TRY(name, "lcalll *%0", : "m"(to) : "memory");
}

static uint32_t called_cs USED, called_cpl_sp USED;

asm("far_target:\n"
	"	mov %cs, %eax\n"
	"	mov %eax, called_cs\n"
	"	mov %esp, called_cpl_sp\n"
	"	lret\n"
	"gate_target:\n"
	"	push %ds\n"
	"	mov $0x10, %eax\n"
	"	mov %eax, %ds\n"
	"	mov %cs, %eax\n"
	"	mov %eax, called_cs\n"
	"	mov 12(%esp), %eax\n"
	"	mov %eax, called_cpl_sp\n"
	"	pop %ds\n"
	"	lret $4\n");
extern uint8_t far_target[], gate_target[];

static uint64_t call_gate(unsigned int selector, uint32_t offset, uint8_t type, unsigned int params)
{
	return (offset & 0xffff) | (uint64_t)selector << 16 | (uint64_t)params << 32 |
	       (uint64_t)type << 40 | (uint64_t)(offset >> 16) << 48;
}

static void user_gate(void)
{
	asm volatile("pushl $0x1234567; lcall %0, $0; int $0x80" : : "i"(SPARE(6) | 3) : "memory");
}

static void user_gate_forbidden(void)
{
	asm volatile("lcall %0, $0; int $0x80" : : "i"(SPARE(7) | 3) : "memory");
}

static void user_privileged(void)
{
	asm volatile("cli; int $0x80");
}

static void user_io(void)
{
	asm volatile("in $0x80, %%al; int $0x80" : : : "eax");
}

static void user_hlt(void)
{
	asm volatile("hlt; int $0x80");
}

static void user_gate_int(void)
{
	asm volatile("int $0x21; int $0x80");
}

static void in_user(const char *name, void (*code)(void))
{
	in_ring3(code);
	report_fault(name);
}

static void transfers(void)
{
	set(5, 0, 0xfffff, 0x1b, 12);
	far_jump("jump.null", 0, 0);
	far_jump("jump.data", SEL_DATA, 0);
	far_jump("jump.not_present", SPARE(5), 0);
	far_jump("jump.user", SEL_USER_CODE, 0);
	far_jump("jump.limit", 0xfff8, 0);
	set(5, 0, 0xfff, 0x9b, 4);
	far_jump("jump.beyond", SPARE(5), 0x1000);
	called_cs = 0;
	far_call("call.same_ring", SEL_CODE32, (uint32_t)far_target);
	report("call.cs", called_cs);
	set(5, 0, 0xfffff, 0x9f, 12);		/* conforming */
	far_call("call.conforming", SPARE(5), (uint32_t)far_target);
	report("call.cs", called_cs);
	*entry(6) = call_gate(SEL_CODE32, (uint32_t)gate_target, 0xec, 1);
	*entry(7) = call_gate(SEL_CODE32, (uint32_t)gate_target, 0x8c, 0);
	called_cs = 0;
	in_user("gate.from_ring3", user_gate);
	report("gate.cs", called_cs);
	report("gate.parameter", called_cpl_sp);
	in_user("gate.dpl", user_gate_forbidden);
	*entry(6) = call_gate(SEL_CODE32, (uint32_t)gate_target, 0x6c, 1);
	in_user("gate.not_present", user_gate);
	*entry(6) = call_gate(SEL_DATA, (uint32_t)gate_target, 0xec, 1);
	in_user("gate.to_data", user_gate);
	*entry(6) = call_gate(0, (uint32_t)gate_target, 0xec, 1);
	in_user("gate.to_null", user_gate);
	in_user("ring3.cli", user_privileged);
	in_user("ring3.in", user_io);
	in_user("ring3.hlt", user_hlt);
	in_user("ring3.int_gate_dpl", user_gate_int);
}

int main(void)
{
	limits();
	stack();
	look_up();
	arpl();
	transfers();
	return 0;
}
