// SPDX-License-Identifier: GPL-2.0
// mode: 64
/*
 * The registers of the local APIC: what each keeps of what is written, errors, and its timer.
 */
#include "conform.h"

#define APIC		0xfee00000u

static volatile unsigned int came, spurious;

static void count(struct frame *f)
{
	came++;
	write32(APIC + 0xb0, 0);
}

static void count_spurious(struct frame *f)
{
	spurious++;
}

static void power_on(void)
{
	static const struct {
		const char *name;
		uint16_t at;
	} registers[] = {
		{ "id.initial", 0x20 },
		{ "tpr.initial", 0x80 },
		{ "ppr.initial", 0xa0 },
		{ "ldr.initial", 0xd0 },
		{ "dfr.initial", 0xe0 },
		{ "svr.initial", 0xf0 },
		{ "esr.initial", 0x280 },
		{ "timer.initial", 0x320 },
		{ "perf.initial", 0x340 },
		{ "lint0.initial", 0x350 },
		{ "lint1.initial", 0x360 },
		{ "error.initial", 0x370 },
		{ "count.initial", 0x380 },
		{ "current.initial", 0x390 },
		{ "divide.initial", 0x3e0 },
	};

	report("version", read32(APIC + 0x30));
	for (unsigned int i = 0; i < sizeof(registers) / sizeof(registers[0]); i++)
		report(registers[i].name, read32(APIC + registers[i].at));
	report("apic_base", rdmsr(0x1b));
}

static void what_is_kept(void)
{
	static const struct {
		const char *name;
		uint16_t at;
		uint32_t value;
	} writes[] = {
		{ "id.kept", 0x20, 0xffffffff },
		{ "tpr.kept", 0x80, 0xffffffff },
		{ "tpr.kept", 0x80, 0 },
		{ "ldr.kept", 0xd0, 0xffffffff },
		{ "dfr.kept", 0xe0, 0x12345678 },
		{ "dfr.kept", 0xe0, 0xffffffff },
		{ "svr.kept", 0xf0, 0xffffffff },
		{ "svr.kept", 0xf0, 0x1ff },
		{ "timer.kept", 0x320, 0xffffffff },
		{ "perf.kept", 0x340, 0xffffffff },
		{ "lint0.kept", 0x350, 0xffffffff },
		{ "lint1.kept", 0x360, 0xffffffff },
		{ "error.kept", 0x370, 0xffffffff },
		{ "lint0.kept", 0x350, 0x10000 },
		{ "lint1.kept", 0x360, 0x10000 },
		{ "error.kept", 0x370, 0x10000 },
		{ "timer.kept", 0x320, 0x10000 },
		{ "perf.kept", 0x340, 0x10000 },
		{ "divide.kept", 0x3e0, 0xffffffff },
		{ "icr2.kept", 0x310, 0xffffffff },
		{ "icr2.kept", 0x310, 0 },
		{ "version.kept", 0x30, 0xffffffff },
	};

	for (unsigned int i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
		write32(APIC + writes[i].at, writes[i].value);
		report(writes[i].name, read32(APIC + writes[i].at));
	}
	write32(APIC + 0x20, 0);
}

static void disabled(void)
{
	write32(APIC + 0x350, 0x700);
	write32(APIC + 0xf0, 0xff);		/* off: every LVT entry is masked */
	report("off.lint0", read32(APIC + 0x350));
	report("off.timer", read32(APIC + 0x320));
	write32(APIC + 0x350, 0x700);
	report("off.lint0_written", read32(APIC + 0x350));
	write32(APIC + 0xf0, 0x1ff);
	write32(APIC + 0x350, 0x10000);
}

static void errors(void)
{
	write32(APIC + 0x280, 0);
	write32(APIC + 0x280, 0);
	report("esr.none", read32(APIC + 0x280));
}

static void commands(void)
{
	write32(APIC + 0x310, 0);
	write32(APIC + 0x300, 0x4060);		/* fixed, physical, ID 0: itself */
	report("icr", read32(APIC + 0x300));
	let_come();
	report("icr.physical", came);
	write32(APIC + 0xd0, 0x01000000);
	write32(APIC + 0xe0, 0xffffffff);
	write32(APIC + 0x310, 0x01000000);
	write32(APIC + 0x300, 0x4860);		/* logical, flat */
	let_come();
	report("icr.logical", came);
	write32(APIC + 0x310, 0x02000000);
	write32(APIC + 0x300, 0x4860);
	let_come();
	report("icr.logical_other", came);
	write32(APIC + 0x310, 0xff000000);
	write32(APIC + 0x300, 0x4060);
	let_come();
	report("icr.broadcast", came);
	write32(APIC + 0x300, 0x84060);		/* all with oneself */
	let_come();
	report("icr.all", came);
	write32(APIC + 0x300, 0xc4060);		/* all but oneself */
	let_come();
	report("icr.others", came);
	came = 0;
}

static void timer(void)
{
	write32(APIC + 0x3e0, 0xb);
	write32(APIC + 0x320, 0x61);
	write32(APIC + 0x380, 100000);
	report("timer.counts", read32(APIC + 0x390) <= 100000);
	while (!came)
		asm volatile("sti; hlt; cli");
	report("timer.once", came);
	report("timer.current", read32(APIC + 0x390));
	report("timer.initial", read32(APIC + 0x380));
	came = 0;
	write32(APIC + 0x320, 0x20061);
	write32(APIC + 0x380, 100000);
	while (came < 3)
		asm volatile("sti; hlt; cli");
	report("timer.periodic", came >= 3);
	write32(APIC + 0x380, 0);
	let_come();
	came = 0;
	report("timer.stopped", read32(APIC + 0x390));
	/* Masked: it runs, and nobody is told. */
	write32(APIC + 0x320, 0x10061);
	write32(APIC + 0x380, 1000);
	while (read32(APIC + 0x390))
		;
	let_come();
	report("timer.masked", came);
}

static void moved(void)
{
	const uint64_t base = rdmsr(0x1b);

	REPORT_TRY("base.reserved", "wrmsr", : "c"(0x1b), "a"(base | 1), "d"(0) : "memory");
	REPORT_TRY("base.extended_only", "wrmsr",
		   : "c"(0x1b), "a"((base & 0xfffff000) | 0x400), "d"(0) : "memory");
	report("base", rdmsr(0x1b));
	wrmsr(0x1b, base & ~0x800ul);
	report("base.off_cpuid", cpuid(1, 0).edx >> 9 & 1);
	wrmsr(0x1b, base);
	report("base.on_cpuid", cpuid(1, 0).edx >> 9 & 1);
}

int main(void)
{
	on_vector(0x60, count);
	on_vector(0x61, count);
	on_vector(0xff, count_spurious);
	power_on();
	what_is_kept();
	disabled();
	errors();
	commands();
	timer();
	moved();
	report("spurious", spurious);
	return 0;
}
