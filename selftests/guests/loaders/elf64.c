// SPDX-License-Identifier: GPL-2.0
// flags: -m64 -mno-red-zone
/*
 * A program for no boot protocol, of 64 bits, on the stack that it is given. It reads the local
 * APIC's version, which is just below 4 GiB.
 */
#include "report.h"

#define APIC_VERSION	0xfee00030

static uint64_t in_file = 0x123456789abcdef0;

void start(void)
{
	begin();
	say_number("data", *(volatile uint64_t *)&in_file);
	say_number("apic", *(volatile uint32_t *)APIC_VERSION & 0xf0);
	end();
}
