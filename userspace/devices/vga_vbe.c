// SPDX-License-Identifier: GPL-2.0
/*
 * Bochs' VBE registers ("VBE Display Interface", vbe_display_api.txt, and QEMU's
 * docs/specs/standard-vga.txt): a mode of any size and depth.
 *
 * What is on always fits into the memory: a mode that does not is not turned on, and a change that
 * would lead out of it is not made.
 */
#include <string.h>

#include "vga_parts.h"

#define ID_FIRST	0xb0c0
#define ID		0xb0c5
#define MAX_BITS	32

static bool is_on(const struct vga *vga)
{
	return vga->vbe[VBE_ENABLE] & VBE_ENABLED;
}

bool vga_vbe_linear(const struct vga *vga)
{
	return is_on(vga) && vga->vbe[VBE_BITS] != 4;
}

/* 15 bits take 16. */
static uint32_t bytes_of(const struct vga *vga, uint32_t pixels)
{
	return pixels * ((vga->vbe[VBE_BITS] + 1u) & ~1u) / 8;
}

uint32_t vga_vbe_pitch(const struct vga *vga)
{
	return bytes_of(vga, vga->vbe[VBE_VIRTUAL_X]);
}

/* All of a picture that begins there. */
static bool fits(const struct vga *vga, uint16_t virtual_x, uint16_t left, uint16_t top)
{
	uint64_t lines = (uint64_t)top + vga->vbe[VBE_Y];

	return virtual_x >= vga->vbe[VBE_X] && (uint32_t)left + vga->vbe[VBE_X] <= virtual_x &&
	       lines * bytes_of(vga, virtual_x) <= VGA_MEMORY_BYTES;
}

static bool is_mode(const struct vga *vga)
{
	static const uint8_t depths[] = { 4, 8, 15, 16, 24, 32 };
	uint16_t x = vga->vbe[VBE_X], y = vga->vbe[VBE_Y];

	return memchr(depths, vga->vbe[VBE_BITS], sizeof(depths)) && vga->vbe[VBE_BITS] < 256 &&
	       x && x <= VGA_MAX_SIDE && !(x % 8) && y && y <= VGA_MAX_SIDE && fits(vga, x, 0, 0);
}

static void set_virtual_x(struct vga *vga, uint16_t x)
{
	uint32_t lines = VGA_MEMORY_BYTES / bytes_of(vga, x);

	vga->vbe[VBE_VIRTUAL_X] = x;
	vga->vbe[VBE_VIRTUAL_Y] = lines < UINT16_MAX ? lines : UINT16_MAX;
}

static void enable(struct vga *vga, uint16_t value)
{
	bool was_on = is_on(vga);

	vga->vbe[VBE_ENABLE] = value & ~VBE_ENABLED;
	if (!(value & VBE_ENABLED) || !is_mode(vga)) {
		vga->vbe[VBE_BANK] = 0;
		return;
	}
	vga->vbe[VBE_ENABLE] = value;
	if (was_on)
		return;
	set_virtual_x(vga, vga->vbe[VBE_X]);
	vga->vbe[VBE_LEFT] = 0;
	vga->vbe[VBE_TOP] = 0;
	vga->vbe[VBE_BANK] = 0;
	vga_follow_text(vga);	/* it is not text any more */
	if (!(value & VBE_NO_CLEAR))
		memset(vga->memory, 0, (size_t)vga_vbe_pitch(vga) * vga->vbe[VBE_Y]);
}

/* Where in memory the picture is. */
static void move(struct vga *vga, unsigned int n, uint16_t value)
{
	uint16_t x = n == VBE_VIRTUAL_X ? value : vga->vbe[VBE_VIRTUAL_X];
	uint16_t left = n == VBE_LEFT ? value : vga->vbe[VBE_LEFT];
	uint16_t top = n == VBE_TOP ? value : vga->vbe[VBE_TOP];

	if (!is_on(vga) || x % 8 || (vga->vbe[VBE_BITS] == 4 && left % 8) ||
	    !fits(vga, x, left, top))
		return;
	if (n == VBE_VIRTUAL_X)
		set_virtual_x(vga, value);
	else
		vga->vbe[n] = value;
}

uint16_t vga_vbe_read(const struct vga *vga, unsigned int n)
{
	bool caps = vga->vbe[VBE_ENABLE] & VBE_CAPS;

	switch (n) {
	case VBE_X:
	case VBE_Y:
		return caps ? VGA_MAX_SIDE : vga->vbe[n];
	case VBE_BITS:
		return caps ? MAX_BITS : vga->vbe[n];
	case VBE_MEMORY:
		return VGA_MEMORY_BYTES / VGA_BANK_BYTES;
	}
	return n < NR_VBE ? vga->vbe[n] : 0;
}

void vga_vbe_write(struct vga *vga, unsigned int n, uint16_t value)
{
	switch (n) {
	case VBE_ID:
		if (value >= ID_FIRST && value <= ID)
			vga->vbe[n] = value;
		break;
	case VBE_X:
	case VBE_Y:
	case VBE_BITS:
		if (!is_on(vga))
			vga->vbe[n] = value;
		break;
	case VBE_ENABLE:
		enable(vga, value & (VBE_ENABLED | VBE_CAPS | VBE_DAC_8 | VBE_LINEAR |
				     VBE_NO_CLEAR));
		break;
	case VBE_BANK:
		if (value < VGA_MEMORY_BYTES / VGA_BANK_BYTES)
			vga->vbe[n] = value;
		break;
	case VBE_VIRTUAL_X:
	case VBE_LEFT:
	case VBE_TOP:
		move(vga, n, value);
		break;
	}
}
