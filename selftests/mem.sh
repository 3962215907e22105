#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# hosts: opteron-6.12
# timeout: 120
#
# vmctl list and vmctl mem: a Linux guest as they show it, held against what the host says itself.

. selftests/lib/tap.sh
pid=
clean() { kill $pid 2>/dev/null; }

# bad STATUS WORDS ARGUMENTS...
bad()
{
	wanted=$1 words=$2
	shift 2
	vmctl "$@" >"$tmp/out" 2>"$tmp/err"
	[ $? -eq "$wanted" ] && [ ! -s "$tmp/out" ] && grep -q "^vmctl: .*$words" "$tmp/err"
	result $? "vmctl $*: status $wanted, $words"
}
# A size of vmctl's output in KiB
kb()
{
	awk -v key="$1" '$1 == key { s = $2; sub(/[,:]/, "", s); u = substr(s, length(s));
		printf "%d\n", s * (u == "G" ? 1048576 : u == "M" ? 1024 : 1) }' "$tmp/out"
}

echo "1..21"
vmctl list >"$tmp/out" 2>"$tmp/err" && [ ! -s "$tmp/out" ]
result $? "no VM, no line"

vmctl run --kernel out/guest/vmlinuz --initrd out/guest/initrd.img --mem 128M --cpus 2 --name mine \
	--append 'console=ttyS0 quiet svmm.quiet svmm.run="echo up; while :; do :; done"' \
	</dev/null >"$tmp/guest" 2>&1 &
pid=$!
for i in $(seq 300); do
	! grep -q '^up' "$tmp/guest" || break
	usleep 200000
done
grep -q '^up' "$tmp/guest" || tail -n 20 "$tmp/guest" | sed 's/^/# /'

vmctl list >"$tmp/out" 2>"$tmp/err" && [ "$(sed 1d "$tmp/out" | tr -s ' ')" = "mine $pid 2 127.9M running root" ]
result $? "name, process, vCPUs, memory, state and user of a VM"
vmctl list --json >"$tmp/out" 2>"$tmp/err" && grep -q '"vm":"mine"' "$tmp/out" &&
	grep -q "\"pid\":$pid,\$" "$tmp/out" && grep -q '"memory_bytes":134086656,' "$tmp/out" &&
	grep -q '"kvm-steal-time"' "$tmp/out"
result $? "the same and more as JSON"

vmctl mem mine >"$tmp/out" 2>"$tmp/err"
result $? "its memory"
[ "$(kb memory)" -gt 130000 ] && [ "$(kb memory)" -le 131072 ]
result $? "as much as was asked for"
rss=$(sed -n 's/^RssAnon:[[:space:]]*\([0-9]*\) kB/\1/p' /proc/$pid/status)
# Linux 6.1 sums up each thread's pages now and then only.
[ "$(kb resident)" -le $((rss * 102 / 100)) ] && [ "$(kb resident)" -gt $((rss * 8 / 10)) ]
result $? "of which the host holds what it says of the process"
[ "$(kb swapped)" -eq 0 ]
result $? "and none in swap"
own=$(awk '/^[0-9a-f]+-/ { size = 0 } $1 == "Size:" { size = $2 } $1 == "Rss:" && size < 100000 { sum += $2 }
	END { print sum }' /proc/$pid/smaps)
echo "# vmctl itself: $own KiB"
[ "$own" -gt 500 ] && [ "$own" -le 5120 ]
result $? "vmctl itself takes 5 MiB at the most"
mapped=$(sed -n 's/^mapped .*: \([0-9]*\) pages of 4K, \([0-9]*\) of 2M, 0 of 1G;.*/\1 + \2 * 512/p' "$tmp/out")
# But for pages that were only read, which are all the page of zeros.
[ $((mapped)) -gt 4096 ] && [ $((mapped * 4)) -le $(($(kb resident) * 102 / 100)) ]
result $? "what is mapped is resident"
[ "$(kb written)" -gt 0 ]
result $? "a guest that runs writes something"

vmctl stat --interval 0.5 mine >"$tmp/out" 2>"$tmp/err" &&
	[ "$(awk '$1 == "mine" && $4 ~ /^[0-9]+$/ && $6 + $7 + $8 + $9 + $10 + $11 + $12 < 101' "$tmp/out" |
		wc -l)" = 2 ]
result $? "stat: a line for each vCPU, and no more than all of its time"
vmctl stat --json mine >"$tmp/out" 2>"$tmp/err" && [ "$(grep -c '"halted_ns":' "$tmp/out")" = 2 ]
result $? "and as JSON"
vmctl overhead --keys mine >"$tmp/out" 2>"$tmp/err" && grep -q '^3f8h ' "$tmp/out" &&
	awk '$1 == "EXIT" { on = 1; next } $1 == "all" { exit !(n && n == $2) } on { n += $2 }' "$tmp/out"
result $? "overhead: the reasons' counts are the sum, and the serial port is among the keys"
vmctl overhead --json mine >"$tmp/out" 2>"$tmp/err" && grep -q '"reason":"NPF"' "$tmp/out"
result $? "and as JSON"

kill -STOP $pid
vmctl mem --interval 0.5 mine >"$tmp/out" 2>"$tmp/err" && [ "$(kb written)" -eq 0 ]
result $? "one that does not run, nothing"
kill -CONT $pid
vmctl mem --interval 0 mine >"$tmp/out" 2>"$tmp/err" && ! grep -q '^written' "$tmp/out"
result $? "unless it is not asked for"
vmctl mem --json mine >"$tmp/out" 2>"$tmp/err" && grep -q '"backing":"anonymous"' "$tmp/out" &&
	[ "$(sed -n 's/.*"resident_bytes":\([0-9]*\).*/\1/p' "$tmp/out")" -gt 10000000 ] &&
	grep -q '"written_bytes"' "$tmp/out"
result $? "its memory as JSON"

bad 1 "no VM of that name" mem other
bad 2 "of which VM" mem
bad 2 "give seconds" mem --interval 1h mine

su nobody -s /bin/sh -c "$(command -v vmctl) mem mine" >"$tmp/out" 2>"$tmp/err"
[ $? -eq 1 ] && grep -q "another user's" "$tmp/err"
result $? "another user is told whose it is, and no more"
exit $failed
