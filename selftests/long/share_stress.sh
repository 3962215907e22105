#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 2700
# programs: /usr/lib/qemu/virtiofsd
#
# All that stress-ng does to file systems, in a shared directory, and a tree of files, links and
# directories that guest and host then read alike.
#
# Its stressors link and symlink are left out: whatever they have made, each instance then removes
# 8192 names, and asks the file system how long a name may be before each. In a shared directory that
# is 16384 requests to the host, some 12 ms each in the emulated one. So the tree has links instead.
# A file system by FUSE has no fiemap.

. selftests/lib/tap.sh
. selftests/lib/disk.sh
SECONDS_EACH=${SECONDS_EACH:-3}		# of 40 stressors, one after the other
clean() { kill -KILL $(jobs -p) 2>/dev/null; }

# sums: of all that is below the current directory, names, modes and links included
sums='{ find . | sort | xargs stat -c "%N %a %h"; find . -type f | sort | xargs md5sum; } |
	md5sum | cut -c1-32'

echo "1..6"
mkdir "$tmp/dir" "$tmp/dir/stress"
# The drivers of one, the programs of the other
cat out/guest/devices.img out/long/initrd.img >"$tmp/initrd"
{ cat; yes ''; } 2>/dev/null <<END | head -c 16384 >"$tmp/script"
mkdir /x
mount -t virtiofs host /x || exit
{ stress-ng --class filesystem --sequential 2 --timeout $SECONDS_EACH --verify --metrics-brief \\
	--exclude binderfs,bind-mount,dup,eventfd,procfs,fiemap,link,symlink --temp-path /x/stress \\
	--hdd-bytes 8M --iomix-bytes 8M --fallocate-bytes 8M --copy-file-bytes 128M \\
	--sync-file-bytes 8M --dentries 128 --dir-dirs 128 --chdir-dirs 128 2>&1
  echo stress \$?; } | grep -v 'setting to'
cp -a /lib/modules /x/tree
mkdir /x/tree/links
echo linked >/x/tree/links/file
for i in \$(seq 50); do
	ln /x/tree/links/file /x/tree/links/hard\$i
	ln -s hard\$i /x/tree/links/soft\$i
done
rm /x/tree/links/*5
sync
echo 3 >/proc/sys/vm/drop_caches
cd /x/tree && echo tree \$($sums)
cd / && umount /x
echo umount \$?
dmesg -r | sed -n 's/^<[0-3]>/kernel: /p'
END

vmctl run --kernel out/guest/vmlinuz --initrd "$tmp/initrd" --mem 512M --cpus 2 \
	--append "console=ttyS0 quiet svmm.quiet svmm.run=\"sh /dev/vda\"" \
	--disk "$tmp/script,readonly=on" --share "$tmp/dir,sandbox=chroot" \
	>"$tmp/out" 2>"$tmp/err" </dev/null && said '^svmm.run: status 0'
result $? "a guest with a shared directory"
grep '^stress-ng: ' "$tmp/out" | grep -v '^stress-ng: metrc:' | sed 's/^/# /'
awk '/^stress-ng: metrc: .*miscellaneous/ { exit }
	/^stress-ng: metrc: .* [0-9]/ { n++; if ($5 > 0) done++; else nothing = nothing " " $4 }
	END { print "# " done + 0 " of " n + 0 " stressors have done something, not" nothing
		exit done < 20 }' \
	"$tmp/out"
result $? "stress-ng has its ways with it"
# 2 is a failure; 3 says that one of them lacks something, as fanotify does here.
case $(value stress) in
0|3) true ;;
*) false ;;
esac
result $? "and is content: status $(value stress)"
[ "$(value tree)" ] && [ "$(value tree)" = "$(cd "$tmp/dir/tree" && eval "$sums")" ]
result $? "host and guest read the same tree"
[ "$(value umount)" = 0 ] && [ -z "$(ls "$tmp/dir/stress")" ]
result $? "nothing is left of what was removed"
said '^umount 0' && ! said '^kernel: '
result $? "the guest's kernel has seen no error"
exit $failed
