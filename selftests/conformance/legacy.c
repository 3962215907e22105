// SPDX-License-Identifier: GPL-2.0
// mode: 64
/*
 * The PC's old chips: both 8259s, the 8254 with the speaker's gate, the clock and its memory, the
 * keyboard controller.
 */
#include "conform.h"

static volatile unsigned int came[16];

static void irq(struct frame *f)
{
	came[f->vector & 15]++;
}

static void init_pics(uint8_t icw4)
{
	outb(0x11, 0x20);
	outb(0x40, 0x21);
	outb(4, 0x21);
	outb(icw4, 0x21);
	outb(0x11, 0xa0);
	outb(0x48, 0xa1);
	outb(2, 0xa1);
	outb(icw4, 0xa1);
	outb(0xff, 0x21);
	outb(0xff, 0xa1);
}

static uint8_t pic_read(uint8_t what, uint16_t port)
{
	outb(what, port);
	return inb(port);
}

/* Channel 0 in mode 0: its output falls, and rises after @ticks. */
static void one_shot(uint16_t ticks)
{
	outb(0x30, 0x43);
	outb(ticks, 0x40);
	outb(ticks >> 8, 0x40);
}

static void wait_for_irq0(void)
{
	while (!(pic_read(0x0a, 0x20) & 1))
		;
}

static void pics(void)
{
	init_pics(1);
	report("pic.mask", inb(0x21) << 8 | inb(0xa1));
	outb(0xa5, 0x21);
	report("pic.mask_kept", inb(0x21));
	outb(0xff, 0x21);
	one_shot(1000);
	wait_for_irq0();
	report("pic.irr", pic_read(0x0a, 0x20));
	report("pic.isr", pic_read(0x0b, 0x20));
	let_come();
	report("pic.masked_came", came[0]);
	outb(0xfe, 0x21);
	let_come();
	report("pic.came", came[0]);
	report("pic.isr_after", pic_read(0x0b, 0x20));
	report("pic.irr_after", pic_read(0x0a, 0x20));
	one_shot(1000);
	wait_for_irq0();
	let_come();
	report("pic.in_service", came[0]);
	outb(0x20, 0x20);
	let_come();
	report("pic.after_eoi", came[0]);
	outb(0x60, 0x20);		/* specific, of line 0 */
	report("pic.specific_eoi", pic_read(0x0b, 0x20));
	one_shot(1000);
	wait_for_irq0();
	outb(0x0c, 0x20);		/* poll */
	report("pic.poll", inb(0x20));
	report("pic.poll_isr", pic_read(0x0b, 0x20));
	outb(0x20, 0x20);
	outb(0x0c, 0x20);
	report("pic.poll_none", inb(0x20));
	init_pics(3);			/* automatic end */
	outb(0xfe, 0x21);
	one_shot(1000);
	wait_for_irq0();
	let_come();
	report("pic.auto_eoi", came[0] << 8 | pic_read(0x0b, 0x20));
	outb(0xff, 0x21);
	outb(0xff, 0x4d0);
	outb(0xff, 0x4d1);
	report("pic.elcr", inb(0x4d0) << 8 | inb(0x4d1));
	outb(0, 0x4d0);
	outb(0, 0x4d1);
	init_pics(1);
}

static uint16_t pit_count(unsigned int channel)
{
	uint16_t low;

	outb(channel << 6, 0x43);
	low = inb(0x40 + channel);
	return low | inb(0x40 + channel) << 8;
}

static uint8_t pit_status(unsigned int channel)
{
	outb(0xe0 | 2 << channel, 0x43);
	return inb(0x40 + channel);
}

static void pit(void)
{
	static const uint8_t modes[] = { 0x30, 0x32, 0x34, 0x36, 0x38, 0x3a, 0x3c, 0x3e, 0x31 };
	uint16_t first, second;

	for (unsigned int i = 0; i < sizeof(modes); i++) {
		outb(modes[i], 0x43);
		report("pit.status_unset", (uint64_t)modes[i] << 8 | (pit_status(0) & 0x7f));
	}
	/* It wraps every 55 ms. */
	one_shot(0xffff);
	do {
		first = pit_count(0);
		second = pit_count(0);
	} while (second >= first);
	report("pit.counts_down", 1);
	/* Channel 2 stands still without its gate. */
	outb(inb(0x61) & ~3, 0x61);
	outb(0xb0, 0x43);
	outb(0xff, 0x42);
	outb(0xff, 0x42);
	first = pit_count(2);
	for (unsigned int i = 0; i < 1000; i++)
		inb(0x80);
	report("pit.gate_off", first == pit_count(2));
	report("pit.out_low", inb(0x61) >> 5 & 1);
	outb((inb(0x61) & ~3) | 1, 0x61);
	for (unsigned int i = 0; i < 1000; i++)
		inb(0x80);
	report("pit.gate_on", pit_count(2) < first);
	outb(0xb0, 0x43);
	outb(100, 0x42);
	outb(0, 0x42);
	while (!(inb(0x61) & 0x20))
		;
	report("pit.out_high", pit_status(2) >> 7);
	report("port61", inb(0x61) & 0xf);
	outb(inb(0x61) & ~3, 0x61);
	/* BCD, low byte alone, high byte alone. */
	outb(0x91, 0x43);
	outb(0x99, 0x42);
	report("pit.bcd_status", pit_status(2) & 0x3f);
	outb(0xa0, 0x43);
	outb(0x12, 0x42);
	report("pit.high_status", pit_status(2) & 0x3f);
}

static uint8_t cmos(uint8_t at)
{
	outb(at, 0x70);
	return inb(0x71);
}

static void set_cmos(uint8_t at, uint8_t value)
{
	outb(at, 0x70);
	outb(value, 0x71);
}

static void set_time(uint8_t hours, uint8_t minutes, uint8_t seconds)
{
	set_cmos(0xb, cmos(0xb) | 0x80);
	set_cmos(4, hours);
	set_cmos(2, minutes);
	set_cmos(0, seconds);
	set_cmos(6, 1);
	set_cmos(7, 0x28);
	set_cmos(8, 2);
	set_cmos(9, 0x24);
	set_cmos(0xb, cmos(0xb) & ~0x80);
}

static void wait_for_update(void)
{
	cmos(0xc);
	while (!(cmos(0xc) & 0x10))
		;
}

static void rtc(void)
{
	report("rtc.a", cmos(0xa) & 0x7f);
	report("rtc.b", cmos(0xb));
	report("rtc.d", cmos(0xd));
	set_cmos(0x40, 0x5a);
	report("rtc.memory", cmos(0x40));
	set_cmos(0xd, 0);
	report("rtc.d_read_only", cmos(0xd));
	set_time(0x23, 0x59, 0x59);
	wait_for_update();
	report("rtc.midnight", cmos(4) << 16 | cmos(2) << 8 | cmos(0));
	report("rtc.leap_day", cmos(9) << 16 | cmos(8) << 8 | cmos(7));
	set_cmos(0xb, 0);			/* 12 hours */
	set_time(0x92, 0x00, 0x00);
	report("rtc.noon", cmos(4));
	set_cmos(0xb, 6);			/* binary */
	set_time(13, 45, 30);
	report("rtc.binary", cmos(4) << 16 | cmos(2) << 8 | (cmos(0) & ~1));
	/* An alarm at any hour and minute. */
	set_cmos(0xb, 2);
	set_time(0x10, 0x20, 0x30);
	set_cmos(5, 0xff);
	set_cmos(3, 0xff);
	set_cmos(1, 0x31);
	cmos(0xc);
	while (!(cmos(0xc) & 0x20))
		;
	report("rtc.alarm", cmos(0));
	report("rtc.no_interrupt", cmos(0xc) & 0x80);
	set_cmos(0xa, 0x26);
	set_cmos(0xb, 0x42);		/* nobody listens: the 8259 has it masked */
	cmos(0xc);
	while (!(cmos(0xc) & 0x40))
		;
	set_cmos(0xb, 2);
	report("rtc.periodic", cmos(0xb));
}

static uint8_t from_i8042(void)
{
	for (unsigned int i = 0; i < 2000; i++) {
		if (inb(0x64) & 1)
			return inb(0x60);
	}
	return 0xee;
}

static void to_i8042(uint8_t value, uint16_t port)
{
	while (inb(0x64) & 2)
		;
	outb(value, port);
}

static void keyboard(void)
{
	while (inb(0x64) & 1)
		inb(0x60);
	to_i8042(0xaa, 0x64);
	report("i8042.self_test", from_i8042());
	to_i8042(0xab, 0x64);
	report("i8042.port_test", from_i8042());
	to_i8042(0x20, 0x64);
	report("i8042.command_byte", from_i8042());
	to_i8042(0x60, 0x64);
	to_i8042(0x74, 0x60);
	to_i8042(0x20, 0x64);
	report("i8042.command_byte_kept", from_i8042());
	to_i8042(0xd0, 0x64);
	report("i8042.output_port", from_i8042() & 3);
	to_i8042(0xd2, 0x64);
	to_i8042(0x5a, 0x60);
	report("i8042.echo", from_i8042());
	to_i8042(0x60, 0x64);
	to_i8042(0x64, 0x60);
	to_i8042(0xee, 0x60);
	report("keyboard.echo", from_i8042());
	to_i8042(0xf2, 0x60);
	report("keyboard.identify", from_i8042());
	report("keyboard.identify", from_i8042());
	report("keyboard.identify", from_i8042());
}

int main(void)
{
	for (unsigned int v = 0x40; v < 0x50; v++)
		on_vector(v, irq);
	pics();
	pit();
	rtc();
	keyboard();
	return 0;
}
