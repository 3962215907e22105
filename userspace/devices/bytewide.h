/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Parts with an 8-bit data bus: a wider access is one cycle per byte, at rising addresses, as the
 * ISA bus splits it. It knows no part; a model gives its byte access function, which answers any
 * offset (a wide access may run past the part's last register).
 */
#ifndef VMCTL_BYTEWIDE_H
#define VMCTL_BYTEWIDE_H

#include <stdint.h>

#define OPEN_BUS	0xff

static inline uint64_t bytewide_read(uint8_t (*read)(void *opaque, uint64_t offset),
				     void *opaque, uint64_t offset, unsigned int bytes)
{
	uint64_t value = 0;
	unsigned int i;

	for (i = 0; i < bytes && i < 8; i++)
		value |= (uint64_t)read(opaque, offset + i) << (8 * i);
	return value;
}

static inline void bytewide_write(void (*write)(void *opaque, uint64_t offset, uint8_t value),
				  void *opaque, uint64_t offset, unsigned int bytes,
				  uint64_t value)
{
	unsigned int i;

	for (i = 0; i < bytes && i < 8; i++)
		write(opaque, offset + i, value >> (8 * i));
}

#endif
