/* SPDX-License-Identifier: GPL-2.0 */
/*
 * KTAP output for unit tests: the kernel's kselftest.h if it is on the include path, else the few
 * functions of it that unit tests use, with the same names. It knows nothing of any test.
 */
#ifndef SELFTESTS_UNIT_TAP_H
#define SELFTESTS_UNIT_TAP_H

#if __has_include("kselftest.h")
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wunused-function"
#include "kselftest.h"
#pragma GCC diagnostic pop
#else

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned int ksft_count, ksft_failed, ksft_planned;

static inline void ksft_print_header(void)
{
	printf("TAP version 13\n");
}

static inline void ksft_set_plan(unsigned int plan)
{
	ksft_planned = plan;
	printf("1..%u\n", plan);
}

#define ksft_print_msg(...)	printf("# " __VA_ARGS__)

#define ksft_test_result(ok_, ...) do {				\
	int res_ = !!(ok_);					\
	ksft_failed += !res_;					\
	printf("%s %u ", res_ ? "ok" : "not ok", ++ksft_count);	\
	printf(__VA_ARGS__);					\
} while (0)

#define ksft_test_result_skip(...) do {				\
	printf("ok %u # SKIP ", ++ksft_count);			\
	printf(__VA_ARGS__);					\
} while (0)

static inline void ksft_finished(void)
{
	exit(ksft_failed || ksft_count != ksft_planned);
}

#endif /* kselftest.h */

#endif /* SELFTESTS_UNIT_TAP_H */
