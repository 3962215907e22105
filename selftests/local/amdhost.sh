#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# only: check-long
# timeout: 600
#
# scripts/amdhost as a command: status, streams, deadlines, signals, and that nothing stays.

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0
failed=0
result()
{
	n=$((n + 1))
	if [ "$1" = "$2" ]; then
		echo "ok $n $3"
	else
		echo "# got '$1', not '$2'"
		sed 's/^/# /' "$tmp/err" 2>/dev/null | tail -n 20
		echo "not ok $n $3"
		failed=1
	fi
}
host() { scripts/amdhost --no-module "$@" 2>"$tmp/err"; }

echo "1..15"
host -- sh -c 'exit 42'
result $? 42 "the command's status"

head -c 300000 /dev/urandom >"$tmp/bytes"
host -- sh -c 'cat; echo to stderr >&2' <"$tmp/bytes" >"$tmp/out"
result $? 0 "a filter ends at the end of its input"
result "$(cmp "$tmp/bytes" "$tmp/out" 2>&1)" "" "all bytes come through unchanged"
result "$(grep -c 'to stderr' "$tmp/err")" 1 "stderr is a stream of its own"

host -- wc -c <&- >"$tmp/out"
result "$?: $(tr -d ' ' <"$tmp/out")" "0: 0" "closed stdin reads as empty"

host -- printf '%s|' 'a b' '$c' "d'e" '' >"$tmp/out"
result "$(cat "$tmp/out")" "a b|\$c|d'e||" "arguments arrive as they are"

host -- no-such-command
result $? 127 "an unknown command"

host --timeout 3 -- sleep 60
result $? 124 "the deadline"

host -- sh -c 'echo c >/proc/sysrq-trigger'
result "$? $(grep -c 'Kernel panic' "$tmp/err")" "125 1" "a crash is reported with the kernel's words"

host -- sh -c 'echo "BUG: unable to handle" >/dev/kmsg'
result "$? $(grep -c 'BUG: unable' "$tmp/err")" "125 1" "a complaint of the kernel fails the command"

scripts/amdhost --no-module -- sh -c 'echo up; sleep 60' >"$tmp/up" 2>"$tmp/err" &
pid=$!
for i in $(seq $((300 * ${SLOWDOWN:-1}))); do [ -s "$tmp/up" ] && break; sleep 0.1; done
qemu=$(cat /proc/$pid/task/$pid/children)
kill -TERM $pid
wait $pid
result "$?" 143 "SIGTERM"
left=none
for p in $qemu; do [ ! -e "/proc/$p" ] || left="$left $p"; done
result "$left" none "no emulator stays behind a signal"

# What an assertion of the emulator's does: once, and once more.
for times in 1 2; do
	: >"$tmp/up"
	scripts/amdhost --no-module -- sh -c 'echo up; sleep 4' >"$tmp/up" 2>"$tmp/err" &
	pid=$!
	for t in $(seq $times); do
		for i in $(seq $((600 * ${SLOWDOWN:-1}))); do
			[ "$(wc -l <"$tmp/up")" -ge "$t" ] && break
			sleep 0.1
		done
		kill -ABRT $(cat /proc/$pid/task/$pid/children)
	done
	wait $pid
	got="$? $(grep -c 'starting the host again' "$tmp/err")"
	[ $times = 1 ] && want="0 1" || want="125 1"
	result "$got" "$want" "the emulator aborts, $times of 2 times"
done

host --cpu opteron --kernel 6.1 -- sh -c \
	'grep -qw npt /proc/cpuinfo && ! grep -qw xsave /proc/cpuinfo && uname -r' >"$tmp/out"
result "$(cat "$tmp/out")" "$(scripts/setup kver 6.1)" "an early Opteron: NPT, no XSAVE"
exit $failed
