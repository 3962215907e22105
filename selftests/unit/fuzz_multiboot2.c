// SPDX-License-Identifier: GPL-2.0
// needs: userspace/loader_memory.c userspace/places.c userspace/enter.c userspace/elf_image.c
// needs: userspace/multiboot_image.c
/*
 * What libFuzzer has found for fuzz/multiboot2.c, once more.
 */
#include "../fuzz/multiboot2.c"
#include "fuzz_replay.h"

int main(void)
{
	return replay_main("multiboot2");
}
