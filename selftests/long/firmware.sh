#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 3000
# programs: /usr/share/seabios/bios-256k.bin /sbin/mke2fs
#
# Debian 12 on a disk with GRUB, from the firmware to the login prompt: nothing but the disk is given.
# It reboots, which goes by the firmware again, and is ended by the power button. The disk is made
# here, of Debian's and of GRUB's sectors, as grub-install would leave it.

. selftests/lib/tap.sh
. selftests/lib/debian.sh
clean()
{
	kill -KILL $(jobs -p) 2>/dev/null
	umount "$tmp/root" 2>/dev/null
}

# make_disk FILE: a table with one partition, GRUB in front of it, Debian in it
make_disk()
{
	mkdir "$tmp/root"
	mount -t ext4 /dev/vdb "$tmp/root" || return 1
	cp out/long/vmlinuz-debian "$tmp/root/boot/vmlinuz"
	cp out/long/debian.img "$tmp/root/boot/initrd.img"
	sed -i 's,^/dev/vda ,/dev/vda1 ,' "$tmp/root/etc/fstab"
	cat >"$tmp/root/grub.cfg" <<-'END'
	linux /boot/vmlinuz root=/dev/vda1 rw console=ttyS0 quiet
	initrd /boot/initrd.img
	boot
	END
	dd if=out/guest/grub.img of="$1" 2>/dev/null
	{
		printf '\200\0\0\0\203\0\0\0\0\010\0\0\0\0\060\0'
		dd if=/dev/zero bs=48 count=1 2>/dev/null
		printf '\125\252'
	} | dd of="$1" bs=1 seek=446 conv=notrunc 2>/dev/null
	dd if=/dev/zero of="$1" bs=1M count=0 seek=1537 2>/dev/null
	/sbin/mke2fs -q -F -t ext4 -E offset=1048576 -d "$tmp/root" "$1" 1536M
	status=$?
	umount "$tmp/root"
	return $status
}

boot_firmware()
{
	[ -e "$tmp/keys" ] || mkfifo "$tmp/keys"
	exec 3<>"$tmp/keys"
	: >"$tmp/raw"
	vmctl run --name "$name" --firmware seabios --mem 384M --cpus 2 --disk "$1" \
		<"$tmp/keys" >"$tmp/raw" 2>"$tmp/err" &
	guest=$!
}

boots() { [ "$(grep -c 'Booting from Hard Disk' "$tmp/console")" = "$1" ]; }

echo "1..6"
modprobe ext4
make_disk "$tmp/disk" 2>"$tmp/err"
result $? "a disk with GRUB and Debian"
boot_firmware "$tmp/disk"
log_in 1500
result $? "Debian 12 boots from it to its login prompt, and root logs in"
boots 1
result $? "by way of the firmware"
echo "findmnt -no SOURCE,FSTYPE /; cat /sys/class/dmi/id/bios_*; reboot" >&3
wait_said 300 '^/dev/vda1 ext4$'
result $? "with its root on that disk"
wait_said 1500 'reboot: Restarting system' && wait_said 1500 'login: $' && boots 2
result $? "it reboots, likewise"
vmctl stop --timeout 600 "$name" >>"$tmp/err" 2>&1 && wait "$guest"
result $? "the power button ends it"
exit $failed
