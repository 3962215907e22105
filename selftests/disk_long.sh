#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 240
# hosts: epyc-6.1
# only: check-long
#
# --disk when it gets rough: what was flushed is there when vmctl is killed, one image is not for two
# VMs, and 16 disks share the interrupts that there are.

. selftests/lib/tap.sh
. selftests/lib/disk.sh

processes() { pidof vmctl | wc -w; }

echo "1..5"
# vmctl is killed while the guest writes: what was flushed is there.
truncate -s 24M "$tmp/killed"
guest --disk "$tmp/killed" <<'END'
while :; do dd if=/dev/urandom of=/dev/vdb bs=64k seek=128 count=128 2>/dev/null; done &
i=0
while :; do
	yes "block $i" | head -c 65536 >/tmp/block
	dd if=/tmp/block of=/dev/vdb bs=64k seek=$i conv=fsync 2>/dev/null
	i=$((i + 1))
	echo flushed $i
	[ $i -lt 100 ] || break
done
wait
END
wait_said '^flushed 8'
result $? "a guest that writes"
refused 1 "killed: another VM has it; several can only if all say readonly=on" \
	--disk "$tmp/killed"
refused 1 "another VM has it for writing" --disk "$tmp/killed,readonly=on"
kill -KILL "$guest"
wait "$guest" 2>/dev/null
good=0
for i in $(seq 0 7); do
	yes "block $i" | head -c 65536 >"$tmp/want"
	dd if="$tmp/killed" bs=64k skip="$i" count=1 2>/dev/null | cmp -s - "$tmp/want" &&
		good=$((good + 1))
done
[ "$good" -eq 8 ] && [ "$(processes)" -eq 0 ]
result $? "is killed, and what it flushed is in the image"

# Without MSI 16 disks share four lines. They take more descriptors than who starts it may think.
set --
for i in $(seq 15); do
	yes "disk $i" | head -c 65536 >"$tmp/many.$i"
	set -- "$@" --disk "$tmp/many.$i,queues=1"
done
append=pci=nomsi
soft=$(ulimit -S -n)
ulimit -S -n 64
run_guest "$@" <<'END'
for d in b c d e f g h i j k l m n o p; do
	cat /dev/vd$d >/tmp/disk
	dd if=/dev/vd$d of=/dev/vd$d bs=4k seek=8 count=8 conv=fsync,notrunc 2>/dev/null || echo bad $d
	head -n 1 /tmp/disk
done >/tmp/all
echo disks $(sort -u /tmp/all | wc -l)
echo intx $(grep -c 'IO-APIC.*virtio' /proc/interrupts)
END
status=$?
append=
ulimit -S -n "$soft"
[ $status -eq 0 ] && [ "$(value disks)" = 15 ] && [ "$(value intx)" -ge 4 ]
result $? "16 disks without MSI"
exit $failed
