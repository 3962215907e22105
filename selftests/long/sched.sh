#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 2400
#
# The scheduler's benchmarks of perf, and the wake-up latency of a real-time thread on each CPU.
# Both live on wake-ups of halted CPUs: a lost one hangs the first and shows in the second. By hand,
# PIPE_LOOPS=all out of selftests/run has perf's own million of round trips, for hours.

. selftests/lib/workload.sh
PIPE_LOOPS=${PIPE_LOOPS:-20000}		# all: `perf bench sched all`, a million of them

echo "1..9"
if [ "$PIPE_LOOPS" = all ]; then limit=21600; else limit=1500; fi
run_guest sched $limit out/guest/vmlinuz 512M sched "$PIPE_LOOPS"
result $? sched "perf's guest powered off"
all_cpus sched
result $? sched "all $CPUS CPUs are online"
[ "$(console sched | grep -c 'Total time: *[0-9.]* \[sec\]')" -eq 2 ]
result $? sched "both benchmarks have a result"
watchdogs sched && quiet sched
result $? sched "nothing complained, and the watchdogs were on"
clock_kept sched
result $? sched "the guest's clock went with the host's"
show sched '^# Running|Total time|usecs/op|ops/sec'

run_guest latency 300 out/guest/vmlinuz 384M latency 20
result $? latency "cyclictest's guest powered off"
# 500 wake-ups a second on each CPU are asked for; a busy machine may not get through them.
wakeups=$(console latency | sed -n 's/^workload: wakeups //p')
[ "${wakeups:-0}" -gt $((20 * 25 * CPUS)) ]
result $? latency "its threads woke up: ${wakeups:-0} times"
watchdogs latency && quiet latency
result $? latency "nothing complained, and the watchdogs were on"
clock_kept latency
result $? latency "the guest's clock went with the host's"
show latency '^workload: latency|Latencies|Overflows:'
exit $failed
