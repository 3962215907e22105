#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# hosts: epyc-6.1
# timeout: 300
# programs: /usr/lib/qemu/virtiofsd
#
# vmctl's small devices together, in one guest with the sandbox around it, whose watchdog resets it
# once: the share, the named port and the balloon have to work for the machine before and for the one
# behind. Each at length is in devices and share, which check-long runs.

. selftests/lib/tap.sh
. selftests/lib/devices.sh

echo "1..10"
mkdir "$tmp/dir"
echo "from the host" >"$tmp/dir/a"
text="mkdir /x; mount -t virtiofs host /x; cat /x/a >>/x/log"
text="$text; devices rng short watchdog; umount /x"
begin small "$text" --mem 192M --rng --balloon=size=16M --watchdog reset \
	--share "$tmp/dir,sandbox=chroot"
step short
result $? "a guest with small devices"
[ "$(cat "$tmp/dir/log")" = "from the host" ]
result $? "has a directory of the host"
[ "$(value rng-bytes)" = 20000 ] && said rng-differs
result $? "random numbers"
[ "$(value short-balloon)" = 4096 ]
result $? "and a balloon"
[ -S "$tmp/step" ] && [ "$(ls /proc/$pid/fd | while read -r fd; do
	[ ! -d "/proc/$pid/fd/$fd" ] || echo "$fd"; done)" = "" ]
result $? "vmctl holds no directory"
go_on
result $? "a named port"
step short 2 && grep -q 'has not served its watchdog: reset' "$tmp/err"
result $? "its watchdog resets it"
[ "$(wc -l <"$tmp/dir/log")" = 2 ] && [ "$(value short-balloon)" = 4096 ]
result $? "after a reset all is there again"
go_on
wait $pid
status=$?
pid=
[ $status -eq 0 ] && [ "$(value watchdog)" = "25ab8086 0x0200" ]
result $? "and the watchdog says why"
[ ! -e "$tmp/step" ] && for _ in 1 2 3 4 5; do pidof virtiofsd >/dev/null || break; sleep 1; done &&
	! pidof virtiofsd >/dev/null && [ "$(grep -c '^vmctl: ' "$tmp/err")" = 1 ]
result $? "nothing stays behind, and nothing else is said"
exit $failed
