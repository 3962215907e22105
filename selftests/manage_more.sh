#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# hosts: epyc-6.1
# only: check-long
# timeout: 600
#
# More of VMs that are managed from outside: shares, balloon, syslog, terminals, other users, and that
# everything that can go wrong says what it is.

. selftests/lib/manage.sh
terminal=out/selftests/tools/terminal
vmctl=$(command -v vmctl)
halt=/tmp/manage.halt		# where nobody may read it
mode=$(stat -c %a /dev/svmm)
as_nobody() { su nobody -s /bin/sh -c "$*" >"$tmp/out" 2>"$tmp/err" </dev/null; }

echo "1..50"

# One whose process is stopped cannot answer, which is known after half a minute.
detach frozen halt
kill -STOP "$(pid_of frozen)"
vmctl nmi frozen >"$tmp/frozen" 2>&1 &
frozen=$!

# It leaves
timeout 60 sh -c "vmctl run --detach --name b --mem 1M --flat $tmp/halt --net user 2>&1 | cat" >"$tmp/out" &&
	[ "$(cat "$tmp/out")" = b ]
result $? "a process that serves the VM has nothing of the caller's"
says stop --timeout 0 b
vmctl run --detach --mem 1M --flat "$tmp/button" >"$tmp/out" 2>"$tmp/err" </dev/null
name=$(cat "$tmp/out")
[ "$name" = "button-$(pid_of "$name")" ]
result $? "without a name it gets one, with its process's number"
says stop "$name"
fails 2 "not a size" vmctl run --detach --flat "$tmp/halt" --mem 0
fails 2 "there is no stdio then" vmctl run --detach --flat "$tmp/halt" --console stdio
sh -c "vmctl run --detach --name b --mem 1M --flat $tmp/halt >/dev/full" 2>"$tmp/err"
[ $? -eq 1 ] && grep -q 'cannot write to stdout' "$tmp/err" && within 20 gone b
result $? "a caller who cannot be told the name has no VM"
echo '{"flat": "'"$tmp"'/halt", "mem": "1M", "console": "pty"}' >"$tmp/config"
vmctl run --detach --config "$tmp/config" --name c --console none >"$tmp/out" 2>"$tmp/err" &&
	[ "$(state_of c)" = running ] && [ ! -s "$tmp/err" ]
result $? "from a configuration file, but for the console"
says inspect c --json
tr -d ' \n' <"$tmp/said" >"$tmp/json"
grep -q '^{"vm":"c","pid":[0-9]*,"state":"running","up_ns":[0-9]*,"boots":1,' "$tmp/json" &&
	grep -q '"options":{"flat":"'"$tmp"'/halt","mem":"1M","name":"c","console":"none"}}$' "$tmp/json"
result $? "inspect --json"
says pause c && says pause c && [ "$(state_of c)" = paused ]
result $? "a second pause changes nothing"
says resume c && says resume c && [ "$(state_of c)" = running ]
result $? "nor does a second resume"

# Its share
pid=$(pid_of c)
thread() { vmctl inspect c | sed -n 's/.*threads \([0-9]*\);.*/\1/p'; }
boots() { vmctl inspect c | grep -q "boot $1,"; }
nice_of() { sed 's/.*) //' "/proc/$pid/task/$1/stat" | cut -d' ' -f17; }
tid=$(thread)
says set c cpu-shares=512
[ "$(cat "$tmp/said") $(nice_of "$tid") $(nice_of "$pid")" = "c: nice 3, worth 524 shares 3 0" ]
result $? "half a share is nice 3, of the vCPU's thread alone"
[ ! -e "/proc/$pid/autogroup" ] || grep -q 'nice 3$' "/proc/$pid/autogroup"
result $? "and of its session, where that counts"
says reset c
within 20 boots 2
tid=$(thread)
[ "$(nice_of "$tid")" = 3 ]
result $? "the next machine has it, too"
says set c cpu-shares=1024 && [ "$(nice_of "$tid")" = 0 ]
result $? "it can have back what it began with"
fails 1 "set: 88818 shares are nice -20, and it has 0; the host lets the VM's process go below what" \
	vmctl set c cpu-shares=88818
fails 1 'set: "cpu-shares": 14; give a whole number, 15 to 88818' vmctl set c cpu-shares=14
fails 2 "set cpu-shares=x: give a whole number" vmctl set c cpu-shares=x
fails 2 "set memory=1G: unknown; there are balloon=SIZE and cpu-shares=N" vmctl set c memory=1G
fails 2 "set: what? give KEY=VALUE" vmctl set c
fails 2 "set balloon=1X: give a whole number" vmctl set c balloon=1X
fails 1 "set: there is no balloon; run the VM with --balloon" vmctl set c cpu-shares=512 balloon=0
[ "$(nice_of "$tid")" = 0 ]
result $? "all or nothing"
says stop --timeout 0 c
vmctl run --detach --no-sandbox --name b --mem 4M --balloon --flat "$tmp/halt" >"$tmp/out" 2>"$tmp/err"
says set b balloon=2M cpu-shares=88818
printf 'b: a balloon of 2M, and now it has 0K\nb: nice -20, worth 88818 shares\n' | cmp -s - "$tmp/said"
result $? "without a sandbox root can raise it; and set two things at once"
fails 1 "its size is all of the VM's 4194304 bytes of memory" vmctl set b balloon=4M
says inspect b && grep -q '^balloon   0K of 2M$' "$tmp/said"
result $? "inspect shows the balloon"
says stop --timeout 0 b

# What is refused
vmctl run --no-reboot --name stays --flat "$tmp/once" --mem 1M </dev/null >"$tmp/out" 2>"$tmp/err" &
within 20 grep -q R "$tmp/out"
says reset stays && within 20 grep -q RR "$tmp/out"
result $? "reset also with --no-reboot, which is about the guest's own"
says stop --timeout 0 stays
fails 2 "give whole seconds, 0 to 86400" vmctl stop --timeout 1.5 a
fails 2 "give whole seconds, 0 to 86400" vmctl stop --timeout 86401 a
fails 2 "of which VM?" vmctl stop
fails 2 "of one VM at a time" vmctl pause a frozen
for verb in pause resume reset nmi stop wait inspect console; do
	fails 1 "nothere: no VM of that name; vmctl list shows" vmctl $verb nothere
done

# What a detached one has to say goes to syslog.
syslogd -n -O "$tmp/syslog" &
within 20 [ -S /dev/log ]
detach fragile fragile
vmctl wait fragile >"$tmp/waited" 2>&1 &
waiter=$!
within 20 clients fragile 2
echo x | vmctl console fragile >"$tmp/out" 2>"$tmp/err"
wait $waiter
[ $? -eq 3 ] && within 20 grep -q 'vmctl.*fragile: the guest crashed: vCPU 0: triple fault' "$tmp/syslog" &&
	grep -q 'fragile:   RIP ' "$tmp/syslog" && grep -q '^vmctl: fragile has ended$' "$tmp/err"
result $? "a crash is in syslog, with registers; wait and console hear of the end"

# Its console, on a terminal
detach echo echo
(within 20 grep -q 'leaves' "$tmp/four"; printf 'x\001\001y\001d') |
	$terminal vmctl console echo >"$tmp/four" 2>&1
status=$?
[ $status -eq 0 ] || echo "# status $status"
result $status "on a terminal Ctrl-A D leaves it, and the terminal is as it was"
vmctl console echo </dev/null >"$tmp/three" 2>&1 &
within 20 grep -q "x$(printf '\001')y" "$tmp/three"
result $? "Ctrl-A twice is one for the guest; and who comes later sees what was before"
[ "$(state_of echo)" = running ]
result $? "the VM goes on"
kill_all echo
within 20 gone echo
detach echo button
says stop echo
[ "$(cat "$tmp/said")" = "echo: powered off" ]
result $? "a leftover is in nobody's way"

# The directory
wait $frozen
[ $? -eq 1 ] && grep -q "frozen: the VM's process does not answer; is it stopped" "$tmp/frozen"
result $? "a process that does not answer is not waited for"
kill -CONT "$(pid_of frozen)"
says stop --timeout 0 frozen
rm -r /run/svmm
echo >/run/svmm
vmctl run --name a --mem 1M --flat "$tmp/halt" --console none >"$tmp/out" 2>"$tmp/err" </dev/null &
guest=$!
within 20 [ -s "$tmp/err" ]
grep -q 'no control socket, so vmctl stop, console and the like do not reach "a": cannot open' "$tmp/err"
result $? "in the foreground a VM runs without a socket, and says so"
within 20 sh -c "vmctl list | grep -q '^a .* running'"
fails 1 "a: cannot reach the VM's process ([0-9]*): cannot open /run/svmm" vmctl pause a
kill $guest
wait $guest
rm /run/svmm

# Another user
chmod 666 /dev/svmm
cp "$tmp/halt" $halt
as_nobody "unset XDG_RUNTIME_DIR; $vmctl run --detach --name n --mem 1M --flat $halt"
[ $? -eq 1 ] && grep -q 'detach: no control socket: XDG_RUNTIME_DIR is not set; set it to' "$tmp/err"
result $? "a user needs a directory of his own"
mkdir -p /run/user/65534
chown nobody /run/user/65534
chmod 700 /run/user/65534
user="export XDG_RUNTIME_DIR=/run/user/65534; $vmctl"
as_nobody "$user run --detach --name n --mem 1M --flat $halt" &&
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
as_nobody "$user stop --timeout 0 n" && gone n && ! [ -e /run/user/65534/svmm/n.sock ]
result $? "his own is"
says stop --timeout 0 r
rm $halt
chmod "$mode" /dev/svmm
exit $failed
