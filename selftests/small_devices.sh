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
talk=out/selftests/tools/talk
pid=
clean() { [ -z "$pid" ] || kill "$pid" 2>/dev/null; }
said() { tr -d '\r' <"$tmp/out" | grep -c "^devices: $1\$"; }
value() { tr -d '\r' <"$tmp/out" | sed -n "s/^devices: $1 //p" | tail -n 1; }
# step N: the guest is at its step for the Nth time; it is told to go on
step()
{
	i=0
	while [ "$(said "step short")" -lt "$1" ] && [ $i -lt 500 ] && kill -0 $pid 2>/dev/null; do
		usleep 100000
		i=$((i + 1))
	done
	[ "$(said "step short")" -eq "$1" ]
}
go_on() { [ "$($talk "unix:$tmp/step" go)" = on ]; }

echo "1..10"
mkdir "$tmp/dir"
echo "from the host" >"$tmp/dir/a"
: >"$tmp/out"
text="mkdir /x; mount -t virtiofs host /x; cat /x/a >>/x/log"
text="$text; devices rng short watchdog; umount /x"
vmctl run --kernel out/guest/vmlinuz --initrd out/guest/devices.img --mem 192M --name small \
	--console "file:$tmp/out" --serial-port "step=unix:$tmp/step" --rng --balloon=size=16M \
	--watchdog reset --share "$tmp/dir,sandbox=chroot" \
	--append "console=ttyS0 quiet svmm.quiet svmm.run=\"$text\"" \
	</dev/null >/dev/null 2>"$tmp/err" &
pid=$!
step 1
result $? "a guest with small devices"
[ "$(cat "$tmp/dir/log")" = "from the host" ]
result $? "has a directory of the host"
[ "$(value rng-bytes)" = 20000 ] && [ "$(said rng-differs)" = 1 ]
result $? "random numbers"
[ "$(value short-balloon)" = 4096 ]
result $? "and a balloon"
[ -S "$tmp/step" ] && [ "$(ls /proc/$pid/fd | while read -r fd; do
	[ ! -d "/proc/$pid/fd/$fd" ] || echo "$fd"; done)" = "" ]
result $? "vmctl holds no directory"
go_on
result $? "a named port"
step 2 && grep -q 'has not served its watchdog: reset' "$tmp/err"
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
