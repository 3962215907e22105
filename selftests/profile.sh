#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# hosts: opteron-6.12
# timeout: 150
# emulator-hangs: docs/emulated-host.md, A static key
#
# vmctl trace and vmctl profile, of a guest that does one thing in one place, and the pictures.

. selftests/lib/tap.sh
guest=
clean() { kill -9 $guest 2>/dev/null; }

number() { sed -n "s/.*\"$1\":\\([0-9]*\\).*/\\1/p" "$tmp/out" | head -n 1; }
# bad WORDS ARGUMENTS...
bad()
{
	words=$1
	shift
	vmctl "$@" >"$tmp/out" 2>"$tmp/err"
	[ $? -ne 0 ] && [ ! -s "$tmp/out" ] && grep -q "^vmctl: .*$words" "$tmp/err"
	result $? "vmctl $*: $words"
}
instances=/sys/kernel/tracing/instances
[ -d $instances ] || mount -t tracefs none /sys/kernel/tracing

# traced SECONDS COMMAND...: while the guest runs; then end_tracer ends it. The guest is stopped while
# tracepoints are turned on and off, for that is where the emulator fails.
end_tracer() { kill -INT $tracer; }
traced()
{
	seconds=$1
	shift
	kill -STOP $guest
	"$@" >"$tmp/out" 2>"$tmp/err" &
	tracer=$!
	for i in $(seq 100); do
		[ "$(cat $instances/vmctl-$tracer/events/svmm/svmm_exit/enable 2>/dev/null)" != 1 ] || break
		sleep 0.1
	done
	sleep 1
	kill -CONT $guest
	sleep "$seconds"
	kill -STOP $guest
	sleep 0.5
	end_tracer
	wait $tracer
	kill -CONT $guest
}

echo "1..23"
# At 1000h: 2^16 rounds of nothing, at 1010h CPUID, and again.
printf '\061\311\111\165\375\353\011\220\220\220\220\220\220\220\220\220\017\242\353\354' >"$tmp/guest"
cat >"$tmp/map" <<'END'
0000000000001000 T spin
0000000000001010 T ask
END
vmctl run --flat "$tmp/guest" --mem 1M --name one --console none >/dev/null 2>&1 </dev/null &
guest=$!
sleep 1

traced 2 vmctl trace one
grep -qE '^ +[0-9]+\.[0-9]{6}  vCPU 0   exit +reason CPUID rip 0x1010 ' "$tmp/out"
result $? "trace shows its exits"
grep -qE '^ +[0-9]+\.[0-9]{6}  vCPU 0   cpuid +func ' "$tmp/out"
result $? "and what became of them"
traced 2 vmctl trace --json one
grep -qE '^\{"time_s":[0-9.]+,"cpu":[0-9]+,"vcpu":0,"event":"exit","fields":"reason CPUID rip 0x1010 .*"\}$' "$tmp/out"
result $? "as JSON"
# Its reader takes a line and ends, before it has written all that it has.
rm "$tmp/out"
mkfifo "$tmp/out"
exec 3<>"$tmp/out"
end_tracer() { head -n 1 <&3 >"$tmp/line"; exec 3<&-; }
traced 2 sh -c 'exec 3<&-; exec vmctl trace one'
end_tracer() { kill -INT $tracer; }
rm "$tmp/out"
[ -s "$tmp/line" ] && [ -z "$(ls $instances)" ]
result $? "nothing is left behind, not even when its reader ends"

traced 2 vmctl profile --symbols "$tmp/map" --svg "$tmp/time.svg" --json one -- 60
all=$(number samples)
[ "${all:-0}" -ge 50 ]
result $? "a profile has samples ($all)"
tr -d ' \n' <"$tmp/out" >"$tmp/flat"
spin=$(sed -n 's/.*"name":"spin","samples":\([0-9]*\).*/\1/p' "$tmp/flat")
[ "${spin:-0}" -ge $((all * 8 / 10)) ]
result $? "in the loop"
! ls "$instances" | grep -q .
result $? "nothing is left behind"
grep -q '<title>spin: ' "$tmp/time.svg" && grep -q '</svg>' "$tmp/time.svg"
result $? "a flame graph"
traced 2 vmctl profile --exits --symbols "$tmp/map" --svg "$tmp/exits.svg" one -- 60
awk '/^ +[0-9]/ { n++; if ($3 != "ask" || $2 != "100.00%") bad = 1 } END { exit bad || n != 1 }' "$tmp/out"
result $? "all its exits are where its CPUID is"
grep -q '<title>CPUID: ' "$tmp/exits.svg"
result $? "a flame graph of exits"
vmctl overhead --svg "$tmp/overhead.svg" one >"$tmp/out" 2>"$tmp/err" && [ ! -s "$tmp/out" ] &&
	grep -q '<title>CPUID, kernel: ' "$tmp/overhead.svg" && grep -q '</svg>' "$tmp/overhead.svg"
result $? "a chart of what exits cost"

bad "of which VM" profile
bad "no VM of that name" profile two
bad "give seconds" profile one -- never
bad "samples a second" profile --rate 0 one
bad "has no functions" profile --symbols /etc/passwd one
bad "cannot write" overhead --svg /nowhere/x.svg one
bad "cannot write" overhead --interval 3600 --svg /nowhere/x.svg one
bad "cannot write" profile --svg /nowhere/x.svg one -- 3600
bad "instead of all else" overhead --keys --svg "$tmp/x.svg" one
bad "is the timer's" profile --exits --rate 10 one
bad "is of --symbols" profile --offset 1 one
su nobody -s /bin/sh -c "$(command -v vmctl) trace one" >"$tmp/out" 2>"$tmp/err"
[ $? -eq 1 ] && grep -q "another user's" "$tmp/err"
result $? "another user's VM is not traced"
exit $failed
