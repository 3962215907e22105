#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 300
#
# scripts/bench-native, whose figures mean nothing here: it says what machine it is, and gives each
# operation a median that lies within its spread.

echo "1..2"
scripts/bench-native >"$TMPDIR/out" 2>"$TMPDIR/err"
status=$?
sed 's/^/# /' "$TMPDIR/out" "$TMPDIR/err"
grep -q '^processor  *[^ ]' "$TMPDIR/out" && [ "$status" -eq 0 ] && echo "ok 1 a head" ||
	{ echo "not ok 1 a head"; status=1; }
awk '
	sub(/\(/, "") && gsub(/[()]/, "") {
		n++
		if (NF != 5 || $2 < $3 || $2 > $5 || $3 <= 0)
			bad++
	}
	END { exit bad || n < 20 }' "$TMPDIR/out" && echo "ok 2 figures" ||
	{ echo "not ok 2 figures"; status=1; }
exit "$status"
