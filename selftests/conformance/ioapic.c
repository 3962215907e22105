// SPDX-License-Identifier: GPL-2.0
// mode: 64
/*
 * The I/O APIC: its registers, edges and levels, with the 8254 and the clock as who interrupts.
 */
#include "conform.h"

#define APIC		0xfee00000u
#define IOAPIC		0xfec00000u
#define PIN_PIT		2
#define PIN_RTC		8
#define MASKED		0x10000u
#define LEVEL		0x8000u
#define REMOTE_IRR	0x4000u

static volatile unsigned int came;
static bool eoi_late;

static void count(struct frame *f)
{
	came++;
	if (!eoi_late)
		write32(APIC + 0xb0, 0);
}

static uint32_t get(uint8_t index)
{
	write32(IOAPIC, index);
	return read32(IOAPIC + 0x10);
}

static void set(uint8_t index, uint32_t value)
{
	write32(IOAPIC, index);
	write32(IOAPIC + 0x10, value);
}

static void registers(void)
{
	report("id", get(0));
	set(0, 0xffffffff);
	report("id.kept", get(0));
	report("version", get(1));
	set(1, 0);
	report("version.kept", get(1));
	report("arbitration", get(2));
	report("none", get(3));
	for (unsigned int pin = 0; pin < 24; pin += 23) {
		set(0x10 + 2 * pin, 0xffffffff);
		set(0x11 + 2 * pin, 0xffffffff);
		report("entry.low", get(0x10 + 2 * pin));
		report("entry.high", get(0x11 + 2 * pin));
		set(0x10 + 2 * pin, MASKED);
		set(0x11 + 2 * pin, 0);
	}
	report("behind", get(0x40));
	set(0, 0);
}

/* Channel 0's output rises after that; it stays up. */
static void one_shot(uint16_t ticks)
{
	outb(0x30, 0x43);
	outb(ticks, 0x40);
	outb(ticks >> 8, 0x40);
	do
		outb(0xe2, 0x43);
	while (!(inb(0x40) & 0x80));
}

static void look(const char *name)
{
	let_come();
	report(name, came);
	came = 0;
}

static void edges(void)
{
	set(0x10 + 2 * PIN_PIT, 0x60);
	one_shot(100);
	look("edge");
	look("edge.once");
	set(0x10 + 2 * PIN_PIT, 0x60 | MASKED);
	one_shot(100);
	look("edge.masked");
	set(0x10 + 2 * PIN_PIT, 0x60);
	look("edge.unmasked_later");
	/* To a CPU that is not there. */
	set(0x11 + 2 * PIN_PIT, 0x05000000);
	one_shot(100);
	look("edge.elsewhere");
	set(0x11 + 2 * PIN_PIT, 0xff000000);
	one_shot(100);
	look("edge.broadcast");
	set(0x11 + 2 * PIN_PIT, 0x01000000);
	set(0x10 + 2 * PIN_PIT, 0x860);
	one_shot(100);
	look("edge.logical");
	set(0x10 + 2 * PIN_PIT, 0x960);
	one_shot(100);
	look("edge.lowest_priority");
	set(0x11 + 2 * PIN_PIT, 0);
	set(0x10 + 2 * PIN_PIT, MASKED);
}

static void levels(void)
{
	const unsigned int entry = 0x10 + 2 * PIN_PIT;

	set(entry, 0x60 | LEVEL | MASKED);
	one_shot(100);			/* its line is up */
	look("level.masked");
	eoi_late = true;
	set(entry, 0x60 | LEVEL);
	look("level");
	report("level.remote_irr", get(entry) & REMOTE_IRR);
	look("level.not_twice");
	write32(APIC + 0xb0, 0);
	look("level.after_eoi");
	report("level.remote_irr", get(entry) & REMOTE_IRR);
	/* The line falls, and then it is over. */
	outb(0x30, 0x43);
	write32(APIC + 0xb0, 0);
	look("level.over");
	report("level.remote_irr", get(entry) & REMOTE_IRR);
	eoi_late = false;
	set(entry, MASKED);
}

static void extint(void)
{
	/* The 8259's interrupt through LINT0, while pin 0 is masked. */
	outb(0x11, 0x20);
	outb(0x68, 0x21);
	outb(4, 0x21);
	outb(3, 0x21);
	outb(0xfe, 0x21);
	write32(APIC + 0x350, 0x700);
	one_shot(100);
	look("lint0.extint");
	write32(APIC + 0x350, 0x10700);
	one_shot(100);
	look("lint0.masked");
	write32(APIC + 0x350, 0x60);
	look("lint0.fixed_later");
	outb(0xff, 0x21);
	outb(0xfe, 0x21);
	one_shot(100);
	look("lint0.fixed");
	write32(APIC + 0x350, 0x10000);
	outb(0xff, 0x21);
}

int main(void)
{
	on_vector(0x60, count);
	on_vector(0x68, count);
	write32(APIC + 0xf0, 0x1ff);
	write32(APIC + 0xd0, 0x01000000);
	write32(APIC + 0x350, 0x10000);
	registers();
	edges();
	levels();
	extint();
	return 0;
}
