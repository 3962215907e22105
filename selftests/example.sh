#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# hosts: epyc-6.1
#
# examples/hello.c, the guest that README shows: what it prints, its status, and its words when
# svmm refuses.

. selftests/lib/tap.sh

hello() { out/examples/hello >"$tmp/out" 2>"$tmp/err" </dev/null; }

echo "1..3"
hello
[ $? -eq 42 ] && [ "$(cat "$tmp/out")" = "Hello from the guest." ] && [ ! -s "$tmp/err" ]
result $? "it says hello, and ends with the guest's status"

printf '\353\376' >"$tmp/spin"
vmctl run --name hello --flat "$tmp/spin" --console none </dev/null &
for i in $(seq 50); do
	! vmctl list | grep -q '^hello .*running' || break
	usleep 100000
done
hello
[ $? -eq 1 ] && grep -q '^hello: cannot create a VM: you have a running VM of that name' "$tmp/err"
result $? "it says what svmm refuses, and why"
kill $!
wait $!

rmmod svmm
hello
[ $? -eq 1 ] && grep -q '^hello: cannot open /dev/svmm: the svmm module is not loaded' "$tmp/err"
result $? "it says what to do without the module"
exit $failed
