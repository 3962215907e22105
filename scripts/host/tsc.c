// SPDX-License-Identifier: GPL-2.0
/*
 * Prints the rate of this machine's TSC, in kHz.
 *
 * The emulator hands that TSC to the emulated host, whose kernel measures its rate against an
 * emulated timer; on a busy machine that goes wrong by factors.  Here two clocks are read as close
 * together as can be, twice, a while apart: being kept waiting in between does no harm.
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* The TSC, and what the clock was then: of many readings the quickest. */
static uint64_t read_both(uint64_t *ns)
{
	uint64_t before, after, ticks, tsc = 0, best = UINT64_MAX;
	int i;

	for (i = 0; i < 100; i++) {
		before = now_ns();
		ticks = __rdtsc();
		after = now_ns();
		if (after - before < best) {
			best = after - before;
			*ns = before + best / 2;
			tsc = ticks;
		}
	}
	return tsc;
}

int main(void)
{
	uint64_t ns[2], tsc[2];

	tsc[0] = read_both(&ns[0]);
	usleep(100000);
	tsc[1] = read_both(&ns[1]);
	printf("%.0f\n", (tsc[1] - tsc[0]) * 1e6 / (ns[1] - ns[0]));
	return 0;
}
