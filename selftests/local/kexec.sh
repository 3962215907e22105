#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 300
# only: check-long
#
# Bug class 27: another kernel takes the host over while a guest runs. By kexec in good order: SVM
# is off then, and the next kernel can use it. By a panic: no notifier runs before the crash kernel
# does. Linux 6.1 turns SVM off by itself, later ones only if KVM asked for it; that kernel has to
# boot with SVME set, on whichever CPU it happened, and svmm in it must take nothing that it did
# not turn on.
#
# Both kernels run this script with the same argument: amdhost's command is started again when
# the agent of the second one reports.

cd "$(dirname "$0")/../.." || exit
say() { echo "in the host: $*"; }

# The root file system as the second kernel is to have it, with one setting of scripts/host/init.
pack()
{
	rm -rf /tmp/next
	mkdir -p /tmp/next/svmm/out/selftests
	cp -a /init /bin /sbin /usr /etc /lib /tmp/next	# not /boot
	cp -a --parents out/modules out/selftests/modes out/selftests/guests scripts/host \
		selftests/local/kexec.sh /tmp/next/svmm
	rm -f /tmp/next/usr/bin/vmctl
	[ "$1" = kexec ] || sed -i 's/^SVMM_KO=.*/SVMM_KO=/' /tmp/next/etc/amdhost
	mkdir -p /tmp/next/proc /tmp/next/sys /tmp/next/dev /tmp/next/tmp /tmp/next/run
	(cd /tmp/next && find . | cpio -o -H newc 2>/dev/null) >/tmp/next.img
	rm -rf /tmp/next
}

# first HOW CPU
first()
{
	pack "$1" || { say "no initrd"; exit 1; }
	cmdline="$(sed 's/crashkernel=[^ ]*//; s/isolcpus=[^ ]*//' /proc/cmdline) svmm.second=$1"
	vmctl run --kernel out/guest/vmlinuz --initrd out/guest/initrd.img --mem 128M --cpus 2 \
		--append 'console=ttyS0 svmm.run="echo up; while :; do :; done"' \
		</dev/null >/tmp/guest 2>&1 &
	for i in $(seq 300); do
		! grep -q '^up' /tmp/guest || break
		sleep 0.2
	done
	grep -q '^up' /tmp/guest || { say "no guest"; tail /tmp/guest; exit 1; }
	if [ "$1" = kexec ]; then
		taskset -c "$2" out/selftests/tools/kexec /boot/vmlinuz /tmp/next.img "$cmdline"
		exit 1
	fi
	out/selftests/tools/kexec -p /boot/vmlinuz /tmp/next.img "$cmdline nr_cpus=1" || exit
	taskset -c "$2" sh -c 'echo c >/proc/sysrq-trigger'
	exit 1
}

# On each CPU, but for the first of several (docs/emulated-host.md).
guests_run()
{
	for cpu in $(seq $(($(nproc --all) > 1)) $(($(nproc --all) - 1))); do
		taskset -c "$cpu" out/selftests/modes >/tmp/modes 2>&1 ||
			{ cat /tmp/modes; exit 1; }
	done
	say "guests run"
}

second()
{
	say "the second kernel is up by $1"
	if [ "$1" = crash ]; then
		[ -s /proc/vmcore ] && say "vmcore is there"
		insmod "out/modules/$(uname -r)/svmm.ko" 2>/tmp/insmod || {
			dmesg | grep 'svmm: SVM is in use (EFER.SVME=1)'
			exit 0
		}
	fi
	guests_run
	exit 0
}

if [ "$(hostname)" = amdhost ]; then
	if grep -q "svmm.second=$1" /proc/cmdline; then second "$1"; else first "$1" "$2"; fi
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
n=0
failed=0
result()
{
	n=$((n + 1))
	[ "$1" -eq 0 ] && { echo "ok $n $2"; return; }
	sed 's/^/# /' "$log" | tail -n 60
	echo "not ok $n $2"
	failed=1
}

# run HOW KERNEL CPU
run()
{
	scripts/amdhost --kexec --kernel "$2" --timeout 110 -- selftests/local/kexec.sh "$1" "$3" \
		</dev/null >"$log" 2>&1
	status=$?
	grep -q "the second kernel is up by $1" "$log"
}

# A panic is what amdhost complains of, and that is all right if it is ours.
panicked()
{
	grep -q 'vmcore is there' "$log" &&
		[ "$(grep -c 'Kernel panic' "$log")" -eq 1 ] &&
		grep -q 'Kernel panic - not syncing: sysrq triggered crash' "$log"
}

echo "1..4"
run kexec 6.1 1 && [ $status -eq 0 ] && grep -q 'guests run' "$log"
result $? "kexec under a guest: the next kernel runs guests on every CPU"
run crash 6.1 1 && panicked && grep -q 'guests run' "$log"
result $? "a panic of 6.1, which turns SVM off: the crash kernel runs guests"
run crash 6.12 2 && panicked
result $? "a panic of 6.12 on the other CPU: the crash kernel boots"
grep -q 'SVM is in use (EFER.SVME=1)' "$log"
result $? "SVME is set there, and svmm leaves it alone"
exit $failed
