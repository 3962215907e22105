#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 200
#
# CPUs that cannot run guests: the module refuses with -ENODEV and says why, in one line. Each is an
# emulated host of its own.

n=0
failed=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# refused CPU WORDS TEXT
refused()
{
	n=$((n + 1))
	# shellcheck disable=SC2016
	scripts/amdhost --cpu "$1" --no-module -- sh -c '
		insmod out/modules/$(uname -r)/svmm.ko; echo "status $?"
		dmesg | grep "svmm: "; ls /dev/svmm; lsmod | grep "^svmm"' >"$tmp/out" 2>&1 </dev/null
	# busybox tries twice; the taint is the kernel's own remark
	lines=$(sed -n 's/^\[.*\] svmm: //p' "$tmp/out" | grep -v taint | sort -u)
	if grep -q "No such device" "$tmp/out" && grep -q "^status [1-9]" "$tmp/out" &&
	   [ "$(echo "$lines" | wc -l)" = 1 ] && echo "$lines" | grep -q "$2" &&
	   ! grep -q "^/dev/svmm\|^svmm " "$tmp/out"; then
		echo "ok $n $3"
	else
		sed 's/^/# /' "$tmp/out"
		echo "not ok $n $3"
		failed=1
	fi
}

echo "TAP version 13"
echo "1..3"
refused Opteron_G3,+svm,-npt "no nested paging" "SVM without nested paging"
refused EPYC,-svm "no SVM" "an AMD CPU without SVM"
refused Nehalem "no SVM" "another vendor's CPU"
exit "$failed"
