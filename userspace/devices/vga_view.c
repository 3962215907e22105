// SPDX-License-Identifier: GPL-2.0
/*
 * What the registers make of memory: the mode as screen.c draws it.  Any registers give a picture
 * within the limits of struct vga_view, sensible ones the one that the hardware shows.  Not
 * followed are panning by single pixels and which clock feeds the screen.
 *
 * Source: IBM VGA Technical Reference, "CRT Controller"; FreeVGA, "VGA Display Generation".
 */
#include <stdint.h>

#include "vga_parts.h"

#define FONT_BYTES	(8192u * 4)
#define NO_CURSOR	0x20

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Colours */

static uint32_t colour(const struct vga *vga, unsigned int n)
{
	bool wide = vga->vbe[VBE_ENABLE] & VBE_DAC_8;
	const uint8_t *c = vga->dac[n & vga->dac_mask];
	uint32_t rgb = 0;

	/* 6 bits as 8: the highest again below the lowest. */
	for (unsigned int part = 0; part < 3; part++)
		rgb = rgb << 8 | (wide ? c[part] : (uint8_t)(c[part] << 2 | c[part] >> 4));
	return rgb;
}

/* Through the attribute controller's 16. */
static void look_at_16(const struct vga *vga, struct vga_view *view)
{
	uint8_t top = vga->att[ATT_COLOUR];

	for (unsigned int n = 0; n < 16; n++) {
		unsigned int shown = view->kind == VGA_TEXT ? n : n & vga->att[ATT_PLANES];
		unsigned int at = (top & 0x0c) << 4;

		if (vga->att[ATT_MODE] & ATT_BITS_54)
			at |= (top & 3) << 4 | (vga->att[shown] & 0x0f);
		else
			at |= vga->att[shown];
		view->colours[n] = colour(vga, at);
	}
}

static void look_at_256(const struct vga *vga, struct vga_view *view)
{
	for (unsigned int n = 0; n < 256; n++)
		view->colours[n] = colour(vga, n);
}

/* Sizes and places */

static uint32_t lines(const struct vga *vga)
{
	uint8_t over = vga->crt[CRT_OVERFLOW];

	return (vga->crt[CRT_V_END] | (over & 0x02) << 7 | (over & 0x40) << 3) + 1u;
}

static uint32_t compare_line(const struct vga *vga)
{
	return vga->crt[CRT_COMPARE] | (vga->crt[CRT_OVERFLOW] & 0x10) << 4 |
	       (vga->crt[CRT_CELL] & 0x40) << 3;
}

static uint32_t address(const struct vga *vga, unsigned int high)
{
	return (vga->crt[high] << 8 | vga->crt[high + 1]) * 4u;
}

static void look_at_places(const struct vga *vga, struct vga_view *view)
{
	unsigned int doubled = vga->crt[CRT_CELL] >> 7;

	view->mask = VGA_LEGACY_BYTES - 1;
	view->start = address(vga, CRT_START);
	view->pitch = vga->crt[CRT_OFFSET] * 8u;
	view->cell_height = (vga->crt[CRT_CELL] & 0x1f) + 1u;
	view->height = lines(vga) >> doubled;
	view->split = (compare_line(vga) + 1) >> doubled;
	if (!view->height)
		view->height = 1;
}

/* Text */

static uint32_t font(unsigned int low, unsigned int high)
{
	return low * 2 * FONT_BYTES + high * FONT_BYTES;
}

static void look_at_text(const struct vga *vga, struct vga_view *view)
{
	uint8_t fonts = vga->seq[SEQ_FONTS];

	view->kind = VGA_TEXT;
	view->columns = vga->crt[CRT_H_END] + 1u;
	view->rows = view->height / view->cell_height;
	view->rows = smaller(view->rows ? view->rows : 1, VGA_MAX_CELLS);
	view->cell_width = vga->seq[SEQ_CLOCKING] & SEQ_DOTS_8 ? 8 : 9;
	view->width = view->columns * view->cell_width;
	view->height = view->rows * view->cell_height;
	view->split /= view->cell_height;
	view->fonts[0] = font(fonts & 3, fonts >> 4 & 1);
	view->fonts[1] = font(fonts >> 2 & 3, fonts >> 5 & 1);
	view->blinks = vga->att[ATT_MODE] & ATT_BLINK;
	view->joins = vga->att[ATT_MODE] & ATT_JOIN;
	view->cursor = vga->crt[CRT_CURSOR] & NO_CURSOR ? UINT32_MAX : address(vga, CRT_POSITION);
	view->cursor_first = vga->crt[CRT_CURSOR] & 0x1f;
	view->cursor_last = vga->crt[CRT_CURSOR_END] & 0x1f;
	look_at_16(vga, view);
}

/* Graphics */

static void look_at_banks(const struct vga *vga, struct vga_view *view)
{
	uint8_t mode = vga->crt[CRT_MODE];

	view->bank_bits = ~mode & 3;
	view->bank_shift = 14 + (mode >> 6 & 1);
	if (view->bank_bits)
		return;
	/* Lines that are the same are shown once. */
	view->height = (view->height + view->cell_height - 1) / view->cell_height;
	view->split /= view->cell_height;
	view->cell_height = 1;
}

static void look_at_graphics(const struct vga *vga, struct vga_view *view)
{
	unsigned int shift = vga->gfx[GFX_MODE] >> 5 & 3;

	view->kind = shift >= 2 ? VGA_BYTES : shift ? VGA_PAIRS : VGA_PLANAR;
	view->width = (vga->crt[CRT_H_END] + 1u) * (view->kind == VGA_BYTES ? 4 : 8);
	look_at_banks(vga, view);
	if (view->kind == VGA_BYTES)
		look_at_256(vga, view);
	else
		look_at_16(vga, view);
}

static void look_at_vbe(const struct vga *vga, struct vga_view *view)
{
	static const enum vga_kind kinds[] = { VGA_PLANAR, VGA_BYTES, VGA_RGB };
	uint16_t bits = vga->vbe[VBE_BITS];

	view->mask = VGA_MEMORY_BYTES - 1;
	view->kind = kinds[bits > 8 ? 2 : bits > 4];
	view->width = vga->vbe[VBE_X];
	view->height = vga->vbe[VBE_Y];
	view->pitch = vga_vbe_pitch(vga);
	view->start = vga->vbe[VBE_TOP] * view->pitch +
		      vga->vbe[VBE_LEFT] * ((bits + 1u) & ~1u) / 8;
	view->split = UINT32_MAX;
	view->cell_height = 1;
	view->bits = bits;
	if (view->kind == VGA_PLANAR)
		look_at_16(vga, view);
	else
		look_at_256(vga, view);
}

void vga_look(const struct vga *vga, struct vga_view *view)
{
	bool vbe = vga->vbe[VBE_ENABLE] & VBE_ENABLED;

	vga_keep_text(vga);
	*view = (struct vga_view) { .memory = vga->memory, .cursor = UINT32_MAX };
	if (vbe) {
		look_at_vbe(vga, view);
	} else {
		look_at_places(vga, view);
		if (vga->gfx[GFX_MISC] & GFX_GRAPHICS)
			look_at_graphics(vga, view);
		else
			look_at_text(vga, view);
	}
	view->blank = !(vga->att_index & ATT_SCREEN_ON) || (vga->seq[SEQ_CLOCKING] & SEQ_OFF);
}
