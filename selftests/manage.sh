#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# hosts: epyc-6.1
# timeout: 300
#
# VMs that are managed from outside: they leave their caller, are looked at, stopped for a while,
# asked to power off, killed; and what is left of one that died without a word is cleaned up.

. selftests/lib/manage.sh

echo "1..35"

# It leaves
detach a halt
[ $? -eq 0 ] && [ "$(cat "$tmp/out")" = a ] && [ ! -s "$tmp/err" ]
result $? "--detach prints the name and returns"
[ "$(state_of a)" = running ] && socket a
result $? "the VM runs, and has a socket"
pid=$(pid_of a)
[ "$(for fd in 0 1; do readlink "/proc/$pid/fd/$fd"; done | sort -u)" = /dev/null ] &&
	[ "$(sed 's/.*) [A-Z] [0-9]* [0-9]* \([0-9]*\) .*/\1/' "/proc/$pid/stat")" = "$pid" ]
result $? "in a session of its own, with nothing of the caller's"
[ "$(grep -c '^[^ ]* r' "/proc/$pid/maps")" -gt 10 ] && ! grep -q '^[^ ]* .wx' "/proc/$pid/maps"
result $? "no memory of it, the guest's included, can be written and executed"
[ "$(stat -c '%a %u' /run/svmm /run/svmm/a.sock | tr '\n' ' ')" = "700 0 600 0 " ]
result $? "nobody else gets into the directory of sockets, or to one"
fails 1 'cannot create the VM "a": you have a running VM of that name' detach a halt
fails 1 "cannot open the program $tmp/missing: No such file" detach b missing
gone b && ! socket b
result $? "what could not start has left nothing"
says inspect a
[ $? -eq 0 ] && grep -q "^process   $pid\$" "$tmp/said" && grep -q '^state     running, up ' "$tmp/said" &&
	grep -q '^memory    1M$' "$tmp/said" && grep -q 'vCPUs     1, threads [0-9]*; nice 0' "$tmp/said"
result $? "inspect"

# It stands still
detach busy spin
busy=$(pid_of busy)
ticks() { cat /proc/"$busy"/task/*/stat | sed 's/.*) //' | cut -d' ' -f12-13; }
has_run() { [ "$(ticks)" != "$before" ]; }
says pause busy
[ $? -eq 0 ] && [ "$(state_of busy)" = paused ] && [ ! -s "$tmp/said" ]
result $? "pause"
before=$(ticks)
sleep 1
[ "$(ticks)" = "$before" ]
result $? "it does not use a CPU any more"
says inspect busy && grep -q '^state     paused' "$tmp/said"
result $? "inspect says so"
says resume busy && [ "$(state_of busy)" = running ] && within 20 has_run
result $? "resume"
vmctl wait busy >"$tmp/waited" 2>&1 &
waiter=$!
within 20 clients busy 2
says stop --timeout 1 busy
[ $? -eq 0 ] && [ "$(cat "$tmp/said")" = "busy: killed, it had not powered off in 1 s" ] && gone busy
result $? "stop: by the deadline"
wait $waiter
result $(($? != 143)) "as if by SIGTERM"
detach dog dog --watchdog pause
paused() { [ "$(state_of "$1")" = paused ]; }
within 20 paused dog && says resume dog && [ "$(state_of dog)" = running ] &&
	says stop --timeout 0 dog
result $? "a watchdog pauses one without a caller, and resume has it go on"
detach button button
says pause button
says stop button
[ $? -eq 0 ] && [ "$(cat "$tmp/said")" = "button: powered off" ] && gone button && ! socket button
result $? "stop: by its power button, also of one that is paused"
detach sleeper sleeper
asleep() { vmctl inspect sleeper | grep -q '^state *suspended'; }
within 20 asleep
says stop sleeper
[ $? -eq 0 ] && [ "$(cat "$tmp/said")" = "sleeper: powered off" ] && gone sleeper
result $? "stop: one that sleeps, and wakes up by the first press of the button"
detach sleeper sleeper
within 20 asleep
says set sleeper cpu-shares=512 && [ "$(cat "$tmp/said")" = "sleeper: nice 3, worth 524 shares" ]
result $? "set: one that sleeps"
fails 1 "set: 88818 shares are nice -20, and it has 3" vmctl set sleeper cpu-shares=88818
pid=$(pid_of sleeper)
thread() { vmctl inspect sleeper | sed -n 's/.*threads \([0-9]*\);.*/\1/p'; }
has_nice() { [ "$(sed 's/.*) //' "/proc/$pid/task/$(thread)/stat" | cut -d' ' -f17)" = "$1" ]; }
says resume sleeper && within 20 has_nice 3
result $? "it has that when it wakes up"
says stop --timeout 0 sleeper
says stop --timeout 0 a
[ $? -eq 0 ] && [ "$(cat "$tmp/said")" = "a: killed" ] && gone a
result $? "stop: at once"

# Other buttons
detach nmi nmi --exit-port 0xf4
vmctl wait nmi >"$tmp/waited" 2>&1 &
waiter=$!
within 20 clients nmi 2
says nmi nmi
wait $waiter
[ $? -eq 106 ] && [ ! -s "$tmp/waited" ]
result $? "nmi reaches the guest, and wait has the status of its end"
detach once once
vmctl console once >"$tmp/out" 2>&1 </dev/null &
viewer=$!
says reset once && within 20 grep -q RR "$tmp/out"
result $? "reset starts the guest afresh, and a viewer stays"
kill -TERM $viewer
wait $viewer
result $(($? != 143)) "a viewer ended by a signal has its status"
says stop --timeout 0 once

# Two viewers of a console
detach echo echo
mkfifo "$tmp/keys"
vmctl console echo <"$tmp/keys" >"$tmp/one" 2>&1 &
exec 3>"$tmp/keys"
vmctl console echo </dev/null >"$tmp/two" 2>&1 &
within 20 clients echo 3
echo hello >&3
within 20 grep -q hello "$tmp/one"
result $? "a viewer types, and the guest answers"
within 20 grep -q hello "$tmp/two"
result $? "which the other one sees"
exec 3>&-
$ask /run/svmm/echo.sock nonsense '{"command":"sing"}' '{"command":"resume"}' >"$tmp/out" 2>"$tmp/err"
cat >"$tmp/wanted" <<'END'
{"ok":false,"error":"line 1, column 2: null expected"}
{"ok":false,"error":"unknown command \"sing\"; there are pause, resume, stop, reset, nmi, wait, inspect, set, console, attach, detach, key, regs, code, walk, dump, screen, screenshot"}
{"ok":true}
END
cmp -s "$tmp/out" "$tmp/wanted"
result $? "the protocol's answers"

# Killed
detach killed halt
vmctl wait killed >"$tmp/waited" 2>&1 &
waiter=$!
within 20 clients killed 2
kill_all killed
wait $waiter
[ $? -eq 1 ] && grep -q 'killed: the VM.s process has ended without an answer' "$tmp/waited"
result $? "who waits for a VM that is killed hears of it"
socket killed && vmctl list >"$tmp/out" 2>"$tmp/err" && ! socket killed && socket echo
result $? "list removes its socket, and no other one"
kill -9 "$(pid_of echo)"
no_socket() { ! socket echo; }
within 20 no_socket
result $? "of who is killed alone it goes without"

# The directory
chmod 755 /run/svmm
fails 1 "detach: no control socket: /run/svmm has mode 755, so others.*chmod 700 /run/svmm" detach a halt
chmod 700 /run/svmm
chown nobody /run/svmm
fails 1 "no control socket: /run/svmm belongs to user 65534; remove it, or give it to user 0" \
	detach a halt
rm -r /run/svmm
ln -s "$tmp" /run/svmm
fails 1 "no control socket: cannot open /run/svmm: Not a directory" detach a halt
rm /run/svmm
fails 1 "a: no VM of that name; vmctl list shows" vmctl pause a
exit $failed
