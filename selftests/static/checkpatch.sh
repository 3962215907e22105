#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 300
#
# The kernel's own style check, --strict, has nothing to say about any C file of ours. Of a file that
# it had nothing to say about once, it is not asked again: the user's cache has the hash of the file,
# its name, the question and the program that answers it.

cache=${SVMM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/svmm}
checkpatch=$cache/source/scripts/checkpatch.pl
silent=$cache/checkpatch
[ -e "$checkpatch" ] || { echo "1..0 # SKIP scripts/setup source has not run"; exit 4; }

# FILES  TYPES  why these types are not asked there
accepted='
*			FILE_PATH_CHANGES	there is no MAINTAINERS file
*			MACRO_ARG_REUSE		a guess that is wrong for each list of X(...)
*			TYPO_SPELLING		takes British spelling for a mistake
module/compat.h		LINUX_VERSION_CODE,CONSTANT_COMPARISON,NEW_TYPEDEFS	the one file that compares versions
module/pure.h		COMPLEX_MACRO,PREFER_DEFINED_ATTRIBUTE_MACRO,VOLATILE	defines them for user space
module/trace.h		OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT,COMPLEX_MACRO	arguments of TRACE_EVENT() are sections
module/vcpu.c		YIELD			the guest asks for it, by KVM_HC_SCHED_YIELD
uapi/svmm_exits.h	COMPLEX_MACRO		lists of X(...)
module/svm/vmcb.h	COMPLEX_MACRO		lists of X(...)
module/svm/run.c	EMBEDDED_FUNCTION_NAME,SPACING	mnemonics and operands in inline assembly
uapi/*			BIT_MACRO		a header for user space has no BIT()
userspace/*		BIT_MACRO,PREFER_DEFINED_ATTRIBUTE_MACRO,PREFER_KERNEL_TYPES	kernel headers
userspace/*		ARRAY_SIZE,PREFER_FALLTHROUGH	kernel headers
userspace/*		SPLIT_STRING		messages of several lines are no log entries
selftests/*		BIT_MACRO,PREFER_DEFINED_ATTRIBUTE_MACRO,PREFER_KERNEL_TYPES	kernel headers
selftests/*		ARRAY_SIZE,PREFER_FALLTHROUGH,SPLIT_STRING	as above
selftests/*		COMPLEX_MACRO,VOLATILE	list macros; tests race with the kernel on purpose
selftests/*		EMBEDDED_FUNCTION_NAME	names of tests
userspace/bzimage.c	CAMELCASE		a name of Linux
selftests/unit/vmctl_boot.c	CAMELCASE	likewise
userspace/net_slirp.c	CAMELCASE		names of libslirp
userspace/symbols.c	CAMELCASE		names of libelf
userspace/elf_image.c	CAMELCASE		names of elf.h
userspace/file_kind.c	CAMELCASE		likewise
userspace/file_kind.c	STRING_FRAGMENTS	a hexadecimal digit would go on behind \\xfd
userspace/disas.c	CAMELCASE		names of Zydis
userspace/dump.c	CAMELCASE		names of ELF
userspace/tracing.c	VOLATILE		a signal handler sets it
userspace/virtqueue*	VOLATILE		what a hostile driver writes is read once
selftests/unit/vmctl_symbols.c	CAMELCASE	names of libelf
selftests/unit/elf_maker.h	CAMELCASE	names of elf.h
selftests/unit/vmctl_elf.c	CAMELCASE	likewise
selftests/unit/vmctl_boot.c	STRING_FRAGMENTS	as in file_kind.c
selftests/unit/decode*	CAMELCASE,SPACING	names of Zydis, __has_include
selftests/conformance/conform.h	NEW_TYPEDEFS	as wide as registers of the guest
selftests/fuzz/*	CAMELCASE,EMBEDDED_FILENAME	the names that libFuzzer calls; how to start them
selftests/unit/fuzz_*	CAMELCASE	likewise
selftests/*		AVOID_EXTERNS	labels of inline assembly
selftests/*		UNNECESSARY_PARENTHESES,UNNECESSARY_ELSE	matters of taste
scripts/*		PREFER_KERNEL_TYPES,ARRAY_SIZE	as above
'

files=$(find module uapi userspace selftests scripts examples -name '*.[ch]' -type f |
	grep -v ^selftests/guests/ | sort)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp" .checkpatch-camelcase.*' EXIT

mkdir -p "$silent"
program=$(cd "${checkpatch%/*}" && cat checkpatch.pl spelling.txt const_structs.checkpatch | sha256sum)

# question FILE OPTION ... : what checkpatch says, into $tmp
question()
{
	said=$tmp/$(echo "$1" | tr / ,)
	key=$({ echo "$program $*"; cat "$1"; } | sha256sum)
	key=$silent/${key%% *}
	shift
	if [ -e "$key" ]; then
		: >"$said"
	elif perl "$checkpatch" "$@" >"$said" 2>&1 && [ ! -s "$said" ]; then
		touch "$key"
	fi
}

# ask EVERY FIRST: each EVERYth file from the FIRSTth on
ask()
{
	for f in $(echo "$files" | awk "NR % $1 == $2"); do
		ignore=$(echo "$accepted" | while read -r glob types why; do
			case $f in $glob) printf ',%s' "$types" ;; esac
		done)
		question "$f" --no-tree --strict --terse --show-types --no-summary \
			--max-line-length=100 "--ignore=${ignore#,}" -f "$f"
	done
}
cpus=$(nproc)
for i in $(seq 0 $((cpus - 1))); do ask "$cpus" "$i" & done
wait

echo "1..$(echo "$files" | wc -l)"
n=0
failed=0
for f in $files; do
	n=$((n + 1))
	out=$(cat "$tmp/$(echo "$f" | tr / ,)" 2>&1)
	if [ -z "$out" ]; then
		echo "ok $n $f"
	else
		echo "$out" | sed 's/^/# /'
		echo "not ok $n $f"
		failed=1
	fi
done
exit $failed
