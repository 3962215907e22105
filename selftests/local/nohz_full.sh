#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 400
# only: check-long
#
# A host with full dynticks (NO_HZ_FULL) on the CPUs that guests run on: a guest that spins there is
# not interrupted by a tick; RCU and the accounting of CPU time, which then live without one, get
# what they need; it ends at once when told to. CPU 0 keeps the time, and no guest runs there.

cd "$(dirname "$0")/../.." || exit
if [ "$(hostname)" != amdhost ]; then
	exec scripts/amdhost --all-cpus --append 'nohz_full=1,2 rcu_nocbs=1,2' --timeout 380 \
		-- taskset -c 1,2 selftests/local/nohz_full.sh
fi

. selftests/lib/tap.sh

ticks() { awk '/LOC:/ { print $4 }' /proc/interrupts; }
# Clock ticks (1/100 s) that the guest's threads have run.
cpu_time() { cat "/proc/$guest/task/"*/stat | awk '{ sum += $14 + $15 } END { print sum }'; }

echo "1..6"
[ "$(cat /sys/devices/system/cpu/nohz_full)" = 1-2 ]
result $? "this is such a host"

printf '\353\376' >/tmp/spin	# jmp .
vmctl run --flat /tmp/spin --mem 1M --console none </dev/null &
guest=$!
sleep 1
for task in "/proc/$guest/task/"*; do
	case $task in
	*/$guest) taskset -cp 1 "$guest" ;;
	*) taskset -cp 2 "${task##*/}" ;;
	esac
done >/dev/null
before=$(ticks)
ran=$(cpu_time)
sleep 10
ran=$(($(cpu_time) - ran))
count=$(($(ticks) - before))
# With a tick they would be 2500; RCU asks for one now and then.
[ "$count" -lt 250 ]
result $? "a spinning guest was interrupted $count times in 10 s"
[ "$ran" -gt 700 ] && [ "$ran" -lt 1500 ]
result $? "its time is accounted: $ran hundredths of a second"
# A grace period has to interrupt the guest, which Linux does after 0.3 s; rmmod waits for several.
begun=$(date +%s)
modprobe msr && rmmod msr && [ $(($(date +%s) - begun)) -lt 10 ]
result $? "RCU's grace periods end meanwhile"
begun=$(date +%s)
kill "$guest"
wait "$guest"
[ $? -eq 143 ] && [ $(($(date +%s) - begun)) -lt 3 ]
result $? "it ends when it is told to"

selftests/run class_25_killable.c tsc.c halt.c pv_steal.c linux_smp.sh >/tmp/log
status=$?
grep -E '^(not )?ok' /tmp/log | sed 's/^/# /'
[ $status -eq 0 ] || sed 's/^/# /' /tmp/log
result $status "other tests pass there"
exit $failed
