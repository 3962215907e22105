#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# kernels: 6.1
# timeout: 300
#
# VMs that are managed from outside: they leave their caller, are looked at, stopped for a while,
# asked to power off, killed; what is left of one that died without a word is cleaned up; and
# everything that can go wrong says what it is. The guests are a few bytes of real-mode code each.

. selftests/lib/tap.sh
chmod 755 "$tmp"
ask=out/selftests/tools/ask_control
terminal=out/selftests/tools/terminal
vmctl=$(command -v vmctl)
clean()
{
	for vm in $(vmctl list 2>/dev/null | sed -n '1!s/ .*//p'); do
		kill -9 "$(pid_of "$vm")"
	done
	[ ! -e "$tmp/syslogd.pid" ] || kill "$(cat "$tmp/syslogd.pid")"
}

# flat NAME OCTAL-BYTES: a guest that starts at 0000:1000
flat() { printf "$2" >"$tmp/$1"; }
# jmp .
flat spin '\353\376'
# cli; hlt
flat halt '\372\364'
# mov $0x3f8, %dx; mov $'R', %al; out %al, %dx; cli; hlt
flat once '\272\370\003\260\122\356\372\364'
# 1: mov $0x3fd, %dx; 2: in %dx, %al; test $1, %al; jz 2b; mov $0xf8, %dl; in %dx, %al;
# out %al, %dx; jmp 1b
flat echo '\272\375\003\354\250\001\164\373\262\370\354\356\353\362'
# mov $0x601, %dx; 1: in %dx, %al; test $1, %al; jz 1b; mov $0x604, %dx; mov $0x3400, %ax;
# out %ax, %dx; hlt: it powers off when its power button is pressed
flat button '\272\001\006\354\250\001\164\373\272\004\006\270\000\064\357\364'
# movw $1f, 8; movw $0, 10; jmp .; 1: mov $42, %al; out %al, $0xf4: an NMI goes to the exit port
flat nmi '\307\006\010\000\016\020\307\006\012\000\000\000\353\376\260\052\346\364'
# lidt 0x2000, which is all zero; 1: mov $0x3fd, %dx; in %dx, %al; test $1, %al; jz 1b; int3
flat fragile '\017\001\036\000\040\272\375\003\354\250\001\164\370\314'

# detach NAME GUEST [OPTION ...]
detach()
{
	name=$1
	guest=$2
	shift 2
	vmctl run --detach --name "$name" --mem 1M --flat "$tmp/$guest" "$@" \
		>"$tmp/out" 2>"$tmp/err" </dev/null
}
pid_of() { vmctl list --json | tr -d '\n ' | sed "s/.*\"vm\":\"$1\",[^}]*\"pid\":\([0-9]*\).*/\1/"; }
state_of() { vmctl list 2>/dev/null | sed -n "s/^$1  *[0-9]*  *[0-9]*  *[^ ]*  *\([a-z]*\) .*/\1/p"; }
socket() { [ -S "/run/svmm/$1.sock" ]; }

# within SECONDS COMMAND ...: it comes true
within()
{
	for i in $(seq $(($1 * 10 * ${SLOWDOWN:-1}))); do
		shift $((i == 1))
		! "$@" || return 0
		usleep 100000
	done
	return 1
}
gone() { ! vmctl list 2>/dev/null | grep -q "^$1 "; }

# fails STATUS WORDS COMMAND ...: with that status, and those words in a message
fails()
{
	wanted=$1
	words=$2
	shift 2
	"$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
	[ "$status" -eq "$wanted" ] && grep -q -- "^vmctl: .*$words" "$tmp/err" &&
		! grep -q -v '^vmctl: ' "$tmp/err"
	result $? "status $wanted: $words"
}
says() { vmctl "$@" >"$tmp/out" 2>"$tmp/err" </dev/null; }
as_nobody() { su nobody -s /bin/sh -c "$*" >"$tmp/out" 2>"$tmp/err" </dev/null; }

echo "1..74"

# One whose process is stopped cannot answer, which is known after half a minute.
detach frozen halt
kill -STOP "$(pid_of frozen)"
vmctl nmi frozen >"$tmp/frozen" 2>&1 &
frozen=$!

# It leaves
detach a spin
[ $? -eq 0 ] && [ "$(cat "$tmp/out")" = a ] && [ ! -s "$tmp/err" ]
result $? "--detach prints the name and returns"
[ "$(state_of a)" = running ] && socket a
result $? "the VM runs, and has a socket"
pid=$(pid_of a)
[ "$(for fd in 0 1; do readlink "/proc/$pid/fd/$fd"; done | sort -u)" = /dev/null ] &&
	[ "$(sed 's/.*) [A-Z] [0-9]* [0-9]* \([0-9]*\) .*/\1/' "/proc/$pid/stat")" = "$pid" ]
result $? "in a session of its own, with nothing of the caller's"
[ "$(stat -c '%a %u' /run/svmm)" = "700 0" ]
result $? "nobody else gets into the directory of sockets"
timeout 30 sh -c "vmctl run --detach --name b --mem 1M --flat $tmp/halt --net user 2>&1 | cat" >"$tmp/out" &&
	[ "$(cat "$tmp/out")" = b ]
result $? "nor has a process that serves it anything of the caller's"
says stop --timeout 0 b
vmctl run --detach --mem 1M --flat "$tmp/button" >"$tmp/out" 2>"$tmp/err" </dev/null
name=$(cat "$tmp/out")
[ "$name" = "button-$(pid_of "$name")" ]
result $? "without a name it gets one, with its process's number"
says stop "$name"
fails 1 "cannot open the program $tmp/missing: No such file" detach b missing
fails 2 "not a size" vmctl run --detach --flat "$tmp/halt" --mem 0
fails 2 "there is no stdio then" vmctl run --detach --flat "$tmp/halt" --console stdio
fails 1 'cannot create the VM "a": you have a running VM of that name' detach a halt
fails 1 'cannot create the VM "a": you have a running VM of that name' \
	vmctl run --name a --flat "$tmp/halt" --mem 1M
gone b && ! socket b
result $? "what could not start has left nothing"
sh -c "vmctl run --detach --name b --mem 1M --flat $tmp/halt >/dev/full" 2>"$tmp/err"
[ $? -eq 1 ] && grep -q 'cannot write to stdout' "$tmp/err" && within 5 gone b
result $? "a caller who cannot be told the name has no VM"
echo '{"flat": "'"$tmp"'/halt", "mem": "1M", "console": "pty"}' >"$tmp/config"
vmctl run --detach --config "$tmp/config" --name c --console none >"$tmp/out" 2>"$tmp/err" &&
	[ "$(state_of c)" = running ] && [ ! -s "$tmp/err" ]
result $? "from a configuration file, but for the console"

# It is looked at
says inspect a
[ $? -eq 0 ] && grep -q "^process   $pid\$" "$tmp/out" && grep -q '^state     running, up ' "$tmp/out" &&
	grep -q '^memory    1M$' "$tmp/out" && grep -q 'vCPUs     1, threads [0-9]*; nice 0' "$tmp/out"
result $? "inspect"
says inspect a --json
tr -d ' \n' <"$tmp/out" >"$tmp/json"
grep -q '^{"vm":"a","pid":'"$pid"',"state":"running","up_ns":[0-9]*,"boots":1,' "$tmp/json" &&
	grep -q '"options":{"name":"a","mem":"1M","flat":"'"$tmp"'/spin"}}$' "$tmp/json"
result $? "inspect --json"

# It stands still
ticks() { cat /proc/"$pid"/task/*/stat | sed 's/.*) //' | cut -d' ' -f12-13; }
says pause a
[ $? -eq 0 ] && [ "$(state_of a)" = paused ] && [ ! -s "$tmp/out" ] && [ ! -s "$tmp/err" ]
result $? "pause"
before=$(ticks)
sleep 1
[ "$(ticks)" = "$before" ]
result $? "it does not use a CPU any more"
says pause a
result $? "again, which changes nothing"
says inspect a && grep -q '^state     paused' "$tmp/out"
result $? "inspect says so"
says resume a && [ "$(state_of a)" = running ]
result $? "resume"
within 20 sh -c "[ \"\$(cat /proc/$pid/task/*/stat | sed 's/.*) //' | cut -d' ' -f12-13)\" != '$before' ]"
result $? "it runs again"

# Its share
tid=$(vmctl inspect a | sed -n 's/.*threads \([0-9]*\);.*/\1/p')
nice_of() { sed 's/.*) //' "/proc/$pid/task/$1/stat" | cut -d' ' -f17; }
says set a cpu-shares=512
[ "$(cat "$tmp/out") $(nice_of "$tid") $(nice_of "$pid")" = "a: nice 3, worth 524 shares 3 0" ]
result $? "half a share is nice 3, of the vCPU's thread alone"
[ ! -e "/proc/$pid/autogroup" ] || grep -q 'nice 3$' "/proc/$pid/autogroup"
result $? "and of its session, where that counts"
says reset a
within 20 sh -c "vmctl inspect a | grep -q 'boot 2,'"
tid=$(vmctl inspect a | sed -n 's/.*threads \([0-9]*\);.*/\1/p')
[ "$(nice_of "$tid")" = 3 ]
result $? "the next machine has it, too"
says set a cpu-shares=1024 && [ "$(nice_of "$tid")" = 0 ]
result $? "it can have back what it began with"
fails 1 "set: 88818 shares are nice -20, and it has 0; the host lets the VM's process go below what" \
	vmctl set a cpu-shares=88818
fails 1 'set: "cpu-shares": 14; give a whole number, 15 to 88818' vmctl set a cpu-shares=14
fails 2 "set cpu-shares=x: give a whole number" vmctl set a cpu-shares=x
fails 2 "set memory=1G: unknown; there are balloon=SIZE and cpu-shares=N" vmctl set a memory=1G
fails 2 "set: what? give KEY=VALUE" vmctl set a
fails 2 "set balloon=1T: give a whole number" vmctl set a balloon=1T
fails 1 "set: there is no balloon; run the VM with --balloon" vmctl set a cpu-shares=512 balloon=0
[ "$(nice_of "$tid")" = 0 ]
result $? "all or nothing"
vmctl run --detach --no-sandbox --name b --mem 4M --balloon --flat "$tmp/spin" >"$tmp/out" 2>"$tmp/err"
says set b balloon=2M cpu-shares=88818
printf 'b: a balloon of 2M, and now it has 0K\nb: nice -20, worth 88818 shares\n' | cmp -s - "$tmp/out"
result $? "without a sandbox root can raise it; and set two things at once"
vmctl set b cpu-shares=15 >"$tmp/out" 2>&1	# or there is no CPU left for the rest
fails 1 "its size is all of the VM's 4194304 bytes of memory" vmctl set b balloon=4M
says inspect b && grep -q '^balloon   0K of 2M$' "$tmp/out"
result $? "inspect shows the balloon"
says stop --timeout 0 b

# Its buttons
detach once once
says reset once && within 20 sh -c "vmctl console once </dev/null >$tmp/once.out 2>&1 & sleep 1; kill \$!
	grep -q RR $tmp/once.out"
result $? "reset starts the guest afresh"
vmctl stop --timeout 0 once >"$tmp/out" 2>&1
vmctl run --no-reboot --name stays --flat "$tmp/once" --mem 1M </dev/null >"$tmp/out" 2>"$tmp/err" &
within 10 grep -q R "$tmp/out"
says() { vmctl "$@" >"$tmp/said" 2>&1 </dev/null; }
says reset stays && within 20 grep -q RR "$tmp/out"
result $? "also with --no-reboot, which is about the guest's own"
says stop --timeout 0 stays
detach nmi nmi --exit-port 0xf4
vmctl wait nmi >"$tmp/waited" 2>&1 &
waiter=$!
within 10 sh -c "vmctl inspect nmi --json | grep -q '\"clients\":2'"
says nmi nmi
wait $waiter
[ $? -eq 106 ] && [ ! -s "$tmp/waited" ]
result $? "nmi reaches the guest, and wait has the status of its end"

# Its end
detach button button
says stop button
[ $? -eq 0 ] && [ "$(cat "$tmp/said")" = "button: powered off" ] && gone button && ! socket button
result $? "stop: by its power button"
detach button button
says pause button
says stop button
[ $? -eq 0 ] && [ "$(cat "$tmp/said")" = "button: powered off" ]
result $? "also of one that is paused"
vmctl wait a >"$tmp/waited" 2>&1 &
waiter=$!
within 10 sh -c "vmctl inspect a --json | grep -q '\"clients\":2'"
says stop --timeout 1 a
[ $? -eq 0 ] && [ "$(cat "$tmp/said")" = "a: killed, it had not powered off in 1 s" ] && gone a
result $? "stop: by the deadline"
wait $waiter
result $(($? != 143)) "as if by SIGTERM"
says stop --timeout 0 c
[ $? -eq 0 ] && [ "$(cat "$tmp/said")" = "c: killed" ] && gone c
result $? "stop: at once"
fails 2 "give whole seconds, 0 to 86400" vmctl stop --timeout 1.5 a
fails 2 "give whole seconds, 0 to 86400" vmctl stop --timeout 86401 a
fails 2 "of which VM?" vmctl stop
fails 2 "of one VM at a time" vmctl pause once frozen
for verb in pause resume reset nmi stop wait inspect console; do
	fails 1 "nothere: no VM of that name; vmctl list shows" vmctl $verb nothere
done

# What a detached one has to say goes to syslog.
syslogd -n -O "$tmp/syslog" &
echo $! >"$tmp/syslogd.pid"
within 5 [ -S /dev/log ]
detach fragile fragile
vmctl wait fragile >"$tmp/waited" 2>&1 &
waiter=$!
within 10 sh -c "vmctl inspect fragile --json | grep -q '\"clients\":2'"
echo x | vmctl console fragile >"$tmp/out" 2>"$tmp/err"
wait $waiter
[ $? -eq 3 ] && within 5 grep -q 'vmctl.*fragile: the guest crashed: vCPU 0: triple fault' "$tmp/syslog" &&
	grep -q 'fragile:   RIP ' "$tmp/syslog" && grep -q '^vmctl: fragile has ended$' "$tmp/err"
result $? "a crash is in syslog, with registers; wait and console hear of the end"

# Its console
detach echo echo
(within 20 grep -q 'from one' "$tmp/two"; sleep 1) | vmctl console echo >"$tmp/one" 2>&1 &
one=$!
: >"$tmp/two"
{ within 10 sh -c 'vmctl inspect echo | grep -q "1 viewers"'; printf 'from two '; sleep 1
	within 20 grep -q 'from one' "$tmp/two"; } | vmctl console echo >"$tmp/two" 2>&1 &
two=$!
within 20 grep -q 'from two' "$tmp/one"
within 20 grep -q 'from two' "$tmp/two"
result $? "a viewer types, and the guest answers"
grep -q 'from two' "$tmp/one"
result $? "which the other one sees"
printf 'from one ' | vmctl console echo >"$tmp/three" 2>&1 &
three=$!
within 20 grep -q 'from two from one' "$tmp/three" && grep -q 'from two from one' "$tmp/two"
result $? "a third one sees what was before"
(within 20 grep -q 'from one' "$tmp/four"; printf 'x\001\001y\001d') |
	$terminal vmctl console echo >"$tmp/four" 2>&1
result $? "on a terminal Ctrl-A D leaves it, and the terminal is as it was"
grep -q 'Ctrl-A D leaves' "$tmp/four" && within 10 grep -q "x$(printf '\001')y" "$tmp/three"
result $? "Ctrl-A twice is one for the guest"
[ "$(state_of echo)" = running ]
result $? "the VM goes on"
kill -TERM $three
wait $three
result $(($? != 143)) "a viewer ended by a signal has its status"
kill $one $two
wait $one $two

# The protocol, by itself
$ask /run/svmm/echo.sock nonsense '{"command":"sing"}' '{"command":"pause"}' '{"command":"resume"}' \
	>"$tmp/out" 2>"$tmp/err"
cat >"$tmp/wanted" <<'END'
{"ok":false,"error":"line 1, column 2: null expected"}
{"ok":false,"error":"unknown command \"sing\"; there are pause, resume, stop, reset, nmi, wait, inspect, set, console"}
{"ok":true}
{"ok":true}
END
cmp -s "$tmp/out" "$tmp/wanted"
result $? "the protocol's answers"

# Killed
detach killed halt
vmctl wait killed >"$tmp/waited" 2>&1 &
waiter=$!
within 10 sh -c "vmctl inspect killed --json | grep -q '\"clients\":2'"
kill -9 "$(pid_of killed)"
wait $waiter
[ $? -eq 1 ] && grep -q 'killed: the VM.s process has ended without an answer' "$tmp/waited"
result $? "who waits for a VM that is killed hears of it"
socket killed && vmctl list >"$tmp/out" 2>"$tmp/err" && ! socket killed && socket echo
result $? "list removes its socket, and no other one"
detach killed halt
kill -9 "$(pid_of killed)"
within 5 gone killed
detach killed button
says stop killed
[ "$(cat "$tmp/said")" = "killed: powered off" ]
result $? "a leftover is in nobody's way"

# The directory
wait $frozen
[ $? -eq 1 ] && grep -q "frozen: the VM's process does not answer; is it stopped" "$tmp/frozen"
result $? "a process that does not answer is not waited for"
kill -CONT "$(pid_of frozen)"
for vm in frozen echo; do vmctl stop --timeout 0 $vm; done >"$tmp/out" 2>&1
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
echo >/run/svmm
fails 1 "no control socket: cannot open /run/svmm: Not a directory" detach a halt
vmctl run --name a --mem 1M --flat "$tmp/halt" --console none >"$tmp/out" 2>"$tmp/err" </dev/null &
guest=$!
within 10 sh -c "vmctl list | grep -q '^a .* running'"
grep -q 'no control socket, so vmctl stop, console and the like do not reach "a": cannot open' "$tmp/err"
result $? "in the foreground a VM runs without a socket, and says so"
fails 1 "a: cannot reach the VM's process ([0-9]*): cannot open /run/svmm" vmctl pause a
kill $guest
wait $guest
rm /run/svmm

# Another user
chmod 666 /dev/svmm
as_nobody "unset XDG_RUNTIME_DIR; $vmctl run --detach --name n --mem 1M --flat $tmp/halt"
[ $? -eq 1 ] && grep -q 'detach: no control socket: XDG_RUNTIME_DIR is not set; set it to' "$tmp/err"
result $? "a user needs a directory of his own"
mkdir -p /run/user/65534
chown nobody /run/user/65534
chmod 700 /run/user/65534
user="export XDG_RUNTIME_DIR=/run/user/65534; $vmctl"
as_nobody "$user run --detach --name n --mem 1M --flat $tmp/halt" &&
	[ -S /run/user/65534/svmm/n.sock ] && says pause n && [ "$(state_of n)" = paused ]
result $? "and has one; root finds it"
as_nobody "$user set n cpu-shares=512"
[ "$(cat "$tmp/out")" = "n: nice 3, worth 524 shares" ] && as_nobody "$user set n cpu-shares=1024"
[ $? -eq 1 ] && grep -q 'n: set: 1024 shares are nice 0, and it has 3; the host lets the' "$tmp/err"
result $? "a user can lower a share, and not raise it"
detach r halt
as_nobody "$user stop r"
[ $? -eq 1 ] && grep -q "r: it is another user's VM" "$tmp/err"
result $? "root's VM is none of his"
as_nobody "$user stop --timeout 0 n" && gone n
result $? "his own is"
says stop --timeout 0 r
exit $failed
