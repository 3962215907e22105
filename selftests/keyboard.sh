#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# hosts: epyc-6.1
# timeout: 120
#
# A guest with a keyboard: Linux's driver finds it, what vmctl key types is read on its terminal, and
# Ctrl-Alt-Delete restarts it.

. selftests/lib/tap.sh
. selftests/lib/devices.sh

# typed LINE: has the guest read it?
typed()
{
	i=0
	while ! said "typed $1" && [ $i -lt 300 ] && kill -0 $pid 2>/dev/null; do
		usleep 100000
		i=$((i + 1))
	done
	said "typed $1"
}

echo "1..9"
text='cat /proc/bus/input/devices; echo devices: step ready'
text="$text; while read -r line; do echo devices: typed \$line; done </dev/tty1"
begin typist "$text" --mem 192M --keyboard --no-reboot
step ready && grep -q 'AT Translated Set 2 keyboard' "$tmp/out"
result $? "Linux finds a keyboard"
vmctl key typist h e l l o enter 2>"$tmp/err2" && typed hello
result $? "keys"
vmctl key typist 'text=Some_TEXT {with} "signs" & 1 of each: ~!@#$%^*()|<>?' enter &&
	typed 'Some_TEXT {with} "signs" & 1 of each: ~!@#$%^\*()|<>?'
result $? "a text"
vmctl key typist text=abd backspace c enter left shift-a enter && typed abc
result $? "keys that print nothing"
long=$(printf '%0250d' 1)
vmctl key typist "text=$long" enter && typed "$long"
result $? "more than fits into a request"
shown="out err wrong"
for word in nokey ctrl- a-b-c-d-e-f-g text=ä; do
	vmctl key typist h "$word" enter 2>"$tmp/wrong"
	[ $? -eq 2 ] && grep -q 'vmctl key --help' "$tmp/wrong" || echo "$word"
done >"$tmp/not"
[ ! -s "$tmp/not" ]
result $? "what is no key: nothing is typed"
vmctl pause typist
i=0
while vmctl key typist "text=$long" 2>"$tmp/wrong" && [ $i -lt 20 ]; do i=$((i + 1)); done
grep -q 'the guest does not read its keyboard; it has been given [0-9]* of' "$tmp/wrong"
result $? "a guest that does not read"
vmctl resume typist
vmctl key typist enter ctrl-alt-delete
ends
[ $status -eq 0 ]
result $? "Ctrl-Alt-Delete: status $status"

begin deaf 'echo devices: step ready; sleep 100' --mem 192M --no-reboot
step ready
! vmctl key deaf a 2>"$tmp/wrong" && grep -q 'run the VM with --keyboard' "$tmp/wrong"
result $? "a machine without one"
exit $failed
