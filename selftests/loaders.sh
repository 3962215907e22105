#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# hosts: epyc-6.1 opteron-6.12
# timeout: 300
#
# Kernels of each kind boot. Small ones say on the serial port what they were handed, which is
# compared; Debian's kernel comes up by its 32-bit entry. Bare programs start in each mode.

. selftests/lib/tap.sh
guests=out/selftests/guests/loaders
kernel=out/guest/vmlinuz
initrd=out/guest/initrd.img
shown=out

# wants STATUS WANTED TEXT: stdout and stderr of the last guest are in $tmp/out
wants()
{
	[ "$1" = "$2" ] || echo "# got '$1', not '$2'"
	[ "$1" = "$2" ]
	result $? "$3"
}

# says NAME WHAT OPTIONS...: the guest says what is on stdin, and ends by itself
says()
{
	name=$1 what=$2
	shift 2
	cat >"$tmp/wanted"
	timeout 60 vmctl run --mem 64M --exit-port 0xf4 "$@" >"$tmp/out" 2>&1 </dev/null
	status=$?
	diff "$tmp/wanted" "$tmp/out" >"$tmp/diff" || sed 's/^/# /' "$tmp/diff"
	cmp -s "$tmp/wanted" "$tmp/out" || status="$status and other words"
	wants "$status" 106 "$name: $what"
}

# Debian's kernel to its user space: linux TEXT KERNEL
linux()
{
	timeout 100 vmctl run --kernel "$2" --initrd $initrd --mem 256M --no-reboot \
		--append 'console=ttyS0 quiet svmm.run="cat /proc/cmdline"' >"$tmp/out" 2>&1 </dev/null
	status=$?
	tr -d '\r' <"$tmp/out" | grep -q '^svmm.run: status 0$' || status="$status without user space"
	wants "$status" 0 "$1"
}

# mode NAME ADDRESS WANTED OPTIONS...: the program's value at the exit port tells its mode
mode()
{
	name=$1 address=$2 wanted=$3
	shift 3
	timeout 60 vmctl run --mem 4M --exit-port 0xf4 --flat "$tmp/modes@$address" "$@" \
		>"$tmp/out" 2>&1 </dev/null
	wants $? "$wanted" "a bare program in $name mode at $address"
}

head -c 5000 /dev/zero | tr '\0' a >"$tmp/first"
echo second >"$tmp/second"

echo "1..12"

says "PVH" "memory, command line, modules, RSDP" --kernel $guests/pvh.elf --append "one  two" \
	--initrd "$tmp/first" --module "$tmp/second its args" <<END
cpu 1 0 10 18
other than zero 0
magic 336ec578
version 1
cmdline one  two
memory 0 a0000 1
memory e0000 20000 2
memory 100000 3f00000 1
module 1388 76688 0 : 
module 7 286 0 : its args
rsdp good
end
END

for kind in multiboot multiboot_addresses; do
	says $kind "memory, command line, modules, text screen" --kernel $guests/$kind.elf \
		--append "one  two" --module "$tmp/first  a=b c" --module "$tmp/second" <<END
cpu 1 0 10 18
other than zero 0
magic 2badb002
flags 124d
lower 280
upper fc00
cmdline one  two
loader vmctl
memory 0 a0000 1
memory e0000 20000 2
memory 100000 3f00000 1
module 1388 76688 0 : a=b c
module 7 286 0 : 
screen b8000
width 50
type 2
end
END
done

says multiboot2 "memory, command line, modules, text screen, RSDP" \
	--kernel $guests/multiboot2.elf --append "one  two" --module "$tmp/first  a=b c" \
	--module "$tmp/second" <<END
cpu 1 0 10 18
other than zero 0
magic 36d76289
cmdline one  two
loader vmctl
module 1388 76688 0 : a=b c
module 7 286 0 : 
lower 280
upper fc00
memory 0 a0000 1
memory e0000 20000 2
memory 100000 3f00000 1
screen b8000
width 50
type 2
rsdp good
left 8
end
END

says "ELF of 32 bits" "protected mode" --kernel $guests/elf32.elf <<END
cpu 1 0 10 18
other than zero 0
data 12345678
end
END
says "ELF of 64 bits" "long mode, with all of 4 GiB" --kernel $guests/elf64.elf <<END
cpu 80000001 0 10 18
other than zero 0
data 123456789abcdef0
apic 10
end
END

timeout 60 vmctl run --mem 64M --exit-port 0xf4 --kernel $guests/elf64.elf \
	--module "$tmp/first" >"$tmp/out" 2>&1 </dev/null
status=$?
grep -q "takes no modules" "$tmp/out" || status="$status without a message"
wants "$status" 1 "a module for who has none is refused"
timeout 60 vmctl run --mem 64M --kernel $guests/pvh.elf --module "$tmp/none x" >"$tmp/out" 2>&1 </dev/null
status=$?
grep -q "cannot open the module $tmp/none: No such file" "$tmp/out" || status="$status without a message"
wants "$status" 1 "a module that is not there"

# xor %eax, %eax; dec %eax or REX.W; inc %eax; mov $2, %cx, jmp . or mov $0xeb0002, %ecx;
# shr $16, %ecx; add %cl, %al; out %al, $0xf4; hlt: 0 in 16-bit code, EBh in 32-bit, ECh in 64-bit
printf '\061\300\110\377\300\271\002\000\353\000\301\351\020\000\310\346\364\364' >"$tmp/modes"
mode real 0x7c00 64
mode protected 0x200000 107 --mode protected
mode long 0x3ff000 108 --mode long

# xloadflags: no 64-bit entry; relocatable_kernel: no
cp $kernel "$tmp/kernel"
for offset in 566 564; do
	printf '\000' | dd of="$tmp/kernel" bs=1 seek=$offset conv=notrunc 2>/dev/null
done
linux "Linux by its 32-bit entry, loaded at 1 MiB" "$tmp/kernel"
rm "$tmp/kernel"
exit $failed
