#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# hosts: epyc-6.1
# timeout: 240
#
# --disk under the guest's own drivers: file systems on images of every kind, which the next boot
# and a reboot find again; discard gives space back; and what cannot be a disk is told.
# disk_long.sh has what takes longer.

. selftests/lib/tap.sh
. selftests/lib/disk.sh

loop=
clean() { [ -z "$loop" ] || losetup -d "$loop"; }

blocks() { stat -c %b "$1"; }

echo "1..29"
for name in plain packed back unsafe; do truncate -s 24M "$tmp/$name"; done
modprobe loop
loop=$(losetup -f)
losetup "$loop" "$tmp/back"

all()
{
	"$@" --cpus 2 --disk "$tmp/plain,serial=svmm-plain" \
		--disk "$tmp/packed,packed=on,cache=writethrough,queues=1" \
		--disk "$loop,cache=none" --disk "$tmp/unsafe,cache=unsafe"
}

# A file system on each disk; of what is written, the sum.
all run_guest <<'END'
for d in vdb vdc vdd vde; do
	mkdir /$d
	mkfs.ext4 -q /dev/$d && mount -t ext4 /dev/$d /$d || echo bad $d
	dd if=/dev/urandom of=/$d/data bs=64k count=48 conv=fsync 2>/dev/null
	for i in $(seq 100); do echo $i $d >/$d/file.$i; done
	sync
	echo 3 >/proc/sys/vm/drop_caches
	echo sum-$d $(cat /$d/data /$d/file.* | md5sum)
	umount /$d
	fsck.ext4 -fn /dev/$d >/tmp/fsck 2>&1
	echo fsck-$d $?
done
echo size $(cat /sys/block/vd?/size)
echo ro $(cat /sys/block/vd?/ro)
echo serial $(cat /sys/block/vdb/serial)
echo queues $(ls /sys/block/vdb/mq | wc -l) $(ls /sys/block/vdc/mq | wc -l)
echo rings $(cut -c35 /sys/block/vdb/device/features) $(cut -c35 /sys/block/vdc/device/features)
echo msi $(grep -c 'PCI-MSI.*virtio0-req' /proc/interrupts)
dd if=/dev/zero of=/dev/vda bs=512 count=1 conv=fsync 2>/dev/null
echo write $?
blkdiscard /dev/vda 2>/dev/null
echo discard $?
dmesg | grep -i 'error\|blk_update' | grep -v vda
END
result $? "a guest with five disks"
cp "$tmp/out" "$tmp/first"
for d in vdb vdc vdd vde; do
	[ -n "$(value sum-$d)" ] && [ "$(value fsck-$d)" = 0 ] && ! said "bad $d"
	result $? "$d: a file system, which is clean"
done
[ "$(value size)" = "32 49152 49152 49152 49152" ]
result $? "sizes"
[ "$(value ro)" = "1 0 0 0 0" ] && [ "$(value write)" != 0 ] && [ "$(value discard)" != 0 ]
result $? "readonly=on"
[ "$(head -n 1 "$tmp/script")" = "for d in vdb vdc vdd vde; do" ]
result $? "nothing was written there"
[ "$(value serial)" = svmm-plain ]
result $? "serial="
[ "$(value queues)" = "2 1" ]
result $? "a queue for each CPU, or queues="
[ "$(value rings)" = "0 1" ]
result $? "packed=on"
[ "$(value msi)" -ge 1 ]
result $? "interrupts are messages"
! said 'error\|blk_update'
result $? "no I/O error"

# The next boot, and the one after a reboot, which is another machine on the same images.
before=$(blocks "$tmp/plain")
all run_guest <<'END'
mkdir /x
mount /dev/vdb /x
if [ ! -e /x/second ]; then
	touch /x/second
	umount /x
	for d in vdb vdc vdd vde; do
		mount /dev/$d /x
		echo sum-$d $(cat /x/data /x/file.* | md5sum)
		umount /x
	done
	reboot -f
fi
echo third boot
rm /x/data
sync
fstrim /x
echo trim $?
umount /x
fsck.ext4 -fn /dev/vdb >/tmp/fsck 2>&1
echo fsck $?
blkdiscard /dev/vdc
echo discard $?
blkzero -zf /dev/vde
echo zeroes $?
echo left $(cat /dev/vdc /dev/vde | tr -d '\0' | wc -c)
END
result $? "a second boot, and a reboot"
for d in vdb vdc vdd vde; do
	[ -n "$(value sum-$d)" ] && [ "$(value sum-$d)" = "$(sed -n "s/^sum-$d //p" "$tmp/first" |
		tr -d '\r')" ]
	result $? "$d: what was written is there"
done
said '^third boot' && [ "$(value fsck)" = 0 ]
result $? "also behind the reboot"
[ "$(value trim)" = 0 ] && [ $((before - $(blocks "$tmp/plain"))) -ge 6000 ]
result $? "trimmed space is the host's again"
[ "$(value discard)" = 0 ] && [ "$(blocks "$tmp/packed")" -le 8 ]
result $? "as is what was discarded"
[ "$(value zeroes)" = 0 ] && [ "$(value left)" = 0 ]
result $? "zeroes are zeroes"

echo abc >"$tmp/odd"
: >"$tmp/empty"
refused 1 "nowhere: No such file or directory; make it with truncate" --disk "$tmp/nowhere"
refused 1 "neither a file nor a block device" --disk /dev/null
refused 1 "it is empty; make it as large" --disk "$tmp/empty"
refused 1 "its size, 4 bytes, is no multiple of 512; is it raw" --disk "$tmp/odd"
refused 2 "cache is writeback, writethrough, none or unsafe" --disk "$tmp/plain,cache=fast"
refused 2 "keys are readonly" --disk "$tmp/plain,size=5"
refused 1 "--exit-port 0xc100 is the port of a device" --disk "$tmp/plain" --exit-port 0xc100
exit $failed
