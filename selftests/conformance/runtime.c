// SPDX-License-Identifier: GPL-2.0
/*
 * What every conformance guest is linked with: faults and interrupts, ring 3, lines of output.
 */
#include "conform.h"

#define COM1		0x3f8
#define EXIT_PORT	0xf4
#define GATE_INT	0x8e		/* present, ring 0 */
#define GATE_RING3	0xee
#define VECTOR_LEAVE	0x80

struct extable {
	word insn, fixup;
};

extern const struct extable extable_start[], extable_end[];
extern uint8_t stubs[], trap_stack_top[];
word ring3(void (*code)(void));
void leave_ring3(void);

struct fault fault;
struct tss tss;

/* An entry has 8 bytes in 32-bit mode, 16 in 64-bit mode. */
static struct {
	word low, high;
#ifdef __x86_64__
} idt[256] __attribute__((aligned(16)));
#else
} idt[256] __attribute__((aligned(8)));
#endif
static void (*handlers[256])(struct frame *frame);
static bool in_user;

/* Lines */

static void put(char c)
{
	while (!(inb(COM1 + 5) & 0x20))
		;
	outb(c, COM1);
}

static void put_text(const char *text)
{
	while (*text)
		put(*text++);
}

static void put_hex(uint64_t value)
{
	unsigned int shift = 60;

	while (shift && !(value >> shift))
		shift -= 4;
	for (;; shift -= 4) {
		put("0123456789abcdef"[value >> shift & 15]);
		if (!shift)
			break;
	}
}

static void put_value(const char *before, uint64_t value)
{
	put_text(before);
	put_hex(value);
}

void report(const char *name, uint64_t value)
{
	put_text(name);
	put_value(" ", value);
	put('\n');
}

void report_fault(const char *name)
{
	put_text(name);
	if (fault.vector == NO_FAULT) {
		put_text(" no fault\n");
		return;
	}
	put_value(" fault ", fault.vector);
	put_value(" error ", fault.error);
	put_value(" at ", fault.at);
	if (fault.vector == 14)
		put_value(" cr2 ", fault.cr2);
	put('\n');
}

void report_absent(const char *name)
{
	put_text(name);
	put_text(" absent\n");
}

void quit(unsigned int status)
{
	outb(status, EXIT_PORT);
	for (;;)
		asm volatile("cli; hlt");
}

/* Faults */

static const struct extable *fixup_of(word ip)
{
	for (const struct extable *e = extable_start; e < extable_end; e++) {
		if (ip >= e->insn && ip <= e->fixup)
			return e;
	}
	return NULL;
}

/* From ring 3 to where ring3() was called; it returns @value. */
static void to_ring0(struct frame *f, word value)
{
	in_user = false;
	f->ax = value;
#ifdef __x86_64__
	f->ip = (word)leave_ring3;
	f->cs = SEL_CODE64;
	f->ss = 0;
	f->flags = 2;
#else
	f->ip = (word)leave_ring3;
	f->cs = SEL_CODE32;
	f->flags = 2;
#endif
}

void trap(struct frame *f)
{
	const struct extable *e = fixup_of(f->ip);

	if (handlers[f->vector]) {
		handlers[f->vector](f);
		return;
	}
	if (f->vector == VECTOR_LEAVE && in_user) {
		to_ring0(f, f->ax);
		return;
	}
	fault = (struct fault) {
		.vector = f->vector, .error = f->error, .flags = f->flags,
		.at = e ? f->ip - e->insn : 0,
	};
	if (f->vector == 14)
		asm volatile("mov %%cr2, %0" : "=r"(fault.cr2));
	if (e) {
		f->ip = e->fixup;
		f->flags &= ~FLAG_TF;
	} else if (in_user) {
		to_ring0(f, f->ax);
	} else {
		report("unexpected.vector", f->vector);
		report("unexpected.error", f->error);
		report("unexpected.ip", f->ip);
		quit(1);
	}
}

void on_vector(unsigned int vector, void (*handler)(struct frame *frame))
{
	handlers[vector] = handler;
}

uint64_t *gate(unsigned int n)
{
	return (uint64_t *)&idt[n];
}

word in_ring3(void (*code)(void))
{
	fault.vector = NO_FAULT;
	in_user = true;
	return ring3(code);
}

#define TICKS_20MS	23864

void let_come(void)
{
	asm volatile("sti");
	outb((inb(0x61) & ~3) | 1, 0x61);
	outb(0xb0, 0x43);
	outb(TICKS_20MS & 0xff, 0x42);
	outb(TICKS_20MS >> 8, 0x42);
	while (!(inb(0x61) & 0x20))
		;
	asm volatile("cli");
}

/* The beginning */

uint64_t descriptor(uint32_t base, uint32_t limit, uint8_t type, uint8_t flags)
{
	return (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)type << 40 |
	       (uint64_t)(limit >> 16 & 15) << 48 | (uint64_t)(flags & 15) << 52 |
	       (uint64_t)(base >> 24) << 56;
}

static void fill_idt(void)
{
	const uint16_t cs = sizeof(word) == 8 ? SEL_CODE64 : SEL_CODE32;

	for (unsigned int i = 0; i < 256; i++) {
		uint64_t at = (word)stubs + 16 * i;
		uint64_t type = i == 3 || i == 4 || i == VECTOR_LEAVE ? GATE_RING3 : GATE_INT;

		*gate(i) = (at & 0xffff) | (uint64_t)cs << 16 | type << 40 |
			   (at >> 16 & 0xffff) << 48;
	}
}

void begin(void)
{
	const struct {
		uint16_t limit;
		word base;
	} __attribute__((packed)) pointer = { sizeof(idt) - 1, (word)idt };

	fill_idt();
	asm volatile("lidt %0" : : "m"(pointer));
#ifdef __x86_64__
	tss.sp[0] = (word)trap_stack_top;
#else
	tss.ss0 = SEL_DATA;
	tss.esp0 = (word)trap_stack_top;
#endif
	tss.io_map = sizeof(tss);
	gdt[SEL_TSS / 8] = descriptor((word)&tss, sizeof(tss) - 1, 0x89, 0);
	asm volatile("ltr %w0" : : "r"(SEL_TSS));
	quit(main());
}
