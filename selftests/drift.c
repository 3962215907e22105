// SPDX-License-Identifier: GPL-2.0
/*
 * A guest's time against the host's clock: the periodic timer's phase, the number of its ticks, and
 * the time-stamp counter at the rate that the guest is told. For DRIFT_SECONDS, or 5; the ten
 * minutes are long/drift.sh's.
 *
 * needs: selftests/lib/vmtest.c selftests/lib/start.c
 * hosts: epyc-6.1
 */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/vmtest.h"

#define PERIOD	10000000LL

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

struct moment {
	int64_t ends;		/* host's clock when the count that runs ends */
	int64_t at;		/* host's clock at ... */
	int64_t tsc_ns;		/* ... this guest TSC */
};

/* To 100 us, as fast as the host allows. */
static struct moment look(struct vmt *v)
{
	int64_t before, after;
	struct moment m;

	do {
		before = now_ns();
		vmt_get(v, SVMM_STATE_LAPIC | SVMM_STATE_TSC);
		after = now_ns();
	} while (after - before > 100000);
	m.ends = before + v->lapic->regs[0x39];
	do {
		before = now_ns();
		m.tsc_ns = (__builtin_ia32_rdtsc() + v->page->tsc.offset) * (__uint128_t)1000000 /
			   v->caps.tsc_khz;
		m.at = now_ns();
	} while (m.at - before > 20000);
	return m;
}

FIXTURE(drift) {
	struct vmt v;
};

FIXTURE_SETUP(drift)
{
	vmt_boot(&self->v, "lapic", "periods");
}

FIXTURE_TEARDOWN(drift)
{
	vmt_close(&self->v);
}

TEST_F_TIMEOUT(drift, none, 700)
{
	const char *s = getenv("DRIFT_SECONDS");
	int64_t seconds = s ? atoi(s) : 5, ticks = 1, started, elapsed, phase, tsc;
	struct moment begin, end;
	struct vmt *v = &self->v;

	vmt_deadline(seconds + 60);
	vmt_arg(v, 0) = PERIOD;
	started = now_ns();
	vmt_report(v);
	begin = look(v);
	do {
		vmt_report(v);
		ticks++;
	} while (now_ns() - begin.at < seconds * 1000000000LL);
	end = look(v);
	elapsed = end.at - begin.at;
	phase = (end.ends - begin.ends + PERIOD / 2) % PERIOD - PERIOD / 2;
	tsc = end.tsc_ns - begin.tsc_ns - elapsed;
	TH_LOG("%lld s: %lld ticks, the timer moved by %lld us, the TSC by %lld us",
	       (long long)seconds, (long long)ticks, (long long)phase / 1000,
	       (long long)tsc / 1000);
	/* none is made up; and most come, however slow the host */
	EXPECT_GE((end.at - started) / PERIOD, ticks);
	EXPECT_LE(elapsed / PERIOD / 2, ticks);
	EXPECT_LE(-200000, phase);
	EXPECT_GE(200000, phase);
	/* the host's clock may be another than its TSC, which then is calibrated only: 500 ppm */
	EXPECT_LE(-elapsed / 2000, tsc);
	EXPECT_GE(elapsed / 2000, tsc);
}

TEST_HARNESS_MAIN
