// SPDX-License-Identifier: GPL-2.0
// mode: 64
/*
 * The floating-point units: what FNINIT, FXSAVE and XSAVE leave, which XCR0 and which XSAVE headers
 * there can be, and whether registers outlive what exits.
 */
#include "conform.h"

static uint8_t area[4096] __attribute__((aligned(64)));
static uint8_t copy[4096] __attribute__((aligned(64)));

static uint32_t sum(const uint8_t *from, unsigned int bytes)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < bytes; i++)
		value = value * 31 + from[i];
	return value;
}

static void clear(uint8_t *what)
{
	for (unsigned int i = 0; i < sizeof(area); i++)
		what[i] = 0;
}

static void x87(void)
{
	uint16_t status, control;
	uint8_t env[28];

	asm volatile("fninit");
	asm volatile("fnstcw %0" : "=m"(control));
	asm volatile("fnstsw %0" : "=m"(status));
	report("fninit", control << 16 | status);
	asm volatile("fld1; fldpi; fldz");
	asm volatile("fnstenv %0" : "=m"(env));
	report("fnstenv.tag", *(uint16_t *)(env + 8));
	asm volatile("fnstsw %0" : "=m"(status));
	report("top", status >> 11 & 7);
	asm volatile("fxsave64 %0" : "=m"(area));
	report("fxsave.abridged_tag", area[4]);
	report("fxsave.registers", sum(area + 32, 128));
	report("fxsave.mxcsr_mask", *(uint32_t *)(area + 28));
	asm volatile("fninit");
	asm volatile("fxrstor64 %0" : : "m"(area));
	asm volatile("fxsave64 %0" : "=m"(copy));
	report("fxrstor.same", sum(copy, 416) == sum(area, 416));
	*(uint32_t *)(area + 24) = 0xffffffff;
	REPORT_TRY("fxrstor.mxcsr", "fxrstor64 %0", : "m"(area) : "memory");
	REPORT_TRY("fxsave.unaligned", "fxsave64 (%0)", : "r"(area + 8) : "memory");
	asm volatile("fninit");
}

/* What svmm may do between two instructions must not show. */
static void kept(void)
{
	clear(area);
	for (unsigned int i = 0; i < 512; i++)
		area[i] = i < 32 ? 0 : (i % 16 < 10 || i >= 160) && i < 416 ? i * 7 : 0;
	*(uint16_t *)area = 0x37f;
	*(uint32_t *)(area + 24) = 0x1f80;
	area[4] = 0xff;
	asm volatile("fxrstor64 %0" : : "m"(area));
	for (unsigned int i = 0; i < 50; i++) {
		cpuid(0, 0);
		inb(0x80);
		outb(i, 0x80);
	}
	clear(copy);
	asm volatile("fxsave64 %0" : "=m"(copy));
	report("kept.x87", sum(copy + 32, 128) == sum(area + 32, 128));
	report("kept.xmm", sum(copy + 160, 256) == sum(area + 160, 256));
	asm volatile("fninit");
}

static word try_xsetbv(uint32_t index, uint64_t value)
{
	return TRY("xsetbv", : "c"(index), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static uint64_t xgetbv(void)
{
	uint32_t low, high;

	asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (uint64_t)high << 32 | low;
}

static void xsave(void)
{
	const struct cpuid c = cpuid(0xd, 0);

	REPORT_TRY("xgetbv.without_osxsave", "xgetbv", : "c"(0) : "rax", "rdx");
	if (!(cpuid(1, 0).ecx & 1u << 26)) {
		report_absent("xsave");
		return;
	}
	report("osxsave.cpuid", cpuid(1, 0).ecx >> 27 & 1);
	write_cr4(read_cr4() | 1ul << 18);
	report("osxsave.cpuid", cpuid(1, 0).ecx >> 27 & 1);
	report("xcr0.initial", xgetbv());
	report("xsave.features", c.eax & 7);
	report("xcr0.0", try_xsetbv(0, 0));
	report("xcr0.2", try_xsetbv(0, 2));
	report("xcr0.5", try_xsetbv(0, 5));
	report("xcr0.high", try_xsetbv(0, 1ul << 62 | 1));
	report("xcr1", try_xsetbv(1, 1));
	report("xcr0.3", try_xsetbv(0, 3));
	report("xsave.size_3", cpuid(0xd, 0).ebx);
	if (c.eax & 4) {
		report("xcr0.7", try_xsetbv(0, 7));
		report("xsave.size_7", cpuid(0xd, 0).ebx);
	} else {
		report_absent("avx");
	}
	clear(area);
	asm volatile("xsave64 %0" : "+m"(area) : "a"(7), "d"(0));
	report("xsave.header", *(uint64_t *)(area + 512) & 3);
	*(uint64_t *)(area + 512) = 1ul << 63;
	REPORT_TRY("xrstor.xstate_bv", "xrstor64 %0", : "m"(area), "a"(7), "d"(0) : "memory");
	*(uint64_t *)(area + 512) = 0;
	*(uint64_t *)(area + 520) = 1;
	REPORT_TRY("xrstor.header", "xrstor64 %0", : "m"(area), "a"(7), "d"(0) : "memory");
	*(uint64_t *)(area + 520) = 0;
	REPORT_TRY("xrstor.unaligned", "xrstor64 (%0)", : "r"(area + 8), "a"(7), "d"(0) : "memory");
	REPORT_TRY("xrstor.initial", "xrstor64 %0", : "m"(area), "a"(7), "d"(0) : "memory");
	asm volatile("fxsave64 %0" : "=m"(copy));
	report("xrstor.cleared", sum(copy + 32, 384) == 0);
	if (c.eax & 4) {
		for (unsigned int i = 0; i < 256; i++)
			area[576 + i] = i * 3 + 1;
		*(uint64_t *)(area + 512) = 4;
		asm volatile("xrstor64 %0" : : "m"(area), "a"(7), "d"(0));
		for (unsigned int i = 0; i < 50; i++) {
			cpuid(0, 0);
			outb(i, 0x80);
		}
		clear(copy);
		asm volatile("xsave64 %0" : "+m"(copy) : "a"(4), "d"(0));
		report("kept.ymm", sum(copy + 576, 256) == sum(area + 576, 256));
	}
	write_cr4(read_cr4() & ~(1ul << 18));
	report("osxsave.off", cpuid(1, 0).ecx >> 27 & 1);
}

int main(void)
{
	x87();
	kept();
	xsave();
	return 0;
}
