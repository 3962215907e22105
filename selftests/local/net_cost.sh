#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# only: check-long
# timeout: 1800
#
# What a guest's network costs each way, on a tap interface: iperf3's rate, by a clock that counts
# the instructions of host and guest, so that no waiting is in it. Sending takes no more than half as
# much again as receiving, and neither falls below what it had with frames of many segments.

. selftests/lib/tap.sh
WAYS="vhost=on vhost=off"

echo "1..4"
# shellcheck disable=SC2086
scripts/amdhost --long --counting --with /usr/bin/iperf3 --timeout 1700 -- \
	env CPUS=1 IPERF=16M MIB=1 NETWORKS="$WAYS" selftests/long/net_speed.sh >"$tmp/out" 2>&1
for way in $WAYS; do
	rates=$(awk -v way="$way:" '$2 == way && $3 == "iperf3:" { print $4, $9 }' "$tmp/out")
	to=${rates% *} from=${rates#* }
	echo "# $way: ${to:-?} kbit in 10^9 instructions to the host, ${from:-?} from there"
	[ "${from:-0}" -gt 0 ] && [ $((${to:-0} * 3)) -ge $((from * 2)) ]
	result $? "$way: sending costs what receiving does"
	[ "${to:-0}" -ge 1000000 ] && [ "${from:-0}" -ge 1000000 ]
	result $? "$way: and neither much"
done
exit $failed
