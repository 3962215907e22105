// SPDX-License-Identifier: GPL-2.0
/*
 * Permission maps, see bitmap.h. The table below is all that a guest may do to an MSR of the
 * processor without svmm looking on.
 */
#include "bitmap.h"

/* A vector of the map: 2 KiB, two bits for each of 8192 MSRs (15.11). */
#define VECTOR_MSRS	0x2000U
#define VECTOR_BITS	(2 * VECTOR_MSRS)

static const u32 vector_base[] = { 0x00000000, 0xc0000000, 0xc0010000 };

/*
 * Passed through: what VMLOAD and VMSAVE switch between guest and host, and nothing else (15.5.2).
 * The processor checks canonical addresses by itself.
 */
static const struct msr_pass passed[] = {
	{ 0x00000174, true, true },	/* SYSENTER_CS */
	{ 0x00000175, true, true },	/* SYSENTER_ESP */
	{ 0x00000176, true, true },	/* SYSENTER_EIP */
	{ 0xc0000081, true, true },	/* STAR */
	{ 0xc0000082, true, true },	/* LSTAR */
	{ 0xc0000083, true, true },	/* CSTAR */
	{ 0xc0000084, true, true },	/* SFMASK */
	{ 0xc0000100, true, true },	/* FS_BASE */
	{ 0xc0000101, true, true },	/* GS_BASE */
	{ 0xc0000102, true, true },	/* KERNEL_GS_BASE */
};

int msrpm_bit(u32 msr)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vector_base); i++)
		if (msr - vector_base[i] < VECTOR_MSRS)
			return i * VECTOR_BITS + 2 * (msr - vector_base[i]);
	return -1;
}

static void clear_bit_in(u8 *map, unsigned int bit)
{
	map[bit / 8] &= ~(1U << (bit % 8));
}

void msrpm_build(u8 *map)
{
	unsigned int i;

	memset(map, 0xff, MSRPM_BYTES);
	for (i = 0; i < ARRAY_SIZE(passed); i++) {
		int bit = msrpm_bit(passed[i].msr);

		if (passed[i].read)
			clear_bit_in(map, bit);
		if (passed[i].write)
			clear_bit_in(map, bit + 1);
	}
}

bool msrpm_intercepts(const u8 *map, u32 msr, bool write)
{
	int bit = msrpm_bit(msr);

	if (bit < 0)
		return true;
	bit += write;
	return map[bit / 8] & (1U << (bit % 8));
}

void iopm_build(u8 *map)
{
	memset(map, 0xff, IOPM_BYTES);
}
