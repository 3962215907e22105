// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer on the loader of ELF programs; see loader.h.
 *
 * needs: userspace/loader_memory.c userspace/places.c userspace/enter.c userspace/elf_image.c
 * needs: userspace/multiboot_image.c
 * max-len: 1024
 */
#include "../../userspace/elf_program.c"
#include "loader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_loader(&loader_elf, data, size);
}
