/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What guests for loaders have: they say on the serial port what they were handed, line by line, and
 * leave it to loaders.sh to judge. No library, no interrupts; included once.
 */
#ifndef SELFTESTS_GUESTS_LOADERS_REPORT_H
#define SELFTESTS_GUESTS_LOADERS_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#define SERIAL		0x3f8
#define EXIT_PORT	0xf4
#define EXIT_VALUE	42

#define RSDP_BYTES	36

static inline void outb(uint16_t port, uint8_t value)
{
	asm volatile("outb %0, %1" : : "a"(value), "d"(port));
}

static void put_char(char c)
{
	outb(SERIAL, c);
}

static void put_text(const char *s)
{
	while (*s)
		put_char(*s++);
}

static void put_hex(uint64_t value)
{
	bool started = false;

	put_char(' ');
	for (int shift = 60; shift >= 0; shift -= 4) {
		unsigned int digit = value >> shift & 15;

		started |= digit || !shift;
		if (started)
			put_char("0123456789abcdef"[digit]);
	}
}

static void say_text(const char *what, const char *text)
{
	put_text(what);
	put_char(' ');
	put_text(text);
	put_char('\n');
}

static inline void say_number(const char *what, uint64_t value)
{
	put_text(what);
	put_hex(value);
	put_char('\n');
}

static inline void say_memory(uint64_t start, uint64_t bytes, uint32_t type)
{
	put_text("memory");
	put_hex(start);
	put_hex(bytes);
	put_hex(type);
	put_char('\n');
}

/* A module's size, the sum of its bytes, whether it is on a page, and its line. */
static inline void say_module(uint64_t start, uint64_t bytes, const char *args)
{
	const uint8_t *at = (const uint8_t *)(uintptr_t)start;
	uint32_t sum = 0;

	for (uint64_t i = 0; i < bytes; i++)
		sum += at[i];
	put_text("module");
	put_hex(bytes);
	put_hex(sum);
	put_hex(start & 4095);
	put_char(' ');
	say_text(":", args);
}

/* The root pointer of ACPI 2.0, if both of its checksums are right. */
static inline void say_rsdp(const void *rsdp)
{
	static const char signature[8] = "RSD PTR ";
	const uint8_t *at = rsdp;
	uint8_t first = 0, all = 0;
	bool ok = true;

	for (unsigned int i = 0; i < RSDP_BYTES; i++) {
		if (i < sizeof(signature))
			ok &= at[i] == signature[i];
		first += i < 20 ? at[i] : 0;
		all += at[i];
	}
	say_text("rsdp", ok && !first && !all ? "good" : "bad");
}

/* The processor's state, as far as a program can see it. */
static void say_cpu(void)
{
	unsigned long flags, cr0;
	uint16_t cs, ss;

	asm volatile("pushf; pop %0" : "=r"(flags));
	asm volatile("mov %%cr0, %0" : "=r"(cr0));
	asm volatile("mov %%cs, %0" : "=r"(cs));
	asm volatile("mov %%ss, %0" : "=r"(ss));
	put_text("cpu");
	put_hex(cr0 & 0x80000001);	/* PG and PE */
	put_hex(flags & 0x200);		/* IF */
	put_hex(cs);
	put_hex(ss);
	put_char('\n');
	asm volatile("mov %0, %%es" : : "r"(ss));	/* faults without a GDT */
}

static volatile uint8_t zeroes[20000];	/* no part of the file */

static void say_zeroes(void)
{
	unsigned int other = 0;

	for (unsigned int i = 0; i < sizeof(zeroes); i++)
		other += zeroes[i] != 0;
	say_number("other than zero", other);
}

/* What all of them say first, and what none comes back from. */
static void begin(void)
{
	say_cpu();
	say_zeroes();
}

static void __attribute__((noreturn)) end(void)
{
	put_text("end\n");
	outb(EXIT_PORT, EXIT_VALUE);
	for (;;)
		asm volatile("hlt");
}

#endif
