#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# only: check-long
# timeout: 240
#
# vmctl on machines that cannot run guests: it names the reason and the remedy, in `vmctl run` as
# in `vmctl check`, and ends with status 1. Each machine is an emulated host of its own.

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0
failed=0

# host WORDS TEXT OPTIONS -- SET-UP: both commands must give WORDS
host()
{
	words=$1
	text=$2
	shift 2
	setup=true
	options=
	while [ $# -gt 0 ]; do
		[ "$1" != -- ] || { setup=$2; break; }
		options="$options $1"
		shift
	done
	# shellcheck disable=SC2086
	scripts/amdhost $options -- sh -c "$setup
		vmctl run --flat /bin/busybox; echo \"run: \$?\" >&2
		vmctl check >&2; echo \"check: \$?\" >&2" >"$tmp/out" 2>"$tmp/err" </dev/null
	for line in 'run: 1' 'check: 1' "^vmctl: cannot .*$words" "^no  *.*$words"; do
		n=$((n + 1))
		if grep -q -- "$line" "$tmp/err"; then
			echo "ok $n $text: $line"
		else
			tail -n 20 "$tmp/err" | sed 's/^/# /'
			echo "not ok $n $text: $line"
			failed=1
		fi
	done
}

echo "1..20"
host "hypervisor does not offer SVM" "no SVM" --no-module --cpu EPYC,-svm
host "no nested paging" "no nested paging" --no-module --cpu Opteron_G3,+svm,-npt
host "GenuineIntel" "another maker's CPU" --no-module --cpu Nehalem
# The emulator has no SVMDIS: a file plays the MSR driver, C001_0114h of it VM_CR.
host "disabled by firmware.*enable" "SVM disabled by firmware" --no-module -- '
	mkdir -p /dev/cpu/0
	printf "\020\0\0\0\0\0\0\0" |
		dd of=/dev/cpu/0/msr bs=1 seek=3221291284 conv=notrunc 2>/dev/null'
host "another hypervisor holds SVM.*modprobe -r kvm_amd" "SVM held by KVM" --peer -- '
	modprobe kvm_amd
	qemu-system-x86_64 -M microvm -accel kvm -cpu host -nodefaults -no-user-config \
		-display none -S &
	for _ in $(seq 200); do
		! ls -l /proc/*/fd 2>/dev/null | grep -q anon_inode:kvm-vm || break
		sleep 0.1
	done'
exit $failed
