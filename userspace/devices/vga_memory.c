// SPDX-License-Identifier: GPL-2.0
/*
 * The window at A0000h: how an address and a byte there become bytes of the planes.  It knows the
 * sequencer and the graphics controller, and nothing of what is shown.
 *
 * Source: IBM VGA Technical Reference, "Graphics Controller"; FreeVGA, "Accessing the Display
 * Memory".
 */
#include <stddef.h>
#include <string.h>

#include "vga_parts.h"

#define NOWHERE	UINT32_MAX

/* The four windows of GFX_MISC 3:2.  Return: where in it the access is, or NOWHERE. */
static uint32_t within_window(const struct vga *vga, uint32_t offset)
{
	static const struct { uint32_t start, bytes; } windows[] = {
		{ 0, 0x20000 }, { 0, 0x10000 }, { 0x10000, 0x8000 }, { 0x18000, 0x8000 },
	};
	unsigned int n = vga->gfx[GFX_MISC] >> 2 & 3;

	if (!(vga->misc & MISC_RAM) || offset - windows[n].start >= windows[n].bytes)
		return NOWHERE;
	return offset - windows[n].start;
}

/* Of one byte in a linear mode of VBE. */
static uint8_t *linear(struct vga *vga, uint32_t offset)
{
	uint32_t at = vga->vbe[VBE_BANK] * VGA_BANK_BYTES + offset;

	return offset < VGA_BANK_BYTES && at < VGA_MEMORY_BYTES ? &vga->memory[at] : NULL;
}

/* The four planes' bytes at @at. */
static uint8_t *planes(struct vga *vga, uint32_t at)
{
	if (vga->vbe[VBE_ENABLE] & VBE_ENABLED)
		at += vga->vbe[VBE_BANK] * VGA_BANK_BYTES;
	else
		at &= VGA_LEGACY_BYTES / 4 - 1;
	return &vga->memory[4 * at & (VGA_MEMORY_BYTES - 1)];
}

/* A byte that one plane has, where address bits choose that; NULL: they do not. */
static uint8_t *chained(struct vga *vga, uint32_t offset, unsigned int *plane)
{
	if (vga->seq[SEQ_MODE] & SEQ_CHAIN_4) {
		*plane = offset & 3;
		return &planes(vga, offset >> 2)[*plane];
	}
	if (vga->text_mapped) {
		*plane = offset & 1;
		return &vga->text[offset];
	}
	if (vga->gfx[GFX_MODE] & GFX_ODD_EVEN) {
		*plane = (vga->gfx[GFX_READ_MAP] & 2) | (offset & 1);
		return &planes(vga, offset >> 1)[*plane];
	}
	return NULL;
}

/* Reading */

static uint8_t compare(const struct vga *vga)
{
	uint8_t differs = 0;

	for (unsigned int p = 0; p < 4; p++) {
		uint8_t colour = vga->gfx[GFX_COMPARE] >> p & 1 ? 0xff : 0;

		if (vga->gfx[GFX_DONT_CARE] >> p & 1)
			differs |= vga->latches[p] ^ colour;
	}
	return ~differs;
}

static uint8_t read_byte(struct vga *vga, uint32_t offset)
{
	unsigned int plane;
	uint8_t *at;

	if (vga_vbe_linear(vga)) {
		at = linear(vga, offset);
		return at ? *at : 0xff;
	}
	offset = within_window(vga, offset);
	if (offset == NOWHERE)
		return 0xff;
	at = chained(vga, offset, &plane);
	if (at)
		return *at;
	at = planes(vga, offset);
	for (unsigned int p = 0; p < 4; p++)
		vga->latches[p] = at[p];
	return vga->gfx[GFX_MODE] & GFX_READ_1 ? compare(vga) :
						 vga->latches[vga->gfx[GFX_READ_MAP] & 3];
}

uint64_t vga_window_read(void *opaque, uint64_t offset, unsigned int bytes)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < bytes; i++)
		value |= (uint64_t)read_byte(opaque, offset + i) << 8 * i;
	return value;
}

/* Writing */

static uint8_t rotated(const struct vga *vga, uint8_t value)
{
	unsigned int by = vga->gfx[GFX_ROTATE] & 7;

	return value >> by | value << (8 - by);
}

/* With the latch, as GFX_ROTATE 4:3 says. */
static uint8_t combined(const struct vga *vga, uint8_t value, uint8_t latch)
{
	switch (vga->gfx[GFX_ROTATE] >> 3 & 3) {
	case 1:
		return value & latch;
	case 2:
		return value | latch;
	case 3:
		return value ^ latch;
	}
	return value;
}

/* What plane @p gets of @value in the write mode that is set. */
static uint8_t plane_value(const struct vga *vga, unsigned int p, uint8_t value)
{
	uint8_t set = vga->gfx[GFX_SET_RESET] >> p & 1 ? 0xff : 0;
	uint8_t mask = vga->gfx[GFX_BIT_MASK], latch = vga->latches[p];

	switch (vga->gfx[GFX_MODE] & 3) {
	case 0:
		value = vga->gfx[GFX_ENABLE] >> p & 1 ? set : rotated(vga, value);
		break;
	case 1:
		return latch;
	case 2:
		value = value >> p & 1 ? 0xff : 0;
		break;
	case 3:
		mask &= rotated(vga, value);
		return (set & mask) | (latch & ~mask);
	}
	return (combined(vga, value, latch) & mask) | (latch & ~mask);
}

static void write_byte(struct vga *vga, uint32_t offset, uint8_t value)
{
	uint8_t mask = vga->seq[SEQ_MAP_MASK], *at;
	unsigned int plane;

	if (vga_vbe_linear(vga)) {
		at = linear(vga, offset);
		if (at)
			*at = value;
		return;
	}
	offset = within_window(vga, offset);
	if (offset == NOWHERE)
		return;
	at = chained(vga, offset, &plane);
	if (at) {
		if (mask >> plane & 1)
			*at = value;
		return;
	}
	at = planes(vga, offset);
	for (unsigned int p = 0; p < 4; p++) {
		if (mask >> p & 1)
			at[p] = plane_value(vga, p, value);
	}
}

void vga_window_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value)
{
	for (unsigned int i = 0; i < bytes; i++)
		write_byte(opaque, offset + i, value >> 8 * i);
}

/* Text */

static bool is_text_window(const struct vga *vga)
{
	return !(vga->vbe[VBE_ENABLE] & VBE_ENABLED) && (vga->misc & MISC_RAM) &&
	       (vga->gfx[GFX_MISC] >> 2 & 3) == 3 && (vga->gfx[GFX_MODE] & GFX_ODD_EVEN) &&
	       !(vga->gfx[GFX_READ_MAP] & 2) && !(vga->seq[SEQ_MODE] & SEQ_CHAIN_4) &&
	       (vga->seq[SEQ_MAP_MASK] & 3) == 3;
}

void vga_keep_text(const struct vga *vga)
{
	for (uint32_t at = 0; vga->text_mapped && at < VGA_TEXT_BYTES; at += 2)
		memcpy(&vga->memory[2 * at], &vga->text[at], 2);
}

void vga_follow_text(struct vga *vga)
{
	bool wanted = is_text_window(vga);

	if (wanted == vga->text_mapped)
		return;
	if (!wanted) {
		machine_unmap(vga->m, MACHINE_MAP_TEXT);
		vga_keep_text(vga);
		vga->text_mapped = false;
		return;
	}
	for (uint32_t at = 0; at < VGA_TEXT_BYTES; at += 2)
		memcpy(&vga->text[at], &vga->memory[2 * at], 2);
	vga->text_mapped = !machine_map(vga->m, MACHINE_MAP_TEXT, VGA_TEXT_WINDOW, VGA_TEXT_BYTES,
					vga->text);
}
