#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 3600
# programs: qemu-img qemu-nbd /usr/lib/x86_64-linux-gnu/libnbd.so.0 /sbin/e2fsck
#
# Debian 12 as it is installed, on two CPUs, from kernel to login prompt: its root on a raw disk and a
# qcow2 image beside. fio writes to both for two minutes and finds again what it wrote; the power
# button ends it; the host finds both images in order.

. selftests/lib/tap.sh
. selftests/lib/debian.sh
SECONDS_OF_FIO=${SECONDS_OF_FIO:-120}
clean() { kill -KILL $(jobs -p) 2>/dev/null; }

echo "1..9"
qemu-img create -q -f qcow2 "$tmp/scratch" 128M
script "$tmp/script" <<END
cat >/tmp/jobs <<JOBS
[global]
rw=randwrite
bsrange=4k-64k
ioengine=libaio
iodepth=8
direct=1
fsync=64
size=4m
randrepeat=0
verify=crc32c
verify_fatal=1
[raw]
filename=/var/tmp/verified
[qcow2]
filename=/dev/vdb
JOBS
echo cpus \$(nproc)
echo root \$(findmnt -no SOURCE,FSTYPE /)
echo failed \$(systemctl --failed --plain --no-legend | wc -l) \$(systemctl --failed --plain)
rounds=0
status=0
read -r up _ </proc/uptime
end=\$((\${up%.*} + $SECONDS_OF_FIO))
while [ \${up%.*} -lt \$end ] && [ \$status = 0 ]; do
	fio /tmp/jobs >/tmp/fio 2>&1
	status=\$?
	rounds=\$((rounds + 1))
	read -r up _ </proc/uptime
done
echo fio \$status
echo rounds \$rounds
grep -E 'err=|IOPS=|error|verify' /tmp/fio
for job in raw qcow2; do
	for what in read write; do
		echo \$job-\$what \$(sed -n "/^\$job: (groupid/,/^ *cpu/s/^ *\$what: .*(\(.*\)).*/\1/p" /tmp/fio)
	done
done
dmesg --level emerg,alert,crit,err | sed 's/^/kernel: /'
END

boot --disk /dev/vdb --disk "$tmp/scratch,format=qcow2" --disk "$tmp/script,readonly=on"
log_in 1500
result $? "Debian 12 boots to its login prompt, and root logs in"
run /dev/vdc $((SECONDS_OF_FIO * 2 + 600))
result $? "it does what it is told"
[ "$(value cpus)" = 2 ] && [ "$(value root)" = "/dev/vda ext4" ]
result $? "with two CPUs and its root on the first disk"
value failed | grep -q '^0 '
result $? "no unit of systemd has failed"
[ "$(value fio)" = 0 ]
result $? "fio finds what it wrote"
for job in raw qcow2; do
	echo "# $job, $(value rounds) times: $(value $job-write) written, $(value $job-read) read"
done
[ "$(value raw-write)" ] && [ "$(value raw-read)" ] && [ "$(value qcow2-write)" ] &&
	[ "$(value qcow2-read)" ] && ! said '^kernel: '
result $? "on both images, and its kernel has seen no error"
vmctl stop --timeout 600 "$name" >>"$tmp/err" 2>&1 && wait "$guest"
result $? "the power button ends it"
e2fsck -fn /dev/vdb >>"$tmp/err" 2>&1
result $? "its file system is clean"
qemu-img check -q -f qcow2 "$tmp/scratch" >>"$tmp/err" 2>&1
result $? "the qcow2 image is in order"
exit $failed
