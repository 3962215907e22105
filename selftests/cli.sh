#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# hosts: epyc-6.1
# timeout: 300
#
# vmctl as its user meets it: every kind of bad input gets its message and its status, every end
# of a guest its status, and whatever happens, nothing stays behind. The guests are a few bytes of
# real-mode code each, or Debian's kernel where a kernel is needed.

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
kernel=out/guest/vmlinuz
initrd=out/guest/initrd.img
n=0
failed=0

# result STATUS WANTED TEXT: the last command's status; its stderr is in $tmp/err
result()
{
	n=$((n + 1))
	if [ "$1" = "$2" ]; then
		echo "ok $n $3"
	else
		echo "# got '$1', not '$2'"
		sed 's/^/# /' "$tmp/err" | tail -n 20
		echo "not ok $n $3"
		failed=1
	fi
}

# No VM, and with it no memory, no ASID and no vCPU, once vmctl has gone.
unused()
{
	for i in 1 2 3 4 5 6 7 8 9 10; do
		[ "$(cat /sys/module/svmm/refcnt 2>/dev/null || echo 0)" != 0 ] || return 0
		usleep 100000
	done
	return 1
}

# bad WANTED-STATUS WORDS-OF-THE-MESSAGE OPTIONS...: stderr must say it in lines of "vmctl: "
bad()
{
	wanted=$1
	words=$2
	shift 2
	vmctl run "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
	if ! grep -q -- "^vmctl: .*$words" "$tmp/err"; then
		status="$status without '$words'"
	elif grep -q -v '^vmctl: ' "$tmp/err"; then
		status="$status and more than messages"
	elif [ -s "$tmp/out" ]; then
		status="$status and output"
	elif ! unused; then
		status="$status and a VM that stayed"
	fi
	result "$status" "$wanted" "status $wanted: $words"
}

# flat NAME OCTAL-BYTES: a guest that starts at 0000:1000
flat() { printf "$2" >"$tmp/$1"; }
# mov $VALUE, %al; out %al, $0xf4; hlt
flat exit42 '\260\052\346\364\364'
flat exit99 '\260\143\346\364\364'
# mov $0x604, %dx; mov $0x3400, %ax; out %ax, %dx; hlt
flat poweroff '\272\004\006\270\000\064\357\364'
# mov $0x3f8, %dx; mov $'R', %al; out %al, %dx; mov $0xfe, %al; out %al, $0x64; hlt
flat reboot '\272\370\003\260\122\356\260\376\346\144\364'
# lidt 0x2000, which is all zero; int3
flat triple '\017\001\036\000\040\314'
# mov $0xb800, %ax; mov %ax, %ds; mov 0, %al; mov 2, %al; out %al, $0xf4; hlt
flat hole '\270\377\377\216\330\240\020\000\240\022\000\346\364\364'
# ljmp $0xb000, $0
flat nowhere '\352\000\000\000\260'
# jmp .
flat spin '\353\376'
# cli; hlt
flat halt '\372\364'
# mov $0x3f8, %dx; 1: mov $'U', %al; out %al, %dx; jmp 1b
flat chatter '\272\370\003\260\125\356\353\373'
# The first CPU starts all others in x2APIC mode (INIT, then SIPI with vector 1) and spins; the
# others run what follows: jump to themselves, write to the exit port ...
aps='\146\271\033\000\000\000\017\062\366\304\001\164\040\200\314\014\017\060\146\271\060\010'
aps="$aps"'\000\000\146\061\322\146\270\000\105\014\000\017\060\146\270\001\106\014\000\017\060\353\376'
flat ap_spin "$aps"'\353\376'
flat ap_exit42 "$aps"'\260\052\346\364\364'
flat ap_poweroff "$aps"'\272\004\006\270\000\064\357\364'
flat ap_reboot "$aps"'\272\370\003\260\122\356\260\376\346\144\364'
flat ap_triple "$aps"'\017\001\036\000\040\314'
run() { vmctl run --exit-port 0xf4 --flat "$tmp/$@" 2>"$tmp/err" </dev/null; }

echo "1..104"

# Wrong usage
bad 2 "nothing to run"
bad 2 "unrecognized option '--bogus'" --bogus
bad 2 "requires an argument" --kernel
bad 2 "x: not an option" --kernel $kernel x
bad 2 "goes without" --flat "$tmp/halt" --kernel $kernel
bad 2 "not a size" --kernel $kernel --mem 0
bad 2 "not a size" --kernel $kernel --mem much
bad 2 "not a size" --kernel $kernel --mem -1M
bad 2 "not a size" --kernel $kernel --mem 5000K1
bad 2 "not a size" --kernel $kernel --mem 1025K
bad 2 "use 4K, 2M or 1G" --kernel $kernel --mem-pages 3M
bad 2 "give a file" --kernel $kernel --mem-path ""
bad 2 "are its file system's" --kernel $kernel --mem-path "$tmp/x" --mem-pages 2M
bad 2 "only private memory" --kernel $kernel --mem-path memfd --mem-merge
bad 2 "at most 64 CPUs" --kernel $kernel --cpus 65
bad 2 "not a number of CPUs" --kernel $kernel --cpus 0
bad 2 "not a number of CPUs" --kernel $kernel --cpus -1
bad 2 "not a number of CPUs" --kernel $kernel --cpus two
bad 2 "not a number of CPUs" --kernel $kernel --cpus sockets=2,dies=2
bad 2 "are not 4 CPUs" --kernel $kernel --cpus 4,sockets=3
bad 2 "65535 are too many" --kernel $kernel --cpus sockets=4096,cores=4096,threads=4096
bad 2 "at most 64 CPUs" --kernel $kernel --cpus sockets=8,cores=4,threads=3
bad 2 "APIC IDs up to 80" --kernel $kernel --cpus sockets=3,cores=17
bad 2 "unknown model epic" --kernel $kernel --cpu epic
bad 2 "unknown flag sse5" --kernel $kernel --cpu host,-avx,+sse5
bad 2 "put + or - before the flag avx" --kernel $kernel --cpu host,avx
bad 1 "this host lacks avx512f" --kernel $kernel --cpu +avx512f
bad 1 "sse4a needs sse3" --kernel $kernel --cpu -sse3,+sse4a
bad 2 "not a name" --kernel $kernel --name 'a b'
bad 2 "not a name" --kernel $kernel --name aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
bad 2 "not a port" --kernel $kernel --exit-port 65536
bad 2 "use stdio" --kernel $kernel --console screen
bad 2 "another one has this tag; say tag=" --kernel $kernel --share /root --share "$tmp"
# Its contents, unit/vmctl_config has; here, that the real table is read, and merged.
echo '{"kernel": "'$kernel'", "mem": 0}' >"$tmp/config"
bad 2 "$tmp/config: \"mem\": 0: not a size" --config "$tmp/config"
echo '{"kernal": "x"}' >"$tmp/config.bad"
bad 2 "unknown key \"kernal\"; do you mean \"kernel\"" --config "$tmp/config.bad"
bad 1 "cannot open the configuration $tmp/missing" --config "$tmp/missing"
bad 1 "cannot read the configuration $tmp: Is a directory" --config "$tmp"
vmctl run --config "$tmp/config" --mem 1G --no-reboot --print-config >"$tmp/out" 2>"$tmp/err"
result "$? $(tr -d ' \n' <"$tmp/out")" \
	"0 {\"kernel\":\"$kernel\",\"mem\":\"1G\",\"no-reboot\":true}" "the command line wins"
vmctl bogus 2>"$tmp/err"
result $? 2 "an unknown command"
vmctl run --help >"$tmp/out" 2>"$tmp/err"
status=$?
missing=
for option in kernel initrd append mem cpus cpu disk net share vsock virtio-console serial-port rng \
	      balloon watchdog pvpanic vga device name console no-reboot no-sandbox exit-port config; do
	grep -q -e "^  --$option\\>" "$tmp/out" || missing="$missing $option"
done
result "$status$missing $(wc -c <"$tmp/err")" "0 0" "--help names every option, on stdout"
vmctl help run | cmp -s - "$tmp/out" && vmctl help stop | grep -q '^usage: vmctl stop ' &&
	vmctl help help | grep -q '^usage: vmctl COMMAND' && ! vmctl help bogus 2>"$tmp/err" &&
	grep -q 'bogus: no such command' "$tmp/err" && ! vmctl help run stop 2>"$tmp/err" &&
	grep -q 'of one command at a time' "$tmp/err"
result $? 0 "help of a command is what its --help says"

# Files
head -c 4096 /dev/zero >"$tmp/image"
ln "$tmp/image" "$tmp/linked"
bad 1 "linked: the VM has it already, as $tmp/image; both can only be if both say readonly=on" \
	--kernel $kernel --disk "$tmp/image,readonly=on" --disk "$tmp/linked"
head -c 9000000 $kernel >"$tmp/truncated"
cp $kernel "$tmp/old"
printf '\001' | dd of="$tmp/old" bs=1 seek=518 conv=notrunc 2>/dev/null
bad 1 "cannot open the kernel $tmp/missing" --kernel "$tmp/missing"
bad 1 "kernel's file name is empty; give one" --kernel ""
bad 1 "not a regular file" --kernel /dev
bad 1 "is a program for an operating system" --kernel /bin/busybox
bad 1 "spin is of a kind that is not known here; a kernel is a bzImage" --kernel "$tmp/spin"
bad 1 "is truncated" --kernel "$tmp/truncated"
bad 1 "old is too old (boot protocol 2.01)" --kernel "$tmp/old"
rm "$tmp/truncated" "$tmp/old"
bad 1 "cannot open the initrd $tmp/missing" --kernel $kernel --initrd "$tmp/missing"
bad 1 "initrd's file name is empty; give one" --kernel $kernel --initrd ""
: >"$tmp/empty"
bad 1 "empty is empty" --kernel $kernel --initrd "$tmp/empty"
truncate -s 300M "$tmp/huge"
bad 1 "too large" --kernel $kernel --initrd "$tmp/huge"
rm "$tmp/huge"
bad 1 "takes at most 2047" --kernel $kernel --append "$(head -c 2048 /dev/zero | tr '\0' x)"
bad 1 "too little" --kernel $kernel --mem 16M
bad 1 "more than this host has" --kernel $kernel --mem 1000G
bad 1 "the console: cannot open" --kernel $kernel --console file:/nonexistent/x
bad 1 "port of a device" --flat "$tmp/halt" --exit-port 0x3f8

# Permission, and no module at all
chmod 755 "$tmp"
chmod 660 /dev/svmm
vmctl=$(command -v vmctl)
su nobody -s /bin/sh -c "$vmctl run --flat $tmp/halt" 2>"$tmp/err" </dev/null
result "$? $(grep -c '^vmctl: .*no permission.*group' "$tmp/err")" "1 1" "no permission"
rmmod svmm
bad 1 "not loaded; run: modprobe svmm" --flat "$tmp/halt"
vmctl check >"$tmp/out" 2>"$tmp/err"
result "$? $(grep -c 'not loaded' "$tmp/out")" "1 1" "check: no module"
insmod "out/modules/$(uname -r)/svmm.ko"
vmctl check >"$tmp/out" 2>"$tmp/err"
result "$? $(tail -n 1 "$tmp/out")" "0 This machine can run guests." "check: all is well"

# How guests end
run exit42
result $? 106 "the exit port"
run exit99
result $? 99 "the exit port counts six bits"
run poweroff
result $? 0 "power-off"
run reboot --no-reboot >"$tmp/out"
result "$? $(cat "$tmp/out")" "0 R" "--no-reboot"
run triple
result "$? $(grep -c 'triple fault' "$tmp/err")" "3 1" "a triple fault"
run hole --mem 1M
result "$? $(grep -c 'neither memory nor a device' "$tmp/err")" "127 1" \
	"a hole reads all ones, and is reported once"
run nowhere
result "$? $(grep -c 'where it has no memory' "$tmp/err") $(grep -c RIP "$tmp/err")" "3 1 1" \
	"a jump into nowhere, with registers"

run ap_exit42 --cpus 4
result $? 106 "the exit port, by any of four CPUs"
run ap_poweroff --cpus 8
result $? 0 "power-off, by any of eight"
run ap_triple --cpus 4
result "$? $(grep -c 'triple fault' "$tmp/err") $(grep vmctl: "$tmp/err" | grep -vc sandbox)" "3 1 1" \
	"a triple fault on a second CPU is told once"
run ap_exit42 --cpus 64
result $? 106 "64 CPUs"
run ap_exit42 --cpus sockets=2,cores=3,threads=5 --cpu opteron-g3,+x2apic
result $? 106 "sockets of cores of threads"

# await COMMAND ...: wait for it to succeed, for 20 s at most
await()
{
	for i in $(seq 200); do
		! "$@" || return 0
		usleep 100000
	done
	echo "# waited in vain: $*"
	return 1
}
in_use() { [ "$(cat /sys/module/svmm/refcnt)" != 0 ]; }
two_boots() { grep -q '^RR' "$tmp/out"; }
many_boots() { [ "$(wc -c <"$tmp/out")" -gt 3 ]; }
printed() { [ -s "$tmp/out" ]; }

# Signals. A shell lets its background jobs ignore SIGINT; vmctl must take it all the same.
# after_signal SIGNAL WHEN GUEST: its status; WHEN is a time in microseconds, or a condition
cpus=1
after_signal()
{
	: >"$tmp/out"
	vmctl run --cpus $cpus --flat "$tmp/$3" 2>"$tmp/err" >"$tmp/out" </dev/null &
	pid=$!
	case $2 in
	[0-9]*) usleep "$2" ;;
	*) await "$2" >&2 ;;
	esac
	kill -"$1" $pid
	wait $pid
	status=$?
	unused || status="$status and a VM that stayed"
	echo "$status"
}
for guest in spin halt chatter reboot; do
	result "$(after_signal TERM in_use $guest)" 143 "SIGTERM: $guest"
	result "$(after_signal INT in_use $guest)" 130 "SIGINT: $guest"
	result "$(after_signal KILL in_use $guest)" 137 "SIGKILL: $guest"
done
result "$(after_signal TERM two_boots reboot)" 143 "a reboot starts the guest again"
two_boots
result $? 0 "and it runs"
cpus=4
for signal in TERM-143 INT-130 KILL-137; do
	result "$(after_signal ${signal%-*} in_use ap_spin)" ${signal#*-} "SIG${signal%-*}: four CPUs"
done
result "$(after_signal TERM many_boots ap_reboot)" 143 "a reboot by any of four CPUs, and again"
cpus=1
seen=
for delay in 310000 320000 330000 340000 350000 360000 370000; do
	seen="$seen $(after_signal TERM $delay reboot)"
done
result "$(echo "$seen" | tr ' ' '\n' | sort -u | tr '\n' ' ')" " 143 " \
	"a signal that meets a reboot"
seen=
for delay in 1000 5000 10000 15000 20000 30000 40000 60000 80000 120000; do
	seen="$seen $(after_signal TERM $delay spin) $(after_signal KILL $delay spin)"
done
result "$(echo "$seen" | tr ' ' '\n' | sort -u | tr '\n' ' ')" " 137 143 " \
	"signals at any moment of the start"

# The console
run exit42 --console "file:$tmp/file"
result "$? $(wc -c <"$tmp/file")" "106 0" "a file as the console"
run reboot --no-reboot --console "file:$tmp/file"
result "$? $(cat "$tmp/file")" "0 R" "it gets the output"
run reboot --no-reboot --console none >"$tmp/out"
result "$? $(wc -c <"$tmp/out")" "0 0" "no console"
run poweroff --console pty
result "$? $(grep -c 'console is /dev/pts/' "$tmp/err")" "0 1" "a pty as the console"
{ run chatter; echo $? >"$tmp/status"; } | head -c 10 >"$tmp/out"
result "$(cat "$tmp/status" "$tmp/out") $(grep -c 'reader is gone' "$tmp/err")" "1
UUUUUUUUUU 1" "a reader of stdout that goes away"
run exit42 >/dev/full
result $? 106 "an output that nothing was written to"
run reboot --no-reboot >/dev/full
result "$? $(grep -c 'No space left' "$tmp/err")" "1 1" "an output that is full"

# Names, stdin
: >"$tmp/out"
vmctl run --name twin --flat "$tmp/chatter" </dev/null 2>"$tmp/err1" >"$tmp/out" &
pid=$!
await printed
vmctl run --name twin --flat "$tmp/exit42" --exit-port 0xf4 </dev/null 2>"$tmp/err"
result "$? $(grep -c 'running VM of that name' "$tmp/err")" "1 1" "a name that is taken"
vmctl run --name other --flat "$tmp/exit42" --exit-port 0xf4 </dev/null 2>"$tmp/err"
result $? 106 "another name beside it"
kill $pid
wait $pid
vmctl run --name twin --flat "$tmp/exit42" --exit-port 0xf4 <&- 2>"$tmp/err"
result $? 106 "the name is free again, and stdin may be closed"

exit $failed
