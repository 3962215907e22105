// SPDX-License-Identifier: GPL-2.0
/*
 * libFuzzer on the loader of ELF kernels with a PVH entry; see loader.h.
 */
#include "../../userspace/pvh.c"
#include "loader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_loader(&loader_pvh, data, size);
}
