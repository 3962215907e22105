#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 180
#
# The module loads and unloads, says one line about what it found, runs guests with each of its
# features turned off, is not unloaded under an open fd, and leaves SVM off until there is a VM. The
# smoke test is a program of guests in all CPU modes. Other hypervisors: kvm_amd.c; CPUs that cannot
# run guests: local/load_refused.sh.

ko=out/modules/$(uname -r)/svmm.ko
n=0
failed=0

result()
{
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n $2"
	else
		echo "not ok $n $2"
		failed=1
	fi
}

# last: what the kernel said of svmm since mark
mark() { echo "load.sh: mark" >/dev/kmsg; }
last() { dmesg | sed -n '/load.sh: mark$/h;/load.sh: mark$/!H;${x;p}' | grep 'svmm: '; }

try()
{
	text=$1
	shift
	"$@" >/tmp/load.out 2>&1
	status=$?
	[ "$status" = 0 ] || sed 's/^/# /' /tmp/load.out
	result "$status" "$text"
}

# Loaded with parameters: it says so in one line, the node is there, guests run.
loaded_with()
{
	mark
	insmod "$ko" "$@" || return 1
	[ "$(last | wc -l)" = 1 ] || { last; return 1; }
	[ -c /dev/svmm ] || return 1
	out/selftests/modes || return 1
	rmmod svmm && [ ! -e /dev/svmm ]
}

# holding COMMAND...: run it while a process has /dev/svmm open
holding()
{
	exec 9<>/dev/svmm
	"$@"
	status=$?
	exec 9>&-
	return "$status"
}

not() { ! "$@"; }

parameter_is() { [ "$(cat "/sys/module/svmm/parameters/$1")" = "$2" ]; }

echo "TAP version 13"
[ ! -e /sys/module/svmm ] || rmmod svmm

try "loads, runs guests, unloads" loaded_with
for parameter in nrips cleanbits flushbyasid decodeassists pausefilter vgif vspecctrl tscscale vnmi xsave gbpages; do
	try "without $parameter" loaded_with "$parameter=0"
done
try "without any of them" loaded_with nrips=0 cleanbits=0 flushbyasid=0 decodeassists=0 \
	pausefilter=0 vgif=0 vspecctrl=0 tscscale=0 vnmi=0 xsave=0 gbpages=0
try "with two ASIDs" loaded_with max_asids=2
try "with one ASID" loaded_with max_asids=1
try "with clean bits verified" loaded_with clean_debug=1

insmod "$ko" vgif=0
try "parameters can be read" parameter_is vgif N
try "not unloaded while /dev/svmm is open" holding not rmmod svmm
try "unloaded when it is closed" rmmod svmm
for i in 1 2 3 4 5 6 7 8 9 10; do
	insmod "$ko" && rmmod svmm || break
done
result $? "ten times in and out"

# EFER.SVME on any CPU
svme()
{
	for cpu in /sys/devices/system/cpu/cpu[0-9]*; do
		efer=$(dd if="/dev/cpu/${cpu##*cpu}/msr" bs=8 count=1 skip=$((0xc0000080)) \
			iflag=skip_bytes 2>/dev/null | od -An -tx8 | tr -d ' ')
		[ $((0x${efer:-0} & 0x1000)) = 0 ] || return 0
	done
	return 1
}

modprobe msr
insmod "$ko"
try "SVM is off as long as there is no VM" not svme
rmmod svmm

insmod "$ko"
echo "1..$n"
exit "$failed"
