#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# hosts: epyc-6.1
# only: check-long
# timeout: 600
#
# Debian's kernel suspends to RAM and wakes up by its clock and by vmctl resume, idles, and
# hibernates to a disk that the next machine resumes from. What it does is in scripts/guest/devices.

. selftests/lib/tap.sh
shown="out err"
talk=out/selftests/tools/talk
pid=
clean() { [ -z "$pid" ] || kill "$pid"; } 2>/dev/null

# guest PART MEMORY: in $pid
guest()
{
	: >"$tmp/out"
	vmctl run --kernel out/guest/vmlinuz --initrd out/guest/devices.img \
		--name suspend --console "file:$tmp/out" --serial-port "step=unix:$tmp/step" --cpus 2 \
		--mem "$2" --disk "$tmp/image" --disk "$tmp/swap" --rng \
		--append "console=ttyS0 quiet svmm.quiet svmm.run=\"devices $1\"" \
		</dev/null 2>"$tmp/err" &
	pid=$!
}
said() { tr -d '\r' <"$tmp/out" | grep -q "^devices: $1\$"; }
# wait_for SECONDS COMMAND...
wait_for()
{
	i=0
	end=$(($1 * 10))
	shift
	until "$@" || [ $i -ge $end ] || ! kill -0 $pid 2>/dev/null; do
		usleep 100000
		i=$((i + 1))
	done
	"$@"
}
go_on() { [ "$($talk "unix:$tmp/step" go)" = on ]; }
# works N: the guest has said so often that all does
works() { [ "$(tr -d '\r' <"$tmp/out" | grep -c "^devices: works 2 $sum\$")" -ge "$1" ]; }
asleep()
{
	vmctl list | grep -q 'suspend.*paused' && vmctl inspect suspend | grep -q '^state *suspended'
}
ends() { wait $pid; status=$?; pid=; [ $status -eq 0 ] && ! said 'complaint.*'; }

echo "1..9"
yes "some data" | head -c 4194304 >"$tmp/image"
dd if=/dev/zero of="$tmp/swap" bs=1M count=1 seek=255 2>/dev/null
sum=$(md5sum <"$tmp/image" | cut -c1-8)

guest suspend 160M
wait_for 120 said "states freeze mem disk" && wait_for 60 works 1
result $? "a guest that can sleep"
wait_for 120 asleep
result $? "suspends to RAM, and is said to be paused"
wait_for 120 said "slept deep 15 0 [1-9][0-9]" && wait_for 60 works 2
result $? "is woken by its clock, and all works"
wait_for 120 said "slept s2idle 15 0 [1-9][0-9]" && wait_for 60 works 3
result $? "idles likewise"
wait_for 120 said "step button" && go_on && wait_for 120 asleep && usleep 3000000 && asleep &&
	vmctl resume suspend && wait_for 120 said "slept deep 0 0 .*" && wait_for 60 works 4
result $? "is woken by vmctl resume"
ends && works 5
result $? "sleeps a second time, and has nothing to complain of"

guest hibernate 256M
wait_for 120 said "step hibernate" && go_on
ends
result $? "a guest that hibernates ends"
guest resume 256M
wait_for 240 said "awake 0"
result $? "and wakes in the next machine"
ends && works 1 && ! said no-resume
result $? "where all works"
exit $failed
