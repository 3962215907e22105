// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer on the display adapter: any accesses to its ports, window, registers and memory, in
 * any order, with a look at the screen after the first ones and at the end. What must hold: the
 * picture has its limits, no access leaves the memory, which the sanitizers watch, and what is
 * mapped for the guest is taken back.
 *
 * needs: userspace/screen.c userspace/devices/vga.c userspace/devices/vga_font.c
 * needs: userspace/devices/vga_memory.c userspace/devices/vga_registers.c
 * needs: userspace/devices/vga_vbe.c userspace/devices/vga_view.c userspace/devices/pci_bus.c
 * needs: userspace/devices/pci_function.c userspace/devices/msix.c
 * max-len: 2048
 */
#include "../../userspace/pci.h"
#include "../../userspace/screen.h"
#include "../unit/devices_fake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LOOKS	8	/* of an input: a picture takes long */

struct access {
	uint8_t what, width;
	uint16_t offset;
	uint32_t value;
};

static void range_access(const struct io_range *r, uint64_t offset, const struct access *a)
{
	unsigned int bytes = 1 << a->width % (r->size > 0x30 ? 4 : 3);

	if (bytes > r->size)
		return;
	offset %= r->size - bytes + 1;
	if (a->width & 8)
		r->read(r->opaque, offset, bytes);
	else
		r->write(r->opaque, offset, bytes, a->value * 0x100000001ull);
}

/* In the order in which pci_bus.c and vga.c add their ranges. */
static void one_access(const struct access *a)
{
	switch (a->what % 8) {
	case 0:
	case 1:			/* 3B0h to 3DFh */
		range_access(&fake.port[2], a->offset, a);
		break;
	case 2:
	case 3:			/* a register of VBE, mostly as it is */
		fake.port[3].write(fake.port[3].opaque, 0, 2, a->offset & 15);
		range_access(&fake.port[3], 1, a);
		break;
	case 4:			/* the window */
		range_access(&fake.mmio[2], a->offset << 1, a);
		break;
	case 5:			/* BAR 2, where it is at first */
		range_access(&fake.mmio[1], 0x1000000 + (a->offset & 0xfff), a);
		break;
	case 6:			/* the frame buffer */
		range_access(&fake.mmio[1], a->offset << 8 | a->what, a);
		break;
	case 7:			/* configuration space */
		fake.ioeventfds_later = a->offset & 0x100;
		range_access(&fake.mmio[0], 0x8000 + (a->offset & 0xff), a);
	}
}

static void look(const struct vga *vga, uint32_t where)
{
	static char text[SCREEN_TEXT_BYTES];
	static uint8_t row[SCREEN_ROW_BYTES];
	struct vga_view view;

	vga_look(vga, &view);
	if (!view.width || view.width > VGA_MAX_SIDE || !view.height ||
	    view.height > VGA_MAX_SIDE || !view.cell_height || view.cell_height > 32)
		abort();
	screen_row(&view, where % view.height, row);
	screen_row(&view, view.height - 1, row);
	if (view.kind != VGA_TEXT)
		return;
	if (!view.rows || view.rows > VGA_MAX_CELLS || !view.columns ||
	    view.columns > VGA_MAX_CELLS)
		abort();
	if (screen_text(&view, text, sizeof(text)) >= sizeof(text))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pci_bus *bus;
	struct vga *vga;
	struct access a;

	fake_init();
	bus = pci_bus_new(&fake);
	vga = vga_new(bus);
	if (!vga)
		abort();
	pci_bus_hand_over(bus);
	for (unsigned int i = 0; size >= sizeof(a); data += sizeof(a), size -= sizeof(a), i++) {
		memcpy(&a, data, sizeof(a));
		one_access(&a);
		if (i < LOOKS)
			look(vga, a.value);
	}
	look(vga, size);
	vga_free(vga);
	pci_bus_free(bus);
	if (fake.map[0].bytes || fake.map[1].bytes || fake.bad_removals)
		abort();
	return 0;
}
