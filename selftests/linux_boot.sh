#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 120
#
# Debian's kernel, unmodified, boots under vmctl to user space, finds what it should, runs a
# command and powers off; nothing in its log is a complaint.

log=$(mktemp)
n=0
failed=0
result()
{
	n=$((n + 1))
	[ "$1" -eq 0 ] && { echo "ok $n $2"; return; }
	tail -n 30 "$log" | tr -d '\r' | sed 's/^/# /'
	echo "not ok $n $2"
	failed=1
}
has() { tr -d '\r' <"$log" | grep -q -- "$1"; }

echo "1..7"
vmctl run --kernel out/guest/vmlinuz --initrd out/guest/initrd.img --mem 256M --cpus 1 \
	--append 'console=ttyS0 svmm.run="cat /proc/interrupts"' \
	>"$log" 2>&1 </dev/null
result $? "the guest's power-off is status 0"
has '^  kernel  *Linux 6\.'
result $? "user space reports its kernel"
has '^  CPUs  *1, '
result $? "one CPU"
has '^  hypervisor  *KVM$'
result $? "the paravirtual interface is found"
has '^  clocksource  *kvm-clock$'
result $? "the paravirtual clock is in use"
has '^svmm.run: status 0$'
result $? "a command runs"
! tr -d '\r' <"$log" | grep -v hw-vuln | grep -E -f scripts/host/trouble >&2
result $? "the guest's kernel has no complaint"
exit $failed
