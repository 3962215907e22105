#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 900
#
# A guest's boot under vmctl needs no more host instructions than under the cheapest peer, QEMU on
# kvm_amd. Instructions, not time: a busy build machine makes no difference. That peer is always the
# same; scripts/bench-boot measures the dearer ones, too.

echo "1..1"
PEERS=microvm,rtc=on scripts/bench-boot 2>&1 | sed "s/^/# /" >"$TMPDIR/table"
cat "$TMPDIR/table"
ratio=$(sed -n 's/^# vmctl needs \([0-9.]*\) of .*/\1/p' "$TMPDIR/table")
if [ "$ratio" ] && awk "BEGIN { exit !($ratio <= 1) }"; then
	echo "ok 1 boot_cost"
else
	echo "not ok 1 boot_cost"
	exit 1
fi
