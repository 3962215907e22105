#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The judges of check-long's guests find what they are for: each is shown a console that is well,
# and consoles that are not.

. selftests/lib/workload.sh

cat >"$tmp/well" <<'END'
100 workload: cpus 4 online 0-3 kernel 6.1.0
100 workload: watchdogs soft 1 thresh 10 rcu 21 suppressed 0
100 workload: clock start 10.00
130 stress-ng: metrc: [122] cpu                 688    116.02     59.34
130 stress-ng: metrc: [122] mmap                  0    115.23      7.00
130 workload: clock end 40.10
131 workload: watchdogs soft 1 thresh 10 rcu 21 suppressed 0
END
echo 0 >"$tmp/well.status"

expect()
{
	wanted=$1 text=$2
	shift 2
	out=$("$@") && got=well || got=ill
	n=$((n + 1))
	[ $got = "$wanted" ] && { echo "ok $n $text"; return; }
	echo "$out" | sed 's/^/# /'
	echo "not ok $n $text"
	failed=1
}

# ill JUDGE TEXT SED-SCRIPT: the console that is well, with one thing wrong
ill()
{
	sed "$3" "$tmp/well" >"$tmp/ill"
	expect ill "$1: $2" "$1" ill
}

echo "1..19"
for judge in quiet watchdogs clock_kept all_cpus; do expect well "$judge" $judge well; done
expect well "bogo_ops" bogo_ops well cpu
expect ill "bogo_ops: none done" bogo_ops well cpu mmap
expect ill "bogo_ops: a stressor that is missing" bogo_ops well fork
ill watchdogs "another limit" 's/thresh 10/thresh 60/'
ill watchdogs "changed on the way" '/^131/s/rcu 21/rcu 210/'
ill clock_kept "the guest's clock jumped" 's/end 40/end 90/'
ill clock_kept "the guest has not come to its end" '/clock end/d'
ill all_cpus "a CPU is missing" 's/cpus 4 online 0-3/cpus 3 online 0-2/'
while read -r line; do
	ill quiet "$line" "\$a 140 [   10.1] $line"
done <<'END'
rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:
rcu: rcu_sched kthread starved for 2100 jiffies!
watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [kworker:1]
clocksource: timekeeping watchdog on CPU1: Marking clocksource 'tsc' as unstable
INFO: task kworker blocked for more than 120 seconds.
__common_interrupt: 1.34 No irq handler for vector
smpboot: do_boot_cpu failed(-1) to wakeup CPU#1
END
exit $failed
