#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 900
# programs: /usr/share/seabios/bios-256k.bin /sbin/mke2fs /boot/memtest86+x64.bin /boot/ipxe.lkrn
# programs: /usr/lib/x86_64-linux-gnu/libslirp.so.0 /usr/lib/ipxe/qemu/pxe-virtio.rom
#
# Programs that are no operating system, started by SeaBIOS and GRUB: memtest86+ tests the guest's
# memory, iPXE gets an address by its own driver of the network card; as that card's option ROM, too.

. selftests/lib/tap.sh
. selftests/lib/firmware.sh

# start SECONDS WORDS OPTION...: until it says so, on a disk with $tmp/files
start()
{
	seconds=$1
	words=$2
	shift 2
	grub_disk "$tmp/disk" "$tmp/files"
	: >"$tmp/out"
	timeout "$seconds" vmctl run --firmware seabios --disk "$tmp/disk" "$@" >"$tmp/out" \
		2>"$tmp/err" </dev/null &
	pid=$!
	until said "$words" || ! kill -0 $pid 2>/dev/null; do sleep 1; done
	kill $pid 2>/dev/null
	wait $pid
	said "$words"
}

echo "1..4"
mkdir "$tmp/files"
cp /boot/memtest86+x64.bin "$tmp/files/memtest"
cp /boot/ipxe.lkrn "$tmp/files/ipxe"
printf 'linux /memtest console=ttyS0,115200 nopause\nboot\n' >"$tmp/files/grub.cfg"
start 240 'Status: Testing' --mem 32M
result $? "memtest86+ tests memory"
! said 'Errors: *[1-9]' && [ ! -s "$tmp/err" ]
result $? "and finds no error"

printf 'linux16 /ipxe dhcp\nboot\n' >"$tmp/files/grub.cfg"
start 100 'net0.* ok' --mem 64M --net user
result $? "iPXE gets an address"

echo 'echo "from the disk"; halt' >"$tmp/files/grub.cfg"
start 100 'net0.* ok' --mem 64M --net user,bootindex=0 && ! said 'from the disk'
result $? "it does when the network card is first in the boot order"
exit $failed
