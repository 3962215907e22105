#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 5400
# programs: /sbin/e2fsck /sbin/debugfs
#
# vmctl is killed while Debian 12 writes to its root, a raw disk, with four writers at once: all that
# fsync() had returned for, as the console says, is there. Each time the next boot looks, and its
# journal has had to be replayed; the last time the host looks.

. selftests/lib/tap.sh
. selftests/lib/debian.sh
ROUNDS=${ROUNDS:-3}
clean() { kill -KILL $(jobs -p) 2>/dev/null; }

# A file is its own name, again and again: whoever knows the name knows what has to be in it.
echo "1..$((ROUNDS * 2 + 2))"
: >"$tmp/flushed"
for round in $(seq "$ROUNDS"); do
	script "$tmp/script" <<-END
		mkdir -p /var/tmp/r$round
		cd /var/tmp
		good=0
		bad=
		for name in \$(cat /dev/vdc | tr -d '\0'); do
			yes \$name | head -c 16384 | cmp -s - \$name && good=\$((good + 1)) || bad=\$name
		done
		echo found \$good \$bad
		fio --name=noise --filename=/var/tmp/noise --size=32m --rw=randwrite --bs=16k \\
			--time_based --runtime=600 >/dev/null 2>&1 &
		for w in 1 2 3 4; do
			for i in \$(seq 10000); do
				yes r$round/\$w.\$i | head -c 16384 >r$round/\$w.\$i
				sync r$round/\$w.\$i r$round && echo flushed r$round/\$w.\$i
			done &
		done
		wait
	END
	cat "$tmp/flushed" /dev/zero | head -c 262144 >"$tmp/names"
	known=$(wc -l <"$tmp/flushed")
	boot --disk /dev/vdb --disk "$tmp/script,readonly=on" --disk "$tmp/names,readonly=on"
	log_in 1500 && echo "sh /dev/vdb" >&3 && wait_said 600 '^found ' &&
		[ "$(value found)" = "$known" ]
	result $? "round $round: Debian 12 boots, and finds $known files that it had flushed"
	wait_said 600 '^flushed .*\.10$'
	usleep $((round * 700000))
	kill -KILL "$guest"
	wait "$guest" 2>/dev/null
	sed -n 's/^flushed \(.*\)\r$/\1/p' "$tmp/raw" >"$tmp/new"	# whole lines
	cat "$tmp/new" >>"$tmp/flushed"
	[ "$(wc -l <"$tmp/new")" -ge 10 ]
	result $? "round $round: vmctl was killed when $(wc -l <"$tmp/new") more were flushed"
done

e2fsck -fp /dev/vdb >"$tmp/err" 2>&1
[ $? -le 1 ]
result $? "the journal mends the file system"
good=0
while read -r name; do
	yes "$name" | head -c 16384 >"$tmp/want"
	debugfs -R "cat /var/tmp/$name" /dev/vdb 2>/dev/null | cmp -s - "$tmp/want" &&
		good=$((good + 1)) || echo "# $name is not there, or not as it was"
done <"$tmp/flushed"
[ "$good" -ge $((ROUNDS * 10)) ] && [ "$good" -eq "$(wc -l <"$tmp/flushed")" ]
result $? "all $good files that were flushed are there"
exit $failed
