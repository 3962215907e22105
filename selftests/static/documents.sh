#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The documents: links lead somewhere, the README shows the example and vmctl's help as they are (of the
# latter, parts), troubleshooting.md quotes messages as the sources have them, and has each one with which the module refuses to work.

. selftests/lib/tap.sh
doc=docs/troubleshooting.md

# The sources' strings: literals that follow one another are one, a conversion is `...`.
cat module/*.c module/*/*.c userspace/*.c userspace/devices/*.c | tr '\n\t' '  ' |
	sed -E 's/" SVMM_DEVICE "/\/dev\/svmm/g; s/" SVMM_DEVICE/\/dev\/svmm"/g; s/" *"//g; s/\\"/"/g' \
	>"$tmp/text"
cat scripts/insmod scripts/build-module >>"$tmp/text"

# quotes: what is quoted of vmctl, of the module and of scripts, one a line: the first column of the
# tables whose heads say whose messages they are.
quotes()
{
	awk '/^\| (vmctl says|`dmesg` says)/ { on = 1; next } !/^\|/ { on = 0 } on && !/^\|---/' "$1" |
		sed 's/\\|/\r/g; s/^| *\([^|]*\) |.*/\1/; s/\r/|/g' | grep -o '`[^`]*`' | tr -d '`'
}

# unknown DOC: quotes with a piece, between two `...`, that the sources do not have
unknown()
{
	quotes "$1" | grep -vx 'Killed' | while read -r quote; do
		echo "$quote" | sed 's/\.\.\./\n/g' | sed '/^[ :;]*$/d' | while read -r piece; do
			grep -qF -- "$piece" "$tmp/text" || echo "$quote: nobody says '$piece'"
		done
	done
}

# missing DOC: errors of the module that it does not have
missing()
{
	grep -ohE 'pr_err(_ratelimited)?\("[^%\\]*' module/*.c module/svm/c*.c |
		sed 's/^[^"]*"//; s/^svmm: //; s/ *$//' | sort -u | while read -r words; do
			grep -qF -- "$words" "$1" || echo "not in $1: $words"
		done
}

# links DIR: those of its documents to files that there are not, or to headings that these do not have
links()
{
	(cd "$1" && for file in *.md docs/*.md; do
		grep -oE '\]\([^)]+\)' "$file" | tr -d '])(' | while read -r link; do
			target=$(dirname "$file")/${link%%#*}
			[ "${link%%#*}" ] || target=$file
			case $link in
			*:*)	;;
			*#*)	[ -e "$target" ] && anchors "$target" | grep -qx "${link#*#}" ||
					echo "$file: $link" ;;
			*)	[ -e "$target" ] || echo "$file: $link" ;;
			esac
		done
	done)
}
anchors() { sed -n 's/^##* //p' "$1" | tr 'A-Z ' 'a-z-' | tr -cd 'a-z0-9\n-'; }

# shown README: its lines of C that the example does not have, in this order
shown()
{
	sed -n '/^## A guest of/,/^    # make examples/s/^    \([^#]\)/\1/p' "$1" | sed '/^$/d' \
		>"$tmp/shown"
	[ "$(wc -l <"$tmp/shown")" -ge 20 ] || echo "it shows nothing"
	expand examples/hello.c | sed '/^$/d' | diff - "$tmp/shown" | grep '^>'
}

# helped README: its lines of the help of `vmctl run` that the program does not have
helped()
{
	sed -n '/^    # vmctl run --help/,/^[^ ]/s/^    \([^#]\)/\1/p' "$1" | grep -v '^ *\.\.\.$' \
		>"$tmp/shown"
	[ "$(wc -l <"$tmp/shown")" -ge 15 ] || echo "it shows nothing"
	while read -r line; do
		grep -qF -- "$line\\n" "$tmp/text" || echo "not in the help: $line"
	done <"$tmp/shown"
}

echo "1..10"
links . >"$tmp/out"
[ ! -s "$tmp/out" ]
result $? "links lead to files and headings"
mkdir "$tmp/copy" && cp -r ./*.md docs "$tmp/copy" && echo '[x](docs/design.md#aim)' >"$tmp/copy/x.md"
[ "$(links "$tmp/copy" | grep -c '^x.md')" = 1 ]
result $? "one that does not is noticed"
shown README.md >"$tmp/out"
[ ! -s "$tmp/out" ]
result $? "README shows examples/hello.c"
sed 's/svmm_create_vm(svmm, "hello")/svmm_create_vm(svmm, "hallo")/' README.md >"$tmp/doc"
[ -n "$(shown "$tmp/doc")" ]
result $? "another line is noticed"
helped README.md >"$tmp/out"
[ ! -s "$tmp/out" ]
result $? "README shows vmctl's help"
sed 's/kernel to boot/kernel to start/' README.md >"$tmp/doc"
[ -n "$(helped "$tmp/doc")" ]
result $? "another word is noticed"
[ "$(quotes $doc | wc -l)" -ge 25 ] && unknown $doc >"$tmp/out" && [ ! -s "$tmp/out" ]
result $? "what it quotes, the sources say"
sed 's/choose another name/choose some name/' $doc >"$tmp/doc"
[ -n "$(unknown "$tmp/doc")" ]
result $? "another word is noticed"
missing $doc >"$tmp/out"
[ ! -s "$tmp/out" ]
result $? "it has every error of the module"
grep -v 'no nested paging' $doc >"$tmp/doc"
[ -n "$(missing "$tmp/doc")" ]
result $? "one that is missing is noticed"
exit $failed
