#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# hosts: epyc-6.1
# timeout: 120
#
# CPUs go and come while a guest runs: SVM is turned on and off with them, the vCPU moves, and the
# guest notices nothing. A CPU that comes back while the VM lives must run guests again.

log=$(mktemp)
# Of the CPUs that this test may use, the last one.
allowed=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
last=${allowed##*[-,]}
cpu=/sys/devices/system/cpu/cpu$last
[ "$allowed" != "$last" ] && [ -w "$cpu/online" ] ||
	{ echo "1..0 # SKIP there is no second CPU to take away"; exit 4; }

echo "1..4"
vmctl run --kernel out/guest/vmlinuz --initrd out/guest/initrd.img --mem 128M --no-reboot \
	--append 'console=ttyS0 svmm.quiet svmm.run="i=0; while [ $i -lt 1000 ]; do i=$((i+1)); (:); done"' \
	>"$log" 2>&1 </dev/null &
guest=$!

moves=0
while kill -0 $guest 2>/dev/null && [ $moves -lt 200 ]; do
	echo 0 >"$cpu/online" || break
	sleep 0.2
	echo 1 >"$cpu/online" || break
	# On the CPU that is new: its next VMRUN needs EFER.SVME there.
	for task in /proc/$guest/task/*; do
		taskset -cp "$last" "${task##*/}" >/dev/null 2>&1
	done
	sleep 0.2
	for task in /proc/$guest/task/*; do
		taskset -cp "$allowed" "${task##*/}" >/dev/null 2>&1
	done
	moves=$((moves + 1))
done
wait $guest
status=$?
result()
{
	[ "$2" -eq 0 ] && { echo "ok $1 $3"; return; }
	tail -n 30 "$log" | tr -d '\r' | sed 's/^/# /'
	echo "not ok $1 $3"
	failed=1
}
failed=0
[ $moves -ge 3 ]
result 1 $? "a CPU went and came $moves times while the guest ran"
result 2 $status "the guest powered off"
grep -q 'svmm.run: status 0' "$log"
result 3 $? "its command ran to the end"
vmctl run --kernel out/guest/vmlinuz --initrd out/guest/initrd.img --mem 128M \
	--append 'console=ttyS0 quiet svmm.quiet' >"$log" 2>&1 </dev/null
result 4 $? "a fresh VM runs afterwards"
exit $failed
