#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# kernels: 6.1
# timeout: 300
#
# A disk and a network card that come and go while Debian's kernel runs, by ACPI, as vmctl does it
# in its sandbox (selftests/hook/plug.c). What the guest does with them is in scripts/guest/devices.

. selftests/lib/tap.sh
shown="out err said"
talk=out/selftests/tools/talk
pid=
clean()
{
	[ -z "$pid" ] || kill "$pid"
	ip link del plug0
} >/dev/null 2>&1

: >"$tmp/out"
said() { tr -d '\r' <"$tmp/out" | grep -q "^devices: $1\$"; }
value() { tr -d '\r' <"$tmp/out" | sed -n "s/^devices: $1 //p" | tail -n 1; }
step()
{
	i=0
	while ! said "step $1" && [ $i -lt 900 ] && kill -0 $pid 2>/dev/null; do
		usleep 100000
		i=$((i + 1))
	done
	said "step $1"
}
go_on() { [ "$($talk "unix:$tmp/step" go)" = on ]; }
# ask LINE ANSWER: tell vmctl, and wait for its word
ask()
{
	echo "$1" >&5
	i=0
	while ! tail -n 1 "$tmp/said" | grep -q "$2" && [ $i -lt 600 ]; do
		usleep 100000
		i=$((i + 1))
	done
	tail -n 1 "$tmp/said" | grep -q "$2"
}

echo "1..13"
modprobe tun
dd if=/dev/zero of="$tmp/image" bs=1M count=8 2>/dev/null
echo "from the host" | dd of="$tmp/image" bs=512 seek=7 conv=notrunc 2>/dev/null
mkfifo "$tmp/commands"
out/selftests/tools/tap plug0 0 && ip address add 10.9.0.1/24 dev plug0 && ip link set plug0 up
PLUG_FILES="$tmp/image tap:plug0 /dev/null" out/selftests/hook/plug run \
	--kernel out/guest/vmlinuz --initrd out/guest/devices.img --name hotplug \
	--console "file:$tmp/out" --serial-port "step=unix:$tmp/step" --cpus 2 \
	--append 'console=ttyS0 quiet svmm.quiet svmm.run="devices hotplug"' \
	<"$tmp/commands" >"$tmp/said" 2>"$tmp/err" &
pid=$!
exec 5>"$tmp/commands"

step begin
result $? "a guest with neither disk nor network"
ask "detach disk0" "error the VM has no disk0" && ask "attach cdrom 0 x" "error only a disk" &&
	ask "attach disk 2 null" "error disk null cannot be used" &&
	ask "attach net 0 tap" "error net tap cannot be used" &&
	ask "attach disk 0 image,colour=red" "error keys are"
result $? "what cannot be attached is refused"
ask "attach disk 0 image,serial=hot,queues=2" "attached disk0" && go_on && step disk
result $? "a disk comes"
[ "$(value disk)" = "16384 hot 0000:00:09.0" ]
result $? "in its slot, with what was said of it"
[ "$(value disk-read)" = "from the host" ]
result $? "is read"
[ "$(dd if="$tmp/image" bs=512 skip=9 count=1 2>/dev/null | head -n 1)" = "from the guest" ]
result $? "and written"
ask "detach disk0" "gone disk0"
result $? "the guest gives it back"
go_on && step disk-gone && [ "$(value disk-gone)" = "" ] && ask "detach disk0" "error the VM has no"
result $? "it is gone"
ask "attach disk 0 image" "attached disk0" && go_on && step net &&
	[ "$(value disk-again)" = "from the guest" ]
result $? "and comes again"
ask "attach net 1 tap,mac=52:54:00:12:34:56" "attached net0" && go_on && step net-used
[ "$(value net)" = "52:54:00:12:34:56 0000:00:01.0" ]
result $? "a network card comes"
[ "$(value net-ping)" = 3 ]
result $? "frames go both ways"
ask "detach net0" "gone net0" && go_on
result $? "the guest gives it back"
wait $pid
[ $? -eq 0 ] && [ "$(value net-gone)" = 0 ] && ! said "complaint.*"
result $? "it is gone, and the guest has nothing to complain of"
pid=
exit $failed
