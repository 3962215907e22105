#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 1200
# only: check-long
#
# A guest's read of 4 KiB from a virtio disk costs the host no more instructions under svmm and
# vmctl than under kvm_amd and QEMU, whichever of its ways is the cheapest.

echo "1..1"
if scripts/bench-disk >"$TMPDIR/table" 2>&1; then
	status=ok
else
	status="not ok"
fi
sed "s/^/# /" "$TMPDIR/table"
echo "$status 1 disk_cost"
[ "$status" = ok ]
