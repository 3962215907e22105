// SPDX-License-Identifier: GPL-2.0
/*
 * The guest may write the memory while it is read here, and have it start anywhere: each byte is
 * read once, modulo the memory's size, and drawn whatever it is.
 */
#include <string.h>

#include "screen.h"

/* Memory */

static uint8_t byte_at(const struct vga_view *view, uint32_t address)
{
	return __atomic_load_n(&view->memory[address & view->mask], __ATOMIC_RELAXED);
}

/* Where row @y of cells or lines begins; behind a split it is what is at address 0. */
static uint32_t row_address(const struct vga_view *view, uint32_t y)
{
	return y < view->split ? view->start + y * view->pitch : (y - view->split) * view->pitch;
}

/* Text */

/* Code page 437 where it is not ASCII. */
static const uint16_t below_20[0x20] = {
	0x0020, 0x263a, 0x263b, 0x2665, 0x2666, 0x2663, 0x2660, 0x2022,
	0x25d8, 0x25cb, 0x25d9, 0x2642, 0x2640, 0x266a, 0x266b, 0x263c,
	0x25ba, 0x25c4, 0x2195, 0x203c, 0x00b6, 0x00a7, 0x25ac, 0x21a8,
	0x2191, 0x2193, 0x2192, 0x2190, 0x221f, 0x2194, 0x25b2, 0x25bc,
};

static const uint16_t from_80[0x80] = {
	0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7,
	0x00ea, 0x00eb, 0x00e8, 0x00ef, 0x00ee, 0x00ec, 0x00c4, 0x00c5,
	0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9,
	0x00ff, 0x00d6, 0x00dc, 0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192,
	0x00e1, 0x00ed, 0x00f3, 0x00fa, 0x00f1, 0x00d1, 0x00aa, 0x00ba,
	0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb,
	0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562, 0x2556,
	0x2555, 0x2563, 0x2551, 0x2557, 0x255d, 0x255c, 0x255b, 0x2510,
	0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f,
	0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c, 0x2567,
	0x2568, 0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553, 0x256b,
	0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580,
	0x03b1, 0x00df, 0x0393, 0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4,
	0x03a6, 0x0398, 0x03a9, 0x03b4, 0x221e, 0x03c6, 0x03b5, 0x2229,
	0x2261, 0x00b1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00f7, 0x2248,
	0x00b0, 0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0, 0x0020,
};

static uint16_t character(uint8_t c)
{
	if (c < 0x20)
		return below_20[c];
	if (c == 0x7f)
		return 0x2302;
	return c < 0x80 ? c : from_80[c - 0x80];
}

/* Return: its bytes, up to 3. */
static size_t put_utf8(char *to, uint16_t c)
{
	if (c < 0x80) {
		to[0] = c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = 0xc0 | c >> 6;
		to[1] = 0x80 | (c & 0x3f);
		return 2;
	}
	to[0] = 0xe0 | c >> 12;
	to[1] = 0x80 | (c >> 6 & 0x3f);
	to[2] = 0x80 | (c & 0x3f);
	return 3;
}

size_t screen_text(const struct vga_view *view, char *text, size_t room)
{
	size_t len = 0, line, end;

	for (uint32_t y = 0; y < view->rows; y++) {
		line = len;
		end = len;
		for (uint32_t x = 0; x < view->columns && len + 5 <= room; x++) {
			uint16_t c = character(byte_at(view, row_address(view, y) + 4 * x));

			len += put_utf8(text + len, c);
			if (c != ' ')
				end = len;
		}
		len = end;
		if (line + 2 <= room)
			text[len++] = '\n';
	}
	text[len] = 0;
	return len;
}

/* Pixels */

static uint8_t *put_rgb(uint8_t *to, uint32_t colour)
{
	*to++ = colour >> 16;
	*to++ = colour >> 8;
	*to++ = colour;
	return to;
}

static bool under_cursor(const struct vga_view *view, uint32_t cell, uint32_t line)
{
	return view->cursor != UINT32_MAX && !((cell ^ view->cursor) & view->mask) &&
	       line >= view->cursor_first && line <= view->cursor_last;
}

static void text_row(const struct vga_view *view, uint32_t y, uint8_t *rgb)
{
	uint32_t row = row_address(view, y / view->cell_height), line = y % view->cell_height;

	for (uint32_t x = 0; x < view->columns; x++) {
		uint32_t cell = row + 4 * x;
		uint8_t c = byte_at(view, cell), attribute = byte_at(view, cell + 1);
		uint32_t font = view->fonts[attribute >> 3 & 1];
		uint32_t fore = view->colours[attribute & 0xf];
		uint32_t back = view->colours[attribute >> 4 & (view->blinks ? 7 : 0xf)];
		/* With the ninth pixel in bit 0. */
		uint32_t bits = byte_at(view, font + (32 * c + line) * 4 + 2) << 1;

		if (view->joins && c >= 0xc0 && c <= 0xdf)
			bits |= bits >> 1 & 1;
		if (under_cursor(view, cell, line))
			bits = 0x1ff;
		for (uint32_t i = 0; i < view->cell_width; i++)
			rgb = put_rgb(rgb, bits >> (8 - i) & 1 ? fore : back);
	}
}

/* Of CGA and Hercules: which bank it is in, a line's number says. */
static uint32_t banked(const struct vga_view *view, uint32_t address, uint32_t line)
{
	uint32_t bits = view->bank_bits << view->bank_shift;

	return (address & ~bits) | (line << view->bank_shift & bits);
}

static unsigned int planar_pixel(const uint8_t *planes, unsigned int n)
{
	unsigned int pixel = 0;

	for (unsigned int p = 0; p < 4; p++)
		pixel |= (planes[p] >> (7 - n) & 1) << p;
	return pixel;
}

/* The first four pixels are of the even planes, the others of the odd ones. */
static unsigned int pairs_pixel(const uint8_t *planes, unsigned int n)
{
	unsigned int p = n / 4, shift = 6 - 2 * (n % 4);

	return (planes[p] >> shift & 3) | (planes[p + 2] >> shift & 3) << 2;
}

static void planes_row(const struct vga_view *view, uint32_t y, uint8_t *rgb)
{
	uint32_t row = row_address(view, y / view->cell_height), line = y % view->cell_height;
	uint8_t planes[4];

	for (uint32_t x = 0; x < view->width; x += 8) {
		for (unsigned int p = 0; p < 4; p++)
			planes[p] = byte_at(view, banked(view, row + x / 2 + p, line));
		for (unsigned int n = 0; n < 8; n++)
			rgb = put_rgb(rgb, view->colours[view->kind == VGA_PAIRS ?
							 pairs_pixel(planes, n) :
							 planar_pixel(planes, n)]);
	}
}

static void bytes_row(const struct vga_view *view, uint32_t y, uint8_t *rgb)
{
	uint32_t row = row_address(view, y / view->cell_height), line = y % view->cell_height;

	for (uint32_t x = 0; x < view->width; x++)
		rgb = put_rgb(rgb, view->colours[byte_at(view, banked(view, row + x, line))]);
}

/* @bits at @shift as 8: the highest again below the lowest. */
static uint32_t widened(uint32_t pixel, unsigned int shift, unsigned int bits)
{
	uint32_t part = pixel >> shift & ((1u << bits) - 1);

	return part << (8 - bits) | part >> (2 * bits - 8);
}

static uint32_t rgb_colour(uint32_t pixel, uint32_t bits)
{
	switch (bits) {
	case 15:
		return widened(pixel, 10, 5) << 16 | widened(pixel, 5, 5) << 8 |
		       widened(pixel, 0, 5);
	case 16:
		return widened(pixel, 11, 5) << 16 | widened(pixel, 5, 6) << 8 |
		       widened(pixel, 0, 5);
	}
	return pixel;
}

static void rgb_row(const struct vga_view *view, uint32_t y, uint8_t *rgb)
{
	uint32_t at = row_address(view, y), bytes = (view->bits + 1) / 8;

	for (uint32_t x = 0; x < view->width; x++, at += bytes) {
		uint32_t pixel = 0;

		for (unsigned int i = 0; i < bytes; i++)
			pixel |= (uint32_t)byte_at(view, at + i) << 8 * i;
		rgb = put_rgb(rgb, rgb_colour(pixel, view->bits));
	}
}

void screen_row(const struct vga_view *view, uint32_t y, uint8_t *rgb)
{
	if (view->blank) {
		memset(rgb, 0, view->width * 3);
		return;
	}
	switch (view->kind) {
	case VGA_TEXT:
		text_row(view, y, rgb);
		break;
	case VGA_PLANAR:
	case VGA_PAIRS:
		planes_row(view, y, rgb);
		break;
	case VGA_BYTES:
		bytes_row(view, y, rgb);
		break;
	case VGA_RGB:
		rgb_row(view, y, rgb);
		break;
	}
}
