#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 300
#
# No CPU of a guest ever sees time behind what another has seen, for a minute, while the host moves
# the vCPUs' threads about.

. selftests/lib/workload.sh

echo "1..5"
run_guest clocks 240 out/guest/vmlinuz 384M clocks 60 &
while [ ! -e "$tmp/clocks.status" ]; do
	for task in /proc/"$(pidof vmctl)"/task/*; do
		taskset -cp 1 "${task##*/}"
		taskset -cp 2 "${task##*/}"
		taskset -cp 1-2 "${task##*/}"
	done
	sleep 0.1
done >/dev/null 2>&1
wait
[ "$(cat "$tmp/clocks.status")" -eq 0 ]
result $? clocks "the guest powered off"
all_cpus clocks
result $? clocks "all $CPUS CPUs are online"
has clocks "^clocks: $CPUS CPUs, [1-9][0-9]* reads, 0 steps back"
result $? clocks "time did not step back between CPUs"
watchdogs clocks && quiet clocks
result $? clocks "nothing complained, and the watchdogs were on"
clock_kept clocks
result $? clocks "the guest's clock went with the host's"
show clocks '^clocks:'
exit $failed
