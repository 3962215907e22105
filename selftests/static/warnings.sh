#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 300
#
# The module builds with W=1 and sparse, and neither they nor objtool nor modpost print a line: for
# 6.12, whose headers and flags see more, and in check-long for 6.1, too.

kernels=6.12
[ -z "$SVMM_LONG" ] || kernels="6.1 6.12"
echo "1..$(echo $kernels | wc -w)"
n=0
failed=0
for kernel in $kernels; do
	n=$((n + 1))
	# The lint farm keeps objects: start afresh, so that each file is looked at.
	rm -rf "out/kbuild/$(scripts/setup kver $kernel).lint"
	if out=$(scripts/build-module $kernel W=1 C=2 2>&1) && [ -z "$out" ]; then
		echo "ok $n $kernel"
	else
		echo "$out" | sed 's/^/# /'
		echo "not ok $n $kernel"
		failed=1
	fi
done
exit $failed
