// SPDX-License-Identifier: GPL-2.0
// needs: userspace/devices/vga.c userspace/devices/vga_memory.c userspace/devices/vga_registers.c
// needs: userspace/devices/vga_vbe.c userspace/devices/vga_view.c userspace/devices/vga_font.c
// needs: userspace/screen.c
// needs: userspace/devices/pci_bus.c userspace/devices/pci_function.c userspace/devices/msix.c
/*
 * The display adapter on a real PCI bus, and what screen.c makes of it: registers, the planes'
 * write and read modes, text, each kind of picture, VBE, the frame buffer's place; and that no
 * registers lead out of its memory.
 */
#include "../../userspace/pci.h"
#include "../../userspace/screen.h"
#include "devices_fake.h"

#define SLOT		1u
#define MIB		(1ull << 20)
#define TEXT		0xb8000u
#define GRAPHICS	0xa0000u

static struct pci_bus *bus;
static struct vga *vga;
static struct vga_view view;
static uint8_t row[SCREEN_ROW_BYTES];

static void start(void)
{
	bus = pci_bus_new(&fake);
	vga = vga_new(bus);
	if (!vga)
		abort();
	pci_bus_hand_over(bus);
}

static void end(void)
{
	vga_free(vga);
	pci_bus_free(bus);
	CHECK(!fake.map[0].bytes && !fake.map[1].bytes);
	CHECK_EQ(fake.bad_removals, 0);
}

/* ---- the guest ------------------------------------------------------------------------------ */

static uint64_t ecam(unsigned int offset)
{
	return PCI_ECAM_BASE + (SLOT << 15) + offset;
}

static uint64_t bar(unsigned int n)
{
	return mmio_read(ecam(0x10 + 4 * n), 4) & ~0xfull;
}

/* Index and data in one access. */
static void seq(unsigned int n, uint8_t value)
{
	port_out(0x3c4, 2, n | value << 8);
}

static void gfx(unsigned int n, uint8_t value)
{
	port_out(0x3ce, 2, n | value << 8);
}

static void crt(unsigned int n, uint8_t value)
{
	port_out(0x3d4, 2, n | value << 8);
}

static void att(unsigned int n, uint8_t value)
{
	port_in(0x3da, 1);
	port_out(0x3c0, 1, n);
	port_out(0x3c0, 1, value);
	port_out(0x3c0, 1, 0x20);
}

static void vbe(unsigned int n, uint16_t value)
{
	port_out(0x1ce, 2, n);
	port_out(0x1cf, 2, value);
}

static uint16_t vbe_get(unsigned int n)
{
	port_out(0x1ce, 2, n);
	return port_in(0x1cf, 2);
}

static void vbe_mode(uint16_t x, uint16_t y, uint16_t bits)
{
	vbe(4, 0);
	vbe(1, x);
	vbe(2, y);
	vbe(3, bits);
	vbe(4, 0x41);
}

/* As the BIOS sets mode 12h, 640 by 480 in 16 colours; what counts for the picture. */
static void mode_12h(void)
{
	seq(1, 0x01);
	seq(2, 0x0f);
	seq(4, 0x06);
	gfx(5, 0x00);
	gfx(6, 0x05);
	crt(0x11, 0x0c);
	crt(0x07, 0x3e);
	crt(0x09, 0x40);
	crt(0x12, 0xdf);
	crt(0x13, 0x28);
	crt(0x17, 0xe3);
}

static uint32_t pixel(uint32_t x, uint32_t y)
{
	vga_look(vga, &view);
	if (x >= view.width || y >= view.height)
		return UINT32_MAX;
	screen_row(&view, y, row);
	return row[3 * x] << 16 | row[3 * x + 1] << 8 | row[3 * x + 2];
}

/* ---- text ------------------------------------------------------------------------------------ */

static const char *text_now(void)
{
	static char text[SCREEN_TEXT_BYTES];

	vga_look(vga, &view);
	CHECK_EQ(screen_text(&view, text, sizeof(text)), strlen(text));
	return text;
}

static void print_at(unsigned int cell, const char *text)
{
	for (; *text; text++, cell++)
		mmio_write(TEXT + 2 * cell, 2, (uint8_t)*text | 0x1e00);
}

static bool same_rest(const char *text, unsigned int rows)
{
	for (; rows; rows--) {
		if (*text++ != '\n')
			return false;
	}
	return !*text;
}

static void test_text(void)
{
	start();
	vga_look(vga, &view);
	CHECK_EQ(view.kind, VGA_TEXT);
	CHECK_EQ(view.columns, 80);
	CHECK_EQ(view.rows, 25);
	CHECK_EQ(view.width, 720);
	CHECK_EQ(view.height, 400);
	CHECK(same_rest(text_now(), 25));
	print_at(0, "one ");
	print_at(80, "\xda\xc4\x01 \xe1");
	CHECK(!strncmp(text_now(), "one\n┌─☺ ß\n", strlen("one\n┌─☺ ß\n")));
	CHECK(same_rest(text_now() + strlen("one\n┌─☺ ß\n"), 23));
	/* The screen begins with the second row, and is split behind two more. */
	crt(0x0d, 80);
	CHECK(!strncmp(text_now(), "┌─☺ ß\n", strlen("┌─☺ ß\n")));
	crt(0x07, 0x0f);
	crt(0x09, 0x0f);
	crt(0x18, 31);
	crt(0x11, 0);
	crt(0x07, 0x0f);
	CHECK(!strncmp(text_now(), "┌─☺ ß\n\none\n", strlen("┌─☺ ß\n\none\n")));
	CHECK_EQ(mmio_read(TEXT, 4), 0x1e6e1e6f);
	end();
}

/* The screen begins with the last of 65536 cells: the next is the first.  More lines than 512. */
static void test_text_edges(void)
{
	start();
	print_at(0, "one");
	crt(0x0c, 0xff);
	crt(0x0d, 0xff);
	CHECK(!strncmp(text_now() + 1, "one\n", 4));
	crt(0x11, 0);
	crt(0x07, 0x5c);
	crt(0x12, 0x57);
	vga_look(vga, &view);
	CHECK_EQ(view.rows, 37);
	crt(0x07, 0x5e);
	crt(0x09, 0xc1);
	vga_look(vga, &view);
	CHECK_EQ(view.rows, 214);
	end();
}

static void test_text_pixels(void)
{
	start();
	print_at(81, "A");
	mmio_write(TEXT + 2 * 82, 2, 0x94c4);
	/* The font: plane 2, where the BIOS puts it. */
	seq(2, 4);
	seq(4, 6);
	gfx(5, 0);
	gfx(6, 0);
	mmio_write(GRAPHICS + 32 * 'A' + 3, 1, 0x81);
	mmio_write(GRAPHICS + 32 * 0xc4 + 3, 1, 0x01);
	seq(2, 3);
	seq(4, 2);
	gfx(5, 0x10);
	gfx(6, 0x0e);
	CHECK_EQ(pixel(9, 19), 0xffff55);
	CHECK_EQ(pixel(10, 19), 0x0000aa);
	CHECK_EQ(pixel(16, 19), 0xffff55);
	CHECK_EQ(pixel(17, 19), 0x0000aa);
	CHECK_EQ(pixel(9, 18), 0x0000aa);
	/* Line graphics go on in the ninth pixel, if they shall; bit 7 blinks, or does not. */
	CHECK_EQ(pixel(25, 19), 0xaa0000);
	CHECK_EQ(pixel(26, 19), 0xaa0000);
	att(0x10, 0x00);
	CHECK_EQ(pixel(26, 19), 0x5555ff);
	CHECK_EQ(pixel(18, 19), 0x5555ff);
	seq(1, 1);
	vga_look(vga, &view);
	CHECK_EQ(view.width, 640);
	/* The cursor. */
	CHECK_EQ(pixel(0, 13), 0xaaaaaa);
	crt(0x0a, 0x2d);
	CHECK_EQ(pixel(0, 13), 0);
	seq(1, 0x21);
	CHECK_EQ(pixel(8, 19), 0);
	end();
}

/* What is shown before a font is loaded: "L", a corner, half a block, one of the others. */
static void test_font(void)
{
	static const uint8_t l[2] = { 0x10, 0x1f };

	start();
	print_at(0, "L\xda\xdf\x80");
	seq(1, 1);
	crt(0x0a, 0x20);
	for (unsigned int y = 0; y < 16; y++) {
		for (unsigned int x = 0; x < 8; x++) {
			bool lit = y < 14 && (l[y >= 12] << 2 >> (7 - x) & 1);

			CHECK_EQ(pixel(x, y) == 0xffff55, lit);
			CHECK_EQ(pixel(8 + x, y) == 0xffff55,
				 ((y == 7 || y == 8) && x >= 3) || (y >= 8 && (x == 3 || x == 4)));
			CHECK_EQ(pixel(16 + x, y) == 0xffff55, y < 8);
		}
	}
	CHECK_EQ(pixel(25, 4), 0xffff55);
	CHECK_EQ(pixel(26, 5), 0x0000aa);
	end();
}

/* ---- planes ---------------------------------------------------------------------------------- */

/* The planes' bytes at @at, plane 3 highest. */
static uint32_t planes(unsigned int at)
{
	return mmio_read(bar(0) + 4 * at, 4);
}

static void test_write_modes(void)
{
	start();
	mode_12h();
	/* 0: rotated, in the map's planes; set/reset instead in those that are enabled. */
	seq(2, 5);
	gfx(3, 1);
	mmio_write(GRAPHICS, 1, 0x81);
	CHECK_EQ(planes(0), 0x00c007c0);	/* what was there is a blank of text mode */
	seq(2, 15);
	gfx(3, 0);
	gfx(0, 2);
	gfx(1, 3);
	mmio_write(GRAPHICS + 1, 1, 0x0f);
	CHECK_EQ(planes(1), 0x0f0fff00);
	/* The bit mask takes the rest from the latches, the functions combine with them. */
	gfx(1, 0);
	gfx(8, 0xf0);
	mmio_read(GRAPHICS + 1, 1);
	mmio_write(GRAPHICS + 2, 1, 0xaa);
	CHECK_EQ(planes(2), 0xafafafa0);
	gfx(8, 0xff);
	gfx(3, 0x08);
	mmio_write(GRAPHICS + 2, 1, 0x3c);
	CHECK_EQ(planes(2), 0x0c0c3c00);
	gfx(3, 0x10);
	mmio_write(GRAPHICS + 2, 1, 0x3c);
	CHECK_EQ(planes(2), 0x3f3fff3c);
	gfx(3, 0x18);
	mmio_write(GRAPHICS + 2, 1, 0x3c);
	CHECK_EQ(planes(2), 0x3333c33c);
	gfx(3, 0);
	/* 1: the latches. */
	gfx(5, 1);
	mmio_write(GRAPHICS + 3, 1, 0x55);
	CHECK_EQ(planes(3), 0x0f0fff00);
	/* 2: a colour, where the mask says. */
	gfx(5, 2);
	gfx(8, 0x81);
	mmio_write(GRAPHICS + 4, 1, 0x9);
	CHECK_EQ(planes(4), 0x8f0e7e81);
	/* 3: set/reset, where mask and data say. */
	gfx(5, 3);
	gfx(0, 4);
	gfx(8, 0x0f);
	mmio_write(GRAPHICS + 5, 1, 0x33);
	CHECK_EQ(planes(5), 0x0c0ffc00);
	end();
}

static void test_read_modes(void)
{
	start();
	mode_12h();
	mmio_write(bar(0), 4, 0x0ff0aacc);
	for (unsigned int p = 0; p < 4; p++) {
		gfx(4, p);
		CHECK_EQ(mmio_read(GRAPHICS, 1), (0x0ff0aaccu >> 8 * p) & 0xff);
	}
	/* Which pixels have colour 5?  And if plane 2 does not count? */
	gfx(5, 8);
	gfx(2, 5);
	gfx(7, 15);
	CHECK_EQ(mmio_read(GRAPHICS, 1), 0x40);
	gfx(7, 11);
	CHECK_EQ(mmio_read(GRAPHICS, 1), 0x40);
	gfx(7, 3);
	CHECK_EQ(mmio_read(GRAPHICS, 1), 0x44);
	gfx(7, 0);
	CHECK_EQ(mmio_read(GRAPHICS, 1), 0xff);
	/* The window: 128 KiB, 64, and no memory. */
	gfx(5, 0);
	CHECK_EQ(mmio_read(TEXT, 1), 0xff);
	gfx(6, 1);
	mmio_write(bar(0) + 4 * 0x8000, 4, 0x11111111);
	CHECK_EQ(mmio_read(TEXT, 1), 0x11);
	port_out(0x3c2, 1, 0x65);
	CHECK_EQ(mmio_read(GRAPHICS, 1), 0xff);
	end();
}

static void test_planar_picture(void)
{
	start();
	mode_12h();
	vga_look(vga, &view);
	CHECK_EQ(view.kind, VGA_PLANAR);
	CHECK_EQ(view.width, 640);
	CHECK_EQ(view.height, 480);
	gfx(5, 2);
	gfx(8, 0x20);
	mmio_write(GRAPHICS + 80 * 300 + 3, 1, 12);
	CHECK_EQ(pixel(26, 300), 0xff5555);
	CHECK_EQ(pixel(25, 300), 0);
	CHECK_EQ(pixel(26, 301), 0);
	att(0x12, 0x07);
	CHECK_EQ(pixel(26, 300), 0xaa0000);
	end();
}

/* ---- other kinds ----------------------------------------------------------------------------- */

/* Mode 13h: 320 by 200 in 256 colours, every line twice. */
static void test_bytes_picture(void)
{
	start();
	seq(2, 15);
	seq(4, 0x0e);
	gfx(5, 0x40);
	gfx(6, 0x05);
	crt(0x09, 0x41);
	crt(0x13, 0x28);
	vga_look(vga, &view);
	CHECK_EQ(view.kind, VGA_BYTES);
	CHECK_EQ(view.width, 320);
	CHECK_EQ(view.height, 200);
	mmio_write(GRAPHICS + 320 * 199 + 317, 4, 0x00c8c700);
	port_out(0x3c8, 1, 199);
	for (unsigned int i = 1; i < 7; i++)
		port_out(0x3c9, 1, 10 * i);
	CHECK_EQ(pixel(318, 199), 0x285179);
	CHECK_EQ(pixel(319, 199), 0xa2cbf3);
	port_out(0x3c7, 1, 200);
	CHECK_EQ(port_in(0x3c7, 1), 3);
	CHECK_EQ(port_in(0x3c9, 1), 40);
	end();
}

/* CGA's 320 by 200 in 4 colours: odd lines 2000h behind the even ones. */
static void test_pairs_picture(void)
{
	start();
	seq(2, 3);
	seq(4, 2);
	gfx(5, 0x30);
	gfx(6, 0x0f);
	crt(0x11, 0);
	crt(0x01, 0x27);
	crt(0x09, 0xc1);
	crt(0x13, 0x14);
	crt(0x17, 0xa2);
	att(0x12, 0x03);
	vga_look(vga, &view);
	CHECK_EQ(view.kind, VGA_PAIRS);
	CHECK_EQ(view.width, 320);
	CHECK_EQ(view.height, 200);
	mmio_write(TEXT + 80, 2, 0x801b);
	mmio_write(TEXT + 0x2000 + 80, 1, 0xc0);
	CHECK_EQ(pixel(0, 2), 0);
	CHECK_EQ(pixel(1, 2), 0x0000aa);
	CHECK_EQ(pixel(2, 2), 0x00aa00);
	CHECK_EQ(pixel(3, 2), 0x00aaaa);
	CHECK_EQ(pixel(4, 2), 0x00aa00);
	CHECK_EQ(pixel(0, 3), 0x00aaaa);
	CHECK_EQ(pixel(0, 1), 0);
	end();
}

static void test_registers(void)
{
	start();
	/* Three times the same ports, and a screen of one colour that is not there. */
	CHECK_EQ(port_in(0x3cc, 1), 0x67);
	CHECK_EQ(port_in(0x3b5, 1), 0xff);
	crt(0x0e, 0x12);
	CHECK_EQ(port_in(0x3d5, 1), 0x12);
	port_out(0x3c2, 1, 0x66);
	CHECK_EQ(port_in(0x3b5, 1), 0x12);
	CHECK_EQ(port_in(0x3d5, 1), 0xff);
	port_out(0x3c2, 1, 0x67);
	/* The first eight of the CRT controller's are locked, but for a bit. */
	port_out(0x3d4, 1, 0x01);
	port_out(0x3d5, 1, 0);
	CHECK_EQ(port_in(0x3d5, 1), 0x4f);
	port_out(0x3d4, 1, 0x07);
	port_out(0x3d5, 1, 0);
	CHECK_EQ(port_in(0x3d5, 1), 0x0f);
	/* The retrace comes and goes; a look at it begins with an index again. */
	CHECK_EQ(port_in(0x3da, 1) ^ port_in(0x3da, 1), 9);
	port_out(0x3c0, 1, 0x31);
	port_in(0x3da, 1);
	port_out(0x3c0, 1, 0x33);
	CHECK_EQ(port_in(0x3c0, 1), 0x33);
	/* Indices without a register. */
	seq(0xff, 1);
	gfx(0xff, 1);
	crt(0xff, 1);
	CHECK_EQ(port_in(0x3c5, 1) | port_in(0x3cf, 1) | port_in(0x3d5, 1), 0);
	/* In memory. */
	mmio_write(bar(2) + 0x404, 2, 0x0902);
	CHECK_EQ(mmio_read(bar(2) + 0x405, 1), 0x09);
	CHECK_EQ(port_in(0x3c5, 1), 0x09);
	CHECK_EQ(mmio_read(bar(2) + 0x500, 2), 0xb0c5);
	CHECK_EQ(mmio_read(bar(2) + 0x41e, 4), UINT64_MAX);
	CHECK_EQ(mmio_read(bar(2) + 0xffe, 2), 0);
	end();
}

/* ---- VBE ------------------------------------------------------------------------------------- */

static void test_vbe(void)
{
	start();
	CHECK_EQ(vbe_get(0), 0xb0c5);
	vbe(0, 0xb0c0);
	CHECK_EQ(vbe_get(0), 0xb0c0);
	vbe(0, 0x1234);
	CHECK_EQ(vbe_get(0), 0xb0c0);
	CHECK_EQ(vbe_get(10), 256);
	vbe(4, 2);
	CHECK_EQ(vbe_get(1), 4096);
	CHECK_EQ(vbe_get(3), 32);
	mmio_write(bar(0), 4, 0xffffff);
	vbe_mode(800, 600, 32);
	CHECK_EQ(vbe_get(4), 0x41);
	CHECK_EQ(vbe_get(6), 800);
	CHECK_EQ(vbe_get(7), 16 * MIB / 3200);
	CHECK_EQ(pixel(0, 0), 0);
	mmio_write(bar(0) + 4 * (599 * 800 + 799), 4, 0x80123456);
	CHECK_EQ(pixel(799, 599), 0x123456);
	CHECK_EQ(view.width, 800);
	CHECK_EQ(view.height, 600);
	/* Through the window: bank 29 of 64 KiB. */
	vbe(5, 29);
	CHECK_EQ(mmio_read(GRAPHICS + 4 * (599 * 800 + 799) - 29 * 65536, 4), 0x80123456);
	vbe(5, 256);
	CHECK_EQ(vbe_get(5), 29);
	CHECK_EQ(mmio_read(TEXT, 1), 0xff);
	/* Moved within a larger one, as long as it is all there. */
	vbe(6, 1600);
	vbe(8, 800);
	vbe(9, 16 * MIB / 6400 - 600);
	CHECK_EQ(vbe_get(8), 800);
	CHECK_EQ(vbe_get(9), 16 * MIB / 6400 - 600);
	mmio_write(bar(0) + (vbe_get(9) + 2) * 6400 + 3200, 4, 0xabcdef);
	CHECK_EQ(pixel(0, 2), 0xabcdef);
	vbe(8, 801);
	vbe(9, 16 * MIB / 6400 - 599);
	vbe(6, 1592);
	CHECK_EQ(vbe_get(8), 800);
	CHECK_EQ(vbe_get(9), 16 * MIB / 6400 - 600);
	CHECK_EQ(vbe_get(6), 1600);
	/* Off again: what was there is text. */
	vbe(4, 0);
	vga_look(vga, &view);
	CHECK_EQ(view.kind, VGA_TEXT);
	end();
}

static void test_vbe_depths(void)
{
	start();
	vbe_mode(64, 64, 16);
	mmio_write(bar(0) + 2, 2, 0x8410);
	CHECK_EQ(pixel(1, 0), 0x848284);
	vbe_mode(64, 64, 15);
	mmio_write(bar(0) + 128, 2, 0x7c01);
	CHECK_EQ(pixel(0, 1), 0xff0008);
	vbe_mode(64, 64, 24);
	mmio_write(bar(0) + 64 * 3 + 3, 4, 0xff332211);
	CHECK_EQ(pixel(1, 1), 0x332211);
	vbe_mode(64, 64, 8);
	vbe(4, 0x61 | 0x80);
	port_out(0x3c8, 1, 7);
	for (unsigned int i = 0; i < 3; i++)
		port_out(0x3c9, 1, 0xf1 + i);
	mmio_write(bar(0) + 63 * 64 + 63, 1, 7);
	CHECK_EQ(pixel(63, 63), 0xf1f2f3);
	vbe_mode(64, 64, 4);
	seq(2, 15);
	seq(4, 6);
	gfx(5, 2);
	gfx(6, 5);
	mmio_write(GRAPHICS + 8 + 1, 1, 14);
	CHECK_EQ(pixel(8, 1), 0xffff55);
	/* A bank that planes have not is one that they have. */
	vbe(5, 64 + 1);
	mmio_write(GRAPHICS, 1, 3);
	CHECK_EQ(mmio_read(bar(0) + 4 * 65536, 4), 0x0000ffff);
	end();
}

static void test_vbe_wrong(void)
{
	static const uint16_t wrong[][3] = {
		{ 0, 600, 32 }, { 800, 0, 32 }, { 801, 600, 32 }, { 4104, 16, 8 }, { 16, 4097, 8 },
		{ 800, 600, 7 }, { 800, 600, 0 }, { 800, 600, 264 }, { 2048, 2049, 32 },
		{ 4096, 4096, 15 }, { 0xfff8, 0xffff, 32 },
	};

	start();
	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		vbe_mode(wrong[i][0], wrong[i][1], wrong[i][2]);
		CHECK_EQ(vbe_get(4), 0x40);
		vga_look(vga, &view);
		CHECK_EQ(view.kind, VGA_TEXT);
	}
	vbe_mode(4096, 4096, 8);
	CHECK_EQ(vbe_get(4), 0x41);
	mmio_write(bar(0) + 16 * MIB - 1, 1, 15);
	CHECK_EQ(pixel(4095, 4095), 0xaaaaff);
	end();
}

/* ---- the bus --------------------------------------------------------------------------------- */

static void test_identity(void)
{
	start();
	CHECK_EQ(mmio_read(ecam(0), 4), 0x11111234);
	CHECK_EQ(mmio_read(ecam(8), 4) >> 8, 0x030000);
	CHECK_EQ(fake.map[MACHINE_MAP_FRAME_BUFFER].gpa, bar(0));
	CHECK_EQ(fake.map[MACHINE_MAP_FRAME_BUFFER].bytes, 16 * MIB);
	end();
}

static void test_moves(void)
{
	uint64_t there;

	start();
	there = bar(0);
	mmio_write(there + 16, 4, 0x600df00d);
	CHECK_EQ(((uint32_t *)fake.map[MACHINE_MAP_FRAME_BUFFER].host)[4], 0x600df00d);
	mmio_write(ecam(0x10), 4, there + 32 * MIB);
	CHECK_EQ(fake.map[MACHINE_MAP_FRAME_BUFFER].gpa, there + 32 * MIB);
	CHECK_EQ(((uint32_t *)fake.map[MACHINE_MAP_FRAME_BUFFER].host)[4], 0x600df00d);
	mmio_write(ecam(4), 2, 0);
	CHECK_EQ(fake.map[MACHINE_MAP_FRAME_BUFFER].bytes, 0);
	/* Too often: it answers all the same. */
	fake.ioeventfds_later = true;
	mmio_write(ecam(4), 2, 2);
	CHECK_EQ(fake.map[MACHINE_MAP_FRAME_BUFFER].bytes, 0);
	CHECK_EQ(mmio_read(there + 32 * MIB + 16, 4), 0x600df00d);
	fake.ioeventfds_later = false;
	mmio_write(ecam(0x10), 4, there);
	CHECK_EQ(fake.map[MACHINE_MAP_FRAME_BUFFER].gpa, there);
	end();
}

/* B8000h is memory while it is text, and the planes have it when it is not. */
static void test_text_memory(void)
{
	uint8_t *text;

	start();
	CHECK_EQ(fake.map[MACHINE_MAP_TEXT].gpa, TEXT);
	CHECK_EQ(fake.map[MACHINE_MAP_TEXT].bytes, 0x8000);
	text = fake.map[MACHINE_MAP_TEXT].host;
	CHECK_EQ(text[0] | text[1] << 8, 0x0720);
	memcpy(text, "t\x1e", 2);
	CHECK_EQ(mmio_read(TEXT, 2), 0x1e74);
	CHECK(!strncmp(text_now(), "t\n", 2));
	/* Its font is loaded. */
	seq(2, 4);
	seq(4, 6);
	gfx(5, 0);
	gfx(6, 0);
	CHECK_EQ(fake.map[MACHINE_MAP_TEXT].bytes, 0);
	CHECK_EQ(planes(0), 0x00001e74);
	mmio_write(GRAPHICS, 1, 0x55);
	seq(2, 3);
	seq(4, 2);
	gfx(5, 0x10);
	gfx(6, 0x0e);
	CHECK_EQ(fake.map[MACHINE_MAP_TEXT].gpa, TEXT);
	CHECK_EQ(planes(0), 0x00551e74);
	CHECK_EQ(text[0] | text[1] << 8, 0x1e74);
	/* A mode of VBE, and back; too often: there is an exit for each access, and no more. */
	vbe_mode(64, 64, 8);
	CHECK_EQ(fake.map[MACHINE_MAP_TEXT].bytes, 0);
	fake.ioeventfds_later = true;
	vbe(4, 0);
	CHECK_EQ(fake.map[MACHINE_MAP_TEXT].bytes, 0);
	print_at(0, "x");
	CHECK(!strncmp(text_now(), "x\n", 2));
	fake.ioeventfds_later = false;
	seq(2, 2);
	CHECK_EQ(fake.map[MACHINE_MAP_TEXT].bytes, 0);
	seq(2, 3);
	gfx(8, 0xff);
	CHECK_EQ(fake.map[MACHINE_MAP_TEXT].bytes, 0x8000);
	CHECK_EQ(text[0] | text[1] << 8, 0x1e78);
	end();
}

static void test_refused(void)
{
	for (int ranges = 0; ranges < 3; ranges++) {
		bus = pci_bus_new(&fake);
		fake.refuse_after = ranges;
		errno = 0;
		CHECK(!vga_new(bus));
		CHECK_EQ(errno, EEXIST);
		fake.refuse_after = -1;
		pci_bus_free(bus);
		fake_init();
	}
}

/* Any registers, and each time a picture: ASan and UBSan look on. */
static void test_random(void)
{
	static char text[SCREEN_TEXT_BYTES];
	uint64_t seed = 88172645463325252ull;

	start();
	for (unsigned int i = 0; i < 40000; i++) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		switch (seed >> 60 & 3) {
		case 0:
			port_out(0x3b0 + (seed & 0xff) % 0x30, 1, seed >> 8);
			break;
		case 1:
			vbe(seed & 15, seed >> 8 & (seed >> 24 | 0x0f));
			break;
		case 2:
			mmio_write(GRAPHICS + (seed & 0x1fff0), 8, seed);
			mmio_read(GRAPHICS + (seed >> 20 & 0x1fff0), 8);
			break;
		case 3:
			crt(seed >> 8 & 31, seed);
			break;
		}
		vga_look(vga, &view);
		if (!view.width || view.width > VGA_MAX_SIDE || !view.height ||
		    view.height > VGA_MAX_SIDE || view.cell_height > 32 ||
		    (view.kind == VGA_TEXT && (!view.rows || view.rows > VGA_MAX_CELLS))) {
			CHECK(false);
			break;
		}
		screen_row(&view, seed % view.height, row);
		screen_row(&view, view.height - 1, row);
		if (view.kind == VGA_TEXT && !(i % 64))
			screen_text(&view, text, sizeof(text));
	}
	end();
}

static const struct test tests[] = {
	{ "vga: what it says it is", test_identity },
	{ "vga: registers", test_registers },
	{ "vga: text", test_text },
	{ "vga: where text ends", test_text_edges },
	{ "vga: text as pixels", test_text_pixels },
	{ "vga: its own font", test_font },
	{ "vga: write modes", test_write_modes },
	{ "vga: read modes, windows", test_read_modes },
	{ "vga: 16 colours", test_planar_picture },
	{ "vga: 256 colours", test_bytes_picture },
	{ "vga: CGA's 4 colours", test_pairs_picture },
	{ "vga: VBE", test_vbe },
	{ "vga: VBE's depths", test_vbe_depths },
	{ "vga: modes that VBE refuses", test_vbe_wrong },
	{ "vga: the frame buffer moves", test_moves },
	{ "vga: text as memory", test_text_memory },
	{ "vga: ports that others have", test_refused },
	{ "vga: any registers", test_random },
};

int main(void)
{
	return RUN_TESTS(tests);
}
