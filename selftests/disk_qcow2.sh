#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# hosts: epyc-6.1
# timeout: 180
# programs: /usr/bin/qemu-nbd /usr/bin/qemu-img /usr/lib/x86_64-linux-gnu/libnbd.so.0
#
# --disk of qcow2 images, by qemu-nbd: what disk.sh sees of raw ones, that qemu-nbd comes and goes
# with vmctl, however that ends, and what is left if it goes first.

. selftests/lib/tap.sh
. selftests/lib/disk.sh

servers() { pidof qemu-nbd | wc -w; }
# gone: no server, soon
gone()
{
	for _ in $(seq 50); do
		[ "$(servers)" -ne 0 ] || return 0
		usleep 200000
	done
	return 1
}
leftovers() { ls -d /tmp/libnbd* /tmp/vmctl-* 2>/dev/null | wc -l; }

echo "1..19"
for name in one two; do qemu-img create -q -f qcow2 "$tmp/$name" 24M; done
both()
{
	"$@" --disk "$tmp/one,format=qcow2,serial=q" \
		--disk "$tmp/two,format=qcow2,packed=on,cache=writethrough"
}

both run_guest <<'END'
mkdir /x
for d in vdb vdc; do
	mkfs.ext4 -q /dev/$d && mount -t ext4 /dev/$d /x || echo bad $d
	dd if=/dev/urandom of=/x/data bs=64k count=48 conv=fsync 2>/dev/null
	sync
	echo 3 >/proc/sys/vm/drop_caches
	echo sum-$d $(md5sum </x/data)
	umount /x
	fsck.ext4 -fn /dev/$d >/tmp/fsck 2>&1
	echo fsck-$d $?
done
echo size $(cat /sys/block/vd[bc]/size)
END
result $? "a guest with two qcow2 images"
cp "$tmp/out" "$tmp/first"
[ "$(value fsck-vdb)" = 0 ] && [ "$(value fsck-vdc)" = 0 ] && ! said '^bad' &&
	[ "$(value size)" = "49152 49152" ]
result $? "has clean file systems on them"
gone
result $? "qemu-nbd ends with vmctl"
[ "$(leftovers)" -eq 0 ]
result $? "and leaves nothing behind"
qemu-img check -q "$tmp/one" >"$tmp/err" 2>&1 && qemu-img check -q "$tmp/two" >>"$tmp/err" 2>&1
result $? "the images are in order"

before=$(stat -c %b "$tmp/one")
both run_guest <<'END'
mkdir /x
mount /dev/vdb /x
if [ ! -e /x/second ]; then
	touch /x/second
	echo sum-vdb $(md5sum </x/data)
	umount /x
	reboot -f
fi
echo third boot
rm /x/data
sync
fstrim /x
echo trim $?
umount /x
mount /dev/vdc /x
echo sum-vdc $(md5sum </x/data)
umount /x
blkzero -zf /dev/vdc
echo zeroes $? $(tr -d '\0' </dev/vdc | wc -c)
END
result $? "a second boot, and a reboot"
for d in vdb vdc; do
	[ -n "$(value sum-$d)" ] && [ "$(value sum-$d)" = "$(sed -n "s/^sum-$d //p" "$tmp/first" |
		tr -d '\r')" ]
	result $? "$d: what was written is there"
done
[ "$(value trim)" = 0 ] && [ $((before - $(stat -c %b "$tmp/one"))) -ge 4000 ]
result $? "trimmed space is the host's again"
[ "$(value zeroes)" = "0 0" ]
result $? "zeroes are zeroes"

guest --disk "$tmp/one,format=qcow2" <<'END'
while :; do dd if=/dev/urandom of=/dev/vdb bs=64k seek=128 count=128 2>/dev/null; done &
for i in $(seq 0 100); do
	yes "block $i" | head -c 65536 >/tmp/block
	dd if=/tmp/block of=/dev/vdb bs=64k seek=$i conv=fsync 2>/dev/null
	echo flushed $i
done
END
wait_said '^flushed 7'
result $? "a guest that writes"
refused 1 "qemu-nbd cannot open it, as it says above" --disk "$tmp/one,format=qcow2"
kill -KILL "$guest"
wait "$guest" 2>/dev/null
gone
result $? "is killed, and qemu-nbd ends"
qemu-img check -q "$tmp/one" >"$tmp/err" 2>&1
[ $? -eq 0 ] || [ $? -eq 3 ]
result $? "the image is in order"
qemu-img convert -f qcow2 -O raw "$tmp/one" "$tmp/raw"
good=0
for i in $(seq 0 7); do
	yes "block $i" | head -c 65536 >"$tmp/want"
	dd if="$tmp/raw" bs=64k skip="$i" count=1 2>/dev/null | cmp -s - "$tmp/want" &&
		good=$((good + 1))
done
[ "$good" -eq 8 ]
result $? "and has what was flushed"

# qemu-nbd dies, and the guest lives on without its disk.
guest --disk "$tmp/two,format=qcow2" <<'END'
try() { dd if=/dev/vdb of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null; }
try && echo reads
while try; do usleep 100000; done
echo failed
try || echo failed again
END
wait_said '^reads'
result $? "a guest that reads"
kill -KILL "$(pidof qemu-nbd)"
wait "$guest"
result $? "goes on when qemu-nbd is killed"
said '^failed again' && [ "$(grep -c 'two: qemu-nbd has ended: the guest gets errors' "$tmp/err")" -eq 1 ]
result $? "gets errors, and it is said once"

refused 1 "it looks like qcow2; say format=qcow2" --disk "$tmp/one"
exit $failed
