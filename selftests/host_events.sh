#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# hosts: epyc-6.1
# timeout: 180
#
# What happens to a host while a guest runs, and of which the guest must notice nothing: its vCPU
# is moved by affinity and by cgroups, frozen, stopped, and the whole host sleeps (to RAM where
# the firmware can, with the CPUs' state lost; else as far as the kernel's own test of it goes). CPUs
# that go and come: cpu_hotplug.sh.

tmp=$(mktemp -d)
log=$tmp/log
cgroup=/sys/fs/cgroup/svmm-test
guest=
n=0
failed=0
allowed=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
cpus=$(seq -s ' ' "${allowed%%[-,]*}" "${allowed##*[-,]}")

clean()
{
	[ -z "$guest" ] || kill -9 "$guest" 2>/dev/null
	echo 0 >$cgroup/cgroup.freeze
	sleep 0.2
	rmdir $cgroup
	rm -rf "$tmp"
} 2>/dev/null
trap clean EXIT

result()
{
	n=$((n + 1))
	[ "$1" -eq 0 ] && { echo "ok $n $2"; return; }
	[ ! -e "$log" ] || tail -n 30 "$log" | tr -d '\r' | sed 's/^/# /'
	echo "not ok $n $2"
	failed=1
}
skip() { n=$((n + 1)); echo "ok $n $1 # SKIP $2"; }

# The guest counts aloud for as long as it is let; each line has its clock.
count() { tr -d '\r' <"$log" | grep -c '^tick '; }

# It goes on: three more lines.
goes_on()
{
	before=$(count)
	for i in $(seq 200); do
		kill -0 "$guest" 2>/dev/null || return 1
		[ "$(count)" -lt $((before + 3)) ] || return 0
		sleep 0.1
	done
	return 1
}

# on CPUS: the vCPU thread may run there alone
each_cpu()
{
	for round in 1 2 3 4 5; do
		for cpu in $cpus; do
			"$@" "$cpu" || return 1
			sleep 0.1
		done
	done
}
by_affinity()
{
	for task in /proc/"$guest"/task/*; do
		taskset -cp "$1" "${task##*/}" >/dev/null || return 1
	done
}
by_cgroup() { echo "$1" >$cgroup/cpuset.cpus; }

# To RAM, with an alarm to wake from, which must not come before it sleeps (SLEEP_S); or what the
# kernel's test of its own sleep can do. A kernel
# with isolcpus=0 cannot: it trips over CPU 0 being the only one left. local/suspend.sh has another.
asleep()
{
	! grep -q isolcpus=0 /proc/cmdline || return 4
	if grep -q deep /sys/power/mem_sleep && [ -w /sys/class/rtc/rtc0/wakealarm ]; then
		echo deep >/sys/power/mem_sleep
		echo 0 >/sys/class/rtc/rtc0/wakealarm
		echo "+${SLEEP_S:-3}" >/sys/class/rtc/rtc0/wakealarm
	elif [ -w /sys/power/pm_test ]; then
		grep -q deep /sys/power/mem_sleep && echo core >/sys/power/pm_test ||
			echo platform >/sys/power/pm_test
	else
		return 4
	fi 2>/dev/null
	echo mem >/sys/power/state
	slept=$?
	[ ! -w /sys/power/pm_test ] || echo none >/sys/power/pm_test
	return $slept
}

# Guests run on every CPU: each must have been made ready again, the first one too.
on_every_cpu()
{
	for cpu in /sys/devices/system/cpu/cpu[0-9]*; do
		taskset -c "${cpu##*cpu}" out/selftests/modes >"$tmp/modes" || {
			sed 's/^/# /' "$tmp/modes"
			return 1
		}
	done
}

# The guest's clock as its ticks give it: never back, and no step of a minute. (A message of its
# kernel can come in the middle of a line.)
clock_is_sound()
{
	tr -d '\r' <"$log" | awk '/^tick / {
		now = $2 + 0
		if (n++ && (now < last || now > last + 60)) { print "# tick " last ", then " now; bad = 1 }
		last = now
	} END { exit bad || n < 20 }'
}

echo "1..8"
mkfifo "$tmp/in"
exec 3<>"$tmp/in"
vmctl run --kernel out/guest/vmlinuz --initrd out/guest/initrd.img --mem 128M --no-reboot \
	--append 'console=ttyS0 svmm.quiet svmm.run="(read x </dev/console; touch /tmp/end) & while [ ! -e /tmp/end ]; do read up x </proc/uptime; echo tick $up; i=0; while [ $i -lt 200 ]; do i=$((i+1)); done; sleep 0.05; done"' \
	>"$log" 2>&1 <"$tmp/in" 3>&- &
guest=$!
for i in $(seq 600); do
	[ "$(count)" -lt 3 ] || break
	sleep 0.1
done
goes_on
result $? "a guest runs"

each_cpu by_affinity && goes_on
result $? "it is moved from CPU to CPU"
for task in /proc/"$guest"/task/*; do
	taskset -cp "$allowed" "${task##*/}" >/dev/null
done

if echo "+cpuset" >/sys/fs/cgroup/cgroup.subtree_control 2>/dev/null; then
	mkdir $cgroup && echo "$guest" >$cgroup/cgroup.procs && each_cpu by_cgroup && goes_on
	result $? "a cgroup moves it from CPU to CPU"
	echo "$allowed" >$cgroup/cpuset.cpus
	echo 1 >$cgroup/cgroup.freeze
	sleep 1
	frozen=$(count)
	sleep 1
	[ "$(count)" -eq "$frozen" ] && echo 0 >$cgroup/cgroup.freeze && goes_on
	result $? "a cgroup freezes it, and lets it go on"
else
	skip "a cgroup moves it from CPU to CPU" "no cpuset here"
	skip "a cgroup freezes it, and lets it go on" "no cpuset here"
fi

for i in 1 2 3 4 5; do
	kill -STOP "$guest"
	sleep 0.1
	kill -CONT "$guest"
done
goes_on
result $? "it is stopped and continued"

asleep
case $? in
0)	goes_on && on_every_cpu
	result $? "the host sleeps and wakes" ;;
4)	skip "the host sleeps and wakes" "this host can do neither, nor test it" ;;
*)	result 1 "the host sleeps and wakes" ;;
esac

clock_is_sound
result $? "its clock never went back, nor far ahead"
echo >&3
wait "$guest"
status=$?
guest=
[ $status = 0 ] && grep -q 'svmm.run: status 0' "$log" &&
	! tr -d '\r' <"$log" | grep -v hw-vuln | grep -E -f scripts/host/trouble
result $? "it powers off, without a complaint"
exit $failed
