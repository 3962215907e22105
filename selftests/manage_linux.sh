#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# hosts: epyc-6.1
# only: check-long
# timeout: 300
#
# Debian's kernel, detached: its clock stands still while it is paused, for longer than its
# watchdogs would wait; and its power button is the one that its own driver knows.

. selftests/lib/tap.sh
shown="console err"
clean() { vmctl stop --timeout 0 linux >/dev/null 2>&1; }
within()
{
	for i in $(seq $(($1 * 10 * ${SLOWDOWN:-1}))); do
		shift $((i == 1))
		! "$@" || return 0
		usleep 100000
	done
	return 1
}
has() { tr -d '\r' <"$tmp/console" | grep -q -- "$1"; }
# How many seconds the guest says it is up, in whole ones.
clock() { tr -d '\r' <"$tmp/console" | sed -n 's/^T \([0-9]*\)\..*/\1/p' | tail -n 1; }
later() { [ "$(clock)" -gt "$1" ]; }

# The guest's RAM disk, and what it does in it.
mkdir "$tmp/more"
cp out/guest/button.ko "$tmp/more/"
cat >"$tmp/more/work.sh" <<'END'
insmod /button.ko
dmesg -c >/dev/null		# what a busy host made of the boot
echo to work
until read -r count rest </sys/firmware/acpi/interrupts/ff_pwr_btn && [ "$count" -gt 0 ]; do
	read -r up idle </proc/uptime
	echo "T $up"
	sleep 0.2
done
echo the button was pressed
dmesg
END
(cd "$tmp/more" && printf 'button.ko\nwork.sh\n' | cpio -o -H newc) >"$tmp/more.img" 2>"$tmp/err"
cat out/guest/initrd.img "$tmp/more.img" >"$tmp/initrd.img"

echo "1..7"
vmctl run --detach --name linux --kernel out/guest/vmlinuz --initrd "$tmp/initrd.img" --cpus 2 \
	--append 'console=ttyS0 svmm.quiet svmm.run="sh /work.sh"' >"$tmp/out" 2>"$tmp/err" </dev/null
vmctl console linux </dev/null >"$tmp/console" 2>"$tmp/err" &
viewer=$!
vmctl wait linux >"$tmp/waited" 2>&1 &
waiter=$!
within 100 has '^T '
result $? "it boots, and its console can be seen"
vmctl pause linux
before=$(clock)
sleep 30
[ "$(clock)" = "$before" ]
result $? "paused, it is silent"
vmctl resume linux
within 30 later "$before"
result $? "resumed, it goes on"
# Of the half minute it has noticed nothing; what it has taken since is what this host took.
after=$(clock)
echo "# $before s up, paused for 30 s, then $after s up"
if grep -q "the guest's clocks went on while it was paused" "$(command -v vmctl)"; then
	[ $((after - before)) -lt 25 ]
	result $? "its clock stood still"
else
	n=$((n + 1))
	echo "ok $n its clock stood still # SKIP this module cannot move it"
fi
vmctl stop --timeout 60 linux >"$tmp/out" 2>&1
[ "$(cat "$tmp/out")" = "linux: powered off" ]
result $? "it powers off at the press of its button"
wait $viewer
wait $waiter
[ $? -eq 0 ] && has '^the button was pressed$'
result $? "by its own driver"
tr -d '\r' <"$tmp/console" | sed '1,/^to work$/d' >"$tmp/late"
! grep -E -f scripts/host/trouble "$tmp/late" >&2 &&
	! grep -E 'clocksource:.*(unstable|[Ss]kew)|Marking TSC unstable' "$tmp/late" >&2
result $? "its kernel has no complaint, and its clocks agree"
exit $failed
