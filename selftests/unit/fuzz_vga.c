// SPDX-License-Identifier: GPL-2.0
// needs: userspace/devices/vga.c userspace/devices/vga_memory.c userspace/devices/vga_registers.c
// needs: userspace/devices/vga_vbe.c userspace/devices/vga_view.c userspace/devices/vga_font.c
// needs: userspace/screen.c
// needs: userspace/devices/pci_bus.c userspace/devices/pci_function.c userspace/devices/msix.c
/*
 * What libFuzzer has found for fuzz/vga.c, once more.
 */
#include "../fuzz/vga.c"
#include "fuzz_replay.h"

int main(void)
{
	return replay_main("vga");
}
