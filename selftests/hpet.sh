#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# hosts: epyc-6.1
# timeout: 120
#
# A guest with an HPET: Linux finds it, keeps time by it, and has its interrupts where it is told to
# do without the timers of its local APICs.

. selftests/lib/tap.sh
. selftests/lib/devices.sh

echo "1..7"
text='dmesg | grep -i hpet; cd /sys/devices/system/clocksource/clocksource0'
text="$text; cat available_clocksource; echo hpet >current_clocksource; cat current_clocksource"
text="$text; sleep 2; grep -i hpet /proc/interrupts; echo devices: step ready"
begin hpet "$text" --mem 192M --cpus 1 --hpet --no-reboot
step ready
result $? "a guest with an HPET"
grep -q 'hpet0: 3 comparators, 64-bit 100.000000 MHz counter' "$tmp/out"
result $? "Linux finds three timers at 100 MHz"
tr -d '\r' <"$tmp/out" | grep -qx hpet
result $? "and keeps time by it"
ends
[ $status -eq 0 ]
result $? "power off: status $status"

# In its legacy mode: line 0 is the HPET's, and the 8254 is silent.
text='cat /sys/devices/system/clockevents/clockevent0/current_device; cat /proc/interrupts'
text="$text; sleep 1; cat /proc/interrupts; echo devices: step ready"
rm -f "$tmp/out"
: >"$tmp/out"
begin legacy "" --mem 192M --cpus 1 --hpet --no-reboot \
	--append "console=ttyS0 quiet svmm.quiet nolapic_timer svmm.run=\"$text\""
step ready
result $? "a guest without the local APIC's timer"
tr -d '\r' <"$tmp/out" | grep -qx hpet
result $? "has the HPET for its ticks"
tr -d '\r' <"$tmp/out" | awk '/^ *0: .*timer$/ { n[++i] = $2 } END { exit !(i == 2 && n[2] - n[1] > 5) }'
result $? "which come at line 0"
ends
exit $failed
