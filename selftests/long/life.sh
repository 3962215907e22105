#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 7200
#
# VMMs die by kill -9 at random instants: a thousand of them with four vCPUs each, one after the
# other, between their first instruction and Linux's login; then 24 VMs at a time for half an hour,
# started and killed at random. Afterwards the module is as little in use as before, and the host has
# its memory, files, processes and timers back.

. selftests/lib/tap.sh
ROUNDS=${ROUNDS:-1000}
MINUTES=${MINUTES:-30}
VMS=${VMS:-24}
shown="before after log"
clean() { kill -KILL $(jobs -p) 2>/dev/null; }

random() { echo $(($(od -An -N4 -tu4 /dev/urandom) % $1)); }

# start NAME CPUS: its process is $!
start()
{
	vmctl run --name "$1" --kernel out/guest/vmlinuz --initrd out/guest/initrd.img --mem 96M \
		--cpus "$2" --append "console=ttyS0" </dev/null >>"$tmp/log" 2>&1 &
}

# What is in use: NAME NUMBER lines; the last ones in KiB
counts()
{
	vmctl list >/dev/null 2>&1
	sync
	echo 3 >/proc/sys/vm/drop_caches
	sleep 2
	echo "references $(cat /sys/module/svmm/refcnt)"
	echo "names $(vmctl list 2>/dev/null | sed 1d | grep -c .)"
	echo "sockets $(ls /run/svmm 2>/dev/null | grep -c .)"
	echo "processes $(ls -d /proc/[0-9]* | grep -c .)"
	echo "files $(cut -f1 /proc/sys/fs/file-nr)"
	echo "mappings $(grep -c '\[svmm\]' /proc/vmallocinfo)"
	echo "timers $(grep -c 'svmm\|lapic' /proc/timer_list)"
	awk '/^(SUnreclaim|PageTables|KernelStack|Percpu):/ { sub(":", "", $1); print $1, $2 }
		/^MemTotal:/ { t = $2 } /^MemAvailable:/ { print "memory", t - $2 }' /proc/meminfo
}

# as_before: files may be held by the kernel for a while; memory has its fragments
as_before()
{
	for i in 1 2 3 4 5 6; do
		counts >"$tmp/after"
		paste -d ' ' "$tmp/before" "$tmp/after" | awk '{
			more = $4 - $2
			most = $1 == "memory" ? 16384 : $1 == "SUnreclaim" ? 4096 :
				$1 ~ /^[A-Z]/ ? 1024 : $1 == "files" ? 64 : 0
			if (more > most) { print "# " $1 ": " $2 " before, " $4 " after"; bad = 1 }
		} END { exit bad }' >"$tmp/differ" && return
		sleep 5
	done
	cat "$tmp/differ"
	return 1
}

echo "1..5"
start first 4
sleep 20
kill -9 $!
wait
counts >"$tmp/before"
sed 's/^/# /' "$tmp/before"

late=0
dead=0
for round in $(seq "$ROUNDS"); do
	start victim 4
	pid=$!
	# In the beginning there is most that can go wrong.
	usleep "$(random $(($(random 4) * 600000 + 100000)))"
	kill -9 $pid || dead=$((dead + 1))
	begun=$(date +%s)
	wait $pid
	[ $(($(date +%s) - begun)) -le 1 ] || late=$((late + 1))
	[ $((round % 100)) != 0 ] || echo "# $round rounds"
done 2>/dev/null
[ $late -eq 0 ] && [ $dead -eq 0 ]
result $? "$ROUNDS VMMs with four vCPUs were killed within a second each ($late later, $dead had ended)"
as_before
result $? "nothing has stayed of them"

end=$(($(date +%s) + MINUTES * 60))
killed=0
while [ "$(date +%s)" -lt $end ]; do
	slot=$(random "$VMS")
	eval "pid=\${vm_$slot:-}"
	if [ "$pid" ]; then
		kill -9 "$pid"
		wait "$pid"
		killed=$((killed + 1))
		eval "vm_$slot="
	else
		start "vm-$slot" $((1 + slot % 2))
		eval "vm_$slot=$!"
	fi
	usleep "$(random 600000)"
done 2>/dev/null
running=$(vmctl list 2>/dev/null | sed 1d | grep -c .)
[ "$killed" -gt $((MINUTES * 10)) ] && [ "$running" -gt 0 ]
result $? "of $VMS VMs some were killed and others started: $killed times; $running run"
kill -9 $(jobs -p) 2>/dev/null
wait
as_before
result $? "nothing has stayed of those"
rmmod svmm && insmod "out/modules/$(uname -r)/svmm.ko"
result $? "the module can be removed, and comes back"
exit $failed
