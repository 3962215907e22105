#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 3600
#
# Eight guests at once, each with a disk and a network card, for ten minutes: what they write they
# read again, what they fetch from the host and send there has its sum. Afterwards the host has its
# memory back.

. selftests/lib/tap.sh
GUESTS=${GUESTS:-8}
MINUTES=${MINUTES:-10}
shown=last
clean() { kill -KILL $(jobs -p) 2>/dev/null; }

# What the kernel has for itself, in KiB
kernel_memory()
{
	echo 3 >/proc/sys/vm/drop_caches
	awk '/^(SUnreclaim|KernelStack|PageTables|Percpu|VmallocUsed):/ { n += $2 } END { print n }' \
		/proc/meminfo
}
# What is in use by whomever
used_memory() { awk '/^MemTotal:/ { t = $2 } /^MemAvailable:/ { print t - $2 }' /proc/meminfo; }

# of GUEST WORD: what it said behind that word at the beginning of a line, each time
of() { tr -d '\r' <"$tmp/$1.out" 2>/dev/null | sed -n "s/^$2 //p"; }

echo "1..$((GUESTS * 2 + 2))"
mkdir -p "$tmp/www/cgi-bin"
printf '#!/bin/sh\necho "Content-type: text/plain"\necho\nmd5sum\n' >"$tmp/www/cgi-bin/sum"
chmod +x "$tmp/www/cgi-bin/sum"
for g in $(seq "$GUESTS"); do head -c $((1000000 + g)) /dev/urandom >"$tmp/www/$g"; done
httpd -f -p 127.0.0.1:8000 -h "$tmp/www" &

for g in $(seq "$GUESTS"); do
	truncate -s 48M "$tmp/$g.disk"
	cat >"$tmp/$g.text" <<-END
		net dhcp
		mkdir /x
		mkfs.ext4 -q /dev/vdb && mount -t ext4 /dev/vdb /x || echo bad mkfs
		sum=\$(wget -q -O - http://10.0.2.2:8000/$g | md5sum)
		echo first \$sum
		rounds=0
		read -r up _ </proc/uptime
		end=\$((\${up%.*} + $MINUTES * 60))
		while [ \${up%.*} -lt \$end ]; do
			head -c 3000000 /dev/urandom | base64 >/x/data	# text, as wget takes it
			data=\$(md5sum </x/data)
			sync
			echo 3 >/proc/sys/vm/drop_caches
			[ "\$(md5sum </x/data)" = "\$data" ] || echo bad disk
			[ "\$(wget -q -O - http://10.0.2.2:8000/$g | md5sum)" = "\$sum" ] || echo bad fetch
			[ "\$(wget -q -O - --post-file=/x/data http://10.0.2.2:8000/cgi-bin/sum)" = \
				"\$data" ] || echo bad send
			mv /x/data /x/data.\$((rounds % 4))
			rounds=\$((rounds + 1))
			read -r up _ </proc/uptime
		done
		echo rounds \$rounds
		umount /x
		fsck.ext4 -fn /dev/vdb >/tmp/fsck 2>&1 || echo bad fsck
		dmesg -r | sed -n 's/^<[0-3]>/bad kernel /p'
	END
	{ cat "$tmp/$g.text"; yes ''; } 2>/dev/null | head -c 16384 >"$tmp/$g.script"
done

# A first guest has the module and the host make what they keep.
vmctl run --kernel out/guest/vmlinuz --initrd out/guest/devices.img --mem 128M --net user \
	--append "console=ttyS0 quiet svmm.quiet svmm.run=true" </dev/null >"$tmp/last" 2>&1
result $? "a guest"
for g in $(seq "$GUESTS"); do : >"$tmp/$g.out"; done
kernel=$(kernel_memory)
used=$(used_memory)

pids=
for g in $(seq "$GUESTS"); do
	vmctl run --name "guest$g" --kernel out/guest/vmlinuz --initrd out/guest/devices.img \
		--mem 160M --cpus 2 --disk "$tmp/$g.script,readonly=on" --disk "$tmp/$g.disk" \
		--net user,loopback=on \
		--append "console=ttyS0 quiet svmm.quiet svmm.run=\"sh /dev/vda\"" \
		</dev/null >"$tmp/$g.out" 2>&1 &
	pids="$pids $!"
done
g=0
for pid in $pids; do
	g=$((g + 1))
	wait "$pid"
	status=$?
	cp "$tmp/$g.out" "$tmp/last"
	[ $status -eq 0 ] && [ "$(of $g svmm.run:)" = "status 0" ]
	result $? "guest $g powers off"
	rounds=$(of $g rounds)
	[ -z "$(of $g bad)" ] && [ "${rounds:-0}" -ge 1 ] &&
		[ "$(of $g first)" = "$(md5sum <"$tmp/www/$g" | tr -s " ")" ]
	result $? "guest $g: all sums are right, ${rounds:-0} times"
	rm -f "$tmp/$g.disk"
done

rm -f "$tmp/last"
kernel=$(($(kernel_memory) - kernel))
used=$(($(used_memory) - used))
echo "# more memory in use than before: $used KiB, of it the kernel's: $kernel KiB"
[ "$used" -lt 16384 ] && [ "$kernel" -lt 4096 ]
result $? "the host has its memory back"
exit $failed
