// SPDX-License-Identifier: GPL-2.0
// needs: module/svm/bitmap.c
/*
 * Every bit of the permission maps. The expected map is written down as bytes at offsets worked
 * out by hand from APM vol. 2, 15.11, not by the formula that bitmap.c uses.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../../module/svm/bitmap.h"
#include "tap.h"

/* Bytes of the MSR permission map that are not FFh. */
static const struct {
	unsigned int offset;
	u8 value;
} expected[] = {
	{ 0x05d, 0xc0 },	/* 174h 175h 176h: bits 0 to 5 */
	{ 0x820, 0x03 },	/* C000_0081h to 0083h: bits 2 to 7 */
	{ 0x821, 0xfc },	/* C000_0084h: bits 0, 1 */
	{ 0x840, 0xc0 },	/* C000_0100h to 0102h: bits 0 to 5 */
};

static const u32 passed[] = {
	0x174, 0x175, 0x176, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084, 0xc0000100,
	0xc0000101, 0xc0000102,
};

static bool is_passed(u32 msr)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(passed); i++)
		if (passed[i] == msr)
			return true;
	return false;
}

static void test_msr_bytes(const u8 *map)
{
	unsigned int i, j, bad = 0;

	for (i = 0; i < MSRPM_BYTES; i++) {
		u8 want = 0xff;

		for (j = 0; j < ARRAY_SIZE(expected); j++)
			if (expected[j].offset == i)
				want = expected[j].value;
		if (map[i] != want && !bad++)
			ksft_print_msg("byte %03x is %02x, not %02x\n", i, map[i], want);
	}
	ksft_test_result(!bad, "MSR map: each of 65536 bits\n");
}

static void test_msr_lookup(const u8 *map)
{
	static const u32 base[] = { 0, 0xc0000000, 0xc0010000 };
	unsigned int i, bad = 0;
	u32 msr;

	for (i = 0; i < ARRAY_SIZE(base); i++)
		for (msr = base[i]; msr < base[i] + 0x2000; msr++)
			bad += msrpm_intercepts(map, msr, false) == is_passed(msr) ||
			       msrpm_intercepts(map, msr, true) == is_passed(msr) ||
			       msrpm_bit(msr) != (int)(i * 0x4000 + 2 * (msr - base[i]));
	ksft_test_result(!bad, "MSR map: every MSR that it covers\n");

	bad = 0;
	for (msr = 0x2000; msr < 0xc0000000; msr += 0x1fff)
		bad += msrpm_bit(msr) != -1 || !msrpm_intercepts(map, msr, true);
	for (msr = 0xc0002000; msr < 0xc0010000; msr++)
		bad += msrpm_bit(msr) != -1 || !msrpm_intercepts(map, msr, false);
	for (msr = 0xc0012000; msr >= 0xc0012000; msr += 0x1001)
		bad += msrpm_bit(msr) != -1 || !msrpm_intercepts(map, msr, true);
	bad += msrpm_bit(0xbfffffff) != -1 || msrpm_bit(0xffffffff) != -1;
	ksft_test_result(!bad, "MSR map: the holes between its ranges\n");
}

/* The processor tells reads from writes, even where the table does not. */
static void test_msr_direction(u8 *map)
{
	memset(map, 0xff, MSRPM_BYTES);
	map[0x81f] = 0x7f;		/* C000_007Fh: writes */
	map[0x1004] = 0xfe;		/* C001_0010h: reads */
	ksft_test_result(msrpm_intercepts(map, 0xc000007f, false) &&
			 !msrpm_intercepts(map, 0xc000007f, true) &&
			 !msrpm_intercepts(map, 0xc0010010, false) &&
			 msrpm_intercepts(map, 0xc0010010, true),
			 "MSR map: reads and writes apart\n");
}

static void test_io(void)
{
	u8 *map = malloc(IOPM_BYTES);
	unsigned int i, bad = 0;

	memset(map, 0, IOPM_BYTES);
	iopm_build(map);
	for (i = 0; i < IOPM_BYTES; i++)
		bad += map[i] != 0xff;
	ksft_test_result(!bad && IOPM_BYTES * 8 >= 0x10000 + 3,
			 "I/O map: every port, and those past FFFFh\n");
	free(map);
}

int main(void)
{
	u8 *map = malloc(MSRPM_BYTES);

	ksft_print_header();
	ksft_set_plan(5);
	memset(map, 0, MSRPM_BYTES);
	msrpm_build(map);
	test_msr_bytes(map);
	test_msr_lookup(map);
	test_msr_direction(map);
	test_io();
	free(map);
	ksft_finished();
}
