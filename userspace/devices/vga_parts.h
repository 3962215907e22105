/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the display adapter share: its registers and its memory.
 *
 * Byte n of plane p is at 4 * n + p of the memory.  So the linear modes, where a pixel's bytes are
 * neighbours, and the planar ones show the same memory, as software expects that goes from one to
 * the other.
 */
#ifndef VMCTL_DEVICES_VGA_PARTS_H
#define VMCTL_DEVICES_VGA_PARTS_H

#include "../pci.h"
#include "vga.h"

#define VGA_MEMORY_BYTES	0x1000000u	/* 16 MiB */
#define VGA_LEGACY_BYTES	0x40000u	/* of it, what the VGA's own modes reach */
#define VGA_WINDOW		0xa0000u
#define VGA_WINDOW_BYTES	0x20000u
#define VGA_BANK_BYTES		0x10000u
#define VGA_TEXT_WINDOW		0xb8000u
#define VGA_TEXT_BYTES		0x8000u

/* Sequencer */
#define SEQ_CLOCKING	1
#define  SEQ_DOTS_8	0x01
#define  SEQ_OFF	0x20
#define SEQ_MAP_MASK	2
#define SEQ_FONTS	3
#define SEQ_MODE	4
#define  SEQ_CHAIN_4	0x08
#define NR_SEQ		5u

/* Graphics controller */
#define GFX_SET_RESET	0
#define GFX_ENABLE	1
#define GFX_COMPARE	2
#define GFX_ROTATE	3
#define GFX_READ_MAP	4
#define GFX_MODE	5
#define  GFX_READ_1	0x08
#define  GFX_ODD_EVEN	0x10
#define GFX_MISC	6
#define  GFX_GRAPHICS	0x01
#define GFX_DONT_CARE	7
#define GFX_BIT_MASK	8
#define NR_GFX		9u

/* CRT controller */
#define CRT_H_END	0x01
#define CRT_OVERFLOW	0x07
#define CRT_CELL	0x09
#define CRT_CURSOR	0x0a
#define CRT_CURSOR_END	0x0b
#define CRT_START	0x0c
#define CRT_POSITION	0x0e
#define CRT_V_SYNC_END	0x11
#define  CRT_PROTECT	0x80
#define CRT_V_END	0x12
#define CRT_OFFSET	0x13
#define CRT_MODE	0x17
#define CRT_COMPARE	0x18
#define NR_CRT		25u

/* Attribute controller */
#define ATT_MODE	0x10
#define  ATT_JOIN	0x04
#define  ATT_BLINK	0x08
#define  ATT_BITS_54	0x80
#define ATT_PLANES	0x12
#define ATT_COLOUR	0x14
#define NR_ATT		21u
#define ATT_SCREEN_ON	0x20	/* in its index */

#define MISC_COLOUR	0x01	/* CRT controller at 3D4h, not 3B4h */
#define MISC_RAM	0x02	/* the window is there */

/* Bochs' VBE */
enum {
	VBE_ID, VBE_X, VBE_Y, VBE_BITS, VBE_ENABLE, VBE_BANK, VBE_VIRTUAL_X, VBE_VIRTUAL_Y,
	VBE_LEFT, VBE_TOP, VBE_MEMORY, NR_VBE
};

#define  VBE_ENABLED	0x01
#define  VBE_CAPS	0x02	/* VBE_X, Y and BITS give what is possible */
#define  VBE_DAC_8	0x20
#define  VBE_LINEAR	0x40
#define  VBE_NO_CLEAR	0x80

struct vga {
	struct machine *m;
	struct pci_function *f;
	uint8_t *memory;
	bool mapped;			/* the guest has it at BAR 0 without exits */
	uint8_t *text;			/* while text_mapped: planes 0 and 1 as B8000h shows them */
	bool text_mapped;		/* the guest has that there without exits */

	uint8_t misc, status;
	uint8_t seq_index, seq[NR_SEQ];
	uint8_t gfx_index, gfx[NR_GFX];
	uint8_t crt_index, crt[NR_CRT];
	uint8_t att_index, att[NR_ATT];
	bool att_data;			/* what is written next is not the index */
	uint8_t dac[256][3];
	uint8_t dac_mask, dac_read, dac_write, dac_part;
	bool dac_reads;
	uint8_t latches[4];

	uint16_t vbe_index, vbe[NR_VBE];
};

/* vga_memory.c: the window at A0000h, as struct io_range has it. */
uint64_t vga_window_read(void *opaque, uint64_t offset, unsigned int bytes);
void vga_window_write(void *opaque, uint64_t offset, unsigned int bytes, uint64_t value);

/*
 * Where registers make B8000h just bytes of the planes 0 and 1 in turn, as in any text mode, the
 * guest has these without exits.  What it writes there comes to the planes when that ends, or when
 * somebody looks.
 */
void vga_follow_text(struct vga *vga);
void vga_keep_text(const struct vga *vga);

/* vga_registers.c: port 3B0h + @offset, of one byte. */
uint8_t vga_port_read(struct vga *vga, unsigned int offset);
void vga_port_write(struct vga *vga, unsigned int offset, uint8_t value);
/* The registers of text mode 3, 80 by 25, as the BIOS sets it, and an empty screen. */
void vga_power_on(struct vga *vga);

/* vga_font.c: into plane 2, where the BIOS has its first one. */
void vga_load_font(struct vga *vga);

/* vga_vbe.c: register @n, any number. */
uint16_t vga_vbe_read(const struct vga *vga, unsigned int n);
void vga_vbe_write(struct vga *vga, unsigned int n, uint16_t value);
/* It is on, and memory is pixels of a byte or more. */
bool vga_vbe_linear(const struct vga *vga);
/* Bytes of a line. */
uint32_t vga_vbe_pitch(const struct vga *vga);

#endif
