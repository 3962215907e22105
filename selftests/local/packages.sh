#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 1800
# only: check-long
#
# Debian's packages, in chroots of a Debian 12 that has its minimum, and headers of its kernel: in one
# they are built, without a network; in the other dkms builds the module, the next version takes the
# place of this one, and what is purged has left nothing.
#
# The script runs itself in the chroots. They are overlays of the cache's, so the next time it is as
# it was. What they have in common is in /tmp/packages.

. selftests/lib/tap.sh

# The packages of svmm in DIR, without their debugging symbols
debs() { find "$PWD/$1" -name '*.deb' ! -name '*-dbgsym_*' | sort; }

# All files, but those in which Debian's tools keep what they know, and the key that dkms makes
everything()
{
	find / -xdev \( -path /tmp -o -path /proc -o -path /dev -o -path /run -o -path /var/log -o \
		-path /var/cache -o -path /var/lib/apt -o -path /var/lib/dpkg \) -prune -o -print |
		grep -vE '^/(usr/)?lib/modules/[^/]*/modules\.|^/var/lib/dkms/mok\.|^/etc/g?shadow-$' |
		grep -vE '^/etc/(passwd|group)-$' | sort
}

put() { apt-get -y install $(debs "$1") >"$tmp/out" 2>"$tmp/err"; }

# module VERSION: dkms has built, signed and installed this one, and no other
module()
{
	{ dkms status; modinfo -k "$kernel" svmm; } >"$tmp/out" 2>"$tmp/err"
	[ "$(dkms status svmm)" = "svmm/$1, $kernel, x86_64: installed" ] &&
		[ "$(modinfo -k "$kernel" -F version svmm)" = "$1" ] &&
		[ "$(modinfo -k "$kernel" -F filename svmm)" = "/lib/modules/$kernel/updates/dkms/svmm.ko" ] &&
		[ "$(modinfo -k "$kernel" -F signer svmm)" = "DKMS module signing key" ] &&
		modinfo -k "$kernel" -F vermagic svmm | grep -q "^$kernel " &&
		[ "$(ls -d /usr/src/svmm-*)" = "/usr/src/svmm-$1" ]
}

# build NAME VERSION: the packages of ./tree as if it were that version, into ./NAME
build()
{
	cp -r tree "$tmp/tree"
	sed -i "1s/(.*)/($2)/" "$tmp/tree/debian/changelog"
	unshare --net "$tmp/tree/scripts/build-deb" >"$tmp/out" 2>"$tmp/err" &&
		cp -r "$tmp/tree/out/deb" "$1"
	status=$?
	rm -rf "$tmp/tree"
	return $status
}

# In one chroot
building()
{
	version=$1
	n=1
	apt-get update >"$tmp/out" 2>"$tmp/err" &&
		apt-get -y build-dep ./tree >"$tmp/out" 2>"$tmp/err"
	result $? "what building them depends on can be installed"
	build this "$version"
	result $? "the packages"
	build next "$version.1"
	result $? "those of the next version"
	exit $failed
}

# In the other
installing()
{
	version=$1
	kernel=$(ls /lib/modules)
	n=5
	apt-get update >"$tmp/out" 2>"$tmp/err" &&
		apt-get -s -o APT::Install-Recommends=true install $(debs this) >"$tmp/out" \
			2>"$tmp/err" &&
		[ "$(grep -cE '^Inst (libnbd0|libslirp0|qemu-utils) ' "$tmp/out")" = 3 ]
	result $? "what they recommend can be had"
	# dkms signs with the key that openssl makes; the headers bring a compiler, but no cc.
	apt-get -s install $(debs this) >"$tmp/out" 2>"$tmp/err" &&
		others=$(sed -n 's/^Inst \([^ ]*\) .*/\1/p' "$tmp/out" | grep -vx "$names") &&
		apt-get -y install openssl gcc $others >"$tmp/out" 2>"$tmp/err"
	result $? "what they depend on can be installed"
	everything >before

	put this
	result $? "they can be installed"
	module "$version"
	result $? "dkms has built the module for the kernel's headers"
	[ "$(vmctl --version)" = "vmctl $version" ] && getent group svmm >/dev/null &&
		[ -e /usr/share/man/man1/vmctl.1.gz ] && [ -e /usr/share/man/man4/svmm.4.gz ] &&
		[ -e /lib/udev/rules.d/60-svmm.rules ]
	result $? "vmctl starts; the group, the rule and the manuals are there"
	cc -Wall -Werror /usr/share/doc/libsvmm-dev/examples/hello.c -lsvmm -o /tmp/hello \
		>"$tmp/out" 2>"$tmp/err"
	result $? "the example compiles"

	put next
	result $? "the next version can be installed"
	module "$version.1" && [ "$(vmctl --version)" = "vmctl $version.1" ]
	result $? "its module has taken the place of the other"

	apt-get -y remove $names >"$tmp/out" 2>"$tmp/err" && ! modinfo -k "$kernel" svmm 2>/dev/null &&
		[ -z "$(dkms status svmm)" ] && [ -e /etc/modprobe.d/svmm-dkms.conf ]
	result $? "removed: there is no module, and what can be edited stays"
	dpkg --purge $names >"$tmp/out" 2>"$tmp/err"
	result $? "they can be purged"
	everything >after
	diff before after >"$tmp/out"
	result $? "nothing is left"
	exit $failed
}

names='svmm-dkms
vmctl
libsvmm-dev'
export DEBIAN_FRONTEND=noninteractive
case ${1:-} in
building | installing) "$1" "$2" ;;
esac

[ "$(id -u)" -eq 0 ] || { echo "1..0 # SKIP it takes root"; exit 4; }
echo "1..16"
scripts/setup bookworm >"$tmp/out" 2>&1
result $? "a chroot of Debian 12"
base=${SVMM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/svmm}/bookworm

# in_chroot WHAT: this script's function of that name, in a chroot of its own
in_chroot()
{
	mkdir -p "$tmp/$1/work" "$tmp/$1/root" "$tmp/$1/upper/etc/apt" "$tmp/$1/upper/tmp/packages"
	cp -L /etc/resolv.conf "$tmp/$1/upper/etc"
	cp -r /etc/apt/apt.conf.d "$tmp/$1/upper/etc/apt"
	unshare --mount --pid --fork --kill-child sh -euc '
		cd "$1"
		mount -t overlay -o "lowerdir=$2,upperdir=upper,workdir=work" overlay root
		mount -t proc proc root/proc
		mount --rbind /dev root/dev
		mount --bind "$3" root/tmp/packages
		TMPDIR=/tmp exec chroot root sh -c "cd /tmp/packages && exec ./packages.sh $4 $5"' \
		sh "$tmp/$1" "$base" "$share" "$1" "$version"
}
share=$tmp/share
version=$(scripts/version)
mkdir -p "$share/selftests/lib" "$share/tree"
tar -c --exclude-vcs --exclude=./out . | tar -x -C "$share/tree"
cp selftests/lib/tap.sh "$share/selftests/lib"
cp "$0" "$share"

in_chroot building || failed=1
lintian --allow-root --fail-on error,warning "$share"/this/*.changes >"$tmp/out" 2>&1
status=$?
n=4
result $status "lintian finds neither errors nor warnings"
in_chroot installing || failed=1
exit $failed
