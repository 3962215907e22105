#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# hosts: epyc-6.1
# only: check-long
# timeout: 400
#
# vmctl's small devices under Debian's kernel and its drivers: random numbers, a console and named
# ports, vsock, the balloon, a kernel that panics; the watchdog by its registers. What the guest does
# is in scripts/guest/devices.

. selftests/lib/tap.sh
. selftests/lib/devices.sh
huge=/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages
clean() { [ -z "$pid" ] || kill "$pid" 2>/dev/null; echo 0 >$huge; }

# guest PARTS OPTIONS...: a guest that does PARTS; what it says is in $tmp/out
guest()
{
	parts=$1
	shift
	: >"$tmp/out"
	begin devices "devices $parts" "$@"
	i=0
	while [ ! -S "$tmp/step" ] && [ $i -lt 100 ]; do usleep 100000; i=$((i + 1)); done
}
rss() { sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\) kB/\1/p' /proc/$pid/status; }
exits() { vmctl stat devices | awk 'END { print $4 }'; }
# refused STATUS WORDS OPTIONS...
refused()
{
	want=$1 words=$2
	shift 2
	vmctl run --kernel out/guest/vmlinuz "$@" </dev/null >"$tmp/out" 2>"$tmp/err"
	[ $? -eq "$want" ] && grep -q "$words" "$tmp/err"
	result $? "$words"
}

echo "1..29"
vmctl run --device help >"$tmp/out" && grep -q '^  --rng' "$tmp/out" && grep -q '^  --disk' "$tmp/out"
result $? "a list of devices"
refused 1 "no /dev/vhost-vsock; load its module" --vsock 42
modprobe vhost_vsock

guest "rng ports cost console vsock panic" --rng --virtio-console "unix:$tmp/hvc" --pvpanic \
	--serial-port "org.test.port=unix:$tmp/port" --serial-port "log=file:$tmp/log" --vsock 42
[ "$($talk "unix:$tmp/port" hello)" = "guest heard hello" ]
result $? "a named port, there and back"
[ "$($talk "unix:$tmp/port" send | wc -c)" -eq 300001 ]
result $? "300000 bytes from the guest"
[ "$($talk "unix:$tmp/port" "$(head -c 100000 /dev/zero | tr '\0' y)")" = good ] &&
	[ "$(value ports-heard)" = 100000 ]
result $? "100000 bytes to the guest"
[ "$(cat "$tmp/log")" = "from the guest" ]
result $? "a port that is a file"
[ "$(value ports)" = "log org.test.port step " ]
result $? "ports have their names"
[ "$(value rng)" = virtio_rng.0 ] && [ "$(value rng-bytes)" = 20000 ] && said rng-differs
result $? "random numbers"
step begin && a=$(exits)
go_on && step serial && b=$(exits)
go_on && step virtio && c=$(exits)
echo "# exits for 20000 characters: serial port $((b - a)), hvc0 $((c - b))"
[ $((b - a)) -gt 20000 ] && [ $((c - b)) -lt $(((b - a) / 4)) ]
result $? "a character at hvc0 costs a quarter at most"
go_on
step console
$talk listen:1234 "to the guest" >"$tmp/heard" &	# which the guest calls behind this step
[ "$($talk "unix:$tmp/hvc" 'echo $((6 * 7))' | tr -d '\r')" = 42 ]
result $? "a shell on hvc0"
go_on
step vsock
[ "$($talk vsock:42:99 'host calls')" = "guest listens" ]
result $? "the host calls the guest"
vmctl run --kernel out/guest/vmlinuz --vsock 42 >/dev/null 2>"$tmp/err"
[ $? -eq 1 ] && grep -q 'another VM has this context ID' "$tmp/err"
result $? "a context ID is one VM's"
vmctl events --json devices >"$tmp/events" 2>&1 &
events=$!
go_on
ends
kill $events
[ "$(cat "$tmp/heard")" = "from the guest" ] && [ "$(value vsock)" = "to the guest" ] &&
	[ "$(value vsock-heard)" = "host calls" ]
result $? "the guest calls the host"
[ $status -eq 3 ] && grep -q 'the guest crashed: its kernel has panicked' "$tmp/err"
result $? "a panic is status 3"
grep -q '"crashed".*panicked' "$tmp/events"
result $? "and told to those who watch"
[ ! -e "$tmp/port" ] && [ ! -e "$tmp/hvc" ]
result $? "sockets go with vmctl"

guest balloon --balloon=size=64M,reporting=off,oom=keep
step touched
result $? "a guest touches 120M"
touched=$(rss)
go_on && step inflated && inflated=$(rss)
[ "$inflated" -lt $((touched - 50000)) ]
result $? "a balloon of 64M is given back"
go_on && step deflated && deflated=$(rss)
[ "$deflated" -gt $((inflated + 30000)) ]
result $? "and comes again when it is used"
echo "# resident: $touched, $inflated, $deflated kB"
go_on
ends
[ $status -eq 0 ] && [ "$(value balloon-pages)" = 16384 ]
result $? "the guest counts its pages"
[ "$(value balloon-total)" -lt $((256 * 1024 - 65536)) ]
result $? "its memory is less by as much"

guest reporting --balloon --mem-path memfd
step filled
result $? "a guest has used 100M"
filled=$(rss)
go_on && step reported
i=0
while [ "$(rss)" -gt $((filled - 60000)) ] && [ $i -lt 300 ]; do usleep 100000; i=$((i + 1)); done
reported=$(rss)
[ "$reported" -lt $((filled - 60000)) ]
result $? "and gives them back by itself"
echo "# resident: $filled, $reported kB"
go_on
ends

guest watchdog --watchdog pause
i=0
paused() { vmctl list | grep -q '^devices .* paused'; }
until paused || [ $i -ge 600 ]; do usleep 100000; i=$((i + 1)); done
paused && grep -q 'its watchdog: pause; vmctl resume devices has it go on' "$tmp/err"
result $? "a watchdog that pauses"
vmctl resume devices
ends
[ $status -eq 0 ] && [ "$(value watchdog-after)" = 0x0200 ]
result $? "and goes on"
guest watchdog --watchdog reset
ends
[ $status -eq 0 ] && [ "$(tr -d '\r' <"$tmp/out" | grep -c '^devices: watchdog ')" = 2 ] &&
	[ "$(value watchdog)" = "25ab8086 0x0200" ]
result $? "a watchdog that resets, and says so"

echo 100 >$huge
refused 1 "too large to be given back" --mem 64M --mem-pages 2M --balloon
refused 2 "leave the guest something" --balloon=size=256M
refused 2 "only one of them can be stdio" --console stdio --virtio-console stdio
exit $failed
