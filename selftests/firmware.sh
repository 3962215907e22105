#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# hosts: epyc-6.1
# timeout: 400
# programs: /usr/share/seabios/bios-256k.bin /usr/share/seabios/vgabios-stdvga.bin /sbin/mke2fs
#
# --firmware: SeaBIOS starts a boot sector that uses the BIOS as DOS would and resets the machine in
# each way there is (guests/boot_sector.S), the disk that is to be first, and GRUB, which starts Linux;
# Linux sleeps, and wakes up by way of the firmware. With a VGA there is a VGA BIOS. What is no ROM
# is refused.

. selftests/lib/manage.sh
. selftests/lib/firmware.sh
rom=/usr/share/seabios/bios-256k.bin
vga_rom=/usr/share/seabios/vgabios-stdvga.bin
clean()
{
	[ ! -e "$tmp/rom" ] || mv "$tmp/rom" $rom
	[ ! -e "$tmp/vga-rom" ] || mv "$tmp/vga-rom" $vga_rom
	vmctl stop --timeout 0 bios 2>/dev/null
}

sector() { dd if="$1" bs=512 skip="$2" count=1 2>/dev/null; }

# sector_disk FILE OCTAL-BYTES: a disk whose boot sector that is
sector_disk()
{
	printf "$2" >"$1"
	dd if=/dev/zero of="$1" bs=1 seek=510 count=0 2>/dev/null
	printf '\125\252' | dd of="$1" bs=1 seek=510 conv=notrunc 2>/dev/null
	dd if=/dev/zero of="$1" bs=1M count=0 seek=1 2>/dev/null
}

# screen WORDS [OPTION ...]: a guest with those has them on its screen
screen()
{
	words=$1
	shift
	vmctl run --detach --name bios --firmware seabios --mem 32M --vga "$@" >"$tmp/out" \
		2>"$tmp/err" </dev/null || return 1
	within 60 on_screen "$words"
	found=$?
	vmctl stop --timeout 0 bios 2>/dev/null
	return $found
}
on_screen() { vmctl screen bios 2>&1 | tee "$tmp/said" | grep -q -- "$1"; }

echo "1..24"
dd if=/dev/zero of="$tmp/disk" bs=1M count=0 seek=8 2>/dev/null
dd if=out/selftests/guests/boot_sector.bin of="$tmp/disk" conv=notrunc 2>/dev/null
dd if=/dev/urandom of="$tmp/disk" bs=512 seek=8 count=1 conv=notrunc 2>/dev/null
boot 120 --mem 64M --cpus 2 --disk "$tmp/disk" --debug-port "file:$tmp/log"
status=$?
[ $status -eq 106 ]
result $? "a boot sector that uses the BIOS: status $status"
said 'SeaBIOS (version' && said '^Booting from Hard Disk'
result $? "SeaBIOS is on the serial port"
[ "$(times_said '^program runs')" = 5 ]
result $? "it boots again after each kind of reset"
[ "$(sector "$tmp/disk" 8 | md5sum)" = "$(sector "$tmp/disk" 9 | md5sum)" ]
result $? "what it writes is on the disk"
[ "$(grep -c 'Running on QEMU (i440fx)' "$tmp/log")" = 5 ] &&
	grep -q 'Found 2 cpu(s) max supported 2' "$tmp/log" && grep -q 'using modern' "$tmp/log"
result $? "the debug port tells of it"
[ ! -s "$tmp/err" ]
result $? "vmctl has nothing to say"

# The other one writes 7 to the exit port; of the first, this is the fifth boot.
sector_disk "$tmp/other" '\260\007\346\364\364'
printf '\004' | dd of="$tmp/disk" bs=512 seek=10 conv=notrunc 2>/dev/null
boot 60 --mem 64M --disk "$tmp/other" --disk "$tmp/disk"
[ $? -eq 71 ]
result $? "the first disk boots"
boot 60 --mem 64M --disk "$tmp/other,bootindex=1" --disk "$tmp/disk,bootindex=0"
[ $? -eq 106 ]
result $? "but for the one whose bootindex is lower"

# mov $0x0e41, %ax; mov $7, %bx; int $0x10; hlt: types an A
sector_disk "$tmp/types" '\270\101\016\273\007\000\315\020\364'
screen '^Booting from Hard Disk' --disk "$tmp/types" && grep -q '^A' "$tmp/said"
result $? "a VGA BIOS has a screen for the BIOS and its programs"
# mov $0x4f02, %ax; mov $0x4101, %bx; int $0x10; hlt: VBE mode 101h
sector_disk "$tmp/draws" '\270\002\117\273\001\101\315\020\364'
screen 'graphics mode, 640 x 480' --disk "$tmp/draws"
result $? "and modes of VBE"

linux_files "$tmp/files"
grub_disk "$tmp/grub" "$tmp/files"
boot 240 --mem 256M --cpus 2 --disk "$tmp/grub" --rng --debug-port "file:$tmp/log"
status=$?
said 'GRUB starts Linux'
result $? "GRUB boots from a disk"
said 'ACPI: XSDT 0x.*SVMM' && said 'ACPI: PM: (supports S0 S3' && ! said 'ACPI.*Error'
result $? "Linux finds the ACPI tables where the firmware has put them"
said 'pci 0000:00:09.0: BAR 0.*0xfeb' && ! said "can't claim\|no compatible bridge window"
result $? "and leaves PCI devices where they are"
said '^  CPUs  *2, '
result $? "has two CPUs"
said 'PM: suspend exit' && said '^svmm.run: status 0' && grep -q 'In resume (status=254)' "$tmp/log"
result $? "sleeps, and the firmware wakes it up"
[ $status -eq 0 ] && [ ! -s "$tmp/err" ] && ! tr -d '\r' <"$tmp/out" | grep -v hw-vuln |
	grep -E -f scripts/host/trouble >&2
result $? "and powers off without a complaint"

head -c 200000 $rom >"$tmp/odd"
refused 1 "has 200000 bytes; a ROM has a multiple of 64K" --firmware "$tmp/odd"
head -c 131072 $rom >"$tmp/half"
refused 1 "does not end with a PC's reset vector" --firmware "$tmp/half"
mv $rom "$tmp/rom"
refused 1 "there is no $rom; install the package seabios" --firmware seabios
mv "$tmp/rom" $rom
mv $vga_rom "$tmp/vga-rom"
echo "no ROM" >$vga_rom
refused 1 "the option ROM $vga_rom has 7 bytes; one has a multiple of 512" --firmware seabios --vga
dd if=/dev/zero of=$vga_rom bs=512 count=1 2>/dev/null
refused 1 "the option ROM $vga_rom does not begin with 55 AA" --firmware seabios --vga
mv "$tmp/vga-rom" $vga_rom
refused 1 "there is no /usr/lib/ipxe/qemu/pxe-virtio.rom.*install the package ipxe-qemu" \
	--firmware seabios --net user,bootindex=0
refused 1 "there is no /usr/share/OVMF/OVMF_CODE_4M.fd; install the package ovmf" --firmware ovmf
refused 2 "--firmware goes without --kernel" --firmware seabios --kernel out/guest/vmlinuz
exit $failed
