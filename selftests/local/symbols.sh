#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# only: check-long
# timeout: 900
#
# Debuggers with the symbols of Debian's kernel on this machine, and a Linux guest in an emulated host:
# crash(8) on what `vmctl dump` writes; GDB by way of --gdb, with the source's lines and types. (Of this
# kernel's tasks crash 8.0.2 finds only those that idle, in a dump that QEMU writes, too.)

cd "$(dirname "$0")/../.." || exit
run='echo ready; while [ ! -e /tmp/x ]; do uname -r >/dev/null; sleep 0.1; done'
guest="vmctl run --detach --name guest --kernel out/guest/vmlinuz --initrd out/guest/initrd.img
	--mem 128M --cpus 2 --console file:/tmp/log"

# start WORDS [OPTION ...]: in the host: the guest, with these for its kernel; until it is ready
start()
{
	words=$1
	shift
	$guest "$@" --append "console=ttyS0 $words svmm.run=\"$run\"" >&2 || exit
	for _ in $(seq 200); do
		! grep -q '^ready' /tmp/log || return 0
		sleep 1
	done
	cat /tmp/log >&2
	exit 1
}

case ${1:-} in
dump)
	start ""
	vmctl dump guest /tmp/core >&2 && cat /tmp/core
	exit ;;
gdb)
	start nokaslr --gdb tcp:1234
	exec nc 127.0.0.1 1234 ;;
esac

. selftests/lib/tap.sh
shown="err out"
scripts/setup symbols || exit
cache=${SVMM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/svmm}
vmlinux=$cache/symbols/$(scripts/setup kver 6.1)
said() { grep -q -e "$1" "$tmp/out"; }

echo "1..8"
scripts/amdhost --timeout 300 -- selftests/local/symbols.sh dump >"$tmp/core" 2>"$tmp/err" </dev/null
result $? "a dump of a Linux guest"
cat >"$tmp/commands" <<'END'
sys
ps
log
struct task_struct.comm,pid init_task
quit
END
timeout 300 crash -s "$vmlinux" "$tmp/core" <"$tmp/commands" >"$tmp/out" 2>"$tmp/err"
result $? "crash opens it"
said 'CPUS: 2$' && said "RELEASE: $(basename "$vmlinux")"
result $? "it knows the system"
said ' \[swapper/0\]' && said ' \[swapper/1\]'
result $? "what is of each CPU"
said 'Run /init as init process' && said 'comm = "swapper/0'
result $? "its log and its structures"

cat >"$tmp/commands" <<END
set pagination off
set confirm off
set remotetimeout 600
target remote | scripts/amdhost --timeout 500 -- selftests/local/symbols.sh gdb 2>$tmp/err
break __x64_sys_newuname
continue
backtrace
next
delete
finish
print init_task.comm
END
timeout 600 gdb -nx -batch -x "$tmp/commands" "$vmlinux" >"$tmp/out" 2>&1 </dev/null
status=$?
said '^Thread .* hit Breakpoint 1, __x64_sys_newuname (regs=0x' && said 'kernel/sys.c:'
result $? "GDB stops in a function of the kernel, in a line of its source: status $status"
said '^#[0-9]* .* do_syscall_64 (' && said '^__do_sys_newuname (name=0x' &&
	said '^Value returned is \$1 = 0'
result $? "it knows who has called it, steps by lines, and goes back there"
said '^\$2 = "swapper/0'
result $? "and what is in a structure"
exit $failed
