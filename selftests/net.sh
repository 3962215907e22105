#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# hosts: epyc-6.1
# timeout: 300
#
# --net: a Linux guest with two cards: on a tap interface in a bridge, whose frames the host's
# kernel moves, and on a network without privileges. Then what is refused. The other kinds of
# networks are in net_kinds.sh, how fast they are in long/net_speed.sh.

. selftests/lib/net.sh

# tiny RUN OPTION ...: a guest that ends at once
tiny()
{
	run=$1
	shift
	$run --flat $exit --exit-port 0xf4 "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
}
# bad STATUS WORDS RUN OPTION ...: which it does not come to
bad()
{
	wanted=$1 words=$2 name="$*"
	shift 2
	tiny "$@"
	[ $? -eq "$wanted" ] && grep -q "^vmctl: --net .*$words" "$tmp/err"
	result $? "$name"
}

# What the process of a network sees and may, as long as it is there
look_at_process()
{
	says queues
	pid=$(pidof vmctl-net)
	ls "/proc/$pid/root/" "/proc/$pid/root/etc"
	grep -E '^(Uid|Gid|Groups|CapEff|NoNewPrivs|Seccomp):' "/proc/$pid/status"
	for fd in "/proc/$pid/fd/"*; do readlink "$fd"; done | sed 's/[:[].*//' | sort | uniq -c
} >"$tmp/process" 2>&1

echo "1..35"
make_data 4194304
printf '\272\364\000\260\001\356' >$exit	# mov dx, f4h; mov al, 1; out dx, al

# Two cards. The guest reboots once.
echo 'nameserver 127.0.0.1' >/etc/resolv.conf
out/selftests/tools/dns 192.0.2.7 &
dns=$!
for time in first second; do echo $time | nc -l -p 7000; done >/dev/null &
serve 7001
take 7002
serve 7003
(says queues; cat /proc/[0-9]*/task/*/comm 2>/dev/null | grep -c '^vhost-' >"$tmp/threads"; rm /etc/resolv.conf) &
look_at_process &
(says end; kill $dns
until [ -s "$tmp/back" ]; do
	usleep 500000
	nc 127.0.0.1 2222 <>"$tmp/silence" >"$tmp/back" 2>/dev/null
done) &
linux "net address $guest; net once $host 7000; net queues; net ping $host; net used; \
net download $host 7001; net upload $host 7002; net reload; net address $guest; net ping $host; \
export CARD=eth1; net dhcp; net lookup example.com; net download 10.0.2.2 7003; net end; \
net listen 22" \
	as_root --net tap,bridge=br9,ifname=tap9,vhost=on \
	--net user,loopback=on,hostfwd=tcp::2222-:22
result $? "a guest with two networks, which reboots"
[ "$(said queues)" = ' 2 1500;' ] && [ "$(said used)" = ' 2;' ]
result $? "tap: two queue pairs, and frames come in both"
[ "$(said ping)" = ' 0; 0;' ] && [ "$(said reload)" = ' 0;' ]
result $? "tap: ping, also when the driver was loaded anew"
[ "$(said upload)" = ' 0;' ] && [ "$(cat "$tmp/sum")" = "$sum" ]
result $? "tap: 4 MiB from the guest"
[ "$(said download)" = " 0 $sum; 0 $sum;" ]
result $? "tap and user: 4 MiB to the guest"
[ "$(cat "$tmp/threads")" -eq 2 ]
result $? "tap: vhost's threads"
! ip link show tap9 >/dev/null 2>&1
result $? "tap: the interface goes with the VM"
[ "$(said dhcp)" = ' 0 10.0.2.15/24 10.0.2.2 10.0.2.3;' ]
result $? "user: an address, a router and a name server"
[ "$(said lookup)" = ' 0 192.0.2.7;' ]
result $? "user: a name, by the name server that the host had"
cmp -s "$tmp/data" "$tmp/back"
result $? "user: 4 MiB by a port of the host's"

# What the network's process was like, when the guest had come up
shown=process
[ "$(grep -c -x -E 'etc|resolv.conf' "$tmp/process")" -eq 2 ] &&
	[ "$(grep -c -v -E ':|^$|^ ' "$tmp/process")" -eq 2 ]
result $? "its process: no file of the host but one"
[ "$(grep -c -E '^[UG]id:([[:space:]]65534){4}$' "$tmp/process")" -eq 2 ] &&
	grep -q -E '^Groups:[[:space:]]*$' "$tmp/process"
result $? "its process: nobody"
grep -q 'CapEff:.0000000000000000' "$tmp/process" && grep -q 'NoNewPrivs:.1' "$tmp/process" &&
	grep -q 'Seccomp:.2' "$tmp/process"
result $? "its process: no privileges"
[ "$(sed -n 's/^ *\([0-9]* [^ ]*\)$/\1/p' "$tmp/process" | tr '\n' ' ')" = \
	"2 /dev/null 1 $tmp/raw 2 socket " ]
result $? "its process: standard streams, the frames' socket and the port's"
shown="out err"

# Without privileges: ports
chmod 666 /dev/svmm
nc -l -p 2222 <>"$tmp/silence" >/dev/null &
usleep 200000
bad 1 "port 2222 of 127.0.0.1 is taken" as_nobody --net user,hostfwd=tcp::2222-:22
kill $!
bad 1 "port 80 is root's" as_nobody --net user,hostfwd=tcp::80-:80

# A tap interface that is there
out/selftests/tools/tap tap9 65534
out/selftests/tools/tap tap8 0
bad 1 "may not change interface tap9; as root: ip link set tap9 up master br9" as_nobody \
	--net tap,ifname=tap9,bridge=br9
ip link set tap9 up master br9
tiny as_nobody --net tap,ifname=tap9,bridge=br9
result "$(($? - 65))" "nobody's own, ready to use"
tiny as_nobody --net tap,ifname=tap9,bridge=br9 --cpus 2
result "$(($? - 65))" "with one queue, and two CPUs"
bad 1 "was made for one queue" as_nobody --net tap,ifname=tap9,queues=2
ip link show tap9 >/dev/null
result $? "it stays"
bad 1 "may not use this interface; .* user 65534" as_nobody --net tap,ifname=tap8
bad 1 "may not make an interface" as_nobody --net tap
bad 1 "may not open /dev/vhost-net" as_nobody --net tap,ifname=tap9,vhost=on

# What is wrong
bad 1 "there is no bridge br8; as root: ip link add br8" as_root --net tap,bridge=br8
bad 1 "lo is no bridge" as_root --net tap,bridge=lo
bad 1 "interface lo is there and no tap" as_root --net tap,ifname=lo
for queues in 1 2; do
	printf '\364' >"$tmp/halt"	# hlt
	$vmctl run --flat "$tmp/halt" --net tap,ifname=tap7,queues=$queues </dev/null 2>/dev/null &
	until [ "$(cat /sys/class/net/tap7/flags 2>/dev/null)" = 0x1003 ]; do usleep 100000; done
	bad 1 "another process uses interface tap7" as_root --net tap,ifname=tap7,queues=$queues
	kill $!
	wait
done
away=/dev/vhost-net
mv $away /dev/away
bad 1 "no /dev/vhost-net; load its module" as_root --net tap,vhost=on
tiny as_root --net tap
result "$(($? - 65))" "without vhost-net, and without being told"
mv /dev/away $away
away=/dev/net/tun
mv $away /dev/away
bad 1 "no /dev/net/tun; load its module" as_root --net tap
mv /dev/away $away
bad 2 "queues is a number, 1 to 8" as_root --net tap,queues=9
bad 2 "first of them even" as_root --net user,mac=01:00:00:00:00:01
bad 2 "a VM has at most 8" as_root $(for i in $(seq 9); do echo --net user; done)
exit $failed
