#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# svmm.ko takes nothing from the kernel but what selftests/symbols.allow lists, on every kernel
# that it was built for, and takes nothing behind the kernel's back. Kernels whose compiler flags or
# lock macros call functions of their own accord (debug, rt) say nothing about the sources.

allow=selftests/symbols.allow
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0
failed=0
result()
{
	n=$((n + 1))
	[ "$1" ] || { echo "ok $n $2"; return; }
	echo "$1" | sed 's/^/# /'
	echo "not ok $n $2"
	failed=1
}

# unlisted KO LIST: what KO needs and LIST does not have
unlisted()
{
	sed 's/#.*//' "$2" | tr -s ' \t' '\n' | sed '/^$/d; s/\./\\./g; s/\*$/.*/' >"$tmp/patterns"
	nm -u "$1" | awk '{ print $2 }' | grep -vxE -f "$tmp/patterns"
}

# Functions that find or change what is not exported.
tricks()
{
	grep -rnE 'kallsyms|kprobe|kretprobe|fprobe|ftrace_set|__symbol_(get|put)|text_poke|set_memory_|native_write_cr[04]|MODPOST_WARN' "$@"
}

set --
for ko in out/modules/*/svmm.ko; do
	case $ko in *-debug-* | *-rt-*) ;; *) set -- "$@" "$ko" ;; esac
done
[ -e "${1:-}" ] || { echo "1..0 # SKIP svmm.ko is not built"; exit 4; }
echo "1..$(($# + 3))"
for ko; do
	result "$(unlisted "$ko" $allow)" "$(basename "$(dirname "$ko")")"
done
grep -v '^misc_register' $allow >"$tmp/allow"
found=$(unlisted "$1" "$tmp/allow" | grep -cx -e misc_register -e misc_deregister)
[ "$found" = 2 ] && found= || found="noticed $found of 2 symbols"
result "$found" "a line that is missing from the list is noticed"

result "$(tricks module Kbuild Makefile scripts/build-module)" "no way around the exports"
echo 'addr = kallsyms_lookup_name("init_mm");' >"$tmp/trick.c"
found=$(tricks "$tmp/trick.c")
[ "$found" ] && found= || found="the pattern finds nothing"
result "$found" "and one would be noticed"
exit $failed
