// SPDX-License-Identifier: GPL-2.0
/*
 * The VGA's registers at 3B0h to 3DFh.  They are kept as the guest sets them; what they make of
 * memory is vga_memory.c's and vga_view.c's.
 *
 * Source: IBM VGA Technical Reference, "Registers"; FreeVGA, "VGA I/O Port Information".
 */
#include <stdint.h>
#include <string.h>

#include "vga_parts.h"

/* Ports, from 3B0h on */
#define ATT_INDEX	0x10
#define ATT_READ	0x11
#define MISC_WRITE	0x12	/* reads give input status 0 */
#define SEQ_INDEX	0x14
#define SEQ_DATA	0x15
#define DAC_MASK	0x16
#define DAC_READ	0x17	/* index to read at; reads give the DAC's state */
#define DAC_WRITE	0x18
#define DAC_DATA	0x19
#define MISC_READ	0x1c
#define GFX_INDEX	0x1e
#define GFX_DATA	0x1f
#define COLOUR		0x20	/* from there on; below 10h are those of a monochrome screen */
#define CRT_INDEX	0x04	/* there */
#define CRT_DATA	0x05
#define STATUS		0x0a

#define STATUS_SWITCH	0x10	/* of input status 0: there is a screen */
#define STATUS_DISPLAY	0x01	/* of input status 1: the beam is not in the picture ... */
#define STATUS_RETRACE	0x08	/* ... but flies back up */
#define DAC_STATE_READ	0x03

/* The attribute controller */

static uint8_t att_read(const struct vga *vga)
{
	unsigned int n = vga->att_index & 0x1f;

	return n < NR_ATT ? vga->att[n] : 0;
}

/* Index and data come in turn. */
static void att_write(struct vga *vga, uint8_t value)
{
	static const uint8_t masks[NR_ATT - ATT_MODE] = { 0xef, 0xff, 0x3f, 0x0f, 0x0f };
	unsigned int n = vga->att_index & 0x1f;

	if (!vga->att_data)
		vga->att_index = value & 0x3f;
	else if (n < ATT_MODE)
		vga->att[n] = value & 0x3f;
	else if (n < NR_ATT)
		vga->att[n] = value & masks[n - ATT_MODE];
	vga->att_data = !vga->att_data;
}

/* The DAC: a colour is three accesses. */

static uint8_t dac_bits(const struct vga *vga)
{
	return vga->vbe[VBE_ENABLE] & VBE_DAC_8 ? 0xff : 0x3f;
}

static uint8_t dac_data_read(struct vga *vga)
{
	uint8_t value = vga->dac[vga->dac_read][vga->dac_part];

	if (++vga->dac_part == 3) {
		vga->dac_part = 0;
		vga->dac_read++;
	}
	return value;
}

static void dac_data_write(struct vga *vga, uint8_t value)
{
	vga->dac[vga->dac_write][vga->dac_part] = value & dac_bits(vga);
	if (++vga->dac_part == 3) {
		vga->dac_part = 0;
		vga->dac_write++;
	}
}

/* The CRT controller */

static void crt_write(struct vga *vga, uint8_t value)
{
	const uint8_t compare_bit = 0x10;
	unsigned int n = vga->crt_index;

	if (n >= NR_CRT)
		return;
	if (n > CRT_OVERFLOW || !(vga->crt[CRT_V_SYNC_END] & CRT_PROTECT))
		vga->crt[n] = value;
	else if (n == CRT_OVERFLOW)
		vga->crt[n] = (vga->crt[n] & ~compare_bit) | (value & compare_bit);
}

/* Software waits for one and then the other: each look finds it changed. */
static uint8_t status_read(struct vga *vga)
{
	vga->att_data = false;
	vga->status ^= STATUS_DISPLAY | STATUS_RETRACE;
	return vga->status;
}

/* Ports of the CRT controller, if they are where they are looked for; else none. */
static unsigned int crt_port(const struct vga *vga, unsigned int offset)
{
	bool colour = vga->misc & MISC_COLOUR;

	if (offset >= ATT_INDEX && offset < COLOUR)
		return UINT32_MAX;
	return colour == (offset >= COLOUR) ? offset % ATT_INDEX : UINT32_MAX;
}

uint8_t vga_port_read(struct vga *vga, unsigned int offset)
{
	switch (crt_port(vga, offset)) {
	case CRT_INDEX:
		return vga->crt_index;
	case CRT_DATA:
		return vga->crt_index < NR_CRT ? vga->crt[vga->crt_index] : 0;
	case STATUS:
		return status_read(vga);
	}
	switch (offset) {
	case ATT_INDEX:
		return vga->att_index;
	case ATT_READ:
		return att_read(vga);
	case MISC_WRITE:
		return STATUS_SWITCH;
	case SEQ_INDEX:
		return vga->seq_index;
	case SEQ_DATA:
		return vga->seq_index < NR_SEQ ? vga->seq[vga->seq_index] : 0;
	case DAC_MASK:
		return vga->dac_mask;
	case DAC_READ:
		return vga->dac_reads ? DAC_STATE_READ : 0;
	case DAC_WRITE:
		return vga->dac_write;
	case DAC_DATA:
		return dac_data_read(vga);
	case MISC_READ:
		return vga->misc;
	case GFX_INDEX:
		return vga->gfx_index;
	case GFX_DATA:
		return vga->gfx_index < NR_GFX ? vga->gfx[vga->gfx_index] : 0;
	}
	return 0xff;
}

void vga_port_write(struct vga *vga, unsigned int offset, uint8_t value)
{
	static const uint8_t seq_masks[NR_SEQ] = { 0x03, 0x3d, 0x0f, 0x3f, 0x0e };
	static const uint8_t gfx_masks[NR_GFX] = {
		0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff,
	};

	switch (crt_port(vga, offset)) {
	case CRT_INDEX:
		vga->crt_index = value;
		return;
	case CRT_DATA:
		crt_write(vga, value);
		return;
	}
	switch (offset) {
	case ATT_INDEX:
		att_write(vga, value);
		break;
	case MISC_WRITE:
		vga->misc = value;
		break;
	case SEQ_INDEX:
		vga->seq_index = value;
		break;
	case SEQ_DATA:
		if (vga->seq_index < NR_SEQ)
			vga->seq[vga->seq_index] = value & seq_masks[vga->seq_index];
		break;
	case DAC_MASK:
		vga->dac_mask = value;
		break;
	case DAC_READ:
	case DAC_WRITE:
		vga->dac_reads = offset == DAC_READ;
		*(vga->dac_reads ? &vga->dac_read : &vga->dac_write) = value;
		vga->dac_part = 0;
		break;
	case DAC_DATA:
		dac_data_write(vga, value);
		break;
	case GFX_INDEX:
		vga->gfx_index = value;
		break;
	case GFX_DATA:
		if (vga->gfx_index < NR_GFX)
			vga->gfx[vga->gfx_index] = value & gfx_masks[vga->gfx_index];
		break;
	}
}

/* Power on */

static const uint8_t text_seq[NR_SEQ] = { 0x03, 0x00, 0x03, 0x00, 0x02 };
static const uint8_t text_gfx[NR_GFX] = {
	[GFX_MODE] = 0x10, [GFX_MISC] = 0x0e, [GFX_DONT_CARE] = 0x0f, [GFX_BIT_MASK] = 0xff,
};

static const uint8_t text_crt[NR_CRT] = {
	0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0x00,
	0x00, 0x00, 0x00, 0x9c, 0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff,
};

static const uint8_t text_att[NR_ATT] = {
	0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14, 0x07, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e,
	0x3f, 0x0c, 0x00, 0x0f, 0x08, 0x00,
};

/* EGA's 64 colours: bits 2 to 0 are two thirds of red, green, blue, bits 5 to 3 one third. */
static void set_colours(struct vga *vga)
{
	for (unsigned int n = 0; n < 256; n++) {
		for (unsigned int part = 0; part < 3; part++)
			vga->dac[n][part] = (n >> (2 - part) & 1) * 0x2a +
					    (n >> (5 - part) & 1) * 0x15;
	}
}

void vga_power_on(struct vga *vga)
{
	static const uint8_t blank[4] = { ' ', 0x07 };

	vga->misc = 0x67;
	vga->att_index = ATT_SCREEN_ON;
	vga->dac_mask = 0xff;
	memcpy(vga->seq, text_seq, sizeof(vga->seq));
	memcpy(vga->gfx, text_gfx, sizeof(vga->gfx));
	memcpy(vga->crt, text_crt, sizeof(vga->crt));
	memcpy(vga->att, text_att, sizeof(vga->att));
	set_colours(vga);
	vga->vbe[VBE_ID] = 0xb0c5;
	for (uint32_t at = 0; at < 0x8000 / 2 * 4; at += 4)
		memcpy(vga->memory + at, blank, 2);
	vga_load_font(vga);
}
