#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 600
#
# What exits cost the host: no more than selftests/bench/baseline.json says; and what the accounting
# takes of it: no more than the limits in scripts/bench. All of it in one boot of the emulated host in
# counting mode; guest memory is memory_cost.sh's. Exits are measured at one place and varied; the
# latter's limits are the baseline's, and the former's figures with a margin: what is fast where the
# benchmark is, and slow elsewhere, fails. So does a start of vmctl, or its answer to a guest's OUT,
# that takes more than before. An improvement goes into the baseline by
# `scripts/bench --no-boot --record`; the commit says how it came about.

echo "1..5"
scripts/bench --no-memory --no-boot --accounting --gate >"$TMPDIR/out" 2>"$TMPDIR/err" </dev/null
status=$?
sed 's/^/# /' "$TMPDIR/out" "$TMPDIR/err"
ok()
{
	[ "$1" -gt 0 ] && echo "not ok $2 $3" || echo "ok $2 $3"
}
ok "$status" 1 "it ran to its end, and found nothing worse"
ok "$(grep -c '^worse: accounts' "$TMPDIR/out")" 2 "what the accounts cost"
ok "$(grep '^worse: ' "$TMPDIR/out" | grep -vc "accounts of\|: varied \|: vmctl's ")" 3 \
	"against the baseline"
ok "$(grep -c '^worse: varied ' "$TMPDIR/out")" 4 "varied exits against those at one place"
ok "$(grep -c "^worse: vmctl's " "$TMPDIR/out")" 5 "vmctl's start and its sandbox, against the baseline"
exit "$status"
