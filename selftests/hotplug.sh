#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# hosts: epyc-6.1
# timeout: 300
#
# A disk and a network card that come and go while Debian's kernel runs, by ACPI. What the guest does
# with them is in scripts/guest/devices.

. selftests/lib/tap.sh
shown="out err told"
. selftests/lib/devices.sh
clean()
{
	[ -z "$pid" ] || kill "$pid"
	ip link del plug0
} >/dev/null 2>&1

# tell WORDS COMMAND...: vmctl does it, and says so
tell()
{
	words=$1
	shift
	vmctl "$@" >"$tmp/told" 2>&1 && grep -q "^$words\$" "$tmp/told"
}
# refused WORDS COMMAND...
refused()
{
	words=$1
	shift
	! vmctl "$@" >"$tmp/told" 2>&1 && grep -q "^vmctl: .*$words" "$tmp/told"
}

echo "1..14"
modprobe -a tun vhost_net
dd if=/dev/zero of="$tmp/image" bs=1M count=8 2>/dev/null
echo "from the host" | dd of="$tmp/image" bs=512 seek=7 conv=notrunc 2>/dev/null
out/selftests/tools/tap plug0 0 && ip address add 10.9.0.1/24 dev plug0 && ip link set plug0 up
begin hotplug "devices hotplug" --cpus 2

step begin
result $? "a guest with neither disk nor network"
refused "the VM has no such device" detach hotplug disk0 &&
	refused "only a disk or a net" attach hotplug cdrom x &&
	refused "keys are" attach hotplug disk "$tmp/image,colour=red" &&
	refused "No such file" attach hotplug disk "$tmp/none" &&
	refused "takes tap interfaces only" attach hotplug net user &&
	refused "with vhost it can have 4 queues" attach hotplug net tap,vhost=on,queues=5 &&
	refused "cannot be used; the VM's own messages say why" attach hotplug disk /dev/null &&
	grep -q "/dev/null: neither a file nor a block device" "$tmp/err"
result $? "what cannot be attached is refused"
tell "hotplug: disk0" attach hotplug disk "$tmp/image,serial=hot,queues=2" && go_on && step disk
result $? "a disk comes"
[ "$(value disk)" = "16384 hot 0000:00:09.0" ]
result $? "in its slot, with what was said of it"
[ "$(value disk-read)" = "from the host" ]
result $? "is read"
[ "$(dd if="$tmp/image" bs=512 skip=9 count=1 2>/dev/null | head -n 1)" = "from the guest" ]
result $? "and written"
refused "cannot be used" attach hotplug disk "$tmp/image" && grep -q "the VM has it already" "$tmp/err"
result $? "is not attached twice"
vmctl inspect --json hotplug | grep -q '"id": *"disk0"' && vmctl detach hotplug disk0
result $? "the guest gives it back"
go_on && step disk-gone && [ "$(value disk-gone)" = "" ] && refused "has no such device" detach hotplug disk0
result $? "it is gone"
tell "hotplug: disk0" attach hotplug disk "$tmp/image" && go_on && step net &&
	[ "$(value disk-again)" = "from the guest" ]
result $? "and comes again"
tell "hotplug: net0" attach hotplug net tap,ifname=plug0,vhost=on,mac=52:54:00:12:34:56 &&
	go_on &&
	step net-used
[ "$(value net)" = "52:54:00:12:34:56 0000:00:01.0" ]
result $? "a network card comes"
[ "$(value net-ping)" = 3 ] && cat /proc/[0-9]*/task/*/comm 2>/dev/null | grep -q "^vhost-"
result $? "frames go both ways, by vhost"
vmctl detach hotplug net0 && go_on
result $? "the guest gives it back"
wait $pid
[ $? -eq 0 ] && [ "$(value net-gone)" = 0 ] && ! said "complaint.*"
result $? "it is gone, and the guest has nothing to complain of"
pid=
exit $failed
