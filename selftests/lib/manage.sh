# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# What tests of VMs that are managed from outside share; they source it. The guests are a few bytes
# of real-mode code each, in $tmp.

. selftests/lib/tap.sh
chmod 755 "$tmp"
shown="out err said"
ask=out/selftests/tools/ask_control

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
# mov $0xe004, %ax; mov %ax, %ds; movl $0x1018, 12, its waking vector; mov $0x604, %dx;
# mov $0x2c00, %ax; out %ax, %dx, to S3; hlt; nop; nop; mov $0x601, %dx; mov $1, %al; out %al, %dx;
# and on as `button`: the press that wakes it is not heard
flat sleeper '\270\004\340\216\330\146\307\006\014\000\030\020\000\000\272\004\006\270\000\054\357'\
'\364\220\220\272\001\006\260\001\356\354\250\001\164\373\272\004\006\270\000\064\357\364'
# movw $1f, 8; movw $0, 10; jmp .; 1: mov $42, %al; out %al, $0xf4: an NMI goes to the exit port
flat nmi '\307\006\010\000\016\020\307\006\012\000\000\000\353\376\260\052\346\364'
# mov $0x80000560, %eax; mov $0xcf8, %dx; out %eax, %dx; mov $4, %eax; mov $0xfc, %dl;
# out %eax, %dx; mov $0x80000568, %eax; mov $0xf8, %dl; out %eax, %dx; mov $2, %al; mov $0xfc, %dl;
# out %al, %dx; jmp .: its watchdog counts two seconds and is not served
flat dog '\146\270\140\005\000\200\272\370\014\146\357\146\270\004\000\000\000\262\374\146\357'\
'\146\270\150\005\000\200\262\370\146\357\260\002\262\374\356\353\376'
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
# kill_all NAME: a VM's process with kill -9, and before it the one that would remove its socket then
kill_all()
{
	vm=$(pid_of "$1")
	# pid (comm) state parent
	kill -9 $(sed -n "s/^\([0-9]*\) (vmctl-keeper) . $vm .*/\1/p" /proc/[0-9]*/stat 2>/dev/null) "$vm"
}
gone() { ! vmctl list 2>/dev/null | grep -q "^$1 "; }

# within SECONDS COMMAND ...: it comes true
within()
{
	until=$(($(date +%s) + $1 * ${SLOWDOWN:-1}))
	shift
	while ! "$@"; do
		[ "$(date +%s)" -le $until ] || return 1
		usleep 100000
	done
}

# clients NAME NUMBER: it has so many, with the one that asks
clients() { vmctl inspect "$1" --json 2>/dev/null | grep -q "\"clients\": *$2,"; }

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
says() { vmctl "$@" >"$tmp/said" 2>&1 </dev/null; }

clean()
{
	for vm in $(vmctl list 2>/dev/null | sed -n '1!s/ .*//p'); do
		kill -9 "$(pid_of "$vm")"
	done
	[ -z "$(jobs -p)" ] || kill $(jobs -p) 2>/dev/null
}
