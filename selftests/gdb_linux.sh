#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# hosts: epyc-6.1
# only: check-long
# timeout: 400
# programs: /usr/bin/gdb /usr/lib/python3.11/encodings/__init__.py /usr/lib/python3.11/encodings/aliases.py /usr/lib/python3.11/encodings/utf_8.py
#
# GDB on a Linux guest of two CPUs, which is in its stride: a breakpoint in its kernel, steps through it
# and out into user space and back, and then the guest goes on as if nothing had been.

. selftests/lib/tap.sh

shown="said log"
pid=
clean() { [ ! "$pid" ] || kill -9 "$pid"; }
said() { grep -q "$1" "$tmp/said"; }
logged() { tr -d '\r' <"$tmp/log" | grep -q "$1"; }
# symbol NAME: its address, as the guest's kernel has told it
symbol() { tr -d '\r' <"$tmp/log" | sed -n "s/^\([0-9a-f]\{16\}\) [A-Za-z] $1\$/0x\1/p"; }

echo "1..7"
run='grep -wE "__x64_sys_newuname|linux_banner" /proc/kallsyms;echo ready;'
run="$run while [ ! -e /tmp/x ];do uname -r >/dev/null;sleep 0.1;done"
touch "$tmp/log"
vmctl run --kernel out/guest/vmlinuz --initrd out/guest/initrd.img --mem 256M --cpus 2 \
	--name debugged --gdb "unix:$tmp/gdb" --append "console=ttyS0 svmm.run=\"$(echo "$run" |
	tr '"' "'")\"" >"$tmp/log" 2>&1 </dev/null &
pid=$!
for _ in $(seq 120); do ! logged '^ready' || break; sleep 1; done
[ "$(symbol __x64_sys_newuname)" ]
result $? "a Linux guest says where its kernel is"

cat >"$tmp/commands" <<END
set pagination off
set confirm off
target remote $tmp/gdb
info threads
x/s $(symbol linux_banner)
break *$(symbol __x64_sys_newuname)
continue
p \$pc == $(symbol __x64_sys_newuname)
set \$user = *(long *)(\$rdi + 128)
delete
stepi
stepi
stepi
stepi
stepi
stepi
printf "kernel %d\n", \$cs
tbreak *\$user
continue
p \$pc == \$user
printf "user %d\n", \$cs
set \$i = 0
while \$cs == 51 && \$i < 400
stepi
set \$i = \$i + 1
end
printf "again %d after %d\n", \$cs, \$i
p \$eflags & 0x100
detach
END
timeout 200 gdb -nx -batch -x "$tmp/commands" >"$tmp/said" 2>&1 </dev/null
said '"%*s*.*Linux version\|Linux version\|%s version'
result $? "its memory"
[ "$(grep -c '^\$[12] = 1' "$tmp/said")" -ge 1 ] && said '^kernel 16'
result $? "a breakpoint in its kernel, and steps"
said '^user 51'
result $? "out into user space"
said '^again 16 after' && ! said 'again 16 after 400'
result $? "and steps back into the kernel"
regs=$(vmctl regs debugged | sed -n 1p)
sleep 3
[ "$regs" != "$(vmctl regs debugged | sed -n 1p)" ] || vmctl list | grep -q 'debugged.*\(running\|halted\)'
result $? "then the guest goes on"
vmctl stop debugged >/dev/null 2>&1
wait $pid
pid=
! tr -d '\r' <"$tmp/log" | grep -v hw-vuln | grep -E -f scripts/host/trouble >"$tmp/said"
result $? "and has no complaint"
exit $failed
