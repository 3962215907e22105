#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# only: check-long
# timeout: 5400
#
# How late the host's timer interrupts are while guests do their worst on the same CPU: exit storms,
# loops of faults, timers as fast as they go, HLT with interrupts off. cyclictest's SAMPLES with each of
# them, by a clock that counts instructions (1 ns is one), so that no emulation is in it. The longest
# and the 99th percentile are within twice those of a program that computes.

. selftests/lib/tap.sh
SAMPLES=${SAMPLES:-100000}
LOOPS=${LOOPS:-jmp pause cpuid hlt rdtsc vmmcall wbinvd out in mmio_write mmio_read cr0 sti msr ud pf \
db ac db_stack timer deadline ipi no_eoi real rep}
shown="err out"

cat >"$tmp/host" <<END
measure()
{
	echo "begin \$1"
	cyclictest -q -m -N -p 80 -i 200 -l $SAMPLES -h 2000000 2>&1 |
		awk -v name="\$1" '
			/^# Max Latencies:/ { max = \$4 + 0 }
			/^# Total:/ { total = \$3 + 0 }
			/^[0-9]+ [0-9]+/ && \$2 + 0 { n += \$2; at[++rows] = \$1 + 0; to[rows] = n }
			END {
				for (r = 1; r < rows && to[r] < n * 0.99; r++) ;
				print "latency", name, at[r] + 0, max, total
			}'
}
sh -c 'while :; do :; done' &
measure computing
kill \$!
for loop in $LOOPS; do
	out/selftests/bench-hostile loop_\$loop >/tmp/running &
	while ! grep -qs running /tmp/running; do usleep 10000; done
	measure \$loop
	kill -9 \$!
	wait
done
END

echo "1..$(($(echo $LOOPS | wc -w) + 1))"
scripts/amdhost --counting --with /usr/bin/cyclictest --timeout 5300 -- sh -c "$(cat "$tmp/host")" \
	>"$tmp/out" 2>"$tmp/err"
base=$(sed -n 's/^latency computing //p' "$tmp/out")
echo "# in ns, 99 %, longest, samples: ${base:-nothing} beside a program that computes"
p99=${base%% *}
max=${base#* }
max=${max%% *}
[ "${p99:-0}" -gt 0 ] && [ "${max:-0}" -ge "$p99" ] && [ "${base##* }" -ge $((SAMPLES * 9 / 10)) ]
result $? "a program that computes"
for loop in $LOOPS; do
	is=$(sed -n "s/^latency $loop //p" "$tmp/out")
	echo "# $loop: ${is:-nothing}"
	set -- $is
	[ $# -eq 3 ] && [ "$1" -le $((p99 * 2)) ] && [ "$2" -le $((max * 2)) ] &&
		[ "$3" -ge $((SAMPLES * 9 / 10)) ]
	result $? "$loop"
done
exit $failed
