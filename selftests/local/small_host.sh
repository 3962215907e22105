#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 2000
# only: check-long
#
# A guest of 2 GiB that uses all of it, on a host of 1 GiB with swap.

cd "$(dirname "$0")/../.." || exit
if [ "$(hostname)" != amdhost ]; then
	exec scripts/amdhost --mem 1G --timeout 1900 -- selftests/local/small_host.sh
fi

. selftests/lib/tap.sh
vmstat() { sed -n "s/^$1 //p" /proc/vmstat; }

echo "1..4"
modprobe zram && echo 3G >/sys/block/zram0/disksize && mkswap /dev/zram0 >/dev/null &&
	swapon /dev/zram0
result $? "a swap device"
out=$(vmstat pswpout)
in=$(vmstat pswpin)
out/selftests/class_17_small_host >"$TMPDIR/guest"
status=$?
sed 's/^/# /' "$TMPDIR/guest"
result $status "two vCPUs have written and verified 2 GiB"
out=$(($(vmstat pswpout) - out))
in=$(($(vmstat pswpin) - in))
[ $out -gt 262144 ] && [ $in -gt 262144 ]
result $? "more than 1 GiB of it went to swap, and came back: $out and $in pages"
[ "$(vmstat oom_kill)" -eq 0 ]
result $? "nothing was killed"
exit $failed
