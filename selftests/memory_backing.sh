#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# hosts: epyc-6.1
# timeout: 180
#
# What guest memory is in the host: each kind of --mem-path and --mem-pages is seen to be used, a
# Linux guest runs on it, and what the host does not have is said in words.

tmp=$(mktemp -d)
huge=/sys/kernel/mm/hugepages/hugepages-2048kB
before=$(cat $huge/nr_hugepages)
pid=
trap 'kill $pid 2>/dev/null; umount "$tmp/huge" 2>/dev/null; echo "$before" >$huge/nr_hugepages
	echo 0 >/sys/kernel/mm/ksm/run; rm -rf "$tmp"' EXIT
n=0
failed=0
result()
{
	n=$((n + 1))
	[ "$1" -eq 0 ] && { echo "ok $n $2"; return; }
	tail -n 20 "$tmp/err" | sed 's/^/# /'
	echo "not ok $n $2"
	failed=1
}

# mov $0xa55a, %ax; mov %ax, 0x3000; 1: hlt; jmp 1b
printf '\270\132\245\243\000\060\364\353\375' >"$tmp/mark"
# start OPTIONS...: a guest that leaves a mark at 3000h and halts; its PID in $pid
start()
{
	vmctl run --flat "$tmp/mark" --mem 32M "$@" </dev/null >/dev/null 2>"$tmp/err" &
	pid=$!
	for i in $(seq 50); do
		[ ! -e /proc/$pid/maps ] || ! grep -q 'svmm-vcpu' /proc/$pid/maps || break
		usleep 100000
	done
	usleep 300000
	kill -0 $pid 2>/dev/null
}
stop() { kill $pid; wait $pid; pid=; }
rss() { sed -n "s/^Rss$1:[[:space:]]*\([0-9]*\) kB/\1/p" /proc/$pid/status; }
free_pages() { cat $huge/free_hugepages; }
mark() { dd if="$1" bs=1 skip=12288 count=2 2>/dev/null | od -An -tx1 | tr -d ' '; }
linux()
{
	vmctl run --kernel out/guest/vmlinuz --initrd out/guest/initrd.img --mem 128M \
		--append 'console=ttyS0 quiet svmm.quiet svmm.run="echo here"' "$@" \
		</dev/null >"$tmp/err" 2>&1 && grep -q '^here' "$tmp/err"
}
# refused WORDS OPTIONS...
refused()
{
	words=$1
	shift
	vmctl run --flat "$tmp/mark" --mem 32M "$@" </dev/null >"$tmp/err" 2>&1
	[ $? -eq 1 ] && grep -q "$words" "$tmp/err"
	result $? "$words"
}

echo "1..18"
start --mem-path "$tmp/ram"
result $? "a new file"
[ "$(mark "$tmp/ram")" = 5aa5 ] && [ "$(stat -c %s "$tmp/ram")" -eq 33554432 ]
result $? "has the guest's memory in it, while it runs"
stop
echo zzzz | dd of="$tmp/ram" bs=1 seek=20000000 conv=notrunc 2>/dev/null
start --mem-path "$tmp/ram"
stop
[ "$(dd if="$tmp/ram" bs=1 skip=20000000 count=4 2>/dev/null)" = zzzz ]
result $? "what is in a file stays"
start --mem-path "$tmp"
result $? "a file without a name"
[ "$(ls "$tmp")" = "$(printf 'err\nmark\nram')" ] && [ "$(rss Shmem)" -gt 0 ]
result $? "leaves nothing in its directory"
stop
start --mem-path memfd
grep -q 'memfd:svmm' /proc/$pid/maps
result $? "a memfd"
stop
linux --mem-path memfd
result $? "Linux runs on it"

echo 80 >$huge/nr_hugepages
[ "$(free_pages)" -ge 64 ] || echo "# only $(free_pages) huge pages"
start --mem-pages 2M --name pool
[ "$(free_pages)" -lt "$(cat $huge/nr_hugepages)" ] && grep -q 'anon_hugepage\|memfd:svmm' /proc/$pid/maps
result $? "pages of 2M out of the pool"
vmctl mem --interval 0 pool >"$tmp/mem" 2>"$tmp/err" &&
	grep -q '^backing .*, pages of 2M$' "$tmp/mem" &&
	grep -Eq '^resident +([0-9.]+M), of it \1 in huge pages$' "$tmp/mem"
result $? "and vmctl mem says so"
stop
mkdir "$tmp/huge"
mount -t hugetlbfs none "$tmp/huge"
start --mem-path "$tmp/huge"
[ "$(free_pages)" -lt "$(cat $huge/nr_hugepages)" ]
result $? "hugetlbfs"
stop
linux --mem-pages 2M
result $? "Linux runs on it"
[ "$(free_pages)" -eq "$(cat $huge/nr_hugepages)" ]
result $? "they all came back"

start --mem-prefault
[ "$(rss Anon)" -ge 32768 ]
result $? "all of it is there at once"
stop
start --mem-merge --mem-pages 4K --mem-prefault
echo 10000 >/sys/kernel/mm/ksm/pages_to_scan
echo 1 >/sys/kernel/mm/ksm/run
for i in $(seq 50); do
	[ "$(cat /sys/kernel/mm/ksm/pages_sharing)" -lt 7000 ] || break
	usleep 200000
done
[ "$(cat /sys/kernel/mm/ksm/pages_sharing)" -ge 7000 ]
result $? "equal pages are merged"
stop

refused "too few pages of 2048K" --mem-pages 2M --mem 512M
refused "not a whole number of pages" --mem-path "$tmp/huge" --mem 33M
refused "fewer than --mem" --mem-path "$tmp/ram" --mem 64M
refused "neither a file nor a directory" --mem-path /dev/null
exit $failed
