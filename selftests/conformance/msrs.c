// SPDX-License-Identifier: GPL-2.0
// mode: 64
/*
 * Model-specific registers that an operating system sets: what they keep, and what they refuse.
 */
#include "conform.h"

#define NONCANONICAL	0x8000000000000ul

static void keep(const char *name, uint32_t msr, uint64_t value)
{
	const uint64_t old = rdmsr(msr);

	if (try_wrmsr(msr, value) != NO_FAULT) {
		report_fault(name);
		return;
	}
	report(name, rdmsr(msr));
	wrmsr(msr, old);
}

int main(void)
{
	static const struct {
		const char *name;
		uint32_t msr;
	} addresses[] = {
		{ "lstar", 0xc0000082 }, { "cstar", 0xc0000083 }, { "fs_base", 0xc0000100 },
		{ "gs_base", 0xc0000101 }, { "kernel_gs_base", 0xc0000102 },
		{ "sysenter_esp", 0x175 }, { "sysenter_eip", 0x176 },
	};
	const uint64_t efer = rdmsr(0xc0000080);
	uint64_t begun;

	for (unsigned int i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		keep(addresses[i].name, addresses[i].msr, 0xffffffff81234567);
		keep(addresses[i].name, addresses[i].msr, 0x7fffffffffff);
		keep(addresses[i].name, addresses[i].msr, NONCANONICAL);
	}
	keep("star", 0xc0000081, 0x123456789abcdef0);
	keep("sfmask", 0xc0000084, 0xffffffff);
	keep("sfmask", 0xc0000084, 0x123456789);
	keep("sysenter_cs", 0x174, 0x12345678);
	keep("pat", 0x277, 0x0007040600070406);
	keep("pat.reserved_2", 0x277, 0x0007040600070402);
	keep("pat.reserved_8", 0x277, 0x0807040600070406);
	report("pat.initial", rdmsr(0x277));
	keep("mtrr_def_type", 0x2ff, 0xc06);
	keep("mtrr_base", 0x200, 0x80000006);
	keep("mtrr_mask", 0x201, 0xff80000800);
	keep("mtrr_fixed", 0x250, 0x0606060606060606);
	keep("efer.reserved", 0xc0000080, efer | 2);
	keep("efer.high", 0xc0000080, efer | 1ul << 32);
	keep("efer.lme_while_paging", 0xc0000080, efer & ~0x100ul);
	report("efer", rdmsr(0xc0000080));
	keep("tsc_aux", 0xc0000103, 0x12345678);
	report("mtrr_cap", rdmsr(0xfe));
	/* SWAPGS exchanges two of them. */
	wrmsr(0xc0000101, 0x1000);
	wrmsr(0xc0000102, 0x2000);
	asm volatile("swapgs");
	report("swapgs", rdmsr(0xc0000101) << 16 | rdmsr(0xc0000102));
	wrmsr(0xc0000101, 0);
	/* Time goes on, and can be set. */
	wrmsr(0x10, 0x1000000000);
	report("tsc.set", rdmsr(0x10) >> 32);
	begun = rdtsc();
	report("tsc.runs", begun < rdtsc());
	return 0;
}
