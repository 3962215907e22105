/* SPDX-License-Identifier: GPL-2.0 */
/* What code of the module the calling thread has run, on a kernel with KCOV. */
#ifndef SELFTESTS_FUZZ_KCOV_H
#define SELFTESTS_FUZZ_KCOV_H

#include <stdbool.h>
#include <stdint.h>

#define KCOV_BLOCKS	(64 << 10)	/* of a program; later ones are not seen */

/* From now on; false: this kernel has none. */
bool kcov_start(void);
/* Forget what was run up to now. */
void kcov_clear(void);
/* Addresses of the basic blocks since then, in their order. Return: how many. */
unsigned long kcov_blocks(const uint64_t **blocks);

#endif
