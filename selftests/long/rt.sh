#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 600
#
# Debian's PREEMPT_RT kernel as the guest: interrupts in threads, timers in hard interrupt context,
# spinlocks that sleep.

. selftests/lib/workload.sh

echo "1..6"
run_guest rt 500 out/long/vmlinuz-rt 384M latency 20
result $? rt "the guest powered off"
all_cpus rt
result $? rt "all $CPUS CPUs are online"
has rt '^workload: .* kernel .*PREEMPT_RT'
result $? rt "its kernel is PREEMPT_RT"
wakeups=$(console rt | sed -n 's/^workload: wakeups //p')
[ "${wakeups:-0}" -gt $((20 * 25 * CPUS)) ]
result $? rt "its real-time threads woke up: ${wakeups:-0} times"
watchdogs rt && quiet rt
result $? rt "nothing complained, and the watchdogs were on"
clock_kept rt
result $? rt "the guest's clock went with the host's"
show rt '^workload: (cpus|latency)|Latencies|Overflows:'
exit $failed
