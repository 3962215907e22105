#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 900
# only: check-long
#
# Guest memory costs the host no more instructions, against kvm_amd, than docs/design.md says.

echo "1..1"
if scripts/bench-memory >"$TMPDIR/table" 2>&1; then status=ok; else status="not ok"; fi
sed "s/^/# /" "$TMPDIR/table"
echo "$status 1 memory_cost"
[ "$status" = ok ]
