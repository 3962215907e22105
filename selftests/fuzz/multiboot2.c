// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer on the loader of multiboot2 kernels; see loader.h.
 */
#include "../../userspace/multiboot2.c"
#include "loader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_loader(&loader_multiboot2, data, size);
}
