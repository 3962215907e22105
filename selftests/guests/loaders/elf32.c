// SPDX-License-Identifier: GPL-2.0
// flags: -m32
/*
 * A program for no boot protocol, of 32 bits, on the stack that it is given.
 */
#include "report.h"

static uint32_t in_file = 0x12345678;

void start(void)
{
	begin();
	say_number("data", *(volatile uint32_t *)&in_file);
	end();
}
