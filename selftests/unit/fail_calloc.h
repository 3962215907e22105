/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory that runs out. For tests linked with -Wl,--wrap=calloc.
 */
#ifndef SELFTESTS_UNIT_FAIL_CALLOC_H
#define SELFTESTS_UNIT_FAIL_CALLOC_H

#include <errno.h>
#include <stddef.h>

static int calloc_after = -1;		/* so many succeed from now on; -1: all */

void *__real_calloc(size_t nr, size_t bytes);
void *__wrap_calloc(size_t nr, size_t bytes);

void *__wrap_calloc(size_t nr, size_t bytes)
{
	if (!calloc_after) {
		errno = ENOMEM;
		return NULL;
	}
	if (calloc_after > 0)
		calloc_after--;
	return __real_calloc(nr, bytes);
}

#endif
