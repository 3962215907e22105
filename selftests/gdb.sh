#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# hosts: epyc-6.1
# timeout: 400
# programs: /usr/bin/gdb /usr/lib/python3.11/encodings/__init__.py /usr/lib/python3.11/encodings/aliases.py /usr/lib/python3.11/encodings/utf_8.py
#
# GDB itself, in the sandbox's face, on a guest of two CPUs: breakpoints, steps, a watchpoint, memory,
# Ctrl-C, detach, and a GDB that dies. And what vmctl's own commands find in that guest.

. selftests/lib/tap.sh

elf=out/selftests/guests/gdb.elf
shown="said err"
pid=
clean() { [ ! "$pid" ] || kill -9 "$pid"; }

# debug COMMAND ...: what GDB says, one command after the other, in $tmp/said
debug()
{
	printf '%s\n' 'set pagination off' 'set confirm off' 'set can-use-hw-watchpoints 0' \
		"target remote $tmp/gdb" "$@" >"$tmp/commands"
	timeout 60 gdb -nx -batch -x "$tmp/commands" $elf >"$tmp/said" 2>&1 </dev/null
}
said() { grep -q "$1" "$tmp/said"; }
regs() { vmctl regs debugged 2>"$tmp/err" | tee "$tmp/said"; }
# What counts in the guest, as hexadecimal digits
counter()
{
	out/selftests/tools/ask_control /run/svmm/debugged.sock \
		"{\"command\":\"code\",\"address\":\"$address\"}" |
		sed 's/.*"bytes":"\(................\).*/\1/'
}
goes_on() { before=$(counter); sleep 1; [ "$before" ] && [ "$(counter)" != "$before" ]; }

echo "1..21"
# lidt 0x2000, which is all zero; int3
printf '\017\001\036\000\040\314' >"$tmp/fragile"
vmctl run --flat "$tmp/fragile" --mem 1M --console none --last-exits >"$tmp/said" 2>&1
[ $? -eq 3 ] && said 'code .*0f 01 1e 00 20 <cc>' && said '1005: *cc *int3' &&
	said 'its last [1-9][0-9]* exits' && said 'EXCP_GP *rip'
result $? "who crashes shows its code and its last exits"
vmctl run --flat "$tmp/fragile" --mem 1M --console none >"$tmp/said" 2>&1
[ $? -eq 3 ] && said 'code .*<cc>' && ! said 'exits\|int3'
result $? "without --last-exits the code as bytes"

# mov $0xffff, %ax; mov %ax, %ds; mulw 0x10: behind the end of memory
printf '\270\377\377\216\330\367\046\020\000\364' >"$tmp/exotic"
vmctl run --flat "$tmp/exotic" --mem 1M --console none --last-exits >"$tmp/said" 2>&1
[ $? -eq 1 ] && said 'the instruction at 0x1005 ( f7 26 10 00 .* a device at 0x100000 and is not' &&
	said '1005: *f7 26 10 00 *mul'
result $? "an instruction that is not emulated is shown as bytes and as text"
vmctl run --flat "$tmp/exotic" --mem 1M --console none >"$tmp/said" 2>&1
[ $? -eq 1 ] && said '( f7 26 10 00 .*emulated; --last-exits' && ! said ' 1005:'
result $? "without --last-exits the line says what would"

vmctl run --flat out/selftests/guests/gdb.bin --mem 8M --cpus 2 --name debugged --console none \
	--exit-port 0xf4 --gdb "unix:$tmp/gdb" --gdb-wait 2>"$tmp/err" &
pid=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do [ ! -S "$tmp/gdb" ] || break; sleep 0.5; done
sleep 1
regs | grep -q 'RIP 0000000000001000'
result $? "the guest waits before its first instruction"

debug 'info threads' 'break inner' 'continue' 'backtrace' 'x/1xb inner' 'stepi' 'p/x $rip' \
	'output {long}&counter' 'set {long}&counter = 100' 'finish' 'delete' 'watch *(long *)&counter' \
	'continue' 'delete' 'hbreak outer' 'info registers cr3 efer' 'monitor walk 0x1000' \
	'monitor info exits' 'printf "counter at %lx\n", (long)&counter' \
	'maintenance packet Qqemu.PhyMemMode:1' 'x/1xb 0x1000' 'detach'
said '\* 1 .*vCPU 0' && said ' 2 .*vCPU 1 \[waiting for its start\]'
result $? "vCPUs are threads"
said 'Breakpoint 1, 0x[0-9a-f]* in inner' || said '^0x[0-9a-f]* in inner'
result $? "a breakpoint"
said '#2 .* in main'
result $? "a backtrace"
said '<inner>:[[:space:]]*0x48'
result $? "it is not to be seen in memory"
said '^1' && said 'in outer ()'
result $? "a step, and what it did"
said 'Old value = 100' && said 'New value = 101'
result $? "memory that GDB has written, and a watchpoint"
said 'cr3 *0x10000' && said 'efer *0x500'
result $? "control registers"
said 'in a page of 2048 KiB: [0-9]* references' && said 'SWINT\|EXCP_BP'
result $? "monitor"

address=$(sed -n 's/^counter at //p' "$tmp/said")
goes_on
result $? "behind GDB's detach the guest goes on"
vmctl dump debugged "$tmp/core" 2>"$tmp/err"
gdb -nx -batch -ex 'info threads' -ex 'x/1i main' -ex 'thread 1' -ex backtrace $elf "$tmp/core" \
	>"$tmp/said" 2>&1 </dev/null
rm -f "$tmp/core"
said ' 2  *LWP 2' && said '<main>:.*call' && said ' in main '
result $? "a dump opens in GDB, with each vCPU"
vmctl walk debugged 1000 2>"$tmp/err" | tee "$tmp/said" | grep -q 'level 4 entry at 0x10000' &&
	said '2048 KiB: \(19\|1[0-9]\) references'
result $? "vmctl walk"
vmctl disas debugged 10b8 >"$tmp/said" 2>"$tmp/err" && said 'call' && ! said 'int3'
result $? "vmctl disas"

# GDB dies at a breakpoint
printf '%s\n' 'set confirm off' "target remote $tmp/gdb" 'break inner' 'continue' 'continue' \
	'shell kill -9 $PPID' >"$tmp/commands"
timeout 60 gdb -nx -batch -x "$tmp/commands" $elf >"$tmp/said" 2>&1 </dev/null
goes_on && ! vmctl disas debugged 10b8 | grep -q int3
result $? "a GDB that dies takes its breakpoints along"

printf '%s\n' 'set confirm off' "target remote $tmp/gdb" 'continue' 'p/x $cs' \
	'set {int}&finish = 1' 'detach' >"$tmp/commands"
gdb -nx -batch -x "$tmp/commands" $elf >"$tmp/said" 2>&1 </dev/null &
gdb=$!
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do ! said '^0x.* in ' || break; sleep 1; done
sleep 2
kill -INT $gdb
wait $gdb
said 'received signal SIGINT' && said '= 0x8'
status=$?
result $status "Ctrl-C"
[ $status -eq 0 ] || kill $pid
wait $pid
status=$?
pid=
[ $status -eq $((64 + 42)) ]
result $? "the guest does what GDB has told it in its memory, and ends"
[ ! -e "$tmp/gdb" ] && [ ! -s "$tmp/err" ]
result $? "nothing stays behind, and nothing else is said"
exit $failed
