#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 600
#
# What exits cost the host: no more than selftests/bench/baseline.json says; and what the accounting
# takes of it: no more than the limits in scripts/bench. All of it in one boot of the emulated host in
# counting mode; guest memory is memory_cost.sh's. An improvement goes into the baseline by
# `scripts/bench --no-boot --record`; the commit says how it came about.

echo "1..3"
scripts/bench --no-memory --no-boot --accounting --gate >"$TMPDIR/out" 2>"$TMPDIR/err" </dev/null
status=$?
sed 's/^/# /' "$TMPDIR/out" "$TMPDIR/err"
ok()
{
	[ "$1" -gt 0 ] && echo "not ok $2 $3" || echo "ok $2 $3"
}
ok "$status" 1 "it ran to its end, and found nothing worse"
ok "$(grep -c '^worse: accounts' "$TMPDIR/out")" 2 "what the accounts cost"
ok "$(grep '^worse: ' "$TMPDIR/out" | grep -vc 'accounts of')" 3 "against the baseline"
exit "$status"
