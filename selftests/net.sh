#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# kernels: 6.1
# timeout: 900
#
# --net: a Linux guest on a tap interface in a bridge, whose frames vmctl moves or the host's kernel,
# and one on a network without privileges. 32 MiB go each way and are compared. Then what is refused.

. selftests/lib/tap.sh
shown="out err vm"
host=10.9.0.1
guest=10.9.0.2
mode=$(stat -c %a /dev/svmm)
exit=/tmp/net.exit			# where nobody may read it
clean()
{
	[ -z "$(jobs -p)" ] || kill $(jobs -p) 2>/dev/null
	for link in tap8 tap9 br9; do ip link del $link; done
	rm -f $exit
	[ ! -e /dev/away ] || mv /dev/away "$away"
	chmod "$mode" /dev/svmm
} >/dev/null 2>&1

# linux TASKS COMMAND ...: a guest does that; what it says goes to $tmp/vm. Who plays its peers is in
# the background, and waits for it no longer than it lives.
linux()
{
	append="console=ttyS0 quiet svmm.quiet svmm.run=\"$1\""
	shift
	"$@" --kernel out/guest/vmlinuz --initrd out/guest/devices.img --mem 160M --cpus 2 \
		--append "$append" </dev/null >"$tmp/raw" 2>&1
	status=$?
	tr -d '\r' <"$tmp/raw" >"$tmp/vm"
	if [ $status -eq 0 ] && grep -q '^svmm.run: status 0$' "$tmp/vm"; then
		wait
	else
		kill $(jobs -p)
		return 1
	fi
}
# What the guest said of a task, each time
said() { sed -n "s/^net: $1//p" "$tmp/vm" | tr '\n' ';'; }
# Wait until it does.
says() { until grep -q "^net: $1" "$tmp/raw" 2>/dev/null; do usleep 200000; done; }

# serve PORT: the data to who comes; take PORT: what comes, its sum to $tmp/sum. nc ends when the
# other side has nothing more to say, so who only listens has an input without an end.
serve() { nc -l -p "$1" <"$tmp/data" >/dev/null & }
take() { nc -l -p "$1" <>"$tmp/silence" | md5sum | cut -d' ' -f1 >"$tmp/sum" & }

vmctl=$(command -v vmctl)
as_root() { "$vmctl" run "$@"; }
as_nobody()
{
	line=
	for word; do line="$line '$word'"; done
	su nobody -s /bin/sh -c "exec $vmctl run $line"
}

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

echo "1..51"
for module in tun bridge vhost_net; do modprobe $module; done
chmod 666 /dev/net/tun			# as udev has it
head -c 33554432 /dev/urandom >"$tmp/data"
mkfifo "$tmp/silence"
sum=$(md5sum <"$tmp/data" | cut -d' ' -f1)
printf '\272\364\000\260\001\356' >$exit	# mov dx, f4h; mov al, 1; out dx, al
ip link add br9 type bridge
ip address add $host/24 dev br9
ip link set br9 up

# In a bridge. Each guest reboots once.
tasks="net address $guest; net once $host 7000; net queues; net ping $host; net used; \
net download $host 7001; net upload $host 7002; net reload; net address $guest; net ping $host"
for how in vhost=off vhost=on packed=on,queues=1,mtu=1400; do
	case $how in
	packed*) queues=' 1 1400;' used=' 1;' threads=0 ;;
	*off)	queues=' 2 1500;' used=' 2;' threads=0 ;;
	*on)	queues=' 2 1500;' used=' 2;' threads=2 ;;
	esac
	for time in first second; do echo $time | nc -l -p 7000; done >/dev/null &
	serve 7001
	take 7002
	rm -f "$tmp/raw"
	(says queues; ps | grep -c '[[]vhost-' >"$tmp/threads") &
	linux "$tasks" as_root --net tap,bridge=br9,ifname=tap9,$how
	result $? "$how: a guest, which reboots"
	[ "$(said queues)" = "$queues" ]
	result $? "$how: queue pairs and MTU"
	[ "$(said ping)" = ' 0; 0;' ] && [ "$(said reload)" = ' 0;' ]
	result $? "$how: ping, also when the driver was loaded anew"
	[ "$(said used)" = "$used" ]
	result $? "$how: frames come in all queues"
	[ "$(said download)" = " 0 $sum;" ]
	result $? "$how: 32 MiB to the guest"
	[ "$(said upload)" = ' 0;' ] && [ "$(cat "$tmp/sum")" = "$sum" ]
	result $? "$how: and back"
	[ "$(cat "$tmp/threads")" -eq $threads ]
	result $? "$how: vhost's threads"
	! ip link show tap9 >/dev/null 2>&1
	result $? "$how: the interface goes with the VM"
done

# Without privileges
chmod 666 /dev/svmm
serve 7001
take 7002
rm -f "$tmp/raw"
(says upload
until [ -s "$tmp/back" ]; do
	usleep 500000
	nc 127.0.0.1 2222 <>"$tmp/silence" >"$tmp/back" 2>/dev/null
done) &
linux "net dhcp; net ping 10.0.2.2; net queues; net download 10.0.2.2 7001; \
net upload 10.0.2.2 7002; net listen 22" as_nobody --net user,loopback=on,hostfwd=tcp::2222-:22
result $? "user: a guest of nobody's"
[ "$(said dhcp)" = ' 0 10.0.2.15/24 10.0.2.2 10.0.2.3;' ]
result $? "user: an address, a router and a name server"
[ "$(said ping)" = ' 0;' ]
result $? "user: ping"
[ "$(said download)" = " 0 $sum;" ]
result $? "user: 32 MiB to the guest"
[ "$(said upload)" = ' 0;' ] && [ "$(cat "$tmp/sum")" = "$sum" ]
result $? "user: and back"
cmp -s "$tmp/data" "$tmp/back"
result $? "user: and by a port of the host's"
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
