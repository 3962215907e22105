#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 300
#
# Debian's kernel as the ELF file that is in its bzImage, by PVH: its user space finds all that it
# finds when it is booted as a bzImage.

. selftests/lib/tap.sh
shown=log
has() { tr -d '\r' <"$tmp/log" | grep -q -- "$1"; }

echo "1..7"
vmctl run --kernel out/long/vmlinux --initrd out/guest/initrd.img --mem 256M --cpus 2 \
	--append 'console=ttyS0 svmm.run="dmesg; ls -1 /sys/firmware/acpi/tables"' >"$tmp/log" 2>&1 </dev/null
result $? "the guest's power-off is status 0"
has '^  CPUs  *2, '
result $? "two CPUs, by the ACPI tables"
has '^  hypervisor  *KVM$'
result $? "the paravirtual interface"
has 'BIOS-e820: \[mem 0x0000000000100000-0x000000000fffffff\] usable'
result $? "all of its memory"
has '^DSDT$'
result $? "the ACPI tables are there for user space"
has '^svmm.run: status 0$'
result $? "a command runs"
! tr -d '\r' <"$tmp/log" | grep -v hw-vuln | grep -E -f scripts/host/trouble >&2
result $? "the guest's kernel has no complaint"
exit $failed
