#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# hosts: epyc-6.1
# timeout: 180
#
# Debian's kernel, unmodified, with several CPUs: it brings all of them up, sees their topology, has
# them interrupt each other, takes one away and gets it back, reboots and powers off; and its
# watchdogs have nothing to say. One CPU is linux_boot.sh's. What the guest reports, and how, is in
# scripts/guest/smp.

log=$(mktemp)
trap 'rm -f "$log"' EXIT
exec=
n=0
failed=0
result()
{
	n=$((n + 1))
	[ "$1" -eq 0 ] && { echo "ok $n $2"; return; }
	tail -n 40 "$log" | tr -d '\r' | sed 's/^/# /'
	echo "not ok $n $2"
	failed=1
}

# linux WORDS OPTIONS...: a boot that runs $1 in the guest
linux()
{
	run=$1
	shift
	$exec vmctl run --kernel out/guest/vmlinuz --initrd out/guest/initrd.img --mem 256M \
		--append "console=ttyS0 quiet svmm.quiet svmm.run=$run" "$@" \
		>"$log" 2>&1 </dev/null
}
said() { tr -d '\r' <"$log" | grep -q -x "smp: $1"; }
number() { tr -d '\r' <"$log" | sed -n "s/^smp: $1 //p"; }

# healthy CPUS: all that is expected of any number of CPUs
healthy()
{
	last=$(($1 - 1))
	said done && said "online 0-$last" && said "ran $1" && said "replugged 0-$last" &&
		said "again $last" && [ "$(number ipis)" -gt 0 ] && [ "$(number irqs)" -gt 0 ] &&
		! said 'complaint.*'
}

echo "1..9"
for cpus in 2 4 8; do
	linux smp --cpus $cpus
	result $? "$cpus CPUs: power-off is status 0"
	healthy $cpus
	result $? "$cpus CPUs: all come up, work, interrupt each other, go and come back"
done

# Two sockets of one core of two threads, on a CPU whose APIC is no x2APIC
linux smp --cpus sockets=2,threads=2 --cpu opteron-g3
healthy 4 && said 'apic *'
result $? "four CPUs by xAPIC"
said 'topology 0 0 0 0-1 0-1' && said 'topology 1 0 0 0-1 0-1' &&
	said 'topology 2 1 0 2-3 2-3' && said 'topology 3 1 0 2-3 2-3' &&
	said 'caches 0-1 0-1 0-1.*'
result $? "their sockets, cores and threads are as asked for"

# The guest reboots without end; SIGTERM comes when its second boot has got somewhere.
(exec=exec && linux '"echo smp: here; reboot -f"' --cpus 4) &
i=0
while [ "$(grep -c 'smp: here' "$log")" -lt 2 ] && [ $i -lt 600 ]; do
	usleep 100000
	i=$((i + 1))
done
kill $!
wait $!
[ $? = 143 ] && [ "$(grep -c 'smp: here' "$log")" -ge 2 ] && ! grep -q 'vmctl:' "$log"
result $? "a reboot with 4 CPUs, and SIGTERM"
exit $failed
