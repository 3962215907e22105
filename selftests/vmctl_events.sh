#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# hosts: opteron-6.12
# timeout: 120
#
# vmctl events: what happens to VMs under vmctl, as root and as their owners hear it.

. selftests/lib/tap.sh
chmod 755 "$tmp"
shown="text.out json.out nobody.out bad.out"
pids=
clean() { kill -9 $pids 2>/dev/null; }

# within SECONDS COMMAND...: it comes true
within()
{
	for i in $(seq $(($1 * 10 * ${SLOWDOWN:-1}))); do
		shift $((i == 1))
		"$@" && return
		sleep 0.1
	done
	return 1
}
# The events of a VM, with their reasons, on a line.
of() { sed -n "s/^[0-9:.]*  $1  *[0-9]*  //p" "$tmp/text.out" | tr '\n' '|'; }
heard() { [ "$(of "$1")" = "$2" ]; }
said() { grep -q "$1" "$2"; }

echo "1..9"
vmctl events >"$tmp/text.out" 2>&1 &
pids="$pids $!"
vmctl events --json ill >"$tmp/json.out" 2>&1 &
pids="$pids $!"
su nobody -s /bin/sh -c "$(command -v vmctl) events" >"$tmp/nobody.out" 2>&1 &
pids="$pids $!"
sleep 1

printf '\353\376' >"$tmp/loop"
vmctl run --flat "$tmp/loop" --mem 1M --name well >"$tmp/well.out" 2>&1 </dev/null &
guest=$!
pids="$pids $guest"
within 10 heard well "created|running|"
result $? "a VM begins"
kill -TSTP $guest
within 10 heard well "created|running|paused: SIGTSTP|"
result $? "it is stopped"
grep -q '^State:.*stopped' "/proc/$guest/status" && vmctl list | grep -q '^well .* paused '
result $? "which it is, and which vmctl list says, too"
kill -CONT $guest
within 10 heard well "created|running|paused: SIGTSTP|running: SIGCONT|"
result $? "it goes on"
kill $guest
within 10 heard well "created|running|paused: SIGTSTP|running: SIGCONT|destroyed|"
result $? "it ends"

printf '\017\001\036\000\040\314' >"$tmp/triple"
vmctl run --flat "$tmp/triple" --mem 1M --name ill >"$tmp/ill.out" 2>&1 </dev/null
within 10 heard ill "created|running|crashed: triple fault|destroyed|"
result $? "a guest crashes"
within 10 said '"destroyed","vm":"ill"' "$tmp/json.out" && [ "$(grep -c . "$tmp/json.out")" -eq 4 ] &&
	said '"event":"crashed","vm":"ill","vm_id":[0-9]*,"pid":[0-9]*,"uid":0,"reason":"triple fault"}$' "$tmp/json.out"
result $? "the same as JSON, and of one VM alone"
[ ! -s "$tmp/nobody.out" ]
result $? "another user does not hear of it"
vmctl events one two >"$tmp/bad.out" 2>&1
[ $? -eq 2 ] && said 'one VM at a time' "$tmp/bad.out"
result $? "bad arguments"
exit $failed
