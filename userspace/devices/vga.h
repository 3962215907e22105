/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A display adapter as screen.c and the bus see it: a VGA with Bochs' VBE registers and a linear
 * frame buffer (1234:1111, QEMU's "standard VGA", for which guests have drivers).
 */
#ifndef VMCTL_DEVICES_VGA_H
#define VMCTL_DEVICES_VGA_H

#include <stdbool.h>
#include <stdint.h>

#define VGA_MAX_SIDE	4096u	/* pixels, of a picture's width and height */
#define VGA_MAX_CELLS	256u	/* columns, and rows, of text */

struct pci_bus;
struct vga;

/* How memory becomes a picture. */
enum vga_kind {
	VGA_TEXT,	/* a cell is 4 bytes: character, attribute, and a byte of a font */
	VGA_PLANAR,	/* 8 pixels are 4 bytes, of which each has a bit of every pixel's number */
	VGA_PAIRS,	/* 8 pixels are 4 bytes: CGA's, two bits of a pixel are neighbours */
	VGA_BYTES,	/* a pixel is a byte: a number of 256 */
	VGA_RGB,	/* a pixel is 2, 3 or 4 bytes: a colour */
};

/**
 * struct vga_view - what is to be seen now; all of it within its limits, whatever the guest set
 * @memory: of the adapter; the guest may write it meanwhile
 * @mask: an address within it is taken modulo that and 1
 * @kind: of picture
 * @blank: the screen is off
 * @width: in pixels, 1 to VGA_MAX_SIDE
 * @height: likewise
 * @start: address of the first pixel or cell
 * @pitch: bytes from one line of pixels or cells to the next
 * @split: line from which on the picture is what lies at address 0, or UINT32_MAX
 * @columns: of text, 1 to VGA_MAX_CELLS
 * @rows: likewise
 * @cell_width: pixels of a cell, 8 or 9
 * @cell_height: likewise, 1 to 32; of pairs and planes: lines that share an address
 * @fonts: addresses of the two, by bit 3 of the attribute; 32 times 4 bytes each character
 * @blinks: bit 7 of an attribute is not one of the background
 * @joins: in cells of 9 pixels, line graphics have a ninth one
 * @cursor: address of its cell, or UINT32_MAX: it is off
 * @cursor_first: its lines in that
 * @cursor_last: likewise
 * @bank_bits: what of the line's number within @cell_height replaces @bank_shift's bits of the
 *	address (CGA's and Hercules' modes), as a mask
 * @bank_shift: likewise
 * @bits: of a pixel of VGA_RGB: 15, 16, 24, 32
 * @colours: RGB, of the 16 colours or the 256
 */
struct vga_view {
	const uint8_t *memory;
	uint32_t mask;
	enum vga_kind kind;
	bool blank;
	uint32_t width, height;
	uint32_t start, pitch, split;
	uint32_t columns, rows;
	uint32_t cell_width, cell_height;
	uint32_t fonts[2];
	bool blinks, joins;
	uint32_t cursor, cursor_first, cursor_last;
	uint32_t bank_bits, bank_shift;
	uint32_t bits;
	uint32_t colours[256];
};

/* In text mode, as firmware leaves it.  Return: it, or NULL with errno set. */
struct vga *vga_new(struct pci_bus *bus);
void vga_free(struct vga *vga);

void vga_look(const struct vga *vga, struct vga_view *view);

#endif
