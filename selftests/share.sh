#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 500
# hosts: epyc-6.1
# only: check-long
# programs: /usr/lib/qemu/virtiofsd
#
# --share: a directory of the host, by virtiofsd, under the guest's unmodified driver; also for the
# guest that comes after a reboot. What cannot be shared is told, so is a virtiofsd that has ended, and
# none stays behind.

. selftests/lib/tap.sh

# run TEXT [OPTION ...]: a guest that executes TEXT, whose lines are commands
run()
{
	text=$(echo "$1" | tr '\n' ';')
	shift
	vmctl run --kernel out/guest/vmlinuz --initrd out/guest/devices.img --mem 192M \
		--append "console=ttyS0 quiet svmm.quiet svmm.run=\"$text\"" "$@" \
		>"$tmp/out" 2>"$tmp/err" </dev/null
}
has() { tr -d '\r' <"$tmp/out" | grep -q -- "$1"; }
# They notice that vmctl has gone a moment later.
no_servers()
{
	for _ in $(seq 10); do
		pidof virtiofsd >/dev/null || return 0
		sleep 1
	done
	return 1
}

echo "1..11"
mkdir "$tmp/dir" "$tmp/other"
echo "from the host" >"$tmp/dir/a"
dd if=/dev/urandom of="$tmp/dir/big" bs=1M count=4 2>/dev/null
sum=$(md5sum <"$tmp/dir/big")

# An initial RAM disk has no mount that virtiofsd could leave: chroot.
run "mkdir /x /y; mount -t virtiofs host /x; mount -t virtiofs second /y
	cat /x/a; md5sum </x/big; cp /x/big /x/copy; mkdir -p /x/d/e; echo back >/x/d/e/f
	mv /x/a /x/b; ln -s b /x/link; chmod 640 /x/b; truncate -s 1000 /x/copy; touch /y/there
	cat /x/../../etc/amdhost; umount /x; umount /y" \
	--cpus 2 --share "$tmp/dir,sandbox=chroot" \
	--share "$tmp/other,tag=second,sandbox=chroot,cache=none"
result $? "a guest with two shares"
has "^from the host$" && has "^${sum%% *}"
result $? "it reads what the host wrote"
[ "$(cat "$tmp/dir/d/e/f")" = back ] && [ -e "$tmp/other/there" ] && [ ! -e "$tmp/dir/a" ] &&
	[ "$(stat -c %a "$tmp/dir/b")" = 640 ] && [ "$(readlink "$tmp/dir/link")" = b ] &&
	[ "$(stat -c %s "$tmp/dir/copy")" = 1000 ]
result $? "the host sees what the guest did"
! has "PROJECT="
result $? "there is no way out of the directory"
no_servers
result $? "virtiofsd ends with vmctl"

rm -f "$tmp/dir/again"
run "mkdir /x; mount -t virtiofs host /x
	[ ! -e /x/again ] || echo second; [ -e /x/again ] || { touch /x/again; reboot -f; }; umount /x" \
	--share "$tmp/dir,sandbox=chroot"
[ $? -eq 0 ] && has "^second"
result $? "after a reboot it is there again"

run "mkdir /x; mount -t virtiofs host /x; touch /x/up; while :; do echo >/x/busy; done" \
	--share "$tmp/dir,sandbox=chroot" &
guest=$!
for _ in $(seq 120); do [ ! -e "$tmp/dir/busy" ] || break; sleep 1; done
kill -KILL "$(pidof vmctl)"
wait $guest
[ -e "$tmp/dir/busy" ] && no_servers
result $? "also if vmctl is killed"

zombies() { grep -l '^State:[[:space:]]*Z' /proc/[0-9]*/status 2>/dev/null; }
run "mkdir /x; mount -t virtiofs host /x; touch /x/there; sleep 1000" --name dead \
	--share "$tmp/dir,sandbox=chroot" &
guest=$!
for _ in $(seq 120); do [ ! -e "$tmp/dir/there" ] || break; sleep 1; done
vmctl inspect dead >"$tmp/before"
kill -KILL "$(pidof virtiofsd)"
for _ in $(seq 10); do
	vmctl inspect dead >"$tmp/after"
	! grep -q "^share .*has ended" "$tmp/after" || break
	sleep 1
done
grep -q "^share  *host, $tmp/dir$" "$tmp/before" &&
	grep -q "^share  *host, $tmp/dir; its virtiofsd has ended" "$tmp/after" && [ -z "$(zombies)" ]
result $? "who asks is told that it has ended, and there is no zombie"
vmctl stop --timeout 0 dead >/dev/null 2>&1
wait $guest

# refused TEXT OPTION ...: status 1 or 2, and TEXT
refused()
{
	wanted=$1
	shift
	run true "$@"
	[ $? -ge 1 ] && grep -q -- "$wanted" "$tmp/err" || { echo "# not: $wanted"; false; }
}
refused "No such file" --share "$tmp/none" && refused "it is no directory" --share "$tmp/dir/big"
result $? "what is no directory"
refused "keys are tag, cache and sandbox" --share "$tmp/dir,what=x" &&
	refused "tag has 1 to 36" --share "$tmp/dir,tag=" &&
	refused "cache is auto" --share "$tmp/dir,cache=maybe" &&
	refused "give a directory" --share ""
result $? "keys and values that are none"
mount --bind /bin/false /usr/lib/qemu/virtiofsd
refused "does not serve it" --share "$tmp/dir" && no_servers
result $? "a virtiofsd that fails"
umount /usr/lib/qemu/virtiofsd
exit $failed
