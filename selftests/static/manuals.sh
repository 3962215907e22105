#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The manual pages are clean, and they and the completion know every command, option and parameter
# that there is.

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0
failed=0
result()
{
	n=$((n + 1))
	[ -s "$tmp/bad" ] || { echo "ok $n $1"; return; }
	sed 's/^/# /' "$tmp/bad"
	echo "not ok $n $1"
	failed=1
}

echo "1..6"
mandoc -T lint -W warning docs/*.[0-9] >"$tmp/bad" 2>&1
result "mandoc finds nothing to say"

mandoc -T ascii docs/vmctl.1 2>/dev/null | col -b >"$tmp/vmctl"
mandoc -T ascii docs/svmm.4 2>/dev/null | col -b >"$tmp/svmm"
commands=$(out/vmctl help | sed -n 's/^  \([a-z]*\) .*/\1/p')
: >"$tmp/bad"
[ "$(echo "$commands" | wc -l)" -ge 10 ] || echo "vmctl help tells too little" >"$tmp/bad"
for command in $commands; do
	grep -q "^ *vmctl $command" "$tmp/vmctl" || echo "vmctl(1) lacks $command"
done >>"$tmp/bad"
result "vmctl(1) has all commands"

options=$(for command in $commands; do
	[ "$command" = check ] || [ "$command" = help ] ||
		out/vmctl "$command" --help | grep -oE '(^| |\[)--[a-z-]+' | grep -oE -- '--.*' |
		sed "s/^/$command /"
done | sort -u)
[ "$(echo "$options" | wc -l)" -ge 30 ] && : >"$tmp/bad" || echo "$options" >"$tmp/bad"
while read -r command option; do
	grep -qE -- "(^|[^-a-z])$option([^-a-z]|$)" "$tmp/vmctl" || [ "$option" = --help ] ||
		echo "vmctl(1) lacks $command $option"
done <<<"$options" >>"$tmp/bad"
result "vmctl(1) has all options"

# What the completion offers: complete COMMAND [WORD]
complete_words()
{
	bash -c '. scripts/vmctl.bash-completion
		COMP_WORDS=(vmctl "$@"); COMP_CWORD=$#; _vmctl; printf "%s\n" "${COMPREPLY[@]}"' \
		completion "$@"
}
diff <(complete_words "" | sort) <(echo "$commands" | sort) >"$tmp/bad"
result "the completion has the commands, and no others"
for command in $(echo "$options" | cut -d' ' -f1 | uniq); do
	diff <(complete_words "$command" -- | sort) \
		<( (echo "$options" | sed -n "s/^$command //p"; echo --help) | sort -u) |
		sed "s/^/$command: /"
done >"$tmp/bad"
result "and their options"

modinfo -F parm out/modules/*/svmm.ko | sed 's/:.*//' | sort -u >"$tmp/parameters"
[ "$(wc -l <"$tmp/parameters")" -ge 15 ] && : >"$tmp/bad" || cp "$tmp/parameters" "$tmp/bad"
while read -r parameter; do
	grep -qw "$parameter" "$tmp/svmm" || echo "svmm(4) lacks $parameter"
done <"$tmp/parameters" >>"$tmp/bad"
result "svmm(4) has all parameters"
exit $failed
