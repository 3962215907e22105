#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 600
#
# What the accounting adds to an exit, in instructions of the host: the difference between svmm.ko
# and one that is built without it, in one boot in counting mode. Limits are for an exit that stays
# in the window; one whose key is counted (MSR, hypercall); one that goes to user space, besides.

echo "1..8"
PLAIN=1 scripts/build-module 6.1 >"$TMPDIR/build" 2>&1 || { sed 's/^/# /' "$TMPDIR/build"; exit 1; }
# shellcheck disable=SC2016
scripts/amdhost --counting --timeout 500 -- sh -c '
	out/selftests/bench-exits svmm
	rmmod svmm && insmod out/modules/$(uname -r)/svmm-plain.ko && out/selftests/bench-exits svmm' \
	>"$TMPDIR/costs" 2>"$TMPDIR/err" </dev/null || { sed 's/^/# /' "$TMPDIR/costs" "$TMPDIR/err"; exit 1; }
awk '
	BEGIN {
		limit["cpuid"] = limit["vmmcall"] = limit["rdmsr"] = limit["wrmsr"] = 40
		limit["pio_out"] = limit["pio_in"] = limit["mmio_store4"] = limit["mmio_load4"] = 80
	}
	!($1 in limit) { next }
	!($1 in with) { with[$1] = $2; next }
	{
		cost = int(with[$1] - $2 + 0.5)
		printf "# %s: %d with accounting, %d without: %d of at most %d\n", $1, with[$1], $2,
			cost, limit[$1]
		printf "%sok %d %s\n", (cost > limit[$1] ? "not " : ""), ++n, $1
		bad += cost > limit[$1]
	}
	END { exit bad || n != 8 }' "$TMPDIR/costs"
