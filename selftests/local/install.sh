#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# make install and make uninstall: what README says is installed, with the modes that it needs, and
# nothing of it is left. Into a directory; then into this machine, under an overlay that goes with the
# test.

. selftests/lib/tap.sh

kver=$(scripts/setup kver 6.1)
root=$tmp/root
make() { command make -o all "$@" KVER=6.1 >"$tmp/out" 2>"$tmp/err"; }
installed() { (cd "$root" && find . ! -type d "$@" | sed 's/^\.//' | sort); }

# The table of README's section, a path a line: KVER stands for the release, * for any name.
promised()
{
	sed -n '/^### Installation/,/^###* [^I]/s/^| \(`.*`\) |.*/\1/p' README.md |
		grep -o '`[^`]*`' | tr -d '`'
}

# Files of neither list are printed, and paths of the README that there are none of.
compare()
{
	promised | sed "s,KVER,$kver,g; s,[.+],\\\\&,g; s,\*,[^/]*,g" >"$tmp/promised"
	[ -s "$tmp/promised" ] || echo "README promises nothing"
	installed | grep -vxE -f "$tmp/promised"
	while read -r path; do
		installed | grep -qxE "$path" || echo "not installed: $path"
	done <"$tmp/promised"
}

echo "1..11"
mkdir "$root"
(umask 077 && make install DESTDIR="$root")
result $? "make install DESTDIR="
compare >"$tmp/out"
[ ! -s "$tmp/out" ]
result $? "what README says is there, and nothing else"
[ "$(installed -perm 755)" = /usr/local/bin/vmctl ] && [ -z "$(installed ! -perm 755 ! -perm 644)" ] &&
	[ -z "$(find "$root" -type d ! -perm 755)" ]
result $? "everyone can read it, and vmctl alone is a program"
"${CC:-cc}" -Wall -Werror -I"$root/usr/local/include" -L"$root/usr/local/lib" -o "$tmp/hello" \
	examples/hello.c -lsvmm >"$tmp/out" 2>"$tmp/err" && [ -x "$tmp/hello" ]
result $? "the example compiles with what is installed"

"$root/usr/local/bin/vmctl" --version >"$tmp/out" 2>"$tmp/err"
[ "$(cat "$tmp/out")" = "vmctl $(scripts/version)" ] && [ "$(scripts/version)" ] &&
	[ "$(modinfo -F version "$root/lib/modules/$kver/extra/svmm.ko")" = "$(scripts/version)" ]
result $? "vmctl and the module say their version"

touch "$root/lib/modules/$kver/extra/other.ko" "$root/usr/local/include/svmm_other.h"
make uninstall DESTDIR="$root"
result $? "make uninstall DESTDIR="
installed >"$tmp/out"
[ "$(cat "$tmp/out")" = "/lib/modules/$kver/extra/other.ko
/usr/local/include/svmm_other.h" ]
result $? "nothing of it stays, and what is of others does"

# under STEPS: they run with the whole of this machine's /usr and /etc, whose changes are in
# $tmp/usr and $tmp/etc.
under()
{
	for dir in usr etc; do mkdir -p "$tmp/$dir" "$tmp/work/$dir"; done
	unshare --mount sh -euc '
		for dir in usr etc; do
			mount -t overlay -o "lowerdir=/$dir,upperdir=$0/$dir,workdir=$0/work/$dir" \
				overlay "/$dir"
		done
		kver=$1
		eval "$2"' "$tmp" "$kver" "$1" >"$tmp/out" 2>"$tmp/err"
}

if [ "$(id -u)" -ne 0 ] || ! under true; then
	for n in 8 9 10 11; do echo "ok $n # SKIP it takes root, and overlayfs"; done
	exit $failed
fi
under 'make -o all install KVER=6.1; modinfo -k "$kver" -F version svmm; getent group svmm' &&
	grep -q '^installed; to load it: modprobe svmm' "$tmp/out" &&
	grep -qxF "$(scripts/version)" "$tmp/out" && grep -q '^svmm:x:' "$tmp/out"
result $? "make install: depmod knows the module, and the group is there"
under 'make -o all uninstall KVER=6.1; getent group svmm; ! modinfo -k "$kver" svmm' &&
	grep -q '^uninstalled; the group svmm stays' "$tmp/out" && grep -q '^svmm:x:' "$tmp/out"
result $? "make uninstall: depmod does not, the group stays, and it says so"
under 'make -o all uninstall KVER=5.4.0-gone' && grep -q '^uninstalled; the group svmm stays' "$tmp/out"
result $? "of a kernel that has gone, too"
find "$tmp/usr" "$tmp/etc" -type f | grep -vE '/lib/modules/[^/]*/modules\.|/etc/(g?(group|shadow)-?|\.pwd\.lock)$' \
	>"$tmp/out"
[ ! -s "$tmp/out" ]
result $? "beside these, nothing has changed"
exit $failed
