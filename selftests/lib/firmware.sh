# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Disks that firmware boots, for scripts that have sourced tap.sh. It knows no test.

shown="out err"

# linux_files DIRECTORY: for the disks below: GRUB starts Linux, which sleeps, wakes up and powers off
linux_files()
{
	mkdir "$1"
	cp out/guest/vmlinuz out/guest/initrd.img "$1"
	# GRUB would put quotes around what has spaces.
	cat >"$1/grub.cfg" <<-'END'
		echo "GRUB starts Linux"
		linux /vmlinuz console=ttyS0 'svmm.run=echo${IFS}+5>/sys/class/rtc/rtc0/wakealarm;echo${IFS}mem>/sys/power/state'
		initrd /initrd.img
		boot
	END
}

# grub_disk FILE DIRECTORY: a disk with GRUB, whose one partition has what is in the directory, of
# which GRUB reads grub.cfg
grub_disk()
{
	dd if=/dev/zero of="$1" bs=1M count=1 2>/dev/null
	dd if=out/guest/grub.img of="$1" conv=notrunc 2>/dev/null
	# The table: one partition of Linux, of 40 MiB behind the first one, and no others
	{
		printf '\200\0\0\0\203\0\0\0\0\010\0\0\0\100\1\0'
		dd if=/dev/zero bs=48 count=1 2>/dev/null
		printf '\125\252'
	} | dd of="$1" bs=1 seek=446 conv=notrunc 2>/dev/null
	dd if=/dev/zero of="$tmp/partition" bs=1M count=0 seek=40 2>/dev/null
	/sbin/mke2fs -q -t ext2 -d "$2" "$tmp/partition" && cat "$tmp/partition" >>"$1"
	rm "$tmp/partition"
}

# efi_disk FILE DIRECTORY: the same for UEFI, with GRUB in a partition of its own
efi_disk()
{
	cat out/guest/efi.img >"$1"
	dd if=/dev/zero of="$tmp/partition" bs=1M count=0 seek=40 2>/dev/null
	/sbin/mke2fs -q -t ext2 -d "$2" "$tmp/partition" && cat "$tmp/partition" >>"$1"
	cat out/guest/efi-end.img >>"$1"
	rm "$tmp/partition"
}

# boot SECONDS OPTION...: a guest with $firmware, its console in $tmp/out; to its end
firmware=seabios
boot()
{
	seconds=$1
	shift
	timeout "$seconds" vmctl run --firmware "$firmware" --exit-port 0xf4 "$@" >"$tmp/out" \
		2>"$tmp/err" </dev/null
}

# refused STATUS WORDS OPTION...
refused()
{
	wanted=$1
	words=$2
	shift 2
	timeout 60 vmctl run "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	[ $? -eq "$wanted" ] && grep -q -- "^vmctl: .*$words" "$tmp/err" && [ ! -s "$tmp/out" ]
	result $? "refused: $words"
}

said() { tr -d '\r' <"$tmp/out" | grep -q -e "$1"; }
# How many lines have said so
times_said() { tr -d '\r' <"$tmp/out" | grep -c -e "$1"; }
