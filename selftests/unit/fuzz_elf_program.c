// SPDX-License-Identifier: GPL-2.0
// needs: userspace/loader_memory.c userspace/places.c userspace/enter.c userspace/elf_image.c
// needs: userspace/multiboot_image.c
/*
 * What libFuzzer has found for fuzz/elf_program.c, once more.
 */
#include "../fuzz/elf_program.c"
#include "fuzz_replay.h"

int main(void)
{
	return replay_main("elf_program");
}
