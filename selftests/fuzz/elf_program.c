// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer on the loader of ELF programs; see loader.h.
 */
#include "../../userspace/elf_program.c"
#include "loader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_loader(&loader_elf, data, size);
}
