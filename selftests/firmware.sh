#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# hosts: epyc-6.1 opteron-6.1
# timeout: 400
# programs: /usr/share/seabios/bios-256k.bin /sbin/mke2fs
#
# --firmware: SeaBIOS starts a boot sector that uses the BIOS as DOS would and resets the machine in
# each way there is (guests/boot_sector.S), the disk that is to be first, and GRUB, which starts Linux;
# Linux sleeps, and wakes up by way of the firmware. What is no ROM is refused.

. selftests/lib/tap.sh
. selftests/lib/firmware.sh
rom=/usr/share/seabios/bios-256k.bin
clean() { [ ! -e "$tmp/rom" ] || mv "$tmp/rom" $rom; }

sector() { dd if="$1" bs=512 skip="$2" count=1 2>/dev/null; }

echo "1..19"
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
printf '\260\007\346\364\364' >"$tmp/other"
dd if=/dev/zero of="$tmp/other" bs=1 seek=510 count=0 2>/dev/null
printf '\125\252' | dd of="$tmp/other" bs=1 seek=510 conv=notrunc 2>/dev/null
dd if=/dev/zero of="$tmp/other" bs=1M count=0 seek=1 2>/dev/null
printf '\004' | dd of="$tmp/disk" bs=512 seek=10 conv=notrunc 2>/dev/null
boot 60 --mem 64M --disk "$tmp/other" --disk "$tmp/disk"
[ $? -eq 71 ]
result $? "the first disk boots"
boot 60 --mem 64M --disk "$tmp/other,bootindex=1" --disk "$tmp/disk,bootindex=0"
[ $? -eq 106 ]
result $? "but for the one whose bootindex is lower"

mkdir "$tmp/files"
cp out/guest/vmlinuz out/guest/initrd.img "$tmp/files"
# GRUB would put quotes around what has spaces.
cat >"$tmp/files/grub.cfg" <<'END'
echo "GRUB starts Linux"
linux /vmlinuz console=ttyS0 'svmm.run=echo${IFS}+5>/sys/class/rtc/rtc0/wakealarm;echo${IFS}mem>/sys/power/state'
initrd /initrd.img
boot
END
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
refused 1 "there is no /usr/share/OVMF/OVMF_CODE_4M.fd; install the package ovmf" --firmware ovmf
refused 2 "--firmware goes without --kernel" --firmware seabios --kernel out/guest/vmlinuz
exit $failed
