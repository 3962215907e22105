#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Bug classes 21 and 22, in svm_enter()'s object code: after VMRUN every general register that held
# a guest's value is overwritten before the host runs on; the place of the return stack's filling
# is before the first RET and has its alternative; nothing in the window is an indirect call or jump.

n=0
failed=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

result()
{
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n $2"
	else
		sed 's/^/# /' "$tmp/code"
		echo "not ok $n $2"
		failed=1
	fi
}

check()
{
	objdump -dr --no-show-raw-insn "$1" >"$tmp/all"
	awk '/^[0-9a-f]+ <.*>:$/ { on = /<svm_enter>:$/ } on' "$tmp/all" >"$tmp/code"
	sed '1,/\tvmrun/d' "$tmp/code" >"$tmp/after"
	# behind the last store of a guest's register, up to the return
	tac "$tmp/after" | sed '/mov .*%r15,0x[0-9a-f]*(%rax)/,$d' | tac >"$tmp/restore"

	grep -q '	vmrun' "$tmp/code"
	result $? "$2: svm_enter has VMRUN"
	for reg in ax cx dx bx bp si di; do
		grep -Eq "xor +%[er]$reg,%[er]$reg\$|pop +%r$reg\$" "$tmp/restore"
		result $? "$2: r$reg is overwritten"
	done
	for reg in 8 9 10 11 12 13 14 15; do
		grep -Eq "xor +%r${reg}d?,%r${reg}d?\$|pop +%r$reg\$" "$tmp/restore"
		result $? "$2: r$reg is overwritten"
	done

	# In the module's file a jump leads around the filling, which the kernel may patch to a NOP.
	tr -s '\t ' '  ' <"$tmp/restore" | awk '
		/: ret/ { exit }
		/: call / { calls++; next }
		/: int3/ { next }
		calls == 32 && /: add \$0x100,%rsp/ { filled = 1 }
		{ calls = 0 }
		END { exit !filled }'
	result $? "$2: there is code that fills the return stack"
	hole=$(sed -n '/\tret/q; /\tjmp.*<svm_enter/ { s/^ *\([0-9a-f]*\):.*/\1/p; q }' "$tmp/restore")
	[ "$hole" ] && readelf -rW "$1" | sed -n '/altinstructions/,/^$/p' |
		grep -q "\.text + $hole\$"
	result $? "$2: it goes between VMRUN and the first RET"

	sed '/\tret/q' "$tmp/restore" | grep -q '	wrmsr'
	result $? "$2: SPEC_CTRL is the host's before the first RET"

	! grep -Eq '(call|jmp) +\*' "$tmp/code"
	result $? "$2: no indirect call or jump"
	! grep -Eq '	int  *\$' "$tmp/code"
	result $? "$2: no software interrupt"
}

echo "TAP version 13"
for ko in out/modules/*/svmm.ko; do
	[ ! -f "$ko" ] || check "$ko" "$(basename "$(dirname "$ko")")"
done
[ "$n" -gt 0 ] || { echo "1..0 # SKIP svmm.ko is not built"; exit 4; }
echo "1..$n"
exit "$failed"
