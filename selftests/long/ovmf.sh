#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 3000
# programs: /usr/share/OVMF/OVMF_CODE_4M.fd /usr/share/OVMF/OVMF_VARS_4M.fd /sbin/mke2fs
#
# --firmware ovmf: its shell, in which variables are set, over a reset and for the next VM; a GPT
# disk with GRUB in its EFI system partition, which starts Linux; Linux finds UEFI, its CPUs, the ACPI
# tables and its PCI devices in order, sleeps, wakes up by way of the firmware, and powers off.
# Variables that another build has, or that cannot be written, are refused.

. selftests/lib/tap.sh
. selftests/lib/firmware.sh
clean()
{
	kill -KILL $(jobs -p) 2>/dev/null
	umount "$tmp/readonly" 2>/dev/null
}

guid=5f3c0b1e-7d0a-4c86-9a53-1f0f6d3a7e42
firmware=ovmf,vars=$tmp/vars
escape=$(printf '\033')

# Without what is for terminals, in lines as they are on the screen
said() { tr '\r' '\n' <"$tmp/out" | sed "s/$escape\[[0-9;?=]*[a-zA-Z]//g" | grep -q -e "$1"; }

# start FIRMWARE: a VM without a disk, in the background; what is typed goes to descriptor 3
start()
{
	[ -e "$tmp/keys" ] || mkfifo "$tmp/keys"
	exec 3<>"$tmp/keys"
	: >"$tmp/out"
	vmctl run --name uefi --firmware "$1" --mem 256M <"$tmp/keys" >"$tmp/out" 2>"$tmp/err" &
	pid=$!
}

# wait_said SECONDS WORDS: until it says so
wait_said()
{
	until=$(($(date +%s) + $1))
	until said "$2"; do
		[ "$(date +%s)" -lt $until ] && kill -0 $pid 2>/dev/null || return 1
		sleep 1
	done
}

# To the shell's prompt; what was said up to now is forgotten
prompt() { wait_said 600 '^Shell> *$'; }
tell() { printf '%s\r' "$1" >&3; }

# ask COMMAND WORDS: whether the shell answers so
ask()
{
	: >"$tmp/out"
	tell "$1"
	wait_said 60 "$2"
}

echo "1..20"
start "$firmware"
prompt && said 'UEFI Interactive Shell'
result $? "without a disk it is OVMF's shell"
[ "$(wc -c <"$tmp/vars")" = "$(wc -c </usr/share/OVMF/OVMF_VARS_4M.fd)" ] &&
	! cmp -s "$tmp/vars" /usr/share/OVMF/OVMF_VARS_4M.fd
result $? "which has written its variables"
ask "setvar svmm -guid $guid -nv -bs -rt =5a17" "^Shell> *$" &&
	ask "setvar svmm -guid $guid" '5A 17'
result $? "a variable is set"
vmctl run --firmware "$firmware" >"$tmp/second" 2>&1 </dev/null
[ $? -eq 1 ] && grep -q "^vmctl: another VM has the firmware's variables $tmp/vars" "$tmp/second"
result $? "no other VM has the variables"
: >"$tmp/out"
tell reset
prompt && ask "setvar svmm -guid $guid" '5A 17'
result $? "the variable is there after a reset"
tell 'reset -s'
wait $pid
status=$?
[ $status -eq 0 ] && [ ! -s "$tmp/err" ]
result $? "the shell powers off, and vmctl has nothing to say: status $status"

start "$firmware"
prompt && ask "setvar svmm -guid $guid" '5A 17'
result $? "the next VM has the variable"
vmctl stop --timeout 1 uefi >/dev/null 2>&1
wait $pid
before=$(md5sum <"$tmp/vars")
start ovmf
prompt && ask "setvar svmm -guid $guid -nv -bs -rt =5a17" "^Shell> *$"
result $? "without a file it can be set, too"
kill $pid
wait $pid
start ovmf
prompt && ask "setvar svmm -guid $guid" 'not found\|Unable'
result $? "and is forgotten"
kill $pid
wait $pid
[ "$(md5sum <"$tmp/vars")" = "$before" ]
result $? "while the file stays what it was"

linux_files "$tmp/files"
efi_disk "$tmp/grub" "$tmp/files"
boot 1500 --mem 256M --cpus 2 --disk "$tmp/grub" --rng
status=$?
said 'GRUB starts Linux'
result $? "GRUB boots from an EFI system partition"
said 'efi: EFI v2.*by ' && said 'ACPI: FACP 0x.*SVMM' && ! said 'ACPI.*Error'
result $? "Linux finds UEFI, and the ACPI tables"
said 'pci 0000:00:09.0: BAR 0.*0x80\|pci 0000:00:09.0: reg 0x10: \[mem 0x8' &&
	! said "can't claim\|no compatible bridge window"
result $? "and leaves PCI devices where they are"
said '^  CPUs  *2, '
result $? "has two CPUs"
said 'PM: suspend exit' && said '^svmm.run: status 0'
result $? "sleeps, and the firmware wakes it up"
[ $status -eq 0 ] && [ ! -s "$tmp/err" ] && ! tr -d '\r' <"$tmp/out" | grep -v hw-vuln |
	grep -E -f scripts/host/trouble >&2
result $? "and powers off without a complaint"
said 'GRUB starts Linux' && [ "$(tr -d '\r' <"$tmp/out" | grep -c 'GRUB starts Linux')" = 1 ]
result $? "without another boot"

head -c 131072 "$tmp/vars" >"$tmp/odd"
refused 1 "odd have 131072 bytes, and this firmware's have 540672" --firmware "ovmf,vars=$tmp/odd"
mkdir "$tmp/readonly"
mount -t tmpfs none "$tmp/readonly"
cp "$tmp/vars" "$tmp/readonly"
mount -o remount,ro "$tmp/readonly"
refused 1 "readonly/vars: Read-only file system" --firmware "ovmf,vars=$tmp/readonly/vars"
refused 1 "UEFI needs --mem 128M or more" --firmware ovmf --mem 127M
exit $failed
