# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# What test scripts share; they source it: a directory $tmp that goes with them, after clean(), and
# results in TAP. $shown names the files in $tmp that a failure prints.

tmp=$(mktemp -d)
n=0
failed=0
shown="out err"
clean() { :; }
trap 'clean; rm -rf "$tmp"' EXIT

# result STATUS NAME
result()
{
	n=$((n + 1))
	[ "$1" -eq 0 ] && { echo "ok $n $2"; return; }
	for file in $shown; do
		[ ! -e "$tmp/$file" ] || tail -n 30 "$tmp/$file" | cut -c1-160 | sed 's/^/# /'
	done
	echo "not ok $n $2"
	failed=1
}
