#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 3600
#
# The debug kernel sees what it is there for: in throw-away copies of the project the module is
# given one bug each, and a host that runs a test over it must not end well, for the right reason.

cd "$(dirname "$0")/../.." || exit
kver=$(scripts/setup kver debug) || exit
tmp=$(mktemp -d) || exit
trap 'rm -rf "$tmp"' EXIT
n=0
failed=0

# bites NAME REPORT FILE SED-COMMAND [TEST]: with that edit a run, of TEST too, reports REPORT
bites()
{
	n=$((n + 1))
	mkdir -p "$tmp/out/selftests"
	cp -r Kbuild module uapi scripts "$tmp"
	cp -r selftests "$tmp"
	cp -r out/selftests/guests out/selftests/modes "$tmp/out/selftests"
	sed -i "$4" "$tmp/$3"
	if cmp -s "$3" "$tmp/$3"; then
		echo "# the edit changes nothing in $3"
		status=0
	elif ! "$tmp/scripts/build-module" debug >"$tmp/log" 2>&1; then
		sed 's/^/# /' "$tmp/log"
		status=0
	else
		"$tmp/scripts/amdhost" --kernel debug --timeout 300 -- \
			selftests/run modes.c ${5:-} >"$tmp/log" 2>&1
		status=$?
	fi
	if [ $status != 0 ] && grep -Eq "$2" "$tmp/log"; then
		echo "ok $n $1"
	else
		echo "# status $status"
		tail -n 60 "$tmp/log" | sed 's/^/# /'
		echo "not ok $n $1"
		failed=1
	fi
	rm -rf "$tmp/module" "$tmp/selftests"
}

echo "1..6"
bites "memory that nobody frees" 'unreferenced object' module/vm.c \
	's/^\tkfree(vm);$//' debug/leaks.sh
bites "use after free" 'KASAN: (slab-)?use-after-free in vm_' module/vm.c \
	's/^\tkfree(vm);$/\tkfree(vm);\n\tWRITE_ONCE(vm->dead, true);/'
bites "a write past the end" 'KASAN: slab-out-of-bounds in vm_' module/vm.c \
	's/^\tkfree(vm);$/\t((volatile char *)vm)[sizeof(*vm)] = 0;\n\tkfree(vm);/'
bites "sleeping with interrupts off" 'sleeping function called from invalid context' \
	module/svm/cpu.c 's/^\tif (cpu->enabled)$/\tmight_sleep();\n&/'
bites "two locks in two orders" 'possible circular locking dependency' module/vm.c \
	's/^\tlist_del(&vm->list);$/\tmutex_lock(\&vm->lock);\n&\n\tmutex_unlock(\&vm->lock);/
	s/^\tkfree(vm);$/\tmutex_lock(\&vm->lock);\n\tmutex_lock(\&vm_list_lock);\n\tmutex_unlock(\&vm_list_lock);\n\tmutex_unlock(\&vm->lock);\n&/'
bites "a shift that is too far" 'UBSAN: shift-out-of-bounds' module/vm.c \
	's/^\tkfree(vm);$/\tWRITE_ONCE(vm->nr_vcpus, 1U << (32 + vm->nr_vcpus));\n\tkfree(vm);/'
exit $failed
