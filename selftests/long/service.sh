#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 900
#
# VMs as units of systemd: Debian's own, of the disk that its guests have, runs in namespaces of its
# own with this host's device, and does with svmm@.service what an administrator does. What it sees
# is printed there and judged here.

. selftests/lib/tap.sh
. selftests/lib/debian.sh
shown="seen err"
root=$tmp/root
clean()
{
	for d in dev proc sys etc var tmp run usr/local ''; do
		umount -l "$root/$d" 2>/dev/null
	done
	# What is left there is not to be removed with $tmp.
	! grep -q " $root" /proc/mounts || tmp=
}
saw() { grep -q "^$1\$" "$tmp/seen"; }

# The disk is read-only; what is written goes elsewhere.
mkdir "$root" "$tmp/etc" "$tmp/var"
mount -t ext4 -o ro,noload /dev/vda "$root" || exit 1
for d in etc var; do
	cp -a "$root/$d/." "$tmp/$d"
	mount --bind "$tmp/$d" "$root/$d"
done
for d in tmp run usr/local; do mount -t tmpfs none "$root/$d"; done
mount --bind /dev "$root/dev"
mount -t proc none "$root/proc"
mount -t sysfs none "$root/sys"

# What `make install` installs, and the libraries that Debian's packages would bring
mkdir -p "$root/usr/local/bin" "$root/usr/local/lib/systemd/system" "$root/etc/svmm" "$root/var/guest"
cp out/vmctl "$root/usr/local/bin/"
cp "scripts/svmm@.service" "$root/usr/local/lib/systemd/system/"
for library in /lib/x86_64-linux-gnu/*.so* /usr/lib/x86_64-linux-gnu/*.so*; do
	[ -e "$root/usr/lib/x86_64-linux-gnu/${library##*/}" ] || cp "$library" "$root/usr/local/lib/"
done 2>/dev/null
chroot "$root" ldconfig

# Its guest knows its power button.
mkdir "$tmp/more"
cp out/guest/button.ko "$tmp/more/"
cat >"$tmp/more/work.sh" <<'END'
insmod /button.ko
echo to work
until read -r count rest </sys/firmware/acpi/interrupts/ff_pwr_btn && [ "$count" -gt 0 ]; do
	sleep 0.2
done
END
(cd "$tmp/more" && printf 'button.ko\nwork.sh\n' | cpio -o -H newc) >"$tmp/more.img" 2>"$tmp/err"
cat out/guest/initrd.img "$tmp/more.img" >"$root/var/guest/initrd.img"
cp out/guest/vmlinuz "$root/var/guest/"

cat >"$root/var/check" <<'END'
#!/bin/sh
cd /var/guest || exit
vmctl run --kernel /var/guest/vmlinuz --initrd /var/guest/initrd.img --mem 128M \
	--append 'console=ttyS0 svmm.quiet svmm.run="sh /work.sh"' --print-config >/etc/svmm/one.json
echo '{"mem": 128M}' >/etc/svmm/bad.json
state() { systemctl show --property ActiveState,Result,ExecMainStatus --value "$1" | tr '\n' ' '; }
boots()		# until the guest says so, to a viewer that is there in time or asks again
{
	for _ in $(seq 60); do
		timeout 5 vmctl console one </dev/null 2>/dev/null | grep -q 'to work' && return
	done
	return 1
}

systemctl start svmm@one
echo "start $?"
vmctl list | sed 's/^/listed /'
boots
echo "boots $?"
group=/sys/fs/cgroup$(systemctl show --property ControlGroup --value svmm@one)
echo "group ${group##*/} $(grep -cx "$(systemctl show --property MainPID --value svmm@one)" "$group/cgroup.procs")"
systemctl set-property --runtime svmm@one CPUWeight=50
echo "weight $(cat "$group/cpu.weight")"
systemctl stop svmm@one
echo "stop $? $(state svmm@one)"
[ -z "$(ls -A /run/svmm)" ]
echo "nothing left $?"

systemctl start svmm@one
systemctl kill --kill-who=main --signal=KILL svmm@one
while [ "$(systemctl is-active svmm@one)" = active ]; do sleep 0.5; done
echo "killed $(state svmm@one)"
systemctl start svmm@one
echo "again $? $(systemctl is-active svmm@one)"
boots
systemctl stop svmm@one
echo "at last $(state svmm@one)"

systemctl start svmm@bad
echo "bad $? $(systemctl is-active svmm@bad)"
journalctl --no-pager --output cat --unit svmm@bad | sed 's/^/bad says /'
systemctl start svmm@none
echo "none $(systemctl is-active svmm@none)"
END
cat >"$root/etc/systemd/system/check.service" <<'END'
[Service]
Type=oneshot
ExecStart=/bin/sh /var/check
ExecStopPost=systemctl exit 7
StandardOutput=file:/var/seen
StandardError=file:/var/seen
Environment=PATH=/usr/local/bin:/usr/bin:/bin
END

echo "1..9"
timeout 800 chroot "$root" /usr/bin/env container=svmm unshare --pid --fork --cgroup --mount \
	--mount-proc /lib/systemd/systemd --system --unit=check.service --show-status=no \
	>"$tmp/out" 2>"$tmp/err"
[ $? -eq 7 ]
result $? "Debian's systemd comes up and ends"
cp "$root/var/seen" "$tmp/seen"
saw 'start 0' && grep -q '^listed .*one.*running' "$tmp/seen"
result $? "it starts a VM, which runs by then"
saw 'boots 0'
result $? "whose guest boots, to be seen by vmctl console"
saw 'group svmm@one.service 1' && saw 'weight 50'
result $? "it has a cgroup of its own, to which systemd's properties apply"
saw 'stop 0 success 0 inactive ' && saw 'nothing left 0'
result $? "systemctl stop presses its power button, and it ends by itself"
saw 'killed signal 9 failed '
result $? "one that is killed has failed"
saw 'again 0 active' && saw 'at last success 0 inactive '
result $? "and can be started again, with nothing left in its way"
saw 'bad 1 failed' && grep -q '^bad says .*line 1, column ' "$tmp/seen"
result $? "one whose file is wrong does not start, and the journal has why"
saw 'none inactive'
result $? "one without a file is not started"
exit $failed
