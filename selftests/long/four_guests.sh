#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 900
#
# Four guests of four vCPUs each on the two CPUs of the host, all under stress-ng at once: sixteen
# vCPUs that the host preempts in the middle of everything.

. selftests/lib/workload.sh
stressors='cpu fork timer futex mmap switch'

echo "1..16"
for g in one two three four; do
	run_guest $g 800 out/guest/vmlinuz 384M stress 30 $stressors &
done
wait
for g in one two three four; do
	[ "$(cat "$tmp/$g.status")" -eq 0 ] && all_cpus $g
	result $? $g "$g: the guest ran on $CPUS CPUs and powered off"
	has $g '^workload: stress status 0$' && bogo_ops $g $stressors
	result $? $g "$g: each stressor has done something"
	watchdogs $g && quiet $g
	result $? $g "$g: nothing complained, and the watchdogs were on"
	clock_kept $g
	result $? $g "$g: the guest's clock went with the host's"
	show $g 'metrc|^workload: steal'
done
exit $failed
