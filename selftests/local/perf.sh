#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# timeout: 400
# only: check-long
#
# Debian's perf records a guest's boot in the emulated host: its exits by reason are exactly those
# that the module has counted, perf script prints them, and scripts/perf/svmm-exits.py sums them up.

. selftests/lib/tap.sh
shown="err diff text report"

# The guest is stopped with its process before anybody counts: nothing comes after that.
cat >"$tmp/host" <<'END'
exec 3>&1 >/tmp/log 2>&1
perf record -e "svmm:*" -a -m 8M -o /tmp/perf.data & perf=$!
for i in $(seq 100); do [ -s /tmp/perf.data ] && break; sleep 0.2; done
sleep 2
vmctl run --name boot --mem 128M --kernel out/guest/vmlinuz --initrd out/guest/initrd.img \
	--append "console=ttyS0 svmm.quiet svmm.run=\"echo it is up; while :; do sleep 1; done\"" \
	>/tmp/guest </dev/null & guest=$!
for i in $(seq 300); do grep -q "^it is up" /tmp/guest && break; sleep 0.2; done
kill -STOP $guest
sleep 1
vmctl overhead --json boot >/tmp/counts
kill -INT $perf
wait $perf
kill -9 $guest
perf script -i /tmp/perf.data -F comm,tid,time,event,trace | head -n 2000 >/tmp/text
tar -C /tmp -c perf.data counts text log >&3
END

echo "1..5"
scripts/amdhost --with perf --mem 2G --timeout 350 -- sh -c "$(cat "$tmp/host")" >"$tmp/all" 2>"$tmp/err" </dev/null &&
	tar -C "$tmp" -xf "$tmp/all"
[ -s "$tmp/perf.data" ] && grep -q 'Captured and wrote' "$tmp/log" && ! grep -qi lost "$tmp/log"
result $? "a boot is recorded, and no event is lost"
grep -qE 'svmm:svmm_exit: +vm [0-9]+ vcpu 0 reason CPUID rip 0x' "$tmp/text"
result $? "perf script prints events as the module means them"

perf script -i "$tmp/perf.data" -s scripts/perf/svmm-exits.py >"$tmp/report" 2>"$tmp/err"
# REASON COUNT, by name
sed -n '/^REASON/,/^$/s/^\([A-Z][A-Z_0-9]*\)  *\([0-9][0-9]*\) .*/\1 \2/p' "$tmp/report" | sort >"$tmp/by-perf"
tr -d ' \n' <"$tmp/counts" | grep -oE '"reason":"[A-Z_0-9]+","exit_code":[0-9]+,"count":[0-9]+' |
	sed 's/"reason":"\(.*\)","exit_code.*"count":\(.*\)/\1 \2/' | sort >"$tmp/by-module"
[ "$(awk '{ n += $2 } END { print n + 0 }' "$tmp/by-module")" -gt 5000 ] &&
	diff "$tmp/by-perf" "$tmp/by-module" >"$tmp/diff"
result $? "exits by reason are those that the module has counted"
rm -f "$tmp/diff"
sed 's/^/# /' "$tmp/by-perf" | head -n 5
grep -qE '^GUEST RIP ' "$tmp/report" && grep -qE '^0x3fd +[0-9]+ +[0-9.]+%( +[0-9.]+[mun]?s){5}$' "$tmp/report"
result $? "with the I/O ports, and latencies"
grep -qE '^GUEST-PHYSICAL ' "$tmp/report" && grep -qE '^0xc0000[0-9a-f]+ |^0x[48][0-9a-f]+ ' "$tmp/report"
result $? "MSRs and guest-physical addresses"
exit $failed
