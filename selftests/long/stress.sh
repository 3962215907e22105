#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 900
#
# Debian's kernel on four vCPUs under two minutes of stress-ng: every stressor makes progress,
# nothing stalls, the clock stays with the host's. Few workloads have more timers, wake-ups across
# CPUs, TLB shootdowns and forks at the same time.

. selftests/lib/workload.sh
SECONDS_OF_STRESS=${SECONDS_OF_STRESS:-120}
stressors='cpu fork timer futex mmap switch'

echo "1..8"
run_guest stress $((SECONDS_OF_STRESS * 2 + 240)) out/guest/vmlinuz 512M stress "$SECONDS_OF_STRESS" $stressors
result $? stress "the guest powered off"
all_cpus stress
result $? stress "all $CPUS CPUs are online"
has stress '^workload: stress status 0$'
result $? stress "stress-ng is content"
bogo_ops stress $stressors
result $? stress "each stressor has done something"
ran=$(console stress | sed -n 's/.*successful run completed in \([0-9]*\).*/\1/p')
[ "${ran:-0}" -ge "$SECONDS_OF_STRESS" ]
result $? stress "it ran as long as it was told"
watchdogs stress
result $? stress "the guest's watchdogs were on, as its kernel has them"
quiet stress
result $? stress "none of them, and nothing else, complained"
clock_kept stress
result $? stress "the guest's clock went with the host's"
show stress 'metrc|^workload: steal|^ *(LOC|RES|CAL|TLB):'
exit $failed
