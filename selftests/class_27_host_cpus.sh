#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 150
#
# Bug class 27: CPUs of the host go and come under guests of four vCPUs each that send each other
# interrupts, NMIs, INIT and SIPI; the module stays while they run, and goes when they are gone.
# One guest and its clock: cpu_hotplug.sh; suspend: local/suspend.sh.

allowed=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
last=${allowed##*[-,]}
cpu=/sys/devices/system/cpu/cpu$last
[ "$allowed" != "$last" ] && [ -w "$cpu/online" ] ||
	{ echo "1..0 # SKIP there is no second CPU to take away"; exit 4; }
ko=out/modules/$(uname -r)/svmm.ko

echo "1..5"
failed=0
result()
{
	[ "$2" -eq 0 ] && { echo "ok $1 $3"; return; }
	sed 's/^/# /' "$log" | tail -n 40
	echo "not ok $1 $3"
	failed=1
}

log=$(mktemp)
exec 9<>/dev/svmm	# between its tests, smp_ipi has no VM
out/selftests/smp_ipi >"$log" 2>&1 9>&- &
guests=$!
moves=0
refused=0
while kill -0 $guests 2>/dev/null && [ $moves -lt 200 ]; do
	echo 0 >"$cpu/online" || break
	sleep 0.3
	rmmod svmm 2>/dev/null || refused=$((refused + 1))
	echo 1 >"$cpu/online" || break
	sleep 0.3
	moves=$((moves + 1))
done
wait $guests
status=$?
[ $moves -ge 3 ]
result 1 $? "a CPU went and came $moves times"
result 2 $status "no message between vCPUs was lost"
[ $refused -ge 1 ] && [ -e /sys/module/svmm ]
result 3 $? "the module stayed while they ran"
exec 9>&-
for i in 1 2 3 4 5; do rmmod svmm 2>/dev/null && break; sleep 0.2; done
[ ! -e /sys/module/svmm ]
result 4 $? "and went when they were gone"
insmod "$ko" && out/selftests/modes >"$log" 2>&1
result 5 $? "guests run afterwards"
exit $failed
