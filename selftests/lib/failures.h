/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Failures that the kernel injects into what the calling thread asks of it: allocations and copies
 * from and to user space (Documentation/fault-injection). The debug kernel can; others cannot.
 */
#ifndef SELFTESTS_FAILURES_H
#define SELFTESTS_FAILURES_H

#include <stdbool.h>

/* Set up what is injected. NULL, or why nothing can be. */
const char *failures_why_not(void);

/* From now on the @nth of this thread's allocations and copies fails, once; 0: none does. */
bool fail_nth(unsigned int nth);

/* It has come to that. */
bool has_failed(void);

#endif
