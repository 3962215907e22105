#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# hosts: epyc-6.1
# only: check-long
# timeout: 1800
#
# --net: a Linux guest on a tap interface in a bridge, whose frames vmctl moves or the host's
# kernel, and one on a network without privileges. 8 MiB go each way and are compared.

. selftests/lib/net.sh

echo "1..30"
make_data 8388608

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
	(says queues; cat /proc/[0-9]*/task/*/comm 2>/dev/null | grep -c '^vhost-' >"$tmp/threads") &
	linux "$tasks" as_root --net tap,bridge=br9,ifname=tap9,$how
	result $? "$how: a guest, which reboots"
	[ "$(said queues)" = "$queues" ]
	result $? "$how: queue pairs and MTU"
	[ "$(said ping)" = ' 0; 0;' ] && [ "$(said reload)" = ' 0;' ]
	result $? "$how: ping, also when the driver was loaded anew"
	[ "$(said used)" = "$used" ]
	result $? "$how: frames come in all queues"
	[ "$(said download)" = " 0 $sum;" ]
	result $? "$how: 8 MiB to the guest"
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
result $? "user: 8 MiB to the guest"
[ "$(said upload)" = ' 0;' ] && [ "$(cat "$tmp/sum")" = "$sum" ]
result $? "user: and back"
cmp -s "$tmp/data" "$tmp/back"
result $? "user: and by a port of the host's"
exit $failed
