#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 1800
# programs: /usr/bin/iperf3
#
# How fast a guest's network is, and that what it brings is right: 100 MiB by HTTP each way, and
# iperf3 each way, on a tap interface with vhost and without, and on a network without privileges.
# Debian's kernel on two vCPUs. NETWORKS picks some of them, MIB is how much is brought.
#
# The rates are those of the machine that emulates the host. On a busy one a guest sends 3 to 30
# times slower than it receives, with vhost. That is no work: by instructions both ways cost the same
# (local/net_cost). What is left is waiting, and the likely reason why one way waits more is that TCP
# in the guest has two frames under way and sends on when the host has taken them (TCP small queues),
# while a tap interface lets go of the host's at once.

. selftests/lib/net.sh
mem=512M
image=out/long/net.img
www=/tmp/net.www

# rates NAME FIRST SECOND: whether the two are there, in kbit/s; they are for whoever reads this
rates()
{
	echo "# $1: iperf3: $2 kbit/s to the host, $3 from there"
	[ "$2" -gt 0 ] && [ "$3" -gt 0 ]
	result $? "$1: iperf3"
}

# http NAME: so much each way
http()
{
	echo "# $1: $MIB MiB by HTTP took $(said fetch | cut -d' ' -f4 | tr -d ';') s, back" \
		"$(cat "$tmp/seconds")"
	[ "$(said fetch | cut -d' ' -f2,3)" = "0 $sum" ]
	result $? "$1: $MIB MiB by HTTP to the guest"
	[ "$(said offer)" = ' 0;' ] && [ "$(cat "$tmp/sum")" = "$sum" ]
	result $? "$1: and back"
}

# get PORT PORT ADDRESS: what the guest offers; then it has been enough
get()
{
	says fetch
	until
		began=$(date +%s)
		wget -q -O - "http://$3:$1/data" >"$tmp/back"
	do usleep 500000; done 2>/dev/null
	echo $(($(date +%s) - began)) >"$tmp/seconds"
	md5sum <"$tmp/back" | cut -d' ' -f1 >"$tmp/sum"
	rm "$tmp/back"
	until nc "$3" "$2" </dev/null; do usleep 500000; done 2>/dev/null
}

NETWORKS=${NETWORKS:-vhost=on vhost=off user}
MIB=${MIB:-100}
IPERF=${IPERF:-5}			# seconds, or how much, like 8M
echo "1..$(($(echo $NETWORKS | wc -w) * 4))"
make_data $((MIB << 20))
mkdir $www
mv "$tmp/data" $www/data
for how in $NETWORKS; do
	case $how in
	user)	to=10.0.2.2 from=127.0.0.1 begin="net dhcp"
		net=user,loopback=on,hostfwd=tcp::8080-:80,hostfwd=tcp::8081-:81 ports="8080 8081" ;;
	*)	to=$host from=$guest begin="net address $guest"
		net=tap,bridge=br9,ifname=tap9,$how ports="80 81" ;;
	esac
	httpd -f -p 8000 -h $www &
	httpd=$!
	iperf3 -s >/dev/null 2>&1 &
	iperf=$!
	rm -f "$tmp/raw"
	{ get $ports $from; says iperf; kill $httpd $iperf; } &
	linux "$begin; net fetch http://$to:8000/data; net offer 80 81; net iperf $to $IPERF" \
		as_root --net $net
	result $? "$how: a guest"
	http "$how"
	rates "$how" $(said iperf | sed 's/^ 0 \([0-9]*\) 0 \([0-9]*\);$/\1 \2/')
done
rm -r $www
exit $failed
