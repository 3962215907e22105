#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 3600
# programs: qemu-img qemu-nbd /usr/lib/x86_64-linux-gnu/libnbd.so.0 iperf3
#
# Debian 12 with three network cards: on a tap interface whose frames the host's kernel moves, on one
# whose frames vmctl moves, and on a network without privileges. Over each 100 MiB by HTTP, with their
# sum, and iperf3 both ways.

. selftests/lib/tap.sh
. selftests/lib/debian.sh
SECONDS_OF_IPERF=${SECONDS_OF_IPERF:-10}
MIB=${MIB:-100}
clean()
{
	kill -KILL $(jobs -p)
	for bridge in br1 br2; do ip link del $bridge; done
} 2>/dev/null

echo "1..13"
for module in tun bridge vhost_net; do modprobe $module; done
for net in 1 2; do
	ip link add br$net type bridge
	ip address add 10.9.$net.1/24 dev br$net
	ip link set br$net up
done
mkdir "$tmp/www"
head -c $((MIB << 20)) /dev/urandom >"$tmp/www/data"
sum=$(md5sum <"$tmp/www/data" | cut -d' ' -f1)
httpd -f -p 8000 -h "$tmp/www" &
iperf3 -s >/dev/null 2>&1 &

image "$tmp/root"
script "$tmp/script" <<END
try()
{
	card=\$(basename "\$(dirname "\$(grep -l "\$1" /sys/class/net/*/address)")")
	ip address add "\$2" dev "\$card" && ip link set "\$card" up || return
	echo "\$4-http" "\$(wget -q -O - "http://\$3:8000/data" | md5sum | cut -d' ' -f1)"
	for way in '' -R; do
		iperf3 -c "\$3" -t $SECONDS_OF_IPERF -P 2 \$way >/tmp/iperf 2>&1
		echo "\$4-iperf\$way" \$?
		echo "\$4-rate\$way" "\$(sed -n 's/^.SUM.* \([0-9.]* .*bits.sec\).*receiver/\1/p' /tmp/iperf)"
	done
}
try 52:54:00:00:00:01 10.9.1.2/24 10.9.1.1 vhost
try 52:54:00:00:00:02 10.9.2.2/24 10.9.2.1 tap
try 52:54:00:00:00:03 10.0.2.15/24 10.0.2.2 user
dmesg --level emerg,alert,crit,err | sed 's/^/kernel: /'
END

boot --disk "$tmp/root,format=qcow2" --disk "$tmp/script,readonly=on" \
	--net tap,bridge=br1,ifname=tap1,vhost=on,mac=52:54:00:00:00:01 \
	--net tap,bridge=br2,ifname=tap2,vhost=off,mac=52:54:00:00:00:02 \
	--net user,loopback=on,mac=52:54:00:00:00:03
log_in 1500
result $? "Debian 12 with three network cards boots"
run /dev/vdb $((SECONDS_OF_IPERF * 12 + 1200))
result $? "it does what it is told"
for how in vhost tap user; do
	[ "$(value $how-http)" = "$sum" ]
	result $? "$how: $MIB MiB by HTTP"
	for way in '' -R; do
		rate=$(value "$how-rate$way")
		[ "$(value "$how-iperf$way")" = 0 ] && [ "$rate" ] && [ "${rate%% *}" != 0.00 ]
		result $? "$how: iperf3 ${way:-to the host}, ${rate:-nothing}"
	done
done
said '^user-iperf-R 0' && ! said '^kernel: '
result $? "its kernel has seen no error"
echo "systemctl poweroff" >&3
wait "$guest"
result $? "it powers off"
exit $failed
